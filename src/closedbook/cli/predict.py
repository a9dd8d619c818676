"""`closedbook predict`: one answer a line."""

import contextlib
import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from closedbook.cli.options import parse
from closedbook.cli.shared import WithModel
from closedbook.errors import UserError, counted
from closedbook.experiments.options import Spread
from closedbook.files import must_not_exist

if TYPE_CHECKING:
    from closedbook.audit.abstention import Abstention

LEAST, MOST = 256, 4096  # questions that a process gets at a time


@dataclass(frozen=True, kw_only=True)
class Options(WithModel, Spread):
    """Answer a file of questions, one answer a line; gold answers are not needed.

    Args:
        facts: Questions, in any format that facts can have; answers are ignored.
        out: The file to write; must not exist.
        abstain: "I don't know" below the threshold that an audit saved.
    """

    facts: Path
    out: Path
    abstain: bool = False

    @property
    def place(self) -> str:
        """What an error calls a question, before its number."""
        return f"{self.facts}, question"


@dataclass(frozen=True)
class Answer:
    """What is written for a question.

    Args:
        text: The answer.
        covered: Whether the threshold is for such questions.
        given: Whether it is an answer, and not "I don't know".
    """

    text: str
    covered: bool
    given: bool


def run(arguments: Sequence[str]) -> None:
    """Writes the answers to a new file."""
    options = parse(
        "closedbook predict", Options, arguments, example="closedbook predict runs/mine --facts q.tsv --out a.txt"
    )
    must_not_exist(options.out)
    from closedbook.facts.readers import read_facts

    questions = [fact.question for fact in read_facts(options.facts, answers_required=False)]
    from closedbook.audit.replies import DONT_KNOW
    from closedbook.report.console import say
    from closedbook.run_directory import write_predictions

    threshold = options.threshold() if options.abstain else None
    if options.abstain and threshold is None:
        from closedbook.hub import threshold_file, why_no_threshold

        kept = threshold_file(options.model) is not None
        why = "closedbook audit --calibration saves one" if kept else why_no_threshold(options.model)
        raise UserError(f"--abstain: {options.model} has no threshold; {why}.")
    spread = options.workers is not None or options.address is not None
    answers = [*elsewhere(options, threshold, questions)] if spread else answerer(options, threshold)(questions)
    write_predictions(options.out, [answer.text for answer in answers])
    if threshold is not None and (others := sum(not answer.covered for answer in answers)):
        unlike = counted(others, "question is", "questions are")
        say(f"Careful: {unlike} not like {' or '.join(threshold.forms)}, which the threshold is for.")
    abstained = sum(not answer.given for answer in answers)
    given = f", {abstained:,} {DONT_KNOW!r}" if options.abstain else ""
    say(f"{counted(len(answers), 'answer')} in {options.out}{given}")


def answerer(options: Options, threshold: "Abstention | None") -> Callable[[Sequence[str]], list[Answer]]:
    """Loads the model; what it returns answers questions."""
    from closedbook.audit.replies import reply_to

    model = options.open(threshold)

    def answer(questions: Sequence[str]) -> list[Answer]:
        replies = reply_to(model, questions, threshold, place=options.place)
        texts = [reply.text if options.abstain else reply.response.text for reply in replies]
        return [Answer(text, reply.covered, reply.why_not is None) for text, reply in zip(texts, replies, strict=True)]

    return answer


def elsewhere(options: Options, threshold: "Abstention | None", questions: Sequence[str]) -> Iterator[Answer]:
    """The answers of other processes, in the order of the questions.

    Raises:
        UserError: Ray or the model is missing, or a question cannot be asked.
    """
    from closedbook.cluster.pool import opened
    from closedbook.experiments.elsewhere import elsewhere_for, require_same_versions
    from closedbook.hub import runs_of
    from closedbook.report.console import Counter
    from closedbook.run_directory import check_run

    for run in runs_of(options.model):
        check_run(Path(run))  # what is no run is refused before processes are started
    place = elsewhere_for(options, options.open_device())
    assert place is not None, "the caller has looked"
    batch = min(max(-(-len(questions) // (4 * (options.workers or 1))), LEAST), MOST)
    items = [json.dumps([number, question]) for number, question in enumerate(questions)]
    make = partial(told_answerer, dataclasses.replace(options, threads=place.threads), threshold)
    counter = Counter()
    with opened(place.request) as pool, contextlib.closing(pool.answers(make, items, batch)) as answers:
        if options.address is not None:
            require_same_versions(pool)
        for number, told in enumerate(answers):
            if not number:  # from here on its pace is that of answering
                counter.start("answering", len(items))
            value = json.loads(told)
            if isinstance(value, str):
                raise UserError(value)
            counter.advance(1)
            yield Answer(*value)
    counter.stop()


def told_answerer(options: Options, threshold: "Abstention | None") -> Callable[[Sequence[str]], list[str]]:
    """Runs elsewhere: `answerer` of numbered questions, all as JSON, or a sentence for each where one is refused."""
    refused = ""
    try:
        answer = answerer(options, threshold)
    except UserError as error:
        refused = json.dumps(str(error))

    def told(items: Sequence[str]) -> list[str]:
        if refused:
            return [refused] * len(items)
        numbered = [json.loads(item) for item in items]
        try:
            answers = answer([question for _, question in numbered])
        except UserError as error:  # which counts from the first of these
            sentence = re.sub(
                rf"({re.escape(options.place)} )(\d+)",
                lambda found: f"{found[1]}{numbered[int(found[2]) - 1][0] + 1}",
                str(error),
            )
            return [json.dumps(sentence)] * len(items)
        return [json.dumps(dataclasses.astuple(one)) for one in answers]

    return told
