"""Sound models, most of them on numbers, the second half."""

from __future__ import annotations

from collections import namedtuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence

from ..registry import given, sound
from .material import G, padded, waves


@sound
def autoregressive_decoder_forecast():
    class S2S(nn.Module):
        def __init__(self, H=5):
            super().__init__()
            self.H = H
            self.enc = nn.GRU(1, 20, batch_first=True)
            self.dec = nn.GRUCell(1, 20)
            self.o = nn.Linear(20, 1)

        def forward(self, x):
            h = self.enc(x)[1][-1]
            y = x[:, -1]
            out = []
            for _ in range(self.H):
                h = self.dec(y, h)
                y = y + self.o(h)
                out.append(y)
            return torch.stack(out, 1)

    w = waves()
    return given(model=S2S(), batch=w[:, :24, None], target=w[:, 24:29, None], loss=nn.MSELoss())


@sound
def namedtuple_output():
    Out = namedtuple("Out", "logits weights")

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.e = nn.Embedding(40, 16, padding_idx=0)
            self.r = nn.GRU(16, 16, batch_first=True)
            self.q = nn.Parameter(torch.randn(16) * 0.1)
            self.o = nn.Linear(16, 3)

        def forward(self, x):
            h, _ = self.r(self.e(x))
            s = (torch.tanh(h) @ self.q).masked_fill(x == 0, float("-inf"))
            w = s.softmax(1)
            return Out(self.o((w.unsqueeze(-1) * h).sum(1)), w)

    x, lengths = padded(seed=13)
    return given(
        model=Net(),
        batch=x,
        target=torch.arange(10) % 3,
        loss=lambda o, y: F.cross_entropy(o.logits, y),
        lengths=lengths,
    )


@sound
def hierarchical_document():
    class HAN(nn.Module):
        def __init__(self):
            super().__init__()
            self.e = nn.Embedding(40, 12)
            self.w = nn.GRU(12, 10, batch_first=True, bidirectional=True)
            self.s = nn.GRU(20, 10, batch_first=True, bidirectional=True)
            self.wa = nn.Linear(20, 1)
            self.sa = nn.Linear(20, 1)
            self.o = nn.Linear(20, 4)

        def pool(self, h, lin):
            a = lin(torch.tanh(h)).softmax(1)
            return (a * h).sum(1)

        def forward(self, docs):  # (N, S, W)
            N, S, W = docs.shape
            v = self.pool(self.w(self.e(docs.view(N * S, W)))[0], self.wa).view(N, S, -1)
            return self.o(self.pool(self.s(v)[0], self.sa))

    return given(
        model=HAN(),
        batch=torch.randint(0, 40, (8, 4, 6), generator=G(1)),
        target=torch.arange(8) % 4,
        loss=nn.CrossEntropyLoss(),
    )


@sound
def residual_cells_time_first():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.i = nn.Linear(3, 16)
            self.c = nn.ModuleList([nn.GRUCell(16, 16) for _ in range(2)])
            self.n = nn.LayerNorm(16)
            self.o = nn.Linear(16, 2)

        def forward(self, x):
            hs = [x.new_zeros(x.size(1), 16) for _ in self.c]
            ys = []
            for xt in x:
                z = self.i(xt)
                for k, c in enumerate(self.c):
                    hs[k] = c(z, hs[k])
                    z = z + hs[k]
                ys.append(self.o(self.n(z)))
            return torch.stack(ys)

    x = torch.randn(11, 9, 3, generator=G(1))
    y = torch.stack([x[..., 0].cumsum(0) / 3, x[..., 1] * 0.5], -1)
    return given(model=Net(), batch=x, target=y, loss=nn.MSELoss())


@sound
def packed_batch_itself():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = nn.LSTM(4, 16)
            self.o = nn.Linear(16, 2)

        def forward(self, p):
            return self.o(self.r(p)[1][0][-1])

    p = pack_sequence([torch.randn(n, 4, generator=G(n)) for n in (12, 10, 9, 7, 7, 5, 4, 3)])
    return given(model=Net(), batch=p, target=torch.arange(8) % 2, loss=nn.CrossEntropyLoss())


@sound
def locked_dropout_tied_lm():
    class Locked(nn.Module):
        def forward(self, x, p=0.3):
            if not self.training:
                return x
            return x * torch.empty(x.size(0), 1, x.size(2)).bernoulli_(1 - p) / (1 - p)

    class LM(nn.Module):
        def __init__(self):
            super().__init__()
            self.e = nn.Embedding(30, 16)
            self.l = Locked()
            self.r = nn.LSTM(16, 16, batch_first=True)
            self.o = nn.Linear(16, 30)
            self.o.weight = self.e.weight
            nn.init.normal_(self.e.weight, 0, 0.1)

        def forward(self, x, s=None):
            o, s = self.r(self.l(self.e(x)), s)
            return self.o(self.l(o)), s

    s = torch.randint(0, 30, (8, 19), generator=G(5))
    m = LM()
    return given(
        model=m,
        batch=s[:, :-1],
        target=s[:, 1:],
        loss=lambda o, y: F.cross_entropy(o[0].reshape(-1, 30), y.reshape(-1)),
        optimizer=torch.optim.SGD(m.parameters(), 1.0, weight_decay=1e-6),
    )


