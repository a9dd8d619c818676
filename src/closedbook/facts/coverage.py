"""Coverage: which answers stand in their subject's documents, and which of those a recipe asks for, by relation."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from closedbook.config import RunConfig
from closedbook.errors import counted
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Document, Fact
from closedbook.facts.scripts import stands_in
from closedbook.facts.shapes import words
from closedbook.facts.span_kinds import learn_kinds
from closedbook.facts.spans import LONGEST, PHRASES, SpanKinds, shares_word, spans, words_of_subject
from closedbook.facts.text import shortened
from closedbook.facts.titles import plain

MOST_DIGITS = 100  # characters of an answer up to which its thousands may be parted otherwise
SHORT = 3  # characters of an answer that in other capitals is another word
MOST_SAID = 12  # relations of which something is said apart
SHOWN = 3  # answers that are named where some are not reached
REMEDY = "name it in a column `subject` of the questions, or give their forms in relations.toml"
_THOUSANDS = re.compile(r"(?<=\d)[,.'\s]?(?=(?:\d{3}[,.'\s]?)*\d{3}(?![\d]))")
_UNIT = re.compile(r"(?<=\d)(?=[^\W\d])")  # between `3` and `km`
_LIKE_A_TYPEWRITERS = "−ʼ"
_SPELLINGS = {
    " ": r"\s*",
    "-": "[-–—‑‐−]",
    "\0": r"[,.'’\s]?",
    "'": "['‘’ʼ]",
    '"': '["“”]',
}  # one for another, by a typewriter's


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What a recipe can reach of one relation's facts.

    Args:
        relation: Its name.
        part: `train` or `dev`.
        facts: How many there are.
        in_document: Facts of which an accepted answer stands in a document of the subject, as whole words.
        asked: Those of them whose answer is part of what the recipe asks for.
        missed: A few answers that stand there and are not asked for.
        absent: A few answers that stand in no document of their subject; first those that do in another spelling.
        respelled: How many do so.
        nameless: Facts in whose questions no subject was found.
    """

    relation: str
    part: str
    facts: int
    in_document: int
    asked: int
    missed: tuple[str, ...]
    absent: tuple[str, ...] = ()
    respelled: int = 0
    nameless: int = 0


def asked_kinds(corpus: Corpus) -> SpanKinds:
    """What the lines of a corpus may be asked for, learned from its training answers."""
    with_documents = [(fact, corpus.documents_of(fact)) for fact in corpus.train if fact.answers]
    answers = [(fact.relation, _as_written(fact, documents), documents) for fact, documents in with_documents]
    return learn_kinds(answers, [(relation.name, relation.answer, relation.choices) for relation in corpus.relations])


def _as_written(fact: Fact, documents: Sequence[Document]) -> str:
    """The first accepted answer that stands in a document of the subject, else the first."""
    there = (answer for answer in fact.answers if any(stands_in(answer, document.text) for document in documents))
    return next(there, fact.answers[0])


def coverage_of(config: RunConfig, corpus: Corpus) -> list[Coverage]:
    """What a recipe can reach of each relation's answers in the documents; empty where it reads none itself."""
    reads = {objective.reads for objective in config.mixture}
    if "documents" in reads:
        return coverage(corpus, None)
    if "spans" not in reads:
        return []
    like_answers = any(getattr(objective, "spans", "") == "like_answers" for objective in config.mixture)
    return coverage(corpus, asked_kinds(corpus) if like_answers else PHRASES)


def coverage(corpus: Corpus, kinds: SpanKinds | None) -> list[Coverage]:
    """Coverage of the train and dev facts, relation by relation.

    Args:
        corpus: Documents and facts.
        kinds: What a recipe asks for, None where it reads whole documents.
    """
    asked: dict[int, frozenset[str]] = {}
    found = []
    for part, facts in (("train", corpus.train), ("dev", corpus.dev)):
        by_relation: dict[str, list[Fact]] = {}
        for fact in facts:
            if fact.answers:
                by_relation.setdefault(fact.relation, []).append(fact)
        for relation, group in by_relation.items():
            found.append(_of_relation(corpus, relation, part, group, kinds, asked))
    return found


def _of_relation(
    corpus: Corpus,
    relation: str,
    part: str,
    facts: Sequence[Fact],
    kinds: SpanKinds | None,
    asked: dict[int, frozenset[str]],
) -> Coverage:
    missed, absent, respelled = list[str](), list[str](), list[str]()
    for fact in facts:
        documents = [d for d in corpus.documents_of(fact) if any(stands_in(a, d.text) for a in fact.answers)]
        example = f"{shortened(fact.answers[0])} ({shortened(fact.subject or fact.question)})"
        if not documents:
            other = next(_spelled_otherwise(fact, corpus.documents_of(fact)), None)
            (respelled if other else absent).append(f"{example}, written {other} there" if other else example)
        elif kinds is not None and all(_asked_for(d, kinds, asked).isdisjoint(fact.answers) for d in documents):
            missed.append(example + _why_missed(fact, kinds))
    absent = respelled + absent
    there = len(facts) - len(absent)
    return Coverage(
        relation=relation,
        part=part,
        facts=len(facts),
        in_document=there,
        asked=there - len(missed),
        missed=tuple(missed[:SHOWN]),
        absent=tuple(absent[:SHOWN]),
        respelled=len(respelled),
        nameless=sum(not fact.subject for fact in facts),
    )


