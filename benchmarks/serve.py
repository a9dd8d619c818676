"""How the service bears up: throughput of many clients beside one, overload, disconnects.

python -m benchmarks.serve RUN --facts FACTS.tsv [--threads N] [--rounds N]

The service is a process of its own, the clients are another; both share the machine. A round asks 500 questions from
one client, one after the other, of a service whose batches hold one; and from 32 clients of one with batches. Overload
is ten times as many clients, which try again 0.1 s after a refusal; what is told of it are the answers that were given.
On a machine that others use too, the processor's time of the service is what can be compared; it is read in /proc.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from closedbook.facts.readers import read_facts

QUESTIONS, CLIENTS, OVERLOAD, AGAIN, GONE = 500, 32, 10, 0.1, 1000
HOST = "127.0.0.1"


@dataclass
class Taken:
    """Seconds of every answer that was given, and how many were refused."""

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    whole: float = 0.0
    processor: float = 0.0  # seconds, of the service

    @property
    def cost(self) -> float:
        """Milliseconds of the processor that the service takes for an answer."""
        return 1000 * self.processor / len(self.seconds)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.whole

    @property
    def offered(self) -> float:
        """Requests a second, refused ones included."""
        return (len(self.seconds) + self.refused) / self.whole

    def quantile(self, share: float) -> float:
        """Milliseconds within which that share was answered."""
        return 1000 * sorted(self.seconds)[min(int(share * len(self.seconds)), len(self.seconds) - 1)]


@dataclass(frozen=True)
class Place:
    """Where a service is: its port, and the number of its process."""

    port: int
    process: int

    def processor(self) -> float:
        """Seconds of the processor that it has taken so far."""
        fields = Path(f"/proc/{self.process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def service(run: str, *options: str) -> Iterator[Place]:
    """A service in a process of its own."""
    command = [sys.executable, "-m", "closedbook", "serve", run, "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "500"}) as process:
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if line.startswith("serving at"))
            yield Place(int(line.split(";")[0].rsplit(":", 1)[1]), process.pid)
        finally:
            process.terminate()


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """One that is kept for many requests."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        yield reader, writer
    finally:
        writer.close()


def request(question: str) -> bytes:
    """The bytes of one."""
    body = json.dumps({"question": question}).encode()
    head = (
        f"POST /v1/answers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    return head.encode() + b"\r\n\r\n" + body


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: bytes) -> int:
    """The status of a response, which is read to its end."""
    writer.write(asked)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head[9:12])


async def load(place: Place, questions: Sequence[str], clients: int) -> Taken:
    """The questions, divided among clients that ask one after the other."""
    taken, left = Taken(), iter([request(question) for question in questions])

    async def client() -> None:
        async with connection(place.port) as (reader, writer):
            for asked in left:
                while True:
                    began = time.perf_counter()
                    status = await ask(reader, writer, asked)
                    if status != 429:
                        break
                    taken.refused += 1
                    await asyncio.sleep(AGAIN)
                assert status == 200, status
                taken.seconds.append(time.perf_counter() - began)

    began, before = time.perf_counter(), place.processor()
    await asyncio.gather(*(client() for _ in range(clients)))
    taken.whole, taken.processor = time.perf_counter() - began, place.processor() - before
    return taken


async def disconnect(port: int, questions: Sequence[str], count: int) -> float:
    """Seconds from the last of many requests that are broken off until nothing waits."""
    for number in range(count):
        async with connection(port) as (_, writer):
            writer.write(request(questions[number % len(questions)]))
            await writer.drain()
    began = time.perf_counter()
    while await waiting(port):
        await asyncio.sleep(0.01)
    return time.perf_counter() - began


async def waiting(port: int) -> float:
    """Rows that wait, as the service's metrics say."""
    async with connection(port) as (reader, writer):
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        lines = (await reader.read()).decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("closedbook_waiting_rows{"))


def main() -> None:
    """Prints medians over rounds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run")
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--threads", default="1")
    parser.add_argument("--batch", default="32")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    asked = [fact.question for fact in read_facts(options.facts, answers_required=False)]
    questions = [asked[number % len(asked)] for number in range(QUESTIONS)]
    threads = ("--threads", options.threads)
    with (
        service(options.run, *threads, "--batch", "1") as single,
        service(options.run, *threads, "--batch", options.batch) as many,
    ):
        for place in (single, many):
            asyncio.run(load(place, questions[:64], 1))
        rounds = []
        for _ in range(options.rounds):
            one = asyncio.run(load(single, questions, 1))
            several = asyncio.run(load(many, questions, CLIENTS))
            over = asyncio.run(load(many, questions * 4, CLIENTS * OVERLOAD))
            rounds.append((one, several, over))
            for name, taken in (("1 client", one), (f"{CLIENTS}", several), (f"{CLIENTS * OVERLOAD}", over)):
                print(
                    f"{name:>9}: {taken.rate:7.1f} answers/s of {taken.offered:7.1f} requests/s, "
                    f"p50 {taken.quantile(0.5):6.1f} ms, p99 {taken.quantile(0.99):6.1f} ms, "
                    f"processor {taken.cost:5.2f} ms an answer",
                    flush=True,
                )
        gone = asyncio.run(disconnect(many.port, questions, GONE))
    ratio = statistics.median(several.rate / one.rate for one, several, _ in rounds)
    slower = statistics.median(over.quantile(0.99) / several.quantile(0.99) for _, several, over in rounds)
    cheaper = statistics.median(one.cost / several.cost for one, several, _ in rounds)
    print(f"{CLIENTS} clients against one: {ratio:.1f} times the rate, an answer {cheaper:.1f} times as cheap")
    print(f"overload: p99 {slower:.2f} times that of {CLIENTS} clients")
    print(f"after {GONE} disconnects all places free in {gone:.3f} s")


if __name__ == "__main__":
    main()
