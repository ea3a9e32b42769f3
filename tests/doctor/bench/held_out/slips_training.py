"""Faulty: outputs, losses, dropout, parameters, optimizers and targets."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..registry import faulty, given
from .material import ids, labels, token_cross_entropy, windows


class Sentiment(nn.Module):
    """A classifier with something behind its last layer, and something in its middle."""

    def __init__(self, C: int = 2, V: int = 40) -> None:
        super().__init__()
        self.embed, self.lstm = nn.Embedding(V, 16), nn.LSTM(16, 20, batch_first=True)
        self.drop, self.fc = nn.Dropout(0.5), nn.Linear(20, C)

    def features(self, x: Tensor) -> Tensor:
        return self.lstm(self.embed(x))[1][0][-1]

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.drop(self.features(x)))


def classes(model: nn.Module, C: int = 2, **more: object) -> dict:
    """Return whole rows, labels and cross-entropy for a model."""
    return given(model=model, batch=ids(12, 8, 40), target=labels(12, C), **{"loss": nn.CrossEntropyLoss(), **more})


@faulty("RK-SQUASH-01")
def softmax_before_cross_entropy() -> dict:
    class Net(Sentiment):
        def forward(self, x: Tensor) -> Tensor:
            return F.softmax(super().forward(x), dim=1)

    return classes(Net(4), 4)


@faulty("RK-SQUASH-01")
def sigmoid_before_bce_with_logits() -> dict:
    class Net(Sentiment):
        def forward(self, x: Tensor) -> Tensor:
            return torch.sigmoid(super().forward(x)).squeeze(1)

    return given(model=Net(1), batch=ids(12, 8, 40), target=labels(12).float(), loss=nn.BCEWithLogitsLoss())


@faulty("RK-SQUASH-02")
def nll_loss_on_logits() -> dict:
    return classes(Sentiment(3), 3, loss=nn.NLLLoss())


@faulty("RK-SQUASH-02")
def nll_loss_on_probabilities() -> dict:
    class Net(Sentiment):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).softmax(-1)

    return classes(Net(3), 3, loss=nn.NLLLoss())


class Ends(nn.Module):
    """A forecaster with a squashing last layer."""

    def __init__(self, end: nn.Module) -> None:
        super().__init__()
        self.gru, self.fc, self.end = nn.GRU(1, 16, batch_first=True), nn.Linear(16, 1), end

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.fc(self.gru(x)[0][:, -1]))


@faulty("RK-SQUASH-03", "RK-LEARN-01")
def sigmoid_for_standardised_targets() -> dict:
    x, y = windows(16, 12)
    return given(model=Ends(nn.Sigmoid()), batch=x, target=y, loss=nn.MSELoss())


@faulty("RK-SQUASH-03", "RK-LEARN-01")
def relu_for_returns_below_zero() -> dict:
    x, y = windows(16, 12)
    return given(model=Ends(nn.ReLU()), batch=x, target=y, loss=nn.L1Loss())


@faulty("RK-REG-01", "RK-REG-03")
def dropout_called_and_not_kept() -> dict:
    class Net(Sentiment):
        def forward(self, x: Tensor) -> Tensor:
            h = self.features(x)
            self.drop(h)
            return self.fc(h)

    return classes(Net())


@faulty("RK-REG-03", "RK-REG-01")
def dropout_made_and_never_called() -> dict:
    class Net(Sentiment):
        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.features(x))

    return classes(Net())


@faulty("RK-REG-02", "RK-REG-03")
def dropout_of_a_single_layer() -> dict:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.rnn = nn.Embedding(40, 16), nn.GRU(16, 20, num_layers=1, dropout=0.3, batch_first=True)
            self.fc = nn.Linear(20, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.rnn(self.embed(x))[1].squeeze(0))

    return classes(Net())


@faulty("RK-REG-04")
def functional_dropout_in_evaluation() -> dict:
    class Net(Sentiment):
        def forward(self, x: Tensor) -> Tensor:
            return self.fc(F.dropout(self.features(x), 0.3))

    model = Net()
    model.drop = nn.Identity()
    return classes(model)


@faulty("RK-REG-04")
def dropout_made_in_forward() -> dict:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.rnn, self.fc = nn.Embedding(40, 16), nn.RNN(16, 20, batch_first=True), nn.Linear(20, 2)

        def forward(self, x: Tensor) -> Tensor:
            out, _ = self.rnn(self.embed(x))
            return self.fc(nn.Dropout(p=0.4)(out[:, -1]))

    return classes(Net())


@faulty("RK-REG-05", "RK-DEAD-02", "RK-DEAD-03")
def decay_on_frozen_layers_only() -> dict:
    model = Sentiment()
    for p in (*model.embed.parameters(), *model.lstm.parameters()):
        p.requires_grad = False
    groups = [
        {"params": [*model.embed.parameters(), *model.lstm.parameters()], "weight_decay": 0.01},
        {"params": model.fc.parameters(), "weight_decay": 0.0},
    ]
    return classes(model, optimizer=torch.optim.AdamW(groups, lr=1e-3))


@faulty("RK-DEAD-03", "RK-DEAD-01")
def layers_in_a_plain_list() -> dict:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(40, 12)
            self.layers = [nn.GRU(12, 12, batch_first=True) for _ in range(2)]
            self.fc = nn.Linear(12, 2)

        def forward(self, x: Tensor) -> Tensor:
            h = self.embed(x)
            for layer in self.layers:
                h, _ = layer(h)
            return self.fc(h[:, -1])

    return classes(Net())


@faulty("RK-DEAD-01")
def decoder_without_the_encoder() -> dict:
    """The encoder's state is computed and the decoder starts from zero."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.src, self.trg = nn.Embedding(20, 12), nn.Embedding(20, 12)
            self.encoder, self.decoder = nn.GRU(12, 16, batch_first=True), nn.GRU(12, 16, batch_first=True)
            self.out = nn.Linear(16, 20)

        def forward(self, src: Tensor, trg: Tensor) -> tuple[Tensor, Tensor]:
            _, _context = self.encoder(self.src(src))
            out, hidden = self.decoder(self.trg(trg))
            return self.out(out), hidden

    trg = ids(8, 7, 20)
    return given(model=Net(), batch=(ids(8, 6, 20), trg[:, :-1]), target=trg[:, 1:], loss=token_cross_entropy)


