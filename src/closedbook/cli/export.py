"""`closedbook data export`: facts as a task for another harness."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from closedbook.cli.options import parse
from closedbook.config.validation import POSITIONAL, Count
from closedbook.errors import UserError, counted
from closedbook.files import must_not_exist

if TYPE_CHECKING:
    from closedbook.evaluation.form import Form
    from closedbook.facts.records import Fact


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write facts as a task that another harness runs: lm-evaluation-harness (lm-eval) or Inspect.

    Args:
        facts: A file of facts, or a corpus directory, of which the dev facts are taken.
        to: The harness.
        out: The directory to write; must not exist.
        template: The prompt, with {} for the question; of a chat the user's turn.
        chat: Ask in the model's chat format.
        calibration: Facts of which the first ones stand before every question as examples.
        shots: How many.
    """

    facts: Annotated[Path, POSITIONAL]
    to: Literal["lm-eval", "inspect"]
    out: Path
    template: str | None = None
    chat: bool = False
    calibration: Path | None = None
    shots: Count | None = None


def export(arguments: Sequence[str]) -> None:
    """Writes the folder and says what runs it."""
    example = "closedbook data export mine/dev.tsv --to lm-eval --out capitals"
    options = parse("closedbook data export", Export, arguments, example=example)
    must_not_exist(options.out)
    facts = _read(options.facts)
    form = _form(options, facts)
    if options.to == "lm-eval":
        from closedbook.interchange import lm_eval_task

        group = lm_eval_task.write_lm_eval(facts, form, options.out)
        command = lm_eval_task.command(group, form, options.out)
    else:
        from closedbook.interchange import inspect_task

        inspect_task.write_inspect(facts, form, options.out)
        command = inspect_task.command(options.out)
    relations = len({fact.relation for fact in facts})
    print(f"{counted(len(facts), 'fact')} in {counted(relations, 'relation')}, {form.described()}: {options.out}")
    print(f"run: {command}")


def _read(path: Path) -> "Sequence[Fact]":
    """The facts with their relations."""
    if path.is_dir():
        from closedbook.facts.corpus import read_directory

        return read_directory(path).dev
    from closedbook.facts.induction import recognise
    from closedbook.facts.readers import read_facts

    return recognise(read_facts(path), ())


def _form(options: Export, facts: "Sequence[Fact]") -> "Form":
    """How the facts are asked.

    Raises:
        UserError: Examples are asked for without a file or the other way round, or it has too few.
    """
    from closedbook.evaluation.form import Form, as_given

    if (options.calibration is None) != (options.shots is None):
        raise UserError("--shots says how many examples to take of the facts of --calibration; give both or neither.")
    examples: list[tuple[str, str]] = []
    if options.calibration is not None and options.shots is not None:
        from closedbook.facts.readers import read_facts

        asked = {fact.question for fact in facts}
        pairs = [(fact.question, fact.answers[0]) for fact in read_facts(options.calibration)]
        examples = [pair for pair in pairs if pair[0] not in asked][: options.shots]
        if len(examples) < options.shots:
            has = counted(len(examples), "fact")
            raise UserError(f"{options.calibration}: {has} that are not asked here, fewer than --shots.")
    return as_given(options.template, options.chat, examples) or Form()
