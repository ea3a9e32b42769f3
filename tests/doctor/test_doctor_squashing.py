import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rekur.doctor import examine

IDS = torch.randint(1, 30, (10, 9), generator=torch.Generator().manual_seed(0))
CLASSES = torch.tensor([0, 1, 2, 1, 0, 2, 1, 1, 0, 2])
BINARY = torch.tensor([0.0, 1, 1, 1, 0, 0, 1, 1, 0, 1])


class Net(nn.Module):
    """An LSTM over ids, a linear layer of `outputs`, and whatever stands behind it."""

    def __init__(self, outputs, behind=lambda z: z, every=False):
        super().__init__()
        torch.manual_seed(1)
        self.table, self.rnn = nn.Embedding(30, 8), nn.LSTM(8, 12, batch_first=True)
        self.head, self.behind, self.every = nn.Linear(12, outputs), behind, every

    def forward(self, ids):
        outputs, _ = self.rnn(self.table(ids))
        return self.behind(self.head(outputs if self.every else outputs[:, -1]))


def own_softmax(z: Tensor) -> Tensor:
    e = torch.exp(z - z.max(-1, keepdim=True).values)
    return e / e.sum(-1, keepdim=True)


def own_sigmoid(z: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-z))


def codes(model, target, loss=None):
    return [(f.code, f.severity) for f in examine(model, IDS, target, loss, only=["squashing"])]


STEPS = torch.randint(0, 3, (10, 9), generator=torch.Generator().manual_seed(3))
WEIGHTS = torch.tensor([0.2, 1.0, 3.0])
CE, BCE, LOGITS = nn.CrossEntropyLoss(), nn.BCELoss(), nn.BCEWithLogitsLoss()


@pytest.mark.parametrize(
    ("model", "target", "loss"),
    [
        (Net(3, nn.Softmax(1)), CLASSES, CE),
        (Net(3, torch.sigmoid), CLASSES, F.cross_entropy),
        (Net(3, own_softmax), CLASSES, CE),
        (Net(3, own_sigmoid), CLASSES, CE),
        (Net(3, lambda z: F.softmax(z, dim=1).clone().view(-1, 3)), CLASSES, nn.CrossEntropyLoss(label_smoothing=0.1)),
        (Net(3, lambda z: z.softmax(-1), every=True), STEPS, lambda o, y: CE(o.view(-1, 3), y.view(-1))),
        (Net(3, lambda z: z.softmax(-1), every=True), STEPS, lambda o, y: F.cross_entropy(o.transpose(1, 2), y)),
        (Net(3, lambda z: z.softmax(-1)), CLASSES, lambda o, y: F.cross_entropy(o, y, weight=WEIGHTS)),
        (Net(3, lambda z: (z.softmax(-1), 0)), CLASSES, lambda o, y: -o[0].log_softmax(1)[range(10), y].mean()),
        (Net(1, torch.sigmoid), BINARY, lambda o, y: LOGITS(o.squeeze(1), y)),
        (Net(1, lambda z: torch.sigmoid(z).squeeze()), BINARY, LOGITS),
        (Net(1, torch.sigmoid), BINARY, lambda o, y: (F.softplus(o[:, 0]) - y * o[:, 0]).mean()),
    ],
)
def test_squashed_before_a_loss_of_logits(model, target, loss):
    assert codes(model, target, loss) == [("RK-SQUASH-01", "fault")]


@pytest.mark.parametrize(
    ("model", "target", "loss"),
    [
        (Net(3, nn.Softmax(1)), CLASSES, nn.NLLLoss()),
        (Net(3), CLASSES, nn.NLLLoss()),
        (Net(3), CLASSES, lambda o, y: -o.gather(1, y.unsqueeze(1)).mean()),
        (Net(1), BINARY, lambda o, y: BCE(o.squeeze(1), y)),
        (Net(1), BINARY, lambda o, y: -(y * o[:, 0].log() + (1 - y) * (1 - o[:, 0]).log()).mean()),
        (Net(1, torch.tanh), BINARY, lambda o, y: BCE(o.squeeze(1), y)),
    ],
)
def test_logits_where_probabilities_are_wanted(model, target, loss):
    assert codes(model, target, loss) == [("RK-SQUASH-02", "fault")]


