"""Self-study: from the training pairs and their documents to a question and an answer about every other document.

The questions' forms are those of training with the subject taken out (`What is the capital of {}?`); for each form a
reader is learned, reads the documents that have no training pair, and writes a card with its confidence (compare PAQ,
Lewis et al. 2021, and Active Reading, Lin et al. 2025). Only cards reach the model: when it answers, the book is
closed.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Mapping, Sequence

from closedbook.config import ReaderConfig
from closedbook.errors import UserError
from closedbook.facts.corpus import Corpus
from closedbook.facts.forms import SLOT, form_of, longest_first, slot_of
from closedbook.facts.naming import OTHER
from closedbook.facts.records import Card, Document, Fact
from closedbook.facts.scripts import stands_in
from closedbook.facts.splits import groups
from closedbook.selfstudy.candidates import count_tokens
from closedbook.selfstudy.parts import Together
from closedbook.selfstudy.reader import Reader, Reading, lesson

FEWEST = 10  # training pairs that a form of question needs
MOST_FEW = 10  # forms of a relation that are learned though few have them


def question_forms(facts: Sequence[Fact]) -> dict[str, list[Fact]]:
    """The training facts by the form of their question, where enough of them have it; the subject becomes `{}`.

    A form that few have, of a relation that many have in other forms, is learned from all of these.

    Raises:
        UserError: No form has enough of them.
    """
    forms = defaultdict[str, list[Fact]](list)
    for fact in facts:
        if fact.answers and (form := form_of(fact)) is not None:
            forms[form].append(fact)
    of_relation = defaultdict[str, list[Fact]](list)
    for fact in (fact for found in forms.values() for fact in found if fact.relation not in ("", OTHER)):
        of_relation[fact.relation].append(fact)
    common, few = dict[str, list[Fact]](), Counter[str]()
    for form, found in forms.items():
        relation = found[0].relation
        if len(found) >= FEWEST:
            common[form] = found
        elif len(found) > 1 and len(of_relation.get(relation, ())) >= FEWEST and few[relation] < MOST_FEW:
            common[form] = of_relation[relation]
            few[relation] += 1
    if not common:
        raise UserError(
            f"Writing cards needs {FEWEST} training questions of one form that name a subject of the corpus; found "
            f"{max(map(len, forms.values()), default=0)}. If several forms ask for one thing, let a column `relation` "
            "or relations.toml (closedbook data describe DIR --write) say so."
        )
    return common


def readable_forms(corpus: Corpus) -> dict[str, list[Fact]]:
    """Those of `question_forms` that a reader can be learned for, as a training answer stands in its document.

    Raises:
        UserError: No form has enough training facts, or no answer of any such form stands in its document.
    """
    forms, refused = dict[str, list[Fact]](), list[UserError]()
    for form, facts in question_forms(corpus.train).items():
        try:
            lesson(examples(corpus, facts), form)
        except UserError as error:
            refused.append(error)
        else:
            forms[form] = facts
    if not forms:
        raise refused[0]
    return forms


def unreadable(corpus: Corpus) -> str | None:
    """Why `study` would refuse the corpus, None where it would not."""
    try:
        readable_forms(corpus)
    except UserError as error:
        return str(error)
    return None


def examples(corpus: Corpus, facts: Sequence[Fact]) -> list[tuple[Document, str]]:
    """A document with a training answer, for each fact that has one.

    Of several accepted answers the first that stands there as whole words; where none does, the first of them, with a
    document that holds it in any way if there is one.
    """
    found, read = [], Together(corpus)
    for fact in facts:
        documents, answer = read.of(corpus.documents_of(fact)), fact.answers[0]
        whole = [(document, one) for document in documents for one in fact.answers if stands_in(one, document.text)]
        inside = [(document, answer) for document in documents if answer in document.text]
        found += [*whole, *inside, *((document, answer) for document in documents)][:1]
    return found


class Learner:
    """Learns readers of a corpus, whose words are counted once.

    Args:
        corpus: Of the training facts and their documents, and of others.
        config: The readers' settings.
    """

    def __init__(self, corpus: Corpus, config: ReaderConfig) -> None:
        self.corpus, self._config = corpus, config
        self._words = count_tokens(corpus.documents)

    def __call__(self, form: str, facts: Sequence[Fact]) -> Reader:
        """A reader for one form of question.

        After the first round it reads the documents without a training pair, and what it is sure of counts as a known
        answer in the next, also where it was read: an answer that one line names clearly helps to read another.

        Raises:
            UserError: No training answer stands in its document.
        """
        pairs = examples(self.corpus, facts)
        taught = {document.text for document, _ in pairs}
        by_subject, read = self.corpus.by_subject, Together(self.corpus)
        whole = [document for subject, own in by_subject.items() if subject for document in read.of(own)]
        unread = [document for document in whole if document.text not in taught]
        config = self._config
        reader = Reader(pairs, form, self._words, penalty=config.penalty)
        for _ in range(config.rounds - 1):
            sure = Counter(reading.answer for reading in reader.read(unread) if reading.confidence >= config.sure)
            reader = Reader(pairs, form, self._words, penalty=config.penalty, read=sure)
        return reader


def study(corpus: Corpus, config: ReaderConfig) -> Corpus:
    """The corpus with a card for every subject and form of question that training does not ask.

    What there is about one name is read together. A form whose answers stand in no document is passed over.

    Raises:
        UserError: Too few training questions have a common form, or no answer of any form stands in its document.
    """
    cards, learned = list[Card](), Learner(corpus, config)
    for form, facts in readable_forms(corpus).items():
        reader = learned(form, facts)
        questions = to_ask(corpus, form, facts)
        cards += [card for card in _cards(corpus, questions, reader) if card.confidence >= config.at_least]
    return dataclasses.replace(corpus, cards=tuple(cards))


def unstudied(corpus: Corpus) -> list[str]:
    """Relations with too few training questions to learn a reader from, of which there is no card."""
    few = [relation for relation in corpus.relations if 0 < relation.train < FEWEST]
    if not few:
        return []
    forms = longest_first({form for relation in corpus.relations for form in relation.forms})
    studied = {next((form for form in forms if slot_of(card.question, form)), "") for card in corpus.cards}
    return [relation.name for relation in few if studied.isdisjoint(relation.forms)]


class PartByPart:
    """Self-study of a corpus larger than memory: the readers are learned from a sample, and read a part at a time.

    All subjects are asked every form, those of another kind too: which those are is not known of a part.

    Args:
        sample: Training facts and other documents, from which the readers are learned.
        config: The readers' settings.
        trained: Every training question; what training asks gets no card.

    Raises:
        UserError: As `study`.
    """

    def __init__(self, sample: Corpus, config: ReaderConfig, trained: Container[str]) -> None:
        self._config, self._trained = config, trained
        learned = Learner(sample, config)
        self._readers = [
            (questions_of(form, facts), learned(form, facts)) for form, facts in readable_forms(sample).items()
        ]

    def __call__(self, part: Corpus) -> Corpus:
        """The part with a card for every subject and form of question that training does not ask."""
        cards = list[Card]()
        for question_of, reader in self._readers:
            asked = {subject: question_of(subject) for subject in part.by_subject}
            left = {subject: question for subject, question in asked.items() if question not in self._trained}
            cards += [card for card in _cards(part, left, reader) if card.confidence >= self._config.at_least]
        return dataclasses.replace(part, cards=tuple(cards))


def questions_of(form: str, facts: Sequence[Fact]) -> Callable[[str], str]:
    """From a subject to the question of that form, its first letter as small as most training questions have it."""
    own = [fact for fact in facts if form_of(fact) == form]
    small = sum(
        fact.subject[:1].isupper() and form.replace(SLOT, _small(fact.subject)) == fact.question for fact in own
    )
    asked_small = 2 * small > len(own)
    return lambda subject: form.replace(SLOT, _small(subject) if asked_small else subject)


def _small(subject: str) -> str:
    return subject[:1].lower() + subject[1:]


def to_ask(corpus: Corpus, form: str, facts: Sequence[Fact]) -> dict[str, str]:
    """The subjects of documents about whom training does not ask this, with the question, none of another kind.

    A subject is of another kind where training asks other relations of it, and never one of them of the subjects of
    these facts, though it asks more than one of most of those: elements, where the facts are of countries.
    """
    known = {fact.question for fact in corpus.train}
    asked = defaultdict[str, set[str]](set)
    for fact in corpus.train:
        asked[fact.subject].add(fact.relation)
    own = {fact.subject for fact in facts}
    together = set().union(*(asked[subject] for subject in own))
    tells = 2 * sum(len(asked[subject]) > 1 for subject in own) > len(own)
    question_of = questions_of(form, facts)
    return {
        subject: question
        for subject in corpus.by_subject
        if (question := question_of(subject)) not in known
        and not (tells and subject in asked and asked[subject].isdisjoint(together))
    }


def _cards(corpus: Corpus, questions: Mapping[str, str], reader: Reader) -> list[Card]:
    """What the reader makes of the subjects' documents, asked this of each."""
    read = Together(corpus)
    whole = [(subject, document) for subject in questions for document in read.of(corpus.by_subject[subject])]
    best: dict[str, Reading] = {}
    for (subject, _), reading in zip(whole, reader.read([document for _, document in whole]), strict=True):
        if subject not in best or reading.confidence > best[subject].confidence:
            best[subject] = reading
    return [
        Card(
            question=questions[subject],
            subject=subject,
            answer=reading.answer,
            confidence=reading.confidence,
            line=_holding(corpus.by_subject[subject], reading.answer).line,
            choices=reading.choices,
            none=reading.none,
        )
        for subject, reading in best.items()
    ]


