"""Holds what functions are given and give back against their annotations, the shapes of arrays among them."""

from collections.abc import Callable
from typing import TypeVar

from beartype import beartype

F = TypeVar("F", bound=Callable)


def check(function: F) -> F:
    """The function, held against its annotations.

    One within another function is not: it is made anew at each call, and its checks would be, in a millisecond.
    """
    return function if "<locals>" in function.__qualname__ else beartype(function)
