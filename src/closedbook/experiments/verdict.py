"""Whether a figure of others is reproduced by their own recipe, in a sentence."""

from closedbook.errors import interval, percent
from closedbook.evaluation.statistics import wilson
from closedbook.experiments.comparing import Estimate, newcombe
from closedbook.facts.known import Reference


def verdict(label: str, ours: Estimate, theirs: Reference, questions: int, trainings: int) -> str | None:
    """One sentence on a row of the table, None where nobody has given a figure.

    A figure is reproduced where the 95 % interval of the difference holds zero (Newcombe's, from the interval of ours
    and Wilson's of theirs).

    Args:
        label: What the row is called.
        ours: Accuracy on dev with its 95 % interval.
        theirs: The figures of others for the same system and questions.
        questions: How many dev questions there are, theirs and ours.
        trainings: Of ours, whose seeds the interval is about; one says nothing of another.
    """
    if theirs.assignment is None:
        return None
    low, high = ours.interval
    their_interval = wilson(round(theirs.assignment * questions), questions)
    lower, upper = newcombe((theirs.assignment, *their_interval), (ours.value, low, high))
    missed = "is not what this recipe reaches" if trainings > 1 else "is not what this one training reaches"
    outcome = "is reproduced" if lower <= 0 <= upper else missed
    return (
        f"{label}: the assignment's {percent(theirs.assignment)} {outcome} (ours {percent(ours.value)}, "
        f"{interval(ours.interval)}){_among_the_public(ours.value, theirs)}."
    )


def _among_the_public(ours: float, theirs: Reference) -> str:
    """`; 82 public files: the median 23.0 %, the best 31.8 %, ours below the median`."""
    parts = {"worst": theirs.public_worst, "median": theirs.public_median, "best": theirs.public_best}
    known = {name: share for name, share in parts.items() if share is not None}
    if not known:
        return ""
    if ours > known.get("best", 1.0):
        place = "above all of them"
    elif ours < known.get("worst", 0.0):
        place = "below all of them"
    elif "median" in known and ours != known["median"]:
        place = f"{'above' if ours > known['median'] else 'below'} the median"
    else:
        place = "within them" if len(known) > 1 else "not above it"
    files = f"{theirs.public_files} " if theirs.public_files else ""
    figures = ", ".join(f"the {name} {percent(share)}" for name, share in known.items())
    return f"; {files}public files: {figures}, ours {place}"
