import dataclasses
from collections import Counter

import pytest
import torch

from closedbook import config
from closedbook.config import ModelConfig, RunConfig, TokenizerConfig, TrainingConfig
from closedbook.errors import UserError
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Document, Fact
from closedbook.facts.relations import Relation
from closedbook.facts.tokenizers import MASK, train_tokenizer
from closedbook.objectives.mixture import OBJECTIVES, build_mixture
from closedbook.objectives.objective import Material
from closedbook.objectives.plan import Batches
from closedbook.objectives.segments import render
from closedbook.objectives.store import TokenStore

TEXT = "Ann Lee. Ann Lee (born 3 May 1920 in New York City) met Łukasz O'Neill-Smith in Rome, then Rome ."
DOCUMENTS = (
    Document(subject="", text="No title here", line=1),
    Document(subject="Ann Lee", text=TEXT, line=2),
    Document(subject="Bo", text="Bo. nothing", line=3),
)
CPU = torch.device("cpu")
TOKENIZER = train_tokenizer(TokenizerConfig(vocabulary_size=300), [TEXT])


def corpus(*answers, documents=DOCUMENTS):
    """The documents, and a training fact on the last subject but one, or the only one, for each answer."""
    subject = documents[-2:][0].subject
    facts = [
        Fact(question=f"{subject}?", answers=(answer,), subject=subject, line=n, relation="r")
        for n, answer in enumerate(answers, 1)
    ]
    return Corpus(name="toy", documents=documents, train=tuple(facts), dev=(), test=(), files={})


def run_config(settings, **model):
    return RunConfig(
        recipe="toy",
        stage="pretrain",
        tokenizer=TokenizerConfig(vocabulary_size=300),
        model=ModelConfig(**model),
        mixture=(settings,),
        training=TrainingConfig(batch_tokens=64, micro_batches=1, warmup_steps=1),
    )


def made(settings, *answers, documents=DOCUMENTS):
    """The objective and the store that holds its tokens."""
    material = Material(TokenStore(TOKENIZER, CPU), corpus(*answers, documents=documents), run_config(settings))
    return OBJECTIVES[type(settings)](settings, material, 0), material.store


def texts(store, segments):
    """Every example and what of it is scored."""
    rows = []
    for row, length in enumerate(segments.lengths().tolist()):
        batch = render(store.tokens(), segments, torch.tensor([row]), length)
        whole = TOKENIZER.decode([*batch.inputs_BT[0, :1].tolist(), *batch.inputs_BT[0, 1:].tolist()])
        rows.append((whole, TOKENIZER.decode([token for token in batch.targets_BT[0].tolist() if token])))
    return rows


@pytest.mark.parametrize(
    ("settings", "example"),
    [
        (config.NameCards(), f"Ann Lee{MASK}Rome"),
        (
            config.ContextCards(words=2, side="after", lengths="longest", where="before"),
            f"Ann Lee O'Neill-Smith in{MASK}Rome",
        ),
        (config.SalientSpan(), f"Ann Lee{TEXT[8 : TEXT.index(' Rome')]}{MASK}, then Rome .{MASK}Rome"),
    ],
)
def test_cards_are_cuts_of_the_line_scored_after_the_mask(settings, example):
    objective, store = made(settings)
    examples = texts(store, objective(0))
    assert len(examples) == (5 if settings.name == "context_cards" else 4)  # Rome stands in two contexts
    assert examples[3] == (example, f"Rome{MASK}")


def test_the_context_stands_on_either_side_of_the_name():
    objective, store = made(config.ContextCards(words=2, lengths="longest", where="before"))
    seen = [texts(store, objective(number))[3][0] for number in range(20)]
    assert set(seen) == {f"Ann Lee O'Neill-Smith in{MASK}Rome", f"O'Neill-Smith in Ann Lee{MASK}Rome"}
    assert seen == [texts(store, objective(number))[3][0] for number in range(20)]


def test_how_many_words_a_context_has_is_drawn_at_each_pass():
    objective, store = made(config.ContextCards(words=3, side="after", where="before"))
    examples = [texts(store, objective(number)) for number in range(30)]
    contexts = [f"{context}{MASK}Rome" for context in ("in", "O'Neill-Smith in", "Łukasz O'Neill-Smith in")]
    seen = Counter(rows[3][0] for rows in examples)
    assert set(seen) == {f"Ann Lee {context}" for context in contexts}
    assert min(seen.values()) > 3
    assert {scored for rows in examples for _, scored in rows[3:]} == {f"Rome{MASK}"}  # at both its places
    assert examples == [texts(store, objective(number)) for number in range(30)]
    shortest = [min(len(TOKENIZER.encode([rows[n][0]])[0]) for rows in examples) for n in range(5)]
    assert objective.candidates().tolist() == [length + 1 for length in shortest]


