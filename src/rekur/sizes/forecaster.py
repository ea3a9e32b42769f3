"""What a forecaster is made of; `rekur.models.forecasters` says what each part computes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from rekur import distributions
from rekur.config import ModelSettings
from rekur.distributions import Distribution
from rekur.errors import ConfigError
from rekur.sizes import layers
from rekur.sizes.layers import KINDS, Shapes, Weight


@dataclass(frozen=True)
class ForecasterSizes:
    """The sizes of a forecaster; raises ConfigError where the settings contradict them."""

    settings: ModelSettings
    values: int  # I, features of a past step; the target is the first
    horizon: int  # h
    future: int = 0  # F, features known of each step of the horizon
    static: int = 0  # S, features of the series
    levels: tuple[float, ...] = ()  # at which quantiles are trained

    def __post_init__(self) -> None:
        settings = self.settings
        if min(self.values, self.horizon) < 1:
            raise ConfigError(f"A forecaster needs a target and a horizon of 1 or more; got {self.horizon} steps.")
        if settings.forecaster == "segments" and not settings.segment:
            raise ConfigError("model.segment must be 1 or more: it is how many values a step reads. Set it to 24.")
        if (settings.forecaster, settings.distribution) == ("autoregressive", "quantiles"):
            raise ConfigError(
                'model.distribution: "quantiles" are of single values, and an autoregressive model draws whole paths, '
                'whose quantiles it reads. Take "normal", "student_t" or, for counts, "negative_binomial".'
            )

    @cached_property
    def distribution(self) -> Distribution:
        """What is forecast of each value."""
        return distributions.make(self.settings.distribution, self.levels)

    @property
    def parameters(self) -> int:
        """P, the numbers forecast of each value."""
        return self.distribution.parameters

    @property
    def segments(self) -> int:
        """M, the segments that cover the horizon."""
        return -(-self.horizon // self.settings.segment)

    @property
    def context(self) -> int:
        """C, the features of a history that a head reads: the state, and those of the series."""
        return self.settings.hidden + self.static

    @property
    def dilations(self) -> list[int]:
        """How many steps back each dilated layer looks, the first one first."""
        return list(itertools.chain(*self.settings.dilations))

    def core(self, k: int) -> list[str]:
        """Return the names of w_ih, w_hh, b_ih and b_hh of layer k of what reads the past."""
        before, behind = ("core", f"l{k}") if self.settings.forecaster != "dilated" else (f"core.{k}", "l0")
        return [f"{before}.{kind}_{behind}" for kind in KINDS]

    def weights(self) -> dict[str, Weight]:
        """Return the shape and the type of each weight, by the name it has in model.safetensors."""
        parts: dict[str, Callable[[], Shapes]] = {
            "direct": self._direct,
            "dilated": self._dilated,
            "segments": self._segments,
            "decoder": self._decoder,
            "autoregressive": self._autoregressive,
        }
        shapes = parts[self.settings.forecaster]()
        if self.settings.highway:
            shapes["highway.weight"] = (self.horizon, self.settings.highway)
        return {name: (shape, "float32") for name, shape in shapes.items()}

    def _core(self, read: int) -> Shapes:
        return layers.stack("core", self.settings.cell, read, self.settings.hidden, self.settings.layers)

    def _head(self) -> Shapes:
        H, C, F, P = self.settings.hidden, self.context, self.future, self.parameters
        found = layers.linear("head.whole", C, self.horizon * P)
        if F:
            found |= layers.linear("head.context", C, H) | {"head.future.weight": (H, F), "head.local.weight": (P, H)}
        return found

    def _direct(self) -> Shapes:
        return self._core(self.values) | self._head()

    def _dilated(self) -> Shapes:
        H, found = self.settings.hidden, self._head()
        for k in range(len(self.dilations)):
            found |= layers.stack(f"core.{k}", self.settings.cell, H if k else self.values, H, 1)
        return found

    def _steps(self, places: int, read: int) -> Shapes:
        """Return the weights of what stands at each place of the horizon."""
        H = self.settings.hidden
        return {"place": (places, H)} | (layers.linear("step", read, H) if read else {})

    def _segments(self) -> Shapes:
        H, w = self.settings.hidden, self.settings.segment
        found = layers.linear("embed", w * self.values, H) | self._core(H)
        return (
            found
            | self._steps(self.segments, w * self.future + self.static)
            | layers.linear("output", H, w * self.parameters)
        )

    def _decoder(self) -> Shapes:
        settings, H = self.settings, self.settings.hidden
        found = self._core(self.values) | self._steps(self.horizon, self.future + self.static)
        found |= layers.stack("decoder", settings.cell, H, H, settings.layers)
        if settings.attention != "none":
            found |= layers.attention(settings.attention, H, H) | layers.linear("mix", 2 * H, H)
        return found | layers.linear("output", H, self.parameters)

    def _autoregressive(self) -> Shapes:
        H = self.settings.hidden
        found = layers.linear("past", self.values + self.static, H) | self._core(H)
        found |= layers.linear("step", 1 + self.future + self.static, H)
        return found | layers.linear("output", H, self.parameters)
