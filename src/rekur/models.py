"""Embed + Core + Readout: the four parts of every model, put together from `[model]`.

    inputs (N, T) or (N, T, I) -> Embed (N, T, I) -> Core (N, T, D*H) -> Readout (N, F) -> Linear (N, outputs)

With the readout `every` the last two keep the steps: (N, T, F) -> (N, T, outputs).
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rekur.config import ModelSettings
from rekur.errors import ConfigError
from rekur.evidence import Ballot, Evidence
from rekur.nn import CELLS, LAYERS, readouts
from rekur.nn.initialise import keras_

Inputs = Tensor | tuple[Tensor, Tensor]  # ids or values, or ids and evidence
State = Any  # (K*D, N, H), a pair of them for LSTM, or None


class TokenEmbedding(nn.Module):
    """Token ids (N, T) to vectors (N, T, E); whole words and single numbers may be dropped in training.

    Word dropout replaces a token by the unknown token (Iyyer et al. 2015).
    """

    def __init__(self, vocabulary: int, size: int, words: float, dropout: float, unknown: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, size)
        self.words, self.dropout, self.unknown = words, dropout, unknown
        self.features = size

    def forward(self, tokens: Tensor) -> Tensor:
        if self.training and self.words > 0:
            dropped = torch.rand(tokens.shape, device=tokens.device) < self.words
            tokens = tokens.masked_fill(dropped, self.unknown)
        vectors: Tensor = self.table(tokens)
        return F.dropout(vectors, self.dropout, self.training)


class TokensWithEvidence(nn.Module):
    """Token ids (N, T) to vectors (N, T, E + order): the words, and beside them what their n-grams say.

    In training the task gives the pair (ids, evidence), as a text must not read ratios of its own making.
    """

    def __init__(self, tokens: TokenEmbedding, evidence: Evidence) -> None:
        super().__init__()
        self.tokens, self.evidence = tokens, evidence
        self.features = tokens.features + evidence.order

    def forward(self, inputs: Tensor | tuple[Tensor, Tensor]) -> Tensor:
        ids, ratios = inputs if isinstance(inputs, tuple) else (inputs, self.evidence(inputs))
        if self.training and self.tokens.words > 0:
            ratios = ratios * (torch.rand(ratios.shape, device=ratios.device) >= self.tokens.words)
        return torch.cat([self.tokens(ids), ratios], dim=2)


class OneHot(nn.Module):
    """Token ids (N, T) to unit vectors (N, T, V)."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.features = vocabulary

    def forward(self, tokens: Tensor) -> Tensor:
        return F.one_hot(tokens, self.features).to(torch.get_default_dtype())


class Values(nn.Module):
    """Numbers (N, T, I) as they are."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features

    def forward(self, values: Tensor) -> Tensor:
        return values


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
    """Every model of the shelf but the from-scratch one.

    Args:
        settings: the recipe's `[model]`.
        embed: gives the `features` it makes of a step.
        outputs: numbers the model gives, a sequence or (readout `every`) a step.
        steps: T where the readout `flatten` needs it fixed, else None.
        anchor: with `settings.residual`, the input feature to whose last value the output is added.
    """

    def __init__(
        self,
        settings: ModelSettings,
        embed: nn.Module,
        outputs: int,
        steps: int | None = None,
        anchor: int = -1,
    ) -> None:
        super().__init__()
        self.settings, self.anchor = settings, anchor
        self.embed = embed
        self.core = _core(settings, embed.features)  # type: ignore[arg-type]
        directions = 2 if settings.bidirectional else 1
        self.readout = readouts.make(settings.readout, directions * settings.hidden, steps)
        if not settings.linear and self.readout.features != outputs:
            raise ConfigError(
                f"model.linear = false reads the state as the logits: {outputs} numbers are needed, and the state has "
                f"{self.readout.features}. Change model.hidden, or set model.linear to true."
            )
        self.head = _head(self.readout.features, settings, outputs)
        if settings.init == "keras":
            keras_(self)

    def forward(self, inputs: Inputs, lengths: Tensor | None = None, state: State = None) -> tuple[Tensor, State]:
        """Return the outputs, (N, outputs) or (N, T, outputs), and the state after each row's last step."""
        device = next(self.parameters()).device
        inputs = (inputs[0].to(device), inputs[1].to(device)) if isinstance(inputs, tuple) else inputs.to(device)
        lengths = None if lengths is None else lengths.to(device)
        x = self.embed(inputs)
        if self.settings.segment:
            features, state = self._in_segments(x, lengths), None
        else:
            hidden, state = self.core(x, state, lengths=lengths)
            features = self.readout(hidden, state, lengths)
        F.dropout(features, self.settings.dropout_thrown_away, self.training)
        features = F.dropout(features, self.settings.dropout_readout, self.training)
        output = self.head(features)
        if self.settings.squash == "sigmoid":
            output = torch.sigmoid(output)
        if self.settings.residual and isinstance(inputs, Tensor):
            output = output + inputs[:, -1, self.anchor].unsqueeze(1)
        return output, state

    def _in_segments(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Cut each row into segments that the core reads side by side; pool over all steps of the row."""
        N, T, size = *x.shape[:2], self.settings.segment
        if lengths is None:
            lengths = torch.full((N,), T, device=x.device)
        x = F.pad(x, (0, 0, 0, -T % size))  # (N, S*size, I)
        count = x.shape[1] // size
        starts = torch.arange(count, device=x.device) * size
        inside = (lengths.unsqueeze(1) - starts).clamp(0, size).view(-1)  # (N*S,) valid steps of each segment
        used = inside.nonzero().squeeze(1)
        hidden, _ = self.core(x.view(N * count, size, -1)[used], lengths=inside[used])
        whole = hidden.new_zeros(N * count, size, hidden.shape[2]).index_copy(0, used, hidden)
        return self.readout(whole.view(N, count * size, -1), None, lengths)  # type: ignore[no-any-return]


class WithBallot(nn.Module):
    """A sequence model and a linear vote of n-grams, half and half, for two classes.

    In training both are judged by themselves, or the sharper of the two would leave the other nothing to learn:
    the logits (2N, outputs) hold the recurrent model's rows, then the vote's.
    """

    def __init__(self, model: SequenceModel, ballot: Ballot) -> None:
        super().__init__()
        self.model, self.ballot = model, ballot

    def forward(self, inputs: Inputs, lengths: Tensor | None = None, state: State = None) -> tuple[Tensor, State]:
        read, state = self.model(inputs, lengths, state)
        ids = inputs[0] if isinstance(inputs, tuple) else inputs
        vote = self.ballot(ids.to(read.device), None if lengths is None else lengths.to(read.device))
        voted = vote.unsqueeze(1) if read.shape[1] == 1 else torch.stack([-vote / 2, vote / 2], dim=1)
        return (torch.cat([read, voted]) if self.training else (read + voted) / 2), state


def _core(settings: ModelSettings, features: int) -> nn.Module:
    if settings.api == "cell":
        return CellLoop(settings.cell, features, settings.hidden)
    layer: type[nn.Module] = LAYERS[settings.cell]
    return layer(
        features,
        settings.hidden,
        num_layers=settings.layers,
        batch_first=settings.batch_first,
        dropout=settings.dropout_layers,
        bidirectional=settings.bidirectional,
    )


def _head(features: int, settings: ModelSettings, outputs: int) -> nn.Module:
    if not settings.linear:
        return nn.Identity()
    sizes = (features, *settings.head, outputs)
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def parameters(model: nn.Module) -> int:
    """Return how many numbers training adjusts."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
