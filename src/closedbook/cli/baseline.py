"""`closedbook baseline`: always the most frequent training answer."""

from collections.abc import Sequence
from pathlib import Path

from closedbook.cli.options import make_parser, parse
from closedbook.evaluation.baselines import most_frequent_answer
from closedbook.evaluation.exact_match import score
from closedbook.facts.readers import read_facts
from closedbook.report.console import say_score


def run(arguments: Sequence[str]) -> None:
    """Scores the most frequent training answer on a file of facts."""
    parser = make_parser("baseline", "Answer every question with the most frequent training answer.")
    parser.add_argument("--train", type=str, required=True, help="training facts (TSV or JSONL)")
    parser.add_argument("--facts", type=str, required=True, help="facts to score on (TSV or JSONL)")
    options = parse(parser, arguments)
    answer = most_frequent_answer(read_facts(Path(options.train)))
    facts = read_facts(Path(options.facts))
    say_score(f"always {answer!r}", score([answer] * len(facts), facts))
