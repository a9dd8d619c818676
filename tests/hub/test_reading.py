import pytest
import torch
import transformers

from closedbook.hub.reading import CausalReader
from tests.hub.conftest import KINDS

ROWS = [[5, 6, 7, 8, 9, 10, 11], [5, 6, 12], [5, 6, 13, 14, 15]]


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_read_as_each_row_alone(saved, kind, cached):
    model = transformers.AutoModelForCausalLM.from_pretrained(saved[kind]).eval()
    reader = CausalReader(model)
    assert reader._cached
    reader._cached = cached
    reader.share(ROWS)
    state, logits_BKV = reader.begin(ROWS)
    after_BV = reader.step(state, torch.tensor([2, 0, 1]), torch.tensor([20, 21, 22]))
    with torch.no_grad():
        alone = [model(torch.tensor([row])).logits[0, -1] for row in ROWS]
        longer = [[*ROWS[2], 20], [*ROWS[0], 21], [*ROWS[1], 22]]
        expected = [model(torch.tensor([row])).logits[0, -1] for row in longer]
    assert torch.allclose(logits_BKV[:, -1], torch.stack(alone), atol=1e-3)
    assert torch.allclose(after_BV, torch.stack(expected), atol=1e-3)


SIZES = dict.fromkeys(("hidden_size", "intermediate_size"), 32) | {"num_hidden_layers": 2, "num_attention_heads": 2}


def sliding():
    """Layers that see a window of three tokens."""
    config = transformers.MistralConfig(vocab_size=40, num_key_value_heads=2, sliding_window=3, **SIZES)
    return transformers.MistralForCausalLM(config)


def counting_elsewhere():
    """Positions that begin behind the padding's number."""
    config = transformers.RobertaConfig(vocab_size=40, is_decoder=True, pad_token_id=2, **SIZES)
    return transformers.RobertaForCausalLM(config)


@pytest.mark.parametrize("make", [sliding, counting_elsewhere])
def test_rows_of_unlike_lengths_do_not_disturb_each_other(make):
    torch.manual_seed(0)
    model = make().eval()
    reader = CausalReader(model)
    seen = []
    reader.share(ROWS)
    for batch in reader.batches(ROWS, more=1):
        rows = [ROWS[index] for index in batch]
        state, logits_BKV = reader.begin(rows)
        after_BV = reader.step(state, None, torch.tensor([20] * len(rows)))
        with torch.no_grad():
            alone = [model(torch.tensor([row])).logits[0, -1] for row in rows]
            longer = [model(torch.tensor([[*row, 20]])).logits[0, -1] for row in rows]
        assert torch.allclose(logits_BKV[:, -1], torch.stack(alone), atol=1e-3)
        assert torch.allclose(after_BV, torch.stack(longer), atol=1e-3)
        seen += batch
    assert sorted(seen) == [0, 1, 2]
