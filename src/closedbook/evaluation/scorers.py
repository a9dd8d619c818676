"""Scorers: a response and a fact become a score, once; every report reads that score.

Three grades as SimpleQA counts them (Wei et al. 2024, section 3): correct, incorrect, not attempted. The course
compares to the letter; T5's closed-book scorer normalises first and takes the best over the accepted answers.
"""

import re
import string
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from closedbook.errors import UserError, nearest
from closedbook.evaluation.language_model import LanguageModel, Response
from closedbook.facts.records import Fact

Grade = Literal["correct", "incorrect", "not_attempted"]
REFUSALS = frozenset(
    {"i dont know", "i do not know", "dont know", "do not know", "im not sure", "i am not sure", "not sure"}
)
"""Normalised answers that count as not attempted, unless they are accepted ones; `n/a`, so written, is another."""
_ARTICLE = re.compile(r"\b(a|an|the)\b(?![+#-])")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!,?\d)")
_MARK = re.compile(
    r"(?<=\d)[.,:/-](?=\d)"  # 1.5, 3/4, 1914-1918
    r"|(?<![\w.])[.+-]+(?=\d)"  # -5, +1, .5
    r"|(?<=\w)[+#]+(?!\w)"  # C++, C#, A+
    r"|(?<=\b\w)-(?!\w)|(?<=\b\w\w)-(?!\w)"  # A-, AB-
)
"""Punctuation that tells answers apart."""


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


Scorer = Callable[[str, Fact], Score]
"""From an answer's text and the fact to the score."""


def normalise(text: str) -> str:
    """Lower case, without accents, punctuation and English articles (SQuAD's normalisation, and NFKD).

    Punctuation that tells numbers and symbols apart stays (`1.5`, `-5`, `C++`), thousands separators do not (`1,204` is
    1204), and a text of which nothing would be left stays as it is but for case (`A`, `-`, `The`).
    """
    decomposed = unicodedata.normalize("NFKD", text).replace("\u2212", "-")
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).lower()
    plain = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), plain)
    kept = {place for mark in _MARK.finditer(plain) for place in range(*mark.span())}
    plain = "".join(c for place, c in enumerate(plain) if place in kept or c not in string.punctuation)
    return " ".join(_ARTICLE.sub(" ", plain).split()) or " ".join(text.casefold().split())


def is_attempt(text: str) -> bool:
    """Whether a text is an answer, rather than nothing or an admission."""
    text = text.strip().replace("\u2019", "'")
    return bool(text) and text.casefold() != "n/a" and normalise(text) not in REFUSALS


def _score(text: str, fact: Fact, *, to_the_letter: bool) -> Score:
    exact = text in fact.answers
    normalised = exact or (bool(text) and normalise(text) in {normalise(accepted) for accepted in fact.answers})
    right = exact if to_the_letter else normalised
    grade: Grade = "correct" if right else "incorrect" if normalised or is_attempt(text) else "not_attempted"
    return Score(grade=grade, exact=exact, normalised=normalised)


def exact_match(text: str, fact: Fact) -> Score:
    """Correct where the text equals an accepted answer to the letter."""
    return _score(text, fact, to_the_letter=True)


def normalised_match(text: str, fact: Fact) -> Score:
    """Correct where the text equals an accepted answer after `normalise` of both."""
    return _score(text, fact, to_the_letter=False)


SCORERS: dict[str, Scorer] = {"exact": exact_match, "normalised": normalised_match}


def find_scorer(name: str) -> Scorer:
    """The scorer of that name.

    Raises:
        UserError: There is none.
    """
    if name not in SCORERS:
        raise UserError(f"{name}: no such scorer{nearest(name, SCORERS)}; there are {', '.join(SCORERS)}.")
    return SCORERS[name]


def usual_match(model: LanguageModel) -> Literal["exact", "normalised"]:
    """The scorer's name where none is chosen: a run was taught the letters, other models write as they like."""
    return "normalised" if model.template else "exact"


def score_all(responses: Sequence[Response | str], facts: Sequence[Fact], scorer: Scorer = exact_match) -> list[Score]:
    """The score of each response to its fact."""
    texts = [response if isinstance(response, str) else response.text for response in responses]
    return [scorer(text, fact) for text, fact in zip(texts, facts, strict=True)]
