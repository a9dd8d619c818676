"""`closedbook evaluate`: how many answers to a file of facts are right."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from closedbook.cli.shared import WithProcesses, described, open_corpus_for
from closedbook.config.validation import New, Shots
from closedbook.errors import UserError, counted, percent

if TYPE_CHECKING:
    from closedbook.evaluation.evaluate import Evaluation
    from closedbook.evaluation.language_model import LanguageModel
    from closedbook.evaluation.scorers import Scorer
    from closedbook.facts.corpus import Corpus
    from closedbook.facts.records import Fact
    from closedbook.facts.stored import StoredCorpus

SCORED = {
    "exact": "is the same to the letter",
    "normalised": "is the same after normalisation",
    "contained": "stands in the response",
}
EXAMPLE = "closedbook evaluate runs/mine --facts mine/dev.tsv"


@dataclass(frozen=True, kw_only=True)
class Options(WithProcesses):
    """How many answers to a file of facts are right, overall and by relation, with 95 % intervals.

    Args:
        facts: Questions with accepted answers.
        corpus: The corpus whose relations the answers are counted by (default: what a run was trained on).
        match: What is right: the same to the letter, the same after normalisation, or an accepted answer that stands in
            the response (default: exact for runs, else contained).
        calibration: Facts on which the form that a model is asked in is chosen, and which its examples come from.
        shots: Examples before the question, of the calibration facts.
        candidates: Facts whose answers are ranked by their log-probability, those of the question's relation for each
            question, beside the free answers.
        out: A file for the figures and every answer (JSON, or where it is called .jsonl a log as Inspect reads it);
            must not exist.
    """

    facts: Path
    corpus: str | None = None
    match: Literal["exact", "normalised", "contained"] | None = None
    calibration: Path | None = None
    shots: Shots | None = None
    candidates: Path | None = None
    out: New | None = None


def run(options: Options) -> None:
    """Prints right answers, accuracy and interval; writes them with --out."""
    if options.shots is not None and options.calibration is None:
        raise UserError("--shots takes its examples from --calibration FILE; give that too.")
    from closedbook.facts.given import with_shared_answers
    from closedbook.facts.readers import read_facts
    from closedbook.report.console import say
    from closedbook.runs import recognised

    read = read_facts(options.facts)
    others = read_facts(options.candidates) if options.candidates else []
    spare = read_facts(options.calibration) if options.calibration else []
    corpus = open_corpus_for(options.model, options.corpus) if options.corpus else None
    with options.opened() as model:
        facts = recognised([*read, *others, *spare], model, corpus)
        asked, repeated = with_shared_answers(facts[: len(read)], str(options.facts))
        known = facts[len(read) : len(read) + len(others)]
        evaluation, figures = evaluated(options, model, asked, known, facts[len(read) + len(others) :])
        for warning in (*leaks(options, model, asked, corpus), *([repeated] if repeated else [])):
            say(f"Careful: {warning}")
    if options.out is not None:
        write(options.out, evaluation, figures)
        say(f"figures and answers: {options.out}")


def evaluated(
    options: Options, model: "LanguageModel", asked: "Sequence[Fact]", known: "Sequence[Fact]", spare: "Sequence[Fact]"
) -> "tuple[Evaluation, dict[str, Any]]":
    """Asks, and says what came of it; with candidates, of ranking them too.

    Args:
        options: How.
        model: Any.
        asked: What is asked.
        known: Facts whose answers are the candidates.
        spare: Facts on which the form is chosen.

    Raises:
        UserError: The model cannot rank, or a question or an answer cannot be spelled.
    """
    from closedbook.evaluation.evaluate import candidates_of, evaluate, rank
    from closedbook.evaluation.scorers import find_scorer, usual_match
    from closedbook.evaluation.trial import apart
    from closedbook.report.console import say, say_accuracies

    if options.candidates and (why := model.lacks("given_answers")):
        raise UserError(f"--candidates: {why}.")
    match = options.match or usual_match(model)
    scorer = find_scorer(match, [*asked, *known, *spare])
    if options.calibration or options.shots is not None:
        model = in_form(model, apart(spare, asked), scorer, options)
    evaluation = evaluate(model, asked, scorer, place=f"{options.facts}, question")
    if model.form is not None:
        say(f"asked as {model.form.described()}, right where an answer {SCORED[match]}")
    say_accuracies(described(model), evaluation.accuracy, evaluation.by_relation)
    if evaluation.silences:
        say("  it says " + ", ".join(f"{text!r} {count} times" for text, count in evaluation.silences.items()))
    if evaluation.cut_short:
        say(f"Careful: {counted(evaluation.cut_short, 'response')} cut off in the middle of an accepted answer.")
    figures = evaluation.to_json()
    if options.candidates is not None:
        candidates = candidates_of(asked, known)
        ranking = rank(model, evaluation, candidates)
        say_ranking(ranking, candidates, {fact.relation for fact in known}, options.candidates.name)
        figures["ranking"] = ranking.to_json()
    return evaluation, figures


def write(out: Path, evaluation: "Evaluation", figures: dict[str, Any]) -> None:
    """The figures and every answer, or where the file is called .jsonl a log as Inspect reads it."""
    from closedbook.files import write_json, write_lines
    from closedbook.interchange.inspect_log import inspect_log

    if out.suffix == ".jsonl":
        write_lines(out, inspect_log(evaluation))
    else:
        write_json(out, figures)


def in_form(model: "LanguageModel", spare: "Sequence[Fact]", scorer: "Scorer", options: Options) -> "LanguageModel":
    """The model in the form that is best on the calibration facts, or in its own with examples of these.

    Raises:
        UserError: The model is a run, or the facts are too few.
    """
    from closedbook.evaluation.trial import chosen_form
    from closedbook.report.console import say

    model, trials = chosen_form(model, spare, scorer, shots=options.shots, measure=options.form is None)
    for trial in trials:
        say(f"  {trial.name}: {trial.accuracy.correct.hits} of {trial.accuracy.correct.total}")
    return model


def say_ranking(ranking: "Evaluation", candidates: dict[str, list[str]], own: set[str], file: str) -> None:
    """How often the most probable candidate is right, and could be.

    Args:
        ranking: The chosen candidates.
        candidates: By relation.
        own: The relations that have candidates of their own.
        file: What the candidates stand in.
    """
    from closedbook.evaluation.spelling import normalise
    from closedbook.report.console import say, say_accuracies

    sizes = {name: counted(len(texts), "candidate") for name, texts in candidates.items()}
    which = next(iter(sizes.values())) if len(sizes) == 1 else "each relation's candidates"
    rows = {
        f"{name}, {sizes[name]}{'' if name in own else ' of other relations'}": accuracy
        for name, accuracy in ranking.by_relation.items()
    }
    say_accuracies(f"ranking {which} of {file}", ranking.accuracy, rows)
    spelled = {name: {normalise(text) for text in texts} for name, texts in candidates.items()}
    there = sum(
        score.correct or any(normalise(text) in spelled[fact.relation] for text in fact.answers)
        for fact, score in zip(ranking.facts, ranking.scores, strict=True)
    )
    if there < len(ranking):
        share = f", {percent(ranking.accuracy.correct.hits / there)} of these right" if there else ""
        say(f"  an accepted answer is among the candidates of {there:,} of {counted(len(ranking), 'question')}{share}")


def leaks(
    options: Options, model: "LanguageModel", asked: "Sequence[Fact]", corpus: "Corpus | StoredCorpus | None"
) -> Iterator[str]:
    """What could make the figures better than they are."""
    from closedbook.audit.leaks import of_teachers, trained_on
    from closedbook.facts.corpus import Corpus, sha256
    from closedbook.runs import runs_in

    part_of = trained_on(model)
    part = part_of.get(sha256(options.facts))
    if part == "train":
        yield f"{options.facts} holds the questions that this run was trained on."
    elif part != "dev" and isinstance(corpus, Corpus) and "train" in map(part_of.get, corpus.files.values()):
        taught = {fact.question for fact in corpus.train}
        if leaked := sum(fact.question in taught for fact in asked):
            are = f"{leaked:,} of its {counted(len(asked), 'question')} {'is' if leaked == 1 else 'are'}"
            yield f"{options.facts}: {are} among the training questions of {options.corpus}."
    if (teachers := of_teachers(model)) and part != "train":
        yield teachers
    both = max((len(run.environment["corpus"]["dev_questions_in_train"]) for run in runs_in(model)), default=0)
    if part == "dev" and both:
        occur = counted(both, "of these questions occurs", "of these questions occur")
        yield f"{occur} in the run's training questions too."
