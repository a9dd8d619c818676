"""The door to models, whoever trained them, by one name.

A run directory; `hf:DIR`, a model in Hugging Face format; `gguf:FILE`, one in llama.cpp's; `api:URL`, an endpoint that
speaks OpenAI's protocol; `ensemble:DIR`, the runs of a folder, asked together. What a kind needs is imported when one
is opened.
"""

import glob
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from closedbook.errors import UserError, nearest
from closedbook.evaluation.form import Form

if TYPE_CHECKING:
    import torch

    from closedbook.evaluation.language_model import LanguageModel

HUGGING_FACE, GGUF, ENDPOINT, ENSEMBLE = "hf", "gguf", "api", "ensemble"
"""The prefixes of what is no run."""
THRESHOLD = "abstention.json"
PARTIAL = ".partial"  # of a run that is not finished
Backend = Literal["transformers", "llama.cpp"]


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a model is opened.

    Args:
        device: Where it computes.
        form: How it is asked, None for its own way: its chat format where it has one, else a plain question.
        served: The name of the model at an endpoint.
        precision: What it computes in, None for what the machine is good at.
        backend: What computes a GGUF file, None for transformers.
    """

    device: "torch.device | str" = "cpu"
    form: Form | None = None
    served: str | None = None
    precision: Literal["fp32", "bf16"] | None = None
    backend: Backend | None = None


def open_model(name: str, way: Way | None = None) -> "LanguageModel":
    """The model of that name, ready to be asked.

    Args:
        name: A run directory, or a prefix of `OPENERS`, a colon and what it opens.
        way: How.

    Raises:
        UserError: It cannot be loaded, or is asked for in a way that it does not have.
    """
    way = way or Way()
    if way.precision not in (None, "fp32", "bf16"):  # of a caller in Python
        raise UserError(f"precision {way.precision!r}: there are fp32 and bf16.")
    prefix, rest = _split(name)
    if way.served is not None and prefix != ENDPOINT:
        raise UserError(f"--model has no effect on {name}, which is one model; it names that of an api: endpoint.")
    if way.backend is not None and prefix != GGUF:
        raise UserError(f"--backend has no effect on {name}; it is for gguf: files.")
    return OPENERS[prefix](rest, way)


def is_foreign(name: str) -> bool:
    """Whether the name means a model that is not a run of ours."""
    return bool(_split(name)[0])


def is_endpoint(name: str) -> bool:
    """Whether the name means a model that others compute."""
    return _split(name)[0] == ENDPOINT


def threshold_file(name: str) -> Path | None:
    """Where the threshold of a model is kept, in its directory or beside its file; None where it has neither."""
    prefix, rest = _split(name)
    if prefix == ENDPOINT or (prefix == ENSEMBLE and not Path(rest).is_dir()):
        return None
    return Path(f"{rest}.{THRESHOLD}") if prefix == GGUF else Path(rest) / THRESHOLD


def fingerprint(name: str) -> str:
    """SHA-256 of the model's weights, without loading them; of an endpoint's address, whose weights nobody sees.

    Raises:
        UserError: They are not there.
    """
    from closedbook.facts.corpus import sha256
    from closedbook.hub.directory import weights_sha256

    prefix, rest = _split(name)
    if prefix == ENDPOINT:
        return hashlib.sha256(rest.encode()).hexdigest()
    if prefix == ENSEMBLE:
        from closedbook.evaluation.ensemble import combined

        return combined(map(fingerprint, members(rest)))
    path = Path(rest)
    if prefix == HUGGING_FACE:
        return weights_sha256(path)
    file = path if prefix == GGUF else path / "model.safetensors"
    if not file.is_file():
        raise UserError(f"{path}: no such {'file' if prefix == GGUF else 'run'}.")
    return sha256(file)


def members(rest: str) -> list[str]:
    """The runs of an ensemble: those of a folder by name, or those of a list with commas, `*` for any letters.

    Raises:
        UserError: A name is missing or given twice, or stands for no run.
    """
    from closedbook.run_directory import CONFIG, WEIGHTS

    takes = f"{ENSEMBLE}: takes a folder of runs, or RUN,RUN,..."
    names = list[str]()
    for pattern in [f"{rest}/*"] if rest and Path(rest).is_dir() else map(str.strip, rest.split(",")):
        if not pattern:
            raise UserError(f"{ENSEMBLE}:{rest}: a name is missing; {takes}")
        matches = [pattern]
        if "*" in pattern:
            paths = map(Path, sorted(glob.glob(glob.escape(pattern).replace("[*]", "*"))))
            matches = [str(path) for path in paths if any((path / name).is_file() for name in (CONFIG, WEIGHTS))]
            matches = [name for name in matches if not name.endswith(PARTIAL)]
        if not matches:
            why = "is one run" if (Path(rest) / CONFIG).is_file() else "no runs there"
            raise UserError(f"{ENSEMBLE}:{rest}: {why}; {takes}")
        names += matches
    places = [Path(name).resolve() for name in names]
    if twice := [name for name, place in zip(names, places, strict=True) if places.count(place) > 1]:
        raise UserError(f"{ENSEMBLE}:{rest}: names {twice[0]} twice.")
    return names


def runs_of(name: str) -> list[str]:
    """The runs of ours that a name means: itself, the members of an ensemble, or none."""
    prefix, rest = _split(name)
    return members(rest) if prefix == ENSEMBLE else [] if prefix else [name]


def why_no_threshold(name: str) -> str:
    """Why no threshold is kept with a model that has no `threshold_file`."""
    if _split(name)[0] == ENSEMBLE:
        return "a list of runs has no directory of its own; one of a folder of runs (ensemble:DIR) is kept there"
    return "the weights of an endpoint are not seen"


def _split(name: str) -> tuple[str, str]:
    """The prefix, "" for a run, and what follows it."""
    prefix, colon, rest = name.partition(":")
    return (prefix, rest) if colon and prefix in OPENERS else ("", name)


def _open_run(path: str, way: Way) -> "LanguageModel":
    from closedbook.run_directory import PREFIXED
    from closedbook.runs import load

    if Path(path).is_file() and Path(path).suffix == ".gguf":
        raise UserError(f"{path}: a GGUF file is called gguf:{path}.")
    if (Path(path) / "config.json").is_file() and (Path(path) / "generation_config.json").is_file():
        raise UserError(f"{path}: a model in Hugging Face format is called hf:{path}.")
    prefix, colon, _ = path.partition(":")
    if prefix in OPENERS and colon and not Path(path).exists():  # ensemble:RUN,hf:DIR
        raise UserError(f"{path}: no run; an ensemble is made of runs, each by its directory.")
    if colon and not Path(path).exists() and (hint := nearest(prefix, filter(None, OPENERS))):
        raise UserError(f"{path}: no such run{hint}.")
    if PREFIXED.match(path) and not Path(path).exists():
        kinds = ", ".join(f"{name}:" for name in OPENERS if name)
        raise UserError(f"{path}: no such run; models of other kinds are called {kinds}")
    if way.form is not None:
        raise UserError(
            "--template, --chat and --shots have no effect on a run of ours, which has a prompt of its own."
        )
    if way.precision is not None:
        raise UserError("--precision has no effect on a run of ours, which is asked in fp32.")
    return load(path, way.device)


def _open_directory(path: str, way: Way) -> "LanguageModel":
    from closedbook.hub.directory import open_directory

    return open_directory(Path(path), way)


def _open_gguf(path: str, way: Way) -> "LanguageModel":
    from closedbook.hub.gguf import open_gguf

    return open_gguf(Path(path), way)


def _open_endpoint(url: str, way: Way) -> "LanguageModel":
    from closedbook.hub.endpoint import open_endpoint

    return open_endpoint(url, way)


def _open_ensemble(rest: str, way: Way) -> "LanguageModel":
    from closedbook.evaluation.ensemble import Ensemble
    from closedbook.runs import Run

    opened = [_open_run(name, way) for name in members(rest)]
    taught = [_taught(run.environment) for run in opened if isinstance(run, Run)]
    mixed = any(other != taught[0] for other in taught)
    return Ensemble(f"{ENSEMBLE}:{rest}", opened, ", which were taught different corpora" if mixed else "")


def _taught(environment: dict[str, Any]) -> set[str]:
    """SHA-256 of the files that a run was trained on."""
    files = environment["corpus"].get("files", {}).values()
    return {file["sha256"] for file in files if file["part"] in ("corpus", "train")}


OPENERS: "dict[str, Callable[[str, Way], LanguageModel]]" = {
    "": _open_run,
    HUGGING_FACE: _open_directory,
    GGUF: _open_gguf,
    ENDPOINT: _open_endpoint,
    ENSEMBLE: _open_ensemble,
}
"""By prefix."""
