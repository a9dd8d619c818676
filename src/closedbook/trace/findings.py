"""The short answer to "where does the answer come from?": what the views show, in words, with the figures beside.

Axes: N states, T positions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from closedbook.trace.averages import FactsTrace, GroupTrace
from closedbook.trace.causal import AverageTrace, CausalTrace
from closedbook.trace.lens import LensAverage, LogitLens
from closedbook.trace.patterns import Looks, Patterns
from closedbook.trace.prompts import ROLES, TracedPrompt
from closedbook.trace.question import QuestionTrace

GONE, PART = 0.75, 0.25  # shares of the answer's probability that noise on the name takes
ALL, MOST, SOME = 0.9, 0.5, 0.2  # shares of what it took that one state brings back
SHOWN = 3  # components, heads and names that a finding lists


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Args:
        name: What it is about.
        words: A sentence, or what is compared between groups.
        figures: Beside it, one a group.
    """

    name: Literal["name", "at_mask", "on_the_way", "comes_up", "logit", "heads", "nearest"]
    words: str
    figures: tuple[str, ...]


def question_findings(trace: QuestionTrace) -> tuple[Finding, ...]:
    """Where the answer to one question comes from."""
    prompt = trace.prompt
    findings = [
        _needs_the_name(prompt, trace.causal, trace.lens.answer),
        _heads(prompt, trace.attention),
        *_carried(prompt, trace.causal),
        _comes_up(trace.lens),
        _written_by(trace),
    ]
    if trace.nearest and trace.nearest.names:
        names = ", ".join(trace.nearest.names[:SHOWN])
        cosines = ", ".join(f"{value:.2f}" for value in trace.nearest.cosine_Q[:SHOWN])
        findings.append(Finding("nearest", f"Nearest to the name, for the model: {names}.", (f"cosine {cosines}",)))
    return tuple(findings)


def facts_findings(trace: FactsTrace) -> tuple[Finding, ...]:
    """Where the answers to many come from, a figure a group."""
    groups = list(trace.groups.values())
    return (
        Finding(
            "name",
            "probability of the answer's first token, then with noise on the name",
            tuple(f"{group.causal.clean:.2f} -> {group.causal.corrupted:.2f}" for group in groups),
        ),
        Finding(
            "at_mask", "alone brings most of it back, at the mask", tuple(_at_mask(group.causal) for group in groups)
        ),
        Finding(
            "on_the_way", "brings most back, before the mask", tuple(_on_the_way(group.causal) for group in groups)
        ),
        Finding("comes_up", "comes up most with", tuple(map(_rise, _lines(trace.lens)))),
        Finding("logit", "adds most to its logit", tuple(map(_most_added, groups))),
    )


def heads_finding(looks: Looks) -> Finding:
    """Which heads look at the name from the mask, over many questions."""
    return _most_looking(looks.weight_LHR[..., 1:4].sum(-1), "")


def _needs_the_name(prompt: TracedPrompt, trace: CausalTrace, token: str) -> Finding:
    share = 1 - trace.corrupted / trace.clean
    noise = f"noise on “{prompt.subject}”"
    if share >= GONE:
        words = f"It depends on the name: with {noise} it is gone."
    elif share >= PART:
        words = f"It depends on the name in part: {noise} takes some of it."
    else:
        words = f"It hardly depends on the name: with {noise} it stays."
    return Finding("name", words, (f"probability of “{token}” {trace.clean:.2f} -> {trace.corrupted:.2f}",))


def _carried(prompt: TracedPrompt, trace: CausalTrace) -> list[Finding]:
    """Which states bring back what the noise took, none where it took little."""
    lost = trace.clean - trace.corrupted
    if lost < PART * trace.clean:
        return []
    share_NT = trace.effects / lost
    state, share = _first_enough(trace.states, share_NT[:, -1])
    at_mask = f"At the mask, {in_words(state)} {_brings_back(share)}."
    findings = [Finding("at_mask", at_mask, (f"{_percent(share)} of what was lost",))]
    behind_NT = share_NT[1:, :-1]  # the embeddings are what the noise was put on
    place, position = np.unravel_index(int(behind_NT.argmax()), behind_NT.shape)
    share = float(behind_NT[place, position])
    words = "Before the mask, no state of one token brings much back."
    if share >= SOME:
        token = f"“{trace.labels[position]}”, {_where(prompt.roles[position])}"
        words = f"On the way it is in {in_words(trace.states[1 + place])}, at {token}."
    return [*findings, Finding("on_the_way", words, (f"{_percent(share)} of what was lost",))]


def _brings_back(share: float) -> str:
    if share >= ALL:
        return "alone brings it back"
    return "alone brings most of it back" if share >= MOST else "brings back more than any other state there"


