"""`closedbook --print-completion SHELL`: a script that completes verbs, options, and the values that are known."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from closedbook.cli import GROUPS, module_of
from closedbook.cli.options import kinds, parser_of, summary
from closedbook.errors import UserError, nearest
from closedbook.presets import PRESETS, of_experiments
from closedbook.recipes import RECIPES

SHELLS = ("bash", "zsh", "fish")
KNOWN = {"recipe": (*RECIPES,), "preset": (*PRESETS, *of_experiments())}
"""Values of options that take a name."""
PATHS = ("corpus", "model", "teacher")
"""Options that take a path among other things."""


def script(arguments: Sequence[str]) -> str:
    """What a shell is to read.

    Raises:
        UserError: No shell is named, or one for which there is no script.
    """
    if len(arguments) != 1 or arguments[0] not in SHELLS:
        given = " ".join(["--print-completion", *arguments])
        raise UserError(
            f"{given}: takes one of {', '.join(SHELLS)}{nearest(arguments[-1] if arguments else '', SHELLS)}."
        )
    import shtab

    return shtab.complete(command_line(), shell=arguments[0])  # nosec B604


def command_line() -> argparse.ArgumentParser:
    """One parser for all verbs with all their options."""
    parser = argparse.ArgumentParser(prog="closedbook")
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("--print-completion", choices=SHELLS, help="print what completes words in that shell")
    verbs = parser.add_subparsers()
    for verb, about in (row for group in GROUPS.values() for row in group.items()):
        leaves = dict(_leaves(verb))
        if "" in leaves:
            _add(verbs, verb, about, *leaves[""])
            continue
        inner = verbs.add_parser(verb, help=about).add_subparsers()
        for name, (cls, groups) in leaves.items():
            _add(inner, name, summary(cls), cls, groups)
    return parser


def _leaves(verb: str) -> Iterator[tuple[str, tuple[type[Any], Mapping[str, Any]]]]:
    """The options of a verb, or of the words that follow it, with their groups of settings."""
    module = module_of(verb)
    if verb == "data":
        yield from ((name, (cls, {})) for name, (_, cls, _) in module.VERBS.items())
    elif verb == "experiment":
        yield from ((name, (experiment.options, {})) for name, experiment in module.EXPERIMENTS.items())
    elif verb == "reproduce":
        yield "", (module.REPRODUCE.options, {})
    else:
        yield "", (module.Options, getattr(module, "SETTINGS", {}))


def _add(verbs: Any, name: str, about: str, cls: type[Any], groups: Mapping[str, Any]) -> None:
    """A verb with what can be said of each argument's values."""
    import shtab

    made, hints = parser_of(name, cls, groups)
    parser = verbs.add_parser(name, help=about.replace("%", "%%"), parents=[made], add_help=False)
    for action, hint in zip(parser._actions[1:], hints, strict=True):
        kind = kinds(hint)[0]
        inner = kinds(get_args(kind)[0])[0] if get_origin(kind) is tuple else kind
        if action.dest in KNOWN:
            action.choices = KNOWN[action.dest]
        elif get_origin(inner) is Literal:
            action.choices = get_args(inner)
        elif inner is Path or action.dest in PATHS:
            action.complete = shtab.FILE
