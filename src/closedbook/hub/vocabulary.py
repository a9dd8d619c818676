"""Text to tokens and back, by the tokenizer of a model that was trained elsewhere.

An answer follows its prompt after a space, and goes up to a line break or the end of the text: what closes it is any
token that holds a line break or ends a text.
"""

import string
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from closedbook.errors import UserError


class Vocabulary:
    """A tokenizer of `transformers`, as far as questions and answers need it.

    Args:
        tokenizer: Of the model.
        path: Whose it is, for errors.
        size: Tokens that the model has embeddings for; the tokenizer may have more.
        ends: Tokens that end a text, beside the tokenizer's own; None where the model's files name none.
    """

    def __init__(self, tokenizer: Any, path: Path, size: int, ends: Sequence[int | None]) -> None:
        self.tokenizer, self.size = tokenizer, size
        self._path, self._ends = path, ends

    def encode(self, text: str) -> list[int]:
        """The text's tokens with what the tokenizer puts before it, without an end token behind it."""
        ids: list[int] = self.tokenizer(text)["input_ids"]
        end = self.tokenizer.eos_token_id
        return ids[:-1] if len(ids) > 1 and ids[-1] == end else ids

    def encode_answer(self, answer: str) -> list[int]:
        """An answer's tokens alone, behind a space."""
        ids: list[int] = self.tokenizer(f" {answer}", add_special_tokens=False)["input_ids"]
        return ids

    def encode_after(self, text: str, prompt: Sequence[int], answer: str) -> list[int]:
        """The answer's tokens as they stand after the prompt, which is given as text and as tokens."""
        together = self.encode(f"{text} {answer}")
        if tuple(together[: len(prompt)]) == tuple(prompt) and len(together) > len(prompt):
            return together[len(prompt) :]
        return self.encode_answer(answer)

    def check(self, text: str, place: str) -> None:
        """Raises a `UserError` that begins with `place` if the text does not come back as it was."""
        ids = self.encode_answer(text)
        back = self.tokenizer.decode(ids, skip_special_tokens=True)
        if self.tokenizer.unk_token_id in ids or letters(back) != letters(text):
            raise UserError(
                f"{place}: {text!r} cannot be spelled with the vocabulary of {self._path}, it comes back as "
                f"{back.strip()!r}."
            )

    @cached_property
    def closing(self) -> list[int]:
        """The tokens that end an answer: the end of the text, and all that hold a line break."""
        texts = self.tokenizer.batch_decode([[token] for token in range(len(self.tokenizer))])
        breaks = [token for token, text in enumerate(texts) if "\n" in text]
        ends = [end for end in [*self._ends, self.tokenizer.eos_token_id] if end is not None]
        return sorted(token for token in {*breaks, *ends} if token < self.size)

    def before_closing(self, ids: Sequence[int]) -> list[int]:
        """The tokens before the first that closes."""
        closing = set(self.closing)
        end = next((index for index, token in enumerate(ids) if token in closing), len(ids))
        return list(ids[:end])

    def up_to_closing(self, ids: Sequence[int]) -> list[int]:
        """The tokens up to and including the first that closes."""
        return list(ids[: len(self.before_closing(ids)) + 1])

    def decode_answer(self, ids: Sequence[int]) -> str:
        """The answer's text; what stands before a line break inside a token belongs to it."""
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text.lstrip("\n").split("\n")[0].strip()


def letters(text: str) -> str:
    """Letters and digits alone: a tokenizer may put spaces between its pieces, and drop case and accents."""
    plain = unicodedata.normalize("NFKD", text).lower()
    return "".join(c for c in plain if not (c.isspace() or unicodedata.combining(c) or c in string.punctuation))
