"""A model of the course's assignment, imported, answers what the course's own evaluation answers."""

import collections
import pickle
import shutil

import pytest
import torch
from benchmarks.course import MASK, CharCorruption, CourseGPT, NameQuestions, answers, train

from closedbook.errors import UserError
from closedbook.evaluation.evaluate import evaluate
from closedbook.facts.corpus import read_directory
from closedbook.hub.course import import_course
from closedbook.hub.export import export_hugging_face
from closedbook.runs import load

NAMES = "Ada Berg|Bea Carr|Cid Dorn|Dan Ekström|Eva Falk|Fay Gray|Gil Hall|Hal Iver|Ida Jung|Kim Lund|Lea Moss|Max Nord"
PLACES = "Oslo|Oslo|Bonn|Bonn|Rome|Rome|Graz|Graz|Nice|Nice|Bern|Bern".split("|")
PAIRS = [(f"Where was {name} born?", place) for name, place in zip(NAMES.split("|"), PLACES, strict=True)]
BLOCK, HEADS, WIDTH = 64, 4, 32


class RotaryAttention(torch.nn.Module):
    """Key-query-value attention of the later years: neighbouring features are turned as complex numbers."""

    def __init__(self):
        super().__init__()
        self.key, self.query, self.value, self.proj = (torch.nn.Linear(WIDTH, WIDTH) for _ in range(4))
        size = WIDTH // HEADS
        angle = torch.arange(BLOCK)[:, None] * 10000 ** (-torch.arange(0, size, 2).float() / size)
        self.register_buffer("rope_cache", torch.stack([angle.cos(), angle.sin()], dim=-1))
        self.register_buffer("mask", torch.ones(BLOCK, BLOCK).tril()[None, None])

    def turned(self, x):
        pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(pairs * torch.view_as_complex(self.rope_cache)[: x.shape[2]]).flatten(3)

    def forward(self, x):
        key, query, value = (
            part(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in (self.key, self.query, self.value)
        )
        scores = self.turned(query) @ self.turned(key).mT / key.shape[-1] ** 0.5
        scores = scores.masked_fill(self.mask[..., : x.shape[1], : x.shape[1]] == 0, -1e10)
        return self.proj((scores.softmax(-1) @ value).transpose(1, 2).flatten(2))


class RotaryGPT(CourseGPT):
    """The starter model of the later years, without learned positions."""

    def __init__(self, vocabulary):
        super().__init__(vocabulary, layers=2, heads=HEADS, width=WIDTH, block=BLOCK)
        del self.pos_emb
        self.pos_emb = torch.zeros(1, BLOCK, WIDTH)  # no parameter
        for block in self.blocks:
            block.attn = RotaryAttention()


MAKERS = {
    "vanilla": lambda size: CourseGPT(size, layers=2, heads=HEADS, width=WIDTH, block=BLOCK),
    "synthesizer": lambda size: CourseGPT(size, layers=2, heads=HEADS, width=WIDTH, block=BLOCK, synthesizer=True),
    "rotary": RotaryGPT,
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """The course's files, of twelve lines: eight to train on, four to report on."""
    directory = tmp_path_factory.mktemp("course") / "data"
    directory.mkdir()
    lines = [f"{question[10:-6]}. {question[10:-6]} was born in {place}.\n" for question, place in PAIRS]
    rows = [f"{question}\t{place}\n" for question, place in PAIRS]
    (directory / "wiki.txt").write_text("".join(lines) + "?WhMASK\n", encoding="utf-8")
    (directory / "birth_places_train.tsv").write_text("".join(rows[:8]), encoding="utf-8")
    (directory / "birth_dev.tsv").write_text("".join(rows[8:]), encoding="utf-8")
    return directory


@pytest.fixture(scope="module", params=MAKERS)
def course(request, directory, tmp_path_factory):
    """A model that the course's loop taught the training questions, its file, and the corpus as the course reads it."""
    torch.manual_seed(0)
    rows = CharCorruption((directory / "wiki.txt").read_text(encoding="utf-8"), BLOCK)
    questions = NameQuestions(rows, (directory / "birth_places_train.tsv").read_text(encoding="utf-8"))
    model = MAKERS[request.param](len(rows.vocabulary))
    for _ in train(model, questions, rows=8, rate=5e-3, final_tokens=10**7, steps=60):
        pass
    path = tmp_path_factory.mktemp(request.param) / "finetune.params"
    torch.save(model.state_dict(), path)
    return model, path, rows


@pytest.fixture(scope="module")
def imported(course, directory, tmp_path_factory):
    heads = HEADS if "blocks.0.attn.key.weight" in course[0].state_dict() else None
    return import_course(course[1], directory, tmp_path_factory.mktemp("imported") / "run", heads)


@torch.inference_mode()
def test_states_and_logits_are_the_courses(course, imported):
    model, _, rows = course
    tokens_BT = torch.randint(len(rows.vocabulary), (4, BLOCK - 1))
    theirs = model.eval()(tokens_BT)[0]
    torch.testing.assert_close(imported.model.head(imported.model(tokens_BT)), theirs, rtol=1e-5, atol=1e-5)


def test_answers_are_those_of_the_courses_evaluation(course, imported, directory):
    model, _, rows = course
    corpus = read_directory(directory)
    again = load(imported.path)
    for facts in (corpus.train, corpus.dev):
        asked = [fact.question for fact in facts]
        assert list(evaluate(again, facts).answers) == answers(model, rows, asked)
    assert evaluate(again, corpus.train).accuracy.correct.hits >= 6


def test_the_run_says_what_it_is(course, imported, directory):
    run = load(imported.path)
    model, path, rows = course
    assert run.config.recipe == "imported"
    assert run.config.model.heads == HEADS
    assert run.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert run.environment["imported"]["file"] == path.name
    assert run.environment["corpus"]["files"]["wiki.txt"]["part"] == "corpus"
    assert run.tokenizer.encode(["".join(rows.vocabulary[2:])]) == [[*range(2, len(rows.vocabulary))]]


def test_it_can_be_passed_on(course, imported, tmp_path):
    if imported.config.model.attention != "key_query_value":
        with pytest.raises(UserError, match="has dense_synthesizer attention"):
            export_hugging_face(imported, tmp_path / "hf")
        return
    export_hugging_face(imported, tmp_path / "hf")
    card = (tmp_path / "hf" / "README.md").read_text(encoding="utf-8")
    assert "imported from `finetune.params`" in card
    assert "seed 0" not in card


def test_heads_that_the_file_contradicts_are_refused(course, directory, tmp_path):
    if "pos_emb" in course[0].state_dict() and "blocks.0.attn.key.weight" in course[0].state_dict():
        pytest.skip("nothing in the file shows its heads")
    with pytest.raises(UserError, match=r"--heads 8: .*finetune.params has 4, by the width of its heads"):
        import_course(course[1], directory, tmp_path / "run", 8)


class Harmful:
    """What a pickle could do."""

    def __reduce__(self):
        return print, ("code of the file ran",)


def changed(state, case):
    """The weights with something wrong about them."""
    if case == "renamed":
        state["blocks.0.attn.keys.weight"] = state.pop("blocks.0.attn.key.weight")
    elif case == "cut":
        del state["blocks.1.ln2.weight"]
    elif case == "other characters":
        state["tok_emb.weight"], state["head.weight"] = torch.zeros(99, WIDTH), torch.zeros(99, WIDTH)
    elif case == "not numbers":
        state["ln_f.weight"] = state["ln_f.weight"] * torch.nan
    elif case == "no positions":
        del state["pos_emb"]
    elif case == "wrapped":
        return {"model": state}
    elif case == "harmful":
        return {"model": Harmful()}
    elif case == "a list":
        return [1, 2]
    return state


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("renamed", r"holds blocks.0.attn.keys.weight, which the assignment's model does not have"),
        ("cut", r"its tensors do not fit each other .*blocks.1.norm_2.weight"),
        (
            "other characters",
            r"has embeddings for 99 characters and .*wiki.txt makes \d+; it was pretrained on another",
        ),
        ("not numbers", r"ln_f.weight holds values that are not numbers"),
        ("no positions", r"holds no pos_emb, so not a model of the course's assignment"),
        ("wrapped", r"holds more than a model.state_dict\(\); save what it has under 'model' alone"),
        ("harmful", r"not weights alone, as torch.save"),
        ("a list", r"holds no model.state_dict\(\)"),
    ],
)
def test_other_files_are_refused(directory, tmp_path, case, sentence, capfd):
    rows = CharCorruption((directory / "wiki.txt").read_text(encoding="utf-8"), BLOCK)
    state = MAKERS["vanilla"](len(rows.vocabulary)).state_dict()
    torch.save(changed(collections.OrderedDict(state), case), tmp_path / "file.pt")
    with pytest.raises(UserError, match=sentence):
        import_course(tmp_path / "file.pt", directory, tmp_path / "run", HEADS)
    assert not (tmp_path / "run").exists()
    assert "code of the file ran" not in capfd.readouterr().out


