"""Sound models of pictures, speech and odd shapes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence

from ..registry import given, sound
from .material import first_cross_entropy, ids, labels, token_cross_entropy


class CRNN(nn.Module):
    """Lines of text in pictures: convolutions, columns as steps, a bidirectional LSTM, CTC."""

    def __init__(self, C: int = 8) -> None:
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(4, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d((4, 1)),
        )
        self.rnn = nn.LSTM(16, 16, bidirectional=True)
        self.fc = nn.Linear(32, C)

    def forward(self, x: Tensor) -> Tensor:
        f = self.cnn(x)
        f = f.flatten(1, 2).permute(2, 0, 1)
        return F.log_softmax(self.fc(self.rnn(f)[0]), dim=2)


def ctc(output: Tensor, target: Tensor) -> Tensor:
    """CTC with lengths read off the shapes."""
    T, N, _ = output.shape
    return F.ctc_loss(output, target, torch.full((N,), T), torch.full((N,), target.shape[1]))


@sound
def text_in_pictures() -> dict:
    return given(model=CRNN(), batch=torch.rand(6, 1, 16, 32), target=torch.randint(1, 8, (6, 4)), loss=ctc)


class Frames(nn.Module):
    """Speech frames: packed inside, a class at each frame, labels of padding -1."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(13, 16, 2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(32, 6)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(frames, lengths.cpu(), batch_first=True, enforce_sorted=False)
        out, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        return self.fc(out)


@sound
def speech_frames() -> dict:
    lengths = torch.tensor([20, 7, 12, 16, 9, 18, 5, 11])
    real = torch.arange(20) < lengths[:, None]
    x = torch.randn(8, 20, 13) * real[..., None]
    y = torch.randint(0, 6, (8, 20)).masked_fill(~real, -1)
    return given(
        model=Frames(),
        batch=(x, lengths),
        target=y,
        lengths=lengths,
        loss=lambda out, y: F.cross_entropy(out.flatten(0, 1), y.flatten(), ignore_index=-1),
    )


