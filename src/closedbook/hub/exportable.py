"""Which architecture of others a run is, if it is one: what has no exact match is refused by name."""

from typing import Literal

from closedbook.config import ModelConfig
from closedbook.errors import UserError
from closedbook.runs import Run

Architecture = Literal["gpt_neox", "gpt2"]
"""In the naming of `transformers`: rotary positions, learned positions."""
CLASSES: dict[Architecture, str] = {"gpt_neox": "GPTNeoXForCausalLM", "gpt2": "GPT2LMHeadModel"}
ANYWHERE = "closedbook evaluate, ask and audit take the run as it is"


def architecture_of(run: Run) -> Architecture:
    """What the run is elsewhere.

    Raises:
        UserError: It is nothing that others know; the sentence says what it has and what could be done instead.
    """
    for has, instead in _without_match(run.config.model):
        raise UserError(f"{run.path}: {has}, which neither GPT-NeoX nor GPT-2 has; {instead}, or {ANYWHERE}.")
    return "gpt_neox" if run.config.model.positions == "rotary" else "gpt2"


def _without_match(config: ModelConfig) -> list[tuple[str, str]]:
    """What of the architecture has no match, each with what could be done instead."""
    other = "train the recipe again with"
    found = []
    if config.attention != "key_query_value":
        found.append((f"has {config.attention} attention", f"{other} --model.attention key_query_value"))
    if config.groups != config.heads:
        shared = "a head" if config.groups == 1 else f"{config.groups} heads"
        found.append(
            (
                f"shares {shared} of keys and values among {config.heads} heads",
                f"{other} --model.key_value_heads {config.heads}",
            )
        )
    if config.normalised_queries:
        found.append(("normalises its queries and keys", f"{other} --model.normalised_queries false"))
    if config.positions == "none":
        found.append(("has no positions", f"{other} --model.positions rotary"))
    if not config.layer_norm:
        found.append(("has no LayerNorms", f"{other} --model.layer_norm true"))
    if not config.hidden_width:
        found.append(("has no MLPs", f"{other} --model.mlp_width {4 * config.width}"))
    return found
