"""The audit of one model: everything that can be measured on the facts given, as one typed report."""

import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from closedbook.audit.abstention import Abstention, HeldOut, calibrate, held_out
from closedbook.audit.advice import Advice, Findings, advise
from closedbook.audit.frequency import Frequency, frequency
from closedbook.audit.made_up import MadeUp, Repeated, made_up
from closedbook.audit.reliability import Reliability, Signal, auroc, believe, winner
from closedbook.audit.signals import SAMPLES, Evidence, check_signal, gather
from closedbook.audit.unseen import Inquiry, Unseen, invent_names, unseen
from closedbook.audit.verdict import TARGETS, Verdict, verdict
from closedbook.audit.wordings import Reversed, Wording, ask_reversed
from closedbook.errors import UserError
from closedbook.evaluation.knowledge import Knowledge, examine, summarise
from closedbook.evaluation.language_model import LanguageModel
from closedbook.evaluation.metrics import Accuracy, Estimate
from closedbook.evaluation.scorers import SCORERS, normalise
from closedbook.facts.corpus import Corpus
from closedbook.facts.induction import induce, recognise
from closedbook.facts.records import Fact
from closedbook.facts.relations import Relation

SCHEMA = 2
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a model is audited on.

    Args:
        facts: To report on, never trained or tuned on; each with an answer.
        calibration: To choose the threshold on, never trained or tuned on either; may be empty.
        known: Facts whose answers are the candidates, and whose subjects are the seen ones.
        corpus: What it was pretrained on, None where that is not known.
        unseen: Facts about subjects that are in no document; may be empty.
        relations: What is asked, beside the corpus's own; what is missing is induced from the questions.
        wordings: Other wordings of the one relation that is asked, None for its own.
        reversed: The question for its subject, None for its own.
    """

    facts: Sequence[Fact]
    calibration: Sequence[Fact] = ()
    known: Sequence[Fact] = ()
    corpus: Corpus | None = None
    unseen: Sequence[Fact] = ()
    relations: tuple[Relation, ...] = ()
    wordings: tuple[str, ...] | None = None
    reversed: str | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How it is audited.

    Args:
        target: Share of given answers that are to be right.
        signal: The confidence that decides whether an answer is given; fixed before anything is measured.
        scorer: What is right, a name of `SCORERS`.
        samples: Answers sampled a question.
        names: Names to invent for each origin and method, 0 for none.
        seed: Of samples, names and resampling.
    """

    target: float = 0.9
    signal: Signal = "sequence_probability"
    scorer: str = "exact"
    samples: int = SAMPLES
    names: int = 20
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class RelationReport:
    """One relation of the audited facts.

    Args:
        name: The relation's.
        label: What reports call its answers.
        subject: What reports call one of its subjects.
        subjects: And several.
        forms: Its questions.
        accuracy: Right answers.
        auroc: Of the winning signal.
        repeated: Its most frequent wrong answers.
    """

    name: str
    label: str
    subject: str
    subjects: str
    forms: tuple[str, ...]
    accuracy: Accuracy
    auroc: Estimate
    repeated: tuple[Repeated, ...]


