"""The command line: one module a verb, imported when its verb is called, so that `--help` is quick."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from closedbook.errors import UserError, nearest
from closedbook.version import version_line

GROUPS = {
    "Learn": {
        "reproduce": "the main job: train every system, print the results table, write the report",
        "train": "one run by a recipe, of which any field can be overridden",
    },
    "Ask": {
        "ask": "one question, or a prompt that loops",
        "predict": "one answer a line for a file of questions",
        "evaluate": "how many answers to a file of facts are right, overall and by relation",
        "serve": "answers over HTTP, also as OpenAI's API has it",
    },
    "Understand": {
        "audit": "when to believe a model about your facts, and when not",
        "trace": "a look inside: where an answer comes from, what each part is needed for",
        "experiment": "several trainings that answer one question: compare, ablate, attribute, ...",
    },
    "Pass on": {
        "export": "a run as a model that others load: Hugging Face format, GGUF",
        "import": "a model of the course's assignment as a run",
    },
    "Material": {
        "runs": "the runs in a folder: list, filter, sort, compare; which are going on",
        "data": "describe a corpus, split it, write the built-in one",
        "lab": "the attention lab: claims on attention, derived and measured",
    },
}
VERBS = [verb for group in GROUPS.values() for verb in group]


def usage() -> str:
    """What `closedbook --help` prints."""
    groups = "\n\n".join(
        "\n".join([f"{title}:", *(f"  {verb:<12}{summary}" for verb, summary in verbs.items())])
        for title, verbs in GROUPS.items()
    )
    return (
        "usage: closedbook VERB ...\n\n"
        "Teach a small transformer your facts, close the book, and find out what it knows.\n\n"
        f"{groups}\n\n"
        "closedbook VERB --help says more; closedbook --version prints the version,\n"
        "closedbook --print-completion bash|zsh|fish what completes words in that shell.\n"
        "example: closedbook reproduce\n"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a verb; returns the exit code: 0, 2 for bad input (one sentence on standard error), 130 for Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        _dispatch(arguments)
    except UserError as error:
        print(f"closedbook: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # what no room foresaw, such as a path that is too long
        where = f"{error.filename}: " if error.filename else ""
        print(f"closedbook: {where}{error.strerror or error}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("closedbook: stopped.", file=sys.stderr)
        return 130
    return 0


def _dispatch(arguments: Sequence[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage(), end="")
    elif arguments[0] == "--version":
        print(version_line())
    elif arguments[0] == "--print-completion":
        from closedbook.cli.completion import script

        print(script(arguments[1:]))
    elif arguments[0] not in VERBS:
        hint = nearest(arguments[0], [*VERBS, "--help", "--version", "--print-completion"])
        raise UserError(f"{arguments[0]}: no such verb{hint}; see closedbook --help.")
    else:
        module = "import_" if arguments[0] == "import" else arguments[0]  # a keyword names no module
        import_module(f"closedbook.cli.{module}").run(arguments[1:])
