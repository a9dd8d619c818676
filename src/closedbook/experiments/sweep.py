"""A sweep: values of a recipe's fields, every combination trained, and asked about subjects held out from training.

Dev is never looked at: the training facts are split by subject, as for an ablation. In several processes the settings
that are behind at 11 and at 33 percent of their training are given up (ASHA); in one each is trained to its end.
"""

import hashlib
import itertools
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from closedbook.cluster.pool import Halving, halving
from closedbook.errors import UserError, counted
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.statistics import wilson
from closedbook.experiments.ablate import held_out_of, validation_corpus
from closedbook.experiments.comparing import Report, Scored, provenance, recall, scored
from closedbook.experiments.grid import Cell, Grid, Trained, seeded
from closedbook.experiments.looking import curve_of
from closedbook.experiments.options import SweepConfig
from closedbook.experiments.reporter import Reporter
from closedbook.experiments.variants import Variant, file_name, stages
from closedbook.facts.corpus import Corpus
from closedbook.recipes import Recipe, with_settings

FINETUNE = "finetune."
OF_BOTH = ("model", "tokenizer")  # a run is finetuned with its own architecture and vocabulary
MOST_SETTINGS = 1_000
LONGEST = 120  # characters of a name that files bear


@dataclass(frozen=True, kw_only=True)
class Trial(Scored):
    """A setting and seed; where it was given up, nothing was asked at the end and nothing is counted."""

    exact: tuple[int, ...] = ()
    parameters: int = 0
    tokens: int = 0
    seconds: float = 0.0
    name: str  # of the cell
    curve: tuple[tuple[int, float], ...]  # percent of the training, and recall there
    recall: float  # at the end, or where it was given up
    percent: int  # of its training that it was given

    def line(self) -> str:
        given_up = f"given up at {self.percent} % of its training, {100 * self.recall:.1f} % right"
        return given_up if self.percent < 100 else super().line()


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A combination of values over its seeds."""

    name: str  # the values
    recall: float  # of the held-out facts
    interval: tuple[float, float]  # 95 %, as `closedbook.experiments.comparing.Estimate` has it
    percent: int  # of its training that it was given; less than 100 where it was given up
    parameters: int  # of the model
    seconds: float  # of training, the sum of the seeds


@dataclass(frozen=True, kw_only=True)
class Sweep(Report):
    """What the values bring."""

    held_out: int  # training facts that were asked about
    rows: tuple[Setting, ...]  # best first
    commands: tuple[str, ...]  # that train the best setting on all training facts, a stage each


def run(options: SweepConfig, reporter: Reporter) -> Sweep:
    """Trains what is not finished yet; the runs themselves are not kept."""
    recipe = options.chosen_recipe()
    settings = combinations(options.over)
    variants = [changed(recipe, name, changes) for name, changes in settings.items()]
    grid, corpus = options.opened(recipe, reporter, keep_runs=False)
    held_out = held_out_of(corpus, options.held_out)
    split = validation_corpus(corpus, held_out)
    reporter.say(
        f"{counted(len(variants), 'setting')}; {len(split.dev):,} of {counted(len(corpus.train), 'training fact')} "
        "are held out and asked about"
    )
    first, *others = settings.values()
    alike = {name: value for name, value in first.items() if all(other[name] == value for other in others)}
    base = changed(recipe, "", alike)
    grid.open("sweep", {"stages": base.stages, "held_out": held_out, "files": corpus.files})
    rows = sweep(grid, split, variants, seeds=options.seeds)
    return grid.report(
        Sweep(
            **provenance(grid, corpus, recipe.name, options.seeds),
            held_out=len(split.dev),
            rows=tuple(rows),
            commands=commands(recipe, settings[rows[0].name], options.corpus),
        )
    )


def combinations(over: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Every combination of `FIELD=V1,V2,...`, as values by field, under a name that says where it differs from others.

    Raises:
        UserError: A text is of another form, a field or a value stands twice, or they are too many.
    """
    fields: dict[str, list[str]] = {}
    for text in over:
        name, equals, rest = text.partition("=")
        values = rest.split(",")
        if not name or not equals or "" in values:
            raise UserError(f"--over {text}: takes FIELD=V1,V2,..., as in training.learning_rate=0.002,0.004.")
        if name in fields or len(set(values)) < len(values):
            raise UserError(f"--over {text}: {'this field' if name in fields else 'a value'} is given twice.")
        fields[name] = values
    told = [name for name, values in fields.items() if len(values) > 1] or [*fields]
    made = {}
    for chosen in itertools.islice(itertools.product(*fields.values()), MOST_SETTINGS + 1):
        setting = dict(zip(fields, chosen, strict=True))
        words = " ".join(f"{name}={setting[name]}" for name in told)
        made[words] = {name: _value(value) for name, value in setting.items()}
    if len(made) > MOST_SETTINGS:
        raise UserError(f"--over: gives more than {MOST_SETTINGS:,} settings; take fewer values.")
    return made


