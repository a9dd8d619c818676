"""The command line: one module a command, imported when its command is called, so that `--help` is quick."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

from closedbook.errors import UserError, nearest

COMMANDS = {
    "reproduce": "the main job: train every system, print the results table, write the report",
    "pretrain": "train a model on a corpus, by a recipe",
    "finetune": "teach a pretrained run (or a new model) the question form, by a recipe",
    "ablate": "a recipe with one ingredient changed at a time, on held-out training people",
    "compare": "attention classes on equal terms: recall, speed, memory, learned maps",
    "attribute": "where the knowledge comes from: recall with and without the person's line",
    "unknowns": "what finetuning on facts that the model does not know does to its answers",
    "capacity": "bits of knowledge about the built-in people that a model holds, per parameter",
    "study": "the open-book reader: how often it is right, and the cards it writes",
    "evaluate": "exact match of a run on a file of facts, with a 95 % interval",
    "predict": "one answer a line for a file of questions",
    "baseline": "always the most frequent training answer",
    "audit": "when to believe a model about your facts, and when not",
    "trace": "a look inside: where an answer comes from, what each part is needed for",
    "ask": "one question, or a prompt that loops",
    "attention": "the attention lab: claims on attention, derived and measured",
    "split": "hold training people out, to calibrate or to tune on",
    "people": "write the built-in people: a corpus and its facts",
    "recipes": "list the named recipes, or show one in full",
}


def usage() -> str:
    """What `closedbook --help` prints."""
    rows = "\n".join(f"  {name:<12}{summary}" for name, summary in COMMANDS.items())
    return (
        "usage: closedbook COMMAND ...\n\n"
        "Teach a small transformer your facts, close the book, and find out what it knows.\n\n"
        f"commands:\n{rows}\n\n"
        "  closedbook COMMAND --help says more; closedbook --version prints the version.\n"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit code: 0, 2 for bad input (one sentence on standard error), 130 for Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch loads: threads that spin starve beside others
    try:
        if not arguments or arguments[0] in ("-h", "--help"):
            print(usage(), end="")
            return 0
        if arguments[0] == "--version":
            print(f"closedbook {version('closedbook')}")
            return 0
        name = arguments[0]
        if name not in COMMANDS:
            hint = nearest(name, [*COMMANDS, "--help", "--version"])
            raise UserError(f"{name}: no such command{hint}; see closedbook --help.")
        import_module(f"closedbook.cli.{name}").run(arguments[1:])
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
