"""What a model from elsewhere writes: greedily, drawn, and as beams, all at once.

Greedy answers, samples and beams of one question share what they begin with: they are paths in one tree of tokens, of
which every node is read once. The log-probability of every token comes up on the way.

Axes: R rows (open nodes), V vocabulary, K continuations of a beam.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from closedbook.draws import UNIT, derive, random_bits
from closedbook.hub.reading import Reader, Row

BEAMS = 8
LEAST_NATS = -6.9  # of a beam that is followed: a probability of 0.1 %, as for the models of our own
LONGER, FURTHER, LEAST_TOKENS = 1.2, 2, 12  # of samples and beams, against the first sentence of the greedy answer
SPARSE = 0.75  # share of rows in use below which the others are dropped, which copies the cache


@dataclass(frozen=True)
class Path:
    """Tokens after a prompt, with the log-probability of each; whether the last closes the answer."""

    ids: tuple[int, ...] = ()
    nats: tuple[float, ...] = ()
    closed: bool = False

    def then(self, token: int, nats: float, closed: bool = False) -> "Path":
        return Path((*self.ids, token), (*self.nats, nats), closed)

    @property
    def total(self) -> float:
        """Log-probability of the whole."""
        return sum(self.nats, 0.0)


@dataclass
class Written:
    """What is written after one prompt."""

    key: int  # of the prompt, for draws
    greedy: Path = field(default_factory=Path)
    samples: list[Path] = field(default_factory=list)
    beams: list[Path] = field(default_factory=list)  # open, likeliest first
    ended: list[Path] = field(default_factory=list)  # beams that do not go on
    most: int | None = None  # tokens of samples and beams, None while that is not known

    def open_paths(self) -> Iterator[Path]:
        """All that go on."""
        others = () if self.cut else (*self.samples, *self.beams)
        yield from (path for path in (self.greedy, *others) if not path.closed)

    @property
    def cut(self) -> bool:
        """Whether samples and beams have had their tokens."""
        return self.most == 0

    def measure(self, sentence_ends: frozenset[int], step: int) -> None:
        """Lets samples and beams be somewhat longer than the first sentence of the greedy answer.

        They are looked at for the answer in them: how a sentence rambles on is none.
        """
        if self.most is None and (self.greedy.closed or self.greedy.ids[-1] in sentence_ends):
            self.most = max(round(LONGER * (step + 1)) + FURTHER, LEAST_TOKENS)
        if self.most is not None and step + 1 >= self.most:
            self.ended += self.beams
            self.beams, self.most = [], 0


def write(
    reader: Reader,
    prompts: Sequence[Row],
    *,
    closing: Sequence[int],
    sentence_ends: frozenset[int] = frozenset(),
    limit: int,
    samples: int = 0,
    beams: int = 0,
    seed: int = 0,
) -> Iterator[tuple[list[int], list[Written]]]:
    """What follows each prompt, batch by batch: numbers of prompts, and what was written after them.

    Args:
        reader: The model.
        prompts: Token ids.
        closing: The tokens of which any ends an answer.
        sentence_ends: The tokens that end a sentence.
        limit: Tokens at the most.
        samples: Answers to draw at temperature 1 for each; the same for the same seed and prompt in any batch.
        beams: Answers to look for beside the greedy one.
        seed: Of the samples.
    """
    reader.share(prompts)
    tree = _Tree(reader, closing, sentence_ends, limit, beams, seed)
    for batch in reader.batches(prompts, copies=1 + 3 * (samples + beams) // 4, more=limit):
        written = []
        for index in batch:
            digest = hashlib.sha256(repr(tuple(prompts[index])).encode()).digest()
            start = Path()
            written.append(
                Written(key=int.from_bytes(digest[:7]), samples=[start] * samples, beams=[start] if beams else [])
            )
        tree.grow([prompts[index] for index in batch], written)
        yield batch, written


class _Tree:
    """Grows the paths of a batch of prompts, a token a step."""

    def __init__(
        self,
        reader: Reader,
        closing: Sequence[int],
        sentence_ends: frozenset[int],
        limit: int,
        beams: int,
        seed: int,
    ) -> None:
        self._sentence_ends = sentence_ends
        self._reader, self._limit, self._beams, self._seed = reader, limit, beams, seed
        self._closing = torch.tensor(closing, dtype=torch.int64, device=reader.device)
        self._ends = frozenset(closing)

    def grow(self, prompts: Sequence[Row], written: Sequence[Written]) -> None:
        state, logits_BKV = self._reader.begin(prompts)
        logits_RV = logits_BKV[:, 0]
        rows: dict[tuple[int, tuple[int, ...]], int] = {(index, ()): index for index in range(len(prompts))}
        for step in range(self._limit):
            self._extend(written, rows, logits_RV.log_softmax(dim=-1), step)
            nodes = list(
                dict.fromkeys((index, path.ids) for index, each in enumerate(written) for path in each.open_paths())
            )
            if not nodes or step + 1 == self._limit:
                break
            parents = [rows[index, ids[:-1]] for index, ids in nodes]
            nodes, parents = _keep_order(nodes, parents, len(logits_RV))
            tokens_R = torch.tensor([ids[-1] if ids else 0 for _, ids in nodes], device=self._reader.device)
            same = parents == list(range(len(logits_RV)))
            parents_R = None if same else torch.tensor(parents, device=self._reader.device)
            logits_RV = self._reader.step(state, parents_R, tokens_R)
            rows = {node: row for row, node in enumerate(nodes)}
        for each in written:
            each.ended += each.beams  # of those that are cut what is written counts

    def _extend(
        self,
        written: Sequence[Written],
        rows: dict[tuple[int, tuple[int, ...]], int],
        nats_RV: Float[Tensor, "rows vocabulary"],
        step: int,
    ) -> None:
        """Every open path by a token."""
        closing_R = nats_RV[:, self._closing].logsumexp(dim=1) if len(self._closing) else nats_RV[:, 0] - torch.inf
        best_R = nats_RV.argmax(dim=1)
        best, best_nats = best_R.tolist(), nats_RV.gather(1, best_R[:, None])[:, 0].tolist()
        closing = closing_R.tolist()
        drawn = self._draw(written, rows, nats_RV, step)
        likeliest = self._likeliest(written, rows, nats_RV)
        for index, each in enumerate(written):
            if not each.greedy.closed:
                row = rows[index, each.greedy.ids]
                each.greedy = self._then(each.greedy, best[row], best_nats[row], closing[row])
            if not each.cut:
                each.samples = [
                    path if path.closed else self._then(path, *drawn[index, number], closing[rows[index, path.ids]])
                    for number, path in enumerate(each.samples)
                ]
                self._search(each, [(path, rows[index, path.ids]) for path in each.beams], closing, likeliest)
                each.measure(self._sentence_ends, step)

    def _search(
        self,
        written: Written,
        beams: Sequence[tuple[Path, int]],
        closing: Sequence[float],
        likeliest: dict[int, list[tuple[int, float]]],
    ) -> None:
        """Every beam, with the row that it ends in, by a token or a closing; the likeliest are kept."""
        candidates = []
        for path, row in beams:
            if path.total + closing[row] >= LEAST_NATS:
                written.ended.append(path.then(int(self._closing[0]), closing[row], closed=True))
            candidates += [path.then(token, nats) for token, nats in likeliest[row]]
        kept = sorted(candidates, key=lambda path: -path.total)[: self._beams]
        written.beams = [path for path in kept if path.total >= LEAST_NATS]

    def _then(self, path: Path, token: int, nats: float, closing: float) -> Path:
        return path.then(token, closing, closed=True) if token in self._ends else path.then(token, nats)

    def _draw(
        self,
        written: Sequence[Written],
        rows: dict[tuple[int, tuple[int, ...]], int],
        nats_RV: Float[Tensor, "rows vocabulary"],
        step: int,
    ) -> dict[tuple[int, int], tuple[int, float]]:
        """A token and its log-probability for every open sample, by prompt and number."""
        which = [
            (index, number, rows[index, path.ids])
            for index, each in enumerate(written)
            for number, path in enumerate(() if each.cut else each.samples)
            if not path.closed
        ]
        if not which:
            return {}
        used = sorted({row for *_, row in which})
        place = {row: i for i, row in enumerate(used)}
        cumulative_UV = nats_RV[used].exp().cumsum(dim=1)
        bits = [
            int(random_bits(derive(self._seed, written[index].key), step, 0, torch.tensor(number)))
            for index, number, _ in which
        ]
        places_S = torch.tensor([place[row] for *_, row in which], device=nats_RV.device)
        shares_S = (torch.tensor(bits, dtype=torch.float64) / UNIT).float().to(nats_RV.device)
        # of the last sum, not of one: rounding must not leave a share that no token has
        sums_SV = cumulative_UV[places_S]
        tokens_S = torch.searchsorted(sums_SV, (shares_S * sums_SV[:, -1])[:, None], right=True)[:, 0]
        tokens_S = tokens_S.clamp(max=nats_RV.shape[1] - 1)
        rows_S = torch.tensor([row for *_, row in which], device=nats_RV.device)
        values = nats_RV[rows_S, tokens_S].tolist()
        return {
            (index, number): pair
            for (index, number, _), pair in zip(which, zip(tokens_S.tolist(), values, strict=True), strict=True)
        }

    def _likeliest(
        self,
        written: Sequence[Written],
        rows: dict[tuple[int, tuple[int, ...]], int],
        nats_RV: Float[Tensor, "rows vocabulary"],
    ) -> dict[int, list[tuple[int, float]]]:
        """The likeliest tokens that do not close, with their log-probabilities, by row that a beam ends in."""
        used = sorted({rows[index, path.ids] for index, each in enumerate(written) for path in each.beams})
        if not used:
            return {}
        open_UV = nats_RV[used]
        open_UV[:, self._closing] = -torch.inf
        top = open_UV.topk(min(self._beams, open_UV.shape[1]), dim=1)
        pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
        return {row: list(zip(*pair, strict=True)) for row, pair in zip(used, pairs, strict=True)}


def _keep_order(
    nodes: list[tuple[int, tuple[int, ...]]], parents: list[int], before: int
) -> tuple[list[tuple[int, tuple[int, ...]]], list[int]]:
    """Nodes in the order of their parents; where each parent has one at most and few are idle, idle rows stay.

    An idle row goes on with an arbitrary token and is looked at by nobody: that is cheaper than to copy the cache.
    """
    by_parent = dict(zip(parents, nodes, strict=True))
    if len(by_parent) == len(nodes) and len(nodes) >= SPARSE * before:
        return [by_parent.get(row, (-1 - row, ())) for row in range(before)], list(range(before))
    order = sorted(range(len(nodes)), key=lambda i: parents[i])
    return [nodes[i] for i in order], [parents[i] for i in order]
