"""`rekur bench layers`: training steps of padded batches, torch.nn and rekur.nn in turns."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rekur import engine
from rekur.bench.steps import Shape, Training, errors, twins
from rekur.bench.timing import Form, Request, Timing, compute_on, geometric_mean, take_turns

SHAPES = (
    Shape(64, 200, 100, 300),
    Shape(64, 200, 128, 256),
    Shape(32, 100, 100, 32),
    Shape(128, 28, 28, 64),
    Shape(256, 100, 256, 256),
    Shape(20, 5, 4, 8),
    Shape(128, 400, 128, 512),
)
QUICK = (Shape(20, 5, 4, 8), Shape(16, 20, 16, 32))
WIDE = 256  # hidden units from which the products outweigh the rest
SQUARE = 2048  # rows and columns of the product whose speed is the roofline

QUIET = 1.1  # torch may differ from itself by this much

Row = dict[str, Any]


def measure(asked: Request, shapes: Sequence[Shape]) -> Iterator[Row]:
    """Yield a row for each number of threads, cell and shape."""
    for count in asked.threads:
        clock = compute_on(count)
        peak = engine.peak(count)
        for cell in asked.cells:
            for shape in shapes:
                trainings = trained(cell, shape, asked.precision)
                row = {"cell": cell, **shape._asdict(), "threads": count, "precision": asked.precision}
                row |= errors(trainings["rekur"], trainings["torch"])
                taken = take_turns(_forms(trainings), asked.repeats, clock)
                yield {**row, **figures(taken, shape.flop(cell), peak)}


def trained(cell: str, shape: Shape, precision: str) -> dict[str, Training]:
    """Return the training step of each contestant, on the same numbers; torch's own is in float32 throughout."""
    theirs, ours = twins(cell, shape.I, shape.H)
    x, d = torch.randn(shape.T, shape.N, shape.I), torch.randn(shape.T, shape.N, shape.H)
    trainings = {"torch": Training(theirs, x, outputs, d), "rekur": Training(ours, x, outputs, d, precision)}
    if precision == "medium":
        trainings["torch bfloat16"] = Training(copy.deepcopy(theirs).bfloat16(), x, outputs, d)
    return trainings


def outputs(layer: nn.RNNBase, x: Tensor) -> Tensor:
    """Return the outputs (T, N, H): the loss is on every step."""
    seen: Tensor = layer(x)[0]
    return seen


def figures(taken: dict[str, Timing], flop: int, peak: float | None) -> Row:
    """Return seconds of each contestant, ratios, the noise of torch against itself, and shares of what is possible."""
    seconds = {name: timing.seconds for name, timing in taken.items()}
    rooflines = 2 * SQUARE**3 / seconds.pop("product")
    ours, noise = seconds["rekur"], seconds.pop("torch again") / seconds["torch"]
    return {
        "seconds": seconds,
        "ratio": seconds["torch"] / ours,
        "ratio_bfloat16": seconds["torch bfloat16"] / ours if "torch bfloat16" in seconds else None,
        "noise": noise,
        "flop_per_second": {"product": rooflines, "rekur": flop / ours, "peak": peak},
        "roofline": flop / ours / rooflines,
        "of_peak": flop / ours / peak if peak else None,
    }


def means(rows: Sequence[Row]) -> list[Row]:
    """Return the geometric mean of the ratios of each cell and number of threads, over all shapes and the wide ones."""
    found = []
    for key in dict.fromkeys((row["threads"], row["cell"]) for row in rows):
        mine = [row for row in rows if (row["threads"], row["cell"]) == key]
        for name, chosen in (("all", mine), (f"H >= {WIDE}", [row for row in mine if row["H"] >= WIDE])):
            if chosen:
                found.append({"threads": key[0], "cell": key[1], "shapes": name, **_mean(chosen)})
    return found


def notes(rows: Sequence[Row]) -> list[str]:
    """Return what a reader of the ratios should know: whether the machine was too busy for them."""
    loud = sum(not 1 / QUIET <= row["noise"] <= QUIET for row in rows)
    if not loud:
        return []
    return [
        f"In {loud} of {len(rows)} rows torch differs from itself by more than a tenth: other work disturbs the "
        "measurement, most of all where threads wait for each other. Measure again on a quiet machine."
    ]


def _mean(rows: Sequence[Row]) -> Row:
    half = [row["ratio_bfloat16"] for row in rows if row["ratio_bfloat16"]]
    return {
        "count": len(rows),
        "ratio": geometric_mean([row["ratio"] for row in rows]),
        "ratio_bfloat16": geometric_mean(half) if half else None,
        "least": min(row["ratio"] for row in rows),
        "roofline": geometric_mean([row["roofline"] for row in rows]),
        "noise": geometric_mean([row["noise"] for row in rows]),
    }


def _forms(trainings: dict[str, Training]) -> list[Form]:
    forms = [training.form(name) for name, training in trainings.items()]
    square, result = torch.randn(SQUARE, SQUARE), torch.empty(SQUARE, SQUARE)
    product = Form("product", lambda: torch.mm(square, square, out=result), trainings["torch"].before)
    return [*forms, trainings["torch"].form("torch again"), product]
