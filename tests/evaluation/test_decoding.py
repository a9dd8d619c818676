from pathlib import Path

import pytest
import torch

from closedbook.config import ATTENTIONS, ModelConfig
from closedbook.errors import UserError
from closedbook.evaluation.decoding import MOST_NEW_TOKENS, generate, prompts
from closedbook.evaluation.language_model import Prompt
from closedbook.evaluation.likelihood import log_probability
from closedbook.facts.tokenizers import MASK_ID
from closedbook.model.gpt import GPT
from closedbook.runs import Run
from tests.facts.test_tokenizers import CHARACTERS
from tests.model.test_gpt import toy
from tests.toys import tiny_config


def one_at_a_time(model, prompt, most):
    """Greedy decoding the plain way: the whole sequence again for every token."""
    tokens = list(prompt)
    while len(tokens) - len(prompt) < most and len(tokens) <= model.context:
        with torch.no_grad():
            tokens.append(int(model.head(model(torch.tensor([tokens]))[0, -1]).argmax()))
        if tokens[-1] == MASK_ID:
            break
    return tokens[len(prompt) :]


@pytest.mark.parametrize("attention", ATTENTIONS[:3])
@pytest.mark.parametrize("batch_size", [3, pytest.param(64, marks=pytest.mark.slow)])
def test_batched_decoding_equals_one_at_a_time_without_a_cache(attention, batch_size):
    torch.manual_seed(1)
    model = toy(attention)
    with torch.no_grad():
        model.head.weight[MASK_ID] += 0.3  # so that rows end at different times
    given = [torch.randint(2, 30, (int(length),)).tolist() for length in torch.randint(1, 19, (40,))]
    expected = [one_at_a_time(model, prompt, 9) for prompt in given]
    written = generate(model, given, most_new_tokens=9, batch_size=batch_size)
    assert [ids for ids, _ in written] == expected
    assert len({len(ids) for ids in expected}) > 3
    nats = log_probability(model, given, expected)
    assert [sum(values) for _, values in written] == pytest.approx(nats.tolist(), abs=1e-4)


def test_a_row_ends_where_the_context_is_full():
    model = toy()
    with torch.no_grad():
        model.head.weight[MASK_ID] = -100.0 * model.final_norm.weight.sign()
    ids = generate(model, [[5] * 19, [5] * 17, [5] * 2], most_new_tokens=6)
    assert [len(row) for row, _ in ids] == [1, 3, 6]


def test_questions_that_do_not_fit_are_named():
    with pytest.raises(UserError, match="question 2: 6 tokens with the mask, longer than the model's 5"):
        prompts(CHARACTERS, ["Ann", "Romes"], 5)
    with pytest.raises(UserError, match="dev question 1: character"):
        prompts(CHARACTERS, ["Q"], 5, "dev question")


def test_an_answer_without_a_closing_mask_is_all_that_follows():
    torch.manual_seed(0)
    model = GPT(ModelConfig(layers=1, heads=2, width=8, block=64), CHARACTERS.vocabulary_size).eval()
    with torch.no_grad():
        model.head.weight[MASK_ID] = -100.0 * model.final_norm.weight.sign()
    (response,) = Run(Path("toy"), tiny_config(), model, CHARACTERS, {}).respond(
        [Prompt(question="Ann", ids=(5, 6, MASK_ID), text="Ann")]
    )
    assert len(response.ids) == MOST_NEW_TOKENS
    assert not response.closed
    assert response.text == CHARACTERS.decode(response.ids)
