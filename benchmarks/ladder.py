"""A training step of one layer, from a loop over its cell to the last rung of the engine, all in turns in one process.

    python benchmarks/ladder.py [--cell gru] [--shape 64x200x128x256] [--threads 2] [--repeats 7] [--json]

Each rung computes the same as the first one, which is checked before anything is timed, and stands beside the rung
before it and beside `torch.nn` on as many threads. Rungs of one thread are timed by the seconds the processor gives
this process; those of more threads by the wall, and so is, once more, the rung before the first of them. Denormals are
flushed for all. Where the processor lacks an instruction set, its rungs are missing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rekur import engine
from rekur.bench import tables, timing
from rekur.bench.layers import notes, outputs
from rekur.bench.steps import Shape, Training, errors, twins
from rekur.cli import output
from rekur.errors import RekurError
from rekur.models import CellLoop

DEFAULT = Shape(64, 200, 128, 256)
FASTER = ("high", "medium")
TILES = "amx"  # a set that multiplies float32 as avx512 does, and differs in what is less precise

Row = dict[str, Any]


class Rung(NamedTuple):
    """One form of the step."""

    name: str
    set: str  # what `rekur.engine` selects
    training: Training
    threads: int = 1

    def form(self) -> timing.Form:
        return timing.Form(str(self), self.training, self.before)

    def before(self) -> None:
        engine.select(self.set)
        torch.set_num_threads(self.threads)
        self.training.before()

    def __str__(self) -> str:
        return self.name if self.threads == 1 else f"{self.name}, {self.threads} threads"


def measure(cell: str, shape: Shape, threads: int = 2, repeats: int = 7) -> list[Row]:
    """Return a row for each rung, the lowest first."""
    clock = timing.compute_on(1)
    loop, theirs, *sets = alone(cell, shape)
    found = list(rows([loop, theirs, *sets], theirs, repeats, clock))
    clock = timing.compute_on(threads)
    last = sets[-1:]
    together = [rung._replace(threads=threads) for rung in (*last, *(faster(last[0].training) if last else ()))]
    return found + list(rows([*last, *together], theirs._replace(threads=threads), repeats, clock))[len(last) :]


def alone(cell: str, shape: Shape) -> list[Rung]:
    """Return the loop, torch.nn and the engine's sets, slowest first, on the same numbers."""
    theirs, ours = twins(cell, shape.I, shape.H)
    loop = CellLoop(cell, shape.I, shape.H)
    loop.cell.load_state_dict({name.removesuffix("_l0"): weight for name, weight in theirs.state_dict().items()})
    x, d = torch.randn(shape.T, shape.N, shape.I), torch.randn(shape.T, shape.N, shape.H)
    found = [
        Rung("a loop over torch's cell", "torch", Training(loop, x, looped, d)),
        Rung("torch.nn", "torch", Training(theirs, x, outputs, d)),
    ]
    sets = [name for name in reversed(engine.SETS) if name != TILES]
    return found + [Rung(name, name, Training(ours, x, outputs, d)) for name in sets]


def looped(loop: CellLoop, x: Tensor) -> Tensor:
    """Return the outputs (T, N, H) of a loop, whose batch comes first."""
    return outputs(loop, x.transpose(0, 1)).transpose(0, 1)


def faster(exact: Training) -> Iterator[Rung]:
    """Yield the rungs that multiply less precisely, where a set has kernels of its own for that."""
    for precision in FASTER:
        for name in reversed(engine.SETS):
            engine.select(name)
            if engine.multiplies(precision):
                training = Training(exact.layer, exact.x, outputs, exact.d, precision)
                yield Rung(f"{name}, {precision}", name, training)


def rows(rungs: Sequence[Rung], theirs: Rung, repeats: int, clock: timing.Clock) -> Iterator[Row]:
    """Time the rungs and `theirs`, torch.nn, in turns, and yield a row for each of the rungs."""
    checked = []
    for rung in rungs:
        rung.before()
        checked.append(errors(rung.training, theirs.training))
    again = theirs._replace(name="torch.nn again")
    forms = {str(rung): rung.form() for rung in (*rungs, theirs, again)}
    seconds = {name: one.seconds for name, one in timing.take_turns(list(forms.values()), repeats, clock).items()}
    right, lower = seconds[str(theirs)], None
    for rung, error in zip(rungs, checked, strict=True):
        own = seconds[str(rung)]
        row = {"rung": rung.name, "threads": rung.threads, "seconds": own, "noise": seconds[str(again)] / right}
        yield {**row, "before": lower and lower / own, "torch": right / own, **error}
        lower = own


def table(found: Sequence[Row]) -> tables.Table:
    """Return the rows as text."""
    columns = ("rung", "threads", "a step", "times the rung before", "times torch.nn", "outputs", "gradients")
    return columns, [
        (
            row["rung"],
            str(row["threads"]),
            tables.duration(row["seconds"]),
            tables.times(row["before"]),
            tables.times(row["torch"]),
            *(f"{row['errors'][what]:.0e}" for what in ("outputs", "gradients")),
        )
        for row in found
    ]


def main() -> None:
    """Measure and print; leave with code 1 if a rung computes something else than torch.nn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", choices=tuple(engine.MODES), default="gru")
    parser.add_argument("--shape", type=Shape.parse, default=DEFAULT, help="NxTxIxH")
    parser.add_argument("--threads", type=int, default=2, help="of the last rungs")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    here = {"machine": timing.machine(), "cell": options.cell, **options.shape._asdict()}
    found = measure(options.cell, options.shape, options.threads, options.repeats)
    if options.json:
        output.emit({**here, "rungs": found, "notes": notes(found)})
    else:
        output.say(", ".join(f"{name} {value}" for name, value in {**here.pop("machine"), **here}.items()))
        output.table(*table(found))
    for note in notes(found):
        print(note, file=sys.stderr)
    if not all(row["agrees"] for row in found):
        sys.exit("A rung differs from torch.nn by more than rounding.")


if __name__ == "__main__":
    try:
        main()
    except RekurError as error:
        sys.exit(str(error))
