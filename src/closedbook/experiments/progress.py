"""How an experiment tells whoever watches about its trainings."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from closedbook.training.loop import Listener

ProgressFor = Callable[[str], AbstractContextManager[Listener]]
"""Makes a listener for a training of that title."""
