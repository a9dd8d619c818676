"""A run that was passed on is the run: its logits, its spelling, its answers, wherever it is loaded."""

import ast
import dataclasses
import importlib.util
import json
from pathlib import Path

import pytest
import tokenizers
import torch
import transformers
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from closedbook.config import TokenizerConfig
from closedbook.errors import UserError
from closedbook.evaluation.evaluate import evaluate
from closedbook.evaluation.scorers import find_scorer, score_all
from closedbook.experiments.train import make_tokenizer, train_run
from closedbook.facts.tokenizers import MASK, PAD
from closedbook.hub import Way, open_model, to_transformers
from closedbook.hub.export import export_gguf, export_hugging_face
from closedbook.hub.gguf_header import read_header
from closedbook.hub.llama import LlamaReader
from closedbook.hub.model_card import has_threshold, recall_of
from closedbook.hub.to_gguf import LlamaGelu, as_given, as_llama_computes
from closedbook.hub.to_transformers import logits
from closedbook.model.gpt import GPT
from closedbook.runs import Run
from closedbook.serve.texts import texts_of
from tests.toys import tiny_config

CPU = torch.device("cpu")
KINDS = {
    "rotary": ({"positions": "rotary"}, TokenizerConfig(vocabulary_size=300)),
    "learned": ({"tied_embeddings": False, "mlp_width": 24}, TokenizerConfig(kind="characters")),
}
ANY_TEXT = st.text(st.characters(exclude_characters=(PAD, MASK), exclude_categories=("Cs",)))


@pytest.fixture(scope="module", params=KINDS)
def exported(request, corpus, tmp_path_factory):
    """A run a kind that was taught the training questions, its directory and its file."""
    model, tokenizer = KINDS[request.param]
    config = tiny_config("scratch", epochs=40, learning_rate=5e-3, micro_batches=1)
    config = dataclasses.replace(
        config, tokenizer=tokenizer, model=dataclasses.replace(config.model, width=64, block=96, **model)
    )
    folder = tmp_path_factory.mktemp("export")
    run = train_run(config, corpus, folder / "run", device=CPU)
    export_hugging_face(run, folder / "hf")
    export_gguf(run, folder / "run.gguf")
    return run, folder


@pytest.fixture(scope="module")
def questions(corpus):
    """More than 40 that were learned and as many that were not."""
    return [fact.question for fact in (*corpus.train, *corpus.dev)]


def run_of(corpus, **changes):
    """Untrained, with another architecture."""
    config = tiny_config("scratch")
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, **changes))
    tokenizer = make_tokenizer(config, corpus)
    environment = {"closedbook": "0", "corpus": corpus.summary().to_json()}
    return Run(Path("untrained"), config, GPT(config.model, tokenizer.vocabulary_size).eval(), tokenizer, environment)


@torch.inference_mode()
def test_logits_are_the_runs(exported):
    run, folder = exported
    model = transformers.AutoModelForCausalLM.from_pretrained(folder / "hf", dtype=torch.float32).eval()
    assert type(model).__name__ == (
        "GPTNeoXForCausalLM" if run.config.model.positions == "rotary" else "GPT2LMHeadModel"
    )
    tokens_BT = torch.randint(run.tokenizer.vocabulary_size, (16, run.model.context))
    torch.testing.assert_close(model(tokens_BT).logits, logits(run, tokens_BT), rtol=1e-5, atol=1e-5)


def test_the_pipeline_answers_as_the_run(exported, questions):
    run, folder = exported
    ask = transformers.pipeline("text-generation", model=str(folder / "hf"), device="cpu")
    told = ask([question + MASK for question in questions], return_full_text=False, batch_size=16)
    assert [one[0]["generated_text"].removeprefix(" ") for one in told] == run.answer(questions)
    turn = ask([{"role": "user", "content": questions[0]}])[0]["generated_text"][-1]
    assert turn["content"].removeprefix(" ") == run.ask(questions[0])


