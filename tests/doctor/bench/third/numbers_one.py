"""Sound models, most of them on numbers, the first half."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F

from ..registry import given, sound
from .material import G, padded, waves


@sound
def two_steps_only():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = nn.GRU(6, 12, batch_first=True)
            self.o = nn.Linear(12, 3)

        def forward(self, x):
            return self.o(self.r(x)[1][-1])

    return given(
        model=Net(),
        batch=torch.randn(16, 2, 6, generator=G(1)),
        target=torch.arange(16) % 3,
        loss=nn.CrossEntropyLoss(),
    )


@sound
def long_mean_pool():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = nn.LSTM(1, 12, batch_first=True)
            self.o = nn.Linear(12, 2)

        def forward(self, x):
            return self.o(self.r(x)[0].mean(1))

    w = waves(8, 294)
    return given(model=Net(), batch=w[..., None], target=torch.arange(8) % 2, loss=nn.CrossEntropyLoss())


@sound
def square_batch():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = nn.LSTM(4, 16, batch_first=True)
            self.o = nn.Linear(16, 5)

        def forward(self, x):
            return self.o(self.r(x)[0][:, -1])

    return given(
        model=Net(),
        batch=torch.randn(10, 10, 4, generator=G(1)),
        target=torch.arange(10) % 5,
        loss=nn.CrossEntropyLoss(),
    )


@sound
def square_tagger():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.e = nn.Embedding(30, 12)
            self.r = nn.GRU(12, 16, batch_first=True, bidirectional=True)
            self.o = nn.Linear(32, 4)

        def forward(self, x):
            return self.o(self.r(self.e(x))[0])

    x = torch.randint(0, 30, (9, 9), generator=G(1))
    return given(
        model=Net(),
        batch=x,
        target=(x + x.roll(1, 1)) % 4,
        loss=lambda o, y: F.cross_entropy(o.view(-1, 4), y.view(-1)),
    )


@sound
def last_real_token_gathered():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.e = nn.Embedding(40, 16, padding_idx=0)
            self.r = nn.LSTM(16, 16, batch_first=True)
            self.o = nn.Linear(16, 2)

        def forward(self, x):
            o, _ = self.r(self.e(x))
            i = ((x != 0).sum(1) - 1).clamp(min=0)[:, None, None].expand(-1, 1, o.size(2))
            return self.o(o.gather(1, i).squeeze(1))

    x, lengths = padded(seed=11)
    return given(model=Net(), batch=x, target=torch.arange(10) % 2, loss=nn.CrossEntropyLoss(), lengths=lengths)


@sound
def careful_init():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = nn.LSTM(3, 20, 2, batch_first=True)
            for n, p in self.r.named_parameters():
                if "weight_ih" in n:
                    nn.init.xavier_uniform_(p.data)
                elif "weight_hh" in n:
                    nn.init.orthogonal_(p.data)
                else:
                    p.data.zero_()
                    p.data[20:40].fill_(0.5)
            self.o = nn.Linear(20, 1)

        def forward(self, x):
            return self.o(self.r(x)[0][:, -1]).squeeze(-1)

    x = torch.randn(14, 15, 3, generator=G(1))
    return given(model=Net(), batch=x, target=x.sum((1, 2)) / 6, loss=nn.SmoothL1Loss(beta=0.5))


@sound
def focal_loss():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = nn.GRU(4, 16, batch_first=True)
            self.o = nn.Linear(16, 3)

        def forward(self, x):
            return self.o(self.r(x)[0][:, -1])

    def focal(lo, y, g=2.0):
        ce = F.cross_entropy(lo, y, reduction="none")
        return ((1 - torch.exp(-ce)) ** g * ce).mean()

    return given(model=Net(), batch=torch.randn(13, 9, 4, generator=G(1)), target=torch.arange(13) % 3, loss=focal)


@sound
def lm_padded_ignore_zero():
    class LM(nn.Module):
        def __init__(self):
            super().__init__()
            self.e = nn.Embedding(40, 16, padding_idx=0)
            self.r = nn.GRU(16, 16, batch_first=True)
            self.o = nn.Linear(16, 40)

        def forward(self, x):
            return self.o(self.r(self.e(x))[0])

    x, _l = padded(seed=12)
    crit = nn.CrossEntropyLoss(ignore_index=0)
    return given(model=LM(), batch=x[:, :-1], target=x[:, 1:], loss=lambda o, y: crit(o.transpose(1, 2), y))


@sound
def multilabel_pos_weight():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = nn.LSTM(6, 16, batch_first=True, bidirectional=True)
            self.o = nn.Linear(32, 5)

        def forward(self, x):
            _, (h, _) = self.r(x)
            return self.o(torch.cat([h[0], h[1]], -1))

    return given(
        model=Net(),
        batch=torch.randn(12, 11, 6, generator=G(1)),
        target=(torch.rand(12, 5, generator=G(2)) < 0.3).float(),
        loss=nn.BCEWithLogitsLoss(pos_weight=torch.full((5,), 2.0)),
    )


@sound
def video_frames():
    class Vid(nn.Module):
        def __init__(self):
            super().__init__()
            self.cnn = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.Flatten())
            self.rnn = nn.GRU(4 * 9, 16, batch_first=True)
            self.fc = nn.Linear(16, 3)

        def forward(self, v):
            n, t = v.shape[:2]
            f = self.cnn(v.flatten(0, 1)).view(n, t, -1)
            return self.fc(self.rnn(f)[1][-1])

    return given(
        model=Vid(),
        batch=torch.randn(8, 6, 1, 8, 8, generator=G(1)),
        target=torch.arange(8) % 3,
        loss=nn.CrossEntropyLoss(),
    )


@sound
def causal_conv_then_lstm():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.c = nn.Conv1d(1, 12, 3)
            self.r = nn.LSTM(12, 16, batch_first=True)
            self.o = nn.Linear(16, 1)

        def forward(self, x):
            z = F.relu(self.c(F.pad(x.transpose(1, 2), (2, 0)))).transpose(1, 2)
            return self.o(self.r(z)[0])

    w = waves(10, 20)
    return given(model=Net(), batch=w[:, :20, None], target=w[:, 1:21, None], loss=nn.MSELoss(), causal=True)


@sound
def min_gru():
    class MinGRU(nn.Module):
        def __init__(self, i, h):
            super().__init__()
            self.z = nn.Linear(i, h)
            self.n = nn.Linear(i, h)

        def forward(self, x):
            z, n = torch.sigmoid(self.z(x)), self.n(x)
            h = torch.zeros_like(n[:, 0])
            out = []
            for t in range(x.size(1)):
                h = (1 - z[:, t]) * h + z[:, t] * n[:, t]
                out.append(h)
            return torch.stack(out, 1)

    class LM(nn.Module):
        def __init__(self):
            super().__init__()
            self.e = nn.Embedding(25, 16)
            self.a = MinGRU(16, 16)
            self.b = MinGRU(16, 16)
            self.n = nn.LayerNorm(16)
            self.o = nn.Linear(16, 25)

        def forward(self, x):
            e = self.e(x)
            e = e + self.a(e)
            e = e + self.b(self.n(e))
            return self.o(e).permute(0, 2, 1)

    s = torch.randint(0, 25, (8, 17), generator=G(3))
    return given(model=LM(), batch=s[:, :-1], target=s[:, 1:], loss=nn.CrossEntropyLoss())
