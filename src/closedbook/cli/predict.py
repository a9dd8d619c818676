"""`closedbook predict`: one answer a line."""

from dataclasses import dataclass
from pathlib import Path

from closedbook.cli.shared import WithProcesses
from closedbook.config.validation import New
from closedbook.errors import UserError, counted

EXAMPLE = "closedbook predict runs/mine --facts q.tsv --out a.txt"


@dataclass(frozen=True, kw_only=True)
class Options(WithProcesses):
    """Answer a file of questions, one answer a line; gold answers are not needed.

    Args:
        facts: Questions, in any format that facts can have; answers are ignored.
        out: The file to write; must not exist.
        abstain: "I don't know" below the threshold that an audit saved.
    """

    facts: Path
    out: New
    abstain: bool = False


def run(options: Options) -> None:
    """Writes the answers to a new file."""
    from closedbook.facts.readers import read_facts

    questions = [fact.question for fact in read_facts(options.facts, answers_required=False)]
    from closedbook.audit.replies import DONT_KNOW, reply_to
    from closedbook.report.console import Counter, say
    from closedbook.run_directory import write_predictions

    threshold = options.threshold() if options.abstain else None
    if options.abstain and threshold is None:
        from closedbook.hub import threshold_file, why_no_threshold

        kept = threshold_file(options.model) is not None
        why = "closedbook audit --calibration saves one" if kept else why_no_threshold(options.model)
        raise UserError(f"--abstain: {options.model} has no threshold; {why}.")
    with options.opened(threshold) as model:
        replies = reply_to(model, questions, threshold, place=f"{options.facts}, question", watch=Counter())
    write_predictions(options.out, [reply.text if options.abstain else reply.response.text for reply in replies])
    if threshold is not None and (others := sum(reply.covered is False for reply in replies)):
        unlike = counted(others, "question is", "questions are")
        say(f"Careful: {unlike} not like {' or '.join(threshold.forms)}, which the threshold is for.")
    abstained = sum(reply.why_not is not None for reply in replies)
    given = f", {abstained:,} {DONT_KNOW!r}" if options.abstain else ""
    say(f"{counted(len(replies), 'answer')} in {options.out}{given}")
