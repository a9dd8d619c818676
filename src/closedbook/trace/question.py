"""Every view of one question."""

from collections.abc import Sequence
from dataclasses import dataclass

from closedbook.evaluation.likelihood import halfway
from closedbook.facts.forms import possible_forms
from closedbook.facts.text import composed
from closedbook.runs import Run
from closedbook.trace.attribution import Attribution, attribute
from closedbook.trace.causal import CausalTrace, causal_trace
from closedbook.trace.lens import LogitLens, logit_lens
from closedbook.trace.neighbours import NearestNames, nearest_names
from closedbook.trace.patterns import Patterns, patterns
from closedbook.trace.prompts import TracedPrompt, trace_prompts


@dataclass(frozen=True, kw_only=True)
class QuestionTrace:
    """One question, looked at from all sides.

    Args:
        prompt: The question, its tokens and the answer.
        against: Another answer that the attribution compares with, None for none.
        lens: What the model would say after each layer.
        attribution: What adds to the answer's logit.
        causal: Which state brings the answer back.
        attention: Where each head looks.
        nearest: Other names by their likeness to the question's, None where there are none to compare or the question
            holds `{}`.
    """

    prompt: TracedPrompt
    against: str | None
    lens: LogitLens
    attribution: Attribution
    causal: CausalTrace
    attention: Patterns
    nearest: NearestNames | None


def trace_question(
    run: Run,
    question: str,
    subject: str,
    *,
    against: str | None = None,
    names: Sequence[str] = (),
    layer: int | None = None,
) -> QuestionTrace:
    """Looks at one question.

    Args:
        run: The model.
        question: Holds the subject.
        subject: The name.
        against: Another answer, to attribute the difference of the logits to.
        names: Others to compare the name with; perhaps none.
        layer: After which block; half-way if not given.

    Raises:
        UserError: The question cannot be asked, or the other answer is no other.
    """
    question, subject = composed(question, "question"), composed(subject, "subject")
    (prompt,) = trace_prompts(run, [question], [subject])
    forms = possible_forms(question, subject.strip())  # one: the question holds the subject once
    layer = halfway(run.model) if layer is None else layer
    return QuestionTrace(
        prompt=prompt,
        against=against,
        lens=logit_lens(run, prompt),
        attribution=attribute(run, prompt, against),
        causal=causal_trace(run, prompt),
        attention=patterns(run, prompt),
        nearest=nearest_names(run, forms[0], subject.strip(), names, layer) if names and forms else None,
    )
