"""The shapes of the weights that every part is made of: recurrent layers and linear maps."""

from __future__ import annotations

import itertools

from rekur import engine

Weight = tuple[tuple[int, ...], str]  # shape and type
Shapes = dict[str, tuple[int, ...]]
KINDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")  # the weights of a recurrent layer


def recurrent(cell: str, read: int, H: int, layers: int, D: int) -> dict[tuple[int, int], list[tuple[int, ...]]]:
    """Return the shapes of w_ih, w_hh, b_ih and b_hh of each layer and direction (k, d)."""
    G_H = engine.GATES[engine.MODES[cell]] * H
    return {
        (k, d): [(G_H, D * H if k else read), (G_H, H), (G_H,), (G_H,)]
        for k, d in itertools.product(range(layers), range(D))
    }


def stack(name: str, cell: str, read: int, H: int, layers: int) -> Shapes:
    """Return the weights of a recurrent layer called `name` of K layers that read one way."""
    found: Shapes = {}
    for (k, _), shapes in recurrent(cell, read, H, layers, 1).items():
        found |= dict(zip((f"{name}.{kind}_l{k}" for kind in KINDS), shapes, strict=True))
    return found


def linear(name: str, before: int, after: int) -> Shapes:
    """Return the weights of a linear map called `name`."""
    return {f"{name}.weight": (after, before), f"{name}.bias": (after,)}


def attention(kind: str, H: int, M: int) -> Shapes:
    """Return the weights of an attention of queries (H) to a memory (M)."""
    found: Shapes = {"attention.key.weight": (H, M)} if kind in ("general", "additive") else {}
    if kind == "additive":
        found |= {**linear("attention.query", H, H), "attention.score.weight": (1, H)}
    return found
