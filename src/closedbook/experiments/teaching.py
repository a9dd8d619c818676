"""A teacher for a training: what it answers joins the corpus, and what it was trained on is not forgotten."""

import dataclasses
from collections.abc import Callable

from closedbook.config import RunConfig
from closedbook.evaluation.language_model import LanguageModel
from closedbook.facts.corpus import TEACHER, Corpus, part_of
from closedbook.facts.stored import StoredCorpus
from closedbook.runs import runs_in
from closedbook.selfstudy.teacher import taught


def taught_for(
    config: RunConfig,
    corpus: Corpus | StoredCorpus,
    teacher: LanguageModel,
    announce: Callable[[str], None] = lambda line: None,
) -> Corpus:
    """The corpus with the teacher's cards; files that it was trained on stand among the corpus's, for they leak.

    Args:
        config: What the student is trained by.
        corpus: What it is to learn.
        teacher: Whom it learns from.
        announce: Gets lines about it, with a warning where the teacher knows what the student is asked.

    Raises:
        UserError: The configuration has no teacher, or as `taught`.
    """
    config.check_teacher(True)
    assert config.distillation is not None, "that is checked"
    files = _files(teacher)
    own = {part: {sha for name, sha in corpus.files.items() if part_of(name) == part} for part in ("train", "dev")}
    taught_on = {sha for name, sha in files.items() if part_of(name) == "train"}
    if own["dev"] & taught_on:
        announce("the teacher was trained on these dev questions: what is recalled of them will say nothing")
    elif taught_on - own["train"]:
        announce("the teacher was trained on other questions too: look that none that will be asked is among them")
    elif not taught_on:
        announce("what the teacher was trained on is not known: perhaps also on what will be asked")
    told = taught(corpus, teacher, config.distillation, announce)
    others = {name: sha for name, sha in files.items() if sha not in corpus.files.values()}
    return dataclasses.replace(told, files={**told.files, **others})


def _files(teacher: LanguageModel) -> dict[str, str]:
    """SHA-256 of what a teacher's runs were trained on, by a name that ends in the file's; nothing of other models."""
    found: dict[str, str] = {}
    for number, run in enumerate(runs_in(teacher)):
        for name, file in run.environment["corpus"]["files"].items():
            if file["sha256"] not in found.values():
                found[f"{TEACHER}/{number}/{name}"] = file["sha256"]
    return found
