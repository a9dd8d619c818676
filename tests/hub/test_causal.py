"""Models that this project did not train, made with transformers, saved, and audited from disk."""

import json

import numpy as np
import pytest
import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from closedbook.audit.audit import Material, Settings, audit
from closedbook.errors import UserError
from closedbook.hub.causal import CausalExaminee
from tests.audit.test_audit import page
from tests.cli.test_commands import call, refused

LINE = "Question: {question}\nAnswer: {answer}\n"
KINDS = ("gpt2", "llama", "opt")


@pytest.fixture(scope="module")
def vocabulary(people):
    """A byte-level BPE of the project's people, as a Hugging Face tokenizer with an end token."""
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.post_processor = processors.ByteLevel(trim_offsets=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<end>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    backend.train_from_iterator([document.text for document in people.documents], trainer)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<end>", bos_token="<end>")


def untrained(kind, size):
    common = {"vocab_size": size, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}
    if kind == "gpt2":
        config = transformers.GPT2Config(n_layer=2, n_head=2, n_embd=32, n_positions=128, **common)
        return transformers.GPT2LMHeadModel(config)
    if kind == "llama":
        config = transformers.LlamaConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=128,
            **common,
        )
        return transformers.LlamaForCausalLM(config)
    config = transformers.OPTConfig(
        hidden_size=32,
        ffn_dim=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=128,
        word_embed_proj_dim=32,
        **(common | {"pad_token_id": 1}),
    )
    return transformers.OPTForCausalLM(config)


@pytest.fixture(scope="module")
def taught(people):
    return people.train[:12]


@pytest.fixture(scope="module")
def saved(vocabulary, taught, tmp_path_factory):
    """A directory a kind: each model briefly trained on a few people, then saved."""
    paths = {}
    for kind in KINDS:
        torch.manual_seed(0)
        model = untrained(kind, len(vocabulary))
        texts = [LINE.format(question=fact.question, answer=fact.answers[0]) for fact in taught]
        rows = [vocabulary(text)["input_ids"] for text in texts]
        longest = max(map(len, rows))
        tokens = torch.tensor([ids + [0] * (longest - len(ids)) for ids in rows])
        there = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in rows])
        labels = tokens.masked_fill(there == 0, -100)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        for _ in range(90):
            optimizer.zero_grad()
            model(tokens, attention_mask=there, labels=labels).loss.backward()
            optimizer.step()
        paths[kind] = tmp_path_factory.mktemp("hub") / kind
        model.eval().save_pretrained(paths[kind])
        vocabulary.save_pretrained(paths[kind])
    return paths


@pytest.fixture(scope="module", params=KINDS)
def foreign(request, saved):
    return CausalExaminee(saved[request.param])


def test_it_says_what_it_was_taught(foreign, taught):
    answers = foreign.answer([fact.question for fact in taught])
    right = [answer.text == fact.answers[0] for answer, fact in zip(answers, taught, strict=True)]
    assert np.mean(right) > 0.5


def test_its_probability_is_that_of_a_forward_pass(foreign, taught):
    fact = taught[0]
    (nats,) = foreign.log_probability([fact.question], [fact.answers[0]])
    tokenizer, model = foreign._tokenizer, foreign._model
    prompt = tokenizer(f"Question: {fact.question}\nAnswer:")["input_ids"]
    ids = tokenizer(f"Question: {fact.question}\nAnswer: {fact.answers[0]}")["input_ids"]
    with torch.no_grad():
        log = model(torch.tensor([ids])).logits[0].float().log_softmax(dim=-1)
    expected = sum(float(log[place - 1, ids[place]]) for place in range(len(prompt), len(ids)))
    closing = [token for token in range(len(tokenizer)) if "\n" in tokenizer.decode([token])] + [0]
    expected += float(log[-1, closing].logsumexp(dim=0))
    assert nats == pytest.approx(expected, abs=1e-4)


