"""Sound cells and loops of people's own making."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..registry import given, sound
from .material import first_cross_entropy, ids, labels, token_cross_entropy, windows


def walk(inputs: Tensor, H: Tensor, params: list[Tensor]) -> tuple[Tensor, Tensor]:
    """A plain network as a function of its parameters."""
    W_xh, W_hh, b_h, W_hq, b_q = params
    outputs = []
    for X in inputs:
        H = torch.tanh(X @ W_xh + H @ W_hh + b_h)
        outputs.append(H @ W_hq + b_q)
    return torch.cat(outputs, dim=0), H


class ScratchNet(nn.Module):
    """A module around the function: one-hot, steps first, outputs of all steps in one matrix."""

    def __init__(self, V: int = 28, H: int = 32) -> None:
        super().__init__()
        shapes = [(V, H), (H, H), (H,), (H, V), (V,)]
        self.params = nn.ParameterList(
            [nn.Parameter(torch.randn(s) * 0.01 if len(s) == 2 else torch.zeros(s)) for s in shapes]
        )
        self.V, self.H = V, H

    def forward(self, X: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        X = F.one_hot(X.T, self.V).float()
        if state is None:
            state = torch.zeros(X.shape[1], self.H)
        return walk(X, state, list(self.params))


@sound
def scratch_rnn_with_small_weights() -> dict:
    text = ids(8, 11, 28, 0)
    return given(
        model=ScratchNet(),
        batch=text[:, :-1],
        target=text[:, 1:],
        loss=lambda out, y: F.cross_entropy(out[0], y.T.reshape(-1)),
        causal=True,
    )


class GRUCellOwn(nn.Module):
    """A GRU cell by hand, uniform weights."""

    def __init__(self, inputs: int, H: int) -> None:
        super().__init__()
        self.H = H
        self.x2h, self.h2h = nn.Linear(inputs, 3 * H), nn.Linear(H, 3 * H)
        for w in self.parameters():
            nn.init.uniform_(w, -1 / math.sqrt(H), 1 / math.sqrt(H))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        xr, xz, xn = self.x2h(x).chunk(3, 1)
        hr, hz, hn = self.h2h(h).chunk(3, 1)
        r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        return z * h + (1 - z) * torch.tanh(xn + r * hn)


class Stacked(nn.Module):
    """Several cells in a ModuleList with residual sums and layer norm between."""

    def __init__(self, inputs: int, H: int, out: int, layers: int = 2) -> None:
        super().__init__()
        self.inp = nn.Linear(inputs, H)
        self.cells = nn.ModuleList(GRUCellOwn(H, H) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(H) for _ in range(layers))
        self.out = nn.Linear(H, out)

    def forward(self, x: Tensor) -> Tensor:
        states = [x.new_zeros(x.size(0), cell.H) for cell in self.cells]
        for t in range(x.size(1)):
            v = self.inp(x[:, t])
            for k, (cell, norm) in enumerate(zip(self.cells, self.norms, strict=True)):
                states[k] = cell(norm(v), states[k])
                v = v + states[k]
        return self.out(v)


@sound
def own_gru_stacked() -> dict:
    return given(model=Stacked(3, 16, 4), batch=torch.randn(10, 9, 3), target=labels(10, 4), loss=nn.CrossEntropyLoss())


class LayerNormLSTM(nn.Module):
    """Layer norm on gates and cell; forget bias one; returns outputs and both states."""

    def __init__(self, inputs: int, H: int, V: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(V, inputs)
        self.ih, self.hh = nn.Linear(inputs, 4 * H, bias=False), nn.Linear(H, 4 * H, bias=False)
        self.ln_i, self.ln_h, self.ln_c = nn.LayerNorm(4 * H), nn.LayerNorm(4 * H), nn.LayerNorm(H)
        self.bias = nn.Parameter(torch.zeros(4 * H))
        self.bias.data[H : 2 * H] = 1.0
        self.out, self.H = nn.Linear(H, V), H

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple:
        e = self.embed(x)
        h, c = state if state is not None else (e.new_zeros(e.size(0), self.H), e.new_zeros(e.size(0), self.H))
        outs = []
        for e_t in e.unbind(1):
            i, f, g, o = (self.ln_i(self.ih(e_t)) + self.ln_h(self.hh(h)) + self.bias).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(self.ln_c(c))
            outs.append(h)
        return self.out(torch.stack(outs, 1)), (h, c)


@sound
def layer_norm_lstm() -> dict:
    text = ids(8, 10, 20, 0)
    return given(
        model=LayerNormLSTM(12, 16, 20), batch=text[:, :-1], target=text[:, 1:], loss=token_cross_entropy, causal=True
    )


class LockedDropout(nn.Module):
    """One mask for all steps."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x
        mask = x.new_empty(x.size(0), 1, x.size(2)).bernoulli_(1 - self.p)
        return x * mask.div_(1 - self.p)


