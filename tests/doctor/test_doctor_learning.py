import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from rekur.doctor import examine

DRAW = torch.Generator().manual_seed(0)
IDS = torch.randint(1, 30, (12, 9), generator=DRAW)
CLASSES = torch.tensor([0, 1, 2, 1, 0, 2, 1, 1, 0, 2, 0, 1])
STEPS = torch.randint(0, 3, (12, 9), generator=DRAW)
NUMBERS = torch.randn(12, generator=DRAW)


class Net(nn.Module):
    def __init__(self, outputs, behind=lambda z: z, every=False, H=16, **rnn):
        super().__init__()
        torch.manual_seed(1)
        self.table, self.rnn = nn.Embedding(30, 8), nn.GRU(8, H, batch_first=True, **rnn)
        self.head = nn.Linear(H * (1 + rnn.get("bidirectional", False)), outputs)
        self.behind, self.every = behind, every

    def forward(self, ids):
        outputs, _ = self.rnn(self.table(ids))
        return self.behind(self.head(outputs if self.every else outputs[:, -1]))


def told(model, target, loss=None, batch=IDS):
    found = examine(model, batch, target, loss, only=["learning"])
    return [(f.code, f.severity) for f in found if f.code != "RK-NOTE-01"]


class Tiled(Net):
    """Every row gets the batch's mean."""

    def forward(self, ids):
        return (
            super().forward(ids).mean(0, keepdim=True).expand(len(ids), -1) + 1e-3 * self.table(ids)[:, -1, :3].detach()
        )


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (Net(3, lambda z: torch.zeros_like(z) * z + torch.arange(36.0).view(12, 3) / 100), CLASSES),
        (Tiled(3), CLASSES),
        (Net(3, lambda z: z.detach().requires_grad_()), CLASSES),
    ],
)
def test_nothing_is_learned(model, target):
    assert told(model, target) == [("RK-LEARN-01", "fault")]


def test_rows_that_cannot_be_told_apart_are_a_warning():
    model = Net(3, lambda z: 0 * z)
    assert told(model, CLASSES) == [("RK-LEARN-01", "warning")]


def test_a_first_loss_far_from_that_of_a_guess():
    loud = Net(3)
    nn.init.normal_(loud.head.weight, std=20)
    assert ("RK-LEARN-02", "warning") in told(loud, CLASSES)
    assert ("RK-LEARN-02", "warning") in told(Net(1), 3000 + 50 * NUMBERS.unsqueeze(1), nn.MSELoss())


def mse(output, target):
    return ((output - target) ** 2).mean()


MANY = torch.randint(1, 30, (60, 9), generator=DRAW)