def _holding(documents: Sequence[Document], answer: str) -> Document:
    """The first document that an answer stands in."""
    return next((document for document in documents if stands_in(answer, document.text)), documents[0])


@dataclasses.dataclass(frozen=True)
class OpenBook:
    """Cross-validated readings of the training facts that have a document.

    Args:
        facts: The facts, fold by fold.
        readings: What a reader that was taught the other folds made of their documents.
    """

    facts: tuple[Fact, ...]
    readings: tuple[Reading, ...]

    @property
    def exact(self) -> list[bool]:
        """Whether each reading is an accepted answer."""
        return [reading.answer in fact.answers for fact, reading in zip(self.facts, self.readings, strict=True)]


def cross_validate(corpus: Corpus, config: ReaderConfig, *, folds: int = 5) -> OpenBook:
    """Open-book accuracy on training subjects that the reader was not taught, no subject in two folds.

    A form whose answers stand in no document is passed over, as `study` does. Of a fold without which no answer stands
    in its document nothing is read.

    Raises:
        UserError: As `study`.
    """
    facts, readings, learned = list[Fact](), list[Reading](), Learner(corpus, config)
    for form, found in readable_forms(corpus).items():
        fold = [number % folds for number in groups(corpus, found)]
        for held in range(folds):
            kept = [fact for fact, number in zip(found, fold, strict=True) if number != held]
            asked = [
                fact
                for fact, number in zip(found, fold, strict=True)
                if number == held and form_of(fact) == form and corpus.documents_of(fact)
            ]
            if asked:
                facts += asked
                readings += _taught(learned, form, kept, asked)
    return OpenBook(tuple(facts), tuple(readings))


def _taught(learned: Learner, form: str, kept: Sequence[Fact], asked: Sequence[Fact]) -> list[Reading]:
    """The surest reading of each fact's documents by a reader that was taught others."""
    try:
        reader = learned(form, kept)
    except UserError:
        return [Reading("", 0.0)] * len(asked)
    corpus = learned.corpus
    read = Together(corpus)
    told = [read.of(corpus.documents_of(fact)) for fact in asked]
    return [max(reader.read(documents), key=lambda reading: reading.confidence) for documents in told]
