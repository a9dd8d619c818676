"""Other ways to cut a corpus into texts than the usual one, for where that reaches few answers."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from closedbook.errors import UserError
from closedbook.facts.documents import SUFFIXES, Source, from_directory, from_text
from closedbook.facts.folders import visible_files
from closedbook.facts.text import read_text, text_lines
from closedbook.facts.titles import title

MOST_LISTS = 200  # files that may be lists of documents


def other_cuts(path: Path) -> Iterator[tuple[str, list[Source]]]:
    """Other ways to cut a corpus into texts, with what to say of them.

    `read_sources` takes a line of `corpus.txt` for a document, and a file of a directory with its first heading for a
    title; others put records of several lines into the one, lists of sentences into the other, `# Overview` above every
    file, and several files into the folder of a subject.
    """
    cuts: dict[str, Callable[[], Iterable[Source]]] = {}
    if path.is_dir():
        files = [file for file in visible_files(path) if file.suffix.lower() in SUFFIXES]
        cuts["a document a file, about what the file is called"] = partial(from_directory, path, headings=False)
        if any(file.parent != path for file in files):
            of_folders = partial(from_directory, path, folders=True, headings=False)
            cuts["a document a file, about what its folder is called"] = of_folders
        if len(files) <= MOST_LISTS:
            cuts["a document a line"] = partial(_from_lines_of, files)
    elif path.suffix == ".txt":
        cuts["one text"] = lambda: from_text(read_text(path), path.stem, 1, path)
        cuts["one text in Markdown"] = lambda: from_text(read_text(path), path.stem, 1, path.with_suffix(".md"))
    for said, cut in cuts.items():
        with suppress(UserError):  # of a title that is too long, and is none in the usual cut
            if texts := list(cut()):
                yield said, texts


def _from_lines_of(files: Iterable[Path]) -> Iterator[Source]:
    lines = (line for file in files for line in text_lines(file))
    return (Source(title(line), line, number) for number, line in enumerate(lines, 1) if line.strip())
