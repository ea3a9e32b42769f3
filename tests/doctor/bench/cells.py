"""Sound recurrent networks of people who write their own: loops over steps, own cells, own backward passes."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .material import characters, images, stepwise, texts, windows
from .registry import Parts, given, sound


@sound
def names_with_input_and_state_joined() -> Parts:
    class RNN(nn.Module):
        def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
            super().__init__()
            self.hidden_size = hidden_size
            self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
            self.i2o = nn.Linear(input_size + hidden_size, output_size)
            self.softmax = nn.LogSoftmax(dim=1)

        def step(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
            combined = torch.cat((x, hidden), 1)
            return self.softmax(self.i2o(combined)), torch.tanh(self.i2h(combined))

        def forward(self, line: Tensor) -> Tensor:  # (T, N, letters)
            hidden = torch.zeros(line.size(1), self.hidden_size)
            for i in range(line.size(0)):
                output, hidden = self.step(line[i], hidden)
            return output

    ids, _, labels = texts(N=6, T=7, V=12, full=True)
    letters = F.one_hot(ids, 12).float().transpose(0, 1).contiguous()
    return given(model=RNN(12, 16, 2), batch=letters, target=labels, loss=nn.NLLLoss())


@sound
def names_with_two_linear_layers() -> Parts:
    class RNN(nn.Module):
        def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
            super().__init__()
            self.n_hidden = n_hidden
            self.i2h, self.h2h = nn.Linear(n_in, n_hidden), nn.Linear(n_hidden, n_hidden)
            self.h2o = nn.Linear(n_hidden, n_out)

        def forward(self, x: Tensor) -> Tensor:
            h = torch.zeros(len(x), self.n_hidden)
            for t in range(x.shape[1]):
                h = torch.tanh(self.i2h(x[:, t]) + self.h2h(h))
            return self.h2o(h)

    x, y = images(N=9, T=7, features=6, C=3)
    return given(model=RNN(6, 14, 3), batch=x, target=y, loss=nn.CrossEntropyLoss())


@sound
def lstm_from_four_matrices() -> Parts:
    class LSTM(nn.Module):
        def __init__(self, n_in: int, H: int, V: int) -> None:
            super().__init__()
            self.H = H
            self.W = nn.Parameter(torch.randn(n_in, 4 * H) / n_in**0.5)
            self.U = nn.Parameter(torch.randn(H, 4 * H) / H**0.5)
            self.b = nn.Parameter(torch.zeros(4 * H))
            with torch.no_grad():
                self.b[H : 2 * H] = 1.0
            self.head = nn.Linear(H, V)
            self.n_in = n_in

        def forward(self, ids: Tensor) -> Tensor:
            h = c = torch.zeros(len(ids), self.H)
            out = []
            for x in F.one_hot(ids, self.n_in).float().unbind(1):
                i, f, g, o = (x @ self.W + h @ self.U + self.b).chunk(4, 1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
                out.append(self.head(h))
            return torch.stack(out, 1)

    x, y, V = characters(N=5, T=12)
    return given(
        model=LSTM(V, 20, V),
        batch=x,
        target=y,
        loss=lambda o, t: F.cross_entropy(o.flatten(0, 1), t.flatten()),
        causal=True,
    )


@sound
def identity_recurrence_with_relu() -> Parts:
    class IRNN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(2, 16, nonlinearity="relu", batch_first=True)
            nn.init.normal_(self.rnn.weight_ih_l0, std=0.1)
            nn.init.eye_(self.rnn.weight_hh_l0)
            nn.init.zeros_(self.rnn.bias_ih_l0)
            nn.init.zeros_(self.rnn.bias_hh_l0)
            self.fc = nn.Linear(16, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.rnn(x)[0][:, -1])

    generator = torch.Generator().manual_seed(2)
    numbers = torch.rand(10, 30, generator=generator)
    marks = torch.zeros(10, 30)
    marks[torch.arange(10), torch.arange(10)] = 1
    marks[torch.arange(10), 16 + torch.arange(10)] = 1
    target = (numbers * marks).sum(1, keepdim=True)
    return given(model=IRNN(), batch=torch.stack([numbers, marks], -1), target=target, loss=nn.MSELoss())


@sound
def gru_of_modules_in_a_dict_with_masked_steps() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(20, 8, padding_idx=0)
            self.gates = nn.ModuleDict({name: nn.Linear(8 + 12, 12) for name in ("r", "z", "n")})
            self.readout = nn.Linear(12, 2)

        def forward(self, ids: Tensor) -> Tensor:
            h = torch.zeros(len(ids), 12)
            for t in range(ids.shape[1]):
                x, keep = self.emb(ids[:, t]), (ids[:, t] != 0).unsqueeze(1)
                both = torch.cat([x, h], 1)
                r, z = torch.sigmoid(self.gates["r"](both)), torch.sigmoid(self.gates["z"](both))
                new = torch.tanh(self.gates["n"](torch.cat([x, r * h], 1)))
                h = torch.where(keep, (1 - z) * new + z * h, h)
            return self.readout(h)

    ids, lengths, labels = texts(N=9, T=9)
    return given(model=Model(), batch=ids, target=labels, loss=nn.CrossEntropyLoss(), lengths=lengths)


class TanhStep(torch.autograd.Function):
    """tanh(x W + h U), its gradient by hand."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, h: Tensor, W: Tensor, U: Tensor) -> Tensor:
        new = torch.tanh(x @ W + h @ U)
        ctx.save_for_backward(x, h, W, U, new)
        return new

    @staticmethod
    def backward(ctx: Any, d_new: Tensor) -> tuple[Tensor, ...]:
        x, h, W, U, new = ctx.saved_tensors
        d_a = d_new * (1 - new**2)
        return d_a @ W.t(), d_a @ U.t(), x.t() @ d_a, h.t() @ d_a


