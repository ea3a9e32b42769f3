"""Sound text models in the manner of courses and well-known repositories."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ..registry import given, sound
from .material import ids, labels, ragged, token_cross_entropy, trained


class PackedSentiment(nn.Module):
    """Packed bidirectional LSTM, last states of both directions, pad id 1."""

    def __init__(self, first: bool = False) -> None:
        super().__init__()
        self.first = first
        self.embedding = nn.Embedding(50, 16, padding_idx=1)
        self.rnn = nn.LSTM(16, 20, num_layers=2, bidirectional=True, dropout=0.5, batch_first=first)
        self.fc = nn.Linear(40, 1)
        self.dropout = nn.Dropout(0.5)

    def forward(self, text: Tensor, text_lengths: Tensor) -> Tensor:
        embedded = self.dropout(self.embedding(text))
        packed = pack_padded_sequence(embedded, text_lengths.to("cpu"), batch_first=self.first, enforce_sorted=False)
        _, (hidden, _cell) = self.rnn(packed)
        hidden = self.dropout(torch.cat((hidden[-2, :, :], hidden[-1, :, :]), dim=1))
        return self.fc(hidden).squeeze(1)


@sound
def packed_sentiment_steps_first() -> dict:
    text, lengths = ragged(12, 10, 50, pad=1)
    return given(
        model=PackedSentiment(),
        batch=(text.t().contiguous(), lengths),
        target=labels(12).float(),
        loss=nn.BCEWithLogitsLoss(),
    )


@sound
def packed_sentiment_trained() -> dict:
    text, lengths = ragged(12, 10, 50, pad=1)
    y = labels(12).float()
    model = PackedSentiment(first=True)
    trained(model, lambda: F.binary_cross_entropy_with_logits(model(text, lengths), y), 20)
    return given(model=model, batch=(text, lengths), target=y, loss=nn.BCEWithLogitsLoss())


class SortedInside(nn.Module):
    """Rows are sorted by length for packing and put back in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(40, 12, padding_idx=0)
        self.gru = nn.GRU(12, 16, batch_first=True, bidirectional=True)
        self.out = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        lengths = (x != 0).sum(1)
        ordered, order = lengths.sort(descending=True)
        back = order.argsort()
        packed = pack_padded_sequence(self.embedding(x[order]), ordered.cpu(), batch_first=True)
        _, h = self.gru(packed)
        return self.out(torch.cat([h[0], h[1]], dim=-1)[back])


@sound
def sorted_and_unsorted() -> dict:
    text, _ = ragged(11, 9, 40)
    return given(model=SortedInside(), batch=text, target=labels(11, 3), loss=nn.CrossEntropyLoss())


class LeftPadded(nn.Module):
    """Reviews padded on the left, the last step read, a sigmoid and BCELoss; state in and out."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(60, 16)
        self.lstm = nn.LSTM(16, 24, 2, dropout=0.5, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.fc = nn.Linear(24, 1)
        self.sig = nn.Sigmoid()

    def forward(self, x: Tensor, hidden: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        lstm_out, hidden = self.lstm(self.embedding(x.long()), hidden)
        out = self.fc(self.dropout(lstm_out.contiguous().view(-1, 24)))
        sig_out = self.sig(out).view(x.size(0), -1)
        return sig_out[:, -1], hidden


@sound
def reviews_padded_on_the_left() -> dict:
    text, _ = ragged(10, 12, 60, left=True)
    return given(
        model=LeftPadded(),
        batch=(text, (torch.zeros(2, 10, 24), torch.zeros(2, 10, 24))),
        target=labels(10).float(),
        loss=lambda out, y: F.binary_cross_entropy(out[0], y),
    )


class OneHotCharRNN(nn.Module):
    """A letter model on one-hot input with a state to hand on."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, 32, 2, dropout=0.5, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(32, 28)

    def forward(self, x: Tensor, hidden: tuple[Tensor, Tensor] | None = None) -> tuple:
        r_output, hidden = self.lstm(x, hidden)
        out = self.dropout(r_output).contiguous().view(-1, 32)
        return self.fc(out), hidden


@sound
def one_hot_letters() -> dict:
    text = ids(9, 17, 28, 0)
    return given(
        model=OneHotCharRNN(),
        batch=F.one_hot(text[:, :-1], 28).float(),
        target=text[:, 1:],
        loss=lambda out, y: F.cross_entropy(out[0], y.reshape(-1)),
        causal=True,
    )


class WordAttention(nn.Module):
    """Attention with a learned query over a bidirectional GRU, masked."""

    def __init__(self, inputs: int, H: int) -> None:
        super().__init__()
        self.gru = nn.GRU(inputs, H, bidirectional=True, batch_first=True)
        self.proj, self.query = nn.Linear(2 * H, 2 * H), nn.Linear(2 * H, 1, bias=False)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        packed = pack_padded_sequence(x, mask.sum(1).clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
        h, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=x.size(1))
        score = self.query(torch.tanh(self.proj(h))).squeeze(-1).masked_fill(~mask, -1e9)
        weight = score.softmax(-1)
        return (weight.unsqueeze(-1) * h).sum(1), weight


