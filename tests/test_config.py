import dataclasses

import pytest

from closedbook.config import (
    ContextCards,
    ModelConfig,
    NameCards,
    Outlines,
    PeopleConfig,
    QuestionAnswering,
    SpanCorruption,
    TokenizerConfig,
    TrainingConfig,
    run_config,
    to_dict,
)
from closedbook.errors import UserError
from closedbook.presets import find_preset
from closedbook.recipes import RECIPES, find_recipe, with_attention, with_seed, with_training

SIZES = {"batch_tokens": 64, "micro_batches": 1, "warmup_steps": 1}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: TokenizerConfig(), "vocabulary_size must be at least 258"),
        (lambda: TokenizerConfig(kind="characters", vocabulary_size=300), "has no effect with characters"),
        (lambda: ModelConfig(heads=3), "must divide"),
        (lambda: ModelConfig(block=15), "model.block: cannot be 15; takes at least 16.$"),
        (lambda: ModelConfig(block=10**9), "takes at most 65,536"),
        (lambda: ModelConfig(width=0), "takes at least 1"),
        (lambda: ModelConfig(width=4), "must divide"),
        (lambda: ModelConfig(layers=1.5), "model.layers: cannot be 1.5; takes a whole number.$"),
        (lambda: ModelConfig(layers="4"), "model.layers: cannot be '4'"),
        (lambda: ModelConfig(layers=True), "model.layers: cannot be True"),
        (lambda: ModelConfig(layer=2), r"model.layer: no such setting \(did you mean 'layers'\?\)"),
        (lambda: ModelConfig(tied_embeddings=1), "takes true or false"),
        (lambda: ModelConfig(positions="rotray"), r"takes learned or rotary or none \(did you mean 'rotary'\?\)"),
        (lambda: ModelConfig(attention="rotary"), "'rotary' is no attention class"),
        (lambda: TrainingConfig(**SIZES, learning_rate=float("nan")), "learning_rate: cannot be nan"),
        (lambda: ModelConfig(dropout=1.0), "dropout"),
        (lambda: NameCards(words=3), "name_cards.words: no such setting"),
        (lambda: ContextCards(words=0), "context_cards.words: cannot be 0; takes at least 1.$"),
        (lambda: SpanCorruption(long_documents="window"), r"takes windows or cut \(did you mean 'windows'"),
        (lambda: QuestionAnswering(first_epoch=2, last_epoch=1), "question_answering: last_epoch must not come before"),
        (lambda: TrainingConfig(**SIZES, batch_rows=3), "batch_rows has no effect"),
        (lambda: TrainingConfig(warmup_steps=1), "batch_tokens must be"),
        (lambda: TrainingConfig(plan="in_order", batch_rows=1, batch_tokens=1, warmup_steps=1), "batch_tokens has no"),
        (lambda: TrainingConfig(**SIZES, matrix_learning_rate=0.1), "no effect with optimizer adamw"),
        (lambda: TrainingConfig(**SIZES, optimizer="muon"), "matrix_learning_rate must be given with optimizer muon"),
        (lambda: TrainingConfig(**SIZES, schedule="course"), "no effect with schedule course"),
        (lambda: TrainingConfig(batch_tokens=64, micro_batches=1), "warmup_steps must be given"),
        (lambda: TrainingConfig(**SIZES, learning_rate=0.0), "learning_rate: cannot be 0.0; takes more than 0.$"),
        (lambda: PeopleConfig(templates=5), "people.templates: cannot be 5; takes at most 4.$"),
        (lambda: PeopleConfig(dev=0.0), "train and dev must be above 0"),
    ],
)
def test_what_makes_no_sense_or_has_no_effect_is_refused(make, sentence):
    with pytest.raises(UserError, match=sentence):
        make()


def test_configs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelConfig().layers = 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"stage": "pretran"}, r"stage: cannot be 'pretran'; takes pretrain or .* \(did you mean 'pretrain'\?\)."),
        ({"model": {"layers": "four"}}, "^model.layers: cannot be 'four'; takes a whole number.$"),
        ({"model": {"layer": 4}}, r"^model.layer: no such setting \(did you mean 'layers'\?\).$"),
        ({"model": 3}, "^model: cannot be 3; takes settings by name.$"),
        ({"mixture": []}, "takes at least 1 of them"),
        ({"mixture": 3}, "takes a list"),
        ({"mixture": [{"repeats": 2}]}, "mixture.0.objective: must be given."),
        (
            {"mixture": [{"objective": "name_crads"}]},
            r"mixture.0.objective: cannot be 'name_crads'.*\(did you mean 'name_cards'\?\)",
        ),
        (
            {"mixture": [{"objective": "name_cards", "repeat": 2}]},
            r"mixture.0.name_cards.repeat: .* \(did you mean 'repeats'\?\)",
        ),
        ({"tokenizer": {"kind": "bpe"}}, "vocabulary_size must be at least 258"),
        ({"trainings": {}}, "trainings: no such setting .did you mean 'training'"),
        ({"width": 64}, r"width: no such setting \(did you mean 'model.width'\?\)"),
        ({"words": 3}, r"words: no such setting\.$"),  # no path leads into the mixture
    ],
)
def test_what_a_file_gets_wrong_is_named_with_its_place(change, sentence):
    values = to_dict(find_recipe("standard").pretrain)
    with pytest.raises(UserError, match=sentence):
        run_config(values | change)