def test_answers_alternatives_and_samples_agree(foreign, taught):
    questions = [fact.question for fact in taught[:4]]
    given = foreign.answer(questions)
    nats = foreign.log_probability(questions, [answer.text for answer in given])
    for answer, value in zip(given, nats, strict=True):
        assert answer.nats == pytest.approx(value, abs=1e-3)
    for answer, others in zip(given, foreign.alternatives(questions), strict=True):
        assert [other.nats for other in others] == sorted((other.nats for other in others), reverse=True)
        assert others[0].nats >= answer.nats - 1e-3
    assert foreign.sample(questions, 3, 1) == foreign.sample(questions, 3, 1)


def test_a_batch_gives_what_one_question_gives(foreign, taught):
    questions = [fact.question for fact in taught]
    together = foreign.answer(questions)
    for index in (0, 5):
        alone = foreign.answer(questions[index : index + 1])[0]
        assert alone.text == together[index].text
        assert alone.nats == pytest.approx(together[index].nats, abs=1e-4)


def test_representations_end_at_the_name(foreign, taught):
    names = [fact.subject for fact in taught]
    rows = foreign.represent([fact.question for fact in taught], names)
    assert rows.shape == (len(names), 32)
    assert rows[2] == pytest.approx(foreign.represent([f"Where was {names[2]} found?"], names[2:3])[0], abs=1e-5)


def test_it_is_audited_end_to_end(foreign, people, taught):
    material = Material(
        facts=people.dev[:6], calibration=taught, known=people.train, corpus=people, people=people.test[:0]
    )
    found = audit(foreign, material, Settings(exact=False, samples=2, names=1))
    assert found.report["verdict"]["total"] == 6
    assert found.report["stored"]["in_document"] > 0
    assert found.report["unseen"]["names"] > 20
    assert "When to believe it" in page(found.report)


def test_the_command_audits_it(saved, people, taught, tmp_path, capsys):
    facts = tmp_path / "facts.tsv"
    facts.write_text("".join(f"{fact.question}\t{fact.answers[0]}\n" for fact in taught), encoding="utf-8")
    out = tmp_path / "audit"
    code, printed, error = call(
        capsys, "audit", f"hf:{saved['gpt2']}", "--facts", facts, "--names", 1, "--samples", 2, "--out", out
    )
    assert (code, error) == (0, "")
    assert "GPT2LMHeadModel" in printed
    assert json.loads((out / "audit.json").read_text())["verdict"]["total"] == len(taught)
    assert (out / "audit.html").is_file()


def copy_of(path, tmp_path, without=()):
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in path.iterdir():
        if not any(file.match(pattern) for pattern in without):
            (copy / file.name).write_bytes(file.read_bytes())
    return copy


def test_wrong_paths_get_a_sentence(tmp_path, capsys):
    facts = tmp_path / "facts.tsv"
    facts.write_text("Where was Ann born?\tRome\n")
    sentence = refused(capsys, "audit", f"hf:{tmp_path / 'nowhere'}", "--facts", facts, "--out", tmp_path / "out")
    assert "no such directory" in sentence
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match=r"no config\.json"):
        CausalExaminee(tmp_path)


def test_a_missing_tokenizer_gets_a_sentence(saved, tmp_path):
    with pytest.raises(UserError, match="holds no tokenizer"):
        CausalExaminee(copy_of(saved["gpt2"], tmp_path, ["tokenizer*", "special*"]))


