"""What a service takes upon itself: how much at once, for how long, how large."""

from typing import Annotated

from annotated_types import Gt

from closedbook.config.validation import Count, configuration

MOST_BODY = 2**20
"""Bytes of a request's body."""
MOST_QUESTION = 4000
"""Characters of a question."""
MOST_QUESTIONS = 256
"""Questions, or prompts to be completed, of a request."""
MOST_ALTERNATIVES = 20
"""Other answers, and nearest names, of a question."""
MOST_STOPS, MOST_LOGPROBS = 4, 5
"""Texts that end a completion, and likeliest tokens told at each place: OpenAI's own limits."""
Seconds = Annotated[float, Gt(0)]


@configuration
class Limits:
    """How much waits, and for how long.

    Args:
        batch: Most rows that are computed together: questions, or prompts to be completed.
        wait: Seconds that a request may wait for others at the measured pace; beyond, it is refused (429).
        deadline: Seconds after which a request that does not say otherwise is given up (504).
        drain: Seconds that running requests have once the service is told to stop.
    """

    batch: Count = 32
    wait: Seconds = 0.1
    deadline: Seconds = 30.0
    drain: Seconds = 30.0
