"""`rekur check`: the laws of the engine on this machine."""

from __future__ import annotations

import typer

from rekur.cli import output
from rekur.cli.options import Json


def check(as_json: Json = False) -> None:
    """Check the laws of the engine on this machine.

    Outputs and every gradient of the layers are compared with torch's and with the reference written by hand.
    The exit code is 1 if one differs.

    Example: rekur check
    """
    from rekur.cli import laws
    from rekur.nn import threads

    engine = {**threads.describe(), "denormals_flushed": threads.flush_denormals()}
    found = list(laws.compare())
    broken = [law.name for law in found if not law.holds]
    if as_json:
        output.emit({"engine": engine, "laws": [{**law._asdict(), "holds": law.holds} for law in found]})
    else:
        output.table(
            ("law", "outputs", "gradients", "limit", ""),
            [
                (
                    law.name,
                    f"{law.outputs:.1e}",
                    f"{law.gradients:.1e}",
                    f"{law.limit:.0e}",
                    "holds" if law.holds else "BROKEN",
                )
                for law in found
            ],
        )
        output.say("\n".join(f"{name}: {value}" for name, value in engine.items()))
    if broken:
        raise typer.Exit(1)
