"""`closedbook evaluate`: how many answers to a file of facts are right."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from closedbook.cli.options import parse
from closedbook.cli.shared import WithModel, must_not_exist, read_corpus_for, say_accuracies

if TYPE_CHECKING:
    from closedbook.evaluation.language_model import LanguageModel
    from closedbook.facts.corpus import Corpus
    from closedbook.facts.records import Fact
    from closedbook.runs import Run


@dataclass(frozen=True, kw_only=True)
class Options(WithModel):
    """How many answers to a file of facts are right, overall and by relation, with 95 % intervals.

    Args:
        facts: Questions with accepted answers.
        corpus: The corpus whose relations the answers are counted by (default: what a run was trained on).
        match: What is right: to the letter, or after normalisation (default: exact for runs, else normalised).
        candidates: Facts whose answers are ranked by their log-probability, beside the free answers.
        out: A file for the figures and every answer (JSON); must not exist.
    """

    facts: Path
    corpus: str | None = None
    match: Literal["exact", "normalised"] | None = None
    candidates: Path | None = None
    out: Path | None = None


def run(arguments: Sequence[str]) -> None:
    """Prints right answers, accuracy and interval; writes them with --out."""
    options = parse(
        "closedbook evaluate", Options, arguments, example="closedbook evaluate runs/mine --facts mine/dev.tsv"
    )
    must_not_exist(options.out)
    from closedbook.evaluation.scorers import find_scorer, score_all
    from closedbook.facts.readers import read_facts

    asked = read_facts(options.facts)
    known = read_facts(options.candidates) if options.candidates else []
    corpus = read_corpus_for(options.model, options.corpus) if options.corpus else None
    model = options.open()
    facts = recognised(asked, model, corpus)
    from closedbook.evaluation.evaluate import evaluate
    from closedbook.evaluation.metrics import accuracy, by_relation
    from closedbook.files import write_json
    from closedbook.hub import is_foreign
    from closedbook.report.console import say
    from closedbook.runs import Run

    match = options.match or ("normalised" if is_foreign(options.model) else "exact")
    found = evaluate(model, facts, find_scorer(match), place=f"{options.facts}, question")
    say_accuracies(f"{model.kind}, {model.parameters:,} parameters", found.accuracy, found.by_relation)
    if options.candidates:
        candidates = sorted({fact.answers[0].strip() for fact in known})
        chosen = score_all(model.choose(found.prompts, candidates), facts, find_scorer(match))
        title = f"ranking {len(candidates):,} candidates of {options.candidates.name}"
        say_accuracies(title, accuracy(chosen), by_relation(facts, chosen))
    if isinstance(model, Run):
        for warning in leaks(model, options.facts):
            say(f"Careful: {warning}")
    if options.out is not None:
        write_json(options.out, found.to_json())
        say(f"figures and answers: {options.out}")


def recognised(facts: "Sequence[Fact]", model: "LanguageModel", corpus: "Corpus | None") -> "Sequence[Fact]":
    """The facts with the relations of the corpus, of what the run was trained on, or else of their own forms."""
    from closedbook.facts.induction import recognise
    from closedbook.facts.relations import Relation
    from closedbook.runs import Run

    if corpus is not None:
        return corpus.recognise(facts)
    known = model.environment["corpus"]["relations"] if isinstance(model, Run) else []
    return recognise(facts, {}, [Relation(name=one["name"], forms=tuple(one["forms"])) for one in known])


def leaks(run: "Run", facts: Path) -> list[str]:
    """What could make a run's figures on a file better than they are."""
    from closedbook.facts.corpus import sha256

    corpus = run.environment["corpus"]
    part = {file["sha256"]: file["part"] for file in corpus["files"].values()}.get(sha256(facts))
    if part == "train":
        return [f"{facts} holds the questions that this run was trained on."]
    if part == "dev" and (both := len(corpus["dev_questions_in_train"])):
        return [f"{both} of these questions also occur in the run's training questions."]
    return []
