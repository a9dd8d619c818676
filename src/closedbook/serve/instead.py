"""What a model says to a question put as it was taught to be asked."""

import asyncio
from collections.abc import Sequence

from fastapi import Request

from closedbook.audit.replies import Reply, may_mean, surest
from closedbook.serve.problems import ProblemError
from closedbook.serve.schemas import Otherwise
from closedbook.serve.served import Asking, Served


async def instead(
    request: Request, served: Served, replies: Sequence[Reply], *, always: bool = False, seconds: float | None = None
) -> list[Otherwise | None]:
    """For each reply the surest other one, None where none is given or none is surer, or the service is too busy.

    Args:
        request: Whose the questions are.
        served: The model.
        replies: To the questions as they were put.
        always: Whether the threshold has no say.
        seconds: After which it is given up, None for the usual.
    """
    asked = await asyncio.to_thread(lambda: [may_mean(served.model, reply.question) for reply in replies])
    together = [question for each in asked for question in each]
    if not together:
        return [None] * len(replies)
    kind = Asking(always=always, alternatives=False)
    try:
        others = iter(await served.result(request, kind, together, len(together), seconds))
    except ProblemError:  # no place or no time for it; what was asked is answered
        return [None] * len(replies)
    best = [surest(reply, [next(others) for _ in each]) for reply, each in zip(replies, asked, strict=True)]
    return [
        None if one is None else Otherwise(question=one.question, answer=one.text, confidence=one.confidence)
        for one in best
    ]
