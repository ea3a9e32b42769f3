"""Sound encoders and decoders: translation with teacher forcing, attention, autoencoders."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from .material import pairs, texts, windows
from .registry import Parts, given, sound

V = 18


def words(output: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(output.flatten(0, 1), target.flatten(), ignore_index=0)


@sound
def teacher_forcing_and_packed_encoder() -> Parts:
    class Seq2Seq(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.src_emb = nn.Embedding(V, 10, padding_idx=0)
            self.tgt_emb = nn.Embedding(V, 10, padding_idx=0)
            self.encoder = nn.GRU(10, 16, batch_first=True)
            self.decoder = nn.GRU(10, 16, batch_first=True)
            self.out = nn.Linear(16, V)

        def forward(self, src: Tensor, src_len: Tensor, tgt_in: Tensor) -> Tensor:
            packed = pack_padded_sequence(self.src_emb(src), src_len, batch_first=True, enforce_sorted=False)
            _, h = self.encoder(packed)
            return self.out(self.decoder(self.tgt_emb(tgt_in), h)[0])

    src, lengths, goal = pairs()
    return given(model=Seq2Seq(), batch=(src, lengths, goal[:, :-1]), target=goal[:, 1:], loss=words)


class Bahdanau(nn.Module):
    """Bidirectional encoder, decoder cell with additive attention over its states."""

    def __init__(self) -> None:
        super().__init__()
        self.src_emb = nn.Embedding(V, 10, padding_idx=0)
        self.tgt_emb = nn.Embedding(V, 10)
        self.encoder = nn.GRU(10, 8, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(16, 16)
        self.W_s, self.W_h, self.v = nn.Linear(16, 12), nn.Linear(16, 12, bias=False), nn.Linear(12, 1, bias=False)
        self.cell = nn.GRUCell(10 + 16, 16)
        self.out = nn.Linear(32, V)

    def forward(self, src: Tensor, src_len: Tensor, tgt: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.src_emb(src), src_len, batch_first=True, enforce_sorted=False)
        packed_states, h_n = self.encoder(packed)
        states, _ = pad_packed_sequence(packed_states, batch_first=True, total_length=src.shape[1])
        mask = src != 0
        s = torch.tanh(self.bridge(torch.cat([h_n[0], h_n[1]], 1)))
        logits = []
        for t in range(tgt.shape[1]):
            scores = self.v(torch.tanh(self.W_s(s).unsqueeze(1) + self.W_h(states))).squeeze(-1)
            weights = scores.masked_fill(~mask, -1e9).softmax(1)
            context = (weights.unsqueeze(-1) * states).sum(1)
            s = self.cell(torch.cat([self.tgt_emb(tgt[:, t]), context], 1), s)
            logits.append(self.out(torch.cat([s, context], 1)))
        return torch.stack(logits, 1)


@sound
def additive_attention() -> Parts:
    src, lengths, goal = pairs(N=7)
    return given(model=Bahdanau(), batch=(src, lengths, goal[:, :-1]), target=goal[:, 1:], loss=words)


@sound
def time_first_with_dict_batch() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(V, 12)
            self.encoder = nn.LSTM(12, 12, 2, dropout=0.1)
            self.decoder = nn.LSTM(12, 12, 2, dropout=0.1)
            self.fc = nn.Linear(12, V)

        def forward(self, src: Tensor, trg: Tensor) -> Tensor:
            _, state = self.encoder(self.emb(src))
            return self.fc(self.decoder(self.emb(trg), state)[0])

    src, _, goal = pairs(N=5, S=8, T=6, full=True)
    goal = goal.t().contiguous()
    return given(model=Model(), batch={"src": src.t().contiguous(), "trg": goal[:-1]}, target=goal[1:], loss=words)


@sound
def autoencoder_of_signals() -> Parts:
    class Autoencoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.LSTM(1, 8, batch_first=True)
            self.decoder = nn.LSTM(8, 8, batch_first=True)
            self.out = nn.Linear(8, 1)

        def forward(self, x: Tensor) -> Tensor:
            _, (h, _) = self.encoder(x)
            z = h[-1].unsqueeze(1).repeat(1, x.shape[1], 1)
            return self.out(self.decoder(z)[0])

    x, _ = windows(N=8, T=11)
    return given(model=Autoencoder(), batch=x, target=x, loss=nn.MSELoss())


@sound
def autoencoder_of_texts() -> Parts:
    class Autoencoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(20, 10)
            self.encoder = nn.GRU(10, 14, batch_first=True)
            self.cell = nn.GRUCell(20, 14)
            self.out = nn.Linear(14, 20)

        def forward(self, x: Tensor) -> Tensor:
            _, h = self.encoder(self.emb(x))
            h, y, logits = h[0], torch.zeros(len(x), 20), []
            for _ in range(x.shape[1]):
                h = self.cell(y, h)
                logits.append(self.out(h))
                y = logits[-1].softmax(-1)
            return torch.stack(logits, 1)

    ids, _, _ = texts(N=6, T=7, full=True)
    return given(model=Autoencoder(), batch=ids, target=ids, loss=words)


@sound
def denoising_both_ways() -> Parts:
    class Denoiser(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(1, 10, bidirectional=True, batch_first=True)
            self.out = nn.Linear(20, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.rnn(x)[0])

    x, _ = windows(N=8, T=14, noise=0.0)
    return given(model=Denoiser(), batch=x + 0.5 * torch.randn_like(x), target=x, loss=nn.MSELoss())


@sound
def copy_after_a_delay() -> Parts:
    class Copier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.LSTM(10, 20, batch_first=True)
            self.fc = nn.Linear(20, 10)

        def forward(self, ids: Tensor) -> Tensor:
            return self.fc(self.rnn(F.one_hot(ids, 10).float())[0])

    symbols = torch.randint(1, 9, (8, 5))
    blank, go = torch.zeros(8, 5, dtype=torch.long), torch.full((8, 1), 9)
    ids = torch.cat([symbols, go, blank], 1)
    target = torch.cat([torch.full((8, 6), -100), symbols], 1)
    return given(
        model=Copier(),
        batch=ids,
        target=target,
        loss=lambda out, y: F.cross_entropy(out.flatten(0, 1), y.flatten()),
        causal=True,
        lengths=torch.full((8,), 11),
    )


@sound
def encoder_decoder_for_a_forecast() -> Parts:
    class Forecaster(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.GRU(1, 12, batch_first=True)
            self.cell = nn.GRUCell(1, 12)
            self.out = nn.Linear(12, 1)

        def forward(self, x: Tensor) -> Tensor:
            h, y, steps = self.encoder(x)[1][0], x[:, -1], []
            for _ in range(4):
                h = self.cell(y, h)
                y = y + self.out(h)
                steps.append(y)
            return torch.cat(steps, 1)

    x, y = windows(N=9, T=13, horizon=4)
    return given(model=Forecaster(), batch=x, target=y, loss=nn.L1Loss())
