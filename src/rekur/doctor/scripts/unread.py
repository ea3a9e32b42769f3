"""Settings that a script defines and nothing reads: constants, keys of a config, options of the command line."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from rekur.doctor.scripts.names import argument, key, number, tail, tokens
from rekur.doctor.scripts.sources import LEARNING_RATES, Scope, Scripts

RATE = frozenset({"lr", "learning rate", "learningrate", "learn rate", "base lr", "init lr", "initial lr"})
DECAY = frozenset({"weight decay", "wd", "weightdecay"})
DROPOUT = frozenset({"dropout", "drop out", "drop", "dropout p", "p dropout", "dropout rate", "dropout prob"})
EXACT = frozenset(
    {"bs", "batchsize", "gamma", "seed", "layers", "window", "betas", "optimizer", "optimiser", "optim"}
    | {"temperature", "embedding", "stride"}
)
WORDS = frozenset({"lr", "dropout", "hidden", "decay", "momentum", "epochs", "warmup", "clip", "patience"})
PAIRS = frozenset(
    {
        ("learning", "rate"),
        ("batch", "size"),
        ("step", "size"),
        ("max", "norm"),
        ("forcing", "ratio"),
        ("random", "seed"),
    }
    | {(what, size) for what in ("embedding", "embed", "emb", "input", "output", "vocab") for size in ("dim", "size")}
    | {(what, end) for what in ("seq", "sequence", "max") for end in ("len", "length")}
    | {(count, what) for count in ("num", "n") for what in ("layers", "classes")}
)
HARMLESS = frozenset(  # what may be given a whole config and reads no setting for the training
    {"print", "pprint", "pformat", "str", "repr", "len", "type", "isinstance", "dump", "dumps", "safe_dump", "save"}
    | {"init", "log", "info", "debug"}
)
HOLDERS = frozenset(
    {"args", "cfg", "config", "conf", "hparams", "hyperparams", "hyperparameters", "params", "flags", "options"}
    | {"settings"}
)


@dataclass(frozen=True)
class Unread:
    """A setting that nothing reads."""

    name: str
    value: object
    where: str
    role: str  # learning rate, weight decay, dropout, or "" for any other
    used: tuple[float | None, ...]  # the values in use in its place; None: not a literal


def unread(scripts: Scripts) -> Iterator[Unread]:
    """Yield each setting that no line of the files can read."""
    for name, value, node in (*_constants(scripts), *_keys(scripts)):
        role = role_of(name)
        yield Unread(name, value, scripts.where(node), role, tuple(_in_use(scripts, role)))


def is_setting(name: str) -> bool:
    """Whether a name is one people give to a hyperparameter."""
    words = tokens(name)
    alone = len(words) == 1 and words[0] in EXACT
    return alone or bool(set(words) & WORDS) or any(pair in PAIRS for pair in pairwise(words))


def role_of(name: str) -> str:
    """Return what a setting would set: learning rate, weight decay, dropout, or "" for any other."""
    words = " ".join(tokens(name))
    roles = (("learning rate", RATE), ("weight decay", DECAY), ("dropout", DROPOUT))
    return next((role for role, names in roles if words in names), "")


# constants


def _constants(scripts: Scripts) -> Iterator[tuple[str, object, ast.AST]]:
    if scripts.unseen:
        return
    last: dict[tuple[str, Scope], tuple[object, ast.Name]] = {}
    for target, value in _assignments(scripts):
        if is_setting(target.id) and _is_plain(scripts, target):
            last[target.id, scripts.scope(target)] = value, target
    for (name, scope), (value, target) in last.items():
        if not _is_read(scripts, name, scope) and not _for_others(scripts, scope, name):
            yield name, value, target


def _assignments(scripts: Scripts) -> Iterator[tuple[ast.Name, object]]:
    """Yield names that are given literals, tuples taken apart."""
    for node in scripts.all(ast.Assign):
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=False))
            for name, value in pairs:
                literal = _literal(value)
                if isinstance(name, ast.Name) and literal is not None:
                    yield name, literal
    for other in scripts.all(ast.AnnAssign):
        literal = _literal(other.value)
        if isinstance(other.target, ast.Name) and literal is not None:
            yield other.target, literal


def _literal(node: ast.AST | None) -> object:
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float):
        return node.value
    return number(node)


def _is_plain(scripts: Scripts, target: ast.Name) -> bool:
    """Whether an assignment makes an ordinary variable: none of a class, and none that is declared global."""
    for outer in scripts.above(target):
        if isinstance(outer, ast.ClassDef):
            return False
        if isinstance(outer, Scope):
            break
    return target.id in scripts.bound.get(scripts.scope(target), ())


def _is_read(scripts: Scripts, name: str, scope: Scope) -> bool:
    for load in scripts.all(ast.Name):
        if load.id == name and not isinstance(load.ctx, ast.Store):
            home = scripts.home(load)
            if home is scope or (isinstance(home, ast.Module) and isinstance(scope, ast.Module)):
                return True
    for node in scripts.all(ast.AugAssign):
        if key(node.target) == name:
            return True
    here = scripts.path(scope).stem
    imported = any(alias.name == name for node in scripts.all(ast.ImportFrom) for alias in node.names)
    attribute = any(node.attr == name and tail(node.value) == here for node in scripts.all(ast.Attribute))
    return imported or attribute


def _for_others(scripts: Scripts, scope: Scope, name: str) -> bool:
    """Whether a constant may be there for files that import this one."""
    if not isinstance(scope, ast.Module):
        return False
    if not scripts.trains(scope) or any(
        key(t) == "__all__" for n in scope.body if isinstance(n, ast.Assign) for t in n.targets
    ):
        return True
    if role_of(name) and (used := list(_in_use(scripts, role_of(name)))) and None not in used:
        return False  # the files train, and with numbers written out
    return not any(_executes(statement) for statement in scope.body)


def _executes(statement: ast.stmt) -> bool:
    """Whether a statement of a module does something when the file is run."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call)
    if isinstance(statement, ast.Assign):
        return isinstance(statement.value, ast.Call) and tail(statement.value.func) in LEARNING_RATES
    return isinstance(statement, ast.For | ast.While | ast.With) or (
        isinstance(statement, ast.If) and "__main__" in ast.dump(statement.test)
    )


