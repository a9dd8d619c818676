"""The run: a directory that explains itself, and `load`, which needs nothing else.

`config.json` (the whole `RunConfig`), `model.safetensors`, `tokenizer.json`, `metrics.jsonl`, `environment.json`
(commit, versions, machine, corpus hashes, parameters) and `predictions/`. While a run trains it is called
`NAME.partial` and holds `checkpoints/`; it takes its name when it is complete.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import save

from closedbook.config import RunConfig, run_config, to_dict
from closedbook.errors import UserError
from closedbook.evaluation.alternatives import alternatives as likeliest_answers
from closedbook.evaluation.decoding import Written, generate, prompts, sampled
from closedbook.evaluation.form import Form
from closedbook.evaluation.language_model import Ability, Answers, Prompt, Response
from closedbook.evaluation.likelihood import fitting_log_probability, halfway, last_states
from closedbook.evaluation.ranking import best, candidate_ids
from closedbook.facts.corpus import sha256
from closedbook.facts.forms import up_to_subjects
from closedbook.facts.tokenizers import MASK, MASK_ID, Tokenizer
from closedbook.files import disk_errors, read_json, sync, write_json, write_text
from closedbook.model.gpt import GPT, count_parameters
from closedbook.training.checkpoints import load_weights, weights, write_tensors

PARTS = ("config.json", "model.safetensors", "tokenizer.json", "environment.json")


CONTEXT_WORDS = 4  # of a document, before what the model is to go on with


@dataclass(frozen=True)
class Run:
    """A trained model with everything that is known about it, and a `LanguageModel`.

    `question MASK` is the prompt; the next mask closes the answer.

    Args:
        path: The run directory, or where it would be.
        config: What it was trained with.
        model: On the device asked for.
        tokenizer: Its vocabulary.
        environment: Machine, versions, corpus hashes, parameter count; may be empty for a run that lives in memory.
    """

    path: Path
    config: RunConfig
    model: GPT
    tokenizer: Tokenizer
    environment: dict[str, Any]

    def ask(self, question: str) -> str:
        """The answer to one question; see `answer`."""
        return self.answer([question])[0]

    def answer(self, questions: Sequence[str], *, place: str = "question") -> list[str]:
        """Greedy closed-book answers, in order.

        Raises:
            UserError: A question cannot be spelled or is longer than the block; `place` and its number name it.
        """
        return [response.text for response in self.respond(self.prompts(questions, place=place))]

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def kind(self) -> str:
        return f"a run of closedbook, recipe {self.config.recipe}, {self.config.model.attention} attention"

    @property
    def parameters(self) -> int:
        return count_parameters(self.model)

    @property
    def form(self) -> None:
        return None

    @property
    def chats(self) -> bool:
        return False

    def asked_by(self, form: Form) -> NoReturn:
        raise UserError(
            "--template, --chat and --shots have no effect on a run of ours, it was trained with its prompt."
        )

    def lacks(self, ability: Ability) -> str | None:
        return None

    def fingerprint(self) -> str:
        file = self.path / "model.safetensors"
        return sha256(file) if file.is_file() else hashlib.sha256(save(weights(self.model))).hexdigest()

    def prompts(self, questions: Sequence[str], *, place: str = "question") -> list[Prompt]:
        encoded = prompts(self.tokenizer, questions, self.model.context, place)
        return [
            Prompt(question=question, ids=tuple(ids), text=question + MASK)
            for question, ids in zip(questions, encoded, strict=True)
        ]

    def check_answers(self, answers: Sequence[str], *, place: str = "answer") -> None:
        for number, text in enumerate(answers, 1):
            self.tokenizer.spell(text, f"{place} {number}")

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        return self._responses(generate(self.model, [prompt.ids for prompt in prompts]))

    def inquire(
        self, prompts: Sequence[Prompt], *, samples: int = 0, alternatives: bool = False, seed: int = 0
    ) -> list[Answers]:
        encoded = [prompt.ids for prompt in prompts]
        drawn = generate(
            self.model, [ids for ids in encoded for _ in range(samples)], choose=sampled(seed), batch_size=512
        )
        found = likeliest_answers(self.model, encoded) if alternatives else [()] * len(prompts)
        return [
            Answers(
                response=response,
                samples=tuple(self._responses(drawn[index * samples : (index + 1) * samples])),
                alternatives=tuple(self._responses(found[index])),
            )
            for index, response in enumerate(self.respond(prompts))
        ]

    def log_probability(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> list[float | None]:
        closed = [[*ids, MASK_ID] for ids in self.tokenizer.encode(answers)]
        return fitting_log_probability(self.model, [prompt.ids for prompt in prompts], closed)

    def choose(self, prompts: Sequence[Prompt], candidates: Sequence[str]) -> list[str]:
        choice_P, _ = best(self.model, [prompt.ids for prompt in prompts], candidate_ids(self.tokenizer, candidates))
        return [candidates[index] for index in choice_P.tolist()]

    def continue_documents(self, subjects: Sequence[str], before: Sequence[str]) -> list[str]:
        lines = self._lines(subjects, before, self.model.context // 2)
        return [response.text for response in self._responses(generate(self.model, lines))]

    def continuation_log_probability(
        self, subjects: Sequence[str], before: Sequence[str], answers: Sequence[str]
    ) -> list[float | None]:
        gold = self.tokenizer.encode(answers)
        lines = self._lines(subjects, before, self.model.context // 2)
        return fitting_log_probability(self.model, lines, gold)

    def represent(self, prompts: Sequence[Prompt], subjects: Sequence[str]) -> Float[np.ndarray, "prompts width"]:
        encoded = self.tokenizer.encode(up_to_subjects([prompt.question for prompt in prompts], subjects))
        return last_states(self.model, encoded, halfway(self.model))

    def represent_answers(
        self, prompts: Sequence[Prompt], responses: Sequence[Response]
    ) -> Float[np.ndarray, "prompts width"]:
        rows = [[*prompt.ids, *response.ids] for prompt, response in zip(prompts, responses, strict=True)]
        return last_states(self.model, rows, halfway(self.model))

    def _lines(self, subjects: Sequence[str], before: Sequence[str], most: int) -> list[list[int]]:
        """The subject, the last words before and a mask, as a context card has them, cut from the left to `most`."""
        texts = [
            " ".join([subject, *words.split()[-CONTEXT_WORDS:]])
            for subject, words in zip(subjects, before, strict=True)
        ]
        return [[*ids[max(len(ids) + 1 - most, 0) :], MASK_ID] for ids in self.tokenizer.encode(texts)]

    def _responses(self, written: Sequence[Written]) -> list[Response]:
        return [
            Response(
                text=self.tokenizer.decode(ids).split(MASK)[0],
                ids=tuple(ids),
                token_nats=tuple(nats),
                closed=ids[-1] == MASK_ID,
            )
            for ids, nats in written
        ]


def load(path: str | Path, device: str | torch.device = "cpu") -> Run:
    """Reads a run directory; nothing in it is executed (JSON and safetensors, no pickle).

    Raises:
        UserError: The directory is missing, unfinished or damaged, or weights and configuration do not match.
    """
    path = Path(path)
    check_run(path)
    config = run_config(read_json(path / "config.json"))
    tokenizer = Tokenizer.load(path / "tokenizer.json")
    model = GPT(config.model, tokenizer.vocabulary_size).to(device)
    try:
        load_weights(model, path / "model.safetensors")
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path / 'model.safetensors'}: damaged ({error}).") from error
    except RuntimeError as error:
        raise UserError(
            f"{path}: model.safetensors does not fit config.json, which says {config.model.attention} attention, "
            f"{config.model.layers} layers, width {config.model.width}, {tokenizer.vocabulary_size} tokens."
        ) from error
    environment = read_json(path / "environment.json")
    if absent := {"attention", "parameters", "corpus"} - set(environment):
        raise UserError(f"{path / 'environment.json'}: damaged, {' and '.join(sorted(absent))} missing.")
    return Run(path, config, model.eval(), tokenizer, environment)


def check_run(path: Path) -> None:
    """Refuses what is no complete run, without reading it.

    Raises:
        UserError: The directory is missing, unfinished, or something else.
    """
    if not path.is_dir():
        partial = path.with_name(path.name + ".partial")
        hint = "; its training was interrupted: start the same command again to finish it" if partial.is_dir() else ""
        raise UserError(f"{path}: no such run{hint}.")
    missing = [part for part in PARTS if not (path / part).is_file()]
    if len(missing) == len(PARTS):
        raise UserError(f"{path}: not a run; closedbook train writes one.")
    if missing:
        raise UserError(f"{path}: not a complete run, {' and '.join(missing)} missing.")


def save_run(directory: Path, run: Run) -> None:
    """Fills a run directory; the caller renames it when all is there.

    Raises:
        UserError: The disk is full or refuses.
    """
    with disk_errors(directory):
        write_tensors(directory / "model.safetensors", weights(run.model))
        run.tokenizer.save(directory / "tokenizer.json")
        sync(directory / "model.safetensors")
    write_json(directory / "config.json", to_dict(run.config))
    write_json(directory / "environment.json", run.environment)


def write_predictions(path: Path, answers: Sequence[str]) -> None:
    """One answer a line, line breaks inside an answer as spaces, by renaming."""
    write_text(path, "".join(answer.replace("\r", " ").replace("\n", " ") + "\n" for answer in answers))