class Keyword(nn.Module):
    """Keywords: a strided convolution over the spectrum, a GRU, attention from the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(20, 16, 5, stride=2)
        self.gru = nn.GRU(16, 16, batch_first=True, bidirectional=True)
        self.q, self.fc = nn.Linear(32, 32), nn.Linear(32, 5)

    def forward(self, spec: Tensor) -> Tensor:
        h, _ = self.gru(F.relu(self.conv(spec)).transpose(1, 2))
        query = self.q(h[:, h.size(1) // 2])
        weight = torch.softmax(torch.bmm(h, query.unsqueeze(2)), dim=1)
        return self.fc((h * weight).sum(1))


@sound
def keywords_channels_first() -> dict:
    """A spectrum stands as (N, channels, T)."""
    return given(model=Keyword(), batch=torch.randn(8, 20, 40), target=labels(8, 5), loss=nn.CrossEntropyLoss())


class Activity(nn.Module):
    """Motion sensors: a linear layer, two LSTM layers, steps first inside, the last step."""

    def __init__(self) -> None:
        super().__init__()
        self.inp, self.lstm, self.out = nn.Linear(9, 16), nn.LSTM(16, 16, 2), nn.Linear(16, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.inp(x.permute(1, 0, 2)))
        return self.out(self.lstm(x)[0][-1])


@sound
def motion_sensors_square_batch() -> dict:
    """As many rows as steps."""
    return given(model=Activity(), batch=torch.randn(12, 12, 9), target=labels(12, 6), loss=nn.CrossEntropyLoss())


class Video(nn.Module):
    """Frames of a clip through a small network, then a GRU; (N, T, C, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.gru, self.fc = nn.GRU(16, 16, batch_first=True), nn.Linear(16, 3)

    def forward(self, clip: Tensor) -> Tensor:
        N, T = clip.shape[:2]
        f = self.cnn(clip.flatten(0, 1)).view(N, T, -1)
        return self.fc(self.gru(f)[1][-1])


@sound
def clips_of_video() -> dict:
    return given(model=Video(), batch=torch.rand(6, 5, 1, 10, 10), target=labels(6, 3), loss=nn.CrossEntropyLoss())


class PackedInput(nn.Module):
    """The caller packs; the state is in the order of the rows."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(4, 12, batch_first=True), nn.Linear(12, 2)

    def forward(self, packed: nn.utils.rnn.PackedSequence) -> Tensor:
        _, (h, _) = self.lstm(packed)
        return self.fc(h[-1])


@sound
def packed_by_the_caller() -> dict:
    rows = [torch.randn(n, 4) for n in (9, 3, 7, 5, 8, 4, 6, 9)]
    return given(
        model=PackedInput(),
        batch=pack_sequence(rows, enforce_sorted=False),
        target=labels(8),
        loss=nn.CrossEntropyLoss(),
    )


class Patients(nn.Module):
    """Visits of patients beside fixed numbers about them; the last real visit is read."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(5, 12, batch_first=True)
        self.head = nn.Sequential(nn.Linear(15, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 1))

    def forward(self, visits: Tensor, fixed: Tensor, lengths: Tensor) -> Tensor:
        out, _ = self.gru(visits)
        last = out[torch.arange(out.size(0)), lengths - 1]
        return self.head(torch.cat([last, fixed], 1)).squeeze(1)


@sound
def visits_and_fixed_numbers() -> dict:
    lengths = torch.tensor([6, 2, 4, 3, 5, 6, 2, 4, 3, 5])
    visits = torch.randn(10, 6, 5) * (torch.arange(6) < lengths[:, None])[..., None]
    return given(
        model=Patients(),
        batch=(visits, torch.randn(10, 3), lengths),
        target=labels(10).float(),
        loss=nn.BCEWithLogitsLoss(pos_weight=torch.tensor(2.0)),
    )


class Policy(nn.Module):
    """An agent: features, a GRU, actions and a value, and the state to go on with."""

    def __init__(self) -> None:
        super().__init__()
        self.inp, self.gru = nn.Linear(6, 16), nn.GRU(16, 16, batch_first=True)
        self.pi, self.v = nn.Linear(16, 4), nn.Linear(16, 1)

    def forward(self, obs: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        out, h = self.gru(torch.tanh(self.inp(obs)), h)
        return self.pi(out), self.v(out).squeeze(-1), h


@sound
def agent_with_memory() -> dict:
    return given(
        model=Policy(),
        batch=torch.randn(8, 10, 6),
        target=torch.randint(0, 4, (8, 10)),
        causal=True,
        loss=lambda out, a: F.cross_entropy(out[0].flatten(0, 1), a.flatten()) + 0.1 * out[1].pow(2).mean(),
    )


class Music(nn.Module):
    """Notes that sound together: many labels a step, steps first, binary cross-entropy on logits."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(16, 24), nn.Linear(24, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.lstm(x)[0])


@sound
def piano_roll_steps_first() -> dict:
    roll = (torch.rand(15, 6, 16) < 0.2).float()
    return given(model=Music(), batch=roll[:-1], target=roll[1:], loss=nn.BCEWithLogitsLoss(), causal=True)


class Sessions(nn.Module):
    """The next item of a session, scored against all items by their embeddings."""

    def __init__(self) -> None:
        super().__init__()
        self.items = nn.Embedding(40, 16, padding_idx=0)
        self.gru, self.drop = nn.GRU(16, 16, batch_first=True), nn.Dropout(0.25)
        for weight in self.parameters():
            nn.init.uniform_(weight, -0.25, 0.25)

    def forward(self, seq: Tensor, lengths: Tensor) -> Tensor:
        out, _ = self.gru(self.drop(self.items(seq)))
        last = out.gather(1, (lengths - 1).view(-1, 1, 1).expand(-1, 1, out.shape[2])).squeeze(1)
        return last @ self.items.weight.t()


@sound
def next_item_of_a_session() -> dict:
    seq = ids(12, 8, 40)
    lengths = torch.randint(2, 9, (12,))
    seq = seq * (torch.arange(8) < lengths[:, None])
    return given(model=Sessions(), batch=(seq, lengths), target=torch.randint(1, 40, (12,)), loss=nn.CrossEntropyLoss())


@sound
def last_logits_of_a_tagger_with_weights() -> dict:
    """Class weights and label smoothing."""
    model = Frames()
    loss = nn.CrossEntropyLoss(weight=torch.rand(6) + 0.5, label_smoothing=0.1)
    return given(
        model=model,
        batch=(torch.randn(7, 9, 13), torch.full((7,), 9)),
        target=torch.randint(0, 6, (7, 9)),
        loss=lambda out, y: loss(out.permute(0, 2, 1), y),
    )


class Whole(nn.Module):
    """All steps side by side into one linear layer: windows of one length only."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 8, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(16 * 6, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        out, (h, _) = self.lstm(x)
        return self.fc(out.reshape(x.size(0), -1)), h


@sound
def all_steps_into_one_layer() -> dict:
    return given(model=Whole(), batch=torch.randn(9, 6, 3), target=labels(9, 4), loss=first_cross_entropy)


@sound
def one_row_only() -> dict:
    """A batch of one, as is common in first tries."""
    return given(
        model=Policy(), batch=torch.randn(1, 8, 6), target=torch.randint(0, 4, (1, 8)), loss=token_cross_entropy
    )
