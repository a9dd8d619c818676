"""Formulas in texts: an ASCII notation, read by SymPy, set as presentation MathML by its printer.

Texts hold formulas between backticks. The notation is SymPy's own (closed forms come as `str(expression)`) and a little
more: `M (k_a + k_b)` multiplies, `^` raises, `u'` is transposed, `...` stands for what is left out, and relations
(`=`, `<=`, `~`) stand between expressions.
"""

import html
import re
from tokenize import TokenError
from typing import Any
from xml.dom.minidom import Element

import sympy as sp
from sympy.parsing.sympy_parser import convert_xor, implicit_multiplication, parse_expr, standard_transformations
from sympy.printing.mathml import MathMLPresentationPrinter

FUNCTIONS = {"exp": "e", "ln": "ln", "log": "ln", "Phi": "Φ", "N": "N", "tanh": "tanh", "norm": "‖", "abs": "|"}
RELATIONS = {"=": "=", "<=": "≤", "~": "∼"}
_TRANSFORMATIONS = (*standard_transformations, implicit_multiplication, convert_xor)
_FORMULA = re.compile(r"`([^`]+)`")


def parse(formula: str) -> sp.Expr:
    """An expression of the notation, nothing of it simplified or put in another order.

    Raises:
        SyntaxError: It is not in the notation.
    """
    text = formula.replace("'", "**transposed").replace("...", "dots")
    names: dict[str, Any] = {name: sp.Symbol(name) for name in re.findall(r"[A-Za-z]\w*", text)}
    names |= {name: sp.Function(name) for name in FUNCTIONS} | {"sqrt": sp.sqrt}
    try:
        return parse_expr(text, local_dict=names, transformations=_TRANSFORMATIONS, evaluate=False)
    except TokenError as error:
        raise SyntaxError(f"{formula}: not a formula") from error


def mathml(formula: str, *, display: bool = False) -> str:
    """A `<math>` element of a formula: expressions, and relations between them; in full size for display."""
    printer = _Printer()
    parts = re.split(r" (=|<=|~) ", formula)
    body = "".join(
        f"<mo>{html.escape(RELATIONS[part])}</mo>" if part in RELATIONS else printer.doprint(parse(part))
        for part in parts
    )
    size = ' displaystyle="true"' if display else ""
    return f"<math{size}>{body}</math>"


def typeset(text: str) -> str:
    """A text as HTML, what stands between backticks as MathML and the rest escaped."""
    pieces = _FORMULA.split(text)
    return "".join(mathml(piece) if index % 2 else html.escape(piece) for index, piece in enumerate(pieces))


class _Printer(MathMLPresentationPrinter):
    """SymPy's printer, which keeps the order of products and sums and knows the functions of the notation."""

    def __init__(self) -> None:
        super().__init__({"order": "none"})

    def doprint(self, expr: sp.Expr) -> str:
        """The markup without named entities."""
        return self._print(expr).toxml().replace("&InvisibleTimes;", "&#8290;")

    def _element(self, tag: str, *children: Element | str) -> Element:
        element = self.dom.createElement(tag)
        for child in children:
            element.appendChild(self.dom.createTextNode(child) if isinstance(child, str) else child)
        return element

    def _enclosed(self, left: str, inside: Element, right: str) -> Element:
        fences = self._element("mo", left), self._element("mo", right)
        for fence, form in zip(fences, ("prefix", "postfix"), strict=True):
            fence.setAttribute("form", form)
        return self._element("mrow", fences[0], inside, fences[1])

    def _print_Symbol(self, sym: sp.Symbol, style: str = "plain") -> Element:  # noqa: N802 # the name that SymPy calls
        words = {"dots": self._element("mo", "⋯"), "transposed": self._element("mo", "⊤")}
        if sym.name in words:
            return words[sym.name]
        if sym.name.startswith("max_"):
            return self._element("munder", self._element("mo", "max"), self._element("mi", sym.name[4:]))
        return super()._print_Symbol(sym, style)

    def _print_Function(self, expr: sp.Expr) -> Element:  # noqa: N802 # the name that SymPy calls
        name, inside = expr.func.__name__, [self._print(argument) for argument in expr.args]
        if name == "exp":
            return self._element("msup", self._element("mi", "e"), inside[0])
        if name in ("norm", "abs"):
            return self._enclosed(FUNCTIONS[name], inside[0], FUNCTIONS[name])
        row = self._element("mrow", inside[0])
        for argument in inside[1:]:
            row.appendChild(self._element("mo", ","))
            row.appendChild(argument)
        return self._element("mrow", self._element("mi", FUNCTIONS[name]), self._enclosed("(", row, ")"))

    def _print_Add(self, expr: sp.Expr, order: str | None = None) -> Element:  # noqa: N802 # the name that SymPy calls
        row = self._element("mrow")
        for index, term in enumerate(_flat(expr, sp.Add)):
            negative, size = _sign(term)
            if index or negative:
                row.appendChild(self._element("mo", "−" if negative else "+"))
            row.appendChild(self._print(size))
        return row

    def _print_Mul(self, expr: sp.Expr) -> Element:  # noqa: N802 # the name that SymPy calls
        negative, size = _sign(expr)
        if negative:
            return self._element("mrow", self._element("mo", "−"), self._print(size))
        factors = _flat(size, sp.Mul)
        below = [factor for factor in factors if factor.is_Pow and factor.exp == -1]
        above = self._product([factor for factor in factors if factor not in below])
        if not below:
            return above
        return self._element("mfrac", above, self._product([factor.base for factor in below]))

    def _product(self, factors: list[sp.Expr]) -> Element:
        if len(factors) < 2:
            return self._print(factors[0] if factors else sp.Integer(1))
        row = self._element("mrow")
        for index, factor in enumerate(factors):
            if index:
                row.appendChild(self._element("mo", "&InvisibleTimes;"))
            printed = self._print(factor)
            row.appendChild(self._enclosed("(", printed, ")") if factor.is_Add else printed)
        return row


def _flat(expr: sp.Expr, kind: type[sp.Expr]) -> list[sp.Expr]:
    """The terms or factors, those of nested sums or products among them."""
    if not isinstance(expr, kind):
        return [expr]
    return [part for argument in expr.args for part in _flat(argument, kind)]


def _sign(term: sp.Expr) -> tuple[bool, sp.Expr]:
    """Whether a term is negative, and the term without its sign."""
    factors = _flat(term, sp.Mul)
    negative = sum(factor == -1 for factor in factors) % 2 == 1
    kept = [factor for factor in factors if factor not in (-1, 1)]
    return negative, sp.Mul(*kept, evaluate=False) if kept else sp.Integer(1)
