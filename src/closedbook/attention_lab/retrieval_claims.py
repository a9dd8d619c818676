"""Claims a, b, c.i and d.i: copying, averaging, noisy keys, two heads, on orthonormal keys and values."""

import math

import numpy as np
import sympy as sp
import torch

from closedbook.attention_lab import closed_forms
from closedbook.attention_lab.claim import Claim, evaluate, orthonormal_setting
from closedbook.attention_lab.setting import Parameters, attend, generator, weights


def copy(parameters: Parameters) -> Claim:
    """Part a: a query that stands out for one key copies its value."""
    keys, values = orthonormal_setting(parameters)
    noise = torch.randn(keys.shape, dtype=torch.float64, generator=generator(parameters)) / math.sqrt(parameters.d)
    keys = keys + 0.3 * noise  # not orthonormal: the bound does not need it
    rows = []
    for scale in np.linspace(0.1, 1.0, 10) * parameters.M:
        query = scale * keys[0]
        alpha, c = attend(query, keys, values)
        logits = keys @ query
        margin = float(logits[0] - logits[1:].max())
        bound = (parameters.n - 1) * math.exp(-margin)
        spread = float((values - values[0]).norm(dim=1).max())
        rows.append(
            {
                "margin": margin,
                "missing_weight": 1 - float(alpha[0]),
                "missing_weight_bound": bound,
                "error": float((c - values[0]).norm()),
                "error_bound": bound * spread,
            }
        )
    excess = max(
        max(row["missing_weight"] - row["missing_weight_bound"], row["error"] - row["error_bound"]) for row in rows
    )
    return Claim(
        name="copy",
        part="a",
        statement="c copies v_j if k_j . q stands out: with margin D over all other keys, 1 - alpha_j <= (n - 1) e^-D.",
        construction={"keys": keys.tolist(), "values": values.tolist(), "query": "s k_0, s from M / 10 to M"},
        closed_form={
            "missing_weight": "(n - 1) exp(-D)",
            "error": "(n - 1) exp(-D) max_i norm(v_i - v_j)",
            "at_M": rows[-1]["error_bound"],
        },
        measured={"by_margin": rows, "at_M": rows[-1]["error"]},
        deviation=excess,
        is_bound=True,
        verdict="right",
        why="The condition is right; the seed leaves out how large the margin must be, which the bound says.",
    )


def average(parameters: Parameters) -> Claim:
    """Part b: q = M (k_a + k_b) averages two values."""
    keys, values = orthonormal_setting(parameters)
    alpha, c = attend(parameters.M * (keys[0] + keys[1]), keys, values)
    forms = closed_forms.average()
    elsewhere = sp.simplify((closed_forms.n - 2) * forms["other"])
    expected = {
        "alpha_a": evaluate(forms["a"], parameters),
        "alpha_b": evaluate(forms["b"], parameters),
        "elsewhere": evaluate(elsewhere, parameters),
    }
    measured = {"alpha_a": float(alpha[0]), "alpha_b": float(alpha[1]), "elsewhere": float(alpha[2:].sum())}
    return Claim(
        name="average",
        part="b",
        statement="With orthonormal keys q = M (k_a + k_b) gives (v_a + v_b) / 2 for large M.",
        construction={"keys": keys.tolist(), "values": values.tolist(), "query": "M (k_0 + k_1)"},
        closed_form={"alpha_a": str(forms["a"]), "elsewhere": str(elsewhere), "at_parameters": expected},
        measured={**measured, "error": float((c - (values[0] + values[1]) / 2).norm())},
        deviation=max(abs(expected[key] - measured[key]) for key in expected),
        is_bound=False,
        verdict="right",
        why="The weights on a and b are equal and what is elsewhere falls like e^-M.",
    )


def noisy_keys(parameters: Parameters) -> Claim:
    """Part c.i: the query on the means, keys with isotropic noise."""
    means, values = orthonormal_setting(parameters)
    source = generator(parameters)
    query = parameters.M * (means[0] + means[1])
    draws = min(parameters.draws, 20_000)
    excess, boundary = -math.inf, []
    variances = sorted({0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, parameters.alpha})
    for alpha in variances:
        noise_RN = (
            math.sqrt(alpha)
            * torch.randn(draws, parameters.n, parameters.d, dtype=torch.float64, generator=source)
            @ query
        )
        weight_RN = weights(means @ query + noise_RN)
        difference_R = (weight_RN[:, 0] - weight_RN[:, 1]).abs()
        excess = max(excess, float((difference_R - torch.tanh(noise_RN.abs().max(dim=1).values)).max()))
        logit_R = noise_RN[:, 0] - noise_RN[:, 1]
        boundary.append(
            {
                "alpha": alpha,
                "M_sqrt_alpha": parameters.M * math.sqrt(alpha),
                "logit_deviation": 2 * parameters.M * math.sqrt(alpha),
                "logit_deviation_measured": float(logit_R.std(correction=0)),
                "median_difference": float(difference_R.median()),
                "broken": float((difference_R > 0.5).double().mean()),
            }
        )
    here = next(row for row in boundary if row["alpha"] == parameters.alpha)
    return Claim(
        name="noisy_keys",
        part="c.i",
        statement="With k_i ~ N(mu_i, alpha I) and vanishing alpha, q = M (mu_a + mu_b) still averages v_a and v_b.",
        construction={
            "means": means.tolist(),
            "values": values.tolist(),
            "query": "M (mu_0 + mu_1)",
            "alphas": variances,
        },
        closed_form={
            "bound": "abs(alpha_a - alpha_b) <= tanh(delta), delta = max_i abs((k_i - mu_i) . q)",
            "logit_difference": "normal with variance 4 M^2 alpha",
            "deviation_at_alpha": here["logit_deviation"],
        },
        measured={"by_alpha": boundary, "deviation_at_alpha": here["logit_deviation_measured"]},
        deviation=excess,
        is_bound=True,
        verdict="right_with_corrections",
        why="Right only while M sqrt(alpha) is far below 1: at M = 10 and alpha = 0.01 the logits of a and b already "
        "differ by a standard deviation of 2.",
    )


def two_heads(parameters: Parameters) -> Claim:
    """Part d.i: two heads, one for each value."""
    keys, values = orthonormal_setting(parameters)
    aim = (values[0] + values[1]) / 2
    solutions = {
        "one each: q_1 = M mu_a, q_2 = M mu_b": (keys[0], keys[1]),
        "both on both: q_1 = q_2 = M (mu_a + mu_b)": (keys[0] + keys[1], keys[0] + keys[1]),
    }
    errors = {}
    for name, queries in solutions.items():
        heads = [attend(parameters.M * query, keys, values)[1] for query in queries]
        errors[name] = float((sum(heads) / 2 - aim).norm())
    form = closed_forms.one_target("a")["a"].subs(closed_forms.eps, 1)
    expected = evaluate(form, parameters)
    measured = float(attend(parameters.M * keys[0], keys, values)[0][0])
    return Claim(
        name="two_heads",
        part="d.i",
        statement="Two heads with q_1 = M mu_a and q_2 = M mu_b give c = (c_1 + c_2) / 2 = (v_a + v_b) / 2.",
        construction={"keys": keys.tolist(), "values": values.tolist(), "queries": list(solutions)},
        closed_form={"alpha_of_the_target": str(form), "at_parameters": expected},
        measured={"alpha_of_the_target": measured, "errors": errors},
        deviation=abs(expected - measured),
        is_bound=False,
        verdict="right",
        why="It is one of many solutions: both heads on M (mu_a + mu_b) give the same mean, and are as fragile as one.",
    )
