"""The command line: one module a verb, imported when its verb is called, so that `--help` is quick."""

import contextlib
import itertools
import os
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType, ModuleType
from typing import NoReturn

from closedbook.errors import Stopped, UserError, nearest
from closedbook.torchrun import command, launched, speak
from closedbook.version import version_line
from closedbook.visible import in_a_sentence

GROUPS = {
    "Learn": {
        "reproduce": "the main job: train every system, print the results table, write the report",
        "train": "one run by a recipe, any field overridden; under torchrun on many devices",
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
GO_ON = ("train", "reproduce", "experiment")
"""Verbs that, stopped and started again, go on where they were."""
LEADING = ("train", "reproduce", "experiment", "data")
"""Verbs that read the words behind them themselves; the others declare `Options` and an `EXAMPLE`."""
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
    """Runs a verb; returns the exit code: 0, 2 for bad input (one sentence on standard error), 130 for Ctrl-C.

    For other signals that ask to stop it is 128 and their number, 143 for SIGTERM.
    """
    launch = launched()
    if launch is None or argv is not None:
        return _main(list(sys.argv[1:] if argv is None else argv))
    if launch.rank:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the first process shows what all do
    try:
        code = _main(sys.argv[1:])
    except Exception:
        traceback.print_exc()
        code = 1
    if code:  # the interpreter's own end would break a thread that still waits for word from another process
        sys.stdout.flush()
        os._exit(code)
    return code


def _main(arguments: Sequence[str]) -> int:
    try:
        with _stopping():
            _dispatch(arguments)
    except UserError as error:
        _complain(str(error))
        return 2
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # what no room foresaw, such as a path that is too long
        where = f"{error.filename}: " if error.filename else ""
        _complain(f"{where}{error.strerror or error}.")
        return 2
    except (KeyboardInterrupt, Stopped) as stop:
        speak(f"closedbook: stopped.{_how_to_go_on(arguments)}")
        return 128 + (stop.number if isinstance(stop, Stopped) else signal.SIGINT)
    return 0


@contextlib.contextmanager
def _stopping() -> Iterator[None]:
    """Turns signals that end a process into an exception, so that what is half written is cleared away."""
    usual = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == signal.SIG_DFL:
                usual[number] = signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in usual.items():
            if signal.getsignal(number) == _stop:  # else it is to stay ignored until the process has ended
                signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise Stopped(number)


def _how_to_go_on(arguments: Sequence[str]) -> str:
    """The command line that takes up what was stopped, for verbs that can."""
    if not arguments or arguments[0] not in GO_ON:
        return ""
    if (launch := launched()) is not None and launch.count > launch.local_count:
        return " The same torchrun command on every machine goes on from what was saved."
    as_module = Path(sys.argv[0]).name == "__main__.py"
    words = command(arguments) if as_module else ["closedbook", *arguments]
    out = next((value for name, value in itertools.pairwise(arguments) if name == "--out"), None)
    saved = out is None or Path(out).exists() or Path(f"{out}.partial").exists()
    how = "This goes on from what was saved" if saved else "Nothing was saved yet; this begins anew"
    return f" {how}: {shlex.join(words)}"


def _complain(sentence: str) -> None:
    speak(f"closedbook: {in_a_sentence(sentence)}")


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
    elif arguments[0] != "train" and (launch := launched()) is not None and launch.count > 1:
        raise UserError(
            f"{arguments[0]}: runs in one process; start it without torchrun, which is for one training in several "
            "(closedbook train)."
        )
    elif arguments[0] in LEADING:
        module_of(arguments[0]).run(arguments[1:])
    else:
        from closedbook.cli.options import parse

        module = module_of(arguments[0])
        module.run(parse(f"closedbook {arguments[0]}", module.Options, arguments[1:], example=module.EXAMPLE))


def module_of(verb: str) -> ModuleType:
    """Where a verb is; a keyword names no module."""
    return import_module(f"closedbook.cli.{verb}_" if verb == "import" else f"closedbook.cli.{verb}")
