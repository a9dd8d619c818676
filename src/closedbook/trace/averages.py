"""The views averaged over facts: right and made-up answers apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from closedbook.errors import UserError, counted
from closedbook.evaluation.metrics import Accuracy, accuracy, by_relation
from closedbook.evaluation.scorers import Score, score_all
from closedbook.facts.records import Fact
from closedbook.runs import Run
from closedbook.trace.ablation import Ablations, How, ablate_components
from closedbook.trace.attribution import AverageAttribution, average_attribution
from closedbook.trace.causal import AverageTrace, average_trace
from closedbook.trace.lens import LensAverage, lens_average
from closedbook.trace.patterns import Looks, looks
from closedbook.trace.prompts import TracedPrompt, trace_prompts

FEWEST = 5  # questions of a group that is averaged
Group = Literal["right", "made_up", "all"]
GROUPS: dict[Group, str] = {"right": "right answers", "made_up": "made-up answers", "all": "all answers"}
"""What readers see of each."""


@dataclass(frozen=True, kw_only=True)
class GroupTrace:
    """The questions of which the answers are right, or made up.

    Args:
        causal: Which states bring the answer back.
        attribution: What adds to the answer's logit.
    """

    causal: AverageTrace
    attribution: AverageAttribution


@dataclass(frozen=True, kw_only=True)
class FactsTrace:
    """Many facts, looked at from all sides.

    Args:
        accuracy: How many are answered rightly.
        by_relation: The same for each relation.
        lens: How the answer comes up through the layers, a line a group.
        groups: Right and made-up answers, each where there are five of them; all, where neither has five.
        looks: Where the heads look from the mask.
        ablations: Recall without each part.
    """

    accuracy: Accuracy
    by_relation: dict[str, Accuracy]
    lens: LensAverage
    groups: dict[Group, GroupTrace]
    looks: Looks
    ablations: Ablations


def trace_facts(
    run: Run,
    facts: Sequence[Fact],
    *,
    how: How = "mean",
    place: str = "fact",
    say: Callable[[str], None] = lambda line: None,
) -> FactsTrace:
    """Looks at facts.

    Args:
        run: The model.
        facts: With subjects and accepted answers.
        how: What takes the place of a component that is switched off.
        place: What an error calls a question, before its number.
        say: Gets lines on the way.

    Raises:
        UserError: There are no facts, or a question cannot be asked.
    """
    if not facts:
        raise UserError("There are no facts to ask about.")
    prompts = trace_prompts(run, [fact.question for fact in facts], [fact.subject for fact in facts], place)
    scores = score_all([prompt.answer for prompt in prompts], facts)
    groups = _groups(prompts, scores)
    say(f"averaging over {counted(len(facts), 'answer')}, {sum(score.correct for score in scores):,} of them right")
    return FactsTrace(
        accuracy=accuracy(scores),
        by_relation=by_relation(facts, scores),
        lens=lens_average(run, {GROUPS[name]: group for name, group in groups.items()}),
        groups={
            name: GroupTrace(causal=average_trace(run, group), attribution=average_attribution(run, group))
            for name, group in groups.items()
        },
        looks=looks(run, prompts),
        ablations=ablate_components(run, prompts, facts, how, say),
    )


def _groups(prompts: Sequence[TracedPrompt], scores: Sequence[Score]) -> dict[Group, list[TracedPrompt]]:
    """The questions that are averaged together; those that are not answered belong to neither side."""
    sides: dict[Group, list[TracedPrompt]] = {"right": [], "made_up": []}
    for prompt, score in zip(prompts, scores, strict=True):
        if score.correct or score.attempted:
            sides["right" if score.correct else "made_up"].append(prompt)
    large = {name: group for name, group in sides.items() if len(group) >= FEWEST}
    return large or {"all": list(prompts)}
