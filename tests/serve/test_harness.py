"""lm-evaluation-harness, pointed at a service, finds what we find."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.form import Form
from closedbook.evaluation.scorers import SCORERS, find_scorer
from closedbook.facts.tokenizers import MASK
from closedbook.interchange.lm_eval_task import write_lm_eval
from tests.hub.conftest import opened
from tests.serve.conftest import running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.harness,
    pytest.mark.skipif(
        importlib.util.find_spec("lm_eval") is None or importlib.util.find_spec("aiohttp") is None,
        reason="lm-eval is not installed: pip install 'lm-eval[api]'",
    ),
]


def harness(url, name, task, out, group, tokenizer="tokenizer_backend=None"):
    """The samples of a run of it."""
    arguments = f"base_url={url}/v1/completions,model={name},num_concurrent=4,max_retries=1,{tokenizer}"
    done = subprocess.run(
        [sys.executable, "-m", "lm_eval", "--model", "local-completions", "--model_args", arguments,
         "--include_path", task, "--tasks", group, "--output_path", out, "--log_samples"],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(out / "home")}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line for file in out.rglob("samples*.jsonl") for line in file.read_text("utf-8").split("\n") if line]
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("kind", ["run", "gpt2"])
def test_the_harness_finds_what_we_find(kind, run, corpus, saved, taught, tmp_path):
    model, facts, form = run, corpus.train[:16], Form(template="{}" + MASK)
    if kind == "gpt2":
        model, facts, form = opened(saved[kind]), taught, Form()
    group = write_lm_eval(facts, form, tmp_path / "task")
    with running({kind: model}) as client:
        rows = harness(client.url, kind, tmp_path / "task", tmp_path / "out", group)
    for scorer in (find_scorer(name, facts) for name in SCORERS):
        ours = evaluate(model, facts, scorer)
        expected = {
            prompt.text: (response.text, float(score.correct))
            for prompt, response, score in zip(ours.prompts, ours.responses, ours.scores, strict=True)
        }
        found = {
            row["arguments"]["gen_args_0"]["arg_0"]: (row["resps"][0][0].strip(), row[scorer.name]) for row in rows
        }
        assert found == expected
    assert ours.accuracy.correct.hits > len(facts) / 3


CHOICES = """
task: choices
custom_dataset: !function 'utils.load'
test_split: test
output_type: multiple_choice
doc_to_text: prompt
doc_to_choice: choices
doc_to_target: 0
target_delimiter: " "
metric_list:
- metric: acc
"""
LOAD = """
import json
from pathlib import Path
import datasets

def load(**settings):
    lines = (Path(__file__).parent / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    return {"test": datasets.Dataset.from_list([json.loads(line) for line in lines])}
"""


def test_given_answers_have_the_probabilities_that_we_find(saved, taught, tmp_path):
    model, task = opened(saved["gpt2"]), tmp_path / "task"
    task.mkdir()
    prompts = model.prompts([fact.question for fact in taught])
    choices = [[fact.answers[0], "Rome" if fact.answers[0] != "Rome" else "Oslo"] for fact in taught]
    rows = [{"prompt": prompt.text, "choices": some} for prompt, some in zip(prompts, choices, strict=True)]
    (task / "choices.yaml").write_text(CHOICES)
    (task / "utils.py").write_text(LOAD)
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with running({"gpt2": model}) as client:
        tokenizer = f"tokenizer_backend=huggingface,tokenizer={saved['gpt2']}"
        samples = harness(client.url, "gpt2", task, tmp_path / "out", "choices", tokenizer)
    expected = {}
    for prompt, some in zip(prompts, choices, strict=True):
        after = [model.vocabulary.encode_after(prompt.text, prompt.ids, f" {text}") for text in some]
        expected[prompt.text] = model._nats([prompt.ids] * 2, after, closing=())
    for sample in samples:
        told = [float(resp[0][0]) for resp in sample["resps"]]
        assert told == pytest.approx(expected[sample["doc"]["prompt"]], abs=1e-3)
        assert told[0] > told[1]
