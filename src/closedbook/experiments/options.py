"""What each experiment can be asked for, as the command line and Python have it; free of torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Le, MinLen

from closedbook.config import BUILT_IN, PeopleConfig, ReaderConfig
from closedbook.config.validation import POSITIONAL, Count, Few, Passes, Seed, Threads, configuration
from closedbook.facts.corpus import Corpus
from closedbook.presets import Preset, find_for_experiment, find_preset
from closedbook.recipes import Recipe

if TYPE_CHECKING:
    import torch

    from closedbook.experiments.grid import Grid
    from closedbook.experiments.reporter import Reporter

RecipeName = Annotated[str | None, POSITIONAL]
CHECKPOINT_SECONDS = 60.0
TrackerName = Literal["trackio", "wandb", "tensorboard"]


@configuration
class _OnCorpus:
    """What is read.

    Args:
        corpus: The name of the built-in data set, or a directory with documents, train and dev questions.
        strict: Whether training questions that have two different answers are refused.
    """

    corpus: str = BUILT_IN
    strict: bool = False

    def read(self, built_in: PeopleConfig | None = None) -> Corpus:
        """The corpus, the built-in one with the settings that a recipe is made for."""
        from closedbook.facts.built_in import read_corpus  # NumPy takes 75 ms, which `--help` does not need

        return read_corpus(self.corpus, built_in=built_in, strict=self.strict)


@configuration
class OnMachine:
    """Where to compute.

    Args:
        device: auto, cpu, cuda or cuda:N.
        threads: CPU threads (default: what torch takes).
    """

    device: str = "auto"
    threads: Threads | None = None

    def open_device(self) -> "torch.device":
        """The device, with the threads set."""
        import torch

        from closedbook.machine import pick_device

        if self.threads is not None:
            torch.set_num_threads(self.threads)
        return pick_device(self.device)


@configuration
class Spread(OnMachine):
    """In how many processes to compute, and where.

    Args:
        workers: Processes side by side, each with its share of the threads (default: this one alone, or with
            --address as many as there is room for).
        address: HOST:PORT of a Ray cluster to compute on, or auto for the one that this machine is part of.
    """

    workers: Few | None = None
    address: str | None = None


@configuration
class Kept(Spread):
    """What is written.

    Args:
        out: The output directory, taken up again if ours.
        checkpoint_seconds: Seconds between two checkpoints of a training, which is what a power cut can cost.
        track: The experiment tracker that every training is shown in, on this machine.
    """

    out: Path = Path("runs")
    checkpoint_seconds: Annotated[float, Ge(0)] = CHECKPOINT_SECONDS
    track: TrackerName | None = None

    def grid(self, reporter: "Reporter", *, keep_runs: bool = True) -> "Grid":
        """Where to train and what to keep."""
        from closedbook.experiments.elsewhere import elsewhere_for
        from closedbook.experiments.grid import Grid

        device = self.open_device()
        return Grid(
            out=self.out,
            device=device,
            reporter=reporter,
            keep_runs=keep_runs,
            checkpoint_seconds=self.checkpoint_seconds,
            track=self.track,
            elsewhere=elsewhere_for(self, device),
        )


@configuration
class OfRecipe(_OnCorpus, Kept):
    """What is trained.

    Args:
        recipe: A recipe's name; `default` on the built-in data and `standard` on a directory unless given.
        seeds: Seeds 0, 1, ... of every training.
    """

    recipe: RecipeName = None
    seeds: Few = 3

    def chosen_recipe(self) -> Recipe:
        """The recipe of that name, or the usual one."""
        return find_for_experiment(self.recipe or ("default" if self.corpus == BUILT_IN else "standard"))

    def opened(self, recipe: Recipe, reporter: "Reporter", *, keep_runs: bool = True) -> "tuple[Grid, Corpus]":
        """The grid, and the corpus, of which the reporter hears."""
        corpus = self.read(recipe.built_in)
        reporter.corpus(corpus)
        return self.grid(reporter, keep_runs=keep_runs), corpus


@configuration
class ReproduceConfig(_OnCorpus, Kept):
    """Train every system of a preset, print a results table a track, write the report.

    Args:
        preset: A preset's or a recipe's name; `default` on the built-in data and `facts` on a directory unless given.
        seeds: Seeds 0, 1, ... of every trained system.
        precision: Of every training, the recipe's unless given.
    """

    preset: str | None = None
    seeds: Few = 1
    precision: Literal["auto", "fp32", "bf16"] | None = None
    out: Path = Path("runs/reproduce")

    def chosen_preset(self) -> Preset:
        """The preset of that name, or the usual one, in the precision."""
        preset = find_preset(self.preset or ("default" if self.corpus == BUILT_IN else "facts"))
        return preset.with_precision(self.precision) if self.precision else preset


@configuration
class CompareConfig(OfRecipe):
    """Compare attention classes at equal data, steps and (within 2 %) parameters.

    Args:
        variants: Two or more attention classes or mixtures `a+b`, each with fields of the architecture if need be, as
            in key_query_value:positions=none,key_value_heads=1; the first is what the others are compared with.
    """

    variants: Annotated[tuple[str, ...], MinLen(2)] = (
        "key_query_value",
        "dense_synthesizer",
        "random_synthesizer",
    )
    out: Path = Path("runs/compare")


@configuration
class AblateConfig(OfRecipe):
    """Change one ingredient of a recipe at a time, and ask about held-out training facts.

    Args:
        variants: Names of variants of its pretraining, all of them unless given.
        epochs: Epochs of pretraining, whatever the data; the recipe's unless given.
        held_out: Training facts to ask about instead of learning them (default: a fifth of them, at most 400).
    """

    variants: tuple[str, ...] = ()
    epochs: Passes | None = None
    held_out: Count | None = None
    out: Path = Path("runs/ablate")


@configuration
class ExtractionConfig(OfRecipe):
    """Vary training questions and exposures: what is stored, and how much of that can be asked.

    Args:
        questions: Numbers of training questions, each a training; those that are there in all come last by themselves.
        exposures: Passes over documents and all questions, each a training; the recipe's own is always among them.
        held_out: Training facts to ask about instead of learning them (default: a fifth of them, at most 400).
    """

    questions: tuple[Count, ...] = (25, 100, 400, 1600)
    exposures: tuple[Passes, ...] = (2, 4, 8)
    held_out: Count | None = None
    out: Path = Path("runs/extraction")


@configuration
class SweepConfig(OfRecipe):
    """Try values of a recipe's fields, and ask about held-out training facts; side by side, the worst are given up.

    Args:
        over: FIELD=V1,V2,... as closedbook train has the fields (training.learning_rate=0.002,0.004); every
            combination is tried. `finetune.` in front means finetuning's own.
        held_out: Training facts to ask about instead of learning them (default: a fifth of them, at most 400).
        seeds: Seeds 0, 1, ... of every setting that is not given up.
    """

    over: Annotated[tuple[str, ...], MinLen(1)]
    held_out: Count | None = None
    seeds: Few = 1
    out: Path = Path("runs/sweep")


@configuration
class AttributeConfig(OfRecipe):
    """Leave the documents of a random half of the subjects out of pretraining, and compare recall on both halves."""

    out: Path = Path("runs/attribute")


@configuration
class UnknownsConfig(OfRecipe):
    """Finetune with and without facts that the pretrained model does not know, and compare made-up answers.

    Args:
        epochs: Epochs of finetuning.
    """

    epochs: Passes = 10
    out: Path = Path("runs/unknowns")


@configuration
class CapacityConfig(Kept):
    """Count the bits of knowledge about the built-in data that a model of some size holds.

    Args:
        counts: Numbers of subjects to teach, a new model for each.
        width: The model's width; it has 4 heads.
        layers: The model's layers.
        exposures: Times that every fact is taught.
        seed: Of data and model.
    """

    counts: Annotated[tuple[Annotated[int, Ge(10), Le(10**7)], ...], MinLen(1)] = (500, 1000, 2000, 4000)
    width: Annotated[int, Ge(1), Le(16_384)] = 32
    layers: Annotated[int, Ge(1), Le(256)] = 2
    exposures: Passes = 100
    seed: Seed = 0
    out: Path = Path("runs/capacity")


@configuration
class ReaderExperimentConfig(_OnCorpus):
    """Learn an open-book reader from the training questions, measure it, and write its cards.

    Args:
        folds: Folds of the cross-validation, 0 for none.
        reader: How it is learned.
        out: The output directory; must not exist.
    """

    folds: Annotated[int, Ge(0), Le(1_000)] = 5
    reader: ReaderConfig = ReaderConfig()
    out: Path = Path("runs/reader")