class Hierarchy(nn.Module):
    """Words to sentences, sentences to a document; ids are (N, sentences, words)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(40, 10, padding_idx=0)
        self.words, self.sentences = WordAttention(10, 8), WordAttention(16, 8)
        self.fc = nn.Linear(16, 4)

    def forward(self, docs: Tensor) -> Tensor:
        N, S, W = docs.shape
        mask = docs != 0
        sentence, _ = self.words(self.embedding(docs.view(N * S, W)), mask.view(N * S, W))
        document, _ = self.sentences(sentence.view(N, S, -1), mask.any(-1))
        return self.fc(document)


@sound
def hierarchical_attention() -> dict:
    docs = torch.stack([ragged(4, 6, 40)[0] for _ in range(8)])
    docs[1, 3:] = docs[4, 2:] = docs[6, 3:] = 0
    return given(model=Hierarchy(), batch=docs, target=labels(8, 4), loss=nn.CrossEntropyLoss())


class LettersAndWords(nn.Module):
    """Each word is read letter by letter, then the sentence word by word; ids are (N, T, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.letters = nn.Embedding(27, 8)
        self.word = nn.LSTM(8, 12, batch_first=True)
        self.sentence = nn.LSTM(12, 16, batch_first=True, bidirectional=True)
        self.tag = nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        N, T, W = x.size()
        _, (h, _) = self.word(self.letters(x.reshape(N * T, W)))
        out, _ = self.sentence(h[-1].view(N, T, -1))
        return self.tag(out)


@sound
def letters_of_words() -> dict:
    return given(
        model=LettersAndWords(),
        batch=torch.randint(1, 27, (6, 5, 7)),
        target=torch.randint(0, 5, (6, 5)),
        loss=token_cross_entropy,
    )


class Siamese(nn.Module):
    """Two questions through one LSTM; the answer from both, their difference and product."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(40, 12, padding_idx=0)
        self.lstm = nn.LSTM(12, 16, batch_first=True)
        self.head = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))

    def encode(self, x: Tensor) -> Tensor:
        out, _ = self.lstm(self.embedding(x))
        last = (x.ne(0).sum(1) - 1).clamp(min=0).view(-1, 1, 1).expand(-1, 1, out.size(2))
        return out.gather(1, last).squeeze(1)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        u, v = self.encode(a), self.encode(b)
        return self.head(torch.cat([u, v, (u - v).abs(), u * v], 1)).squeeze(-1)


@sound
def siamese_questions() -> dict:
    a, b = ragged(10, 8, 40)[0], ragged(10, 8, 40)[0]
    return given(model=Siamese(), batch=(a, b), target=labels(10).float(), loss=nn.BCEWithLogitsLoss())


class MeanOfWords(nn.Module):
    """A float mask, a mean over what it leaves, joined with the greatest values."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(40, 12)
        self.gru = nn.GRU(12, 16, batch_first=True)
        self.fc = nn.Linear(32, 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        h, _ = self.gru(self.embedding(input_ids))
        m = attention_mask.unsqueeze(-1)
        mean = (h * m).sum(1) / m.sum(1).clamp(min=1e-6)
        peak = (h + (1 - m) * -1e4).max(1).values
        return self.fc(torch.cat([mean, peak], 1))


@sound
def dict_batch_with_a_float_mask() -> dict:
    text, lengths = ragged(9, 8, 40)
    mask = (torch.arange(8) < lengths[:, None]).float()
    return given(
        model=MeanOfWords(),
        batch={"input_ids": text, "attention_mask": mask},
        target=labels(9, 3),
        loss=nn.CrossEntropyLoss(),
    )


class Frozen(nn.Module):
    """Word vectors of another's making, not trained; directions summed; averages of real steps."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(torch.randn(60, 20) * 0.4, freeze=True, padding_idx=0)
        self.lstm = nn.LSTM(20, 16, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        lengths = x.ne(0).sum(1)
        packed = pack_padded_sequence(self.embedding(x), lengths.cpu(), batch_first=True, enforce_sorted=False)
        out, n = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        both = out[..., :16] + out[..., 16:]
        return self.fc(both.sum(1) / n.unsqueeze(1))


@sound
def frozen_word_vectors() -> dict:
    text, _ = ragged(10, 9, 60)
    model = Frozen()
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=1e-3)
    return given(model=model, batch=text, target=labels(10), loss=nn.CrossEntropyLoss(), optimizer=optimizer)


@sound
def no_dropout_asked_for() -> dict:
    """All dropout rates are 0, as a search over settings leaves them."""
    model = PackedSentiment(first=True)
    model.rnn.dropout = 0.0
    model.dropout.p = 0.0
    text, lengths = ragged(12, 10, 50, pad=1)
    return given(model=model, batch=(text, lengths), target=labels(12).float(), loss=nn.BCEWithLogitsLoss())
