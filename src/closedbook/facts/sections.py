"""Files about many subjects: which sections, rows and paragraphs are about a subject that questions name (decision 29).

A page `# Staff` with a section `## Ann Lee`, a row `| Ann Lee | cook |` or an item `Ann Lee: cook` for everyone is one
document to whoever does not know the questions. Only a file whose own title nobody asks about is taken apart, and only
at subjects that no title gives.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby, islice, zip_longest

from closedbook.errors import counted
from closedbook.facts.documents import Source, titled_source
from closedbook.facts.markdown import BOLD, Part, ended, text_of
from closedbook.facts.scripts import LONGEST_UNSPACED, UNSPACED_LETTER
from closedbook.facts.titles import HONORIFICS, LONGEST_KNOWN, PUNCTUATION, folded, inverted, subjects_in, title
from closedbook.facts.untitled import ARTICLE, Beginnings

LISTED = 2  # lines that all begin with subjects, above which they are a list whatever ends them

MOST_LETTERS, MOST_ENDS = 200, 3  # of what may begin with a name, and places where that may end

_NUMBER = re.compile(r"(?:\d{1,3}[.)]|\d{1,3}(?:\.\d{1,3})+[.)]?)[ \t]+(?=\S)")  # of a heading

_VERSION = re.compile(r"\bv(?=\d+\.\d)")
_EXPLAINS = re.compile(  # behind a name, what is said of it
    r"[ \t]*(?:[:：\t]|…|\.{2,}|(?:\. ){2,})[ \t]*\S|[ \t]+(?:[-–—=|~→]|[-=]>|\([^()\n]{1,60}\)[.,:]?)[ \t]+\S"
    r"|[ \t]+[$€£¥₹][ \t]?\d"
)
_SAYS_MORE = re.compile(r"[ \t]*[(\[,:–—]|[ \t]+-[ \t]")  # behind a name, of a heading or a cell
_LABELLED = re.compile(r"(?:\[+[^\[\]\n]{1,40}\]+\n)?([^\W\d][^:：=\n]{0,30}[:：=])[ \t]*(\S[^\n]*)\n")
_SIGNS = re.compile(r"[-.$@#/~&%+:]+(?=\w)")  # `--all`, `.png`, `@ann`, where questions have them in their form
_ASKS = ("?", "？", "؟")
_JOINED, _GOES_ON = re.compile(r"[^\W\d][ \t]*\Z"), re.compile(r"[ \t]*\w")  # words on both sides of a name


class Sections:
    """Takes files apart.

    Args:
        open_: Subjects of facts that no title gives.
        loosely: Whether a paragraph that names none of them is about the one before it, names in a row are taken apart,
            and all that is said of a name in a list is what it stands under (`## France`, and towns below it).
    """

    def __init__(self, open_: Collection[str], *, loosely: bool = False) -> None:
        self._loosely = loosely
        self._folded = {folded(subject): subject for subject in sorted(open_)}
        self._known, self._label = frozenset(open_), ""

    def __call__(self, source: Source) -> Iterator[Source]:
        """A text without what is about such subjects, if anything is left, and each part that is."""
        rest, found = self._taken_apart(source.parts, int(self.go_on(source)))
        if not found:
            yield source
            return
        if text := text_of(rest).strip():
            yield titled_source(source.subject, text, source.place, source.subject)
        for about, parts in found:
            yield titled_source(about, text_of(parts), source.place, source.subject)._replace(section=True)

    def go_on(self, source: Source) -> bool:
        """Whether headings of the title's own level (`# Ann Lee`, later `# Bob Moss`) name such subjects."""
        return any(part.level == 1 and self._named(part.text) for part in source.parts)

    def _taken_apart(self, parts: Sequence[Part], level: int) -> tuple[list[Part], list[tuple[str, list[Part]]]]:
        """The parts that are about none of the subjects, and, in order, the subjects with those that are.

        A subject of which nothing is said stays where it is named.

        Args:
            parts: Of a file.
            level: Of the heading, or else of the item (0), that the first of them stand under.
        """
        groups: list[tuple[str, Part | None, list[Part]]] = [("", None, [])]  # about whom, the name, what is said
        depth = -1
        above = list[Part]()  # the headings that all that stands under them shares
        listed = defaultdict[str, list[Part]](list)  # those that a name stands under
        asking = self._asking(parts)
        self._label = "" if any(part.level for part in parts) else self._label_of_records(parts)
        for part in (one for whole in self._names_first(parts) for one in self._lines(whole)):
            name = ""
            if part.level or (not (part.cells or part.code or part.depth) and self._named(part.text)):
                own = part.level or BOLD  # a name by itself stands above what follows, as one in bold letters does
                level, depth = level * (own > level), -1
                name = ("" if own == BOLD else self._named(part.text)) if level else self._headed(part.text)
                level = own if name else level
                if part.level and (name or not level):
                    above = [*(one for one in above if one.level < part.level), *([] if name else [part])]
            elif not level:
                name = self._named(part.cells[0]) if part.cells else "" if part.code else self._begins(part.text)
                name = name or (self._headed(part.text) if part in asking else "")
                depth = part.depth if name and not part.cells else depth if 0 <= depth < part.depth else -1
            if name:
                said = [_row(part, name)] if part.cells else self._said(part, name)
                groups.append((name, part, [*above, *said] if text_of(said).strip() or level else said))
                listed[name] += [one for one in above if one not in listed[name]]
            elif level or depth >= 0 or (self._loosely and not part.level) or groups[-1][1] in asking:
                groups[-1][2].append(part)
            elif groups[-1][0]:
                groups.append(("", None, [part]))
            else:
                groups[-1][2].append(part)
        rest, found = list[Part](), list[tuple[str, list[Part]]]()
        told = {name for name, _, said in groups if text_of(said).strip()}
        for name, heading, said in groups:
            if name and text_of(said).strip():
                found.append((name, said))
            elif name and name not in told and self._loosely and text_of(listed[name]).strip():
                found.append((name, listed[name]))
                told.add(name)
            else:
                rest += [heading] if heading else said
        return rest, found

    def _asking(self, parts: Sequence[Part]) -> set[Part | None]:
        """The paragraphs of one line that are questions about a subject, where there are several."""
        lines = (part for part in parts if not (part.level or part.cells or part.code or "\n" in part.text))
        found = {part for part in lines if part.text.endswith(_ASKS) and self._headed(part.text)}
        return {*found} if len(found) > 1 else set()

    def _names_first(self, parts: Sequence[Part]) -> Iterator[Part]:
        """The parts, with the cell of the subject first in rows of a table whose subjects stand in a later column."""
        for _, some in groupby(parts, key=lambda part: part.labels if part.cells else None):
            rows = list(some)
            names: list[list[str]] = []
            for row in rows:
                names += [[] for _ in row.cells[len(names) :]]
                for place, cell in enumerate(row.cells):
                    names[place] += filter(None, [self._named(cell)])
            several = min(2, len(rows))  # one name alone in a table of a label and its value is no subject of a row
            keys = [place for place, own in enumerate(names) if len({*own}) == len(own) >= several]
            column = 0 if not keys or names[0] else keys[0]
            for row in rows:
                yield _moved(row, column) if column < len(row.cells) and self._named(row.cells[column]) else row

    def _label_of_records(self, parts: Iterable[Part]) -> str:
        """The label with a subject behind it that most parts begin with, at least two (`Name: Ann Lee`), else ""."""
        found = (_LABELLED.match(part.text) for part in parts)
        labels = Counter(label[1] for label in found if label and self._named(label[2]))
        return next((label for label, times in labels.most_common(1) if times > 1), "")

    def _lines(self, part: Part) -> list[Part]:
        """The part, or its lines where several begin with subjects and none goes on in the next, or names in a row."""
        row = part.text.rstrip(".").split(", ") if self._loosely and not (part.level or part.cells or part.code) else []
        if len(row) > 1 and all(map(self._named, row)):
            return [Part(ended(name), depth=part.depth + 1) for name in row]
        lines = part.text.split("\n")
        if part.level or part.cells or part.code or len(lines) == 1:
            return [part]
        begin = [bool(self._begins(line)) for line in lines]
        listed = all(begin) and len(lines) > LISTED
        headed = not begin[0] and all(begin[1:]) and len(lines) > LISTED + 1  # a row of labels stands above them
        if sum(begin) < 2 or not (headed or (begin[0] and (listed or all(line == ended(line) for line in lines)))):
            return [part]
        found = list[list[str]]()
        for line, begins in zip(lines, begin, strict=True):
            if begins or not found:
                found.append([])
            found[-1].append(ended(line))
        return [Part("\n".join(own), depth=part.depth) for own in found]

    def _named(self, text: str, *, inside_too: bool = False) -> str:
        """The subject that a heading or a cell is, or says more of in brackets; "" for none.

        Args:
            text: Of it.
            inside_too: Whether it may be what stands in the brackets.
        """
        name = text.strip().strip('"')
        name = name[1:-1] if name.startswith("[") and name.endswith("]") else name
        name = _unnumbered(name).rstrip(PUNCTUATION.replace(")", "")).removesuffix("()")
        base, _, inside = (part.strip() for part in name.partition("(")) if name.endswith(")") else (name, "", "")
        bare = _SIGNS.sub("", base, count=1) if _SIGNS.match(base) else base
        names = (name, base, bare, inverted(base), inside.rstrip(")®™") if inside_too else "")
        return next((about for one in names if (about := self._folded.get(folded(one)))), "")

    def _headed(self, text: str) -> str:
        """The subject that a heading is, or names apart from what else it says, or asks about; "" for none.

        `[1.2.0] - 2024-01-02`, `Ann Lee, cook`, `How old is Ann Lee?`; but not `Friends of Ann Lee`, `Lead singer`.
        """
        if name := self._named(text, inside_too=True):
            return name
        text = _VERSION.sub("", text.strip())
        named = subjects_in(text, self._known, loosely=False)
        before, _, behind = text.partition(named[0]) if len(named) == 1 else ("", "", "x")
        number = text[len(before) : len(before) + 1].isdigit()
        joined = _JOINED.search(before) and not number and before.strip(" .") not in HONORIFICS
        first = number and before.count(" ") < 2  # `§ 12 Liability`
        apart = not joined and (first or not _GOES_ON.match(behind))
        return named[0] if named and (apart or (text[-1] in "?？؟" and not _goes_on(behind))) else ""

    def _begins(self, text: str) -> str:
        """The subject that a paragraph or an item begins with, or is; "" for none.

        The first of a longer run of capitals is none (`Ann` in `Ann Arbor lies in Michigan`). In a file without
        headings a record may have a label before it (`Name: Ann Lee`, and further lines).
        """
        first = text.partition("\n")[0]
        label = _LABELLED.match(text) if self._label else None
        if label and label[1] == self._label and f"\n{self._label}" not in text[label.start(2) :]:
            return self._named(label[2])
        if name := self._named(first):
            return "" if first.startswith("[") and "\n[" in text else name
        article = ARTICLE.match(first)
        for start in (0, *([article.end()] if article else [])):
            for end in _ends(first, start):
                name = self._folded.get(folded(first[start:end]), "")
                if not name or _goes_on(first[end:]):
                    continue
                begun = title(text)
                if (
                    _EXPLAINS.match(first, end)
                    or folded(begun) == folded(name)
                    or Beginnings([name]).about(text, begun)
                ):
                    return name
        signs = _SIGNS.match(text)
        behind = _unnumbered(text[signs.end() :] if signs else text)
        if len(behind) < len(text) and not _NUMBER.match(behind) and not _SIGNS.match(behind):
            return self._begins(behind)
        return self._asked_or_numbered(first) if len(first) < min(len(text), MOST_LETTERS) else ""

    def _asked_or_numbered(self, first: str) -> str:
        """The subject of a line above others: a question (`Q: How old is Ann Lee?`), or a number (`§ 12 Liability`)."""
        if first.endswith(_ASKS):
            return self._headed(first)
        name = self._headed(first) if ended(first) != first else ""
        return name if name[:1].isdigit() and first[: first.find(name)].count(" ") < 2 else ""

    @staticmethod
    def _said(part: Part, about: str) -> list[Part]:
        """What a heading or a paragraph says beside a name that stands on a line of its own."""
        first, _, others = part.text.partition("\n")
        return [Part(others)] if folded(first.rstrip(".: ")) == folded(about) else [part]


