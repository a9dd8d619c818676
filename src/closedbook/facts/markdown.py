"""Markdown as plain text: its marks taken off, and what stands on lines of its own made sentences."""

import re
from collections.abc import Iterator

_HEADING = re.compile(r"#{1,6}[ \t]+")
_UNDERLINE = re.compile(r"(?:=+|-{3,})[ \t]*$")
_FRONT = re.compile(r"---[ \t]*\n(?:(?:[\w-]+:.*|[ \t#].*|-[ \t].*|)\n)*(?:---|\.\.\.)[ \t]*(?:\n|$)")
_FRONT_TITLE = re.compile(r"^title:[ \t]*(\S.*)$", re.MULTILINE | re.IGNORECASE)
_FENCE = re.compile(r"[ \t]*(`{3,}(?=[^`]*$)|~{3,})")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|(?!\d{4}\.)\d{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(?=\S)")  # of a list; no years
_QUOTED = re.compile(r"[ \t]*>[ \t]?")
_RULE = re.compile(r"[ \t]*(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_COMMENT = "<!--", "-->"
_BREAK = re.compile(r"(?:[ ]{2}|\\)$")
_STOPPED = re.compile(r"[.!?:;,…。！？：；、؟۔।॥][*_`'\"”’»)\]]*$")
_ADDRESS = r"\((?:(?:[^()]|\([^()]{0,200}\)){0,500}\)|[^)]{0,500}\))"  # which may hold brackets
_MARKS = (
    (re.compile(rf"!\[[^\]]{{0,200}}\]{_ADDRESS}"), ""),  # images
    (re.compile(rf"\[([^\]]{{0,200}})\]{_ADDRESS}"), r"\1"),  # links
    (
        re.compile(r"`+|\*\*|(?<!\w)_{1,2}(?=\w)|(?<=[\w.!?,;:])_{1,2}(?!\w)|(?<!\w)\*(?=\w)|(?<=[\w.!?,;:])\*(?!\w)"),
        "",
    ),  # code, bold, italics
)


def split_front(text: str) -> tuple[str, str]:
    """The title that the YAML before a text gives, or "", and the text without that YAML."""
    front = _FRONT.match(text)
    if not front:
        return "", text
    field = _FRONT_TITLE.search(front.group())
    return field[1].rstrip(" \t").strip("\"'") if field else "", text[front.end() :]


def split_heading(text: str) -> tuple[str, str]:
    """The heading that a text begins with, or "", and the text behind it."""
    first, _, rest = text.lstrip().partition("\n")
    if heading := _heading(first):
        return heading, rest
    second, _, behind = rest.partition("\n")
    return (first.strip(), behind) if first.strip() and re.match(r"=+[ \t]*$", second) else ("", text)


def plain(markdown: str) -> str:
    """Markdown without its marks and comments.

    A heading, a paragraph, an item of a list, a row of a table and what a hard break ends become sentences, with a full
    stop where no mark ends them; a row of two cells reads `first: second`. Fenced code stays as it is.
    """
    text = "\n".join(_sentences(_lines(markdown)))
    for mark, replacement in _MARKS:
        text = mark.sub(replacement, text)
    return text


def _heading(line: str) -> str:
    """The text of a heading of Markdown, "" for another line."""
    mark = _HEADING.match(line)
    return line[mark.end() :].rstrip().rstrip(" \t#") if mark else ""


def _lines(markdown: str) -> Iterator[tuple[str, str]]:
    """Every line but comments and fences with what it is: code, blank, heading, item, row, or text."""
    lines, fence = _without_comments(markdown).split("\n"), ""
    tables = {number + step for number, line in enumerate(lines) if _is_table_rule(line) for step in (-1, 0)}
    row = False
    for number, line in enumerate(lines):
        if (bar := _FENCE.match(line)) and bar[1].startswith(fence):
            fence, row = "" if fence else bar[1], False
            continue
        if fence:
            yield "code", line
            continue
        if quoted := _QUOTED.match(line):
            line = line[quoted.end() :]
        row = "|" in line and (row or number in tables)
        if row:
            if not _is_table_rule(line):
                yield "row", _row(line)
        elif not line.strip() or _RULE.match(line) or _UNDERLINE.match(line):
            yield "blank", ""
        elif heading := _heading(line.strip()):
            yield "heading", heading
        elif item := _ITEM.match(line):
            yield "item", line[item.end() :]
        elif number + 1 < len(lines) and _UNDERLINE.match(lines[number + 1]):
            yield "heading", line.strip()
        else:
            yield "text", line


def _sentences(lines: Iterator[tuple[str, str]]) -> Iterator[str]:
    """The lines, a full stop behind each that nothing goes on from."""
    begun: str | None = None  # what may go on with the next line
    for kind, line in lines:
        if begun is not None:
            yield begun if kind == "text" else _ended(begun)
        goes_on = kind in ("item", "text")
        begun = line if goes_on and not _BREAK.search(line) else None
        if begun is None:
            yield line if kind in ("code", "blank") else _ended(line)
    if begun is not None:
        yield _ended(begun)


def _ended(line: str) -> str:
    """The line with a full stop, if no mark ends it."""
    line = line.rstrip(" \t\\")
    return line if not line or _STOPPED.search(line) else f"{line}."


def _without_comments(text: str) -> str:
    """The text without HTML's comments; one that nothing ends stays."""
    begin, end = _COMMENT
    kept, start = [], 0
    while (opened := text.find(begin, start)) >= 0 and (closed := text.find(end, opened + len(begin))) >= 0:
        kept.append(text[start:opened])
        start = closed + len(end)
    return "".join(kept) + text[start:]


def _is_table_rule(line: str) -> bool:
    return "|" in line and "-" in line and len(line) < 2_000 and _TABLE_RULE.match(line) is not None


def _row(line: str) -> str:
    """The cells of a row of a table that hold something."""
    cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
    cells = [cell for cell in cells if cell]
    return ": ".join(cells) if len(cells) == 2 else ", ".join(cells)
