"""The scorers of uqlm that need no download, on responses and samples made elsewhere; runs where uqlm is installed.

python -P benchmarks/confidence_uqlm.py --told greedy-told.jsonl --samples samples-told.jsonl --out scores.jsonl

The files are what benchmarks/confidence_polygraph.py writes. With `--model DIR` P(True) is asked too: uqlm's prompt and
its reading of the first token, our call of the model.
"""

import argparse
import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from uqlm.scorers import BlackBoxUQ, WhiteBoxUQ
from uqlm.white_box.p_true import PTRUE_SYSTEM_PROMPT, PTrueScorer

OF_TOKENS = [
    "sequence_probability",
    "min_probability",
    "min_token_negentropy",
    "mean_token_negentropy",
    "probability_margin",
]
SENTENCE = re.compile(r"(?<=[.!?])\s")
Rows = list[dict[str, Any]]


def white_box(rows: Rows, scorers: list[str], normalised: bool = True) -> dict[str, list[float]]:
    """Scorers of token log-probabilities."""
    given = {
        "prompts": [row["question"] for row in rows],
        "responses": [row["response"] for row in rows],
        "sampled_responses": [row.get("samples") for row in rows],
        "logprobs_results": [row["logprobs"] for row in rows],
        "sampled_logprobs_results": [row.get("sampled_logprobs") for row in rows],
        "show_progress_bars": False,
    }
    data = asyncio.run(WhiteBoxUQ(scorers=scorers, length_normalize=normalised).score(**given)).data
    return {name: data[name] for name in scorers}


def black_box(rows: Rows, first_sentence: bool) -> list[float]:
    """The share of samples that are the response to the letter; of both, the first sentence alone if wanted."""

    def read(text: str) -> str:
        return SENTENCE.split(text)[0] if first_sentence else text

    scorer = BlackBoxUQ(scorers=["exact_match"], use_best=False)
    result = scorer.score(
        responses=[read(row["response"]) for row in rows],
        sampled_responses=[[read(text) for text in row["samples"]] for row in rows],
        show_progress_bars=False,
    )
    return list(result.data["exact_match"])


def opened(directory: Path) -> tuple[Any, Any]:
    """The model and its tokenizer; a transformers of before version 5 finds the rotary base elsewhere."""
    base = json.loads((directory / "config.json").read_text(encoding="utf-8"))["rope_parameters"]["rope_theta"]
    model = AutoModelForCausalLM.from_pretrained(directory, torch_dtype=torch.float32, rope_theta=base)
    return model.eval(), AutoTokenizer.from_pretrained(directory)


def first_token(model: Any, tokenizer: Any, messages: list[dict[str, str]]) -> dict[str, Any]:
    """The likeliest next token with its log-probability."""
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    with torch.inference_mode():
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]
        nats = model(ids, logits_to_keep=1).logits[0, -1].log_softmax(-1)
    return {"token": tokenizer.decode([int(nats.argmax())]), "logprob": float(nats.max())}


def p_true(rows: Rows, directory: Path) -> list[float]:
    """P(True) as uqlm asks and reads it, without samples in the prompt."""
    model, tokenizer = opened(directory)
    said = first_token(model, tokenizer, [{"role": "user", "content": rows[0]["question"]}])
    expected = rows[0]["logprobs"][0]
    if said["token"] != expected["token"] or abs(said["logprob"] - expected["logprob"]) > 1e-3:
        raise SystemExit(f"This transformers computes another model: {said} instead of {expected}.")
    values = []
    for row in rows:
        prompt = PTrueScorer._construct_ptrue_prompt(row["question"], row["response"])
        turns = [{"role": "system", "content": PTRUE_SYSTEM_PROMPT}, {"role": "user", "content": prompt}]
        values.append(PTrueScorer._extract_ptrue_from_logprobs_result([first_token(model, tokenizer, turns)]))
    return values


def scored(rows: Rows, sampled: Rows, model: Path | None) -> Iterator[tuple[str, Rows, list[float]]]:
    """Every scorer with the rows that it scores."""
    for name, values in white_box(rows, OF_TOKENS).items():
        yield name, rows, values
    whole = white_box(rows, ["sequence_probability"], normalised=False)
    yield "sequence_probability, not normalised", rows, whole["sequence_probability"]
    if sampled:
        yield (
            "monte_carlo_probability",
            sampled,
            white_box(sampled, ["monte_carlo_probability"])["monte_carlo_probability"],
        )
        yield "exact_match", sampled, black_box(sampled, first_sentence=False)
        yield "exact_match, first sentence", sampled, black_box(sampled, first_sentence=True)
    if model is not None:
        yield "p_true", rows, p_true(rows, model)


def read(path: Path) -> Rows:
    """JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    """Scores all and writes them, a line a question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--told", type=Path, required=True)
    parser.add_argument("--samples", type=Path, help="of all questions or some")
    parser.add_argument("--model", type=Path, help="to ask P(True)")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    told = {row["question"]: row for row in read(options.told)}
    sampled = [told[row["question"]] | row for row in (read(options.samples) if options.samples else [])]
    records = {text: {"question": text, "response": row["response"]} for text, row in told.items()}
    for name, rows, values in scored(list(told.values()), sampled, options.model):
        for row, value in zip(rows, values, strict=True):
            records[row["question"]][name] = float(value)
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records.values()]
    options.out.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
