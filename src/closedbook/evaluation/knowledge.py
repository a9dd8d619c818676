"""What a model knows of each fact: whether it recalls it, whether it has it stored, and what kind of fact it is.

A fact is *extracted* when the greedy answer to its question is right. It is *stored* when the model goes on rightly in
the document's own words: after the subject and the words that stand before the answer in the subject's own document, it
writes the answer (compare Allen-Zhu and Li 2023, Physics of Language Models 3.1: memorised, but not extractable). A
model that never saw documents in that form (open track) may extract what this does not count as stored.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from closedbook.evaluation.evaluate import Evaluation
from closedbook.evaluation.language_model import LanguageModel
from closedbook.evaluation.metrics import Proportion, proportion
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Document, Fact
from closedbook.facts.scripts import occurrences


@dataclass(frozen=True, kw_only=True)
class KnownFact:
    """One fact.

    Args:
        extracted: Whether the question is answered rightly.
        stored: Whether the document's own words are continued with the answer, None where it does not stand there.
        question_nats: Log-probability of the answer and its closing after the question, None where the answer cannot be
            spelled or does not fit.
        line_nats: Log-probability of the answer after the document's own words, None likewise and like `stored`.
        answer_frequency: Training facts of the relation with this answer.
        name_rarity: Documents whose title holds the rarest word of the subject.
        name_length: Tokens of the subject, None where the model is tokenized elsewhere.
    """

    extracted: bool
    stored: bool | None
    question_nats: float | None
    line_nats: float | None
    answer_frequency: int
    name_rarity: int
    name_length: int | None

    @property
    def in_document(self) -> bool:
        """Whether the answer stands in the subject's document."""
        return self.stored is not None


@dataclass(frozen=True)
class Grouping:
    """A way to divide facts by a number of theirs.

    Args:
        label: As reports have it.
        kinds: Name of each kind with the largest number that belongs to it, in order.
    """

    label: str
    kinds: tuple[tuple[str, int | float], ...]

    def kind(self, value: int) -> str:
        """The kind of a fact with that number."""
        return next(name for name, largest in self.kinds if value <= largest)

    def recall(self, values: Sequence[int], right: Sequence[bool]) -> dict[str, Proportion]:
        """How many facts of each kind are right, given every fact's number."""
        kinds = [self.kind(value) for value in values]
        hits, totals = Counter(kind for kind, hit in zip(kinds, right, strict=True) if hit), Counter(kinds)
        return {kind: proportion(hits[kind], totals[kind]) for kind, _ in self.kinds}


GROUPINGS = {
    "in_document": Grouping("the answer stands in the subject's document", (("no", 0), ("yes", 1))),
    "answer_frequency": Grouping(
        "training facts with the same answer", (("0", 0), ("1", 1), ("2-5", 5), ("6-20", 20), ("more", math.inf))
    ),
    "name_rarity": Grouping(
        "documents with the rarest word of the name", (("0", 0), ("1", 1), ("2-5", 5), ("more", math.inf))
    ),
    "name_length": Grouping("tokens of the name", (("1-4", 4), ("5-6", 6), ("7-8", 8), ("more", math.inf))),
}
"""By the field of `KnownFact` that they divide by."""


def examine(model: LanguageModel, corpus: Corpus, evaluation: Evaluation) -> list[KnownFact]:
    """What the model knows of the facts that it was asked.

    Args:
        model: The one that was evaluated; it must be able to go on in documents.
        corpus: Where the facts' documents are.
        evaluation: What it answered; the first accepted answer of a fact is the one looked for in its document.
    """
    facts, gold = evaluation.facts, [fact.answers[0] for fact in evaluation.facts]
    before = contexts(corpus, facts)
    subjects, answers = [facts[index].subject for index in before], [gold[index] for index in before]
    in_line = model.continuation_log_probability(subjects, list(before.values()), answers)
    line_nats = dict(zip(before, in_line, strict=True))
    continues = stored(model, corpus, facts, before)
    told = any(prompt.ids for prompt in evaluation.prompts)
    lengths = _name_lengths(model, facts) if told else [None] * len(facts)
    question_nats = model.log_probability(evaluation.prompts, gold)
    frequency, rarity = answer_frequencies(corpus.train, facts), name_rarities(corpus, facts)
    return [
        KnownFact(
            extracted=evaluation.scores[index].correct,
            stored=continues[index],
            question_nats=question_nats[index],
            line_nats=line_nats.get(index),
            answer_frequency=frequency[index],
            name_rarity=rarity[index],
            name_length=lengths[index],
        )
        for index in range(len(facts))
    ]


