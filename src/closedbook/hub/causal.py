"""A causal language model that was trained elsewhere, through `transformers`: a `LanguageModel`.

A question is put by a template; the answer is what follows up to a line break or the end of the text. Each step has a
module: `directory` opens the files, `template` puts the question, `vocabulary` spells it, `generation` writes answers,
`likelihood` scores given ones, `states` looks at hidden states, `batches` gathers the rows that they read.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from closedbook.errors import UserError
from closedbook.evaluation.language_model import Ability, Prompt, Response
from closedbook.facts.forms import up_to_subjects
from closedbook.hub import HUGGING_FACE
from closedbook.hub.directory import check_directory, load_directory, weights_sha256
from closedbook.hub.generation import MOST_NEW_TOKENS, beams, generate, respond
from closedbook.hub.likelihood import answer_nats
from closedbook.hub.states import last_middle_states
from closedbook.hub.template import TEMPLATE, Template
from closedbook.hub.vocabulary import Vocabulary
from closedbook.model.gpt import count_parameters

UNKNOWN_CONTEXT = 1024  # where a model does not say how much it can read


class CausalModel:
    """A causal language model, its tokenizer and the template that it is asked with.

    Args:
        path: The directory.
        template: The prompt, with `{}` for the question.
        device: Where it computes.

    Raises:
        UserError: It cannot be loaded safely, and why.
    """

    def __init__(self, path: Path, template: str = TEMPLATE, device: torch.device | str = "cpu") -> None:
        self._template = Template(template)
        check_directory(path)
        self.path = path
        tokenizer, self._model = load_directory(path, device)
        text = self._model.config.get_text_config()
        ends = self._model.generation_config.eos_token_id or text.eos_token_id
        self._vocabulary = Vocabulary(tokenizer, path, int(text.vocab_size), ends if isinstance(ends, list) else [ends])
        self._context = int(getattr(text, "max_position_embeddings", None) or UNKNOWN_CONTEXT)
        # what a model's files say of sampling must not reach a greedy answer
        self._model.generation_config = type(self._model.generation_config)()

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
        return self._template.text

    def lacks(self, ability: Ability) -> str | None:
        return None

    def fingerprint(self) -> str:
        return weights_sha256(self.path)

    def prompts(self, questions: Sequence[str], *, place: str = "question") -> list[Prompt]:
        made = []
        for number, question in enumerate(questions, 1):
            text = self._template.put(question)
            ids = self._vocabulary.encode(text)
            if len(ids) + MOST_NEW_TOKENS > self._context:
                raise UserError(
                    f"{place} {number}: {len(ids)} tokens in the template leave no room for an answer in the model's "
                    f"{self._context}."
                )
            self._vocabulary.check(question, f"{place} {number}")
            made.append(Prompt(question=question, ids=tuple(ids), text=text))
        return made

    def check_answers(self, answers: Sequence[str], *, place: str = "answer") -> None:
        for number, answer in enumerate(answers, 1):
            self._vocabulary.check(answer, f"{place} {number}")

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        rows = respond(self._model, self._vocabulary, [prompt.ids for prompt in prompts])
        return [responses[0] for responses in rows]

    def sample(self, prompts: Sequence[Prompt], count: int, seed: int) -> list[list[Response]]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return respond(
                self._model,
                self._vocabulary,
                [prompt.ids for prompt in prompts],
                do_sample=True,
                temperature=1.0,
                top_k=0,
                num_return_sequences=count,
            )

    def alternatives(self, prompts: Sequence[Prompt]) -> list[list[Response]]:
        return beams(self._model, self._vocabulary, [prompt.ids for prompt in prompts])

    def log_probability(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> list[float | None]:
        after = [
            self._vocabulary.encode_after(prompt.text, prompt.ids, answer)
            for prompt, answer in zip(prompts, answers, strict=True)
        ]
        return self._nats([prompt.ids for prompt in prompts], after, closing=self._vocabulary.closing)

    def choose(self, prompts: Sequence[Prompt], candidates: Sequence[str]) -> list[str]:
        spelled = {tuple(self._vocabulary.encode_answer(text)) for text in candidates}
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
        rows = generate(self._model, self._vocabulary, self._documents(subjects, before))
        return [self._vocabulary.decode_answer(written[0]) for written in rows]

    def continuation_log_probability(
        self, subjects: Sequence[str], before: Sequence[str], answers: Sequence[str]
    ) -> list[float | None]:
        after = [self._vocabulary.encode_answer(answer) for answer in answers]
        return self._nats(self._documents(subjects, before), after, closing=())

    def represent(self, prompts: Sequence[Prompt], subjects: Sequence[str]) -> Float[np.ndarray, "prompts width"]:
        texts = up_to_subjects([prompt.question for prompt in prompts], subjects)
        return last_middle_states(
            self._model, [self._vocabulary.encode(self._template.before + text) for text in texts]
        )

    def _documents(self, subjects: Sequence[str], before: Sequence[str]) -> list[list[int]]:
        """Tokens of each document up to where it is to go on."""
        room = self._context - MOST_NEW_TOKENS
        texts = [f"{subject}.{words}".rstrip() for subject, words in zip(subjects, before, strict=True)]
        return [self._vocabulary.encode(text)[-room:] for text in texts]

    def _nats(
        self, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], *, closing: Sequence[int]
    ) -> list[float | None]:
        return answer_nats(self._model, prompts, answers, closing=closing, context=self._context)
