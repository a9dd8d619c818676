"""Hidden states of a model from elsewhere.

Axes: B batch, T time, C width.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from closedbook.hub.reading import Reader, Row


@torch.inference_mode()
def last_middle_states(model: Any, reader: Reader, rows: Sequence[Row]) -> Float[np.ndarray, "rows width"]:
    """The residual stream half-way through the layers, at the last token of each row of token ids."""
    states: list[np.ndarray | None] = [None] * len(rows)
    for batch in reader.batches(rows, copies=4):  # the states of all layers are held
        longest = max(len(rows[i]) for i in batch)
        tokens_BT = torch.tensor([[*rows[i]] + [0] * (longest - len(rows[i])) for i in batch], device=reader.device)
        mask_BT = torch.tensor(
            [[1] * len(rows[i]) + [0] * (longest - len(rows[i])) for i in batch], device=reader.device
        )
        layers = _base(model)(tokens_BT, attention_mask=mask_BT, output_hidden_states=True).hidden_states
        middle_BTC = layers[len(layers) // 2]
        last_B = mask_BT.sum(dim=1) - 1
        last_BC = middle_BTC[torch.arange(len(last_B), device=reader.device), last_B].float().cpu().numpy()
        for i, state in zip(batch, last_BC, strict=True):
            states[i] = state
    return np.stack([state for state in states if state is not None])


def _base(model: Any) -> Any:
    """The model without what makes logits of its states, which are not needed here."""
    return model.get_decoder() if hasattr(model, "get_decoder") else model
