"""The objectives' settings, one class each; `closedbook.objectives` has what they do.

A mixture is a list of these. To add an objective, add its settings here and its examples in a file of
`closedbook/objectives/`, and register the two in `closedbook.objectives.mixture`.
"""

import dataclasses
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from closedbook.config.validation import Few, Natural, configuration, require

Spans = Literal["like_answers", "phrases"]
"""What a line is asked for: spans of the kinds of the training answers, or capitalised phrases alone."""
LongDocuments = Literal["windows", "cut"]
"""Whether a document longer than an example becomes windows that repeat the subject, or loses its end."""


Reads = Literal["questions", "cards", "spans", "documents", "invented"]


@configuration
class ObjectiveConfig:
    """When and how often an objective takes part.

    Args:
        repeats: How often an epoch passes over it.
        share: Part of its examples that a pass takes, drawn anew each time.
        first_epoch: The epoch, counted from 0, in which it joins the mixture.
        last_epoch: The last epoch it takes part in, None for all.
    """

    reads: ClassVar[Reads] = "documents"
    """What its examples are made of: training questions, cards, spans of documents, whole documents,
    or subjects that do not exist."""
    repeats: Few = 1
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    first_epoch: Natural = 0
    last_epoch: Natural | None = None

    def __post_init__(self) -> None:
        require(
            self.last_epoch is None or self.last_epoch >= self.first_epoch,
            f"objective {self.name}: last_epoch must not come before first_epoch.",
        )

    @property
    def name(self) -> str:
        """The objective's name."""
        return str(getattr(self, "objective", ""))

    def takes_part(self, epoch: int) -> bool:
        """Whether it is in the mixture of that epoch."""
        return self.first_epoch <= epoch <= (epoch if self.last_epoch is None else self.last_epoch)

    def share_joined(self, epoch: int, epochs: int) -> float:
        """The part of its examples that has joined in an epoch, by a recipe of so many."""
        return float(self.takes_part(epoch))

    def settled(self, passes: int, epochs: int) -> Self:
        """The same for a training of so many passes by a recipe of so many epochs."""
        return self


@configuration
class SpanCorruption(ObjectiveConfig):
    """The assignment's span corruption: one masked span a line, everything scored."""

    objective: Literal["span_corruption"] = "span_corruption"
    long_documents: LongDocuments = "windows"


@configuration
class MultiSpan(ObjectiveConfig):
    """T5's span corruption: several short spans a line."""

    objective: Literal["multi_span"] = "multi_span"
    long_documents: LongDocuments = "windows"


@configuration
class SalientSpan(ObjectiveConfig):
    """The whole line with one span masked."""

    reads: ClassVar[Reads] = "spans"
    objective: Literal["salient_span"] = "salient_span"
    spans: Spans = "like_answers"


@configuration
class WholeLine(ObjectiveConfig):
    """The line after its subject, token by token."""

    objective: Literal["whole_line"] = "whole_line"


@configuration
class SuffixFirst(ObjectiveConfig):
    """The line cut at a word, its parts exchanged."""

    objective: Literal["suffix_first"] = "suffix_first"


@configuration
class NameCards(ObjectiveConfig):
    """A span after the subject's name alone."""

    reads: ClassVar[Reads] = "spans"
    objective: Literal["name_cards"] = "name_cards"
    spans: Spans = "like_answers"


@configuration
class ContextCards(ObjectiveConfig):
    """A span after the name and the words before it.

    Args:
        words: Longest left context in words.
        lengths: Whether each pass draws how many of these words stand, from one on, or all of them do. Where a value of
            the subject alone, as a date, stands among them, the span is learned from it and not from the name.
        side: Whether that context stands `after` the name, or at random on `either` side of it.
        where: Whether the context is always what stands `before` the span, or drawn from what is `around` it: that, the
            words before it in its sentence without other values, or, if none of these tells, those behind it (decision
            28). `auto`: around where training has several relations.
    """

    reads: ClassVar[Reads] = "spans"
    objective: Literal["context_cards"] = "context_cards"
    spans: Spans = "like_answers"
    words: Few = 4
    lengths: Literal["drawn", "longest"] = "drawn"
    side: Literal["after", "either"] = "either"
    where: Literal["auto", "before", "around"] = "before"


@configuration
class Outlines(ObjectiveConfig):
    """All spans of a line one after the other."""

    reads: ClassVar[Reads] = "spans"
    objective: Literal["outlines"] = "outlines"
    spans: Spans = "like_answers"


@configuration
class QuestionAnswering(ObjectiveConfig):
    """The training questions with their answers.

    Args:
        joining: Epochs over which they join, at most those of the recipe: in the first of them this part is asked, in
            the second twice as many. So some are new when their documents are known, and recalling is easier than
            memorising (decision 20; a curriculum, Bengio et al. 2009).
        most: How often each is asked in a whole training, in the mean, where its passes would ask it more often: then
            a pass asks a `share` of them, but one at least, so that those of a small corpus are not learned by heart
            before its documents (decision 30). None for no limit.
    """

    reads: ClassVar[Reads] = "questions"
    objective: Literal["question_answering"] = "question_answering"
    joining: Few = 1
    most: Few | None = None

    def share_joined(self, epoch: int, epochs: int) -> float:
        """As `ObjectiveConfig`'s."""
        if not self.takes_part(epoch):
            return 0.0
        last = epochs if self.last_epoch is None else min(self.last_epoch + 1, epochs)
        return min((epoch - self.first_epoch + 1) / max(min(self.joining, last - self.first_epoch), 1), 1.0)

    def settled(self, passes: int, epochs: int) -> Self:
        """As `ObjectiveConfig`'s."""
        times = self.repeats * sum(self.share_joined(epoch, epochs) for epoch in range(passes))
        share = self.share if self.most is None else min(self.share, self.most / max(times, 1.0))
        return dataclasses.replace(self, share=share, most=None)


@configuration
class StudyCards(ObjectiveConfig):
    """What the open-book reader or a teacher wrote, as questions with answers.

    Args:
        answers: The `best` answer of every card, or one `drawn` anew at each pass from the probabilities of who wrote
            it, so that what was not sure is not studied as if it were; or `drawn_or_none`, where the draw may also be
            that the document does not say, which is studied as an answer of its own.
    """

    reads: ClassVar[Reads] = "cards"
    objective: Literal["study_cards"] = "study_cards"
    answers: Literal["best", "drawn", "drawn_or_none"] = "best"


@configuration
class InventedSubjects(ObjectiveConfig):
    """The training questions' forms about subjects that are in no document, answered with `no such subject`.

    Args:
        rate: Invented subjects that a pass asks about, for each subject of the corpus.
        names: Whether the name alone is asked about as well, as name cards do.
    """

    reads: ClassVar[Reads] = "invented"
    objective: Literal["invented_subjects"] = "invented_subjects"
    rate: Annotated[float, Field(gt=0, le=10)] = 0.5
    names: bool = False


@configuration
class Rewriting(ObjectiveConfig):
    """What the open-book reader found, in wordings of the corpus (open track).

    Args:
        forms: Wordings that are taken from the training subjects' lines, the most frequent first.
    """

    reads: ClassVar[Reads] = "cards"
    objective: Literal["rewriting"] = "rewriting"
    forms: Few = 2


Objective = Annotated[
    SpanCorruption
    | MultiSpan
    | SalientSpan
    | WholeLine
    | SuffixFirst
    | NameCards
    | ContextCards
    | Outlines
    | QuestionAnswering
    | StudyCards
    | Rewriting
    | InventedSubjects,
    Field(discriminator="objective"),
]
