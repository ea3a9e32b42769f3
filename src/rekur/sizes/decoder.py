"""What a decoder is made of; `rekur.models.decoder` says what each part computes."""

from __future__ import annotations

from dataclasses import dataclass

from rekur.sizes import layers
from rekur.sizes.layers import Weight


@dataclass(frozen=True)
class DecoderSizes:
    """The sizes of a decoder that writes words."""

    cell: str
    written: int  # V, words it may write
    embedding: int  # E
    hidden: int  # H
    layers: int  # K
    memory: int  # M, features of the core's outputs
    final: tuple[int, int]  # layers of the core, 0 where it reads both ways, and features of its final state
    attention: str = "none"
    input_feeding: bool = False
    tied: bool = False
    own_table: bool = True  # false: the core's embedding is given with every call

    @property
    def width(self) -> int:
        """W, the features the output layer reads."""
        return self.embedding if self.tied else self.hidden

    @property
    def mixes(self) -> int:
        """The features that W [h; c] reads; 0 where the state is read as it is."""
        if self.attention != "none":
            return self.hidden + self.memory
        return self.hidden if self.width != self.hidden else 0

    @property
    def bridges(self) -> bool:
        """Whether the core's final state must be mapped to become the decoder's first one."""
        return self.final != (self.layers, self.hidden)

    @property
    def parts(self) -> int:
        """Tensors of a state: h, and c in an LSTM."""
        return 2 if self.cell == "lstm" else 1

    def weights(self) -> dict[str, Weight]:
        """Return the shape and the type of each weight, by the name it has in model.safetensors."""
        H, V, E, W = self.hidden, self.written, self.embedding, self.width
        fed = W if self.input_feeding else 0
        shapes: layers.Shapes = {"table.weight": (V, E)} if self.own_table else {}
        shapes |= layers.stack("core", self.cell, E + fed, H, self.layers)
        if self.bridges:
            shapes |= layers.linear("bridge", self.final[1], self.parts * self.layers * H)
        shapes |= layers.attention(self.attention, H, self.memory)
        if self.mixes:
            shapes |= layers.linear("mix", self.mixes, W)
        shapes |= {"bias": (V,)} if self.tied else layers.linear("output", W, V)
        return {f"decoder.{name}": (shape, "float32") for name, shape in shapes.items()}