def test_what_is_missing_from_a_file_is_named():
    values = to_dict(find_recipe("standard").pretrain)
    del values["tokenizer"]
    with pytest.raises(UserError, match=r"^tokenizer: must be given.$"):
        run_config(values)


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_survive_json(name):
    recipe = find_recipe(name)
    assert recipe.name == name
    for stage in ("pretrain", "finetune", "scratch"):
        config = recipe.stage(stage)
        assert (config.recipe, config.stage) == (name, stage)
        assert run_config(to_dict(config)) == config


def test_a_variant_is_one_changed_field():
    config = find_recipe("faithful").pretrain
    assert with_attention(with_attention(config, "dense_synthesizer"), "key_query_value") == config
    assert with_seed(config, 7).training.seed == 7


def test_the_rows_of_the_table():
    names = [system.name for system in find_preset("default").systems]
    assert names == ["most_frequent", "no_pretraining", "key_query_value", "synthesizer"]
    assert [(system.name, system.track) for system in find_preset("best").systems] == [
        ("most_frequent", "standard"),
        ("no_pretraining", "standard"),
        ("standard", "standard"),
        ("standard_synthesizer", "standard"),
        ("open", "open"),
    ]
    with pytest.raises(UserError, match="no such preset"):
        find_preset("bset")


def test_the_standard_track_studies_no_cards_of_a_reader():
    for system in find_preset("best").systems:
        for config in system.configs:
            assert (config.reader is not None) == (system.track == "open")


def test_the_faithful_recipe_is_the_2021_recipe():
    recipe = find_recipe("faithful")
    assert recipe.pretrain.training.precision == "auto"  # bf16 where it is native, said in the run
    training = recipe.pretrain.training
    assert (training.epochs, training.batch_rows, training.learning_rate) == (650, 128, 6e-3)
    assert (recipe.finetune.training.epochs, recipe.scratch.training.epochs) == (10, 75)
    assert recipe.finetune.training.batch_rows == 256
    assert recipe.pretrain.reading == "course"
    assert recipe.inert


def test_a_source_takes_part_from_its_first_to_its_last_epoch():
    source = QuestionAnswering(first_epoch=1, last_epoch=2)
    assert [source.takes_part(epoch) for epoch in range(4)] == [False, True, True, False]
    assert QuestionAnswering().takes_part(100)
    config = find_recipe("standard").pretrain
    with pytest.raises(UserError, match="Every epoch needs an objective"):
        dataclasses.replace(config, mixture=(source,))


@pytest.mark.parametrize("further", [{"least_steps": 700}, {"epochs_a_relation": 4}])
def test_epochs_beyond_the_fixed_ones_need_an_objective(further):
    config = with_training(find_recipe("standard").pretrain, epochs_a_relation=0, least_steps=None)
    ending = dataclasses.replace(
        config, mixture=tuple(dataclasses.replace(objective, last_epoch=7) for objective in config.mixture)
    )
    assert ending.training.epochs == 8
    with pytest.raises(UserError, match="may add epochs to the 8, and they need an objective too"):
        with_training(ending, **further)
    one_goes_on = dataclasses.replace(ending, mixture=(*ending.mixture[:-1], config.mixture[-1]))
    assert with_training(one_goes_on, **further).mixture == one_goes_on.mixture


@pytest.mark.parametrize(
    ("mixture", "from_epoch"),
    [
        ((NameCards(),), 0),
        ((NameCards(), QuestionAnswering(joining=4)), 3),
        ((NameCards(), QuestionAnswering(joining=4, last_epoch=3)), 3),
        ((NameCards(), Outlines(first_epoch=2, last_epoch=4)), 2),
        ((NameCards(), Outlines(last_epoch=7)), 0),
    ],
)
def test_all_have_joined_when_nothing_is_still_to_come(mixture, from_epoch):
    config = dataclasses.replace(with_training(find_recipe("standard").pretrain, epochs=8), mixture=mixture)
    assert [config.all_joined(epoch) for epoch in range(20)] == [epoch >= from_epoch for epoch in range(20)]


@pytest.mark.parametrize(
    ("settings", "passes", "share"),
    [
        ({"repeats": 3, "joining": 8, "most": 20}, 8, 1.0),
        ({"repeats": 3, "joining": 8, "most": 20}, 16, 20 / 37.5),
        ({"repeats": 2, "most": 20}, 10, 1.0),
        ({"repeats": 2, "most": 20}, 100, 0.1),
        ({"repeats": 2, "most": 20, "share": 0.05}, 100, 0.05),
        ({"repeats": 2}, 100, 1.0),
    ],
)
def test_a_question_is_asked_so_often_in_a_training_and_no_more(settings, passes, share):
    settled = QuestionAnswering(**settings).settled(passes, epochs=8)
    assert (settled.share, settled.most, settled.repeats) == (pytest.approx(share), None, settings["repeats"])


def test_other_objectives_are_taken_as_often_however_many_passes_there_are():
    assert NameCards(share=0.5).settled(1000, epochs=8) == NameCards(share=0.5)
