"""Completions: what goes on after a text, token by token, and how probable the text itself is.

Log-probabilities are the model's own, at temperature 1, whatever tokens are drawn at. A draw depends on the seed, the
prompt and the place alone, so that who is computed beside it does not matter.

Axes: R rows, K last positions, V vocabulary.
"""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from closedbook.draws import UNIT, derive, random_bits
from closedbook.serve.texts import Texts


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How a prompt is to be completed.

    Args:
        ids: Its tokens.
        text: As it was given, None where it was given as tokens.
        most: Tokens to write at the most; none to score the prompt alone.
        stops: Texts that end the completion; they are left out of it.
        temperature: Of the draws; 0 for the likeliest tokens.
        seed: Of the draws, None for any.
        echo: Whether the prompt stands before what is written.
        likeliest: At each place how many of the likeliest tokens are told, None for no log-probabilities at all.
    """

    ids: tuple[int, ...]
    text: str | None = None
    most: int = 16
    stops: tuple[str, ...] = ()
    temperature: float = 0.0
    seed: int | None = None
    echo: bool = False
    likeliest: int | None = None

    @property
    def scores(self) -> bool:
        """Whether the prompt's own tokens get log-probabilities."""
        return self.echo and self.likeliest is not None


@dataclass(frozen=True, kw_only=True)
class Place:
    """A token with its log-probability in nats, None for a text's first, and the likeliest ones there."""

    token: int
    nats: float | None
    likeliest: tuple[tuple[int, float], ...]


@dataclass
class Completed:
    """What came of one prompt.

    Args:
        wanted: The prompt.
        written: The tokens written, what ended them included.
        text: What they say, without what ended it.
        ended: Whether the model or a stop ended it, rather than the number of tokens or the context.
        scored: The prompt's tokens, where they are scored.
    """

    wanted: Wanted
    key: int  # of the draws
    written: list[Place] = field(default_factory=list)
    text: str = ""
    ended: bool = False
    scored: list[Place] = field(default_factory=list)

    @property
    def reason(self) -> Literal["stop", "length"]:
        """Why it ends, in OpenAI's words."""
        return "stop" if self.ended else "length"

    @property
    def ids(self) -> list[int]:
        """All tokens so far."""
        return [*self.wanted.ids, *(place.token for place in self.written)]


def complete(
    texts: Texts, prompts: Sequence[Wanted], given_up: Callable[[int], bool] = lambda index: False
) -> list[Completed]:
    """Completes prompts, batch by batch.

    Args:
        texts: The model.
        prompts: All of them scored, or none.
        given_up: Whether nobody waits any more for the prompt of that number; it is left as it is.
    """
    every = [Completed(wanted, _key(wanted)) for wanted in prompts]
    rows = [wanted.ids for wanted in prompts]
    scores = any(wanted.scores for wanted in prompts)
    longest = max(map(len, rows))
    texts.reader.share(rows, spare=longest if scores else 1)  # what is shared is not read again, so not scored
    keep, more = longest if scores else 1, max(wanted.most for wanted in prompts)
    for batch in texts.reader.batches(rows, more=more, keep=keep):
        _complete_batch(texts, [every[index] for index in batch], batch, keep, given_up)
    return every


def _complete_batch(
    texts: Texts, batch: list[Completed], numbers: list[int], keep: int, given_up: Callable[[int], bool]
) -> None:
    state, logits_RKV = texts.reader.begin([each.wanted.ids for each in batch], keep)
    for each, logits_KV in zip(batch, logits_RKV, strict=True):
        if each.wanted.scores:
            each.scored = _scored(each.wanted, logits_KV[-len(each.wanted.ids) :])
    open_ = [index for index, each in enumerate(batch) if each.wanted.most]
    before = list(range(len(batch)))  # of which row each of the logits is
    logits_RV = logits_RKV[:, -1]
    while open_:
        rows = [before.index(index) for index in open_]
        chosen_R = logits_RV if rows == list(range(len(logits_RV))) else logits_RV[rows]
        _write(texts, [batch[index] for index in open_], chosen_R)
        on = [index for index in open_ if _goes_on(texts, batch[index]) and not given_up(numbers[index])]
        if on:
            rows = [before.index(index) for index in on]
            parents_R = None if rows == list(range(len(before))) else torch.tensor(rows, device=texts.reader.device)
            tokens_R = torch.tensor([batch[index].written[-1].token for index in on], device=texts.reader.device)
            logits_RV = texts.reader.step(state, parents_R, tokens_R)
        open_ = before = on


def _write(texts: Texts, rows: Sequence[Completed], logits_RV: Float[Tensor, "rows vocabulary"]) -> None:
    """One token more for each."""
    nats_RV = logits_RV.log_softmax(dim=-1)
    best = logits_RV.argmax(dim=-1).tolist()
    for row, each in enumerate(rows):
        token = _drawn(each, logits_RV[row]) if each.wanted.temperature else best[row]
        piece = "" if token in texts.ends else texts.piece(each.ids, token)
        each.written.append(_place(nats_RV[row], token, each.wanted.likeliest))
        each.text += piece
        each.ended = token in texts.ends
        if cuts := [at for stop in each.wanted.stops if (at := each.text.find(stop)) >= 0]:
            each.text, each.ended = each.text[: min(cuts)], True


def _goes_on(texts: Texts, each: Completed) -> bool:
    written = len(each.written)
    return not each.ended and written < each.wanted.most and len(each.wanted.ids) + written <= texts.context


def _scored(wanted: Wanted, logits_TV: Float[Tensor, "time vocabulary"]) -> list[Place]:
    """The prompt's tokens; of the first nothing is known."""
    nats_TV = logits_TV.log_softmax(dim=-1)
    first = Place(token=wanted.ids[0], nats=None, likeliest=())
    return [first, *(_place(nats_TV[at], token, wanted.likeliest) for at, token in enumerate(wanted.ids[1:]))]


def _place(nats_V: Float[Tensor, "vocabulary"], token: int, likeliest: int | None) -> Place:
    if likeliest is None:
        return Place(token=token, nats=None, likeliest=())
    nats = min(float(nats_V[token]), 0.0)
    if not likeliest:
        return Place(token=token, nats=nats, likeliest=())
    top = nats_V.topk(min(likeliest, len(nats_V)))
    pairs = {id_: min(value, 0.0) for id_, value in zip(top.indices.tolist(), top.values.tolist(), strict=True)}
    return Place(token=token, nats=nats, likeliest=tuple((pairs | {token: nats}).items()))


def _drawn(each: Completed, logits_V: Float[Tensor, "vocabulary"]) -> int:
    """A token drawn at the prompt's temperature."""
    edges_V = (logits_V.double() / each.wanted.temperature).softmax(dim=-1).cumsum(dim=-1)
    bits = int(random_bits(each.key, len(each.written), 0, torch.tensor(0)))
    share = (bits + 0.5) / UNIT * edges_V[-1:]  # of the last sum: rounding must not leave a share that no token has
    return min(int(torch.searchsorted(edges_V, share)), len(edges_V) - 1)


def _key(wanted: Wanted) -> int:
    seed = secrets.randbits(62) if wanted.seed is None else wanted.seed
    digest = hashlib.sha256(repr(wanted.ids).encode()).digest()
    return derive(seed, int.from_bytes(digest[:7]))
