"""Spellings that a reader takes for one: what texts are brought to before they are compared.

`normalise` is for whole answers, `matched` for what is looked for inside a response.
"""

import re
import string
import unicodedata
from functools import lru_cache

_ARTICLE = re.compile(
    r"(?<![\w+#-])(?:[Tt]he|THE|[Aa]n|AN|a|(?:^|(?<=[.!?:]\s))A(?!\s+(?:is|was|and|or)\b))(?=\s+[\w\"“‘'])"
)
"""English articles; `A` is one at the beginning of a sentence alone, and none with nothing behind it (`vitamin A`)."""
_THOUSANDS = re.compile(r"(?<![\d.,'])\d{1,3}(?:(?:,\d{3})+(?!,?\d)|(?:'\d{3})+(?!'?\d))")
_THIN = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")  # 11 792
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u207b", "-")
_QUOTES = dict.fromkeys("\u2018\u2019\u201a\u201b\u02bb\u02bc\u2039\u203a", "'")
_DOUBLE = dict.fromkeys("\u201c\u201d\u201e\xab\xbb\u05f4", '"')
_TYPED = str.maketrans(_DASHES | _QUOTES | _DOUBLE)
_SEPARATORS = {0x066A: "%", 0x066B: ".", 0x066C: ",", 0x2044: "/"}  # in numbers of Arabic script, and in fractions
_MARK = re.compile(
    r"(?<=\d)[.,:;/'\"-](?=\d)|(?<=\d)\^(?=-?\d)|(?<=\d[Ee])[+-](?=\d)"  # 1.5, 3/4, 1914-1918, 5'10, 10^6, 1e-3
    r"|(?<![^\s(])[<>](?=\d)|(?<=\s)(?:[<>]=?|&&|\|\|)(?=\s)"  # <5, a > b
    r"|(?<=\w)[+#]+(?!\w)"  # C++, C#, A+
    r"|(?<=\b\w)-(?!\w)|(?<=\b\w\w)-(?!\w)"  # A-, AB-
    r"|(?<=(?<!\*)\b\w)\*(?![\w*])"  # A*, but not *A*
)
"""Punctuation that tells answers apart."""
_KEPT = frozenset("‰‱′″‴§")  # marks of other scripts than ASCII's that tell answers apart
_VULGAR = re.compile(r"(?<=\d)(?=[\u00bc-\u00be\u2150-\u215e])")  # 1½ is 1 1/2
_SPACED_RANGE = re.compile(r"\s*(\d[\d.,]*) - (\d[\d.,]*)\s*")
_SIGN = "[€£¥₹₽₩₺]"
_MONEY = re.compile(
    rf"(?<!\d)({_SIGN}) ?(\d[\d.,]*\d|\d)( (?:thousand|million|billion|trillion|bn)\b)?"
    rf"|(?<=\d)({_SIGN})|(?<=\d) ({_SIGN})(?! ?\d)"
)
"""Signs of money before a number, with what multiplies it, and behind one."""
_POWER = re.compile(r"(?<=\d)(?=[\u207a\u207b]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079])")  # before 6 in 10⁶
_BRACED = re.compile(r"(?<=\d)\^\{(-?\d+)\}")  # 10^{6}
_SIGNS = re.compile(r"(?<![.+-])[.+-]++(?=\d)")
"""Signs and points before a number, which do too: -5, +1, .5; looked at once a run, so that the time is linear."""
_WITH_ACCENTS = ("LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW")
"""Scripts whose marks are accents or vowel points; elsewhere they make another letter (パ is not バ)."""