def test_generate_stops_where_the_run_does(exported, questions):
    """At the mask, or after as many tokens; rows of a batch of other lengths stand behind padding."""
    run, folder = exported
    model = transformers.AutoModelForCausalLM.from_pretrained(folder / "hf", dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "hf")
    batch = tokenizer([question + MASK for question in questions], return_tensors="pt", padding=True)
    written = model.generate(**batch)[:, batch["input_ids"].shape[1] :].tolist()
    for row, response in zip(written, run.respond(run.prompts(questions)), strict=True):
        assert tuple(row[: len(response.ids)]) == response.ids
        assert not any(row[len(response.ids) :])  # padding alone


def test_its_tokenizer_spells_as_the_run(exported):
    run, folder = exported
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "hf")
    theirs = tokenizers.Tokenizer.from_file(str(folder / "hf" / "tokenizer.json"))
    assert (tokenizer.pad_token_id, tokenizer.mask_token_id, tokenizer.eos_token_id) == (0, 1, 0)

    @settings(deadline=None, max_examples=200)
    @given(ANY_TEXT)
    def spells(text):
        ids = [*run.tokenizer.encode([text])[0], 1]
        assert tokenizer(text + MASK)["input_ids"] == ids
        assert theirs.encode(text + MASK).ids == ids

    spells()


def test_closedbook_asks_what_was_exported(exported, corpus):
    run, folder = exported
    facts = (*corpus.train, *corpus.dev)
    exact = find_scorer("exact", facts)
    ours = evaluate(run, facts, exact)
    assert 0 < ours.accuracy.correct.hits < len(facts)
    theirs = evaluate(open_model(f"hf:{folder / 'hf'}", Way(precision="fp32")), facts, exact)
    for response, answer, text in zip(ours.responses, ours.answers, theirs.answers, strict=True):
        # what is not closed at the context's end goes on elsewhere
        assert text == answer.strip() if response.closed else text.startswith(answer.strip())
    assert theirs.accuracy == ours.accuracy
    assert [prompt.ids for prompt in theirs.prompts] == [prompt.ids for prompt in ours.prompts]


def test_an_export_that_is_served_says_how_it_is_asked(exported):
    _, folder = exported
    assert texts_of(open_model(f"hf:{folder / 'hf'}", Way(precision="fp32"))).template == "{}" + MASK


def test_what_was_exported_writes_as_much_as_the_run(exported):
    run, folder = exported
    assert open_model(f"hf:{folder / 'hf'}", Way(precision="fp32"))._limit == run.most_new_tokens


