"""What a reader can do with an audit: one verdict, and a sentence for each finding."""

from collections.abc import Sequence

from closedbook.audit.abstention import FURTHER, fewest_answers
from closedbook.audit.made_up import MadeUp
from closedbook.audit.report import Advice, AuditReport, Choice
from closedbook.audit.unseen import Unseen
from closedbook.audit.verdict import Verdict
from closedbook.audit.wordings import Wording

ENOUGH_COVERAGE = 0.1  # share of questions answered that makes a threshold worth using
FAIR, GOOD = 0.7, 0.85  # AUROC
HEADLINES: dict[Choice, str] = {
    "believe": "Believe it about {subjects} like these.",
    "believe_above_threshold": "Believe it above the threshold, and only there.",
    "do_not_believe": "Do not believe it without checking.",
}


def advise(report: AuditReport) -> Advice:
    """The verdict and the sentences that explain it."""
    least, held, target = report.verdict.correct_given_attempted.low, report.held_out, report.settings.target
    choice: Choice = "do_not_believe"
    if least is not None and least >= target:
        choice = "believe"
    elif held and held.coverage >= ENOUGH_COVERAGE and (held.error.low or 0.0) <= 1 - target:
        choice = "believe_above_threshold"
    sentences = [
        _recall(report.verdict),
        *_made_up(report.made_up),
        *_confidence(report),
        _abstention(report),
        *(_unseen(unseen, several=len(report.unseen) > 1) for unseen in report.unseen),
        *_wordings(report.wordings),
    ]
    headline = HEADLINES[choice].format(subjects=report.subjects)
    return Advice(choice=choice, headline=headline, sentences=tuple(sentences))


def _percent(share: float | None) -> str:
    return f"{100 * (share or 0.0):.1f} %"


def _recall(verdict: Verdict) -> str:
    share = verdict.correct_share
    return (
        f"Asked {verdict.total:,} questions it attempts {verdict.correct + verdict.wrong:,} and is right in "
        f"{verdict.correct:,}: {_percent(share.value)} (95 % interval {100 * (share.low or 0):.1f} to "
        f"{_percent(share.high)})."
    )


def _made_up(made_up: MadeUp) -> list[str]:
    if not made_up.wrong:
        return []
    plausible = made_up.kinds["known_answer"] + made_up.kinds.get("own_document", 0)
    lines = [
        f"Of {made_up.wrong:,} wrong answers {plausible:,} look right (another subject's true answer, or from the "
        f"subject's own document) and {made_up.kinds['nowhere']:,} occur nowhere: a list of valid answers would not "
        "catch the former."
    ]
    top = made_up.repeated[0]
    if top.wrong > 1:
        lines.append(
            f"Its favourite wrong answer is {top.answer!r}: given {top.given:,} times, wrong {top.wrong:,} times, true "
            f"of {top.true:,}."
        )
    return lines


def _confidence(report: AuditReport) -> list[str]:
    if report.winner is None:
        return []
    value = report.signals[report.winner].auroc.value or 0.0
    word = "well" if value >= GOOD else "fairly" if value >= FAIR else "hardly"
    return [
        f"Its confidence tells right from wrong {word}: the best signal, {report.winner.replace('_', ' ')}, ranks a "
        f"right answer above a wrong one in {_percent(value)} of pairs."
    ]


def _abstention(report: AuditReport) -> str:
    chosen, held, allowed = report.abstention, report.held_out, f"{100 * (1 - report.settings.target):.0f} %"
    if chosen is None or held is None:
        return "Without --calibration no threshold is certified: it says when it is sure, but nothing holds it to it."
    if chosen.threshold is None:
        return (
            f"No threshold could be certified for {100 * report.settings.target:.0f} % right answers with "
            f"{chosen.calibration_facts:,} calibration facts, one a subject, so none is set; it takes at least "
            f"{fewest_answers(report.settings.target, chosen.delta / len(FURTHER)):,}, all answered rightly."
        )
    if held.error.low is not None and held.error.low > 1 - report.settings.target:
        return (
            f"Above the certified threshold {_percent(held.error.value)} of these answers are wrong, more than the "
            f"{allowed} that was certified: these {report.subjects} are not drawn as the calibration "
            f"{report.subjects} were."
        )
    if not held.answered:
        return f"Above the certified threshold of {chosen.threshold:.4g} it answers none of the audited questions."
    return (
        f"Answering only where its {chosen.signal.replace('_', ' ')} is at least {chosen.threshold:.4g}, it answers "
        f"{_percent(held.coverage)} of these questions and {_percent(held.error.value)} of those answers are wrong; on "
        f"{report.subjects} drawn alike at most {allowed} are, with a confidence of {100 * (1 - chosen.delta):.0f} %."
    )


def _unseen(unseen: Unseen, *, several: bool) -> str:
    where, strangers = f" ({unseen.relation})" if several else "", unseen.invented
    told = next(iter(strangers.seen_against_unseen.values()))
    line = (
        f"Asked about {strangers.names:,} names that it cannot know{where} it answers {_percent(strangers.answered)} "
        f"of them; its confidence tells seen from unseen names in {_percent(told.value)} of pairs"
    )
    if strangers.given is not None:
        line += f", and the threshold lets {_percent(strangers.given)} of those answers through"
    return line + "."


def _wordings(wordings: Sequence[Wording]) -> list[str]:
    shares = [wording.right.value for wording in wordings if wording.right.value is not None]
    if not shares:
        return []
    return [
        f"In {len(shares)} other wordings of the question it is right in {100 * min(shares):.1f} to "
        f"{_percent(max(shares))}."
    ]
