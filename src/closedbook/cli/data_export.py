"""`closedbook data export`: facts as a task for another harness."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from closedbook.config.validation import POSITIONAL, New, Shots
from closedbook.errors import UserError, counted
from closedbook.visible import in_a_line

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
        calibration: Facts of which examples are taken, to stand before every question.
        shots: How many examples.
    """

    facts: Annotated[Path, POSITIONAL]
    to: Literal["lm-eval", "inspect"]
    out: New
    template: str | None = None
    chat: bool = False
    calibration: Path | None = None
    shots: Shots | None = None


def export(options: Export) -> None:
    """Writes the folder and says what runs it."""
    if (options.calibration is None) != (options.shots is None):
        raise UserError("--shots says how many examples to take of the facts of --calibration; give both or neither.")
    facts, spare = _read(options)
    form = _form(options, spare)
    if options.to == "lm-eval":
        from closedbook.interchange import lm_eval_task

        group = lm_eval_task.write_lm_eval(facts, form, options.out, spare)
        command = lm_eval_task.command(group, form, options.out)
    else:
        from closedbook.interchange import inspect_task

        inspect_task.write_inspect(facts, form, options.out, spare)
        command = inspect_task.command(options.out)
    relations = len({fact.relation for fact in facts})
    where = in_a_line(f"{form.described()}: {options.out}")
    print(f"{counted(len(facts), 'fact')} in {counted(relations, 'relation')}, {where}")
    print(f"run: {in_a_line(command)}")


def _read(options: Export) -> "tuple[Sequence[Fact], Sequence[Fact]]":
    """The facts to ask and the calibration facts that are not among them, with their relations."""
    from closedbook.facts.readers import read_facts

    spare = read_facts(options.calibration) if options.calibration else []
    if options.facts.is_dir():
        from closedbook.facts.built_in import read_corpus

        corpus = read_corpus(options.facts)
        asked, known = corpus.dev, corpus.recognise(spare) if spare else ()
    else:
        from closedbook.facts.induction import recognise

        read = read_facts(options.facts)
        recognised = recognise([*read, *spare], ())
        asked, known = recognised[: len(read)], recognised[len(read) :]
    from closedbook.evaluation.trial import apart

    return asked, apart(known, asked)


def _form(options: Export, spare: "Sequence[Fact]") -> "Form":
    """How the facts are asked, with the examples that `closedbook evaluate` takes of the same calibration facts.

    Raises:
        UserError: There are too few.
    """
    from closedbook.evaluation.form import Form, as_given
    from closedbook.evaluation.trial import spend

    shots = options.shots or 0
    examples = spend(spare, 0, examples=shots, tried=0, share=1.0).examples if shots else ()
    if len(examples) < shots:
        has = counted(len(spare), "fact")
        raise UserError(f"{options.calibration}: {has} that are not asked here, too few for --shots {shots}.")
    pairs = [(fact.question, fact.answers[0]) for fact in examples]
    return as_given(options.template, options.chat, pairs) or Form()
