"""A sequence in, outputs for the whole of it or for each of its steps."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from rekur.architecture import Architecture
from rekur.data import figures
from rekur.evidence import Ballot
from rekur.models.embeds import TokenEmbedding
from rekur.nn import CELLS, LAYERS, readouts, variational
from rekur.nn.crf import CRF
from rekur.nn.initialise import keras_
from rekur.nn.softmax import TiedSoftmax

TIED = 0.1  # the first weights of a shared table, uniform in ±0.1 (Zaremba et al. 2014)

Array = Tensor | NDArray[Any]
Inputs = Array | tuple[Array, ...]  # ids or values, or ids and evidence (and votes), or ids and characters
State = Any  # (K*D, N, H), a pair of them for LSTM, or None


class CellLoop(nn.Module):
    """A cell applied step after step: what a layer is, written out. One layer, one direction, batch first."""

    def __init__(self, cell: str, features: int, hidden: int) -> None:
        super().__init__()
        self.cell = CELLS[cell](features, hidden)
        self.pair = cell == "lstm"

    def forward(self, x: Tensor, state: State = None, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        """Return the outputs (N, T, H), zero behind a length, and the state (1, N, H) or pair at each row's end."""
        inside = None  # (N, T, 1)
        if lengths is not None:
            inside = (torch.arange(x.shape[1], device=x.device) < lengths.unsqueeze(1)).unsqueeze(2)
            x = torch.where(inside, x, 0)
        states = [self._start(x, state)]
        for x_t in x.unbind(1):
            states.append(self.cell(x_t, states[-1]))
        parts = zip(*states, strict=True) if self.pair else (tuple(states),)
        steps = tuple(torch.stack(part, dim=1) for part in parts)  # (N, 1+T, H) each, the initial state first
        ends = tuple(_at_end(part, lengths) for part in steps)
        outputs = steps[0][:, 1:]
        return outputs if inside is None else torch.where(inside, outputs, 0), ends if self.pair else ends[0]

    def _start(self, x: Tensor, state: State) -> State:
        """The state a cell takes, (N, H) or a pair, from the one a layer takes."""
        if state is None:
            zeros = x.new_zeros(len(x), self.cell.hidden_size)
            return (zeros, zeros) if self.pair else zeros
        return (state[0][0], state[1][0]) if self.pair else state[0]


def _at_end(steps: Tensor, lengths: Tensor | None) -> Tensor:
    """The state (1, N, H) after each row's last valid step; `steps` (N, 1+T, H) begin with the initial state."""
    if lengths is None:
        return steps[:, -1].unsqueeze(0)
    return steps.gather(1, lengths.view(-1, 1, 1).expand(-1, 1, steps.shape[2])).transpose(0, 1)


