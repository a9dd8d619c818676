"""Subjects that no title gives, found by the words that questions have in common: their frames."""

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from closedbook.facts.forms import POSSESSIVE, SLOT, Fitting, first_slot, form_of, longest_first
from closedbook.facts.records import Fact
from closedbook.facts.titles import LONGEST_NAME, LONGEST_SUBJECT

FEWEST = 3  # questions that make a frame of their own beside others
SHARE = 0.02  # of the questions, as a floor to the same
MOST_FORMS = 200  # forms that are tried on a question without a subject, the most frequent first
COVERED = 0.8  # share of the questions that the frames must take up for a word to belong to them
_TOKEN = re.compile(r"[^\W_]+(?:[-.][^\W_]+)*|[^\w\s]|_")


def with_form_subjects(facts: Sequence[Fact], forms: Iterable[str] = ()) -> tuple[Fact, ...]:
    """The facts with subjects; where none is known, what the known forms leave, or what differs between questions.

    Args:
        facts: With the subjects that files and titles give.
        forms: Forms of other questions, with `{}`.
    """
    frequent = Counter(form for fact in facts if (form := form_of(fact)) is not None).most_common(MOST_FORMS)
    known = Fitting(longest_first([*forms, *(form for form, _ in frequent)]))
    found = [fact.subject or first_slot(fact.question, known(fact.question)) for fact in facts]
    open_ = [index for index, subject in enumerate(found) if not subject]
    for index, subject in zip(open_, _by_frames([facts[index].question for index in open_]), strict=True):
        found[index] = subject
    questions = [fact.question for fact in facts]
    for rename in (_longer_names, _inner_names):
        found = _as_asked_elsewhere(questions, found, open_, rename)
    return tuple(
        fact if fact.subject == subject else dataclasses.replace(fact, subject=subject)
        for fact, subject in zip(facts, found, strict=True)
    )


def _as_asked_elsewhere(
    questions: Sequence[str], found: Sequence[str], open_: Sequence[int], rename: "Renaming"
) -> list[str]:
    """The subjects, of a form that tells them wrongly the names that questions of another form ask about.

    Args:
        questions: All of them.
        found: The subject of each, "" where there is none.
        open_: Those whose subject frames alone have told.
        rename: Gives other names for the questions of a form, as far as there are any.
    """
    pairs = zip(questions, found, strict=True)
    forms = [question.replace(subject, SLOT) if subject else "" for question, subject in pairs]
    asked, groups = defaultdict[str, set[str]](set), defaultdict[str, list[int]](list)
    for subject, form in zip(found, forms, strict=True):
        asked[subject].add(form)
    for index in open_:
        groups[forms[index]].append(index)
    names = list(found)
    for form, rows in groups.items():
        for row, name in rename(form, [(questions[row], found[row]) for row in rows], asked).items() if form else ():
            names[rows[row]] = name
    return names


Renaming = Callable[[str, Sequence[tuple[str, str]], Mapping[str, set[str]]], dict[int, str]]
"""From a form, its questions with their subjects, and the forms of every subject to names by the questions' numbers."""


def _inner_names(form: str, pairs: Sequence[tuple[str, str]], asked: Mapping[str, set[str]]) -> dict[int, str]:
    """Names inside the subjects, where most hold one that another form asks about (`est né Ann Lee`)."""
    inner = {row: name for row, (_, subject) in enumerate(pairs) if (name := _longest_name(subject, form, asked))}
    return inner if len(inner) > max(1, COVERED * len(pairs)) else {}


def _longer_names(form: str, pairs: Sequence[tuple[str, str]], asked: Mapping[str, set[str]]) -> dict[int, str]:
    """The subjects with the word before them or behind, or two of these, where other forms ask about most of those.

    `Clos {}: grape?` is asked of `Avel`, where other questions ask about `Clos Avel`.
    """
    start = len(form.partition(SLOT)[0])
    short = sum(asked[subject] != {form} for _, subject in pairs)
    for left, right in ((1, 0), (0, 1), (2, 0), (0, 2), (1, 1)):
        longer = {
            row: _longer(question, start, start + len(subject), left, right)
            for row, (question, subject) in enumerate(pairs)
        }
        hits = sum(bool(asked.get(name, set()) - {form}) for name in longer.values())
        if hits > max(1, short, COVERED * len(pairs)):
            return {row: name for row, name in longer.items() if name}
    return {}


def _longer(question: str, start: int, end: int, left: int, right: int) -> str:
    """A part of a question with so many words before it and behind, "" where there are not so many."""
    before, behind = question[:start].split(" "), question[end:].split(" ")
    if len(before) <= left or len(behind) <= right or before[-1] or behind[0].strip(".,;:?!"):
        return ""
    words = [*before[len(before) - 1 - left : -1], question[start:end], *behind[1 : right + 1]]
    return " ".join(words).rstrip(".,;:?!")


def _longest_name(subject: str, form: str, asked: Mapping[str, set[str]]) -> str:
    """The longest run of words in a subject, also without its `'s`, that another form asks about, "" for none."""
    words = subject.split()
    runs = (
        " ".join(words[first : first + size])
        for size in range(len(words) - 1, 0, -1)
        for first in range(len(words) - size + 1)
    )
    names = (name for run in runs for name in dict.fromkeys((run, POSSESSIVE.sub("", run))))
    return next((name for name in names if asked.get(name, set()) - {form}), "")


