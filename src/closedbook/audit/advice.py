"""What a reader can do with an audit: one verdict, and a sentence for each finding."""

from collections.abc import Iterator

from closedbook.audit.abstention import Abstention, HeldOut, fewest_answers
from closedbook.audit.made_up import PLAUSIBLE, MadeUp, labels_of
from closedbook.audit.report import Advice, AuditReport, Choice
from closedbook.audit.unseen import Unseen
from closedbook.audit.verdict import Verdict
from closedbook.audit.wordings import Wording
from closedbook.errors import counted, interval, percent
from closedbook.evaluation.statistics import wilson

ENOUGH_COVERAGE = 0.1  # share of questions answered that makes a threshold worth using
FAIR, GOOD = 0.7, 0.85  # AUROC
FEW = 10  # right or wrong answers, fewer of which tell little about a confidence
HEADLINES: dict[Choice, str] = {
    "taught": "It was taught these facts: the figures say what it kept of them, not what it knows beyond.",
    "believe": "Believe it about {subjects} like these, if {target} right is enough{unless}.",
    "believe_above_threshold": "Believe it above the threshold, and only there, if {target} right is enough{unless}.",
    "do_not_believe": "Do not believe it without checking.",
}
UNLESS = ", unless it was taught these answers, which is not known"


def advise(report: AuditReport) -> Advice:
    """The verdict and the sentences that explain it."""
    choice = _choose(report)
    headline = HEADLINES[choice].format(
        subjects=report.subjects,
        target=f"{100 * report.settings.target:.4g} %",
        unless=UNLESS if report.taught is None else "",
    )
    return Advice(choice=choice, headline=headline, sentences=tuple(_sentences(report)))


def _choose(report: AuditReport) -> Choice:
    held, target = report.held_out, report.settings.target
    least = _least_right(report)
    if report.taught == report.verdict.total:
        return "taught"
    if least is not None and least >= target:
        return "believe"
    if held and held.coverage >= ENOUGH_COVERAGE and (held.error.low or 0.0) <= 1 - target:
        return "believe" if report.abstention and report.abstention.threshold == 0 else "believe_above_threshold"
    return "do_not_believe"