def _comes_up(lens: LogitLens) -> Finding:
    answer_N = lens.answer_NT[:, -1]
    rise = 1 + int(np.diff(answer_N).argmax())
    first = 1 + max((index for index, rank in enumerate(lens.rank_NT[:, -1]) if rank > 0), default=-1)
    words = f"Read off at the mask, it comes up most with {lens.states[rise]}"
    if first < len(lens.states):
        words += f" and is the likeliest from {'there' if first == rise else lens.states[first]} on"
    return Finding("comes_up", f"{words}.", (f"probability {answer_N[rise - 1]:.2f} -> {answer_N[rise]:.2f}",))


def _written_by(trace: QuestionTrace) -> Finding:
    added = [entry for entry in trace.attribution.top(len(trace.attribution.components)) if entry["value"] > 0]
    added = added[:SHOWN]
    names = [entry["component"] + (f" (from “{entry['from']}”)" if entry["from"] else "") for entry in added]
    what = "Its logit comes" if trace.against is None else f"Its lead over “{trace.against}” comes"
    figures = ", ".join(f"{entry['value']:+.2f}" for entry in added)
    return Finding("logit", f"{what} most from {_listed(names)}.", (f"{figures} of {trace.attribution.logit:.2f}",))


def _heads(prompt: TracedPrompt, attention: Patterns) -> Finding:
    first, end = prompt.span
    on_name_LH = attention.pattern_LHTS[:, :, -1, first:end].sum(-1)
    return _most_looking(on_name_LH, f" ({_percent((end - first) / len(prompt.ids))} of the tokens)")


def _most_looking(on_name_LH: Float[np.ndarray, "layers heads"], compared: str) -> Finding:
    order = np.argsort(-on_name_LH, axis=None, kind="stable")[:SHOWN]
    places = [tuple(map(int, np.unravel_index(index, on_name_LH.shape))) for index in order]
    heads = [f"{layer}.{head}" for layer, head in places]
    weights = ", ".join(f"{100 * on_name_LH[place]:.0f}" for place in places)
    look = f"heads {_listed(heads)} look" if len(heads) > 1 else f"head {heads[0]} looks"
    words = f"From the mask behind the question, {look} at the name most{compared}."
    return Finding("heads", words, (f"{weights} % of the weight",))


def _first_enough(states: Sequence[str], share_N: Float[np.ndarray, "states"]) -> tuple[str, float]:
    """The first state that alone brings enough back, or else what brings most.

    The embedding, which comes before all, and the last stream, which decides alone, say nothing.
    """
    inside_N = share_N[1:-1]
    index = 1 + int(np.argmax(inside_N >= MOST) if inside_N.max() >= MOST else inside_N.argmax())
    return states[index], float(share_N[index])


def _at_mask(trace: AverageTrace) -> str:
    lost = trace.clean - trace.corrupted
    if lost < PART * trace.clean:
        return "little is lost"
    state, share = _first_enough(trace.states, trace.effect_NR[:, ROLES.index("the mask")] / lost)
    return f"{in_words(state)}, {_percent(share)}"


def _on_the_way(trace: AverageTrace) -> str:
    lost = trace.clean - trace.corrupted
    if lost < PART * trace.clean:
        return "little is lost"
    behind_NR = np.nan_to_num(trace.effect_NR[1:, :-1], nan=-np.inf)
    state, role = np.unravel_index(int(behind_NR.argmax()), behind_NR.shape)
    share = float(behind_NR[state, role] / lost)
    if share < SOME:
        return f"no state of one token, at most {_percent(share)}"
    return f"{in_words(trace.states[1 + state])}, {_where(ROLES[role])}, {_percent(share)}"


def _lines(lens: LensAverage) -> list[tuple[tuple[str, ...], list[float]]]:
    """States and mean probabilities of each group."""
    return [(lens.states, [row["mean"] for row in rows]) for rows in lens.groups.values()]


def _rise(line: tuple[tuple[str, ...], list[float]]) -> str:
    states, means = line
    at = 1 + int(np.diff(means).argmax())
    return f"{states[at]}, {means[at - 1]:.2f} -> {means[at]:.2f}"


def _most_added(group: GroupTrace) -> str:
    entries = [entry for entry in group.attribution.top(len(group.attribution.components)) if entry["mean"] > 0]
    return ", ".join(f"{entry['component']} {entry['mean']:+.2f}" for entry in entries[:SHOWN])


def in_words(state: str) -> str:
    """A state of causal tracing in a sentence: `what MLP 0 adds`, `the stream after layer 0`, `the embedding`."""
    if state.endswith(" adds"):
        return f"what {state}"
    return f"the {state}".replace("stream after", "stream after layer")


def _where(role: str) -> str:
    """A role as a place: `the last token of the name`, `before the name`."""
    return f"the {role.replace(' of', ' token of')}" if " of " in role else role


def _listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part) if words else "nothing"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
