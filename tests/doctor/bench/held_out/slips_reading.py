"""Faulty: padding is read, rows and steps are mixed up, the future is seen."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ..registry import faulty, given
from .material import ids, labels, ragged, token_cross_entropy, windows

PADDING = ("RK-PAD-01", "RK-PAD-02", "RK-PAD-03")
MIXED = ("RK-AXIS-01", "RK-PAD-04")


class LastStep(nn.Module):
    """The last position of a padded row is read; the lengths are at hand and not used."""

    def __init__(self, cell: type[nn.Module] = nn.LSTM, **more: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(40, 16, padding_idx=0)
        self.rnn = cell(16, 20, batch_first=True, **more)
        self.fc = nn.Linear(20, 2)

    def forward(self, text: Tensor, text_lengths: Tensor | None = None) -> Tensor:  # noqa: ARG002
        out, _ = self.rnn(self.embedding(text))
        return self.fc(out[:, -1])


@faulty(*PADDING)
def lengths_given_and_not_used() -> dict:
    text, lengths = ragged(12, 12, 40)
    return given(model=LastStep(), batch=(text, lengths), target=labels(12), loss=nn.CrossEntropyLoss())


class PackedThenLast(LastStep):
    """Packs as it should, unpacks, and reads the last position all the same."""

    def forward(self, text: Tensor, text_lengths: Tensor | None = None) -> Tensor:
        n = text.ne(0).sum(1) if text_lengths is None else text_lengths
        packed = pack_padded_sequence(self.embedding(text), n.cpu(), batch_first=True, enforce_sorted=False)
        out, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        return self.fc(out[:, -1])


@faulty(*PADDING, "RK-PAD-04", "RK-GRAD-01", "RK-LEARN-01")
def unpacked_and_read_at_the_end() -> dict:
    text, lengths = ragged(12, 10, 40)
    return given(model=PackedThenLast(nn.GRU), batch=(text, lengths), target=labels(12), loss=nn.CrossEntropyLoss())


class MeanOverAll(LastStep):
    """A mean over all positions, those of padding as well."""

    def forward(self, text: Tensor, text_lengths: Tensor | None = None) -> Tensor:  # noqa: ARG002
        return self.fc(self.rnn(self.embedding(text))[0].mean(dim=1))


@faulty(*PADDING)
def mean_over_padding() -> dict:
    text, _ = ragged(12, 12, 40)
    return given(model=MeanOverAll(), batch=text, target=labels(12), loss=nn.CrossEntropyLoss())


class Unmasked(nn.Module):
    """Attention over packed states, with a softmax that no mask was given to."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(40, 12, padding_idx=1)
        self.gru = nn.GRU(12, 10, bidirectional=True, batch_first=True)
        self.att, self.fc = nn.Linear(20, 1), nn.Linear(20, 3)

    def forward(self, text: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embedding(text), lengths, batch_first=True, enforce_sorted=False)
        h, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=text.size(1))
        return self.fc((torch.softmax(self.att(torch.tanh(h)), dim=1) * h).sum(1))


@faulty(*PADDING)
def attention_without_a_mask() -> dict:
    text, lengths = ragged(10, 12, 40, pad=1)
    return given(model=Unmasked(), batch=(text, lengths), target=labels(10, 3), loss=nn.CrossEntropyLoss())


class NotPutBack(nn.Module):
    """Rows are sorted by length and never put back in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(40, 12, padding_idx=0), nn.LSTM(12, 16, batch_first=True)
        self.fc = nn.Linear(16, 2)

    def forward(self, text: Tensor) -> Tensor:
        n, order = text.ne(0).sum(1).sort(descending=True)
        packed = pack_padded_sequence(self.embedding(text[order]), n.cpu(), batch_first=True)
        _, (h, _) = self.lstm(packed)
        return self.fc(h[-1])


@faulty("RK-PAD-04", "RK-PAD-02", "RK-AXIS-01")
def sorted_and_not_put_back() -> dict:
    text, _ = ragged(12, 11, 40)
    return given(model=NotPutBack(), batch=text, target=labels(12), loss=nn.CrossEntropyLoss())


class WrongSoftmax(nn.Module):
    """Attention weights that sum to one over the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.att, self.fc = nn.GRU(4, 12, batch_first=True), nn.Linear(12, 1), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        h, _ = self.gru(x)
        weight = F.softmax(self.att(h), dim=0)
        return self.fc((weight * h).sum(1))


@faulty(*MIXED)
def softmax_over_the_batch() -> dict:
    return given(model=WrongSoftmax(), batch=torch.randn(10, 7, 4), target=labels(10, 3), loss=nn.CrossEntropyLoss())


