"""Text classifiers that are sound: the padding is hidden, masked, or stands on the left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from .material import fitted, texts
from .registry import Parts, given, sound


class Packed(nn.Module):
    """Embedding, recurrent layer over packed sequences, last state, linear readout."""

    def __init__(self, V: int = 20, layer: type[nn.RNNBase] = nn.LSTM, C: int = 2, **options: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(V, 12, padding_idx=0)
        self.rnn = layer(12, 16, batch_first=True, **options)
        self.fc = nn.Linear(32 if self.rnn.bidirectional else 16, C)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embedding(ids), lengths, batch_first=True, enforce_sorted=False)
        state = self.rnn(packed)[1]
        h_n = state[0] if isinstance(state, tuple) else state
        return self.fc(torch.cat([h_n[-2], h_n[-1]], 1) if self.rnn.bidirectional else h_n[-1])


@sound
def packed_last_state() -> Parts:
    ids, lengths, labels = texts()
    order = torch.tensor([3, 0, 6, 1, 7, 2, 5, 4])
    batch = (ids[order], lengths[order])
    model = Packed()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    return given(model=model, batch=batch, target=labels[order], loss=nn.CrossEntropyLoss(), optimizer=optimizer)


@sound
def packed_bidirectional_two_layers_with_dropout() -> Parts:
    ids, lengths, labels = texts(N=9)
    model = Packed(layer=nn.GRU, num_layers=2, dropout=0.3, bidirectional=True)
    return given(model=model, batch=(ids, lengths), target=labels, loss=F.cross_entropy)


@sound
def packed_and_trained() -> Parts:
    ids, lengths, labels = texts(N=10, T=12)
    model = fitted(Packed(), (ids, lengths), labels, F.cross_entropy, steps=40)
    return given(model=model, batch=(ids, lengths), target=labels, loss=nn.CrossEntropyLoss())


@sound
def sorted_packed_time_first() -> Parts:
    class TextLSTM(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(20, 10)
            self.lstm = nn.LSTM(10, 14, num_layers=2)
            self.drop = nn.Dropout(0.5)
            self.fc = nn.Linear(14, 1)

        def forward(self, text: Tensor, text_lengths: Tensor) -> Tensor:  # (T, N), (N,)
            embedded = self.drop(self.embedding(text))
            _, (hidden, _) = self.lstm(pack_padded_sequence(embedded, text_lengths.cpu()))
            return self.fc(self.drop(hidden[-1]))

    ids, lengths, labels = texts(N=7, T=11)
    target = labels.float().unsqueeze(1)
    return given(model=TextLSTM(), batch=(ids.t(), lengths), target=target, loss=nn.BCEWithLogitsLoss())


@sound
def last_valid_output_gathered() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(20, 8, padding_idx=0)
            self.gru = nn.GRU(8, 12, batch_first=True)
            self.out = nn.Linear(12, 2)

        def forward(self, x: Tensor) -> Tensor:
            last = (x != 0).sum(1) - 1
            h, _ = self.gru(self.emb(x))
            return F.log_softmax(self.out(h[torch.arange(len(x)), last]), dim=-1)

    ids, lengths, labels = texts()
    return given(model=Model(), batch=ids, target=labels, loss=nn.NLLLoss(), lengths=lengths)


@sound
def masked_mean_of_bidirectional_packed() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(20, 8, padding_idx=0)
            self.rnn = nn.LSTM(8, 8, bidirectional=True, batch_first=True)
            self.fc = nn.Linear(16, 2)

        def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
            packed = pack_padded_sequence(self.emb(ids), lengths, True, enforce_sorted=False)
            h, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=ids.shape[1])
            return self.fc(h.sum(1) / lengths.unsqueeze(1))

    ids, lengths, labels = texts(N=9)
    return given(model=Model(), batch=(ids, lengths), target=labels)


@sound
def masked_max_pooling() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(20, 8)
            self.rnn = nn.GRU(8, 10, batch_first=True)
            self.fc = nn.Linear(10, 2)

        def forward(self, ids: Tensor) -> Tensor:
            h, _ = self.rnn(self.emb(ids))
            h = h.masked_fill((ids == 0).unsqueeze(-1), -1e9)
            return self.fc(h.max(dim=1).values)

    ids, lengths, labels = texts()
    return given(model=Model(), batch=ids, target=labels, loss=nn.CrossEntropyLoss(), lengths=lengths)


class Attentive(nn.Module):
    """A GRU with an attention readout; `masked` hides the padding from it."""

    def __init__(self, masked: bool) -> None:
        super().__init__()
        self.masked = masked
        self.embed = nn.Embedding(20, 10, padding_idx=0)
        self.gru = nn.GRU(10, 12, batch_first=True)
        self.score = nn.Sequential(nn.Linear(12, 12), nn.Tanh(), nn.Linear(12, 1, bias=False))
        self.fc = nn.Linear(12, 2)

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        states, _ = self.gru(self.embed(ids))
        scores = self.score(states).squeeze(-1)
        if self.masked:
            scores = scores.masked_fill(ids == 0, float("-inf"))
        weights = F.softmax(scores, dim=1)
        context = torch.bmm(weights.unsqueeze(1), states).squeeze(1)
        return self.fc(context), weights


@sound
def masked_attention_returning_its_weights() -> Parts:
    ids, lengths, labels = texts(N=9)
    return given(
        model=Attentive(True),
        batch=ids,
        target=labels,
        loss=lambda output, y: F.cross_entropy(output[0], y),
        lengths=lengths,
    )


class Keras(nn.Module):
    """The last step of texts padded on the left, and a sigmoid."""

    def __init__(self, layer: type[nn.RNNBase] = nn.LSTM) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 16)
        self.rnn = layer(16, 8, batch_first=True)
        self.dense = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.dense(self.rnn(self.embedding(x))[0][:, -1, :]))


@sound
def left_padded_last_step() -> Parts:
    ids, _, labels = texts(side="left")
    return given(model=Keras(), batch=ids, target=labels.float().unsqueeze(1), loss=nn.BCELoss())


@sound
def left_padded_last_step_trained() -> Parts:
    ids, _, labels = texts(N=12, T=14, side="left")
    target = labels.float().unsqueeze(1)
    model = fitted(Keras(nn.GRU), ids, target, nn.BCELoss())
    optimizer = torch.optim.RMSprop(model.parameters(), 1e-3)
    return given(model=model, batch=ids, target=target, loss=nn.BCELoss(), optimizer=optimizer)


@sound
def equal_lengths_last_step_squeezed() -> Parts:
    class Sentiment(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(30, 12)
            self.lstm = nn.LSTM(12, 10, 2, dropout=0.5, batch_first=True)
            self.dropout = nn.Dropout(0.3)
            self.fc = nn.Linear(10, 1)
            self.sig = nn.Sigmoid()

        def forward(self, x: Tensor) -> Tensor:
            lstm_out, _ = self.lstm(self.embedding(x))
            out = self.dropout(lstm_out[:, -1])
            return self.sig(self.fc(out)).squeeze()

    ids, _, labels = texts(V=30, full=True)
    return given(model=Sentiment(), batch=ids, target=labels.float(), loss=nn.BCELoss())


@sound
def forward_last_and_backward_first() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(20, 8)
            self.lstm = nn.LSTM(8, 6, bidirectional=True, batch_first=True)
            self.fc = nn.Linear(12, 2)

        def forward(self, x: Tensor) -> Tensor:
            out, _ = self.lstm(self.emb(x))
            return self.fc(torch.cat((out[:, -1, :6], out[:, 0, 6:]), dim=1))

    ids, _, labels = texts(full=True)
    return given(model=Model(), batch=ids, target=labels, loss=nn.CrossEntropyLoss())


@sound
def dict_batch_and_dataclass_output() -> Parts:
    @dataclass
    class Output:
        logits: Tensor
        states: Tensor

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(20, 8, padding_idx=0)
            self.rnn = nn.GRU(8, 8, batch_first=True)
            self.fc = nn.Linear(8, 2)

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Output:
            h, _ = self.rnn(self.emb(input_ids))
            mask = attention_mask.unsqueeze(-1).float()
            return Output(self.fc((h * mask).sum(1) / mask.sum(1)), h)

    ids, _, labels = texts(N=9)
    batch = {"input_ids": ids, "attention_mask": (ids != 0).long()}
    return given(model=Model(), batch=batch, target=labels, loss=lambda out, y: F.cross_entropy(out.logits, y))


@sound
def dict_output_with_log_softmax_before_cross_entropy() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Packed(C=3)

        def forward(self, tokens: Tensor, n: Tensor) -> dict[str, Tensor]:
            return {"logits": F.log_softmax(self.inner(tokens, n), dim=-1)}  # idle, and harmless

    ids, lengths, labels = texts(N=9)
    labels = (labels + torch.arange(9) // 5) % 3
    return given(
        model=Model(),
        batch={"tokens": ids, "n": lengths},
        target=labels,
        loss=lambda out, y: F.cross_entropy(out["logits"], y),
    )