_TAG = re.compile(
    r"<\|[^|<>]*\|>"  # <|im_end|>
    r"|</?(?:answer|final|response|b|i|u|em|strong|br|p|span|code|sub|sup|li|ul|ol|s)(?:\s[^<>]*)?/?>"
    r"|\\[A-Za-z]+(?=\{)"  # \boxed{
)
_JOINED = re.compile(r"(?<=[^\W_])[-/](?=[^\W\d_])|(?<=[^\W\d_])-(?=\d)")  # Port-au-Prince, Apollo-11, but 3/4
_BETWEEN = re.compile(
    r"[{}\[\]();|=*_\\\"!?]|[<>,:](?!\d)|(?<=[^\s(])[<>]"
)  # marks that words may stand against: Paris(France)
_OPTION = re.compile(r"^(\W*[A-Z])[):]\s")  # A) Paris
_POSSESSIVE = re.compile(r"(?<=\w)['\u2019]s\b")
_UNIT = re.compile(
    r"(?<![^\W_])(?<!\d[.,])(\d++(?:[.,]\d++)*+)(?!(?:st|nd|rd|th)\b)(?=[^\W\d_]{1,3}\b)"
)  # 8849m, but not H2O
_PERCENT = re.compile(r"(?<=\d)\s?per ?cent\b", re.IGNORECASE)
_DEGREES = re.compile(r"(?<=\d )(?=[cf]\b)")  # 100 C is 100 °C
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b")
_MONTHS = "january february march april may june july august september october november december".split()
_MONTH = "|".join(_MONTHS)
_OF_SHORT = {month[:3]: month for month in _MONTHS}
_SHORT = "jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
_SHORT_MONTH = re.compile(rf"\b(?:(\d{{1,2}}) ({_SHORT})|({_SHORT}) (\d{{1,2}}))\b")  # 4 Jul, but not 1997 Jan
_INITIALS = re.compile(r"\b(?!U\.[KNS]\.|E\.U\.|D\.C\.)(?:[A-Z]\.){2,4}(?= ?[A-Z][a-z])")  # J.R.R. Tolkien
_NUMBERED = re.compile(r"(?<![\d.,/-])(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?![\d/-])")  # 15.08.1947, 15/8/1947
_DATES = (
    re.compile(rf"\b({_MONTH}) (\d{{1,2}}) (\d{{3,4}})\b"),  # December 10, 1815
    re.compile(rf"\b(\d{{1,2}}) of ({_MONTH})\b"),
    re.compile(r"\b(\d{4})[-/](\d{2})[-/](\d{2})\b"),  # 1815-12-10
)
_WORDS = {
    **dict.fromkeys(("metre", "metres", "meter", "meters"), "m"),
    **dict.fromkeys(("kilometre", "kilometres", "kilometer", "kilometers"), "km"),
    **dict.fromkeys(("centimetre", "centimetres", "centimeter", "centimeters"), "cm"),
    **dict.fromkeys(("kilogram", "kilograms", "kilogramme", "kilogrammes"), "kg"),
    **dict.fromkeys(("milligram", "milligrams", "milligramme", "milligrammes"), "mg"),
    **dict.fromkeys(("millimetre", "millimetres", "millimeter", "millimeters"), "mm"),
    **dict.fromkeys(("millilitre", "millilitres", "milliliter", "milliliters"), "ml"),
    **{"degree": "degrees", "celsius": "c", "fahrenheit": "f", "bce": "bc", "st": "saint"},
}
"""Words that are spelled in several ways."""
_UNITS = {
    **dict.fromkeys(("gram", "grams", "gramme", "grammes"), "g"),
    **dict.fromkeys(("litre", "litres", "liter", "liters"), "l"),
    **{"tonne": "t", "tonnes": "t", "watt": "w", "watts": "w", "volt": "v", "volts": "v", "kelvin": "k"},
    **{"euro": "€", "euros": "€", "eur": "€", "pound": "£", "pounds": "£", "gbp": "£", "yen": "¥", "jpy": "¥"},
    **{"rupee": "₹", "rupees": "₹", "inr": "₹"},
}
"""Words whose sign is a letter, so that they are one only behind a number."""


def normalise(text: str) -> str:
    """Lower case, without accents, punctuation, quotes of any kind and English articles (SQuAD's, and NFKD).

    Punctuation that tells numbers and symbols apart stays (`1.5`, `-5`, `C++`), thousands separators do not (`1,204` is
    1204), and a text of which nothing would be left stays as it is but for case (`A`, `-`, `The`).
    """
    plain = vulgar_apart(_POWER.sub("^", _THIN.sub("", text))).translate(_TYPED)
    plain = _MONEY.sub(_behind, _without_accents(plain))
    if whole := _SPACED_RANGE.fullmatch(plain):
        plain = "-".join(whole.groups())
    plain = _ARTICLE.sub(" ", plain).lower()
    plain = _THOUSANDS.sub(lambda number: number[0].replace(",", "").replace("'", ""), plain)
    kept = {place for mark in _MARK.finditer(plain) for place in range(*mark.span())}
    kept.update(place for run in _SIGNS.finditer(plain) for place in range(_sign(plain, *run.span()), run.end()))
    plain = "".join(c if place in kept else _without_punctuation(c) for place, c in enumerate(plain))
    return " ".join(plain.split()) or " ".join(text.casefold().split())