def _by_frames(questions: Sequence[str]) -> list[str]:
    """The subject of every question, "" where its words outside do not recur.

    A frame is the words with which several questions begin and end. All questions start as one group; it gives up
    the words that all of them share, then falls apart by the next word, first from the start, then from the end,
    wherever a few words are the next of most questions, until what is left differs from question to question. The
    questions with another next word need a longer frame of their own.
    """
    tokens = [[(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(text)] for text in questions]
    words = [[token for token, _, _ in line] for line in tokens]
    found = [""] * len(questions)
    groups = [([index for index, line in enumerate(words) if line], 0, 0, 1)]
    while groups:
        rows, start, end, least = groups.pop()
        start, end = _shared(words, rows, start, end)
        parts = _parts(words, rows, start, end)
        if parts:
            groups.extend((*part, 1) for part in parts)
            divided = {row for group, _, _ in parts for row in group}
            groups.append(([row for row in rows if row not in divided], start, end, start + end + 1))
        elif start + end >= least and _is_frame(words, rows, start, end):
            for row in rows:
                line = tokens[row]
                if start + end < len(line) <= start + end + LONGEST_SUBJECT:
                    found[row] = _closed(questions[row], line[start][1], line[len(line) - end - 1][2])
    return found


def _closed(text: str, start: int, end: int) -> str:
    """A part of a text, with the bracket behind it if it lacks that (`Who made Hedart (1976)?`)."""
    part = text[start:end]
    return part + ")" if part.count("(") > part.count(")") and text.startswith(")", end) else part


def _shared(words: Sequence[Sequence[str]], rows: Sequence[int], start: int, end: int) -> tuple[int, int]:
    """The frame of a group, longer by the words that all its questions share; one word stays for the subject."""
    if not rows:
        return start, end
    first = words[rows[0]]
    shortest = min(len(words[row]) for row in rows)
    while start + end + 1 < shortest and all(words[row][start] == first[start] for row in rows):
        start += 1
    while start + end + 1 < shortest and all(words[row][-1 - end] == first[-1 - end] for row in rows):
        end += 1
    return start, end


def _parts(
    words: Sequence[Sequence[str]], rows: Sequence[int], start: int, end: int
) -> list[tuple[list[int], int, int]]:
    """The groups into which the next word divides the questions, none where it belongs to the subjects."""
    open_ = [row for row in rows if len(words[row]) > start + end + 1]
    for side in ("start", "end"):
        at = start if side == "start" else -1 - end
        by_word: dict[str, list[int]] = {}
        for row in open_:
            by_word.setdefault(words[row][at], []).append(row)
        least = max(FEWEST, SHARE * len(rows))
        large = {word: group for word, group in by_word.items() if len(group) >= least}
        if len(large) < 2 or sum(map(len, large.values())) < COVERED * len(rows):
            continue
        grown = (start + 1, end) if side == "start" else (start, end + 1)
        outermost = side == "start" and not any(word[0].isalnum() for word in words[rows[0]][:start])
        capitals = sum(len(group) for word, group in large.items() if word[0].isupper() or word[0].isdigit())
        same = side == "end"
        goes_on = all(_shared(words, group, *grown)[same] > grown[same] for group in large.values())
        if outermost or goes_on or 2 * capitals < sum(map(len, large.values())):
            return [(group, *grown) for group in large.values()]
    frame = [words[rows[0]][at] for at in (*range(start), *range(-end, 0))] if rows else []
    return [] if any(word[0].isalnum() for word in frame) else _from_both_ends(words, open_, start, end, len(rows))


def _from_both_ends(
    words: Sequence[Sequence[str]], rows: Sequence[int], start: int, end: int, total: int
) -> list[tuple[list[int], int, int]]:
    """Groups of questions, some by their first word and some by their last, the largest first; none if they are few.

    `Tin: symbol?` and `Melting point of Tin?` have their subjects at different ends.
    """
    ends, left = {(start + 1, end): start, (start, end + 1): -1 - end}, set(rows)
    parts = list[tuple[list[int], int, int]]()
    while left:
        groups = defaultdict[tuple[int, int, str], list[int]](list)
        for row in sorted(left):
            for grown, at in ends.items():
                groups[(*grown, words[row][at])].append(row)
        (longer, shorter, _), group = max(groups.items(), key=lambda one: len(one[1]))
        if len(group) < max(FEWEST, SHARE * total):
            break
        parts.append((group, longer, shorter))
        left -= set(group)
    both = len({longer for _, longer, _ in parts}) > 1
    return parts if both and total - len(left) >= COVERED * total else []


def _is_frame(words: Sequence[Sequence[str]], rows: Sequence[int], start: int, end: int) -> bool:
    """Whether a group shares a word, differs in the rest, and the rest is as long as subjects are."""
    if len(rows) < 2:
        return False
    first = words[rows[0]]
    frame = [*first[:start], *first[len(first) - end :]]
    lengths = sorted(len(words[row]) - start - end for row in rows)
    fillers = {tuple(words[row][start : len(words[row]) - end]) for row in rows}
    return any(word[0].isalnum() for word in frame) and len(fillers) > 1 and lengths[len(lengths) // 2] <= LONGEST_NAME
