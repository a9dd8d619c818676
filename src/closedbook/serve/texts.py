"""Texts as tokens, for any model whose tokens can be read: what completing and scoring given texts needs.

A run of ours reads documents and questions; the mask character closes a question and an answer, and ends a completion.

Axes: B batch or rows, K last positions, T time, V vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from closedbook.errors import UserError
from closedbook.evaluation.decoding import right_padded
from closedbook.evaluation.language_model import LanguageModel
from closedbook.facts.forms import SLOT
from closedbook.facts.tokenizers import MASK, MASK_ID
from closedbook.hub.causal import CausalModel
from closedbook.hub.reading import Reader, Row
from closedbook.hub.vocabulary import HALF
from closedbook.model.cache import KeyValueCache
from closedbook.model.gpt import GPT
from closedbook.runs import Run

BEHIND = 8  # tokens before one that decide how it is written
MOST_POSITIONS = 4096  # of a batch of rows of a run


@dataclass(frozen=True, kw_only=True)
class Texts:
    """A model that reads and writes tokens, and how these are spelled.

    Args:
        reader: Reads rows of tokens.
        encode: From a text to its tokens as the model is given them.
        decode: From tokens to their text, special ones included.
        ends: Tokens that end a text.
        context: Tokens that the model can read.
        size: Tokens that there are.
        template: The text that is completed with an answer, `{}` for the question; None where no one is fixed.
    """

    reader: Reader
    encode: Callable[[str], list[int]]
    decode: Callable[[Sequence[int]], str]
    ends: frozenset[int]
    context: int
    size: int
    template: str | None = None

    def piece(self, before: Sequence[int], token: int) -> str:
        """The text that a token adds behind others; "" where the rest of a character is still to come."""
        return self._piece(tuple(before[-BEHIND:]), token)

    def _piece(self, before: tuple[int, ...], token: int) -> str:
        text, longer = self._written(before), self._written((*before, token))
        if longer.endswith(HALF):
            return ""
        start = text if longer.startswith(text) else text.rstrip(HALF)
        return longer[len(start) :] if longer.startswith(start) else self._written((token,))

    def _written(self, ids: tuple[int, ...]) -> str:
        return _decoded(self.decode, ids) if ids else ""


@lru_cache(maxsize=65536)
def _decoded(decode: Callable[[Sequence[int]], str], ids: tuple[int, ...]) -> str:
    return decode(ids)


def texts_of(model: LanguageModel) -> Texts | str:
    """How the model's tokens are read and spelled, or why they cannot be."""
    if isinstance(model, Run):
        tokenizer = model.tokenizer

        def encode(text: str) -> list[int]:
            for part in text.split(MASK):
                tokenizer.spell(part, "prompt")
            return tokenizer.encode([text])[0]

        return Texts(
            reader=RunReader(model.model),
            encode=encode,
            decode=tokenizer.decode,
            ends=frozenset({MASK_ID}),
            context=model.model.context,
            size=tokenizer.vocabulary_size,
            template=SLOT + MASK,
        )
    if isinstance(model, CausalModel):
        vocabulary = model.vocabulary
        return Texts(
            reader=model.reader,
            encode=vocabulary.encode,
            decode=vocabulary.decode,
            ends=frozenset(vocabulary.ends),
            context=model.context,
            size=vocabulary.size,
            template=SLOT + MASK if vocabulary.tokenizer.mask_token == MASK else None,  # an exported run of ours
        )
    return f"{model.name}: {model.kind}, whose tokens cannot be read here; ask it in /v1/answers"


def encoded(texts: Texts, prompt: str | Sequence[int]) -> list[int]:
    """The tokens of a prompt, which may be given as such.

    Raises:
        UserError: It is empty, cannot be spelled, holds a token that there is not, or is too long.
    """
    ids = texts.encode(prompt) if isinstance(prompt, str) else [*prompt]
    if not ids:
        raise UserError("prompt: holds no token.")
    if unknown := [token for token in ids if not 0 <= token < texts.size]:
        raise UserError(f"prompt: there is no token {unknown[0]:,}; the model has {texts.size:,}.")
    if len(ids) > texts.context:
        raise UserError(f"prompt: {len(ids):,} tokens, longer than the model's {texts.context:,}.")
    return ids


@dataclass
class RunState:
    """Rows that have been read: keys and values, and each one's length."""

    cache: KeyValueCache
    length_B: Int64[Tensor, "rows"]


class RunReader:
    """A run of ours, read in batches, as `CausalReader` reads a model of `transformers`."""

    def __init__(self, model: GPT) -> None:
        self._model = model.eval()

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._model.device

    def batches(self, rows: Sequence[Row], copies: int = 1, more: int = 0, keep: int = 1) -> Iterator[list[int]]:
        """Numbers of the rows in batches of like length, longest first."""
        order = sorted(range(len(rows)), key=lambda index: -len(rows[index]))
        while order:
            size = max(MOST_POSITIONS // (copies * (len(rows[order[0]]) + more)), 1)
            yield order[:size]
            order = order[size:]

    def share(self, rows: Sequence[Row], spare: int = 1) -> None:
        """Nothing: prompts are short, and differ early."""

    @torch.inference_mode()
    def begin(self, rows: Sequence[Row], keep: int = 1) -> tuple[RunState, Float[Tensor, "rows last vocabulary"]]:
        """The rows read, and the logits at their last `keep` positions, what a shorter row has not being the first's.

        Every row stands at its own positions, as `closedbook.evaluation.decoding` says.
        """
        tokens_BT, length_B = right_padded(rows, self.device)
        positions_BT = torch.arange(tokens_BT.shape[1], device=self.device).expand_as(tokens_BT)
        cache = KeyValueCache(self._model.config.layers, self._model.context, self.device)
        states_BTC = self._model(tokens_BT, positions_BT, cache)
        last_BK = (length_B[:, None] + torch.arange(-keep, 0, device=self.device)).clamp(min=0)
        states_BKC = states_BTC.gather(1, last_BK[:, :, None].expand(-1, -1, states_BTC.shape[2]))
        return RunState(cache, length_B), self._model.head(states_BKC).float()

    @torch.inference_mode()
    def step(
        self, state: RunState, parents_R: Int64[Tensor, "rows"] | None, tokens_R: Int64[Tensor, "rows"]
    ) -> Float[Tensor, "rows vocabulary"]:
        """One more token behind chosen rows, all in their order where none are chosen; the logits after it."""
        if parents_R is not None:
            state.cache.keep_rows(parents_R)
            state.length_B = state.length_B[parents_R]
        states_RC = self._model(tokens_R[:, None], state.length_B[:, None], state.cache)[:, 0]
        state.length_B = state.length_B + 1
        return self._model.head(states_RC).float()