def stored(
    model: LanguageModel, corpus: Corpus, facts: Sequence[Fact], before: Mapping[int, str] | None = None
) -> list[bool | None]:
    """Whether the model goes on with each answer in its document's own words, None where it does not stand there.

    Args:
        model: It must be able to go on in documents.
        corpus: Where the facts' documents are.
        facts: The first accepted answer of each is the one looked for.
        before: Their `contexts`, None for those of the corpus.
    """
    before = contexts(corpus, facts) if before is None else before
    texts = model.continue_documents([facts[index].subject for index in before], list(before.values()))
    continued = dict(zip(before, texts, strict=True))
    return [
        begins_with(continued[index], fact.answers[0]) if index in continued else None
        for index, fact in enumerate(facts)
    ]


def contexts(corpus: Corpus, facts: Sequence[Fact]) -> dict[int, str]:
    """For the facts whose answer stands in their document, by their number, what stands before it there."""
    texts = (text_before(corpus.documents_of(fact), fact.answers[0]) for fact in facts)
    return {index: text for index, text in enumerate(texts) if text is not None}


def text_before(documents: Sequence[Document], answer: str) -> str | None:
    """What stands between the title and the answer in the first of the documents that holds it, None if none does."""
    for document in documents:
        titled = document.subject and document.text.startswith(document.subject)
        body = document.text[len(document.subject) + 1 :] if titled else document.text
        start = next((place for place, alone in occurrences(body, answer) if alone), None)
        if start is not None:
            return body[:start]
    return None


def begins_with(text: str, answer: str) -> bool:
    """Whether the text begins with the answer as whole words: Yorkshire does not begin with York."""
    return next(occurrences(text, answer), None) == (0, True)


def answer_frequencies(train: Sequence[Fact], facts: Sequence[Fact]) -> list[int]:
    """For each fact, the training facts of its relation with its most frequent accepted answer."""
    taught = Counter((fact.relation, answer) for fact in train for answer in fact.answers)
    return [max(taught[fact.relation, answer] for answer in fact.answers) for fact in facts]


def name_rarities(corpus: Corpus, facts: Sequence[Fact]) -> list[int]:
    """For each fact, the documents whose title holds the rarest word of its subject; 0 without a subject."""
    words = Counter(
        word for name, documents in corpus.by_subject.items() for word in set(name.split()) for _ in documents
    )
    return [min((words[word] for word in fact.subject.split()), default=0) for fact in facts]


def _name_lengths(model: LanguageModel, facts: Sequence[Fact]) -> list[int]:
    """Tokens of each subject: of a prompt with it alone, less those of an empty one."""
    empty, *named = model.prompts(["", *(fact.subject for fact in facts)])
    return [len(prompt.ids) - len(empty.ids) for prompt in named]


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """What the model knows of many facts.

    Args:
        in_document: Facts whose answer stands in their document; the next five are of these.
        stored: Those that are stored.
        stored_and_extracted: Stored and extracted.
        stored_alone: Stored, not extracted.
        extracted_alone: Extracted, not stored.
        neither: Neither.
        mean_question_nats: Mean log-probability of the answers after their questions, None where none is known.
        mean_line_nats: Mean log-probability of the answers after their documents' own words, likewise.
        recall: By grouping and kind of fact, how many are extracted; no grouping by a number that is not known.
    """

    in_document: int
    stored: int
    stored_and_extracted: int
    stored_alone: int
    extracted_alone: int
    neither: int
    mean_question_nats: float | None
    mean_line_nats: float | None
    recall: dict[str, dict[str, Proportion]]


def summarise(known: Sequence[KnownFact]) -> Knowledge:
    """Counts by kind of fact, and stored against extracted."""
    there = [fact for fact in known if fact.in_document]
    pairs = Counter((bool(fact.stored), fact.extracted) for fact in there)
    extracted = [fact.extracted for fact in known]
    values = {name: [getattr(fact, name) for fact in known] for name in GROUPINGS}
    recall = {
        name: GROUPINGS[name].recall(numbers, extracted) for name, numbers in values.items() if None not in numbers
    }
    return Knowledge(
        in_document=len(there),
        stored=pairs[True, True] + pairs[True, False],
        stored_and_extracted=pairs[True, True],
        stored_alone=pairs[True, False],
        extracted_alone=pairs[False, True],
        neither=pairs[False, False],
        mean_question_nats=_mean([fact.question_nats for fact in known]),
        mean_line_nats=_mean([fact.line_nats for fact in there]),
        recall=recall,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return sum(numbers) / len(numbers) if numbers else None
