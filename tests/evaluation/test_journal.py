"""What was answered is kept, and not asked again."""

import json

import pytest

from closedbook.errors import UserError
from closedbook.evaluation.journal import CHUNK, Journal, JournaledModel
from tests.audit.conftest import Parrot, response


class Counting(Parrot):
    """Counts what it is asked, and fails when it has had enough."""

    def __init__(self, patience=10_000, **more):
        super().__init__(**more)
        self.asked, self.patience = 0, patience

    def inquire(self, prompts, **more):
        self.asked += len(prompts)
        if self.asked > self.patience:
            raise UserError("enough")
        return super().inquire(prompts, **more)


def journaled(model, path, listen=lambda count, more: None):
    return JournaledModel(model, Journal(path, model.name, model.kind, model.fingerprint()), listen)


def test_a_stopped_inquiry_goes_on_where_it_was(tmp_path):
    file, questions = tmp_path / "journal.jsonl", [f"Where is {i}?" for i in range(3 * CHUNK)]
    first = Counting(patience=2 * CHUNK)
    model = journaled(first, file)
    with pytest.raises(UserError, match="enough"):
        model.respond(model.prompts(questions))
    file.write_text(file.read_text(encoding="utf-8") + '{"key": "cut', encoding="utf-8")  # killed in a write
    second = Counting()
    told = []
    model = journaled(second, file, lambda count, more: told.append(count))
    assert model.journal.kept == 2 * CHUNK
    assert [one.text for one in model.respond(model.prompts(questions))] == ["Rome"] * len(questions)
    assert second.asked == CHUNK
    assert sum(told) == len(questions)
    assert all(json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())


def test_what_comes_back_is_what_was_said(tmp_path):
    others = {"Who?": [response("I", -1.0), response("You", -2.0)]}
    for _ in range(2):  # asked, and read
        model = journaled(Counting(said={"Who?": "I"}, others=others, drawn={"Who?": ["I", "He"]}), tmp_path / "j")
        (told,) = model.inquire(model.prompts(["Who?"]), samples=2, alternatives=True, seed=1)
        assert told.response.text == "I"
        assert told.response.nats == pytest.approx(response("I").nats, abs=1e-4)
        assert [one.text for one in told.samples] == ["I", "He"]
        assert [(one.text, one.nats) for one in told.alternatives] == [("I", -1.0), ("You", -2.0)]


def test_a_greedy_answer_is_a_part_of_what_was_explored(tmp_path):
    model = journaled(Counting(), tmp_path / "j")
    prompts = model.prompts(["Who?", "Who?", "What?"])
    model.inquire(prompts, samples=2, seed=3)
    assert model.inner.asked == 2  # each prompt once
    model.respond(prompts)
    assert model.inner.asked == 2
    model.inquire(prompts, samples=2, seed=4)
    assert model.inner.asked == 4


def test_a_deeper_inquiry_asks_for_what_is_missing(tmp_path):
    others = {"Who?": [response("I", -1.0)]}
    model = journaled(Counting(others=others), tmp_path / "j")
    prompts = model.prompts(["Who?"])
    model.respond(prompts)
    model.inquire(prompts, samples=4, seed=1)
    assert model.inner.asked == 2
    (told,) = model.inquire(prompts, samples=2, alternatives=True, seed=1)  # of the samples there are enough
    assert model.inner.asked == 3
    assert (len(told.samples), len(told.alternatives)) == (2, 1)
    model.inquire(prompts, samples=4, alternatives=True, seed=1)
    assert model.inner.asked == 3
    model.inquire(prompts, samples=5, seed=1)
    assert model.inner.asked == 4


def test_odd_characters_come_back_also_from_a_cut_file(tmp_path):
    file = tmp_path / "j"
    text = "S\u00e3o\u2028Paulo\u0085 \ud800"  # a line separator, half of a surrogate pair
    model = journaled(Counting(said={"Who?": text}), file)
    model.respond(model.prompts(["Who?"]))
    file.write_bytes(file.read_bytes() + '{"key": "\u00e1'.encode()[:-1])  # killed inside a character
    again = journaled(Counting(), file)
    assert again.journal.kept == 1
    assert again.respond(again.prompts(["Who?"]))[0].text == text


def test_a_journal_of_another_model_is_begun_anew(tmp_path):
    model = journaled(Counting(), tmp_path / "j")
    model.respond(model.prompts(["Who?"]))
    same = (model.name, model.kind, model.fingerprint())
    assert Journal(tmp_path / "j", *same).kept == 1
    assert Journal(tmp_path / "j", "parrot", "a parrot, bf16", "feathers").kept == 0
    (tmp_path / "rubbish").write_text("not json\n")
    assert Journal(tmp_path / "rubbish", *same).kept == 0
    with pytest.raises(UserError, match=r"cannot be (read|written)"):
        Journal(tmp_path, *same)
