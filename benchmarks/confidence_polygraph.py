"""The estimators of lm-polygraph that need no download, on the same questions; runs where lm-polygraph is installed.

python -P benchmarks/confidence_polygraph.py --model DIR --facts FACTS.tsv --form chat --out DIR    # and: --form text

writes FORM.jsonl (a question, its response, and minus each uncertainty) and, of the chat, generations.jsonl (what uqlm
needs: log-probabilities of the response's tokens, and the samples). Prompts of one length are a batch: none is padded.
"""

import argparse
import json
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

SAMPLES, NEW_TOKENS, BATCH, SEED, TOP = 5, 40, 64, 0, 15
KEPT = ["greedy_texts", "greedy_tokens", "greedy_log_likelihoods", "greedy_tokens_alternatives"]
SAMPLED = ["sample_texts", "sample_log_likelihoods"]


def batches(texts: list[str], length: dict[str, int]) -> list[list[str]]:
    """At most BATCH texts of one length each."""
    by_length: dict[int, list[str]] = defaultdict(list)
    for text in texts:
        by_length[length[text]].append(text)
    return [group[at : at + BATCH] for group in by_length.values() for at in range(0, len(group), BATCH)]


def of_chat() -> list[Any]:
    """Estimators that put the question into the chat format themselves."""
    names = (
        "MaximumSequenceProbability Perplexity MeanTokenEntropy RenyiNeg FisherRao SelfCertainty BoostedProbSequence "
    )
    names += "MonteCarloSequenceEntropy MonteCarloNormalizedSequenceEntropy EigenScore PTrue"
    similar = [estimators.LexicalSimilarity(metric) for metric in ("rouge1", "rouge2", "rougeL", "BLEU")]
    graphs = [getattr(estimators, name)("Jaccard_score") for name in ("DegMat", "Eccentricity", "EigValLaplacian")]
    return [*(getattr(estimators, name)() for name in names.split()), *similar, *graphs]


def of_text() -> list[Any]:
    """Estimators that read the response without its question, or attention: they take the prompt as a text."""
    return [
        estimators.MeanPointwiseMutualInformation(),
        estimators.MeanConditionalPointwiseMutualInformation(),
        estimators.RAUQ(instruct=True),
        estimators.RAUQ(instruct=True, use_entropy=True),
        estimators.AttentionScore(gen_only=True),
    ]


def asked(model: Any, texts: list[str], methods: list[Any], *, attention: bool) -> Any:
    """A batch through lm-polygraph's manager, its default calculators but for the number of samples."""
    made = UEManager(
        Dataset(texts, [""] * len(texts), batch_size=len(texts)),
        model,
        methods,
        BuilderEnvironmentStatCalculator(model),
        register_default_stat_calculators("Whitebox", output_attentions=attention, output_hidden_states=False),
        generation_metrics=[],
        ue_metrics=[],
        processors=[],
        verbose=False,
        max_new_tokens=NEW_TOKENS,
        save_stats=KEPT if attention else [*KEPT, *SAMPLED],
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


def generations(made: Any, tokenizer: Any, texts: list[str]) -> Iterator[dict[str, Any]]:
    """Tokens without what ends the turn, as interfaces tell them, and samples, with log-probabilities."""
    columns = [made.stats[name] for name in [*KEPT, *SAMPLED]]
    for text, said, ids, nats, others, samples, sampled in zip(texts, *columns, strict=True):
        told = len(ids) - (ids[-1] == tokenizer.eos_token_id)
        yield {
            "question": text,
            "response": said.strip(),
            "logprobs": [
                {
                    "token": tokenizer.decode([ids[at]]),
                    "logprob": float(nats[at]),
                    "top_logprobs": [{"logprob": float(value)} for _, value in others[at]],
                }
                for at in range(told)
            ],
            "samples": [sample.strip() for sample in samples],
            "sampled_logprobs": [[{"logprob": float(value)} for value in sample] for sample in sampled],
        }


def add(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """JSON lines."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def main() -> None:
    """Batch by batch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--form", choices=("chat", "text"), required=True)
    parser.add_argument("--out", type=Path, required=True, help="no file in it is replaced")
    options = parser.parse_args()
    questions = [line.split("\t")[0] for line in options.facts.read_text(encoding="utf-8").splitlines()]
    tokenizer = AutoTokenizer.from_pretrained(options.model, padding_side="left")
    prompts = {question: as_text(tokenizer, question) for question in questions}
    length = {question: len(tokenizer(prompt)["input_ids"]) for question, prompt in prompts.items()}
    chat, out = options.form == "chat", options.out
    way = "sdpa" if chat else "eager"  # only the latter shows attention
    weights = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32, attn_implementation=way)
    model = WhiteboxModel(weights.eval(), tokenizer, str(options.model), instruct=chat)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{options.form}.jsonl").touch(exist_ok=False)
    torch.manual_seed(SEED)
    for group in batches(questions, length):
        texts = group if chat else [prompts[question] for question in group]
        made = asked(model, texts, of_chat() if chat else of_text(), attention=not chat)
        add(out / f"{options.form}.jsonl", scores(made, group))
        if chat:
            add(out / "generations.jsonl", generations(made, tokenizer, group))


def as_text(tokenizer: Any, question: str) -> str:
    """The question in the model's chat format."""
    turns = [{"role": "user", "content": question}]
    return str(tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False))


if __name__ == "__main__":
    main()
