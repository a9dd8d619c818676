"""Facts as tasks of EleutherAI's lm-evaluation-harness: one a relation, and a group of them.

The harness finds the folder by `--include_path` and asks as closedbook does: the same prompt, greedy, as many tokens,
the same stop. `utils.py` there holds our scorers themselves, so the folder needs nothing of this package and may be
moved. A form with chat is for `--apply_chat_template`: a row holds the user's turn, examples are turns before it.
"""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from closedbook.evaluation.form import Form
from closedbook.evaluation.scorers import SCORERS
from closedbook.facts.records import Fact
from closedbook.files import new_directory, write_text
from closedbook.interchange.folders import json_lines, known_answers, most_new_tokens, plain_name, stops
from closedbook.interchange.standalone import standalone
from closedbook.visible import in_a_line

VERSION = 1


class _Function(str):
    """A function of `utils.py`, by its dotted name."""


class _Dumper(yaml.SafeDumper):
    """Writes functions as the harness reads them, and line breaks as such."""

    def represent_function(self, name: _Function) -> yaml.Node:
        return self.represent_scalar("!function", str(name))

    def represent_text(self, text: str) -> yaml.Node:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style='"' if "\n" in text else None)


_Dumper.add_representer(_Function, _Dumper.represent_function)
_Dumper.add_representer(str, _Dumper.represent_text)


def write_lm_eval(facts: Sequence[Fact], form: Form, out: Path, known: Sequence[Fact] = ()) -> str:
    """Writes the folder.

    Args:
        facts: With relations.
        form: How they are asked.
        out: The folder, which must not exist; it names the group.
        known: Other facts, whose answers a response must not hold beside the right one either.

    Returns:
        The name of the group, for `--tasks`.

    Raises:
        UserError: The folder exists, or the file system refuses.
    """
    group = f"closedbook_{plain_name(out.name)}"
    names: dict[str, str] = {}  # of the relations' files
    for relation in dict.fromkeys(fact.relation for fact in facts):
        names[relation] = plain_name(relation, names.values())
    with new_directory(out) as folder:
        write_text(folder / "utils.py", standalone("closedbook.interchange.lm_eval_functions"))
        write_text(
            folder / "answers.json", json.dumps(known_answers([*facts, *known]), indent=1, ensure_ascii=False) + "\n"
        )
        for relation, name in names.items():
            rows = [_row(fact, form) for fact in facts if fact.relation == relation]
            write_text(folder / f"{name}.jsonl", json_lines(rows))
            write_text(folder / f"{group}_{name}.yaml", _yaml(_task(f"{group}_{name}", relation, name, form)))
        tasks = [f"{group}_{name}" for name in names.values()]
        write_text(folder / f"{group}.yaml", _call(group, form, out) + _yaml(_group(group, tasks)))
    return group


def command(group: str, form: Form, out: Path) -> str:
    """What runs the tasks."""
    chat = " --apply_chat_template" if form.chat else ""
    return (
        f"lm_eval --model hf --model_args pretrained=MODEL --include_path {shlex.quote(str(out))} --tasks {group}{chat}"
    )


def _call(group: str, form: Form, out: Path) -> str:
    return f"# {in_a_line(command(group, form, Path(out.name)))}\n"


def _row(fact: Fact, form: Form) -> dict[str, Any]:
    return {
        "prompt": form.put(fact.question),
        "target": fact.answers[0],
        "answers": list(fact.answers),
        "question": fact.question,
        "subject": fact.subject,
        "relation": fact.relation,
        "popularity": fact.popularity,
    }


def _task(task: str, relation: str, name: str, form: Form) -> dict[str, Any]:
    samples = [{"prompt": form.put(question), "target": answer} for question, answer in form.examples]
    examples = {"fewshot_config": {"sampler": "first_n", "samples": samples}} if samples else {}
    return {
        "task": task,
        "task_alias": relation,
        "custom_dataset": _Function("utils.load"),
        "dataset_kwargs": {"file": f"{name}.jsonl"},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "prompt",
        "doc_to_target": "target",
        "target_delimiter": form.gap,
        "fewshot_delimiter": "\n\n",
        "num_fewshot": len(samples),
        **examples,
        "generation_kwargs": {"until": stops(form), "max_gen_toks": most_new_tokens(form), "do_sample": False},
        "process_results": _Function("utils.process_results"),
        "metric_list": [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in SCORERS],
        "metadata": {"version": VERSION},
    }


def _group(group: str, tasks: Sequence[str]) -> dict[str, Any]:
    return {
        "group": group,
        "task": list(tasks),
        "aggregate_metric_list": [{"metric": name, "aggregation": "mean", "weight_by_size": True} for name in SCORERS],
        "metadata": {"version": VERSION},
    }


def _yaml(values: dict[str, Any]) -> str:
    text: str = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text
