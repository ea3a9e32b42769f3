"""Parameters as a sentence names them: a whole module, one direction of a layer, or one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rekur.wording import listed

TOLD = 4  # names in a sentence; the evidence has all of them
WAY = re.compile(r"_l\d+(?:_reverse)?\b")  # one layer and direction among a module's parameters


def by_module(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the names, sorted, by the module that owns them."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(name.rpartition(".")[0], []).append(name)
    return found


def _named(names: Iterable[str], every: Iterable[str]) -> list[str]:
    """Name parameters by their modules, and by a layer's direction, where all of it is meant."""
    parts, known = [], {owner: set(inside) for owner, inside in by_module(every).items()}
    for owner, inside in by_module(names).items():
        left = set(inside)
        if owner and len(left) > 1 and left == known.get(owner):
            parts.append(f"`{owner}`")
            continue
        for ending in dict.fromkeys(WAY.findall(" ".join(inside))):
            way = {name for name in known.get(owner, ()) if name.endswith(ending)}
            if len(way) > 1 and way <= left:
                parts.append(f"`{owner}.*{ending}`" if owner else f"`*{ending}`")
                left -= way
        parts += [f"`{name}`" for name in inside if name in left]
    return parts


def told(names: Iterable[str], every: Iterable[str]) -> str:
    """Return some of `every` parameter as a list in a sentence."""
    return listed(_named(names, every), TOLD)


def verb(names: Iterable[str], every: Iterable[str], one: str, many: str) -> str:
    """Return the form of a verb, or of a pronoun, that fits what `told` names."""
    parts = _named(names, every)
    return many if len(parts) > 1 or "*" in "".join(parts) else one
