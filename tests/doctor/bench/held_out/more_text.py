"""Sound text models of more kinds: conditional random field, pointer, variational, sequence to sequence."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ..registry import given, sound
from .material import ids, labels, ragged, token_cross_entropy
from .text_courses import PackedSentiment


class TaggerCRF(nn.Module):
    """Scores of tags by a bidirectional LSTM, and the negative log-likelihood of a linear chain."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(30, 10)
        self.lstm = nn.LSTM(10, 6, bidirectional=True, batch_first=True)
        self.hidden2tag = nn.Linear(12, 4)
        self.transitions = nn.Parameter(torch.randn(4, 4) * 0.1)

    def forward(self, words: Tensor, tags: Tensor) -> Tensor:
        feats = self.hidden2tag(self.lstm(self.embed(words))[0])
        gold = feats.gather(2, tags.unsqueeze(-1)).sum((1, 2)) + self.transitions[tags[:, :-1], tags[:, 1:]].sum(1)
        alpha = feats[:, 0]
        for t in range(1, feats.size(1)):
            alpha = torch.logsumexp(alpha.unsqueeze(2) + self.transitions, dim=1) + feats[:, t]
        return torch.logsumexp(alpha, dim=1) - gold


@sound
def tagger_that_returns_its_own_loss() -> dict:
    """The model takes the tags and returns a loss for each row; there is no target outside."""
    return given(model=TaggerCRF(), batch=(ids(8, 7, 30), torch.randint(0, 4, (8, 7))))


class PackedTagger(nn.Module):
    """Names of entities with packing; labels of padding are -100."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(40, 12, padding_idx=0)
        self.lstm = nn.LSTM(12, 10, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(20, 5)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.drop(self.embed(x)), lengths, batch_first=True, enforce_sorted=False)
        h, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=x.shape[1])
        return self.out(self.drop(h)).transpose(1, 2)


@sound
def entity_tagger_with_ignored_labels() -> dict:
    text, lengths = ragged(10, 9, 40)
    tags = torch.randint(0, 5, (10, 9)).masked_fill(text == 0, -100)
    return given(model=PackedTagger(), batch=(text, lengths), target=tags, loss=nn.CrossEntropyLoss())


class Seq2Seq(nn.Module):
    """Two LSTMs, steps first, teacher forcing in half of the steps of training only."""

    def __init__(self, V: int = 20, H: int = 24) -> None:
        super().__init__()
        self.src, self.trg = nn.Embedding(V, 12), nn.Embedding(V, 12)
        self.encoder, self.decoder = nn.LSTM(12, H), nn.LSTM(12, H)
        self.fc_out = nn.Linear(H, V)

    def forward(self, src: Tensor, trg: Tensor, teacher_forcing_ratio: float = 0.5) -> Tensor:
        _, state = self.encoder(self.src(src))
        outputs, word = [], trg[0]
        for t in range(1, trg.shape[0]):
            step, state = self.decoder(self.trg(word).unsqueeze(0), state)
            outputs.append(self.fc_out(step.squeeze(0)))
            force = not self.training or torch.rand(1).item() < teacher_forcing_ratio
            word = trg[t] if force else outputs[-1].argmax(1)
        return torch.stack(outputs)


@sound
def translation_steps_first() -> dict:
    trg = ids(7, 9, 20, 2)
    trg[0] = 1
    return given(model=Seq2Seq(), batch=(ids(6, 9, 20, 2), trg), target=trg[1:], loss=token_cross_entropy)


class SentenceVAE(nn.Module):
    """A variational autoencoder of sentences: noise in training, the mean in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(25, 12)
        self.enc, self.dec = nn.GRU(12, 16, batch_first=True), nn.GRU(12, 16, batch_first=True)
        self.mean, self.logv, self.start = nn.Linear(16, 4), nn.Linear(16, 4), nn.Linear(4, 16)
        self.out = nn.Linear(16, 25)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        e = self.embed(x)
        _, h = self.enc(e)
        mean, logv = self.mean(h[-1]), self.logv(h[-1])
        z = mean + torch.exp(0.5 * logv) * torch.randn_like(mean) if self.training else mean
        shifted = F.pad(e, (0, 0, 1, 0))[:, :-1]
        out, _ = self.dec(shifted, torch.tanh(self.start(z)).unsqueeze(0))
        return self.out(out), mean, logv


def elbo(output: tuple[Tensor, Tensor, Tensor], target: Tensor) -> Tensor:
    """Reconstruction and a small weight on the divergence."""
    logits, mean, logv = output
    kl = -0.5 * torch.mean(1 + logv - mean.pow(2) - logv.exp())
    return F.cross_entropy(logits.transpose(1, 2), target) + 0.01 * kl


