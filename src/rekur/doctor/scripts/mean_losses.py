"""Means of batches that are added up and divided by a number of examples."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from rekur.doctor.scripts.names import argument, key, number, tail
from rekur.doctor.scripts.sources import Loop, Scripts
from rekur.doctor.scripts.testing_loops import Odd

LOSSES = re.compile(  # of torch: a mean over the batch unless told otherwise
    r"(CrossEntropy|NLL|MSE|L1|SmoothL1|Huber|BCE|BCEWithLogits|KLDiv|CTC|PoissonNLL|GaussianNLL|SoftMargin)Loss"
    r"|cross_entropy|nll_loss|mse_loss|l1_loss|smooth_l1_loss|huber_loss|ctc_loss|binary_cross_entropy(_with_logits)?"
)


def divided(scripts: Scripts) -> Iterator[Odd]:
    """Yield sums of the batches' mean losses that are divided by a number of examples."""
    for scope in (*scripts.paths, *scripts.defined()):
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
