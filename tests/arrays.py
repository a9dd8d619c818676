"""Holds what functions are given and give back against their annotations, the shapes of arrays among them."""

import ast
from collections.abc import Callable

from beartype import beartype
from jaxtyping import install_import_hook
from jaxtyping._import_hook import JaxtypingTransformer


def held(function: Callable) -> Callable:
    """The function, held against its annotations."""
    return beartype(function)


def enforce(rooms: list[str]) -> None:
    """The functions of these packages, which are not imported yet, are held against their annotations.

    One within another function is not: it is made anew at each call, and its checks would be, in a millisecond.
    """
    visit = JaxtypingTransformer.visit_FunctionDef

    def outermost(self: JaxtypingTransformer, node: ast.FunctionDef) -> ast.FunctionDef:
        body, node.body = node.body, []
        visit(self, node)
        node.body = body
        return node

    JaxtypingTransformer.visit_FunctionDef = outermost
    install_import_hook(rooms, f"{held.__module__}.{held.__name__}")
