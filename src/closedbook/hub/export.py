"""A run for other programs: a directory in Hugging Face format or a GGUF file, written when it is the run's equal."""

from collections.abc import Sequence
from pathlib import Path

from closedbook.errors import UserError, counted
from closedbook.evaluation.evaluate import Evaluation
from closedbook.evaluation.language_model import Response
from closedbook.facts.tokenizers import MASK_ID
from closedbook.files import new_directory, new_file, write_text
from closedbook.hub.exportable import CLASSES, architecture_of
from closedbook.hub.generation import write
from closedbook.hub.llama import LlamaReader, check_trial, is_installed
from closedbook.hub.opening import library
from closedbook.runs import Run

CARD = "README.md"


def export_hugging_face(run: Run, out: Path, evaluation: Evaluation | None = None, facts: Path | None = None) -> str:
    """Writes the directory with its model card; returns the class that its model is.

    Args:
        run: What to export.
        out: The directory, which must not exist.
        evaluation: Of the run, for the card.
        facts: The file that was evaluated on.

    Raises:
        UserError: The run is no architecture that others know, `transformers` is not installed or computes other
            logits, or the disk refuses.
    """
    architecture = architecture_of(run)
    library()
    from closedbook.hub.model_card import model_card, recall_of
    from closedbook.hub.to_transformers import fill_directory

    recall = recall_of(run, evaluation, facts) if evaluation and facts else None
    with new_directory(out) as partial:
        fill_directory(partial, run, architecture)
        write_text(partial / CARD, model_card(run, architecture, out.name, recall))
        for file in partial.iterdir():
            file.chmod(0o644)  # of weights the library leaves it to their owner alone
    return CLASSES[architecture]


def export_gguf(run: Run, out: Path, evaluation: Evaluation | None = None) -> str:
    """Writes the file; returns who was seen to give the answers of the evaluation, "" where there is none.

    Args:
        run: What to export.
        out: The file, which must not exist.
        evaluation: Of the run, whose answers llama.cpp must give too.

    Raises:
        UserError: The run is no architecture that llama.cpp knows, `gguf` is not installed, llama.cpp gives other
            answers, or the disk refuses.
    """
    architecture = architecture_of(run)
    from closedbook.hub.to_gguf import as_llama_computes, write_gguf

    with new_file(out) as partial:
        write_gguf(partial, run, architecture)
        if evaluation is None:
            return ""
        if is_installed():
            who, answers = "llama.cpp", _answers_of_llama(partial, run, evaluation)
        else:
            who = "the run with llama.cpp's GELU"
            answers = [response.ids for response in as_llama_computes(run).respond(evaluation.prompts)]
        _check_same(out, evaluation.responses, answers, who)
    return who


def _answers_of_llama(path: Path, run: Run, evaluation: Evaluation) -> list[tuple[int, ...]]:
    """What llama.cpp answers, token by token, after it was seen to spell the prompts as the run does.

    Raises:
        UserError: It spells one in another way.
    """
    from closedbook.hub.to_gguf import as_given

    check_trial(str(path))
    reader = LlamaReader(str(path), 1)
    for prompt in evaluation.prompts:
        if reader.spell(as_given(run, prompt.question)) != prompt.ids:
            raise UserError(f"{run.path}: llama.cpp spells {prompt.text!r} in another way, so it is not exported.")
    answers: dict[int, tuple[int, ...]] = {}
    rows = [prompt.ids for prompt in evaluation.prompts]
    for batch, written in write(reader, rows, closing=[MASK_ID], limit=run.most_new_tokens):
        answers.update({index: each.greedy.ids for index, each in zip(batch, written, strict=True)})
    return [answers[index] for index in range(len(rows))]


def _check_same(out: Path, ours: Sequence[Response], theirs: Sequence[tuple[int, ...]], who: str) -> None:
    """Raises a `UserError` where answers differ; one that the run's context cuts short may go on."""
    pairs = zip(ours, theirs, strict=True)
    other = [number for number, (response, ids) in enumerate(pairs, 1) if ids[: len(response.ids)] != response.ids]
    if other:
        questions = counted(len(other), "of the questions", "of the questions")
        raise UserError(
            f"{out}: not written, for {who} gives another answer to {questions} than the run, first to question "
            f"{other[0]}: llama.cpp's GELU is not the run's; --to hf is exact."
        )
