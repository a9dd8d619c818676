"""The audit of one model: everything that can be measured on the facts given, as one typed report."""

import dataclasses
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import get_args

import numpy as np

from closedbook.audit.abstention import DELTA, Abstention, certify, held_out, sequences, upper_bound
from closedbook.audit.advice import advise
from closedbook.audit.asking import asked_best
from closedbook.audit.depth import Plan, plan_of
from closedbook.audit.frequency import frequency
from closedbook.audit.inquiry import Inquiry, Material, independent, recognised, subject_key
from closedbook.audit.made_up import made_up
from closedbook.audit.pace import Pace
from closedbook.audit.popularity import popularity
from closedbook.audit.probe import probe
from closedbook.audit.reliability import auroc, believe, winner
from closedbook.audit.report import AuditReport, Model, RelationReport
from closedbook.audit.settings import SAMPLES, SAMPLES_OF_OTHERS, Depth, QuestionSignal, Settings, Signal
from closedbook.audit.signals import NEEDS, Evidence, available, check_signal, gather
from closedbook.audit.unseen import Unseen, invent_names, unseen
from closedbook.audit.verdict import TARGETS, verdict
from closedbook.audit.wordings import ask_reversed
from closedbook.errors import UserError, counted, in_words
from closedbook.evaluation.journal import Journal, JournaledModel
from closedbook.evaluation.knowledge import Knowledge, examine, summarise
from closedbook.evaluation.language_model import LanguageModel
from closedbook.evaluation.metrics import Estimate
from closedbook.evaluation.scorers import find_scorer, usual_match
from closedbook.evaluation.spelling import normalise
from closedbook.evaluation.trial import FormTrial
from closedbook.evaluation.watch import Unwatched, Watch
from closedbook.facts.relations import Relation
from closedbook.runs import relations_of

Say = Callable[[str], None]
METHODS_AND_ORIGINS = 2  # by which names are invented, where the corpus has no name lists of its own


def audit(
    model: LanguageModel,
    material: Material,
    settings: Settings | None = None,
    *,
    measure_form: bool = True,
    calibration_sha256: str = "",
    journal: Journal | None = None,
    say: Say = lambda line: None,
    watch: Watch | None = None,
) -> AuditReport:
    """Asks the model everything.

    Args:
        model: Any.
        material: What it is audited on.
        settings: How.
        measure_form: Whether the form that a model from elsewhere is asked in is found by trying some.
        calibration_sha256: Of the calibration file, kept with the threshold.
        journal: Where the answers of a model from elsewhere are kept, so that it is not asked twice.
        say: Gets a line for every step.
        watch: Is told how far it is.

    Raises:
        UserError: There are no facts, a question cannot be asked, calibration and audited facts share a subject, or
            the model does not tell the signal that was chosen.
    """
    if not material.facts:
        raise UserError("There are no facts to audit the model on.")
    began = time.perf_counter()
    settings = settings or Settings()
    if material.unseen and not settings.names:
        raise UserError("unseen facts are asked beside invented names; --names 0 invents none.")
    settings = dataclasses.replace(settings, match=settings.match or usual_match(model))
    samples = settings.samples or (SAMPLES if model.form is None else SAMPLES_OF_OTHERS)
    settings = dataclasses.replace(settings, depth=plan_of(model, settings).depth, samples=samples)
    if settings.signal:
        _signal(model, settings, plan_of(model, settings), material)  # refused before anything is asked
    material, relations = recognised(material, relations_of(model))
    _check(model, material)
    pace = Pace(watch or Unwatched())
    if model.form is not None:
        model = JournaledModel(model, journal or Journal(None), pace)
    try:
        model, material, trials = asked_best(model, material, settings, pace.watch, say, measure=measure_form)
        plan = plan_of(model, settings)  # what it tells may depend on the form
        settings = dataclasses.replace(settings, signal=_signal(model, settings, plan, material))
        inquiry = _asked(model, material, settings, plan, relations, pace, say)
        if material.calibration:
            inquiry = _calibrated(inquiry, calibration_sha256, say)
        report = _report(inquiry, trials, say)
    finally:
        pace.watch.stop()
    return dataclasses.replace(report, advice=advise(report), seconds=round(time.perf_counter() - began, 1))


def _signal(model: LanguageModel, settings: Settings, plan: Plan, material: Material) -> QuestionSignal:
    """The signal that the threshold is on.

    Raises:
        UserError: The model does not tell it, or not at this depth.
    """
    told = available(model)
    signal = settings.signal or ("sequence_probability" if model.lacks("log_probabilities") is None else told[0])
    if settings.signal or material.calibration:
        check_signal(model, signal)
        if signal not in plan.signals:
            depths = (plan_of(model, dataclasses.replace(settings, depth=depth)) for depth in get_args(Depth))
            least = next(other.depth for other in depths if signal in other.signals)
            raise UserError(
                f"--signal {signal} needs --depth {least}."
                if settings.signal
                else f"--calibration needs --depth {least} here: {model.lacks('log_probabilities')}."
            )
    return signal