# keys of a config, options of the command line, fields of a settings class


def _keys(scripts: Scripts) -> Iterator[tuple[str, object, ast.AST]]:
    if scripts.unseen or not scripts.trains() or _escapes(scripts):
        return
    defined = [*_of_dicts(scripts), *_of_parsers(scripts), *_of_classes(scripts)]
    own = {id(node) for _, _, node in defined}
    mentioned = {node.attr for node in scripts.all(ast.Attribute) if isinstance(node.ctx, ast.Load)}
    mentioned |= {n.value for n in scripts.all(ast.Constant) if isinstance(n.value, str) and id(n) not in own}
    for name, value, node in defined:
        if is_setting(name) and name not in mentioned:
            yield name, value, node


def _of_dicts(scripts: Scripts) -> Iterator[tuple[str, object, ast.AST]]:
    for node in scripts.all(ast.Dict):
        if tokens(scripts.target_of(node)) and tokens(scripts.target_of(node))[-1] in HOLDERS:
            for name, value in zip(node.keys, node.values, strict=True):
                literal = _literal(value)
                if isinstance(name, ast.Constant) and isinstance(name.value, str) and literal is not None:
                    yield name.value, literal, name


def _of_parsers(scripts: Scripts) -> Iterator[tuple[str, object, ast.AST]]:
    for call in scripts.methods("add_argument"):
        flags = [a for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        long = next((flag for flag in flags if str(flag.value).startswith("--")), None)
        default = _literal(argument(call, "default"))
        if long is not None and argument(call, "dest") is None and default is not None:
            yield str(long.value)[2:].replace("-", "_"), default, long


def _of_classes(scripts: Scripts) -> Iterator[tuple[str, object, ast.AST]]:
    for node in scripts.classes.values():
        named = tokens(node.name) and tokens(node.name)[-1] in {*HOLDERS, "arguments"}
        plain = not any(isinstance(part, ast.FunctionDef) for part in node.body)
        if named and plain and all(key(base) in ("", "object") for base in node.bases):
            for part in node.body:
                target = part.targets[0] if isinstance(part, ast.Assign) else getattr(part, "target", None)
                literal = _literal(getattr(part, "value", None))
                if isinstance(target, ast.Name) and literal is not None:
                    yield target.id, literal, target


def _escapes(scripts: Scripts) -> bool:
    """Whether a whole config goes where its keys may be read unseen."""
    parsed = _config_names(scripts)
    loads: list[ast.Name | ast.Attribute] = [*scripts.all(ast.Name), *scripts.all(ast.Attribute)]
    for load in loads:
        parent = scripts.parents[load]
        called = isinstance(parent, ast.Call) and parent.func is load
        held = not called and ((tokens(tail(load)) or [""])[-1] in HOLDERS or key(load) in parsed)
        if held and isinstance(load.ctx, ast.Load) and not _is_seen(scripts, load):
            return True
    return False


def _config_names(scripts: Scripts) -> set[str]:
    """Names given the result of a parser or of a settings class."""
    found = set()
    for call in scripts.calls:
        words = tokens(tail(call.func))
        if words and (words[0] == "parse" or words[-1] in HOLDERS):
            found.add(scripts.target_of(call))
    return found - {""}


def _is_seen(scripts: Scripts, load: ast.expr) -> bool:
    """Whether a use of a config names the keys it reads, or hands it to a function of these files."""
    parent = scripts.parents[load]
    if isinstance(parent, ast.Subscript):
        return parent.value is not load or isinstance(parent.slice, ast.Constant)
    if isinstance(parent, ast.Attribute):
        return parent.attr not in {
            "items",
            "values",
            "keys",
            "copy",
            "update",
            "pop",
            "setdefault",
            "__dict__",
            "_get_kwargs",
        }
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Attribute):
        return (tokens(parent.targets[0].attr) or [""])[-1] in HOLDERS  # self.config: watched as well
    if isinstance(parent, ast.FormattedValue | ast.arg | ast.Return | ast.Expr):
        return True
    if isinstance(parent, ast.keyword) and parent.arg is None:
        return False
    call = scripts.handed_to(load)
    if call is None:
        return False
    name = tail(call.func)
    return name in scripts.functions or name in scripts.classes or name in HARMLESS


# what is used instead


def _in_use(scripts: Scripts, role: str) -> Iterator[float | None]:
    if role == "learning rate":
        for call in scripts.optimizers:
            node = argument(call, "lr", "learning_rate", at=1)
            default = node is None and all(word.arg for word in call.keywords) and not _has_groups(call)
            yield LEARNING_RATES[tail(call.func)] if default else number(node)
    elif role == "weight decay":
        for call in scripts.optimizers:
            node = argument(call, "weight_decay")
            plain = 0.01 if tail(call.func) == "AdamW" else 0.0
            yield plain if node is None and all(word.arg for word in call.keywords) else number(node)
    elif role == "dropout":
        for call in scripts.calls:
            name = tail(call.func)
            if name in {"Dropout", "Dropout1d", "Dropout2d"}:
                yield number(argument(call, "p", at=0) or ast.Constant(0.5))
            elif name in {"RNN", "GRU", "LSTM", "dropout"}:
                node = argument(call, "dropout", "p", at=1 if name == "dropout" else None)
                if node is not None:
                    yield number(node)


def _has_groups(call: ast.Call) -> bool:
    """Whether an optimizer is given groups of parameters, each with settings of its own."""
    return bool(call.args) and isinstance(call.args[0], ast.List | ast.ListComp)
