"""What scripts do with a test part: read it again and again, divide its loss, choose the best model by it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from rekur.doctor.scripts import (
    Function,
    Loop,
    Scripts,
    argument,
    key,
    number,
    says_test,
    says_validation,
    tail,
    tokens,
)

TRAINS = re.compile(
    r"train|fit|step|update|learn|optim|tune|backward|backprop|epoch|load|reset|init|attack|prune|ckpt|seed"
)
READS = re.compile(r"eval|test|score|accuracy|valid|predict|infer")
LOSSES = re.compile(  # of torch: a mean over the batch unless told otherwise
    r"(CrossEntropy|NLL|MSE|L1|SmoothL1|Huber|BCE|BCEWithLogits|KLDiv|CTC|PoissonNLL|GaussianNLL|SoftMargin)Loss"
    r"|cross_entropy|nll_loss|mse_loss|l1_loss|smooth_l1_loss|huber_loss|ctc_loss|binary_cross_entropy(_with_logits)?"
)
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


# a loss divided by the wrong count


def divided(scripts: Scripts) -> Iterator[Odd]:
    """Yield sums of the batches' mean losses that are divided by a number of examples."""
    for scope in (*scripts.paths, *scripts.all(Function)):  # type: ignore[type-var]
        for name, add in _sums(scripts, scope):
            for quotient, count in _quotients(scripts, scope, name):
                if scripts.order[quotient] > scripts.order[add] and _counts_examples(scripts, count, add):
                    yield Odd(scripts.where(quotient), name, ast.unparse(count))
                    break
    yield from _divided_as_added(scripts)


def _divided_as_added(scripts: Scripts) -> Iterator[Odd]:
    for add in scripts.all(ast.AugAssign):
        value, loops = add.value, scripts.loops(add)
        divides = isinstance(add.op, ast.Add) and isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div)
        if not loops or not divides or not isinstance(value, ast.BinOp):
            continue
        if _sizes_batch(value.right, loops[0]) and _is_mean(scripts, value.left):
            yield Odd(scripts.where(add), key(add.target), ast.unparse(value.right))


def _sums(scripts: Scripts, scope: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield names that add up a batch's mean loss, with the statement that adds."""
    for node in scripts.all(ast.AugAssign, scope):
        plain = isinstance(node.op, ast.Add) and scripts.scope(node) is scope and scripts.loops(node)
        if plain and key(node.target) and _is_mean(scripts, node.value):
            yield key(node.target), node
    for call in scripts.all(ast.Call, scope):
        appended = tail(call.func) == "append" and len(call.args) == 1 and scripts.scope(call) is scope
        if (
            appended
            and scripts.loops(call)
            and isinstance(call.func, ast.Attribute)
            and _is_mean(scripts, call.args[0])
        ):
            yield key(call.func.value), call


def _is_mean(scripts: Scripts, value: ast.expr) -> bool:
    """Whether a value is a loss that torch has averaged over its batch."""
    while isinstance(value, ast.Call | ast.Attribute):  # loss.item(), float(loss), loss.detach().cpu().item()
        if isinstance(value, ast.Call) and _averages(scripts, value):
            return True
        inner = value.func if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) else value
        if isinstance(inner, ast.Attribute):
            if inner.attr not in {"item", "detach", "cpu", "data", "numpy"}:
                return False
            value = inner.value
        elif isinstance(inner, ast.Call) and tail(inner.func) == "float" and inner.args:
            value = inner.args[0]
        else:
            return False
    if not isinstance(value, ast.Name):
        return False
    sources = [made for made in scripts.assigned(value.id, scripts.scope(value)) if isinstance(made, ast.Call)]
    others = len(scripts.assigned(value.id, scripts.scope(value))) - len(sources)
    return bool(sources) and not others and all(_averages(scripts, made) for made in sources)


def _averages(scripts: Scripts, made: ast.Call) -> bool:
    """Whether a call computes a mean: one of torch's losses, by itself or under a name, with no other reduction."""
    if _is_loss(scripts, made):  # F.cross_entropy(...)
        return _reduces(made)
    if isinstance(made.func, ast.Call):  # nn.CrossEntropyLoss()(output, target)
        return _is_loss(scripts, made.func) and _reduces(made.func)
    built = scripts.assigned(key(made.func)) if key(made.func) else []
    if not built:  # a parameter, under another name than its argument's
        own = {arg.arg for arg in getattr(getattr(scripts.scope(made), "args", None), "args", [])}
        built = [call for call in scripts.calls if _is_loss(scripts, call)] if tail(made.func) in own else []
    return bool(built) and all(isinstance(v, ast.Call) and _is_loss(scripts, v) and _reduces(v) for v in built)


def _is_loss(scripts: Scripts, call: ast.Call) -> bool:
    name = tail(call.func) if not isinstance(call.func, ast.Call) else ""
    return bool(LOSSES.fullmatch(name)) and name not in scripts.classes and name not in scripts.functions


def _reduces(call: ast.Call) -> bool:
    reduction = argument(call, "reduction")
    plain = reduction is None or (isinstance(reduction, ast.Constant) and reduction.value == "mean")
    return plain and argument(call, "size_average", "reduce") is None and all(word.arg for word in call.keywords)


