"""`closedbook reproduce`: the main job."""

from collections.abc import Sequence
from pathlib import Path

from closedbook.cli.options import add_corpus, add_machine, add_precision, make_parser, parse, set_up_machine
from closedbook.cli.training import say_inert
from closedbook.errors import UserError
from closedbook.presets import PRESETS, find_preset
from closedbook.recipes import RECIPES


def run(arguments: Sequence[str]) -> None:
    """Trains every system of the preset on every seed, prints the table, writes the report."""
    parser = make_parser("reproduce", "Train every system of a preset, print the results table, write the report.")
    add_corpus(parser, default="people")
    parser.add_argument(
        "--preset",
        type=str | None,
        default=None,
        help=f"{', '.join([*PRESETS, *RECIPES])} (default: default on people, best on a directory)",
    )
    parser.add_argument("--seeds", type=int, default=1, help="seeds of every trained system")
    parser.add_argument(
        "--out", type=str, default="runs/reproduce", help="the output directory, taken up again if ours"
    )
    add_machine(parser)
    add_precision(parser)
    options = parse(parser, arguments)
    if options.seeds < 1:
        raise UserError(f"--seeds {options.seeds}: takes a whole number from 1.")
    preset = find_preset(options.preset or ("default" if options.corpus == "people" else "best"))
    if options.precision is not None:
        preset = preset.with_precision(options.precision)
    device = set_up_machine(options)
    from closedbook.experiments.reproduce import Job, prepare, reproduce
    from closedbook.report.console import Progress, say, say_corpus, say_results

    job = Job(preset, options.corpus, options.seeds, Path(options.out), device, options.strict)
    say(f"{preset.name}: {preset.summary}")
    say_inert(preset.inert)
    corpus = prepare(job)
    say_corpus(corpus)
    report = reproduce(job, corpus, say, Progress)
    say_results(report)
    from closedbook.report.page import write_page  # after the training: matplotlib takes a second to import

    page = write_page(job.out, report, corpus)
    say(f"report: {page}")
