"""The setting that the claims share: orthonormal keys and values, and attention over them in float64.

Axes: N keys, D dimensions, R draws, H heads.
"""

import torch
from jaxtyping import Float64
from torch import Tensor

from closedbook.attention_lab.parameters import Parameters
from closedbook.model.attention import hide


def generator(parameters: Parameters) -> torch.Generator:
    """A generator seeded by the parameters."""
    return torch.Generator().manual_seed(parameters.seed)


def orthonormal(rows: int, dimensions: int, source: torch.Generator) -> Float64[Tensor, "rows dimensions"]:
    """Random orthonormal rows."""
    gauss = torch.randn(dimensions, rows, dtype=torch.float64, generator=source)
    return torch.linalg.qr(gauss).Q.T


def weights(scores: Float64[Tensor, "*batch keys"]) -> Float64[Tensor, "*batch keys"]:
    """Softmax of the scores: the function that the models' attention uses, with nothing hidden."""
    return hide(scores, torch.zeros((), dtype=torch.bool)).softmax(dim=-1)


def attend(
    query_D: Float64[Tensor, "*batch dimensions"],
    keys_ND: Float64[Tensor, "*batch keys dimensions"],
    values_NV: Float64[Tensor, "*batch keys values"],
) -> tuple[Float64[Tensor, "*batch keys"], Float64[Tensor, "*batch values"]]:
    """Alpha = softmax(K q) and c = sum alpha_i v_i."""
    alpha_N = weights((keys_ND @ query_D[..., None])[..., 0])
    return alpha_N, (alpha_N[..., None, :] @ values_NV)[..., 0, :]
