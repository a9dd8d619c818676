"""Claims a, b, c.i and d.i: copying, averaging, noisy keys, two heads, on orthonormal keys and values."""

import math
from dataclasses import dataclass

import numpy as np
import sympy as sp
import torch
from torch import Tensor

from closedbook.attention_lab import closed_forms
from closedbook.attention_lab.claim import ClaimResult, Quantity, evaluate, orthonormal_setting
from closedbook.attention_lab.parameters import Parameters
from closedbook.attention_lab.setting import attend, generator, weights


@dataclass(frozen=True)
class Copy:
    """A copy of v_j at one size of the query: its margin, and what is missing under its bound."""

    margin: float
    missing_weight: float
    missing_weight_bound: float
    error: float
    error_bound: float

    @property
    def excess(self) -> float:
        """How far the worse of the two exceeds its bound."""
        return max(self.missing_weight - self.missing_weight_bound, self.error - self.error_bound)


def copy(parameters: Parameters) -> ClaimResult[Copy]:
    """Part a: a query that stands out for one key copies its value."""
    keys, values = orthonormal_setting(parameters)
    noise = torch.randn(keys.shape, dtype=torch.float64, generator=generator(parameters)) / math.sqrt(parameters.d)
    keys = keys + 0.3 * noise  # not orthonormal: the bound does not need it
    rows = tuple(_copy_with(float(scale) * keys[0], keys, values) for scale in np.linspace(0.1, 1, 10) * parameters.M)
    last = rows[-1]
    return ClaimResult(
        name="copy",
        part="a",
        statement="`c` copies `v_j` if `k_j' q` stands out: with a margin `Delta` over all other keys, "
        "`1 - alpha_j <= (n - 1) exp(-Delta)`.",
        construction="Random keys, `q = s k_j` with `s` from `M/10` to `M`; the values below are for `s = M`.",
        matrices={"keys": keys.tolist(), "values": values.tolist()},
        quantities=(
            Quantity(
                "missing_weight",
                "`1 - alpha_j`",
                "(n - 1) exp(-Delta)",
                last.missing_weight_bound,
                last.missing_weight,
            ),
            Quantity(
                "error", "`norm(c - v_j)`", "(n - 1) exp(-Delta) max_i norm(v_i - v_j)", last.error_bound, last.error
            ),
        ),
        rows=rows,
        deviation=max(row.excess for row in rows),
        is_bound=True,
        verdict="right",
        why="The condition is right; the assignment leaves out how large the margin must be, which the bound says.",
    )


def _copy_with(query: Tensor, keys: Tensor, values: Tensor) -> Copy:
    """A copy of the first value."""
    alpha, c = attend(query, keys, values)
    logits = keys @ query
    margin = float(logits[0] - logits[1:].max())
    bound = (len(keys) - 1) * math.exp(-margin)
    spread = float((values - values[0]).norm(dim=1).max())
    return Copy(margin, 1 - float(alpha[0]), bound, float((c - values[0]).norm()), bound * spread)


def average(parameters: Parameters) -> ClaimResult[None]:
    """Part b: q = M (k_a + k_b) averages two values."""
    keys, values = orthonormal_setting(parameters)
    alpha, c = attend(parameters.M * (keys[0] + keys[1]), keys, values)
    forms = closed_forms.average()
    elsewhere = sp.simplify((closed_forms.n - 2) * forms["other"])
    weighed = [
        ("alpha_a", "`alpha_a`", forms["a"], float(alpha[0])),
        ("alpha_b", "`alpha_b`", forms["b"], float(alpha[1])),
        ("elsewhere", "`1 - alpha_a - alpha_b`", elsewhere, float(alpha[2:].sum())),
    ]
    quantities = [
        Quantity(name, text, str(form), evaluate(form, parameters), measured) for name, text, form, measured in weighed
    ]
    error = float((c - (values[0] + values[1]) / 2).norm())
    return ClaimResult(
        name="average",
        part="b",
        statement="With orthonormal keys `q = M (k_a + k_b)` gives `c = (v_a + v_b)/2` for large `M`.",
        construction="Orthonormal keys and values, `q = M (k_a + k_b)`.",
        matrices={"keys": keys.tolist(), "values": values.tolist()},
        quantities=(*quantities, Quantity("error", "`norm(c - (v_a + v_b)/2)`", measured=error)),
        deviation=max(_difference(quantity) for quantity in quantities),
        verdict="right",
        why="The weights on `a` and `b` are equal and what is elsewhere falls like `exp(-M)`.",
    )


def _difference(quantity: Quantity) -> float:
    if not isinstance(quantity.expected, float) or not isinstance(quantity.measured, float):
        raise TypeError(f"{quantity.name} is not a number beside a number")
    return abs(quantity.expected - quantity.measured)