@dataclass(frozen=True, kw_only=True)
class Model:
    """Which model was audited."""

    name: str
    kind: str
    parameters: int
    template: str


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the figures come from.

    Args:
        files: Path and SHA-256 of every file of facts, by what it was for.
        corpus: The path of the corpus, None without one.
        corpus_files: SHA-256 of its files.
        warnings: What could make the figures better than they are.
        machine: As `closedbook.machine.describe` has it, with `peak_memory_bytes`.
    """

    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    corpus: str | None = None
    corpus_files: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    machine: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """What an audit gives.

    Args:
        model: Which model.
        settings: How it was audited.
        verdict: As it answers.
        verdict_above_threshold: With the certified threshold, None without calibration.
        verdict_above_probability: Silent where its own probability is below a target, by target as text.
        signals: How far each confidence can be believed.
        winner: The one that tells right from wrong best.
        mean_gold_nats: Mean log-probability of the true answers, None where the model does not tell.
        by_relation: The relations of the audited facts, in their order.
        abstention: The threshold, None without calibration facts.
        held_out: What it does on the audited facts.
        made_up: What the wrong answers are.
        wordings: The same facts in other wordings.
        reversed: The same facts the other way round.
        stored: Whether it goes on in the documents' own words, None without a corpus.
        frequency: Recall by how often something was said, None without a corpus.
        unseen: What it says of names that it cannot know, a relation each.
        advice: What to do.
        left_out: What was not measured, and why.
        seconds: How long it took.
        provenance: Where the figures come from.
        evidence: Every answer; not part of the JSON.
    """

    model: Model
    settings: Settings
    verdict: Verdict
    verdict_above_threshold: Verdict | None
    verdict_above_probability: dict[str, Verdict]
    signals: dict[Signal, Reliability]
    winner: Signal | None
    mean_gold_nats: float | None
    by_relation: tuple[RelationReport, ...]
    abstention: Abstention | None
    held_out: HeldOut | None
    made_up: MadeUp
    wordings: tuple[Wording, ...]
    reversed: tuple[Reversed, ...]
    stored: Knowledge | None
    frequency: Frequency | None
    unseen: tuple[Unseen, ...]
    advice: Advice
    left_out: dict[str, str]
    seconds: float
    provenance: Provenance = field(default_factory=Provenance)
    evidence: Evidence | None = field(default=None, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """All but the evidence, with the schema's number."""
        return {"schema": SCHEMA} | {
            name: value
            for name, value in dataclasses.asdict(dataclasses.replace(self, evidence=None)).items()
            if name != "evidence"
        }

    def answer_lines(self) -> Iterator[str]:
        """One JSON line a fact: relation, question, answer, whether it is right, and every signal."""
        assert self.evidence is not None
        evidence = self.evidence
        for index, fact in enumerate(evidence.facts):
            record: dict[str, Any] = {
                "relation": fact.relation,
                "question": fact.question,
                "answer": evidence.text(index),
                "right": bool(evidence.right[index]),
                "attempted": bool(evidence.attempted[index]),
            }
            for signal, values in evidence.signals.items():
                record[signal] = None if np.isnan(values[index]) else round(float(values[index]), 6)
            yield json.dumps(record, ensure_ascii=False) + "\n"


def audit(
    model: LanguageModel,
    material: Material,
    settings: Settings | None = None,
    *,
    calibration_sha256: str = "",
    say: Say = lambda line: None,
) -> AuditReport:
    """Asks the model everything.

    Args:
        model: Any.
        material: What it is audited on.
        settings: How.
        calibration_sha256: Of the calibration file, kept with the threshold.
        say: Gets a line for every step.

    Raises:
        UserError: A question cannot be asked, calibration and audited facts share a subject, or the model does not
            tell the signal that was chosen.
    """
    began = time.perf_counter()
    settings = settings or Settings()
    check_signal(model, settings.signal)
    material, relations = recognised(material)
    _check(model, material)
    say(f"asking {len(material.facts):,} questions, {settings.samples} samples of each, and in other wordings")
    evidence = gather(
        model,
        material.facts,
        SCORERS[settings.scorer],
        relations=relations,
        samples=settings.samples,
        seed=settings.seed,
    )
    abstention = None
    if material.calibration:
        abstention = _calibrated(model, material, relations, evidence, settings, say)
        abstention = dataclasses.replace(abstention, calibration_sha256=calibration_sha256)
    invented, left_out = _unseen(model, material, relations, evidence, abstention, settings, say)
    report = _report(model, material, relations, settings, evidence, abstention, invented, left_out, say)
    return dataclasses.replace(report, seconds=round(time.perf_counter() - began, 1))


