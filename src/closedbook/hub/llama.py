"""A GGUF file computed by llama.cpp, in the quantisation that it is kept in, through `llama-cpp-python`.

Text is spelled, answers are written and given ones scored as for any causal model; only who reads the rows differs.
Rows are sequences of one cache: what they begin with is read once and shared, and a row that goes on in two ways is
copied without its keys and values.

Axes: B batch or rows, K last positions, V vocabulary.
"""

import ctypes
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from closedbook.errors import UserError
from closedbook.evaluation.language_model import Ability, Prompt, Response
from closedbook.hub.causal import CausalModel
from closedbook.hub.reading import BUDGET_SHARE, LEAST_BUDGET, MOST_ROWS, Row, common_beginning

PACKAGE = "llama_cpp"
MOST_TOKENS = 512  # read at a time
LEAST_CELLS, MOST_CELLS = 2048, 16384  # tokens that the cache holds
TRIAL = "import sys, llama_cpp; llama_cpp.Llama(sys.argv[1], n_ctx=64, verbose=False).eval([0, 1])"
MOST_SECONDS = 600  # that a trial may take; a large file is read from the disk once
SHARED = 0  # the sequence of what rows begin with


def is_installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec(PACKAGE) is not None


@cache
def _silence() -> Any:
    """What llama.cpp calls with every line of its log; kept, for it is called as long as the process lives."""
    import llama_cpp

    return llama_cpp.llama_log_callback(lambda level, text, data: None)


def check_trial(path: str) -> None:
    """Looks in a process of its own whether llama.cpp takes the file: it ends its process at a contradiction.

    Raises:
        UserError: It does not.
    """
    environment = {**os.environ, "GGML_NO_BACKTRACE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", TRIAL, path], env=environment, capture_output=True, timeout=MOST_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(f"{path}: llama.cpp does not come to an end with it.") from error
    if done.returncode:
        raise UserError(f"{path}: llama.cpp cannot load it; it is damaged, or --backend transformers takes it.")


@dataclass(frozen=True)
class LlamaModel(CausalModel):
    """A causal language model that llama.cpp computes; `model` is its `LlamaReader`."""

    @cached_property
    def reader(self) -> "LlamaReader":
        reader: LlamaReader = self.model
        return reader

    @cached_property
    def parameters(self) -> int:
        return self.reader.parameters

    @cached_property
    def context(self) -> int:
        return self.reader.context

    def lacks(self, ability: Ability) -> str | None:
        if ability == "representations":
            return "llama.cpp does not show the states inside of a model; --backend transformers does."
        return super().lacks(ability)

    def represent(self, prompts: Sequence[Prompt], subjects: Sequence[str]) -> Float[np.ndarray, "prompts width"]:
        raise UserError(f"{self.name}: {self.lacks('representations')}")

    def represent_answers(
        self, prompts: Sequence[Prompt], responses: Sequence[Response]
    ) -> Float[np.ndarray, "prompts width"]:
        raise UserError(f"{self.name}: {self.lacks('representations')}")


@dataclass
class Sequences:
    """Rows that have been read: the number of each one's sequence, and its tokens."""

    numbers: list[int]
    lengths: list[int]


