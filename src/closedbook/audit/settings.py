"""How a model is audited, as the command line and Python have it; free of NumPy and torch."""

from typing import Annotated, Literal

from annotated_types import Ge, Le

from closedbook.config.validation import Few, OpenShare, Seed, Shots, configuration

QuestionSignal = Literal["sequence_probability", "token_probability", "margin", "certainty", "sample_agreement"]
"""The signals that need nothing but the question, and so can decide whether `ask` answers."""
SAMPLES, SAMPLES_OF_OTHERS = 10, 5
"""Answers sampled a question where that is not said: of a run of ours, and of other models, which are slower."""
Signal = Literal[QuestionSignal, "paraphrase_agreement", "probe"]
"""All of them; `closedbook.audit.signals` says what each is."""
Depth = Literal["quick", "usual", "full"]
"""How much is asked: the greedy answers and their probability; samples, other wordings and invented names besides; also
beams, the reversed question, continued documents and the probability of given answers."""


@configuration
class Settings:
    """How it is audited.

    Args:
        target: Share of given answers that is to be right.
        signal: The confidence that the threshold is on; fixed before anything is measured (default: the sequence
            probability, or the agreement of samples where a model tells no probabilities).
        match: What is right: the same to the letter, the same after normalisation, or an accepted answer that stands in
            the response (default: exact for runs, else contained).
        depth: How much is asked (default: full for runs, else usual); quick is the greedy answers alone, usual adds
            samples, other wordings and invented names, full everything.
        shots: Examples before the question, of the calibration facts (default: none and 4 are compared).
        samples: Answers sampled a question (default: 10 of a run, else 5).
        names: Subjects to invent for each origin and method, 0 for none.
        seed: Of samples, invented subjects and resampling.
    """

    target: OpenShare = 0.9
    signal: QuestionSignal | None = None
    match: Literal["exact", "normalised", "contained"] | None = None
    depth: Depth | None = None
    shots: Shots | None = None
    samples: Few | None = None
    names: Annotated[int, Ge(0), Le(10_000)] = 20
    seed: Seed = 0
