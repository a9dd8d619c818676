import threading
import time

import pytest

from closedbook.serve.limits import Limits
from closedbook.serve.worker import Closed, Full, Job, Pace, Worker
from tests.serve.conftest import PATIENCE, until


class Desk:
    """A worker whose work waits to be let, and what became of it."""

    def __init__(self, **limits):
        self.let, self.batches, self.results = threading.Event(), [], {}
        self.worker = Worker("desk", self.work, self.deliver, Limits(**limits))

    def work(self, kind, jobs):
        self.batches.append([job.payload for job in jobs])
        assert self.let.wait(PATIENCE)
        if any(job.payload == "broken" for job in jobs):
            raise RuntimeError("broken")
        return [f"{kind} {job.payload}" for job in jobs]

    def deliver(self, pairs):
        self.results |= {job.payload: result for job, result in pairs}

    def submit(self, payload, kind="k", **job):
        job = Job(kind=kind, payload=payload, **job)
        self.worker.submit(job)
        return job

    def busy(self):
        """With one job that is being done."""
        self.submit("first")
        until(lambda: self.batches)
        return self

    def end(self):
        self.let.set()
        self.worker.close()
        self.worker.join(PATIENCE)
        assert not self.worker.alive


def test_what_waits_goes_together_as_far_as_a_batch_holds():
    desk = Desk(batch=3).busy()
    for number in range(3):
        desk.submit(number)
    desk.end()
    assert desk.batches == [["first"], [0, 1, 2]]
    assert desk.results == {"first": "k first", 0: "k 0", 1: "k 1", 2: "k 2"}


def test_a_batch_is_of_one_kind_and_nobody_is_left_behind():
    desk = Desk(batch=3).busy()
    desk.submit("a", kind="A")
    desk.submit("b", kind="B", rows=2)
    desk.worker.submit(Job(kind="R", payload="r", rows=0), first=True)
    desk.end()
    assert desk.batches == [["first"], ["r"], ["a"], ["b"]]


def test_more_rows_than_a_batch_holds_go_alone():
    desk = Desk(batch=2)
    desk.submit("large", rows=9)
    desk.end()
    assert desk.results == {"large": "k large"}


def test_who_finds_no_room_is_told_when_to_try_again():
    desk = Desk(batch=2, wait=0.1).busy()
    desk.worker.pace.seconds = 1.0
    desk.submit("a")
    assert desk.worker.full is None
    desk.submit("b")
    with pytest.raises(Full) as full:
        desk.submit("c")
    assert full.value.after == desk.worker.full == 2.0
    desk.end()
    assert "c" not in desk.results


def test_the_bound_follows_the_pace():
    desk = Desk(batch=2, wait=0.1)
    assert desk.worker.bound == 2
    desk.worker.pace.seconds = 0.001
    assert desk.worker.bound == 100
    desk.worker.pace.seconds = 5.0
    assert desk.worker.bound == 2
    desk.end()


def test_nobody_waits_who_would_wait_past_the_deadline():
    desk = Desk(batch=8).busy()
    desk.worker.pace.seconds = 100.0
    desk.submit("a")
    with pytest.raises(Full):
        desk.submit("b", deadline=time.monotonic() + 50)
    desk.submit("c", deadline=time.monotonic() + 5000)
    desk.end()


def test_what_is_given_up_frees_its_place_and_is_not_done():
    desk = Desk(batch=1).busy()
    job = desk.submit("a")
    with pytest.raises(Full):
        desk.submit("b")
    desk.worker.give_up(job)
    desk.submit("b")
    late = desk.worker
    late.give_up(job)  # twice does no harm
    desk.end()
    assert (desk.batches, job.given_up) == ([["first"], ["b"]], True)


def test_what_is_past_its_deadline_is_not_done():
    desk = Desk(batch=8).busy()
    job = desk.submit("late", deadline=time.monotonic())
    desk.end()
    assert (desk.batches, job.given_up) == ([["first"]], True)


def test_what_breaks_breaks_alone():
    desk = Desk(batch=1)
    desk.submit("broken")
    until(lambda: desk.batches)
    desk.submit("whole")
    desk.end()
    assert isinstance(desk.results["broken"], RuntimeError)
    assert desk.results["whole"] == "k whole"


def test_a_closed_worker_does_what_it_has_and_takes_no_more():
    desk = Desk().busy()
    desk.submit("a")
    desk.worker.close()
    with pytest.raises(Closed):
        desk.submit("b")
    assert not desk.worker.idle
    desk.end()
    assert set(desk.results) == {"first", "a"}
    assert desk.worker.idle


def test_the_pace_is_of_rows_and_forgets():
    pace = Pace()
    pace.saw(0, 9.0)
    assert pace.seconds == 0
    pace.saw(4, 2.0)
    assert pace.seconds == 0.5
    for _ in range(60):
        pace.saw(2, 0.2)
    assert pace.seconds == pytest.approx(0.1, rel=1e-3)
