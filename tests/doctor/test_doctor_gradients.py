"""The check `gradients`: how far back the loss reaches."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import rekur.nn
from rekur.doctor import examination
from rekur.doctor.model import flow
from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient

N = 6


class Classifier(nn.Module):
    def __init__(self, layer, read="last"):
        super().__init__()
        self.rnn, self.read = layer, read
        self.head = nn.Linear(layer.hidden_size * (2 if layer.bidirectional else 1), 2)

    def forward(self, x):
        outputs, _ = self.rnn(x)
        if self.read == "max":
            return self.head(outputs.amax(1))
        if self.read == "mean":
            return self.head(outputs.mean(1))
        return self.head(outputs[:, -1])


class CellLoop(nn.Module):
    """A cell step by step; its state loses its graph every `detach` steps."""

    def __init__(self, cell, detach=0):
        super().__init__()
        self.cell, self.head, self.detach = cell, nn.Linear(cell.hidden_size, 2), detach

    def forward(self, x):
        h = x.new_zeros(len(x), self.cell.hidden_size)
        for t, x_t in enumerate(x.unbind(1)):
            if self.detach and t % self.detach == 0:
                h = h.detach()
            h = self.cell(x_t, h)
        return self.head(h)


class ByHand(nn.Module):
    """A plain or a gated recurrence written out over embedded ids."""

    def __init__(self, gated, detach=0):
        super().__init__()
        self.table, self.step = nn.Embedding(30, 8), nn.Linear(8 + 16, 16)
        self.gate, self.head, self.detach = (nn.Linear(24, 16) if gated else None), nn.Linear(16, 2), detach

    def forward(self, ids):
        x = self.table(ids)
        h = x.new_zeros(len(x), 16)
        for t, x_t in enumerate(x.unbind(1)):
            if self.detach and t == x.shape[1] - self.detach:
                h = h.detach()
            new = torch.tanh(self.step(torch.cat([x_t, h], dim=1)))
            if self.gate is not None:
                z = torch.sigmoid(self.gate(torch.cat([x_t, h], dim=1)))
                new = z * h + (1 - z) * new
            h = new
        return self.head(h)


class Rows(nn.Module):
    """Ids read by indexing a weight, of which no module tells."""

    def __init__(self, keep):
        super().__init__()
        self.W, self.U, self.w = (nn.Parameter(torch.randn(*s) * 0.3) for s in ((60, 8), (8, 8), (8, 2)))
        nn.init.orthogonal_(self.U)
        self.keep = keep

    def forward(self, ids):
        h = torch.zeros(len(ids), 8)
        for t in range(ids.shape[1]):
            if t == ids.shape[1] - self.keep:
                h = h.detach()
            h = torch.tanh(self.W[ids[:, t]] + h @ self.U)
        return h @ self.w


class Packed(Classifier):
    def forward(self, x, lengths):
        _, h_n = self.rnn(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
        return self.head(h_n[-1])


def series(T, N=N):
    torch.manual_seed(1)
    return torch.randn(N, T, 4), torch.randint(0, 2, (N,))


def ids(T):
    torch.manual_seed(1)
    return torch.randint(0, 30, (N, T)), torch.randint(0, 2, (N,))


def found(model, batch, target, **known):
    return examination.examine(Patient(model=Subject(model, batch, target, **known)), only=["gradients"])


def graded(findings):
    return {(f.code, f.severity) for f in findings if f.severity != "note"}


def seeded(build):
    torch.manual_seed(3)
    return build()


def plain(H=32, **options):
    return nn.RNN(4, H, batch_first=True, **options)


@pytest.mark.parametrize(
    ("build", "T"),
    [
        (lambda: Classifier(plain()), 200),
        (lambda: Classifier(plain(num_layers=2)), 200),
        (lambda: Classifier(plain(bidirectional=True), "ends"), 200),
        (lambda: CellLoop(nn.RNNCell(4, 32)), 200),
        (lambda: Classifier(rekur.nn.RNN(4, 32, batch_first=True)), 200),
        (lambda: CellLoop(nn.GRUCell(4, 16), detach=5), 20),
        (lambda: CellLoop(nn.GRUCell(4, 16), detach=1), 20),
    ],
    ids=["rnn", "two layers", "bidirectional", "cell", "ours", "detached", "detached at once"],
)
def test_a_loss_that_never_reaches_the_first_steps_is_a_fault(build, T):
    x, y = series(T)
    findings = [f for f in found(seeded(build), x, y) if f.code == "RK-GRAD-01"]
    assert [f.severity for f in findings] == ["fault"]
    assert findings[0].evidence["share_of_real_steps_reached"] < 0.3
    assert "1 steps" not in findings[0].sentence
    assert findings[0].curve.y[-1] > 1e7 * findings[0].curve.y[0]


def test_loops_by_hand_are_read_by_what_they_read():
    x, y = ids(200)
    assert graded(found(seeded(lambda: ByHand(gated=False)), x, y)) == {("RK-GRAD-01", "fault")}
    x, y = ids(60)
    assert graded(found(seeded(lambda: ByHand(gated=True, detach=10)), x, y)) == {("RK-GRAD-01", "fault")}
    assert graded(found(seeded(lambda: ByHand(gated=True)), x, y)) == set()


@pytest.mark.parametrize(("keep", "codes"), [(5, {("RK-GRAD-01", "fault")}), (0, set())])
def test_ids_that_index_a_weight_are_told_apart_by_step(keep, codes):
    x, y = ids(40)
    assert graded(found(seeded(lambda: Rows(keep)), x, y)) == codes


def test_packed_rows_are_measured_from_their_own_ends():
    x, y = series(200)
    lengths = torch.tensor([200, 180, 150, 199, 160, 170])
    model = seeded(lambda: Packed(plain()))
    assert graded(found(model, (x, lengths), y)) == {("RK-GRAD-01", "fault")}
    assert graded(found(model, (x[:, :40], lengths.clamp(max=40) - torch.arange(6)), y)) == set()


def test_a_plain_rnn_between_is_a_warning():
    x, y = series(70)
    assert graded(found(seeded(lambda: Classifier(plain())), x, y)) == {("RK-GRAD-02", "warning")}


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU])
def test_gates_get_a_note_over_a_hundred_steps_and_a_warning_over_hundreds(layer):
    for T, severities in ((30, []), (100, ["note"]), (250, ["warning"])):
        x, y = series(T)
        findings = found(seeded(lambda: Classifier(layer(4, 32, batch_first=True))), x, y)
        assert [f.severity for f in findings if f.code == "RK-GRAD-02"] == severities
        assert "RK-GRAD-01" not in {f.code for f in findings}


def test_denormal_gradients_are_noted():
    x, y = series(200)
    model = seeded(lambda: Classifier(plain()))
    assert [f.severity for f in found(model, x, y) if f.code == "RK-GRAD-04"] == ["note"]


@pytest.mark.parametrize("T", [3, 20, 50])
def test_short_rows_pass(T):
    x, y = series(T)
    for build in (lambda: Classifier(plain(64)), lambda: CellLoop(nn.RNNCell(4, 64))):
        assert found(seeded(build), x, y) == []


@pytest.mark.parametrize("read", ["mean", "max"])
def test_pooled_readouts_pass_however_long_the_rows(read):
    x, y = series(200)
    for layer in (plain(), nn.LSTM(4, 16, batch_first=True)):
        assert graded(found(Classifier(layer, read), x, y)) == set()


def test_orthogonal_weights_pass():
    x, y = series(200)
    model = seeded(lambda: Classifier(plain()))
    nn.init.orthogonal_(model.rnn.weight_hh_l0)
    assert "RK-GRAD-01" not in {f.code for f in found(model, 0.01 * x, y)}


class LastWeek(Classifier):
    """Reads the last 10 steps it is given, by choice."""

    def forward(self, x):
        return super().forward(x[:, -10:])


def test_steps_the_model_does_not_read_need_no_gradient():
    x, y = series(60)
    assert found(seeded(lambda: LastWeek(plain())), x, y) == []


@pytest.mark.parametrize(("scale", "severity"), [(1.5, "fault"), (1.2, "warning")])
def test_an_exploding_gradient_is_found(scale, severity):
    x, y = series(60)
    model = Classifier(plain(16, nonlinearity="relu"))
    with torch.no_grad():
        model.rnn.weight_hh_l0.copy_(scale * torch.eye(16))
    findings = found(model, x.abs(), y)
    assert graded(findings) == {("RK-GRAD-03", severity)}
    assert ("e+" in findings[0].sentence) == (severity == "fault")  # huge factors as powers of ten


def test_a_gradient_that_is_not_finite_is_found():
    class Root(Classifier):
        def forward(self, x):
            return (super().forward(x) * 0).sqrt()

    x, y = series(10)
    assert graded(found(Root(plain()), x, y.float().unsqueeze(1).expand(-1, 2), loss=nn.MSELoss())) == {
        ("RK-GRAD-03", "fault")
    }


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_the_flow_is_the_gradient_by_the_state_of_a_cut_layer(kind):
    x, y = series(9)
    layer = kind(4, 8, batch_first=True)
    model = Classifier(layer)
    measured = flow.measured(Subject(model, x, y, nn.CrossEntropyLoss()))
    assert measured.what == "dL/dh_t of `rnn`"
    with torch.no_grad():
        _, state = layer(x[:, :5])
    states = [part.requires_grad_() for part in (state if isinstance(state, tuple) else (state,))]
    outputs, _ = layer(x[:, 5:], tuple(states) if len(states) > 1 else states[0])
    nn.functional.cross_entropy(model.head(outputs[:, -1]), y).backward()
    torch.testing.assert_close(measured.norms[:, 4], states[0].grad[0].double().norm(dim=1), rtol=1e-3, atol=1e-9)
