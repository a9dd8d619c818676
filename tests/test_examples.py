"""The notebooks run from top to bottom, and show what their text says."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def executed(name, directory):
    """The text and the data that the cells of a notebook give."""
    import nbformat  # Jupyter takes seconds
    from nbclient import NotebookClient

    notebook = nbformat.read(ROOT / "examples" / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are not committed"
    resources = {"metadata": {"path": str(directory)}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    text = "".join(output.text for output in outputs if output.get("name") == "stdout")
    return text, [output.get("data", {}) for output in outputs]


@pytest.fixture
def run(tmp_path):
    return lambda name: executed(name, tmp_path)


pytestmark = pytest.mark.filterwarnings("default")  # of Jupyter's own libraries


def test_every_notebook_is_tested():
    tested = {"attention_lab", "audit_a_model", "teach_your_own_facts"}
    assert {path.stem for path in (ROOT / "examples").glob("*.ipynb")} == tested


@pytest.mark.slow
def test_the_attention_lab(run):
    _, data = run("attention_lab")
    assert sum("image/png" in one for one in data) >= 5
    assert any("<math" in one.get("text/html", "") for one in data)


@pytest.mark.slow
def test_teach_your_own_facts(run):
    text, data = run("teach_your_own_facts")
    assert "What is the symbol of Tin? Sn\nWhat is the symbol of Iron? Fe\n" in text
    assert "{'component': " in text
    assert sum("image/png" in one for one in data) == 1


@pytest.mark.slow
def test_audit_a_model_from_disk(run):
    text, _ = run("audit_a_model")
    assert "hf:tiny-llama" in text
    assert "hits=0, total=6" in text
    assert "Do not believe it without checking." in text
