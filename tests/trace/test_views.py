import dataclasses
import json

import numpy as np
import pytest
import torch
from matplotlib.text import Text

from closedbook.drawing import save
from closedbook.errors import UserError
from closedbook.evaluation.scorers import score_all
from closedbook.experiments.train import train_run
from closedbook.trace.ablation import RelationAblations, ablate_components, components, means, switched_off
from closedbook.trace.attribution import attribute, average_attribution
from closedbook.trace.averages import trace_facts
from closedbook.trace.causal import average_trace, causal_trace
from closedbook.trace.lens import lens_average, logit_lens
from closedbook.trace.neighbours import nearest_names
from closedbook.trace.patterns import looks, patterns
from closedbook.trace.prompts import ROLES, trace_prompts
from closedbook.trace.question import trace_question
from closedbook.trace.report import report_on
from tests.model.test_variants import FORMS
from tests.toys import tiny_config


@pytest.fixture
def facts(corpus):
    return corpus.train[:8]


@pytest.fixture
def prompts(run, facts):
    return trace_prompts(run, [fact.question for fact in facts], [fact.subject for fact in facts])


def words(figure):
    """All text of a figure."""
    return {text.get_text() for text in figure.findobj(Text)}


def test_a_question_knows_its_tokens_and_its_name(run, prompts, facts):
    for prompt, fact in zip(prompts, facts, strict=True):
        assert len(prompt.labels) == len(prompt.roles) == len(prompt.ids)
        name = run.tokenizer.decode(prompt.ids[prompt.span[0] : prompt.span[1]])
        assert name == fact.subject
        assert prompt.answer == run.ask(fact.question)
        (nats,) = run.log_probability(run.prompts([fact.question]), [prompt.answer])
        assert prompt.probability == pytest.approx(np.exp(nats), abs=1e-4)
        assert prompt.roles[-1] == "the mask"
        assert prompt.roles[prompt.span[1] - 1] == "last of the name"
        assert set(prompt.roles) <= set(ROLES)
    for question, name, sentence in (
        ("Where was Ann born?", "Bob", "nowhere"),
        ("Is Fanny a canny one?", "an", "not as whole words"),
        ("Where was Ann born?", " ", "not as whole words"),
        ("Was Ann born where Ann lives?", "Ann", "more than once"),
    ):
        with pytest.raises(UserError, match=sentence):
            trace_prompts(run, [question], [name])
    question = facts[0].question.replace(facts[0].subject, facts[0].subject.lower())
    (lower,) = trace_prompts(run, [question], [facts[0].subject])
    assert run.tokenizer.decode(lower.ids[slice(*lower.span)]) == facts[0].subject.lower()


@pytest.mark.parametrize(
    ("question", "name"),
    [("法国的首都是哪里?", "法国"), ("東京はどこですか?", "東京"), ("กระบี่อยู่ที่ไหน?", "กระบี่"), ("서울은 어디?", "서울")],
)
def test_names_are_found_in_scripts_without_spaces(run, question, name):
    (prompt,) = trace_prompts(run, [question], [name])
    assert run.tokenizer.decode(prompt.ids[slice(*prompt.span)]) == name


def test_patterns_are_weights_and_top_is_their_largest(run, prompts):
    found = patterns(run, prompts[0])
    assert np.allclose(found.pattern_LHTS.sum(-1), 1, atol=1e-5)
    top = found.top(3)
    assert top[0]["weight"] == pytest.approx(found.pattern_LHTS[:, :, -1].max())
    assert {"0.0", "0.1", "1.0", "1.1"} <= words(found.figure())


def test_looks_share_out_the_mask_attention_among_the_roles(run, prompts):
    found = looks(run, prompts)
    assert np.allclose(found.weight_LHR.sum(-1), 1, atol=1e-5)
    assert found.top(2)[0]["name"] >= found.top(2)[1]["name"]
    assert {*ROLES, "0.1"} <= words(found.figure())


def test_the_last_state_of_the_lens_is_what_the_model_says(run, prompts):
    prompt = prompts[0]
    lens = logit_lens(run, prompt)
    with torch.no_grad():
        logits = run.model.head(run.model(torch.tensor([prompt.ids])))[0]
    assert np.allclose(lens.answer_NT[-1], logits.softmax(-1)[:, prompt.answer_ids[0]].numpy(), atol=1e-6)
    last = lens.top(2)[-1]
    assert last["rank"] == 0
    assert last["probabilities"][0] == pytest.approx(last["answer"])
    assert lens.states == ("embedding", "attention 0", "MLP 0", "attention 1", "MLP 1")
    assert {*lens.states, *prompt.labels} <= words(lens.figure())


