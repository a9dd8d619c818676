"""Closed forms of the claims, derived with SymPy from inner products alone.

A vector is a dictionary from names of orthonormal basis vectors to coefficients; `other` stands for each of the keys
that are alike. Nothing here is typed in as a result: weights come from inner products and the definition of softmax.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import sympy as sp

M, n, beta, eps = sp.symbols("M n beta epsilon", positive=True)
Vector = Mapping[str, sp.Expr]


def inner(x: Vector, y: Vector) -> sp.Expr:
    """X . y in the orthonormal basis."""
    return sp.Add(*(x[name] * y[name] for name in x if name in y))


def softmax(scores: Sequence[tuple[sp.Expr, sp.Expr]]) -> list[sp.Expr]:
    """The weight of one key of every group, from (score, how many keys have it)."""
    total = sp.Add(*(count * sp.exp(score) for score, count in scores))
    return [sp.simplify(sp.exp(score) / total) for score, _ in scores]


def scaled(factor: sp.Expr, *vectors: Vector) -> dict[str, sp.Expr]:
    """Factor times the sum of the vectors."""
    names = {name for vector in vectors for name in vector}
    return {name: factor * sp.Add(*(vector.get(name, sp.Integer(0)) for vector in vectors)) for name in names}


def basis(name: str) -> dict[str, sp.Expr]:
    """A basis vector."""
    return {name: sp.Integer(1)}


def query_weights(query: Vector, key_a: Vector) -> dict[str, sp.Expr]:
    """Weights on a, on b and on each of the other n - 2 keys, for orthonormal keys but the given k_a."""
    groups = [
        (inner(query, key_a), sp.Integer(1)),
        (inner(query, basis("b")), sp.Integer(1)),
        (inner(query, basis("other")), n - 2),
    ]
    return dict(zip(("a", "b", "other"), softmax(groups), strict=True))


@cache
def average() -> dict[str, sp.Expr]:
    """Claim b: q = M (k_a + k_b)."""
    return query_weights(scaled(M, basis("a"), basis("b")), basis("a"))


@cache
def norm_perturbation() -> dict[str, sp.Expr]:
    """Claim c.ii: the same query, k_a = eps mu_a."""
    return query_weights(scaled(M, basis("a"), basis("b")), scaled(eps, basis("a")))


@cache
def one_target(target: str) -> dict[str, sp.Expr]:
    """Claim d.ii: a head with q = M mu_target, k_a = eps mu_a."""
    return query_weights(scaled(M, basis(target)), scaled(eps, basis("a")))


@cache
def logit(weight: sp.Expr) -> sp.Expr:
    """ln(w / (1 - w))."""
    return sp.expand_log(sp.log(sp.simplify(weight / (1 - weight))), force=True)


def where_logit_is(logit_of_eps: sp.Expr, value: sp.Expr) -> sp.Expr:
    """The eps at which a logit that is linear in eps has that value."""
    return (value - logit_of_eps.subs(eps, 0)) / logit_of_eps.diff(eps)


def combination(vector: Vector) -> sp.Expr:
    """A vector, given in the orthonormal basis u / beta, as a combination of the u."""
    terms = (value / beta * sp.Symbol(f"u_{name}") for name, value in sorted(vector.items()))
    return sp.factor(sp.together(sp.Add(*terms)))


def inputs() -> list[dict[str, sp.Expr]]:
    """x_1 = u_d + u_b, x_2 = u_a, x_3 = u_c + u_b, with norm(u) = beta, in the orthonormal basis u / beta."""
    return [scaled(beta, basis("d"), basis("b")), scaled(beta, basis("a")), scaled(beta, basis("c"), basis("b"))]


def outer(left: str, right: str, x: Vector) -> dict[str, sp.Expr]:
    """(u_left u_right' / beta^2) x."""
    return {left: x.get(right, sp.Integer(0))}


def self_attention(queries: Sequence[Vector], keys: Sequence[Vector], values: Sequence[Vector]) -> list[Vector]:
    """c_i for every query, as coefficients in the orthonormal basis u / beta."""
    results: list[Vector] = []
    for query in queries:
        row = softmax([(inner(query, key), sp.Integer(1)) for key in keys])
        names = {name for value in values for name in value}
        results.append(
            {
                name: sp.simplify(
                    sp.Add(*(w * value.get(name, sp.Integer(0)) for w, value in zip(row, values, strict=True)))
                )
                for name in names
            }
        )
    return results


@cache
def plain_self_attention(added: str | None = None) -> list[Vector]:
    """Claim e.i: K = Q = V = I, with u_added added to x_2."""
    tokens = inputs()
    if added:
        tokens[1] = scaled(sp.Integer(1), tokens[1], scaled(beta, basis(added)))
    return self_attention(tokens, tokens, tokens)


@cache
def constructed(printed: bool) -> list[Vector]:
    """Claim e.ii: V = (u_b u_b' - u_c u_c') / beta^2, K = I, and Q as derived, or as it is printed."""
    tokens = inputs()
    pairs = [("d", "d"), ("c", "c")] if printed else [("d", "a"), ("c", "d")]
    queries = [scaled(sp.Integer(1), *(outer(left, right, x) for left, right in pairs)) for x in tokens]
    values = [scaled(sp.Integer(1), outer("b", "b", x), scaled(sp.Integer(-1), outer("c", "c", x))) for x in tokens]
    return self_attention(queries, tokens, values)
