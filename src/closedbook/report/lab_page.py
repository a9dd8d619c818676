"""The attention lab for readers: a page with verdicts, typeset formulas and figures, and lines for the console."""

from collections.abc import Mapping
from dataclasses import fields
from itertools import groupby
from typing import Any

from markupsafe import Markup

from closedbook.attention_lab.claim import Quantity
from closedbook.attention_lab.lab import Lab
from closedbook.attention_lab.notation import mathml, typeset
from closedbook.attention_lab.tasks import CHANCE_IN_CONTEXT, TaskResult
from closedbook.report.table import Table
from closedbook.report.templates import environment

CAPTIONS = {
    "copy_bound": "Part a. A copy is as good as its margin: the error stays under the bound.",
    "noise_boundary": "Part c.i. With noise on the keys the average breaks where `M sqrt(alpha)` passes 1.",
    "weight_density": "Parts c.ii and d.ii. The weight on `v_a`: with one head nearly a coin flip, with two mostly 1.",
    "variance_against_m": "A larger query does not help one head: its variance rises towards a coin's. Two heads fail "
    "less often, but never in less than 7.9 % of draws.",
    "price_of_robustness": "The price of robustness: expected squared error against `M`; dots mark the best `M`.",
    "construction_errors": "Part e.ii. The derived `Q` works, better with larger vectors; the printed one never does.",
    "learned_solutions": "Gradient descent finds solutions too; the tables show which part of a key answers which part "
    "of a query, derived and learned.",
    "task_accuracy": "Part 2, g.ii. One layer with keys and queries finds by content, a Synthesizer only by position, "
    "with a fixed random map not even that. A dot a seed, with its 95 % interval.",
}
FIGURES_OF = {
    "copy": ("copy_bound",),
    "noisy_keys": ("noise_boundary",),
    "norm_perturbation": ("weight_density", "variance_against_m"),
    "two_heads_perturbation": ("weight_density", "variance_against_m"),
    "key_query_value": ("construction_errors", "learned_solutions"),
}  # a figure stands with the first of its claims that was run
RAISED = str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def lab_page(lab: Lab, svgs: Mapping[str, str]) -> str:
    """The page's HTML, with nothing that lies elsewhere.

    Args:
        lab: What was measured.
        svgs: Figures as `<svg>` elements, by the names of `CAPTIONS`.
    """
    placed: dict[str, list[str]] = {}
    for claim, names in FIGURES_OF.items():
        if claim in lab.claims:
            shown = {name for others in placed.values() for name in others}
            placed[claim] = [name for name in names if name in svgs and name not in shown]
    filters = {"typeset": lambda text: Markup(typeset(text)), "math": lambda text: Markup(mathml(text, display=True))}
    templates = environment(short=short, lines=lines, words=words, columns=columns, **filters)
    return templates.get_template("lab.html.j2").render(
        lab=lab,
        svgs={name: Markup(svg) for name, svg in svgs.items()},  # our own SVG
        placed=placed,
        captions=CAPTIONS,
        tasks=_by_task_and_attention(lab.tasks),
    )


def short(value: Any) -> str:
    """A value in a line: numbers to four digits, several in brackets, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, float):
        digits, _, power = f"{value:.4g}".replace("-", "−").partition("e")
        return digits + (f" · 10{power.lstrip('+').replace('−0', '−').lstrip('0').translate(RAISED)}" if power else "")
    if isinstance(value, list | tuple):
        return "(" + ", ".join(short(item) for item in value) + ")"
    return str(value)


def lines(value: Any) -> Markup:
    """A value with its numbers below each other: a vector needs no room to the right."""
    return Markup("<br>").join(short(item) for item in (value if isinstance(value, tuple) else (value,)))


def words(name: str) -> str:
    """A field's or verdict's name for readers."""
    return name.replace("_", " ")


def columns(row: Any) -> dict[str, Any]:
    """The fields of a result's row by name."""
    return {field.name: getattr(row, field.name) for field in fields(row)}


def lab_table(lab: Lab) -> Table:
    """The verdicts, for the console."""
    rows = [
        (claim.part, claim.name, words(claim.verdict), claim.agreement, claim.why.replace("`", ""))
        for claim in lab.claims.values()
    ]
    return Table("the assignment's claims on attention", ["part", "claim", "verdict", "deviation", "why"], [], rows)


def lab_lines(lab: Lab) -> list[str]:
    """What belongs to the claims, for the console: one claim's numbers; the best head, what is learned, the tasks."""
    said = []
    if len(lab.claims) == 1:
        said += [_line(quantity) for claim in lab.claims.values() for quantity in claim.quantities]
    if head := lab.one_head:
        said += [
            f"one head with q = M (mu_a + mu_b): expected squared error {head.error:.4g} at its best, M = "
            f"{head.scale:.3g}; two heads: {head.two_heads_error:.4g}, and as much as one head only if epsilon has a "
            f"variance of {head.tolerated:.3g} instead of 0.5",
            f"one head by descent over the query itself: {head.descended_error:.2g}; it repels others instead of "
            f"attracting a and b, and q = -M (sum of the others) has {head.repelling_error:.2g} whatever epsilon is",
        ]
    for descent in lab.descents:
        errors = " and ".join(f"{error:.1e}" for error in descent.errors)
        has = "has" if descent.structure else "has not"
        said.append(f"learned Q, K, V, seed {descent.seed}: errors {errors}; {has} the derivation's structure")
    for result in lab.tasks:
        low, high = result.interval
        said.append(
            f"{result.task}, {result.attention}, seed {result.seed}: {100 * result.accuracy:.1f} % "
            f"({100 * low:.1f} to {100 * high:.1f} %; chance {100 * CHANCE_IN_CONTEXT:.1f} %)"
        )
    return said


def _line(quantity: Quantity) -> str:
    formula = " = ".join(part for part in (quantity.form, short(quantity.expected)) if part)
    parts = [formula] if formula else []
    if quantity.measured is not None:
        parts.append(f"measured {short(quantity.measured)}")
    return f"{quantity.text}: ".replace("`", "") + ", ".join(parts)


def _by_task_and_attention(results: tuple[TaskResult, ...]) -> list[tuple[str, str, list[TaskResult]]]:
    pairs = groupby(results, key=lambda result: (result.task, result.attention))
    return [(task, attention, list(group)) for (task, attention), group in pairs]
