"""Reading rows of tokens with a model from elsewhere: once what all rows begin with, in batches of like length.

What rows have in common (a template, a chat format, examples) is read once and its keys and values are handed to every
row; then rows go on one token at a time. A model whose cache does not give what reading afresh gives, or that keeps
none, is read afresh at every step: slower, and right. Where padding would change what a model
reads, as it does for one that sees a window of it, rows of one length are read together.

Axes: B batch or rows, P shared prefix, T time, K last positions, V vocabulary.
"""

import copy
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

MOST_ROWS = 128
LEAST_BUDGET = 256 * 2**20  # bytes of a batch: keys and values, logits
LOGITS = 4  # as many numbers as there are logits are held at once
BUDGET_SHARE = 0.25  # of the weights' bytes, where that is more
SAME = 0.1  # of the logits' standard deviation, within which a cache gives what reading afresh gives
Row = Sequence[int]


@runtime_checkable
class Reader(Protocol):
    """What reads rows of tokens; see `CausalReader` for what is given and returned."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    def batches(self, rows: Sequence[Row], copies: int = 1, more: int = 0, keep: int = 1) -> Iterator[list[int]]:
        """Numbers of the rows in batches of like length."""

    def share(self, rows: Sequence[Row], spare: int = 1) -> None:
        """Reads what all the rows begin with."""

    def begin(self, rows: Sequence[Row], keep: int = 1) -> tuple[Any, Float[Tensor, "rows last vocabulary"]]:
        """The rows read, and the logits at their last positions."""

    def step(
        self, state: Any, parents_R: Int64[Tensor, "rows"] | None, tokens_R: Int64[Tensor, "rows"]
    ) -> Float[Tensor, "rows vocabulary"]:
        """One more token behind chosen rows; the logits after it."""


@dataclass
class State:
    """Rows that have been read, and what the model keeps of them."""

    cache: Any  # keys and values, None where the model is read afresh
    mask_BT: Int64[Tensor, "rows time"]  # 1 where a token is no padding
    tokens_BT: Int64[Tensor, "rows time"] | None  # where the model is read afresh


class CausalReader:
    """A causal model of `transformers`, read in batches.

    Args:
        model: In evaluation mode.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        takes = inspect.signature(model.forward).parameters
        self._keeps_last, self._takes_places = "logits_to_keep" in takes, "position_ids" in takes
        weights = sum(tensor.nbytes for tensor in {id(p): p for p in model.parameters()}.values())
        self._budget = max(LEAST_BUDGET, int(BUDGET_SHARE * weights))
        self._prefix: tuple[tuple[int, ...], Any] = ((), None)
        self._bytes_a_token = 0
        self._window = _window(model.config.get_text_config())
        self._takes_places = self._takes_places and self._places_agree()
        for self._cached, self._pads in ((True, True), (True, False), (False, True), (False, False)):
            if self._agrees():
                break

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return torch.device(self._model.device)

    def batches(self, rows: Sequence[Row], copies: int = 1, more: int = 0, keep: int = 1) -> Iterator[list[int]]:
        """Numbers of the rows in batches of like length, longest first, so that memory is known from the start.

        Of one length, where padding would be seen or would push what is read out of sight.

        Args:
            rows: Token ids.
            copies: How many of each row there will be.
            more: Tokens that will follow.
            keep: Last positions of each whose logits are wanted.
        """
        logits = LOGITS * 4 * keep * int(self._model.config.get_text_config().vocab_size)
        order = sorted(range(len(rows)), key=lambda index: -len(rows[index]))
        while order:
            needed = copies * ((len(rows[order[0]]) + more) * self._bytes_a_token + logits)
            size = max(min(MOST_ROWS, self._budget // needed), 1)
            longest = len(rows[order[0]])
            if not self._pads or (self._window is not None and longest + more > self._window):
                size = min(size, sum(len(rows[index]) == longest for index in order[:size]))
            yield order[:size]
            order = order[size:]

    @torch.inference_mode()
    def begin(self, rows: Sequence[Row], keep: int = 1) -> tuple[State, Float[Tensor, "rows last vocabulary"]]:
        """The rows read, and the logits at their last `keep` positions.

        Rows must share what `share` was last given of them.
        """
        prefix, kept = self._prefix
        tails = [row[len(prefix) :] for row in rows] if self._cached else rows
        longest = max(map(len, tails))
        tokens_BT = torch.tensor([[0] * (longest - len(row)) + [*row] for row in tails], device=self.device)
        mask_BT = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in tails], device=self.device)
        if not self._cached:
            state = State(cache=None, mask_BT=mask_BT, tokens_BT=tokens_BT)
            return state, self._afresh(state, keep)
        cache = None
        if kept is not None:
            cache = copy.deepcopy(kept)
            cache.batch_repeat_interleave(len(rows))
            mask_BT = torch.cat([mask_BT.new_ones(len(rows), len(prefix)), mask_BT], dim=1)
        state = State(cache=cache, mask_BT=mask_BT, tokens_BT=None)
        return state, self._forward(state, tokens_BT, keep)

    @torch.inference_mode()
    def share(self, rows: Sequence[Row], spare: int = 1) -> None:
        """Reads what all the rows begin with, all but the last `spare` tokens of each at the most."""
        if not self._cached or not rows:
            return
        prefix = common_beginning(rows, spare)
        if prefix == self._prefix[0]:
            return
        self._prefix = ((), None)
        if prefix:
            state, _ = self.begin([prefix])
            self._prefix = (prefix, state.cache)

    @torch.inference_mode()
    def step(
        self, state: State, parents_R: Int64[Tensor, "rows"] | None, tokens_R: Int64[Tensor, "rows"]
    ) -> Float[Tensor, "rows vocabulary"]:
        """One more token behind chosen rows; the logits after it.

        Args:
            state: Is changed: its rows become those of the tokens.
            parents_R: Which row each token follows, None where they are all rows in their order.
            tokens_R: The tokens.
        """
        if parents_R is not None:
            state.mask_BT = state.mask_BT[parents_R]
            if state.cache is not None:
                state.cache.batch_select_indices(parents_R)
        state.mask_BT = torch.cat([state.mask_BT, state.mask_BT.new_ones(len(tokens_R), 1)], dim=1)
        if state.tokens_BT is not None:
            before_BT = state.tokens_BT if parents_R is None else state.tokens_BT[parents_R]
            state.tokens_BT = torch.cat([before_BT, tokens_R[:, None]], dim=1)
            return self._afresh(state, 1)[:, 0]
        return self._forward(state, tokens_R[:, None], 1)[:, 0]

    def _forward(self, state: State, tokens_BT: Tensor, keep: int) -> Tensor:
        """Tokens behind what the cache holds."""
        extra = self._extra(state.mask_BT, tokens_BT.shape[1], keep)
        output = self._model(
            tokens_BT, attention_mask=state.mask_BT, past_key_values=state.cache, use_cache=True, **extra
        )
        state.cache = getattr(output, "past_key_values", None)
        if not self._bytes_a_token and state.cache is not None:
            self._bytes_a_token = _size(state.cache) // max(state.mask_BT.numel(), 1)
        return output.logits[:, -keep:].float()

    def _afresh(self, state: State, keep: int) -> Tensor:
        """All tokens of the rows, without a cache."""
        assert state.tokens_BT is not None
        extra = self._extra(state.mask_BT, state.tokens_BT.shape[1], keep)
        output = self._model(state.tokens_BT, attention_mask=state.mask_BT, use_cache=False, **extra)
        return output.logits[:, -keep:].float()

    def _extra(self, mask_BT: Tensor, last: int, keep: int) -> dict[str, Any]:
        """What else the model is told, if it can be: how many logits to give, and where the `last` tokens stand."""
        extra: dict[str, Any] = {"logits_to_keep": keep} if self._keeps_last else {}
        if self._takes_places:
            extra["position_ids"] = (mask_BT.cumsum(dim=1) - 1).clamp(min=0)[:, -last:]
        return extra

    @torch.inference_mode()
    def _places_agree(self) -> bool:
        """Whether a row that is told where its tokens stand gives what it gives without; some count from elsewhere."""
        row = self._row(1, 2, 3, 1, 4)
        places = torch.arange(len(row), device=self.device)[None]
        told_V = self._model(torch.tensor([row], device=self.device), position_ids=places).logits[0, -1].float()
        return self._same(told_V, self._alone(row))

    @torch.inference_mode()
    def _agrees(self) -> bool:
        """Whether reading together, a shared beginning and one more token give what reading each row afresh gives."""
        rows = [self._row(1, 2, 3, 1, 4), self._row(1, 2, 4) if self._pads else self._row(1, 2, 4, 4, 1)]
        token = rows[0][0]
        try:
            self.share(rows)
            state, _ = self.begin(rows)
            if self._cached and (state.cache is None or not self._bytes_a_token):
                return False
            order_B = torch.tensor([1, 0], device=self.device)
            stepped_BV = self.step(state, order_B, torch.tensor([token, token], device=self.device))[order_B]
        except Exception:  # whatever an architecture's cache does not offer
            return False
        finally:
            self._prefix = ((), None)
        return self._same(stepped_BV, torch.stack([self._alone([*row, token]) for row in rows]))

    def _row(self, *tokens: int) -> list[int]:
        vocabulary = int(self._model.config.get_text_config().vocab_size)
        return [min(token, vocabulary - 1) for token in tokens]

    def _alone(self, row: Row) -> Tensor:
        """The logits behind a row that is read by itself, as anyone would."""
        last_V: Tensor = self._model(torch.tensor([row], device=self.device)).logits[0, -1].float()
        return last_V

    @staticmethod
    def _same(one: Tensor, other: Tensor) -> bool:
        return bool((one - other).abs().max() <= SAME * other.std())


def _window(config: Any) -> int | None:
    """Tokens that a layer sees of what stands before, None where all layers see all."""
    sizes = [
        getattr(config, name, None)
        for name in ("sliding_window", "attention_chunk_size", "attention_window_size", "window_size")
    ]
    slides = getattr(config, "use_sliding_window", True)
    return min((size for size in sizes if slides and isinstance(size, int) and size > 0), default=None)


def common_beginning(rows: Sequence[Row], spare: int) -> tuple[int, ...]:
    """The tokens that all rows begin with, all but the last `spare` of each at the most."""
    first, last = min(map(tuple, rows)), max(map(tuple, rows))
    most = max(min(map(len, rows)) - spare, 0)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), most)
    return first[: min(same, most)]


def _size(cache: Any) -> int:
    """Bytes of the keys and values."""
    layers = getattr(cache, "layers", ())
    tensors = [getattr(layer, name, None) for layer in layers for name in ("keys", "values")]
    return sum(tensor.nbytes for tensor in tensors if isinstance(tensor, Tensor))
