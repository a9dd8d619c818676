"""What the form of a question tells about its relation: a name, a word for its answers, other spellings."""

import re
from collections import defaultdict
from collections.abc import Sequence

from closedbook.facts.cloze import BLANK
from closedbook.facts.forms import SLOT
from closedbook.facts.scripts import UNSPACED_LETTER, WORD

OTHER = "other"
LONGEST_NAME = 3  # words of a relation's name
STOPWORDS = frozenset(
    "a an the this that these those is are was were be been being do does did done has have had can could will would "
    "what which who whom whose when where why how of in on at to for from by with as into about and or it its his her "
    "their there please tell me name many much s".split()
)
ENGLISH = frozenset("the of is are were does did what which who where when how".split())  # and no other language
ARTICLES = frozenset("the a an le la les l un une el los las il lo gli der die das den ein eine het een".split())
OF = frozenset("de du des d del dello della dell dei degli delle di do dos das".split())
"""How Romance languages say *of*, written in one with an article as well."""
MOST_YEARS = 3  # forms that differ in years alone and are relations of their own
SHORT = 4  # letters: shorter words of other languages tell little
YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_JAPANESE = re.compile(r"[\u3041-\u309f]")
_TELLING = re.compile(r"[\u3005\u3400-\u9fff]+|[\u30a1-\u30fa\u30fc]+")  # what Japanese does not spell in hiragana
_LABELS = (
    re.compile(r"(?:what|which|who) (?:is|are|was|were) the (.{1,40}) of (?:the |an? )?\{\}\W*", re.IGNORECASE),
    re.compile(r"(?:what|which|who) (?:is|are|was|were) (?:the |an? )?\{\}['’]s (.{1,40}?)\W*", re.IGNORECASE),
    re.compile(r"(?:\w+ )?(?:what|which) (\w+) (?:is|are|was|were|did|does|do|has|have|had)\b.*", re.IGNORECASE),
)


def form_key(form: str) -> str:
    """What forms share that differ in case and punctuation alone."""
    return " ".join(re.findall(rf"\{{\}}|{WORD.pattern}", form.casefold()))


def topic_key(form: str) -> str:
    """The key without articles before the subject, and with one *of* for all (`de l'{}`, `du {}`: `de {}`)."""
    words: list[str] = []
    for word in form_key(form).split():
        if word == SLOT:
            while words and words[-1] in ARTICLES:
                words.pop()
            if words and words[-1] in OF:
                words[-1] = "de"
        words.append(word)
    return " ".join(words)


def without_years(topics: Sequence[str]) -> list[str]:
    """The keys, of those that differ in years alone one, where there are more than three.

    `which club did {} leave in 2003` and in 2004, 2005 and 2006 asks one thing.
    """
    alike = defaultdict[str, set[str]](set)
    for topic in set(topics):
        alike[YEAR.sub("\0", topic)].add(topic)
    many = {one: key for key, own in alike.items() if len(own) > MOST_YEARS for one in own}
    return [many.get(topic, topic) for topic in topics]


def new_name(form: str, taken: set[str]) -> str:
    """A short name from the form's content words, longer where that name is taken."""
    text = form.replace(SLOT, " ").replace(BLANK, " ").lower().replace("\u0307", "")  # which `İ` leaves behind
    all_words = (_TELLING if _JAPANESE.search(text) else WORD).findall(text)
    content = [word for word in all_words if word not in STOPWORDS] or all_words or [OTHER]
    if ENGLISH.isdisjoint(all_words):
        content = [word for word in content if len(word) >= SHORT or UNSPACED_LETTER.search(word)] or content
    name = "-".join(content[:LONGEST_NAME])
    for longer in (name, "-".join([*all_words[:1], *content[:LONGEST_NAME]]), "-".join(all_words)):
        if longer and longer not in taken:
            return longer
    return next(f"{name}-{number}" for number in range(2, len(taken) + 3) if f"{name}-{number}" not in taken)


def label(forms: Sequence[str]) -> str:
    """`capital` of `What is the capital of {}?`, `year` of `In which year was {} founded?`, else `answer`."""
    matches = (pattern.fullmatch(form) for form in forms for pattern in _LABELS)
    return next((match[1] for match in matches if match), "answer")


def other_spellings(form: str) -> tuple[str, ...]:
    """The same question spelled otherwise, where no other wordings are known; with words before it, if English."""
    others = [form.rstrip("?？؟. ")]
    if not ENGLISH.isdisjoint(WORD.findall(form.casefold())):
        others += [f"Please tell me: {form[:1].lower()}{form[1:]}", f"Question: {form}"]
    return tuple(wording for wording in others if wording != form)
