import itertools
import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from closedbook.attention_lab import closed_forms, perturbed
from closedbook.attention_lab.claim import evaluate
from closedbook.attention_lab.claims import CLAIMS, run_claim
from closedbook.attention_lab.parameters import Parameters
from closedbook.attention_lab.perturbed import Design
from closedbook.attention_lab.setting import attend, orthonormal, weights
from closedbook.errors import UserError
from tests.attention_lab.conftest import DRAWS

QUICK = {"draws": 2000}


@pytest.mark.parametrize("name", CLAIMS)
def test_every_claim_agrees_with_its_closed_form_or_bound(claims, name):
    claim = claims[name]
    assert claim.deviation < 1e-12
    assert claim.verdict in ("right", "right_with_corrections", "wrong")
    assert claim.statement.endswith(".")
    assert claim.why.endswith(".")
    json.dumps(claim.to_json(), allow_nan=False)


@settings(max_examples=20, deadline=None)
@given(
    M=st.floats(0.05, 60),
    beta=st.floats(0.3, 6),
    n=st.integers(3, 40),
    name=st.sampled_from(["average", "norm_perturbation", "two_heads", "two_heads_perturbation"]),
)
def test_closed_forms_hold_at_any_parameters(M, beta, n, name):
    claim = run_claim(name, Parameters(n=n, d=n, M=M, beta=beta, **QUICK))
    assert claim.deviation < 1e-12


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 64), d=st.integers(1, 128), scale=st.floats(0.01, 30), seed=st.integers(0, 2**31))
def test_the_copy_bound_holds_for_random_keys_and_values(n, d, scale, seed):
    source = torch.Generator().manual_seed(seed)
    keys, values = (torch.randn(n, d, dtype=torch.float64, generator=source) for _ in range(2))
    query = scale * torch.randn(d, dtype=torch.float64, generator=source)
    logits = keys @ query
    j = int(logits.argmax())
    others = torch.arange(n) != j
    margin = float(logits[j] - logits[others].max())
    alpha, c = attend(query, keys, values)
    bound = (n - 1) * math.exp(-margin)
    assert 1 - float(alpha[j]) <= bound + 1e-12
    spread = float((values - values[j]).norm(dim=1).max())
    assert float((c - values[j]).norm()) <= bound * spread + 1e-11


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 64),
    extra=st.integers(0, 64),
    M=st.floats(0.01, 50),
    alpha=st.floats(0, 1),
    seed=st.integers(0, 2**31),
)
def test_the_noise_bound_holds_for_random_instances(n, extra, M, alpha, seed):
    source = torch.Generator().manual_seed(seed)
    means = orthonormal(n, n + extra, source)
    keys = means + math.sqrt(alpha) * torch.randn(means.shape, dtype=torch.float64, generator=source)
    query = M * (means[0] + means[1])
    delta = float(((keys - means) @ query).abs().max())
    weight = weights(keys @ query)
    assert abs(float(weight[0] - weight[1])) <= math.tanh(delta) + 1e-12


def test_the_exact_figures_of_the_claims(claims):
    assert claims["average"].quantity("elsewhere").measured == pytest.approx(1.362e-4, rel=1e-3)
    two = claims["two_heads_perturbation"]
    assert claims["norm_perturbation"].quantity("ratio_of_variances").expected == pytest.approx(15.7184, abs=1e-3)
    assert two.quantity("failure_probability").expected == pytest.approx(0.127, abs=0.001)
    assert two.quantity("failure_threshold").expected == pytest.approx(math.log(7) / 10)
    variances = [perturbed.total_variance(design, 8, 50.0) for design in (Design((2,)), Design((1, 1)))]
    assert variances[0] / variances[1] == pytest.approx(22.2173, abs=1e-3)
    noisy = run_claim("noisy_keys", Parameters(alpha=0.01, **QUICK)).quantity("logit_deviation")
    assert noisy.expected == pytest.approx(2.0)
    assert noisy.measured == pytest.approx(2.0, rel=0.07)


def drawn_figures_agree(one, two, draws):
    """Shares within four standard deviations of what quadrature says, variances within as much."""

    def near(share):
        return pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / draws) + 5e-4)

    assert one.quantity("near_the_goal").measured == near(0.046)
    assert two.quantity("near_the_goal").measured == near(0.8386)
    for row in two.rows:
        assert row.failed == near(row.failure_probability)
        assert row.total_variance_measured == pytest.approx(row.total_variance, rel=10 / math.sqrt(draws))
    assert [(row.heads, row.targets) for row in two.rows] == [(h, m) for m in (2, 3, 4) for h in range(1, m + 1)]


def test_drawn_figures_agree_with_quadrature(claims):
    drawn_figures_agree(claims["norm_perturbation"], claims["two_heads_perturbation"], DRAWS)


@pytest.mark.slow
def test_drawn_figures_agree_with_quadrature_over_all_draws():
    parameters = Parameters()
    one, two = (run_claim(name, parameters) for name in ("norm_perturbation", "two_heads_perturbation"))
    drawn_figures_agree(one, two, parameters.draws)


