"""Every verb on the toy, its help, and every kind of bad input."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from closedbook import cli, recipes
from closedbook.config import run_config
from closedbook.experiments.registry import EXPERIMENTS
from tests.cli.conftest import CITIES, COINS, NAMES, facts_about
from tests.toys import resealed

DATA_VERBS = ("describe", "split", "people", "baseline")
HELPS = [
    *([verb] for verb in cli.VERBS),
    *(["data", verb] for verb in DATA_VERBS),
    *(["experiment", name] for name in EXPERIMENTS),
]


def call(capsys, *arguments):
    """Exit code, standard output and standard error of a command."""
    capsys.readouterr()
    code = cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def refused(capsys, *arguments):
    """The one sentence that bad input gets."""
    code, _, error = call(capsys, *arguments)
    assert code == 2
    assert error.startswith("closedbook: ")
    assert error.count("\n") == 1
    return error


def test_help_lists_every_verb_by_its_group(capsys):
    _, text, _ = call(capsys, "--help")
    places = [text.index(word) for group, verbs in cli.GROUPS.items() for word in (f"\n{group}:\n", *verbs)]
    assert places == sorted(places)
    assert "example: closedbook reproduce" in text
    assert call(capsys)[1] == text


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_every_verb_has_help_with_an_example(words, capsys):
    try:
        code = cli.main([*words, "--help"])
    except SystemExit as left:
        code = left.code or 0
    assert code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: closedbook {' '.join(words)} ")
    assert f"example: closedbook {' '.join(words)}" in text


def test_help_imports_no_torch():
    code = (
        "import contextlib, sys\nfrom closedbook import cli\n"
        f"for words in {[[], *HELPS]!r}:\n"
        "    with contextlib.suppress(SystemExit):\n        cli.main([*words, '--help'])\n"
        "    if {'torch', 'matplotlib', 'scipy', 'sklearn', 'transformers'} & set(sys.modules):\n"
        "        sys.exit(' '.join(words))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_version(capsys):
    assert call(capsys, "--version")[1].startswith("closedbook 0.")


def test_recipes_are_listed_and_shown(capsys):
    _, listed, _ = call(capsys, "train", "--list")
    assert [line.split()[0] for line in listed.splitlines()] == list(recipes.RECIPES)
    _, shown, _ = call(capsys, "train", "faithful", "--show")
    assert "learning_rate: 0.006" in shown
    assert "already holds more" in shown


def test_what_is_shown_has_the_overridden_fields(capsys):
    for more in ((), ("--stage", "pretrain")):
        _, shown, _ = call(capsys, "train", "standard", "--show", *more, "--training.epochs", "77")
        assert shown.count("epochs: 77") == (1 if more else 3)
    assert "takes a whole number" in refused(capsys, "train", "standard", "--show", "--training.epochs", "few")


def test_evaluate_counts_by_relation_and_writes_answers(toy, capsys, tmp_path):
    arguments = ("evaluate", toy.run, "--facts", toy.corpus / "dev.tsv", "--candidates", toy.corpus / "train.tsv")
    code, out, _ = call(capsys, *arguments, "--out", tmp_path / "e.json")
    assert code == 0
    assert "key_query_value attention" in out
    assert "/12 = " in out
    assert out.count("/6 = ") == 4  # two relations, answered and ranked
    assert "ranking each relation's candidates of train.tsv: " in out
    assert f"capital, {len(CITIES)} candidates: " in out
    assert f"paid, {len(COINS)} candidates: " in out
    report = json.loads((tmp_path / "e.json").read_text(encoding="utf-8"))
    assert len(report["answers"]) == 12
    assert len(report["by_relation"]) == 2
    for row in report["ranking"]["answers"]:
        assert row["answer"] in {"capital": CITIES, "paid": COINS}[row["relation"]]
    assert "exists already" in refused(capsys, *arguments, "--out", tmp_path / "e.json")


def relations_in(capsys, tmp_path, *arguments):
    """The relations that `evaluate` counts by."""
    out = tmp_path / "relations.json"
    out.unlink(missing_ok=True)
    assert call(capsys, "evaluate", *arguments, "--out", out)[0] == 0
    return set(json.loads(out.read_text(encoding="utf-8"))["by_relation"])


def test_evaluate_counts_by_the_relations_of_the_training_corpus(toy, capsys, tmp_path):
    run = shutil.copytree(toy.run, tmp_path / "run")
    environment = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    for number, relation in enumerate(environment["corpus"]["relations"]):
        relation["name"] = f"relation-{number}"
    (run / "environment.json").write_text(json.dumps(environment), encoding="utf-8")
    resealed(run)
    one = tmp_path / "one.tsv"
    one.write_text("\t".join(facts_about(NAMES[:1])[1]) + "\n", encoding="utf-8")
    assert relations_in(capsys, tmp_path, run, "--facts", toy.corpus / "dev.tsv") == {"relation-0", "relation-1"}
    assert relations_in(capsys, tmp_path, run, "--facts", one) == {"relation-1"}
    mine = shutil.copytree(toy.corpus, tmp_path / "mine")
    (mine / "relations.toml").write_text('[[relation]]\nname = "money"\nforms = ["What is paid with in {}?"]\n')
    assert relations_in(capsys, tmp_path, run, "--facts", one, "--corpus", mine) == {"money"}


def test_a_store_is_built_added_to_and_described(toy, capsys, tmp_path):
    store, more = tmp_path / "store", tmp_path / "more"
    code, out, _ = call(capsys, "data", "build", toy.corpus, "--out", store, "--vocabulary-size", 300)
    assert code == 0
    assert "each training learns its own vocabulary there" in " ".join(out.split())
    more.mkdir()
    (more / "corpus.txt").write_text("Xanadu. Xanadu is a country whose capital is Xan.\n")
    assert "--append keeps the store's vocabulary" in refused(
        capsys, "data", "build", more, "--out", store, "--append", "--recipe", "open"
    )
    code, out, _ = call(capsys, "data", "build", more, "--out", store, "--append")
    assert code == 0
    documents = len((toy.corpus / "corpus.txt").read_text().splitlines())
    assert f"{documents + 1} documents" in out
    assert "each training learns" not in out
    assert f"{documents + 1} documents" in call(capsys, "data", "describe", store)[1]


def test_evaluate_says_what_was_trained_on(toy, capsys):
    code, out, _ = call(capsys, "evaluate", toy.run, "--facts", toy.corpus / "train.tsv")
    assert code == 0
    assert "36/36 = 100.0 %" in out
    assert "holds the questions that this run was trained on" in out


def test_evaluate_counts_the_training_questions_of_the_corpus_among_others(toy, capsys, tmp_path):
    facts = tmp_path / "f.tsv"
    taught = (toy.corpus / "train.tsv").read_text().splitlines()[:2]
    asked = (toy.corpus / "dev.tsv").read_text().splitlines()[:1]
    facts.write_text("".join(f"{line}\n" for line in [*taught, *asked]), encoding="utf-8")
    out = call(capsys, "evaluate", toy.run, "--facts", facts, "--corpus", toy.corpus)[1]
    assert "2 of its 3 questions are among the training questions of" in out
    assert "among the training" not in call(capsys, "evaluate", toy.run, "--facts", facts)[1]


def test_what_is_right_can_be_chosen(toy, capsys, tmp_path):
    facts = tmp_path / "f.tsv"
    question, answer = facts_about(NAMES[:1])[0]
    facts.write_text(f"{question}\tthe {answer.upper()}!\n", encoding="utf-8")
    assert "0/1 = 0.0 %" in call(capsys, "evaluate", toy.run, "--facts", facts)[1]
    assert "1/1 = 100.0 %" in call(capsys, "evaluate", toy.run, "--facts", facts, "--match", "normalised")[1]


def test_predict_writes_an_answer_a_line_and_over_nothing(toy, capsys, tmp_path):
    facts, out = toy.corpus / "train.tsv", tmp_path / "a.txt"
    assert call(capsys, "predict", toy.run, "--facts", facts, "--out", out)[0] == 0
    assert out.read_text(encoding="utf-8").splitlines() == [answer for _, answer in facts_about(NAMES[:18])]
    assert "exists already" in refused(capsys, "predict", toy.run, "--facts", facts, "--out", facts)
    assert "cannot be written" in refused(capsys, "predict", toy.run, "--facts", facts, "--out", out / "below")


def test_ask_answers_a_question(toy, capsys):
    question, answer = facts_about(NAMES[:1])[0]
    assert call(capsys, "ask", toy.run, question) == (0, f"{answer}\n", "")


@pytest.mark.parametrize("terminal", [False, True])
def test_ask_prompts_until_the_input_ends(toy, capsys, monkeypatch, terminal):
    (capital, city), (paid, coins) = facts_about(NAMES[:1])
    lines = iter([capital, "\u2047", *([] if terminal else ["  ", ""]), paid, *(["  ", capital] if terminal else [])])
    monkeypatch.setattr("sys.stdin.isatty", lambda: terminal)

    def read(prompt):
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", read)
    code, out, error = call(capsys, "ask", toy.run)
    assert (code, out) == (0, f"{city}\n{coins}\n")
    assert "reserved" in error


def test_fields_can_come_from_a_file_and_the_command_line_wins(toy, tiny, tmp_path, capsys):
    (tmp_path / "c.yaml").write_text("training:\n  epochs: 1\n  seed: 3\n  learning_rate: 1.0e-4\nmodel: {layers: 1}\n")
    changes = ["--training.seed", "4", "--mixture", "[{objective: question_answering}]", "--threads", "1"]
    arguments = ["train", "tiny", "--stage", "scratch", "--corpus", toy.corpus, "--out", tmp_path / "r"]
    assert call(capsys, *arguments, "--config", tmp_path / "c.yaml", *changes)[0] == 0
    config = run_config(json.loads((tmp_path / "r" / "config.json").read_text(encoding="utf-8")))
    assert (config.training.epochs, config.training.seed, config.training.learning_rate) == (1, 4, 1e-4)
    assert config.model.layers == 1
    assert [objective.name for objective in config.mixture] == ["question_answering"]


def test_a_stage_can_be_shown_changed_and_used(toy, tiny, tmp_path, capsys):
    shown = call(capsys, "train", "tiny", "--show", "--stage", "scratch")[1]
    (tmp_path / "c.yaml").write_text(shown.replace("layers: 2", "layers: 1"))
    arguments = ["train", "tiny", "--stage", "scratch", "--corpus", toy.corpus, "--config", tmp_path / "c.yaml"]
    assert call(capsys, *arguments, "--out", tmp_path / "r")[0] == 0
    assert '"layers": 1' in (tmp_path / "r" / "config.json").read_text(encoding="utf-8")


def test_a_run_can_be_finetuned(toy, tiny, tmp_path, capsys):
    begin, end = tmp_path / "begin", tmp_path / "end"
    code, out, _ = call(capsys, "train", "tiny", "--corpus", toy.corpus, "--out", begin)
    assert code == 0
    assert "48 of 48 answers stand in what training asks for" in out
    assert "about 10 seconds of training" in out
    code, out, _ = call(capsys, "train", "tiny", "--corpus", toy.corpus, "--start", begin, "--out", end)
    assert code == 0
    assert f"run: {end}" in out
    assert '"stage": "finetune"' in (end / "config.json").read_text(encoding="utf-8")


def test_a_training_whose_documents_reach_no_answer_is_warned_of(tiny, tmp_path, capsys):
    (tmp_path / "corpus.txt").write_text("Zinc. Zinc is a metal.\n", encoding="utf-8")
    (tmp_path / "train.tsv").write_text("Where is Ohio?\tAmerica\nWhere is Peru?\tIn the south\n", encoding="utf-8")
    (tmp_path / "dev.tsv").write_text("Where is Chad?\tAfrica\n", encoding="utf-8")
    arguments = ["train", "tiny", "--corpus", tmp_path, "--training.epochs", "1", "--threads", "1"]
    warning = "careful: no answer can be learned from the documents as they were read"
    code, out, _ = call(capsys, *arguments, "--out", tmp_path / "a")
    assert (code, warning in out) == (0, True)
    pairs = ["--mixture", "[{objective: question_answering}]"]
    for number, more in enumerate((pairs, ["--stage", "scratch"])):  # which learn from questions alone
        code, out, _ = call(capsys, *arguments, *more, "--out", tmp_path / str(number))
        assert (code, warning in out) == (0, False)


def test_data_describes_what_it_understood_and_writes_it_once(toy, tmp_path, capsys):
    for path in toy.corpus.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    code, out, _ = call(capsys, "data", "describe", tmp_path)
    assert code == 0
    assert "24 documents" in out
    assert "train.tsv was read as question<TAB>answer" in out
    assert "`What is the capital of {}?` 18 train, 6 dev" in out
    assert not (tmp_path / "relations.toml").exists()
    assert call(capsys, "data", "describe", tmp_path, "--write")[0] == 0
    assert "What is paid with in {}?" in (tmp_path / "relations.toml").read_text(encoding="utf-8")
    assert "exists already; correct it there" in refused(capsys, "data", "describe", tmp_path, "--write")
    assert call(capsys, "data", "describe", tmp_path)[0] == 0


def test_data_writes_the_built_in_corpus_and_splits_it(tmp_path, capsys):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert call(capsys, "data", "people", "--count", 60, "--out", whole)[0] == 0
    arguments = ("data", "split", "--corpus", whole)
    code, printed, _ = call(capsys, *arguments, "--held-out", 8, "--out", parts)
    assert code == 0
    assert "calibration.tsv" in printed
    before = (whole / "train.tsv").read_text(encoding="utf-8").splitlines()
    after = [(parts / f"{name}.tsv").read_text(encoding="utf-8").splitlines() for name in ("train", "calibration")]
    assert sorted(before) == sorted([*after[0], *after[1]])
    assert len(after[1]) == 8
    assert "exists already" in refused(capsys, *arguments, "--held-out", 8, "--out", parts)
    assert "--held-out 9,999 of 24 facts: both sides need one; a fifth is 4." in refused(
        capsys, *arguments, "--held-out", 9999, "--out", tmp_path / "other"
    )
    assert not (tmp_path / "other").exists()


def test_the_baseline_answers_by_relation(toy, capsys):
    facts = toy.corpus / "dev.tsv"
    code, out, _ = call(capsys, "data", "baseline", "--train", toy.corpus / "train.tsv", "--facts", facts)
    assert code == 0
    lines = out.splitlines()
    capitals = sum(answer == CITIES[0] for _, answer in facts_about(NAMES[18:]))
    assert len(lines) == 3
    assert f"{capitals}/6 = " in lines[1]


def test_the_baseline_knows_a_form_that_only_training_shows_often(capsys, tmp_path):
    train, facts = tmp_path / "train.tsv", tmp_path / "facts.tsv"
    rows = [(f"Who rules {name}?", "Ann") for name in NAMES[:9]] + [(f"What flows in {name}?", "Po") for name in NAMES]
    train.write_text("".join(f"{question}\t{answer}\n" for question, answer in rows), encoding="utf-8")
    facts.write_text("Who rules the old Zan?\tAnn\n", encoding="utf-8")
    assert "1/1 = " in call(capsys, "data", "baseline", "--train", train, "--facts", facts)[1]


def test_reproduce_writes_a_report(toy, tiny, tmp_path, capsys):
    out = tmp_path / "out"
    code, printed, _ = call(capsys, "reproduce", "--preset", "tiny", "--corpus", toy.corpus, "--out", out)
    assert code == 0
    assert "the assignment's" not in printed  # these are no data that it had
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["systems"][0]["name"] == "most_frequent"
    assert (out / "report.html").is_file()


def test_reproduce_refuses_an_output_of_something_else_before_a_word(toy, tiny, tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("mine")
    code, printed, error = call(capsys, "reproduce", "--preset", "tiny", "--corpus", toy.corpus, "--out", tmp_path)
    assert (code, printed) == (2, "")
    assert "does not hold an output of closedbook reproduce" in error


def test_a_directory_called_like_the_built_in_corpus_is_read_by_its_path(toy, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(toy.corpus, tmp_path / "people")
    evaluate = ("evaluate", toy.run, "--facts", toy.corpus / "dev.tsv", "--corpus")
    careful = "Careful: people is the built-in corpus, not the directory here; that is --corpus ./people."
    code, printed, _ = call(capsys, *evaluate, "people")
    assert (code, careful in printed) == (0, True)
    code, printed, _ = call(capsys, *evaluate, "./people")
    assert (code, careful in printed) == (0, False)


def test_an_experiment_takes_the_options_of_its_dataclass(capsys, tmp_path):
    arguments = ["--counts", "20", "--width", "16", "--layers", "1", "--exposures", "3", "--out", tmp_path / "out"]
    code, out, _ = call(capsys, "experiment", "capacity", *arguments)
    assert code == 0
    assert "bits a parameter after 3 exposures" in out
    assert (tmp_path / "out" / "report.json").is_file()


def test_the_reader_writes_cards(toy, capsys, tmp_path):
    arguments = ["--corpus", toy.corpus, "--folds", "2", "--reader.rounds", "1", "--out", tmp_path / "out"]
    code, out, _ = call(capsys, "experiment", "reader", *arguments)
    assert code == 0
    assert "open book, cross-validated" in out


def test_the_lab_shows_a_claim(capsys):
    from closedbook.attention_lab.claims import CLAIMS

    code, out, _ = call(capsys, "lab", "--claim", next(iter(CLAIMS)), "--draws", "1000")
    assert code == 0
    assert "verdict" in out
    assert "Nothing is written" not in out


def test_the_whole_lab_says_first_what_it_will_do_and_where_it_writes(capsys, monkeypatch, tmp_path):
    from closedbook.attention_lab import lab
    from closedbook.errors import UserError

    def stop(*rest, **more):
        raise UserError("so far")

    monkeypatch.setattr(lab, "run_lab", stop)
    assert "8 claims, and 2 tasks trained with every attention" in call(capsys, "lab")[1]
    assert "Nothing is written without --out DIR." in call(capsys, "lab")[1]
    assert f"All of it goes into {tmp_path / 'lab'}." in call(capsys, "lab", "--out", tmp_path / "lab")[1]


@pytest.mark.parametrize(
    "words",
    [
        ["train", "tiny", "--corpus", "nowhere"],
        ["data", "split", "--corpus", "nowhere"],
        ["data", "people"],
        ["predict", "nowhere", "--facts", "nowhere.tsv"],
        ["evaluate", "nowhere", "--facts", "nowhere.tsv"],
        ["trace", "nowhere", "Who?", "--corpus", "nowhere"],
        ["audit", "nowhere", "--facts", "nowhere.tsv"],
        ["lab"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_an_output_that_exists_is_refused_before_anything_is_read(tiny, words, capsys, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    assert "mine.txt: exists" in refused(capsys, *words, "--out", tmp_path / "mine.txt")
    assert (tmp_path / "mine.txt").read_text() == "mine"


TRAIN = ["train", "tiny", "--corpus", "CORPUS", "--out", "x"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["trian"], "trian: no such verb (did you mean 'train'?)"),
        (["--verison"], "--verison: no such verb (did you mean '--version'?)"),
        (["data", "describ"], "data describ: no such verb (did you mean 'describe'?)"),
        (["experiment", "compar"], "compar: no such experiment (did you mean 'compare'?)"),
        (["reproduce", "--precision", "fp8"], "--precision: cannot be 'fp8'; takes auto or fp32 or bf16"),
        (["reproduce", "--out", "x" * 300], "File name too long"),
        (["reproduce", "--preset", "bset"], "bset: no such preset (did you mean 'best'?)"),
        (["reproduce", "--seeds", "0"], "--seeds: cannot be '0'; takes at least 1."),
        (["reproduce", "--seeds", "many"], "--seeds: cannot be 'many'; takes a whole number."),
        (["reproduce", "--corpus", "nowhere"], "nowhere: no such directory"),
        (["reproduce", "--device", "cuda:99"], "--device cuda:99: no such device"),
        (["train", "--list", "--out", "x"], "--out: has no effect beside --list"),
        (["train", "--list", "--show"], "--show: has no effect beside --list"),
        (["train", "tiny", "--list"], "RECIPE: has no effect beside --list"),
        (["train", "--list", "--training.epochs", "2"], "--training.epochs: has no effect beside --list"),
        (["train", "tiny", "--show", "--strict"], "--strict: has no effect beside --show"),
        (["train", "tiny", "--show", "--config", "c.yaml"], "--config: has no effect beside --show"),
        (["train", "tiny", "--show", "--corpus", "CORPUS"], "--corpus: has no effect beside --show"),
        (["train", "tiny", "--show", "--teacher", "RUN"], "--teacher: has no effect beside --show"),
        (
            ["train", "distilled", "--corpus", "CORPUS", "--out", "x"],
            "the recipe distilled learns from a teacher: give",
        ),
        ([*TRAIN, "--teacher", "RUN"], "the recipe tiny learns from no teacher: leave it out (--teacher)."),
        (["train", "distilled", "--corpus", "CORPUS", "--out", "x", "--teacher", "nowhere"], "nowhere: no such run."),
        (["experiment", "ablate", "distilled", "--corpus", "CORPUS"], "distilled: learns from a teacher, which is not"),
        (["reproduce", "--preset", "distilled", "--corpus", "CORPUS"], "closedbook train distilled --teacher MODEL"),
        (["train"], "RECIPE must be given, one of default, "),
        (["train", "--out", "x"], "RECIPE must be given"),
        (["train", "faithfull"], "faithfull: no such recipe (did you mean 'faithful'?)"),
        (["train", "tiny", "--show", "--stage", "pretran"], "--stage: cannot be 'pretran'; takes pretrain or "),
        (["train", "tiny", "--out", "x"], "--corpus must be given"),
        (["train", "tiny", "--corpus", "CORPUS"], "--out must be given"),
        ([*TRAIN, "--ou", "x"], "--ou: no such option (did you mean '--out'?)"),
        ([*TRAIN, "--seed", "3"], "--seed: no such option (did you mean '--training.seed'?)"),
        ([*TRAIN, "more"], "more: one word too many"),
        ([*TRAIN, "--stage", "finetune"], "--stage finetune: finetune goes on from a --start"),
        ([*TRAIN, "--stage", "scratch", "--start", "RUN"], "--stage scratch: finetune goes on from a --start"),
        ([*TRAIN, "--start", "nowhere"], "nowhere: no such run."),
        (
            [*TRAIN, "--training.learning_rat", "1"],
            "--training.learning_rat: no such option (did you mean '--training.learning_rate'?)",
        ),
        (
            [*TRAIN, "--training.optimizer", "moun"],
            "--training.optimizer: cannot be 'moun'; takes adamw or muon (did you mean 'muon'?)",
        ),
        ([*TRAIN, "--training.epochs", "few"], "--training.epochs: cannot be 'few'; takes a whole number."),
        ([*TRAIN, "--training.optimizer", "muon"], "matrix_learning_rate must be given with optimizer muon."),
        ([*TRAIN, "--model.heads", "3"], "model.heads (3) must divide model.width (16)"),
        ([*TRAIN, "--mixture", "[{objective: cards}]"], "mixture.0.objective: cannot be"),
        ([*TRAIN, "--mixture", "[{"], "--mixture: not YAML"),
        ([*TRAIN, "--reader.rounds", "2"], "There is a reader, and no objective that studies cards"),
        ([*TRAIN, "--reader.rounds", "0"], "--reader.rounds: cannot be '0'; takes at least 1."),
        ([*TRAIN, "--config", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["data", "people", "--count", "5", "--out", "x"], "--count: cannot be '5'; takes at least 10."),
        (["data", "people", "--train", "0.9", "--out", "x"], "add up to more than 1"),
        (["data", "describe"], "DIRECTORY must be given"),
        (["data", "describe", "nowhere"], "nowhere: no such directory; DIRECTORY takes one that holds corpus.txt"),
        (["data", "describe", "CORPUS/dev.tsv"], "dev.tsv: a file; DIRECTORY takes one that holds corpus.txt"),
        (["reproduce", "--corpus", "CORPUS/dev.tsv"], "dev.tsv: a file, not a directory; a corpus is a directory with"),
        (["data", "split", "--corpus", "people", "--out", "x"], "people: no such directory; --corpus takes one that"),
        (
            ["data", "split", "--corpus", "CORPUS", "--out", "x"],
            "--held-out 400 of 36 facts: both sides need one",
        ),
        (["data", "split", "--corpus", "CORPUS", "--held-out", "0", "--out", "x"], "--held-out: cannot be '0'"),
        (["data", "baseline", "--train", "nowhere.tsv", "--facts", "f.tsv"], "nowhere.tsv: no such file."),
        (["evaluate", "nowhere", "--facts", "f.tsv"], "f.tsv: no such file."),
        (["evaluate", "nowhere", "--facts", "CORPUS/dev.tsv"], "nowhere: no such run."),
        (["evaluate", "RUN", "--facts", "CORPUS/dev.tsv", "--match", "exat"], "(did you mean 'exact'?)"),
        (["predict", "RUN", "--facts", "CORPUS/dev.tsv"], "--out must be given"),
        (["ask"], "MODEL must be given"),
        (["ask", "nowhere", "Q?"], "nowhere: no such run."),
        (["ask", "ensmble:runs", "Q?"], "ensmble:runs: no such run (did you mean 'ensemble'?)"),
        (["ask", "CORPUS", "Q?"], "mine: not a run; closedbook train writes one."),
        (["export", "ensemble:runs", "--to", "hf", "x"], "ensemble:runs: no such run; a run directory is needed here"),
        (["ask", "RUN", "What", "now?"], "now?: one word too many (what has spaces is quoted)"),
        (["ask", "nowhere", " "], "The question is empty."),
        (["ask", "hf:nowhere", "Q?"], "nowhere"),
        (["ask", "nowhere", "--threads", "0"], "--threads: cannot be '0'; takes at least 1."),
        (["ask", "nowhere", "--threads", "x"], "--threads: cannot be 'x'; takes a whole number."),
        (["ask", "RUN", "Q?", "--template", "{}"], "--template, --chat and --shots have no effect on a run"),
        (["ask", "RUN", "Q?", "--template", ""], "--template '': holds the question once"),
        (["evaluate", "RUN", "--facts", "CORPUS/dev.tsv", "--template", ""], "--template '': holds the question once"),
        (["lab", "--claim", "softmx"], "softmx: no such claim"),
        (["experiment", "ablate", "tiny", "--corpus", "CORPUS", "--variants", "AdamV"], "AdamV: no such variant"),
        (["experiment", "capacity", "--counts", "3"], "--counts: cannot be '3'; takes at least 10."),
        (["experiment", "capacity", "--width", "30"], "model.heads (4) must divide model.width (30)"),
        (["experiment", "reader", "--corpus", "CORPUS", "--folds", "-1"], "--folds: cannot be '-1'"),
        (["experiment", "reader", "--corpus", "CORPUS", "--reader.sure", "2"], "--reader.sure: cannot be '2'"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_bad_input_gets_one_sentence_and_leaves_nothing(tiny, toy, arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [word.replace("CORPUS", str(toy.corpus)).replace("RUN", str(toy.run)) for word in arguments]
    assert sentence in refused(capsys, *words)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"training:\n  epohs: 1\n", "training.epohs: no such setting (did you mean 'epochs'?)"),
        (b"training: 3\n", "training: cannot be 3; takes settings by name."),
        (b"training: {epochs: few}\n", "training.epochs: cannot be 'few'; takes a whole number."),
        (b"training: {epochs: true}\n", "training.epochs: cannot be True; takes a whole number."),
        (b"bogus: 3\n", "bogus: no such setting"),
        (b"mixture.repeats: 2\n", "mixture.repeats: cannot be set; mixture as it is given takes no settings by name."),
        (b"recipe.x: 1\n", "recipe.x: cannot be set; recipe as it is given takes no settings by name."),
        (
            b"training: 3\ntraining.epochs: 4\n",
            "training.epochs: cannot be set; training as it is given takes no settings by name.",
        ),
        (b"- 3\n", "has a value where settings by name belong"),
        (b"recipe: faithful\n", "c.yaml: is for recipe faithful, the command line says tiny."),
        (b"training: \xff\n", "c.yaml, line 1: not UTF-8"),
        (b"training: [\n", "c.yaml: not YAML"),
    ],
)
def test_a_malformed_file_of_settings_gets_a_sentence(tiny, toy, capsys, tmp_path, text, sentence):
    (tmp_path / "c.yaml").write_bytes(text)
    arguments = ["train", "tiny", "--corpus", toy.corpus, "--out", tmp_path / "x", "--config", tmp_path / "c.yaml"]
    assert sentence in refused(capsys, *arguments)
    assert os.listdir(tmp_path) == ["c.yaml"]


def test_bad_facts_are_named_with_their_line(toy, capsys, tmp_path):
    facts = tmp_path / "f.tsv"
    facts.write_text("What is the capital of Rome?\tRome\nWhere?\n")
    assert f"{facts}, line 2: no tab" in refused(capsys, "evaluate", toy.run, "--facts", facts)
    facts.write_text("What is the capital of Rome?\tRome\n" + "Where is it " * 40 + "?\tOslo\n")
    error = refused(capsys, "evaluate", toy.run, "--facts", facts)
    assert f"{facts}, question 2: " in error
    assert "longer than the model's 63" in error


def test_contradictions_are_refused_when_asked(toy, tiny, capsys, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("corpus.txt", "dev.tsv"):
        (mine / name).write_bytes((toy.corpus / name).read_bytes())
    (mine / "train.tsv").write_text("What is the capital of Aldonia?\tRome\nWhat is the capital of Aldonia?\tOslo\n")
    error = refused(capsys, "train", "tiny", "--corpus", mine, "--strict", "--out", tmp_path / "o")
    assert "different answers" in error
    assert "Rome, Oslo" in error
    assert not Path(tmp_path / "o").exists()