def _report(
    model: LanguageModel,
    material: Material,
    relations: Sequence[Relation],
    settings: Settings,
    evidence: Evidence,
    abstention: Abstention | None,
    invented: tuple[Unseen, ...],
    left_out: dict[str, str],
    say: Say,
) -> AuditReport:
    right, attempted, seed = evidence.right, evidence.attempted, settings.seed
    plain = str if settings.scorer == "exact" else normalise
    believed = {name: believe(right, values, seed=seed) for name, values in evidence.signals.items()}
    signals = {name: reliability for name, reliability in believed.items() if reliability is not None}
    best = winner(signals)
    lies = made_up(evidence, material.known, material.corpus, plain=plain, seed=seed)
    given = evidence.given(settings.signal)
    above = given >= (math.inf if abstention is None or abstention.threshold is None else abstention.threshold)
    held = held_out(abstention, right, given) if abstention else None
    verdict_ = verdict(right, attempted, seed=seed)
    gold = evidence.gold_nats[~np.isnan(evidence.gold_nats)]
    stored, counted = _documents(model, material, evidence, left_out, say)
    words = {relation.subjects for relation in relations}
    findings = Findings(
        target=settings.target,
        subjects=words.pop() if len(words) == 1 else "subjects",
        verdict=verdict_,
        made_up=lies,
        signals=signals,
        winner=best,
        abstention=abstention,
        held_out=held,
        unseen=invented,
        wordings=evidence.wordings,
    )
    return AuditReport(
        model=Model(name=model.name, kind=model.kind, parameters=model.parameters, template=model.template),
        settings=settings,
        verdict=verdict_,
        verdict_above_threshold=verdict(right, attempted & above, seed=seed) if abstention else None,
        verdict_above_probability={
            str(target): verdict(right, attempted & (evidence.signals[evidence.leading] >= target), seed=seed)
            for target in TARGETS
        },
        signals=signals,
        winner=best,
        mean_gold_nats=float(gold.mean()) if len(gold) else None,
        by_relation=tuple(_of_relation(relation, evidence, best, lies, seed) for relation in relations),
        abstention=abstention,
        held_out=held,
        made_up=lies,
        wordings=evidence.wordings,
        reversed=tuple(
            ask_reversed(model, material.facts, material.known, relation) for relation in relations if relation.reversed
        ),
        stored=stored,
        frequency=counted,
        unseen=invented,
        advice=advise(findings),
        left_out=left_out,
        seconds=0.0,
        evidence=evidence,
    )


def recognised(material: Material) -> tuple[Material, tuple[Relation, ...]]:
    """The material with subjects and relations of all facts, and the relations of the audited ones.

    Raises:
        UserError: Other wordings are given for several relations.
    """
    corpus = material.corpus
    known = {relation.name: relation for relation in (*(corpus.relations if corpus else ()), *material.relations)}
    given = {name: {"name": name, "forms": relation.forms} for name, relation in known.items()}
    subjects = corpus.by_subject if corpus else {}
    induced = induce(material.facts, material.calibration, material.known, subjects, given)
    asked = dict.fromkeys(fact.relation for fact in induced.train)
    relations = {relation.name: known.get(relation.name, relation) for relation in induced.relations}
    if material.wordings is not None or material.reversed is not None:
        if len(asked) > 1:
            raise UserError(
                f"The facts ask for {', '.join(asked)}: other wordings of several relations stand in relations.toml."
            )
        (only,) = asked
        relations[only] = dataclasses.replace(
            relations[only],
            wordings=relations[only].wordings if material.wordings is None else material.wordings,
            reversed=material.reversed or relations[only].reversed,
        )
    return (
        dataclasses.replace(
            material,
            facts=induced.train,
            calibration=induced.dev,
            known=induced.test,
            # a name of no document may hold a shorter one that is of some, so titles are not looked for in it
            unseen=recognise(material.unseen, {}, tuple(relations.values())) if material.unseen else (),
        ),
        tuple(relations[name] for name in asked),
    )


def _check(model: LanguageModel, material: Material) -> None:
    """Raises a `UserError` for what cannot be asked, and for a threshold that would be chosen on the audited facts."""
    parts = {"facts": material.facts, "calibration": material.calibration, "unseen": material.unseen}
    for what, facts in parts.items():
        if what != "facts":
            model.prompts([fact.question for fact in facts], place=f"{what}, question")
        model.check_answers([fact.answers[0] for fact in facts], place=f"{what}, answer")
    asked = {subject_key(fact) for fact in material.facts}
    if shared := [fact for fact in material.calibration if subject_key(fact) in asked]:
        raise UserError(
            f"calibration: {len(shared)} of its subjects are also among the audited facts, first "
            f"{shared[0].question!r}; a threshold must be chosen on other subjects."
        )


