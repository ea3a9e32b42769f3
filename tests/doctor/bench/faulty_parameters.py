"""Models whose parameters, optimizer or scale are amiss: dead, frozen, forgotten, too large."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .classifiers import Packed
from .forecasters import Window
from .material import images, texts, windows
from .registry import Parts, faulty, given


@faulty("RK-DEAD-01")
def second_layer_never_called() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm1, self.lstm2 = nn.LSTM(1, 12, batch_first=True), nn.LSTM(12, 12, batch_first=True)
            self.fc = nn.Linear(12, 1)

        def forward(self, x: Tensor) -> Tensor:
            out, _ = self.lstm1(x)
            _, _ = self.lstm2(out)
            return self.fc(out[:, -1])

    x, y = windows()
    return given(model=Model(), batch=x, target=y, loss=nn.MSELoss())


@faulty("RK-DEAD-01", "RK-DEAD-02", "RK-GRAD-01")
def features_computed_without_gradients() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb, self.rnn = nn.Embedding(20, 10), nn.GRU(10, 12, batch_first=True)
            self.fc = nn.Linear(12, 2)

        def forward(self, ids: Tensor) -> Tensor:
            with torch.no_grad():
                h = self.rnn(self.emb(ids))[0][:, -1]
            return self.fc(h)

    ids, _, labels = texts(full=True)
    return given(model=Model(), batch=ids, target=labels, loss=nn.CrossEntropyLoss())


@faulty("RK-DEAD-03", "RK-DEAD-05")
def only_the_readout_in_the_optimizer() -> Parts:
    x, y = windows()
    model = Window()
    optimizer = torch.optim.Adam(model.linear.parameters(), 1e-3)
    return given(model=model, batch=x, target=y, loss=nn.MSELoss(), optimizer=optimizer)


@faulty("RK-DEAD-04")
def weights_in_the_optimizer_twice() -> Parts:
    x, y = windows()
    model = Window()
    twice = [*model.parameters(), *model.linear.parameters()]
    return given(model=model, batch=x, target=y, loss=nn.MSELoss(), optimizer=torch.optim.SGD(twice, 0.01))


@faulty("RK-DEAD-05", "RK-DEAD-03")
def optimizer_of_an_earlier_model() -> Parts:
    ids, lengths, labels = texts()
    model = Packed()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    model = Packed()
    return given(model=model, batch=(ids, lengths), target=labels, loss=nn.CrossEntropyLoss(), optimizer=optimizer)


@faulty("RK-REG-05", "RK-DEAD-02", "RK-DEAD-03")
def weight_decay_on_frozen_parameters() -> Parts:
    ids, lengths, labels = texts()
    model = Packed()
    model.embedding.weight.requires_grad_(False)
    groups = [
        {"params": [model.embedding.weight], "weight_decay": 0.01},
        {"params": [p for p in model.parameters() if p.requires_grad], "weight_decay": 0.0},
    ]
    return given(model=model, batch=(ids, lengths), target=labels, optimizer=torch.optim.AdamW(groups, 1e-3))


@faulty("RK-DEAD-02")
def untrained_layer_frozen() -> Parts:
    x, y = windows(N=9)
    model = Window(nn.GRU)
    for parameter in model.rnn.parameters():
        parameter.requires_grad = False
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), 1e-3)
    return given(model=model, batch=x, target=y, loss=nn.MSELoss(), optimizer=optimizer)


@faulty("RK-LEARN-01", "RK-SQUASH-03")
def relu_behind_the_last_layer() -> Parts:
    class Model(Window):
        def forward(self, x: Tensor) -> Tensor:
            return F.relu(super().forward(x))

    x, y = windows()
    return given(model=Model(), batch=x, target=y - 1, loss=nn.MSELoss())


@faulty("RK-SQUASH-03", "RK-LEARN-01")
def sigmoid_for_values_beyond_one() -> Parts:
    class Model(Window):
        def forward(self, x: Tensor) -> Tensor:
            return torch.sigmoid(super().forward(x))

    x, y = windows()
    return given(model=Model(nn.GRU), batch=x, target=4 + 3 * y, loss=nn.MSELoss())


@faulty("RK-LEARN-02", "RK-LEARN-01")
def targets_in_thousands() -> Parts:
    x, y = windows()
    return given(model=Window(), batch=x, target=28000 + 1500 * y, loss=nn.MSELoss())


@faulty("RK-LEARN-02", "RK-SAT-01")
def readout_drawn_too_large() -> Parts:
    ids, lengths, labels = texts()
    model = Packed(C=3)
    nn.init.normal_(model.fc.weight, std=40)
    return given(model=model, batch=(ids, lengths), target=labels, loss=nn.CrossEntropyLoss())


@faulty("RK-SAT-03", "RK-SAT-01")
def raw_prices_as_inputs() -> Parts:
    x, y = windows()
    return given(model=Window(), batch=2000 + 150 * x, target=y, loss=nn.MSELoss())


@faulty("RK-SAT-01", "RK-GRAD-03", "RK-GRAD-01", "RK-GRAD-02")
def all_weights_drawn_with_unit_spread() -> Parts:
    x, y = images(N=9)
    model = Window(nn.RNN, 4, 8)
    for parameter in model.rnn.parameters():
        nn.init.normal_(parameter, std=3.0)
    return given(model=model, batch=x, target=y, loss=nn.CrossEntropyLoss())


@faulty("RK-SAT-02", "RK-GRAD-01", "RK-GRAD-02")
def forget_gate_shut() -> Parts:
    x, y = windows(T=20)
    model = Window()
    with torch.no_grad():
        model.rnn.bias_ih_l0[16:32] = -4.0
    return given(model=model, batch=x, target=y, loss=nn.MSELoss())
