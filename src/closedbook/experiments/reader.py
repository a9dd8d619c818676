"""The open-book reader, measured on training subjects that it was not taught, and the cards that it writes."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from closedbook.audit.reliability import Bin, reliability
from closedbook.errors import UserError, counted
from closedbook.evaluation.metrics import Proportion, proportion
from closedbook.experiments.options import ReaderExperimentConfig
from closedbook.experiments.reporter import Reporter
from closedbook.experiments.results import Result
from closedbook.facts.records import Card
from closedbook.facts.summary import CorpusSummary
from closedbook.files import must_not_exist, new_directory, write_text
from closedbook.selfstudy.study import OpenBook, cross_validate, study

BINS = 5


@dataclass(frozen=True, kw_only=True)
class ReaderReport(Result):
    """How well the reader reads."""

    corpus: CorpusSummary  # its summary
    folds: int  # of the cross-validation, 0 for none
    right: Proportion | None  # cross-validated readings that are accepted answers, None without cross-validation
    relations: dict[str, Proportion]  # the same by relation
    bins: tuple[Bin, ...]  # the same by confidence, the surest first
    cards: int  # that it wrote
    mean_confidence: float  # of the cards


def run(options: ReaderExperimentConfig, reporter: Reporter) -> ReaderReport:
    """Learns the reader, measures it, and writes `cards.jsonl`.

    Raises:
        UserError: The output exists, or no reader can be learned.
    """
    if options.folds == 1:
        raise UserError("--folds 1: takes 0, or a whole number from 2.")
    must_not_exist(options.out)
    corpus = options.read()
    reporter.corpus(corpus)
    if options.folds > (subjects := len({fact.subject for fact in corpus.train})):
        raise UserError(f"--folds {options.folds}: there are {counted(subjects, 'training subject')}.")
    book = cross_validate(corpus, options.reader, folds=options.folds) if options.folds else None
    cards = study(corpus, options.reader).cards
    report = ReaderReport(
        corpus=corpus.summary(),
        folds=options.folds,
        right=_right(book.exact) if book else None,
        relations=_by_relation(book) if book else {},
        bins=_by_confidence(book) if book else (),
        cards=len(cards),
        mean_confidence=sum(card.confidence for card in cards) / max(len(cards), 1),
    )
    with new_directory(options.out) as partial:
        write_text(partial / "cards.jsonl", "".join(_line(card) for card in cards))
        report.write(partial / "report.json")
    return report


def _line(card: Card) -> str:
    values = dataclasses.asdict(card) | {"confidence": round(card.confidence, 4)}
    return json.dumps(values, ensure_ascii=False) + "\n"


def _right(exact: Sequence[bool]) -> Proportion:
    return proportion(sum(exact), len(exact))


def _by_relation(book: OpenBook) -> dict[str, Proportion]:
    hits: dict[str, list[bool]] = {}
    for fact, exact in zip(book.facts, book.exact, strict=True):
        hits.setdefault(fact.relation, []).append(exact)
    return {name: _right(exact) for name, exact in hits.items()}


def _by_confidence(book: OpenBook) -> tuple[Bin, ...]:
    confidence = np.array([reading.confidence for reading in book.readings])
    return reliability(np.array(book.exact, dtype=bool), confidence, BINS)[::-1]