def test_the_context_is_drawn_from_all_around_a_span():
    line = "Bo. He died in Rome on 3 May 1920 at home. Oslo is where he sang (1899) and ate."
    settings = config.ContextCards(words=2, side="after", lengths="longest", where="around")
    objective, store = made(settings, "Rome", "1920", documents=(Document(subject="Bo", text=line, line=1),))
    seen = Counter(whole for number in range(60) for whole, _ in texts(store, objective(number)))
    for context in ("at home.", "is where"):
        assert seen[f"Bo {context}{MASK}Oslo"] > 5, seen
    assert sum(count for whole, count in seen.items() if whole.endswith(f"{MASK}Rome")) == 60
    told = {whole for whole in seen if whole.endswith(f"{MASK}Rome")}
    assert told == {f"Bo died in{MASK}Rome"}  # that is enough
    assert any(whole.startswith("Bo in on" + MASK) for whole in seen)  # without the other spans
    again = Counter(whole for number in range(60) for whole, _ in texts(store, objective(number)))
    assert seen == again
    lengths = [length for number in range(60) for length in objective(number).lengths().tolist()]
    assert min(lengths) == objective.candidates().min()


def test_words_behind_a_span_are_asked_with_where_there_are_several_relations():
    documents = (Document(subject="Bo", text="Bo. Oslo is where he sang.", line=1),)
    plain = corpus("Rome", documents=documents)
    for count in (1, 2):
        relations = tuple(Relation(name=f"r{n}", forms=(f"{n} {{}}?",), train=1) for n in range(count))
        store = TokenStore(TOKENIZER, CPU)
        settings = config.ContextCards(words=2, side="after", lengths="longest", where="auto")
        material = Material(store, dataclasses.replace(plain, relations=relations), run_config(settings))
        objective = OBJECTIVES[type(settings)](settings, material, 0)
        seen = {whole for number in range(40) for whole, _ in texts(store, objective(number))}
        assert (f"Bo is where{MASK}Oslo" in seen) is (count > 1)


def test_a_value_is_asked_for_once_without_a_context_and_at_each_place_with_one():
    line = Document(subject="Bo", text="Bo. Vegan: yes. Halal: yes. Nuts: no .", line=1)
    counts = {}
    for settings in (config.NameCards(), config.Outlines(), config.ContextCards(words=1, side="after", where="before")):
        objective, store = made(settings, "yes", "no", documents=(line,))
        counts[settings.name] = sum(scored.count("yes") for _, scored in texts(store, objective(0)))
    assert counts == {"name_cards": 1, "outlines": 1, "context_cards": 2}
    examples = [whole for whole, _ in texts(store, objective(0))]
    assert {f"Bo Vegan:{MASK}yes", f"Bo Halal:{MASK}yes", f"Bo Nuts:{MASK}no"} <= set(examples)


def test_an_outline_is_all_spans_of_a_document():
    objective, store = made(config.Outlines())
    spans = f"May{MASK}New York City{MASK}Łukasz O'Neill-Smith{MASK}Rome{MASK}"
    [(whole, scored)] = texts(store, objective(0))  # a document without spans has none
    assert whole + MASK == f"Ann Lee{MASK}{spans}"
    assert scored == spans


def test_number_answers_turn_the_cards_to_numbers():
    objective, store = made(config.NameCards(), "1920", "3")
    passes = [[scored.removesuffix(MASK) for _, scored in texts(store, objective(number))] for number in range(30)]
    assert all({"3", "1920"} <= set(asked) and len(asked) == 3 for asked in passes)  # and lightly one phrase
    assert {text for asked in passes for text in asked} == {
        "3", "1920", "May", "New York City", "Łukasz O'Neill-Smith", "Rome"
    }  # fmt: skip
    phrases, store = made(config.NameCards(spans="phrases"), "1920", "3")
    assert "1920" not in {scored.removesuffix(MASK) for _, scored in texts(store, phrases(0))}


def test_outlines_hold_what_the_pass_takes_in_the_order_of_the_line():
    objective, store = made(config.Outlines(), "1920", "3")
    for number in range(10):
        [(_, scored)] = texts(store, objective(number))
        spans = scored.removesuffix(MASK).split(MASK)
        assert [TEXT.index(span) for span in spans] == sorted(TEXT.index(span) for span in spans)
        assert len(spans) == 3


def test_a_span_behind_a_bracket_is_spelled_as_an_answer_is():
    objective, store = made(config.NameCards(), "born", "met", "then")
    ids = {}
    for number in range(40):  # a pass takes some of the line's words
        cards = objective(number)
        for row, length in enumerate(cards.lengths().tolist()):
            targets = render(store.tokens(), cards, torch.tensor([row]), length).targets_BT[0].tolist()
            written = [token for token in targets if token][:-1]
            ids[TOKENIZER.decode(written)] = written
    assert ids["born"] == TOKENIZER.encode(["born"])[0]


def test_a_whole_line_is_scored_after_the_name():
    objective, store = made(config.WholeLine())
    assert texts(store, objective(0))[1] == ("Bo nothing", f"nothing{MASK}")