def _least_right(report: AuditReport) -> float | None:
    """The lower bound of the share of its answers that are right; questions that stand there again count once."""
    found = (report.untaught or report.verdict).correct_given_attempted
    facts = report.evidence.facts if report.evidence else ()
    distinct = len({fact.question for fact in facts})
    if found.value is None or distinct == len(facts):
        return found.low
    total = max(found.total * distinct // len(facts), 1)
    return wilson(round(found.value * total), total)[0]


def _sentences(report: AuditReport) -> Iterator[str]:
    titles = report.titles
    yield _recall(report.verdict)
    if report.untaught:
        yield (
            f"It was taught {report.taught:,} of them; the verdict is about the others: "
            f"{report.untaught.correct:,} of {report.untaught.total:,} right."
        )
    yield from _made_up(report.made_up)
    if report.winner:
        value = report.signals[report.winner].auroc.value or 0.0
        word = "well" if value >= GOOD else "fairly" if value >= FAIR else "hardly"
        yield (
            f"Its confidence tells right from wrong {word}: the best signal, {report.winner.replace('_', ' ')}, ranks "
            f"a right answer above a wrong one in {percent(value)} of pairs{_few(report)}."
        )
    if report.abstention and report.held_out:
        yield _abstention(report.abstention, report.held_out, report.subjects)
    else:
        yield "Without --calibration no threshold is certified: it says when it is sure, but nothing holds it to it."
    for unseen in report.unseen:
        yield _unseen(unseen, f" ({titles[unseen.relation]})" if len(report.unseen) > 1 else "")
    for name, title in titles.items():
        rows = [row for row in report.wordings if row.relation == name and row.right.total]
        if rows:
            yield _wordings(rows, f" ({title})" if len(titles) > 1 else "")


def _few(report: AuditReport) -> str:
    """A word of care where there are few right or few wrong answers to tell apart."""
    least = min(report.verdict.correct, report.verdict.wrong)
    return f" (of {least} and {report.verdict.correct + report.verdict.wrong - least}: few)" if least < FEW else ""


def _recall(verdict: Verdict) -> str:
    share = verdict.correct_share
    between = interval((share.low or 0.0, share.high or 0.0))
    return (
        f"Asked {counted(verdict.total, 'question')} it attempts {verdict.correct + verdict.wrong:,} and is right in "
        f"{verdict.correct:,}: {percent(share.value)} (95 % interval {between})."
    )


def _made_up(made_up: MadeUp) -> Iterator[str]:
    """What the wrong answers are, every one of them, and which leads."""
    if not made_up.wrong:
        return
    labels = labels_of(made_up)
    texts = {kind: f"{count:,} {labels[kind]}" for kind, count in made_up.kinds.items()}
    plausible = " and ".join(text for kind, text in texts.items() if kind in PLAUSIBLE)
    others = ", ".join(text for kind, text in texts.items() if kind not in PLAUSIBLE)
    yield f"Its {counted(made_up.wrong, 'wrong answer')}: {plausible}, which look right; {others}."
    top = made_up.repeated[0]
    if top.wrong > 1:
        yield (
            f"Its favourite wrong answer is {top.answer!r}: given {counted(top.given, 'time')}, wrong "
            f"{counted(top.wrong, 'time')}, true of {top.true:,} of those that were asked about."
        )


def _abstention(chosen: Abstention, held: HeldOut, subjects: str) -> str:
    """What the threshold does, or why there is none."""
    allowed = f"{100 * (1 - chosen.target):.3g} %"
    if chosen.threshold is None:
        return (
            f"No threshold could be certified for {100 * chosen.target:.4g} % right answers with "
            f"{counted(chosen.calibration_facts, 'calibration fact')}, one a subject, so none is set; it takes at "
            f"least {fewest_answers(chosen.target, chosen.level):,}, all answered rightly."
        )
    if not held.answered:
        return f"Above the certified threshold of {chosen.threshold:.4g} it answers none of the audited questions."
    if held.error.low is not None and held.error.low > 1 - chosen.target:
        return (
            f"Above the certified threshold {percent(held.error.value)} of these answers are wrong, more than the "
            f"{allowed} that was certified: these {subjects} are not drawn as the calibration {subjects} were."
        )
    here = f"Certified to answer always, it is wrong in {percent(held.error.value)} of these questions"
    if chosen.threshold > 0:
        here = (
            f"Answering only where its {chosen.signal.replace('_', ' ')} is at least {chosen.threshold:.4g}, it "
            f"answers {percent(held.coverage)} of these questions and {percent(held.error.value)} of those answers "
            "are wrong"
        )
    sure = f"{100 * (1 - chosen.delta):.0f} %"
    return f"{here}; on {subjects} drawn alike at most {allowed} are, with a confidence of {sure}."


def _unseen(unseen: Unseen, where: str) -> str:
    strangers = unseen.invented
    told = next(iter(strangers.seen_against_unseen.values()))
    through = "" if strangers.given is None else f", and the threshold lets {percent(strangers.given)} of those through"
    said = "".join(f", says {text!r} of {times:,}" for text, times in strangers.silences.items())
    return (
        f"Asked about {counted(strangers.names, 'name')} that it cannot know{where} it answers "
        f"{percent(strangers.answered)} of them{said}; its confidence tells seen from unseen names in "
        f"{percent(told.value)} of pairs{through}." + _real(unseen)
    )


def _real(unseen: Unseen) -> str:
    """The same of the subjects in no document that were given."""
    real = unseen.real
    if real is None:
        return ""
    through = "" if real.given is None else f", and the threshold lets {percent(real.given)} of those through"
    return (
        f" Asked about {counted(real.names, 'subject')} given as unseen it answers {percent(real.answered)} of them, "
        f"{real.right:,} rightly{through}."
    )


def _wordings(rows: list[Wording], where: str) -> str:
    shares = [row.right.value or 0.0 for row in rows]
    between = interval((min(shares), max(shares)))
    return f"In {counted(len(rows), 'other wording')} of the question{where} it is right in {between}."
