"""What scripts do with a test part: read it again and again, choose the best model by it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from rekur.doctor.scripts.names import key, number, says_test, says_validation, tail, tokens
from rekur.doctor.scripts.sources import Function, Scripts

TRAINS = re.compile(
    r"train|fit|step|update|learn|optim|tune|backward|backprop|epoch|load|reset|init|attack|prune|ckpt|seed"
)
READS = re.compile(r"eval|test|score|accuracy|valid|predict|infer")
BEST = frozenset({"best", "min", "max", "minimum", "maximum", "lowest", "highest"})
KEEPS = frozenset({"save", "state_dict", "deepcopy"})
WAITS = frozenset({"wait", "patience", "counter", "bad", "trigger", "since"})


@dataclass(frozen=True)
class Odd:
    """A place, and what stands there."""

    where: str
    name: str
    other: str = ""


# the same test again


def repeated(scripts: Scripts) -> Iterator[Odd]:
    """Yield loops over epochs that read the test part and train nothing."""
    if scripts.framework:
        return
    for loop in scripts.all(ast.For):
        if _counts_epochs(loop) and not _trains(scripts, loop, set()):
            read = _test_read(scripts, loop)
            if read:
                yield Odd(scripts.where(loop), read, _times(loop))


def _counts_epochs(loop: ast.For) -> bool:
    words = tokens(tail(loop.target))
    count = [word for node in ast.walk(loop.iter) for word in tokens(tail(node))]
    ranged = any(tail(node) in {"range", "trange"} for node in ast.walk(loop.iter))
    return ranged and any(word in {"epoch", "epochs"} for word in (*words, *count))


def _times(loop: ast.For) -> str:
    """How often it runs, if that is written out."""
    call = next(
        (n for n in ast.walk(loop.iter) if isinstance(n, ast.Call) and tail(n.func) in {"range", "trange"}), None
    )
    if call is None or len(call.args) > 2:
        return ""
    bounds = [number(arg) for arg in call.args]
    if None in bounds:
        return ""
    return f"{(bounds[-1] or 0) - (bounds[0] or 0 if len(bounds) > 1 else 0):g}"


def _trains(scripts: Scripts, node: ast.AST, seen: set[str]) -> bool:
    """Whether anything in `node`, or in a function it runs, may change the model or what is tested.

    A function that cannot be seen is judged by its name.
    """
    for call in scripts.all(ast.Call, node):
        name = tail(call.func)
        known = scripts.functions.get(name, []) + _forward(scripts, name)
        if not known and TRAINS.search(name.lower()) and not _harmless(call):
            return True
        if name not in seen:
            seen.add(name)
            if any(_trains(scripts, statement, seen) for function in known for statement in function.body):
                return True
        if not known and not _harmless(call) and any("optim" in tail(arg).lower() for arg in call.args):
            return True
    return any(node.attr == "grad" for node in scripts.all(ast.Attribute, node))


def _forward(scripts: Scripts, name: str) -> list[Function]:
    """A class of these files that is made here runs its constructor."""
    made = scripts.classes.get(name)
    return [part for part in made.body if isinstance(part, Function) and part.name == "__init__"] if made else []


def _harmless(call: ast.Call) -> bool:
    """`model.train(False)`, which is `model.eval()`."""
    off = call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value is False
    return bool(off and tail(call.func) == "train")


def _test_read(scripts: Scripts, loop: ast.For) -> str:
    """Return what of the test part the loop reads, '' if nothing, or another thing in each round."""
    varies = {node.id for node in ast.walk(loop) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for inner in scripts.all(ast.For, loop):
        if inner is not loop and any(says_test(node) for node in ast.walk(inner.iter) if isinstance(node, ast.Name)):
            return ast.unparse(inner.iter)
    for call in scripts.all(ast.Call, loop):
        if not READS.search(tail(call.func).lower()) or key(call.func).startswith("self.assert"):
            continue
        given = [*call.args, *(word.value for word in call.keywords)]
        names = {node.id for arg in given for node in ast.walk(arg) if isinstance(node, ast.Name)}
        tested = any(
            says_test(node) for arg in given for node in ast.walk(arg) if isinstance(node, ast.Name | ast.Attribute)
        )
        tested = tested or (says_test(call.func) and tail(call.func) in scripts.functions)
        if tested and not names & varies:
            return ast.unparse(call)
    return ""


# the best model by the test part


@dataclass(frozen=True)
class Chosen:
    """A choice made by a figure of the test part."""

    where: str
    figure: str
    what: str  # model, figure, rate, stop
    validated: bool  # whether the files name a validation part


def chosen(scripts: Scripts) -> Iterator[Chosen]:
    """Yield choices between epochs that a test figure decides."""
    names = {node.id for node in scripts.all(ast.Name)} | {node.arg for node in scripts.all(ast.arg)}
    validated = any(says_validation(name) for name in names)
    for node in scripts.all(ast.If):
        for figure in _against_best(scripts, node.test):
            what = _kept(scripts, node)
            if what and _in_training(scripts, node):
                yield Chosen(scripts.where(node), figure, what, validated)
                break
    schedules = {scripts.target_of(call) for call in scripts.schedulers} - {""}
    for call in scripts.calls:
        if not (isinstance(call.func, ast.Attribute) and call.func.attr == "step" and call.args):
            stops = "stop" in tail(call.func).lower() and bool(call.args)
        else:
            base = key(call.func.value)
            stops = base in schedules or "sched" in base.lower()
        if stops and _in_training(scripts, call) and (figure := _figure(scripts, call.args[0])):
            what = "rate" if tail(call.func) == "step" else "stop"
            yield Chosen(scripts.where(call), figure, what, validated)


def _against_best(scripts: Scripts, test: ast.expr) -> Iterator[str]:
    for compare in (node for node in ast.walk(test) if isinstance(node, ast.Compare) and len(node.ops) == 1):
        if not isinstance(compare.ops[0], ast.Lt | ast.Gt | ast.LtE | ast.GtE):
            continue
        sides = (compare.left, compare.comparators[0])
        for this, other in (sides, sides[::-1]):
            best = any(set(tokens(tail(part))) & BEST for part in ast.walk(other))
            ours = not any(set(tokens(tail(part))) & BEST for part in ast.walk(this))
            if best and ours and (figure := _figure(scripts, this)):
                yield figure


def _figure(scripts: Scripts, node: ast.expr) -> str:
    """Return the name of a figure if it is one of the test part, by its name or by what computed it."""
    if isinstance(node, ast.Call):
        name = ast.unparse(node)
        values: list[ast.expr] = [node]
    else:
        name = key(node) or (key(node.value) if isinstance(node, ast.Subscript) else "")
        if not name or says_validation(name):
            return ""
        if says_test(name):
            return name
        values = _computed(scripts, name, node) or _counted(scripts, name, node)
    parts = [part for value in values for part in ast.walk(value) if isinstance(part, ast.Name)]
    given = [part for part in parts if not isinstance(scripts.parents[part], ast.Attribute)]
    data = [part.id for part in given if says_test(part.id) or says_validation(part.id) or "train" in part.id.lower()]
    return name if values and data and all(says_test(part) for part in data) else ""


def _computed(scripts: Scripts, name: str, node: ast.AST) -> list[ast.expr]:
    """Return the calls whose result, or a part of it, the name is given."""
    scope, found = scripts.scope(node), []
    for other in scripts.all(ast.Assign):
        for target in other.targets:
            parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
            if name in {key(part) for part in parts} and scripts.scope(other) is scope:
                found.append(other.value)
    return (
        [value for value in found if isinstance(value, ast.Call)] if all(isinstance(v, ast.Call) for v in found) else []
    )


def _counted(scripts: Scripts, name: str, node: ast.AST) -> list[ast.expr]:
    """Return what the loops go over that add up the numbers a figure is computed of: `acc = correct / total`."""
    scope = scripts.scope(node)
    made = scripts.assigned(name, scope)
    counts = {part.id for value in made for part in ast.walk(value) if isinstance(part, ast.Name)}
    adds = [add for add in scripts.all(ast.AugAssign, scope) if key(add.target) in counts and scripts.loops(add)]
    return [loop.iter for add in adds if isinstance(loop := scripts.loops(add)[0], ast.For | ast.AsyncFor)]


def _kept(scripts: Scripts, node: ast.If) -> str:
    """Return what the comparison decides: the model kept, when to stop, the figure alone, or '' for nothing."""
    branches = [*node.body, *node.orelse]
    names = [tail(call.func) for statement in branches for call in scripts.all(ast.Call, statement)]
    if any(name in KEEPS or "save" in name.lower() for name in names):
        return "model"
    waits = [tail(one.target) for statement in branches for one in scripts.all(ast.AugAssign, statement)]
    if any(isinstance(part, ast.Break) for statement in branches for part in ast.walk(statement)) or any(
        set(tokens(name)) & WAITS for name in waits
    ):
        return "stop"
    stored = [part for one in branches for part in scripts.all(ast.Name, one) if isinstance(part.ctx, ast.Store)]
    stored += [part for one in branches for part in scripts.all(ast.Attribute, one) if isinstance(part.ctx, ast.Store)]  # type: ignore[misc]
    return "figure" if any("best" in tokens(tail(part)) for part in stored) else ""


def _in_training(scripts: Scripts, node: ast.AST) -> bool:
    """Whether a place is passed again and again while the model trains, itself or the function around it."""
    waiting, seen = [node], set[str]()
    while waiting:
        place = waiting.pop()
        calls = [call for loop in scripts.loops(place) for call in scripts.all(ast.Call, loop)]
        if any(re.search(r"train|backward|fit|step|epoch", tail(call.func).lower()) for call in calls):
            return True
        scope = scripts.scope(place)
        if isinstance(scope, Function) and scope.name not in seen:
            seen.add(scope.name)
            waiting += [call for call in scripts.calls if tail(call.func) == scope.name]
    return False
