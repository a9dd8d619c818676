"""What every request passes first: its host, its key, the size of its body; and what is counted of it.

A page in a browser must not be able to ask a service on the reader's own machine: so no CORS header is ever sent, what
is posted must be JSON (which no page may send elsewhere without asking first), and a host's name must be one that the
service is known by (a page's own name may be made to point here). An address is no name, and always taken.
"""

import hmac
import ipaddress
import logging
import time
from collections.abc import Callable, Collection, Sequence

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from closedbook.serve.limits import MOST_BODY
from closedbook.serve.metrics import Metrics
from closedbook.serve.problems import ProblemError, too_many

LOG = logging.getLogger(__name__)
LOCAL_NAME = "localhost"
OPEN = frozenset({"/live", "/ready"})
"""Paths that need no key, beside those of the page's own files: they tell nothing but that the service is there."""
JSON = b"application/json"
TOO_LARGE = f"The body is larger than {MOST_BODY:,} bytes"


def _as_sent(name: str) -> str:
    """A host's name as it stands in a request."""
    try:
        return name.encode("idna").decode().lower()
    except UnicodeError:
        return name.lower()


class Guard:
    """The outermost layer of the application.

    Args:
        app: What it guards.
        metrics: Counts requests.
        full: In how many seconds any model has room, None where one has.
        key: That every request must have, None for none.
        names: Hosts' names that the service is known by.
        files: Paths of the page's own files, which hold nothing of models or data and need no key.
        routes: Paths of the application, by which requests are counted that it does not get to see.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        full: Callable[[], float | None],
        key: str | None,
        names: Sequence[str],
        files: Collection[str] = (),
        routes: Collection[str] = (),
    ) -> None:
        self._app, self._metrics, self._full = app, metrics, full
        self._key = None if key is None else key.encode()
        self._open, self._routes = OPEN | frozenset(files), frozenset(routes)
        self._names = frozenset(_as_sent(name) for name in (LOCAL_NAME, *names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, read = time.perf_counter(), 500, 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST_BODY:
                raise HTTPException(413, TOO_LARGE)  # which the reader of a body lets through
            return message

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, counted, told)
        except ProblemError as error:
            await error.response()(scope, receive, told)
        except Exception:  # what it is has been told, and the connection is good for another request
            LOG.exception("%s %s", scope["method"], scope["path"])
        finally:
            unseen = scope["path"] if scope["path"] in self._routes else "other"
            route = getattr(scope.get("route"), "path", unseen)
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began)

    def _check(self, scope: Scope) -> None:
        """Raises a `ProblemError` for a request that is not let in."""
        headers = dict(scope["headers"])
        host = headers.get(b"host")  # which HTTP/1.0 may leave out, as probes do
        if not (host is None and scope["path"] in OPEN) and not self._is_known((host or b"").decode("latin-1")):
            raise ProblemError(421, "This service is not known by that host name; --names makes it known.")
        if self._key is not None and scope["path"] not in self._open:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if not hmac.compare_digest(given, self._key) or scheme.lower() != b"bearer":
                raise ProblemError(401, "Needs the service's key.", {"WWW-Authenticate": "Bearer"})
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > MOST_BODY:
            raise ProblemError(413, f"{TOO_LARGE}.", {"Connection": "close"})
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if scope["method"] == "POST" and kind != JSON:
            raise ProblemError(415, "The body must be application/json.")
        encoding = headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
        if scope["method"] == "POST" and encoding not in ("", "identity"):
            raise ProblemError(415, "The body must not be compressed.", {"Accept-Encoding": "identity"})
        if scope["method"] == "POST" and (after := self._full()) is not None:
            raise too_many(after)  # nothing is read of what is refused anyway, so that refusing costs little

    def _is_known(self, host: str) -> bool:
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return name.lower() in self._names
        return True
