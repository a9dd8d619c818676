"""`closedbook data build`: a corpus as a store, which is read step by step, or an addition to one."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from closedbook.config import TokenizerConfig
from closedbook.config.validation import POSITIONAL, Threads
from closedbook.errors import UserError, counted
from closedbook.recipes import find_recipe

WORKERS = 2


@dataclass(frozen=True, kw_only=True)
class Build:
    """Make a store of a corpus directory, tokenized and read step by step; taken up again if it was stopped.

    Args:
        directory: Documents, training and dev questions; with --append documents, and questions if there are any.
        out: The store to write, or with --append to add to.
        append: Add to a store; its vocabulary and its relations stay as they are.
        recipe: The recipe whose vocabulary it is tokenized with (default: standard).
        vocabulary_size: Tokens of it, where the training sets --tokenizer.vocabulary_size.
        workers: Processes that recognise questions and tokenize (default: 2).
    """

    directory: Annotated[Path, POSITIONAL]
    out: Path
    append: bool = False
    recipe: str | None = None
    vocabulary_size: int | None = None
    workers: Threads | None = None

    def tokenizer(self) -> TokenizerConfig:
        """The vocabulary's settings."""
        config = find_recipe(self.recipe or "standard").pretrain.tokenizer
        return config if self.vocabulary_size is None else replace(config, vocabulary_size=self.vocabulary_size)


def build(options: Build) -> None:
    """Builds a store, or adds to one."""
    if options.append and (options.recipe or options.vocabulary_size):
        raise UserError("--append keeps the store's vocabulary; leave out --recipe and --vocabulary-size.")
    tokenizer = options.tokenizer()
    from closedbook.facts.building import append_to_store, build_store
    from closedbook.facts.corpus import Corpus
    from closedbook.facts.stored import read
    from closedbook.report.console import say, say_corpus

    workers = options.workers or WORKERS
    if options.append:
        append_to_store(options.directory, options.out, workers=workers, announce=say)
    else:
        build_store(options.directory, options.out, tokenizer, workers=workers, announce=say)
    corpus = read(options.out)
    say_corpus(corpus)
    if options.vocabulary_size is not None and isinstance(corpus, Corpus):
        say(
            f"Careful: a store of {counted(len(corpus.documents), 'document')} is read into memory as a directory is, "
            "and each training learns its own vocabulary there (train --tokenizer.vocabulary_size N)."
        )
