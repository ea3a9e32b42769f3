"""Several recipes at a time, each in a process of its own: `rekur run` without a name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rekur.errors import Interrupted, RefusedModelError, RekurError, RequestError
from rekur.training.stopping import Stop

PAUSE = 0.05  # seconds between two looks at the children
PATIENCE = 60.0  # seconds a child has to write its checkpoint
ERRORS = {kind.exit_code: kind for kind in (RequestError, RefusedModelError, Interrupted)}
Child = subprocess.Popen[str]


def run(
    names: Iterable[str],
    place: Path,
    workers: int,
    options: Mapping[str, Any],
    tell: Sequence[Callable[[str], None]] = (),
) -> None:
    """Run the recipes `names` into folders of these names under `place`, `workers` at a time, on a thread each.

    `options` are those of `rekur.run`: data, seed, device, epochs. `tell` hears when a recipe begins and ends.
    Raises what a recipe raised, or Interrupted; the other children are ended first.
    """
    waiting = list(names)
    children: dict[str, Child] = {}
    try:
        with Stop() as stop:
            while waiting or children:
                with stop.held():
                    for name in [name for name, child in children.items() if child.poll() is not None]:
                        _close(name, children.pop(name))
                        _say(tell, f"{name} is done")
                    for name in waiting[: workers - len(children)]:
                        children[name] = _begin(name, place / name, options)
                        _say(tell, f"{name} begins")
                    waiting = [name for name in waiting if name not in children]
                time.sleep(PAUSE)
    except Interrupted:
        raise Interrupted(
            f"Interrupted. What was begun is in {place}: continue with `rekur run --resume {place}/NAME`."
        ) from None
    finally:
        _end(children.values())


def _begin(name: str, out: Path, options: Mapping[str, Any]) -> Child:
    given = [f"--{key}={value}" for key, value in options.items() if value is not None and key != "threads"]
    command = [sys.executable, "-m", "rekur.cli", "run", name, f"--out={out}", "--threads=1", "--quiet", *given]
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # the baselines' libraries
    # In a session of its own: Ctrl-C must reach it once, from here.
    return subprocess.Popen(
        command, env=alone, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def _close(name: str, child: Child) -> None:
    said = child.communicate()[1].strip().removeprefix("rekur: ")
    if child.returncode:
        raise ERRORS.get(child.returncode, RekurError)(f"{name}: {said or f'ended with code {child.returncode}'}")


def _end(children: Iterable[Child]) -> None:
    """End what still runs: a checkpoint is written first, if there is time."""
    for child in children:
        child.send_signal(signal.SIGINT)
    for child in children:
        try:
            child.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()


def _say(tell: Sequence[Callable[[str], None]], text: str) -> None:
    for listener in tell:
        listener(text)
