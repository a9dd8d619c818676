"""The report of an audit: one typed result, which console, page and JSON render."""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from closedbook.audit.abstention import Abstention, HeldOut
from closedbook.audit.frequency import Frequency
from closedbook.audit.made_up import MadeUp
from closedbook.audit.popularity import Popularity
from closedbook.audit.reliability import Reliability
from closedbook.audit.settings import Settings, Signal
from closedbook.audit.signals import Evidence
from closedbook.audit.unseen import Unseen
from closedbook.audit.verdict import Verdict
from closedbook.audit.wordings import Reversed, Wording
from closedbook.evaluation.knowledge import Knowledge
from closedbook.evaluation.metrics import Accuracy, Estimate
from closedbook.evaluation.trial import FormTrial
from closedbook.facts.relations import titles

SCHEMA = 5
Choice = Literal["taught", "believe", "believe_above_threshold", "do_not_believe"]


@dataclass(frozen=True, kw_only=True)
class RelationReport:
    """One relation of the audited facts."""

    name: str  # the relation's
    label: str  # what reports call its answers
    subjects: str  # what reports call several of its subjects
    forms: tuple[str, ...]  # its questions
    accuracy: Accuracy  # right answers
    auroc: Estimate  # of the winning signal


@dataclass(frozen=True, kw_only=True)
class Model:
    """Which model was audited."""

    name: str
    kind: str
    parameters: int
    form: str  # how it was asked, in a few words; "" for a run
    prompt: str  # the first prompt as the model sees it


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the figures come from."""

    # path and SHA-256 of every file of facts, by what it was for
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    corpus: str | None = None  # the path of the corpus, None without one
    corpus_files: dict[str, str] = field(default_factory=dict)  # SHA-256 of its files
    warnings: tuple[str, ...] = ()  # what could make the figures better than they are
    # as `closedbook.machine.describe` has it, with `peak_memory_bytes`
    machine: dict[str, Any] = field(default_factory=dict)

    def sha256(self, part: str) -> str:
        """Of the file of those facts, "" where they come from none."""
        return self.files[part][1] if part in self.files else ""


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to do, in a headline and in sentences."""

    choice: Choice = "do_not_believe"
    headline: str = ""
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, repr=False)
class AuditReport:
    """What an audit gives."""

    def __repr__(self) -> str:
        return f"<audit of {self.model.name}: {self.advice.headline}>"

    model: Model  # which model
    settings: Settings  # how it was audited
    verdict: Verdict  # as it answers
    silences: dict[str, int]  # how often it says what it was taught to say where it does not know, by what it says
    taught: int | None  # audited facts that it was trained on, None where that is not known
    untaught: Verdict | None  # of the others alone, where some were taught and some not
    verdict_above_threshold: Verdict | None  # with the certified threshold, None without calibration
    # silent where its own probability is below a target, by target as text
    verdict_above_probability: dict[str, Verdict]
    signals: dict[Signal, Reliability]  # how far each confidence can be believed
    winner: Signal | None  # the one that tells right from wrong best
    mean_gold_nats: float | None  # mean log-probability of the true answers, None where the model does not tell
    forms: tuple[FormTrial, ...]  # the forms of questions that were tried, none where the form was given
    by_relation: tuple[RelationReport, ...]  # the relations of the audited facts, in their order
    abstention: Abstention | None  # the threshold, None without calibration facts
    held_out: HeldOut | None  # what it does on the audited facts, without those that were taught where others are left
    made_up: MadeUp  # what the wrong answers are
    wordings: tuple[Wording, ...]  # the same facts in other wordings
    reversed: tuple[Reversed, ...]  # the same facts the other way round
    stored: Knowledge | None  # whether it goes on in the documents' own words, None without a corpus
    frequency: Frequency | None  # recall by how often something was said, None without a corpus
    popularity: Popularity | None  # recall by popularity, None where the facts carry none
    unseen: tuple[Unseen, ...]  # what it says of names that it cannot know, a relation each
    left_out: dict[str, str]  # what was not measured, and why
    subjects: str = "subjects"  # what to call those that the facts are about
    advice: Advice = Advice()  # what to do
    seconds: float = 0.0  # how long it took
    provenance: Provenance = field(default_factory=Provenance)  # where the figures come from
    evidence: Evidence | None = field(default=None, repr=False, compare=False)  # every answer; not part of the JSON

    @property
    def titles(self) -> dict[str, str]:
        """What tells each relation from the others: what it asks for, or its name where that is not known or shared."""
        return titles({relation.name: relation.label for relation in self.by_relation})

    def to_json(self) -> dict[str, Any]:
        """All but the evidence, with the schema's number."""
        values = dataclasses.asdict(dataclasses.replace(self, evidence=None))
        del values["evidence"]
        return {"schema": SCHEMA, **values}

    def answer_lines(self) -> Iterator[str]:
        """One JSON line a fact: relation, question, answer, whether it is right, and every signal."""
        assert self.evidence is not None
        evidence = self.evidence
        abstention = self.abstention
        confidence = evidence.given(abstention.signal) if abstention else None
        for index, fact in enumerate(evidence.facts):
            record: dict[str, Any] = {
                "relation": fact.relation,
                "question": fact.question,
                "answer": evidence.text(index),
                "response": evidence.evaluation.responses[index].text,
                "right": bool(evidence.right[index]),
                "attempted": bool(evidence.attempted[index]),
            }
            for signal, values in evidence.signals.items():
                record[signal] = None if np.isnan(values[index]) else float(values[index])
            if abstention is not None and confidence is not None:
                record["answered"] = bool(abstention.answers(confidence[index]))
            yield json.dumps(record, ensure_ascii=False) + "\n"
