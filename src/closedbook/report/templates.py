"""The environment that the HTML pages are rendered in: escaped, strict, self-contained."""

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment(**filters: Callable[[Any], Any]) -> Environment:
    """Templates of this folder; what is not our own markup is escaped, and an unknown name is an error."""
    made = Environment(
        loader=PackageLoader("closedbook.report", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    made.filters.update(filters)
    return made
