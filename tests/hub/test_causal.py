"""Models that this project did not train, made with transformers, saved, and audited from disk."""

import dataclasses
import json

import numpy as np
import pytest
import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from closedbook.audit.audit import Material, Settings, audit
from closedbook.errors import UserError
from closedbook.evaluation.language_model import LanguageModel
from closedbook.hub import fingerprint, is_foreign, model_directory, open_model
from closedbook.hub.causal import CausalModel, _letters
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
        for _ in range(60):
            optimizer.zero_grad()
            model(tokens, attention_mask=there, labels=labels).loss.backward()
            optimizer.step()
        paths[kind] = tmp_path_factory.mktemp("hub") / kind
        model.eval().save_pretrained(paths[kind])
        vocabulary.save_pretrained(paths[kind])
    return paths


@pytest.fixture(scope="module", params=KINDS)
def foreign(request, saved):
    return CausalModel(saved[request.param])


@pytest.fixture
def prompts(foreign, taught):
    return foreign.prompts([fact.question for fact in taught])


def test_it_says_what_it_was_taught(foreign, taught, prompts):
    assert isinstance(foreign, LanguageModel)
    answers = foreign.respond(prompts)
    right = [answer.text == fact.answers[0] for answer, fact in zip(answers, taught, strict=True)]
    assert np.mean(right) > 0.5
    assert all(answer.closed for answer, hit in zip(answers, right, strict=True) if hit)


def test_its_probability_is_that_of_a_forward_pass(foreign, taught, prompts):
    fact = taught[0]
    (nats,) = foreign.log_probability(prompts[:1], [fact.answers[0]])
    tokenizer, model = foreign._tokenizer, foreign._model
    prompt = tokenizer(f"Question: {fact.question}\nAnswer:")["input_ids"]
    ids = tokenizer(f"Question: {fact.question}\nAnswer: {fact.answers[0]}")["input_ids"]
    with torch.no_grad():
        log = model(torch.tensor([ids])).logits[0].float().log_softmax(dim=-1)
    expected = sum(float(log[place - 1, ids[place]]) for place in range(len(prompt), len(ids)))
    closing = [token for token in range(len(tokenizer)) if "\n" in tokenizer.decode([token])] + [0]
    expected += float(log[-1, closing].logsumexp(dim=0))
    assert nats == pytest.approx(expected, abs=1e-4)
    assert prompts[0].ids == tuple(prompt)


def test_generation_alternatives_and_samples_agree_with_forward_passes(foreign, prompts):
    given = foreign.respond(prompts[:4])
    nats = foreign.log_probability(prompts[:4], [answer.text for answer in given])
    for answer, value in zip(given, nats, strict=True):
        assert len(answer.token_nats) == len(answer.ids)
        assert answer.nats == pytest.approx(value, abs=1e-3)
    for answer, others in zip(given, foreign.alternatives(prompts[:4]), strict=True):
        assert [other.nats for other in others] == sorted((other.nats for other in others), reverse=True)
        assert others[0].nats >= answer.nats - 1e-3
    drawn = foreign.sample(prompts[:4], 3, 1)
    assert [[one.text for one in row] for row in drawn] == [
        [one.text for one in row] for row in foreign.sample(prompts[:4], 3, 1)
    ]
    for prompt, row in zip(prompts, drawn, strict=False):
        ids = [[*prompt.ids, *one.ids] for one in row if one.closed]
        for one, tokens in zip((one for one in row if one.closed), ids, strict=True):
            with torch.no_grad():
                log = foreign._model(torch.tensor([tokens])).logits[0].float().log_softmax(dim=-1)
            places = range(len(prompt.ids), len(tokens) - 1)
            expected = [float(log[place - 1, tokens[place]]) for place in places]
            assert list(one.token_nats[:-1]) == pytest.approx(expected, abs=1e-3)


