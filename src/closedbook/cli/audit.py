"""`closedbook audit`: when to believe a model about your facts, and when not."""

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from closedbook.cli.options import parse
from closedbook.cli.shared import WithModel, read_corpus_for
from closedbook.config import BUILT_IN
from closedbook.config.validation import Count, Natural, OpenShare
from closedbook.errors import UserError

if TYPE_CHECKING:
    from closedbook.audit.audit import AuditReport, Material
    from closedbook.facts.corpus import Corpus
    from closedbook.facts.records import Fact

Signals = Literal["sequence_probability", "token_probability", "margin", "certainty", "sample_agreement"]


@dataclass(frozen=True, kw_only=True)
class Options(WithModel):
    """Find out when to believe a model about your facts, and when not.

    Args:
        facts: Facts to report on, never trained on.
        corpus: What it was pretrained on: a directory with the training questions, the built-in corpus, or documents.
        calibration: Facts to choose the threshold on, never trained on.
        candidates: Facts whose answers are the candidates (default: the training facts).
        unseen: Facts about subjects in no document, beside invented ones.
        target: Share of given answers that is to be right.
        signal: The confidence that the threshold is on.
        match: What is right: to the letter, or after normalisation (default: exact for runs, else normalised).
        wordings: A file of other wordings of the question, {} for the subject (default: the relation's).
        reversed: The question for the subject, {} for the answer (default: the relation's).
        samples: Answers sampled a question.
        names: Subjects to invent for each origin and method, 0 for none.
        seed: Of samples, invented subjects and resampling.
        out: The output directory; an earlier audit is replaced.
    """

    facts: Path
    corpus: str | None = None
    calibration: Path | None = None
    candidates: Path | None = None
    unseen: Path | None = None
    target: OpenShare = 0.9
    signal: Signals = "sequence_probability"
    match: Literal["exact", "normalised"] | None = None
    wordings: Path | None = None
    reversed: str | None = None
    samples: Count = 10
    names: Natural = 20
    seed: Natural = 0
    out: Path = Path("runs/audit")

    @property
    def files(self) -> dict[str, Path]:
        """The files of facts, by what they are for."""
        names = ("facts", "calibration", "candidates", "unseen")
        return {name: path for name in names if (path := getattr(self, name)) is not None}


def run(arguments: Sequence[str]) -> None:
    """Audits a model, prints the verdict, writes `audit.json`, `answers.jsonl` and `audit.html`."""
    example = "closedbook audit runs/mine --facts mine/dev.tsv --corpus mine --out runs/audit"
    options = parse("closedbook audit", Options, arguments, example=example)
    check(options)
    material = read_material(options)
    model = options.open()
    from closedbook import machine
    from closedbook.audit.audit import Provenance, Settings, audit
    from closedbook.facts.corpus import sha256
    from closedbook.hub import is_foreign
    from closedbook.report.console import say

    hashes = {name: sha256(path) for name, path in options.files.items()}
    warnings = leaks(options, material)
    for line in (f"{model.kind}, {model.parameters:,} parameters", *(f"Careful: {warning}" for warning in warnings)):
        say(line)
    settings = Settings(
        target=options.target,
        signal=options.signal,
        scorer=options.match or ("normalised" if is_foreign(options.model) else "exact"),
        samples=options.samples,
        names=options.names,
        seed=options.seed,
    )
    report = audit(model, material, settings, calibration_sha256=hashes.get("calibration", ""), say=say)
    provenance = Provenance(
        files={name: (str(path), hashes[name]) for name, path in options.files.items()},
        corpus=options.corpus,
        corpus_files=material.corpus.files if material.corpus else {},
        warnings=tuple(warnings),
        machine=machine.describe(options.open_device()) | {"peak_memory_bytes": machine.peak_memory()},
    )
    save_report(dataclasses.replace(report, provenance=provenance), options)


def save_report(report: "AuditReport", options: Options) -> None:
    """Writes everything, the threshold beside the model, and says where."""
    from closedbook.audit.abstention import FILE, save
    from closedbook.files import write_json, write_lines, write_text
    from closedbook.hub import model_directory
    from closedbook.report.audit_console import say_audit
    from closedbook.report.audit_page import audit_page
    from closedbook.report.console import say

    directory = model_directory(options.model)
    page = audit_page(report)
    write_lines(options.out / "answers.jsonl", report.answer_lines())
    write_text(options.out / "audit.html", page)
    write_json(options.out / "audit.json", report.to_json())
    say_audit(report)
    if report.abstention is not None and report.abstention.threshold is not None:
        say(f"threshold: {save(report.abstention, directory)}")
    elif (directory / FILE).is_file():
        say(f"The threshold of an earlier audit stays in force: {directory / FILE}")
    say(f"audit: {options.out / 'audit.html'}")


