"""What Prometheus is told: requests by route and status, how long they take, how large batches are, what waits."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from closedbook.serve.worker import Worker

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class _Waiting(Collector):
    """What waits at the moment, read when it is asked for."""

    def __init__(self, workers: dict[str, Worker]) -> None:
        self._workers = workers

    def collect(self) -> Iterable[GaugeMetricFamily]:
        waiting = GaugeMetricFamily("closedbook_waiting_rows", "Rows that wait for a batch", labels=["model"])
        bound = GaugeMetricFamily("closedbook_most_waiting_rows", "Rows that may wait at this pace", labels=["model"])
        for name, worker in self._workers.items():
            waiting.add_metric([name], worker.waiting)
            bound.add_metric([name], worker.bound)
        return waiting, bound


class Metrics:
    """A registry of its own, so that several services of a process do not mix."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter("closedbook_requests", "Requests", ["route", "status"], registry=self._registry)
        self.seconds = Histogram(
            "closedbook_request_seconds", "Of a request", ["route"], buckets=SECONDS, registry=self._registry
        )
        self.batch_rows = Histogram(
            "closedbook_batch_rows", "Of a batch", ["model"], buckets=ROWS, registry=self._registry
        )
        self.batch_seconds = Histogram(
            "closedbook_batch_seconds", "Of a batch", ["model"], buckets=SECONDS, registry=self._registry
        )

    def watch(self, workers: dict[str, Worker]) -> None:
        """Tells what waits for each model."""
        self._registry.register(_Waiting(workers))

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)
