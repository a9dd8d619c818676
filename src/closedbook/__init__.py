"""closedbook teaches a small transformer your facts, closes the book, and finds out what it knows."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from closedbook.runs import Run, load

__all__ = ["Run", "load"]


def __getattr__(name: str) -> Any:
    """Imports torch only when something that needs it is asked for."""
    if name in __all__:
        from closedbook import runs

        return getattr(runs, name)
    if name == "__version__":
        return version("closedbook")
    raise AttributeError(f"module 'closedbook' has no attribute {name!r}")
