"""`closedbook audit`: when to believe a model about your facts, and when not."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jsonargparse import ArgumentParser, Namespace

from closedbook.cli.examinee import (
    MODEL_HELP,
    is_foreign,
    model_directory,
    open_examinee,
    weights_hash,
)
from closedbook.cli.options import add_machine, make_parser, parse, set_up_machine
from closedbook.errors import UserError
from closedbook.facts.corpus import Corpus, read_directory, sha256, with_subjects
from closedbook.facts.readers import read_corpus, read_facts
from closedbook.facts.records import Fact

if TYPE_CHECKING:
    from closedbook.audit.audit import Material, Settings

FACT_FILES = ("facts", "calibration", "candidates", "unseen")
Signals = Literal["sequence_probability", "token_probability", "margin", "certainty", "sample_agreement"]


def run(arguments: Sequence[str]) -> None:
    """Audits a model, prints the verdict, writes `audit.json`, `answers.jsonl` and `audit.html`."""
    options = parse(_parser(), arguments)
    settings = _settings(options)
    out = Path(options.out)
    if out.exists() and not ((out / "answers.jsonl").is_file() or (out.is_dir() and not any(out.iterdir()))):
        raise UserError(f"{out}: exists and is not an audit of ours; choose another --out or remove it.")
    directory = model_directory(options.model)
    if options.calibration is not None and directory.is_dir() and not os.access(directory, os.W_OK):
        raise UserError(f"{directory}: cannot be written, so that the threshold could not be saved with the model.")
    material = _material(options)
    device = set_up_machine(options)
    from closedbook import machine
    from closedbook.audit.abstention import FILE, save
    from closedbook.audit.audit import answer_lines, audit
    from closedbook.files import write_json, write_lines, write_text
    from closedbook.report.audit_console import say_audit
    from closedbook.report.console import say

    examinee = open_examinee(options.model, device, options.template)
    warnings = _leaks(options, material)
    files = {name: Path(path) for name in FACT_FILES if (path := options[name]) is not None}
    hashes = {name: sha256(path) for name, path in files.items()}
    say(f"{examinee.kind}, {examinee.parameters:,} parameters")
    for warning in warnings:
        say(f"Careful: {warning}")
    origin = {
        "template": examinee.template,
        "calibration_sha256": hashes.get("calibration", ""),
        "weights_sha256": weights_hash(options.model) if material.calibration else "",
    }
    found = audit(examinee, material, settings, origin=origin, say=say)
    report = found.report | {
        "data": {name: {"path": str(path), "sha256": hashes[name]} for name, path in files.items()},
        "corpus": {"path": options.corpus, "files": material.corpus.files} if material.corpus else None,
        "template": examinee.template,
        "warnings": warnings,
        "machine": machine.describe(device) | {"peak_memory_bytes": machine.peak_memory()},
    }
    from closedbook.report.audit_page import audit_page  # after the audit: matplotlib takes a second to import

    page = audit_page(report)
    write_lines(out / "answers.jsonl", answer_lines(material.facts, found.evidence))
    write_text(out / "audit.html", page)
    write_json(out / "audit.json", report)
    say_audit(report)
    if found.abstention is not None:
        say(f"threshold: {save(found.abstention, directory)}")
    elif (directory / FILE).is_file():
        say(f"The threshold of an earlier audit stays in force: {directory / FILE}")
    say(f"audit: {out / 'audit.html'}")


def _parser() -> ArgumentParser:
    parser = make_parser("audit", "Find out when to believe a model about your facts, and when not.")
    parser.add_argument("model", type=str, help=MODEL_HELP)
    parser.add_argument("--facts", type=str, required=True, help="facts to report on (TSV or JSONL), never trained on")
    parser.add_argument(
        "--corpus",
        type=str | None,
        default=None,
        help="what it was pretrained on: a file of one document a line, or a directory with train.tsv beside it",
    )
    parser.add_argument(
        "--calibration", type=str | None, default=None, help="facts to choose the threshold on, never trained on"
    )
    parser.add_argument(
        "--candidates",
        type=str | None,
        default=None,
        help="facts whose answers are the candidates (default: train)",
    )
    parser.add_argument(
        "--unseen",
        type=str | None,
        default=None,
        help="facts about people in no document, beside invented names",
    )
    parser.add_argument("--target", type=float, default=0.9, help="share of given answers that is to be right")
    parser.add_argument(
        "--signal", type=Signals, default="sequence_probability", help="the confidence that the threshold is on"
    )
    parser.add_argument(
        "--match",
        type=Literal["exact", "normalised"] | None,
        default=None,
        help="exact match, or after normalisation (default: exact for our runs, normalised for hf:)",
    )
    parser.add_argument("--wordings", type=str | None, default=None, help="a file of other wordings, {} for subjects")
    parser.add_argument("--reversed", type=str | None, default=None, help="the question for the subject, {} the answer")
    parser.add_argument("--samples", type=int, default=10, help="answers sampled a question")
    parser.add_argument("--names", type=int, default=20, help="names to invent for each origin and method, 0 for none")
    parser.add_argument("--seed", type=int, default=0, help="of samples, names and resampling")
    parser.add_argument(
        "--template",
        type=str | None,
        default=None,
        help="the prompt of an hf: model, with {} (default: 'Question: {}\\nAnswer:')",
    )
    parser.add_argument("--out", type=str, default="runs/audit", help="the output directory, an earlier audit replaced")
    add_machine(parser)
    return parser


def _settings(options: Namespace) -> "Settings":
    from closedbook.audit.audit import Settings

    if not 0 < options.target < 1:
        raise UserError(f"--target {options.target}: takes a share between 0 and 1.")
    if options.samples < 1:
        raise UserError(f"--samples {options.samples}: takes a whole number from 1.")
    if options.names < 0:
        raise UserError(f"--names {options.names}: takes a whole number from 0.")
    if options.reversed is not None and options.reversed.count("{}") != 1:
        raise UserError(f"--reversed {options.reversed!r}: holds the answer once, as {{}}.")
    return Settings(
        target=options.target,
        signal=options.signal,
        exact=options.match == "exact" or (options.match is None and not is_foreign(options.model)),
        samples=options.samples,
        names=options.names,
        seed=options.seed,
    )


def _corpus(name: str | None) -> Corpus | None:
    """A corpus directory, or a file of documents without facts; None without a name."""
    if name is None:
        return None
    path = Path(name)
    if path.is_dir():
        return read_directory(path)
    documents = tuple(read_corpus(path))
    return Corpus(name=path.name, documents=documents, train=(), dev=(), test=(), files={path.name: sha256(path)})


def _material(options: Namespace) -> "Material":
    from closedbook.audit.audit import Material
    from closedbook.facts.forms import read_forms, with_form_subjects

    corpus = _corpus(options.corpus)

    def facts(name: str) -> tuple[Fact, ...]:
        if options[name] is None:
            return ()
        found = tuple(read_facts(Path(options[name])))
        if corpus is not None and name != "unseen":  # a name of no document may hold a shorter one that is of some
            found = with_subjects(found, corpus.by_subject)
        return with_form_subjects(found)

    calibration, candidates = facts("calibration"), facts("candidates")
    return Material(
        facts=facts("facts"),
        calibration=calibration,
        known=[*candidates] or [*(corpus.train if corpus else ()), *calibration],
        corpus=corpus,
        people=facts("unseen"),
        wordings=read_forms(Path(options.wordings)) if options.wordings is not None else None,
        reversed_form=options.reversed,
    )


def _leaks(options: Namespace, material: "Material") -> list[str]:
    """What could make the figures better than they are.

    Raises:
        UserError: Calibration facts were trained on, so that nothing would be guaranteed.
    """
    from closedbook.audit.audit import person

    trained: dict[str, None] = {}
    warnings = []
    if material.corpus is not None:
        trained = dict.fromkeys(person(fact) for fact in material.corpus.train)
    hashes: dict[str, str] = {}
    if not is_foreign(options.model):
        from closedbook.runs import read_json

        files: dict[str, Any] = read_json(Path(options.model) / "environment.json")["corpus"]["files"]
        hashes = {file["sha256"]: file["part"] for file in files.values()}
        if material.corpus is not None and not set(material.corpus.files.values()) & set(hashes):
            warnings.append("the run was not trained on this corpus.")
    for name, facts in (("calibration", material.calibration), ("facts", material.facts)):
        path = options[name]
        leaked = sum(person(fact) in trained for fact in facts)
        if path is not None and (hashes.get(sha256(Path(path))) == "train" or leaked):
            count = leaked or len(facts)
            sentence = f"{path}: {count} of its {len(facts)} questions are about people of the training questions"
            if name == "calibration":
                raise UserError(f"{sentence}; calibrate on people that were not trained on (closedbook split).")
            warnings.append(f"{sentence}.")
    if not trained:
        warnings.append(
            "the training questions are not known (--corpus DIR holds them), so whether the audited"
            + (" or calibration" if material.calibration else "")
            + " facts were among them was not checked."
        )
    if material.corpus is not None and (
        read := sum(bool(material.corpus.documents_of(fact)) for fact in material.people)
    ):
        warnings.append(f"{read} of the --unseen people are in the corpus.")
    if not material.known:
        warnings.append("without --candidates, --calibration or a corpus directory nobody else's answers are known.")
    return warnings
