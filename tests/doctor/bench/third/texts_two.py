"""Sound models, most of them on text, the second half."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ..registry import given, sound
from .material import G, padded, waves


@sound
def seq2seq_bahdanau():
    class Attn(nn.Module):
        def __init__(self, h):
            super().__init__()
            self.Wa = nn.Linear(h, h)
            self.Ua = nn.Linear(h, h)
            self.Va = nn.Linear(h, 1)

        def forward(self, q, keys, mask):
            s = self.Va(torch.tanh(self.Wa(q).unsqueeze(1) + self.Ua(keys))).squeeze(2).masked_fill(~mask, -1e9)
            w = F.softmax(s, -1)
            return torch.bmm(w.unsqueeze(1), keys).squeeze(1)

    class S2S(nn.Module):
        def __init__(self, h=16):
            super().__init__()
            self.es = nn.Embedding(40, h, padding_idx=0)
            self.et = nn.Embedding(30, h, padding_idx=0)
            self.enc = nn.GRU(h, h, batch_first=True)
            self.att = Attn(h)
            self.cell = nn.GRUCell(2 * h, h)
            self.out = nn.Linear(h, 30)

        def forward(self, src, tgt_in):
            mask = src != 0
            keys, h = self.enc(
                pack_padded_sequence(self.es(src), mask.sum(1).cpu(), batch_first=True, enforce_sorted=False)
            )
            keys, _ = pad_packed_sequence(keys, batch_first=True, total_length=src.size(1))
            h = h[0]
            ys = []
            for t in range(tgt_in.size(1)):
                h = self.cell(torch.cat([self.et(tgt_in[:, t]), self.att(h, keys, mask)], -1), h)
                ys.append(self.out(h))
            return torch.stack(ys, 1)

    x, _l = padded(seed=8)
    y = torch.randint(3, 30, (10, 7), generator=G(2))
    y[:, 0] = 1
    return given(
        model=S2S(),
        batch=(x, y[:, :-1]),
        target=y[:, 1:],
        loss=lambda o, t: F.cross_entropy(o.flatten(0, 1), t.flatten(), ignore_index=0),
    )


@sound
def siamese_similarity():
    class Siamese(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb = nn.Embedding(40, 12, padding_idx=0)
            self.lstm = nn.LSTM(12, 16, batch_first=True)
            self.fc = nn.Linear(32, 1)

        def encode(self, x):
            o, _ = self.lstm(self.emb(x))
            last = (x != 0).sum(1) - 1
            return o[torch.arange(len(x)), last]

        def forward(self, a, b):
            u, v = self.encode(a), self.encode(b)
            return self.fc(torch.cat([(u - v).abs(), u * v], 1)).flatten()

    a, _ = padded(seed=1)
    b, _ = padded(seed=2)
    return given(model=Siamese(), batch=(a, b), target=(torch.arange(10) % 2).float(), loss=nn.BCEWithLogitsLoss())


@sound
def cnn_lstm_batchnorm():
    class DeepConvLSTM(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Sequential(nn.Conv1d(4, 16, 5, padding=2), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2))
            self.lstm = nn.LSTM(16, 20, batch_first=True)
            self.fc = nn.Linear(20, 3)

        def forward(self, x):
            z = self.conv(x.transpose(1, 2)).transpose(1, 2)
            return self.fc(self.lstm(z)[0][:, -1])

    return given(
        model=DeepConvLSTM(),
        batch=torch.randn(12, 24, 4, generator=G(1)),
        target=torch.arange(12) % 3,
        loss=nn.CrossEntropyLoss(),
    )


@sound
def crnn_ctc():
    class CRNN(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(8, 16, bidirectional=True, batch_first=True)
            self.fc = nn.Linear(32, 11)

        def forward(self, x):
            return F.log_softmax(self.fc(self.rnn(x)[0]), -1).transpose(0, 1)

    ctc = nn.CTCLoss(blank=0, zero_infinity=True)

    def loss(lp, y):
        return ctc(lp, y, torch.full((lp.size(1),), lp.size(0)), torch.full((y.size(0),), y.size(1)))

    return given(
        model=CRNN(),
        batch=torch.randn(8, 20, 8, generator=G(1)),
        target=torch.randint(1, 11, (8, 5), generator=G(2)),
        loss=loss,
    )


@sound
def hand_written_elman_names():
    class RNN(nn.Module):
        def __init__(self, i=20, h=24, o=5):
            super().__init__()
            self.h = h
            self.i2h = nn.Linear(i + h, h)
            self.h2o = nn.Linear(h, o)
            self.softmax = nn.LogSoftmax(dim=1)

        def forward(self, line):  # (T, N, letters)
            hidden = torch.zeros(line.size(1), self.h)
            for i in range(line.size(0)):
                hidden = torch.tanh(self.i2h(torch.cat((line[i], hidden), 1)))
            return self.softmax(self.h2o(hidden))

    x = F.one_hot(torch.randint(0, 20, (7, 13), generator=G(1)), 20).float()
    return given(model=RNN(), batch=x, target=torch.arange(13) % 5, loss=nn.NLLLoss())


@sound
def hand_written_lstm_parameters():
    class NaiveLSTM(nn.Module):
        def __init__(self, d=3, h=16):
            super().__init__()
            self.W = nn.Parameter(torch.empty(d, 4 * h))
            self.U = nn.Parameter(torch.empty(h, 4 * h))
            self.b = nn.Parameter(torch.zeros(4 * h))
            self.h = h
            self.o = nn.Linear(h, 1)
            nn.init.xavier_uniform_(self.W)
            nn.init.orthogonal_(self.U)
            with torch.no_grad():
                self.b[h : 2 * h] = 1

        def forward(self, x):
            N, T, _ = x.shape
            h = c = x.new_zeros(N, self.h)
            for t in range(T):
                i, f, g, o = (x[:, t] @ self.W + h @ self.U + self.b).chunk(4, 1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
            return self.o(h)[:, 0]

    x = torch.randn(14, 12, 3, generator=G(1))
    return given(model=NaiveLSTM(), batch=x, target=x[..., 0].mean(1), loss=F.mse_loss)


@sound
def layernorm_gru_cell():
    class LNGRUCell(nn.Module):
        def __init__(self, i, h):
            super().__init__()
            self.x = nn.Linear(i, 3 * h, bias=False)
            self.hh = nn.Linear(h, 3 * h, bias=False)
            self.n1 = nn.LayerNorm(3 * h)
            self.n2 = nn.LayerNorm(3 * h)

        def forward(self, x, h):
            a, b, c = self.n1(self.x(x)).chunk(3, -1)
            d, e, f = self.n2(self.hh(h)).chunk(3, -1)
            r, z = torch.sigmoid(a + d), torch.sigmoid(b + e)
            n = torch.tanh(c + r * f)
            return (1 - z) * n + z * h

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = LNGRUCell(5, 20)
            self.o = nn.Linear(20, 4)

        def forward(self, x):
            h = torch.zeros(x.size(0), 20)
            for xt in x.unbind(1):
                h = self.cell(xt, h)
            return self.o(h)

    return given(
        model=Net(),
        batch=torch.randn(12, 10, 5, generator=G(1)),
        target=torch.arange(12) % 4,
        loss=nn.CrossEntropyLoss(),
    )


@sound
def bigru_hn_concat():
    class M(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb = nn.Embedding(40, 16)
            self.rnn = nn.GRU(16, 12, 2, bidirectional=True, batch_first=True, dropout=0.2)
            self.fc = nn.Linear(24, 3)

        def forward(self, x):
            h = self.rnn(self.emb(x))[1].view(2, 2, x.size(0), 12)[-1]
            return self.fc(h.transpose(0, 1).reshape(x.size(0), -1))

    return given(
        model=M(),
        batch=torch.randint(0, 40, (12, 9), generator=G(1)),
        target=torch.arange(12) % 3,
        loss=nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5])),
    )


@sound
def bilstm_max_pool_masked():
    class M(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb = nn.Embedding(40, 16, padding_idx=0)
            self.rnn = nn.LSTM(16, 12, bidirectional=True, batch_first=True)
            self.fc = nn.Linear(24, 4)

        def forward(self, x):
            n = x.ne(0).sum(1)
            o, _ = pad_packed_sequence(
                self.rnn(pack_padded_sequence(self.emb(x), n.cpu(), batch_first=True, enforce_sorted=False))[0],
                batch_first=True,
                padding_value=float("-inf"),
            )
            return self.fc(o.max(1).values)

    x, lengths = padded(seed=9)
    return given(
        model=M(), batch=x, target=torch.arange(10) % 4, loss=nn.CrossEntropyLoss(label_smoothing=0.1), lengths=lengths
    )


@sound
def hf_style_dict():
    class M(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb = nn.Embedding(40, 16)
            self.rnn = nn.GRU(16, 20, batch_first=True)
            self.drop = nn.Dropout(0.1)
            self.fc = nn.Linear(20, 2)

        def forward(self, input_ids, attention_mask):
            o, _ = self.rnn(self.emb(input_ids))
            m = attention_mask.unsqueeze(-1).to(o.dtype)
            return {"logits": self.fc(self.drop((o * m).sum(1) / m.sum(1)))}

    x, lengths = padded(seed=10)
    return given(
        model=M(),
        batch={"input_ids": x, "attention_mask": (x != 0).long()},
        target=torch.arange(10) % 2,
        loss=lambda o, y: F.cross_entropy(o["logits"], y),
        lengths=lengths,
    )


@sound
def ids_and_numbers():
    class Click(nn.Module):
        def __init__(self):
            super().__init__()
            self.item = nn.Embedding(50, 12)
            self.rnn = nn.GRU(12 + 3, 20, batch_first=True)
            self.fc = nn.Linear(20, 1)

        def forward(self, items, feats):
            return torch.sigmoid(self.fc(self.rnn(torch.cat([self.item(items), feats], -1))[0][:, -1])).squeeze(-1)

    return given(
        model=Click(),
        batch=(torch.randint(0, 50, (12, 8), generator=G(1)), torch.randn(12, 8, 3, generator=G(2))),
        target=(torch.arange(12) % 3 == 0).float(),
        loss=nn.BCELoss(),
    )


@sound
def own_function_right():
    class SoftClip(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, k):
            y = torch.tanh(k * x)
            ctx.save_for_backward(y, x, k)
            return y

        @staticmethod
        def backward(ctx, g):
            y, x, k = ctx.saved_tensors
            d = g * (1 - y * y)
            return d * k, (d * x).sum().reshape(k.shape)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.wx = nn.Linear(3, 16)
            self.wh = nn.Linear(16, 16)
            self.k = nn.Parameter(torch.ones(()))
            self.o = nn.Linear(16, 3)

        def forward(self, x):
            h = x.new_zeros(x.size(0), 16)
            for t in range(x.size(1)):
                h = SoftClip.apply(self.wx(x[:, t]) + self.wh(h), self.k)
            return self.o(h)

    return given(
        model=Net(),
        batch=torch.randn(10, 6, 3, generator=G(1)),
        target=torch.arange(10) % 3,
        loss=nn.CrossEntropyLoss(),
    )


@sound
def trained_for_a_second():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.r = nn.LSTM(1, 16, batch_first=True)
            self.o = nn.Linear(16, 1)

        def forward(self, x):
            return self.o(self.r(x)[0][:, -1])

    w = waves()
    m = Net()
    opt = torch.optim.Adam(m.parameters(), 1e-2)
    for _ in range(80):
        opt.zero_grad()
        F.mse_loss(m(w[:, :24, None]), w[:, 24:25]).backward()
        nn.utils.clip_grad_norm_(m.parameters(), 1.0)
        opt.step()
    return given(model=m, batch=w[:, :24, None], target=w[:, 24:25], loss=nn.MSELoss(), optimizer=opt)
