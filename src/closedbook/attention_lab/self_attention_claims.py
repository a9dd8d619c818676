"""Claims e.i and e.ii: self-attention over three tokens, without and with K, Q, V."""

from dataclasses import dataclass

import numpy as np
import sympy as sp
import torch
from torch import Tensor

from closedbook.attention_lab import closed_forms, learned
from closedbook.attention_lab.claim import ClaimResult, Quantity, evaluate
from closedbook.attention_lab.learned import A, B, C, D, Search
from closedbook.attention_lab.parameters import Parameters

TOKENS = (
    "`x_1 = u_d + u_b`, `x_2 = u_a`, `x_3 = u_c + u_b` with orthogonal `u` of norm `beta`, outputs as coefficients of "
    "`u_a`, `u_b`, `u_c`, `u_d`"
)


def self_attention(parameters: Parameters) -> ClaimResult[Search]:
    """Part e.i: without K, Q, V, x_2 attends to itself."""
    beta = parameters.beta
    added = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)
    outputs = [learned.self_attend(learned.tokens(beta, more))[1][1] for more in (None, added)]
    forms = [closed_forms.plain_self_attention(more)[1] for more in (None, "d")]
    pair = learned.search(beta, (C, D), parameters.seed)
    span = learned.search(beta, (A, B, C, D), parameters.seed)
    return ClaimResult(
        name="self_attention",
        part="e.i",
        statement="Without `K`, `Q` and `V`, `c_2` is about `x_2 = u_a`, and adding `u_d` or `u_c` to `x_2` cannot "
        "make it `u_b`.",
        construction=f"{TOKENS}. `x_2 = u_a + s u_c + t u_d` scores `beta^2 (1 + s^2 + t^2)` with itself, `beta^2 t` "
        "with `x_1` and `beta^2 s` with `x_3`; `1 + s^2 + t^2` is above both `s` and `t`, so that `x_2` always attends "
        "to itself most.",
        matrices={"tokens": learned.tokens(beta).tolist()},
        quantities=(
            _output("c_2", "`c_2`", forms[0], outputs[0], parameters),
            _output("c_2_with_u_d", "`c_2` with `u_d` added to `x_2`", forms[1], outputs[1], parameters),
            Quantity(
                "closest_with_u_c_and_u_d",
                "least `norm(c_2 - u_b)/beta`, adding `s u_c + t u_d`",
                "",
                None,
                pair.distance,
            ),
            Quantity(
                "closest_in_the_span", "the same, adding anything in the span of the four", "", None, span.distance
            ),
        ),
        rows=(pair, span),
        deviation=max(_deviation(c, form, parameters) for c, form in zip(outputs, forms, strict=True)),
        verdict="right",
        why="The error falls like `exp(-beta^2)`, and what may be added to `x_2` keeps it on itself.",
    )


@dataclass(frozen=True)
class ByBeta:
    """Errors of c_1 and c_2 over the norms of their goals, with the derived and with the printed Q."""

    beta: float
    derived: tuple[float, float]
    printed: tuple[float, float]


def key_query_value(parameters: Parameters) -> ClaimResult[ByBeta]:
    """Part e.ii: K, Q, V that solve it; the printed Q does not."""
    beta, tokens = parameters.beta, learned.tokens(parameters.beta)
    quantities, deviations = [], []
    for kind in ("derived", "printed"):
        _, c = learned.self_attend(tokens, **learned.constructed(kind == "printed"))
        for index, form in enumerate(closed_forms.constructed(kind == "printed")[:2]):
            text = f"`c_{index + 1}` with the {kind} `Q`"
            quantities.append(_output(f"c_{index + 1}_{kind}", text, form, c[index], parameters))
            deviations.append(_deviation(c[index], form, parameters))
    here = _by_beta(beta)
    for kind, errors in (("derived", here.derived), ("printed", here.printed)):
        text = f"errors of `c_1` and `c_2` over the norms of their goals, {kind} `Q`"
        quantities.append(Quantity(f"relative_errors_{kind}", text, measured=errors))
    return ClaimResult(
        name="key_query_value",
        part="e.ii",
        statement="`V = (u_b u_b' - u_c u_c')/beta^2`, `K = I` and the final `Q` give `c_1 = u_b - u_c` and "
        "`c_2 = u_b`.",
        construction=f"{TOKENS}; `Q` once as derived, `(u_d u_a' + u_c u_d')/beta^2`, and once as printed, "
        "`(u_d u_d' + u_c u_c')/beta^2`.",
        matrices={
            "tokens": tokens.tolist(),
            **{f"{name}_derived": matrix.tolist() for name, matrix in learned.constructed(False).items()},
            "query_printed": learned.constructed(True)["query"].tolist(),
        },
        quantities=tuple(quantities),
        rows=tuple(_by_beta(float(value)) for value in np.linspace(0.5, 5.0, 19)),
        deviation=max(deviations),
        verdict="wrong",
        why="The derivation's `Q` works, with errors that fall like `exp(-beta^2)`; the `Q` printed as the final "
        "answer gives `q_2 = 0`, so that `c_2 = (2 u_b - u_c)/3` at every `beta`.",
    )


def _by_beta(beta: float) -> ByBeta:
    derived, printed = (learned.relative_errors(beta, learned.constructed(printed)) for printed in (False, True))
    return ByBeta(beta, derived, printed)


def _output(name: str, text: str, form: closed_forms.Vector, c: Tensor, parameters: Parameters) -> Quantity:
    """An output beside its closed form, values as coefficients of u_a, u_b, u_c, u_d."""
    measured = tuple((c / parameters.beta).tolist())
    return Quantity(name, text, str(closed_forms.combination(form)), _coefficients(form, parameters), measured)


def _coefficients(form: closed_forms.Vector, parameters: Parameters) -> tuple[float, ...]:
    return tuple(evaluate(sp.sympify(form.get(name, 0)), parameters) / parameters.beta for name in "abcd")


def _deviation(c: Tensor, form: closed_forms.Vector, parameters: Parameters) -> float:
    """Largest absolute difference of the coefficients."""
    measured = (c / parameters.beta).tolist()
    return max(abs(a - b) for a, b in zip(measured, _coefficients(form, parameters), strict=True))
