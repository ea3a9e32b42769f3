"""More sound classifiers: frozen embeddings, normalisation, pairs, pictures, many labels, long and tiny inputs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

from .classifiers import Packed
from .material import fitted, images, texts
from .registry import Parts, given, sound


@sound
def frozen_pretrained_embedding() -> Parts:
    vectors = torch.randn(20, 12)
    vectors[0] = 0

    class Model(Packed):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding.from_pretrained(vectors, freeze=True, padding_idx=0)

    ids, lengths, labels = texts(N=9)
    model = Model()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-3)
    return given(model=model, batch=(ids, lengths), target=labels, loss=nn.CrossEntropyLoss(), optimizer=optimizer)


@sound
def weight_decay_on_matrices_alone() -> Parts:
    ids, lengths, labels = texts()
    model = Packed()
    groups = [
        {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 1e-2},
        {"params": [p for p in model.parameters() if p.dim() == 1], "weight_decay": 0.0},
    ]
    return given(model=model, batch=(ids, lengths), target=labels, optimizer=torch.optim.AdamW(groups, 1e-3))


@sound
def locked_dropout_and_layer_norm() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(20, 12, padding_idx=0)
            self.rnn = nn.LSTM(12, 12, batch_first=True)
            self.norm = nn.LayerNorm(12)
            self.fc = nn.Linear(12, 2)

        def forward(self, ids: Tensor) -> Tensor:
            x = self.emb(ids)
            if self.training:
                x = x * (torch.rand(len(x), 1, 12) < 0.8) / 0.8  # one mask for all steps
            h = self.norm(self.rnn(x)[0])
            mask = (ids != 0).unsqueeze(-1)
            return self.fc(F.dropout((h * mask).sum(1) / mask.sum(1), 0.4, self.training))

    ids, lengths, labels = texts(N=9)
    return given(model=Model(), batch=ids, target=labels, loss=nn.CrossEntropyLoss(), lengths=lengths)


@sound
def batch_norm_between_state_and_head() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(20, 8)
            self.rnn = nn.GRU(8, 10, batch_first=True)
            self.head = nn.Sequential(nn.BatchNorm1d(10), nn.Linear(10, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))

        def forward(self, x: Tensor) -> Tensor:
            _, h = self.rnn(self.emb(x))
            return self.head(h.squeeze(0))

    ids, _, labels = texts(N=10, full=True)
    return given(model=Model(), batch=ids, target=labels, loss=nn.CrossEntropyLoss())


@sound
def siamese_encoder() -> Parts:
    class Siamese(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = Packed(C=8)

        def forward(self, a: Tensor, a_len: Tensor, b: Tensor, b_len: Tensor) -> Tensor:
            return F.cosine_similarity(self.encoder(a, a_len), self.encoder(b, b_len)) * 4

    a, a_len, la = texts(N=8, T=9)
    b, b_len, lb = texts(N=8, T=9, seed=5)
    order = torch.tensor([1, 0, 2, 3, 5, 4, 6, 7])
    same = (la == lb[order]).float()
    return given(model=Siamese(), batch=(a, a_len, b[order], b_len[order]), target=same, loss=nn.BCEWithLogitsLoss())


@sound
def rows_of_pictures_with_zero_state() -> Parts:
    class RNN(nn.Module):
        def __init__(self, input_size: int, hidden_size: int, num_layers: int, num_classes: int) -> None:
            super().__init__()
            self.hidden_size, self.num_layers = hidden_size, num_layers
            self.lstm = nn.LSTM(input_size, hidden_size, num_layers, batch_first=True)
            self.fc = nn.Linear(hidden_size, num_classes)

        def forward(self, x: Tensor) -> Tensor:
            h0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size).to(x.device)
            c0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size).to(x.device)
            out, _ = self.lstm(x, (h0, c0))
            return self.fc(out[:, -1, :])

    x, y = images()
    model = RNN(8, 16, 2, 4)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    return given(model=model, batch=x, target=y, loss=nn.CrossEntropyLoss(), optimizer=optimizer)


@sound
def flattened_outputs_of_both_directions() -> Parts:
    class BiLSTM(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(8, 6, num_layers=2, batch_first=True, bidirectional=True)
            self.fc = nn.Linear(8 * 12, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.lstm(x)[0].reshape(len(x), -1))

    x, y = images(N=11)
    model = fitted(BiLSTM(), x, y, F.cross_entropy, 30, 0.005)
    return given(model=model, batch=x, target=y, loss=nn.CrossEntropyLoss())


@sound
def convolution_before_recurrence() -> Parts:
    class ConvGRU(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(8, 12, 3, padding=1)
            self.bn = nn.BatchNorm1d(12)
            self.gru = nn.GRU(12, 12, batch_first=True)
            self.fc = nn.Linear(12, 4)

        def forward(self, x: Tensor) -> Tensor:
            z = F.relu(self.bn(self.conv(x.transpose(1, 2)))).transpose(1, 2)
            return self.fc(self.gru(z)[0].mean(dim=1))

    x, y = images(N=9)
    return given(model=ConvGRU(), batch=x, target=y, loss=nn.CrossEntropyLoss(label_smoothing=0.1))


@sound
def time_first_values_with_learned_state() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.h0 = nn.Parameter(torch.zeros(1, 1, 10))
            self.rnn = nn.GRU(5, 10)
            self.fc = nn.Linear(10, 3)

        def forward(self, x: Tensor) -> Tensor:  # (T, N, I)
            output, _ = self.rnn(x, self.h0.expand(-1, x.shape[1], -1).contiguous())
            return self.fc(output[-1])

    x, y = images(N=9, T=12, features=5, C=3)
    return given(model=Model(), batch=x.transpose(0, 1).contiguous(), target=y, loss=nn.CrossEntropyLoss())


@sound
def many_labels() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Packed(C=5)

        def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
            return self.inner(ids, lengths)

    ids, lengths, labels = texts()
    target = (torch.rand(8, 5) < 0.4).float()
    target[:, 0] = labels
    return given(model=Model(), batch=(ids, lengths), target=target, loss=nn.BCEWithLogitsLoss())


@sound
def a_packed_sequence_itself() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(4, 9)
            self.fc = nn.Linear(9, 2)

        def forward(self, packed: PackedSequence) -> Tensor:
            return self.fc(self.lstm(packed)[1][0][-1])

    x, y = images(N=6, T=9, features=4, C=2)
    packed = pack_sequence([row[: 9 - n] for n, row in enumerate(x)])
    return given(model=Model(), batch=packed, target=y, loss=nn.CrossEntropyLoss())


@sound
def tiny() -> Parts:
    class Tiny(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(2, 2, batch_first=True)
            self.fc = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.rnn(x)[0][:, -1])

    x, y = images(N=4, T=3, features=2, C=2)
    return given(model=Tiny(), batch=x - 0.5, target=y, loss=nn.CrossEntropyLoss())


@sound
def long_text_mean_of_states() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(50, 12)
            self.rnn = nn.GRU(12, 16, batch_first=True)
            self.fc = nn.Linear(16, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.rnn(self.emb(x))[0].mean(1))

    ids, _, labels = texts(N=6, T=250, V=50, full=True)
    return given(model=Model(), batch=ids, target=labels, loss=nn.CrossEntropyLoss())


@sound
def long_text_with_open_forget_gate() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(50, 12, padding_idx=0)
            self.rnn = nn.LSTM(12, 16, batch_first=True)
            self.fc = nn.Linear(16, 2)
            with torch.no_grad():  # memories from 2 to 200 steps
                span = torch.log(torch.linspace(2, 200, 16))
                self.rnn.bias_hh_l0.zero_()
                self.rnn.bias_ih_l0[16:32] = span
                self.rnn.bias_ih_l0[:16] = -span

        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            packed = pack_padded_sequence(self.emb(x), lengths, batch_first=True)
            return self.fc(self.rnn(packed)[1][0].squeeze(0))

    ids, lengths, labels = texts(N=6, T=200, V=50)
    return given(model=Model(), batch=(ids, lengths), target=labels, loss=nn.CrossEntropyLoss())
