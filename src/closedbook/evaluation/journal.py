"""A journal of what a model answered: a run of many questions that was stopped goes on where it was.

Answers are appended batch by batch, a line of JSON each; what stands there is not asked again. The key is the prompt
as the model sees it; greedy answer, samples and alternatives stand by themselves, so that a deeper inquiry asks for
what a shallower one did not, and for the greedy answer with it.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from closedbook.errors import UserError
from closedbook.evaluation.around import Around
from closedbook.evaluation.language_model import Answers, Prompt, Response
from closedbook.files import write_text

CHUNK, EXPLORED = 128, 64  # prompts of a process between two writes: greedy answers, and those explored further
FORMAT = 2


class Journal:
    """The file, and what stands in it.

    Args:
        path: Where it is or will be; None for a journal in memory.
        model: What tells the model from others: name, kind with its precision, fingerprint. A journal of another is
            begun anew.

    Raises:
        UserError: It cannot be read or written.
    """

    def __init__(self, path: Path | None, *model: str) -> None:
        self._path = path
        self._records: dict[str, Any] = {}
        if path is None:
            return
        head = {"journal": FORMAT, "model": list(model)}
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else [""]
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
        if _parsed(lines[0]) == head:  # a line that was cut when the process was stopped is asked again
            kept = [one for line in lines[1:] if isinstance(one := _parsed(line), dict) and "key" in one]
            self._records = {one["key"]: one for one in kept}
        write_text(path, "".join(json.dumps(record) + "\n" for record in [head, *self._records.values()]))

    @property
    def kept(self) -> int:
        """Greedy answers that stand there."""
        return sum("text" in record for record in self._records.values())

    def get(self, key: str) -> Any:
        """What was kept under a key, None if nothing was."""
        return self._records.get(key)

    def add(self, records: Sequence[dict[str, Any]]) -> None:
        """Keeps records, each with its `key`."""
        self._records |= {record["key"]: record for record in records}
        if self._path is None:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(record) + "\n" for record in records)
        except OSError as error:
            raise UserError(f"{self._path}: cannot be written ({error.strerror}).") from error


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


@dataclass(frozen=True)
class JournaledModel(Around):
    """A model whose answers are kept in a journal: a `LanguageModel`.

    Args:
        inner: The model.
        journal: Where answers are kept.
        listen: Called with the number of prompts that were answered, and whether more than a greedy answer was asked.
    """

    journal: Journal
    listen: Callable[[int, bool], None] = lambda count, more: None

    def unanswered(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Those that nothing stands in the journal of."""
        return [prompt for prompt in prompts if self.journal.get(_Keys.of(prompt, 0).greedy) is None]

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        return [answers.response for answers in self.inquire(prompts)]

    def inquire(
        self, prompts: Sequence[Prompt], *, samples: int = 0, alternatives: bool = False, seed: int = 0
    ) -> list[Answers]:
        keys = [_Keys.of(prompt, seed) for prompt in prompts]
        for (drawn, looked), batch in self._missing(prompts, keys, samples, alternatives):
            told = self.inner.inquire(
                [prompts[index] for index in batch], samples=drawn, alternatives=looked, seed=seed
            )
            for index, answers in zip(batch, told, strict=True):
                self.journal.add(keys[index].records(answers, drawn, looked))
        return [each.answers(self.journal, samples, alternatives) for each in keys]

    def _missing(
        self, prompts: Sequence[Prompt], keys: Sequence["_Keys"], samples: int, alternatives: bool
    ) -> Iterator[tuple[tuple[int, bool], list[int]]]:
        """What is not known yet, samples to draw and whether to look for alternatives, with the prompts that lack it.

        Prompts come in chunks of like length, each once.
        """
        lacking: dict[tuple[int, bool], list[int]] = {}
        first = {each.greedy: index for index, each in reversed([*enumerate(keys)])}
        for index in sorted(first.values(), key=lambda index: (-len(prompts[index].text), index)):
            if (need := keys[index].lacks(self.journal, samples, alternatives)) is not None:
                lacking.setdefault(need, []).append(index)
        more = bool(samples or alternatives)
        self.listen(len(keys) - sum(map(len, lacking.values())), more)
        for need, missing in lacking.items():
            size = EXPLORED if more else CHUNK
            size *= self.processes if len(missing) > size else 1
            for start in range(0, len(missing), size):
                batch = missing[start : start + size]
                yield need, batch
                self.listen(len(batch), more)


def _key(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


@dataclass(frozen=True)
class _Keys:
    """Where what a prompt gives is kept: its greedy answer, its samples by seed, its alternatives."""

    greedy: str
    samples: str
    alternatives: str

    @classmethod
    def of(cls, prompt: Prompt, seed: int) -> "_Keys":
        return cls(_key("greedy", prompt.text), _key("samples", prompt.text, seed), _key("alternatives", prompt.text))

    def lacks(self, journal: Journal, samples: int, alternatives: bool) -> tuple[int, bool] | None:
        """Samples that must be drawn, and whether alternatives must be looked for; None where all is known."""
        drawn = journal.get(self.samples)
        need = samples if samples > (len(drawn["samples"]) if drawn else 0) else 0
        look = alternatives and journal.get(self.alternatives) is None
        return (need, look) if need or look or journal.get(self.greedy) is None else None

    def records(self, answers: Answers, samples: int, alternatives: bool) -> list[dict[str, Any]]:
        """What is kept: the whole greedy response, of the others the text and what it comes to."""
        response = answers.response
        nats = None if response.token_nats is None else [round(value, 5) for value in response.token_nats]
        records: list[dict[str, Any]] = [
            {
                "key": self.greedy,
                "text": response.text,
                "ids": response.ids,
                "nats": nats,
                "closed": response.closed,
                "pieces": response.pieces,
            }
        ]
        if samples:
            records.append({"key": self.samples, "samples": [sample.text for sample in answers.samples]})
        if alternatives:
            found = [[other.text, other.nats] for other in answers.alternatives]
            records.append({"key": self.alternatives, "alternatives": found})
        return records

    def answers(self, journal: Journal, samples: int, alternatives: bool) -> Answers:
        """What was kept, as it was told."""
        record = journal.get(self.greedy)
        drawn = journal.get(self.samples)["samples"][:samples] if samples else ()
        found = journal.get(self.alternatives)["alternatives"] if alternatives else ()
        return Answers(
            response=Response(
                text=record["text"],
                ids=tuple(record["ids"]),
                token_nats=None if record["nats"] is None else tuple(record["nats"]),
                closed=record["closed"],
                pieces=tuple(record["pieces"]),
            ),
            samples=tuple(Response(text=text, ids=(), token_nats=None, closed=True) for text in drawn),
            alternatives=tuple(
                Response(text=text, ids=(), token_nats=None if total is None else (total,), closed=True)
                for text, total in found
            ),
        )
