"""What a reader can do with an audit: one verdict, and a sentence for each finding."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from closedbook.audit.abstention import Abstention, HeldOut
from closedbook.audit.made_up import MadeUp
from closedbook.audit.reliability import Reliability, Signal
from closedbook.audit.unseen import Unseen
from closedbook.audit.verdict import Verdict
from closedbook.audit.wordings import Wording

ENOUGH_COVERAGE = 0.1  # share of questions answered that makes a threshold worth using
FAIR, GOOD = 0.7, 0.85  # AUROC
Choice = Literal["believe", "believe_above_threshold", "do_not_believe"]
HEADLINES: dict[Choice, str] = {
    "believe": "Believe it about {subjects} like these.",
    "believe_above_threshold": "Believe it above the threshold, and only there.",
    "do_not_believe": "Do not believe it without checking.",
}


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to do, in a headline and in sentences."""

    choice: Choice
    headline: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What advice is drawn from; see `AuditReport`."""

    target: float
    subjects: str
    verdict: Verdict
    made_up: MadeUp
    signals: dict[Signal, Reliability]
    winner: Signal | None
    abstention: Abstention | None
    held_out: HeldOut | None
    unseen: Sequence[Unseen]
    wordings: Sequence[Wording]


def advise(findings: Findings) -> Advice:
    """The verdict and the sentences that explain it."""
    least, held = findings.verdict.correct_given_attempted.low, findings.held_out
    choice: Choice = "do_not_believe"
    if least is not None and least >= findings.target:
        choice = "believe"
    elif held and held.coverage >= ENOUGH_COVERAGE and (held.error.low or 0.0) <= 1 - findings.target:
        choice = "believe_above_threshold"
    sentences = [
        _recall(findings.verdict),
        *_made_up(findings.made_up),
        *_confidence(findings),
        _abstention(findings),
        *(_unseen(found, several=len(findings.unseen) > 1) for found in findings.unseen),
        *_wordings(findings.wordings),
    ]
    return Advice(
        choice=choice, headline=HEADLINES[choice].format(subjects=findings.subjects), sentences=tuple(sentences)
    )


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


def _confidence(findings: Findings) -> list[str]:
    if findings.winner is None:
        return []
    value = findings.signals[findings.winner].auroc.value or 0.0
    word = "well" if value >= GOOD else "fairly" if value >= FAIR else "hardly"
    return [
        f"Its confidence tells right from wrong {word}: the best signal, {findings.winner.replace('_', ' ')}, ranks a "
        f"right answer above a wrong one in {_percent(value)} of pairs."
    ]


def _abstention(findings: Findings) -> str:
    chosen, held, allowed = findings.abstention, findings.held_out, f"{100 * (1 - findings.target):.0f} %"
    if chosen is None or held is None:
        return "Without --calibration no threshold is certified: it says when it is sure, but nothing holds it to it."
    if chosen.threshold is None:
        return (
            f"No threshold could be certified for {100 * findings.target:.0f} % right answers with "
            f'{chosen.calibration_facts:,} calibration facts: it would have to say "I don\'t know" always.'
        )
    if held.error.low is not None and held.error.low > 1 - findings.target:
        return (
            f"Above the certified threshold {_percent(held.error.value)} of these answers are wrong, more than the "
            f"{allowed} that was certified: these {findings.subjects} are not drawn as the calibration "
            f"{findings.subjects} were."
        )
    if not held.answered:
        return f"Above the certified threshold of {chosen.threshold:.4g} it answers none of the audited questions."
    return (
        f"Answering only where its {chosen.signal.replace('_', ' ')} is at least {chosen.threshold:.4g}, it answers "
        f"{_percent(held.coverage)} of these questions and {_percent(held.error.value)} of those answers are wrong; on "
        f"{findings.subjects} drawn alike at most {allowed} are, with a confidence of {100 * (1 - chosen.delta):.0f} %."
    )


def _unseen(unseen: Unseen, *, several: bool) -> str:
    signal = next(iter(unseen.seen_against_unseen))
    where = f" ({unseen.relation})" if several else ""
    line = (
        f"Asked about {unseen.names:,} names that it cannot know{where} it answers "
        f"{_percent(unseen.answered)} of them; its confidence tells seen from unseen names in "
        f"{_percent(unseen.seen_against_unseen[signal].value)} of pairs"
    )
    if unseen.given is not None:
        line += f", and the threshold lets {_percent(unseen.given)} of those answers through"
    return line + "."


def _wordings(wordings: Sequence[Wording]) -> list[str]:
    shares = [wording.right.value for wording in wordings if wording.right.value is not None]
    if not shares:
        return []
    return [
        f"In {len(shares)} other wordings of the question it is right in {100 * min(shares):.1f} to "
        f"{_percent(max(shares))}."
    ]
