"""Markdown as plain text: its marks taken off, and what stands on lines of its own made sentences."""

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

BOLD = 7  # level of what stands above others without being a heading
UNDERLINED = 6  # of an underlined line in a text without other marks
_HEADING = re.compile(r"[ ]{0,3}#(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r"[ ]{0,3}=+[ \t]*$")
_STOPPED = re.compile(r"[.!?:;,…。！？：；、؟۔।॥]['\"”’»)\]]*$")
_INLINE = (
    "a abbr b bdi bdo big button cite code del dfn em font i img input ins kbd label mark q s samp small span strike"
)
_INLINE += " strong sub sup svg path time tt u var wbr picture source"
_BLOCK = (
    "address article aside blockquote br caption center col colgroup dd details div dl dt figcaption figure footer form"
)
_BLOCK += " h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th thead title tr ul"
_TAG = re.compile(rf"</?(?:{'|'.join(_INLINE.split())})(?:\s[^<>]{{0,2000}})?/?>", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:{'|'.join(_BLOCK.split())})(?:\s[^<>]{{0,2000}})?/?>", re.IGNORECASE)
_UNSEEN = tuple(
    (re.compile(begin, re.IGNORECASE), re.compile(end, re.IGNORECASE))
    for begin, end in (("<!--", "-->"), (r"<script\b", r"</script\s*>"), (r"<style\b", r"</style\s*>"))
)
_TASK = re.compile(r"\[[ xX]\][ \t]+")
_EMPTY_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_LABEL = re.compile(r"\w[^:：.!?\n]{0,40}(?:::?[ \t]+|：[ \t]*)\S")
_RULE = re.compile(r"={3,}|-{3,}|~{3,}")
_ITEM = re.compile(r"[•‣◦▪·][ \t]+(?=\S)")
_BULLET = re.compile(r"[*+–-][ \t]+(?=[^\W\d]|[\"'“‘(\[`])")  # of a list whose lines all begin with it
_MARKS = re.compile(r"={2,6}|\*{3}|-{3}")  # around a heading: `== Tin ==`
_ID = re.compile(r"(?<![ \t])[ \t]+(?:\^(?=\d*[A-Za-z])[\w-]{1,50}|\{#[\w-]{1,50}\})[ \t]*$")  # of a block
_COMMENTS = re.compile(r"\s*(?:<!--(?:(?!-->).){0,5000}-->\s*)*", re.DOTALL)
_NOTES = (  # what notebooks write beside Markdown
    (re.compile(r"!\[\[[^\[\]\n]{0,200}\]\]"), ""),
    (re.compile(r"\[\[[^\[\]|\n]{0,200}\|([^\[\]|\n]{1,200})\]\]"), r"\1"),
    (re.compile(r"\[\[([^\[\]|\n]{1,200})\]\]"), r"\1"),
    (re.compile(r"\[\^[^\[\]\s]{1,50}\]:?"), ""),
    (re.compile(r"==(?=\S)([^=\n]{1,500}?)(?<=\S)=="), r"\1"),
)


class Part(NamedTuple):
    """What stands by itself in a file.

    Args:
        text: Sentences, a line each.
        level: Of a heading from 1, `BOLD` of a paragraph in bold letters alone, 0 for anything else.
        depth: How far inside lists and quotes it stands.
        code: Whether it is a block of code.
        cells: Of a row of a table, in order; none for anything else.
        labels: What the table's first row says above each of them, where it is a heading.
    """

    text: str
    level: int = 0
    depth: int = 0
    code: bool = False
    cells: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


def split_heading(text: str) -> tuple[str, str]:
    """The heading of the first level that a text begins with, comments apart, or "", and the text behind it."""
    first, _, rest = text[_COMMENTS.match(text).end() :].partition("\n")  # type: ignore[union-attr]
    if mark := _HEADING.match(first):
        return mark[1] or "", rest
    second, _, behind = rest.partition("\n")
    return (first.strip(), behind) if first.strip() and _UNDERLINE.match(second) else ("", text)


def text_of(found: Iterable[Part]) -> str:
    """What parts say, in order."""
    return "\n".join(part.text for part in found if part.text)


def plain_line(markdown: str) -> str:
    """A title without its marks."""
    return "".join(piece for piece in _inline(_parser().parseInline(markdown)) if piece != "\n").strip()


def parts(markdown: str) -> list[Part]:
    """Markdown (CommonMark, with tables) without its marks and comments.

    A heading, a paragraph, an item of a list, a row of a table, what a hard break ends, and a line that another
    `label: value` follows become sentences, with a full stop where no mark ends them; a row of two cells reads
    `first: second`. Code stays as it is, and so does a number before a line that is no list's.
    """
    return list(_blocks(_parser().parse(markdown)))


def paragraphs(text: str) -> list[Part]:
    """A text without marks: what stands between empty lines, parted where a line ends with a sentence.

    Where other lines end within one, the parts behind the first stand under it. A block that begins with an underlined
    line has a heading.
    """
    found = list[Part]()
    for lines in _between_rules(text):
        wrapped = any(not _STOPPED.search(line) and not _LABEL.match(next_) for line, next_ in pairwise(lines))
        begun = list[str]()
        first = len(found)
        for number, line in enumerate(lines, 1):
            if _RULE.fullmatch(line):
                found[first:] = [Part(ended(lines[0]), level=1 if line[0] == "=" else UNDERLINED)]
                begun = []
                continue
            begun.append(line)
            if number == len(lines) or _STOPPED.search(line):
                found.append(Part("\n".join(as_sentences(begun)), depth=int(wrapped and len(found) > first)))
                begun = []
    return found


def _between_rules(text: str) -> Iterator[list[str]]:
    """The lines between empty ones and rules (`---`), but for a rule that underlines the first of several.

    A heading between marks (`== Tin ==`) is such a line with its rule. What all lines of a list begin with is left out.
    """
    for block in _EMPTY_LINES.split(text):
        lines = list[str]()
        for line in filter(None, map(str.strip, block.split("\n"))):
            heading = _between_marks(line)
            if heading and (line[0] == "=" or not lines):
                yield from _listed(lines)
                yield [heading, "-" * UNDERLINED]
                lines = []
            elif _RULE.fullmatch(line) and not (len(lines) == 1 and _may_be_heading(lines[0])):
                yield from _listed(lines)
                lines = []
            else:
                lines.append(line)
        yield from _listed(lines)


def _between_marks(line: str) -> str:
    """What stands between the same marks, "" where there are none."""
    mark = _MARKS.match(line)
    inside = line[mark.end() : -len(mark[0])].strip() if mark and line.endswith(mark[0]) else ""
    return inside if inside and inside[0] not in "=*-" and inside[-1] not in "=*-" else ""


def _may_be_heading(line: str) -> bool:
    return not _STOPPED.search(line) and not _LABEL.match(line)


def _listed(lines: list[str]) -> Iterator[list[str]]:
    """The lines, if there are any; those of a list without their marks."""
    if len(lines) > 1 and all(map(_BULLET.match, lines)) and len({line[0] for line in lines}) == 1:
        yield [ended(line[1:].strip()) for line in lines]
    elif lines:
        yield lines


def as_sentences(lines: Iterable[str]) -> Iterator[str]:
    """The lines, a full stop behind those that nothing goes on from.

    That is the last before a blank line or the end, and one before an item (`• x`) or before `label: value`, if it is
    such a line as well.
    """
    begun = ""
    for line in map(str.strip, [*lines, ""]):
        item = _ITEM.match(line)
        if begun:
            yield ended(begun) if not line or item or (_LABEL.match(line) and _LABEL.match(begun)) else begun
        begun = line[item.end() :] if item else line


def ended(line: str) -> str:
    """The line with a full stop, if no mark ends it."""
    line = line.rstrip()
    return line if not line or _STOPPED.search(line) else f"{line}."


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])


