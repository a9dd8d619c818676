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
