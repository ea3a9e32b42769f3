"""Names and literals in a syntax tree: the last part of a dotted name, the words it is made of, the number it is."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Mapping
from typing import Any

VALIDATION = re.compile(r"(val|valid|dev)(set|loader|iter|data|acc|loss|s)?|vali|holdout|validation\w*")
OPERATIONS: Mapping[type[ast.AST], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
}


def tail(node: ast.AST | None) -> str:
    """Return the last name of `a.b.c`, `a.b.c()` or `a.b.c[0]`: c."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Call):
        return tail(node.func)
    return tail(node.value) if isinstance(node, ast.Subscript) else ""


def key(node: ast.AST) -> str:
    """Return `a.b.c` of a name or an attribute of one, '' of anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = key(node.value)
        return base and f"{base}.{node.attr}"
    return ""


def tokens(name: str) -> list[str]:
    """Return the words of a name: batch_size, batchSize and BATCH_SIZE are batch and size."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def number(node: ast.AST | None) -> float | None:
    """Return the number that a literal or a sum, product or power of literals is, None of anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    try:
        if isinstance(node, ast.UnaryOp):
            value = number(node.operand)
            return None if value is None else float(OPERATIONS[type(node.op)](value))
        if isinstance(node, ast.BinOp):
            left, right = number(node.left), number(node.right)
            return None if left is None or right is None else float(OPERATIONS[type(node.op)](left, right))
    except (KeyError, ArithmeticError, TypeError):
        return None
    return None


def argument(call: ast.Call, *names: str, at: int | None = None) -> ast.expr | None:
    """Return the argument of one of these names or at this place, None if the call has none."""
    for keyword in call.keywords:
        if keyword.arg in names:
            return keyword.value
    if at is not None and at < len(call.args) and not any(isinstance(a, ast.Starred) for a in call.args[: at + 1]):
        return call.args[at]
    return None


def says_test(node: ast.AST | str) -> bool:
    """Whether a name, or the last part of one, says that it belongs to the test part."""
    words = tokens(node if isinstance(node, str) else tail(node))
    return any(word in {"test", "tst", "tests", "testing"} or word.startswith("test") for word in words)


def says_validation(name: str) -> bool:
    """Whether a name says validation."""
    return any(VALIDATION.fullmatch(word) for word in tokens(name))