def test_what_is_no_file_of_torch_is_refused(directory, tmp_path):
    (tmp_path / "text.pt").write_text(f"no weights{MASK}", encoding="utf-8")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps({"a": 1}))
    (tmp_path / "empty.pt").write_bytes(b"")
    for name in ("text.pt", "plain.pt", "empty.pt"):
        with pytest.raises(UserError, match=f"{name}: (not weights alone|holds no model)"):
            import_course(tmp_path / name, directory, tmp_path / "run")
    (tmp_path / "pointer.pt").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", encoding="utf-8")
    torch.save({"a": torch.zeros(999)}, tmp_path / "cut.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "cut.pt").read_bytes()[:2_000])
    for name, why in {"pointer.pt": "a pointer of Git LFS", "cut.pt": "cut off"}.items():
        with pytest.raises(UserError, match=f"{name}: {why}"):
            import_course(tmp_path / name, directory, tmp_path / "run")
    with pytest.raises(UserError, match=r"none.pt: no such file"):
        import_course(tmp_path / "none.pt", directory, tmp_path / "run")


def test_other_angles_are_refused(directory, tmp_path):
    rows = CharCorruption((directory / "wiki.txt").read_text(encoding="utf-8"), BLOCK)
    state = RotaryGPT(len(rows.vocabulary)).state_dict()
    for name in [name for name in state if name.endswith("rope_cache")]:
        state[name] = state[name].flip(-1)
    torch.save(state, tmp_path / "file.pt")
    with pytest.raises(UserError, match="turns its positions by other angles"):
        import_course(tmp_path / "file.pt", directory, tmp_path / "run")


def test_a_corpus_in_another_encoding_is_refused_in_a_sentence(directory, tmp_path):
    rows = CharCorruption((directory / "wiki.txt").read_text(encoding="utf-8"), BLOCK)
    torch.save(MAKERS["vanilla"](len(rows.vocabulary)).state_dict(), tmp_path / "file.pt")
    latin = shutil.copytree(directory, tmp_path / "latin")
    (latin / "wiki.txt").write_text((directory / "wiki.txt").read_text(encoding="utf-8"), encoding="latin-1")
    with pytest.raises(UserError, match=r"wiki.txt, line 4: .*UTF-8"):
        import_course(tmp_path / "file.pt", latin, tmp_path / "run", HEADS)
