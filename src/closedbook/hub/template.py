"""How a question is put to a model that was trained elsewhere: the text around it.

A template is all that there is of it now; what else shapes a prompt (examples before the question, a chat format)
belongs here.
"""

from closedbook.errors import UserError
from closedbook.facts.forms import SLOT

TEMPLATE = "Question: {}\nAnswer:"


class Template:
    """A text with `{}` for the question.

    Args:
        text: As it is given; a backslash with an n behind it is a line break.

    Raises:
        UserError: It does not hold `{}` exactly once.
    """

    def __init__(self, text: str) -> None:
        if text.count(SLOT) != 1:
            raise UserError(f"--template {text!r}: holds the question once, as {SLOT}.")
        self.text = text.replace("\\n", "\n")

    def put(self, question: str) -> str:
        """The prompt."""
        return self.text.replace(SLOT, question)

    @property
    def before(self) -> str:
        """What stands before the question."""
        return self.text[: self.text.index(SLOT)]
