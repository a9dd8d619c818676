"""`closedbook train`: a recipe, of which any field can be overridden, becomes a run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

from annotated_types import Ge

from closedbook.cli.options import from_yaml, parse_with_settings
from closedbook.cli.shared import described, say_which_corpus
from closedbook.config import RunConfig, Stage, to_dict
from closedbook.config.validation import POSITIONAL, Natural
from closedbook.errors import UserError, in_words
from closedbook.experiments.options import CHECKPOINT_SECONDS, OnMachine, TrackerName
from closedbook.facts.text import MOST_SETTINGS, read_text
from closedbook.recipes import RECIPES, Recipe, find_recipe, with_settings
from closedbook.torchrun import launched

if TYPE_CHECKING:
    import torch

    from closedbook.facts.corpus import Corpus
    from closedbook.facts.stored import StoredCorpus
    from closedbook.training.ranks import Ranks

SETTINGS = {
    name: hint
    for name, hint in get_type_hints(RunConfig, include_extras=True).items()
    if name not in ("recipe", "stage")
}
"""What of a configuration can be overridden."""


@dataclass(frozen=True, kw_only=True)
class Options(OnMachine):
    """Train one stage of a recipe; any field can be overridden, here or in a YAML file; under torchrun on many devices.

    Args:
        recipe: The recipe's name; --list lists them.
        list: List the recipes, one line each.
        show: Show the recipe as it is overridden, or with --stage one of its stages in the form that --config takes.
        corpus: The built-in corpus, a directory with documents, train and dev questions, or a store of one.
        out: The run directory to write; must not exist, unless as what an earlier call has begun.
        stage: Which stage of the recipe (default: pretrain, with --start finetune).
        start: The pretrained run that is to be finetuned.
        teacher: The model whose answers the recipe distilled studies: a run, ensemble:DIR (runs asked together), or
            another that tells probabilities (hf:DIR, gguf:FILE).
        config: A YAML file with any of the recipe's fields.
        strict: Refuse training questions that have two different answers.
        probe: Dev questions to ask on the way, for the learning curve in recall.jsonl; nothing is chosen by them.
        track: The experiment tracker that the training is shown in, on this machine.
        checkpoint_seconds: Seconds between two checkpoints, which is what a power cut can cost.
    """

    recipe: Annotated[str | None, POSITIONAL] = None
    list: bool = False
    show: bool = False
    corpus: str | None = None
    out: Path | None = None
    stage: Stage | None = None
    start: Path | None = None
    teacher: str | None = None
    config: Path | None = None
    strict: bool = False
    probe: Natural = 0
    track: TrackerName | None = None
    checkpoint_seconds: Annotated[float, Ge(0)] = CHECKPOINT_SECONDS


def run(arguments: Sequence[str]) -> None:
    """Lists the recipes, shows one, or trains one."""
    command = "closedbook train"
    example = f"{command} standard --corpus mine --out runs/mine --training.epochs 4"
    example += (
        f"\nexample: torchrun --standalone --nproc-per-node 2 -m {command} standard --corpus mine --out runs/mine"
    )
    options, changes = parse_with_settings(command, Options, arguments, example=example, groups=SETTINGS)
    _refuse_beside("--list" if options.list else "--show" if options.show else "", options, changes)
    if options.list:
        for name, make in RECIPES.items():
            print(f"{name:<22}{make().summary}")
        return
    if options.recipe is None:
        raise UserError(f"RECIPE must be given, one of {', '.join(RECIPES)}; see {command} --help.")
    recipe = find_recipe(options.recipe)
    if options.show:
        show(recipe, options.stage, changes)
    else:
        train(recipe, options, changes)


def _refuse_beside(shown: str, options: Options, changes: dict[str, Any]) -> None:
    """Raises a `UserError` for what has no effect beside --list or --show."""
    idle = {
        f"--{name}": getattr(options, name)
        for name in ("config", "corpus", "out", "start", "teacher", "strict", "probe", "track")
    }
    if shown == "--list":
        idle |= {"RECIPE": options.recipe, "--show": options.show, "--stage": options.stage}
        idle |= {f"--{path}": True for path in changes}
    for name, given in idle.items():
        if shown and given not in (None, False, 0):
            raise UserError(f"{name}: has no effect beside {shown}; leave one of them out.")


def show(recipe: Recipe, stage: Stage | None, changes: dict[str, Any]) -> None:
    """Prints a recipe with its fields overridden, or one of its stages in the form that --config takes."""
    import yaml

    if stage is not None:
        values = to_dict(overridden(recipe.stage(stage), None, changes))
        settings = {name: value for name, value in values.items() if name in SETTINGS and value is not None}
        print(yaml.safe_dump(settings, sort_keys=False), end="")
        return
    print(f"# {recipe.name}: {recipe.summary}")
    for note in recipe.inert:
        print(f"# without effect, as in the original: {note}")
    stages = {each: to_dict(overridden(recipe.stage(each), None, changes)) for each in get_args(Stage)}
    print(yaml.safe_dump(stages, sort_keys=False), end="")


def train(recipe: Recipe, options: Options, changes: dict[str, Any]) -> None:
    """Trains a stage of the recipe with its fields overridden.

    Raises:
        UserError: The options do not go together, a field has a value that it does not take, or see `train_run`.
    """
    if options.corpus is None or options.out is None:
        raise UserError(f"--{'out' if options.corpus else 'corpus'} must be given; see closedbook train --help.")
    from closedbook.experiments.unfinished import refuse_finished

    launch = launched()
    if launch is None or launch.rank == 0:
        refuse_finished(options.out)
    stage = _chosen_stage(options)
    config = overridden(recipe.stage(stage), options.config, changes)
    config.check_teacher(options.teacher is not None)
    say_which_corpus(options.corpus)
    corpus = _read(options, recipe) if launch is None else None  # before torch is imported, which takes seconds
    device = options.open_device()
    from closedbook.experiments.train import train_along
    from closedbook.training.ranks import opened_ranks

    with opened_ranks(device) as ranks:
        corpus = corpus or _read(options, recipe)  # where the others notice if it cannot be read
        if options.teacher is not None:
            corpus = _taught(config, corpus, options, device, ranks)
        if ranks.leads:
            _say_what_comes(recipe, config, corpus, changes, device, ranks.count)
            _lead(config, corpus, options, device, ranks)
        else:
            train_along(config, corpus, options.out, device=device, start=options.start, ranks=ranks)


def _read(options: Options, recipe: Recipe) -> "Corpus | StoredCorpus":
    from closedbook.facts.built_in import open_corpus

    return open_corpus(options.corpus or "", built_in=recipe.built_in, strict=options.strict)


def _taught(
    config: RunConfig, corpus: "Corpus | StoredCorpus", options: Options, device: "torch.device", ranks: "Ranks"
) -> "Corpus":
    """The corpus with what the teacher answers; of several processes one asks for all."""
    from closedbook.experiments.teaching import taught_for
    from closedbook.facts.corpus import Corpus
    from closedbook.hub import Way, open_model
    from closedbook.report.console import say

    told: Corpus | None = None
    if ranks.leads:
        teacher = open_model(options.teacher or "", Way(device=device))
        say(f"teacher: {described(teacher)}")
        told = taught_for(config, corpus, teacher, say)
    cards, files, name = ranks.tell((told.cards, told.files, told.teacher) if told else ((), {}, ""))
    assert isinstance(corpus, Corpus), "what the leading process has seen to"
    return replace(corpus, cards=cards, files=files, teacher=name)


def _lead(
    config: RunConfig, corpus: "Corpus | StoredCorpus", options: Options, device: "torch.device", ranks: "Ranks"
) -> None:
    """Trains, alone or as the first of several processes, and shows and keeps it."""
    assert options.out is not None, "`train` has seen to that"
    from closedbook.experiments.tracking import tracked
    from closedbook.experiments.train import train_run
    from closedbook.report.console import Progress, say

    with Progress(f"{config.recipe} {config.stage}") as progress, tracked(options.track, options.out, say) as tracking:
        run = train_run(
            config,
            corpus,
            options.out,
            device=device,
            start=options.start,
            callbacks=(progress, *tracking),
            announce=say,
            probe=corpus.dev[: options.probe],
            checkpoint_seconds=options.checkpoint_seconds,
            ranks=ranks,
        )
    say(f"run: {run.path}")


def _say_what_comes(
    recipe: Recipe,
    config: RunConfig,
    corpus: "Corpus | StoredCorpus",
    changes: dict[str, Any],
    device: "torch.device",
    processes: int,
) -> None:
    """Says what is learned, what of it can be asked, and how long it will take."""
    from closedbook.experiments.cost import estimate
    from closedbook.facts.coverage import coverage_lines, coverage_of
    from closedbook.facts.stored import some_of
    from closedbook.report.console import say, say_corpus

    say_corpus(corpus)
    notes = [f"without effect, as in the original: {note}" for note in recipe.inert]
    least = config.training.least_steps
    if least and {"training.epochs", "training.least_steps"} & changes.keys() == {"training.epochs"}:
        notes.append(
            f"at least {least:,} steps are planned, however few the epochs; --training.least_steps null takes that back"
        )
    reach = coverage_of(config, some_of(corpus)) if config.stage == "pretrain" else []
    notes += coverage_lines(reach)
    if reach and config.distillation is None and not any(row.asked for row in reach):
        notes.append("careful: no answer can be learned from the documents as they were read; this may be in vain")
    where = "on this machine" if processes == 1 else f"in {processes} processes"
    seconds = estimate([(config, corpus)], device) / processes
    sooner = "" if config.training.stop_at_loss is None else ", less where all is learned before"
    for note in (*notes, f"about {in_words(seconds)} of training {where}{sooner}"):
        say(note)


def _chosen_stage(options: Options) -> Stage:
    """The stage, held against --start, which must be a run."""
    stage: Stage = options.stage or ("pretrain" if options.start is None else "finetune")
    if (stage == "finetune") != (options.start is not None):
        raise UserError(f"--stage {stage}: finetune goes on from a --start, and pretrain and scratch from nothing.")
    if options.start is not None:
        from closedbook.run_directory import check_run

        check_run(options.start)
    return stage


def overridden(config: RunConfig, file: Path | None, changes: dict[str, Any]) -> RunConfig:
    """The configuration with what a YAML file says, and then what the command line says.

    Args:
        config: The recipe's.
        file: Settings by name, as `--show --stage` prints them.
        changes: Values by dotted path: `training.epochs`.

    Raises:
        UserError: The file cannot be read, or a setting is unknown or has a value that it does not take.
    """
    values, said = to_dict(config), {}
    if file is not None:
        said = from_yaml(read_text(file, most=MOST_SETTINGS), str(file))
        if not isinstance(said, dict):
            raise UserError(f"{file}: has a value where settings by name belong.")
        for name in ("recipe", "stage"):
            if said.get(name, values[name]) != values[name]:
                raise UserError(f"{file}: is for {name} {said[name]}, the command line says {values[name]}.")
    return with_settings(with_settings(config, said), changes)
