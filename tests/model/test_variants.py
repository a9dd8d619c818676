"""One suite for every attention class, their mixtures, positions and shared heads."""

import dataclasses
import math
import shutil
import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from closedbook.config import ATTENTIONS, ModelConfig
from closedbook.config.model import RANK
from closedbook.errors import UserError
from closedbook.model.activations import capture
from closedbook.model.attention import Attention
from closedbook.model.cache import KeyValueCache
from closedbook.model.costs import cached_numbers, forward_flops, parameters, saved_numbers, with_parameters
from closedbook.model.gpt import GPT, count_parameters
from closedbook.training.checkpoints import weights
from closedbook.training.loop import refuse_bad_compiler
from tests.model.test_gpt import TOY, toy

FORMS = {
    **{name: {"attention": name} for name in ATTENTIONS},
    "random+kqv": {"attention": "random_synthesizer+key_query_value"},
    "dense+random": {"attention": "dense_synthesizer+random_synthesizer"},
    "all": {"attention": "+".join(ATTENTIONS)},
    "rotary": {"positions": "rotary"},
    "no positions": {"positions": "none"},
    "normalised": {"normalised_queries": True},
    "grouped": {"heads": 4, "key_value_heads": 2},
    "multi-query": {"heads": 4, "key_value_heads": 1, "positions": "rotary"},
    "dense, grouped values": {"attention": "dense_synthesizer", "heads": 4, "key_value_heads": 2},
    "mixture, rotary, grouped": {
        "attention": "factorised_random_synthesizer+key_query_value",
        "heads": 4,
        "key_value_heads": 2,
        "positions": "rotary",
    },
    "attention only": {"mlp_width": 0},
    "no LayerNorm": {"layer_norm": False, "mlp_width": 24},
}
every = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def tokens_of(rows, length, seed=0):
    return torch.randint(2, 30, (rows, length), generator=torch.Generator().manual_seed(seed))


@every
@pytest.mark.parametrize("changed", [0, 1, 7, 18])
def test_no_output_depends_on_a_later_token(form, changed):
    model = toy(**form)
    tokens = tokens_of(1, 19)
    other = tokens.clone()
    other[0, changed] = (other[0, changed] + 1) % 30
    with torch.no_grad():
        before, after = model(tokens), model(other)
    assert torch.equal(before[:, :changed], after[:, :changed])
    assert not torch.allclose(before[:, changed], after[:, changed])
    if changed < 18:
        assert not torch.equal(before[:, changed + 1 :], after[:, changed + 1 :])


@every
@pytest.mark.parametrize("length", [1, 2, 10, 19])
def test_a_shorter_input_is_a_slice_of_the_longest(form, length):
    model = toy(**form)
    tokens = tokens_of(2, 19)
    with torch.no_grad():
        assert torch.allclose(model(tokens[:, :length]), model(tokens)[:, :length], atol=1e-6)


@every
def test_the_cache_gives_what_the_whole_input_gives(form):
    model = toy(**form)
    tokens = tokens_of(3, 12)
    cache = KeyValueCache(2, 15, tokens.device)
    with torch.no_grad():
        whole = model(tokens)
        start = model(tokens[:, :5], torch.arange(5).expand(3, 5), cache)
        steps = [model(tokens[:, t : t + 1], torch.full((3, 1), t), cache) for t in range(5, 12)]
    assert torch.allclose(torch.cat([start, *steps], dim=1), whole, atol=1e-5)


@every
def test_rows_of_a_cache_stand_at_their_own_positions(form):
    model = toy(**form)
    tokens = tokens_of(2, 8)
    lengths = [3, 6]
    padded = torch.zeros(2, 6, dtype=torch.int64)
    for row, length in enumerate(lengths):
        padded[row, :length] = tokens[row, :length]
    cache = KeyValueCache(2, 8, tokens.device)
    with torch.no_grad():
        model(padded, torch.arange(6).expand(2, 6), cache)
        for offset in range(2):
            positions = torch.tensor([[length + offset] for length in lengths])
            states = model(tokens.gather(1, positions), positions, cache)[:, 0]
    for row, length in enumerate(lengths):
        with torch.no_grad():
            whole = model(tokens[row : row + 1, : length + 2])[0, -1]
        assert torch.allclose(states[row], whole, atol=1e-5)


def loss_of(model, tokens):
    logits = model.head(model(tokens[:, :-1]))
    return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


@every
def test_gradients_are_the_finite_differences(form):
    model, tokens = toy(dtype=torch.float64, **form), tokens_of(2, 7)
    loss_of(model, tokens).backward()
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        losses = []
        with torch.no_grad():
            for step in (1e-6, -2e-6):
                parameter += step * direction
                losses.append(float(loss_of(model, tokens)))
            parameter += 1e-6 * direction
        difference = (losses[0] - losses[1]) / 2e-6
        assert difference == pytest.approx(float((parameter.grad * direction).sum()), rel=1e-4, abs=1e-7), name


