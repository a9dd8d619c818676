import importlib.util
import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from closedbook.evaluation.evaluate import Evaluation
from closedbook.evaluation.form import Form
from closedbook.evaluation.language_model import Prompt, Response
from closedbook.evaluation.scorers import find_scorer
from closedbook.interchange.inspect_log import inspect_log
from closedbook.interchange.inspect_task import write_inspect

SAID = {"Chad": "I'm not sure.", "France": "The capital of France is Paris.", "Peru": "Paris"}
RUN = """
import json, sys
from inspect_ai import eval as run
from inspect_ai.model import ModelOutput, ModelUsage, get_model
said = json.loads(sys.argv[1])
outputs = [ModelOutput.from_content("mockllm/model", text) for text in said]
for output in outputs:
    output.usage = ModelUsage(input_tokens=1, output_tokens=1)  # else it fetches a tokenizer to count them
model = get_model("mockllm/model", custom_outputs=outputs)
(log,) = run("task.py", model=model, display="none", max_samples=1, log_dir="logs")
assert log.status == "success", log.error
print(json.dumps([[sample.id, sample.metadata["subject"], {name: score.value for name, score in sample.scores.items()},
                   sample.scores["contained"].answer] for sample in log.samples]))
"""
needs_inspect = pytest.mark.skipif(
    importlib.util.find_spec("inspect_ai") is None,
    reason="inspect_ai is not installed: pip install 'closedbook[interchange]'",
)


@pytest.fixture(scope="module")
def evaluation(facts):
    scorer, asked = find_scorer("contained", facts), facts[:5]
    said = [SAID.get(fact.subject, "Rome") for fact in asked]
    return Evaluation(
        model="parrot",
        scorer=scorer,
        facts=tuple(asked),
        prompts=tuple(Prompt(question=fact.question, ids=(), text=fact.question) for fact in asked),
        responses=tuple(Response(text=text, ids=(), token_nats=None, closed=True) for text in said),
        scores=tuple(scorer(text, fact) for text, fact in zip(said, asked, strict=True)),
    )


def test_the_dataset_is_one_of_inspects(facts, tmp_path):
    write_inspect(facts, Form(), tmp_path / "task")
    lines = (tmp_path / "task" / "facts.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[5]) == {
        "id": 6,
        "input": "Question: What is the symbol of Tin?\nAnswer:",
        "target": ["Sn", "SN"],
        "metadata": {
            "question": "What is the symbol of Tin?",
            "subject": "Tin",
            "relation": "chemical symbol",
            "popularity": 60.0,
        },
    }
    assert json.loads((tmp_path / "task" / "settings.json").read_text()) == {"max_tokens": 24, "stops": ["\n"]}


def test_examples_of_a_chat_are_turns(facts, tmp_path):
    write_inspect(facts, Form(template="{}", chat=True, examples=(("1?", "one"),)), tmp_path / "task")
    first = json.loads((tmp_path / "task" / "facts.jsonl").read_text(encoding="utf-8").split("\n")[0])
    assert [(turn["role"], turn["content"]) for turn in first["input"]] == [
        ("user", "1?"),
        ("assistant", "one"),
        ("user", "What is the capital of Chad?"),
    ]
    assert json.loads((tmp_path / "task" / "settings.json").read_text()) == {"max_tokens": 40, "stops": []}


def test_a_log_has_a_header_and_a_line_a_sample(evaluation):
    header, *samples = [json.loads(line) for line in inspect_log(evaluation, task="capitals")]
    assert (header["eval"]["task"], header["eval"]["model"]) == ("capitals", "parrot")
    (scores,) = header["results"]["scores"]
    assert (scores["scorer"], scores["metrics"]["accuracy"]["value"]) == ("contained", 0.2)
    assert [sample["scores"]["contained"]["value"] for sample in samples] == ["N", "C", "I", "I", "I"]
    second = samples[1]
    assert (second["id"], second["input"], second["target"]) == (2, "What is the capital of France?", ["Paris"])
    assert second["output"]["completion"] == "The capital of France is Paris."
    assert second["scores"]["contained"] == {
        "value": "C",
        "answer": "Paris",
        "explanation": "The capital of France is Paris.",
    }
    assert (second["metadata"]["relation"], second["metadata"]["popularity"]) == ("capital", 20.0)


def test_the_same_evaluation_at_the_same_time_is_the_same_log(evaluation):
    now = datetime(2025, 1, 1, tzinfo=UTC)
    assert [*inspect_log(evaluation, created=now)] == [*inspect_log(evaluation, created=now)]


def in_inspect(code, *arguments, folder):
    """What code prints where inspect_ai is imported, and this package is not."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.harness
@needs_inspect
def test_inspect_scores_as_we_do(facts, evaluation, tmp_path):
    write_inspect(facts[:5], Form(), tmp_path / "task")
    said = [response.text for response in evaluation.responses]
    rows = in_inspect(RUN, json.dumps([f"{text}\nQuestion: more" for text in said]), folder=tmp_path / "task")
    samples = [json.loads(line) for line in inspect_log(evaluation)][1:]
    assert [row[1] for row in rows] == [fact.subject for fact in facts[:5]]
    assert [row[2]["contained"] for row in rows] == [one["scores"]["contained"]["value"] for one in samples]
    assert [row[3] for row in rows] == evaluation.answers
    assert [row[2]["exact"] for row in rows] == ["N", "I", "I", "I", "I"]


@pytest.mark.harness
@needs_inspect
def test_inspect_reads_our_log(evaluation, tmp_path):
    code = (
        "import sys; from inspect_ai.log import EvalLog, EvalSample; header, *samples = open('log.jsonl');"
        "log = EvalLog.model_validate_json(header); rows = [EvalSample.model_validate_json(line) for line in samples];"
        "print([log.eval.model == 'parrot', len(rows) == log.results.total_samples].count(True))"
    )
    (tmp_path / "log.jsonl").write_text("".join(inspect_log(evaluation)), encoding="utf-8")
    assert in_inspect(code, folder=tmp_path) == 2
