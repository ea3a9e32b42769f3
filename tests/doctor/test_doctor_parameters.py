import pytest
import torch
from torch import nn
from torch.nn import functional as F

from rekur.doctor import examine
from rekur.doctor.checks import parameters

IDS = torch.randint(1, 30, (10, 9), generator=torch.Generator().manual_seed(0))
CLASSES = torch.tensor([0, 1, 1, 1, 0, 0, 1, 1, 0, 1])


class Base(nn.Module):
    def __init__(self, **rnn):
        super().__init__()
        torch.manual_seed(2)
        self.table, self.rnn = nn.Embedding(30, 8, padding_idx=0), nn.LSTM(8, 12, batch_first=True, **rnn)
        self.head = nn.Linear(12 * (2 if rnn.get("bidirectional") else 1), 2)

    def forward(self, ids):
        return self.head(self.rnn(self.table(ids))[0].mean(1))


class Detached(Base):
    def forward(self, ids):
        return self.head(self.rnn(self.table(ids).detach())[0].mean(1))


class NewTensor(Base):
    def forward(self, ids):
        states = self.rnn(self.table(ids))[0]
        return self.head(torch.stack([torch.tensor(row.tolist()) for row in states.mean(1)]))


class ForgottenEncoder(Base):
    """The decoder starts from zeros: what the encoder read is lost."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.LSTM(8, 12, batch_first=True)

    def forward(self, ids):
        x = self.table(ids)
        _, _state = self.encoder(x)
        return self.head(self.rnn(x)[0].mean(1))


class UnusedLayer(Base):
    def __init__(self):
        super().__init__()
        self.other, self.start = nn.Linear(12, 12), nn.Parameter(torch.zeros(3))


class NoGrad(Base):
    def forward(self, ids):
        with torch.no_grad():
            x = self.table(ids)
        return self.head(self.rnn(x)[0].mean(1))


class AttentionOverOne(Base):
    """Scores (N, T, 1) through a softmax over the last axis are all one."""

    def __init__(self, axis):
        super().__init__()
        self.score, self.axis = nn.Linear(12, 1), axis

    def forward(self, ids):
        outputs, _ = self.rnn(self.table(ids))
        return self.head((outputs * self.score(outputs).softmax(self.axis)).sum(1))


class CellsInAList(Base):
    def __init__(self, holder):
        super().__init__()
        self.cells = holder([nn.GRUCell(8, 12), nn.GRUCell(12, 12)])
        del self.rnn

    def forward(self, ids):
        h = [torch.zeros(len(ids), 12), torch.zeros(len(ids), 12)]
        for x in self.table(ids).unbind(1):
            for k, cell in enumerate(self.cells):
                h[k] = x = cell(x, h[k])
        return self.head(x)


def told(model, batch=IDS, target=CLASSES, **given):
    found = examine(model, batch, target, only=["parameters"], **given)
    assert all(f.code != "RK-NOTE-01" for f in found), found
    return [(f.code, f.severity) for f in found]


@pytest.mark.parametrize("target", [CLASSES, None])
@pytest.mark.parametrize(
    ("make", "severity", "named"),
    [
        (Detached, "fault", "table.weight"),
        (NewTensor, "fault", "rnn.weight_ih_l0"),
        (ForgottenEncoder, "fault", "encoder.weight_hh_l0"),
        (UnusedLayer, "warning", "other.bias"),
        (NoGrad, "warning", "table.weight"),
        (lambda: AttentionOverOne(2), "warning", "score.weight"),
    ],
)
def test_no_gradient(make, severity, named, target):
    (found,) = examine(make(), IDS, target, only=["parameters"])
    assert (found.code, found.severity) == ("RK-DEAD-01", severity)
    assert named in found.evidence["parameters"]


class OneWay(Base):
    def __init__(self):
        super().__init__(bidirectional=True)
        self.head = nn.Linear(12, 2)

    def forward(self, ids):
        return self.head(self.rnn(self.table(ids))[1][0][-1])


class ScoreThatIsDetached(Base):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(12, 1)

    def forward(self, ids):
        states = self.rnn(self.table(ids))[0]
        return self.head(states[:, -1]), self.score(states).softmax(1).detach()


class ForgottenLayers(Base):
    """What two layers made is thrown away."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(8, 8), nn.Linear(8, 8, bias=False)

    def forward(self, ids):
        self.one(self.two(self.table(ids)))
        return super().forward(ids)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (
            OneWay(),
            "The gradient of `rnn.*_l0` is exactly zero, also at 3 other settings of weights and inputs.",
        ),
        (
            ScoreThatIsDetached(),
            "No gradient reaches `score`, although what the model returns depends on it.",
        ),
        (
            ForgottenLayers(),
            "Training never changes `one` and `two.weight`: they are called, and their results never reach "
            "the outputs.",
        ),
    ],
)
def test_a_sentence_names_what_is_dead_and_no_more(model, sentence):
    (found,) = examine(
        model, IDS, CLASSES, lambda o, y: F.cross_entropy(o[0] if isinstance(o, tuple) else o, y), only=["parameters"]
    )
    assert found.sentence == sentence


def test_several_frozen_ones_are_frozen():
    model = Base()
    model.table.requires_grad_(False)
    model.head.requires_grad_(False)
    (found,) = examine(model, IDS, CLASSES, only=["parameters"])
    assert found.sentence == "`head` and `table.weight` are frozen (266 numbers)."


def test_no_parameter_gets_a_gradient():
    class Rounded(Base):
        def forward(self, ids):
            return super().forward(ids).detach()

    assert told(Rounded()) == [("RK-DEAD-01", "fault")]


