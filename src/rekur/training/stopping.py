"""Ctrl-C and SIGTERM, never in the middle of a step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from rekur.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """While entered, a signal raises Interrupted: at once, or at the end of the `held` block it falls into.

    A second signal in a held block, as while a checkpoint is written, waits, too: what is held is short.
    Outside the main thread signals cannot be caught, and nothing changes.
    """

    def __init__(self) -> None:
        self._held = False
        self._asked = False

    def __enter__(self) -> Stop:
        main = threading.current_thread() is threading.main_thread()
        self._before = {number: signal.signal(number, self._hear) for number in SIGNALS} if main else {}
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if not self._held:
            raise Interrupted("Interrupted.")
        self._asked = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Run the block to its end before a signal is obeyed."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._asked:
            self._asked = False
            raise Interrupted("Interrupted.")
