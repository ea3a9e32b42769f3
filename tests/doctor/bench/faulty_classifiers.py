"""Classifiers with a fault: padding read, axes mixed up, directions misread, squashed twice."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from .classifiers import Attentive, Packed
from .material import fitted, images, texts
from .registry import Parts, faulty, given

PADDING = ("RK-PAD-01", "RK-PAD-02", "RK-PAD-03")


class LastStep(nn.Module):
    """What most tutorials write: the last step, whatever stands there."""

    def __init__(self, layer: type[nn.RNNBase] = nn.LSTM, C: int = 2, **options: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 12)
        self.rnn = layer(12, 16, **{"batch_first": True, **options})
        self.fc = nn.Linear(32 if self.rnn.bidirectional else 16, C)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.rnn(self.embedding(x))
        return self.fc(out[:, -1, :])


@faulty(*PADDING)
def last_step_after_right_padding() -> Parts:
    ids, lengths, labels = texts()
    return given(model=LastStep(), batch=ids, target=labels, loss=nn.CrossEntropyLoss(), lengths=lengths)


@faulty(*PADDING)
def last_step_after_right_padding_trained() -> Parts:
    ids, _, labels = texts(N=12, T=14)
    model = fitted(LastStep(nn.GRU), ids, labels, F.cross_entropy)
    return given(model=model, batch=ids, target=labels, loss=nn.CrossEntropyLoss())


@faulty(*PADDING)
def last_state_time_first_unpacked() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(20, 10)
            self.rnn = nn.GRU(10, 14)
            self.fc = nn.Linear(14, 1)

        def forward(self, text: Tensor) -> Tensor:
            _, hidden = self.rnn(self.embedding(text))
            return self.fc(hidden.squeeze(0))

    ids, lengths, labels = texts(N=7)
    target = labels.float().unsqueeze(1)
    return given(model=Model(), batch=ids.t(), target=target, loss=nn.BCEWithLogitsLoss(), lengths=lengths)


class Pooled(nn.Module):
    """Mean or maximum over all steps."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.emb = nn.Embedding(20, 10, padding_idx=0)
        self.rnn = nn.LSTM(10, 10, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(20, 2)

    def forward(self, x: Tensor) -> Tensor:
        h, _ = self.rnn(self.emb(x))
        return self.fc(h.mean(1) if self.how == "mean" else h.max(1)[0])


@faulty(*PADDING)
def mean_over_the_padding() -> Parts:
    ids, lengths, labels = texts(N=9)
    return given(model=Pooled("mean"), batch=ids, target=labels, loss=nn.CrossEntropyLoss(), lengths=lengths)


@faulty(*PADDING)
def maximum_over_the_padding() -> Parts:
    ids, _, labels = texts(N=9)
    return given(model=Pooled("max"), batch=ids, target=labels, loss=nn.CrossEntropyLoss())


@faulty(*PADDING)
def attention_without_a_mask() -> Parts:
    ids, lengths, labels = texts(N=9)

    def loss(output: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
        return F.cross_entropy(output[0], y)

    return given(model=Attentive(False), batch=ids, target=labels, loss=loss, lengths=lengths)


@faulty("RK-PAD-04", "RK-AXIS-01", *PADDING)
def sorted_for_packing_and_never_put_back() -> Parts:
    class Model(Packed):
        def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
            lengths, order = lengths.sort(descending=True)
            packed = pack_padded_sequence(self.embedding(ids[order]), lengths, batch_first=True)
            return self.fc(self.rnn(packed)[1][0][-1])

    ids, lengths, labels = texts()
    order = torch.tensor([3, 0, 6, 1, 7, 2, 5, 4])
    return given(model=Model(), batch=(ids[order], lengths[order]), target=labels[order], loss=nn.CrossEntropyLoss())


@faulty("RK-PAD-04")
def scaled_by_the_batch_in_the_model() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(8, 12, batch_first=True)
            self.fc = nn.Linear(12, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = (x - x.mean(0)) / (x.std(0) + 1e-6)
            return self.fc(self.rnn(x)[0][:, -1])

    x, y = images()
    return given(model=Model(), batch=x, target=y, loss=nn.CrossEntropyLoss())


@faulty("RK-PAD-04", "RK-SQUASH-01", "RK-AXIS-01")
def softmax_over_the_batch() -> Parts:
    class Model(LastStep):
        def forward(self, x: Tensor) -> Tensor:
            return F.softmax(super().forward(x), dim=0)

    ids, _, labels = texts(N=9, full=True)
    return given(model=Model(), batch=ids, target=labels, loss=nn.CrossEntropyLoss())


@faulty("RK-AXIS-01")
def batch_first_forgotten() -> Parts:
    ids, _, labels = texts(N=9, T=12, full=True)
    return given(model=LastStep(batch_first=False), batch=ids, target=labels, loss=nn.CrossEntropyLoss())


@faulty("RK-AXIS-01")
def batch_first_of_time_first_values() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(8, 12, batch_first=True)
            self.fc = nn.Linear(12, 4)

        def forward(self, x: Tensor) -> Tensor:  # (T, N, I)
            return self.fc(self.lstm(x)[0][-1])

    x, y = images(N=11, T=7)
    batch = x.transpose(0, 1).contiguous()
    return given(model=Model(), batch=batch, target=y, loss=nn.CrossEntropyLoss())


@faulty("RK-AXIS-01")
def own_loop_over_the_examples() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.RNNCell(8, 12)
            self.fc = nn.Linear(12, 4)

        def forward(self, x: Tensor) -> Tensor:  # (N, T, I)
            h, states = torch.zeros(x.shape[1], 12), []
            for x_t in x:
                h = self.cell(x_t, h)
                states.append(h)
            return self.fc(torch.stack(states)[:, -1])

    x, y = images(N=10, T=7)
    return given(model=Model(), batch=x, target=y, loss=nn.CrossEntropyLoss())


@faulty("RK-AXIS-02", "RK-LEARN-03", "RK-LEARN-04")
def an_answer_a_step_for_one_label() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(8, 12, batch_first=True)
            self.fc = nn.Linear(12, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.lstm(x)[0]).squeeze(-1)  # (N, T)

    x, y = images(N=10, T=7, C=2)
    target = y.float().unsqueeze(1)
    return given(model=Model(), batch=x, target=target, loss=lambda p, t: ((p - t) ** 2).mean())


@faulty("RK-STATE-01")
def last_step_of_both_directions() -> Parts:
    ids, _, labels = texts(full=True)
    return given(model=LastStep(bidirectional=True), batch=ids, target=labels, loss=nn.CrossEntropyLoss())


@faulty("RK-STATE-01")
def last_step_of_both_directions_two_layers_time_first() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(8, 10, num_layers=2, bidirectional=True)
            self.fc = nn.Linear(20, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.gru(x)[0][-1])

    x, y = images(N=9)
    return given(model=Model(), batch=x.transpose(0, 1).contiguous(), target=y, loss=nn.CrossEntropyLoss())


@faulty("RK-STATE-02", "RK-STATE-01", "RK-DEAD-01")
def only_the_backward_state_read() -> Parts:
    class Model(Packed):
        def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
            packed = pack_padded_sequence(self.embedding(ids), lengths, True, enforce_sorted=False)
            _, (h_n, _) = self.rnn(packed)
            return self.head(h_n[-1])

        def __init__(self) -> None:
            super().__init__(bidirectional=True)
            del self.fc
            self.head = nn.Linear(16, 2)

    ids, lengths, labels = texts(N=9)
    return given(model=Model(), batch=(ids, lengths), target=labels, loss=nn.CrossEntropyLoss())


@faulty("RK-SQUASH-01")
def softmax_before_cross_entropy() -> Parts:
    class Model(Packed):
        def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
            return F.softmax(super().forward(ids, lengths), dim=1)

    ids, lengths, labels = texts()
    return given(model=Model(C=3), batch=(ids, lengths), target=labels, loss=nn.CrossEntropyLoss())


@faulty("RK-SQUASH-01")
def sigmoid_before_cross_entropy_trained() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(8, 16, batch_first=True)
            self.fc = nn.Linear(16, 4)

        def forward(self, x: Tensor) -> Tensor:
            return torch.sigmoid(self.fc(self.rnn(x)[1][-1]))

    x, y = images(N=11)
    model = fitted(Model(), x, y, F.cross_entropy, 40)
    return given(model=model, batch=x, target=y, loss=F.cross_entropy)


@faulty("RK-SQUASH-01")
def sigmoid_before_bce_with_logits() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Packed(C=1)

        def forward(self, ids: Tensor, lengths: Tensor) -> dict[str, Tensor]:
            return {"prob": self.inner(ids, lengths).sigmoid().squeeze(-1)}

    def loss(output: dict[str, Tensor], y: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(output["prob"], y)

    ids, lengths, labels = texts()
    return given(model=Model(), batch=(ids, lengths), target=labels.float(), loss=loss)


@faulty("RK-SQUASH-02", "RK-SQUASH-01", "RK-LEARN-01", "RK-LEARN-02")
def nll_of_raw_scores() -> Parts:
    ids, lengths, labels = texts()
    return given(model=Packed(), batch=(ids, lengths), target=labels, loss=nn.NLLLoss())


@faulty("RK-SQUASH-02", "RK-SQUASH-01")
def nll_of_probabilities() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(8, 12, batch_first=True)
            self.head = nn.Sequential(nn.Linear(12, 4), nn.Softmax(dim=-1))

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.rnn(x)[0][:, -1])

    x, y = images(N=9)
    return given(model=Model(), batch=x, target=y, loss=nn.NLLLoss())