def test_the_printed_query_fails_as_derived(claims):
    claim = claims["key_query_value"]
    assert claim.verdict == "wrong"
    assert claim.quantity("c_2_printed").measured == pytest.approx((0, 2 / 3, -1 / 3, 0))
    assert claim.quantity("relative_errors_derived").measured == pytest.approx((1.95e-4, 1.75e-4), rel=1e-2)
    assert all(max(row.derived) < 3 * math.exp(-(row.beta**2)) for row in claim.rows)
    assert all(min(row.printed) > 0.3 for row in claim.rows)


def test_the_logit_is_normal_with_the_stated_moments():
    parameters = Parameters(draws=DRAWS)
    for design in (Design((2,)), Design((1, 1)), Design((3, 1))):
        weight = perturbed.sample(design, parameters).weight_R
        logit = torch.log(weight / (1 - weight))
        mean, variance = perturbed.logit_moments(design, parameters.n, parameters.M)
        usable = logit.isfinite()
        assert usable.double().mean() > 0.999
        standard = ((logit[usable] - mean) / math.sqrt(variance)).sort().values
        expected = norm.cdf(standard.numpy())
        steps = torch.arange(1, len(standard) + 1) / len(standard)
        assert float((torch.from_numpy(expected) - steps).abs().max()) < 1.63 / math.sqrt(len(standard))


@pytest.mark.parametrize("M", [10.0, 50.0])
@pytest.mark.parametrize("design", [Design((2,)), Design((1, 1))], ids=["one head", "two heads"])
def test_the_quadrature_equals_an_adaptive_one(M, design):
    def moment(key, power):
        def integrand(eps):
            point = torch.tensor([eps], dtype=torch.float64)
            c = perturbed.combine(design, perturbed.head_weights(design, 8, M, point))[0, key]
            return norm.pdf(eps, 1, math.sqrt(0.5)) * float(c) ** power

        edges = [-5.0, 0.0, math.log(7) / M, 1.0, 7.0]
        return sum(quad(integrand, low, high, limit=200)[0] for low, high in itertools.pairwise(edges))

    expected = sum(count * (moment(key, 2) - moment(key, 1) ** 2) for key, count in ((0, 1), (1, 1), (2, 6)))
    assert perturbed.total_variance(design, 8, M) == pytest.approx(expected, abs=1e-6)


def test_quadrature_and_draws_agree_on_the_variance():
    for M in (1.0, 10.0, 50.0):
        for design in (Design((2,)), Design((1, 1)), Design.of(2, 4)):
            drawn = perturbed.sample(design, Parameters(M=M, draws=DRAWS)).total_variance
            assert drawn == pytest.approx(perturbed.total_variance(design, 8, M), rel=0.07)


def test_eps_leaves_its_range_as_stated():
    deviation = math.sqrt(perturbed.EPS_VARIANCE)
    assert 2 * norm.cdf(-1 / deviation) == pytest.approx(0.157, abs=5e-4)
    assert norm.cdf(-1 / deviation) == pytest.approx(0.079, abs=5e-4)


def test_derivations_start_from_inner_products():
    forms = closed_forms.average()
    total = forms["a"] + forms["b"] + (closed_forms.n - 2) * forms["other"]
    assert closed_forms.sp.simplify(total) == 1
    logit = closed_forms.logit(closed_forms.norm_perturbation()["a"])
    M, n, eps = closed_forms.M, closed_forms.n, closed_forms.eps
    expected = eps * M - closed_forms.sp.log(closed_forms.sp.exp(M) + n - 2)
    values = {M: 3, n: 8, eps: closed_forms.sp.Rational(1, 3)}
    assert abs(float((logit - expected).subs(values))) < 1e-12


def test_the_derived_threshold_is_the_measured_one(claims):
    for name, head in (
        ("norm_perturbation", closed_forms.norm_perturbation()["a"]),
        ("two_heads_perturbation", closed_forms.one_target("a")["a"]),
    ):
        targets = 2 if name == "norm_perturbation" else 1
        at = claims[name].quantity("failure_threshold").expected
        assert evaluate(head, Parameters(), epsilon=at) == pytest.approx(1 / (2 * targets), rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"d": 7}, "8 orthonormal keys need at least 8 dimensions"),
        ({"n": 2}, "at least 3 keys"),
        ({"M": 0.0}, "must be above 0"),
        ({"M": -1.0}, "must be above 0"),
        ({"M": float("nan")}, "finite"),
        ({"M": 1e5}, "at most 10000"),
        ({"beta": 0.0}, "must be above 0"),
        ({"beta": 1e3}, "at most 100"),
        ({"alpha": -0.1}, "cannot be negative"),
        ({"draws": 10}, "at least 100"),
        ({"seed": -1}, "must not be negative"),
    ],
)
def test_bad_parameters_get_a_sentence(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        Parameters(**changes)


@pytest.mark.parametrize("name", CLAIMS)
def test_huge_parameters_stay_finite(name):
    claim = run_claim(name, Parameters(M=1e4, beta=100.0, **QUICK))
    json.dumps(claim.to_json(), allow_nan=False)
    assert claim.deviation < 1e-9


def test_softmax_stays_finite_at_huge_scores():
    weight = weights(torch.tensor([1e4, -1e4, 0.0], dtype=torch.float64))
    assert weight.tolist() == [1.0, 0.0, 0.0]


def test_an_unknown_claim_is_refused():
    with pytest.raises(UserError, match="did you mean 'copy'"):
        run_claim("coppy", Parameters())
