"""`rekur bench`: speed beside torch on this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import typer

from rekur.cli import output
from rekur.cli.options import Data, Json
from rekur.errors import RequestError, nearest

CELLS = ("rnn", "gru", "lstm")
PRECISIONS = ("highest", "high", "medium")
REPEATS, QUICK_REPEATS = 7, 3

Cells = Annotated[str, typer.Option(help="Which cells, joined by commas.", metavar="NAMES")]
Threads = Annotated[str, typer.Option(help="Numbers of threads, joined by commas.", metavar="NUMBERS")]
Repeats = Annotated[
    int | None, typer.Option(help="Turns each form takes; their median counts. Default: 7.", metavar="N", min=1)
]
Quick = Annotated[bool, typer.Option("--quick", help="Small sizes and three turns: no measurement.")]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _bench() -> None:
    """Measure speed beside torch, on this machine.

    All forms of the same work take turns in one process, denormals flushed for all of them, and their results are
    compared first. One thread is timed by the processor's seconds, more than one by the wall's.

    Example: rekur bench layers --quick
    """


@app.command()
def layers(
    cells: Cells = "rnn,gru,lstm",
    shapes: Annotated[
        str, typer.Option(help="NxTxIxH, joined by commas. Default: the seven of docs/layers.md.", metavar="SIZES")
    ] = "",
    threads: Threads = "1,2",
    precision: Annotated[
        str, typer.Option(help="Of rekur's products in float32: highest, high or medium.", metavar="NAME")
    ] = "highest",
    repeats: Repeats = None,
    padded: Annotated[bool, typer.Option("--padded", help="Only batches without lengths.")] = False,
    lengths: Annotated[bool, typer.Option("--lengths", help="Only batches of IMDB's lengths.")] = False,
    memory: Annotated[bool, typer.Option("--memory", help="Only the memory of a training step.")] = False,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Time training steps of the layers: rekur.nn beside torch.nn.

    A step goes forward, and back to the gradients of the input and of every parameter. `times` is torch's seconds
    by rekur's, `torch / torch` the same of torch against itself: the noise. The roofline is the speed of a product
    of 2,048 x 2,048 matrices in the same turns. --padded, --lengths and --memory may be joined; without any of them
    the first two are measured, with --shapes the first alone. The exit code is 1 if a result differs from torch's by
    more than rounding.

    Example: rekur bench layers --cells gru --shapes 64x200x128x256 --threads 1
    """
    chosen = names("--cells", cells, CELLS), numbers("--threads", threads)
    (precision,) = names("--precision", precision, PRECISIONS)
    if shapes and lengths and not (padded or memory):
        raise RequestError(
            "--shapes is for --padded and --memory; --lengths has sizes of its own. Leave one of them out."
        )
    from rekur.bench import layers as padding
    from rekur.bench import lengths as unlike
    from rekur.bench import memory as space
    from rekur.bench import tables, timing
    from rekur.bench.steps import Shape

    asked = timing.Request(*chosen, precision, repeats or (QUICK_REPEATS if quick else REPEATS))
    given = [Shape.parse(text) for text in shapes.split(",")] if shapes else None
    both = not (padded or lengths or memory)
    found: dict[str, Any] = {"machine": timing.machine()}
    shown: list[Any] = []
    if padded or both:
        default = padding.QUICK if quick else padding.SHAPES
        found["layers"] = told(padding.measure(asked, given or default), tables.layers)
        found["means"], found["notes"] = padding.means(found["layers"]), padding.notes(found["layers"])
        shown += [tables.layers(found["layers"]), tables.means(found["means"])]
    if lengths or (both and not given):
        found["lengths"] = told(unlike.measure(asked, unlike.QUICK if quick else unlike.FULL), tables.lengths)
        found["together"] = unlike.together(found["lengths"])
        shown += [tables.lengths([*found["lengths"], *found["together"]])]
    if memory:
        largest = padding.QUICK[-1] if quick else space.SHAPE
        found["memory"] = told(space.measure(asked, given or [largest]), tables.memory)
        shown += [tables.memory(found["memory"])]
    show(found, shown, as_json)