class ForgotBatchFirst(nn.Module):
    """Data (N, T, I), a layer that wants steps first."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(1, 24, 2), nn.Linear(24, 1)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.lstm(x)
        return self.fc(out[:, -1, :])


@faulty(*MIXED)
def batch_first_forgotten_in_a_forecaster() -> dict:
    x, y = windows(16, 10)
    return given(model=ForgotBatchFirst(), batch=x, target=y, loss=nn.MSELoss())


class ViewForTranspose(nn.Module):
    """Steps are to come first, by view in place of transpose."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.fc = nn.GRU(6, 16), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        _out, h = self.gru(x.reshape(x.size(1), x.size(0), -1))
        return self.fc(h[-1])


@faulty(*MIXED)
def view_for_transpose() -> dict:
    return given(model=ViewForTranspose(), batch=torch.randn(9, 8, 6), target=labels(9, 4), loss=nn.CrossEntropyLoss())


class StatesViewed(nn.Module):
    """The final states of both directions, (2, N, H), are viewed as (N, 2H)."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(30, 10)
        self.lstm, self.fc = nn.LSTM(10, 12, bidirectional=True, batch_first=True), nn.Linear(24, 2)

    def forward(self, x: Tensor) -> Tensor:
        _, (h, _) = self.lstm(self.embed(x))
        return self.fc(h.view(x.size(0), -1))


@faulty(*MIXED)
def final_states_viewed() -> dict:
    return given(model=StatesViewed(), batch=ids(12, 7, 30), target=labels(12), loss=nn.CrossEntropyLoss())


class FirstAxisRead(nn.Module):
    """A square batch: the last row is read for the last step."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.fc = nn.GRU(3, 16, batch_first=True), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.gru(x)
        return self.fc(out[-1])


@faulty("RK-AXIS-02", "RK-AXIS-01", "RK-PAD-04")
def last_row_read_for_last_step() -> dict:
    return given(model=FirstAxisRead(), batch=torch.randn(10, 10, 3), target=labels(10), loss=nn.CrossEntropyLoss())


class BothWaysLM(nn.Module):
    """A language model whose author thought that two directions are better than one."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(30, 12)
        self.lstm, self.fc = nn.LSTM(12, 16, 2, bidirectional=True, batch_first=True), nn.Linear(32, 30)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.lstm(self.embed(x))[0])


@faulty("RK-FUT-02", "RK-FUT-01")
def language_model_in_both_directions() -> dict:
    text = ids(8, 10, 30, 0)
    return given(model=BothWaysLM(), batch=text[:, :-1], target=text[:, 1:], loss=token_cross_entropy)


class AttentionAhead(nn.Module):
    """A language model with self-attention that no mask keeps from looking ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.gru = nn.Embedding(30, 16), nn.GRU(16, 16, batch_first=True)
        self.attn, self.fc = nn.MultiheadAttention(16, 2, batch_first=True), nn.Linear(32, 30)

    def forward(self, x: Tensor) -> Tensor:
        h, _ = self.gru(self.embed(x))
        return self.fc(torch.cat([h, self.attn(h, h, h)[0]], -1))


@faulty("RK-FUT-01")
def language_model_that_looks_ahead() -> dict:
    text = ids(8, 10, 30, 0)
    return given(model=AttentionAhead(), batch=text[:, :-1], target=text[:, 1:], loss=token_cross_entropy, causal=True)


class SamePadding(nn.Module):
    """A convolution with padding on both sides before a forecaster's LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.lstm, self.fc = (
            nn.Conv1d(1, 8, 3, padding=1),
            nn.LSTM(8, 12, batch_first=True),
            nn.Linear(12, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        f = torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2)
        return self.fc(self.lstm(f)[0])


@faulty("RK-FUT-01")
def convolution_that_sees_the_next_step() -> dict:
    x, _ = windows(10, 17)
    return given(model=SamePadding(), batch=x[:, :-1], target=x[:, 1:], loss=nn.MSELoss(), causal=True)


class WholeNorm(nn.Module):
    """Each row is scaled by its own mean and spread, those of later steps included."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.fc = nn.GRU(1, 16, batch_first=True), nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean, std = x.mean(1, keepdim=True), x.std(1, keepdim=True) + 1e-5
        return self.fc(self.gru((x - mean) / std)[0]) * std + mean


@faulty("RK-FUT-01")
def scaled_by_the_whole_row() -> dict:
    x, _ = windows(10, 17)
    return given(model=WholeNorm(), batch=x[:, :-1], target=x[:, 1:], loss=nn.MSELoss(), causal=True)
