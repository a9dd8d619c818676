import pytest

from closedbook.attention_lab.claims import CLAIMS, run_claim
from closedbook.attention_lab.lab import Lab
from closedbook.attention_lab.learned import descend
from closedbook.attention_lab.one_head import best_one_head
from closedbook.attention_lab.parameters import Parameters
from closedbook.attention_lab.tasks import TaskResult

DRAWS = 20_000  # the lab's own 100,000 are drawn by the slow tests


@pytest.fixture(scope="session")
def claims():
    """Every claim at the default parameters."""
    return {name: run_claim(name, Parameters(draws=DRAWS)) for name in CLAIMS}


@pytest.fixture(scope="session")
def descents():
    return tuple(descend(3.0, seed) for seed in range(3))


@pytest.fixture(scope="session")
def one_head():
    return best_one_head(Parameters())


@pytest.fixture(scope="session")
def lab(claims, descents, one_head):
    """The whole lab, with task results that were not trained."""
    tasks = tuple(
        TaskResult(task, attention, seed, 900, 1000, (0.88, 0.92))
        for task in ("recall", "position")
        for attention in ("key_query_value", "dense_synthesizer")
        for seed in range(2)
    )
    return Lab(Parameters(draws=DRAWS), claims, one_head, descents, tasks)
