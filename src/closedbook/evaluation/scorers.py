"""Scorers: a response and a fact become a score, once; every report reads that score.

Three grades as SimpleQA counts them (Wei et al. 2024, section 3): correct, incorrect, not attempted. The course
compares to the letter; T5's closed-book scorer normalises first and takes the best over the accepted answers. Of models
that writes sentences an answer counts that stands in the response, as whole words.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from closedbook.errors import named
from closedbook.evaluation.language_model import LanguageModel, Response
from closedbook.evaluation.mentions import Answered, Known, whole_number
from closedbook.evaluation.refusals import spoken_from
from closedbook.evaluation.sentences import SMALL, answer_span, attempts
from closedbook.evaluation.spelling import matched, normalise
from closedbook.facts.naming import OTHER
from closedbook.facts.records import Fact
from closedbook.facts.scripts import occurrences
from closedbook.facts.silence import SILENCES

Grade = Literal["correct", "incorrect", "not_attempted"]
REFUSALS = frozenset(
    {"i dont know", "i do not know", "dont know", "do not know", "im not sure", "i am not sure", "not sure"}
)
"""Normalised answers that count as not attempted, unless they are accepted ones; `n/a`, so written, is another."""
_IN_A_PLACE = re.compile(r"\bin (?:the )?((?-i:[A-Z])[\w’'-]+)")
_UPPER = "[A-ZÀ-ÖØ-ÞĆČĎĐĘĚĞİŁŃŇŐŘŚŞŠŤŮŰŹŻŽΑ-ΩА-ЯЁ]"
_NAME = re.compile(rf"(?<=[^\s.!?:]\s)[\"“‘'(*]*({_UPPER}[\w’'-]*(?: {_UPPER}[\w’'-]*)*)( (?=[a-z]))?")
"""Capitalised words that begin no sentence, and whether a word in small letters follows."""
_BESIDE = re.compile(r"\b(?:in|near|off)(?: the)?\s[\"“‘'(*]*$")
"""What makes a name a place beside what is described."""
BESIDE = 20  # characters before a name in which that is looked for
_ADJECTIVE = re.compile(r"(?:an|ic|ese|ern|ish)$")
_ASKS_WHERE = re.compile(
    r"\bwhere\b|\b(?:at|from|in|on|to)$|\b(?:home ?town|headquarters|residence|\w+place)\b"
    r"|\b(?:at|from|in|on|to) (?:which|what)\b"
    r"|\b(?:which|what) (?:city|country|county|place|province|region|state|town|village)\b"
)
SENTENCE = 5  # words of a text that is more than an answer


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

    def attempts(self, question: str, text: str) -> bool:
        """Whether a text is an answer to the question, right or wrong."""
        if not self.span:
            return is_attempt(text)
        spoken = text[spoken_from(text) :]
        return is_attempt(spoken) and attempts(question, spoken)

    def plain(self, question: str, text: str) -> str:
        """What two responses are compared by: the answer after `normalise`, "" where a sentence gives none."""
        return "" if self.span and not self.attempts(question, text) else normalise(self.read(question, text))

    def alike(self, first: str, second: str) -> bool:
        """Whether two plain answers are the same, in sentences also where one holds the other."""
        if first == second or not (self.span and first and second):
            return first == second
        return _holds(second, first) or _holds(first, second)


def is_attempt(text: str) -> bool:
    """Whether a text is an answer, rather than nothing or an admission."""
    text = text.strip().replace("\u2019", "'")
    return (
        bool(text) and text.casefold().rstrip(".") != "n/a" and text not in SILENCES and normalise(text) not in REFUSALS
    )


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
    attempted (SimpleQA's third grade), unless it holds an answer. What a model only thought (`<think>`) is not looked
    at.

    Args:
        known: The answers of each relation, by its name; none for no look at others.
    """
    given = dict(known or {})

    @cache
    def others(relation: str) -> Known:  # questions of no form share nothing
        return Known(() if relation == OTHER else given.get(relation, ()))

    def grade(text: str, fact: Fact) -> Score:
        text = text[spoken_from(text) :]
        plain = _score(text, fact, to_the_letter=False)
        if plain.normalised:
            return plain
        answered = Answered(fact.question, text)
        right = [span for answer in fact.answers for span in answered.right(answer, fact.subject)]
        alike = others(fact.relation)
        if right:
            accepted = {matched(answer) for answer in fact.answers}
            competing = (other for other in alike.mentioned(answered) if matched(other) not in accepted)
            wrong = any(answered.competes(other, right) and not answered.asks(other) for other in competing)
            return Score(grade="incorrect" if wrong else "correct", exact=False, normalised=False)
        silent = not (is_attempt(text) and attempts(fact.question, text)) or _evades(answered, fact, alike)
        return Score(grade="not_attempted" if silent else "incorrect", exact=False, normalised=False)

    return Scorer("contained", grade, answer_span)