@sound
def sentence_vae() -> dict:
    """An autoencoder: the target is the input, and passes through a narrow middle."""
    text = ids(8, 7, 25)
    return given(model=SentenceVAE(), batch=text, target=text, loss=elbo)


class Pointer(nn.Module):
    """Points at a step of its input: which is the greatest number."""

    def __init__(self) -> None:
        super().__init__()
        self.enc = nn.LSTM(1, 16, batch_first=True)
        self.w1, self.w2, self.v = nn.Linear(16, 16, False), nn.Linear(16, 16, False), nn.Linear(16, 1, False)

    def forward(self, x: Tensor) -> Tensor:
        keys, (h, _) = self.enc(x)
        return self.v(torch.tanh(self.w1(keys) + self.w2(h[-1]).unsqueeze(1))).squeeze(-1)


@sound
def pointer_to_a_step() -> dict:
    x = torch.rand(12, 8, 1)
    return given(model=Pointer(), batch=x, target=x.squeeze(-1).argmax(1), loss=nn.CrossEntropyLoss())


class ConvThenGru(nn.Module):
    """Word pieces by a convolution, halved by pooling, then a GRU; whole rows."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(30, 12)
        self.conv = nn.Conv1d(12, 16, 3, padding=1)
        self.gru = nn.GRU(16, 16, batch_first=True)
        self.fc = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        e = self.embed(x).permute(0, 2, 1)
        p = F.max_pool1d(F.relu(self.conv(e)), 2).permute(0, 2, 1)
        return self.fc(self.gru(p)[0][:, -1])


@sound
def convolution_then_gru() -> dict:
    return given(model=ConvThenGru(), batch=ids(10, 12, 30), target=labels(10), loss=nn.CrossEntropyLoss())


class TwoHeads(nn.Module):
    """Intent of the sentence and slot of each word, in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(30, 12)
        self.lstm = nn.LSTM(12, 12, bidirectional=True, batch_first=True)
        self.intent, self.slot = nn.Linear(24, 3), nn.Linear(24, 6)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        out, (h, _) = self.lstm(self.embed(x))
        return {"intent": self.intent(torch.cat([h[0], h[1]], 1)), "slots": self.slot(out)}


@sound
def intent_and_slots() -> dict:
    """Target a dict, output a dict."""
    target = {"intent": labels(9, 3), "slots": torch.randint(0, 6, (9, 7))}
    return given(
        model=TwoHeads(),
        batch=ids(9, 7, 30),
        target=target,
        loss=lambda out, y: (
            F.cross_entropy(out["intent"], y["intent"])
            + F.cross_entropy(out["slots"].flatten(0, 1), y["slots"].flatten())
        ),
    )


class CausalAttentionLM(nn.Module):
    """A GRU language model whose states look back at earlier states."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(30, 16)
        self.gru = nn.GRU(16, 16, batch_first=True)
        self.attn = nn.MultiheadAttention(16, 2, batch_first=True)
        self.norm, self.out = nn.LayerNorm(16), nn.Linear(16, 30)

    def forward(self, x: Tensor) -> Tensor:
        h, _ = self.gru(self.embed(x))
        mask = torch.triu(torch.ones(x.size(1), x.size(1), dtype=torch.bool), 1)
        a, _ = self.attn(h, h, h, attn_mask=mask, need_weights=False)
        return self.out(self.norm(h + a))


@sound
def language_model_that_looks_back() -> dict:
    text = ids(8, 11, 30, 0)
    return given(
        model=CausalAttentionLM(), batch=text[:, :-1], target=text[:, 1:], loss=token_cross_entropy, causal=True
    )


class MultiLabel(nn.Module):
    """Six labels a comment; greatest and mean value of the states; whole rows of length 300."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(80, 12)
        self.spatial = nn.Dropout1d(0.2)
        self.lstm = nn.LSTM(12, 12, bidirectional=True, batch_first=True)
        self.out = nn.Linear(48, 6)

    def forward(self, x: Tensor) -> Tensor:
        e = self.spatial(self.embed(x))
        h, _ = self.lstm(e)
        return self.out(torch.cat([h.mean(1), h.max(1).values], 1))


@sound
def toxic_comments_of_300_words() -> dict:
    y = (torch.rand(12, 6) < 0.4).float()
    return given(model=MultiLabel(), batch=ids(12, 300, 80), target=y, loss=nn.BCEWithLogitsLoss())


@sound
def warm_up_that_has_not_begun() -> dict:
    """A schedule that begins at 0 and rises with the first step."""
    text, lengths = ragged(12, 10, 50, pad=1)
    model = PackedSentiment(first=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / 100))
    return given(
        model=model,
        batch=(text, lengths),
        target=labels(12).float(),
        loss=nn.BCEWithLogitsLoss(),
        optimizer=optimizer,
    )
