import dataclasses
from pathlib import Path

import pytest
import torch

from closedbook.config import ModelConfig, TokenizerConfig
from closedbook.evaluation import knowledge
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.knowledge import GROUPINGS, begins_with, examine, stored, summarise, text_before
from closedbook.evaluation.likelihood import fitting_log_probability, last_states, log_probability
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Document, Fact
from closedbook.facts.tokenizers import train_tokenizer
from closedbook.model.gpt import GPT
from closedbook.report.result_tables import knowledge_table
from closedbook.runs import Run
from tests.audit.conftest import Parrot
from tests.toys import tiny_config


def fact(name, answer):
    return Fact(question=f"Where was {name} born?", answers=(answer,), subject=name, line=1, relation="born")


CORPUS = Corpus(
    name="toy",
    documents=(
        Document(subject="Ann Lee", text="Ann Lee. Ann was born in Rome .", line=1),
        Document(subject="Bo Lee", text="Bo Lee. Bo lives .", line=2),
    ),
    train=(fact("Cy", "Rome"),),
    dev=(fact("Ann Lee", "Rome"), fact("Bo Lee", "Oslo")),
    test=(),
    files={},
)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return GPT(ModelConfig(layers=1, heads=2, width=16, block=32), 40).eval()


def test_log_probabilities_do_not_depend_on_the_batch(model):
    prompts, after = [[2, 3, 4, 1], [5, 1], [6, 7, 1]], [[8, 1], [9, 10, 11, 1], [12]]
    together = log_probability(model, prompts, after)
    for row in range(3):
        alone = log_probability(model, prompts[row : row + 1], after[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-5)


def test_every_continuation_together_has_probability_one(model):
    after = [[token] for token in range(40)]
    total = log_probability(model, [[2, 3, 1]] * 40, after).exp().sum()
    assert float(total) == pytest.approx(1.0, abs=1e-5)


def test_what_does_not_fit_or_cannot_be_spelled_is_left_out(model):
    context = model.context
    values = fitting_log_probability(model, [[5] * 30, [5] * 30, [5]], [[6] * (context - 29), [6] * 9, [0, 1]])
    assert values[0] == pytest.approx(float(log_probability(model, [[5] * 30], [[6] * (context - 29)])), abs=1e-4)
    assert values[1:] == [None, None]


def test_the_last_state_does_not_see_padding(model):
    together = last_states(model, [[2, 3, 4], [5]], 0)
    assert together[1] == pytest.approx(last_states(model, [[5]], 0)[0], abs=1e-5)


def test_facts_are_told_apart_and_a_real_run_can_be_examined():
    texts = [document.text for document in CORPUS.documents] + [fact.question for fact in CORPUS.dev] + ["Oslo"]
    tokenizer = train_tokenizer(TokenizerConfig(kind="characters"), texts)
    torch.manual_seed(0)
    gpt = GPT(ModelConfig(layers=1, heads=2, width=16, block=64), tokenizer.vocabulary_size).eval()
    run = Run(Path("toy"), tiny_config(), gpt, tokenizer, {})
    ann, bo = examine(run, CORPUS, evaluate(run, CORPUS.dev))
    assert (ann.name_length, bo.name_length) == (7, 6)  # one token a character
    assert ann.question_nats < 0
    assert ann.line_nats < 0
    assert (ann.in_document, bo.in_document, bo.stored, bo.line_nats) == (True, False, None, None)


def test_documents_are_gone_on_with_as_far_as_answers_go():
    class Repeating(torch.nn.Module):
        def forward(self, states):
            return torch.eye(tokenizer.vocabulary_size)[-1].expand(*states.shape[:-1], -1)

    tokenizer = train_tokenizer(TokenizerConfig(kind="characters"), ["Ann Lee."])
    gpt = GPT(ModelConfig(layers=1, heads=2, width=16, block=256), tokenizer.vocabulary_size).eval()
    gpt.head = Repeating()
    for longest in (3, 60):
        run = Run(Path("toy"), tiny_config(), gpt, tokenizer, {"longest_answer": longest})
        (text,) = run.continue_documents(["Ann"], ["Lee"])
        assert len(text) == len(run.answer(["Ann Lee"])[0]) == run.most_new_tokens


def test_stored_and_extracted_by_kind_of_fact():
    parrot = Parrot(said={"Where was Bo Lee born?": "Bern"})
    known = examine(parrot, CORPUS, evaluate(parrot, CORPUS.dev))
    assert [fact.extracted for fact in known] == [True, False]
    assert [fact.stored for fact in known] == [True, None]
    assert [fact.answer_frequency for fact in known] == [1, 0]
    assert [fact.name_rarity for fact in known] == [1, 1]
    found = summarise(known)
    hits = {name: [kind for kind, row in kinds.items() if row.hits] for name, kinds in found.recall.items()}
    assert hits == {"in_document": ["yes"], "answer_frequency": ["1"], "name_rarity": ["1"], "name_length": ["7-8"]}
    assert {kind: (row.hits, row.total) for kind, row in found.recall["in_document"].items()} == {
        "no": (0, 1),
        "yes": (1, 1),
    }
    assert (found.in_document, found.stored, found.stored_and_extracted, found.neither) == (1, 1, 1, 0)
    assert (found.mean_question_nats, found.mean_line_nats) == (-1.0, -2.0)
    assert set(found.recall) == set(GROUPINGS)
    assert stored(parrot, CORPUS, CORPUS.dev) == [True, None]


def test_a_model_that_is_tokenized_elsewhere_is_examined_without_the_lengths_of_names():
    class Elsewhere(Parrot):
        def prompts(self, questions, *, place="question"):
            assert all(questions), "an empty question is refused"
            return [dataclasses.replace(prompt, ids=()) for prompt in super().prompts(questions, place=place)]

    parrot = Elsewhere()
    known = examine(parrot, CORPUS, evaluate(parrot, CORPUS.dev))
    assert [fact.name_length for fact in known] == [None, None]
    found = summarise(known)
    assert set(found.recall) == set(GROUPINGS) - {"name_length"}
    labels = [row[0] for row in knowledge_table({"parrot": [found]}).rows]
    assert "training facts with the same answer: 1" in labels
    assert not any("tokens of the name" in label for label in labels)


def test_the_answer_is_looked_for_as_whole_words_behind_the_title():
    york = Document(subject="York", text="York. A city near Yorkshire, also York, by name.", line=1)
    assert text_before([york], "York") == " A city near Yorkshire, also "
    untitled = Document(subject="", text="In York.", line=1)
    assert text_before([untitled], "York") == "In "
    assert text_before([york], "Leeds") is None
    assert begins_with("York, then", "York")
    assert not begins_with("Yorkshire", "York")


@pytest.mark.parametrize(
    ("subject", "text", "answer", "before", "longer"),
    [
        ("法国", "法国。法国的首都是巴黎。", "巴黎", "法国的首都是", "巴黎是"),
        ("フランス", "フランス。フランスの首都はパリです。", "パリ", "フランスの首都は", "パリです"),
        ("ฝรั่งเศส", "ฝรั่งเศส. เมืองหลวงคือปารีสและ", "ปารีส", " เมืองหลวงคือ", "ปารีสและ"),
        ("프랑스", "프랑스. 프랑스의 수도는 파리이다.", "파리", " 프랑스의 수도는 ", "파리이다"),
    ],
    ids=["Chinese", "Japanese", "Thai", "Korean"],
)
def test_the_answer_is_looked_for_where_no_spaces_stand_around_it(subject, text, answer, before, longer):
    assert text_before([Document(subject=subject, text=text, line=1)], answer) == before
    assert begins_with(longer, answer)


def test_documents_are_looked_through_once(monkeypatch):
    looked = []
    monkeypatch.setattr(knowledge, "text_before", lambda *given: looked.append(given) or text_before(*given))
    parrot = Parrot()
    examine(parrot, CORPUS, evaluate(parrot, CORPUS.dev))
    assert len(looked) == len(CORPUS.dev)
