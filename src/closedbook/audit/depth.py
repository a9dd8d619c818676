"""How deep an audit goes, and how long that will take."""

from dataclasses import dataclass

from closedbook.audit.settings import Depth, QuestionSignal, Settings
from closedbook.audit.signals import available
from closedbook.evaluation.language_model import LanguageModel

OWN: Depth = "full"
OTHERS: Depth = "usual"
"""The depth where none is chosen: of a run of ours, and of other models, which are slower."""
QUICK: tuple[QuestionSignal, ...] = ("sequence_probability", "token_probability")
USUAL: tuple[QuestionSignal, ...] = (*QUICK, "sample_agreement")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked.

    Args:
        depth: How it is called.
        signals: What every question gives.
        about_unseen: What invented names give, none where there are to be none.
        wordings: Whether other wordings are asked.
        further: Whether the rest is: the reversed question, continued documents, probabilities of given answers.
    """

    depth: Depth
    signals: tuple[QuestionSignal, ...]
    about_unseen: tuple[QuestionSignal, ...]
    wordings: bool
    further: bool


def plan_of(model: LanguageModel, settings: Settings) -> Plan:
    """What a depth means for a model; signals that it cannot give are left out."""
    depth: Depth = settings.depth or (OWN if model.form is None else OTHERS)
    given = available(model)
    wanted = {"quick": QUICK, "usual": USUAL, "full": tuple(given)}[depth]
    signals = tuple(signal for signal in given if signal in wanted)
    strange = {"quick": (), "usual": QUICK, "full": signals}[depth]
    return Plan(
        depth=depth,
        signals=signals,
        about_unseen=tuple(signal for signal in signals if signal in strange) or (signals if depth != "quick" else ()),
        wordings=depth != "quick",
        further=depth == "full",
    )
