"""The views of one question, or averaged over facts, gathered: what `closedbook trace` shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from matplotlib.figure import Figure

from closedbook.errors import UserError
from closedbook.evaluation.likelihood import halfway
from closedbook.evaluation.scorers import score_all
from closedbook.facts.records import Fact
from closedbook.runs import Run
from closedbook.trace.ablation import How, ablate_components
from closedbook.trace.attribution import attribute, average_attribution
from closedbook.trace.causal import average_trace, causal_trace
from closedbook.trace.lens import lens_average, logit_lens
from closedbook.trace.neighbours import nearest_names
from closedbook.trace.patterns import looks, patterns
from closedbook.trace.prompts import TracedPrompt, trace_prompts

FEWEST = 5  # questions of a group that is averaged
SHOWN = 10


@runtime_checkable
class View(Protocol):
    """What every view returns."""

    def top(self, k: int) -> list[dict[str, Any]]:
        """The k entries that matter most (JSON-ready)."""

    def figure(self) -> Figure:
        """The view, drawn."""


@dataclass
class Report:
    """What was found.

    Args:
        model: Path, kind and parameters of the run.
        question: Question, subject and answer, None if only facts were looked at.
        facts: How many were asked and answered rightly, None without facts.
        views: By title, in order.
    """

    model: dict[str, Any]
    question: dict[str, Any] | None = None
    facts: dict[str, Any] | None = None
    views: dict[str, View] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "model": self.model,
            "question": self.question,
            "facts": self.facts,
            "views": {title: view.top(SHOWN) for title, view in self.views.items()},
        }


def open_report(run: Run) -> Report:
    """A report with nothing in it yet."""
    config = run.config
    kind = f"recipe {config.recipe}, {config.model.attention} attention, {config.model.layers} layers"
    return Report({"path": str(run.path), "kind": kind, "parameters": run.environment["parameters"]})


def look_at_question(
    report: Report,
    run: Run,
    question: str,
    subject: str,
    *,
    against: str | None = None,
    names: Sequence[str] = (),
    layer: int | None = None,
) -> TracedPrompt:
    """Adds every view of one question.

    Args:
        report: To add to.
        run: The model.
        question: Holds the subject.
        subject: The name.
        against: Another answer, to attribute the difference of the logits to.
        names: Others to compare the name with; perhaps none.
        layer: After which block; half-way if not given.

    Raises:
        UserError: The question cannot be asked, or the other answer is no other.
    """
    prompt = trace_prompts(run, [question], [subject])[0]
    report.question = {
        "question": question,
        "subject": subject,
        "answer": prompt.answer,
        "tokens": list(prompt.labels),
        "name": list(prompt.span),
    }
    report.views["Logit lens: what it would say after each layer"] = logit_lens(run, prompt)
    report.views["Attribution: what adds to the answer's logit"] = attribute(run, prompt, against)
    report.views["Causal tracing: which state brings the answer back"] = causal_trace(run, prompt)
    report.views["Attention: where each head looks"] = patterns(run, prompt)
    if names:
        layer = halfway(run.model) if layer is None else layer
        form = question.replace(subject, "{}", 1)
        report.views["Nearest names"] = nearest_names(run, form, subject, names, layer)
    return prompt


def look_at_facts(
    report: Report,
    run: Run,
    facts: Sequence[Fact],
    *,
    how: How = "mean",
    place: str = "fact",
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Adds the averages over facts: of right and of made-up answers apart, each where there are five of them.

    Args:
        report: To add to.
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
    right = [score.correct for score in score_all([prompt.answer for prompt in prompts], facts)]
    report.facts = {"asked": len(facts), "right": sum(right)}
    sides = {
        "right answers": [prompt for prompt, hit in zip(prompts, right, strict=True) if hit],
        "made-up answers": [prompt for prompt, hit in zip(prompts, right, strict=True) if not hit],
    }
    groups = {name: group for name, group in sides.items() if len(group) >= FEWEST}
    if not groups:
        groups = {"all answers": prompts}
    say(f"{report.facts['right']}/{report.facts['asked']} right; averaging")
    report.views["How the answer comes up through the layers"] = lens_average(run, groups)
    for name, group in groups.items():
        report.views[f"Causal tracing, {name}"] = average_trace(run, group)
    for name, group in groups.items():
        report.views[f"Attribution, {name}"] = average_attribution(run, group)
    report.views["Where the heads look from the mask"] = looks(run, prompts)
    say("switching parts off")
    report.views["Recall without each part"] = ablate_components(run, prompts, facts, how, say)
