"""`closedbook attention`: the attention lab."""

from collections.abc import Sequence
from pathlib import Path

from closedbook.cli.options import make_parser, parse
from closedbook.errors import UserError


def run(arguments: Sequence[str]) -> None:
    """Runs one claim or all of them, prints the verdicts, writes claims.json, figures and the report with --out."""
    parser = make_parser(
        "attention", "Every claim of the seed's part 1 on attention: construction, closed form, measurement."
    )
    parser.add_argument("--claim", type=str, default=None, help="one claim (default: all of them, and the two tasks)")
    parser.add_argument("--out", type=str, default=None, help="a directory for claims.json, figures and report.html")
    parser.add_argument("--n", type=int, default=8, help="number of keys")
    parser.add_argument("--d", type=int, default=16, help="dimensions")
    parser.add_argument("--M", type=float, default=10.0, help="size of the query")
    parser.add_argument("--beta", type=float, default=3.0, help="norm of u_a, ..., u_d")
    parser.add_argument("--alpha", type=float, default=0.0, help="variance of the noise on the keys")
    parser.add_argument("--draws", type=int, default=100_000, help="Monte-Carlo draws")
    parser.add_argument("--seed", type=int, default=0, help="of all draws")
    options = parse(parser, arguments)
    from closedbook.attention_lab.claims import CLAIMS, find_claim
    from closedbook.attention_lab.lab import run_lab, write_lab
    from closedbook.attention_lab.setting import Parameters
    from closedbook.report.console import say, say_claims

    names = list(CLAIMS) if options.claim is None else [find_claim(options.claim)]
    turned = ("n", "d", "M", "beta", "alpha", "draws", "seed")
    parameters = Parameters(**{name: options[name] for name in turned})
    out = Path(options.out) if options.out else None
    if out is not None and out.exists():
        raise UserError(f"{out}: exists already; choose another --out or remove it.")
    lab = run_lab(names, parameters, say, tasks=options.claim is None)
    say_claims(lab.as_dict())
    if out is not None:
        from closedbook.report.lab_page import lab_page

        write_lab(lab, out, lab_page)
        say(f"report: {out / 'report.html'}")
