import pytest
import torch
from torch import nn
from torch.nn import functional as F

from rekur.architecture import Architecture
from rekur.config import ModelSettings
from rekur.doctor import examine
from rekur.doctor.model.dropouts import is_dropout
from rekur.models import build

IDS = torch.randint(1, 30, (10, 9), generator=torch.Generator().manual_seed(0))
CLASSES = torch.tensor([0, 1, 1, 1, 0, 0, 1, 1, 0, 1])


class Base(nn.Module):
    def __init__(self, p=0.4, **rnn):
        super().__init__()
        torch.manual_seed(2)
        self.table, self.rnn = nn.Embedding(30, 8), nn.GRU(8, 12, batch_first=True, **rnn)
        self.drop, self.head, self.p = nn.Dropout(p), nn.Linear(12, 2), p

    def state(self, ids):
        return self.rnn(self.table(ids))[1][-1]


class Plain(Base):
    def forward(self, ids):
        return self.head(self.drop(self.state(ids)))


class Idle(Base):
    def forward(self, ids):
        return self.head(self.state(ids))


class ThrownFunction(Idle):
    def forward(self, ids):
        h = self.state(ids)
        F.dropout(h, self.p, self.training)
        torch.dropout(h, 0.1, self.training)
        return self.head(h)


class ThrownOfTwo(Base):
    def forward(self, ids):
        x = F.dropout(self.table(ids), 0.4, self.training)
        h = self.rnn(x)[1][-1]
        self.drop(h)
        return self.head(h), h


class AlwaysOn(Idle):
    def forward(self, ids):
        return self.head(F.dropout(self.state(ids), 0.4))


class NeverOn(Idle):
    def forward(self, ids):
        return self.head(F.dropout(self.state(ids), 0.4, training=False))


class TrainDoesNothing(Plain):
    def train(self, mode=True):  # noqa: ARG002
        self.training = False
        for child in self.children():
            child.eval()
        return self


class EvalDoesNothing(Plain):
    def train(self, mode=True):  # noqa: ARG002
        return super().train(True)


class Functional(Base):
    def forward(self, ids):
        return self.head(F.dropout(self.state(ids), p=self.drop.p, training=self.training))


class InPlace(Idle):
    def forward(self, ids):
        h = self.state(ids) * 1
        F.dropout(h, 0.4, self.training, inplace=True)
        return self.head(h)


class Locked(Idle):
    def __init__(self):
        super().__init__(p=0.0)

    def forward(self, ids):
        x = self.table(ids)
        if self.training:
            x = x * torch.empty(len(x), 1, x.shape[2]).bernoulli_(0.7) / 0.7
        return self.head(self.rnn(x)[1][-1])


class LockedModule(nn.Dropout):
    def forward(self, x):
        return x * torch.bernoulli(torch.full_like(x[:, :1], 1 - self.p)) / (1 - self.p) if self.training else x


class WithLockedModule(Base):
    def __init__(self):
        super().__init__()
        self.drop = LockedModule(0.3)

    def forward(self, ids):
        return self.head(self.rnn(self.drop(self.table(ids)))[1][-1])


class FrozenEncoder(nn.Module):
    """A pretrained encoder kept in eval mode, with dropout inside."""

    def __init__(self):
        super().__init__()
        self.encoder, self.head = Plain().requires_grad_(False), nn.Linear(2, 2)

    def train(self, mode=True):
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, ids):
        return self.head(self.encoder(ids))


class OnFrozenEmbedding(Base):
    def __init__(self):
        super().__init__()
        self.table.requires_grad_(False)

    def forward(self, ids):
        return self.head(self.rnn(self.drop(self.table(ids)))[1][-1])


class Greedy(Base):
    """A result that is used by its largest entry alone: no gradient passes, and it counts."""

    def forward(self, ids):
        h = self.state(ids)
        return self.head(h) + F.one_hot(self.head(self.drop(h)).argmax(1), 2)


class WithAttention(Idle):
    def __init__(self):
        super().__init__(p=0.0)
        self.attention = nn.MultiheadAttention(12, 2, dropout=0.2, batch_first=True)

    def forward(self, ids):
        outputs = self.rnn(self.table(ids))[0]
        return self.head(self.attention(outputs, outputs, outputs)[0].mean(1))


def told(model, **given):
    found = examine(model, IDS, CLASSES, only=["regularisation"], **given)
    assert all(f.code != "RK-NOTE-01" for f in found)
    return [f.code for f in found]


def ours(thrown, used=0.0, layers=1):
    dropouts = {"dropout_thrown_away": thrown, "dropout_readout": used, "dropout_layers": used}
    settings = ModelSettings(cell="gru", embedding=8, hidden=12, layers=layers, **dropouts)
    return build(Architecture(settings, outputs=2, tokens=30, unknown=1))


@pytest.mark.parametrize(
    ("model", "code"),
    [
        (ThrownFunction(p=0.3), "RK-REG-01"),
        (ThrownOfTwo(), "RK-REG-01"),
        (Idle(), "RK-REG-03"),
        (NeverOn(p=0.0), "RK-REG-03"),
        (TrainDoesNothing(), "RK-REG-03"),
        (AlwaysOn(p=0.0), "RK-REG-04"),
        (EvalDoesNothing(), "RK-REG-04"),
    ],
)
def test_found(model, code):
    assert told(model) == [code]


@pytest.mark.filterwarnings("ignore:dropout option adds dropout")
def test_dropout_of_a_single_layer():
    assert told(Plain(dropout=0.3)) == ["RK-REG-02"]


def test_our_own_models():
    assert told(ours(thrown=0.5)) == ["RK-REG-01"]
    assert told(ours(thrown=0.0, used=0.5, layers=2)) == []


def test_a_thrown_result_beside_a_used_one_is_named():
    (found,) = examine(ThrownOfTwo(), IDS, only=["RK-REG-01"])
    assert found.severity == "fault"
    assert found.evidence["calls_unused"] == ["`drop`"]
    assert found.evidence["calls_used"] == 1


@pytest.mark.parametrize(
    "model",
    [
        Plain(),
        Idle(p=0.0),
        Plain(num_layers=2, dropout=0.3),
        Functional(),
        InPlace(p=0.0),
        Locked(),
        WithLockedModule(),
        FrozenEncoder(),
        OnFrozenEmbedding(),
        Greedy(),
        WithAttention(),
        nn.Sequential(nn.Embedding(30, 8), nn.Flatten(), nn.AlphaDropout(0.2), nn.Linear(72, 2)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_silent(model):
    assert told(model) == []
    assert told(model.eval()) == []


def test_weight_decay_on_nothing():
    model = Plain()
    model.table.requires_grad_(False)
    rest = [p for name, p in model.named_parameters() if not name.startswith("table")]
    groups = [{"params": model.table.parameters(), "weight_decay": 0.1}, {"params": rest}]
    assert told(model, optimizer=torch.optim.SGD(groups, lr=0.1)) == ["RK-REG-05"]
    assert told(model, optimizer=torch.optim.AdamW(model.parameters())) == []
    assert told(model, optimizer=lambda m: torch.optim.AdamW(m.parameters())) == []


def test_is_dropout():
    assert is_dropout(LockedModule(0.1))
    assert not is_dropout(nn.Linear(1, 1))
