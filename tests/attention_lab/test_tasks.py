import pytest
import torch

from closedbook.attention_lab.tasks import CHANCE_IN_CONTEXT, KEYS, PAIRS, OneLayer, examples, solve
from closedbook.model.attention import causal, hide


def test_examples_are_well_formed():
    for task in ("recall", "position"):
        keys, values, wanted, answers = examples(task, 500, torch.Generator().manual_seed(0))
        assert all(len(set(row)) == PAIRS for row in keys.tolist())
        assert int(keys.max()) < KEYS
        place = (keys == wanted[:, None]).double().argmax(dim=1)
        expected = values[torch.arange(500), place] if task == "recall" else values[:, 0]
        assert torch.equal(answers, expected)


@pytest.mark.slow
def test_key_query_value_solves_both_and_the_synthesizer_only_position():
    assert solve("recall", "key_query_value", 0, steps=400).accuracy > 0.95
    assert solve("position", "key_query_value", 0, steps=200).accuracy > 0.95
    assert solve("position", "dense_synthesizer", 0, steps=200).accuracy > 0.95
    recall = solve("recall", "dense_synthesizer", 0, steps=400)
    assert abs(recall.accuracy - CHANCE_IN_CONTEXT) < 0.15
    assert recall.interval[0] < recall.accuracy < recall.interval[1]


def test_permuting_the_context_leaves_a_synthesizers_row_unchanged():
    keys, values, wanted, _ = examples("recall", 3, torch.Generator().manual_seed(0))
    order = torch.tensor([2, 0, 3, 1])
    rows = {}
    for attention in ("dense_synthesizer", "key_query_value"):
        torch.manual_seed(0)
        model = OneLayer(attention)
        before, after = (
            hide(model.attention.scores(x, None, None), causal(PAIRS + 1, x.device)).softmax(dim=-1)[:, :, -1]
            for x in (model.embed(keys, values, wanted), model.embed(keys[:, order], values[:, order], wanted))
        )
        rows[attention] = torch.equal(before, after)
    assert rows == {"dense_synthesizer": True, "key_query_value": False}