def check(options: Options) -> None:
    """Refuses what would fail in the end.

    Raises:
        UserError: The output is something else, the threshold could not be saved, or `--reversed` holds no answer.
    """
    from closedbook.hub import model_directory

    out, directory = options.out, model_directory(options.model)
    if out.exists() and not ((out / "answers.jsonl").is_file() or (out.is_dir() and not any(out.iterdir()))):
        raise UserError(f"{out}: exists and is not an audit of ours; choose another --out or remove it.")
    if options.calibration is not None and directory.is_dir() and not os.access(directory, os.W_OK):
        raise UserError(f"{directory}: cannot be written, so that the threshold could not be saved with the model.")
    if options.reversed is not None and options.reversed.count("{}") != 1:
        raise UserError(f"--reversed {options.reversed!r}: holds the answer once, as {{}}.")


def read_material(options: Options) -> "Material":
    """All files, with what they hold."""
    from closedbook.audit.audit import Material
    from closedbook.facts.cloze import read_wordings
    from closedbook.facts.readers import read_facts

    facts = {name: read_facts(path) for name, path in options.files.items()}
    corpus = _corpus(options, [fact for part in facts.values() for fact in part]) if options.corpus else None
    calibration = facts.get("calibration", [])
    return Material(
        facts=facts["facts"],
        calibration=calibration,
        known=facts.get("candidates") or [*(corpus.train if corpus else ()), *calibration],
        corpus=corpus,
        unseen=facts.get("unseen", ()),
        wordings=read_wordings(options.wordings) if options.wordings is not None else None,
        reversed=options.reversed,
    )


def _corpus(options: Options, facts: "Sequence[Fact]") -> "Corpus":
    """The built-in corpus, a corpus directory, or documents alone, about the subjects of the facts."""
    from closedbook.facts.corpus import FACTS, Corpus, file_names, sha256
    from closedbook.facts.documents import read_sources, retitled, windowed
    from closedbook.facts.induction import recognise

    assert options.corpus is not None
    path = Path(options.corpus)
    if options.corpus == BUILT_IN or any((path / name).is_file() for part in FACTS for name in file_names(part)):
        return read_corpus_for(options.model, options.corpus)
    sources = read_sources(path)
    named = [fact.subject for fact in recognise(facts, dict.fromkeys(source.subject for source in sources))]
    documents, _ = windowed(retitled(sources, named))
    return Corpus(name=path.name, documents=documents, train=(), dev=(), test=(), files={path.name: sha256(path)})


def leaks(options: Options, material: "Material") -> list[str]:
    """What could make the figures better than they are.

    Raises:
        UserError: Calibration facts were trained on, so that nothing would be guaranteed.
    """
    from closedbook.audit.audit import recognised, subject_key
    from closedbook.facts.corpus import sha256
    from closedbook.hub import is_foreign

    material, _ = recognised(material)
    corpus = material.corpus
    trained = {subject_key(fact) for fact in corpus.train} if corpus else set()
    hashes = {} if is_foreign(options.model) else _trained_on(options.model)
    warnings = []
    if corpus is not None and hashes and not set(corpus.files.values()) & set(hashes):
        warnings.append("the run was not trained on this corpus.")
    for path, facts in ((options.calibration, material.calibration), (options.facts, material.facts)):
        leaked = sum(subject_key(fact) in trained for fact in facts)
        if path is not None and (leaked or hashes.get(sha256(path)) == "train"):
            count = leaked or len(facts)
            sentence = f"{path}: {count} of its {len(facts)} questions are about subjects of the training questions"
            if path == options.calibration:
                raise UserError(f"{sentence}; calibrate on subjects that were not trained on (closedbook data split).")
            warnings.append(f"{sentence}.")
    if not trained:
        warnings.append(
            "the training questions are not known (--corpus DIR holds them), so whether the audited"
            + (" or calibration" if material.calibration else "")
            + " facts were among them was not checked."
        )
    if corpus is not None and (read := sum(bool(corpus.documents_of(fact)) for fact in material.unseen)):
        warnings.append(f"{read} of the --unseen subjects are in the corpus.")
    if not material.known:
        warnings.append("without --candidates, --calibration or a corpus directory no other subject's answer is known.")
    return warnings


def _trained_on(model: str) -> dict[str, str]:
    """Which part of its corpus a run knows the files of these SHA-256 as."""
    from closedbook.runs import read_json

    corpus = read_json(Path(model) / "environment.json")["corpus"]
    return {file["sha256"]: file["part"] for file in corpus["files"].values()}