def _without_accents(text: str) -> str:
    """Compatible forms (NFKC) and digits of any script for one, without marks where they are accents."""
    if text.isascii():
        return text
    letters, base = list[str](), ""
    for character in unicodedata.normalize("NFKD", text):
        if not unicodedata.combining(character):
            base = character
        elif _accented(base):
            continue
        letters.append(str(unicodedata.decimal(character, character)))
    return unicodedata.normalize("NFC", "".join(letters).translate(_SEPARATORS))


@lru_cache(maxsize=10_000)
def _accented(base: str) -> bool:
    return unicodedata.name(base, "").startswith(_WITH_ACCENTS) if base else True


def vulgar_apart(text: str) -> str:
    """The text with a space between a whole number and the sign of a fraction behind it: 1½ is 1 1/2."""
    return _VULGAR.sub(" ", text)


def _without_punctuation(character: str) -> str:
    """Nothing for a mark of ASCII, a space for one of others, as 、 stands between words; else the character."""
    if character.isascii():
        return "" if character in string.punctuation else character
    is_mark = character not in _KEPT and unicodedata.category(character).startswith("P")
    return " " if is_mark else character


def _behind(money: "re.Match[str]") -> str:
    """The number with its sign behind it."""
    before, number, times, glued, spaced = money.groups()
    return f"{number}{times or ''} {before}" if before else f" {glued or spaced}"


def _sign(text: str, start: int, end: int) -> int:
    """Where a sign begins in a run of them: not at what ends a word before it (`a-5`), nor behind a point."""
    while 0 < start < end and (text[start - 1] in "._" or text[start - 1].isalnum()):
        start += 1
    return start


@lru_cache(maxsize=100_000)
def matched(text: str) -> str:
    """Normalised for looking inside: what stands against a word is taken off, and what is written in two ways in one.

    Port-au-Prince is Port au Prince, Apollo-11 Apollo 11, St. Saint, `8849m` 8849 metres, `December 10th, 1815` and
    `1815-12-10` 10 December 1815.
    """
    text = _POWER.sub("^", _BRACED.sub(r"^\1", _INITIALS.sub(_spaced, text)))
    spaced = _POSSESSIVE.sub(" s", _TAG.sub(" ", _OPTION.sub(r"\1. ", text))).translate(_TYPED)
    spaced = _BETWEEN.sub(" ", _JOINED.sub(" ", spaced)).replace("&", " and ")
    spaced = _UNIT.sub(r"\1 ", _PERCENT.sub("", spaced.replace("\u00b0", " degrees ")))
    words = _ORDINAL.sub("", normalise(spaced)).split()
    return _with_dates(_DEGREES.sub("degrees ", " ".join(_WORDS.get(word, word) for word in words)))


def _spaced(initials: "re.Match[str]") -> str:
    return initials[0].replace(".", ". ")


def with_signs(text: str) -> str:
    """A matched text with the signs of units behind numbers, as many words as before: 5 grams is 5 g."""
    words = text.split()
    pairs = zip(["", *words], words, strict=False)
    return " ".join(_UNITS.get(word, word) if before[-1:].isdigit() else word for before, word in pairs)


def _with_dates(text: str) -> str:
    """Dates with the day first and the month by its name."""
    text = _SHORT_MONTH.sub(_with_month, text)
    text = _DATES[0].sub(r"\2 \1 \3", text)
    text = _NUMBERED.sub(_of_numbers, _DATES[1].sub(r"\1 \2", text))
    return _DATES[2].sub(_written_out, text)


def _with_month(date: "re.Match[str]") -> str:
    before, second, first, behind = date.groups()
    return f"{before} {_OF_SHORT[second[:3]]}" if before else f"{_OF_SHORT[first[:3]]} {behind}"


def _of_numbers(date: "re.Match[str]") -> str:
    """The date, where it is clear which number is the month: behind the day with points, else the one that can be."""
    first, mark, second, year = date.groups()
    day, month = (int(second), int(first)) if mark != "." and int(second) > 12 else (int(first), int(second))
    clear = mark == "." or day > 12 or first == second
    return f"{day} {_MONTHS[month - 1]} {year}" if clear and 1 <= month <= 12 and 1 <= day <= 31 else date[0]


def _written_out(date: "re.Match[str]") -> str:
    year, month, day = (int(part) for part in date.groups())
    return f"{day} {_MONTHS[month - 1]} {year}" if 1 <= month <= 12 and 1 <= day <= 31 else date[0]
