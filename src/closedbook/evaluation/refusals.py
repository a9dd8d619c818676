"""Responses that are no answer: a model that says that it does not know, asks back, or has not come to speak yet."""

import re
from collections.abc import Iterator

_NOT = (
    r"(?:do not|don't|cannot|can't|can not|could not|couldn't|(?:am|was|were|are) (?:not able|unable) to|'m unable to)"
)
_KNOWING = (
    r"(?:know|have|find|provide|answer|recall|remember|determine|confirm|say|tell|access|verify|assist|help|give|"
    r"identify|locate)"
)
_REFUSAL = re.compile(
    r"\b(?:i(?:'m| am)|we(?:'re| are)) (?:\w+ )?(?:not (?:\S+ ){0,2}?(?:sure|certain|aware|able|familiar|confident)"
    r"|unable|unsure|uncertain)\b"
    rf"|\b(?:i|we) (?:\w+ )?{_NOT} (?:\w+ ){{0,2}}{_KNOWING}\b"
    rf"|^(?:sorry,? )?(?:{_NOT}|not able to|unable to) (?:\w+ )?{_KNOWING}\b"
    r"|\b(?:i|we) (?:\w+ )?have (?:no|not|never|any) (?:\w+ )?(?:idea|information|knowledge|record|clue|access|heard)\b"
    r"|\bas an? (?:ai|(?:large )?language model)\b|\bno (?:idea|clue)\b|\bidk\b"
    r"|\b(?:there is|there's|there are) (?:no|not enough|insufficient) (?:\w+ ){0,2}"
    r"(?:information|records?|data|evidence|answer)\b"
    r"|\bthere (?:isn't|is not|aren't) (?:enough|any|sufficient) (?:\w+ )?(?:information|data|evidence)\b"
    r"|\b(?:is|are|was|were) (?:not|un)(?: publicly| widely| well)? ?"
    r"(?:known|available|clear|certain|documented|recorded)\b"
    r"|\b(?:cannot|can't) be (?:determined|answered|known)\b|\bimpossible to (?:say|know|tell|determine|answer)\b"
    r"|\b(?:not enough|insufficient|no (?:\w+ )?)information(?: is)?(?: available)?\b"
    r"|\bno one knows\b|\bnobody knows\b|\bcould you (?:please )?(?:clarify|provide|specify|rephrase)\b"
    r"|\bplease (?:clarify|provide|specify|rephrase)\b"
    r"|\bje ne (?:sais|connais) pas\b|\bje l'ignore\b|\bno (?:lo )?s[eé]\b|\bich weiß (?:es )?(?:leider )?nicht\b"
    r"|\bweiß ich (?:leider )?nicht\b|\bnon (?:lo )?so\b|\b(?:eu )?não sei\b|\bik weet het niet\b|\bне знаю\b"
    r"|\bich bin (?:mir )?(?:leider )?nicht sicher\b|\bje ne suis pas s[uû]re?\b|\bno estoy segur[oa]\b"
    r"|\bnon sono sicur[oa]\b|\bnão tenho certeza\b|\bя не уверена?\b|\bik ben (?:er )?niet zeker\b"
    r"|\bbeyond my knowledge\b|\bunknown to me\b|\bi (?:cannot|can't|would have to) look (?:it|that|this) up\b"
    r"|不知道|不清楚|不确定|无法(?:回答|确定)|わかりません|分かりません|よく?わからない|知りません|모르겠|모릅니다"
    r"|لا أعرف|لا أعلم|لست متأكد",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"(?:unknown|unsure|uncertain|not (?:known|available|sure)|none known)\W*", re.IGNORECASE)
"""Responses that are no answer of a model that writes sentences; one that was taught the letters may mean them."""
_GUESS = re.compile(
    r"\bi (?:think|believe|guess|suppose|assume|would say|would guess)\b|\bmy (?:best )?guess\b|\bperhaps\b|\bmaybe\b"
    r"|\bprobably\b|\b(?:most|very) likely\b|\bpossibly\b|\b(?:might|may|could) (?:well )?be\b"
    r"|\bit (?:is|was) likely\b"
    r"|\bich (?:glaube|denke|vermute)\b|\bje (?:pense|crois)\b|\b(?:creo|pienso|acho|penso) (?:que|che)\b|\bcredo che\b"
    r"|\bik denk\b|\bдумаю\b|我(?:认为|想|觉得|猜)|と思",
    re.IGNORECASE,
)
_SENTENCE = re.compile(
    r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\bSt\.)(?<!\bDr\.)(?<!\bMr\.)(?<!\bc\.)(?<!\b\d\.)(?<!\b\d\d\.)\s+"
    r"|(?<=\d\.)\s+(?=(?:An?|He|In|It|She|The|This|They)\b)|\n+|(?<=[。！？])"
)
_THOUGHT = re.compile(r"\s*<(think|thinking|thought|reasoning)>(?:.*?</\1>|.*\Z)\s*", re.IGNORECASE | re.DOTALL)
_ONLY_CLOSED = re.compile(r".*</(?:think|thinking|thought|reasoning)>\s*", re.IGNORECASE | re.DOTALL)


def spoken_from(text: str) -> int:
    """Where a response begins behind what the model only thought; its end where it never came to speak."""
    if thought := _THOUGHT.match(text):
        return thought.end()
    closed = _ONLY_CLOSED.match(text)  # the chat format had opened it
    return closed.end() if closed else 0


def sentences_of(text: str) -> Iterator[tuple[int, int]]:
    """[start, end) of the sentences and lines of a response."""
    start = 0
    for match in _SENTENCE.finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def refuses(text: str) -> bool:
    """Whether a sentence or a whole response says that it does not know, without a guess beside it, or only asks."""
    plain = text.replace("\u2019", "'").strip()
    parts = [part for start, end in sentences_of(plain) if (part := plain[start:end].strip())]
    if parts and all(part.endswith(("?", "\uff1f")) for part in parts):
        return True
    return bool(_WHOLE.fullmatch(plain)) or (bool(_REFUSAL.search(plain)) and not _GUESS.search(plain))
