"""What a person can do with an audit: one verdict, and a sentence for each finding."""

from typing import Any

ENOUGH_COVERAGE = 0.1  # share of questions answered that makes a threshold worth using
FAIR, GOOD = 0.7, 0.85  # AUROC


def advice(report: dict[str, Any]) -> dict[str, Any]:
    """The verdict (`believe`, `believe_above_threshold` or `do_not_believe`) and the sentences that explain it."""
    target = report["settings"]["target"]
    given = report["verdict"]["correct_given_attempted"]
    held = report.get("held_out")
    if given["interval"] and given["interval"][0] >= target:
        choice, headline = "believe", "Believe it about people like these."
    elif held and held["coverage"] >= ENOUGH_COVERAGE and held["error_interval"][0] <= 1 - target:
        choice, headline = "believe_above_threshold", "Believe it above the threshold, and only there."
    else:
        choice, headline = "do_not_believe", "Do not believe it without checking."
    sentences = [
        _recall(report),
        *_made_up(report),
        *_confidence(report),
        *_abstention(report, target),
        *_unseen(report),
        *_wordings(report),
    ]
    return {"verdict": choice, "headline": headline, "sentences": sentences}


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _recall(report: dict[str, Any]) -> str:
    found = report["verdict"]
    low, high = found["correct_share"]["interval"]
    tried = found["correct"] + found["wrong"]
    return (
        f"Asked {found['total']:,} questions it attempts {tried:,} and is right in {found['correct']:,}: "
        f"{_percent(found['correct_share']['value'])} (95 % interval {100 * low:.1f} to {_percent(high)})."
    )


def _made_up(report: dict[str, Any]) -> list[str]:
    found = report["made_up"]
    if not found["wrong"]:
        return []
    plausible = found["kinds"]["known_answer"] + found["kinds"].get("own_document", 0)
    lines = [
        f"Of {found['wrong']:,} wrong answers {plausible:,} look right (somebody's true answer, or from the person's "
        f"document) and {found['kinds']['nowhere']:,} occur nowhere: a list of valid answers would not catch the "
        "former."
    ]
    top = found["repeated"][0]
    if top["wrong"] > 1:
        lines.append(
            f"Its favourite wrong answer is {top['answer']!r}: given {top['given']:,} times, wrong {top['wrong']:,} "
            f"times, true of {top['true']:,}."
        )
    return lines


def _confidence(report: dict[str, Any]) -> list[str]:
    best = report["winner"]
    if best is None:
        return []
    found = report["signals"][best]
    value = found["auroc"]["value"]
    word = "well" if value >= GOOD else "fairly" if value >= FAIR else "hardly"
    return [
        f"Its confidence tells right from wrong {word}: the best signal, {best.replace('_', ' ')}, ranks a right "
        f"answer above a wrong one in {_percent(value)} of pairs."
    ]


def _abstention(report: dict[str, Any], target: float) -> list[str]:
    if "abstention" not in report:
        return ["Without --calibration no threshold is certified: it says when it is sure, but nothing holds it to it."]
    chosen, held = report["abstention"], report["held_out"]
    if chosen["threshold"] is None:
        return [
            f"No threshold could be certified for {100 * target:.0f} % right answers with "
            f'{chosen["calibration_facts"]:,} calibration facts: it would have to say "I don\'t know" always.'
        ]
    if held["error_interval"] and held["error_interval"][0] > 1 - target:
        return [
            f"Above the certified threshold {_percent(held['error'])} of these answers are wrong, more than the "
            f"{100 * (1 - target):.0f} % that was certified: these people are not drawn as the calibration people were."
        ]
    if not held["answered"]:
        return [f"Above the certified threshold of {chosen['threshold']:.4g} it answers none of the audited questions."]
    return [
        f"Answering only where its {chosen['signal'].replace('_', ' ')} is at least {chosen['threshold']:.4g}, it "
        f"answers {_percent(held['coverage'])} of these questions and {_percent(held['error'])} of those answers are "
        f"wrong; on people drawn alike at most {100 * (1 - target):.0f} % are, with a confidence of "
        f"{100 * (1 - chosen['delta']):.0f} %."
    ]


def _unseen(report: dict[str, Any]) -> list[str]:
    if "unseen" not in report:
        return []
    found = report["unseen"]
    auroc = found["seen_against_unseen"][report["settings"]["signal"]]["value"]
    line = (
        f"Asked about {found['names']:,} names that it cannot know it answers {_percent(found['answered'])} of them; "
        f"its confidence tells seen from unseen names in {_percent(auroc)} of pairs"
    )
    if "given_above_threshold" in found:
        line += f", and the threshold lets {_percent(found['given_above_threshold'])} of those answers through"
    return [line + "."]


def _wordings(report: dict[str, Any]) -> list[str]:
    asked = [row for row in report["wordings"] if "skipped" not in row and row["total"]]
    if not asked:
        return []
    shares = [row["right"] / row["total"] for row in asked]
    return [
        f"In {len(asked)} other wordings of the question it is right in {100 * min(shares):.1f} to "
        f"{_percent(max(shares))}."
    ]
