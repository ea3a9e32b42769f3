"""The command line: one file a command. Errors become messages and exit codes here and nowhere else.

Nothing heavy is imported at the top of these files, so that ``rekur --help`` answers at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from rekur.cli import (
    bench,
    check,
    data,
    doctor,
    evaluate,
    export,
    fit,
    forecast,
    generate,
    predict,
    recipes,
    report,
    run,
)
from rekur.errors import RekurError

EPILOG = "Anywhere on the line, --debug shows the traceback of an error."

app = typer.Typer(
    name="rekur",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("run", epilog=EPILOG)(run.run)
app.command("fit", epilog=EPILOG)(fit.fit)
app.command("recipes", epilog=EPILOG)(recipes.recipes)
app.command("evaluate", epilog=EPILOG)(evaluate.evaluate)
app.command("doctor", epilog=EPILOG)(doctor.doctor)
app.command("predict", epilog=EPILOG)(predict.predict)
app.command("forecast", epilog=EPILOG)(forecast.forecast)
app.command("generate", epilog=EPILOG)(generate.generate)
app.command("export", epilog=EPILOG)(export.export)
app.command("report", epilog=EPILOG)(report.report)
app.add_typer(data.app, name="data")
app.add_typer(bench.app, name="bench")
app.command("check", epilog=EPILOG)(check.check)


def _version(wanted: bool) -> None:
    if wanted:
        from rekur import __version__

        typer.echo(f"rekur {__version__}")
        raise typer.Exit


@app.callback(epilog=EPILOG)
def _top(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Recurrent networks on an ordinary CPU: train, check and use RNN, GRU and LSTM models.

    Example: rekur run kospi-gru
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 success, 1 the work failed, 2 the request, settings or data were wrong, 5 a model folder was refused,
    6 the doctor found a fault, 130 interrupted.
    """
    arguments, debug = _take_debug(sys.argv[1:] if argv is None else argv)
    _start_quickly()
    try:
        app(args=arguments, prog_name="rekur")
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):
            return 0
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except Exception as error:
        if debug:
            traceback.print_exc()
        else:
            print(_explain(error), file=sys.stderr)
        return error.exit_code if isinstance(error, RekurError) else 1
    finally:
        _let_go_of_a_closed_pipe()
    return 0


def _start_quickly() -> None:
    """Look for cycles of rubbish seldom, and not at the end; for plugins of pydantic, which check nothing here, never.

    Both looks would take as long as a short prediction.
    """
    gc.set_threshold(100_000, 20, 100)
    atexit.register(gc.freeze)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _let_go_of_a_closed_pipe() -> None:
    """Keep quiet where the reader of stdout went away, as `| head` does.

    That is no error; typer would call it one, and the interpreter in its own last flush.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _take_debug(argv: Sequence[str]) -> tuple[list[str], bool]:
    options = argv[: argv.index("--")] if "--" in argv else argv
    if "--debug" not in options:
        return list(argv), False
    return [word for i, word in enumerate(argv) if word != "--debug" or i >= len(options)], True


def _explain(error: Exception) -> str:
    if isinstance(error, RekurError):
        return f"rekur: {error}"
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"rekur: {error.strerror}{where}. What was already written is whole; mend this and run again."
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):  # torch raises RuntimeError
        return "rekur: not enough memory. Try a smaller batch: --set training.batch=16"
    said = " ".join(str(error).split())[:300].rstrip(".") or "no message"
    return f"rekur: unexpected {type(error).__name__}: {said}. Run again with --debug to see where."