def test_the_averaged_lens_is_the_mean(run, prompts):
    found = lens_average(run, {"all": prompts})
    expected = np.mean([logit_lens(run, prompt).answer_NT[:, -1] for prompt in prompts], axis=0)
    assert [row["mean"] for row in found.groups["all"]] == pytest.approx(expected.tolist(), abs=1e-6)
    assert found.top(1)[0]["rise"] >= found.top(2)[1]["rise"]
    assert {"all", *found.states} <= words(found.figure())


def test_attributions_sum_to_the_logit_and_to_the_difference(run, prompts, facts):
    prompt = prompts[0]
    found = attribute(run, prompt)
    assert found.value_N.sum() == pytest.approx(found.logit, abs=1e-4)
    assert abs(found.top(1)[0]["value"]) == pytest.approx(np.abs(found.value_N).max())
    firsts = {fact.answers[0]: run.tokenizer.encode([fact.answers[0]])[0][0] for fact in facts}
    other = next(answer for answer, first in firsts.items() if first != prompt.answer_ids[0])
    against = attribute(run, prompt, other)
    assert against.value_N.sum() == pytest.approx(against.logit, abs=1e-4)
    assert against.logit > 0  # the model prefers its own answer
    for text, sentence in ((other, "begins with the same token"), ("", "--against is empty")):
        impossible = dataclasses.replace(prompt, answer_ids=(firsts[other],))
        with pytest.raises(UserError, match=sentence):
            attribute(run, impossible, text)
    assert {*found.components} <= words(found.figure())


def test_averaged_attributions_have_intervals_around_the_mean(run, prompts):
    found = average_attribution(run, prompts)
    rounding = 1e-5 * (1 + np.abs(found.mean_N))  # a constant component's mean and bounds differ in their last bits
    assert np.all(found.interval_N2[:, 0] <= found.mean_N + rounding)
    assert np.all(found.mean_N <= found.interval_N2[:, 1] + rounding)
    heads = [name.startswith("head") for name in found.components]
    assert np.isfinite(found.from_name_N[heads]).all()
    assert json.dumps(found.top(3))
    assert {*found.components} <= words(found.figure())


def test_causal_tracing_is_an_interpolation_between_clean_and_corrupted(run, prompts):
    prompt = prompts[0]
    quiet = causal_trace(run, prompt, noise=0.0)
    assert quiet.corrupted == pytest.approx(quiet.clean, abs=1e-6)
    assert np.allclose(quiet.restored_NT, quiet.clean, atol=1e-6)
    found = causal_trace(run, prompt, noise=30.0)
    last = found.states.index("stream after 1")
    assert found.restored_NT[last, -1] == pytest.approx(found.clean, abs=1e-6)  # the final state decides alone
    assert np.allclose(found.restored_NT[last, :-1], found.corrupted, atol=1e-6)  # and no other token's does
    first = found.states.index("embedding")
    assert np.allclose(found.restored_NT[first, : prompt.span[0]], found.corrupted, atol=1e-6)  # was never corrupted
    assert found.top(1)[0]["effect"] == pytest.approx(found.effects.max())
    assert {*found.states, *prompt.labels} <= words(found.figure())
    assert np.array_equal(causal_trace(run, prompt).restored_NT, causal_trace(run, prompt).restored_NT)


def test_averaged_tracing_gathers_positions_by_role(run, prompts):
    found = average_trace(run, prompts, samples=2)
    assert found.effect_NR.shape == (len(found.states), len(ROLES))
    last = found.states.index("stream after 1")
    assert found.effect_NR[last, ROLES.index("the mask")] == pytest.approx(found.clean - found.corrupted, abs=1e-6)
    inside = np.isfinite(found.effect_NR)
    assert np.all(found.interval_NR2[..., 0][inside] <= found.effect_NR[inside] + 1e-12)
    assert json.dumps(found.top(3))
    assert {*found.states, *ROLES} <= words(found.figure())


