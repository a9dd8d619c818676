"""`closedbook evaluate`: exact match of a run on a file of facts."""

from collections.abc import Sequence
from pathlib import Path

from closedbook.cli.options import add_machine, make_parser, parse, set_up_machine
from closedbook.evaluation.exact_match import score
from closedbook.facts.corpus import sha256
from closedbook.facts.readers import read_facts
from closedbook.report.console import say, say_score


def run(arguments: Sequence[str]) -> None:
    """Prints correct answers, accuracy and interval."""
    parser = make_parser("evaluate", "Exact match of a run on a file of facts, with a 95 % interval.")
    parser.add_argument("run", type=str, help="a run directory")
    parser.add_argument("--facts", type=str, required=True, help="facts with answers (TSV or JSONL)")
    parser.add_argument(
        "--candidates",
        type=str | None,
        default=None,
        help="facts whose answers are ranked by their log-probability, beside the free answers",
    )
    add_machine(parser)
    options = parse(parser, arguments)
    path = Path(options.facts)
    facts = read_facts(path)
    known = read_facts(Path(options.candidates)) if options.candidates is not None else []
    device = set_up_machine(options)
    from closedbook.evaluation.ranking import choose
    from closedbook.runs import load

    loaded = load(options.run, device)
    answers = loaded.answer([fact.question for fact in facts], place=f"{path}, question")
    say_score(
        f"{loaded.config.model.attention} attention, {loaded.environment['parameters']:,} parameters",
        score(answers, facts),
    )
    if known:
        candidates = sorted({fact.answers[0].strip() for fact in known})
        chosen = choose(loaded.model, loaded.tokenizer, [fact.question for fact in facts], candidates)
        say_score(f"ranking {len(candidates):,} candidates of {Path(options.candidates).name}", score(chosen, facts))
    corpus = loaded.environment["corpus"]
    part = {file["sha256"]: file["part"] for file in corpus["files"].values()}.get(sha256(path))
    if part == "train":
        say(f"Careful: {path.name} holds the questions that this run was trained on.")
    elif part == "dev":
        say(f"{len(corpus['dev_questions_in_train'])} of these questions also occur in the run's training questions.")
