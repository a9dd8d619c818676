"""HTTP to an endpoint that speaks OpenAI's protocol: JSON goes, a JSON object comes back, or a sentence says why not.

What passes (a lost connection, a busy server) is tried again, what does not is said at once. An answer is read up to a
size and within a time, redirects are not followed, and the key stands in a header and nowhere else.
"""

import dataclasses
import datetime
import email.utils
import json
import random
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from closedbook.errors import UserError
from closedbook.hub.endpoint_settings import KEYS, Patience

try:
    import httpx2
    import tenacity
except ImportError as missing:
    raise UserError("api: needs httpx2 and tenacity; install them with pip install 'closedbook[api]'.") from missing

T = TypeVar("T")
R = TypeVar("R")
MOST_BYTES = 2 * 1024 * 1024  # of one answer
OPENING_TRIES, OPENING_PAUSE = 3, 1.0
MOST_TOLD = 200  # characters of what an endpoint says of an error
BUSY = 429
WITHOUT_KEY = (401, 403)
NOT_THERE = (404, 405, 501)
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Refused(UserError):
    """The endpoint answers with an error, however often it is asked.

    Args:
        sentence: For the user.
        status: Of the answer.
    """

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status

    @property
    def busy(self) -> bool:
        """Whether that says nothing of the request."""
        return _is_busy(self.status)


class _Passing(Exception):
    """Something that may be over at the next try.

    Args:
        cause: Goes on in a sentence whose subject is the endpoint.
        status: Of the answer, None where there is none.
        after: Seconds that the endpoint asks to wait, None where it does not.
    """

    def __init__(self, cause: str, status: int | None = None, after: float | None = None) -> None:
        super().__init__(cause)
        self.status, self.after = status, after


