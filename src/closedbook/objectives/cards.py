"""Cards: the spans of a line are asked for, given the line's subject and perhaps some words around them.

All are cuts and masks of one corpus line plus sentinels. Which spans are asked for follows the kinds of the training
answers (`facts/spans.py`) and looks at no answer of the line (compare salient span masking, Guu et al. 2020, section
3.4). Of kinds with many spans a line, and of spans that are like few answers, a pass takes some, drawn anew each time.

Axes: R spans, L lines, S spans of a line, K segments.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from closedbook import config
from closedbook.draws import UNIT, random_bits
from closedbook.objectives.objective import Material, with_spans
from closedbook.objectives.segments import MASK, Segments, lay_out_rows
from closedbook.objectives.store import TitledSlices

SpanSettings = config.NameCards | config.ContextCards | config.Outlines | config.SalientSpan
ORDER, RARELY, SIDE, CUT, WHERE = range(5)  # streams of draws
SHARES = (0.5, 0.5, 0.0)  # of the words before a span, of those without other spans, and of those behind it
SHARES_BEHIND = (0.3, 0.3, 0.4)  # the same where those behind it are needed
Row = list[tuple[tuple[int, int], bool]]


class Choice:
    """Which spans a pass takes: of each group of a line as many as its quota says, drawn anew each time.

    Args:
        documents: Lines with their spans.
        device: Where the draws are made.
    """

    def __init__(self, documents: Sequence[TitledSlices], device: torch.device) -> None:
        groups: dict[tuple[int, str], int] = {}
        spans = [(line, span) for line, document in enumerate(documents) for span in document.spans]
        numbers = [groups.setdefault((line, span.group), len(groups)) for line, span in spans]
        self._group_R = torch.tensor(numbers, dtype=torch.int64, device=device)
        self._quota_R = torch.tensor([span.quota for _, span in spans], dtype=torch.float64, device=device)

    def __call__(self, seed: int, number: int) -> Bool[Tensor, "spans"]:
        """True for the spans of that pass; a quota of 0.25 takes one in every fourth pass."""
        rows_R = torch.arange(len(self._group_R), device=self._group_R.device)
        shuffled_R = random_bits(seed, number, ORDER, rows_R).argsort(stable=True)
        order_R = shuffled_R[self._group_R[shuffled_R].argsort(stable=True)]
        _, count_G = self._group_R[order_R].unique_consecutive(return_counts=True)
        first_R = torch.repeat_interleave(count_G.cumsum(0) - count_G, count_G)
        rank_R = torch.empty_like(rows_R).scatter_(0, order_R, rows_R - first_R)
        more_R = random_bits(seed, number, RARELY, self._group_R).double() / UNIT
        return rank_R < (self._quota_R + more_R).floor()


def _asked(settings: SpanSettings, material: Material) -> list[TitledSlices]:
    """The documents with what they are asked for, each text once, but where a context tells its places apart."""
    documents = with_spans(material.titled if settings.spans == "like_answers" else material.titled_phrases)
    if isinstance(settings, config.ContextCards):
        return documents
    return [replace(each, spans=tuple(span for span in each.spans if not span.again)) for each in documents]


class _Drawn:
    """One card a span, of which a pass takes some."""

    def __init__(self, documents: Sequence[TitledSlices], rows: list[Row], material: Material, seed: int) -> None:
        self._cards = lay_out_rows(rows, material.device)
        self._choice, self._seed, self.counts = Choice(documents, material.device), seed, dict[str, int]()

    def __call__(self, number: int) -> Segments:
        """The cards of a pass."""
        return self._cards.rows(self._choice(self._seed, number))

    def candidates(self) -> Int64[Tensor, "rows"]:
        """Tokens of the card of every span."""
        return self._cards.lengths()


class NameCards(_Drawn):
    """`name MASK span MASK` for every span, scored after the first mask."""

    def __init__(self, settings: config.NameCards, material: Material, seed: int) -> None:
        documents = _asked(settings, material)
        asked = [(document.name, span.span) for document in documents for span in document.spans]
        rows = [[(name, False), (MASK, False), (span, True), (MASK, True)] for name, span in asked]
        super().__init__(documents, rows, material, seed)


class ContextCards(_Drawn):
    """`name left-context MASK span MASK` for every span, scored after the first mask.

    How many words the context has is drawn anew at each pass, unless all are asked for, and with `around` whether they
    are those before the span, those without other spans, or those behind it. With `either`, half of the
    cards, drawn alike, are `left-context name MASK span MASK`: the same cut with its parts exchanged, so that a name is
    met with words before it, as in a question.
    """

    def __init__(self, settings: config.ContextCards, material: Material, seed: int) -> None:
        documents = _asked(settings, material)
        asked = [(document.name, span) for document in documents for span in document.spans]
        rows = [
            [(name, False), (span.contexts[-1], False), (MASK, False), (span.span, True), (MASK, True)]
            for name, span in asked
        ]
        super().__init__(documents, rows, material, seed)
        kinds = ("contexts", "apart", "behind") if material.asks_around(settings) else ("contexts",)
        cuts = [[getattr(span, kind) or span.contexts for _, span in asked] for kind in kinds]
        shares = [SHARES_BEHIND if span.behind else SHARES for _, span in asked]
        self._share_RQ = torch.tensor(shares, dtype=torch.float64, device=material.device).reshape(-1, 3)
        self._cuts = [
            lay_out_rows([[(cut, False) for cut in own] for own in of_kind], material.device) for of_kind in cuts
        ]
        counts = [[len(own) for own in of_kind] for of_kind in cuts]
        self._count_QR = torch.tensor(counts, dtype=torch.int64, device=material.device)
        self._drawn, self._either = settings.lengths == "drawn", settings.side == "either"

    def __call__(self, number: int) -> Segments:
        """The cards of a pass."""
        if not len(self._cards):
            return self._cards
        start_RK, length_RK = self._cards.start_RK.clone(), self._cards.length_RK.clone()
        rows_R = torch.arange(len(self._cards), device=start_RK.device)
        kind_R = self._kinds(number, rows_R)
        for kind, cuts in enumerate(self._cuts):
            cut_R = self._count_QR[kind] - 1
            if self._drawn:
                cut_R = random_bits(self._seed, number, CUT, rows_R) % self._count_QR[kind]
            chosen_R1, cut_R1 = (kind_R == kind)[:, None], cut_R[:, None]
            start_RK[:, 1:2] = torch.where(chosen_R1, cuts.start_RK.gather(1, cut_R1), start_RK[:, 1:2])
            length_RK[:, 1:2] = torch.where(chosen_R1, cuts.length_RK.gather(1, cut_R1), length_RK[:, 1:2])
        if self._either:
            before_R1 = (random_bits(self._seed, number, SIDE, rows_R) & 1)[:, None]
            first_K = torch.tensor([1, -1, 0, 0, 0], device=start_RK.device)  # exchanges the first two
            order_RK = torch.arange(5, device=start_RK.device) + before_R1 * first_K
            start_RK, length_RK = start_RK.gather(1, order_RK), length_RK.gather(1, order_RK)
        return Segments(start_RK, length_RK, self._cards.scored_RK).rows(self._choice(self._seed, number))

    def _kinds(self, number: int, rows_R: Int64[Tensor, "rows"]) -> Int64[Tensor, "rows"]:
        """Which kind of context each card has at a pass."""
        if len(self._cuts) == 1:
            return torch.zeros_like(rows_R)
        drawn_R = random_bits(self._seed, number, WHERE, rows_R).double() / UNIT
        return (drawn_R[:, None] >= self._share_RQ.cumsum(dim=1)[:, :2]).sum(dim=1)

    def candidates(self) -> Int64[Tensor, "rows"]:
        """Tokens of the card of every span, with the shortest context that a pass may draw."""
        if not len(self._cards):
            return self._cards.lengths()
        of_kinds = [
            cuts.length_RK[:, 0] if self._drawn else cuts.length_RK.gather(1, count_R[:, None] - 1)[:, 0]
            for cuts, count_R in zip(self._cuts, self._count_QR, strict=True)
        ]
        return self._cards.lengths() - self._cards.length_RK[:, 1] + torch.stack(of_kinds).amin(dim=0)


class Outlines:
    """`name MASK span MASK span MASK ...`: all but the spans of a line masked out, scored after the name."""

    def __init__(self, settings: config.Outlines, material: Material, seed: int) -> None:
        documents = _asked(settings, material)
        self._lines = lay_out_rows(
            [
                [(document.name, False), (MASK, False)]
                + [segment for span in document.spans for segment in ((span.span, True), (MASK, True))]
                for document in documents
            ],
            material.device,
        )
        counts_L = torch.tensor([len(document.spans) for document in documents], device=material.device)
        widest = max((len(document.spans) for document in documents), default=0)
        self._shortest_L = torch.tensor([_shortest_outline(document) for document in documents], dtype=torch.int64)
        self._there_LS = torch.arange(widest, device=material.device) < counts_L.reshape(-1, 1)
        self._choice, self._seed, self.counts = Choice(documents, material.device), seed, dict[str, int]()

    def __call__(self, number: int) -> Segments:
        """The lines of a pass, each with the spans that the pass takes."""
        taken_LS = torch.zeros_like(self._there_LS)
        taken_LS[self._there_LS] = self._choice(self._seed, number)
        lines_L = taken_LS.any(dim=1)
        taken_LS, lines = taken_LS[lines_L], self._lines.rows(lines_L)
        kept_LK = torch.cat([torch.ones_like(lines.scored_RK[:, :2]), taken_LS.repeat_interleave(2, dim=1)], dim=1)
        widest = int(kept_LK.sum(dim=1).max()) if len(lines) else 0
        order_LK = (~kept_LK).int().argsort(dim=1, stable=True)[:, :widest]  # what is left out goes to the end
        length_LK = torch.where(kept_LK, lines.length_RK, 0)
        return Segments(
            start_RK=lines.start_RK.gather(1, order_LK),
            length_RK=length_LK.gather(1, order_LK),
            scored_RK=lines.scored_RK.gather(1, order_LK),
        )

    def candidates(self) -> Int64[Tensor, "rows"]:
        """Tokens of every line that has spans, at its shortest."""
        return self._shortest_L


def _shortest_outline(document: TitledSlices) -> int:
    """Tokens of a line's shortest outline: as few spans of each group as a pass may take, but one, the shortest."""
    kept, taken = list[int](), Counter[str]()
    spans = sorted(document.spans, key=lambda span: span.span[1])
    for span in spans:
        taken[span.group] += 1
        if taken[span.group] <= span.quota:
            kept.append(span.span[1])
    kept = kept or [spans[0].span[1]]
    return document.name[1] + 1 + sum(kept) + len(kept)


class SalientSpan(_Drawn):
    """`name left MASK right MASK span MASK`: the whole text with one span masked (Guu et al. 2020, section 3.4)."""

    def __init__(self, settings: config.SalientSpan, material: Material, seed: int) -> None:
        documents = _asked(settings, material)
        rows = []
        for document in documents:
            start, length = document.body
            for span in document.spans:
                left, right = (start, span.place[0] - start), (span.place[1], start + length - span.place[1])
                context = [(segment, False) for segment in (document.name, left, MASK, right, MASK)]
                rows.append([*context, (span.span, True), (MASK, True)])
        super().__init__(documents, rows, material, seed)
