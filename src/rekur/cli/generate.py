"""`rekur generate`: a language model goes on with a text, a character or word at a time."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rekur.cli import output
from rekur.cli.options import Json, RunFolder
from rekur.errors import Interrupted, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTHS = {"characters": 400, "words": 100}


def generate(
    run: RunFolder,
    prompt: Annotated[
        str, typer.Argument(help="The text to go on with, or - for stdin; none: the beginning of a line.")
    ] = "",
    length: Annotated[
        int | None, typer.Option(help="Characters or words to write; by default 400 characters, or 100 words.", min=1)
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Below 1 bolder, above 1 more varied; 0: always the likeliest.", min=0)
    ] = None,
    top_k: Annotated[int, typer.Option(help="Draw among the k likeliest; 0: all.", min=0)] = 0,
    top_p: Annotated[float, typer.Option(help="Draw among the likeliest that make up this share.", max=1)] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed writes the same text.", min=0)] = 1,
    as_json: Json = False,
) -> None:
    """Go on with a text, as a run of the task `generate` learned to.

    The text appears as it is written; Ctrl-C ends it. Without --temperature, the recipe's own.

    Example: rekur generate runs/shakespeare-best-1 "KING RICHARD:" --length 300 --temperature 0.8 --top-p 0.95
    """
    try:
        from rekur import predict

        predictor, begun = predict.load(run), _read(prompt)
        settings = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
        pieces = predictor.write(begun, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
        data: Any = predictor.task.data
        first = next(pieces)  # a prompt that cannot be read is refused before anything else is said
        written = itertools.islice(itertools.chain([first], pieces), length or LENGTHS[data.unit])
        if unread := predictor.task.unread(begun):  # type: ignore[attr-defined]
            print(f"Not among the model's words, read as <unk>: {', '.join(unread)}", file=sys.stderr)
        if as_json:
            settings["temperature"] = data.temperature if temperature is None else temperature
            recipe = predictor.config.recipe.name
            output.emit({"run": str(run), "recipe": recipe, "prompt": begun, "text": "".join(written), **settings})
        else:
            _stream(begun, written)
    except KeyboardInterrupt:
        raise Interrupted("Interrupted.") from None


def _read(prompt: str) -> str:
    if prompt != "-":
        return prompt
    try:
        return sys.stdin.buffer.read().decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise RequestError(f"The prompt on stdin is not UTF-8: {error.reason} at byte {error.start}.") from None


def _stream(prompt: str, written: Iterator[str]) -> None:
    """Print each piece as soon as it is there; stop where the reader went away, or on Ctrl-C."""
    try:
        print(prompt, end="")
        for piece in written:
            print(piece, end="", flush=True)
    except BrokenPipeError:
        return
    except KeyboardInterrupt:
        print(flush=True)
        raise
    print()
