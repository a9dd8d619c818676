"""What a model says to a question put as it was taught to be asked."""

from collections.abc import Sequence

from fastapi import Request

from closedbook.audit.replies import Reply, forms_of, surest
from closedbook.errors import UserError
from closedbook.facts.forms import otherwise
from closedbook.serve.schemas import Otherwise
from closedbook.serve.served import Asking, Served


async def instead(
    request: Request, served: Served, replies: Sequence[Reply], *, always: bool = False, seconds: float | None = None
) -> list[Otherwise | None]:
    """For each reply the surest other one, None where none is given or none is surer.

    Args:
        request: Whose the questions are.
        served: The model.
        replies: To the questions as they were put.
        always: Whether the threshold has no say.
        seconds: After which it is given up, None for the usual.
    """
    forms = forms_of(served.model)
    asked = [[one for one in otherwise(reply.question, forms) if _can_be_asked(served, one)] for reply in replies]
    together = [question for each in asked for question in each]
    if not together:
        return [None] * len(replies)
    kind = Asking(always=always, alternatives=False)
    others = iter(await served.result(request, kind, together, len(together), seconds))
    best = [surest(reply, [next(others) for _ in each]) for reply, each in zip(replies, asked, strict=True)]
    return [
        None if one is None else Otherwise(question=one.question, answer=one.text, confidence=one.confidence)
        for one in best
    ]


def _can_be_asked(served: Served, question: str) -> bool:
    try:
        served.model.prompts([question])
    except UserError:  # a letter that the vocabulary lacks
        return False
    return True
