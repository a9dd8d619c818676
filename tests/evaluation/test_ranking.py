import pytest
import torch

from closedbook.config import ModelConfig, TokenizerConfig
from closedbook.errors import UserError
from closedbook.evaluation.ranking import PrefixTree, best, candidate_ids
from closedbook.facts.tokenizers import MASK_ID, train_tokenizer
from closedbook.model.gpt import GPT

SEQUENCES = [[5, 6, 1], [5, 1], [5, 6, 7, 8, 1], [9, 1], [1]]


def model_of(attention="key_query_value", **settings):
    torch.manual_seed(0)
    return GPT(ModelConfig(attention=attention, layers=2, heads=2, width=16, block=32, **settings), 20).eval()


def brute_force(model, prompt, sequence):
    tokens = torch.tensor([*prompt, *sequence])
    with torch.inference_mode():
        log_TV = model.head(model(tokens[None, :-1]))[0].log_softmax(-1)
    return sum(log_TV[len(prompt) - 1 + i, token].item() for i, token in enumerate(sequence))


def every_score(model, prompts, sequences):
    return torch.tensor([[brute_force(model, prompt, sequence) for sequence in sequences] for prompt in prompts])


@pytest.mark.parametrize(
    "model", [model_of(), model_of("dense_synthesizer"), model_of(positions="rotary")], ids=["kqv", "syn", "rot"]
)
@pytest.mark.parametrize("batch_size", [1, 32])
def test_the_tree_gives_the_numbers_of_brute_force(model, batch_size):
    prompts = [[3, 4, 1], [7, 1], [2, 3, 4, 5, 6, 1]]
    for sequences in (SEQUENCES, SEQUENCES[:3], *([one] for one in SEQUENCES)):
        choice, score = best(model, prompts, sequences, batch_size=batch_size)
        expected = every_score(model, prompts, sequences)
        assert choice.tolist() == expected.argmax(dim=1).tolist()
        torch.testing.assert_close(score, expected.max(dim=1).values, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_the_best_candidate_is_the_argmax_of_brute_force(seed):
    torch.manual_seed(seed)
    model = GPT(ModelConfig(layers=1, heads=2, width=16, block=32), 12)
    with torch.no_grad():
        model.head.weight *= 40  # far from uniform, so that branches are left out
    sequences = [*{(*torch.randint(2, 12, (n,)).tolist(), 1): None for n in (1, 1, 2, 2, 3, 3, 4) for _ in range(9)}]
    prompts = [[*torch.randint(2, 12, (n,)).tolist(), 1] for n in (1, 3, 3, 5, 7)]
    choice, score = best(model, prompts, sequences, batch_size=2)
    everything = every_score(model, prompts, sequences)
    assert choice.tolist() == everything.argmax(dim=1).tolist()
    torch.testing.assert_close(score, everything.max(dim=1).values, atol=1e-5, rtol=1e-5)


def test_shared_prefixes_are_one_node():
    tree = PrefixTree(SEQUENCES, torch.device("cpu"))
    assert [len(level.token_N) for level in tree.levels] == [3, 3, 2, 1, 1]


def test_york_is_not_yorkshire():
    tokenizer = train_tokenizer(TokenizerConfig(kind="characters"), ["Where is it? Yorkshire"])
    torch.manual_seed(0)
    model = GPT(ModelConfig(layers=1, heads=2, width=16, block=64), tokenizer.vocabulary_size)
    prompt = [*tokenizer.encode(["Where is it?"])[0], MASK_ID]
    sequences = candidate_ids(tokenizer, ["York", "Yorkshire"])
    alone = [best(model, [prompt], [sequence])[1].item() for sequence in sequences]
    assert alone == pytest.approx(every_score(model, [prompt], sequences)[0].tolist(), abs=1e-4)
    assert alone[0] != alone[1]
    with torch.no_grad():
        model.head.weight[MASK_ID] = 0
        model.head.weight[MASK_ID] += 100 * torch.sign(model.final_norm.weight)
    choice, score = best(model, [prompt], sequences)
    assert choice.tolist() == [0]  # a model that closes at once says the shorter
    assert score.isfinite().all()


def test_a_candidate_that_does_not_fit_is_refused():
    with pytest.raises(UserError, match="33 tokens, the model 31"):
        best(model_of(), [[2] * 30], [[3, 4, 5, 1]])
