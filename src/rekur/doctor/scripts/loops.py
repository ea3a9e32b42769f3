"""Training loops as they are written: schedules, optimizers over stale weights, gradients not cleared or not used."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from rekur.doctor.scripts.names import argument, key, tail, tokens
from rekur.doctor.scripts.sources import Function, Scripts

NOT_USED = frozenset(
    {"get_last_lr", "get_lr", "print_lr", "state_dict", "load_state_dict", "last_epoch", "base_lrs", "optimizer"}
)
CARRIERS = frozenset({"step", "unscale_", "print", "len", "type", "isinstance", "str"})  # that clear no gradient


@dataclass(frozen=True)
class Slip:
    """Something written that does not do what it says."""

    kind: str
    name: str  # of the scheduler, model or optimizer
    where: str
    other: str = ""  # a second place


def not_called(scripts: Scripts) -> Iterator[Slip]:
    """Yield steps, backward passes and their like that stand without parentheses."""
    schedules = {scripts.target_of(call) for call in scripts.schedulers}
    for node in scripts.all(ast.Attribute):
        if node.attr in {"step", "zero_grad", "backward"} and isinstance(scripts.parents[node], ast.Expr):
            base = key(node.value) or tail(node.value)
            kind = "not called of a schedule" if base in schedules else "not called"
            yield Slip(kind, f"{base}.{node.attr}", scripts.where(node))


# schedules


def never_stepped(scripts: Scripts) -> Iterator[Slip]:
    """Yield schedules that are made, and never stepped nor given away; not those of `not_called`."""
    if scripts.framework or scripts.unseen or not any(True for _ in _steps(scripts)):
        return
    named = {slip.name for slip in not_called(scripts)}
    for call in scripts.schedulers:
        name = scripts.target_of(call)
        if f"{name}.step" in named:
            continue
        if not name:
            if isinstance(scripts.parents[call], ast.Expr):
                yield Slip("unstepped", tail(call.func), scripts.where(call))
        elif not _schedule_used(scripts, name):
            yield Slip("unstepped", name, scripts.where(call))


def _schedule_used(scripts: Scripts, name: str, depth: int = 0) -> bool:
    """Whether something may step the scheduler of this (dotted) name."""
    last = name.rsplit(".", 1)[-1]
    if "." in name:  # an attribute: whoever holds the object
        uses: list[ast.expr] = [n for n in scripts.all(ast.Attribute) if n.attr == last and isinstance(n.ctx, ast.Load)]
    else:
        uses = scripts.loads(name)
    return any(_steps_it(scripts, use, depth) for use in uses)


def _steps_it(scripts: Scripts, use: ast.expr, depth: int) -> bool:
    parent = scripts.parents[use]
    if isinstance(parent, ast.Attribute):
        bare = isinstance(scripts.parents[parent], ast.Expr)  # scheduler.step without its parentheses
        return parent.attr not in NOT_USED and not bare
    call = scripts.handed_to(use)
    if call is None:
        return not isinstance(parent, ast.Compare | ast.If | ast.BoolOp | ast.UnaryOp)
    if tail(call.func) in {"print", "len", "type"}:
        return False
    parameters = _parameters(scripts, call, use)
    if parameters is None or depth > 3:
        return True
    return any(_parameter_used(scripts, function, name, depth + 1) for function, name in parameters)


def _parameter_used(scripts: Scripts, function: Function, name: str, depth: int) -> bool:
    inside = [n for n in scripts.all(ast.Name, function) if n.id == name and isinstance(n.ctx, ast.Load)]
    return any(_steps_it(scripts, use, depth) for use in inside)


def _parameters(scripts: Scripts, call: ast.Call, use: ast.expr) -> list[tuple[Function, str]] | None:
    """Return which parameters of functions in these files `use` becomes; None if that cannot be said."""
    functions = scripts.functions.get(tail(call.func), [])
    if not functions or not isinstance(call.func, ast.Name):
        return None
    found = []
    for function in functions:
        names = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)]
        by_word = [word.arg for word in call.keywords if word.value is use]
        at = call.args.index(use) if use in call.args else -1
        name = by_word[0] if by_word else names[at] if 0 <= at < len(names) else None
        if name is None or any(isinstance(arg, ast.Starred) for arg in call.args):
            return None
        found.append((function, name))
    return found


# gradients


def models_of(call: ast.Call) -> set[str]:
    """Return the dotted names whose parameters an optimizer is given."""
    found = set()
    for node in ast.walk(call):
        if isinstance(node, ast.Call) and tail(node.func) in {"parameters", "named_parameters"}:
            found.add(key(node.func.value) if isinstance(node.func, ast.Attribute) else "")
    return found - {""}


def gradients(scripts: Scripts) -> Iterator[Slip]:
    """Yield steps never taken, gradients never cleared or cleared before the step; none that `not_called` tells."""
    if scripts.framework or scripts.unseen:
        return
    backward = [call for call in scripts.methods("backward") if _repeated(scripts, call)]
    if not backward or not scripts.optimizers or _by_hand(scripts):
        return
    steps = list(_steps(scripts))
    given = any(_given_away(scripts, call) for call in scripts.optimizers)
    if not steps and not given and not any(_of_optimizer(slip) for slip in not_called(scripts)):
        yield Slip("no step", scripts.target_of(scripts.optimizers[0]), scripts.where(backward[0]))
    cleared = any(node.attr == "zero_grad" for node in scripts.all(ast.Attribute))
    if steps and not cleared and not given and any(_repeated(scripts, step) for step in steps):
        yield Slip("never cleared", _stepped(steps[0]), scripts.where(backward[0]), scripts.where(steps[0]))
    yield from _cleared_too_early(scripts)


def _of_optimizer(slip: Slip) -> bool:
    return slip.kind == "not called" and slip.name.endswith(".step")


def _repeated(scripts: Scripts, call: ast.Call) -> bool:
    """Whether a call stands in a loop, or in a function that is called in one."""
    waiting, seen = [call], set[str]()
    while waiting:
        node = waiting.pop()
        if scripts.loops(node):
            return True
        for outer in scripts.above(node):
            if isinstance(outer, Function) and outer.name not in seen:
                seen.add(outer.name)
                waiting += [other for other in scripts.calls if tail(other.func) == outer.name]
                handed = [n for n in scripts.loads(outer.name) if scripts.handed_to(n) is not None]
                waiting += [other for n in handed if (other := scripts.handed_to(n)) is not None]
    return False


def _steps(scripts: Scripts) -> Iterator[ast.Call]:
    """Yield the calls that step an optimizer: any `step` but a schedule's."""
    schedules = {scripts.target_of(call).rsplit(".", 1)[-1] for call in scripts.schedulers} - {""}
    for call in scripts.methods("step"):
        name = tail(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        if name not in schedules and not any(word.startswith("sched") for word in tokens(name)):
            yield call


def _stepped(step: ast.Call) -> str:
    """Return the optimizer that a step moves: `optimizer.step()` or `scaler.step(optimizer)`."""
    held = key(step.args[0]) if step.args else ""
    base = step.func.value if isinstance(step.func, ast.Attribute) else step.func
    return held if held and "scal" in tail(base).lower() else key(base)


def _by_hand(scripts: Scripts) -> bool:
    """Whether gradients are read or cleared without the optimizer."""
    return any(node.attr == "grad" and tail(node.value) != "autograd" for node in scripts.all(ast.Attribute)) or any(
        tail(call.func) in {"set_grad", "register_post_accumulate_grad_hook"} for call in scripts.calls
    )


def _given_away(scripts: Scripts, call: ast.Call) -> bool:
    """Whether an optimizer goes where it may be stepped or cleared unseen."""
    name = scripts.target_of(call)
    if not name:
        return True
    for use in scripts.loads(name):
        given = scripts.handed_to(use)
        if given is None:
            if isinstance(scripts.parents[use], ast.Return | ast.Assign | ast.Yield | ast.Tuple | ast.List | ast.Dict):
                return True
            continue
        seen = tail(given.func) in {*scripts.functions, *scripts.classes, *CARRIERS} or given in scripts.schedulers
        if not seen:
            return True
    return False


def _cleared_too_early(scripts: Scripts) -> Iterator[Slip]:
    """Yield `zero_grad` between a backward pass and the step of the same optimizer."""
    models = {scripts.target_of(call): models_of(call) for call in scripts.optimizers}
    for clear in scripts.methods("zero_grad"):
        statement = scripts.statement(clear)
        block = next((b for b in _blocks(scripts.parents[statement]) if statement in b), [])
        if not isinstance(statement, ast.Expr) or not block:
            continue
        at = block.index(statement)
        before = any(_has(scripts, s, "backward") for s in block[:at] if isinstance(s, ast.Expr | ast.With | ast.For))
        stepped = any(_moves(scripts, s, clear, models) for s in block[:at])
        if before and not stepped and _step_follows(scripts, block[at + 1 :], clear, models):
            yield Slip(
                "cleared", key(clear.func.value) if isinstance(clear.func, ast.Attribute) else "", scripts.where(clear)
            )


def _blocks(node: ast.AST) -> list[list[ast.stmt]]:
    return [value for _, value in ast.iter_fields(node) if isinstance(value, list)]


def _has(scripts: Scripts, statement: ast.stmt, name: str) -> bool:
    return any(tail(call.func) == name for call in scripts.all(ast.Call, statement))


def _moves(scripts: Scripts, statement: ast.stmt, clear: ast.Call, models: dict[str, set[str]]) -> bool:
    """Whether a statement steps the optimizer whose gradients `clear` clears."""
    base = key(clear.func.value) if isinstance(clear.func, ast.Attribute) else ""
    names = [_stepped(call) for call in scripts.all(ast.Call, statement) if tail(call.func) == "step"]
    return any(name and (name == base or base in models.get(name, ())) for name in names)


def _step_follows(scripts: Scripts, rest: list[ast.stmt], clear: ast.Call, models: dict[str, set[str]]) -> bool:
    for statement in rest:
        calls = scripts.all(ast.Call, statement)
        if any("backward" in tail(call.func) or _runs(scripts, call) for call in calls):
            return False  # fresh gradients, or perhaps
        if _moves(scripts, statement, clear, models):
            return True
    return False


def _runs(scripts: Scripts, call: ast.Call) -> bool:
    """Whether a call runs a function of these files with a backward pass in it, or takes a closure."""
    closure = tail(call.func) == "step" and any(isinstance(arg, ast.Name | ast.Lambda) for arg in call.args)
    known = [call.args[0]] if closure and "scal" in tail(getattr(call.func, "value", None)).lower() else []
    inside = any(_has(scripts, part, "backward") for f in scripts.functions.get(tail(call.func), []) for part in f.body)
    return inside or (closure and not known) or argument(call, "closure") is not None
