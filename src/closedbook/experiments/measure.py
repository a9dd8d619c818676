"""Speed and memory of models side by side: the same work for each, in turns, medians over rounds."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from closedbook.config import RunConfig
from closedbook.evaluation.decoding import generate, prompts
from closedbook.facts.corpus import Corpus
from closedbook.facts.tokenizers import MASK_ID, PAD_ID
from closedbook.objectives.mixture import build_mixture
from closedbook.objectives.pieces import Batch
from closedbook.objectives.plan import Batches
from closedbook.runs import Run
from closedbook.selfstudy.study import study
from closedbook.training.loop import backward, loss_of
from closedbook.training.precision import Precision, resolve_precision

ROUNDS = 5
ASKED = 200  # questions
WRITTEN = 8  # tokens behind each
STEPS = 4  # training steps a round


def measure(runs: Sequence[Run], config: RunConfig, corpus: Corpus) -> list[dict[str, Any]]:
    """Training and answering speed and memory of runs that share a tokenizer.

    Each round trains every model on the same batches (forward and backward, one micro-batch after the other, weights
    unchanged) and has it write the same number of tokens behind the same questions, one model after the other, so that
    what else the machine does falls on all alike.

    Args:
        runs: The models.
        config: Whose mixture the batches are cut from.
        corpus: Where from, and the questions.

    Returns:
        For each run `train_tokens_per_second` (padding not counted), `questions_per_second` (answers of eight tokens)
        and `kept_bytes` (see there) for the largest micro-batch of `kept_for_tokens` tokens; medians of five rounds
        (JSON-ready).
    """
    first = runs[0]
    device = first.model.device
    if config.reader:
        corpus = study(corpus, config.reader)
    batches = Batches(build_mixture(config, corpus, first.tokenizer, device), config)
    steps = [batches.step(step) for step in range(min(STEPS, batches.steps))]
    tokens = sum(int((part.inputs_BT != PAD_ID).sum()) for parts in steps for part in parts)
    asked = prompts(first.tokenizer, [fact.question for fact in corpus.dev[:ASKED]], first.model.context)
    precision = resolve_precision(config.training, device)
    seconds: list[dict[str, list[float]]] = [{"train": [], "answer": []} for _ in runs]
    for round_ in range(ROUNDS + 1):  # the first warms up
        for run, taken in zip(runs, seconds, strict=True):

            def train(run: Run = run) -> None:
                run.model.train()
                for parts in steps:
                    backward(run.model, parts, precision)
                run.model.zero_grad(set_to_none=True)
                run.model.eval()

            def answer(run: Run = run) -> None:
                generate(run.model, asked, choose=_goes_on, most_new_tokens=WRITTEN)

            for name, work in (("train", train), ("answer", answer)):
                elapsed = _timed(work, device)
                if round_:
                    taken[name].append(elapsed)
    largest = max((part for parts in steps for part in parts), key=lambda part: part.inputs_BT.numel())
    return [
        {
            "train_tokens_per_second": tokens / statistics.median(taken["train"]),
            "questions_per_second": len(asked) / statistics.median(taken["answer"]),
            "kept_bytes": kept_bytes(run, largest, precision),
            "kept_for_tokens": largest.inputs_BT.numel(),
        }
        for run, taken in zip(runs, seconds, strict=True)
    ]


def _goes_on(logits_BV: Tensor, prompt_B: Tensor, step: int) -> Int64[Tensor, "batch"]:
    """The likeliest token but for the closing mask: every model writes as many."""
    return logits_BV.index_fill(-1, torch.tensor([MASK_ID], device=logits_BV.device), -math.inf).argmax(dim=-1)


def kept_bytes(run: Run, part: Batch, precision: Precision) -> int:
    """Bytes that autograd keeps between the forward and the backward pass, each storage once.

    The parameters are not counted; in bf16 their rounded copies are, because autocast makes and keeps them.
    """
    known = {parameter.untyped_storage().data_ptr() for parameter in run.model.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    run.model.train()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = loss_of(run.model, part, torch.ones((), device=run.model.device), precision)
    del loss
    run.model.eval()
    return sum(kept.values())


def _timed(work: Callable[[], None], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
