"""Drawing, whatever is drawn: colours, figures that can be read on any paper, SVG and PNG."""

import html
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogFormatter, ScalarFormatter

from closedbook.files import write_chunks, write_text
from closedbook.visible import visible

# Okabe and Ito's colour-blind safe palette, without black and yellow, which vanish on dark or light paper.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
INK = "#808080"  # readable on white and on black


def plain(figure: Figure) -> Figure:
    """The figure without a frame or paper of its own, its text and lines readable on light and dark pages."""
    figure.patch.set_alpha(0)
    for axis in figure.axes:
        axis.patch.set_alpha(0)
        axis.tick_params(which="both", colors=INK)
        axis.spines[:].set_color(INK)
        axis.spines[["top", "right"]].set_visible(False)
        for text in (axis.title, axis.xaxis.label, axis.yaxis.label):
            text.set_color(INK)
    return figure


@contextmanager
def _any_letter() -> Iterator[None]:
    """No warnings of letters that matplotlib's own font does not have."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def _without_formulas(figure: Figure) -> None:
    """Text is drawn as it is, `$` begins no formula; but for figures on axes, where 10^2 is one."""
    axes = [axis for each in figure.axes for axis in (each.xaxis, each.yaxis)]
    numbers = [axis for axis in axes if isinstance(axis.get_major_formatter(), LogFormatter | ScalarFormatter)]
    kept = {id(label) for axis in numbers for label in axis.get_ticklabels(which="both")}
    for text in figure.findobj(Text):
        if isinstance(text, Text) and id(text) not in kept:
            text.set_parse_math(False)


def to_svg(figure: Figure, title: str) -> str:
    """The figure as an `<svg>` element, with a title for readers that cannot see it."""
    _without_formulas(figure)
    buffer = io.StringIO()
    # the same figure is the same text; letters stay letters, drawn by the reader's fonts
    with rc_context({"svg.hashsalt": "closedbook", "svg.fonttype": "none"}), _any_letter():
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = visible(svg[svg.index("<svg") :])
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(title)}" ', 1)


def save(figure: Figure, stem: Path, title: str) -> str:
    """`stem.svg` for pages that may be dark, and `stem.png` on white; returns the `<svg>` element, as `to_svg` does.

    Raises:
        UserError: The file system refuses.
    """
    svg = to_svg(figure, title)
    write_text(stem.with_name(stem.name + ".svg"), svg + "\n")
    buffer = io.BytesIO()
    with _any_letter():
        figure.savefig(buffer, format="png", dpi=160, facecolor="white")
    write_chunks(stem.with_name(stem.name + ".png"), [buffer.getvalue()])
    return svg
