"""The inquiry: what a model is audited on, how, and what asking it the facts gave."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from closedbook.audit.abstention import Abstention
from closedbook.audit.reliability import Signal
from closedbook.audit.signals import SAMPLES, Evidence
from closedbook.errors import UserError
from closedbook.evaluation.language_model import LanguageModel
from closedbook.facts.corpus import Corpus
from closedbook.facts.induction import induce, recognise
from closedbook.facts.records import Fact
from closedbook.facts.relations import Relation


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
        relations: What is asked, beside the corpus's own; what is missing is induced from the questions.
        wordings: Other wordings of the one relation that is asked, None for its own.
        reversed: The question for its subject, None for its own.
    """

    facts: Sequence[Fact]
    calibration: Sequence[Fact] = ()
    known: Sequence[Fact] = ()
    corpus: Corpus | None = None
    unseen: Sequence[Fact] = ()
    relations: tuple[Relation, ...] = ()
    wordings: tuple[str, ...] | None = None
    reversed: str | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How it is audited.

    Args:
        target: Share of given answers that are to be right.
        signal: The confidence that decides whether an answer is given; fixed before anything is measured.
        scorer: What is right, a name of `SCORERS`.
        samples: Answers sampled a question.
        names: Names to invent for each origin and method, 0 for none.
        seed: Of samples, names and resampling.
    """

    target: float = 0.9
    signal: Signal = "sequence_probability"
    scorer: str = "exact"
    samples: int = SAMPLES
    names: int = 20
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """A model that has been asked the facts: what further measurements start from."""

    model: LanguageModel
    material: Material  # with subjects and relations of all facts, see `recognised`
    settings: Settings
    relations: tuple[Relation, ...]  # of the audited facts
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


def recognised(material: Material) -> tuple[Material, tuple[Relation, ...]]:
    """The material with subjects and relations of all facts, and the relations of the audited ones.

    Raises:
        UserError: Other wordings are given for several relations.
    """
    corpus = material.corpus
    known = {relation.name: relation for relation in (*(corpus.relations if corpus else ()), *material.relations)}
    given = {name: {"name": name, "forms": relation.forms} for name, relation in known.items()}
    subjects = corpus.by_subject if corpus else {}
    others = material.known or [*(corpus.train if corpus else ()), *material.calibration]
    induced = induce(material.facts, material.calibration, others, subjects, given)
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


def independent(facts: Sequence[Fact], seed: int = 0) -> list[Fact]:
    """One fact of each subject, drawn at random: facts of one stand or fall together, so that they count once."""
    groups: dict[str, list[Fact]] = {}
    for fact in facts:
        groups.setdefault(subject_key(fact), []).append(fact)
    generator = np.random.default_rng(seed)
    return [group[int(generator.integers(len(group)))] for group in groups.values()]
