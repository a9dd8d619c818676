"""The inquiry: what a model is audited on, how, and what asking it the facts gave."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from closedbook.audit.abstention import Abstention
from closedbook.audit.depth import Plan
from closedbook.audit.settings import Settings
from closedbook.audit.signals import Evidence
from closedbook.errors import UserError, counted
from closedbook.evaluation.language_model import LanguageModel
from closedbook.facts.corpus import Corpus
from closedbook.facts.induction import induce, recognise, spelled
from closedbook.facts.records import Fact
from closedbook.facts.relations import Relation

ELSEWHERE = "calibrate on subjects that were not trained on (closedbook data split)."
"""What to do where calibration facts were trained on."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a model is audited on.

    Args:
        facts: To report on, never trained or tuned on; each with an answer.
        calibration: To choose the threshold on, never trained or tuned on either; may be empty.
        known: Facts whose answers are the candidates, and whose subjects are the seen ones; by default the corpus's
            training facts, and those to calibrate on.
        corpus: What it was pretrained on, None where that is not known.
        unseen: Facts about subjects that are in no document; may be empty.
        wordings: Other wordings of the one relation that is asked, None for its own.
        templates: Other wordings by relation, which the file of the facts gives.
        reversed: The question for its subject, None for its own.
        trained_on: Whether the facts are those that it was trained on, whatever the corpus says; None where that is
            not known.
    """

    facts: Sequence[Fact]
    calibration: Sequence[Fact] = ()
    known: Sequence[Fact] = ()
    corpus: Corpus | None = None
    unseen: Sequence[Fact] = ()
    wordings: tuple[str, ...] | None = None
    templates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reversed: str | None = None
    trained_on: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """A model that has been asked the facts: what further measurements start from."""

    model: LanguageModel
    material: Material  # with subjects and relations of all facts, see `recognised`
    settings: Settings
    relations: tuple[Relation, ...]  # of the audited facts
    plan: Plan  # how deep it goes
    evidence: Evidence  # what asking gave
    abstention: Abstention | None = None  # the threshold, None without calibration facts

    @property
    def seen(self) -> list[Fact]:
        """Facts about subjects that it has read about."""
        return [*self.material.known, *self.material.facts]

    @property
    def subjects(self) -> str:
        """What reports call several subjects."""
        words = {relation.subjects for relation in self.relations}
        return words.pop() if len(words) == 1 else "subjects"

    @cached_property
    def taught(self) -> np.ndarray | None:
        """Whether it was trained on each audited fact, None where the training questions are not known."""
        corpus, facts = self.material.corpus, self.material.facts
        if self.material.trained_on:
            return np.ones(len(facts), dtype=bool)
        if corpus is None or not corpus.train:
            return None if self.material.trained_on is None else np.zeros(len(facts), dtype=bool)
        trained = {(fact.relation, subject_key(fact)) for fact in corpus.train}
        return np.array([(fact.relation, subject_key(fact)) in trained for fact in facts], dtype=bool)

    @property
    def judged(self) -> np.ndarray:
        """The facts that a verdict is about: those that it was not taught, all where that is none or not known."""
        if self.taught is None or self.taught.all():
            return np.ones(len(self.material.facts), dtype=bool)
        return ~self.taught


def recognised(material: Material, learned: Sequence[Relation] = ()) -> tuple[Material, tuple[Relation, ...]]:
    """The material with subjects and relations of all facts, and the relations of the audited ones.

    Args:
        material: As it was read.
        learned: The relations that the model was trained on, which name those of a material without a corpus.

    Raises:
        UserError: Other wordings are given for several relations.
    """
    corpus = material.corpus
    known = {relation.name: relation for relation in (corpus.relations if corpus else learned)}
    given = {name: {"name": name, "forms": relation.forms} for name, relation in known.items()}
    others = material.known or [*(corpus.train if corpus else ()), *material.calibration]
    subjects = corpus.by_subject if corpus else {}
    induced = spelled(
        induce(material.facts, material.calibration, others, subjects, given, material.templates), subjects
    )
    asked = dict.fromkeys(fact.relation for fact in induced.train)
    relations = {relation.name: known.get(relation.name, relation) for relation in induced.relations}
    if material.wordings is not None or material.reversed is not None:
        if len(asked) > 1:
            raise UserError(
                f"The facts ask for {', '.join(asked)}: other wordings of several relations stand in relations.toml."
            )
        (only,) = asked
        relations[only] = dataclasses.replace(
            relations[only],
            wordings=relations[only].wordings if material.wordings is None else material.wordings,
            reversed=material.reversed or relations[only].reversed,
        )
    return (
        dataclasses.replace(
            material,
            facts=induced.train,
            calibration=induced.dev,
            known=induced.test,
            # a name of no document may hold a shorter one that is of some, so titles are not looked for in it
            unseen=recognise(material.unseen, {}, tuple(relations.values())) if material.unseen else (),
        ),
        tuple(relations[name] for name in asked),
    )


def subject_key(fact: Fact) -> str:
    """What a fact is about: its subject, or its question where that is not known."""
    return fact.subject or fact.question


def taught_among(corpus: Corpus | None, facts: Sequence[Fact]) -> str:
    """How many of some facts are about subjects of the training questions, "" where none is."""
    trained = {subject_key(fact) for fact in corpus.train} if corpus else set()
    return taught_sentence(sum(subject_key(fact) in trained for fact in facts), len(facts))


def taught_sentence(taught: int, facts: int) -> str:
    """That so many facts of some are about subjects of the training questions, "" where none is."""
    are = f"{taught} of its {counted(facts, 'question')} {'is' if taught == 1 else 'are'}"
    return f"{are} about subjects of the training questions" if taught else ""


def independent(facts: Sequence[Fact], seed: int = 0) -> list[Fact]:
    """One fact of each subject, drawn at random: facts of one stand or fall together, so that they count once."""
    groups: dict[str, list[Fact]] = {}
    for fact in facts:
        groups.setdefault(subject_key(fact), []).append(fact)
    generator = np.random.default_rng(seed)
    return [group[int(generator.integers(len(group)))] for group in groups.values()]