def _asked(
    model: LanguageModel,
    material: Material,
    settings: Settings,
    plan: Plan,
    relations: tuple[Relation, ...],
    pace: Pace,
    say: Say,
) -> Inquiry:
    """The audited facts asked, after saying what there is to ask and how long that will take."""
    assert settings.match is not None
    scorer = find_scorer(settings.match, [*material.known, *material.calibration, *material.facts])
    samples, seed = settings.samples or SAMPLES, settings.seed
    also = [counted(samples, "sample") + " of each"] if "sample_agreement" in plan.signals else []
    also += ["other wordings"] if plan.wordings else []
    also += [f"{counted(len(material.calibration), 'calibration fact')}"] if material.calibration else []
    with_ = f", with {' and '.join(also)}" if also else ""
    line = f"{plan.depth}: asking {counted(len(material.facts), 'question')}{with_}"
    if model.form is not None:
        prompts = model.prompts([fact.question for fact in material.facts], place="facts, question")
        say(f"the first prompt as the model sees it: {prompts[0].text!r}")
        new = pace.time(model, plan, prompts, scorer, samples, seed)
        names = settings.names * METHODS_AND_ORIGINS
        seconds = new / len(prompts) * pace.seconds(plan, material, relations, names)
        line += f"; about {in_words(seconds)}"
        pace.watch.start("audit", seconds)
    say(line)
    evidence = gather(
        model,
        material.facts,
        scorer,
        signals=plan.signals,
        relations=relations if plan.wordings else (),
        samples=samples,
        seed=seed,
        gold_answers=plan.further,
        watch=pace.watch if model.form is None else None,
    )
    return Inquiry(model=model, material=material, settings=settings, relations=relations, plan=plan, evidence=evidence)


def _check(model: LanguageModel, material: Material) -> None:
    """Raises a `UserError` for what cannot be asked, and for a threshold that would be chosen on the audited facts."""
    for what, facts in (("calibration", material.calibration), ("unseen", material.unseen), ("facts", material.facts)):
        model.check_answers([fact.answers[0] for fact in facts], place=f"{what}, answer")
        if what != "facts":  # those are asked next
            model.prompts([fact.question for fact in facts], place=f"{what}, question")
    asked = {subject_key(fact) for fact in material.facts}
    if shared := [fact for fact in material.calibration if subject_key(fact) in asked]:
        raise UserError(
            f"calibration: {counted(len(shared), 'question has', 'questions have')} a subject of the audited facts, "
            f"first {shared[0].question!r}; a threshold must be chosen on other subjects."
        )


def _calibrated(inquiry: Inquiry, calibration_sha256: str, say: Say) -> Inquiry:
    """With the threshold, and what it is for; and with what a probe makes of the calibration answers."""
    settings, model = inquiry.settings, inquiry.model
    signal, samples, target = settings.signal, settings.samples, settings.target
    assert signal is not None
    assert samples is not None
    facts = independent(inquiry.material.calibration, settings.seed)
    say(f"calibrating on {counted(len(facts), 'subject')}")
    scorer = inquiry.evidence.evaluation.scorer
    calibration = gather(
        model, facts, scorer, signals=[signal], samples=samples, seed=settings.seed + 1, gold_answers=False
    )
    thresholds = sequences(inquiry.evidence.given(signal), len(facts), target)
    threshold, answered, wrong = certify(calibration.right, calibration.given(signal), thresholds, target)
    covered = {fact.relation for fact in facts}
    if inquiry.plan.further and model.form is not None and model.lacks("representations") is None:
        probed = probe(model, calibration, inquiry.evidence, settings.seed)
        if probed is not None:
            inquiry.evidence.signals["probe"] = probed
    abstention = Abstention(
        signal=signal,
        threshold=threshold,
        target=target,
        delta=DELTA,
        samples=samples,
        calibration_facts=len(facts),
        answered=answered,
        wrong=wrong,
        bound=float(upper_bound(np.array([wrong]), np.array([answered]), DELTA / len(thresholds))[0]),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        forms=tuple(form for relation in inquiry.relations if relation.name in covered for form in relation.forms),
        form=model.form,
        kind="" if model.form is None else model.kind,
        match=scorer.name,
        calibration_sha256=calibration_sha256,
        weights_sha256=model.fingerprint(),
    )
    return dataclasses.replace(inquiry, abstention=abstention)


