"""The forecasters that say all steps of the horizon at once; their equations are in `rekur.models.forecasters`."""

from __future__ import annotations

import numpy as np

from rekur.inference.arrays import Floats, Integers, valid
from rekur.inference.attention import attend
from rekur.inference.forecasters.base import Forecaster, Known, at_end, beside


class Direct(Forecaster):
    """See `rekur.models.forecasters.direct`."""

    def read(self, past: Floats, known: Known, lengths: Integers | None) -> Floats:
        return self.head(self.layer("core", past, None, lengths)[1][0][-1], known)


class Dilated(Forecaster):
    """See `rekur.models.forecasters.dilated`."""

    def read(self, past: Floats, known: Known, lengths: Integers | None) -> Floats:
        x, k = past, 0
        for place, block in enumerate(self.settings.dilations):
            before = x
            for dilation in block:
                x, k = self._dilated(f"core.{k}", x, dilation, lengths), k + 1
            x = x + before if place else x
        return self.head(at_end(x, lengths), known)

    def _dilated(self, name: str, x: Floats, dilation: int, lengths: Integers | None) -> Floats:
        N, T, I = x.shape  # noqa: E741
        d = min(dilation, T)
        phases = np.pad(x, ((0, 0), (0, -T % d), (0, 0))).reshape(N, -1, d, I).swapaxes(1, 2).reshape(N * d, -1, I)
        ends = None if lengths is None else ((lengths[:, None] + d - 1 - np.arange(d)) // d).reshape(-1)
        outputs, _ = self.layer(name, phases, None, ends, layers=1)
        H = outputs.shape[2]
        return outputs.reshape(N, d, -1, H).swapaxes(1, 2).reshape(N, -1, H)[:, :T]


class Segments(Forecaster):
    """See `rekur.models.forecasters.segments`."""

    def read(self, past: Floats, known: Known, lengths: Integers | None) -> Floats:
        N, M, H = len(past), self.sizes.segments, self.settings.hidden
        segments, count = cut(past, lengths, self.settings.segment)
        _, state = self.layer("core", np.maximum(self.linear("embed", segments), 0), None, count)
        x = np.broadcast_to(self._places(known), (N, M, H)).reshape(N * M, 1, H)
        outputs, _ = self.layer("core", x, tuple(part.repeat(M, axis=1) for part in state))
        return self.linear("output", outputs).reshape(N, -1, self.sizes.parameters)[:, : self.horizon]

    def _places(self, known: Known) -> Floats:
        """Return (N or 1, M, H), what is read at each segment of the horizon."""
        future, static = known
        M, w = self.sizes.segments, self.settings.segment
        if future is not None:
            future = np.pad(future, ((0, 0), (0, M * w - future.shape[1]), (0, 0))).reshape(len(future), M, -1)
        read = beside((future, static), M)
        return self.weights["place"][None] + (0 if read is None else self.linear("step", read))


class DecoderForecaster(Forecaster):
    """See `rekur.models.forecasters.decoder`."""

    def read(self, past: Floats, known: Known, lengths: Integers | None) -> Floats:
        memory, state = self.layer("core", past, None, lengths)
        read, place = beside(known, self.horizon), self.weights["place"]
        x = np.broadcast_to(place, (len(past), *place.shape)) if read is None else place + self.linear("step", read)
        hidden, _ = self.layer("decoder", x, state)
        if self.settings.attention != "none":
            inside = None if lengths is None else valid(memory, lengths)[:, :, 0]
            context = attend(self.settings.attention, self.weights, "attention", hidden, memory, inside)
            hidden = np.tanh(self.linear("mix", np.concatenate([hidden, context], axis=2)))
        return self.linear("output", hidden)


def cut(past: Floats, lengths: Integers | None, size: int) -> tuple[Floats, Integers | None]:
    """Return the histories as segments (N, S, size*I) that end where they end, and how many (N,) each has."""
    N, T, I = past.shape  # noqa: E741
    if lengths is None:
        return np.pad(past, ((0, 0), (-T % size, 0), (0, 0))).reshape(N, -1, size * I), None
    count = -(-lengths // size)
    source = np.arange(-(-T // size) * size) - (count * size - lengths)[:, None]  # (N, S*size)
    inside = (source >= 0) & (source < lengths[:, None])
    moved = past[np.arange(N)[:, None], source.clip(0, T - 1)]
    return np.where(inside[:, :, None], moved, np.float32(0)).reshape(N, -1, size * I), count