@sound
def own_backward_pass_in_torch() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.W, self.U = nn.Parameter(torch.randn(1, 8) * 0.5), nn.Parameter(torch.randn(8, 8) * 0.3)
            self.out = nn.Linear(8, 1)

        def forward(self, x: Tensor) -> Tensor:
            h = x.new_zeros(len(x), 8)
            for x_t in x.unbind(1):
                h = TanhStep.apply(x_t, h, self.W, self.U)
            return self.out(h)

    x, y = windows(N=8, T=9)
    return given(model=Model(), batch=x, target=y, loss=nn.MSELoss())


@sound
def leaky_reservoir_with_trained_readout() -> Parts:
    """An echo state network: the recurrent weights are buffers and meant to stay as they are."""

    class ESN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            W = torch.randn(40, 40)
            self.register_buffer("W", 0.9 * W / torch.linalg.eigvals(W).abs().max())
            self.register_buffer("W_in", torch.rand(1, 40) - 0.5)
            self.out = nn.Linear(40, 1)

        def forward(self, x: Tensor) -> Tensor:
            h, states = torch.zeros(len(x), 40), []
            for x_t in x.unbind(1):
                h = 0.7 * h + 0.3 * torch.tanh(x_t @ self.W_in + h @ self.W)
                states.append(self.out(h))
            return torch.stack(states, 1)

    x, y = stepwise(N=6, T=20)
    return given(model=ESN(), batch=x, target=y, loss=nn.MSELoss(), causal=True)


@sound
def residual_layers() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inp = nn.Linear(8, 12)
            self.layers = nn.ModuleList([nn.GRU(12, 12, batch_first=True) for _ in range(3)])
            self.norms = nn.ModuleList([nn.LayerNorm(12) for _ in range(3)])
            self.out = nn.Linear(12, 4)

        def forward(self, x: Tensor) -> Tensor:
            z = self.inp(x)
            for rnn, norm in zip(self.layers, self.norms, strict=True):
                z = z + rnn(norm(z))[0]
            return self.out(z.mean(1))

    x, y = images(N=9)
    return given(model=Model(), batch=x, target=y, loss=nn.CrossEntropyLoss())