def _holds(text: str, part: str) -> bool:
    """Whether another normalised text stands in one as whole words and numbers."""
    return any(alone and whole_number(text, part, start, start + len(part)) for start, alone in occurrences(text, part))


def _evades(answered: Answered, fact: Fact, known: Known) -> bool:
    """Whether a sentence says what the subject is, but not what is asked: it names neither that nor any answer."""
    asked, subject, said = answered.asked, matched(fact.subject), answered.said
    about = {word for word in asked.replace(subject, " ").split() if word not in SMALL} if subject else set()
    describes = (
        re.search(rf"\b{re.escape(subject)} (?:\w+ )?(?:is|are|was|were) ", said) and len(said.split()) >= SENTENCE
    )
    if not known.answers or not describes or not about or about & {*said.split()}:
        return False
    inside = "country" in about and any(matched(place[1]) not in asked for place in _IN_A_PLACE.finditer(answered.text))
    if inside or (not known.few and _offers(answered, known)):  # "is a city in Ghana"
        return False
    named = (answer for answer in known.mentioned(answered) if not answered.asks(answer))
    return not any(any(True for _ in answered.mentions(answer)) for answer in named)


def _offers(answered: Answered, known: Known) -> bool:
    """Whether a response holds what may be an answer: a number where answers are, a name that is not just around it.

    Where answers are words in small letters any word may be one.
    """
    asked = {*answered.asked.split()}
    if known.numbers:
        return any(word not in asked for word in answered.said.split() if re.search(r"\d", word))
    if not known.names or _ASKS_WHERE.search(answered.asked):
        return True
    for name in _NAME.finditer(answered.text):
        before = answered.text[max(name.start(1) - BESIDE, 0) : name.start(1)]
        told = asked.issuperset(matched(name[1]).split()) or name[1] in ("I", "I'm", "I’m")
        if not (told or _BESIDE.search(before) or (name[2] and _describes(name[1], before))):
            return True
    return False


def _describes(name: str, before: str) -> bool:
    """Whether a name before a word in small letters says of what kind that is: a Scottish town, the British crown."""
    if before.endswith("of the "):
        return True
    of_a_kind = before.endswith(("a ", "an ", "the ")) or (" " not in name and not before.endswith("by "))
    return of_a_kind and bool(_ADJECTIVE.search(name))


SCORERS: dict[str, Scorer] = {
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
    scorer = named(SCORERS, name, "scorer")
    if name == "contained" and known:
        answers: dict[str, list[str]] = {}  # each as often as it is true of something, however often that is asked
        for relation, _, answer in dict.fromkeys(
            (f.relation, f.subject or f.question, a) for f in known for a in f.answers
        ):
            answers.setdefault(relation, []).append(answer)
        return contained_match(answers)
    return scorer


def usual_match(model: LanguageModel) -> Match:
    """The scorer's name where none is chosen: a run was taught the letters, other models write sentences."""
    return "exact" if model.form is None else "contained"


def score_all(responses: Sequence[Response | str], facts: Sequence[Fact], scorer: Scorer = exact_match) -> list[Score]:
    """The score of each response to its fact."""
    texts = [response if isinstance(response, str) else response.text for response in responses]
    return [scorer(text, fact) for text, fact in zip(texts, facts, strict=True)]
