"""Models with one slip each, the second half."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F

from ..registry import faulty, given
from .material import waves


@faulty("RK-DEAD-03", "RK-DEAD-01", "RK-DEAD-02", "RK-DEAD-05")
def layers_in_a_plain_list():
    class Stack(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.GRU(3 if i == 0 else 12, 12, batch_first=True) for i in range(2)]
            self.top = nn.Linear(12, 4)

        def forward(self, x):
            for layer in self.layers:
                x, _ = layer(x)
            return self.top(x.mean(1))

    g = torch.Generator().manual_seed(1)
    m = Stack()
    return given(
        model=m,
        batch=torch.randn(12, 10, 3, generator=g),
        target=torch.arange(12) % 4,
        loss=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(m.parameters(), 1e-3),
    )


@faulty("RK-DEAD-03")
def optimizer_of_decoder_only():
    class S2S(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.LSTM(1, 16, batch_first=True)
            self.decoder = nn.LSTMCell(1, 16)
            self.out = nn.Linear(16, 1)

        def forward(self, x):
            _, (h, c) = self.encoder(x)
            h, c = h[0], c[0]
            y, ys = x[:, -1], []
            for _ in range(5):
                h, c = self.decoder(y, (h, c))
                y = self.out(h)
                ys.append(y)
            return torch.cat(ys, 1)

    w = waves()
    m = S2S()
    return given(
        model=m,
        batch=w[:, :24, None],
        target=w[:, 24:29],
        loss=nn.MSELoss(),
        optimizer=torch.optim.Adam(list(m.decoder.parameters()) + list(m.out.parameters()), 3e-3),
    )


@faulty("RK-LEARN-03")
def stars_from_one_to_five():
    class Stars(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb = nn.EmbeddingBag(40, 8)
            self.e = nn.Embedding(40, 12)
            self.l = nn.LSTM(12, 16, batch_first=True)
            self.f = nn.Linear(24, 5)

        def forward(self, x):
            return self.f(torch.cat([self.l(self.e(x))[1][0][-1], self.emb(x)], 1))

    g = torch.Generator().manual_seed(1)
    return given(
        model=Stars(),
        batch=torch.randint(0, 40, (15, 11), generator=g),
        target=1 + torch.arange(15) % 5,
        loss=nn.CrossEntropyLoss(),
    )


@faulty("RK-LEARN-04", "RK-LEARN-03", "RK-LEARN-01", "RK-AXIS-01", "RK-TARGET-01", "RK-FUT-01", "RK-PAD-04")
def flattened_in_different_orders():
    class CharRNN(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb = nn.Embedding(20, 16)
            self.rnn = nn.GRU(16, 24)
            self.fc = nn.Linear(24, 20)

        def forward(self, x):  # x (N, T)
            o, _ = self.rnn(self.emb(x.t()))  # (T, N, H)
            return self.fc(o).view(-1, 20)  # T-major

    g = torch.Generator().manual_seed(1)
    start = torch.randint(0, 20, (9, 1), generator=g)
    step = 1 + torch.arange(9)[:, None] % 3
    s = (start + step * torch.arange(15)) % 20
    return given(model=CharRNN(), batch=s[:, :-1], target=s[:, 1:].reshape(-1), loss=nn.CrossEntropyLoss())


@faulty("RK-LEARN-03")
def column_against_row():
    class Price(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(4, 16, batch_first=True)
            self.bn = nn.LayerNorm(16)
            self.fc = nn.Linear(16, 1)

        def forward(self, x):
            return self.fc(self.bn(self.lstm(x)[0][:, -1]))

    g = torch.Generator().manual_seed(1)
    x = torch.randn(20, 10, 4, generator=g)
    return given(model=Price(), batch=x, target=x[:, :, 0].mean(1), loss=nn.MSELoss())


@faulty("RK-STATE-01")
def bilstm_last_step():
    class Intent(nn.Module):
        def __init__(self):
            super().__init__()
            self.E = nn.Embedding(50, 16)
            self.R = nn.LSTM(16, 16, num_layers=2, bidirectional=True)
            self.O = nn.Linear(32, 6)

        def forward(self, x):  # (T, N)
            seq, _ = self.R(self.E(x))
            return F.log_softmax(self.O(seq[-1]), -1)

    g = torch.Generator().manual_seed(1)
    return given(
        model=Intent(), batch=torch.randint(0, 50, (10, 14), generator=g), target=torch.arange(14) % 6, loss=F.nll_loss
    )


@faulty("RK-STATE-06")
def random_start():
    class M(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(3, 16, 2, batch_first=True)
            self.fc = nn.Linear(16, 2)

        def init_hidden(self, n):
            return torch.randn(2, n, 16)

        def forward(self, x):
            out, _ = self.rnn(x, self.init_hidden(x.shape[0]))
            return self.fc(out[:, -1])

    g = torch.Generator().manual_seed(1)
    return given(
        model=M(),
        batch=torch.randn(14, 9, 3, generator=g),
        target=torch.arange(14) % 2,
        loss=nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0])),
    )


@faulty("RK-STATE-03")
def state_left_over():
    class Review(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb = nn.Embedding(40, 12)
            self.lstm = nn.LSTM(12, 16, batch_first=True)
            self.fc = nn.Linear(16, 2)
            self.hidden = None

        def forward(self, x):
            if self.hidden is None or self.hidden[0].size(1) != x.size(0):
                self.hidden = (torch.zeros(1, x.size(0), 16), torch.zeros(1, x.size(0), 16))
            o, h = self.lstm(self.emb(x), self.hidden)
            self.hidden = tuple(s.detach() for s in h)
            return self.fc(o[:, -1])

    g = torch.Generator().manual_seed(1)
    return given(
        model=Review(),
        batch=torch.randint(0, 40, (12, 10), generator=g),
        target=torch.arange(12) % 2,
        loss=nn.CrossEntropyLoss(),
    )


@faulty("RK-STATE-05", "RK-STATE-07")
def state_given_not_used():
    class WordLM(nn.Module):
        def __init__(self, V=30, H=20):
            super().__init__()
            self.encoder = nn.Embedding(V, H)
            self.rnn = nn.GRU(H, H)
            self.decoder = nn.Linear(H, V)

        def forward(self, inp, hidden):
            out, hidden = self.rnn(self.encoder(inp))
            return self.decoder(out), hidden

    g = torch.Generator().manual_seed(1)
    s = torch.randint(0, 30, (13, 8), generator=g)
    return given(
        model=WordLM(),
        batch=(s[:-1], torch.zeros(1, 8, 20)),
        target=s[1:],
        loss=lambda o, y: F.cross_entropy(o[0].view(-1, 30), y.reshape(-1)),
        causal=True,
    )


@faulty("RK-BACK-01")
def tanh_derivative_of_the_input():
    class MyTanh(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = torch.tanh(x)
            ctx.save_for_backward(x)
            return y

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * (1 - x**2)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.wx = nn.Linear(3, 12)
            self.wh = nn.Linear(12, 12, bias=False)
            self.o = nn.Linear(12, 2)

        def forward(self, x):
            h = torch.zeros(x.shape[0], 12)
            for xt in x.unbind(1):
                h = MyTanh.apply(self.wx(xt) + self.wh(h))
            return self.o(h)

    g = torch.Generator().manual_seed(1)
    return given(
        model=Net(), batch=torch.randn(10, 6, 3, generator=g), target=torch.arange(10) % 2, loss=nn.CrossEntropyLoss()
    )


@faulty("RK-BACK-01", "RK-GRAD-01")
def bptt_without_the_recurrent_term():
    class RNNFn(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, U, W, b):
            hs = [x.new_zeros(x.size(0), W.size(0))]
            for t in range(x.size(1)):
                hs.append(torch.tanh(x[:, t] @ U.t() + hs[-1] @ W.t() + b))
            ctx.save_for_backward(x, U, W, *hs)
            return torch.stack(hs[1:], 1)

        @staticmethod
        def backward(ctx, gout):
            x, U, W, *hs = ctx.saved_tensors
            gx, gU, gW, gb = torch.zeros_like(x), torch.zeros_like(U), torch.zeros_like(W), torch.zeros(W.size(0))
            gh = torch.zeros_like(hs[0])
            for t in reversed(range(x.size(1))):
                da = (gout[:, t] + gh) * (1 - hs[t + 1] ** 2)
                gU += da.t() @ x[:, t]
                gW += da.t() @ hs[t]
                gb += da.sum(0)
                gx[:, t] = da @ U
                gh = da @ W.t()  # should be da @ W
            return gx, gU, gW, gb

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.U = nn.Parameter(torch.randn(8, 3) * 0.4)
            self.W = nn.Parameter(torch.randn(8, 8) * 0.35)
            self.b = nn.Parameter(torch.zeros(8))
            self.o = nn.Linear(8, 1)

        def forward(self, x):
            return self.o(RNNFn.apply(x, self.U, self.W, self.b))[..., 0]

    g = torch.Generator().manual_seed(1)
    x = torch.randn(8, 7, 3, generator=g)
    return given(model=Net(), batch=x, target=x[..., 0].cumsum(1) / 3, loss=nn.MSELoss())


@faulty("RK-SAT-03", "RK-SAT-01")
def raw_prices():
    class Stock(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(5, 32, batch_first=True)
            self.fc = nn.Linear(32, 1)

        def forward(self, x):
            return self.fc(self.lstm(x)[0][:, -1]).squeeze(1)

    g = torch.Generator().manual_seed(1)
    p = 2400 + torch.randn(16, 21, 5, generator=g).cumsum(1) * 12
    p[..., 4] *= 1000
    return given(model=Stock(), batch=p[:, :20], target=(p[:, 20, 0] - p[:, 19, 0]) / 12, loss=nn.MSELoss())


@faulty("RK-SAT-01", "RK-GRAD-03", "RK-GRAD-02", "RK-GRAD-01")
def unit_normal_everywhere():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.RNN(8, 64, batch_first=True)
            self.fc = nn.Linear(64, 3)
            for n, p in self.named_parameters():
                if "weight" in n:
                    nn.init.normal_(p)  # std 1

        def forward(self, x):
            return self.fc(self.rnn(x)[1].squeeze(0))

    g = torch.Generator().manual_seed(1)
    return given(
        model=Net(), batch=torch.randn(12, 20, 8, generator=g), target=torch.arange(12) % 3, loss=nn.CrossEntropyLoss()
    )


@faulty("RK-TARGET-01")
def lm_predicts_its_input():
    class LM(nn.Module):
        def __init__(self):
            super().__init__()
            self.e = nn.Embedding(28, 16)
            self.r = nn.LSTM(16, 24, batch_first=True, num_layers=2, dropout=0.1)
            self.d = nn.Linear(24, 28)

        def forward(self, x):
            return self.d(self.r(self.e(x))[0])

    g = torch.Generator().manual_seed(1)
    s = torch.randint(0, 28, (10, 16), generator=g)
    return given(model=LM(), batch=s, target=s, loss=lambda o, y: F.cross_entropy(o.transpose(1, 2), y), causal=True)


@faulty("RK-TARGET-02", "RK-TARGET-01")
def window_one_too_long():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = nn.GRU(2, 16, batch_first=True)
            self.d = nn.Linear(16, 1)

        def forward(self, x):
            return self.d(self.r(x)[0][:, -1])

    w = waves()
    x = torch.stack([w, w.roll(3, 1)], -1)
    return given(model=Net(), batch=x[:, :25], target=x[:, 24, :1].clone(), loss=nn.MSELoss())  # x[:, 24] is the answer
