"""`closedbook lab`: the attention lab."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from closedbook.cli.options import parse
from closedbook.cli.shared import must_not_exist
from closedbook.config.validation import Count, Natural


@dataclass(frozen=True, kw_only=True)
class Options:
    """Every claim of the assignment's part 1 on attention: construction, closed form, measurement.

    Args:
        claim: One claim (default: all of them, and the two tasks).
        out: A directory for claims.json, figures and report.html; must not exist.
        n: Number of keys.
        d: Dimensions.
        M: Size of the query.
        beta: Norm of u_a, ..., u_d.
        alpha: Variance of the noise on the keys.
        draws: Monte-Carlo draws.
        seed: Of all draws.
    """

    claim: str | None = None
    out: Path | None = None
    n: int = 8
    d: int = 16
    M: float = 10.0
    beta: float = 3.0
    alpha: float = 0.0
    draws: Count = 100_000
    seed: Natural = 0


def run(arguments: Sequence[str]) -> None:
    """Runs one claim or all of them, prints the verdicts, writes claims.json, figures and the report with --out."""
    options = parse("closedbook lab", Options, arguments, example="closedbook lab --out runs/lab")
    must_not_exist(options.out)
    from closedbook.attention_lab.claims import CLAIMS, find_claim
    from closedbook.attention_lab.lab import run_lab, write_lab
    from closedbook.attention_lab.setting import Parameters
    from closedbook.report.console import say, say_table

    names = list(CLAIMS) if options.claim is None else [find_claim(options.claim)]
    turned = ("n", "d", "M", "beta", "alpha", "draws", "seed")
    parameters = Parameters(**{name: getattr(options, name) for name in turned})
    lab = run_lab(names, parameters, say, tasks=options.claim is None)
    from closedbook.report.lab_page import lab_lines, lab_page, lab_table

    say_table(lab_table(lab))
    for line in lab_lines(lab):
        say(line)
    if options.out is not None:
        write_lab(lab, options.out, lab_page)
        say(f"report: {options.out / 'report.html'}")