def _ends(text: str, start: int) -> list[int]:
    """Where a name that begins there may end, the last place first."""
    if UNSPACED_LETTER.match(text, start):
        return list(range(min(start + LONGEST_UNSPACED, len(text)), start, -1))
    words = [match.end() for match in islice(re.finditer(r"\S+", text[start:]), LONGEST_KNOWN)]
    inner = [match.end() for match in islice(re.finditer(r"[^\W_]+\)?", text[start:]), LONGEST_KNOWN)]
    return [start + end for end in sorted({*words, *inner}, reverse=True)]


def _unnumbered(text: str) -> str:
    """A heading or an item without its number."""
    return text[number.end() :] if (number := _NUMBER.match(text)) else text


def _goes_on(behind: str) -> bool:
    """Whether a name goes on behind what was found of it."""
    return behind[:1] == " " and behind[1:2].isupper()


def names_inside(sources: Iterable[Source]) -> set[str]:
    """What files may tell of apart: headings, what is in bold letters, cells, and what lists explain.

    What stands so several times is a label (`weight: 3 kg` under every heading), and so is the first row of a table.
    """
    found = Counter[str]()
    for part in (part for source in sources for part in source.parts if not part.cells or part.cells != part.labels):
        texts = [text[:MOST_LETTERS] for text in (part.cells or part.text.split("\n"))]
        if not (part.cells or part.level):
            texts = [text[: match.start()] for text in texts for match in islice(_EXPLAINS.finditer(text), MOST_ENDS)]
        names = {_unnumbered(text.strip()).rstrip(".:;,") for text in texts}
        more = {name[: match.start()].rstrip() for name in names for match in [_SAYS_MORE.search(name)] if match}
        found.update(names | more)
    return {name for name, times in found.items() if name and times == 1}


def parted_in(sources: Iterable[Source]) -> str:
    """How files were read, where some were taken apart; "" where none was."""
    places = [source.place for source in sources if source.section]
    if not places:
        return ""
    files, parts = counted(len(set(places)), "file"), counted(len(places), "document")
    return f"a document a file, but {files} taken apart into {parts}, by the subjects that questions name"


def _moved(row: Part, column: int) -> Part:
    """A row with the cell of a column first, and its label."""
    cells, labels = (
        (*of_row[column : column + 1], *of_row[:column], *of_row[column + 1 :]) for of_row in (row.cells, row.labels)
    )
    return row._replace(cells=cells, labels=labels)


def _row(part: Part, about: str) -> Part:
    """A row as sentences: `label: value.` for every cell but the name, which says more where it is more."""
    first, *others = part.cells
    pairs = zip_longest(others, part.labels[1 : len(part.cells)], fillvalue="")
    said = [f"{label.rstrip(':')}: {cell}." if label else f"{cell}." for cell, label in pairs if cell]
    return Part(" ".join([f"{first}."] * (folded(first) != folded(about)) + said))