@pytest.mark.parametrize(
    ("model", "target", "loss", "severity", "batch"),
    [
        (Net(1), NUMBERS, mse, "fault", IDS),
        (Net(1, lambda z: z.squeeze(1)), NUMBERS.unsqueeze(1), nn.L1Loss(), "fault", IDS),
        (Net(3), CLASSES + 1, nn.CrossEntropyLoss(), "fault", IDS),
        (Net(3), CLASSES + 1, None, "fault", IDS),
        (Net(3), CLASSES - 1, lambda o, y: F.cross_entropy(o, y), "fault", IDS),
        (Net(1), CLASSES.clamp(max=1), nn.CrossEntropyLoss(), "fault", IDS),
        (Net(1, torch.flatten), 2.0 * (CLASSES > 0) - 1, nn.BCEWithLogitsLoss(), "fault", IDS),
        (Net(4), torch.arange(60) % 3 + 1, None, "warning", MANY),
    ],
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_targets_that_do_not_fit(model, target, loss, severity, batch):
    assert ("RK-LEARN-03", severity) in told(model, target, loss, batch)


@pytest.mark.parametrize(
    ("model", "loss"),
    [
        (Net(3, every=True), lambda o, y: F.cross_entropy(o.view(12, 3, 9), y)),
        (Net(3, every=True), lambda o, y: F.cross_entropy(o.transpose(0, 1).reshape(-1, 3), y.reshape(-1))),
        (Net(3, lambda z: z.view(12, 3, 9) if len(z) == 12 else z.view(-1, 3, 9), every=True), nn.CrossEntropyLoss()),
    ],
)
def test_cross_entropy_over_the_wrong_axis(model, loss):
    assert ("RK-LEARN-04", "fault") in told(model, STEPS, loss)


SQUARE = torch.randint(0, 9, (12, 9), generator=DRAW)  # as many classes as steps
BARE = [nn.CrossEntropyLoss(), F.cross_entropy, nn.CrossEntropyLoss(ignore_index=0, label_smoothing=0.1)]


@pytest.mark.parametrize("loss", BARE)
@pytest.mark.parametrize("rnn", [{}, {"bidirectional": True}])
def test_as_many_steps_as_classes_hide_the_wrong_axis(loss, rnn):
    model = Net(9, every=True, **rnn)
    found = [f for f in examine(model, IDS, SQUARE, loss, only=["learning"]) if f.code == "RK-LEARN-04"]
    assert [f.severity for f in found] == ["fault"]
    assert found[0].evidence["loss"] != found[0].evidence["loss_of_the_classes"]


def test_as_many_steps_as_classes_and_log_probabilities():
    assert ("RK-LEARN-04", "fault") in told(Net(9, lambda z: z.log_softmax(2), every=True), SQUARE, nn.NLLLoss())


@pytest.mark.parametrize(
    ("model", "loss"),
    [
        (Net(9, every=True), None),
        (Net(9, every=True), lambda o, y: F.cross_entropy(o.reshape(-1, 9), y.reshape(-1))),
        (Net(9, every=True), lambda o, y: F.cross_entropy(o.transpose(1, 2), y)),
        (Net(9, lambda z: z.transpose(1, 2), every=True), nn.CrossEntropyLoss()),
        (Net(9, lambda z: z.transpose(1, 2), every=True, bidirectional=True), nn.CrossEntropyLoss()),
        (Net(9, lambda z: z.flatten(0, 1), every=True), lambda o, y: F.cross_entropy(o, y.flatten())),
    ],
)
def test_as_many_steps_as_classes_on_the_right_axis(model, loss):
    assert told(model, SQUARE, loss) == []


class Loud(nn.Module):
    """ReLU units with recurrent weights that stretch what goes through them; or a head that is too large."""

    def __init__(self, stretch, head):
        super().__init__()
        torch.manual_seed(1)
        self.rnn, self.head = nn.RNN(1, 16, nonlinearity="relu", batch_first=True), nn.Linear(16, 1)
        with torch.no_grad():
            self.rnn.weight_hh_l0.copy_(stretch * torch.eye(16))
            self.head.weight.mul_(head)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


def test_an_explosion_is_not_blamed_on_the_targets():
    batch = torch.randn(12, 40, 1, generator=torch.Generator().manual_seed(2)).abs()
    found = examine(Loud(3.0, 1.0), batch, NUMBERS.unsqueeze(1), nn.MSELoss(), only=["learning"])
    assert [f.code for f in found] == ["RK-LEARN-01"]
    assert "The gradient explodes" in found[0].sentence
    assert "recurrent weights smaller" in found[0].cure


@pytest.mark.parametrize(
    ("head", "scale", "word"), [(3000.0, 1.0, "smaller weights"), (1.0, 3000.0, "Scale the targets")]
)
def test_a_first_loss_is_cured_where_it_comes_from(head, scale, word):
    batch = torch.randn(12, 5, 1, generator=torch.Generator().manual_seed(2))
    target = scale * (50 * (scale > 1) + NUMBERS.unsqueeze(1))
    found = examine(Loud(0.5, head), batch, target, nn.MSELoss(), only=["RK-LEARN-02"])
    assert [word in f.cure for f in found if f.code == "RK-LEARN-02"] == [True]


@pytest.mark.parametrize("axis", [0, 1])
def test_a_softmax_over_the_steps_or_the_rows(axis):
    model = Net(3, lambda z: z.log_softmax(axis), every=True)
    loss = lambda o, y: F.nll_loss(o.reshape(-1, 3), y.reshape(-1))  # noqa: E731
    assert ("RK-LEARN-04", "fault") in told(model, STEPS, loss)


def test_one_target_a_row_for_every_step():
    model = Net(1, lambda z: z.squeeze(2), every=True)
    assert ("RK-LEARN-03", "warning") in told(model, NUMBERS.unsqueeze(1), mse)


class LastOfMany(nn.Module):
    """T = 400, one number a step."""

    def __init__(self, kind, H=8):
        super().__init__()
        torch.manual_seed(0)
        self.rnn, self.head = kind(1, H, batch_first=True), nn.Linear(H, 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


@pytest.mark.parametrize(
    ("model", "target", "loss"),
    [
        (Net(3), CLASSES, None),
        (Net(3, H=1), CLASSES, None),
        (Net(3, H=2), CLASSES, nn.CrossEntropyLoss(label_smoothing=0.1)),
        (Net(3, lambda z: F.dropout(z, 0.9)), CLASSES, None),
        (Net(3, nn.Dropout(0.8)), CLASSES, None),
        (Net(3, lambda z: F.log_softmax(z, 1)), CLASSES, nn.NLLLoss()),
        (Net(3, lambda z: z.softmax(1)), CLASSES, nn.CrossEntropyLoss()),
        (Net(1, lambda z: torch.sigmoid(z).squeeze(1)), (CLASSES > 0).float(), nn.BCELoss()),
        (Net(1), (CLASSES > 0).float(), lambda o, y: F.binary_cross_entropy_with_logits(o.squeeze(), y)),
        (Net(1), NUMBERS, lambda o, y: mse(o.squeeze(1), y)),
        (Net(1), NUMBERS, None),
        (Net(1), NUMBERS.unsqueeze(1), nn.HuberLoss()),
        (Net(3, every=True), STEPS, None),
        (Net(3, every=True), STEPS, lambda o, y: F.cross_entropy(o.transpose(1, 2), y)),
        (Net(3, every=True), STEPS, lambda o, y: F.cross_entropy(o.reshape(-1, 3), y.reshape(-1), ignore_index=0)),
        (Net(3, lambda z: z.transpose(1, 2), every=True), STEPS, nn.CrossEntropyLoss()),
        (Net(3, lambda z: z.transpose(0, 1), every=True), STEPS, lambda o, y: F.cross_entropy(o.permute(1, 2, 0), y)),
        (Net(3), torch.ones(12, dtype=torch.long), None),
    ],
)
def test_silent(model, target, loss):
    assert told(model, target, loss) == []


@pytest.mark.parametrize("model", [LastOfMany(nn.RNN), LastOfMany(nn.LSTM), LastOfMany(nn.GRU, 3)])
def test_long_sequences_are_not_blamed(model):
    batch = torch.randn(12, 400, 1, generator=torch.Generator().manual_seed(2))
    assert told(model, CLASSES.clamp(max=1), batch=batch) == []


def test_a_marker_long_ago_is_at_most_a_warning():
    batch = torch.zeros(12, 120, 1)
    batch[:, 0, 0] = 2.0 * CLASSES.clamp(max=1) - 1
    assert ("RK-LEARN-01", "fault") not in told(LastOfMany(nn.LSTM), CLASSES.clamp(max=1), batch=batch)


@pytest.mark.parametrize(("of_outputs", "of_targets"), list(itertools.product(("row", "step"), repeat=2)))
def test_outputs_and_targets_are_flattened_in_one_order(of_outputs, of_targets):
    class Characters(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.rnn, self.head = nn.Embedding(20, 8), nn.GRU(8, 16), nn.Linear(16, 20)

        def forward(self, ids):
            outputs, _ = self.rnn(self.table(ids.T))  # (T, N, H)
            return self.head(outputs.transpose(0, 1) if of_outputs == "row" else outputs).reshape(-1, 20)

    stream = (torch.arange(9).unsqueeze(1) * 3 + torch.arange(15) * (1 + torch.arange(9).unsqueeze(1) % 3)) % 20
    target = stream[:, 1:] if of_targets == "row" else stream[:, 1:].T
    given = Characters(), stream[:, :-1], target.reshape(-1), nn.CrossEntropyLoss()
    found = examine(*given, only=["learning"])
    wrong = of_outputs != of_targets
    assert [finding.code for finding in found if finding.severity == "fault"] == ["RK-LEARN-04"] * wrong