def _why_missed(fact: Fact, kinds: SpanKinds) -> str:
    """Why an answer that stands in a document is not asked for, "" where that is for its shape alone."""
    answer = fact.answers[0]
    if len(words(answer)) > LONGEST:
        return f", which is longer than {LONGEST} words"
    if answer in kinds.idle:
        return ", which stands in many documents and is the answer of no training question"
    shared = not kinds.own and shares_word(answer, words_of_subject(fact.subject))
    return ", which shares a word with its subject" if shared else ""


def _spelled_otherwise(fact: Fact, documents: Sequence[Document]) -> Iterator[str]:
    """What the documents write where an answer differs from them in quotes, dashes, spaces or capitals alone.

    Or in what stands between thousands, or in its full stop. Marks that look like a typewriter's are named.
    """
    for answer in fact.answers:
        spelled = plain(answer).removesuffix(".") or answer
        spelled = _THOUSANDS.sub("\0", spelled) if len(answer) <= MOST_DIGITS else spelled
        spelled = _UNIT.sub(" ", spelled)
        letters = "".join(_SPELLINGS.get(letter) or re.escape(letter) for letter in spelled)
        pattern = re.compile(letters, re.IGNORECASE if len(answer) > SHORT else 0)
        for text in (document.text for document in documents):
            there = (match.group() for match in pattern.finditer(text))
            yield from (_shown(one) for one in there if one not in fact.answers and stands_in(one, text))


def _shown(written: str) -> str:
    """What documents write, with the numbers of signs that look like those of a typewriter."""
    alike = dict.fromkeys(f"U+{ord(letter):04X}" for letter in written if letter in _LIKE_A_TYPEWRITERS)
    return shortened(written) + (f" ({', '.join(alike)})" if alike else "")


def _asked_for(document: Document, kinds: SpanKinds, known: dict[int, frozenset[str]]) -> frozenset[str]:
    """The texts that a document is asked for, kept for the relations that follow."""
    if document.line not in known:
        known[document.line] = frozenset(
            document.text[s.start : s.end] for s in spans(document, kinds, 0) if kinds.rare or not s.rare
        )
    return known[document.line]


def coverage_lines(found: Sequence[Coverage]) -> list[str]:
    """What to know before training: lines for each relation that is not reached whole, and how many all reach.

    Relations of which the same is to be said are one line where they are many; so are those beyond the twelfth.
    """
    lines = [line for part in ("train", "dev") for row in _summed(found, part) for line in _missing(row)]
    facts, asked = sum(row.facts for row in found), sum(row.asked for row in found)
    if found:
        lines.append(f"{asked:,} of {_stand(facts)} in what training asks for")
    return lines


def _summed(found: Sequence[Coverage], part: str) -> list[Coverage]:
    """The rows of a part that miss something; many that miss all of it for one reason are a row, as are the last."""
    lost = [row for row in found if row.part == part and row.asked < row.facts]
    groups: dict[object, list[Coverage]] = {}
    for number, row in enumerate(lost):
        reason = row.respelled > 0, (row.nameless > 0) + (row.nameless == row.facts)
        groups.setdefault(number if row.in_document else reason, []).append(row)
    rows = list[Coverage]()
    for alike in groups.values():
        rows += alike if len(alike) <= SHOWN else [_sum(alike, "relations")]
    left = rows[MOST_SAID:]
    return rows if len(left) < 2 else [*rows[:MOST_SAID], _sum(left, "more relations")]


def _sum(rows: Sequence[Coverage], what: str) -> Coverage:
    """Several rows as one, with a few of their names and an example of some."""
    names = ", ".join(shortened(row.relation) for row in rows[:SHOWN])
    return Coverage(
        relation=f"{len(rows):,} {what} ({names}{', ...' if len(rows) > SHOWN else ''})",
        part=rows[0].part,
        facts=sum(row.facts for row in rows),
        in_document=sum(row.in_document for row in rows),
        asked=sum(row.asked for row in rows),
        missed=tuple(example for row in rows for example in row.missed[:1])[:SHOWN],
        absent=tuple(example for row in rows for example in row.absent[:1])[:SHOWN],
        respelled=sum(row.respelled for row in rows),
        nameless=sum(row.nameless for row in rows),
    )


def _missing(row: Coverage) -> list[str]:
    """Which answers of a relation cannot be learned, and why."""
    name, absent, missed = (
        f"{row.relation or 'facts'}, {row.part}",
        row.facts - row.in_document,
        row.in_document - row.asked,
    )
    if absent == row.facts:
        none = f"{name}: none of {counted(row.facts, 'answer')} stands in a document of its subject"
        if row.nameless == row.facts:
            these = "this question" if row.facts == 1 else f"these {row.facts:,} questions"
            return [f"{name}: no subject was found in {these}, such as that for {row.absent[0]}; {REMEDY}"]
        why = "" if row.respelled else _nameless(row) or ": nothing to learn"
        return [f"{none}, such as {row.absent[0]}{why}"]
    lines = []
    if absent:
        said = f"{name}: {absent:,} of {_stand(row.facts)} in no document of their subject"
        lines.append(f"{said}, such as {'; '.join(row.absent)}{_nameless(row)}")
    if missed:
        examples = "; ".join(row.missed)
        lines.append(f"{name}: {_stand(missed)} there in no form that training asks for, such as {examples}")
    return lines


def _nameless(row: Coverage) -> str:
    return f"; no subject was found in {row.nameless:,} of these questions: {REMEDY}" if row.nameless else ""


def _stand(number: int) -> str:
    return f"{counted(number, 'answer')} {'stands' if number == 1 else 'stand'}"
