"""What `closedbook trace` shows: the views of one question, of facts, or of both."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from matplotlib.figure import Figure

from closedbook.runs import Run
from closedbook.trace.ablation import RelationAblations
from closedbook.trace.averages import FactsTrace
from closedbook.trace.findings import facts_findings, question_findings
from closedbook.trace.question import QuestionTrace

SCHEMA = 1
SHOWN = 10


@runtime_checkable
class View(Protocol):
    """What every view returns."""

    def top(self, k: int) -> list[dict[str, Any]]:
        """The k entries that matter most (JSON-ready)."""

    def figure(self) -> Figure:
        """The view, drawn."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found.

    Args:
        path: The run's directory.
        kind: Its recipe, attention and layers.
        parameters: How many it has.
        question: One question, None if only facts were looked at.
        facts: Many facts, None without facts.
    """

    path: str
    kind: str
    parameters: int
    question: QuestionTrace | None
    facts: FactsTrace | None

    def views(self) -> dict[str, View]:
        """Every view by its name, in the order in which they are shown."""
        return self.question_views() | self.facts_views()

    def question_views(self) -> dict[str, View]:
        """Those of the question."""
        if not self.question:
            return {}
        found: dict[str, View] = {
            "logit_lens": self.question.lens,
            "causal_tracing": self.question.causal,
            "attribution": self.question.attribution,
            "attention": self.question.attention,
        }
        return found | ({"nearest_names": self.question.nearest} if self.question.nearest else {})

    def facts_views(self) -> dict[str, View]:
        """Those of the facts."""
        if not self.facts:
            return {}
        found: dict[str, View] = {"average_lens": self.facts.lens}
        found |= {f"causal_tracing_{name}": group.causal for name, group in self.facts.groups.items()}
        found |= {f"attribution_{name}": group.attribution for name, group in self.facts.groups.items()}
        found |= {"looks": self.facts.looks, "ablation": self.facts.ablations}
        several = len(self.facts.by_relation) > 1
        return found | ({"ablation_by_relation": RelationAblations(self.facts.ablations)} if several else {})

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, the ten largest entries of every view."""
        return {
            "schema": SCHEMA,
            "model": {"path": self.path, "kind": self.kind, "parameters": self.parameters},
            "question": _question(self.question) if self.question else None,
            "facts": _facts(self.facts) if self.facts else None,
            "views": {name: view.top(SHOWN) for name, view in self.views().items()},
        }


def report_on(run: Run, question: QuestionTrace | None = None, facts: FactsTrace | None = None) -> Report:
    """What was found of a run."""
    config = run.config
    return Report(
        path=str(run.path),
        kind=f"recipe {config.recipe}, {config.model.attention} attention, {config.model.layers} layers",
        parameters=run.environment["parameters"],
        question=question,
        facts=facts,
    )


def _question(trace: QuestionTrace) -> dict[str, Any]:
    prompt = trace.prompt
    return {
        "question": prompt.question,
        "subject": prompt.subject,
        "answer": prompt.answer,
        "probability": prompt.probability,
        "tokens": list(prompt.labels),
        "name": list(prompt.span),
        "findings": {finding.name: [finding.words, *finding.figures] for finding in question_findings(trace)},
    }


def _facts(trace: FactsTrace) -> dict[str, Any]:
    return {
        "asked": trace.accuracy.correct.total,
        "right": trace.accuracy.correct.hits,
        "by_relation": {
            name: {"asked": accuracy.correct.total, "right": accuracy.correct.hits}
            for name, accuracy in trace.by_relation.items()
        },
        "groups": list(trace.groups),
        "findings": {finding.name: [finding.words, *finding.figures] for finding in facts_findings(trace)},
    }