class WeightDropped(nn.Module):
    """A language model with dropped recurrent weights, locked dropout, and dropped words."""

    def __init__(self, V: int = 30, H: int = 20) -> None:
        super().__init__()
        self.embed = nn.Embedding(V, H)
        nn.init.uniform_(self.embed.weight, -0.1, 0.1)
        self.ih, self.raw = nn.Linear(H, 4 * H), nn.Linear(H, 4 * H)
        self.locked = LockedDropout(0.3)
        self.decoder = nn.Linear(H, V)
        self.decoder.weight = self.embed.weight
        self.H = H

    def forward(self, x: Tensor) -> Tensor:
        rows = self.embed.weight
        if self.training:
            rows = rows * rows.new_empty(rows.size(0), 1).bernoulli_(0.9) / 0.9
        e = self.locked(F.embedding(x, rows))
        weight = F.dropout(self.raw.weight, 0.5, self.training)
        h = c = e.new_zeros(e.size(0), self.H)
        outs = []
        for t in range(e.size(1)):
            i, f, g, o = (self.ih(e[:, t]) + F.linear(h, weight, self.raw.bias)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outs.append(h)
        return self.decoder(self.locked(torch.stack(outs, 1)))


@sound
def weight_dropped_lstm() -> dict:
    text = ids(9, 11, 30, 0)
    return given(model=WeightDropped(), batch=text[:, :-1], target=text[:, 1:], loss=token_cross_entropy, causal=True)


class Loop(nn.Module):
    """A loop that TorchScript can compile."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(2, 12)
        self.out = nn.Linear(12, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.size(0), 12)
        for t in range(x.size(1)):
            h = self.cell(x[:, t], h)
        return self.out(h)


@sound
def loop_for_torchscript() -> dict:
    x = torch.randn(10, 7, 2)
    return given(model=Loop(), batch=x, target=x[:, :, 0].mean(1, keepdim=True), loss=nn.MSELoss())


@sound
def scripted_loop() -> dict:
    x = torch.randn(10, 7, 2)
    return given(model=torch.jit.script(Loop()), batch=x, target=x[:, :, 1].mean(1, keepdim=True), loss=nn.MSELoss())


class IRNN(nn.Module):
    """ReLU units that begin with the identity, for adding up."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(2, 24, nonlinearity="relu", batch_first=True)
        nn.init.eye_(self.rnn.weight_hh_l0)
        nn.init.normal_(self.rnn.weight_ih_l0, std=0.05)
        nn.init.zeros_(self.rnn.bias_ih_l0)
        nn.init.zeros_(self.rnn.bias_hh_l0)
        self.out = nn.Linear(24, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.rnn(x)[0][:, -1])


@sound
def adding_problem_with_identity_weights() -> dict:
    values, marks = torch.rand(16, 40), torch.zeros(16, 40)
    marks[torch.arange(16), torch.randint(0, 20, (16,))] = 1
    marks[torch.arange(16), torch.randint(20, 40, (16,))] = 1
    y = (values * marks).sum(1, keepdim=True)
    return given(model=IRNN(), batch=torch.stack([values, marks], -1), target=y, loss=nn.MSELoss())


class LearnedStart(nn.Module):
    """The first state is learned; the last state and the mean are read."""

    def __init__(self) -> None:
        super().__init__()
        self.h0 = nn.Parameter(torch.zeros(1, 1, 16))
        self.embed = nn.Embedding(20, 8)
        self.gru = nn.GRU(8, 16, batch_first=True)
        self.fc = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        out, h = self.gru(self.embed(x), self.h0.expand(-1, x.size(0), -1).contiguous())
        return self.fc(h[-1] + out.mean(1)), out


@sound
def learned_first_state() -> dict:
    return given(model=LearnedStart(), batch=ids(9, 6, 20), target=labels(9, 3), loss=first_cross_entropy)


class Truncated(nn.Module):
    """Only the last value is told apart: clipped, then a GRU in both directions, each read at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(1, 12, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(24, 1)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.gru(x.clamp(-3, 3))
        return self.fc(torch.cat([out[:, -1, :12], out[:, 0, 12:]], dim=1))


@sound
def both_directions_read_at_their_ends() -> dict:
    x, y = windows(12, 10)
    return given(model=Truncated(), batch=x, target=y, loss=nn.MSELoss())
