"""What a model was trained on, held against what it is asked: what could make figures better than they are."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from closedbook.audit.inquiry import ELSEWHERE, Material, recognised, taught_among, taught_sentence
from closedbook.audit.report import Provenance
from closedbook.errors import UserError
from closedbook.evaluation.language_model import LanguageModel
from closedbook.facts.corpus import TEACHER, Corpus, sha256
from closedbook.facts.corpus import part_of as part_of_name
from closedbook.facts.given import with_shared_answers
from closedbook.runs import runs_in

if TYPE_CHECKING:
    from closedbook.facts.stored import StoredCorpus


def trained_on(model: LanguageModel) -> dict[str, str]:
    """Which part of its corpus (`train`, `dev`, ...) a run knows files as, by their SHA-256; nothing of others."""
    part_of = dict[str, str]()
    for corpus in _corpora(model):
        for file in corpus["files"].values():
            if part_of.get(file["sha256"]) != "train":  # what one of several was trained on, they were
                part_of[file["sha256"]] = file["part"]
    return part_of


def _corpora(model: LanguageModel) -> list[dict[str, Any]]:
    """What the runs that a model is made of keep of their corpora; a run in memory may keep nothing."""
    return [run.environment["corpus"] for run in runs_in(model) if "corpus" in run.environment]


def was_taught(model: LanguageModel, sha256: str | None) -> bool | None:
    """Whether a model was trained on a file, by its SHA-256; None where that is not known, or on some of it."""
    part = trained_on(model).get(sha256 or "")
    if part == "dev" and any(corpus["dev_questions_in_train"] for corpus in _corpora(model)):
        return None
    return {"train": True, "dev": False, "test": False}.get(part or "")


def of_corpus(model: LanguageModel, corpus: "Corpus | StoredCorpus | None") -> str | None:
    """What to say of a corpus that is not the one that a run was trained on, None of others."""
    part_of = trained_on(model)
    if corpus is None or not part_of:
        return None
    if part_of.keys().isdisjoint(corpus.files.values()):
        return "the run was not trained on this corpus."
    for name, digest in corpus.files.items():
        if part_of_name(name) == "corpus" and part_of.get(digest) != "corpus" and "corpus" in part_of.values():
            return f"{name} is not what the run was trained on."
    return None


def of_teachers(model: LanguageModel) -> str | None:
    """What to say of a run whose teacher was trained on questions that it was not, None of others."""
    files = [item for corpus in _corpora(model) for item in corpus["files"].items()]
    if any(name.startswith(f"{TEACHER}/") and file["part"] == "train" for name, file in files):
        return "its teacher was trained on other questions too; whether any of these is among them is not known."
    return None


def checked(model: LanguageModel, material: Material, files: Mapping[str, Path]) -> tuple[Material, Provenance]:
    """What to audit on, held against what the model was trained on.

    Args:
        model: The audited one.
        material: As it was read.
        files: Those of its facts that come from files, by what they are for.

    Returns:
        The material with what is known of it, and where it comes from, with what could make the figures better than
        they are.

    Raises:
        UserError: Calibration facts were trained on, so that nothing would be guaranteed.
    """
    hashes = {part: sha256(path) for part, path in files.items()}
    parts = {"facts": material.facts, "calibration": material.calibration}
    taught = {part: was_taught(model, hashes.get(part)) for part, facts in parts.items() if facts}
    names = {part: str(files.get(part, part)) for part in parts}
    facts, again = with_shared_answers(material.facts, names["facts"])
    material = replace(material, facts=facts, trained_on=taught.get("facts"))
    warnings = (*leaks(model, material, taught, names), *([again] if again else []))
    corpus_files = material.corpus.files if material.corpus else {}
    held = {part: (str(path), hashes[part]) for part, path in files.items()}
    return material, Provenance(files=held, corpus_files=corpus_files, warnings=warnings)


def leaks(
    model: LanguageModel, material: Material, taught: Mapping[str, bool | None], names: Mapping[str, str]
) -> Iterator[str]:
    """What could make the figures of an audit better than they are.

    Args:
        model: The audited one.
        material: What it is audited on.
        taught: Whether it was trained on the `facts` and the `calibration` facts, None where that is not known.
        names: What to call the two.

    Raises:
        UserError: Calibration facts were trained on, so that nothing would be guaranteed.
    """
    material, _ = recognised(material)
    corpus = material.corpus
    if other := of_corpus(model, corpus):
        yield other
    for part, facts in (("calibration", material.calibration), ("facts", material.facts)):
        all_of_it = taught_sentence(len(facts), len(facts)) if taught.get(part) else ""
        if leaked := all_of_it or taught_among(corpus, facts):
            if part == "calibration":
                raise UserError(f"{names[part]}: {leaked}; {ELSEWHERE}")
            yield f"{names[part]}: {leaked}."
    if teachers := of_teachers(model):
        yield teachers
    words = {"facts": "audited", "calibration": "calibration"}
    unchecked = [word for part, word in words.items() if part in taught and taught[part] is None]
    if not (corpus and corpus.train) and unchecked:
        yield (
            f"the training questions are not known (--corpus DIR holds them), so whether the {' or '.join(unchecked)} "
            "facts were among them was not checked."
        )
    if corpus is not None and (read := sum(bool(corpus.documents_of(fact)) for fact in material.unseen)):
        yield f"{read} of the --unseen subjects {'is' if read == 1 else 'are'} in the corpus."
    if not material.known:
        yield "without --candidates, --calibration or a corpus directory no other subject's answer is known."