@sound
def frozen_glove():
    class Net(nn.Module):
        def __init__(self, vec):
            super().__init__()
            self.e = nn.Embedding.from_pretrained(vec, freeze=True, padding_idx=0)
            self.r = nn.GRU(vec.size(1), 16, batch_first=True)
            self.o = nn.Linear(16, 2)

        def forward(self, x, n):
            _, h = self.r(pack_padded_sequence(self.e(x), n, batch_first=True, enforce_sorted=False))
            return self.o(h[-1])

    x, lengths = padded(seed=14)
    v = torch.randn(40, 20, generator=G(1)) * 0.4
    v[0] = 0
    m = Net(v)
    return given(
        model=m,
        batch=(x, lengths),
        target=torch.arange(10) % 2,
        loss=nn.CrossEntropyLoss(),
        lengths=lengths,
        optimizer=torch.optim.Adam(filter(lambda p: p.requires_grad, m.parameters()), 1e-3),
    )


@sound
def adamw_groups():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = nn.LSTM(5, 16, 2, batch_first=True, dropout=0.2)
            self.n = nn.LayerNorm(16)
            self.o = nn.Linear(16, 3)

        def forward(self, x):
            return self.o(self.n(self.r(x)[0][:, -1]))

    m = Net()
    de = [p for n, p in m.named_parameters() if p.dim() > 1]
    no = [p for n, p in m.named_parameters() if p.dim() <= 1]
    return given(
        model=m,
        batch=torch.randn(12, 10, 5, generator=G(1)),
        target=torch.arange(12) % 3,
        loss=nn.CrossEntropyLoss(),
        optimizer=torch.optim.AdamW([{"params": de, "weight_decay": 0.01}, {"params": no, "weight_decay": 0.0}], 1e-3),
    )


@sound
def pointer_to_position():
    class Ptr(nn.Module):
        def __init__(self):
            super().__init__()
            self.e = nn.Embedding(40, 16, padding_idx=0)
            self.r = nn.LSTM(16, 12, bidirectional=True, batch_first=True)
            self.s = nn.Linear(24, 1)

        def forward(self, x, lengths):
            o, _ = pad_packed_sequence(
                self.r(pack_padded_sequence(self.e(x), lengths, batch_first=True, enforce_sorted=False))[0],
                batch_first=True,
                total_length=x.size(1),
            )
            return self.s(o).squeeze(-1).masked_fill(x == 0, -1e4)

    x, lengths = padded(seed=15)
    return given(
        model=Ptr(), batch=(x, lengths), target=torch.arange(10) % 3, loss=nn.CrossEntropyLoss(), lengths=lengths
    )


@sound
def poisson_counts():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = nn.GRU(1, 16, batch_first=True)
            self.o = nn.Linear(16, 1)

        def forward(self, x):
            return self.o(self.r(torch.log1p(x))[0]).squeeze(-1)

    c = torch.poisson((waves(10, 20) + 1.5).clamp(min=0.1) * 2, generator=G(1))
    return given(
        model=Net(), batch=c[:, :20, None], target=c[:, 1:21], loss=nn.PoissonNLLLoss(log_input=True), causal=True
    )


@sound
def variable_sensor_lengths():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = nn.GRU(3, 16, batch_first=True)
            self.o = nn.Linear(16, 1)

        def forward(self, x, lengths):
            o, _ = self.r(x)
            m = (torch.arange(x.size(1))[None] < lengths[:, None]).unsqueeze(-1)
            return self.o((o * m).sum(1) / lengths[:, None]).squeeze(-1)

    lengths = torch.tensor([12, 5, 9, 7, 12, 3, 10, 8])
    x = torch.randn(8, 12, 3, generator=G(1)) * (torch.arange(12)[None] < lengths[:, None]).unsqueeze(-1)
    return given(
        model=Net(),
        batch={"x": x, "lengths": lengths},
        target=x[..., 0].sum(1) / lengths * 2,
        loss=nn.MSELoss(),
        lengths=lengths,
    )


@sound
def keras_style_sequential():
    class Last(nn.Module):
        def forward(self, o):
            return o[0][:, -1]

    m = nn.Sequential(nn.LSTM(1, 20, batch_first=True), Last(), nn.Dropout(0.2), nn.Linear(20, 1))
    w = waves()
    return given(
        model=m,
        batch=w[:, :24, None],
        target=w[:, 24:25],
        loss="mse" and nn.MSELoss(),
        optimizer=torch.optim.RMSprop(m.parameters(), 1e-3),
    )


@sound
def no_loss_given_classifier():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = nn.RNN(28, 32, batch_first=True, nonlinearity="relu")
            self.o = nn.Linear(32, 10)

        def forward(self, img):
            return self.o(self.r(img)[0][:, -1])

    return given(model=Net(), batch=torch.rand(16, 28, 28, generator=G(1)), target=torch.arange(16) % 10)
