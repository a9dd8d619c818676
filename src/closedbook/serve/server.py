"""The server: a socket, and an end that waits for what is being answered.

Told to stop (SIGTERM, SIGINT), the service says that it is not ready and takes no more requests, while those that it
has are answered; then it ends with exit code 0. Told a second time, it ends at once.
"""

import asyncio
import ipaddress
import os
import socket
import sys
import time
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from closedbook.errors import UserError
from closedbook.serve.state import Service

KEY = "CLOSEDBOOK_SERVE_KEY"
SHORTEST_KEY = 16  # characters
BACKLOG = 2048  # connections that the system keeps
SWITCH = 1e-4
"""Seconds that a thread keeps the interpreter while another wants it. A model gives it up at every operation, and with
Python's 5 ms a busy server would make a batch of a few hundred operations a matter of seconds."""
LOOK = 0.02  # seconds between two looks whether all is answered
LAST = 5  # seconds that connections have for what was answered


def key_for(host: str) -> str | None:
    """The key of the environment; an address that others can reach needs one.

    Raises:
        UserError: It is missing, or too short.
    """
    key = os.environ.get(KEY) or None
    if key is None and not is_loopback(host):
        raise UserError(f"--host {host} can be reached from elsewhere: set a key in {KEY}, which requests must have.")
    if key is not None and (len(key) < SHORTEST_KEY or not key.isascii() or not key.isprintable()):
        raise UserError(f"{KEY}: a key has at least {SHORTEST_KEY} letters, digits and signs of ASCII.")
    return key


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """A socket on which the service can be reached; port 0 is any that is free.

    Raises:
        UserError: The address is none of this machine's, or is taken.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UserError(f"--host {host} --port {port}: cannot be listened on ({why}).") from None


def address(listening: socket.socket) -> str:
    """Where the service is found."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def serve(app: ASGIApp, service: Service, listening: socket.socket) -> None:
    """Serves until it is told to stop, and has answered what it has."""
    sys.setswitchinterval(SWITCH)
    server_of(app, service).run(sockets=[listening])


def server_of(app: ASGIApp, service: Service) -> "Server":
    """The server, which has yet to run."""
    return Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=LAST,
        ),
        service,
    )


class Server(uvicorn.Server):
    """uvicorn, which answers first and stops then."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._loop: asyncio.AbstractEventLoop | None = None
        self._draining: asyncio.Task[None] | None = None
        self._told = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to stop; uvicorn's own would end the process by the signal when all is done."""
        if self._told or self._loop is None:
            self.should_exit = self.force_exit = True
        else:
            self._told = True
            self._loop.call_soon_threadsafe(self._begin_to_drain)

    def _begin_to_drain(self) -> None:
        self._service.stop()
        self._draining = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        until = time.monotonic() + self._service.limits.drain
        while not self._service.idle and time.monotonic() < until:
            await asyncio.sleep(LOOK)
        self.should_exit = True
