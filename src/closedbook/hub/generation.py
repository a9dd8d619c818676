"""What a model from elsewhere writes: greedily, drawn, or as beams, with the log-probabilities that came up on the way.

Axes: B batch, T time, V vocabulary, R sequences, one or several a prompt.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from closedbook.evaluation.language_model import Response
from closedbook.evaluation.scorers import normalise
from closedbook.hub.batches import in_batches, padded
from closedbook.hub.likelihood import token_nats
from closedbook.hub.vocabulary import Vocabulary

MOST_NEW_TOKENS = 24
BEAMS = 12


def respond(
    model: Any, vocabulary: Vocabulary, prompts: Sequence[Sequence[int]], **settings: Any
) -> list[list[Response]]:
    """One or several responses to each prompt, as the settings say, greedy without any.

    Args:
        model: A causal model of `transformers`.
        vocabulary: Its tokenizer.
        prompts: Token ids.
        settings: Of `transformers.GenerationConfig`.
    """
    recorder = Recorder(vocabulary.closing)
    rows = generate(model, vocabulary, prompts, recorder, **settings)
    nats = iter(recorder.rows)
    return [[as_response(vocabulary, ids, next(nats)[: len(ids)]) for ids in of_prompt] for of_prompt in rows]


def beams(model: Any, vocabulary: Vocabulary, prompts: Sequence[Sequence[int]]) -> list[list[Response]]:
    """The closed answers that a beam search ends in, likeliest first, of those that are read alike the likeliest."""
    count = min(BEAMS, vocabulary.size)
    settings: dict[str, Any] = {"num_beams": count, "num_return_sequences": count, "length_penalty": 0.0}
    results = []
    for prompt, written in zip(prompts, generate(model, vocabulary, prompts, **settings), strict=True):
        closed = [ids for ids in written if len(vocabulary.before_closing(ids)) < len(ids)]
        distinct = {tuple(vocabulary.before_closing(ids)): ids for ids in closed}
        nats = token_nats(model, [prompt] * len(distinct), list(distinct), closing=vocabulary.closing)
        responses = [as_response(vocabulary, *row) for row in zip(distinct.values(), nats, strict=True)]
        likeliest: dict[str, Response] = {}
        for response in sorted(responses, key=lambda response: -(response.nats or 0.0)):
            likeliest.setdefault(normalise(response.text), response)
        results.append(list(likeliest.values()))
    return results


def as_response(vocabulary: Vocabulary, ids: Sequence[int], nats: Sequence[float]) -> Response:
    """Tokens up to and including what closes them, and the log-probability of each, as a response."""
    closed = len(vocabulary.before_closing(ids)) < len(ids)
    return Response(text=vocabulary.decode_answer(ids), ids=tuple(ids), token_nats=tuple(nats), closed=closed)


@torch.inference_mode()
def generate(
    model: Any,
    vocabulary: Vocabulary,
    prompts: Sequence[Sequence[int]],
    recorder: "Recorder | None" = None,
    **settings: Any,
) -> list[list[list[int]]]:
    """New tokens, closing included, one or several sequences a prompt; see `respond`."""
    from transformers import GenerationConfig, LogitsProcessorList

    closing = vocabulary.closing
    pad = closing[0] if closing else 0  # what is behind the padding mask does not matter
    plain = {"do_sample": False, "num_beams": 1, "top_p": 1.0, "repetition_penalty": 1.0}
    config = GenerationConfig(
        max_new_tokens=MOST_NEW_TOKENS, eos_token_id=closing or None, pad_token_id=pad, **(plain | settings)
    )
    results: list[list[list[int]]] = []
    for part in in_batches(len(prompts)):
        tokens_BT, mask_BT = padded(prompts[part], model.device, before=True, pad=pad)
        new_RT = model.generate(
            tokens_BT,
            attention_mask=mask_BT,
            generation_config=config,
            logits_processor=LogitsProcessorList([recorder] if recorder else []),
        )[:, tokens_BT.shape[1] :]
        if recorder:
            recorder.finish(new_RT)
        rows = [vocabulary.up_to_closing(ids) for ids in new_RT.tolist()]  # padding follows what closes
        each = len(rows) // len(tokens_BT)
        results += [rows[start : start + each] for start in range(0, len(rows), each)]
    return results


class Recorder:
    """Listens to `generate`: the log-probability of every token that is written, a closing one as any closing.

    Args:
        closing: The tokens that end an answer.
    """

    def __init__(self, closing: Sequence[int]) -> None:
        self.rows: list[list[float]] = []  # a row a sequence, batch after batch
        self._closing = torch.tensor(closing, dtype=torch.int64)
        self._last_BV: Tensor | None = None
        self._steps: list[Tensor] = []

    def __call__(self, tokens_BT: Tensor, scores_BV: Tensor) -> Tensor:
        """Called before every step, with the tokens so far; the scores pass unchanged."""
        self._take(tokens_BT[:, -1])
        self._last_BV = scores_BV.float().log_softmax(dim=-1)
        return scores_BV

    def _take(self, token_B: Tensor) -> None:
        """The log-probability of what was chosen of the last scores."""
        if self._last_BV is None:
            return
        closing = self._closing.to(token_B.device)
        nats_B = self._last_BV.gather(1, token_B[:, None])[:, 0]
        any_closing_B = self._last_BV[:, closing].logsumexp(dim=1)
        self._steps.append(torch.where(torch.isin(token_B, closing), any_closing_B, nats_B))

    def finish(self, written_BT: Tensor) -> None:
        """Called after a batch, with all that it wrote."""
        self._take(written_BT[:, -1])
        self.rows += torch.stack(self._steps, dim=1).tolist()
        self._last_BV, self._steps = None, []
