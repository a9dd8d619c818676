import importlib.util
import json
import os
import subprocess
import sys

import pytest
import yaml

from closedbook.errors import UserError
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.form import Form
from closedbook.evaluation.scorers import SCORERS, find_scorer
from closedbook.facts.built_in import built_in_corpus
from closedbook.hub import Way, open_model
from closedbook.interchange.lm_eval_task import command, write_lm_eval
from tests.interchange.conftest import module_at, responses


class Loader(yaml.SafeLoader):
    """Reads a function as its name."""


Loader.add_constructor("!function", lambda loader, node: f"function {node.value}")


def read(path):
    return yaml.load(path.read_text(encoding="utf-8"), Loader)


def test_a_task_a_relation_and_a_group(facts, tmp_path):
    group = write_lm_eval(facts, Form(), tmp_path / "My facts")
    folder = tmp_path / "My facts"
    assert group == "closedbook_my_facts"
    assert read(folder / f"{group}.yaml")["task"] == [f"{group}_capital", f"{group}_chemical_symbol"]
    task = read(folder / f"{group}_chemical_symbol.yaml")
    assert (task["task_alias"], task["num_fewshot"], task["target_delimiter"]) == ("chemical symbol", 0, " ")
    assert task["generation_kwargs"] == {"until": ["\n"], "max_gen_toks": 24, "do_sample": False}
    assert [metric["metric"] for metric in task["metric_list"]] == [*SCORERS]
    assert task["process_results"] == "function utils.process_results"
    rows = [json.loads(line) for line in (folder / task["dataset_kwargs"]["file"]).read_text().splitlines()]
    assert rows[0] == {
        "prompt": "Question: What is the symbol of Tin?\nAnswer:",
        "target": "Sn",
        "answers": ["Sn", "SN"],
        "question": "What is the symbol of Tin?",
        "subject": "Tin",
        "relation": "chemical symbol",
        "popularity": 60.0,
    }
    with pytest.raises(UserError, match="exists already"):
        write_lm_eval(facts, Form(), folder)


def test_examples_make_the_prompt_that_is_asked_here(facts, tmp_path):
    form = Form(template="Q: {}\nA: ", examples=(("1?", "one"), ("2?", "two")))
    group = write_lm_eval(facts, form, tmp_path / "shots")
    task = read(tmp_path / "shots" / f"{group}_capital.yaml")
    row = json.loads((tmp_path / "shots" / "capital.jsonl").read_text().split("\n")[0])
    shown = [
        sample["prompt"] + task["target_delimiter"] + sample["target"] + task["fewshot_delimiter"]
        for sample in task["fewshot_config"]["samples"]
    ]
    assert task["num_fewshot"] == 2
    assert "".join(shown) + row["prompt"] == form.text(row["question"])


def test_a_chat_is_the_users_turn(facts, tmp_path):
    form = Form(template="{}", chat=True, examples=(("1?", "one"),))
    group = write_lm_eval(facts, form, tmp_path / "chat")
    task = read(tmp_path / "chat" / f"{group}_capital.yaml")
    assert task["generation_kwargs"] == {"until": [], "max_gen_toks": 40, "do_sample": False}
    assert task["fewshot_config"]["samples"] == [{"prompt": "1?", "target": "one"}]
    assert command(group, form, tmp_path).endswith("--apply_chat_template")


def test_relations_that_are_written_alike_have_files_of_their_own(tmp_path, facts):
    import dataclasses

    twins = [dataclasses.replace(facts[0], relation=name) for name in ("a b", "A-B", "столица")]
    group = write_lm_eval(twins, Form(), tmp_path / "twins")
    tasks = [f"{group}_a_b", f"{group}_a_b_2", f"{group}_facts"]
    assert read(tmp_path / "twins" / f"{group}.yaml")["task"] == tasks
    assert all((tmp_path / "twins" / f"{task}.yaml").is_file() for task in tasks)


def test_its_metrics_are_our_scores(facts, tmp_path):
    write_lm_eval(facts, Form(), tmp_path / "task")
    utils = module_at(tmp_path / "task" / "utils.py")
    scorers = [find_scorer(name, facts) for name in SCORERS]
    right = dict.fromkeys(SCORERS, 0)
    for fact, response in responses(facts, 400):
        row = {"question": fact.question, "answers": list(fact.answers), "subject": fact.subject}
        metrics = utils.process_results(row | {"relation": fact.relation}, [response])
        assert metrics == {scorer.name: scorer(response.strip(), fact).correct for scorer in scorers}, response
        right = {name: right[name] + metrics[name] for name in right}
    assert 20 < right["exact"] < right["normalised"] < right["contained"] < 300


@pytest.mark.slow
@pytest.mark.harness
@pytest.mark.skipif(
    importlib.util.find_spec("lm_eval") is None,
    reason="lm-eval is not installed: pip install 'closedbook[interchange]'",
)
@pytest.mark.parametrize("shots", [0, 1])
def test_the_harness_finds_what_we_find(saved, people, tmp_path, shots):
    path, asked = saved["gpt2"], people.train[:16]
    examples = tuple((fact.question, fact.answers[0]) for fact in people.train[16 : 16 + shots])
    form = Form(examples=examples)
    group = write_lm_eval(asked, form, tmp_path / "task")
    (tmp_path / "task").rename(tmp_path / "moved")
    arguments = f"--model hf --model_args pretrained={path},dtype=float32 --device cpu --batch_size 4 --tasks {group}"
    done = subprocess.run(
        [sys.executable, "-m", "lm_eval", *arguments.split(), "--include_path", tmp_path / "moved",
         "--output_path", tmp_path / "results", "--log_samples"],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    theirs = [
        json.loads(line)
        for file in (tmp_path / "results").rglob("samples*.jsonl")
        for line in file.read_text(encoding="utf-8").split("\n")
        if line
    ]
    model = open_model(f"hf:{path}", Way(precision="fp32", form=form))
    for scorer in (find_scorer(name, asked) for name in SCORERS):
        ours = evaluate(model, asked, scorer)
        expected = {
            prompt.text: (response.text, float(score.correct))
            for prompt, response, score in zip(ours.prompts, ours.responses, ours.scores, strict=True)
        }
        found = {
            row["arguments"]["gen_args_0"]["arg_0"]: (row["resps"][0][0].strip(), row[scorer.name]) for row in theirs
        }
        assert found == expected
    assert shots or ours.accuracy.correct.hits > 6


def test_the_built_in_facts_can_be_exported(tmp_path):
    from closedbook.config import PeopleConfig

    corpus = built_in_corpus(PeopleConfig(count=40))
    group = write_lm_eval(corpus.dev, Form(), tmp_path / "dev")
    rows = sum(len(file.read_text().splitlines()) for file in (tmp_path / "dev").glob("*.jsonl"))
    assert (rows, len(read(tmp_path / "dev" / f"{group}.yaml")["task"])) == (len(corpus.dev), len(corpus.relations))
