import re

import pytest
import sympy as sp

from closedbook.attention_lab import closed_forms
from closedbook.attention_lab.notation import mathml, parse, typeset


def letters(formula):
    """What a reader sees, without the structure."""
    return re.sub(r"<[^>]+>|&#8290;", "", mathml(formula))


@pytest.mark.parametrize(
    ("formula", "seen"),
    [
        ("M (k_a + k_b)", "M(ka+kb)"),
        ("(u_d u_a' + u_c u_d')/beta^2", "udua⊤+ucud⊤β2"),
        ("epsilon ~ N(1, 1/2)", "ε∼N(1,12)"),
        ("q = -M (mu_3 + ... + mu_n)", "q=−M(μ3+⋯+μn)"),
        ("1 - alpha_j <= (n - 1) exp(-Delta)", "1−αj≤(n−1)e−Δ"),
        ("max_i norm(v_i - v_j)", "maxi‖vi−vj‖"),
        ("Phi(sqrt(2) (ln(n - 1)/M - 1))", "Φ(2(ln(n−1)M−1))"),
        ("abs(alpha_a - alpha_b)", "|αa−αb|"),
        ("-x - (-1)", "−x+1"),
    ],
)
def test_formulas_read_as_they_are_written(formula, seen):
    assert letters(formula) == seen


def test_structure():
    assert "<msup><mi>e</mi><msup><mi>β</mi><mn>2</mn></msup></msup>" in mathml("exp(beta**2)")
    assert mathml("a/b") == "<math><mfrac><mi>a</mi><mi>b</mi></mfrac></math>"
    assert mathml("a", display=True) == '<math displaystyle="true"><mi>a</mi></math>'
    assert "<msqrt>" in mathml("M sqrt(alpha)")


def test_closed_forms_keep_their_value():
    form = closed_forms.norm_perturbation()["a"]
    values = {"M": 2, "n": 8, "epsilon": sp.Rational(1, 2)}
    again = parse(str(form)).replace(sp.Function("exp"), sp.exp)
    difference = again.subs(values) - form.subs({symbol: values[symbol.name] for symbol in form.free_symbols})
    assert abs(float(difference)) < 1e-12


def test_text_around_formulas_is_escaped():
    assert typeset("a < b & `n`.") == "a &lt; b &amp; <math><mi>n</mi></math>."


def test_what_is_not_a_formula_is_an_error():
    with pytest.raises(SyntaxError):
        mathml("(n - 1")
