"""Recited evidence: a document's own words as the model goes on with them, beside the answer that it gave."""

from collections.abc import Sequence

from starlette.requests import Request

from closedbook.audit.replies import Reply
from closedbook.evaluation.knowledge import text_before
from closedbook.evaluation.language_model import LanguageModel
from closedbook.facts.records import Document
from closedbook.facts.scripts import occurrences
from closedbook.runs import Run
from closedbook.serve.schemas import Part, Recited
from closedbook.serve.served import Looking, Served

OF_DOCUMENTS = ("spans", "documents")  # what an objective reads that has a document's own words


def no_recital(model: LanguageModel, reply: Reply, subject: str) -> str | None:
    """Why the model is not asked to go on in a document's own words, None where it is."""
    if why := model.lacks("continuations"):
        return why
    if (
        isinstance(model, Run)
        and model.config.stage != "finetune"  # the stage before may have read documents
        and not any(one.reads in OF_DOCUMENTS for one in model.config.mixture)
    ):
        return "it studied questions, not documents"
    if reply.taught:
        return "it gives no answer to look for"
    return None if subject else "the question's subject is not known"


async def recite(
    request: Request,
    served: Served,
    asked: Sequence[tuple[str, str, Sequence[Document]]],
    seconds: float | None = None,
) -> list[Recited]:
    """What the model recites of each subject.

    Args:
        request: Whose it is.
        served: The model.
        asked: Subjects, the model's answer about each, and the documents that there are about it.
        seconds: After which it is given up, None for the usual.

    Raises:
        ProblemError: There is no room (429), or not in time (504), or the service is stopping (503).
    """
    if not asked:
        return []
    stands = [text_before(documents, answer) if answer else None for _, answer, documents in asked]
    before = [text if text and text.strip() else "" for text in stands]
    subjects = [subject for subject, _, _ in asked]

    def go_on(model: LanguageModel) -> list[str]:
        return [*model.continue_documents(subjects, before)]

    texts: list[str] = await served.result(request, Looking(), go_on, len(asked), seconds)
    return [
        Recited(
            after=f"{subject}. {words.strip()}" if words else subject,
            parts=marked(text, answer),
            in_document=bool(words),
        )
        for (subject, answer, _), words, text in zip(asked, before, texts, strict=True)
    ]


def marked(text: str, answer: str) -> list[Part]:
    """The text in parts, the answer marked wherever it stands as whole words."""
    parts, shown = list[Part](), 0
    for start, alone in occurrences(text, answer):
        if alone and start >= shown:
            end = start + len(answer)
            parts += [Part(text=text[shown:start], marked=False), Part(text=text[start:end], marked=True)]
            shown = end
    return [part for part in (*parts, Part(text=text[shown:], marked=False)) if part.text]
