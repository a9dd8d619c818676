"""The environment that HTML pages are rendered in: escaped, strict, self-contained."""

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from closedbook.errors import counted, interval, percent
from closedbook.report import numbers
from closedbook.visible import visible


def environment(package: str = "closedbook.report", /, **filters: Callable[..., Any]) -> Environment:
    """Templates of a package; what is not our own markup is escaped, and an unknown name is an error.

    Characters that steer a terminal or turn the direction of writing are spelled.

    What `numbers` has is there as filters, `counted`, and what is given beside it.
    """
    made = Environment(
        loader=PackageLoader(package, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=_shown,
    )
    made.filters.update({name: form for name, form in vars(numbers).items() if callable(form) and name[0].islower()})
    made.filters.update(filters, counted=counted, percent=percent, interval=interval)
    return made


def _shown(value: Any) -> Any:
    """What stands on the page for a value of a template."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
