"""The environment that the HTML pages are rendered in: escaped, strict, self-contained."""

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from closedbook.errors import counted
from closedbook.report import numbers


def environment(**filters: Callable[..., Any]) -> Environment:
    """Templates of this folder; what is not our own markup is escaped, and an unknown name is an error.

    What `numbers` has is there as filters, `counted`, and what is given beside it.
    """
    made = Environment(
        loader=PackageLoader("closedbook.report", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    made.filters.update({name: form for name, form in vars(numbers).items() if callable(form) and name[0].islower()})
    made.filters.update(filters, counted=counted)
    return made
