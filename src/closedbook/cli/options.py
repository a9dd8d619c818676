"""What the commands share: a parser whose errors are sentences, and the options for machine and data."""

import re
from argparse import ArgumentError
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jsonargparse import ArgumentParser, Namespace

from closedbook.config import PeopleConfig
from closedbook.errors import UserError, nearest
from closedbook.facts.corpus import Corpus, read_directory
from closedbook.facts.people import people_corpus
from closedbook.recipes import Recipe

if TYPE_CHECKING:
    import torch


def make_parser(command: str, description: str) -> ArgumentParser:
    """A parser without abbreviations that raises instead of leaving."""
    return ArgumentParser(
        prog=f"closedbook {command}",
        description=description,
        exit_on_error=False,
        allow_abbrev=False,
        print_config=None,
    )


def parse(parser: ArgumentParser, arguments: Sequence[str]) -> Namespace:
    """Parsed and instantiated options.

    Raises:
        UserError: An option is unknown, missing or has a value that it does not take.
    """
    try:
        return parser.instantiate(parser.parse_args(list(arguments)))
    except ArgumentError as error:
        raise UserError(_sentence(str(error), parser)) from None
    except UnicodeDecodeError:
        raise UserError("The --config file cannot be read: it is not UTF-8.") from None
    except TypeError:  # what jsonargparse makes of `training: 3`
        raise UserError("The --config file has a value where settings by name belong.") from None


def _sentence(message: str, parser: ArgumentParser) -> str:
    text = " ".join(message.split())
    known = [option for option in parser._option_string_actions if option.startswith("--")]
    if found := re.search(r"[Uu]nrecognized arguments: (\S+)", text):
        option = found.group(1).split("=")[0]
        return f"{option}: no such option{nearest(option, known)}; see {parser.prog} --help."
    if found := re.search(r"[Gg]roup '(.+?)' does not accept option '(.+?)'", text):
        group, option = found.groups()
        full = f"--{group}.{option}"
        return f"{full[2:]}: no such setting{nearest(full, known)}."
    if found := re.search(r"the following arguments are required: (.+)", text):
        missing = ", ".join(_option(name, known) for name in re.split(r",\s*", found.group(1)))
        return f"{missing} must be given; see {parser.prog} --help."
    if found := re.search(r"Parser key \"(.+?)\": ?(.+)", text):
        key, rest = found.groups()
        value = next(iter(re.findall(r"(?:Got|Given) value: (\S*)", rest)[-1:]), "")
        if choices := re.findall(r"'(\w+)'", "".join(re.findall(r"Literal\[(.+?)\]", rest)[:1])):
            return f"{_option(key, known)} {value}: takes {' or '.join(choices)}{nearest(value, choices)}."
        kinds = {"int": "a whole number", "float": "a number", "tuple": "a list", "bool": "true or false"}
        if typed := [kinds[name] for name in re.findall(r"<class '(\w+)'>", rest) if name in kinds]:
            return f"{_option(key, known)} {value}: takes {typed[0]}."
        return f"{_option(key, known)}: {rest}"
    if found := re.search(r"[Kk]ey '(.+?)' is not expected|does not accept nested key '(.+?)'", text):
        key = found.group(1) or found.group(2)
        return f"{key}: no such setting{nearest('--' + key, known)}."
    return text if text.endswith(".") else text + "."


def _option(key: str, known: Sequence[str]) -> str:
    return f"--{key}" if f"--{key}" in known else key.upper()


def add_machine(parser: ArgumentParser) -> None:
    """--device and --threads."""
    parser.add_argument("--device", type=str, default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int | None, default=None, help="CPU threads (default: what torch takes)")


def add_precision(parser: ArgumentParser) -> None:
    """--precision, of the training."""
    choices = Literal["auto", "fp32", "bf16"] | None
    parser.add_argument("--precision", type=choices, default=None, help="of the training (default: the recipe's)")


def set_up_machine(options: Namespace) -> "torch.device":
    """Sets the threads and picks the device.

    Raises:
        UserError: The number of threads is not positive, or there is no such device.
    """
    import torch

    from closedbook.machine import pick_device

    if options.threads is not None:
        if options.threads < 1:
            raise UserError(f"--threads {options.threads}: takes a whole number from 1.")
        torch.set_num_threads(options.threads)
    return pick_device(options.device)


def add_corpus(parser: ArgumentParser, **settings: Any) -> None:
    """--corpus and --strict."""
    parser.add_argument(
        "--corpus", type=str, help="people (built in), or a directory with corpus.txt, train.tsv, dev.tsv", **settings
    )
    parser.add_argument(
        "--strict", action="store_true", help="refuse training questions that have two different answers"
    )


def read_corpus(name: str, recipe: Recipe, *, strict: bool) -> Corpus:
    """The corpus of that name: a directory, or the built-in people that the recipe is made for.

    Raises:
        UserError: The directory is missing or malformed.
    """
    return (
        people_corpus(recipe.people or PeopleConfig(), strict=strict)
        if name == "people"
        else read_directory(Path(name), strict=strict)
    )
