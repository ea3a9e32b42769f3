"""The check `saturation`: units that are stuck, and gates that forget."""

import pytest
import torch
from torch import nn

import rekur.nn
from rekur.doctor import examination
from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient

N, T = 6, 12


class Reader(nn.Module):
    def __init__(self, layer, pooled=False):
        super().__init__()
        self.rnn, self.pooled = layer, pooled
        self.head = nn.Linear(layer.hidden_size * (2 if layer.bidirectional else 1), 1)

    def forward(self, x):
        outputs, _ = self.rnn(x)
        return self.head(outputs.mean(1) if self.pooled else outputs[:, -1])


class CellLoop(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell, self.head = cell, nn.Linear(8, 1)

    def forward(self, x):
        state = None
        for x_t in x.unbind(1):
            state = self.cell(x_t, state)
        return self.head(state[0] if isinstance(state, tuple) else state)


def prices(scale=1.0, offset=0.0):
    torch.manual_seed(0)
    return offset + scale * torch.randn(N, T, 3), torch.randn(N, 1)


def found(model, x, y, **known):
    return examination.examine(Patient(model=Subject(model, x, y, **known)), only=["saturation"])


def graded(findings):
    return {(f.code, f.severity) for f in findings}


def layer(kind, H=8, **options):
    torch.manual_seed(1)
    return kind(3, H, batch_first=True, **options)


@pytest.mark.parametrize(
    "model",
    [
        lambda: Reader(layer(nn.RNN)),
        lambda: Reader(layer(nn.RNN, bidirectional=True)),
        lambda: Reader(layer(rekur.nn.RNN)),
        lambda: CellLoop(nn.RNNCell(3, 8)),
    ],
    ids=["rnn", "bidirectional", "ours", "cell"],
)
def test_raw_prices_stick_the_units(model):
    x, y = prices(50.0, 2000.0)
    findings = found(model(), x, y)
    assert graded(findings) == {("RK-SAT-03", "fault")}
    assert findings[0].evidence["share_with_inputs_to_scale"] < 0.3


@pytest.mark.parametrize(
    "model",
    [lambda: Reader(layer(nn.LSTM)), lambda: Reader(layer(nn.GRU)), lambda: CellLoop(nn.LSTMCell(3, 8))],
    ids=["lstm", "gru", "cell"],
)
def test_raw_prices_stick_the_gates(model):
    x, y = prices(50.0, 2000.0)
    assert {f.code for f in found(model(), x, y)} == {"RK-SAT-03"}


def test_weights_drawn_too_large_stick_the_units():
    x, y = prices()
    model = Reader(layer(nn.RNN, H=64))
    for weight in (model.rnn.weight_hh_l0, model.rnn.weight_ih_l0):
        nn.init.normal_(weight, std=50.0)
    assert graded(found(model, x, y)) == {("RK-SAT-01", "fault")}
    for weight in (model.rnn.weight_hh_l0, model.rnn.weight_ih_l0):
        nn.init.normal_(weight, std=2.0)
    assert graded(found(model, x, y)) == {("RK-SAT-01", "warning")}


def drawn(model, std):
    for name, weight in model.named_parameters():
        if "weight_hh" in name or "weight_ih" in name:
            nn.init.normal_(weight, std=std)
    return model


@pytest.mark.parametrize(
    "model",
    [lambda: Reader(layer(nn.LSTM, 24)), lambda: Reader(layer(nn.GRU, 24)), lambda: CellLoop(nn.LSTMCell(3, 8))],
    ids=["lstm", "gru", "cell"],
)
def test_weights_far_larger_than_usual_are_named(model):
    x, y = long(20)
    torch.manual_seed(4)
    (finding,) = found(drawn(model(), 4.0), x, y)
    assert (finding.code, finding.severity) == ("RK-SAT-01", "warning")
    assert "times their usual size" in finding.sentence
    assert finding.evidence["share_with_usual_weights"] < 0.1
    assert finding.evidence["recurrent_weights_times_usual"] > 15


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_weights_five_times_the_usual_pass(kind):
    x, y = prices()
    torch.manual_seed(4)
    assert found(drawn(Reader(layer(kind, 24)), 5 / 72**0.5), x, y) == []


def test_gates_shut_by_raw_inputs_are_told_once_and_in_numbers():
    x, y = long(30)
    findings = found(Reader(layer(nn.LSTM, 24)), 255 * x.abs(), y)
    assert [f.code for f in findings] == ["RK-SAT-03"]
    with torch.no_grad():  # forget gates that are exactly 0
        shut = forgetting(-200.0)
    (finding,) = found(shut, x, y)
    assert (finding.code, finding.severity) == ("RK-SAT-02", "warning")
    assert "nan" not in finding.sentence
    assert 0 < finding.evidence["kept_a_step"] < 1e-9


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("H", [2, 32, 128])
@pytest.mark.parametrize("scale", [0.0, 1.0, 5.0])
def test_inputs_to_scale_pass(kind, H, scale):
    x, y = prices(scale)
    assert found(Reader(layer(kind, H)), x, y) == []


@pytest.mark.parametrize(
    "model",
    [
        lambda: CellLoop(nn.GRUCell(3, 8)),
        lambda: Reader(layer(nn.RNN, nonlinearity="relu")),
        lambda: Reader(layer(nn.LSTM, bidirectional=True, num_layers=2)),
    ],
    ids=["cell", "relu", "deep"],
)
def test_other_styles_pass(model):
    x, y = prices()
    assert found(model(), x, y) == []


def forgetting(bias, pooled=False):
    model = Reader(layer(nn.LSTM), pooled)
    with torch.no_grad():
        model.rnn.bias_ih_l0[8:16] = bias
    return model


def long(T):
    torch.manual_seed(0)
    return torch.randn(N, T, 3), torch.randn(N, 1)


@pytest.mark.parametrize(
    ("bias", "T", "wanted"),
    [
        (-4.0, 30, {("RK-SAT-02", "warning")}),
        (-4.0, 6, set()),
        (0.0, 30, set()),
        (0.0, 100, {("RK-SAT-02", "note")}),
        (4.0, 100, set()),
    ],
)
def test_a_forget_gate_that_forgets(bias, T, wanted):
    x, y = long(T)
    assert graded(found(forgetting(bias), x, y)) == wanted


def test_a_pooled_readout_needs_no_long_memory():
    x, y = long(100)
    assert found(forgetting(-4.0, pooled=True), x, y) == []
