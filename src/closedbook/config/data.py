"""What is read: the built-in data set, the tokenizer, who writes the cards."""

from typing import Annotated, Literal

from pydantic import Field

from closedbook.config.validation import Few, Seed, configuration, require

BUILT_IN = "people"
"""The name of the built-in data set, where a corpus is named."""
Share = Annotated[float, Field(ge=0, le=1)]


@configuration
class PeopleConfig:
    """The built-in data set.

    Args:
        count: Number of subjects.
        seed: Another seed gives other subjects.
        biographies: Texts a subject in the corpus.
        permute: Whether each text has its sentences in an order of its own, instead of one order for all.
        templates: Wordings an attribute has, 1 to 4.
        relations: What is asked about every subject; the data set's first relation where none is given.
        train: Share of subjects whose questions are in train.
        dev: Share of subjects whose questions are in dev.
        test: Share of subjects whose questions are in test.
        unseen: Share of subjects who are in no corpus; their questions are in unseen.tsv.
    """

    count: Annotated[int, Field(ge=10, le=10**9)] = 1000
    seed: Seed = 0
    biographies: Few = 1
    permute: bool = False
    templates: Annotated[int, Field(ge=1, le=4)] = 4
    relations: tuple[str, ...] = ()
    train: Share = 0.5
    dev: Share = 0.3
    test: Share = 0.1
    unseen: Share = 0.1

    def __post_init__(self) -> None:
        shares = (self.train, self.dev, self.test, self.unseen)
        require(sum(shares) <= 1 + 1e-9, "The shares of train, dev, test and unseen add up to more than 1.")
        require(self.train > 0 and self.dev > 0, "train and dev must be above 0.")


@configuration
class TokenizerConfig:
    """How text becomes tokens.

    Args:
        kind: `characters` (the sorted characters of the corpus) or `bpe` (byte-level byte-pair encoding).
        vocabulary_size: Number of BPE tokens, pad and mask included; characters count themselves.
    """

    kind: Literal["characters", "bpe"] = "bpe"
    vocabulary_size: Annotated[int, Field(le=2**20)] | None = None

    def __post_init__(self) -> None:
        if self.kind == "bpe":
            size = self.vocabulary_size
            require(size is not None and size >= 258, "tokenizer.vocabulary_size must be at least 258 for bpe.")
        else:
            require(
                self.vocabulary_size is None,
                "tokenizer.vocabulary_size has no effect with characters: set it to null, or leave it out.",
            )


@configuration
class ReaderConfig:
    """The open-book reader of self-study.

    Args:
        penalty: Weight of half the squared norm of its weights.
        rounds: Times it is learned; from the second on, what it read with confidence counts as known answers.
        sure: Confidence from which a reading counts so.
        at_least: Confidence from which a reading becomes a card.
    """

    penalty: Annotated[float, Field(gt=0, le=1e9)] = 2.0
    rounds: Few = 2
    sure: Share = 0.6
    at_least: Share = 0.0


@configuration
class DistillationConfig:
    """The language model whose answers, book closed, are studied: distillation (Hinton et al. 2015, arXiv 1503.02531).

    Args:
        sharpening: Exponent of its probabilities of the answers to a question, which then add up to 1 again: the mean
            of several models is less sure than it is right.
        at_least: Probability, sharpened, that the best answer must have to become a card.
    """

    sharpening: Annotated[float, Field(gt=0, le=100)] = 2.0
    at_least: Share = 0.01
