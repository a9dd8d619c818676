"""`closedbook study`: the open-book reader, measured, and the cards it writes."""

import json
from collections.abc import Sequence
from pathlib import Path

from closedbook.cli.options import add_corpus, make_parser, parse, read_corpus
from closedbook.config import ReaderConfig
from closedbook.errors import UserError
from closedbook.files import write_text
from closedbook.recipes import find_recipe


def run(arguments: Sequence[str]) -> None:
    """Learns the reader, says how often it is right on training people it was not taught, and writes its cards."""
    parser = make_parser(
        "study", "Learn an open-book reader from the training questions, measure it, and write its cards."
    )
    add_corpus(parser, required=True)
    parser.add_argument("--reader", type=ReaderConfig, default=ReaderConfig())
    parser.add_argument("--folds", type=int, default=5, help="folds of the cross-validation, 0 for none")
    parser.add_argument(
        "--out", type=str | None, default=None, help="a JSONL file for the cards, with confidence and line"
    )
    options = parse(parser, arguments)
    if options.folds == 1 or options.folds < 0:
        raise UserError(f"--folds {options.folds}: takes 0, or a whole number from 2.")
    out = Path(options.out) if options.out is not None else None
    if out is not None and out.exists():
        raise UserError(f"{out}: exists already; choose another --out or remove it.")
    corpus = read_corpus(options.corpus, find_recipe("default"), strict=options.strict)
    from closedbook.report.console import say, say_corpus, say_open_book
    from closedbook.selfstudy.study import cross_validate, study

    say_corpus(corpus)
    if options.folds:
        say_open_book(cross_validate(corpus, options.reader, folds=options.folds))
    cards = study(corpus, options.reader).cards
    say(f"{len(cards):,} cards, mean confidence {sum(card.confidence for card in cards) / max(len(cards), 1):.3f}")
    if out is not None:
        lines = [
            {
                "question": card.question,
                "answer": card.answer,
                "subject": card.subject,
                "confidence": round(card.confidence, 4),
                "line": card.line,
            }
            for card in cards
        ]
        write_text(out, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
        say(f"cards: {out}")
