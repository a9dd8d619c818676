"""Speed and memory of models side by side: the same work for each, in turns, medians over rounds."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from closedbook.config import RunConfig
from closedbook.evaluation.decoding import generate
from closedbook.facts.corpus import Corpus
from closedbook.facts.tokenizers import MASK_ID, PAD_ID
from closedbook.objectives.mixture import build_mixture
from closedbook.objectives.plan import Batches
from closedbook.objectives.segments import Batch
from closedbook.runs import Run
from closedbook.selfstudy.study import study
from closedbook.training.gradients import backward, loss_of
from closedbook.training.precision import Precision, resolve_precision

ROUNDS = 5
QUESTIONS = 200
WRITTEN = 8  # tokens behind each
STEPS = 4  # training steps a round


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a model takes, medians of five rounds."""

    train_tokens_per_second: float  # forward and backward, padding not counted
    questions_per_second: float  # answers of eight tokens
    kept_bytes: int  # what autograd keeps between the passes; see `kept_bytes`
    kept_for_tokens: int  # tokens of the micro-batch that this was measured on


def benchmark(runs: Sequence[Run], config: RunConfig, corpus: Corpus) -> list[Costs]:
    """Training and answering speed and memory of runs that share a tokenizer.

    Each round trains every model on the same batches (forward and backward, one micro-batch after the other, weights
    unchanged) and has it write the same number of tokens behind the same questions, one model after the other, so that
    what else the machine does falls on all alike.

    Args:
        runs: The models.
        config: Whose mixture the batches are cut from.
        corpus: Where from, and the questions.
    """
    device = runs[0].model.device
    if config.reader:
        corpus = study(corpus, config.reader)
    batches = Batches(build_mixture(config, corpus, runs[0].tokenizer, device), config)
    steps = [batches.step(step) for step in range(min(STEPS, batches.steps))]
    prompts = [prompt.ids for prompt in runs[0].prompts([fact.question for fact in corpus.dev[:QUESTIONS]])]
    precision = resolve_precision(config.training, device)
    train_seconds: list[list[float]] = [[] for _ in runs]
    answer_seconds: list[list[float]] = [[] for _ in runs]
    for round_ in range(ROUNDS + 1):
        for run, training, answering in zip(runs, train_seconds, answer_seconds, strict=True):
            trained = _timed(lambda run=run: _train(run, steps, precision), device)  # type: ignore[misc]
            answered = _timed(lambda run=run: _answer(run, prompts), device)  # type: ignore[misc]
            if round_:  # the first warms up
                training.append(trained)
                answering.append(answered)
    parts = [part for step in steps for part in step]
    tokens = sum(int((part.inputs_BT != PAD_ID).sum()) for part in parts)
    largest = max(parts, key=lambda part: part.inputs_BT.numel())
    return [
        Costs(
            train_tokens_per_second=tokens / statistics.median(training),
            questions_per_second=len(prompts) / statistics.median(answering),
            kept_bytes=kept_bytes(run, largest, precision),
            kept_for_tokens=largest.inputs_BT.numel(),
        )
        for run, training, answering in zip(runs, train_seconds, answer_seconds, strict=True)
    ]


def _train(run: Run, steps: Sequence[list[Batch]], precision: Precision) -> None:
    """Forward and backward passes; a GPU is timed without recordings, which the first steps of a shape have none of."""
    run.model.train()
    for parts in steps:
        backward(run.model, parts, precision)
    run.model.zero_grad(set_to_none=True)
    run.model.eval()


def _answer(run: Run, prompts: Sequence[Sequence[int]]) -> None:
    generate(run.model, prompts, choose=_goes_on, most_new_tokens=WRITTEN)


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