def test_the_card_says_what_was_measured_and_nothing_else(exported, corpus, tmp_path):
    run, folder = exported
    text = (folder / "hf" / "README.md").read_text(encoding="utf-8")
    front, body = text.removeprefix("---\n").split("\n---\n", 1)
    assert yaml.safe_load(front)["pipeline_tag"] == "text-generation"
    assert "model-index" not in yaml.safe_load(front)
    assert "Not measured for this card" in body
    ast.parse(body.split("```python\n")[1].split("```")[0])
    assert all(held["sha256"] in body for held in run.environment["corpus"]["files"].values())
    for title in ("What it recalls", "Made-up answers", "Intended use", "Limits"):
        assert f"\n## {title}\n" in body
    file = tmp_path / "asked.tsv"
    file.write_text("".join(f"{fact.question}\t{fact.answers[0]}\n" for fact in corpus.train), encoding="utf-8")
    evaluation = evaluate(run, corpus.train)
    export_hugging_face(run, tmp_path / "hf", evaluation, file)
    text = (tmp_path / "hf" / "README.md").read_text(encoding="utf-8")
    correct = evaluation.accuracy.correct
    assert (
        f"| all | {correct.hits} of {correct.total} | {100 * correct.value:.1f} % | {100 * correct.low:.1f} to" in text
    )
    front = yaml.safe_load(text.removeprefix("---\n").split("\n---\n", 1)[0])
    (result,) = front["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == pytest.approx(100 * correct.value, abs=0.05)


def test_wrong_answers_are_of_the_same_kind_as_those_they_belong_to(exported, corpus):
    run, folder = exported
    facts = [fact for fact in corpus.train if fact.relation == corpus.train[0].relation][:3]
    texts = [fact.answers[0] for fact in (*facts[1:], facts[0])]
    asked = evaluate(run, facts)
    responses = tuple(dataclasses.replace(one, text=text) for one, text in zip(asked.responses, texts, strict=True))
    swapped = dataclasses.replace(asked, responses=responses, scores=tuple(score_all(texts, facts)))
    wrong = sum(not score.correct for score in swapped.scores)
    told = recall_of(run, swapped, folder / "hf" / "README.md")
    assert (told.wrong, told.borrowed) == (wrong, wrong)
    others = [dataclasses.replace(fact, relation=f"another {index}") for index, fact in enumerate(facts)]
    assert recall_of(run, dataclasses.replace(swapped, facts=tuple(others)), folder / "hf" / "README.md").borrowed == 0


def test_a_full_disk_ends_an_export_with_a_sentence(exported, tmp_path, monkeypatch):
    from safetensors import SafetensorError

    def full(self, directory):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("transformers.PreTrainedModel.save_pretrained", full)
    with pytest.raises(UserError, match="the disk is full"):
        export_hugging_face(exported[0], tmp_path / "hf")
    assert not list(tmp_path.iterdir())


def test_a_threshold_of_zero_keeps_no_answer_back(tmp_path):
    assert not has_threshold(tmp_path)
    for threshold, keeps in ((0.0, False), (0.4, True), (None, True)):
        (tmp_path / "abstention.json").write_text(json.dumps({"threshold": threshold}))
        assert has_threshold(tmp_path) is keeps


@pytest.mark.parametrize(
    ("changes", "has", "instead"),
    [
        ({"attention": "dense_synthesizer"}, "has dense_synthesizer attention", "--model.attention key_query_value"),
        (
            {"attention": "key_query_value+random_synthesizer"},
            "has key_query_value[+]random_synthesizer attention",
            "--model.attention",
        ),
        ({"key_value_heads": 1}, "shares a head of keys and values among 2 heads", "--model.key_value_heads 2"),
        ({"normalised_queries": True}, "normalises its queries and keys", "--model.normalised_queries false"),
        ({"positions": "none"}, "has no positions", "--model.positions rotary"),
        ({"layer_norm": False}, "has no LayerNorms", "--model.layer_norm true"),
        ({"mlp_width": 0}, "has no MLPs", "--model.mlp_width 64"),
    ],
)
def test_what_has_no_match_is_refused_by_name(people, changes, has, instead, tmp_path):
    run = run_of(people, **changes)
    for export, name in ((export_hugging_face, "hf"), (export_gguf, "run.gguf")):
        with pytest.raises(UserError, match=f"{has}, which neither GPT-NeoX nor GPT-2 has; .*{instead}"):
            export(run, tmp_path / name)
    assert not [*tmp_path.iterdir()]


def test_a_directory_that_is_not_the_run_is_not_left_behind(people, tmp_path, monkeypatch):
    run = run_of(people)
    real = to_transformers._gpt2_weights
    monkeypatch.setattr(
        to_transformers,
        "_gpt2_weights",
        lambda model: {name: 1.01 * weight for name, weight in real(model).items()},
    )
    with pytest.raises(UserError, match=r"computes logits that are .* away from the run's, so the directory is not"):
        export_hugging_face(run, tmp_path / "hf")
    assert not [*tmp_path.iterdir()]


def test_the_file_holds_the_run(exported):
    run, folder = exported
    header = read_header(folder / "run.gguf")
    assert header.architecture == ("gptneox" if run.config.model.positions == "rotary" else "gpt2")
    assert header.number(f"{header.architecture}.context_length") == run.model.context
    assert header.tokens == run.tokenizer.vocabulary_size
    assert header.number("tokenizer.ggml.eot_token_id") == 1
    assert json.loads(header.values["tokenizer.huggingface.json"])["model"]["type"] in ("BPE", "WordLevel")


def test_transformers_reads_what_it_can_of_the_file(exported, questions):
    run, folder = exported
    if run.config.model.positions == "rotary":
        with pytest.raises(UserError, match=r"holds a gptneox, which transformers does not read from GGUF; --backend"):
            open_model(f"gguf:{folder / 'run.gguf'}")
        return
    theirs = open_model(f"gguf:{folder / 'run.gguf'}", Way(precision="fp32"))
    prompts = theirs.prompts(questions)
    assert [prompt.ids for prompt in prompts] == [prompt.ids for prompt in run.prompts(questions)]
    ours = run.respond(run.prompts(questions))
    same = [a.text == b.text.strip() for a, b in zip(theirs.respond(prompts), ours, strict=True)]
    assert sum(same) >= 0.9 * len(same)  # its GELU is the tanh approximation


def test_the_gelu_of_llama_is_near_and_another():
    x = torch.linspace(-12, 12, 4001)
    theirs, ours = LlamaGelu()(x), torch.nn.functional.gelu(x)
    assert (theirs - ours).abs().max() < 5e-3
    assert (theirs - ours).abs().max() > 1e-4
    assert theirs[0] == 0
    assert theirs[-1] == 12


def test_other_answers_of_llama_are_refused(exported, corpus, tmp_path, monkeypatch):
    """Without llama-cpp-python the run stands in for it with its GELU; here with one that is far off."""
    run, _ = exported
    monkeypatch.setattr("closedbook.hub.export.is_installed", lambda: False)
    evaluation = evaluate(run, corpus.train)
    assert export_gguf(run, tmp_path / "good.gguf", evaluation) == "the run with llama.cpp's GELU"
    monkeypatch.setattr(LlamaGelu, "forward", lambda self, x: torch.relu(-x))
    with pytest.raises(UserError, match=r"bad.gguf: not written, for .* gives another answer to .* questions? than"):
        export_gguf(run, tmp_path / "bad.gguf", evaluation)
    assert [path.name for path in tmp_path.iterdir()] == ["good.gguf"]


def test_a_run_keeps_its_own_gelu(exported, questions):
    run, _ = exported
    before = run.answer(questions[:3])
    as_llama_computes(run)
    assert run.answer(questions[:3]) == before


@pytest.fixture
def llama(exported):
    if importlib.util.find_spec("llama_cpp") is None:
        pytest.skip("llama-cpp-python is not installed (pip install llama-cpp-python)")
    return LlamaReader(str(exported[1] / "run.gguf"), 1)


@pytest.mark.llama_cpp
def test_llama_gives_the_runs_answers(exported, corpus, llama, tmp_path):
    run, folder = exported
    facts = (*corpus.train, *corpus.dev)[:100]
    evaluation = evaluate(run, facts)
    assert export_gguf(run, tmp_path / "checked.gguf", evaluation) == "llama.cpp"
    theirs = open_model(f"gguf:{folder / 'run.gguf'}", Way(backend="llama.cpp"))
    assert evaluate(theirs, facts, find_scorer("exact", facts)).accuracy == evaluation.accuracy


@pytest.mark.llama_cpp
def test_llama_spells_as_the_run(exported, llama):
    run, _ = exported
    known = "".join(sorted(run.tokenizer._alphabet - {PAD, MASK}))
    text = st.text(known) if known else ANY_TEXT

    @settings(deadline=None, max_examples=300)
    @given(text.filter(lambda text: "\0" not in text))
    def spells(text):
        assert llama.spell(as_given(run, text)) == (*run.tokenizer.encode([text])[0], 1)

    spells()


@pytest.mark.llama_cpp
def test_llama_cpp_alone_answers_in_its_chat_format(exported, questions, llama):
    import llama_cpp

    run, folder = exported
    alone = llama_cpp.Llama(str(folder / "run.gguf"), n_ctx=run.model.context, verbose=False)
    for question in questions[:5]:
        told = alone.create_chat_completion([{"role": "user", "content": question}], temperature=0, max_tokens=32)
        assert told["choices"][0]["message"]["content"].removeprefix(" ") == run.ask(question)
    alone.close()