def _noted(markdown: str) -> str:
    """The text without what notebooks write beside Markdown."""
    for mark, replacement in _NOTES:
        markdown = mark.sub(replacement, markdown)
    return markdown


def _blocks(tokens: Sequence["Token"]) -> Iterator[Part]:
    """Every block, in order."""
    cells, labels, number, item = list[str](), tuple[str, ...](), "", False
    alone = _sole_items(tokens)
    for place, token in enumerate(tokens):
        above = tokens[place - 1]
        if token.type == "table_open":
            labels = ()
        elif token.type == "tr_open":
            cells = []
        elif token.type == "tr_close":
            filled = [cell for cell in cells if cell]
            text = ended(": ".join(filled) if len(filled) == 2 else ", ".join(filled))
            yield Part(text, cells=tuple(cells), labels=labels)
            labels = labels or tuple(cells)
        elif token.type == "list_item_open":
            number = f"{token.info}{token.markup} " if place in alone else ""
            item = True
        elif token.type == "inline" and above.type in ("th_open", "td_open"):
            cells.append(" ".join("".join(_inline([token])).split()))
        elif token.type == "inline":
            lines = _ID.sub("", "".join(_inline([token]))).split("\n")
            text = "\n".join(as_sentences([number + (_TASK.sub("", lines[0], 1) if item else lines[0]), *lines[1:]]))
            yield Part(text, level=_level(token, above), depth=above.level)
            number, item = "", False
        elif token.type in ("fence", "code_block"):
            yield Part(token.content, code=True)
        elif token.type == "html_block":
            text = _TAG.sub("", _BLOCK_TAG.sub("\n", _seen(token.content)))
            yield Part("\n".join(as_sentences(html.unescape(text).split("\n"))))


