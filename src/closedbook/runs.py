"""The run: a directory that explains itself, and `load`, which needs nothing else.

`config.json` (the whole `RunConfig`), `model.safetensors`, `tokenizer.json`, `metrics.jsonl`, `environment.json`
(commit, versions, machine, corpus hashes, parameters) and `manifest.json`, which knows the others by their SHA-256;
perhaps `recall.jsonl`, and later `predictions/` and `abstention.json`. It takes its name when it is complete; until
then `NAME.partial` has what a training needs to go on.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import save

from closedbook.config import RunConfig, to_dict
from closedbook.draws import derive
from closedbook.errors import UserError
from closedbook.evaluation.alternatives import alternatives as likeliest_answers
from closedbook.evaluation.around import innermost
from closedbook.evaluation.decoding import Written, generate, longest_written, prompts, sampled
from closedbook.evaluation.ensemble import Ensemble
from closedbook.evaluation.form import Form
from closedbook.evaluation.language_model import Ability, Answers, LanguageModel, Prompt, Response
from closedbook.evaluation.likelihood import fitting_log_probability, halfway, last_states
from closedbook.evaluation.ranking import best, candidate_ids
from closedbook.facts.corpus import Corpus
from closedbook.facts.forms import up_to_subjects
from closedbook.facts.induction import recognise
from closedbook.facts.records import Fact
from closedbook.facts.relations import Relation
from closedbook.facts.silence import heard
from closedbook.facts.stored import StoredCorpus
from closedbook.facts.text import composed_questions
from closedbook.facts.tokenizers import MASK, MASK_ID, Tokenizer
from closedbook.files import json_text
from closedbook.manifest import MANIFEST, read_manifest, seal, sha256
from closedbook.model.gpt import GPT, count_parameters
from closedbook.run_directory import (
    CONFIG,
    ENVIRONMENT,
    LONGEST_ANSWER,
    MOST_BYTES,
    PARTS,
    TOKENIZER,
    WEIGHTS,
    check_run,
    check_weights,
    misfit,
    read_config,
    read_environment,
)
from closedbook.training.checkpoints import load_weights, weights, write_tensors

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
        home: The path from wherever the process goes.
    """

    path: Path
    config: RunConfig
    model: GPT
    tokenizer: Tokenizer
    environment: dict[str, Any]
    home: Path = field(init=False, repr=False)

    def __repr__(self) -> str:
        return f"<Run {self.path}: {self.kind}, {self.parameters:,} parameters>"

    def ask(self, question: str) -> str:
        """The most probable answer to one question, whatever it is worth: `closedbook.ask` heeds a threshold."""
        if not isinstance(question, str):
            raise UserError("ask takes one question, a text; answer takes several.")
        return self.answer([question])[0]

    def answer(self, questions: Sequence[str], *, place: str = "question") -> list[str]:
        """Greedy closed-book answers, in order.

        Raises:
            UserError: A question is empty, cannot be spelled or is longer than the block; `place` and its number name
                it.
        """
        whole = composed_questions(questions, place)
        return [response.text for response in self.respond(self.prompts(whole, place=place))]

    def __post_init__(self) -> None:
        object.__setattr__(self, "home", self.path.absolute())

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
    def most_new_tokens(self) -> int:
        """Tokens after which an answer is cut off."""
        return min(longest_written(self.environment.get(LONGEST_ANSWER, 0)), self.model.context)

    @property
    def relations(self) -> list[Relation]:
        """What the corpus that it was trained on asks for, by its forms; nothing where that was not kept."""
        held = self.environment.get("corpus", {}).get("relations", [])
        return [Relation(name=one["name"], forms=tuple(one["forms"])) for one in held]

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
        file = self.path / WEIGHTS
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
        return self._responses(
            generate(self.model, [prompt.ids for prompt in prompts], most_new_tokens=self.most_new_tokens)
        )

    def inquire(
        self, prompts: Sequence[Prompt], *, samples: int = 0, alternatives: bool = False, seed: int = 0
    ) -> list[Answers]:
        encoded = [prompt.ids for prompt in prompts]
        repeated = [ids for ids in encoded for _ in range(samples)]
        keys = [derive(key, number) for key in (derive(*ids) for ids in encoded) for number in range(samples)]
        most = self.most_new_tokens
        drawn = generate(self.model, repeated, choose=sampled(seed, keys), most_new_tokens=most, batch_size=512)
        found = likeliest_answers(self.model, encoded, most_new_tokens=most) if alternatives else [()] * len(prompts)
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
        written = generate(self.model, lines, most_new_tokens=self.most_new_tokens)
        return [response.text for response in self._responses(written)]

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
                text=heard(self.tokenizer.decode(ids).split(MASK)[0]),
                ids=tuple(ids),
                token_nats=tuple(nats),
                closed=ids[-1] == MASK_ID,
            )
            for ids, nats in written
        ]


def runs_in(model: LanguageModel) -> Sequence[Run]:
    """The runs that a model is or is made of, none of a model from elsewhere."""
    model = innermost(model)
    members = model.members if isinstance(model, Ensemble) else (model,)
    return [member for member in members if isinstance(member, Run)]


def relations_of(model: LanguageModel) -> list[Relation]:
    """What a run, or the first of several, was trained to be asked for; nothing of a model from elsewhere."""
    return next((run.relations for run in runs_in(model)), [])


def recognised(facts: Sequence[Fact], model: LanguageModel, corpus: Corpus | StoredCorpus | None) -> Sequence[Fact]:
    """The facts with the relations of the corpus, of what the model was trained on, or else of their own forms."""
    return recognise(facts, {}, relations_of(model)) if corpus is None else corpus.recognise(facts)


def load(path: str | Path, device: str | torch.device = "cpu") -> Run:
    """Reads a run directory; nothing in it is executed (JSON and safetensors, no pickle).

    Raises:
        UserError: The directory is missing, unfinished, damaged or changed, or its parts do not fit each other.
    """
    path = Path(path)
    check_run(path)
    manifest = read_manifest(path)
    manifest.check_size(path, WEIGHTS)  # they are read only if they are what the others say
    for name in sorted({*PARTS, *manifest.names(path)} - {MANIFEST, WEIGHTS}):
        manifest.check(path, name, MOST_BYTES)
    config, environment = read_config(path), read_environment(path)
    tokenizer = Tokenizer.load(path / TOKENIZER)
    check_weights(path, config.model, tokenizer.vocabulary_size)
    manifest.check(path, WEIGHTS)
    model = GPT(config.model, tokenizer.vocabulary_size).to(device)
    try:
        load_weights(model, path / WEIGHTS)
    except RuntimeError as error:
        raise UserError(misfit(path, config.model, tokenizer.vocabulary_size)) from error
    if not all(tensor.isfinite().all() for tensor in model.state_dict().values()):
        raise UserError(f"{path / WEIGHTS}: has weights that are no numbers; train it again.")
    if (environment["attention"], environment["parameters"]) != (config.model.attention, count_parameters(model)):
        raise UserError(f"{path / ENVIRONMENT}: is of another model.")
    return Run(path, config, model.eval(), tokenizer, environment)


def save_run(directory: Path, run: Run, logs: Mapping[str, str]) -> None:
    """Fills a run directory, the manifest last; the caller renames it when all is there.

    Args:
        directory: Empty.
        run: With what was noted of its training.
        logs: Further files, by name.
    """
    write_tensors(directory / WEIGHTS, weights(run.model))
    run.tokenizer.save(directory / TOKENIZER)
    texts = {CONFIG: json_text(to_dict(run.config)), ENVIRONMENT: json_text(run.environment), **logs}
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")
    seal(directory)