def subject_key(fact: Fact) -> str:
    """What a fact is about: its subject, or its question where that is not known."""
    return fact.subject or fact.question


def independent(facts: Sequence[Fact], seed: int = 0) -> list[Fact]:
    """One fact of each subject, drawn at random: facts of one stand or fall together, so that they count once."""
    groups: dict[str, list[Fact]] = {}
    for fact in facts:
        groups.setdefault(subject_key(fact), []).append(fact)
    generator = np.random.default_rng(seed)
    return [group[int(generator.integers(len(group)))] for group in groups.values()]


def _calibrated(
    model: LanguageModel,
    material: Material,
    relations: Sequence[Relation],
    evidence: Evidence,
    settings: Settings,
    say: Say,
) -> Abstention:
    facts = independent(material.calibration, settings.seed)
    say(f"calibrating on {len(facts):,} subjects")
    calibration = gather(
        model,
        facts,
        SCORERS[settings.scorer],
        signals=[settings.signal],
        samples=settings.samples,
        seed=settings.seed + 1,
    )
    abstention = calibrate(
        calibration.right,
        calibration.given(settings.signal),
        evidence.given(settings.signal),
        signal=settings.signal,
        target=settings.target,
        samples=settings.samples,
    )
    covered = {fact.relation for fact in facts}
    return dataclasses.replace(
        abstention,
        forms=tuple(form for relation in relations if relation.name in covered for form in relation.forms),
        template=model.template,
        weights_sha256=model.fingerprint(),
    )


def _unseen(
    model: LanguageModel,
    material: Material,
    relations: Sequence[Relation],
    evidence: Evidence,
    abstention: Abstention | None,
    settings: Settings,
    say: Say,
) -> tuple[tuple[Unseen, ...], dict[str, str]]:
    """What it says of invented names in every relation that has a form, and why that is left out."""
    formed = [relation for relation in relations if relation.forms]
    if not formed or not settings.names:
        return (), {"unseen": "no names were to be invented." if formed else "no question names its subject."}
    known = [*material.known, *material.facts]
    invented = invent_names(model, formed, known, material.corpus, settings.names, seed=settings.seed)
    if not invented:
        return (), {"unseen": "no name could be invented that the model can spell and that is in no document."}
    say(f"asking about {sum(map(len, invented.values())):,} invented names")
    reports = []
    for relation in formed:
        inquiry = Inquiry(
            model=model,
            relation=relation,
            evidence=evidence,
            known=known,
            abstention=abstention,
            samples=settings.samples,
            seed=settings.seed,
        )
        reports.append(unseen(inquiry, invented, [fact for fact in material.unseen if fact.relation == relation.name]))
    why = model.lacks("representations")
    return tuple(reports), {"representation": why} if why else {}


def _documents(
    model: LanguageModel, material: Material, evidence: Evidence, left_out: dict[str, str], say: Say
) -> tuple[Knowledge | None, Frequency | None]:
    """What needs the corpus; says why it is left out."""
    if material.corpus is None:
        left_out |= {"stored": "the corpus is not known.", "frequency": "the corpus is not known."}
        return None, None
    say("looking for the answers in the documents")
    counted = frequency(evidence, material.known, material.corpus)
    if why := model.lacks("continuations"):
        left_out["stored"] = why
        return None, counted
    return summarise(examine(model, material.corpus, evidence.evaluation)), counted


def _of_relation(
    relation: Relation, evidence: Evidence, best: Signal | None, lies: MadeUp, seed: int
) -> RelationReport:
    places = evidence.of_relation(relation.name)
    signal = evidence.signals[best][places] if best else np.zeros(0)
    there = ~np.isnan(signal)
    return RelationReport(
        name=relation.name,
        label=relation.label,
        subject=relation.subject,
        subjects=relation.subjects,
        forms=relation.forms,
        accuracy=evidence.evaluation.by_relation[relation.name],
        auroc=auroc(evidence.right[places][there], signal[there], seed=seed) if there.any() else Estimate(),
        repeated=tuple(row for row in lies.repeated if row.relation == relation.name),
    )
