"""`closedbook import`: a model of the course's assignment as a run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from closedbook.config.validation import POSITIONAL, Count, New
from closedbook.errors import counted

EXAMPLE = "closedbook import vanilla.model.params --out runs/course --corpus data"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Make a run of a model that was trained with the code of the course's assignment (CS224n assignment 5).

    Args:
        file: What torch.save(model.state_dict(), FILE) wrote; read with weights_only, so that no code in it is run.
        out: The run directory; must not exist.
        corpus: A corpus directory with the file that the model was pretrained on, which its characters come from.
        heads: Attention heads (default: what the file shows, else the assignment's 8).
    """

    file: Annotated[Path, POSITIONAL]
    out: New
    corpus: Path
    heads: Count | None = None


def run(options: Options) -> None:
    """Writes the run directory and says what it is."""
    from closedbook.cli.shared import described
    from closedbook.hub.course import import_course
    from closedbook.report.console import say

    imported = import_course(options.file, options.corpus, options.out, options.heads)
    model = imported.config.model
    shape = f"{counted(model.layers, 'layer')}, {counted(model.heads, 'head')}, {model.positions} positions"
    say(f"{described(imported)}, {shape}: {options.out}")