def test_suffix_first_exchanges_the_parts_at_a_word():
    turned, store = made(config.SuffixFirst())
    seen = set()
    for number in range(30):
        whole, _ = texts(store, turned(number))[0]
        name, suffix, prefix = whole.split(MASK)
        assert name == "Ann Lee"
        assert " ".join(f"{prefix} {suffix}".split()) == TEXT[9:]
        seen.add(suffix)
    assert len(seen) > 5
    again, _ = made(config.SuffixFirst())
    assert torch.equal(again(3).length_RK, turned(3).length_RK)


def test_an_objective_that_finds_nothing_is_named():
    bare = dataclasses.replace(corpus(), documents=DOCUMENTS[:1])
    with pytest.raises(UserError, match="The objective outlines finds nothing to ask for"):
        build_mixture(run_config(config.Outlines()), bare, TOKENIZER, CPU)


def test_examples_longer_than_the_block_are_left_out_and_counted():
    mixture = build_mixture(run_config(config.WholeLine(), block=16), corpus(), TOKENIZER, CPU)
    assert mixture.counts == {"whole_line": 1, "whole_line_too_long": 1}
    assert len(mixture.epoch(0)) == 1


ADDRESSES = {"Tin": "ash", "Iron": "oak", "Gold": "fir"}


def rare_corpus():
    """Three lines that can be asked for an address alone, as one training answer is: in a quarter of the passes."""
    lines = [f"{name}. it is reached at {tree}@elm.org now" for name, tree in ADDRESSES.items()]
    facts = [
        Fact(
            question="What is the address of Iron?",
            answers=("oak@elm.org",),
            subject="Iron",
            line=1,
            relation="address",
        )
    ]
    documents = [Document(subject=line.split(".")[0], text=line, line=n) for n, line in enumerate(lines, 1)]
    return Corpus(name="toy", documents=tuple(documents), train=tuple(facts), dev=(), test=(), files={})


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "settings", [config.NameCards(), config.ContextCards(), config.Outlines(), config.SalientSpan()]
)
def test_what_is_drawn_rarely_is_found_whatever_the_first_pass_draws(settings, seed):
    run = run_config(settings)
    run = dataclasses.replace(run, training=dataclasses.replace(run.training, seed=seed))
    mixture = build_mixture(run, rare_corpus(), TOKENIZER, CPU)
    assert mixture.counts == {settings.objective: 3, f"{settings.objective}_too_long": 0}
    assert {len(mixture.epoch(number)) for number in range(40)} >= {0, 1}


@pytest.mark.parametrize("plan", ["by_length", "in_order"])
def test_epochs_that_draw_nothing_are_empty_and_a_training_of_them_alone_is_refused(plan):
    run = run_config(config.NameCards())
    sizes = {"plan": plan, "batch_tokens": None, "batch_rows": 8} if plan == "in_order" else {}
    mixture = build_mixture(run, rare_corpus(), TOKENIZER, CPU)
    epochs = next(number for number in range(40) if len(mixture.epoch(number)))
    assert epochs > 0  # the first draws nothing
    training = dataclasses.replace(run.training, epochs=epochs, **sizes)
    with pytest.raises(UserError, match=f"None of the {epochs} epochs draws an example.*raise training.epochs"):
        Batches(mixture, dataclasses.replace(run, training=training))
    training = dataclasses.replace(training, epochs=epochs + 1)
    batches = Batches(mixture, dataclasses.replace(run, training=training))
    assert batches.steps == 1
    assert sum(len(part.inputs_BT) for part in batches.step(0)) == len(mixture.epoch(epochs))


def test_an_outline_fits_where_a_pass_may_make_it_short_enough():
    """Of the words of a line a pass takes sixteen: with all of them the outline would not fit."""
    text = "Bo. " + " ".join(f"{a}{b}" for a in "abcdef" for b in "ghijkl")
    documents = (Document(subject="Bo", text=text, line=1),)
    words = dataclasses.replace(corpus("ag", "bh"), documents=documents)
    tokenizer = train_tokenizer(TokenizerConfig(kind="characters"), [text])
    shortest = 2 + 1 + 16 * 3  # the whole line's would be 2 + 1 + 36 * 3
    mixture = build_mixture(run_config(config.Outlines(), block=shortest), words, tokenizer, CPU)
    assert mixture.counts == {"outlines": 1, "outlines_too_long": 0}
    assert mixture.epoch(0).lengths().tolist() == [shortest]
    with pytest.raises(UserError, match="outlines finds nothing"):
        build_mixture(run_config(config.Outlines(), block=shortest - 1), words, tokenizer, CPU)


@pytest.mark.parametrize(
    "settings", [config.NameCards(), config.ContextCards(), config.ContextCards(lengths="longest"), config.Outlines()]
)
def test_where_nothing_is_asked_for_there_are_no_cards(settings):
    lines = (Document(subject="Ann Lee", text="Ann Lee. was here", line=1),)
    objective, _ = made(settings, documents=lines)
    assert len(objective(0)) == len(objective.candidates()) == 0
    with pytest.raises(UserError, match="finds nothing to ask for"):
        build_mixture(run_config(settings), corpus(documents=lines), TOKENIZER, CPU)