class Client:
    """Requests to one endpoint, at most so many at once.

    Args:
        url: Of `base_url`.
        key: Sent as a bearer token, None for none.
        patience: With it.

    Raises:
        UserError: The key cannot be sent, or a proxy is named that cannot be used.
    """

    def __init__(self, url: str, key: str | None, patience: Patience) -> None:
        if key is not None and not re.fullmatch(r"[!-~]+", key):
            raise UserError(f"The key in {' or '.join(KEYS)} holds characters that no key has.")
        self.url, self._key, self.patience = url, key, patience
        self._waiting = patience  # as long as now
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "closedbook"}
        try:
            self._http = httpx2.Client(
                headers=headers | ({"Authorization": f"Bearer {key}"} if key else {}),
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=patience.at_once),
                follow_redirects=False,
                trust_env=urlsplit(url).hostname not in LOOPBACK,  # a proxy does not know this machine
            )
        except (ImportError, ValueError, httpx2.InvalidURL):
            raise UserError("The proxy that the environment names cannot be used; see HTTPS_PROXY.") from None
        self._pool = ThreadPoolExecutor(patience.at_once, thread_name_prefix="endpoint")
        weakref.finalize(self, _close, self._http, self._pool)

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Inside, requests are given up before `patience.opening` is over."""
        usual, most = self.patience, self.patience.opening
        self._waiting = dataclasses.replace(
            usual,
            connect=min(usual.connect, most),
            request=min(usual.request, most),
            tries=min(usual.tries, OPENING_TRIES),
            longest_pause=min(usual.longest_pause, OPENING_PAUSE),
        )
        try:
            yield
        finally:
            self._waiting = usual

    def each(self, work: Callable[[T, threading.Event], R], items: Sequence[T]) -> list[R]:
        """What `work` gives for each item, in their order, some at once.

        Args:
            work: Of an item and of what is set when another has failed; to hand to `request`.
            items: Any.

        Raises:
            UserError: One failed; the others are given up.
        """
        given_up = threading.Event()
        futures = [self._pool.submit(work, item, given_up) for item in items]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            return [future.result() for future in futures]
        except BaseException:
            given_up.set()
            for future in futures:
                future.cancel()
            raise

    def request(
        self, path: str, body: dict[str, Any] | None = None, given_up: threading.Event | None = None
    ) -> dict[str, Any]:
        """The JSON object that comes back.

        Args:
            path: Behind the address.
            body: To be posted, None to get.
            given_up: When set, nothing is tried again.

        Raises:
            Refused: The endpoint answers with an error.
            UserError: It cannot be reached, or answers with what is no JSON object.
        """
        given_up = given_up or threading.Event()
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Passing),
            stop=tenacity.stop_after_attempt(self._waiting.tries) | tenacity.stop_when_event_set(given_up),
            wait=self._pause,
            sleep=tenacity.sleep_using_event(given_up),
            reraise=True,
        )
        try:
            return retrying(self._request, path, body)
        except _Passing as error:
            tries = int(retrying.statistics.get("attempt_number", 1))
            sentence = f"{self.url}: {error}{f', {tries} times' if tries > 1 else ''}."
            raise (Refused(sentence, error.status) if error.status else UserError(sentence)) from None

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """Seconds before the next try: those that the endpoint asks for, or twice as many as before, within bounds."""
        error = state.outcome.exception() if state.outcome else None
        wanted = self._waiting.pause * 2 ** (state.attempt_number - 1) * random.uniform(0.75, 1.25)
        if isinstance(error, _Passing) and error.after is not None:
            wanted = error.after
        return min(wanted, self._waiting.longest_pause)

    def _request(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """One try."""
        content = None if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        until = time.monotonic() + self._waiting.request
        method = "GET" if body is None else "POST"
        timeout = httpx2.Timeout(self._waiting.request, connect=self._waiting.connect, pool=None)
        try:
            with self._http.stream(method, self.url + path, content=content, headers=kind, timeout=timeout) as response:
                if 300 <= response.status_code < 400:
                    self._refuse_redirect(response)
                raw = self._read(response, until)
        except httpx2.TimeoutException as error:
            what = "cannot be reached" if isinstance(error, httpx2.ConnectTimeout) else "does not answer"
            raise _Passing(f"{what} in time") from None
        except httpx2.ConnectError as error:
            raise _Passing(f"cannot be reached ({self._masked(str(error))})") from None
        except (httpx2.InvalidURL, UnicodeError):
            raise UserError(f"{self.url}: not the address of an endpoint.") from None
        except httpx2.TransportError as error:
            raise _Passing(f"breaks off its answer ({self._masked(str(error))})") from None
        return self._object(response, raw)

    def _read(self, response: httpx2.Response, until: float) -> bytes:
        """The body, as far as it is short and quick enough."""
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise UserError(f"{self.url}: answers in a compressed form that was not asked for.")
        raw = bytearray()
        for chunk in response.iter_raw():
            raw += chunk
            if len(raw) > MOST_BYTES:
                raise UserError(
                    f"{self.url}: answers with more than {MOST_BYTES // 1024**2} MB, which no answer takes."
                )
            if time.monotonic() > until:
                raise _Passing("does not finish its answer in time")
        return bytes(raw)

    def _object(self, response: httpx2.Response, raw: bytes) -> dict[str, Any]:
        """The JSON object of a complete answer."""
        status = response.status_code
        if _is_busy(status):
            after = _seconds(response.headers.get("Retry-After"))
            raise _Passing(f"answers with status {status}{self._told(raw)}", status, after)
        if status in WITHOUT_KEY:
            does = "does not take the key of" if self._key else "wants a key in"
            raise UserError(f"{self.url}: {does} {KEYS[0]} (status {status}{self._told(raw)}).")
        if status >= 400:
            raise Refused(f"{self.url}: answers with status {status}{self._told(raw)}.", status)
        if raw.lstrip()[:1] == b"<":
            raise UserError(f"{self.url}: answers with a web page, not with JSON; is that the address of an endpoint?")
        try:
            values = json.loads(raw, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise UserError(f"{self.url}: answers with something that is not JSON; is it an endpoint?") from None
        if not isinstance(values, dict):
            raise UserError(f"{self.url}: answers with JSON that is no object; is it an endpoint?")
        return values

    def _refuse_redirect(self, response: httpx2.Response) -> NoReturn:
        try:
            parts = urlsplit(str(response.headers.get("Location", "")))
            place = f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else parts.path
        except ValueError:
            place = ""
        where = self._masked(place) or "nowhere"
        raise UserError(f"{self.url}: sends one on to {where}, which is not followed; give the address itself.")

    def _told(self, raw: bytes) -> str:
        """What the endpoint says of an error, in a line behind a colon."""
        try:
            values = json.loads(raw)
        except (ValueError, RecursionError):
            return ""
        for name in ("error", "message", "detail"):
            if isinstance(values, dict) and name in values:
                values = values[name]
        return f": {self._masked(values)}" if isinstance(values, str) and values.strip() else ""

    def _masked(self, text: str) -> str:
        """Text from elsewhere in one short line of plain characters, without the key."""
        line = " ".join((text.replace(self._key, "***") if self._key else text).split())
        return "".join(filter(str.isprintable, line))[:MOST_TOLD].rstrip(". ")


def _close(http: httpx2.Client, pool: ThreadPoolExecutor) -> None:
    """Ends the connections and threads of a client that nobody has any more."""
    pool.shutdown(wait=False)
    http.close()


def _is_busy(status: int) -> bool:
    return status == BUSY or (status >= 500 and status not in NOT_THERE)


def _seconds(header: str | None) -> float | None:
    """What a Retry-After asks for, a number of seconds or a date; None where it is neither."""
    if header is None:
        return None
    if re.fullmatch(r"\s*\d{1,9}(\.\d*)?\s*", header):
        return float(header)
    try:
        date = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    now = datetime.datetime.now(datetime.UTC)
    return max((date.replace(tzinfo=date.tzinfo or datetime.UTC) - now).total_seconds(), 0.0)


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)
