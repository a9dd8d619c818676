"""llama.cpp answers as transformers does where both compute with the same weights; what it cannot do it says."""

import importlib.util

import pytest
import torch
import transformers

from closedbook.errors import UserError
from closedbook.evaluation.form import Form
from closedbook.evaluation.language_model import LanguageModel
from closedbook.hub import Way, open_model
from tests.hub.gguf_files import write_gguf

PLAIN = Form()


@pytest.fixture(scope="module")
def path(saved, vocabulary, tmp_path_factory):
    """A llama that was briefly taught, in full precision."""
    model = transformers.AutoModelForCausalLM.from_pretrained(saved["llama"])
    return write_gguf(tmp_path_factory.mktemp("llama") / "taught.gguf", model, vocabulary)


@pytest.fixture(scope="module")
def both(path):
    if importlib.util.find_spec("llama_cpp") is None:
        pytest.skip("llama-cpp-python is not installed (pip install llama-cpp-python)")
    theirs = open_model(f"gguf:{path}", Way(form=PLAIN, precision="fp32", backend="transformers"))
    return open_model(f"gguf:{path}", Way(form=PLAIN, backend="llama.cpp")), theirs


@pytest.fixture(scope="module")
def questions(taught):
    return [fact.question for fact in taught]


@pytest.mark.llama_cpp
def test_answers_and_their_probabilities_are_those_of_transformers(both, questions):
    llama, theirs = both
    assert isinstance(llama, LanguageModel)
    ours, others = llama.respond(llama.prompts(questions)), theirs.respond(theirs.prompts(questions))
    assert [response.ids for response in ours] == [response.ids for response in others]
    for response, other in zip(ours, others, strict=True):
        assert response.token_nats == pytest.approx(other.token_nats, abs=0.02)


@pytest.mark.llama_cpp
def test_samples_and_alternatives_are_those_of_transformers(both, questions):
    llama, _ = both
    wanted = {"samples": 3, "alternatives": True, "seed": 4}
    ours, others = (model.inquire(model.prompts(questions), **wanted) for model in both)
    again = llama.inquire(llama.prompts(questions), **wanted)
    assert [answers.samples for answers in ours] == [answers.samples for answers in again]
    same = [
        a.ids == b.ids for x, y in zip(ours, others, strict=True) for a, b in zip(x.samples, y.samples, strict=True)
    ]
    assert sum(same) >= 0.9 * len(same)  # a draw at the edge between two tokens may fall on either side
    for answers, other in zip(ours, others, strict=True):
        assert [path.text for path in answers.alternatives[:2]] == [path.text for path in other.alternatives[:2]]


@pytest.mark.llama_cpp
def test_given_answers_are_scored_and_chosen_as_by_transformers(both, questions, taught):
    given = [fact.answers[0] for fact in taught]
    ours, others = (model.log_probability(model.prompts(questions), given) for model in both)
    assert ours == pytest.approx(others, abs=0.05)
    candidates = sorted(set(given))[:4]
    first, second = (model.choose(model.prompts(questions[:3]), candidates) for model in both)
    assert first == second
    subjects = [fact.subject for fact in taught]
    before = [" Born in"] * len(subjects)
    assert both[0].continue_documents(subjects, before) == both[1].continue_documents(subjects, before)
    ours, others = (model.continuation_log_probability(subjects, before, given) for model in both)
    assert ours == pytest.approx(others, abs=0.05)


@pytest.mark.llama_cpp
def test_an_answer_does_not_depend_on_what_is_asked_beside_it(both, questions):
    llama, _ = both
    together = llama.respond(llama.prompts(questions))
    alone = [llama.respond(llama.prompts([question]))[0] for question in questions]
    assert [response.ids for response in together] == [response.ids for response in alone]


@pytest.mark.llama_cpp
def test_what_it_cannot_do_it_says(both, questions):
    llama, theirs = both
    assert llama.lacks("samples") is None
    assert "--backend transformers" in llama.lacks("representations")
    with pytest.raises(UserError, match="does not show the states inside of a model"):
        llama.represent(llama.prompts(questions), ["Ann"] * len(questions))
    crowd = torch.zeros(1000, dtype=torch.int64)
    state, _ = llama.model.begin([[1, 2]])
    with pytest.raises(UserError, match="at once at the most; ask for fewer samples"):
        llama.model.step(state, crowd, crowd)
    assert (llama.parameters, llama.fingerprint()) == (theirs.parameters, theirs.fingerprint())
    assert "by llama.cpp" in llama.kind
    assert llama.asked_by(Form(template="{}", chat=True)).prompts(["Who?"])[0].text.startswith("<user>")


@pytest.mark.llama_cpp
def test_settings_without_effect_are_refused(both, path):
    with pytest.raises(UserError, match="--precision has no effect on llama"):
        open_model(f"gguf:{path}", Way(precision="bf16", backend="llama.cpp"))


def test_transformers_computes_where_nothing_is_said(path):
    assert open_model(f"gguf:{path}").model.dtype in (torch.bfloat16, torch.float32)


def test_llama_cpp_that_is_not_installed_is_named(path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "llama_cpp" else found(name))
    with pytest.raises(UserError, match=r"needs llama-cpp-python; install it with pip install llama-cpp-python\.$"):
        open_model(f"gguf:{path}", Way(backend="llama.cpp"))
