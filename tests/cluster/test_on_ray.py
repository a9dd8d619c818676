"""Ray does what is asked of an engine; one small cluster on this machine for all of it."""

import functools
import operator
import os
import socket
import time
import uuid
from importlib.util import find_spec

import pytest

from closedbook.cluster.pool import Request, halving, opened
from closedbook.errors import UserError
from closedbook.recipes import find_recipe

pytestmark = [
    pytest.mark.slow,
    pytest.mark.ray,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (make .venv/.cluster)"),
]


@pytest.fixture(scope="module")
def pool():
    with opened(Request(workers=2)) as pool:
        yield pool


def ended(pool, count):
    """So many outcomes, by name."""
    outcomes, until = [], time.monotonic() + 300  # a busy machine starts Ray slowly
    while len(outcomes) < count:
        assert time.monotonic() < until, outcomes
        outcomes += pool.ended(1.0)
    return {outcome.name: outcome for outcome in outcomes}


def test_processes_share_few_arenas(pool):
    pool.begin("arenas", os.environ.get, "MALLOC_ARENA_MAX")
    assert ended(pool, 1)["arenas"].value == os.environ["MALLOC_ARENA_MAX"]


def test_calls_end_in_one_of_four_ways(pool, tmp_path):
    assert pool.free()
    pool.begin("sum", operator.add, 2, 3)
    pool.begin("unknown", find_recipe, "nothing")
    assert not pool.free()
    found = ended(pool, 2)
    assert (found["sum"].fate, found["sum"].value) == ("done", 5)
    assert found["unknown"].fate == "refused"
    assert found["unknown"].value.startswith("nothing: no such recipe")
    pool.begin("gone", os._exit, 1)
    begun = tmp_path / "begun"
    pool.begin("asleep", exec, f"import time\nopen({str(begun)!r}, 'w').close()\nwhile True: time.sleep(0.01)")
    assert ended(pool, 1)["gone"].fate == "lost"
    while not begun.exists():  # what has not begun may miss the word to stop
        assert not pool.ended(0.1)
    pool.stop(["asleep"])
    assert ended(pool, 1)["asleep"].fate == "stopped"
    assert pool.ended(0.0) == []


def test_what_we_broke_ourselves_is_not_hidden(pool):
    pool.begin("broken", operator.add, 2, "3")
    with pytest.raises(TypeError):
        ended(pool, 1)


def test_each_machine_is_asked(pool):
    (outcome,) = pool.on_each_machine(socket.gethostname).values()
    assert (outcome.fate, outcome.value) == ("done", socket.gethostname())


def shouting(marker):
    """Made once a process; the first that is asked for the seventh question ends its process."""
    made = (os.getpid(), uuid.uuid4().hex)

    def answer(item):
        if item == "question 7" and not os.path.exists(marker):
            open(marker, "w").close()
            os._exit(1)
        if item == "refused":
            raise UserError("refused.")
        return made, item.upper()

    return answer


def test_answers_come_in_the_order_of_what_was_asked_though_a_process_is_lost(pool, tmp_path):
    replicas = pool.replicas(functools.partial(shouting, tmp_path / "lost"))
    items = [f"question {number}" for number in range(100)]
    makers = set()
    for _ in range(2):
        answers = list(replicas.each(items))
        assert [text for _, text in answers] == [item.upper() for item in items]
        makers |= {maker for maker, _ in answers}
    assert (tmp_path / "lost").exists()
    assert replicas.count == 2
    assert 2 <= len(makers) <= 3  # each makes its function once
    assert os.getpid() not in {process for process, _ in makers}
    with pytest.raises(UserError, match="refused"):
        list(replicas.each([*items, "refused"]))
    assert next(replicas.each(items))[1] == "QUESTION 0"


def dying():
    return lambda item: os._exit(1)


def test_what_loses_every_process_ends(pool):
    with pytest.raises(UserError, match="Processes that answer were lost 5 times, the last so: "):
        list(pool.replicas(dying).each(["question"]))


def test_the_last_of_several_is_given_up_and_the_end_is_not_judged():
    judge = halving()
    assert judge.goes_on("first", 15, 0.5)
    assert not judge.goes_on("second", 15, 0.4)
    assert judge.goes_on("third", 15, 0.6)
    assert judge.goes_on("first", 38, 0.7)
    assert not judge.goes_on("third", 38, 0.6)
    assert judge.goes_on("first", 100, 0.1)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("here", "--address here: takes HOST:PORT of a Ray cluster, or auto"),
        ("127.0.0.1:x", "takes HOST:PORT"),
        ("127.0.0.1:1", "--address 127.0.0.1:1: no Ray cluster is reached"),
    ],
)
def test_an_address_where_there_is_no_cluster_is_refused(address, sentence):
    with pytest.raises(UserError, match=sentence), opened(Request(address=address)):
        raise AssertionError("there is no such cluster")
