"""Models with one slip each, the first half."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ..registry import faulty, given
from .material import padded, waves


@faulty("RK-PAD-01", "RK-PAD-02", "RK-PAD-03")
def spam_last_column():
    class Spam(nn.Module):
        def __init__(self, vocab, emb=16, hid=24):
            super().__init__()
            self.word_embeddings = nn.Embedding(vocab, emb, padding_idx=0)
            self.gru = nn.GRU(emb, hid, batch_first=True)
            self.fc = nn.Linear(hid, 2)

        def forward(self, text):
            e = self.word_embeddings(text)
            o, _ = self.gru(e)
            return self.fc(o[:, -1, :])

    x, lengths = padded()
    return given(model=Spam(40), batch=x, target=torch.arange(10) % 2, loss=nn.CrossEntropyLoss(), lengths=lengths)


@faulty("RK-PAD-01", "RK-PAD-02", "RK-PAD-03")
def attention_without_mask():
    class AttnPool(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb = nn.Embedding(40, 12, padding_idx=0)
            self.rnn = nn.LSTM(12, 10, bidirectional=True, batch_first=True)
            self.score = nn.Linear(20, 1)
            self.out = nn.Linear(20, 3)

        def forward(self, ids, lengths):
            p = pack_padded_sequence(self.emb(ids), lengths.cpu(), batch_first=True, enforce_sorted=False)
            h, _ = pad_packed_sequence(self.rnn(p)[0], batch_first=True, total_length=ids.size(1))
            w = torch.softmax(self.score(h).squeeze(-1), dim=1)
            return self.out(torch.bmm(w.unsqueeze(1), h).squeeze(1))

    x, lengths = padded()
    return given(
        model=AttnPool(), batch=(x, lengths), target=torch.arange(10) % 3, loss=F.cross_entropy, lengths=lengths
    )


@faulty("RK-PAD-04")
def normalised_over_the_batch():
    class Forecaster(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(1, 16, batch_first=True)
            self.lin = nn.Linear(16, 1)

        def forward(self, x):
            x = (x - x.mean()) / (x.std() + 1e-6)  # meant: per window
            _, (h, _) = self.lstm(x)
            return self.lin(h[-1])

    w = waves() * torch.linspace(1, 4, 16)[:, None]
    return given(model=Forecaster(), batch=w[:, :24, None], target=w[:, 24:25], loss=nn.MSELoss())


@faulty("RK-AXIS-01", "RK-PAD-04")
def accelerometer_forgot_batch_first():
    class HAR(nn.Module):
        def __init__(self, n_feat=6, n_hidden=20, n_cls=5):
            super().__init__()
            self.lstm1 = nn.LSTM(n_feat, n_hidden, num_layers=2, dropout=0.3)
            self.head = nn.Sequential(nn.LayerNorm(n_hidden), nn.Linear(n_hidden, n_cls))

        def forward(self, x):
            y, _ = self.lstm1(x)
            return self.head(y[:, -1])

    g = torch.Generator().manual_seed(1)
    return given(
        model=HAR(),
        batch=torch.randn(12, 18, 6, generator=g),
        target=torch.arange(12) % 5,
        loss=nn.CrossEntropyLoss(label_smoothing=0.1),
    )


@faulty("RK-PAD-04", "RK-AXIS-01", "RK-STATE-01", "RK-STATE-02")
def hidden_viewed_not_transposed():
    class Sent(nn.Module):
        def __init__(self):
            super().__init__()
            self.e = nn.Embedding(40, 16)
            self.r = nn.GRU(16, 12, bidirectional=True, batch_first=True)
            self.o = nn.Linear(24, 1)

        def forward(self, ids):
            _, h = self.r(self.e(ids))
            h = h.view(ids.size(0), -1)  # (2, N, H) -> (N, 2H), scrambled
            return self.o(h).squeeze(-1)

    g = torch.Generator().manual_seed(2)
    return given(
        model=Sent(),
        batch=torch.randint(0, 40, (12, 9), generator=g),
        target=(torch.arange(12) % 2).float(),
        loss=nn.BCEWithLogitsLoss(),
    )


@faulty("RK-FUT-01", "RK-FUT-02")
def bidirectional_music_model():
    class Notes(nn.Module):
        def __init__(self, k=30):
            super().__init__()
            self.embed = nn.Embedding(k, 16)
            self.lstm = nn.LSTM(16, 16, num_layers=1, bidirectional=True, batch_first=True)
            self.proj = nn.Linear(32, k)

        def forward(self, notes):
            h, _ = self.lstm(self.embed(notes))
            return self.proj(h).permute(0, 2, 1)

    g = torch.Generator().manual_seed(5)
    s = torch.randint(0, 30, (8, 17), generator=g)
    return given(model=Notes(), batch=s[:, :-1], target=s[:, 1:], loss=nn.CrossEntropyLoss())


@faulty("RK-FUT-01")
def same_padding_in_front_of_gru():
    class ConvGRU(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(2, 12, 5, padding=2)
            self.gru = nn.GRU(12, 20, batch_first=True)
            self.y = nn.Linear(20, 2)

        def forward(self, x):
            z = torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2)
            return self.y(self.gru(z)[0])

    a = torch.stack([waves(12, 20, 1), waves(12, 20, 2)], -1)
    return given(model=ConvGRU(), batch=a[:, :20], target=a[:, 1:21], loss=nn.SmoothL1Loss(), causal=True)


@faulty("RK-FUT-01")
def instance_norm_over_time():
    class Load(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.InstanceNorm1d(3, affine=True)
            self.cell = nn.LSTM(3, 16)
            self.fc = nn.Linear(16, 3)

        def forward(self, x):  # (T, N, 3)
            x = self.norm(x.permute(1, 2, 0)).permute(2, 0, 1)
            o, _ = self.cell(x)
            return self.fc(o)

    a = torch.stack([waves(9, 20, s) for s in (1, 2, 3)], -1).transpose(0, 1).contiguous()
    return given(
        model=Load(), batch=a[:20], target=a[1:21], loss=lambda p, y: F.huber_loss(p, y, delta=0.5), causal=True
    )


@faulty("RK-GRAD-01", "RK-STATE-04", "RK-STATE-07")
def detached_each_step():
    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.GRUCell(4, 16)
            self.fc = nn.Linear(16, 3)

        def forward(self, x):
            h = x.new_zeros(x.size(0), 16)
            for t in range(x.size(1)):
                h = self.cell(x[:, t], h.detach())  # "saves memory"
            return self.fc(h)

    g = torch.Generator().manual_seed(7)
    return given(
        model=Loop(), batch=torch.randn(11, 15, 4, generator=g), target=torch.arange(11) % 3, loss=nn.CrossEntropyLoss()
    )


@faulty("RK-GRAD-01", "RK-GRAD-02", "RK-GRAD-04")
def small_weights_long_rnn():
    class Old(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.RNN(2, 32, batch_first=True)
            for p in self.rnn.parameters():
                nn.init.normal_(p, 0, 0.01)
            self.fc = nn.Linear(32, 1)

        def forward(self, x):
            return self.fc(self.rnn(x)[0][:, -1])

    g = torch.Generator().manual_seed(0)  # the adding problem
    x = torch.rand(12, 100, 2, generator=g)
    x[..., 1] = 0
    x[:, 3, 1] = 1
    x[:, 60, 1] = 1
    return given(model=Old(), batch=x, target=(x[..., 0] * x[..., 1]).sum(1, keepdim=True), loss=nn.MSELoss())


@faulty("RK-SQUASH-01")
def sigmoid_and_with_logits():
    class Churn(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(5, 12, 2, batch_first=True)
            self.classifier = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid())

        def forward(self, x):
            _o, (hn, _cn) = self.lstm(x)
            return self.classifier(hn[-1])

    g = torch.Generator().manual_seed(7)
    return given(
        model=Churn(),
        batch=torch.randn(16, 12, 5, generator=g),
        target=(torch.arange(16) % 2).float()[:, None],
        loss=nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0])),
    )


@faulty("RK-SQUASH-02", "RK-SQUASH-01")
def nll_on_softmax():
    class Names(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.RNN(20, 16)
            self.h2o = nn.Linear(16, 4)
            self.softmax = nn.Softmax(dim=1)

        def forward(self, line):  # (T, N, 20)
            _, h = self.rnn(line)
            return self.softmax(self.h2o(h[0]))

    g = torch.Generator().manual_seed(7)
    x = F.one_hot(torch.randint(0, 20, (7, 12), generator=g), 20).float()
    return given(model=Names(), batch=x, target=torch.arange(12) % 4, loss=nn.NLLLoss())


@faulty("RK-SQUASH-03")
def tanh_head_temperature():
    class Temp(nn.Module):
        def __init__(self):
            super().__init__()
            self.g = nn.GRU(1, 16, batch_first=True)
            self.o = nn.Linear(16, 4)

        def forward(self, x):
            return torch.tanh(self.o(self.g(x)[1][-1]))

    w = waves()
    return given(model=Temp(), batch=w[:, :24, None], target=15 + 8 * w[:, 24:28], loss=nn.L1Loss())


@faulty("RK-REG-04")
def functional_dropout_always_on():
    class Lm(nn.Module):
        def __init__(self):
            super().__init__()
            self.enc = nn.Embedding(25, 16)
            self.rnn = nn.LSTM(16, 16, batch_first=True)
            self.dec = nn.Linear(16, 25)

        def forward(self, x, state=None):
            e = F.dropout(self.enc(x), 0.3)
            o, state = self.rnn(e, state)
            return self.dec(F.dropout(o, 0.3)), state

    g = torch.Generator().manual_seed(1)
    s = torch.randint(0, 25, (8, 21), generator=g)
    return given(
        model=Lm(), batch=s[:, :-1], target=s[:, 1:], loss=lambda o, y: F.cross_entropy(o[0].flatten(0, 1), y.flatten())
    )


@faulty("RK-REG-01", "RK-REG-03")
def dropout_result_lost():
    class Tag(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb = nn.Embedding(40, 16, padding_idx=0)
            self.drop = nn.Dropout(0.4)
            self.rnn = nn.GRU(16, 12, batch_first=True, bidirectional=True)
            self.out = nn.Linear(24, 5)

        def forward(self, ids):
            x = self.emb(ids)
            self.drop(x)
            h, _ = self.rnn(x)
            return self.out(h)

    g = torch.Generator().manual_seed(1)
    return given(
        model=Tag(),
        batch=torch.randint(1, 40, (9, 12), generator=g),
        target=torch.randint(0, 5, (9, 12), generator=g),
        loss=lambda o, y: nn.CrossEntropyLoss()(o.reshape(-1, 5), y.reshape(-1)),
    )
