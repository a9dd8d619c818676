"""The form of a question: what stands around it when a model that was trained elsewhere is asked.

How one asks decides what one finds, so a form is a value: it is measured against others, kept with a threshold and
shown in reports. A run of ours has none, it was trained with a prompt of its own.
"""

from collections.abc import Iterator, Sequence

from closedbook.config.validation import configuration
from closedbook.errors import UserError, counted
from closedbook.facts.forms import SLOT

PLAIN = "Question: {}\nAnswer:"


@configuration
class Form:
    """Text around a question, and examples before it.

    Args:
        template: With `{}` once, for the question: a whole text, or where `chat` holds the user's turn.
        chat: Whether the model's own chat format goes around it.
        examples: Questions with their answers, asked and answered in the same way before.

    Raises:
        UserError: The template does not hold `{}` exactly once.
    """

    template: str = PLAIN
    chat: bool = False
    examples: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.template.count(SLOT) != 1:
            raise UserError(f"--template {self.template!r}: holds the question once, as {SLOT}.")

    def put(self, question: str) -> str:
        """The template with the question in it."""
        return self.template.replace(SLOT, question)

    def text(self, question: str) -> str:
        """The whole prompt of a form without chat: each example with its answer in a paragraph, then the question."""
        asked = [f"{self.put(example)}{self.gap}{answer}\n\n" for example, answer in self.examples]
        return "".join(asked) + self.put(question)

    def messages(self, question: str) -> list[dict[str, str]]:
        """The turns of a form with chat."""
        return [*self._turns(), {"role": "user", "content": self.put(question)}]

    def _turns(self) -> Iterator[dict[str, str]]:
        for example, answer in self.examples:
            yield {"role": "user", "content": self.put(example)}
            yield {"role": "assistant", "content": answer}

    @property
    def gap(self) -> str:
        """What stands between the prompt and the answer: a space, where the template does not end with one."""
        return "" if self.chat or self.template[-1:].isspace() else " "

    def described(self) -> str:
        """In a few words, for tables."""
        around = "chat" if self.chat else "plain"
        words = self.template.replace("\n", " ")
        examples = f", {counted(len(self.examples), 'example')}" if self.examples else ""
        return f"{around}: {words}{examples}"


def as_given(template: str | None, chat: bool | None, examples: Sequence[tuple[str, str]] = ()) -> Form | None:
    """The form that options ask for, None where they ask for none.

    Args:
        template: With `{}`; a backslash with an n behind it is a line break.
        chat: Whether the chat format goes around it; None for plain where a template is given.
        examples: To stand before the question.
    """
    if template is None and chat is None:
        return None
    text = template.replace("\\n", "\n") if template is not None else SLOT if chat else PLAIN
    return Form(template=text, chat=bool(chat), examples=tuple(examples))
