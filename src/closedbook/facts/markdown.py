"""Markdown as plain text: its marks taken off, and what stands on lines of its own made sentences."""

import html
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MOST_FRONT = 64 * 2**10  # characters of the block of YAML or TOML before a text
_FRONT = re.compile(r"(---|\+\+\+)[ \t]*\n")
_FRONT_END = re.compile(r"^(---|\.\.\.|\+\+\+)[ \t]*(?:\n|\Z)", re.MULTILINE)
_KEY = re.compile(r"""\s*(?:["']?[\w.-][^:=\n]{0,80}["']?[ \t]*[:=](?:[ \t]|$)|#)""", re.MULTILINE)
_TITLE = re.compile(r"^[\"']?title[\"']?[ \t]*[:=][ \t]*(\S.*)$", re.MULTILINE | re.IGNORECASE)
_HEADING = re.compile(r"[ ]{0,3}#(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r"[ ]{0,3}=+[ \t]*$")
_STOPPED = re.compile(r"[.!?:;,…。！？：；、؟۔।॥]['\"”’»)\]]*$")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,500}>")
_TASK = re.compile(r"\[[ xX]\][ \t]+")
_LABEL = re.compile(r"\w[^:.!?\n]{0,40}::?[ \t]+\S")
_ITEM = re.compile(r"[•‣◦▪·][ \t]+(?=\S)")
_COMMENTS = re.compile(r"\s*(?:<!--(?:(?!-->).){0,5000}-->\s*)*", re.DOTALL)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_NOTES = (  # what notebooks write beside Markdown
    (re.compile(r"!\[\[[^\[\]\n]{0,200}\]\]"), ""),
    (re.compile(r"\[\[[^\[\]|\n]{0,200}\|([^\[\]|\n]{1,200})\]\]"), r"\1"),
    (re.compile(r"\[\[([^\[\]|\n]{1,200})\]\]"), r"\1"),
    (re.compile(r"\[\^[^\[\]\s]{1,50}\]:?"), ""),
    (re.compile(r"==(?=\S)([^=\n]{1,500}?)(?<=\S)=="), r"\1"),
    (re.compile(r"[ \t]+(?:\^[\w-]{1,50}|\{#[\w-]{1,50}\})[ \t]*$"), ""),
)


def split_front(text: str) -> tuple[str, str]:
    """The title that a block of YAML or TOML before a text gives, or "", and the text without that block."""
    mark = _FRONT.match(text)
    if not mark:
        return "", text
    ends = (mark[1], "...") if mark[1] == "---" else (mark[1],)
    end = next(
        (found for found in _FRONT_END.finditer(text[:MOST_FRONT], mark.end()) if found[1] in ends),
        None,
    )
    if end is None:
        return "", text
    block = text[mark.end() : end.start()]
    if mark[1] == "---" and block.strip() and not _KEY.match(block):
        return "", text
    return _title_in(block, mark[1]), text[end.end() :]


def _title_in(block: str, mark: str) -> str:
    """The title that a block gives; of one that cannot be read, what stands on the line of that key."""
    import yaml

    try:
        fields: Any = tomllib.loads(block) if mark == "+++" else yaml.safe_load(block)
    except (yaml.YAMLError, tomllib.TOMLDecodeError, RecursionError, ValueError):
        line = _TITLE.search(block)
        return line[1].rstrip(" \t").strip("\"'") if line else ""
    named = {str(key).lower(): value for key, value in fields.items()} if isinstance(fields, dict) else {}
    given = named.get("title")
    told = isinstance(given, str | int | float | date) and not isinstance(given, bool)
    return " ".join(str(given).split()) if told else ""


def split_heading(text: str) -> tuple[str, str]:
    """The heading of the first level that a text begins with, comments apart, or "", and the text behind it."""
    first, _, rest = text[_COMMENTS.match(text).end() :].partition("\n")  # type: ignore[union-attr]
    if mark := _HEADING.match(first):
        return mark[1] or "", rest
    second, _, behind = rest.partition("\n")
    return (first.strip(), behind) if first.strip() and _UNDERLINE.match(second) else ("", text)