class SequenceModel(nn.Module):
    """Every model of the shelf but the from-scratch one."""

    def __init__(self, architecture: Architecture, embed: nn.Module) -> None:
        super().__init__()
        settings, D = architecture.settings, architecture.directions
        self.settings, self.anchor = settings, architecture.anchor
        self.embed = embed
        self.core = make_core(architecture)
        self.readout = readouts.make(settings.readout, D * settings.hidden, architecture.steps)
        self.head = _head(architecture)
        self.crf = CRF(architecture.outputs) if settings.crf else None
        self.ties = architecture.ties
        if self.ties:  # N(0, 1), torch's for an embedding alone, would make the first logits as large as sqrt(E)
            nn.init.uniform_(self._table(), -TIED, TIED)
        if settings.init == "keras":
            keras_(self)

    def forward(self, inputs: Inputs, lengths: Array | None = None, state: State = None) -> tuple[Tensor, State]:
        """Return the outputs, (N, outputs) or (N, T, outputs), and the state after each row's last step.

        With a conditional random field the outputs are its scores (N, T, outputs, outputs).
        """
        device = device_of(self)
        inputs, valid = on(device, inputs), on(device, lengths)
        features, state = self._read(inputs, valid, state)
        output = self.head(features, self._table()) if self.ties else self.head(features)
        if self.settings.squash == "sigmoid":
            output = torch.sigmoid(output)
        if self.settings.residual and isinstance(inputs, Tensor):
            output = output + inputs[:, -1, self.anchor].unsqueeze(1)
        return output if self.crf is None else self.crf(output, valid), state

    def nats(self, inputs: Array, targets: Array, state: State = None) -> tuple[Tensor, State]:
        """Return the mean of -ln p of the words `targets` (N, T), and the state, of a tied model.

        The same as the cross-entropy of `forward`'s outputs, where those of all V words need not be computed.
        """
        device = device_of(self)
        features, state = self._read(on(device, inputs), None, state)
        aims = on(device, targets).flatten()
        assert isinstance(self.head, TiedSoftmax)
        return self.head.nats(features.flatten(0, 1), aims, self._table()), state

    def _table(self) -> Tensor:
        """The table (V, E) that a tied head shares."""
        assert isinstance(self.embed, TokenEmbedding)
        return self.embed.table.weight

    def features(self, inputs: Array, state: State = None) -> tuple[Tensor, State]:
        """Return what the head reads, (N, T, F), and the state."""
        return self._read(on(device_of(self), inputs), None, state)

    def _read(self, inputs: Any, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return what the head reads, (N, F) or (N, T, F), and the state after each row's last step."""
        x = self.embed(inputs)
        if self.settings.segment:
            features, state = self._in_segments(x, valid), None
        else:
            hidden, state = self._run(x, state, valid)
            features = self.readout(hidden, state, valid)
        F.dropout(features, self.settings.dropout_thrown_away, self.training)
        if self.settings.variational and features.dim() == 3:
            return variational.dropout(features, self.settings.dropout_readout, self.training), state
        return F.dropout(features, self.settings.dropout_readout, self.training), state

    def _run(self, x: Tensor, state: State, valid: Tensor | None) -> tuple[Tensor, State]:
        """Return the outputs (N, T, D*H) of the core, and its state."""
        settings = self.settings
        if self.training and settings.api == "layer" and (settings.variational or settings.dropout_weights):
            dropouts = settings.dropout_layers, settings.dropout_weights
            assert isinstance(self.core, nn.RNNBase)
            return variational.run(self.core, x, state, valid, *dropouts, same=settings.variational)
        return self.core(x, state, lengths=valid)  # type: ignore[no-any-return]

    def _in_segments(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Cut each row into segments that the core reads side by side; pool over all steps of the row."""
        N, T = x.shape[:2]
        size = max(1, min(T, self.settings.segment))  # no more is read, and none would be padded for
        if lengths is None:
            lengths = torch.full((N,), T, device=x.device)
        x = F.pad(x, (0, 0, 0, -T % size))  # (N, S*size, I)
        count = x.shape[1] // size
        starts = torch.arange(count, device=x.device) * size
        inside = (lengths.unsqueeze(1) - starts).clamp(0, size).view(-1)  # (N*S,) valid steps of each segment
        used = inside.nonzero().squeeze(1)
        hidden, _ = self._run(x.view(N * count, size, -1)[used], None, inside[used])
        whole = hidden.new_zeros(N * count, size, hidden.shape[2]).index_copy(0, used, hidden)
        return self.readout(whole.view(N, count * size, -1), None, lengths)  # type: ignore[no-any-return]


class WithBallot(nn.Module):
    """A sequence model and a linear vote of n-grams, half and half.

    In training both are judged by themselves, or the sharper of the two would leave the other nothing to learn:
    the logits (2N, outputs) hold the recurrent model's rows, then the vote's. A vote that is given, as a third input,
    was fitted before (`rekur.tasks.sequencing.ngrams`): the model is judged together with it, and adds what it misses.
    """

    def __init__(self, model: SequenceModel, ballot: Ballot) -> None:
        super().__init__()
        self.model, self.ballot = model, ballot

    def forward(self, inputs: Inputs, lengths: Array | None = None, state: State = None) -> tuple[Tensor, State]:
        if isinstance(inputs, tuple) and len(inputs) == 3:
            read, state = self.model(inputs[:2], lengths, state)
            return (read + on(read.device, inputs[2])) / 2, state
        read, state = self.model(inputs, lengths, state)
        ids = on(read.device, inputs[0] if isinstance(inputs, tuple) else inputs)
        vote = self.ballot(ids, on(read.device, lengths))
        voted = vote  # (N, C), or (N,) of two classes
        if vote.dim() == 1:
            voted = vote.unsqueeze(1) if read.shape[1] == 1 else torch.stack([-vote / 2, vote / 2], dim=1)
        return (torch.cat([read, voted]) if self.training else (read + voted) / 2), state


class Figures(nn.Module):
    """A linear vote of what `rekur.data.figures` says of sequences (N, T, I): (N, outputs). None of it is trained."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.points = architecture.settings.figures
        for name, (shape, _) in architecture.weights().items():
            part, _, buffer = name.partition(".")
            if part == "figures":
                self.register_buffer(buffer, torch.zeros(shape))

    def forward(self, values: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return (N, outputs); the figures are computed by NumPy, as no gradient goes through them."""
        parts = {name: buffer.cpu().numpy() for name, buffer in self.named_buffers()}
        valid = None if lengths is None else lengths.cpu().numpy()
        given = values.detach().cpu().numpy()
        told = figures.figures(given, valid, self.points, figures.Kernels(parts["kernels"], parts["offsets"]))
        said = figures.scaled(told, parts["shift"], parts["scale"]) @ parts["weight"].T + parts["bias"]
        return torch.from_numpy(said).to(values.device)


class WithFigures(nn.Module):
    """A sequence model, and a linear vote of figures that it adds to: at first it adds nothing.

    In training the task gives the pair (values, votes), as the vote knows the training sequences too well.
    """

    def __init__(self, model: SequenceModel, vote: Figures) -> None:
        super().__init__()
        self.model, self.figures = model, vote
        assert isinstance(model.head, nn.Sequential)
        for weight in model.head[-1].parameters():
            nn.init.zeros_(weight)

    def forward(self, inputs: Inputs, lengths: Array | None = None, state: State = None) -> tuple[Tensor, State]:
        device = device_of(self)
        given = on(device, inputs)
        values, vote = given if isinstance(given, tuple) else (given, self.figures(given, on(device, lengths)))
        read, state = self.model(values, lengths, state)
        return read + vote, state


def device_of(model: nn.Module) -> torch.device:
    """Return where the model's weights are."""
    return next(model.parameters()).device


def on(device: torch.device, given: Any) -> Any:
    """Return an array, a pair of them or None as tensors on `device`."""
    if isinstance(given, tuple):
        return tuple(on(device, part) for part in given)
    return None if given is None else torch.as_tensor(given, device=device)


def make_core(architecture: Architecture) -> nn.Module:
    """Return the untrained Core of a model: a layer, or a cell looped over the steps."""
    settings = architecture.settings
    if settings.api == "cell":
        return CellLoop(settings.cell, architecture.read, settings.hidden)
    layer: type[nn.Module] = LAYERS[settings.cell]
    return layer(
        architecture.read,
        settings.hidden,
        num_layers=settings.layers,
        batch_first=settings.batch_first,
        dropout=settings.dropout_layers,
        bidirectional=settings.bidirectional,
    )


def _head(architecture: Architecture) -> nn.Module:
    settings = architecture.settings
    if architecture.ties:
        return TiedSoftmax(architecture.pooled, settings.embedding, architecture.outputs, settings.cutoffs)
    layers: list[nn.Module] = []
    for before, after in architecture.head:
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1]) if layers else nn.Identity()
