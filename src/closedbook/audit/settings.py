"""How a model is audited, as the command line and Python have it; free of NumPy and torch."""

from typing import Literal

from closedbook.config.validation import Count, Natural, OpenShare, configuration

QuestionSignal = Literal["sequence_probability", "token_probability", "margin", "certainty", "sample_agreement"]
"""The signals that need nothing but the question, and so can decide whether `ask` answers."""
Signal = Literal[QuestionSignal, "paraphrase_agreement"]
"""All of them; `closedbook.audit.signals` says what each is."""


@configuration
class Settings:
    """How it is audited.

    Args:
        target: Share of given answers that is to be right.
        signal: The confidence that the threshold is on; fixed before anything is measured.
        match: What is right: to the letter, or after normalisation (default: exact for runs, else normalised).
        samples: Answers sampled a question.
        names: Subjects to invent for each origin and method, 0 for none.
        seed: Of samples, invented subjects and resampling.
    """

    target: OpenShare = 0.9
    signal: QuestionSignal = "sequence_probability"
    match: Literal["exact", "normalised"] | None = None
    samples: Count = 10
    names: Natural = 20
    seed: Natural = 0