def test_a_batch_gives_what_one_question_gives(foreign, prompts):
    together = foreign.respond(prompts)
    for index in (0, 5):
        (alone,) = foreign.respond(prompts[index : index + 1])
        assert alone.text == together[index].text
        assert alone.nats == pytest.approx(together[index].nats, abs=1e-4)


def test_the_choice_is_the_most_probable_candidate(foreign, taught, prompts):
    candidates = sorted({fact.answers[0] for fact in taught})
    chosen = foreign.choose(prompts[:2], candidates)
    for prompt, choice in zip(prompts, chosen, strict=False):
        nats = foreign.log_probability([prompt] * len(candidates), candidates)
        assert choice == candidates[int(np.argmax(nats))]
    with pytest.raises(UserError, match="no two may be spelled with the same tokens"):
        foreign.choose(prompts[:1], ["Rome", "Rome"])


def test_a_document_is_gone_on_with(foreign):
    texts = foreign.continue_documents(["Ann Lee"], [" Ann was born in "])
    assert len(texts) == 1
    (nats,) = foreign.continuation_log_probability(["Ann Lee"], [" Ann was born in "], ["Rome"])
    assert nats < 0
    assert foreign.continuation_log_probability(["Ann"], [" in "], ["word " * 200]) == [None]


def test_representations_end_at_the_name(foreign, taught, prompts):
    names = [fact.subject for fact in taught]
    rows = foreign.represent(prompts, names)
    assert rows.shape == (len(names), 32)
    other = foreign.prompts([f"Where was {names[2]} found?"])
    assert rows[2] == pytest.approx(foreign.represent(other, names[2:3])[0], abs=1e-5)


def test_it_is_audited_end_to_end(foreign, people, taught):
    corpus = dataclasses.replace(people, name_lists={})
    material = Material(facts=people.dev[:6], calibration=taught, known=people.train, corpus=corpus)
    report = audit(foreign, material, Settings(scorer="normalised", samples=2, names=1))
    assert report.verdict.total == 6
    assert report.stored.in_document > 0
    assert report.unseen[0].invented.names == 2
    assert set(report.unseen[0].invented.neighbours) == {"edit_distance", "representation"}
    assert report.abstention.template == foreign.template
    assert "When to believe it" in page(report)


def test_a_model_is_opened_by_its_name(saved):
    name = f"hf:{saved['gpt2']}"
    assert is_foreign(name)
    assert not is_foreign("runs/hf:odd")
    assert model_directory(name) == saved["gpt2"]
    model = open_model(name, template="Q {}")
    assert (model.name, model.template) == (name, "Q {}")
    assert model.fingerprint() == fingerprint(name)
    with pytest.raises(UserError, match="api:thing: no such run"):
        open_model("api:thing")
    with pytest.raises(UserError, match="--template has no effect on a run"):
        open_model("runs/mine", template="Q {}")


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
        CausalModel(tmp_path)


def test_a_missing_tokenizer_gets_a_sentence(saved, tmp_path):
    with pytest.raises(UserError, match="holds no tokenizer"):
        CausalModel(copy_of(saved["gpt2"], tmp_path, ["tokenizer*", "special*"]))


