"""Text to tokens and back, by the tokenizer of a model that was trained elsewhere.

An answer in plain text goes up to a line break or the end of the text: what closes it is any token that holds a line
break or ends a text. A turn of a chat goes up to a token that ends it.
"""

import string
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from closedbook.errors import UserError
from closedbook.evaluation.form import Form

HALF = "\ufffd"  # what a part of a character is decoded to
PLAIN: Final = {
    "enable_thinking": False
}  # for templates that would have a model think aloud first; others look past it
TURN_ENDS = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|end_of_turn|>", "<turn|>")
"""Tokens that end a turn of a chat, where the model's files do not name them."""
RETURNS = "<|return|>"  # ends turns that have several messages, each with an end of its own


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

    @property
    def chats(self) -> bool:
        """Whether there is a chat format."""
        return bool(getattr(self.tokenizer, "chat_template", None))

    def put(self, form: Form, question: str) -> str:
        """The whole prompt as the model sees it.

        Raises:
            UserError: The chat format is damaged.
        """
        if not form.chat:
            return form.text(question)
        try:
            text: str = self.tokenizer.apply_chat_template(
                form.messages(question), tokenize=False, add_generation_prompt=True, **PLAIN
            )
        except Exception as error:  # a template is a program in a language of its own
            raise UserError(f"{self._path}: its chat format cannot be used ({error}).") from error
        return text

    def encode(self, text: str, *, whole: bool = False) -> list[int]:
        """The text's tokens, without an end token behind them.

        Args:
            text: To encode.
            whole: Nothing is put before it either: a chat format has written it.
        """
        ids = self._encode(text, special=not whole)
        if whole or len(ids) < 2:
            return ids
        ended = ids[-1] == self.tokenizer.eos_token_id
        if ids[-1] == self.tokenizer.sep_token_id:  # [SEP], unless the text ends with one itself
            ended = ended or self._encode(text, special=False)[-1:] != ids[-1:]
        return ids[:-1] if ended else ids

    def encode_answer(self, answer: str) -> list[int]:
        """An answer's tokens alone."""
        return self._encode(answer, special=False)

    def _encode(self, text: str, *, special: bool) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=special)["input_ids"]
        if max(ids, default=0) >= self.size:
            raise UserError(
                f"{self._path}: has an embedding for {self.size:,} tokens, and its tokenizer makes token {max(ids):,} "
                f"of {text!r}."
            )
        return ids

    def encode_after(self, text: str, prompt: Sequence[int], answer: str, *, whole: bool = False) -> list[int]:
        """The answer's tokens as they stand after the prompt, which is given as text and as tokens."""
        together = self.encode(text + answer, whole=whole)
        if tuple(together[: len(prompt)]) == tuple(prompt) and len(together) > len(prompt):
            return together[len(prompt) :]
        return self.encode_answer(answer)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens, those that end a text included."""
        text: str = self.tokenizer.decode([*ids], skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    def check(self, text: str, place: str) -> None:
        """Raises a `UserError` that begins with `place` if the text does not come back as it was."""
        ids = self.encode_answer(f" {text}")
        back = self.tokenizer.decode(ids, skip_special_tokens=True)
        if self.tokenizer.unk_token_id in ids or letters(back) != letters(text):
            raise UserError(
                f"{place}: {text!r} cannot be spelled with the vocabulary of {self._path}, it comes back as "
                f"{back.strip()!r}."
            )

    @cached_property
    def ends(self) -> list[int]:
        """The tokens that end a text or a turn."""
        named = {end for end in [*self._ends, self.tokenizer.eos_token_id] if end is not None}
        known = self.tokenizer.get_vocab() if self.chats else {}
        turns = {known[end] for end in TURN_ENDS if end in known and RETURNS not in known}
        ends = named | turns
        return sorted(token for token in ends if token < self.size)

    @cached_property
    def sentence_ends(self) -> frozenset[int]:
        """The tokens that end a sentence."""
        texts = self.tokenizer.batch_decode([[token] for token in range(len(self.tokenizer))])
        return frozenset(token for token, text in enumerate(texts) if text.rstrip()[-1:] in (".", "!", "?", "\u3002"))

    @cached_property
    def closing(self) -> list[int]:
        """The tokens that end an answer in plain text: those that end a text, and all that hold a line break."""
        texts = self.tokenizer.batch_decode([[token] for token in range(len(self.tokenizer))])
        breaks = {token for token, text in enumerate(texts) if "\n" in text and token < self.size}
        return sorted(breaks | {*self.ends})

    def pieces(self, ids: Sequence[int], closed: bool) -> tuple[str, ...]:
        """The text that each token adds; the last adds what stands before a line break where it closes an answer."""
        texts = [self.tokenizer.decode(ids[: count + 1], skip_special_tokens=True) for count in range(len(ids))]
        pieces, before = [], ""
        for count, text in enumerate(texts):
            if text.endswith(HALF) and count + 1 < len(texts):
                pieces.append("")  # the rest of the character follows
                continue
            pieces.append(text[len(before) :])
            before = text
        if closed and pieces:
            pieces[-1] = pieces[-1].split("\n")[0]
        return tuple(pieces)


def letters(text: str) -> str:
    """Letters and digits alone: a tokenizer may put spaces between its pieces, and drop case and accents."""
    plain = unicodedata.normalize("NFKD", text).lower()
    return "".join(c for c in plain if not (c.isspace() or unicodedata.combining(c) or c in string.punctuation))
