"""A model in Hugging Face format: a causal language model on disk, through `transformers`.

No remote code is run, no pickle is read, nothing is downloaded. A question is asked by a template; the answer is what
follows up to a line break or the end of the text. Its probability is that of its tokens and of any closing after them.

Axes: B batch, T time, V vocabulary, C width.
"""

import hashlib
import json
import string
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from closedbook.errors import UserError
from closedbook.evaluation.language_model import Ability, Prompt, Response
from closedbook.evaluation.scorers import normalise
from closedbook.facts.corpus import sha256
from closedbook.facts.forms import up_to_subjects
from closedbook.hub import HUGGING_FACE
from closedbook.model.gpt import count_parameters

TEMPLATE = "Question: {}\nAnswer:"
MOST_NEW_TOKENS = 24
BEAMS = 12
UNKNOWN_CONTEXT = 1024  # where a model does not say how much it can read
BATCH = 16
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")


class CausalModel:
    """A causal language model, its tokenizer and the template that it is asked with: a `LanguageModel`.

    Args:
        path: The directory.
        template: The prompt, with `{}` for the question.
        device: Where it computes.

    Raises:
        UserError: It cannot be loaded safely, and why.
    """

    def __init__(self, path: Path, template: str = TEMPLATE, device: torch.device | str = "cpu") -> None:
        if template.count("{}") != 1:
            raise UserError(f"--template {template!r}: holds the question once, as {{}}.")
        _check_files(path)
        self.path, self._template = path, template.replace("\\n", "\n")
        self._tokenizer, self._model = _load(path)
        self._model = self._model.to(device).eval()
        text = self._model.config.get_text_config()
        self._vocabulary = int(text.vocab_size)
        self._context = int(getattr(text, "max_position_embeddings", None) or UNKNOWN_CONTEXT)
        ends = self._model.generation_config.eos_token_id or text.eos_token_id
        self._ends = ends if isinstance(ends, list) else [ends]
        # what a model's files say of sampling must not reach a greedy answer
        self._model.generation_config = type(self._model.generation_config)()
        if not self._is_causal():
            raise UserError(f"{path}: sees later tokens, so not a causal language model.")

    @property
    def name(self) -> str:
        return f"{HUGGING_FACE}:{self.path}"

    @property
    def kind(self) -> str:
        return f"a causal language model in Hugging Face format, {type(self._model).__name__}"

    @property
    def parameters(self) -> int:
        return count_parameters(self._model)

    @property
    def template(self) -> str:
        return self._template

    def lacks(self, ability: Ability) -> str | None:
        return None

    def fingerprint(self) -> str:
        return weights_sha256(self.path)

    @torch.inference_mode()
    def _is_causal(self) -> bool:
        """Whether another last token leaves what is said of the earlier ones as it is."""
        first, second = range(min(self._vocabulary, 5))[1:3]
        tokens_BT = torch.tensor([[first, second, first], [first, second, second]], device=self._model.device)
        change_T = self._model(tokens_BT).logits.float().diff(dim=0).abs().amax(dim=(0, 2))
        return bool(change_T[:2].max() <= 1e-3 * change_T[2])

    def prompts(self, questions: Sequence[str], *, place: str = "question") -> list[Prompt]:
        texts = [self._template.replace("{}", question) for question in questions]
        made = []
        for number, (question, text) in enumerate(zip(questions, texts, strict=True), 1):
            ids = self._ids(text)
            if len(ids) + MOST_NEW_TOKENS > self._context:
                raise UserError(
                    f"{place} {number}: {len(ids)} tokens in the template leave no room for an answer in the model's "
                    f"{self._context}."
                )
            self._spell(question, f"{place} {number}")
            made.append(Prompt(question=question, ids=tuple(ids), text=text))
        return made

    def check_answers(self, answers: Sequence[str], *, place: str = "answer") -> None:
        for number, answer in enumerate(answers, 1):
            self._spell(answer, f"{place} {number}")

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        recorder = Recorder(self._closing)
        return [rows[0] for rows in self._recorded([prompt.ids for prompt in prompts], recorder)]

    def sample(self, prompts: Sequence[Prompt], count: int, seed: int) -> list[list[Response]]:
        recorder = Recorder(self._closing)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            drawn = {"do_sample": True, "temperature": 1.0, "top_k": 0, "num_return_sequences": count}
            return self._recorded([prompt.ids for prompt in prompts], recorder, **drawn)

    def alternatives(self, prompts: Sequence[Prompt]) -> list[list[Response]]:
        encoded = [prompt.ids for prompt in prompts]
        beams = min(BEAMS, self._vocabulary)
        results = []
        settings: dict[str, Any] = {"num_beams": beams, "num_return_sequences": beams, "length_penalty": 0.0}
        for prompt, found in zip(encoded, self._generate(encoded, **settings), strict=True):
            closed = [ids for ids in found if len(self._before_closing(ids)) < len(ids)]
            distinct = {tuple(self._before_closing(ids)): ids for ids in closed}
            rows = list(distinct.values())
            nats = self._nats([prompt] * len(rows), list(distinct), [True] * len(rows))
            likeliest: dict[str, Response] = {}
            for response in sorted(map(self._response, rows, nats), key=lambda response: -(response.nats or 0.0)):
                likeliest.setdefault(normalise(response.text), response)
            results.append(list(likeliest.values()))
        return results

    def log_probability(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> list[float | None]:
        after = [
            self._continuation(prompt.text, prompt.ids, answer) for prompt, answer in zip(prompts, answers, strict=True)
        ]
        return self._fitting_nats([prompt.ids for prompt in prompts], after, closed=True)

    def choose(self, prompts: Sequence[Prompt], candidates: Sequence[str]) -> list[str]:
        spelled = {tuple(self._tokenizer(f" {text}", add_special_tokens=False)["input_ids"]) for text in candidates}
        if len(spelled) < len(candidates) or not candidates:
            raise UserError("The candidates must be at least one, and no two may be spelled with the same tokens.")
        self.check_answers(candidates, place="candidate")
        chosen = []
        for prompt in prompts:
            nats = self.log_probability([prompt] * len(candidates), candidates)
            chosen.append(
                max(zip(candidates, nats, strict=True), key=lambda pair: -np.inf if pair[1] is None else pair[1])
            )
        return [candidate for candidate, _ in chosen]

    def continue_documents(self, subjects: Sequence[str], before: Sequence[str]) -> list[str]:
        return [self._text(rows[0]) for rows in self._generate(self._documents(subjects, before))]

    def continuation_log_probability(
        self, subjects: Sequence[str], before: Sequence[str], answers: Sequence[str]
    ) -> list[float | None]:
        encoded = self._documents(subjects, before)
        after = [self._tokenizer(f" {answer}", add_special_tokens=False)["input_ids"] for answer in answers]
        return self._fitting_nats(encoded, after, closed=False)

    def _documents(self, subjects: Sequence[str], before: Sequence[str]) -> list[list[int]]:
        room = self._context - MOST_NEW_TOKENS
        texts = [f"{subject}.{words}".rstrip() for subject, words in zip(subjects, before, strict=True)]
        return [self._ids(text)[-room:] for text in texts]

    @torch.inference_mode()
    def represent(self, prompts: Sequence[Prompt], subjects: Sequence[str]) -> Float[np.ndarray, "prompts width"]:
        start = self._template[: self._template.index("{}")]
        texts = up_to_subjects([prompt.question for prompt in prompts], subjects)
        encoded = [self._ids(start + text) for text in texts]
        rows = []
        for first in range(0, len(encoded), BATCH):
            batch = encoded[first : first + BATCH]
            tokens_BT, mask_BT = self._right_padded(batch)
            states = self._model(tokens_BT, attention_mask=mask_BT, output_hidden_states=True).hidden_states
            middle_BTC = states[len(states) // 2]
            last_B = mask_BT.sum(dim=1) - 1
            rows.append(middle_BTC[torch.arange(len(batch)), last_B].float().cpu().numpy())
        return np.concatenate(rows)

    def _ids(self, text: str) -> list[int]:
        """The text's tokens with what the tokenizer puts before it, without an end token behind it."""
        ids: list[int] = self._tokenizer(text)["input_ids"]
        end = self._tokenizer.eos_token_id
        return ids[:-1] if len(ids) > 1 and ids[-1] == end else ids

    def _continuation(self, text: str, prompt: Sequence[int], answer: str) -> list[int]:
        """The answer's tokens as they stand after the prompt."""
        together = self._ids(f"{text} {answer}")
        if tuple(together[: len(prompt)]) == tuple(prompt) and len(together) > len(prompt):
            return together[len(prompt) :]
        ids: list[int] = self._tokenizer(f" {answer}", add_special_tokens=False)["input_ids"]
        return ids

    def _spell(self, text: str, place: str) -> None:
        ids = self._tokenizer(f" {text}", add_special_tokens=False)["input_ids"]
        back = self._tokenizer.decode(ids, skip_special_tokens=True)
        if self._tokenizer.unk_token_id in ids or _letters(back) != _letters(text):
            raise UserError(
                f"{place}: {text!r} cannot be spelled with the vocabulary of {self.path}, it comes back as "
                f"{back.strip()!r}."
            )

    @cached_property
    def _closing(self) -> list[int]:
        """The tokens that end an answer: the end of the text, and all that hold a line break."""
        texts = self._tokenizer.batch_decode([[token] for token in range(len(self._tokenizer))])
        found = [token for token, text in enumerate(texts) if "\n" in text]
        ends = [end for end in [*self._ends, self._tokenizer.eos_token_id] if end is not None]
        return sorted(token for token in {*found, *ends} if token < self._vocabulary)

    def _before_closing(self, ids: Sequence[int]) -> list[int]:
        closing = set(self._closing)
        end = next((index for index, token in enumerate(ids) if token in closing), len(ids))
        return list(ids[:end])

    def _text(self, ids: Sequence[int]) -> str:
        """The answer's text; what stands before a line break inside a token belongs to it."""
        return self._tokenizer.decode(ids, skip_special_tokens=True).lstrip("\n").split("\n")[0].strip()

    @torch.inference_mode()
    def _generate(
        self, encoded: Sequence[Sequence[int]], recorder: "Recorder | None" = None, **settings: Any
    ) -> list[list[list[int]]]:
        """New tokens, closing included, one or several sequences a prompt."""
        from transformers import GenerationConfig, LogitsProcessorList

        pad = self._closing[0] if self._closing else 0  # what is behind the padding mask does not matter
        plain = {"do_sample": False, "num_beams": 1, "top_p": 1.0, "repetition_penalty": 1.0}
        ends = self._closing or None
        config = GenerationConfig(
            max_new_tokens=MOST_NEW_TOKENS, eos_token_id=ends, pad_token_id=pad, **(plain | settings)
        )
        results: list[list[list[int]]] = []
        for first in range(0, len(encoded), BATCH):
            batch = encoded[first : first + BATCH]
            longest = max(map(len, batch))
            tokens_BT = torch.tensor([[pad] * (longest - len(ids)) + [*ids] for ids in batch])
            mask_BT = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for ids in batch])
            new_RT = self._model.generate(
                tokens_BT.to(self._model.device),
                attention_mask=mask_BT.to(self._model.device),
                generation_config=config,
                logits_processor=LogitsProcessorList([recorder] if recorder else []),
            )[:, longest:]
            if recorder:
                recorder.finish(new_RT)
            rows = [self._cut(ids) for ids in new_RT.tolist()]
            each = len(rows) // len(batch)
            results += [rows[start : start + each] for start in range(0, len(rows), each)]
        return results

    def _recorded(
        self, encoded: Sequence[Sequence[int]], recorder: "Recorder", **settings: Any
    ) -> list[list[Response]]:
        """What `_generate` gives, with the log-probabilities that came up on the way."""
        rows = self._generate(encoded, recorder, **settings)
        nats = iter(recorder.rows)
        return [[self._response(ids, next(nats)[: len(ids)]) for ids in found] for found in rows]

    def _cut(self, ids: list[int]) -> list[int]:
        """Up to and including the first closing token; padding follows it."""
        return ids[: len(self._before_closing(ids)) + 1]

    def _response(self, ids: Sequence[int], nats: Sequence[float]) -> Response:
        closed = len(self._before_closing(ids)) < len(ids)
        return Response(text=self._text(ids), ids=tuple(ids), token_nats=tuple(nats), closed=closed)

    def _fitting_nats(
        self, encoded: Sequence[Sequence[int]], after: Sequence[Sequence[int]], *, closed: bool
    ) -> list[float | None]:
        """Log-probability of each continuation, None where it does not fit."""
        fits = [len(prompt) + len(ids) < self._context for prompt, ids in zip(encoded, after, strict=True)]
        places = [index for index, fit in enumerate(fits) if fit]
        rows = self._nats([encoded[i] for i in places], [after[i] for i in places], [closed] * len(places))
        values: list[float | None] = [None] * len(encoded)
        for index, nats in zip(places, rows, strict=True):
            values[index] = min(sum(nats), 0.0)
        return values

    @torch.inference_mode()
    def _nats(
        self, encoded: Sequence[Sequence[int]], after: Sequence[Sequence[int]], closed: Sequence[bool]
    ) -> list[list[float]]:
        """Log-probability of each token of each continuation, and of any closing behind it where it is closed."""
        values: list[list[float]] = []
        closing = torch.tensor(self._closing, dtype=torch.int64, device=self._model.device)
        for first in range(0, len(encoded), BATCH):
            part = slice(first, first + BATCH)
            pairs = list(zip(encoded[part], after[part], closed[part], strict=True))
            tokens_BT, mask_BT = self._right_padded([[*prompt, *ids] for prompt, ids, _ in pairs])
            logits_BTV = self._model(tokens_BT, attention_mask=mask_BT).logits
            for row, (prompt, ids, ends) in enumerate(pairs):
                end = len(prompt) + len(ids)
                log_TV = logits_BTV[row, len(prompt) - 1 : end].float().log_softmax(dim=-1)
                nats = log_TV[:-1].gather(1, tokens_BT[row, len(prompt) : end, None])[:, 0].tolist()
                values.append(
                    [*nats, *([float(log_TV[-1, closing].logsumexp(dim=0))] if ends and len(closing) else [])]
                )
        return values

    def _right_padded(self, batch: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        longest = max(map(len, batch))
        padding = [longest - len(ids) for ids in batch]
        device = self._model.device
        tokens_BT = torch.tensor([[*ids] + [0] * rest for ids, rest in zip(batch, padding, strict=True)], device=device)
        mask_BT = torch.tensor([[1] * (longest - rest) + [0] * rest for rest in padding], device=device)
        return tokens_BT, mask_BT


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


def weights_sha256(path: Path) -> str:
    """One hash of all weight files of a model in Hugging Face format."""
    hashes = [sha256(file) for file in sorted(path.glob("*.safetensors"))]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def _check_files(path: Path) -> None:
    """Raises a `UserError` where the directory cannot be loaded safely."""
    if not path.is_dir():
        raise UserError(f"{path}: no such directory; hf: takes a model directory on this disk, nothing is downloaded.")
    if not (path / "config.json").is_file():
        raise UserError(f"{path}: no config.json, so not a model in Hugging Face format.")
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path / 'config.json'}: damaged ({error}).") from error
    if not isinstance(config, dict) or "model_type" not in config:
        raise UserError(f"{path / 'config.json'}: names no model_type, so not a model in Hugging Face format.")
    if not any(path.glob("*.safetensors")):
        pickles = [file.name for pattern in PICKLES for file in path.glob(pattern)]
        found = f"only {', '.join(sorted(pickles))}, which can run code when read" if pickles else "no weights"
        raise UserError(f"{path}: holds {found}; save the model as safetensors.")
    if not any((path / name).is_file() for name in TOKENIZERS):
        raise UserError(f"{path}: holds no tokenizer ({', '.join(TOKENIZERS)}); save it beside the model.")