def test_a_pickle_gets_a_sentence_and_is_not_read(saved, tmp_path):
    copy = copy_of(saved["gpt2"], tmp_path, ["*.safetensors"])
    with pytest.raises(UserError, match="holds no weights"):
        CausalModel(copy)
    (copy / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(
        UserError, match=r"only pytorch_model\.bin, which can run code when read; save the model as saf"
    ):
        CausalModel(copy)


def test_code_of_its_own_is_not_run(saved, tmp_path):
    copy = copy_of(saved["gpt2"], tmp_path)
    config = json.loads((copy / "config.json").read_text())
    evil = {"auto_map": {"AutoModelForCausalLM": "evil.Model"}, "model_type": "evil"}
    (copy / "config.json").write_text(json.dumps(config | evil))
    (copy / "evil.py").write_text("raise SystemExit('run')")
    with pytest.raises(UserError, match="needs code of its own, which is not run"):
        CausalModel(copy)


@pytest.mark.parametrize("text", ["not json", "[]", "{}"])
def test_a_damaged_config_gets_a_sentence(saved, tmp_path, text):
    copy = copy_of(saved["gpt2"], tmp_path)
    (copy / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config\.json: (damaged|names no model_type)"):
        CausalModel(copy)


def test_damaged_or_foreign_weights_get_a_sentence(saved, tmp_path):
    copy = copy_of(saved["gpt2"], tmp_path)
    (copy / "model.safetensors").write_bytes((saved["llama"] / "model.safetensors").read_bytes())
    with pytest.raises(UserError, match=r"its weights lack .* tensors"):
        CausalModel(copy)
    (copy / "model.safetensors").write_bytes(b"12345678rubbish")
    with pytest.raises(UserError, match="cannot be loaded as a causal language model"):
        CausalModel(copy)


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
    foreign = CausalModel(copy)
    foreign.prompts(["Where was Ann born?"])
    foreign.check_answers(["Rome"])
    with pytest.raises(UserError, match="facts, answer 2: 'Bern' cannot be spelled with the vocabulary of"):
        foreign.check_answers(["Rome", "Bern"], place="facts, answer")


def test_spaces_between_pieces_do_not_make_another_spelling():
    assert _letters("the 1 . 5 são") == _letters("The 1.5 Sao")
    assert _letters("an A") != _letters("an B")


def test_a_question_that_does_not_fit_gets_a_sentence(foreign):
    with pytest.raises(UserError, match=r"question 1: .* tokens in the template leave no room"):
        foreign.prompts(["word " * 200])


def texts(responses):
    return [response.text for response in responses]


def test_what_its_files_say_of_sampling_does_not_reach_the_answers(saved, taught, tmp_path):
    plain = CausalModel(saved["gpt2"])
    prompts = plain.prompts([fact.question for fact in taught])
    copy = copy_of(saved["gpt2"], tmp_path)
    wild = {"do_sample": True, "temperature": 5.0, "top_p": 0.9, "repetition_penalty": 3.0, "eos_token_id": 0}
    (copy / "generation_config.json").write_text(json.dumps(wild))
    other = CausalModel(copy)
    assert texts(other.respond(prompts)) == texts(plain.respond(prompts))
    for prompt in prompts[:2]:
        assert texts(other.alternatives([prompt])[0]) == texts(plain.alternatives([prompt])[0])
        assert texts(other.sample([prompt], 3, 1)[0]) == texts(plain.sample([prompt], 3, 1)[0])


def test_tokens_beyond_the_embedding_do_no_harm(saved, taught, tmp_path):
    copy = copy_of(saved["gpt2"], tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(copy)
    tokenizer.add_special_tokens({"pad_token": "[PAD]", "eos_token": "[END]"})
    tokenizer.save_pretrained(copy)
    questions = ["Where?", *(fact.question for fact in taught)]
    other, plain = CausalModel(copy), CausalModel(saved["gpt2"])
    said = texts(other.respond(other.prompts(questions)))
    assert said[1:] == texts(plain.respond(plain.prompts(questions)))[1:]


def test_a_model_that_sees_later_tokens_is_refused(vocabulary, tmp_path):
    common = {"vocab_size": len(vocabulary), "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(intermediate_size=64, is_decoder=False, **common)
    transformers.BertLMHeadModel(config).save_pretrained(tmp_path)
    vocabulary.save_pretrained(tmp_path)
    with pytest.raises(UserError, match="sees later tokens"):
        CausalModel(tmp_path)


def test_a_template_names_the_question(saved):
    with pytest.raises(UserError, match="holds the question once"):
        CausalModel(saved["gpt2"], "Answer:")
    model = CausalModel(saved["gpt2"], "Q {}\\nA")
    assert model.prompts(["Where?"])[0].text == "Q Where?\nA"
