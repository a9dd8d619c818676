import ast
import subprocess
import sys

import pytest

from closedbook.interchange.standalone import standalone

MODULES = ["closedbook.interchange.lm_eval_functions", "closedbook.interchange.inspect_functions"]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_stands_alone(module):
    tree = ast.parse(standalone(module))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    others = {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names)
    assert others <= {"datasets", "inspect_ai"}


def test_it_runs_where_the_package_is_not(tmp_path):
    (tmp_path / "scorers.py").write_text(standalone("closedbook.interchange.scoring"), encoding="utf-8")
    (tmp_path / "answers.json").write_text('{"capital": ["Paris", "Lima"]}', encoding="utf-8")
    code = (
        "import scorers; fact = scorers.fact_of({'question': 'Q?', 'answers': ['Paris'], 'subject': '', "
        "'relation': 'capital'}); print([one('It is Paris.', fact).grade for one in scorers.task_scorers()])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, '.'); {code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['incorrect', 'incorrect', 'correct']"


def test_what_a_constant_means_stays_below_it():
    text = standalone("closedbook.interchange.scoring")
    assert '"""Punctuation that tells answers apart."""' in text
    assert text.index("_MARK = ") < text.index("def normalise")
    assert "class LanguageModel" not in text
