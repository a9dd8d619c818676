"""`closedbook audit`: when to believe a model about your facts, and when not."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from closedbook.audit.settings import Settings
from closedbook.cli.options import as_base
from closedbook.cli.shared import WithProcesses, described, read_corpus_for
from closedbook.config import BUILT_IN
from closedbook.errors import UserError, counted
from closedbook.locks import locked
from closedbook.report.audit_files import JOURNAL, check_place, check_threshold_place

if TYPE_CHECKING:
    from closedbook.audit.inquiry import Material
    from closedbook.audit.report import AuditReport
    from closedbook.evaluation.journal import Journal
    from closedbook.evaluation.language_model import LanguageModel
    from closedbook.facts.corpus import Corpus
    from closedbook.facts.records import Fact

EXAMPLE = "closedbook audit runs/mine --facts mine/dev.tsv --corpus mine --out runs/audit"


@dataclass(frozen=True, kw_only=True)
class Options(WithProcesses, Settings):
    """Find out when to believe a model about your facts, and when not.

    Args:
        facts: Facts to report on, never trained on.
        corpus: What it was pretrained on: a directory with the training questions, the built-in corpus, or documents.
        calibration: Facts to choose the threshold on, never trained on; it is kept beside the model, for ask.
        candidates: Facts whose answers are the candidates (default: the training facts).
        unseen: Facts about subjects in no document, beside invented ones.
        wordings: A file of other wordings of the question, {} for the subject (default: the relation's).
        reversed: The question for the subject, {} for the answer (default: the relation's).
        out: The output directory; an earlier audit in it is replaced, whatever it was about.
    """

    facts: Path
    corpus: str | None = None
    calibration: Path | None = None
    candidates: Path | None = None
    unseen: Path | None = None
    wordings: Path | None = None
    reversed: str | None = None
    out: Path = Path("runs/audit")

    @property
    def files(self) -> dict[str, Path]:
        """The files of facts, by what they are for."""
        names = ("facts", "calibration", "candidates", "unseen")
        return {name: path for name in names if (path := getattr(self, name)) is not None}


def run(options: Options) -> None:
    """Audits a model, prints the verdict, writes `audit.json`, `answers.jsonl` and `audit.html`."""
    check(options)
    with locked(options.out):
        _audit(options)


def _audit(options: Options) -> None:
    material = read_material(options)
    from closedbook import machine
    from closedbook.audit.leaks import checked
    from closedbook.report.console import say

    with options.opened() as model:
        material, provenance = checked(model, material, options.files)
        say(described(model))
        for warning in provenance.warnings:
            say(f"Careful: {warning}")
        report = audited(options, model, material, provenance.sha256("calibration"))
    provenance = dataclasses.replace(
        provenance,
        corpus=options.corpus,
        machine=machine.describe(options.open_device())
        | {"peak_memory_bytes": machine.peak_memory(), "workers": options.workers, "address": options.address},
    )
    save_report(dataclasses.replace(report, provenance=provenance), options)


def audited(options: Options, model: "LanguageModel", material: "Material", calibration_sha256: str) -> "AuditReport":
    """What comes of asking, with a journal of what a model from elsewhere answers."""
    from closedbook.audit.audit import audit
    from closedbook.report.console import Counter, say

    with journaled(model, options.out / JOURNAL) as journal:
        return audit(
            model,
            material,
            as_base(Settings, options),
            measure_form=options.form is None,
            calibration_sha256=calibration_sha256,
            journal=journal,
            say=say,
            watch=Counter(),
        )


@contextmanager
def journaled(model: "LanguageModel", path: Path) -> "Iterator[Journal | None]":
    """Where the answers of a model from elsewhere are kept, None for a run of ours.

    Says what stands there at first, and where the audit is stopped, by Ctrl-C or by what cannot be asked.
    """
    from closedbook.evaluation.journal import Journal
    from closedbook.report.console import say

    journal = None if model.form is None else Journal(path, model.name, model.kind, model.fingerprint())
    if journal is not None and journal.kept:
        say(f"going on with {counted(journal.kept, 'answer')} of {path}")
    try:
        yield journal
    except (KeyboardInterrupt, UserError):
        if journal is not None and journal.kept:
            say(f"{counted(journal.kept, 'answer')} stand in {path}: the same command goes on with them")
        raise


def save_report(report: "AuditReport", options: Options) -> None:
    """Writes everything, the threshold beside the model, and says where."""
    from closedbook.audit.abstention import save
    from closedbook.hub import threshold_file, why_no_threshold
    from closedbook.report.audit_console import say_audit
    from closedbook.report.audit_files import write_audit
    from closedbook.report.console import say

    kept = threshold_file(options.model)
    instead = ", in place of an earlier one" if (options.out / "audit.html").is_file() else ""
    write_audit(options.out, report)
    say_audit(report)
    if report.abstention is not None and report.abstention.threshold is not None and kept is None:
        say(f"No threshold is kept, for {why_no_threshold(options.model)}; it stands in audit.json")
    if report.abstention is not None and report.abstention.threshold is not None and kept is not None:
        save(report.abstention, kept)
        say(f"threshold: {kept}")
    elif kept is not None and kept.is_file():
        try:
            options.threshold()
        except UserError as error:
            say(f"Careful: {error}")
        else:
            say(f"The threshold of an earlier audit stays in force: {kept}")
    say(f"audit: {options.out / 'audit.html'}{instead}")


def check(options: Options) -> None:
    """Refuses what would fail in the end.

    Raises:
        UserError: The output is something else, the threshold could not be saved, or `--reversed` holds no answer.
    """
    from closedbook.hub import threshold_file

    check_place(options.out)
    if options.calibration is not None:
        check_threshold_place(threshold_file(options.model))
    if options.reversed is not None and options.reversed.count("{}") != 1:
        raise UserError(f"--reversed {options.reversed!r}: holds the answer once, as {{}}.")


def read_material(options: Options) -> "Material":
    """All files, with what they hold."""
    from closedbook.audit.inquiry import Material
    from closedbook.facts.cloze import read_wordings
    from closedbook.facts.readers import read_facts_file

    files = {name: read_facts_file(path) for name, path in options.files.items()}
    facts = {name: list(file.facts) for name, file in files.items()}
    corpus = _corpus(options, [fact for part in facts.values() for fact in part]) if options.corpus else None
    calibration = facts.get("calibration", [])
    return Material(
        facts=facts["facts"],
        calibration=calibration,
        known=facts.get("candidates") or [*(corpus.train if corpus else ()), *calibration],
        corpus=corpus,
        unseen=facts.get("unseen", ()),
        templates=files["facts"].wordings,
        wordings=read_wordings(options.wordings) if options.wordings is not None else None,
        reversed=options.reversed,
    )


def _corpus(options: Options, facts: "Sequence[Fact]") -> "Corpus":
    """The built-in corpus, a corpus directory, or documents alone, about the subjects of the facts."""
    from closedbook.facts.corpus import FACTS, Corpus, file_names, sha256
    from closedbook.facts.documents import read_sources, windowed
    from closedbook.facts.records import asked_in
    from closedbook.facts.retitling import induced_from, lengthened, retitled

    assert options.corpus is not None
    path = Path(options.corpus)
    if options.corpus == BUILT_IN or any((path / name).is_file() for part in FACTS for name in file_names(part)):
        return read_corpus_for(options.model, options.corpus)
    sources = lengthened(read_sources(path, asked_in(facts)), [fact.question for fact in facts])
    named = [fact.subject for fact in induced_from(sources, facts).train]
    documents, _ = windowed(retitled(sources, named))
    return Corpus(name=path.name, documents=documents, train=(), dev=(), test=(), files={path.name: sha256(path)})