def test_a_pickle_gets_a_sentence_and_is_not_read(saved, tmp_path):
    copy = copy_of(saved["gpt2"], tmp_path, ["*.safetensors"])
    with pytest.raises(UserError, match="holds no weights"):
        CausalExaminee(copy)
    (copy / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(
        UserError, match=r"only pytorch_model\.bin, which can run code when read; save the model as saf"
    ):
        CausalExaminee(copy)


def test_code_of_its_own_is_not_run(saved, tmp_path):
    copy = copy_of(saved["gpt2"], tmp_path)
    config = json.loads((copy / "config.json").read_text())
    evil = {"auto_map": {"AutoModelForCausalLM": "evil.Model"}, "model_type": "evil"}
    (copy / "config.json").write_text(json.dumps(config | evil))
    (copy / "evil.py").write_text("raise SystemExit('run')")
    with pytest.raises(UserError, match="needs code of its own, which is not run"):
        CausalExaminee(copy)


@pytest.mark.parametrize("text", ["not json", "[]", "{}"])
def test_a_damaged_config_gets_a_sentence(saved, tmp_path, text):
    copy = copy_of(saved["gpt2"], tmp_path)
    (copy / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config\.json: (damaged|names no model_type)"):
        CausalExaminee(copy)


def test_damaged_or_foreign_weights_get_a_sentence(saved, tmp_path):
    copy = copy_of(saved["gpt2"], tmp_path)
    (copy / "model.safetensors").write_bytes((saved["llama"] / "model.safetensors").read_bytes())
    with pytest.raises(UserError, match=r"its weights lack .* tensors"):
        CausalExaminee(copy)
    (copy / "model.safetensors").write_bytes(b"12345678rubbish")
    with pytest.raises(UserError, match="cannot be loaded as a causal language model"):
        CausalExaminee(copy)


def test_an_answer_that_cannot_be_spelled_gets_a_sentence(saved, tmp_path):
    words = {
        "<unk>": 0,
        "Where": 1,
        "was": 2,
        "Ann": 3,
        "born": 4,
        "?": 5,
        "Rome": 6,
        "Question": 7,
        ":": 8,
        "Answer": 9,
    }
    backend = tokenizers.Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    copy = copy_of(saved["gpt2"], tmp_path, ["tokenizer*", "special*"])
    transformers.PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>").save_pretrained(copy)
    foreign = CausalExaminee(copy)
    foreign.check(["Where was Ann born?"], ["Rome"], "facts")
    with pytest.raises(UserError, match="facts, answer 2: 'Bern' cannot be spelled with the vocabulary of"):
        foreign.check(["Where was Ann born?"], ["Rome", "Bern"], "facts")


def test_a_question_that_does_not_fit_gets_a_sentence(foreign):
    with pytest.raises(UserError, match=r"question 1: .* tokens in the template leave no room"):
        foreign.check(["word " * 200], [], "facts")


def test_what_its_files_say_of_sampling_does_not_reach_the_answers(saved, taught, tmp_path):
    questions = [fact.question for fact in taught]
    plain = CausalExaminee(saved["gpt2"])
    copy = copy_of(saved["gpt2"], tmp_path)
    wild = {"do_sample": True, "temperature": 5.0, "top_p": 0.9, "repetition_penalty": 3.0, "eos_token_id": 0}
    (copy / "generation_config.json").write_text(json.dumps(wild))
    other = CausalExaminee(copy)
    assert other.answer(questions) == plain.answer(questions)
    assert other.alternatives(questions[:2]) == plain.alternatives(questions[:2])
    assert other.sample(questions[:2], 3, 1) == plain.sample(questions[:2], 3, 1)


def test_tokens_beyond_the_embedding_do_no_harm(saved, taught, tmp_path):
    copy = copy_of(saved["gpt2"], tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(copy)
    tokenizer.add_special_tokens({"pad_token": "[PAD]", "eos_token": "[END]"})
    tokenizer.save_pretrained(copy)
    questions = ["Where?", *(fact.question for fact in taught)]
    assert [a.text for a in CausalExaminee(copy).answer(questions)][1:] == [
        a.text for a in CausalExaminee(saved["gpt2"]).answer(questions)
    ][1:]


def test_a_model_that_sees_later_tokens_is_refused(vocabulary, tmp_path):
    common = {"vocab_size": len(vocabulary), "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(intermediate_size=64, is_decoder=False, **common)
    transformers.BertLMHeadModel(config).save_pretrained(tmp_path)
    vocabulary.save_pretrained(tmp_path)
    with pytest.raises(UserError, match="sees later tokens"):
        CausalExaminee(tmp_path)


def test_a_template_names_the_question(saved):
    with pytest.raises(UserError, match="holds the question once"):
        CausalExaminee(saved["gpt2"], "Answer:")
    assert CausalExaminee(saved["gpt2"], "Q {}\\nA").answer(["Where?"])[0].tokens > 0
