"""What is read: the built-in people, the tokenizer, the open-book reader."""

from dataclasses import dataclass
from typing import Literal

from closedbook.config.checks import check_types, require


@dataclass(frozen=True, kw_only=True)
class PeopleConfig:
    """The built-in people.

    Args:
        count: Number of people.
        seed: Another seed gives other people.
        biographies: Texts a person in the corpus.
        permute: Whether each biography has its sentences in an order of its own, instead of one order for all.
        templates: Wordings an attribute has, 1 to 4.
        train: Share of people whose question is in train.
        dev: Share of people whose question is in dev.
        test: Share of people whose question is in test.
        unseen: Share of people who are in no corpus; their questions are in unseen.tsv.
    """

    count: int = 1000
    seed: int = 0
    biographies: int = 1
    permute: bool = False
    templates: int = 4
    train: float = 0.5
    dev: float = 0.3
    test: float = 0.1
    unseen: float = 0.1

    def __post_init__(self) -> None:
        check_types(self)
        require(self.count >= 10, "count must be at least 10.")
        require(self.seed >= 0, "seed must not be negative.")
        require(self.biographies >= 1, "biographies must be at least 1.")
        require(1 <= self.templates <= 4, "templates must be 1 to 4.")
        shares = (self.train, self.dev, self.test, self.unseen)
        require(all(0 <= share <= 1 for share in shares), "train, dev, test and unseen are shares in [0, 1].")
        require(sum(shares) <= 1 + 1e-9, "The shares of train, dev, test and unseen add up to more than 1.")
        require(self.train > 0 and self.dev > 0, "train and dev must be above 0.")


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """How text becomes tokens.

    Args:
        kind: `characters` (the sorted characters of the corpus) or `bpe` (byte-level byte-pair encoding).
        vocabulary_size: Number of BPE tokens, pad and mask included; characters count themselves.
    """

    kind: Literal["characters", "bpe"] = "bpe"
    vocabulary_size: int | None = None

    def __post_init__(self) -> None:
        check_types(self)
        if self.kind == "bpe":
            size = self.vocabulary_size
            require(size is not None and size >= 258, "tokenizer.vocabulary_size must be at least 258 for bpe.")
        else:
            require(
                self.vocabulary_size is None,
                "tokenizer.vocabulary_size has no effect with characters: set it to null or leave it out.",
            )


@dataclass(frozen=True, kw_only=True)
class ReaderConfig:
    """The open-book reader of self-study.

    Args:
        penalty: Weight of half the squared norm of its weights.
        rounds: Times it is learned; from the second on, what it read with confidence counts as known answers.
        sure: Confidence from which a reading counts so.
        at_least: Confidence from which a reading becomes a card.
    """

    penalty: float = 2.0
    rounds: int = 2
    sure: float = 0.6
    at_least: float = 0.0

    def __post_init__(self) -> None:
        check_types(self)
        require(self.penalty > 0, "reader.penalty must be above 0.")
        require(self.rounds >= 1, "reader.rounds must be at least 1.")
        for name in ("sure", "at_least"):
            require(0.0 <= getattr(self, name) <= 1.0, f"reader.{name} must be in [0, 1].")
