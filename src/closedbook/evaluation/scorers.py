"""Scorers: a response and a fact become a score, once; every report reads that score.

Three grades as SimpleQA counts them (Wei et al. 2024, section 3): correct, incorrect, not attempted. The course
compares to the letter; T5's closed-book scorer normalises first and takes the best over the accepted answers. Of models
that writes sentences an answer counts that stands in the response, as whole words.
"""

import re
import string
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Literal

from closedbook.errors import UserError, nearest
from closedbook.evaluation.language_model import LanguageModel, Response
from closedbook.evaluation.sentences import SMALL, answer_span, refuses
from closedbook.facts.naming import OTHER
from closedbook.facts.records import Fact
from closedbook.facts.scripts import occurrences
from closedbook.facts.silence import SILENCES

Grade = Literal["correct", "incorrect", "not_attempted"]
REFUSALS = frozenset(
    {"i dont know", "i do not know", "dont know", "do not know", "im not sure", "i am not sure", "not sure"}
)
"""Normalised answers that count as not attempted, unless they are accepted ones; `n/a`, so written, is another."""
_ARTICLE = re.compile(r"\b(a|an|the)\b(?![+#-])")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!,?\d)")
_MARK = re.compile(
    r"(?<=\d)[.,:/-](?=\d)"  # 1.5, 3/4, 1914-1918
    r"|(?<=\w)[+#]+(?!\w)"  # C++, C#, A+
    r"|(?<=\b\w)-(?!\w)|(?<=\b\w\w)-(?!\w)"  # A-, AB-
)
"""Punctuation that tells answers apart."""
_SIGNS = re.compile(r"(?<![.+-])[.+-]++(?=\d)")
"""Signs and points before a number, which do too: -5, +1, .5; looked at once a run, so that the time is linear."""
_JOINED = re.compile(r"(?<=[^\W\d])[-\u2010\u2011/](?=[^\W\d])")
DENIALS = frozenset({"not", "isnt", "wasnt", "never", "nor", "arent", "unlike"})
_SUFFIX = re.compile(r"(?:n|an) (\w+)")  # of an adjective, and the word that it belongs to
SENTENCE = 5  # words of a text that is more than an answer
BEFORE = 100  # characters that are looked at for a denial
MOST_MENTIONS = 100  # of an answer in a text that are looked at
NEAR = 2  # words between two numbers of which one is meant


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a response is worth.

    Args:
        grade: By the scorer that was chosen.
        exact: Whether it equals an accepted answer to the letter.
        normalised: Whether it does after `normalise` of both.
    """

    grade: Grade
    exact: bool
    normalised: bool

    @property
    def correct(self) -> bool:
        return self.grade == "correct"

    @property
    def attempted(self) -> bool:
        return self.grade != "not_attempted"


Match = Literal["exact", "normalised", "contained"]


@dataclass(frozen=True)
class Scorer:
    """From an answer's text and the fact to the score.

    Args:
        name: What it is called.
        grade: Says what a text is worth.
        span: From question and text to where the answer stands in it; None where the text is nothing else.
    """

    name: Match
    grade: Callable[[str, Fact], Score]
    span: Callable[[str, str], tuple[int, int]] | None = None

    def __call__(self, text: str, fact: Fact) -> Score:
        return self.grade(text, fact)

    def place(self, question: str, text: str) -> tuple[int, int]:
        """Where the answer stands in a response, whether it is right or not: [start, end) of its characters."""
        return self.span(question, text) if self.span else (0, len(text))

    def read(self, question: str, text: str) -> str:
        """The answer alone."""
        start, end = self.place(question, text)
        return text[start:end]

    def attempts(self, text: str) -> bool:
        """Whether a text is an answer, right or wrong."""
        return is_attempt(text) and not (self.span and refuses(text))

    def plain(self, question: str, text: str) -> str:
        """What two responses are compared by: the answer after `normalise`, "" where a sentence gives none."""
        return "" if self.span and not self.attempts(text) else normalise(self.read(question, text))

    def alike(self, first: str, second: str) -> bool:
        """Whether two plain answers are the same, in sentences also where one holds the other."""
        if first == second or not (self.span and first and second):
            return first == second
        return stands_in(first, second) or stands_in(second, first)


def normalise(text: str) -> str:
    """Lower case, without accents, punctuation and English articles (SQuAD's normalisation, and NFKD).

    Punctuation that tells numbers and symbols apart stays (`1.5`, `-5`, `C++`), thousands separators do not (`1,204` is
    1204), and a text of which nothing would be left stays as it is but for case (`A`, `-`, `The`).
    """
    decomposed = unicodedata.normalize("NFKD", text).replace("\u2212", "-")
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).lower()
    plain = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), plain)
    kept = {place for mark in _MARK.finditer(plain) for place in range(*mark.span())}
    kept.update(place for run in _SIGNS.finditer(plain) for place in range(_sign(plain, *run.span()), run.end()))
    plain = "".join(c for place, c in enumerate(plain) if place in kept or c not in string.punctuation)
    return " ".join(_ARTICLE.sub(" ", plain).split()) or " ".join(text.casefold().split())


def _sign(text: str, start: int, end: int) -> int:
    """Where a sign begins in a run of them: not at what ends a word before it (`a-5`), nor behind a point."""
    while 0 < start < end and (text[start - 1] in "._" or text[start - 1].isalnum()):
        start += 1
    return start


def is_attempt(text: str) -> bool:
    """Whether a text is an answer, rather than nothing or an admission."""
    text = text.strip().replace("\u2019", "'")
    return bool(text) and text.casefold() != "n/a" and text not in SILENCES and normalise(text) not in REFUSALS


def _score(text: str, fact: Fact, *, to_the_letter: bool) -> Score:
    exact = text in fact.answers
    normalised = exact or (bool(text) and normalise(text) in {normalise(accepted) for accepted in fact.answers})
    right = exact if to_the_letter else normalised
    grade: Grade = "correct" if right else "incorrect" if normalised or is_attempt(text) else "not_attempted"
    return Score(grade=grade, exact=exact, normalised=normalised)


def _grade_letters(text: str, fact: Fact) -> Score:
    return _score(text, fact, to_the_letter=True)


def _grade_normalised(text: str, fact: Fact) -> Score:
    return _score(text, fact, to_the_letter=False)


exact_match = Scorer("exact", _grade_letters)
"""Correct where the text equals an accepted answer to the letter."""
normalised_match = Scorer("normalised", _grade_normalised)
"""Correct where the text equals an accepted answer after `normalise` of both."""


def contained_match(known: Mapping[str, Sequence[str]] | None = None) -> Scorer:
    """Correct where an accepted answer stands in the text as whole words, and no other answer of the relation does.

    A text that says that it does not know, or that says something else of the subject than what is asked, is not
    attempted (SimpleQA's third grade), unless it holds an answer.

    Args:
        known: The answers of each relation, by its name; none for no look at others.
    """
    others = {relation: frozenset(map(_matched, answers)) for relation, answers in (known or {}).items()}

    def grade(text: str, fact: Fact) -> Score:
        plain = _score(text, fact, to_the_letter=False)
        if plain.normalised:
            return plain
        said, accepted = _matched(text), [_matched(answer) for answer in fact.answers]
        asked = _matched(fact.question)
        right = [span for answer in accepted for span in _mentions(said, answer, asked)]
        if right:
            alike = (
                () if fact.relation == OTHER else others.get(fact.relation, ())
            )  # questions of no form share nothing
            competing = (other for other in alike if other not in accepted)
            wrong = any(_competes(said, other, asked, right) for other in competing if not stands_in(other, asked))
            return Score(grade="incorrect" if wrong else "correct", exact=False, normalised=False)
        silent = not is_attempt(text) or refuses(text) or _evades(said, fact, others.get(fact.relation, frozenset()))
        return Score(grade="not_attempted" if silent else "incorrect", exact=False, normalised=False)

    return Scorer("contained", grade, answer_span)


def stands_in(part: str, text: str) -> bool:
    """Whether a normalised text stands in another as whole words."""
    return any(alone for _, alone in occurrences(text, part))


@lru_cache(maxsize=100_000)
def _matched(text: str) -> str:
    """Normalised, with what joins words taken for a space: Port-au-Prince is Port au Prince, St. is Saint."""
    spaced = _JOINED.sub(" ", text.replace("\u2019", "'").replace("&", " and "))
    return " ".join("saint" if word == "st" else word for word in normalise(spaced).split())


def _mentions(said: str, answer: str, asked: str) -> Iterator[tuple[int, int]]:
    """Where an answer stands in a text that is not denied there; also as in "the African continent"."""
    for start, alone in islice(occurrences(said, answer), MOST_MENTIONS):
        end = start + len(answer)
        word = _SUFFIX.match(said, end)
        adjective = word and word[1] in asked.split() and not said[start - 1 : start].strip()
        if (alone or adjective) and not (set(said[max(start - BEFORE, 0) : start].split()[-2:]) & DENIALS):
            yield start, end


def _evades(said: str, fact: Fact, known: frozenset[str]) -> bool:
    """Whether a sentence says what the subject is, but not what is asked: it names neither that nor any answer."""
    asked, subject = _matched(fact.question), _matched(fact.subject)
    about = {word for word in asked.replace(subject, " ").split() if word not in SMALL} if subject else set()
    describes = (
        re.search(rf"\b{re.escape(subject)} (?:\w+ )?(?:is|are|was|were) ", said) and len(said.split()) >= SENTENCE
    )
    if not known or not describes or not about or about & {*said.split()}:
        return False
    return not any(answer not in asked and any(True for _ in _mentions(said, answer, asked)) for answer in known)


def _competes(said: str, other: str, asked: str, right: Sequence[tuple[int, int]]) -> bool:
    """Whether another answer stands in a text beside the right ones: of numbers near them, since texts hold many."""
    for start, end in _mentions(said, other, asked):
        if any(first <= start and end <= last for first, last in right):  # a part of a right one
            continue
        if any(start <= first and last <= end for first, last in right):  # Guinea in Equatorial Guinea
            return True
        if not any(c.isdigit() for c in other) or any(
            len(said[min(last, end) : max(first, start)].split()) <= NEAR for first, last in right
        ):
            return True
    return False


SCORERS: dict[Match, Scorer] = {
    "exact": exact_match,
    "normalised": normalised_match,
    "contained": contained_match(),
}


def find_scorer(name: str, known: Sequence[Fact] = ()) -> Scorer:
    """The scorer of that name.

    Args:
        name: Of `SCORERS`.
        known: Facts whose answers a response must not hold beside the right one, where it is looked for inside.

    Raises:
        UserError: There is none.
    """
    if name not in SCORERS:
        raise UserError(f"{name}: no such scorer{nearest(name, SCORERS)}; there are {', '.join(SCORERS)}.")
    if name == "contained" and known:
        answers: dict[str, list[str]] = {}
        for fact in known:
            answers.setdefault(fact.relation, []).extend(fact.answers)
        return contained_match(answers)
    return next(scorer for scorer in SCORERS.values() if scorer.name == name)


def usual_match(model: LanguageModel) -> Match:
    """The scorer's name where none is chosen: a run was taught the letters, other models write sentences."""
    return "exact" if model.form is None else "contained"


def score_all(responses: Sequence[Response | str], facts: Sequence[Fact], scorer: Scorer = exact_match) -> list[Score]:
    """The score of each response to its fact."""
    texts = [response if isinstance(response, str) else response.text for response in responses]
    return [scorer(text, fact) for text, fact in zip(texts, facts, strict=True)]
