"""The oddities of a recipe as types.

Axes: S steps of a training, B rows of a batch, T positions, F training facts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PADDING, READ, SCORED = range(3)  # what a position of a batch is
DEV = 500  # questions of the assignment's dev file
Shares = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Rates:
    """The learning rate of a stage as a share of its peak, step by step.

    Args:
        peak: What the shares are of.
        epochs: Passes of the stage.
        positions_S: Positions that the schedule has counted before each step.
        letter_S: What the recipe's schedule gives.
        expected_S: One cosine from the peak to the floor at the last step.
    """

    peak: float
    epochs: int
    positions_S: NDArray[np.signedinteger]
    letter_S: Shares
    expected_S: Shares

    @property
    def epochs_behind(self) -> Shares:
        """Passes behind each step."""
        return np.arange(len(self.letter_S)) * self.epochs / len(self.letter_S)

    def untouched(self, weight_decay: float) -> Shares:
        """What decay alone leaves of a weight after each step."""
        return np.cumprod(1 - self.peak * self.letter_S * weight_decay)

    @property
    def summit(self) -> float:
        """The pass at which the rate is back at its highest after it has been at its lowest."""
        lowest = int(self.letter_S.argmin())
        return float(self.epochs_behind[lowest + int(self.letter_S[lowest:].argmax())])


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Something that two lines may share: how often neighbours in the file do, and in shuffled files."""

    what: str
    observed: float
    shuffled: tuple[float, ...]

    @property
    def deviations(self) -> float:
        """Standard deviations of the shuffled files between their mean and the file."""
        return (self.observed - float(np.mean(self.shuffled))) / max(float(np.std(self.shuffled)), 1e-12)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The first batch of a stage; an example's last token, from which nothing is predicted, counts as padding.

    Args:
        kinds_BT: `PADDING`, `READ` or `SCORED`, for every input position of the block.
        real: Share of all input positions of an epoch that are not padding.
    """

    kinds_BT: NDArray[np.int64]
    real: float


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """How often a pass shows an answer of the training facts, as a share of all passes.

    Args:
        read_F: The cut line holds the whole answer; 0 where the line does not.
        hidden_F: The masked span holds it.
        asked_F: The masked span is it.
        longest: Inputs of the longest example of all passes.
    """

    read_F: Shares
    hidden_F: Shares
    asked_F: Shares
    longest: int


@dataclass(frozen=True, kw_only=True)
class Characters:
    """The vocabulary of characters.

    Args:
        counts: How often each character of the corpus occurs, the most frequent first.
        size: The vocabulary's, with pad, mask and line break.
        unread: Characters that occur only where no cut reaches.
        dropped: By part, facts that have a character which is not ASCII, and all facts.
        line_lengths: Of every line, in characters and in tokens of `standard`'s BPE.
        beyond: Share of the text that no cut reaches.
    """

    counts: dict[str, int]
    size: int
    unread: int
    dropped: dict[str, tuple[int, int]]
    line_lengths: tuple[tuple[int, int], ...]
    beyond: float

    @property
    def foreign(self) -> list[int]:
        """How often the characters that are not ASCII occur."""
        return [count for character, count in self.counts.items() if not character.isascii()]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Parameters of one kind: how many, whether the recipe decays them, whether they are matrices of linear layers."""

    kind: str
    count: int
    decays: bool
    linear: bool


@dataclass(frozen=True, kw_only=True)
class Letter:
    """Everything that is measured."""

    block: int
    longest_cut: int
    weight_decay: float
    rates: dict[str, Rates]  # by stage
    batches: tuple[dict[str, int], ...]  # of a pass of pretraining: rows by the part that asks about them
    neighbours: tuple[Neighbours, ...]
    first_batches: dict[str, Batch]  # by stage
    exposure: Exposure
    characters: Characters
    groups: dict[str, tuple[Group, ...]]  # by attention class


@dataclass(frozen=True)
class System:
    """Dev questions that a system by the 2021 recipe answers rightly, of `DEV` (docs/results.md), and its attention."""

    name: str
    correct: int
    attention: str


ASSIGNMENT = System("the assignment, key-query-value", 111, "key_query_value")
DOUBTFUL = System('the assignment, "Synthesizer"', 119, "doubtful")
WIRED = System("best public Synthesizer that is wired", 86, "dense_synthesizer")
SYSTEMS = (
    ASSIGNMENT,
    DOUBTFUL,
    System("median of 82 public, key-query-value", 115, "key_query_value"),
    System("best public, key-query-value", 159, "key_query_value"),
    WIRED,
    System("the second best", 78, "dense_synthesizer"),
    System("the third best", 67, "dense_synthesizer"),
    System("here, key-query-value", 146, "key_query_value"),
    System("here, Synthesizer", 65, "dense_synthesizer"),
)
