"""The scorers of uqlm that need no download, on responses and samples made elsewhere; runs where uqlm is installed.

python benchmarks/confidence_uqlm.py --model DIR --generations generations.jsonl --out scores.jsonl

`generations.jsonl` is what benchmarks/confidence_polygraph.py writes. P(True) asks the model again: uqlm's prompt and
its reading of the first token, our call of the model.
"""

import argparse
import asyncio
import json
import re
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from uqlm.scorers import BlackBoxUQ, WhiteBoxUQ
from uqlm.white_box.p_true import PTRUE_SYSTEM_PROMPT, PTrueScorer

WHITE = [
    "sequence_probability",
    "min_probability",
    "min_token_negentropy",
    "mean_token_negentropy",
    "probability_margin",
    "monte_carlo_probability",
]
SENTENCE = re.compile(r"(?<=[.!?])\s")
Rows = list[dict[str, Any]]


def white_box(rows: Rows) -> dict[str, list[float]]:
    """Scorers of token log-probabilities."""
    given = {
        "prompts": [row["question"] for row in rows],
        "responses": [row["response"] for row in rows],
        "sampled_responses": [row["samples"] for row in rows],
        "logprobs_results": [row["logprobs"] for row in rows],
        "sampled_logprobs_results": [row["sampled_logprobs"] for row in rows],
        "show_progress_bars": False,
    }
    normal = asyncio.run(WhiteBoxUQ(scorers=WHITE).score(**given)).data
    whole = asyncio.run(WhiteBoxUQ(scorers=["sequence_probability"], length_normalize=False).score(**given)).data
    return {name: normal[name] for name in WHITE} | {
        "sequence_probability, not normalised": whole["sequence_probability"]
    }


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


def p_true(rows: Rows, directory: Path, samples: bool) -> list[float]:
    """P(True) as uqlm asks and reads it, with the samples in the prompt or without."""
    model, tokenizer = opened(directory)
    said = first_token(model, tokenizer, [{"role": "user", "content": rows[0]["question"]}])
    expected = rows[0]["logprobs"][0]
    if said["token"] != expected["token"] or abs(said["logprob"] - expected["logprob"]) > 1e-3:
        raise SystemExit(f"This transformers computes another model: {said} instead of {expected}.")
    values = []
    for row in rows:
        prompt = PTrueScorer._construct_ptrue_prompt(
            row["question"], row["response"], row["samples"] if samples else None
        )
        turns = [{"role": "system", "content": PTRUE_SYSTEM_PROMPT}, {"role": "user", "content": prompt}]
        values.append(PTrueScorer._extract_ptrue_from_logprobs_result([first_token(model, tokenizer, turns)]))
    return values


def main() -> None:
    """Scores all and writes them, a line a question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--generations", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.generations.read_text(encoding="utf-8").splitlines()]
    columns = white_box(rows)
    columns["exact_match"] = black_box(rows, first_sentence=False)
    columns["exact_match, first sentence"] = black_box(rows, first_sentence=True)
    columns["p_true"] = p_true(rows, options.model, samples=False)
    with options.out.open("w", encoding="utf-8") as file:
        for index, row in enumerate(rows):
            values = {name: float(column[index]) for name, column in columns.items()}
            record = {"question": row["question"], "response": row["response"], **values}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
