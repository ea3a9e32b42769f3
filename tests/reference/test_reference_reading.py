"""The room is for reading: each line that makes an array ends with the array's shape."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import rekur.reference

FILES = sorted(Path(rekur.reference.__file__).parent.glob("*.py"))
SHAPE = re.compile(r"# .*(\(.*\)|as \w+|each)")
FREE = {"float", "int", "tuple", "list", "sorted", "check_shape"}  # calls whose value is no array


def makes_array(value: ast.expr) -> bool:
    """Say whether an expression is visibly array work: a matrix product, or a call of NumPy's."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in FREE:
        return value.func.id == "tuple" and any("np." in ast.unparse(a) for a in value.args)
    text = ast.unparse(value)
    return bool(re.search(r"\bnp\.(?!random|sqrt|uint|int|float|integer|bool)", text) or " @ " in text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_array_line_ends_with_its_shape(path):
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    bare = [
        f"{path.name}:{node.lineno}: {lines[node.lineno - 1].strip()}"
        for function in ast.walk(ast.parse(source))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return) and node.value is not None
        if makes_array(node.value)
        if not any(SHAPE.search(line) for line in lines[node.lineno - 1 : node.end_lineno])
    ]
    assert not bare, "\n".join(bare)


def test_the_rule_can_fail():
    assert makes_array(ast.parse("a @ b", mode="eval").body)
    assert makes_array(ast.parse("np.zeros(3)", mode="eval").body)
    assert not SHAPE.search("y = a @ b")
