"""`rekur check`: the laws of the engine on this machine, and what it leaves to torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from rekur.cli import output
from rekur.cli.options import Json

if TYPE_CHECKING:
    from rekur.cli.laws import Law


def check(as_json: Json = False) -> None:
    """Check the laws of the engine on this machine.

    Outputs and every gradient of the layers are compared with torch's and with the reference written by hand, computed
    by each instruction set that runs here and by torch's kernels. What goes to torch's kernels always is listed below.
    The exit code is 1 if one differs.

    Example: rekur check
    """
    from rekur import engine
    from rekur.cli import laws
    from rekur.nn import kernels, threads

    here = {**threads.describe(), "denormals_flushed": threads.flush_denormals()}
    everything = kernels.everything()
    left = [everything] if everything else kernels.FALLBACKS
    found = list(laws.compare())
    if as_json:
        told = [{**law._asdict(), "holds": law.holds} for law in found]
        fallbacks = [fallback._asdict() for fallback in left]
        output.emit(
            {"engine": here, "sets": engine.SETS, "reason": engine.reason, "laws": told, "torch_computes": fallbacks}
        )
    else:
        _print(found)
        output.say("\n".join(f"{name}: {value}" for name, value in here.items()))
        output.say("torch's kernels compute:\n" + "\n".join(f"  {what}: {why}" for what, why in left))
    if not all(law.holds for law in found):
        raise typer.Exit(1)


def _print(found: list[Law]) -> None:
    output.table(
        ("engine", "law", "outputs", "gradients", "limit", ""),
        [
            (
                law.engine,
                law.name,
                f"{law.outputs:.1e}",
                f"{law.gradients:.1e}",
                f"{law.limit:.0e}",
                "holds" if law.holds else "BROKEN",
            )
            for law in found
        ],
    )
