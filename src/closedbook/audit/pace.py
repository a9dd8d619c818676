"""How long an audit takes: a first batch is timed, the rest follows from counts."""

import time
from collections.abc import Sequence

from closedbook.audit.depth import Plan, Workload
from closedbook.audit.signals import ask_at_length
from closedbook.evaluation.journal import JournaledModel
from closedbook.evaluation.language_model import LanguageModel, Prompt
from closedbook.evaluation.scorers import Scorer
from closedbook.evaluation.watch import Watch

TIMED = 8  # prompts


class Pace:
    """Listens to a model that is asked, and knows what is to come.

    Args:
        watch: Who is told.
    """

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._cost = {False: 1.0, True: 1.0}  # of a greedy answer, and of one that is explored further

    def __call__(self, count: int, more: bool) -> None:
        self.watch.advance(count * self._cost[more])

    def time(
        self, model: LanguageModel, plan: Plan, prompts: Sequence[Prompt], scorer: Scorer, samples: int, seed: int
    ) -> int:
        """Times a first batch of what is not in the journal, and says how much that is.

        The answers are kept, so that little is asked twice.
        """
        new = model.unanswered(prompts) if isinstance(model, JournaledModel) else list(prompts)
        some = new[:TIMED]
        if not some:
            return 0
        began = time.perf_counter()
        model.respond(some)
        plain = time.perf_counter() - began
        ask_at_length(model, some, scorer, plan.signals, samples=samples, seed=seed)
        deep = time.perf_counter() - began - plain
        self._cost = {False: plain / len(some), True: max(deep, plain) / len(some)}
        return len(new)

    def seconds(self, work: Workload, plan: Plan) -> float:
        """What the work will take."""
        explored = any(signal not in ("sequence_probability", "token_probability") for signal in plan.signals)
        return work.plain * self._cost[False] + work.deep * self._cost[explored]


def in_words(seconds: float) -> str:
    """`about 40 seconds`, `about 3 minutes`."""
    if seconds < 90:
        return f"about {max(round(seconds, -1), 10):.0f} seconds"
    return f"about {seconds / 60:.0f} minutes"
