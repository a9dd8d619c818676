"""Whether a figure of others is reproduced by their own recipe, in a sentence."""

from closedbook.experiments.comparing import Estimate
from closedbook.facts.known import Reference


def verdict(label: str, ours: Estimate, theirs: Reference) -> str | None:
    """One sentence on a row of the table, None where nobody has given a figure.

    A figure is reproduced where it lies in the interval of ours.

    Args:
        label: What the row is called.
        ours: Accuracy on dev with its 95 % interval.
        theirs: The figures of others for the same system and questions.
    """
    if theirs.assignment is None:
        return None
    low, high = ours.interval
    figure = f"{label}: the assignment's {theirs.assignment:.1%}"
    measured = f"ours is {ours.value:.1%}, {low:.1%} to {high:.1%}"
    if low <= theirs.assignment <= high:
        sentence = f"{figure} is reproduced ({measured})"
    else:
        sentence = f"{figure} is not what this recipe reaches ({measured})"
    return f"{sentence}{_among_the_public(ours, theirs)}.".replace("%", " %")


def _among_the_public(ours: Estimate, theirs: Reference) -> str:
    """`; 82 public files: the median 23.0%, the best 31.8%, ours below the median`."""
    parts = {"worst": theirs.public_worst, "median": theirs.public_median, "best": theirs.public_best}
    known = [f"the {name} {share:.1%}" for name, share in parts.items() if share is not None]
    if not known or theirs.public_best is None:
        return ""
    files = f"{theirs.public_files} " if theirs.public_files else ""
    middle = theirs.public_median
    if ours.value > theirs.public_best:
        place = "above all of them"
    elif middle is not None and ours.value != middle:
        place = f"{'above' if ours.value > middle else 'below'} the median"
    else:
        place = "within them"
    return f"; {files}public files: {', '.join(known)}, ours {place}"
