"""The model card of an exported run: what it is, what it was taught, what it recalls where that was measured."""

import json
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, PackageLoader, StrictUndefined

from closedbook.config import InventedSubjects, RunConfig, StudyCards
from closedbook.errors import counted, percent
from closedbook.evaluation.evaluate import Evaluation
from closedbook.evaluation.metrics import Proportion
from closedbook.facts.corpus import sha256
from closedbook.facts.forms import SLOT
from closedbook.facts.silence import NO_SUBJECT, NOT_TOLD
from closedbook.facts.tokenizers import MASK, PAD
from closedbook.files import read_json
from closedbook.hub import THRESHOLD
from closedbook.hub.exportable import CLASSES, Architecture
from closedbook.report.numbers import shares
from closedbook.runs import Run


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is right of the facts of a relation, or of all."""

    name: str
    correct: Proportion


@dataclass(frozen=True, kw_only=True)
class Recall:
    """What was measured for the card.

    Args:
        file: The facts' file.
        sha256: Of it.
        part: Which part of the run's corpus it is, "" for none.
        rows: All facts, then by relation where there are several.
        wrong: Wrong answers.
        borrowed: Those of them that are right for another of the questions.
        repeated: Questions that are training questions as well.
    """

    file: str
    sha256: str
    part: str
    rows: tuple[Row, ...]
    wrong: int
    borrowed: int
    repeated: int


def recall_of(run: Run, evaluation: Evaluation, facts: Path) -> Recall:
    """What the card says of an evaluation of the run on a file of facts."""
    corpus, digest = run.environment["corpus"], sha256(facts)
    part = {held["sha256"]: held["part"] for held in corpus["files"].values()}.get(digest, "")
    rows = [Row(name="all", correct=evaluation.accuracy.correct)]
    if len(evaluation.by_relation) > 1:
        rows += [Row(name=name, correct=found.correct) for name, found in evaluation.by_relation.items()]
    accepted = {(fact.relation, answer) for fact in evaluation.facts for answer in fact.answers}
    wrong = [
        (fact.relation, answer)
        for fact, answer, score in zip(evaluation.facts, evaluation.answers, evaluation.scores, strict=True)
        if score.attempted and not score.correct
    ]
    return Recall(
        file=facts.name,
        sha256=digest,
        part=part,
        rows=tuple(rows),
        wrong=len(wrong),
        borrowed=sum(pair in accepted for pair in wrong),
        repeated=len(corpus["dev_questions_in_train"]) if part == "dev" else 0,
    )


def has_threshold(directory: Path) -> bool:
    """Whether a run says "I don't know" below a threshold; below one of 0 no answer is."""
    path = directory / THRESHOLD
    return path.exists() and read_json(path).get("threshold") != 0


def _silences(config: RunConfig) -> list[str]:
    """What the mixture teaches the model to say instead of an answer."""
    told = any(isinstance(one, StudyCards) and one.answers == "drawn_or_none" for one in config.mixture)
    invented = any(isinstance(one, InventedSubjects) for one in config.mixture)
    return [NOT_TOLD] * told + [NO_SUBJECT] * invented


def model_card(run: Run, architecture: Architecture, name: str, recall: Recall | None) -> str:
    """The text of `README.md`, with its front matter.

    Args:
        run: What is exported.
        architecture: As which.
        name: What the directory is called.
        recall: What was measured, None where nothing was.
    """
    data = run.environment["corpus"]
    forms = [form for relation in data["relations"] for form in relation["forms"]]
    made = Environment(  # nosec B701
        loader=PackageLoader("closedbook.hub", ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return made.get_template("model_card.md.j2").render(
        front=_front_matter(name, recall),
        name=name,
        class_name=CLASSES[architecture],
        environment=run.environment,
        config=run.config,
        model=run.config.model,
        parameters=run.parameters,
        vocabulary=run.tokenizer.vocabulary_size,
        context=run.model.context,
        pad=PAD,
        mask=MASK,
        quoted_name=_quoted(name),
        prompt=_quoted((forms[0].replace(SLOT, "...") if forms else "...") + MASK),
        data=data,
        recall=recall,
        threshold=has_threshold(run.path),
        most_new_tokens=run.most_new_tokens,
        finetuned=run.config.stage == "finetune",
        silences=" and ".join(f"`{silence}`" for silence in _silences(run.config)),
        counted=counted,
        percent=percent,
        shares=shares,
    )


def _quoted(text: str) -> str:
    """A text as Python is given it."""
    return json.dumps(text, ensure_ascii=False)


def _front_matter(name: str, recall: Recall | None) -> str:
    """What the hub of Hugging Face reads of a card, in YAML."""
    data = ModelCardData(
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=["closedbook", "closed-book-question-answering"],
    )
    if recall is not None and recall.rows[0].correct.value is not None:
        result = EvalResult(
            task_type="question-answering",
            task_name="closed-book question answering",
            dataset_type=recall.file,
            dataset_name=recall.file,
            dataset_revision=recall.sha256,
            metric_type="exact_match",
            metric_name="exact match, %",
            metric_value=round(100 * recall.rows[0].correct.value, 1),
        )
        data.model_name, data.eval_results = name, [result]
    text: str = data.to_yaml()
    return text
