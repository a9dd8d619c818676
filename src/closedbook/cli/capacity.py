"""`closedbook capacity`: bits of knowledge a model of some size holds about the built-in people."""

from collections.abc import Sequence
from pathlib import Path

from closedbook.cli.options import add_machine, make_parser, parse, set_up_machine
from closedbook.errors import UserError
from closedbook.files import write_json


def run(arguments: Sequence[str]) -> None:
    """Teaches a new model the attributes of ever more people and counts the bits that it holds."""
    parser = make_parser("capacity", "Bits of knowledge about the built-in people that a model holds, per parameter.")
    parser.add_argument("--people", type=list[int], default=[500, 1000, 2000, 4000], help="numbers of people to teach")
    parser.add_argument("--width", type=int, default=32, help="the model's width; 4 heads")
    parser.add_argument("--layers", type=int, default=2, help="the model's layers")
    parser.add_argument("--exposures", type=int, default=100, help="times every fact is taught")
    parser.add_argument("--seed", type=int, default=0, help="of people and model")
    parser.add_argument("--out", type=str, default="runs/capacity", help="the output directory; must not exist")
    add_machine(parser)
    options = parse(parser, arguments)
    if any(count < 10 for count in options.people) or not options.people:
        raise UserError("--people takes numbers from 10.")
    out = Path(options.out)
    if out.exists():
        raise UserError(f"{out}: exists already; choose another --out or remove it.")
    device = set_up_machine(options)
    from closedbook.experiments.capacity import capacity_config, measure_capacity
    from closedbook.report.console import Progress, say

    config = capacity_config(width=options.width, layers=options.layers, epochs=options.exposures, seed=options.seed)
    report = measure_capacity(config, options.people, out, device, say, Progress)
    write_json(out / "capacity.json", report)
    say(f"capacity: at least {report['capacity']:.2f} bits a parameter after {options.exposures} exposures")