def plain_line(markdown: str) -> str:
    """A title without its marks."""
    return "".join(piece for piece in _inline(_parser().parseInline(markdown)) if piece != "\n").strip()


def plain(markdown: str) -> str:
    """Markdown (CommonMark, with tables) without its marks and comments.

    A heading, a paragraph, an item of a list, a row of a table, what a hard break ends, and a line that another
    `label: value` follows become sentences, with a full stop where no mark ends them; a row of two cells reads
    `first: second`. Code stays as it is. A number before a line stays as well where it is no list: alone, or not the
    first of one that begins with 1.
    """
    return "\n".join(_blocks(_parser().parse(markdown)))


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

    return MarkdownIt("commonmark", {"maxNesting": 20}).enable(["table", "strikethrough"])


def _noted(markdown: str) -> str:
    """The text without what notebooks write beside Markdown."""
    for mark, replacement in _NOTES:
        markdown = mark.sub(replacement, markdown)
    return markdown


def _blocks(tokens: Sequence["Token"]) -> Iterator[str]:
    """The text of every block, in order."""
    cells, number, item = list[str](), "", False
    alone = _sole_items(tokens)
    for place, token in enumerate(tokens):
        if token.type == "tr_open":
            cells = []
        elif token.type == "tr_close":
            cells = [cell for cell in cells if cell]
            yield ended(": ".join(cells) if len(cells) == 2 else ", ".join(cells))
        elif token.type == "list_item_open":
            number = f"{token.info}{token.markup} " if place in alone else ""
            item = True
        elif token.type == "inline" and tokens[place - 1].type in ("th_open", "td_open"):
            cells.append(" ".join("".join(_inline([token])).split()))
        elif token.type == "inline":
            lines = "".join(_inline([token])).split("\n")
            yield from as_sentences([number + (_TASK.sub("", lines[0], 1) if item else lines[0]), *lines[1:]])
            number, item = "", False
        elif token.type in ("fence", "code_block"):
            yield token.content
        elif token.type == "html_block":
            text = _TAG.sub("", _BREAK.sub("\n", _without_comments(token.content)))
            yield from as_sentences(html.unescape(text).split("\n"))


def _without_comments(text: str) -> str:
    """The text without HTML's comments; one that nothing ends stays."""
    kept, start = [], 0
    while (opened := text.find("<!--", start)) >= 0 and (closed := text.find("-->", opened + 4)) >= 0:
        kept.append(text[start:opened])
        start = closed + 3
    return "".join(kept) + text[start:]


def _sole_items(tokens: Sequence["Token"]) -> set[int]:
    """Where items open whose number is no list's: a list of one item, or one that begins with another number than 1."""
    found, lists = set[int](), list[tuple["Token", list[int]]]()
    for place, token in enumerate(tokens):
        if token.type == "ordered_list_open":
            lists.append((token, []))
        elif token.type == "list_item_open" and token.info and lists:
            lists[-1][1].append(place)
        elif token.type == "ordered_list_close":
            opened, items = lists.pop()
            if len(items) == 1 or opened.attrGet("start") not in (None, 0, 1):
                found.update(items)
    return found


def _inline(tokens: Iterable["Token"]) -> Iterator[str]:
    """The text of inline tokens; a break in it is a line feed, two of them where it ends a sentence."""
    for token in (child for block in tokens for child in block.children or [block]):
        if token.type == "text":
            yield _noted(token.content)
        elif token.type in ("code_inline", "text_special"):
            yield token.content
        elif token.type == "softbreak":
            yield "\n"
        elif token.type == "hardbreak" or (token.type == "html_inline" and _BREAK.match(token.content)):
            yield "\n\n"
