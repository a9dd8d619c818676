"""A journal of what a model answered: a run of many questions that was stopped goes on where it was.

Every answer is appended as it comes, a line of JSON each; what stands there is not asked again. What is asked is the
key: the prompt as the model sees it, and what is to be drawn or looked for beside the greedy answer.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from closedbook.errors import UserError
from closedbook.evaluation.form import Form
from closedbook.evaluation.language_model import Ability, Answers, LanguageModel, Prompt, Response

CHUNK, EXPLORED = 128, 64  # prompts between two writes: of greedy answers, and of those that are explored further
FORMAT = 1


class Journal:
    """The file, and what stands in it.

    Args:
        path: Where it is or will be; None for a journal in memory.
        model: The model's name and fingerprint; a journal of another is begun anew.

    Raises:
        UserError: It cannot be read or written.
    """

    def __init__(self, path: Path | None, model: tuple[str, str]) -> None:
        self._path = path
        self._records: dict[str, Any] = {}
        self.kept = 0  # answers that stood there
        head = {"journal": FORMAT, "model": model[0], "sha256": model[1]}
        if path is None:
            return
        try:
            lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
            if lines and _parsed(lines[0]) == head:
                # a line that was cut when the process was stopped is asked again
                self._records = {one["key"]: one for line in lines[1:] if (one := _parsed(line)) and "key" in one}
                whole = [json.dumps(record, ensure_ascii=False) for record in [head, *self._records.values()]]
            else:
                whole = [json.dumps(head)]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(whole) + "\n", encoding="utf-8")
        except OSError as error:
            raise UserError(f"{path}: cannot be read and written ({error.strerror}).") from error
        self.kept = len(self._records)

    def get(self, key: str) -> Any:
        """What was kept under a key, None if nothing was."""
        return self._records.get(key)

    def add(self, records: Sequence[dict[str, Any]]) -> None:
        """Keeps records, each with its `key`."""
        self._records |= {record["key"]: record for record in records}
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


@dataclass(frozen=True)
class JournaledModel:
    """A model whose answers are kept in a journal: a `LanguageModel`.

    Args:
        inner: The model.
        journal: Where answers are kept.
        listen: Called with the number of prompts that were answered, and whether more than a greedy answer was asked.
    """

    inner: LanguageModel
    journal: Journal
    listen: Callable[[int, bool], None] = lambda count, more: None

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def kind(self) -> str:
        return self.inner.kind

    @property
    def parameters(self) -> int:
        return self.inner.parameters

    @property
    def form(self) -> Form | None:
        return self.inner.form

    @property
    def chats(self) -> bool:
        return self.inner.chats

    def asked_by(self, form: Form) -> "JournaledModel":
        return JournaledModel(self.inner.asked_by(form), self.journal, self.listen)

    def lacks(self, ability: Ability) -> str | None:
        return self.inner.lacks(ability)

    def fingerprint(self) -> str:
        return self.inner.fingerprint()

    def prompts(self, questions: Sequence[str], *, place: str = "question") -> list[Prompt]:
        return self.inner.prompts(questions, place=place)

    def check_answers(self, answers: Sequence[str], *, place: str = "answer") -> None:
        self.inner.check_answers(answers, place=place)

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        return [answers.response for answers in self.inquire(prompts)]

    def inquire(
        self, prompts: Sequence[Prompt], *, samples: int = 0, alternatives: bool = False, seed: int = 0
    ) -> list[Answers]:
        more = [samples, alternatives, seed] if samples or alternatives else []
        keys = [_key("inquire", prompt.text, more) for prompt in prompts]
        if not more:  # any greedy answer will do
            keys = [self._greedy(prompt, key) for prompt, key in zip(prompts, keys, strict=True)]
        for batch in self._missing(prompts, keys, bool(more)):
            told = self.inner.inquire(
                [prompts[index] for index in batch], samples=samples, alternatives=alternatives, seed=seed
            )
            records = [_to_json(keys[index], answers) for index, answers in zip(batch, told, strict=True)]
            greedy = [{"key": _greedy_key(prompts[index]), "see": keys[index]} for index in batch]
            self.journal.add([*records, *(greedy if more else [])])
        return [_from_json(self.journal.get(key)) for key in keys]

    def _greedy(self, prompt: Prompt, key: str) -> str:
        """Where the greedy answer to a prompt stands, as a part of something more if that was asked first."""
        seen = self.journal.get(_greedy_key(prompt))
        return seen["see"] if seen and self.journal.get(seen["see"]) else key

    def _missing(self, prompts: Sequence[Prompt], keys: Sequence[str], more: bool) -> Iterator[list[int]]:
        """Numbers of the prompts that are not answered yet, in chunks of like length; each key once."""
        first = {key: index for index, key in reversed([*enumerate(keys)])}
        missing = [index for key, index in first.items() if self.journal.get(key) is None]
        missing.sort(key=lambda index: (-len(prompts[index].text), index))
        self.listen(len(keys) - len(missing), more)
        size = EXPLORED if more else CHUNK
        for start in range(0, len(missing), size):
            batch = missing[start : start + size]
            yield batch
            self.listen(len(batch), more)

    def log_probability(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> list[float | None]:
        return self.inner.log_probability(prompts, answers)

    def choose(self, prompts: Sequence[Prompt], candidates: Sequence[str]) -> list[str]:
        return self.inner.choose(prompts, candidates)

    def continue_documents(self, subjects: Sequence[str], before: Sequence[str]) -> list[str]:
        return self.inner.continue_documents(subjects, before)

    def continuation_log_probability(
        self, subjects: Sequence[str], before: Sequence[str], answers: Sequence[str]
    ) -> list[float | None]:
        return self.inner.continuation_log_probability(subjects, before, answers)

    def represent(self, prompts: Sequence[Prompt], subjects: Sequence[str]) -> Float[np.ndarray, "prompts width"]:
        return self.inner.represent(prompts, subjects)

    def represent_answers(
        self, prompts: Sequence[Prompt], responses: Sequence[Response]
    ) -> Float[np.ndarray, "prompts width"]:
        return self.inner.represent_answers(prompts, responses)


def _key(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _greedy_key(prompt: Prompt) -> str:
    return _key("greedy", prompt.text)


def _to_json(key: str, answers: Answers) -> dict[str, Any]:
    """What is kept: the whole greedy response, of the others the text and what it comes to."""
    response = answers.response
    return {
        "key": key,
        "text": response.text,
        "ids": response.ids,
        "nats": None if response.token_nats is None else [round(nats, 5) for nats in response.token_nats],
        "closed": response.closed,
        "pieces": response.pieces,
        "samples": [sample.text for sample in answers.samples],
        "alternatives": [[other.text, other.nats] for other in answers.alternatives],
    }


def _from_json(record: dict[str, Any]) -> Answers:
    nats = record["nats"]
    return Answers(
        response=Response(
            text=record["text"],
            ids=tuple(record["ids"]),
            token_nats=None if nats is None else tuple(nats),
            closed=record["closed"],
            pieces=tuple(record["pieces"]),
        ),
        samples=tuple(Response(text=text, ids=(), token_nats=None, closed=True) for text in record["samples"]),
        alternatives=tuple(
            Response(text=text, ids=(), token_nats=None if total is None else (total,), closed=True)
            for text, total in record["alternatives"]
        ),
    )
