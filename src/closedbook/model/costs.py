"""What an architecture costs, as formulas: parameters, matrix products of a forward pass, numbers kept in the cache.

Per layer, with C width, H heads of D = C / H numbers, K heads of keys and values (K = H unless they are shared), L
longest input, T tokens of each of B inputs, m n >= L the two factors of a factorised dense Synthesizer, R the rank of
a factorised random one:

| scores | parameters | FLOPs |
|---|---|---|
| key_query_value | (C + 1)(C + K D) | 2 B T C (C + K D) + 2 B T^2 C |
| dense_synthesizer | (C + 1) C + (D + 1) L | 2 B T C^2 + 2 B T^2 C |
| factorised_dense_synthesizer | (C + 1) C + (D + 1)(m + n) | 2 B T C^2 + 2 B T C (m + n) |
| random_synthesizer | H L^2 | 0 |
| fixed_random_synthesizer | 0 | 0 |
| factorised_random_synthesizer | 2 H L R | 2 H T^2 R |
| a mixture | those of its P parts and P | those of its parts |

Values and the output projection add (C + 1)(K D + C) parameters and 2 B T C (K D + C) + 2 B T^2 C FLOPs, an MLP of
hidden width M 2 C M + M + C and 4 B T C M, a LayerNorm 2 C. A multiply-add is two FLOPs; softmax, LayerNorm, GELU and
sums are not counted, as in torch's own counter. The paper's table 1 (section 3.5) counts alike, without biases and for
one head.
"""

import dataclasses
import math
from collections.abc import Callable

from closedbook.config import ModelConfig
from closedbook.config.model import RANK
from closedbook.errors import UserError


def factors(config: ModelConfig) -> int:
    """M + n of a factorised dense Synthesizer."""
    first = math.ceil(math.sqrt(config.context))
    return first + math.ceil(config.context / first)


SCORE_PARAMETERS: dict[str, Callable[[ModelConfig], int]] = {
    "key_query_value": lambda c: (c.width + 1) * (c.width + c.groups * c.head_width),
    "dense_synthesizer": lambda c: (c.width + 1) * c.width + (c.head_width + 1) * c.context,
    "factorised_dense_synthesizer": lambda c: (c.width + 1) * c.width + (c.head_width + 1) * factors(c),
    "random_synthesizer": lambda c: c.heads * c.context**2,
    "fixed_random_synthesizer": lambda c: 0,
    "factorised_random_synthesizer": lambda c: 2 * c.heads * c.context * RANK,
}
SCORE_FLOPS: dict[str, Callable[[ModelConfig, int, int], int]] = {
    "key_query_value": lambda c, b, t: 2 * b * t * c.width * (c.width + c.groups * c.head_width + t),
    "dense_synthesizer": lambda c, b, t: 2 * b * t * c.width * (c.width + t),
    "factorised_dense_synthesizer": lambda c, b, t: 2 * b * t * c.width * (c.width + factors(c)),
    "random_synthesizer": lambda c, b, t: 0,
    "fixed_random_synthesizer": lambda c, b, t: 0,
    "factorised_random_synthesizer": lambda c, b, t: 2 * c.heads * t * t * RANK,
}


def parameters(config: ModelConfig, vocabulary: int) -> int:
    """Parameters of the model, shared ones once."""
    width, hidden = config.width, config.hidden_width
    parts = config.attention_parts
    layer = sum(SCORE_PARAMETERS[name](config) for name in parts) + (len(parts) if len(parts) > 1 else 0)
    layer += (width + 1) * (config.groups * config.head_width + width)
    layer += 2 * width * hidden + hidden + width if hidden else 0
    norms = (config.layers * (2 if hidden else 1) + 1) * 2 * width if config.layer_norm else 0
    embeddings = vocabulary * width * (1 if config.tied_embeddings else 2)
    embeddings += config.block * width if config.positions == "learned" else 0
    return config.layers * layer + norms + embeddings


def saved_numbers(config: ModelConfig, vocabulary: int) -> int:
    """Numbers that the saved model has: the parameters, and scores that are drawn and never trained."""
    drawn = "fixed_random_synthesizer" in config.attention_parts
    return parameters(config, vocabulary) + (config.layers * config.heads * config.context**2 if drawn else 0)


def forward_flops(config: ModelConfig, vocabulary: int, *, batch: int, length: int) -> int:
    """FLOPs of the matrix products of one forward pass, logits of every position included."""
    width, tokens = config.width, batch * length
    layer = sum(SCORE_FLOPS[name](config, batch, length) for name in config.attention_parts)
    layer += 2 * tokens * width * (config.groups * config.head_width + width + length)
    layer += 4 * tokens * width * config.hidden_width
    return config.layers * layer + 2 * tokens * width * vocabulary


def cached_numbers(config: ModelConfig) -> int:
    """Numbers that decoding keeps for every token of a row: values, and keys where there are any."""
    kinds = 2 if "key_query_value" in config.attention_parts else 1
    return config.layers * kinds * config.groups * config.head_width


def with_parameters(config: ModelConfig, vocabulary: int, target: int, within: float) -> ModelConfig:
    """The same architecture with as many parameters as the target, the MLPs made wider or narrower.

    Args:
        config: With an MLP.
        vocabulary: Tokens.
        target: Parameters to reach.
        within: Largest difference, as a share of the target.

    Raises:
        UserError: Even with the narrowest MLPs there are too many, or the widest that a model may have are too few.
    """
    bare = dataclasses.replace(config, mlp_width=1)
    unit = config.layers * (2 * config.width + 1)
    hidden = 1 + round((target - parameters(bare, vocabulary)) / unit)
    found = dataclasses.replace(config, mlp_width=max(hidden, 1))
    if abs(parameters(found, vocabulary) - target) > within * target:
        raise UserError(
            f"with MLPs of any width the model has {parameters(found, vocabulary):,} parameters or more, "
            f"not {target:,} as the other."
        )
    return found
