"""`closedbook lab`: the attention lab."""

from dataclasses import dataclass

from closedbook.attention_lab.parameters import Parameters
from closedbook.cli.options import as_base
from closedbook.config.validation import New
from closedbook.errors import counted

EXAMPLE = "closedbook lab --out runs/lab"


@dataclass(frozen=True, kw_only=True)
class Options(Parameters):
    """Every claim of the assignment's part 1 on attention: construction, closed form, measurement.

    Args:
        claim: One claim (default: all of them, and the two tasks).
        out: A directory for claims.json, figures and report.html; must not exist (default: nothing is written).
    """

    claim: str | None = None
    out: New | None = None


def run(options: Options) -> None:
    """Runs one claim or all of them, prints the verdicts, writes claims.json, figures and the report with --out."""
    from closedbook.attention_lab.claims import CLAIMS, find_claim
    from closedbook.attention_lab.lab import run_lab, write_lab
    from closedbook.attention_lab.tasks import TASKS
    from closedbook.report.console import say, say_table

    names = list(CLAIMS) if options.claim is None else [find_claim(options.claim)]
    if options.claim is None:
        say(
            f"{counted(len(CLAIMS), 'claim')}, and {counted(len(TASKS), 'task')} trained with every attention: a few "
            f"minutes. --claim NAME takes one of {', '.join(CLAIMS)}."
        )
        say(f"All of it goes into {options.out}." if options.out else "Nothing is written without --out DIR.")
    lab = run_lab(names, as_base(Parameters, options), say, tasks=options.claim is None)
    from closedbook.report.lab_page import lab_lines, lab_page, lab_table

    say_table(lab_table(lab))
    for line in lab_lines(lab):
        say(line)
    if options.out is not None:
        write_lab(lab, options.out, lab_page)
        say(f"report: {options.out / 'report.html'}")