class LlamaReader:
    """A model of llama.cpp, read in batches, as `CausalReader` reads one of `transformers`.

    Args:
        path: The file, which has been checked.
        threads: To compute with.

    Raises:
        UserError: llama.cpp does not take the file.
    """

    def __init__(self, path: str, threads: int) -> None:
        import llama_cpp

        self._llama = llama_cpp
        llama_cpp.llama_log_set(_silence(), ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
        if not self._model:
            raise UserError(f"{path}: llama.cpp cannot load it; it is damaged, or --backend transformers takes it.")
        self._rows = int(llama_cpp.llama_max_parallel_sequences()) - 1
        self._cells = self._affordable_cells()
        self._state = self._new_context(threads)
        if not self._state:
            raise UserError(f"{path}: llama.cpp has no memory for it; --backend transformers may.")
        self._memory = llama_cpp.llama_get_memory(self._state)
        self._batch = llama_cpp.llama_batch_init(MOST_TOKENS, 0, 1)
        self.parameters = int(llama_cpp.llama_model_n_params(self._model))
        self.context = min(int(llama_cpp.llama_model_n_ctx_train(self._model)), self._cells)
        self._vocabulary = int(llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self._model)))
        self._prefix: tuple[int, ...] = ()
        _, logits_BKV = self.begin([[min(2, self._vocabulary - 1), min(1, self._vocabulary - 1)]])
        if not torch.isfinite(logits_BKV).all():
            raise UserError(f"{path}: computes values that are not numbers; its weights are damaged.")

    def __del__(self) -> None:
        if getattr(self, "_batch", None) is not None:
            self._llama.llama_batch_free(self._batch)
        if getattr(self, "_state", None):
            self._llama.llama_free(self._state)
        if getattr(self, "_model", None):
            self._llama.llama_model_free(self._model)

    @property
    def device(self) -> torch.device:
        """Where its results lie."""
        return torch.device("cpu")

    def spell(self, text: str) -> tuple[int, ...]:
        """The tokens of a text as llama.cpp itself reads it, special ones where it names them."""
        raw = text.encode()
        most = len(raw) + 1
        tokens = (self._llama.llama_token * most)()
        vocabulary = self._llama.llama_model_get_vocab(self._model)
        count = self._llama.llama_tokenize(vocabulary, raw, len(raw), tokens, most, False, True)
        return tuple(tokens[:count])

    def batches(self, rows: Sequence[Row], copies: int = 1, more: int = 0, keep: int = 1) -> Iterator[list[int]]:
        """Numbers of the rows in batches of like length, longest first; `copies` of each, `more` tokens behind each."""
        order = sorted(range(len(rows)), key=lambda index: -len(rows[index]))
        room = self._cells - len(self._prefix)
        while order:
            paths = copies if copies == 1 else 2 * copies  # `copies` are there on average
            slots = len(rows[order[0]]) - len(self._prefix) + more * paths
            size = max(min(self._rows // paths, MOST_ROWS, room // slots), 1)
            yield order[:size]
            order = order[size:]

    def share(self, rows: Sequence[Row], spare: int = 1) -> None:
        """Reads what all the rows begin with, all but the last `spare` tokens of each at the most."""
        prefix = common_beginning(rows, spare) if rows else ()
        if prefix == self._prefix:
            return
        self._forget(range(self._rows + 1))
        self._prefix = prefix
        self._read([(SHARED, place, token, False) for place, token in enumerate(prefix)])

    def begin(self, rows: Sequence[Row], keep: int = 1) -> tuple[Sequences, Float[Tensor, "rows last vocabulary"]]:
        """The rows read, and the logits at their last `keep` positions."""
        start = len(self._prefix)
        state = Sequences([*range(1, len(rows) + 1)], [len(row) for row in rows])
        self._forget(range(1, self._rows + 1))
        tokens = []
        for number, row in zip(state.numbers, rows, strict=True):
            self._copy(SHARED, number)
            first = max(len(row) - keep, start)
            tokens += [(number, place, row[place], place >= first) for place in range(start, len(row))]
        logits = iter(self._read(tokens))
        logits_BKV = torch.zeros(len(rows), keep, self._vocabulary)
        for index, row in enumerate(rows):
            for place in range(max(keep - (len(row) - start), 0), keep):
                logits_BKV[index, place] = torch.from_numpy(next(logits))
        return state, logits_BKV

    def step(
        self, state: Sequences, parents_R: Int64[Tensor, "rows"] | None, tokens_R: Int64[Tensor, "rows"]
    ) -> Float[Tensor, "rows vocabulary"]:
        """One more token behind chosen rows, all in their order where none are chosen; the logits after it."""
        parents = range(len(state.numbers)) if parents_R is None else parents_R.tolist()
        self._choose(state, parents)
        places = zip(state.numbers, state.lengths, tokens_R.tolist(), strict=True)
        logits = self._read([(number, place, token, True) for number, place, token in places])
        state.lengths = [length + 1 for length in state.lengths]
        return torch.from_numpy(np.stack(logits))

    def _choose(self, state: Sequences, parents: Sequence[int]) -> None:
        """Makes the rows those of the parents: the first child goes on in a parent's sequence, others in copies."""
        if len(parents) > self._rows:
            raise UserError(f"llama.cpp reads {self._rows} answers at once at the most; ask for fewer samples.")
        self._forget(number for row, number in enumerate(state.numbers) if row not in set(parents))
        free = iter(sorted({*range(1, self._rows + 1)} - {state.numbers[row] for row in parents}))
        used: set[int] = set()
        numbers = []
        for row in parents:
            number = state.numbers[row]
            if row in used:
                number = next(free)
                self._copy(state.numbers[row], number)
            used.add(row)
            numbers.append(number)
        state.numbers, state.lengths = numbers, [state.lengths[row] for row in parents]

    def _read(self, tokens: Sequence[tuple[int, int, int, bool]]) -> list[np.ndarray]:
        """Reads tokens, each with its sequence, its place and whether logits are wanted; those logits."""
        wanted = []
        for start in range(0, len(tokens), MOST_TOKENS):
            part = tokens[start : start + MOST_TOKENS]
            self._batch.n_tokens = len(part)
            for i, (number, place, token, keep) in enumerate(part):
                self._batch.token[i], self._batch.pos[i], self._batch.logits[i] = token, place, keep
                self._batch.n_seq_id[i], self._batch.seq_id[i][0] = 1, number
            if code := self._llama.llama_decode(self._state, self._batch):
                raise UserError(f"llama.cpp cannot read {len(part)} tokens (code {code}); use --backend transformers.")
            for i, (*_, keep) in enumerate(part):
                if keep:
                    logits = self._llama.llama_get_logits_ith(self._state, i)
                    wanted.append(np.ctypeslib.as_array(logits, (self._vocabulary,)).copy())
        return wanted

    def _forget(self, numbers: Any) -> None:
        for number in numbers:
            self._llama.llama_memory_seq_rm(self._memory, number, -1, -1)

    def _copy(self, source: int, target: int) -> None:
        self._llama.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def _affordable_cells(self) -> int:
        """Tokens whose keys and values take no more memory than those of a batch through `transformers`."""
        llama, model = self._llama, self._model
        width = llama.llama_model_n_embd(model) // max(llama.llama_model_n_head(model), 1)
        cell = 4 * llama.llama_model_n_layer(model) * llama.llama_model_n_head_kv(model) * width
        budget = max(LEAST_BUDGET, int(BUDGET_SHARE * llama.llama_model_size(model)))
        return min(max(budget // max(cell, 1), LEAST_CELLS), MOST_CELLS)

    def _new_context(self, threads: int) -> Any:
        settings = self._llama.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_ubatch = self._cells, MOST_TOKENS, MOST_TOKENS
        settings.n_seq_max, settings.kv_unified = self._rows + 1, True
        settings.n_threads = settings.n_threads_batch = threads
        return self._llama.llama_init_from_model(self._model, settings)