def _value(text: str) -> Any:
    """A number, true, false or null as JSON has them, else a word."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def changed(recipe: Recipe, name: str, changes: Mapping[str, Any]) -> Variant:
    """The recipe's stages with other values.

    Raises:
        UserError: A field is unknown, does not take the value, or is of a stage that is not trained.
    """
    trained = stages(recipe)
    idle = next((path for path in changes if path.startswith(FINETUNE)), None)
    if idle and len(trained) == 1:
        raise UserError(f"--over {idle}: {recipe.name} is not finetuned; its training questions are in its mixture.")
    kept = [path for path in changes if path.startswith((f"{FINETUNE}model.", f"{FINETUNE}tokenizer."))]
    if wrong := next((path for path in kept if path != f"{FINETUNE}model.dropout"), None):
        raise UserError(f"--over {wrong}: finetuning keeps the model and the vocabulary of pretraining.")
    if "training.seed" in {path.removeprefix(FINETUNE) for path in changes}:
        raise UserError("--over training.seed: a seed is no setting to choose; --seeds takes their number.")
    try:
        return Variant(name, tuple(with_settings(config, of_stage(config.stage, changes)) for config in trained))
    except UserError as error:
        raise UserError(f"--over {name}: {error}") from None


def of_stage(stage: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a stage, by path in its configuration."""
    own = {path.removeprefix(FINETUNE): value for path, value in changes.items() if path.startswith(FINETUNE)}
    rest = {path: value for path, value in changes.items() if not path.startswith(FINETUNE)}
    if stage != "finetune":
        return rest
    return {path: value for path, value in rest.items() if path.split(".")[0] in OF_BOTH} | own


def sweep(grid: Grid, split: Corpus, variants: Sequence[Variant], *, seeds: int) -> list[Setting]:
    """The settings, best first; those that were given up with seed 0 have no further seeds."""
    asked_from_the_start = all(len(variant.stages) == 1 for variant in variants)  # else recall is noise for long
    early = Giving() if grid.elsewhere is not None and asked_from_the_start else None
    trials = grid.run({variant.name: [_cell(variant, 0, split)] for variant in variants}, measure, Trial, early=early)
    whole = [variant for variant in variants if trials[variant.name][0].percent == 100]
    further = {variant.name: [_cell(variant, seed, split) for seed in range(1, seeds)] for variant in whole}
    for name, own in grid.run(further, measure, Trial).items():
        trials[name] += own
    rows = [_row(name, own, len(split.dev)) for name, own in trials.items()]
    return sorted(rows, key=lambda row: (row.percent < 100, -row.recall))


def _cell(variant: Variant, seed: int, split: Corpus) -> Cell:
    """All that is held out is asked on the way as well."""
    name = file_name(variant.name)
    if len(name) > LONGEST:
        name = f"{name[:LONGEST]}-{hashlib.sha256(variant.name.encode()).hexdigest()[:8]}"
    return seeded(name, variant.stages, seed, split, probed=len(split.dev))


def measure(trained: Trained) -> Trial:
    """Asks the held-out facts."""
    fields = scored(trained, evaluate(trained.run, trained.asked.dev))
    recall = sum(fields["exact"]) / len(fields["exact"])
    return Trial(**fields, name=trained.cell.name, curve=curve_of(trained.paths), recall=recall, percent=100)


class Giving:
    """Gives up what is behind, by Ray Tune's ASHA; see `closedbook.experiments.grid.Early`."""

    def __init__(self) -> None:
        self._halving: Halving = halving()

    def goes_on(self, cell: Cell, percent: int, recall: float) -> bool:
        return self._halving.goes_on(cell.name, percent, recall)

    def kept(self, result: Trial) -> None:
        for percent, value in result.curve:
            self._halving.goes_on(result.name, percent, value)

    def result(self, cell: Cell, curve: Sequence[tuple[int, float]]) -> Trial:
        percent, recall = curve[-1]
        return Trial(name=cell.name, curve=tuple(curve), recall=recall, percent=percent)


def _row(name: str, trials: Sequence[Trial], asked: int) -> Setting:
    value, interval = trials[0].recall, wilson(round(trials[0].recall * asked), asked)
    if trials[0].percent == 100:
        estimate = recall([trial.exact for trial in trials])
        value, interval = estimate.value, estimate.interval
    return Setting(
        name=name,
        recall=value,
        interval=interval,
        percent=trials[0].percent,
        parameters=trials[0].parameters,
        seconds=round(sum(trial.seconds for trial in trials), 1),
    )


def commands(recipe: Recipe, changes: Mapping[str, Any], corpus: str) -> tuple[str, ...]:
    """The command lines that train a setting, one a stage."""
    lines = []
    for number, config in enumerate(stages(recipe)):
        out = f"runs/{recipe.name}-best" + ("-finetuned" if number else "")
        words = ["closedbook", "train", recipe.name, "--corpus", corpus, "--out", out]
        words += ["--start", f"runs/{recipe.name}-best"] if number else []
        for path, value in of_stage(config.stage, changes).items():
            words += [f"--{path}", value if isinstance(value, str) else json.dumps(value)]
        lines.append(shlex.join(words))
    return tuple(lines)
