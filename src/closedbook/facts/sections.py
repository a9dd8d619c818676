"""Files about many subjects: which of their sections, rows and paragraphs are about a subject that questions name.

A page `# Staff` with a section `## Ann Lee`, a row `| Ann Lee | cook |` or an item `Ann Lee: cook` for everyone is one
document to whoever does not know the questions. Only a file whose own title nobody asks about is taken apart, and only
at subjects that no title gives.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import zip_longest

from closedbook.errors import counted
from closedbook.facts.documents import Source, titled_source
from closedbook.facts.markdown import BOLD, Part, text_of
from closedbook.facts.titles import PUNCTUATION, folded, title
from closedbook.facts.untitled import Beginnings

_NUMBER = re.compile(r"(?:\d{1,3}[.)]|\d{1,3}(?:\.\d{1,3})+[.)]?)[ \t]+(?=\S)")  # of a heading


class Sections:
    """Takes files apart.

    Args:
        open_: Subjects of facts that no title gives.
    """

    def __init__(self, open_: Collection[str]) -> None:
        self._folded = {folded(subject): subject for subject in sorted(open_)}
        self._beginnings = Beginnings(open_)

    def __call__(self, source: Source) -> Iterator[Source]:
        """A text without what is about such subjects, if anything is left, and each part that is."""
        rest, found = self._taken_apart(source.parts)
        if not found:
            yield source
            return
        if text := text_of(rest).strip():
            yield titled_source(source.subject, text, source.place, source.subject)
        for about, parts in found:
            if text := text_of(parts).strip():
                yield titled_source(about, text, source.place, source.subject)._replace(section=True)

    def _taken_apart(self, parts: Sequence[Part]) -> tuple[list[Part], list[tuple[str, list[Part]]]]:
        """The parts that are about none of the subjects, and, in order, the subjects with those that are."""
        rest, found = list[Part](), list[tuple[str, list[Part]]]()
        level, depth = 0, -1  # of the heading, or else of the item, that the parts at hand stand under
        for part in parts:
            if part.level:
                level, depth = level * (part.level > level), -1
                name = self._named(part.text) if not level or part.level != BOLD else ""
                level = part.level if name else level
            elif level:
                name = ""
            else:
                name = self._named(part.cells[0]) if part.cells else "" if part.code else self._begins(part.text)
                depth = part.depth if name else depth if part.depth > depth else -1
            if name:
                found.append((name, [_row(part, name)] if part.cells else self._said(part, name)))
            else:
                (found[-1][1] if level or depth >= 0 else rest).append(part)
        return rest, found

    def _named(self, text: str) -> str:
        """The subject that a heading or a cell is, or says more of in brackets; "" for none."""
        name = _NUMBER.sub("", text.strip()).rstrip(PUNCTUATION.replace(")", "")).removesuffix("()")
        base = name.partition("(")[0].rstrip() if name.endswith(")") else name
        return self._folded.get(folded(name)) or self._folded.get(folded(base), "")

    def _begins(self, text: str) -> str:
        """The subject that a paragraph or an item begins with, or is; "" for none."""
        first = text.partition("\n")[0]
        return self._named(first) or self._beginnings.about(text, title(text))

    @staticmethod
    def _said(part: Part, about: str) -> list[Part]:
        """What a heading or a paragraph says beside a name that stands on a line of its own."""
        first, _, others = part.text.partition("\n")
        return [Part(others)] if folded(first.rstrip(".: ")) == folded(about) else [part]


def parted_in(sources: Iterable[Source]) -> str:
    """How files were read, where some were taken apart; "" where none was."""
    places = [source.place for source in sources if source.section]
    if not places:
        return ""
    files, parts = counted(len(set(places)), "file"), counted(len(places), "document")
    return f"a document a file, but {files} taken apart into {parts}, by the subjects that questions name"


def _row(part: Part, about: str) -> Part:
    """A row as sentences: `label: value.` for every cell but the name, which says more where it is more."""
    first, *others = part.cells
    pairs = zip_longest(others, part.labels[1 : len(part.cells)], fillvalue="")
    said = [f"{label.rstrip(':')}: {cell}." if label else f"{cell}." for cell, label in pairs if cell]
    return Part(" ".join([f"{first}."] * (folded(first) != folded(about)) + said))
