from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest

from closedbook.cli.options import from_yaml, parse_with_settings, summary
from closedbook.config import ModelConfig, ReaderConfig
from closedbook.config.validation import POSITIONAL, Count, OpenShare
from closedbook.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Base:
    """What every verb has.

    Args:
        threads: CPU threads, 100 % of them
            unless given.
    """

    threads: Count | None = None


@dataclass(frozen=True, kw_only=True)
class Toy(Base):
    """Bake a pie.

    Args:
        kind: Of pie.
        wish: What to bake it for.
        out: The oven.
        match: How.
        target: How much.
        always: Even so.
        layers: Names.
        filling: A word.
        reader: Who eats it.
    """

    kind: Annotated[str, POSITIONAL]
    wish: Annotated[str | None, POSITIONAL] = None
    out: Path
    match: Literal["exact", "normalised"] | None = None
    target: OpenShare = 0.9
    always: bool = False
    layers: tuple[str, ...] = ("top", "bottom")
    filling: str | None = None
    counts: tuple[Count, ...] = (1,)
    reader: ReaderConfig = ReaderConfig()  # noqa: RUF009  # frozen


def bake(*arguments, groups=None):
    return parse_with_settings("pie", Toy, arguments, example="pie apple --out oven", groups=groups or {})


def test_options_come_in_any_order_and_in_the_types_of_their_fields():
    options, settings = bake("--always", "apple", "--threads", "2", "a wish", "--out", "oven", "--counts", "3", "4")
    expected = Toy(kind="apple", wish="a wish", out=Path("oven"), threads=2, always=True, counts=(3, 4))
    assert (options, settings) == (expected, {})


def test_settings_of_a_field_and_of_a_group_are_given_by_dotted_names():
    options, settings = bake(
        *("apple", "--out", "o", "--reader.rounds", "3", "--reader.sure", "0.5"),
        *("--model.layers", "2", "--model.mlp_width", "null", "--model.tied_embeddings", "false"),
        groups={"model": ModelConfig},
    )
    assert options.reader == ReaderConfig(rounds=3, sure=0.5)
    assert settings == {"model.layers": 2, "model.mlp_width": None, "model.tied_embeddings": False}


def test_none_takes_a_setting_back_and_is_a_word_anywhere_else():
    options, settings = bake(
        *("apple", "--out", "null", "--filling", "none", "--model.mlp_width", "none"),
        groups={"model": ModelConfig},
    )
    assert (options.out, options.filling, settings) == (Path("null"), "none", {"model.mlp_width": None})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "KIND must be given; see pie --help."),
        (["apple"], "--out must be given; see pie --help."),
        (["apple", "--out"], "--out: expected one argument; see pie --help."),
        (["apple", "--ou", "x"], "--ou: no such option (did you mean '--out'?); see pie --help."),
        (["apple", "--outt=x"], "--outt: no such option (did you mean '--out'?); see pie --help."),
        (
            ["apple", "pear", "plum", "--out", "x"],
            "plum: one word too many (what has spaces is quoted); see pie --help.",
        ),
        (["apple", "--out", "x", "--threads", "0"], "--threads: cannot be '0'; takes at least 1."),
        (["apple", "--out", "x", "--threads", "few"], "--threads: cannot be 'few'; takes a whole number."),
        (["apple", "--out", "x", "--threads", "1.5"], "--threads: cannot be '1.5'; takes a whole number."),
        (["apple", "--out", "x", "--target", "1"], "--target: cannot be '1'; takes less than 1."),
        (["apple", "--out", "x", "--target", "nan"], "--target: cannot be 'nan'; takes a finite number."),
        (["apple", "--out", "x", "--target", "-1"], "--target: cannot be '-1'; takes more than 0."),
        (["apple", "--out", "x", "--counts", "1", "0"], "--counts: cannot be '0'; takes at least 1."),
        (["apple", "--out", "x", "--always=3"], "--always: ignored explicit argument '3'; see pie --help."),
        (
            ["apple", "--out", "x", "--match", "exat"],
            "--match: cannot be 'exat'; takes exact or normalised (did you mean 'exact'?).",
        ),
        (["apple", "--out", "x", "--reader.sure", "2"], "--reader.sure: cannot be '2'; takes at most 1."),
        (
            ["apple", "--out", "x", "--reader.round", "2"],
            "--reader.round: no such option (did you mean '--reader.rounds'?); see pie --help.",
        ),
    ],
)
def test_every_mistake_is_one_sentence(arguments, sentence):
    with pytest.raises(UserError) as refused:
        bake(*arguments)
    assert str(refused.value) == sentence


def test_help_says_what_the_docstrings_say(capsys):
    with pytest.raises(SystemExit) as left:
        bake("--help", groups={"model": ModelConfig})
    assert left.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: pie KIND [WISH] --out PATH [--match exact|normalised]")
    for words in (
        "Bake a pie.",
        "CPU threads, 100 % of them",
        "Names (default: top bottom)",
        "How much (default: 0.9)",
        "--reader.rounds N",
        "--model.layers N",
        "example: pie apple --out oven",
    ):
        assert words in " ".join(text.split())  # where lines break differs between Pythons
    assert "Number of blocks (default" not in text  # a group's defaults are not what the verb takes


def test_a_summary_is_the_first_paragraph():
    assert summary(Toy) == "Bake a pie."


@pytest.mark.parametrize("text", ["a: [", "a: !!python/object:os.system x"])
def test_what_is_not_yaml_is_refused(text):
    with pytest.raises(UserError, match=r"^f\.yaml: "):
        from_yaml(text, "f.yaml")


def test_yaml_comes_in_the_types_of_json():
    assert from_yaml("a: [1, 2.5, null]\nb: 2020-01-01", "f") == {"a": [1, 2.5, None], "b": "2020-01-01"}