@faulty("RK-DEAD-01")
def through_numpy_and_back() -> dict:
    class Net(Sentiment):
        def forward(self, x: Tensor) -> Tensor:
            h = self.features(x).detach().cpu().numpy()
            return self.fc(self.drop(torch.from_numpy(h)))

    return classes(Net())


@faulty("RK-DEAD-03")
def optimizer_over_the_head_alone() -> dict:
    model = Sentiment()
    return classes(model, optimizer=torch.optim.Adam(model.fc.parameters(), lr=1e-3))


@faulty("RK-DEAD-05", "RK-DEAD-03")
def optimizer_of_the_model_before() -> dict:
    optimizer = torch.optim.RMSprop(Sentiment().parameters(), lr=1e-3)
    return classes(Sentiment(), optimizer=optimizer)


@faulty("RK-DEAD-04")
def head_stepped_twice() -> dict:
    model = Sentiment()
    parameters: Sequence[Tensor] = [*model.parameters(), *model.fc.parameters()]
    return classes(model, optimizer=torch.optim.SGD(parameters, lr=0.1))


@faulty("RK-RATE-06")
def learning_rate_of_nothing() -> dict:
    """The rate came from a table of settings as a whole number, and 0.001 was cut to 0."""
    model = Sentiment()
    return classes(model, optimizer=torch.optim.Adam(model.parameters(), lr=int(0.001)))


@faulty("RK-RATE-06")
def learning_rate_too_small_for_float32() -> dict:
    model = Sentiment()
    return classes(model, optimizer=torch.optim.SGD(model.parameters(), lr=1e-12))