def _load(path: Path) -> tuple[Any, Any]:
    """Tokenizer and model."""
    try:
        import transformers
    except ImportError as error:
        raise UserError("hf: needs transformers; install it with pip install 'closedbook[hf]'.") from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    safe = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, **safe)
    except Exception as error:  # the library raises whatever comes up in a tokenizer's files
        raise UserError(f"{path}: its tokenizer cannot be loaded ({_first_line(error)}).") from error
    try:
        loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(
            path, use_safetensors=True, output_loading_info=True, **safe
        )
        model, info = loaded
    except Exception as error:  # likewise: an unknown architecture, a damaged file, weights of another size
        why = "it needs code of its own, which is not run" if _own_code(path) else _first_line(error)
        raise UserError(f"{path}: cannot be loaded as a causal language model ({why}).") from error
    if missing := sorted(info["missing_keys"]):
        raise UserError(f"{path}: its weights lack {len(missing)} tensors, first {missing[0]}.")
    return tokenizer, model


def _own_code(path: Path) -> bool:
    return "auto_map" in json.loads((path / "config.json").read_text(encoding="utf-8"))


def _letters(text: str) -> str:
    """Letters and digits alone: a tokenizer may put spaces between its pieces, and drop case and accents."""
    plain = unicodedata.normalize("NFKD", text).lower()
    return "".join(c for c in plain if not (c.isspace() or unicodedata.combining(c) or c in string.punctuation))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
