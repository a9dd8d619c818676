"""What a user sets of an endpoint: its address, and by the environment the key and how many requests are under way."""

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from closedbook.errors import UserError

KEYS = ("CLOSEDBOOK_API_KEY", "OPENAI_API_KEY")
AT_ONCE = "CLOSEDBOOK_REQUESTS"
MOST_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long an endpoint is waited for, in seconds, and how often it is asked again.

    Args:
        connect: For a connection.
        request: For one whole answer.
        opening: For everything that is found out when it is opened.
        tries: Of one request.
        pause: After the first try; it doubles with each.
        longest_pause: Even where the endpoint asks for a longer one.
        at_once: Requests that are under way together.
    """

    connect: float = 10.0
    request: float = 60.0
    opening: float = 8.0
    tries: int = 3
    pause: float = 0.5
    longest_pause: float = 30.0
    at_once: int = 4

    def __post_init__(self) -> None:
        if self.at_once < 1 or self.tries < 1:
            raise UserError("An endpoint is sent at least one request at once, and each is tried at least once.")


def base_url(url: str) -> str:
    """The address that `/models` and `/completions` are put behind: with its version, `/v1` where it names none.

    Raises:
        UserError: It is no http(s) address, or holds a name and password or parameters, which are not shown.
    """
    if "@" in url:
        raise UserError(f"api: takes an address without name and password; a key is read from {KEYS[0]}.")
    url = url.strip()
    shown = re.split("[?#]", url)[0]
    if shown != url:
        raise UserError(f"api:{shown}: an address ends with its path, without ? and #.")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise UserError(f"api:{url!r}: not the address of an endpoint, as http://localhost:8080/v1 is.")
    path = parts.path.rstrip("/")
    if not any(re.match(r"v\d", segment) for segment in path.split("/")):
        path += "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}"


def key() -> str | None:
    """The key for endpoints, None where the environment has none."""
    return next((value for name in KEYS if (value := os.environ.get(name, "").strip())), None)


def usual_patience() -> Patience:
    """With as many requests at once as the environment says.

    Raises:
        UserError: It says no number.
    """
    text = os.environ.get(AT_ONCE, "").strip() or str(Patience.at_once)
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MOST_AT_ONCE):
        raise UserError(f"{AT_ONCE}={text}: takes a number from 1 to {MOST_AT_ONCE}.")
    return Patience(at_once=int(text))
