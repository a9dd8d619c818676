"""Builds a store from a corpus directory, or adds one to it."""

from dataclasses import asdict
from pathlib import Path

from closedbook.config import TokenizerConfig
from closedbook.errors import UserError
from closedbook.facts.contents import Streams, contents_of
from closedbook.facts.corpus import find_files, is_store, name_of, sha256
from closedbook.facts.generation import Announce, Generation, Origin
from closedbook.facts.stored import StoredCorpus, open_store
from closedbook.locks import locked


def build_store(
    directory: Path,
    out: Path,
    tokenizer: TokenizerConfig,
    *,
    workers: int = 1,
    announce: Announce = lambda line: None,
) -> StoredCorpus:
    """Makes a store of a corpus directory, or goes on with one.

    Args:
        directory: Documents, training and dev questions; see `find_files`.
        out: The store; must not exist, or be one that the same call began.
        tokenizer: The vocabulary, learned from all documents and training facts.
        workers: Processes that recognise questions and tokenize.
        announce: Gets a line after each step.

    Raises:
        UserError: The directory is malformed, `out` holds something else or is being written, or the disk is full.
    """
    paths = find_files(directory)
    with locked(out):
        files = {path.name: sha256(path) for path in paths.values()}
        generation = Generation(out, 0, {"files": files, "tokenizer": asdict(tokenizer)})
        if not generation.begun():
            contents = contents_of(directory, workers)
            generation.write(contents, Origin(name_of(directory), files, tokenizer, None), workers, announce)
        generation.clear_away()
    return open_store(out)


def append_to_store(
    directory: Path, out: Path, *, workers: int = 1, announce: Announce = lambda line: None
) -> StoredCorpus:
    """Adds the documents of a directory, and what questions it has, to a store, or goes on with that.

    The vocabulary and the relations stay as they are, as do documents that are there.

    Raises:
        UserError: As `build_store`; the store has these documents already, or its vocabulary cannot spell the new.
    """
    if not is_store(out):
        raise UserError(f"{out}: no store to add to; leave out --append to build one.")
    paths = find_files(directory, needed=("corpus",))
    with locked(out):
        before = open_store(out)
        files = {path.name: sha256(path) for path in paths.values()}
        identity = {"files": files}
        last = Generation(out, before.description.generation, identity)
        if last.marked():
            last.clear_away()
            return before
        generation = Generation(out, last.generation + 1, identity)
        if files[paths["corpus"].name] in before.files.values():
            raise UserError(f"{out}: has the documents of {paths['corpus']} already.")
        generation.begun()
        contents = Streams(paths, workers, before.relations, before.index.titles)
        origin = Origin(before.name, files, before.description.tokenizer, before)
        generation.write(contents, origin, workers, announce)
        generation.clear_away()
    return open_store(out)