def _quotients(scripts: Scripts, scope: ast.AST, name: str) -> Iterator[tuple[ast.AST, ast.expr]]:
    """Yield each `name / count` or `name /= count`, and the count, where nothing else is multiplied in."""
    for node in scripts.all(ast.BinOp, scope):
        summed = isinstance(node.left, ast.Call) and tail(node.left.func) == "sum" and node.left.args
        top = node.left.args[0] if summed and isinstance(node.left, ast.Call) else node.left
        outer = scripts.parents[node]
        scaled = isinstance(outer, ast.BinOp) and isinstance(outer.op, ast.Mult)
        if isinstance(node.op, ast.Div) and key(top) == name and not scaled:
            yield node, node.right
    for other in scripts.all(ast.AugAssign, scope):
        if isinstance(other.op, ast.Div) and key(other.target) == name:
            yield other, other.value


def _counts_examples(scripts: Scripts, count: ast.expr, add: ast.AST) -> bool:
    """Whether a count is one of examples, while the loop around `add` goes over batches of several."""
    loops = scripts.loops(add)
    loop = loops[0]
    if isinstance(loop, ast.While) or _goes_one_by_one(scripts, loop):
        return False
    if isinstance(count, ast.Call) and tail(count.func) == "len" and count.args:
        return _is_data(scripts, count.args[0], loop)
    if not isinstance(count, ast.Name):
        return False
    if _counter(scripts, count, loop):
        return True
    values = scripts.assigned(count.id, scripts.scope(count)) or scripts.assigned(count.id)
    return len(values) == 1 and not isinstance(values[0], ast.Name) and _counts_examples(scripts, values[0], add)


def _is_data(scripts: Scripts, data: ast.expr, loop: ast.For | ast.AsyncFor) -> bool:
    """Whether `len(data)` counts examples of what the loop takes in batches."""
    if isinstance(data, ast.Attribute) and data.attr in {"dataset", "sampler"}:
        return data.attr == "dataset" or tail(data.value) != "batch"
    named = key(data)
    if any(
        loader and named and key(argument(loader, "dataset", at=0) or loader) == named
        for loader in _loaders(scripts, loop)
    ):
        return True
    span = next((n for n in ast.walk(loop.iter) if isinstance(n, ast.Call) and tail(n.func) == "range"), None)
    if span is None or len(span.args) < 3 or number(span.args[2]) == 1:
        return False
    return bool(named) and any(key(part) == named for part in ast.walk(span.args[1]))


def _counter(scripts: Scripts, count: ast.Name, loop: Loop) -> bool:
    """Whether a name adds up the sizes of the batches."""
    for node in scripts.all(ast.AugAssign, loop):
        if key(node.target) == count.id and isinstance(node.op, ast.Add):
            return _sizes_batch(node.value, loop)
    return False


def _sizes_batch(count: ast.expr, loop: Loop) -> bool:
    """Whether a count is that of the examples of one batch: len(y), y.size(0), y.shape[0]."""
    if isinstance(count, ast.Call):
        drawn = {part.id for part in ast.walk(getattr(loop, "target", count)) if isinstance(part, ast.Name)}
        inside = {part.id for part in ast.walk(count) if isinstance(part, ast.Name)}
        return tail(count.func) == "size" or (tail(count.func) == "len" and bool(inside & drawn))
    return isinstance(count, ast.Subscript) and tail(count) == "shape"


def _loaders(scripts: Scripts, loop: ast.For | ast.AsyncFor) -> list[ast.Call]:
    """Return the calls that made what the loop goes over."""
    names = {key(node) for node in ast.walk(loop.iter) if isinstance(node, ast.Name | ast.Attribute)} - {""}
    made = [value for name in names for value in scripts.assigned(name) if isinstance(value, ast.Call)]
    made += [node for node in ast.walk(loop.iter) if isinstance(node, ast.Call)]
    return [call for call in made if tail(call.func).endswith(("DataLoader", "Iterator"))]


def _goes_one_by_one(scripts: Scripts, loop: ast.For | ast.AsyncFor) -> bool:
    """Whether a batch is one example, or may be."""
    loaders = _loaders(scripts, loop)
    sizes = [argument(loader, "batch_size", at=1) for loader in loaders if tail(loader.func).endswith("DataLoader")]
    sampled = any(argument(loader, "batch_sampler") is not None for loader in loaders)
    if any(_is_one(scripts, size) for size in sizes) and not sampled:
        return True
    every = [call for call in scripts.calls if tail(call.func) == "DataLoader"]
    return not loaders and bool(every) and any(_is_one(scripts, argument(call, "batch_size", at=1)) for call in every)


def _is_one(scripts: Scripts, size: ast.expr | None) -> bool:
    if size is None:
        return True
    values = scripts.assigned(size.id) if isinstance(size, ast.Name) else [size]
    return any(number(value) == 1 for value in values)


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
            stops = "stop" in tail(call.func).lower() and call.args
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
        name, values = ast.unparse(node), [node]
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