@every
def test_every_parameter_takes_part(form):
    model = toy(**form)
    loss_of(model, tokens_of(4, 20)).backward()
    idle = [name for name, parameter in model.named_parameters() if not parameter.grad.any()]
    # a bias of keys moves all scores of a row alike, which the softmax does not see; position 20 is never an input
    assert all("key.bias" in name for name in idle)


@every
def test_bf16_is_close_to_fp32(form):
    model, tokens = toy(**form), tokens_of(4, 19)
    with torch.no_grad():
        exact = model.head(model(tokens))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = model.head(model(tokens)).float()
    assert float((exact - rough).abs().max() / exact.std()) < 0.1


COMPILE = """
import sys, torch
from closedbook.config import ModelConfig
from closedbook.model.gpt import GPT

for form, backend in eval(sys.argv[1]):
    torch.manual_seed(0)
    model = GPT(ModelConfig(**{"layers": 2, "heads": 2, "width": 16, "block": 20, **form}), 30).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        tokens = torch.randint(0, 30, (2, 9))
        torch._dynamo.reset()
        compiled = torch.compile(model, fullgraph=True, backend=backend)
        assert torch.allclose(compiled(tokens), model(tokens), atol=1e-5), form
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler; runs where g++ is")
@pytest.mark.slow
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compiled_is_as_eager(backend):
    """Traced as one graph; turned into C++, which takes seconds, the form that has all attention classes in it.

    In a process of its own: the checks of array types, which only tests have, cannot be compiled.
    """
    everything = {**FORMS["all"], **FORMS["grouped"], "positions": "rotary", "normalised_queries": True}
    traced = ("key_query_value", "random_synthesizer", "all", "attention only", "no LayerNorm")
    jobs = [(FORMS[name], backend) for name in traced]
    if backend == "inductor":
        try:
            refuse_bad_compiler(torch.device("cpu"))
        except UserError as refusal:
            pytest.skip(str(refusal))
        jobs = [(everything, backend)]
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", COMPILE, repr(jobs)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@every
def test_the_state_dict_goes_round(form):
    model, tokens = toy(**form), tokens_of(2, 9)
    torch.manual_seed(5)
    other = GPT(model.config, 30).eval()
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert torch.equal(other(tokens), model(tokens))


@every
def test_parameters_and_flops_are_the_formulas(form):
    for tied in (True, False):
        model = toy(tied_embeddings=tied, **form)
        assert parameters(model.config, 30) == count_parameters(model)
        assert saved_numbers(model.config, 30) == sum(tensor.numel() for tensor in weights(model).values())
        tokens = tokens_of(3, 11)
        with FlopCounterMode(display=False) as counter:
            model.head(model(tokens))
        assert forward_flops(model.config, 30, batch=3, length=11) == counter.get_total_flops()


@every
def test_the_cache_keeps_as_many_numbers_as_the_formula_says(form):
    model = toy(**form)
    cache = KeyValueCache(2, 15, torch.device("cpu"))
    with torch.no_grad():
        model(tokens_of(3, 5), torch.arange(5).expand(3, 5), cache)
    kept = sum(states.numel() for layer in cache.layers for states in layer._kept.values())
    assert kept == 3 * 15 * cached_numbers(model.config)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_what_it_attends_to_before_training(attention):
    torch.manual_seed(0)
    model = GPT(ModelConfig(attention=attention, layers=1, block=64), 100)
    with capture(model, "*.hook_pattern") as kept, torch.no_grad():
        model(tokens_of(2, 60))
    pattern = kept["blocks.0.attn.hook_pattern"][0]
    last = pattern[:, -1]
    if attention != "fixed_random_synthesizer":
        assert float((60 * last - 1).abs().max()) < 0.5
    else:
        scores = last.log() - last.log().mean(-1, keepdim=True)
        assert float(scores.std()) == pytest.approx(1.0, abs=0.4)
        assert not torch.allclose(last[0], last[1])  # every head another


@pytest.mark.parametrize("attention", [name for name in ATTENTIONS if name != "key_query_value"])
def test_a_synthesizers_pattern_does_not_see_the_other_tokens(attention):
    model = toy(attention, positions="none")
    tokens = tokens_of(1, 8)
    order = torch.tensor([3, 1, 4, 0, 2, 6, 5, 7])
    patterns = []
    for given in (tokens, tokens[:, order]):
        with capture(model, "blocks.0.attn.hook_pattern") as kept, torch.no_grad():
            model(given)
        patterns.append(kept["blocks.0.attn.hook_pattern"][..., -1, :])
    assert torch.equal(*patterns)
    if "random" in attention:
        assert patterns[0].shape[0] == 1


def attention_of(name, **changes):
    torch.manual_seed(0)
    config = dataclasses.replace(TOY, attention=name, layers=1, **changes)
    module = Attention(config).double()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    return module


def test_factorised_dense_scores_are_the_products_of_two_factors():
    scores = attention_of("factorised_dense_synthesizer").scores
    x = torch.randn(1, 5, 16, dtype=torch.float64)
    hidden = torch.relu(scores.hidden.w1(x)).reshape(5, 2, 8)
    factors = ((scores.w_first, scores.b_first), (scores.w_second, scores.b_second))
    first, second = ((hidden @ weight + bias).detach() for weight, bias in factors)
    n = second.shape[-1]
    assert first.shape[-1] * n >= TOY.context
    found = scores(x, None, None).detach()
    for head in range(2):
        for t in range(5):
            for s in range(5):
                expected = first[t, head, s // n] * second[t, head, s % n]
                assert float(found[0, head, t, s]) == pytest.approx(float(expected), abs=1e-12)


def test_factorised_random_scores_have_low_rank_and_random_ones_are_the_matrix():
    factorised = attention_of("factorised_random_synthesizer").scores
    x = torch.randn(1, 19, 16, dtype=torch.float64)
    matrix = factorised(x, None, None)[0, 1]
    assert torch.linalg.matrix_rank(matrix) == RANK
    assert torch.allclose(matrix, factorised.random_1[1] @ factorised.random_2[1].T)
    random = attention_of("random_synthesizer").scores
    assert torch.equal(random(x[:, :4], None, None)[0], random.random[:, :4, :4])


def test_a_fixed_random_map_is_saved_and_never_trained():
    model = toy("fixed_random_synthesizer")
    assert not [name for name, _ in model.named_parameters() if "random" in name]
    assert "blocks.0.attention.scores.random" in model.state_dict()


def test_a_mixture_weighs_its_parts_with_weights_that_sum_to_one():
    mixed = attention_of("random_synthesizer+key_query_value").scores
    x = torch.randn(2, 6, 16, dtype=torch.float64)
    weight = mixed.mixing.softmax(0)
    expected = sum(w * part(x, None, None) for w, part in zip(weight, mixed.parts.values(), strict=True))
    assert torch.allclose(mixed(x, None, None), expected)
    torch.manual_seed(0)
    fresh = Attention(dataclasses.replace(TOY, attention="random_synthesizer+key_query_value")).scores
    assert fresh.mixing.softmax(0).tolist() == [0.5, 0.5]


def test_shared_keys_and_values_equal_copies_of_them():
    """Grouped-query attention is multi-head attention whose keys and values repeat within a group."""
    grouped = attention_of("key_query_value", heads=4, key_value_heads=2)
    full = attention_of("key_query_value", heads=4)
    with torch.no_grad():
        for name in ("scores.query", "projection"):
            full.get_submodule(name).load_state_dict(grouped.get_submodule(name).state_dict())
        for name in ("scores.key", "value"):
            shared = grouped.get_submodule(name)
            full.get_submodule(name).weight.copy_(
                shared.weight.reshape(2, 4, 16).repeat_interleave(2, 0).reshape(16, 16)
            )
            full.get_submodule(name).bias.copy_(shared.bias.reshape(2, 4).repeat_interleave(2, 0).flatten())
    x = torch.randn(2, 6, 16, dtype=torch.float64)
    hidden = torch.ones(6, 6, dtype=torch.bool).triu(1)
    assert torch.allclose(grouped(x, hidden), full(x, hidden))


def test_models_are_made_equal_in_parameters_by_their_mlps():
    target = parameters(ModelConfig(layers=2), 2000)
    for attention in ATTENTIONS:
        config = with_parameters(ModelConfig(layers=2, attention=attention), 2000, target, within=0.02)
        assert abs(parameters(config, 2000) / target - 1) < 0.001
    long = ModelConfig(layers=2, attention="random_synthesizer", block=1024)
    with pytest.raises(UserError, match="with MLPs of any width the model has"):
        with_parameters(long, 2000, target, within=0.02)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"attention": "dens_synthesizer"}, "did you mean 'dense_synthesizer'"),
        ({"attention": "synthesizer"}, "is no attention class"),
        ({"attention": "key_query_value+"}, "is no attention class"),
        ({"attention": "random_synthesizer+random_synthesizer"}, "with itself, which has no effect"),
        ({"key_value_heads": 3}, "must divide model.heads"),
        ({"key_value_heads": 0}, "key_value_heads: cannot be 0; takes at least 1"),
        ({"mlp_width": -1}, "mlp_width: cannot be -1; takes at least 0"),
        ({"positions": "somewhere"}, "cannot be 'somewhere'"),
    ],
)
def test_a_config_refuses_what_cannot_be(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        ModelConfig(**changes)


RANDOM = {"random_synthesizer": 0.02, "fixed_random_synthesizer": 1.0, "factorised_random_synthesizer": 0.02}


def test_random_scores_start_with_the_deviation_that_is_documented():
    torch.manual_seed(0)
    for name, deviation in RANDOM.items():
        scores = Attention(ModelConfig(attention=name, layers=1)).scores(torch.zeros(1, 127, 256), None, None)
        scores = scores.detach() / deviation
        assert float(scores.std()) == pytest.approx(1.0, abs=0.05)
        assert math.isclose(float(scores.mean()), 0.0, abs_tol=0.05)
