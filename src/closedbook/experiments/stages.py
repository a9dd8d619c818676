"""What the experiments share: an output directory that is taken up again, and stages that are trained in turn."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from closedbook.config import RunConfig
from closedbook.errors import UserError
from closedbook.experiments.progress import ProgressFor
from closedbook.experiments.train import train_run
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Fact
from closedbook.files import write_json
from closedbook.runs import read_json


def open_output(out: Path, command: str, settings: dict[str, Any]) -> None:
    """Marks a new output directory with the settings, or goes into the one that the same settings left.

    Args:
        out: The output directory.
        command: Whose output it is; names the marker.
        settings: What must be the same for the output to be taken up again (JSON-ready).

    Raises:
        UserError: The directory holds something else.
    """
    marker = out / f"{command}.json"
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        write_json(marker, settings)
    elif not marker.is_file():
        raise UserError(f"{out}: exists and is not an output of closedbook {command}; choose another --out.")
    elif read_json(marker) != settings:
        raise UserError(
            f"{out}: holds an output of closedbook {command} with other settings or data; "
            "choose another --out or remove it."
        )


def kept_or_made(
    path: Path, what: str, say: Callable[[str], None], make: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """The result in a file, made and written if it is not there yet."""
    if path.is_file():
        say(f"{what}: finished before, kept")
        return read_json(path)
    result = make()
    write_json(path, result)
    return result


def train_stages(
    configs: Sequence[RunConfig],
    corpus: Corpus,
    runs: Path,
    name: str,
    *,
    device: torch.device,
    progress: ProgressFor,
    start: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    probe: Sequence[Fact] = (),
) -> list[Path]:
    """The runs of a system's stages, each from the one before, trained where an earlier call has not finished them.

    Args:
        configs: The stages.
        corpus: What to learn.
        runs: The directory of runs.
        name: Of the system and seed; a run is called `NAME-STAGE`.
        device: Where to train.
        progress: Makes a listener for a training of that title.
        start: A run for the first stage to go on from.
        say: Gets lines for people.
        probe: Facts to ask about on the way.
    """
    paths: list[Path] = []
    for config in configs:
        out = runs / f"{name}-{config.stage}"
        if not out.exists():
            with progress(f"{name} {config.stage}") as listener:
                train_run(
                    config,
                    corpus,
                    out,
                    device=device,
                    start=paths[-1] if paths else start,
                    listeners=(listener,),
                    probe=probe,
                    announce=lambda line, stage=config.stage: say(f"{name}, {stage}: {line}"),  # type: ignore[misc]
                )
        paths.append(out)
    return paths
