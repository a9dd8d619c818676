"""`closedbook trace`: a look inside a run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from closedbook.cli.shared import read_corpus_for
from closedbook.config.validation import POSITIONAL, Count, Natural, New
from closedbook.errors import UserError
from closedbook.experiments.options import OnMachine

if TYPE_CHECKING:
    from closedbook.facts.corpus import Corpus
    from closedbook.facts.records import Fact
    from closedbook.runs import Run
    from closedbook.trace.report import Report

COUNT = 100
EXAMPLE = "closedbook trace runs/mine 'What is the symbol of Tin?' --corpus mine --facts mine/dev.tsv --out runs/trace"


@dataclass(frozen=True, kw_only=True)
class Options(OnMachine):
    """A look inside: where an answer comes from, and what each head and MLP is needed for.

    Args:
        run: A run directory.
        question: What to ask.
        subject: The subject in the question, if it is not found.
        against: Another answer, to attribute the difference to.
        facts: Facts to average over.
        count: How many of the facts, the first of every relation in turn (default: 100).
        ablate: What takes the place of a part that is switched off (default: its mean).
        corpus: The built-in corpus, or a directory, whose subjects are compared with the question's.
        layer: After which block subjects are compared.
        out: A new directory for trace.html and the figures.
    """

    run: Annotated[str, POSITIONAL]
    question: Annotated[str | None, POSITIONAL] = None
    subject: str | None = None
    against: str | None = None
    facts: Path | None = None
    count: Count | None = None
    ablate: Literal["mean", "zero"] | None = None
    corpus: str | None = None
    layer: Natural | None = None
    out: New | None = None


def run(options: Options) -> None:
    """Prints where the answer to a question comes from, and over a file of facts what each part is needed for."""
    check(options)
    corpus = read_corpus_for(options.run, options.corpus) if options.corpus is not None else None
    device = options.open_device()
    from closedbook.audit.leaks import of_corpus
    from closedbook.report.console import say
    from closedbook.report.trace_console import say_trace
    from closedbook.report.trace_page import write_trace
    from closedbook.runs import load

    model = load(options.run, device)
    if other := of_corpus(model, corpus):
        say(f"Careful: {other}")
    report = _report(options, model, corpus, _facts(options, model, corpus))
    page = write_trace(options.out, report) if options.out is not None else None
    say_trace(report)
    if page:
        say(f"page: {page}")


def check(options: Options) -> None:
    """Refuses what has no effect.

    Raises:
        UserError: There is nothing to look at, or an option that belongs to something that is not given.
    """
    from closedbook.hub import is_foreign

    if is_foreign(options.run):
        raise UserError(
            f"{options.run}: trace looks into one run of ours; other models can be audited (closedbook audit)."
        )
    if options.question is None and options.facts is None:
        raise UserError("A question, --facts FILE or both must be given; see closedbook trace --help.")
    for needed, given, names in (
        ("a question", options.question, ("subject", "against", "layer")),
        ("--facts", options.facts, ("count", "ablate")),
        ("subjects to compare (--corpus or --facts)", options.corpus or options.facts, ("layer",)),
    ):
        for name in names:
            if given is None and getattr(options, name) is not None:
                raise UserError(f"--{name} has no effect without {needed}.")


def _facts(options: Options, run: "Run", corpus: "Corpus | None") -> "list[Fact]":
    """The facts to average over, with subjects and relations."""
    from closedbook.facts.readers import read_facts
    from closedbook.runs import recognised

    if options.facts is None:
        return []
    facts = in_turn(recognised(read_facts(options.facts), run, corpus), options.count or COUNT)
    for fact in facts:
        if not fact.subject:
            raise UserError(
                f"{options.facts}, line {fact.line}: the subject in the question is not known; "
                "--corpus DIR holds subjects."
            )
    return facts


def in_turn(facts: "Sequence[Fact]", count: int) -> "list[Fact]":
    """So many facts, the first of every relation, then the second, in the order of the file."""
    earlier: Counter[str] = Counter()
    turns = []
    for index, fact in enumerate(facts):
        turns.append((earlier[fact.relation], index))
        earlier[fact.relation] += 1
    return [facts[index] for index in sorted(index for _, index in sorted(turns)[:count])]


def _report(options: Options, run: "Run", corpus: "Corpus | None", facts: "Sequence[Fact]") -> "Report":
    from closedbook.api import subject_in
    from closedbook.report.console import say
    from closedbook.trace.averages import trace_facts
    from closedbook.trace.question import trace_question
    from closedbook.trace.report import report_on

    layers = run.config.model.layers
    if options.layer is not None and options.layer >= layers:
        raise UserError(f"--layer {options.layer}: the run has blocks 0 to {layers - 1}.")
    question = None
    if options.question is not None:
        question = trace_question(
            run,
            options.question,
            subject_in(options.question, run, corpus) if options.subject is None else options.subject,
            against=options.against,
            names=list(corpus.by_subject) if corpus else [fact.subject for fact in facts],
            layer=options.layer,
        )
    averages = None
    if facts:
        averages = trace_facts(run, facts, how=options.ablate or "mean", place=f"{options.facts}, fact", say=say)
    return report_on(run, question, averages)
