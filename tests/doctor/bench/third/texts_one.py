"""Sound models, most of them on text, the first half."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ..registry import given, sound
from .material import G, padded, waves


@sound
def imdb_packed():
    class RNNClassifier(nn.Module):
        def __init__(self, vocab_size=40, embedding_dim=16, hidden_dim=20, output_dim=1, n_layers=2, dropout=0.3):
            super().__init__()
            self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=0)
            self.rnn = nn.LSTM(embedding_dim, hidden_dim, n_layers, bidirectional=True, dropout=dropout)
            self.fc = nn.Linear(hidden_dim * 2, output_dim)
            self.dropout = nn.Dropout(dropout)

        def forward(self, text, text_lengths):  # (T, N)
            e = self.dropout(self.embedding(text))
            p = pack_padded_sequence(e, text_lengths.cpu(), enforce_sorted=False)
            _, (hidden, _) = self.rnn(p)
            return self.fc(self.dropout(torch.cat((hidden[-2], hidden[-1]), 1))).squeeze(1)

    x, lengths = padded()
    return given(
        model=RNNClassifier(),
        batch=(x.t().contiguous(), lengths),
        target=(torch.arange(10) % 2).float(),
        loss=nn.BCEWithLogitsLoss(),
        lengths=lengths,
    )


@sound
def char_lm_returns_state():
    class CharRNN(nn.Module):
        def __init__(self, n=27):
            super().__init__()
            self.embed = nn.Embedding(n, 12)
            self.lstm = nn.LSTM(12, 24, 2, batch_first=True, dropout=0.2)
            self.fc = nn.Linear(24, n)
            self.n = n

        def forward(self, x, hidden=None):
            r, hidden = self.lstm(self.embed(x), hidden)
            return self.fc(r.contiguous().view(-1, 24)), hidden

    s = torch.randint(0, 27, (8, 21), generator=G(1))
    return given(
        model=CharRNN(), batch=s[:, :-1], target=s[:, 1:], loss=lambda o, y: F.cross_entropy(o[0], y.reshape(-1))
    )


@sound
def word_language_model_time_first():
    class RNNModel(nn.Module):
        def __init__(self, ntoken=30, ninp=16, nhid=16, nlayers=2, dropout=0.2):
            super().__init__()
            self.drop = nn.Dropout(dropout)
            self.encoder = nn.Embedding(ntoken, ninp)
            self.rnn = nn.LSTM(ninp, nhid, nlayers, dropout=dropout)
            self.decoder = nn.Linear(nhid, ntoken)
            self.decoder.weight = self.encoder.weight
            nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
            nn.init.zeros_(self.decoder.bias)
            self.ntoken = ntoken

        def forward(self, input, hidden):
            emb = self.drop(self.encoder(input))
            output, hidden = self.rnn(emb, hidden)
            return F.log_softmax(self.decoder(self.drop(output)).view(-1, self.ntoken), dim=1), hidden

    s = torch.randint(0, 30, (13, 8), generator=G(1))
    h = (torch.zeros(2, 8, 16), torch.zeros(2, 8, 16))
    return given(model=RNNModel(), batch=(s[:-1], h), target=s[1:].reshape(-1), loss=lambda o, y: nn.NLLLoss()(o[0], y))


@sound
def stateful_lm_with_reset():
    class Stateful(nn.Module):
        def __init__(self, V=20):
            super().__init__()
            self.V = V
            self.rnn = nn.GRU(V, 24, batch_first=True)
            self.out = nn.Linear(24, V)
            self.h = None

        def reset(self):
            self.h = None

        def forward(self, x):
            if self.h is not None and self.h.size(1) != x.size(0):
                self.reset()
            o, h = self.rnn(F.one_hot(x, self.V).float(), self.h)
            self.h = h.detach()
            return self.out(o)

    text = torch.randint(0, 20, (8, 31), generator=G(4))
    return given(
        model=Stateful(),
        batch=text[:, :15],
        target=text[:, 1:16],
        loss=lambda o, y: F.cross_entropy(o.flatten(0, 1), y.flatten()),
        causal=True,
    )


@sound
def ner_bilstm_ignore_index():
    class BiLSTMTagger(nn.Module):
        def __init__(self, v=40, k=7):
            super().__init__()
            self.emb = nn.Embedding(v, 16, padding_idx=0)
            self.lstm = nn.LSTM(16, 12, batch_first=True, bidirectional=True)
            self.hidden2tag = nn.Linear(24, k)

        def forward(self, sentence, lengths):
            p = pack_padded_sequence(self.emb(sentence), lengths, batch_first=True, enforce_sorted=False)
            o, _ = pad_packed_sequence(self.lstm(p)[0], batch_first=True, total_length=sentence.size(1))
            return self.hidden2tag(o).transpose(1, 2)

    x, lengths = padded(seed=5)
    y = torch.randint(0, 7, x.shape, generator=G(1))
    y[x == 0] = -100
    return given(
        model=BiLSTMTagger(), batch=(x, lengths), target=y, loss=nn.CrossEntropyLoss(ignore_index=-100), lengths=lengths
    )


@sound
def tagger_with_mask_loss():
    class POS(nn.Module):
        def __init__(self):
            super().__init__()
            self.e = nn.Embedding(40, 12)
            self.g = nn.GRU(12, 16, batch_first=True)
            self.o = nn.Linear(16, 5)

        def forward(self, ids, mask):
            return self.o(self.g(self.e(ids) * mask.unsqueeze(-1))[0]) * mask.unsqueeze(-1)

    x, lengths = padded(seed=6)
    m = (x != 0).float()
    y = x % 5

    def loss(logits, y):
        ce = F.cross_entropy(logits.reshape(-1, 5), y.reshape(-1), reduction="none")
        return (ce * m.reshape(-1)).sum() / m.sum() if len(ce) == m.numel() else ce.mean()

    return given(model=POS(), batch=(x, m), target=y, loss=loss, lengths=lengths)


@sound
def gru_one_step_forecast():
    class Net(nn.Module):
        def __init__(self, input_size=1, hidden_size=24):
            super().__init__()
            self.gru = nn.GRU(input_size, hidden_size, batch_first=True)
            self.linear = nn.Linear(hidden_size, 1)

        def forward(self, x):
            return self.linear(self.gru(x)[0][:, -1, :])

    w = waves()
    return given(model=Net(), batch=w[:, :24, None], target=w[:, 24:25], loss=nn.MSELoss())


@sound
def multi_horizon_huber():
    class MH(nn.Module):
        def __init__(self, h=6):
            super().__init__()
            self.enc = nn.LSTM(3, 20, 2, batch_first=True, dropout=0.1)
            self.head = nn.Sequential(nn.Linear(20, 20), nn.GELU(), nn.Dropout(0.1), nn.Linear(20, h))

        def forward(self, x):
            return self.head(self.enc(x)[1][0][-1])

    a = torch.stack([waves(12, 18, s) for s in (1, 2, 3)], -1)
    return given(model=MH(), batch=a[:, :18], target=a[:, 18:24, 0], loss=nn.HuberLoss(delta=0.5))


@sound
def per_step_sine():
    class Sequence(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm1 = nn.LSTMCell(1, 20)
            self.lstm2 = nn.LSTMCell(20, 20)
            self.linear = nn.Linear(20, 1)

        def forward(self, input):
            outputs = []

            def z():
                return torch.zeros(input.size(0), 20, dtype=input.dtype)

            h, c, h2, c2 = z(), z(), z(), z()
            for t in input.split(1, dim=1):
                h, c = self.lstm1(t, (h, c))
                h2, c2 = self.lstm2(h, (h2, c2))
                outputs.append(self.linear(h2))
            return torch.cat(outputs, dim=1)

    w = waves(10, 20).double()
    return given(model=Sequence().double(), batch=w[:, :20], target=w[:, 1:21], loss=nn.MSELoss(), causal=True)


@sound
def deepar():
    class DeepAR(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(2, 20, batch_first=True)
            self.mu = nn.Linear(20, 1)
            self.s = nn.Linear(20, 1)

        def forward(self, x):
            h, _ = self.rnn(x)
            return self.mu(h).squeeze(-1), F.softplus(self.s(h)).squeeze(-1) + 1e-3

    w = waves()
    cov = torch.linspace(0, 1, 24).expand(16, 24)
    return given(
        model=DeepAR(),
        batch=torch.stack([w[:, :24], cov], -1),
        target=w[:, 1:25],
        loss=lambda o, y: F.gaussian_nll_loss(o[0], y, o[1] ** 2),
        causal=True,
    )


@sound
def quantiles():
    qs = torch.tensor([0.1, 0.5, 0.9])

    class QNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.l = nn.LSTM(1, 16, batch_first=True)
            self.f = nn.Linear(16, 4 * 3)

        def forward(self, x):
            return self.f(self.l(x)[0][:, -1]).view(-1, 4, 3)

    def pinball(p, y):
        e = y.unsqueeze(-1) - p
        return torch.max(qs * e, (qs - 1) * e).mean()

    w = waves()
    return given(model=QNet(), batch=w[:, :24, None], target=w[:, 24:28], loss=pinball)


@sound
def lstm_autoencoder():
    class AE(nn.Module):
        def __init__(self):
            super().__init__()
            self.e = nn.LSTM(2, 24, batch_first=True)
            self.z = nn.Linear(24, 6)
            self.d = nn.LSTM(6, 24, batch_first=True)
            self.o = nn.Linear(24, 2)

        def forward(self, x):
            z = self.z(self.e(x)[1][0][-1])
            return self.o(self.d(z.unsqueeze(1).expand(-1, x.size(1), -1))[0])

    a = torch.stack([waves(12, 10, 1), waves(12, 10, 2)], -1)
    return given(model=AE(), batch=a, target=a, loss=nn.MSELoss())
