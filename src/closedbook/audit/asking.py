"""How a model from elsewhere is asked: the form that is best on facts which nothing else is measured on."""

import dataclasses
from collections.abc import Callable

from closedbook.audit.inquiry import Material
from closedbook.audit.settings import Settings
from closedbook.errors import UserError, counted
from closedbook.evaluation.language_model import LanguageModel
from closedbook.evaluation.scorers import find_scorer
from closedbook.evaluation.trial import EXAMPLES, TRIED, FormTrial, Spent, needed, possible_forms, spend, try_forms
from closedbook.evaluation.watch import Watch

TRIED_QUICKLY = 16


def asked_best(
    model: LanguageModel,
    material: Material,
    settings: Settings,
    watch: Watch,
    say: Callable[[str], None],
    *,
    measure: bool,
) -> tuple[LanguageModel, Material, tuple[FormTrial, ...]]:
    """The model in its form, the material without what was spent to find it, and what came of each form.

    Examples and facts to try forms on are calibration facts, or without any a part of the facts that is left out.

    Args:
        model: Any; a run of ours stays as it is.
        material: What it is audited on.
        settings: How.
        watch: Is told how far the trial is.
        say: Gets lines for the user.
        measure: Whether forms are compared, rather than the model's own taken.

    Raises:
        UserError: There are too few facts for the examples that are asked for.
    """
    if model.form is None:
        if settings.shots is not None:
            raise UserError("--shots has no effect on a run of ours, which has a prompt of its own.")
        return model, material, ()
    if not measure and not settings.shots:
        return model, material, ()
    if possible_forms(model, [*material.calibration, *material.facts][:EXAMPLES], settings.shots) == [model.form]:
        return model, material, ()  # as where a service tells it: nothing is spent on what is asked so anyway
    shots = EXAMPLES if settings.shots is None else settings.shots
    material, spent = _spare(material, settings, measure, shots)
    if measure and not spent.tried:
        least = needed(shots, TRIED)
        say(f"asked as {model.form.described()}: too few facts to spare some and compare forms, which takes {least}")
        return model, material, ()
    if not measure:
        examples = tuple((fact.question, fact.answers[0]) for fact in spent.examples)
        return model.asked_by(dataclasses.replace(model.form, examples=examples)), material, ()
    forms = possible_forms(model, spent.examples, settings.shots)
    left_out = "" if material.calibration else ", which are left out of the audit"
    say(f"trying {counted(len(forms), 'form')} of asking on {counted(len(spent.tried), 'fact')}{left_out}")
    watch.start("forms", float(len(forms) * len(spent.tried)))
    assert settings.match is not None
    scorer = find_scorer(settings.match, [*material.known, *material.calibration, *material.facts])
    model, trials = try_forms(model, forms, spent.tried, scorer)
    watch.stop()
    if too_long := len(forms) - len(trials):
        say(f"left out: {counted(too_long, 'form')} in which a question is too long for the model")
    return model, material, trials


def _spare(material: Material, settings: Settings, measure: bool, shots: int) -> tuple[Material, Spent]:
    """The material without what is spent on the form, and that.

    Raises:
        UserError: There are too few facts for the examples that are asked for.
    """
    tried = 0 if not measure else TRIED_QUICKLY if settings.depth == "quick" else TRIED
    part = "calibration" if material.calibration else "facts"
    spent = spend(material.calibration or material.facts, settings.seed, examples=shots, tried=tried)
    if settings.shots and not spent.examples:
        there = counted(len(material.calibration or material.facts), "fact")
        raise UserError(
            f"--shots {shots}: takes {needed(shots, tried)} facts of the {part} or more; there are {there}."
        )
    if material.calibration:
        return dataclasses.replace(material, calibration=spent.left), spent
    return dataclasses.replace(material, facts=spent.left), spent
