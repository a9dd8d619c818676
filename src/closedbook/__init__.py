"""closedbook teaches a small transformer your facts, closes the book, and finds out what it knows."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from closedbook.api import ask, audit_model, evaluate, load, open_model, trace_answer, train
    from closedbook.audit.settings import Settings as AuditSettings
    from closedbook.errors import UserError
    from closedbook.facts.built_in import read_corpus
    from closedbook.facts.corpus import Corpus
    from closedbook.facts.records import Document, Fact
    from closedbook.runs import Run

# Before torch loads, which reads it once: threads that spin while they wait starve beside another busy program.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Likewise oneDNN: every size of a batch has kernels of its own, of which it keeps 1,024, about a MiB each.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")

_HOMES = {
    "AuditSettings": "audit.settings:Settings",
    "Corpus": "facts.corpus",
    "Document": "facts.records",
    "Fact": "facts.records",
    "Run": "runs",
    "UserError": "errors",
    "read_corpus": "facts.built_in",
}
"""Where a name comes from, `api` unless it is here."""
__all__ = [
    "AuditSettings",
    "Corpus",
    "Document",
    "Fact",
    "Run",
    "UserError",
    "ask",
    "audit_model",
    "evaluate",
    "load",
    "open_model",
    "read_corpus",
    "trace_answer",
    "train",
]


def __getattr__(name: str) -> Any:
    """Imports what is asked for, and torch only when that needs it."""
    if name in __all__:
        module, _, original = _HOMES.get(name, "api").partition(":")
        return getattr(import_module(f"closedbook.{module}"), original or name)
    if name == "__version__":
        from importlib.metadata import version  # takes as long as all the rest

        return version("closedbook")
    raise AttributeError(f"module 'closedbook' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
