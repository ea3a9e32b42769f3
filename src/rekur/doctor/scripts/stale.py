"""Optimizers over weights that are no longer the model's: the name was given another object meanwhile."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rekur.doctor.scripts.loops import Slip, models_of
from rekur.doctor.scripts.names import key, tail
from rekur.doctor.scripts.sources import Scripts


def stale(scripts: Scripts) -> Iterator[Slip]:
    """Yield optimizers whose model is made anew before they step."""
    if scripts.framework:
        return
    for call in scripts.optimizers:
        optimizer, scope = scripts.target_of(call), scripts.scope(call)
        if not optimizer:
            continue
        for model in models_of(call):
            for made in _made_anew(scripts, call, model):
                if scripts.scope(made) is scope and _steps_after(scripts, optimizer, model, made):
                    kind = "stale if" if _conditional(scripts, made, call) else "stale"
                    yield Slip(kind, model, scripts.where(made), scripts.where(call))


def _made_anew(scripts: Scripts, call: ast.Call, model: str) -> Iterator[ast.Assign]:
    """Yield later statements that give the name another object, not made of the old one."""
    for node in scripts.all(ast.Assign):
        later = scripts.order[node] > scripts.order[call]
        if not later or [key(target) for target in node.targets] != [model] or not isinstance(node.value, ast.Call):
            continue
        if model not in {key(part) for part in ast.walk(node.value)} and not _apart(scripts, node, call):
            yield node


def _apart(scripts: Scripts, node: ast.AST, other: ast.AST) -> bool:
    """Whether two statements stand in different branches of one `if` or `try`: only one of them runs."""
    own = {outer: child for child, outer in _chain(scripts, node)}
    for child, outer in _chain(scripts, other):
        if outer in own and isinstance(outer, ast.If | ast.Try | ast.Match):
            return _branch(outer, child) != _branch(outer, own[outer])
    return False


def _chain(scripts: Scripts, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    for outer in scripts.above(node):
        yield node, outer
        node = outer


def _branch(outer: ast.AST, child: ast.AST) -> int:
    blocks = [value for _, value in ast.iter_fields(outer) if isinstance(value, list)]
    return next((place for place, block in enumerate(blocks) if child in block), -1)


def _steps_after(scripts: Scripts, optimizer: str, model: str, made: ast.Assign) -> bool:
    """Whether the optimizer goes on to step, not itself made anew, and the model is called or handed over."""
    for node in list(scripts.order)[scripts.order[made] :]:
        if isinstance(node, ast.Assign) and optimizer in {key(t) for t in node.targets}:
            return False
        if isinstance(node, ast.Name | ast.Attribute) and key(node) == optimizer and isinstance(node.ctx, ast.Load):
            parent = scripts.parents[node]
            if scripts.scope(node) is not scripts.scope(made):
                continue
            if isinstance(parent, ast.Attribute) and parent.attr == "step":
                return True
            call = scripts.handed_to(node)
            if call is not None and tail(call.func) == "step":
                return True
            if call is not None and model in {key(part) for part in ast.walk(call)}:
                return True
        if (
            isinstance(node, ast.Call)
            and scripts.scope(node) is scripts.scope(made)
            and _reads(scripts, node, optimizer)
        ):
            return True
    return False


def _reads(scripts: Scripts, call: ast.Call, optimizer: str) -> bool:
    """Whether a call runs a function of these files that steps the optimizer as a global."""
    functions = scripts.functions.get(tail(call.func), []) if isinstance(call.func, ast.Name) else []
    for function in functions:
        for step in scripts.methods("step"):
            named = key(step.func.value) == optimizer if isinstance(step.func, ast.Attribute) else False
            if named and function in scripts.above(step) and optimizer not in scripts.bound.get(function, ()):
                return True
    return False


def _conditional(scripts: Scripts, node: ast.AST, call: ast.AST) -> bool:
    around = set(scripts.above(call))
    return any(isinstance(outer, ast.If | ast.Try) and outer not in around for outer in scripts.above(node))
