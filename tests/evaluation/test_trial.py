"""The form of a question is measured on facts that are then left out."""

import dataclasses

import pytest

from closedbook.audit.asking import asked_best
from closedbook.audit.inquiry import Material
from closedbook.audit.settings import Settings
from closedbook.errors import UserError
from closedbook.evaluation.form import Form, as_given
from closedbook.evaluation.language_model import Answers, Prompt, Response
from closedbook.evaluation.scorers import contained_match
from closedbook.evaluation.trial import FEWEST, apart, chosen_form, possible_forms, spend, try_forms
from closedbook.evaluation.watch import Unwatched
from closedbook.facts.records import Fact
from tests.audit.conftest import Parrot


class Picky(Parrot):
    """Knows the answer in one form alone."""

    chats = True

    def __init__(self, form, liked):
        super().__init__()
        self.form, self.liked = form, liked

    def asked_by(self, form):
        if form.chat and not self.chats:
            raise UserError("cannot chat")
        return Picky(form, self.liked)

    def prompts(self, questions, *, place="question"):
        return [Prompt(question=question, ids=(), text=self.form.put(question)) for question in questions]

    def respond(self, prompts):
        text = "It is Rome." if self.form.described() == self.liked else "I'm not sure."
        return [Response(text=text, ids=(), token_nats=None, closed=True) for _ in prompts]

    def inquire(self, prompts, **more):
        return [Answers(response=one) for one in self.respond(prompts)]


def facts(count, relations=2):
    return [
        Fact(question=f"Where is P{i}?", answers=("Rome",), subject=f"P{i // 2}", line=i, relation=f"r{i % relations}")
        for i in range(count)
    ]


def test_what_is_spent_is_even_over_relations_and_shares_no_subject():
    spent = spend(facts(200), 0)
    assert (len(spent.examples), len(spent.tried)) == (4, 32)
    used = {fact.subject for fact in (*spent.examples, *spent.tried)}
    assert len(used) == 18  # two facts each, all of them spent
    assert not used & {fact.subject for fact in spent.left}
    assert len(spent.left) == 200 - 36
    relations = [fact.relation for fact in spent.tried]
    assert abs(relations.count("r0") - relations.count("r1")) <= 8
    assert spend(facts(200), 0) == spent != spend(facts(200), 1)


def test_no_more_than_a_share_of_the_facts_is_spent_whatever_a_subject_has():
    many = [dataclasses.replace(fact, subject=f"S{fact.line % 8}") for fact in facts(160, relations=20)]
    spent = spend(many, 0)
    assert len(spent.left) >= 0.8 * 160
    assert len(spent.tried) + len(spent.examples) <= 32
    few = [dataclasses.replace(fact, subject=f"S{fact.line % 2}") for fact in facts(160)]
    assert spend(few, 0).left == tuple(few)  # one of two subjects were half of the facts


def test_what_is_asked_is_not_shown():
    asked, spare = facts(10)[:4], facts(10)
    assert apart(spare, asked) == facts(10)[4:]


def test_few_facts_are_not_spent():
    few = facts(5 * (4 + FEWEST) - 1)
    assert spend(few, 0).left == tuple(few)
    assert spend(few, 0).tried == ()


def test_the_best_form_is_taken_and_all_are_told():
    examples = facts(4)
    forms = possible_forms(Picky(Form(), ""), examples)
    names = [form.described() for form in forms]
    assert names == [
        "chat: {}",
        "chat: {} Answer with the name only.",
        "plain: Question: {} Answer:",
        "chat: {}, 4 examples",
        "plain: Question: {} Answer:, 4 examples",
    ]
    model, trials = try_forms(Picky(Form(), names[3]), forms, facts(9), contained_match())
    assert model.form == forms[3]
    assert [trial.accuracy.correct.hits for trial in trials] == [0, 0, 0, 9, 0]
    assert [trial.chosen for trial in trials] == [False, False, False, True, False]


def test_a_form_that_is_too_long_for_the_model_is_left_out():
    class Short(Picky):
        def asked_by(self, form):
            return Short(form, self.liked)

        def prompts(self, questions, *, place="question"):
            if len(self.form.examples) > self.most:
                raise UserError(f"{place} 1: too long")
            return super().prompts(questions, place=place)

    forms = possible_forms(Picky(Form(), ""), facts(4))
    Short.most = 0
    model, trials = try_forms(Short(Form(), forms[1].described()), forms, facts(9), contained_match())
    assert (model.form, [trial.form for trial in trials]) == (forms[1], forms[:3])
    Short.most = -1
    with pytest.raises(UserError, match="form, question 1: too long"):
        try_forms(Short(Form(), ""), forms, facts(9), contained_match())


def test_numbers_are_asked_for_as_numbers():
    years = [Fact(question=f"When {i}?", answers=(str(1900 + i),), subject="", line=i) for i in range(4)]
    assert possible_forms(Picky(Form(), ""), years, 0)[1].template == "{}\nAnswer with the number only."


def test_without_a_chat_format_forms_are_plain():
    model = Picky(Form(), "")
    model.chats = False
    assert [form.chat for form in possible_forms(model, facts(4))] == [False, False]


def test_a_form_is_chosen_on_calibration_facts():
    model, trials = chosen_form(Picky(Form(), "chat: {}"), facts(80), contained_match())
    assert model.form == Form(template="{}", chat=True)
    assert len(trials) == 5
    model, trials = chosen_form(Picky(Form(), ""), facts(80), contained_match(), shots=3, measure=False)
    assert (len(model.form.examples), trials) == (3, ())
    with pytest.raises(UserError, match="2 facts are too few to choose a form on"):
        chosen_form(Picky(Form(), ""), facts(2), contained_match())
    with pytest.raises(UserError, match="no effect on a run of ours"):
        chosen_form(Parrot(), facts(80), contained_match())


def test_a_form_is_text_or_turns():
    shown = (("Who?", "I"),)
    assert Form(examples=shown).text("Where?") == "Question: Who?\nAnswer: I\n\nQuestion: Where?\nAnswer:"
    assert Form(template="{}\n", examples=shown).text("Where?") == "Who?\nI\n\nWhere?\n"
    assert Form(template="{}!", chat=True, examples=shown).messages("Where?") == [
        {"role": "user", "content": "Who?!"},
        {"role": "assistant", "content": "I"},
        {"role": "user", "content": "Where?!"},
    ]
    assert as_given(None, None) is None
    assert as_given(None, True) == Form(template="{}", chat=True)
    assert as_given("Q {}\\nA", None) == Form(template="Q {}\nA")
    with pytest.raises(UserError, match="holds the question once"):
        Form(template="Q")


def test_a_model_that_cannot_chat_is_tried_with_examples_too(monkeypatch):
    monkeypatch.setattr(Picky, "chats", False)
    liked = Form(examples=tuple((one.question, "Rome") for one in facts(4))).described()
    settings = Settings(match="contained")
    model, material, trials = asked_best(
        Picky(Form(), liked), Material(facts=facts(400)), settings, Unwatched(), lambda line: None, measure=True
    )
    assert (model.form.described(), len(trials)) == (liked, 2)
    assert len(material.facts) < 400
    shown = Settings(match="contained", shots=4)
    model, material, trials = asked_best(
        Picky(Form(), liked), Material(facts=facts(400)), shown, Unwatched(), lambda line: None, measure=False
    )
    assert (len(model.form.examples), len(material.facts), trials) == (4, 396, ())
    model, _, _ = asked_best(
        Picky(Form(), liked), Material(facts=facts(400)), shown, Unwatched(), lambda line: None, measure=True
    )
    assert len(model.form.examples) == 4
