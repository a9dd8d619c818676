"""A module's source with all that it needs of this package: one file that runs where the package is not installed.

So a task that is handed to another harness scores with the very functions that score here.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec

PACKAGE = __name__.split(".")[0]


@dataclass(kw_only=True)
class _Source:
    """What stands at the top of a module: its docstring, and by name what is defined and what is imported."""

    docstring: str
    definitions: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)  # text, and names in it
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)  # module and name there, "" for the module


@dataclass
class _Collected:
    """What has been found so far, in an order in which it can run."""

    definitions: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)  # of the definitions, the module
    seen: set[str] = field(default_factory=set)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)


def standalone(module: str) -> str:
    """The source of a module and of all top-level definitions of this package that it needs.

    Args:
        module: Its dotted name. What it imports of others need not be installed, since nothing is run.
    """
    collected, root = _Collected(), _read(module)
    for name in (*root.imports, *root.definitions):
        _collect(module, name, collected)
    clash = collected.imports.keys() & collected.definitions.keys()
    assert not clash, f"{module}: {clash} are both imported and defined"
    head = f'"""{root.docstring}"""\n\n' + "\n".join(_import_lines(collected.imports))
    text = "\n\n\n".join([head, *collected.definitions.values()]) + "\n"
    within = [origin for node in ast.walk(ast.parse(text)) for _, (origin, _) in _bound(node) if _is_ours(origin)]
    assert not within, f"{module} imports {within} inside a function"
    return text


def _collect(module: str, name: str, collected: _Collected) -> None:
    """Adds a name with all that it needs, what it needs first."""
    source = _read(module)
    if name in source.imports:
        origin, original = source.imports[name]
        if _is_ours(origin):
            assert original == name, f"{module}: {original} is imported under another name"
            _collect(origin, name, collected)
        else:
            known = collected.imports.setdefault(name, (origin, original))
            assert known == (origin, original), f"two imports of {name}"
    elif name in source.definitions:  # else of the language, or of a function
        home = collected.origins.setdefault(name, module)
        assert home == module, f"{name} is defined in {module} and in {home}"
        if name not in collected.seen:
            collected.seen.add(name)
            text, needs = source.definitions[name]
            for need in sorted(needs):
                _collect(module, need, collected)
            collected.definitions[name] = text


@cache
def _read(module: str) -> _Source:
    """A module, without running it."""
    spec = find_spec(module)
    text = spec.loader.get_source(module) if spec else None  # type: ignore[union-attr]
    assert text is not None, f"{module} has no source"
    tree, lines = ast.parse(text), text.split("\n")
    source = _Source(docstring=ast.get_docstring(tree, clean=False) or "")
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Expr) and names:  # what a constant means, below it
            for name in names:
                text, needs = source.definitions[name]
                source.definitions[name] = (text + "\n" + "\n".join(lines[node.lineno - 1 : node.end_lineno]), needs)
            continue
        names = list(_defined(node))
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        for name in names:
            needs = frozenset(one.id for one in ast.walk(node) if isinstance(one, ast.Name))
            source.definitions[name] = ("\n".join(lines[first - 1 : node.end_lineno]), needs)
        for name, origin in _bound(node):
            source.imports[name] = origin
    return source


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        assert len(targets) == 1, "one name a line at the top of a module that is exported"
        assert isinstance(targets[0], ast.Name), "one name a line at the top of a module that is exported"
        yield targets[0].id


def _bound(node: ast.AST) -> Iterator[tuple[str, tuple[str, str]]]:
    """The names that an import binds, with the module and the name there."""
    if isinstance(node, ast.Import):
        yield from ((alias.asname or alias.name, (alias.name, "")) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from ((alias.asname or alias.name, (node.module, alias.name)) for alias in node.names)


def _import_lines(imports: dict[str, tuple[str, str]]) -> Iterator[str]:
    """Modules first, then names of each module in a line."""
    named: dict[str, list[str]] = {}
    for name, (module, original) in sorted(imports.items()):
        if original:
            named.setdefault(module, []).append(name if name == original else f"{original} as {name}")
        else:
            yield f"import {module}" if name == module else f"import {module} as {name}"
    for module, names in sorted(named.items()):
        yield f"from {module} import {', '.join(names)}"


def _is_ours(module: str) -> bool:
    return module.split(".")[0] == PACKAGE
