import math

import pytest

from closedbook.attention_lab.claims import run_claim
from closedbook.attention_lab.parameters import Parameters
from tests.audit.conftest import Parrot
from tests.serve.conftest import running
from tests.serve.page.conftest import opened
from tests.serve.test_service import is_problem


@pytest.fixture(scope="module")
def lab():
    """A client of a service."""
    with running({"m": Parrot()}) as client:
        yield client


def test_the_figures_are_those_of_the_lab(lab):
    told = lab.get("/page/lab", params={"M": 4, "epsilon": 0.5, "beta": 2, "alpha": 0}).json()
    parameters = Parameters(M=4.0, beta=2.0, draws=4000)
    for kind, name in (("one", "norm_perturbation"), ("two", "two_heads_perturbation")):
        claim, shown = run_claim(name, parameters), told[kind]
        assert shown["logit_mean"] == pytest.approx(claim.quantity("logit_mean").expected)
        assert shown["logit_variance"] == pytest.approx(claim.quantity("logit_variance").expected)
        assert shown["fails"] == pytest.approx(claim.quantity("failure_probability").expected)
        assert shown["failed"] == pytest.approx(claim.quantity("failure_probability").measured)
        assert shown["drawn_variance"] == pytest.approx(claim.quantity("total_variance").measured)
        assert shown["weight"] == pytest.approx(shown["computed"], rel=1e-9)
    assert told["one"]["weight"] == pytest.approx(math.exp(2) / (math.exp(2) + math.exp(4) + 6))
    claim = run_claim("key_query_value", parameters)
    for kind in ("derived", "printed"):
        assert told[kind]["errors"] == pytest.approx(claim.quantity(f"relative_errors_{kind}").measured)
        for index in (0, 1):
            quantity = claim.quantity(f"c_{index + 1}_{kind}")
            assert told[kind]["outputs"][index] == pytest.approx(quantity.measured)
            assert told[kind]["derived"][index] == pytest.approx(quantity.expected)
    assert told["printed"]["derived"][1] == pytest.approx([0, 2 / 3, -1 / 3, 0])


def test_draws_lie_on_the_line_without_noise_and_beside_it_with_some(lab):
    def off(**params):
        return max(abs(weight - 1 / (1 + math.exp(-(4 * eps - math.log(7))))) for eps, weight in draws(**params))

    def draws(**params):
        return lab.get("/page/lab", params={"M": 4} | params).json()["two"]["draws"]

    assert off(alpha=0) < 1e-9
    assert off(alpha=0.1) > 0.1


@pytest.mark.parametrize(
    "params", [{"M": 0}, {"M": "nan"}, {"M": 1e9}, {"beta": 0}, {"alpha": -1}, {"epsilon": "inf"}, {"M": "much"}]
)
def test_what_is_out_of_range_gets_a_sentence(lab, params):
    is_problem(lab.get("/page/lab", params=params), 422)


def test_sliders_move_the_picture(chromium, lab):
    with opened(chromium, lab.url, "/lab") as tab:
        tab.get_by_role("img", name="Weight on v a against epsilon, at epsilon 1.00: one head 0.500").wait_for()
        slider = tab.get_by_role("slider", name="ε, stretch of the key")
        slider.press("ArrowRight")
        tab.get_by_role("img", name="at epsilon 1.05: one head 0.622, the head of a, of two, 1.000").wait_for()
        assert slider.get_attribute("aria-valuetext") == "1.05"
        places = "[...document.querySelectorAll('#norm circle.draw')].map(dot => dot.getAttribute('cy')).join()"
        before = tab.evaluate(places)
        tab.get_by_role("slider", name="α, noise on all keys").fill("60")
        tab.get_by_text("With noise on all keys, M√α = 1.58").wait_for()
        assert tab.evaluate(places) != before
        tab.get_by_role("slider", name="M, size of the query").press("End")
        tab.locator("#M-told", has_text="100").wait_for()
        tab.get_by_role("slider", name="β, norm of the vectors").press("Home")
        tab.get_by_role("img", name="at beta 0.50").wait_for()


def test_the_printed_q_stands_beside_the_derived_one(chromium, lab):
    with opened(chromium, lab.url, "/lab") as tab:
        tab.locator("#printed .told").wait_for()
        assert "c2 0.471" in tab.locator("#printed .told").inner_text()
        tab.locator("[data-formula=printed-query] math").wait_for()
        for name in ("one", "two", "derived-query", "derived-1", "printed-2"):
            assert tab.locator(f"[data-formula={name}] math mfrac").count() >= 1
        assert tab.get_by_text("Deriving").count() == 0