@app.command()
def infer(
    cells: Cells = "rnn,gru,lstm",
    threads: Threads = "1,2",
    repeats: Repeats = None,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Time a text classifier's forward pass, beside torch and onnxruntime.

    Embedding, one layer over 200 tokens, its last state, Linear; one text and 64. `rekur, NumPy` is the engine without
    torch. The exit code is 1 if logits differ from torch's by more than rounding.

    Example: rekur bench infer --cells gru --threads 1
    """
    chosen = names("--cells", cells, CELLS), numbers("--threads", threads)
    from rekur import engine
    from rekur.bench import infer as forward
    from rekur.bench import tables, timing

    notes = [] if forward.has_onnxruntime() else [forward.MISSING]
    if engine.selected() == "torch":
        notes.append(f"`rekur, NumPy` needs the native engine, and torch's kernels are selected ({engine.reason}).")
    asked = timing.Request(*chosen, repeats=repeats or (QUICK_REPEATS if quick else REPEATS))
    rows = told(forward.measure(asked, forward.QUICK if quick else forward.FULL), tables.infer)
    show({"machine": timing.machine(), "infer": rows, "notes": notes}, [tables.infer(rows)], as_json)


@app.command()
def train(
    recipes: Annotated[
        str, typer.Option(help="Recipes that classify, joined by commas.", metavar="NAMES")
    ] = "imdb-gru,mnist-bilstm",
    batches: Annotated[
        int | None, typer.Option(help="Train this many batches, at most an epoch. Default: 100.", metavar="N", min=1)
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Train whole epochs in place.", metavar="N", min=1)] = None,
    threads: Annotated[int, typer.Option(help="Threads.", metavar="N", min=1)] = 2,
    data: Data = None,
    quick: Annotated[bool, typer.Option("--quick", help="The recipes' smoke runs, on embedded data.")] = False,
    as_json: Json = False,
) -> None:
    """Train recipes by torch's kernels and by the native engine, in turns.

    Both learn the same batches from the same first weights. An epoch, and the whole recipe, are at the pace of the
    batches learnt; the accuracy is that of the test part.

    Example: rekur bench train --recipes mnist-bilstm --epochs 1
    """
    if batches and epochs:
        raise RequestError("--batches and --epochs contradict each other: give one of them.")
    from rekur import config
    from rekur.bench import tables, timing
    from rekur.bench import train as training

    chosen = names("--recipes", recipes, config.names())
    measured = training.measure(chosen, threads, batches=batches, epochs=epochs, quick=quick, data=data)
    rows = told(measured, tables.train)
    show({"machine": timing.machine(), "train": rows}, [tables.train(rows)], as_json)


def names(option: str, text: str, known: Sequence[str]) -> list[str]:
    """Split names joined by commas; raises RequestError for one that is not known."""
    found = [part.strip() for part in text.split(",")]
    for name in found:
        if name not in known:
            raise RequestError(f"{option}: nothing is called `{name}`. {nearest(name, known)}")
    return found


def numbers(option: str, text: str) -> list[int]:
    """Split numbers joined by commas; raises RequestError for one that is no whole number of 1 or more."""
    found = [int(part) if part.strip().isdecimal() else 0 for part in text.split(",")]
    if min(found) < 1:
        raise RequestError(f"{option}: expected whole numbers of 1 or more, joined by commas; got `{text}`.")
    return found


def told(rows: Iterable[dict[str, Any]], table: Callable[[list[Any]], Any]) -> list[dict[str, Any]]:
    """Collect the rows, and tell stderr of each as it comes: measuring takes minutes."""
    found = []
    for row in rows:
        columns, lines = table([row])
        for line in lines:
            said = (f"{column} {cell}" for column, cell in zip(columns, line, strict=True) if cell)
            print(" | ".join(said), file=sys.stderr, flush=True)
        found.append(row)
    return found


def show(found: dict[str, Any], shown: Sequence[Any], as_json: bool) -> None:
    """Print what was measured; leave with code 1 if a result was wrong."""
    from rekur.bench import tables

    if as_json:
        output.emit(found)
    else:
        output.say(", ".join(f"{name} {value}" for name, value in found["machine"].items()))
        for table in shown:
            output.table(*tables.filled(table))
    for note in found.get("notes", ()):
        print(note, file=sys.stderr)
    rows = [row for value in found.values() if isinstance(value, list) for row in value if isinstance(row, dict)]
    if not all(row.get("agrees", True) for row in rows):
        raise typer.Exit(1)
