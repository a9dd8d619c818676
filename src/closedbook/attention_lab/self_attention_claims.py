"""Claims e.i and e.ii: self-attention over three tokens, without and with K, Q, V."""

from dataclasses import asdict

import numpy as np
import sympy as sp
import torch

from closedbook.attention_lab import closed_forms, learned
from closedbook.attention_lab.claim import Claim, evaluate
from closedbook.attention_lab.setting import Parameters


def self_attention(parameters: Parameters) -> Claim:
    """Part e.i: without K, Q, V, x_2 attends to itself."""
    beta = parameters.beta
    _, c = learned.self_attend(learned.tokens(beta))
    plain = closed_forms.plain_self_attention()[1]
    with_d = closed_forms.plain_self_attention("d")[1]
    added = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)
    _, c_added = learned.self_attend(learned.tokens(beta, added))
    deviation = max(
        _against(c[1], plain, parameters),
        _against(c_added[1], with_d, parameters),
    )
    pair = learned.search(beta, (learned.C, learned.D), parameters.seed)
    span = learned.search(beta, (learned.A, learned.B, learned.C, learned.D), parameters.seed)
    return Claim(
        name="self_attention",
        part="e.i",
        statement="Without K, Q, V c_2 is about x_2 = u_a, and adding u_d or u_c to x_2 cannot make it u_b.",
        construction={"tokens": learned.tokens(beta).tolist(), "basis": ["u_a", "u_b", "u_c", "u_d"]},
        closed_form={
            "c_2": {f"u_{key}": str(value / closed_forms.beta) for key, value in plain.items()},
            "proof": "x_2 = u_a + s u_c + t u_d scores beta^2 (1 + s^2 + t^2) with itself, beta^2 t with x_1 and "
            "beta^2 s with x_3; 1 + s^2 + t^2 > max(s, t), so x_2 always attends to itself most.",
        },
        measured={
            "c_2": (c[1] / beta).tolist(),
            "c_2_with_u_d_added": (c_added[1] / beta).tolist(),
            "closest_with_u_c_and_u_d": asdict(pair),
            "closest_in_the_span": asdict(span),
        },
        deviation=deviation,
        is_bound=False,
        verdict="right",
        why="The error falls like e^(-beta^2), and what may be added to x_2 keeps it on itself.",
    )


def key_query_value(parameters: Parameters) -> Claim:
    """Part e.ii: K, Q, V that solve it; the seed's printed Q does not."""
    beta = parameters.beta
    derived, printed = learned.constructed(printed=False), learned.constructed(printed=True)
    _, c_derived = learned.self_attend(learned.tokens(beta), **derived)
    _, c_printed = learned.self_attend(learned.tokens(beta), **printed)
    forms, printed_forms = closed_forms.constructed(False), closed_forms.constructed(True)
    deviation = max(
        _against(c[index], form[index], parameters)
        for c, form in ((c_derived, forms), (c_printed, printed_forms))
        for index in (0, 1)
    )
    betas = [float(value) for value in np.linspace(0.5, 5.0, 19)]
    return Claim(
        name="key_query_value",
        part="e.ii",
        statement="V = (u_b u_b' - u_c u_c') / beta^2, K = I and the final Q give c_1 = u_b - u_c and c_2 = u_b.",
        construction={
            "basis": ["u_a", "u_b", "u_c", "u_d"],
            "derived": {key: value.tolist() for key, value in derived.items()},
            "printed": {key: value.tolist() for key, value in printed.items()},
            "tokens": learned.tokens(beta).tolist(),
        },
        closed_form={
            "c_1_derived": {f"u_{key}": str(sp.simplify(value / closed_forms.beta)) for key, value in forms[0].items()},
            "c_2_derived": {f"u_{key}": str(sp.simplify(value / closed_forms.beta)) for key, value in forms[1].items()},
            "c_2_printed": {
                f"u_{key}": str(sp.simplify(value / closed_forms.beta)) for key, value in printed_forms[1].items()
            },
        },
        measured={
            "relative_errors_derived": learned.relative_errors(beta, derived),
            "relative_errors_printed": learned.relative_errors(beta, printed),
            "c_2_printed": (c_printed[1] / beta).tolist(),
            "c_1_printed": (c_printed[0] / beta).tolist(),
            "by_beta": [
                {
                    "beta": value,
                    "derived": learned.relative_errors(value, derived),
                    "printed": learned.relative_errors(value, printed),
                }
                for value in betas
            ],
        },
        deviation=deviation,
        is_bound=False,
        verdict="wrong",
        why="The derivation's Q = (u_d u_a' + u_c u_d') / beta^2 works, with errors that fall like e^(-beta^2); the Q "
        "printed as the final answer, (u_d u_d' + u_c u_c') / beta^2, gives q_2 = 0, so c_2 = (2 u_b - u_c) / 3.",
    )


def _against(c: torch.Tensor, form: closed_forms.Vector, parameters: Parameters) -> float:
    """Largest absolute difference of the coefficients, over beta."""
    return max(
        abs(float(c[index]) - evaluate(sp.sympify(form.get(name, 0)), parameters)) / parameters.beta
        for index, name in enumerate("abcd")
    )