def test_a_loss_that_is_constant():
    model = Base()
    model.head = nn.Linear(12, 1)
    loss = nn.CrossEntropyLoss()
    assert told(model, target=torch.zeros(10, dtype=torch.long), loss=loss) == [("RK-DEAD-01", "fault")]


def test_a_head_that_the_loss_leaves_out_is_a_note():
    class TwoHeads(Base):
        def __init__(self):
            super().__init__()
            self.second = nn.Linear(12, 4)

        def forward(self, ids):
            h = self.rnn(self.table(ids))[0].mean(1)
            return self.head(h), self.second(h)

    assert told(TwoHeads(), loss=lambda o, y: F.cross_entropy(o[0], y)) == [("RK-DEAD-01", "note")]
    assert told(TwoHeads(), target=None) == []


def test_frozen():
    embedding, recurrent = Base(), Base()
    embedding.table.weight.requires_grad_(False)
    recurrent.rnn.weight_hh_l0.requires_grad_(False)
    assert told(embedding) == [("RK-DEAD-02", "note")]
    assert told(recurrent) == [("RK-DEAD-02", "warning")]


def test_a_recurrent_layer_frozen_as_it_was_drawn():
    model = Base()
    model.rnn.requires_grad_(False)
    assert told(model) == [("RK-DEAD-02", "warning")]
    with torch.no_grad():
        for weight in model.rnn.parameters():
            weight.mul_(1.5)  # as after a training
    assert told(model) == [("RK-DEAD-02", "note")]


def test_a_bias_left_out_by_freezing_zeros():
    model = Base()
    with torch.no_grad():
        model.rnn.bias_hh_l0.zero_().requires_grad_(False)
    assert told(model) == []


def test_layers_in_a_plain_list():
    (found,) = examine(CellsInAList(list), IDS, CLASSES, only=["parameters"])
    assert (found.code, found.severity) == ("RK-DEAD-03", "fault")
    assert "cells[0].weight_ih" in found.evidence["parameters"]
    assert told(CellsInAList(nn.ModuleList)) == []


def test_what_the_optimizer_steps():
    model, other = Base(), Base()
    adam, p = torch.optim.Adam, list(model.parameters())
    assert told(model, optimizer=adam(p)) == []
    assert told(model, optimizer=lambda m: adam(m.parameters())) == []
    assert told(model, optimizer=[adam(p[:2]), torch.optim.SGD(p[2:], lr=0.1)]) == []
    assert told(model, optimizer=adam(model.rnn.parameters())) == [("RK-DEAD-03", "fault")]
    assert told(model, optimizer=adam(other.parameters())) == [("RK-DEAD-05", "fault")]
    assert told(model, optimizer=[adam(p), adam(p[:1])]) == [("RK-DEAD-04", "warning")]
    assert told(model, optimizer=adam(nn.ParameterList(p))) == []


@pytest.mark.filterwarnings("ignore:optimizer contains a parameter group with duplicate")
def test_a_parameter_twice_in_one_optimizer():
    model = Base()
    twice = torch.optim.SGD([*model.parameters(), model.head.bias], lr=0.1)
    assert told(model, optimizer=twice) == [("RK-DEAD-04", "fault")]


def test_frozen_ones_need_no_optimizer():
    model = Base()
    model.table.weight.requires_grad_(False)
    optimizer = torch.optim.Adam(p for p in model.parameters() if p.requires_grad)
    assert told(model, optimizer=optimizer) == [("RK-DEAD-02", "note")]


class Tied(Base):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(8, 8, batch_first=True)
        self.head = nn.Linear(8, 30, bias=False)
        self.head.weight = self.table.weight

    def forward(self, ids):
        return self.head(self.rnn(self.table(ids))[0])


class ZeroGate(Base):
    """A residual branch that starts at zero: its inner weights get their first gradient after the gate has moved."""

    def __init__(self):
        super().__init__()
        self.gate, self.branch = nn.Parameter(torch.zeros(1)), nn.Linear(12, 12)

    def forward(self, ids):
        h = self.rnn(self.table(ids))[0].mean(1)
        return self.head(h + self.gate * self.branch(h))


class Normalised(Base):
    def __init__(self):
        super().__init__()
        self.inner, self.norm = nn.Linear(12, 12), nn.BatchNorm1d(12)

    def forward(self, ids):
        return self.head(self.norm(self.inner(self.rnn(self.table(ids))[0].mean(1))).relu())


class SelfAttention(Base):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(12, 2, batch_first=True)

    def forward(self, ids):
        outputs, _ = self.rnn(self.table(ids))
        return self.head(self.attention(outputs, outputs, outputs)[0][:, -1])


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (Base(), CLASSES),
        (Base(bidirectional=True, num_layers=2), CLASSES),
        (AttentionOverOne(1), CLASSES),
        (Tied(), IDS),
        (ZeroGate(), CLASSES),
        (Normalised(), CLASSES),
        (SelfAttention(), CLASSES),
        (SelfAttention(), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_silent(model, target):
    assert told(model, target=target) == []


class StuckHere(Base):
    """Units that these inputs saturate, and others do not."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(12, 12)

    def forward(self, ids):
        h = self.rnn(self.table(ids))[0].mean(1)
        far = 1e4 * (ids[:, :1] == IDS[:, :1]).all()
        return self.head(h + torch.tanh(self.inner(h) + far))


@pytest.mark.parametrize("tries", [1, 3])
def test_a_gradient_of_zero_here_alone_is_not_told(tries, monkeypatch):
    monkeypatch.setattr(parameters, "TRIES", parameters.TRIES[:tries])
    assert told(StuckHere()) == []


def test_one_step_leaves_the_recurrent_weights_alone():
    assert told(Base(), batch=IDS[:, :1]) == []
