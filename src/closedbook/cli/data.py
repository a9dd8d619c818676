"""`closedbook data`: what a corpus holds, a store or a split of it, the built-in one, a baseline, facts for others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from closedbook.cli.data_build import Build, build
from closedbook.cli.data_export import Export, export
from closedbook.cli.options import overview, parse, summary
from closedbook.config import BUILT_IN, PeopleConfig
from closedbook.config.validation import POSITIONAL, Count, New, Seed, configuration
from closedbook.errors import UserError, nearest
from closedbook.visible import in_a_line


@dataclass(frozen=True, kw_only=True)
class Describe:
    """Say what was understood of a corpus directory or a store: files, columns, relations, and what is wrong with them.

    Args:
        directory: Documents, training and dev questions, perhaps relations.toml; or a store.
        write: Write what was understood as relations.toml, to be corrected there.
        verify: Hold every part of a store against its SHA-256, however large.
    """

    directory: Annotated[Path, POSITIONAL]
    write: bool = False
    verify: bool = False


@dataclass(frozen=True, kw_only=True)
class Split:
    """Copy a corpus directory with some training facts held out, by subject, in calibration.tsv.

    Args:
        corpus: A directory with documents, train and dev questions.
        held_out: Training facts to hold out.
        seed: Of the choice.
        out: The directory to write; must not exist.
    """

    corpus: Path
    held_out: Count = 400
    seed: Seed = 0
    out: New


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Answer every question with the most frequent training answer of its relation.

    Args:
        train: Facts whose answers are counted.
        facts: Facts to score on.
    """

    train: Path
    facts: Path


@configuration
class BuiltIn(PeopleConfig):
    """Write the built-in corpus and its facts.

    Args:
        out: The directory to write; must not exist.
    """

    out: Path


def run(arguments: Sequence[str]) -> None:
    """Runs one of the verbs on data."""
    if not arguments or arguments[0] in ("-h", "--help"):
        rows = {verb: summary(cls) for verb, (_, cls, _) in VERBS.items()}
        about, example = "What a corpus holds, and what to make of it.", "closedbook data describe mine"
        print(overview("closedbook data", "VERB", about, rows, example), end="")
        return
    verb = arguments[0]
    if verb not in VERBS:
        raise UserError(f"data {verb}: no such verb{nearest(verb, VERBS)}; see closedbook data --help.")
    run_verb, cls, example = VERBS[verb]
    run_verb(parse(f"closedbook data {verb}", cls, arguments[1:], example=f"closedbook data {verb} {example}"))


def describe(options: Describe) -> None:
    """Prints what was understood, and writes it with --write."""
    from closedbook.facts.corpus import is_store
    from closedbook.facts.coverage import asked_kinds, coverage, coverage_lines
    from closedbook.facts.relations import FILE, write_relations
    from closedbook.facts.stored import open_store, read, some_of

    _check_directory(options.directory, "DIRECTORY")
    path = options.directory / FILE
    if options.write and path.exists():
        raise UserError(f"{path}: exists already; correct it there, or remove it to have it written anew.")
    stored = is_store(options.directory)
    if not stored and options.verify:
        raise UserError("--verify: has no effect on what is no store; leave it out.")
    if stored and options.write:
        raise UserError("--write: has no effect on a store, whose relations stay as they are; leave it out.")
    from closedbook.report.console import say, say_corpus

    if options.verify:
        say(f"{len(open_store(options.directory, verify=True).parts):,} parts are what they were")
    corpus = read(options.directory)
    say_corpus(corpus)
    looked_at = some_of(corpus)
    for line in coverage_lines(coverage(looked_at, asked_kinds(looked_at))):
        say(line)
    if options.write:
        write_relations(corpus.relations, path)
        say(f"relations: {path}")


def split(options: Split) -> None:
    """Writes the split to a new directory."""
    _check_directory(options.corpus, "--corpus")
    from closedbook.facts.splits import write_split

    _say_files(write_split(options.corpus, options.held_out, options.out, options.seed), options.out)


def built_in(options: BuiltIn) -> None:
    """Writes the built-in corpus to a new directory."""
    from closedbook.facts.built_in import write_built_in

    _say_files(write_built_in(options, options.out), options.out)


def baseline(options: Baseline) -> None:
    """Scores the most frequent training answer on a file of facts."""
    from closedbook.evaluation.baselines import most_frequent_answers
    from closedbook.evaluation.metrics import accuracy, by_relation
    from closedbook.evaluation.scorers import score_all
    from closedbook.facts.induction import induce
    from closedbook.facts.readers import read_facts
    from closedbook.report.console import say_accuracies

    found = induce(read_facts(options.train), read_facts(options.facts), (), {})
    scores = score_all(most_frequent_answers(found.train, found.dev), found.dev)
    say_accuracies("most frequent answer", accuracy(scores), by_relation(found.dev, scores))


def _check_directory(path: Path, option: str) -> None:
    """Raises a `UserError` for what is no directory; the built-in corpus has none of its own."""
    if not path.is_dir():
        raise UserError(
            f"{path}: {'a file' if path.exists() else 'no such directory'}; {option} takes one that holds corpus.txt, "
            f"train.tsv and dev.tsv, as closedbook data {BUILT_IN} --out DIR writes one."
        )


def _say_files(rows: dict[str, int], out: Path) -> None:
    for name, count in rows.items():
        print(f"{count:>9,}  {in_a_line(str(out / name))}")


VERBS: dict[str, tuple[Callable[[Any], None], type[Any], str]] = {
    "describe": (describe, Describe, "mine --write"),
    "build": (build, Build, "mine --out stores/mine"),
    "split": (split, Split, "--corpus mine --held-out 100 --out mine-split"),
    BUILT_IN: (built_in, BuiltIn, f"--count 600 --out data/{BUILT_IN}"),
    "baseline": (baseline, Baseline, "--train mine/train.tsv --facts mine/dev.tsv"),
    "export": (export, Export, "mine/dev.tsv --to lm-eval --out capitals"),
}
