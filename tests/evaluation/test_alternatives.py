import itertools
import math

import pytest
import torch

from closedbook.config import ATTENTIONS, ModelConfig
from closedbook.evaluation.alternatives import alternatives
from closedbook.evaluation.decoding import generate, sampled
from closedbook.evaluation.likelihood import log_probability
from closedbook.facts.tokenizers import MASK_ID
from closedbook.model.gpt import GPT

PROMPTS = [[5, 9, 1], [7, 1], [3, 3, 8, 12, 1]]


def sharp(attention):
    """A toy that has favourites."""
    torch.manual_seed(2)
    config = ModelConfig(attention=attention, layers=2, heads=2, width=16, block=20, tied_embeddings=False)
    model = GPT(config, 30).eval()
    with torch.no_grad():
        model.token_embedding.weight.normal_()
        model.head.weight.normal_(std=0.6)
        model.head.weight[MASK_ID] *= 1.5
    return model


@pytest.mark.parametrize("attention", ATTENTIONS[:3])
def test_every_probable_answer_is_found(attention):
    model, least = sharp(attention), 0.002
    vocabulary = model.head.weight.shape[0]
    found = alternatives(model, PROMPTS, least=least, width=100, most_new_tokens=3)
    tokens = [token for token in range(vocabulary) if token != MASK_ID]
    every = [[*ids, MASK_ID] for count in range(3) for ids in itertools.product(tokens, repeat=count)]
    for prompt, answers in zip(PROMPTS, found, strict=True):
        nats = log_probability(model, [prompt] * len(every), every, batch_size=512).tolist()
        expected = {tuple(ids): value for ids, value in zip(every, nats, strict=True) if value >= math.log(least)}
        got = {tuple(ids): sum(nats) for ids, nats in answers}
        assert all(len(ids) == len(nats) for ids, nats in answers)
        assert set(got) == set(expected)
        assert list(got.values()) == pytest.approx(sorted(got.values(), reverse=True), abs=1e-5)
        for ids, value in got.items():
            assert value == pytest.approx(expected[ids], abs=1e-4)


def test_the_batch_does_not_matter():
    model = sharp("key_query_value")
    together = alternatives(model, PROMPTS, width=4)
    alone = [alternatives(model, [prompt], width=4)[0] for prompt in PROMPTS]
    assert [[ids for ids, _ in found] for found in together] == [[ids for ids, _ in found] for found in alone]


def test_a_full_context_ends_the_search():
    model = sharp("key_query_value")
    assert all(len(ids) == 1 for ids, _ in alternatives(model, [[5] * model.context])[0])


def test_samples_follow_the_probabilities():
    model = sharp("key_query_value")
    best, nats = alternatives(model, PROMPTS[:1])[0][0]
    drawn = generate(model, PROMPTS[:1] * 3000, choose=sampled(5, range(3000)), most_new_tokens=8, batch_size=1024)
    assert sum(ids == best for ids, _ in drawn) / 3000 == pytest.approx(math.exp(sum(nats)), abs=0.04)


def test_samples_depend_on_the_seed_and_the_key_alone():
    model = sharp("key_query_value")

    def drawn(seed, batch_size, first=0):
        rows, keys = (PROMPTS * 5)[first:], range(100 + first, 100 + 5 * len(PROMPTS))
        return [ids for ids, _ in generate(model, rows, choose=sampled(seed, keys), batch_size=batch_size)]

    once = drawn(1, 256)
    assert once == drawn(1, 2)
    assert once != drawn(2, 256)
    assert once[4:] == drawn(1, 256, first=4)
    assert len({tuple(ids) for ids in once[:: len(PROMPTS)]}) > 1