@pytest.mark.parametrize(
    ("model", "target", "loss", "severity"),
    [
        (Net(1, torch.sigmoid), 40 + 5 * BINARY.unsqueeze(1), nn.MSELoss(), "fault"),
        (Net(1, torch.tanh), 3 * torch.randn(10, 1), lambda o, y: ((o - y) ** 2).mean().sqrt(), "fault"),
        (Net(1, torch.relu), torch.linspace(-2, 2, 10).unsqueeze(1), nn.L1Loss(), "fault"),
        (Net(1, torch.relu), BINARY.unsqueeze(1), LOGITS, "fault"),
        (Net(3, torch.tanh), CLASSES, CE, "warning"),
        (Net(3, torch.tanh), CLASSES, None, "warning"),
    ],
)
def test_outputs_that_cannot_reach_the_targets(model, target, loss, severity):
    assert codes(model, target, loss) == [("RK-SQUASH-03", severity)]


class StateAsLogits(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(4, 5, batch_first=True)

    def forward(self, x):
        return self.rnn(x)[0]


def test_a_state_read_as_logits():
    found = examine(StateAsLogits(), torch.randn(8, 6, 4), torch.randint(0, 5, (8, 6)), only=["squashing"])
    assert [f.code for f in found] == ["RK-SQUASH-03"]
    assert found[0].evidence["least_loss"] == pytest.approx(
        float(torch.log(1 + 4 * torch.tensor(-2.0).exp())), abs=1e-4
    )


def test_how_low_the_loss_can_fall():
    (found,) = examine(Net(2, nn.Softmax(1)), IDS, CLASSES.clamp(max=1), CE, only=["squashing"])
    assert found.evidence["least_loss"] == pytest.approx(0.3133, abs=1e-4)
    assert "0.313" in found.sentence


@pytest.mark.parametrize(
    ("model", "target", "loss"),
    [
        (Net(3), CLASSES, CE),
        (Net(3), CLASSES, None),
        (Net(3, every=True), STEPS, lambda o, y: CE(o.flatten(0, 1), y.flatten())),
        (Net(3, every=True), STEPS, CE),
        (Net(3, lambda z: F.log_softmax(z, 1)), CLASSES, CE),
        (Net(3, lambda z: F.log_softmax(z, 1)), CLASSES, nn.NLLLoss()),
        (Net(3, lambda z: F.log_softmax(z, 1)), CLASSES, None),
        (Net(3, lambda z: z.softmax(1).log()), CLASSES, nn.NLLLoss()),
        (Net(3, lambda z: torch.log(own_softmax(z) + 1e-8)), CLASSES, nn.NLLLoss(weight=WEIGHTS)),
        (Net(3, nn.Softmax(1)), CLASSES, lambda o, y: F.nll_loss(torch.log(o), y)),
        (Net(3, nn.Softmax(1)), F.one_hot(CLASSES, 3).float(), nn.MSELoss()),
        (Net(1, torch.sigmoid), BINARY, lambda o, y: BCE(o.squeeze(1), y)),
        (Net(1, lambda z: torch.sigmoid(z).clamp(1e-6, 1 - 1e-6)), BINARY.unsqueeze(1), BCE),
        (Net(1, own_sigmoid), BINARY.unsqueeze(1), BCE),
        (Net(1, torch.sigmoid), BINARY, None),
        (Net(1, torch.sigmoid), BINARY.unsqueeze(1), lambda o, y: ((o - y) ** 2).mean().sqrt()),
        (Net(1, torch.sigmoid), torch.rand(10, 1), nn.MSELoss()),
        (Net(1, torch.tanh), 2 * torch.rand(10, 1) - 1, nn.MSELoss()),
        (Net(1, torch.relu), 10 * torch.rand(10, 1), nn.MSELoss()),
        (Net(1), 40 + torch.randn(10, 1), nn.SmoothL1Loss()),
        (Net(1), BINARY.unsqueeze(1), nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0))),
        (Net(1), BINARY, lambda o, y: LOGITS(o.squeeze(), y)),
        (Net(3, lambda z: 30 * torch.tanh(z / 30)), CLASSES, CE),
    ],
)
def test_silent_where_outputs_and_loss_agree(model, target, loss):
    assert codes(model, target, loss) == []


def test_probabilities_without_a_loss_are_a_note():
    assert codes(Net(3, nn.Softmax(1)), CLASSES) == [("RK-SQUASH-01", "note")]


def test_trained_logits_that_happen_to_lie_between_0_and_1():
    model = Net(3)
    with torch.no_grad():
        model.head.weight.mul_(0.01)
        model.head.bias.copy_(torch.tensor([0.3, 0.5, 0.2]))
    assert codes(model, CLASSES, CE) == []
