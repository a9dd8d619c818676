import pytest
import torch

from closedbook.config import ModelConfig, TokenizerConfig
from closedbook.evaluation.knowledge import examine, log_probability, summarise
from closedbook.facts.corpus import Corpus
from closedbook.facts.records import Document, Fact
from closedbook.facts.tokenizers import train_tokenizer
from closedbook.model.gpt import GPT

CORPUS = Corpus(
    name="toy",
    documents=(
        Document(subject="Ann Lee", text="Ann Lee. Ann was born in Rome .", line=1),
        Document(subject="Bo Lee", text="Bo Lee. Bo lives .", line=2),
    ),
    train=(Fact(question="Where was Cy born?", answers=("Rome",), subject="Cy", line=1),),
    dev=(
        Fact(question="Where was Ann Lee born?", answers=("Rome",), subject="Ann Lee", line=1),
        Fact(question="Where was Bo Lee born?", answers=("Oslo",), subject="Bo Lee", line=2),
    ),
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


def test_facts_are_told_apart():
    texts = [document.text for document in CORPUS.documents] + [fact.question for fact in CORPUS.dev] + ["Oslo"]
    tokenizer = train_tokenizer(TokenizerConfig(kind="characters"), texts)
    torch.manual_seed(0)
    model = GPT(ModelConfig(layers=1, heads=2, width=16, block=64), tokenizer.vocabulary_size)
    found = examine(model, tokenizer, CORPUS, CORPUS.dev, ["Rome", "Bern"])
    assert [known.extracted for known in found] == [True, False]
    assert found[0].stored in (True, False)
    assert (found[1].stored, found[1].line_nats) == (None, None)
    assert [known.times_in_training for known in found] == [1, 0]
    assert [known.name_times for known in found] == [1, 1]
    assert all(known.question_nats < 0 for known in found)
    summary = summarise(found)
    assert summary["groups"]["the answer stands in the person's line"] == [["yes", 1, 1], ["no", 0, 1]]
    kinds = ("stored_and_extracted", "stored_alone", "extracted_alone", "neither")
    assert sum(summary[kind] for kind in kinds) == 1
