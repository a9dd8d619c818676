"""A causal language model that was trained elsewhere, through `transformers`: a `LanguageModel`.

A question is put by a form; the answer is what follows, up to a line break or the end of the text, in a chat up to the
end of the turn. Each step has a module: `directory` and `gguf` open the files, `vocabulary` spells, `reading` reads
rows behind what they share, `generation` writes answers, `likelihood` scores given ones, `states` looks inside.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from closedbook.errors import UserError
from closedbook.evaluation.form import Form
from closedbook.evaluation.language_model import Ability, Answers, Prompt, Response
from closedbook.facts.forms import up_to_subjects
from closedbook.facts.tokenizers import MASK
from closedbook.hub.generation import BEAMS, Path, Written, write
from closedbook.hub.likelihood import answer_nats
from closedbook.hub.reading import CausalReader, Reader
from closedbook.hub.states import last_middle_states
from closedbook.hub.vocabulary import Vocabulary
from closedbook.model.gpt import count_parameters

UNKNOWN_CONTEXT = 1024  # where a model does not say how much it can read
MOST_NEW_TOKENS = 24
MOST_NEW_TOKENS_OF_CHAT = 40


@dataclass(frozen=True)
class CausalModel:
    """A causal language model, its tokenizer and the form that it is asked in.

    Args:
        name: As it was opened.
        kind: What it is, in a line.
        weights_sha256: Of its weights.
        model: Of `transformers`, in evaluation mode.
        vocabulary: Its tokenizer.
        form: How it is asked.
    """

    name: str
    kind: str
    weights_sha256: str
    model: Any
    vocabulary: Vocabulary
    form: Form

    @cached_property
    def reader(self) -> Reader:
        """What reads rows of tokens."""
        return CausalReader(self.model)

    @cached_property
    def parameters(self) -> int:
        return count_parameters(self.model)

    @property
    def chats(self) -> bool:
        return self.vocabulary.chats

    def asked_by(self, form: Form) -> "CausalModel":
        if form.chat and not self.chats:
            raise UserError(f"{self.name}: its tokenizer has no chat format; ask it in plain text.")
        other = dataclasses.replace(self, form=form)
        other.__dict__["reader"] = self.reader  # of the same weights
        return other

    def lacks(self, ability: Ability) -> str | None:
        return None

    def fingerprint(self) -> str:
        return self.weights_sha256

    @cached_property
    def context(self) -> int:
        """Tokens that the model can read."""
        text = self.model.config.get_text_config()
        return int(getattr(text, "max_position_embeddings", None) or UNKNOWN_CONTEXT)

    @property
    def _limit(self) -> int:
        """Tokens of an answer at the most; an exported run of ours says how many the run writes."""
        files = getattr(self.model, "generation_config", None)
        if files is not None and self.vocabulary.tokenizer.mask_token == MASK and files.max_new_tokens:
            return int(files.max_new_tokens)
        return MOST_NEW_TOKENS_OF_CHAT if self.form.chat else MOST_NEW_TOKENS

    @property
    def _line_limit(self) -> int:
        """Tokens that are written behind a document at the most: as many as an answer has, but half of the context."""
        return min(self._limit, self.context // 2)

    @property
    def _closing(self) -> list[int]:
        return self.vocabulary.ends if self.form.chat else self.vocabulary.closing

    def prompts(self, questions: Sequence[str], *, place: str = "question") -> list[Prompt]:
        made = []
        for number, question in enumerate(questions, 1):
            text = self.vocabulary.put(self.form, question)
            ids = self.vocabulary.encode(text, whole=self.form.chat)
            if len(ids) >= self.context:
                raise UserError(
                    f"{place} {number}: {len(ids)} tokens in its form leave no room for an answer in the model's "
                    f"{self.context}."
                )
            self.vocabulary.check(question, f"{place} {number}")
            made.append(Prompt(question=question, ids=tuple(ids), text=text))
        return made

    def check_answers(self, answers: Sequence[str], *, place: str = "answer") -> None:
        for number, answer in enumerate(answers, 1):
            self.vocabulary.check(answer, f"{place} {number}")

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        return [answers.response for answers in self.inquire(prompts)]

    def inquire(
        self, prompts: Sequence[Prompt], *, samples: int = 0, alternatives: bool = False, seed: int = 0
    ) -> list[Answers]:
        every: list[Answers | None] = [None] * len(prompts)
        beams = min(BEAMS, self.vocabulary.size) if alternatives else 0
        # what is too long for a whole answer gets as much as there is room
        by_limit = defaultdict[int, list[int]](list)
        for number, prompt in enumerate(prompts):
            by_limit[min(self._limit, self.context - len(prompt.ids))].append(number)
        for limit, numbers in by_limit.items():
            for batch, written in write(
                self.reader,
                [prompts[number].ids for number in numbers],
                closing=self._closing,
                sentence_ends=self.vocabulary.sentence_ends,
                limit=limit,
                samples=samples,
                beams=beams,
                seed=seed,
            ):
                for index, paths in zip(batch, written, strict=True):
                    every[numbers[index]] = self._answers(paths)
        return [answers for answers in every if answers is not None]

    def log_probability(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> list[float | None]:
        after = [
            self.vocabulary.encode_after(prompt.text, prompt.ids, self.form.gap + answer, whole=self.form.chat)
            for prompt, answer in zip(prompts, answers, strict=True)
        ]
        return self._nats([prompt.ids for prompt in prompts], after, closing=self._closing)

    def choose(self, prompts: Sequence[Prompt], candidates: Sequence[str]) -> list[str]:
        spelled = {tuple(self.vocabulary.encode_answer(self.form.gap + text)) for text in candidates}
        if len(spelled) < len(candidates) or not candidates:
            raise UserError("The candidates must be at least one, and no two may be spelled with the same tokens.")
        self.check_answers(candidates, place="candidate")
        chosen = []
        for prompt in prompts:
            nats = self.log_probability([prompt] * len(candidates), candidates)
            chosen.append(
                max(zip(candidates, nats, strict=True), key=lambda pair: -np.inf if pair[1] is None else pair[1])
            )
        return [candidate for candidate, _ in chosen]

    def continue_documents(self, subjects: Sequence[str], before: Sequence[str]) -> list[str]:
        texts = [""] * len(subjects)
        rows = self._documents(subjects, before)
        for batch, written in write(self.reader, rows, closing=self.vocabulary.closing, limit=self._line_limit):
            for index, paths in zip(batch, written, strict=True):
                texts[index] = self._response(paths.greedy, line=True).text
        return texts

    def continuation_log_probability(
        self, subjects: Sequence[str], before: Sequence[str], answers: Sequence[str]
    ) -> list[float | None]:
        after = [self.vocabulary.encode_answer(f" {answer}") for answer in answers]
        return self._nats(self._documents(subjects, before), after, closing=())

    def represent(self, prompts: Sequence[Prompt], subjects: Sequence[str]) -> Float[np.ndarray, "prompts width"]:
        named = up_to_subjects([prompt.question for prompt in prompts], subjects)
        texts = [
            prompt.text[: prompt.text.rindex(prompt.question)] + text
            for prompt, text in zip(prompts, named, strict=True)
        ]
        rows = [self.vocabulary.encode(text, whole=self.form.chat) for text in texts]
        return last_middle_states(self.model, self.reader, rows)

    def represent_answers(
        self, prompts: Sequence[Prompt], responses: Sequence[Response]
    ) -> Float[np.ndarray, "prompts width"]:
        rows = [[*prompt.ids, *response.ids] for prompt, response in zip(prompts, responses, strict=True)]
        return last_middle_states(self.model, self.reader, rows)

    def _answers(self, written: Written) -> Answers:
        ended = sorted(written.ended, key=lambda path: -path.total)
        return Answers(
            response=self._response(written.greedy),
            samples=tuple(self._response(path) for path in written.samples),
            alternatives=tuple(self._response(path) for path in ended),
        )

    def _response(self, path: Path, line: bool = False) -> Response:
        """A path as a response; `line` where it is none to a question and ends with its first line."""
        pieces = self.vocabulary.pieces(path.ids, path.closed)
        text = "".join(pieces).strip()
        if line or not self.form.chat:
            text = text.split("\n")[0].strip()
        return Response(
            text=text,
            ids=path.ids,
            token_nats=tuple(min(nats, 0.0) for nats in path.nats),
            closed=path.closed,
            pieces=pieces,
        )

    def _documents(self, subjects: Sequence[str], before: Sequence[str]) -> list[list[int]]:
        """Tokens of each document up to where it is to go on."""
        room = self.context - self._line_limit
        texts = [f"{subject}.{words}".rstrip() for subject, words in zip(subjects, before, strict=True)]
        return [self.vocabulary.encode(text)[-room:] for text in texts]

    def _nats(
        self, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], *, closing: Sequence[int]
    ) -> list[float | None]:
        return answer_nats(self.reader, prompts, answers, closing=closing, context=self.context)
