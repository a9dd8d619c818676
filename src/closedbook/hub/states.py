"""Hidden states of a model from elsewhere.

Axes: B batch, T time, C width.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from closedbook.hub.batches import in_batches, padded


@torch.inference_mode()
def last_middle_states(model: Any, rows: Sequence[Sequence[int]]) -> Float[np.ndarray, "rows width"]:
    """The residual stream half-way through the layers, at the last token of each row of token ids."""
    found = []
    for part in in_batches(len(rows)):
        tokens_BT, mask_BT = padded(rows[part], model.device)
        states = model(tokens_BT, attention_mask=mask_BT, output_hidden_states=True).hidden_states
        middle_BTC = states[len(states) // 2]
        last_B = mask_BT.sum(dim=1) - 1
        found.append(middle_BTC[torch.arange(len(last_B)), last_B].float().cpu().numpy())
    return np.concatenate(found)
