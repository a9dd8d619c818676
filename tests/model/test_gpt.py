import dataclasses

import pytest
import torch

from closedbook.config import ModelConfig
from closedbook.model.activations import capture
from closedbook.model.gpt import GPT, count_parameters

TOY = ModelConfig(layers=2, heads=2, width=16, block=20)


def toy(attention="key_query_value", *, dtype=torch.float32, **changes):
    torch.manual_seed(0)
    model = GPT(dataclasses.replace(TOY, attention=attention, **changes), 30).to(dtype).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # away from the initial zeros, so that everything takes part
            parameter += 0.1 * torch.randn_like(parameter)
    return model


@pytest.mark.parametrize(
    ("attention", "parameters"), [("key_query_value", 3_323_392), ("dense_synthesizer", 3_076_988)]
)
def test_parameter_counts_with_the_course_vocabulary(attention, parameters):
    model = GPT(ModelConfig(attention=attention, tied_embeddings=False), 256)
    assert count_parameters(model) == parameters


@pytest.mark.parametrize("tied", [False, True])
def test_logits_equal_an_independent_implementation(tied):
    transformers = pytest.importorskip("transformers", reason="the test extra is not installed")
    ours = toy(tied_embeddings=tied)
    config = transformers.GPT2Config(
        vocab_size=30,
        n_positions=20,
        n_embd=16,
        n_layer=2,
        n_head=2,
        activation_function="gelu",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        tie_word_embeddings=tied,
    )
    theirs = transformers.GPT2LMHeadModel(config).eval()
    names = {"wte.weight": ours.token_embedding.weight, "wpe.weight": ours.position_embedding}
    for index, block in enumerate(ours.blocks):
        attention = block.attention
        linears = (attention.scores.query, attention.scores.key, attention.value)
        names |= {
            f"h.{index}.ln_1.weight": block.norm_1.weight,
            f"h.{index}.ln_1.bias": block.norm_1.bias,
            f"h.{index}.attn.c_attn.weight": torch.cat([linear.weight for linear in linears]).T,
            f"h.{index}.attn.c_attn.bias": torch.cat([linear.bias for linear in linears]),
            f"h.{index}.attn.c_proj.weight": attention.projection.weight.T,
            f"h.{index}.attn.c_proj.bias": attention.projection.bias,
            f"h.{index}.ln_2.weight": block.norm_2.weight,
            f"h.{index}.ln_2.bias": block.norm_2.bias,
            f"h.{index}.mlp.c_fc.weight": block.mlp.expand.weight.T,
            f"h.{index}.mlp.c_fc.bias": block.mlp.expand.bias,
            f"h.{index}.mlp.c_proj.weight": block.mlp.contract.weight.T,
            f"h.{index}.mlp.c_proj.bias": block.mlp.contract.bias,
        }
    names |= {"ln_f.weight": ours.final_norm.weight, "ln_f.bias": ours.final_norm.bias}
    state = {f"transformer.{name}": value.detach() for name, value in names.items()}
    theirs.load_state_dict(state | {"lm_head.weight": ours.head.weight.detach()})
    tokens = torch.randint(0, 30, (3, 19))
    with torch.no_grad():
        difference = (ours.head(ours(tokens)) - theirs(tokens).logits).abs().max()
    assert float(difference) < 1e-5


def test_tied_embeddings_are_one_parameter():
    tied, free = toy(tied_embeddings=True), toy(tied_embeddings=False)
    assert tied.head.weight is tied.token_embedding.weight
    assert count_parameters(free) - count_parameters(tied) == 30 * 16


def test_initial_weights_are_as_the_assignment_says():
    torch.manual_seed(0)
    model = GPT(ModelConfig(attention="dense_synthesizer", tied_embeddings=False), 256)
    assert not model.position_embedding.any()
    attention = model.blocks[0].attention.scores
    assert 0.0009 < float(attention.w2.detach().abs().max()) <= 0.001
    assert not attention.b2.any()
    assert not attention.hidden.w1.bias.any()
    for weight in (model.token_embedding.weight, model.head.weight, attention.hidden.w1.weight):
        assert abs(float(weight.detach().std()) - 0.02) < 0.001


@pytest.mark.parametrize("changes", [{}, {"layers": 1}, {"mlp_width": 0}, {"dropout": 0.3}, {"layer_norm": False}])
def test_states_that_are_wanted_are_those_of_all(changes):
    model = toy(dtype=torch.float64, **changes).train()
    tokens_BT = torch.randint(2, 30, (3, 7))
    wanted_N = torch.tensor([2, 3, 9, 20])

    def gradients(some):
        torch.manual_seed(1)  # dropout's draws
        states = model(tokens_BT, wanted_N=wanted_N) if some else model(tokens_BT).flatten(0, 1)[wanted_N]
        loss = model.head(states).log_softmax(dim=-1)[:, 0].sum()
        return [states, *torch.autograd.grad(loss, list(model.parameters()))]

    for all_of, some_of in zip(gradients(False), gradients(True), strict=True):
        assert torch.allclose(all_of, some_of, atol=1e-12)


def test_who_listens_to_an_activation_hears_all_positions():
    model, tokens_BT = toy(), torch.randint(2, 30, (3, 7))
    with capture(model, "blocks.1.hook_resid_post") as kept:
        states_NC = model(tokens_BT, wanted_N=torch.tensor([2, 9]))
    assert kept["blocks.1.hook_resid_post"].shape == (3, 7, 16)
    assert torch.allclose(states_NC, model(tokens_BT).flatten(0, 1)[[2, 9]], atol=1e-6)
