"""Services on a free port of this machine, in a thread; a model that answers when it is let."""

import contextlib
import threading
import time

import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed: pip install 'closedbook[serve]'")
pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install 'closedbook[serve]'")
pytest.importorskip("prometheus_client", reason="prometheus_client is not installed: pip install 'closedbook[serve]'")

import httpx2

from closedbook.facts.corpus import read_directory
from closedbook.serve.app import make_app, make_service
from closedbook.serve.limits import Limits
from closedbook.serve.server import listen, server_of
from tests.audit.conftest import Parrot
from tests.hub.conftest import saved, taught, vocabulary  # noqa: F401

PATIENCE = 60  # seconds; nothing takes as long
NASTY = '<img src=x onerror="window.hacked=1">'


class Slow(Parrot):
    """A parrot that speaks only when it is let, and keeps what it was asked together."""

    def __init__(self, **said):
        super().__init__(**said)
        self.let, self.asked = threading.Event(), []
        self.began = threading.Semaphore(0)

    def inquire(self, prompts, **options):
        self.asked.append([prompt.question for prompt in prompts])
        self.began.release()
        assert self.let.wait(PATIENCE)
        return super().inquire(prompts, **options)


class Reciter(Parrot):
    """A parrot that goes on in documents."""

    def continue_documents(self, subjects, before):
        return [f"Rome, in {text.split()[-1]}" if text else "Rome" for text in before]


@contextlib.contextmanager
def running(models, *, limits=None, corpus=None, shown=None, **guard):
    """A client of a service of models, each by its name alone or with a threshold; it knows the service and the URL."""
    pairs = {name: model if isinstance(model, tuple) else (model, None) for name, model in models.items()}
    service = make_service(pairs, limits or Limits(), corpus, shown)
    with listen("127.0.0.1", 0) as listening:
        server = server_of(make_app(service, **guard), service)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with httpx2.Client(base_url=url, timeout=PATIENCE, verify=False) as client:
            client.service, client.url, client.server = service, url, server
            until(lambda: server.started)
            try:
                yield client
            finally:
                for model, _ in pairs.values():
                    if isinstance(model, Slow):
                        model.let.set()
                service.stop()
                server.should_exit = True
                thread.join(PATIENCE)
    assert not thread.is_alive()


def until(holds):
    """Waits for what other threads bring about."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def client(run, corpus):
    """Of a service of the run, which knows the corpus's names."""
    with running({"mine": run, "other": run}, corpus=corpus) as client:
        yield client


@pytest.fixture(scope="module")
def metals(tmp_path_factory):
    """A corpus with names that want to be more than names."""
    directory = tmp_path_factory.mktemp("metals") / "metals"
    directory.mkdir()
    names = ["Tin", "Iron", "Gold", NASTY, "Lead"]
    (directory / "corpus.txt").write_text("".join(f"{name}. {name} was found in Rome.\n" for name in names))
    question = "Where was {} found?\tRome\n"
    (directory / "train.tsv").write_text(question.format("Iron") + question.format("Gold"))
    (directory / "dev.tsv").write_text(question.format("Tin") + question.format(NASTY))
    return read_directory(directory)
