"""`closedbook export`: a run as a model that other programs load."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from closedbook.config.validation import POSITIONAL, Count, New
from closedbook.errors import counted

if TYPE_CHECKING:
    from closedbook.evaluation.evaluate import Evaluation
    from closedbook.runs import Run

EXAMPLE = "closedbook export runs/mine --to hf mine-hf"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write a run as a model that other programs load: a directory in Hugging Face format, or a GGUF file (llama.cpp).

    Args:
        run: A run directory.
        to: The format.
        out: The directory or the file to write; must not exist.
        facts: Questions with accepted answers: what the run recalls of them stands in the model card, and a GGUF file
            is written only if llama.cpp gives the same answers.
        threads: CPU threads (default: what torch takes).
    """

    run: Annotated[Path, POSITIONAL]
    to: Literal["hf", "gguf"]
    out: Annotated[New, POSITIONAL]
    facts: Path | None = None
    threads: Count | None = None


def run(options: Options) -> None:
    """Writes the model and says how to ask it."""
    import torch

    from closedbook.hub.export import export_gguf, export_hugging_face
    from closedbook.hub.exportable import architecture_of
    from closedbook.hub.model_card import has_threshold
    from closedbook.report.console import say
    from closedbook.runs import load

    if options.threads is not None:
        torch.set_num_threads(options.threads)
    exported = load(options.run)
    architecture_of(exported)  # what is refused is refused before anything is asked
    evaluation = _evaluation(exported, options.facts)
    if has_threshold(options.run):
        say('Careful: the run says "I don\'t know" below a threshold, which stays with it; the export answers all.')
    if options.to == "hf":
        name = export_hugging_face(exported, options.out, evaluation, options.facts)
        say(f"{name} in {options.out}, its logits are the run's")
        if evaluation is None:
            say("The model card names no figure: --facts FILE measures recall for it.")
        say(f"ask it: closedbook ask {shlex.quote(f'hf:{options.out}')}")
        return
    who = export_gguf(exported, options.out, evaluation)
    if evaluation is not None:
        say(f"{who} gives the run's answers to {counted(len(evaluation), 'question')}: {options.out}")
    else:
        say(f"{options.out}, its answers not compared")
        say(
            "Careful: llama.cpp computes GELU in half precision; --facts FILE compares answers before the file is kept."
        )
    say(f"ask it: closedbook ask {shlex.quote(f'gguf:{options.out}')} --backend llama.cpp")


def _evaluation(run: "Run", facts: Path | None) -> "Evaluation | None":
    """What the run answers to the facts, with their relations; says how many are right."""
    if facts is None:
        return None
    from closedbook.cli.shared import described
    from closedbook.evaluation.evaluate import evaluate
    from closedbook.facts.readers import read_facts
    from closedbook.report.console import say_accuracies
    from closedbook.runs import recognised

    evaluation = evaluate(run, recognised(read_facts(facts), run, None), place=f"{facts}, question")
    say_accuracies(described(run), evaluation.accuracy, evaluation.by_relation)
    return evaluation
