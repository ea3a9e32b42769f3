"""What a model is made of, in sizes alone: `models` builds it with torch, to train; `inference` without, to predict.

    steps -> Embed (N, T, I) -> Core (N, T, D*H) -> Readout (N, F) -> Head (N, outputs)

The weights a run folder must hold follow from it, so a folder is checked before memory is taken for its model.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur import engine
from rekur.config import ModelSettings
from rekur.data import figures
from rekur.errors import ConfigError, RefusedModelError
from rekur.sizes import layers
from rekur.sizes.decoder import DecoderSizes
from rekur.sizes.forecaster import ForecasterSizes
from rekur.sizes.layers import KINDS, Weight

SCRATCH = {  # the weights of the from-scratch network, as those of the model it is
    "weight_ih_l0": "core.weight_ih_l0",
    "weight_hh_l0": "core.weight_hh_l0",
    "bias_ih_l0": "core.bias_ih_l0",
    "weight": "head.0.weight",
    "bias": "head.0.bias",
}


@dataclass(frozen=True)
class Architecture:
    """A model's sizes; raises ConfigError where the settings contradict them."""

    settings: ModelSettings  # the recipe's `[model]`
    outputs: int  # numbers the model gives, a sequence or (readout `every`) a step
    tokens: int = 0  # V, where a step is a token's id
    values: int = 0  # I, where a step is numbers
    image: tuple[int, int] | None = None  # channels and height, where a step is a column of an image
    steps: int | None = None  # T, where the readout `flatten` needs it fixed
    anchor: int = -1  # with `settings.residual`, the input feature to whose last value the output is added
    unknown: int = 0  # the id that stands for a word dropped in training
    features: int = 0  # n-grams that `settings.evidence` knows
    letters: int = 0  # ids of characters, where `settings.characters` has those of each word read
    shared: bool = False  # the decoder's words are the tokens read, with one table for both
    longest: int = 0  # steps of the longest training sequence, where `settings.figures` has a linear part vote
    horizon: int = 0  # h, steps that a forecaster forecasts
    future: int = 0  # F, features known of each of them
    static: int = 0  # S, features of a series
    levels: tuple[float, ...] = ()  # of the quantiles forecast, where `settings.distribution` is those

    def __post_init__(self) -> None:
        if self.image and not self.image[1] >> len(self.settings.convolution):
            raise ConfigError(
                f"model.convolution: each of its {len(self.settings.convolution)} halves the height, and images are "
                f"{self.image[1]} high. Name fewer, or make data.height larger."
            )
        if self.settings.forecaster:
            self._check_forecaster()
            return
        if self.settings.readout == "decoder":
            self._check_decoder()
            return
        if not self.settings.linear and self.pooled != self.outputs:
            raise ConfigError(
                f"model.linear = false reads the state as the logits: {self.outputs} numbers are needed, and the state "
                f"has {self.pooled}. Change model.hidden, or set model.linear to true."
            )
        edges = (0, *self.settings.cutoffs, self.outputs)
        if self.ties and any(a >= b for a, b in itertools.pairwise(edges)):
            raise ConfigError(
                f"model.cutoffs must rise and stay between 0 and the {self.outputs:,} words there are; "
                f"got {list(self.settings.cutoffs)}."
            )

    def _check_decoder(self) -> None:
        if not self.settings.embedding:
            raise ConfigError("model.embedding must be 1 or more: a decoder reads the words it wrote. Set it to 64.")
        if self.shared and self.tokens != self.outputs:
            raise ConfigError(
                f"A shared vocabulary is one for both sides; got {self.tokens} tokens read, {self.outputs} written."
            )

    def _check_forecaster(self) -> None:
        if self.outputs != self.forecaster.parameters:
            raise ConfigError(
                f"model.distribution = {self.settings.distribution!r} has {self.forecaster.parameters} parameters; "
                f"got outputs = {self.outputs}."
            )

    @property
    def directions(self) -> int:
        """D."""
        return 2 if self.settings.bidirectional else 1

    @property
    def read(self) -> int:
        """I, the features of a step that the first layer reads."""
        if self.image:
            channels, height = self.image
            sizes = self.settings.convolution
            return (sizes[-1] if sizes else channels) * (height >> len(sizes))
        beside = self.settings.evidence * (self.outputs if self.outputs > 2 else 1) + 2 * self.spelling
        return self.values or (self.settings.embedding or self.tokens) + beside

    @property
    def spelling(self) -> int:
        """Hidden units that read the characters of a word, each way; 0: they are not read."""
        return self.settings.characters and (self.settings.characters_hidden or self.settings.characters)

    @property
    def pooled(self) -> int:
        """F, the features that the readout gives."""
        several = {"mean_max": 2, "flatten": self.steps or 0}
        return self.directions * self.settings.hidden * several.get(self.settings.readout, 1)

    @property
    def ties(self) -> bool:
        """Whether the head is a `TiedSoftmax`: of the table that embeds the tokens (a decoder sees to its own)."""
        return self.settings.tied and self.settings.readout != "decoder"

    @property
    def head(self) -> list[tuple[int, int]]:
        """The sizes (in, out) of each Linear of the head; a tied one has no own (`nn/softmax.py`)."""
        sizes = (self.pooled, *self.settings.head, self.outputs)
        return list(itertools.pairwise(sizes)) if self.settings.linear and not self.ties else []

    def weights(self) -> dict[str, Weight]:
        """Return the shape and the type of each weight, by the name it has in model.safetensors."""
        if self.settings.api == "numpy":
            return self._from_scratch()
        if self.settings.forecaster:
            return self.forecaster.weights()
        if self.settings.readout == "decoder":
            return {**self._embed(), **self._core(), **self.decoder.weights()}
        parts = {**self._embed(), **self._core(), **self._readout(), **self._head(), **self._crf()}
        if self.settings.figures:
            return {**{f"model.{name}": weight for name, weight in parts.items()}, **self._figures()}
        if not self.settings.ballot:
            return parts
        vote: dict[str, Weight] = {
            "ballot.weight": (self._ratios, "float32"),
            "ballot.bias": (self._ratios[1:] or (1,), "float32"),
        }
        return {**{f"model.{name}": weight for name, weight in parts.items()}, **vote, **self._evidence("ballot")}

    @property
    def convolutions(self) -> list[str]:
        """The names of the convolutions, the first one first."""
        return [f"embed.convolutions.{place}" for place in range(len(self.settings.convolution))]

    def _embed(self) -> dict[str, Weight]:
        if self.image:
            pairs = itertools.pairwise((self.image[0], *self.settings.convolution))
            sizes = zip(self.convolutions, pairs, strict=True)
            kernels = {name: (after, before, 3, 3) for name, (before, after) in sizes}
            found: dict[str, Weight] = {f"{name}.weight": (shape, "float32") for name, shape in kernels.items()}
            return found | {f"{name}.bias": ((shape[0],), "float32") for name, shape in kernels.items()}
        table = ((self.tokens, self.settings.embedding), "float32")
        if self.settings.evidence:
            return {"embed.tokens.table.weight": table, **self._evidence("embed")}
        if self.spelling:
            return {"embed.tokens.table.weight": table, **self._spelling()}
        return {"embed.table.weight": table} if self.settings.embedding and not self.values else {}

    def _evidence(self, part: str) -> dict[str, Weight]:
        return {
            f"{part}.evidence.keys": ((self.features,), "int64"),
            f"{part}.evidence.ratios": (self._ratios, "float32"),
        }

    @property
    def _ratios(self) -> tuple[int, ...]:
        """The shape of the n-grams' ratios: one of each for two classes, else one for each class."""
        return (self.features, self.outputs) if self.outputs > 2 else (self.features,)

    def _figures(self) -> dict[str, Weight]:
        shape = figures.shape(self.longest, self.values)
        F = figures.count(self.settings.figures, self.longest, self.values)
        shapes: dict[str, tuple[int, ...]] = {"kernels": shape, "offsets": shape[:2], "shift": (F,), "scale": (F,)}
        shapes |= {"weight": (self.outputs, F), "bias": (self.outputs,)}
        return {f"figures.{name}": (found, "float32") for name, found in shapes.items()}

    def _spelling(self) -> dict[str, Weight]:
        E, H = self.settings.characters, self.spelling
        G_H = engine.GATES[engine.MODES[self.settings.cell]] * H
        found: dict[str, Weight] = {"embed.characters.weight": ((self.letters, E), "float32")}
        for d in range(2):
            shapes = zip(self.reader(d), ((G_H, E), (G_H, H), (G_H,), (G_H,)), strict=True)
            found |= {name: (shape, "float32") for name, shape in shapes}
        return found

    def reader(self, d: int) -> list[str]:
        """Return the names of w_ih, w_hh, b_ih and b_hh of what reads a word's characters in direction d."""
        return [f"embed.reader.{kind}_l0{'_reverse' if d else ''}" for kind in KINDS]

    def _core(self) -> dict[str, Weight]:
        settings = self.settings
        sizes = layers.recurrent(settings.cell, self.read, settings.hidden, settings.layers, self.directions)
        return {
            name: (shape, "float32")
            for (k, d), shapes in sizes.items()
            for name, shape in zip(self.core(k, d), shapes, strict=True)
        }

    @property
    def forecaster(self) -> ForecasterSizes:
        """The sizes of the forecaster, where the model is one."""
        return ForecasterSizes(self.settings, self.values, self.horizon, self.future, self.static, self.levels)

    @property
    def decoder(self) -> DecoderSizes:
        """The sizes of the decoder, where the readout is one."""
        settings, D = self.settings, self.directions
        return DecoderSizes(
            cell=settings.cell,
            written=self.outputs,
            embedding=settings.embedding,
            hidden=settings.decoder_hidden or settings.hidden,
            layers=settings.decoder_layers or settings.layers,
            memory=D * settings.hidden,
            final=(settings.layers, D * settings.hidden) if D == 1 else (0, D * settings.hidden),
            attention=settings.attention,
            input_feeding=settings.input_feeding,
            tied=settings.tied,
            own_table=not self.shared,
        )

    def core(self, k: int, d: int) -> list[str]:
        """Return the names of w_ih, w_hh, b_ih and b_hh of layer k in direction d."""
        before, behind = ("cell.", "") if self.settings.api == "cell" else ("", f"_l{k}{'_reverse' if d else ''}")
        return [f"core.{before}{kind}{behind}" for kind in KINDS]

    def _readout(self) -> dict[str, Weight]:
        if self.settings.readout != "attention":
            return {}
        F = self.pooled
        shapes = {"key.weight": (F, F), "key.bias": (F,), "score.weight": (1, F)}
        return {f"readout.{name}": (shape, "float32") for name, shape in shapes.items()}

    def _head(self) -> dict[str, Weight]:
        if self.ties:
            return self._tied_head()
        found: dict[str, Weight] = {}
        for place, (before, after) in enumerate(self.head):
            found[f"head.{2 * place}.weight"] = ((after, before), "float32")  # a ReLU between each two
            found[f"head.{2 * place}.bias"] = ((after,), "float32")
        return found

    def _crf(self) -> dict[str, Weight]:
        C = self.outputs
        shapes = {"transitions": (C, C), "start": (C,), "end": (C,)} if self.settings.crf else {}
        return {f"crf.{name}": (shape, "float32") for name, shape in shapes.items()}

    def _tied_head(self) -> dict[str, Weight]:
        E, F, G = self.settings.embedding, self.pooled, len(self.settings.cutoffs)
        shapes: dict[str, tuple[int, ...]] = {"bias": (self.outputs,)}
        if F != E:
            shapes |= {"projection.weight": (E, F), "projection.bias": (E,)}
        if G:
            shapes |= {"groups.weight": (G, E), "groups.bias": (G,)}
        return {f"head.{name}": (shape, "float32") for name, shape in shapes.items()}

    def _from_scratch(self) -> dict[str, Weight]:
        H = self.settings.hidden
        shapes = {"weight_ih_l0": (H, self.tokens), "weight_hh_l0": (H, H), "bias_ih_l0": (H,), "weight": (1, H)}
        return {name: (shape, "float64") for name, shape in {**shapes, "bias": (1,)}.items()}


def check(expected: Mapping[str, Weight], weights: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Raise RefusedModelError unless `weights` are the `expected` ones: names, shapes, types, and finite."""
    faults = [f"{name} is missing" for name in sorted(expected.keys() - weights.keys())]
    faults += [f"{name} does not belong to it" for name in sorted(weights.keys() - expected.keys())]
    for name in sorted(expected.keys() & weights.keys()):
        (shape, kind), array = expected[name], weights[name]
        if shape != array.shape:
            faults.append(f"{name} must be {shape}; got {array.shape}")
        elif kind != array.dtype:
            faults.append(f"{name} must be {kind}; got {array.dtype}")
        elif not np.isfinite(array).all():
            faults.append(f"{name} holds numbers that are not finite")
    if faults:
        raise RefusedModelError(f"The weights in {path} do not fit its settings: {'; '.join(faults[:5])}.")
