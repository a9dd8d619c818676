"""The assignment's claims of part 1, each a function of `Parameters` that measures in float64 and compares."""

from collections.abc import Callable
from typing import Any

from closedbook.attention_lab.claim import ClaimResult
from closedbook.attention_lab.parameters import Parameters
from closedbook.attention_lab.perturbation_claims import norm_perturbation, two_heads_perturbation
from closedbook.attention_lab.retrieval_claims import average, copy, noisy_keys, two_heads
from closedbook.attention_lab.self_attention_claims import key_query_value, self_attention
from closedbook.errors import named
from closedbook.training.parallel import one_thread

CLAIMS: dict[str, Callable[[Parameters], ClaimResult[Any]]] = {
    "copy": copy,
    "average": average,
    "noisy_keys": noisy_keys,
    "norm_perturbation": norm_perturbation,
    "two_heads": two_heads,
    "two_heads_perturbation": two_heads_perturbation,
    "self_attention": self_attention,
    "key_query_value": key_query_value,
}


def find_claim(name: str) -> str:
    """The name itself, if there is such a claim.

    Raises:
        UserError: There is none; the sentence suggests the nearest.
    """
    named(CLAIMS, name, "claim")
    return name


@one_thread()
def run_claim(name: str, parameters: Parameters) -> ClaimResult[Any]:
    """The claim of that name at the parameters; see `find_claim`."""
    return CLAIMS[find_claim(name)](parameters)
