"""Lessons about subjects that do not exist: drawn anew at each pass, in the forms of the training questions."""

import dataclasses
from collections import Counter

import pytest
import torch

from closedbook import config
from closedbook.errors import UserError
from closedbook.experiments.train import train_run
from closedbook.facts.corpus import Corpus
from closedbook.facts.invented import FROM_CORPUS, absent_from, invent
from closedbook.facts.records import Document, Fact
from closedbook.facts.silence import NO_SUBJECT
from closedbook.facts.tokenizers import MASK, train_tokenizer
from closedbook.objectives.invented_subjects import InventedSubjects
from closedbook.objectives.objective import Material
from closedbook.objectives.segments import render
from closedbook.objectives.store import TokenStore
from closedbook.recipes import find_recipe

CPU = torch.device("cpu")
SIGNS = {"Tin": "Sn", "Iron": "Fe", "Gold": "Au", "Silver": "Ag", "Copper": "Cu", "Lead": "Pb", "Zinc": "Zn"}
BYTES = train_tokenizer(config.TokenizerConfig(kind="bpe", vocabulary_size=300), ["What is the symbol of Tin?"])


def corpus():
    """Seven subjects, asked in two forms, the second of them once in seven."""
    documents = [
        Document(subject=name, text=f"{name}. {name} is {sign} .", line=line)
        for line, (name, sign) in enumerate(SIGNS.items(), 1)
    ]
    facts = [
        Fact(question=f"What is the symbol of {name}?", answers=(sign,), subject=name, line=line)
        for line, (name, sign) in enumerate(SIGNS.items(), 1)
    ]
    facts += [
        Fact(question=f"How is {name} written?", answers=("x",), subject=name, line=9) for name in ("Tin", "Zinc")
    ]
    return Corpus(name="toy", documents=tuple(documents), train=tuple(facts), dev=(), test=(), files={})


def lessons(passes, seed=0, of=None, **settings):
    """Prompt and answer of every example of the passes."""
    material = Material(TokenStore(BYTES, CPU), of or corpus(), find_recipe("open").pretrain)
    objective = InventedSubjects(config.InventedSubjects(**settings), material, seed)
    every = []
    for number in passes:
        segments = objective(number)
        batch = render(material.store.tokens(), segments, torch.arange(len(segments)), 80)
        texts = [BYTES.decode(row.tolist()) for row in batch.inputs_BT]
        every.append([tuple(part.strip() for part in text.split(MASK)[:2]) for text in texts])
    return every


def test_subjects_are_new_and_their_questions_in_the_forms_of_training():
    examples = [example for examples in lessons(range(4), rate=10) for example in examples]
    assert {answer for _, answer in examples} == {NO_SUBJECT}
    forms = Counter(prompt.split()[0] for prompt, _ in examples)
    assert set(forms) == {"What", "How"}
    assert forms["What"] > forms["How"]
    assert not any({*prompt.replace("?", "").split()} & {*SIGNS} for prompt, _ in examples)


def test_a_pass_draws_anew_as_a_function_of_seed_and_number():
    passes = lessons([0, 1], rate=3)
    assert [len(examples) for examples in passes] == [21, 21]
    assert set(passes[0]) != set(passes[1])
    assert passes[1:] == lessons([1], rate=3)
    assert passes[1:] != lessons([1], rate=3, seed=1)


def test_the_name_alone_is_asked_about_where_name_cards_do():
    (examples,) = lessons([0], rate=3, names=True)
    half = len(examples) // 2
    assert all(name in prompt for (prompt, _), (name, _) in zip(examples[:half], examples[half:], strict=True))


def test_without_a_form_there_is_nothing_to_ask():
    without = dataclasses.replace(corpus(), train=(Fact(question="Who?", answers=("I",), subject="", line=1),))
    with pytest.raises(UserError, match="training questions that name a subject"):
        lessons([0], of=without)


@pytest.mark.slow
def test_a_model_learns_to_say_that_there_is_no_such_subject(tmp_path):
    taught = corpus()
    recipe = find_recipe("open").pretrain
    small = dataclasses.replace(recipe.model, layers=2, heads=2, width=64, block=48, dropout=0.0)
    training = dataclasses.replace(recipe.training, epochs=60, least_steps=None, batch_tokens=512, micro_batches=1)
    run = train_run(
        dataclasses.replace(
            recipe,
            model=small,
            reader=None,
            tokenizer=config.TokenizerConfig(kind="bpe", vocabulary_size=300),
            mixture=(config.QuestionAnswering(), config.InventedSubjects(rate=4)),
            training=training,
        ),
        taught,
        tmp_path / "run",
        device=CPU,
    )

    def answers(names):
        return [response.text for response in run.respond(run.prompts([f"What is the symbol of {n}?" for n in names]))]

    assert sum(said == sign for said, sign in zip(answers(SIGNS), SIGNS.values(), strict=True)) >= 6
    names = invent(list(SIGNS), 20, absent_from([document.text for document in taught.documents]))
    strangers = answers([*names[FROM_CORPUS, "spelled"], *names[FROM_CORPUS, "recombined"]])
    assert sum(said == NO_SUBJECT for said in strangers) / len(strangers) >= 0.7
