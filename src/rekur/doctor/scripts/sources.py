"""Python sources of a training, read with `ast` and never run: who calls what, in which scope, with which literals.

Names decide only where nothing else can (what "test" is called, what an epoch is); whatever leaves the files that were
given, to a function nobody can see, counts as used.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from rekur.doctor.findings import CannotExamineError
from rekur.doctor.patient import Source
from rekur.doctor.scripts.names import key, tail

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Loop = ast.For | ast.AsyncFor | ast.While
Kind = TypeVar("Kind", bound=ast.AST)

LEARNING_RATES: dict[str, float | None] = {  # optimizer -> the rate it takes when none is given
    "Adadelta": 1.0,
    "Adafactor": None,
    "Adagrad": 0.01,
    "Adam": 0.001,
    "AdamW": 0.001,
    "Adamax": 0.002,
    "ASGD": 0.01,
    "LBFGS": 1.0,
    "Lion": None,
    "Muon": None,
    "NAdam": 0.002,
    "RAdam": 0.001,
    "RMSprop": 0.01,
    "Rprop": 0.01,
    "SGD": None,
    "SparseAdam": 0.001,
}
SCHEDULES = frozenset(
    {"LambdaLR", "MultiplicativeLR", "StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR"}
    | {"CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "OneCycleLR", "ReduceLROnPlateau"}
    | {"SequentialLR", "ChainedScheduler"}
)
FRAMEWORKS = frozenset(
    {"lightning", "pytorch_lightning", "skorch", "keras", "tensorflow", "fastai", "ignite", "catalyst", "composer"}
    | {"transformers", "trl", "deepspeed"}
)
UNSEEN = frozenset({"globals", "locals", "vars", "exec", "eval", "getattr", "setattr"})  # names made while it runs


class Scripts:
    """All files that were given, as trees; nodes are in the order of the text."""

    def __init__(self, source: Source) -> None:
        self.paths: dict[ast.Module, Path] = {}
        self.parents: dict[ast.AST, ast.AST] = {}
        self.order: dict[ast.AST, int] = {}
        reasons = []
        for path, text in source.texts.items():
            try:
                tree = ast.parse(_as_python(path, text))
            except (SyntaxError, ValueError, RecursionError) as error:
                reasons.append(f"{path.name} is no Python that can be read: {error}")
                continue
            self.paths[tree] = path
            self._index(tree)
        if not self.paths:
            raise CannotExamineError("; ".join(reasons) or "no file was given")

    def _index(self, tree: ast.Module) -> None:
        waiting: list[ast.AST] = [tree]
        while waiting:
            node = waiting.pop()
            self.order[node] = len(self.order)
            children = list(ast.iter_child_nodes(node))
            self.parents.update(dict.fromkeys(children, node))
            waiting += reversed(children)

    # looking around

    def defined(self) -> Iterator[Function]:
        """Yield every function and method."""
        yield from (node for node in self.order if isinstance(node, Function))

    def all(self, kind: type[Kind], within: ast.AST | None = None) -> Iterator[Kind]:
        """Yield the nodes of a kind, in the order of the text."""
        if within is None:
            yield from (node for node in self.order if isinstance(node, kind))
        else:
            found = [node for node in ast.walk(within) if isinstance(node, kind)]
            yield from sorted(found, key=self.order.__getitem__)

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what `node` stands in, the nearest first."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def scope(self, node: ast.AST) -> Scope:
        """Return the function or module that `node` stands in; a class is none, its methods see past it."""
        return next(outer for outer in self.above(node) if isinstance(outer, Scope))

    def statement(self, node: ast.AST) -> ast.stmt:
        """Return the statement that `node` is part of."""
        return next(outer for outer in (node, *self.above(node)) if isinstance(outer, ast.stmt))

    def loops(self, node: ast.AST) -> list[Loop]:
        """Return the loops around `node` within its scope, the innermost first."""
        found: list[Loop] = []
        for outer in self.above(node):
            if isinstance(outer, Scope):
                break
            if isinstance(outer, Loop):
                found.append(outer)
        return found

    def path(self, node: ast.AST) -> Path:
        """Return the file that `node` stands in."""
        return self.paths[next(outer for outer in (node, *self.above(node)) if isinstance(outer, ast.Module))]

    def where(self, node: ast.AST) -> str:
        """Return the file and the line, as people write them."""
        return f"{self.path(node).name}:{self.statement(node).lineno if not hasattr(node, 'lineno') else node.lineno}"

    # what is defined and called

    @cached_property
    def functions(self) -> dict[str, list[Function]]:
        """Functions and methods by name."""
        found: dict[str, list[Function]] = {}
        for node in self.defined():
            found.setdefault(node.name, []).append(node)
        return found

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        """Classes by name."""
        return {node.name: node for node in self.all(ast.ClassDef)}

    @cached_property
    def calls(self) -> list[ast.Call]:
        """Every call."""
        return list(self.all(ast.Call))

    def methods(self, name: str) -> list[ast.Call]:
        """Return the calls `something.name(...)`."""
        return [call for call in self.calls if isinstance(call.func, ast.Attribute) and call.func.attr == name]

    @cached_property
    def optimizers(self) -> list[ast.Call]:
        """Calls that make an optimizer."""
        return [call for call in self.calls if tail(call.func) in LEARNING_RATES and (call.args or call.keywords)]

    @cached_property
    def schedulers(self) -> list[ast.Call]:
        """Calls that make a schedule of learning rates."""
        named = [call for call in self.calls if tail(call.func) in SCHEDULES or "schedule_with" in tail(call.func)]
        return [call for call in named if tail(call.func) not in self.classes]

    @cached_property
    def framework(self) -> bool:
        """Whether a library whose own loop trains is imported."""
        roots = {alias.name.split(".")[0] for node in self.all(ast.Import) for alias in node.names}
        roots |= {(node.module or "").split(".")[0] for node in self.all(ast.ImportFrom)}
        return bool(roots & FRAMEWORKS)

    def trains(self, within: ast.AST | None = None) -> bool:
        """Whether there is code of a training: a backward pass, an optimizer, or a `fit`."""
        inside = self.calls if within is None else list(self.all(ast.Call, within))
        return any(tail(call.func) in {"backward", "fit", *LEARNING_RATES} for call in inside)

    @cached_property
    def unseen(self) -> bool:
        """Whether names may be read in ways that the text does not show."""
        star = any(alias.name == "*" for node in self.all(ast.ImportFrom) for alias in node.names)
        named = any(isinstance(call.func, ast.Name) and call.func.id in UNSEEN for call in self.calls)
        return named or (star and len(self.paths) > 1)

    # names and scopes

    @cached_property
    def bound(self) -> dict[Scope, set[str]]:
        """The names that each scope binds: parameters, assignments, imports, definitions."""
        found: dict[Scope, set[str]] = {}
        for node in self.order:
            for name in _binds(node):
                found.setdefault(self.scope(node), set()).add(name)
        for node in self.all(ast.Global):
            found.get(self.scope(node), set()).difference_update(node.names)
        return found

    def home(self, name: ast.Name) -> Scope:
        """Return the scope whose `name` is meant here."""
        child: ast.AST = name
        for outer in self.above(name):
            inside = isinstance(outer, Scope) and (
                child is outer.body or child in _body(outer)
            )  # no default, decorator
            if isinstance(outer, ast.Module) or (inside and name.id in self.bound.get(outer, ())):  # type: ignore[call-overload]
                return outer  # type: ignore[return-value]
            child = outer
        raise ValueError(f"{name.id} stands in no module")

    def assigned(self, name: str, scope: ast.AST | None = None) -> list[ast.expr]:
        """Return the values that a dotted `name` is given, anywhere or in one scope."""
        found = []
        for node in self.all(ast.Assign):
            if scope is None or self.scope(node) is scope:
                found += [node.value for target in node.targets if key(target) == name]
        for other in self.all(ast.AnnAssign):
            if other.value is not None and key(other.target) == name and scope in (None, self.scope(other)):
                found.append(other.value)
        return found

    def target_of(self, value: ast.expr) -> str:
        """Return the dotted name that `value` is assigned to, '' if none."""
        parent = self.parents[value]
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            return key(parent.targets[0])
        return key(parent.target) if isinstance(parent, ast.AnnAssign | ast.NamedExpr) else ""

    def loads(self, name: str) -> list[ast.expr]:
        """Return where a dotted name is read, whatever its scope."""
        kinds = (ast.Name, ast.Attribute)
        nodes = [node for node in self.order if isinstance(node, kinds) and isinstance(node.ctx, ast.Load)]
        return [node for node in nodes if key(node) == name]

    def handed_to(self, load: ast.expr) -> ast.Call | None:
        """Return the call that `load` is an argument of, itself or inside a list, None if it is none."""
        node: ast.AST = load
        for outer in self.above(load):
            if isinstance(outer, ast.Call):
                return None if node is outer.func else outer
            if not isinstance(outer, ast.keyword | ast.Starred | ast.List | ast.Tuple | ast.Dict):
                return None
            node = outer
        return None


def _as_python(path: Path, text: str) -> str:
    """A notebook's code cells, without the lines that are no Python."""
    if path.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text).get("cells", []) if cell.get("cell_type") == "code"]
        text = "\n".join("".join(cell.get("source", "")) for cell in cells)
    return re.sub(r"(?m)^([ \t]*)[%!](?=[\w%!]).*$", r"\1pass", text)


def _binds(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
        return [node.id]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, Function | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    return []


def _body(scope: Scope) -> list[ast.stmt]:
    return scope.body if isinstance(scope.body, list) else []