@dataclass(frozen=True)
class Noise:
    """What noise of variance alpha on the keys does to the weights on a and b, over draws."""

    alpha: float
    M_sqrt_alpha: float
    logit_deviation: float
    logit_deviation_measured: float
    median_difference: float
    broken: float


def noisy_keys(parameters: Parameters) -> ClaimResult[Noise]:
    """Part c.i: the query on the means, keys with isotropic noise."""
    means, values = orthonormal_setting(parameters)
    source = generator(parameters)
    variances = sorted({0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, parameters.alpha})
    measured = [_noise(alpha, means, parameters, source) for alpha in variances]
    rows = tuple(row for row, _ in measured)
    here = next(row for row in rows if row.alpha == parameters.alpha)
    return ClaimResult(
        name="noisy_keys",
        part="c.i",
        statement="With `k_i ~ N(mu_i, alpha I)` and vanishing `alpha`, `q = M (mu_a + mu_b)` still averages `v_a` and "
        "`v_b`.",
        construction="Orthonormal means, `q = M (mu_a + mu_b)`; `delta = max_i abs((k_i - mu_i)' q)`.",
        matrices={"means": means.tolist(), "values": values.tolist()},
        quantities=(
            Quantity("difference", "`abs(alpha_a - alpha_b)`, in every draw", "tanh(delta)"),
            Quantity(
                "logit_deviation",
                "standard deviation of `(k_a - k_b)' q`",
                "2 M sqrt(alpha)",
                here.logit_deviation,
                here.logit_deviation_measured,
            ),
            Quantity("broken", "share of draws with `abs(alpha_a - alpha_b)` above 1/2", measured=here.broken),
        ),
        rows=rows,
        deviation=max(excess for _, excess in measured),
        is_bound=True,
        verdict="right_with_corrections",
        why="Right only while `M sqrt(alpha)` is far below 1: at `M = 10` and `alpha = 0.01` the logits of `a` and `b` "
        "already differ by a standard deviation of 2.",
    )


def _noise(alpha: float, means: Tensor, parameters: Parameters, source: torch.Generator) -> tuple[Noise, float]:
    """The row of one variance, and how far a draw exceeds the bound."""
    query = parameters.M * (means[0] + means[1])
    draws = min(parameters.draws, 20_000)
    noise_RND = torch.randn(draws, parameters.n, parameters.d, dtype=torch.float64, generator=source)
    noise_RN = math.sqrt(alpha) * noise_RND @ query
    weight_RN = weights(means @ query + noise_RN)
    difference_R = (weight_RN[:, 0] - weight_RN[:, 1]).abs()
    row = Noise(
        alpha=alpha,
        M_sqrt_alpha=parameters.M * math.sqrt(alpha),
        logit_deviation=2 * parameters.M * math.sqrt(alpha),
        logit_deviation_measured=float((noise_RN[:, 0] - noise_RN[:, 1]).std(correction=0)),
        median_difference=float(difference_R.median()),
        broken=float((difference_R > 0.5).double().mean()),
    )
    return row, float((difference_R - torch.tanh(noise_RN.abs().max(dim=1).values)).max())


@dataclass(frozen=True)
class Solution:
    """Two queries, and how far the mean of their heads is from (v_a + v_b) / 2."""

    queries: str
    error: float


def two_heads(parameters: Parameters) -> ClaimResult[Solution]:
    """Part d.i: two heads, one for each value."""
    keys, values = orthonormal_setting(parameters)
    aim = (values[0] + values[1]) / 2
    solutions = {
        "`q_1 = M mu_a`, `q_2 = M mu_b`": (keys[0], keys[1]),
        "`q_1 = q_2 = M (mu_a + mu_b)`": (keys[0] + keys[1], keys[0] + keys[1]),
    }
    rows = []
    for text, queries in solutions.items():
        heads = [attend(parameters.M * query, keys, values)[1] for query in queries]
        rows.append(Solution(text, float((sum(heads) / 2 - aim).norm())))
    form = closed_forms.one_target("a")["a"].subs(closed_forms.eps, 1)
    expected = evaluate(form, parameters)
    measured = float(attend(parameters.M * keys[0], keys, values)[0][0])
    return ClaimResult(
        name="two_heads",
        part="d.i",
        statement="Two heads with `q_1 = M mu_a` and `q_2 = M mu_b` give `c = (c_1 + c_2)/2 = (v_a + v_b)/2`.",
        construction="Orthonormal keys and values, one head on `a` and one on `b`.",
        matrices={"keys": keys.tolist(), "values": values.tolist()},
        quantities=(Quantity("weight_on_target", "`alpha_a` of the first head", str(form), expected, measured),),
        rows=tuple(rows),
        deviation=abs(expected - measured),
        verdict="right",
        why="It is one of many solutions: both heads on `M (mu_a + mu_b)` give the same mean, and are as fragile as "
        "one.",
    )