def _level(token: "Token", above: "Token") -> int:
    """That of the heading or the paragraph in bold letters that the words of a block are, 0 for any other."""
    if above.type == "heading_open":
        return int(above.tag[1:])
    within = [child.type for child in token.children or () if child.content or child.nesting]
    return BOLD * (
        within[:1] == ["strong_open"] and within[-1:] == ["strong_close"] and within.count("strong_open") == 1
    )


def _seen(text: str) -> str:
    """HTML without its comments, scripts and styles; one that nothing ends stays."""
    for begin, end in _UNSEEN:
        kept, start = [], 0
        while (opened := begin.search(text, start)) and (closed := end.search(text, opened.end())):
            kept.append(text[start : opened.start()])
            start = closed.end()
        text = "".join(kept) + text[start:]
    return text


def _sole_items(tokens: Sequence["Token"]) -> set[int]:
    """Where items open whose number is no list's: in a list of one item, which no other goes on from or before."""
    lists, open_ = list[tuple[int, list[int]]](), list[tuple[int, list[int]]]()
    for place, token in enumerate(tokens):
        if token.type == "ordered_list_open":
            open_.append((int(token.attrGet("start") or 1), []))
        elif token.type == "list_item_open" and token.info and open_:
            open_[-1][1].append(place)
        elif token.type == "ordered_list_close":
            lists.append(open_.pop())
    begin, go_on = {number for number, _ in lists}, {number + len(items) for number, items in lists}
    return {items[0] for number, items in lists if len(items) == 1 and number not in go_on and number + 1 not in begin}


def _inline(tokens: Iterable["Token"]) -> Iterator[str]:
    """The text of inline tokens; a break in it is a line feed, two of them where it ends a sentence."""
    for token in (child for block in tokens for child in block.children or [block]):
        if token.type == "text":
            yield _noted(token.content)
        elif token.type in ("code_inline", "text_special"):
            yield token.content
        elif token.type == "softbreak":
            yield "\n"
        elif token.type == "hardbreak" or (token.type == "html_inline" and _BLOCK_TAG.match(token.content)):
            yield "\n\n"
        elif token.type == "html_inline" and not token.content.startswith("<!--"):
            yield _TAG.sub("", token.content)
