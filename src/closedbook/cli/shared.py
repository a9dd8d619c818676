"""What several verbs have: the model, what a run was trained on, and lines on the console."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from closedbook.config import BUILT_IN
from closedbook.config.validation import POSITIONAL, Named
from closedbook.errors import UserError, counted
from closedbook.experiments.options import OnMachine, Spread

if TYPE_CHECKING:
    from closedbook.audit.abstention import Abstention
    from closedbook.cluster.pool import Replicas
    from closedbook.evaluation.form import Form
    from closedbook.evaluation.language_model import LanguageModel
    from closedbook.facts.corpus import Corpus
    from closedbook.facts.stored import StoredCorpus


@dataclass(frozen=True, kw_only=True)
class HowAsked(OnMachine):
    """How models are opened and asked.

    Args:
        served: The name of the model at an api: endpoint.
        template: The prompt of a model that is not a run, with {} for the question.
        chat: Put the question, or the --template, into the model's chat format.
        precision: What an hf: or gguf: model computes in (default: bf16 where that is native, else fp32).
        backend: What computes a gguf: file (default: transformers).
    """

    served: Annotated[str | None, Named("--model")] = None
    template: str | None = None
    chat: bool = False
    precision: Literal["fp32", "bf16"] | None = None
    backend: Literal["transformers", "llama.cpp"] | None = None

    @property
    def form(self) -> "Form | None":
        """How it is to be asked, None where that is not said."""
        from closedbook.evaluation.form import as_given

        return as_given(self.template, self.chat or None)

    def threshold_of(self, model: str) -> "Abstention | None":
        """The threshold that an audit saved with a model, None without one.

        Raises:
            UserError: It is damaged, or was chosen for other weights or another form; `--template` has no slot.
        """
        from closedbook.audit.abstention import threshold_in
        from closedbook.hub import fingerprint, threshold_file

        return threshold_in(threshold_file(model), partial(fingerprint, model), self.form)

    def open_model(self, model: str, threshold: "Abstention | None" = None) -> "LanguageModel":
        """A model, ready to be asked, in the form of the threshold where none is given.

        Raises:
            UserError: It cannot be loaded, or a form is given for a run, which has a prompt of its own.
        """
        device = self.open_device()
        from closedbook.hub import Way, open_model

        form = self.form or (threshold.form if threshold is not None else None)  # a run has none
        way = Way(device=device, form=form, served=self.served, precision=self.precision, backend=self.backend)
        return open_model(model, way)


@dataclass(frozen=True, kw_only=True)
class WithModel(HowAsked):
    """Which model to ask, and how.

    Args:
        model: A run directory; hf:DIR, a causal language model in Hugging Face format; gguf:FILE, one in llama.cpp's;
            api:URL, an endpoint that speaks OpenAI's protocol; ensemble:DIR, the runs of a folder, or
            ensemble:RUN,RUN,..., asked together.
    """

    model: Annotated[str, POSITIONAL]

    def threshold(self) -> "Abstention | None":
        """The threshold that an audit saved with the model; see `threshold_of`."""
        return self.threshold_of(self.model)

    def open(self, threshold: "Abstention | None" = None) -> "LanguageModel":
        """The model, ready to be asked; see `open_model`."""
        return self.open_model(self.model, threshold)


@dataclass(frozen=True, kw_only=True)
class WithProcesses(WithModel, Spread):
    """Which model to ask, how, and in how many processes."""

    @contextmanager
    def opened(self, threshold: "Abstention | None" = None) -> "Iterator[LanguageModel]":
        """The model, ready to be asked, in as many processes as are wanted.

        Args:
            threshold: As `open_model` takes it.

        Raises:
            UserError: It cannot be loaded, or asked in several processes, or Ray is missing.
        """
        if self.workers is None and self.address is None:
            yield self.open(threshold)
            return
        from closedbook.cluster.pool import opened, require_engine
        from closedbook.experiments.elsewhere import elsewhere_for, require_same_versions
        from closedbook.hub import is_endpoint
        from closedbook.hub.spread import SpreadModel, replica

        if is_endpoint(self.model):
            option = "workers" if self.address is None else "address"
            raise UserError(
                f"--{option}: an endpoint answers elsewhere; CLOSEDBOOK_REQUESTS says how many questions at once."
            )
        device = self.open_device()
        place = elsewhere_for(self, device)
        assert place is not None, "several processes are wanted"
        require_engine(place.request)
        model = self.open(threshold)
        there = replace(self, threads=place.threads, device=device.type)  # which of several GPUs they are told by Ray

        with ExitStack() as stack:

            @cache
            def replicas() -> "Replicas":
                pool = stack.enter_context(opened(place.request))
                if self.address is not None:
                    require_same_versions(pool)
                return pool.replicas(partial(replica, there.open, model.kind, model.fingerprint()))

            yield SpreadModel(model, replicas)


def described(model: "LanguageModel") -> str:
    """What a model is, and how large where that is known."""
    size = f", {counted(model.parameters, 'parameter')}" if model.parameters else ""
    return f"{model.kind}{size}"


def read_corpus_for(model: str, name: str) -> "Corpus":
    """A corpus directory, a store, or the built-in corpus as the recipe of a run is made for it, in memory.

    Raises:
        UserError: The directory is missing or malformed, or the store is too large for memory.
    """
    from closedbook.facts.stored import whole

    return whole(open_corpus_for(model, name))


def open_corpus_for(model: str, name: str) -> "Corpus | StoredCorpus":
    """The same, a store that is too large for memory as what is read from it step by step."""
    say_which_corpus(name)
    from closedbook.facts.built_in import open_corpus
    from closedbook.hub import runs_of
    from closedbook.recipes import RECIPES

    built_in = None
    if name == BUILT_IN and (runs := runs_of(model)) and (Path(runs[0]) / "config.json").is_file():
        from closedbook.run_directory import read_config

        recipe = read_config(Path(runs[0])).recipe
        built_in = RECIPES[recipe]().built_in if recipe in RECIPES else None
    return open_corpus(name, built_in=built_in)


def say_which_corpus(name: str | None) -> None:
    """Says that the built-in corpus is read, where a directory is called like it, and how that is read instead."""
    if name == BUILT_IN and Path(name).is_dir():
        from closedbook.report.console import say

        say(f"Careful: {name} is the built-in corpus, not the directory here; that is --corpus ./{name}.")