def test_ablation_compares_recall_with_and_without(run, prompts, facts):
    found = ablate_components(run, prompts, facts, "zero")
    names = [row.component for row in found.rows]
    assert names == [name for name, *_ in components(run)]
    assert names == [
        "head 0.0",
        "head 0.1",
        "all heads of 0",
        "MLP 0",
        "head 1.0",
        "head 1.1",
        "all heads of 1",
        "MLP 1",
    ]
    with switched_off(run, "blocks.0.hook_mlp_out"):
        expected = np.mean([score.correct for score in score_all(run.answer([fact.question for fact in facts]), facts)])
    assert next(row for row in found.rows if row.component == "MLP 0").recall == expected
    assert found.costliest(1)[0].difference == min(row.difference for row in found.rows)
    assert json.dumps(found.top(3))
    assert {*names} <= words(found.figure())
    assert ablate_components(run, prompts, facts, "mean").how == "mean"
    with pytest.raises(UserError, match="no facts"):
        ablate_components(run, [], [])


def test_ablation_breaks_down_by_relation(run, prompts, facts):
    two = [dataclasses.replace(fact, relation="odd" if place % 2 else "even") for place, fact in enumerate(facts)]
    found = ablate_components(run, prompts, two, "zero")
    assert list(found.by_relation) == ["even", "odd"]
    assert found.recall == pytest.approx(np.mean(list(found.by_relation.values())))  # as many facts of each
    for row in found.rows:
        assert row.recall == pytest.approx(np.mean(list(row.by_relation.values())))
    top = RelationAblations(found).top(2)
    assert top[0]["recall"] - top[0]["of"] <= top[1]["recall"] - top[1]["of"]
    assert {"everything on", "MLP 1", "odd", "even"} <= words(RelationAblations(found).figure())


def test_the_mean_of_an_activation_is_over_all_tokens(run, prompts):
    point = "blocks.0.attn.hook_z"
    found = means(run, prompts[:1], [point])[point]
    assert found.shape == (2, 32)
    with switched_off(run, point, 1, found[1]) as nothing:
        assert nothing is None
        assert run.ask(prompts[0].question) is not None


def test_the_nearest_names_are_others_that_the_model_can_spell(run, facts, tmp_path):
    names = [fact.subject for fact in facts]
    found = nearest_names(run, "Where was {} born?", names[0], names, layer=1)
    assert names[0] not in found.names
    assert found.top(3)[0]["cosine"] >= found.top(3)[1]["cosine"]
    assert {*found.names[:7]} <= words(found.figure())
    strange = nearest_names(run, "Where was {} born?", names[0], ["A$AP Roc_$", "x" * 900, "a\u2047b", *names], layer=1)
    assert set(strange.names) == {"A$AP Roc_$", *names[1:]}
    save(strange.figure(), tmp_path / "names", 'names "<&> \\1')
    assert "&quot;&lt;&amp;&gt; \\1" in (tmp_path / "names.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("question", "subject", "form"),
    [
        ("What is the symbol of tin?", "Tin", "What is the symbol of {}?"),
        ("Is the Ironmonger of Iron?", "Iron", "Is the Ironmonger of {}?"),
        ("Where are foxes?", "fox", "Where are {}es?"),
    ],
)
def test_nearest_names_stand_where_the_question_has_its_own(run, question, subject, form):
    names = ["Tin", "Gold", "Ironmonger", "e"]
    found = trace_question(run, question, subject, names=names, layer=0).nearest
    expected = nearest_names(run, form, subject, names, layer=0)
    assert found is not None
    assert found.names == expected.names
    assert found.cosine_Q == pytest.approx(expected.cosine_Q)
    assert set(found.names) == {*names} - {subject}
    assert trace_question(run, "What is Tin {}?", "Tin", names=names).nearest is None


@pytest.mark.parametrize(
    "form",
    [
        "all",
        "attention only",
        pytest.param("random_synthesizer", marks=pytest.mark.slow),
        pytest.param("multi-query", marks=pytest.mark.slow),
    ],
)
def test_every_view_works_for_every_architecture(form, corpus, tmp_path):
    config = dataclasses.replace(tiny_config("finetune"), stage="scratch")
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, **FORMS[form]))
    run = train_run(config, corpus, tmp_path / "run", device=torch.device("cpu"))
    fact = corpus.train[0]
    question = trace_question(run, fact.question, fact.subject, names=[fact.subject for fact in corpus.train[:12]])
    report = report_on(run, question, trace_facts(run, corpus.train[:5]))
    assert len(report.views()) >= 9
    assert len(report.to_json()["question"]["findings"]) >= 5
    assert json.dumps(report.to_json())
    for view in report.views().values():
        assert len(words(view.figure())) > 3
