"""Facts as a task of Inspect (UK AI Security Institute): a dataset and a task file that needs nothing of this package.

Inspect speaks in turns: a form without chat becomes one user's turn that holds the whole prompt. What ends an answer is
looked for when it is scored, since not every service takes a line break as a stop.
"""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from closedbook.evaluation.form import Form
from closedbook.facts.records import Fact
from closedbook.files import new_directory, write_text
from closedbook.interchange.folders import json_lines, known_answers, most_new_tokens, stops
from closedbook.interchange.standalone import standalone


def write_inspect(facts: Sequence[Fact], form: Form, out: Path, known: Sequence[Fact] = ()) -> None:
    """Writes the folder: `facts.jsonl`, `task.py`, and what that reads.

    Args:
        facts: With relations.
        form: How they are asked.
        out: The folder, which must not exist.
        known: Other facts, whose answers a response must not hold beside the right one either.

    Raises:
        UserError: The folder exists, or the file system refuses.
    """
    settings = {"max_tokens": most_new_tokens(form), "stops": stops(form)}
    with new_directory(out) as folder:
        write_text(folder / "facts.jsonl", json_lines(_sample(fact, form) for fact in facts))
        write_text(folder / "task.py", standalone("closedbook.interchange.inspect_functions"))
        write_text(
            folder / "answers.json", json.dumps(known_answers([*facts, *known]), indent=1, ensure_ascii=False) + "\n"
        )
        write_text(folder / "settings.json", json.dumps(settings) + "\n")


def command(out: Path) -> str:
    """What runs the task; models on this disk sample unless told not to, others are asked at temperature 0."""
    return f"inspect eval {shlex.quote(str(out / 'task.py'))} --model hf/local -M model_path=MODEL -M do_sample=false"


def _sample(fact: Fact, form: Form) -> dict[str, Any]:
    turns = form.messages(fact.question)
    asked = form.text(fact.question) if not form.chat else turns if len(turns) > 1 else turns[0]["content"]
    return {"id": fact.line, "input": asked, "target": list(fact.answers), "metadata": metadata(fact)}


def metadata(fact: Fact) -> dict[str, Any]:
    """What is known of a fact beside question and answers."""
    return {
        "question": fact.question,
        "subject": fact.subject,
        "relation": fact.relation,
        "popularity": fact.popularity,
    }
