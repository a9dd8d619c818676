import re

import pytest

from closedbook.errors import UserError
from closedbook.experiments.variants import BASE, WITHIN, arms, attention_variant, choose, equal, ingredients, stages
from closedbook.model.costs import parameters
from closedbook.recipes import find_recipe, open_track, standard

NAMES = (
    "key_query_value",
    "factorised_random_synthesizer+dense_synthesizer",
    "key_query_value:positions=none,key_value_heads=1",
)


@pytest.mark.parametrize("recipe", [standard(), open_track()], ids=lambda recipe: recipe.name)
def test_every_variant_differs_from_the_recipe_and_from_the_others(recipe, corpus):
    variants = ingredients(recipe)
    assert next(iter(variants)) == BASE
    assert len({str(variant.stages) for variant in variants.values()}) == len(variants)
    assert all(variant.stages[0].recipe == recipe.name for variant in variants.values())
    assert ("reader read once" in variants) == (recipe.pretrain.reader is not None)
    cells = arms(list(variants.values()), corpus, 2)
    assert len({cell.name for arm in cells.values() for cell in arm}) == 2 * len(variants)


def test_an_objective_that_goes_takes_nothing_else_with_it():
    base = standard().pretrain
    variants = ingredients(standard())
    for objective in base.mixture:
        if objective.name != "question_answering":
            changed = variants[f"without {objective.name}"].stages[0]
            assert changed.mixture == tuple(other for other in base.mixture if other != objective)
            assert changed.training == base.training


def test_variants_are_chosen_by_name_the_recipe_first():
    known = ingredients(standard())
    assert [variant.name for variant in choose(known, ["AdamW", BASE])] == [BASE, "AdamW"]
    assert len(choose(known, [])) == len(known)
    with pytest.raises(UserError, match="AdamV: no such variant"):
        choose(known, ["AdamV"])


def test_attention_variants_are_named_on_the_command_line():
    recipe = standard()
    assert attention_variant(recipe, "dense_synthesizer").model.positions == "learned"
    assert attention_variant(recipe, "key_query_value").model.positions == "rotary"
    assert attention_variant(recipe, "random_synthesizer+key_query_value").model.positions == "rotary"
    assert attention_variant(recipe, "key_query_value:positions=none").model.positions == "none"
    assert attention_variant(recipe, "key_query_value:key_value_heads=2").model.groups == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dense", "is no attention class"),
        ("key_query_value:head=2", "did you mean 'heads'"),
        ("key_query_value:heads", "is no new field=value"),
        ("key_query_value:heads=two", "cannot be 'two'"),
        ("key_query_value:heads=[", r"cannot be '\['"),
        ("key_query_value:heads=2,heads=4", "is no new field=value"),
        ("key_query_value:", "is no new field=value"),
        ("dense_synthesizer:positions=rotary", "have no effect without queries and keys"),
    ],
)
def test_an_attention_variant_that_makes_no_sense_is_refused(text, sentence):
    with pytest.raises(UserError, match=f"--variants {re.escape(text)}.*{sentence}"):
        attention_variant(standard(), text)


def test_variants_are_made_equal_by_their_mlps():
    recipe = find_recipe("default")
    found = equal([attention_variant(recipe, name) for name in NAMES], 1000)
    target = parameters(recipe.pretrain.model, 1000)
    assert found[0].model.mlp_width is None
    assert all(abs(parameters(variant.model, 1000) / target - 1) < WITHIN / 2 for variant in found)
    assert found[2].model.mlp_width > recipe.pretrain.model.hidden_width  # fewer keys and values, no positions


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("key_query_value:heads=4", "is the same model as key_query_value"),
        ("key_query_value:layers=9", "with MLPs of any width"),
    ],
)
def test_variants_that_cannot_be_compared_are_refused(text, sentence):
    recipe = find_recipe("default")
    with pytest.raises(UserError, match=f"--variants {re.escape(text)}.*{sentence}"):
        equal([attention_variant(recipe, name) for name in ("key_query_value", text)], 1000)


def test_finetuning_is_a_stage_where_pretraining_has_no_questions(recipe):
    assert stages(standard()) == (standard().pretrain,)
    assert stages(recipe) == (recipe.pretrain, recipe.finetune)


def test_a_variant_of_a_pretraining_without_questions_is_finetuned_with_its_architecture(recipe):
    for name, variant in ingredients(recipe).items():
        pretrain, finetune = variant.stages
        assert (finetune.stage, finetune.mixture, finetune.training) == (
            "finetune",
            recipe.finetune.mixture,
            recipe.finetune.training,
        )
        assert (finetune.model, finetune.tokenizer) == (pretrain.model, pretrain.tokenizer), name
    assert ingredients(recipe)[BASE].stages == (recipe.pretrain, recipe.finetune)