def _report(inquiry: Inquiry, trials: tuple[FormTrial, ...], say: Say) -> AuditReport:
    """All but the advice."""
    model, material, settings = inquiry.model, inquiry.material, inquiry.settings
    evidence, abstention, seed = inquiry.evidence, inquiry.abstention, settings.seed
    assert settings.signal is not None
    right, attempted, given = evidence.right, evidence.attempted, evidence.given(settings.signal)
    believed = {
        name: believe(right[attempted], values[attempted], seed=seed) for name, values in evidence.signals.items()
    }
    signals = {name: reliability for name, reliability in believed.items() if reliability is not None}
    best = winner(signals)
    plain = str if settings.match == "exact" else normalise
    above = np.array([abstention.answers(sure) for sure in given.tolist()]) if abstention else attempted
    leading, gold = evidence.sure, evidence.gold_nats[~np.isnan(evidence.gold_nats)]
    taught, judged = inquiry.taught, inquiry.judged
    left_out: dict[str, str] = {signal: why for signal, ability in NEEDS.items() if (why := model.lacks(ability))}
    return AuditReport(
        model=Model(
            name=model.name,
            kind=model.kind,
            parameters=model.parameters,
            form=model.form.described() if model.form else "",
            prompt=evidence.evaluation.prompts[0].text,
        ),
        settings=settings,
        verdict=verdict(right, attempted, seed=seed),
        silences=evidence.evaluation.silences,
        taught=None if taught is None else int(taught.sum()),
        untaught=verdict(right[judged], attempted[judged], seed=seed) if not judged.all() else None,
        verdict_above_threshold=verdict(right, above, seed=seed)
        if abstention and abstention.threshold is not None
        else None,
        verdict_above_probability={
            str(target): verdict(right, attempted & (leading >= target), seed=seed) for target in TARGETS
        },
        signals=signals,
        winner=best,
        mean_gold_nats=float(gold.mean()) if len(gold) else None,
        forms=trials,
        by_relation=tuple(_of_relation(relation, evidence, best, seed) for relation in inquiry.relations),
        abstention=abstention,
        held_out=held_out(abstention, right[judged], given[judged], attempted[judged]) if abstention else None,
        made_up=made_up(evidence, [*material.known, *material.facts], material.corpus, plain=plain, seed=seed),
        wordings=evidence.wordings,
        reversed=tuple(
            ask_reversed(model, material.facts, material.known, relation, evidence.evaluation.scorer)
            for relation in inquiry.relations
            if relation.reversed and inquiry.plan.further
        ),
        stored=_stored(inquiry, left_out, say),
        popularity=popularity(evidence, seed=seed),
        frequency=frequency(evidence, material.known, material.corpus) if material.corpus else None,
        unseen=_unseen(inquiry, left_out, say),
        left_out=left_out,
        subjects=inquiry.subjects,
        evidence=evidence,
    )


def _of_relation(relation: Relation, evidence: Evidence, best: Signal | None, seed: int) -> RelationReport:
    places = evidence.of_relation(relation.name)
    signal = evidence.signals[best][places] if best else np.full(len(places), np.nan)
    there = ~np.isnan(signal) & evidence.attempted[places]
    return RelationReport(
        name=relation.name,
        label=relation.label,
        subjects=relation.subjects,
        forms=relation.forms,
        accuracy=evidence.evaluation.by_relation[relation.name],
        auroc=auroc(evidence.right[places][there], signal[there], seed=seed) if there.any() else Estimate(),
    )


def _stored(inquiry: Inquiry, left_out: dict[str, str], say: Say) -> Knowledge | None:
    """Whether it goes on in the documents; says why that is left out."""
    corpus = inquiry.material.corpus
    if corpus is None:
        left_out |= {"stored": "the corpus is not known.", "frequency": "the corpus is not known."}
        return None
    why = inquiry.model.lacks("continuations") or inquiry.model.lacks("given_answers")
    if why or not inquiry.plan.further:
        left_out["stored"] = why or "that is asked with --depth full."
        return None
    say("looking for the answers in the documents")
    return summarise(examine(inquiry.model, corpus, inquiry.evidence.evaluation))


def _unseen(inquiry: Inquiry, left_out: dict[str, str], say: Say) -> tuple[Unseen, ...]:
    """What it says of invented names in every relation that has a form; says why that is left out."""
    formed = [relation for relation in inquiry.relations if relation.forms]
    if inquiry.plan.depth == "quick":
        left_out["unseen"] = "that is asked with --depth usual."
        return ()
    if not formed or not inquiry.settings.names:
        left_out["unseen"] = "no names were to be invented." if formed else "no question names its subject."
        return ()
    invented = invent_names(inquiry, formed)
    if not invented:
        left_out["unseen"] = "no name that it can spell and no document has was found; unseen facts need some."
        return ()
    if why := inquiry.model.lacks("representations"):
        left_out["representation"] = why
    if without := [relation.name for relation in formed if relation.name not in invented]:
        say(f"no name that no document has was found to ask about in {', '.join(without)}")
    names = {name for groups in invented.values() for group in groups.values() for name in group}
    say(f"asking about {counted(len(names), 'invented name')}")
    return tuple(unseen(inquiry, relation, invented[relation.name]) for relation in formed if relation.name in invented)
