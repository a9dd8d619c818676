"""How long an audit takes: a first batch is timed, the rest follows from counts."""

import time
from collections.abc import Sequence

from closedbook.audit.depth import QUICK, Plan
from closedbook.audit.inquiry import Material
from closedbook.audit.signals import ask_at_length
from closedbook.evaluation.journal import JournaledModel
from closedbook.evaluation.language_model import LanguageModel, Prompt
from closedbook.evaluation.scorers import Scorer
from closedbook.evaluation.watch import Watch
from closedbook.facts.relations import Relation

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

    def seconds(self, plan: Plan, material: Material, relations: Sequence[Relation], names: int) -> float:
        """What it will take to ask all of it, and about so many invented names."""
        facts = material.facts
        plain, deep = len(material.calibration), len(facts)  # prompts to be answered, and to be explored further
        if plan.wordings:
            plain += sum(sum(fact.relation == one.name for fact in facts) * len(one.wordings) for one in relations)
        if plan.further:
            plain += sum(bool(one.reversed) for one in relations) * len(facts)
        strange = names * len(relations) if plan.about_unseen else 0
        if set(plan.about_unseen) - set(QUICK):
            deep += strange
        else:
            plain += strange
        return plain * self._cost[False] + deep * self._cost[bool(set(plan.signals) - set(QUICK))]
