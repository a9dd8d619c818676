"""The estimators of lm-polygraph that need no download, on the same questions; runs where lm-polygraph is installed.

python -P benchmarks/confidence_polygraph.py --model DIR --facts FACTS.tsv --what greedy --out DIR

and so with `samples`, `text` and `attention`: estimators of the response, of samples, and those that read the response
without its question, or attention, which take the prompt as a text. It writes WHAT.jsonl (a question, its response, and
minus each uncertainty) and, for uqlm, WHAT-told.jsonl (log-probabilities of tokens, samples). Prompts of one length are
a batch, so that none is padded; for samples and texts the questions come in a random order, padded, so that what a run
has done when it is stopped is a random part.
"""

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from lm_polygraph import WhiteboxModel, estimators
from lm_polygraph.defaults.register_default_stat_calculators import register_default_stat_calculators
from lm_polygraph.utils.builder_enviroment_stat_calculator import BuilderEnvironmentStatCalculator
from lm_polygraph.utils.dataset import Dataset
from lm_polygraph.utils.manager import UEManager
from transformers import AutoModelForCausalLM, AutoTokenizer

SAMPLES, NEW_TOKENS, BATCH, SEED, TOP = 5, 40, 40, 0, 15
KEPT = {
    "greedy": ["greedy_texts", "greedy_tokens", "greedy_log_likelihoods", "greedy_tokens_alternatives"],
    "samples": ["greedy_texts", "sample_texts", "sample_log_likelihoods"],
    "text": ["greedy_texts"],
    "attention": ["greedy_texts"],
}


def batches(texts: list[str], length: dict[str, int]) -> list[list[str]]:
    """At most BATCH texts of one length each."""
    by_length: dict[int, list[str]] = defaultdict(list)
    for text in texts:
        by_length[length[text]].append(text)
    return [group[at : at + BATCH] for group in by_length.values() for at in range(0, len(group), BATCH)]


def of_greedy() -> list[Any]:
    """Of the response, asked in the chat format."""
    names = (
        "MaximumSequenceProbability Perplexity MeanTokenEntropy RenyiNeg FisherRao SelfCertainty BoostedProbSequence "
    )
    return [getattr(estimators, name)() for name in f"{names} PTrue".split()]


def of_samples() -> list[Any]:
    """Of samples, asked in the chat format."""
    names = "MonteCarloSequenceEntropy MonteCarloNormalizedSequenceEntropy EigenScore"
    similar = [estimators.LexicalSimilarity(metric) for metric in ("rouge1", "rouge2", "rougeL", "BLEU")]
    graphs = [getattr(estimators, name)("Jaccard_score") for name in ("DegMat", "Eccentricity", "EigValLaplacian")]
    return [*(getattr(estimators, name)() for name in names.split()), *similar, *graphs]


def of_text() -> list[Any]:
    """Of the response without its question."""
    return [
        estimators.MeanPointwiseMutualInformation(),
        estimators.MeanConditionalPointwiseMutualInformation(),
    ]


def of_attention() -> list[Any]:
    """Of attention."""
    return [
        estimators.RAUQ(instruct=True),
        estimators.RAUQ(instruct=True, use_entropy=True),
        estimators.AttentionScore(gen_only=True),
    ]


METHODS = {"greedy": of_greedy, "samples": of_samples, "text": of_text, "attention": of_attention}


def asked(model: Any, texts: list[str], what: str) -> Any:
    """A batch through lm-polygraph's manager, its default calculators but for the number of samples."""
    made = UEManager(
        Dataset(texts, [""] * len(texts), batch_size=len(texts)),
        model,
        METHODS[what](),
        BuilderEnvironmentStatCalculator(model),
        register_default_stat_calculators(
            "Whitebox", output_attentions=what == "attention", output_hidden_states=False
        ),
        generation_metrics=[],
        ue_metrics=[],
        processors=[],
        verbose=False,
        max_new_tokens=NEW_TOKENS,
        save_stats=KEPT[what],
    )
    for calculator in made.stat_calculators:
        if hasattr(calculator, "samples_n"):
            calculator.samples_n = SAMPLES
        if hasattr(calculator, "n_alternatives"):
            calculator.n_alternatives = TOP
    made()
    return made


def scores(made: Any, questions: list[str]) -> list[dict[str, Any]]:
    """The response, and minus each uncertainty."""
    columns = {name: values for (_, name), values in made.estimations.items()}
    said = made.stats["greedy_texts"]
    return [
        {
            "question": question,
            "response": said[at].strip(),
            **{name: -float(column[at]) for name, column in columns.items()},
        }
        for at, question in enumerate(questions)
    ]


def tokens(made: Any, tokenizer: Any, questions: list[str]) -> Iterator[dict[str, Any]]:
    """Tokens without what ends the turn, as interfaces tell them, with log-probabilities."""
    columns = [made.stats[name] for name in KEPT["greedy"]]
    for question, said, ids, nats, others in zip(questions, *columns, strict=True):
        told = len(ids) - (ids[-1] == tokenizer.eos_token_id)
        yield {
            "question": question,
            "response": said.strip(),
            "logprobs": [
                {
                    "token": tokenizer.decode([ids[at]]),
                    "logprob": float(nats[at]),
                    "top_logprobs": [{"logprob": float(value)} for _, value in others[at]],
                }
                for at in range(told)
            ],
        }


def samples(made: Any, tokenizer: Any, questions: list[str]) -> Iterator[dict[str, Any]]:
    """Samples, with the log-probabilities of their tokens."""
    columns = [made.stats[name] for name in KEPT["samples"]]
    for question, said, texts, nats in zip(questions, *columns, strict=True):
        yield {
            "question": question,
            "response": said.strip(),
            "samples": [text.strip() for text in texts],
            "sampled_logprobs": [[{"logprob": float(value)} for value in sample] for sample in nats],
        }


TOLD = {"greedy": tokens, "samples": samples}


def add(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """JSON lines."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def main() -> None:
    """Batch by batch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--what", choices=METHODS, required=True)
    parser.add_argument("--out", type=Path, required=True, help="no file in it is replaced")
    options = parser.parse_args()
    questions = [line.split("\t")[0] for line in options.facts.read_text(encoding="utf-8").splitlines()]
    tokenizer = AutoTokenizer.from_pretrained(options.model, padding_side="left")
    prompts = {question: as_text(tokenizer, question) for question in questions}
    what, out = options.what, options.out
    if what in ("samples", "text"):
        random.Random(SEED).shuffle(questions)
        groups = [questions[at : at + BATCH] for at in range(0, len(questions), BATCH)]
    else:
        groups = batches(questions, {text: len(tokenizer(prompt)["input_ids"]) for text, prompt in prompts.items()})
    way = "eager" if what == "attention" else "sdpa"  # only the former shows attention
    chats = what in ("greedy", "samples")
    weights = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32, attn_implementation=way)
    model = WhiteboxModel(weights.eval(), tokenizer, str(options.model), instruct=chats)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{what}.jsonl").touch(exist_ok=False)
    torch.manual_seed(SEED)
    for group in groups:
        made = asked(model, group if chats else [prompts[text] for text in group], what)
        add(out / f"{what}.jsonl", scores(made, group))
        if what in TOLD:
            add(out / f"{what}-told.jsonl", TOLD[what](made, tokenizer, group))


def as_text(tokenizer: Any, question: str) -> str:
    """The question in the model's chat format."""
    turns = [{"role": "user", "content": question}]
    return str(tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False))


if __name__ == "__main__":
    main()
