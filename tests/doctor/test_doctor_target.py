import pytest
import torch
from torch import nn
from torch.nn import functional as F

from rekur.doctor import examine

DRAW = torch.Generator().manual_seed(0)
TEXT = torch.randint(0, 20, (12, 11), generator=DRAW)


class Steps(nn.Module):
    """An answer at every step of ids or vectors."""

    def __init__(self, outputs=20, inputs=None, **rnn):
        super().__init__()
        torch.manual_seed(1)
        self.table = nn.Embedding(20, 8) if inputs is None else nn.Identity()
        self.rnn = nn.LSTM(inputs or 8, 12, **{"batch_first": True, **rnn})
        self.head = nn.Linear(12 * (2 if rnn.get("bidirectional") else 1), outputs)

    def forward(self, x):
        return self.head(self.rnn(self.table(x))[0])


class Last(Steps):
    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


class Autoencoder(Steps):
    """The last state is all the decoder gets."""

    def __init__(self):
        super().__init__()
        self.decoder = nn.LSTM(12, 12, batch_first=True)

    def forward(self, ids):
        code = self.rnn(self.table(ids))[1][0][-1]
        return self.head(self.decoder(code.unsqueeze(1).expand(-1, ids.shape[1], -1))[0])


class Seq2Seq(Steps):
    """Reads the source, then the target so far: its own input is the target one step earlier."""

    def forward(self, source, before):
        _, state = self.rnn(self.table(source))
        return self.head(self.rnn(self.table(before), state)[0])


def told(model, batch, target, **given):
    found = examine(model, batch, target, only=["target"], **given)
    assert all(f.code != "RK-NOTE-01" for f in found), found
    return [(f.code, f.severity) for f in found]


VALUES = torch.randn(12, 11, 3, generator=DRAW)


@pytest.mark.parametrize(
    ("model", "batch", "target"),
    [
        (Steps(), TEXT, TEXT),
        (Steps(), TEXT, TEXT.reshape(-1)),
        (Steps(batch_first=False), TEXT.T, TEXT.T),
        (Steps(inputs=20), F.one_hot(TEXT, 20).float(), TEXT),
        (Steps(inputs=20), F.one_hot(TEXT[:1], 20).float(), TEXT[:1]),
        (Steps(inputs=3, outputs=3), VALUES, VALUES),
        (Steps(inputs=1, outputs=1), VALUES[:, :, :1], VALUES[:, :, 0]),
        (Seq2Seq(), (TEXT, TEXT[:, 3:]), TEXT[:, 3:]),
    ],
)
def test_a_step_that_is_its_own_target(model, batch, target):
    assert told(model, batch, target) == [("RK-TARGET-01", "fault")]


@pytest.mark.parametrize(
    ("model", "batch", "target"),
    [
        (Steps(), TEXT[:, :-1], TEXT[:, 1:]),
        (Steps(batch_first=False), TEXT.T[:-1], TEXT.T[1:]),
        (Steps(inputs=20), F.one_hot(TEXT, 20).float(), TEXT.roll(-1, 1)),
        (Steps(inputs=3, outputs=3), VALUES[:, :-1], VALUES[:, 1:]),
        (Autoencoder(), TEXT, TEXT),
        (Steps(outputs=2), TEXT, (TEXT > 9).long()),
        (Steps(), torch.zeros(12, 11, dtype=torch.long), torch.zeros(12, 11, dtype=torch.long)),
        (Seq2Seq(), (TEXT, TEXT.roll(1, 1)), TEXT),
        (Steps(outputs=20, bidirectional=True), torch.where(torch.rand(12, 11) < 0.15, 0, TEXT), TEXT),
    ],
)
def test_steps_that_have_something_to_learn(model, batch, target):
    assert told(model, batch, target) == []


def windows(series, T=8, ahead=1):
    """Return windows (N, T, I) of a series (M, I), and the first feature `ahead` steps behind each."""
    count = len(series) - T - ahead + 1
    x = torch.stack([series[n : n + T] for n in range(count)])
    return x, torch.stack([series[n + T + ahead - 1, 0] for n in range(count)])


WALK = torch.randn(200, 2, generator=DRAW).cumsum(0)
NEXT = Last(inputs=2, outputs=1)


@pytest.mark.parametrize(
    ("target", "severity"),
    [
        (lambda x: x[:, -1, 0], "fault"),
        (lambda x: 3 * x[:, -1, 1] + 7, "fault"),
        (lambda x: x[:, -1, :1], "fault"),
        (lambda x: x[:, 3, 0], "warning"),
    ],
)
def test_windows_that_hold_their_target(target, severity):
    x, _ = windows(WALK)
    assert told(NEXT, x, target(x)) == [("RK-TARGET-02", severity)]


def test_a_step_that_is_to_be_recalled_is_allowed_for():
    x, _ = windows(WALK)
    (recalled,) = examine(NEXT, x, x[:, 0, :1], only=["target"])
    assert recalled.severity == "warning"
    assert recalled.cure.startswith("If the task is to recall that step, this is meant")
    (leaked,) = examine(NEXT, x, x[:, -1, :1], only=["target"])
    assert "recall" not in leaked.cure


@pytest.mark.parametrize("target", [TEXT[:, 0], TEXT[:, :4], VALUES[:, 0], VALUES[:, :4].flatten(1), VALUES.flip(1)])
def test_tokens_that_are_to_be_copied_pass(target):
    inputs = VALUES if target.is_floating_point() else TEXT
    model = Steps(inputs=3, outputs=3) if target.is_floating_point() else Steps()
    assert told(model, inputs, target) == []


def test_a_column_that_is_the_target():
    x, y = windows(WALK)
    column = (2 * y + 1).view(-1, 1, 1).expand(-1, 8, 1)
    assert told(Last(inputs=3, outputs=1), torch.cat([x, column], 2), y) == [("RK-TARGET-02", "fault")]
    label = (y > y.median()).long()
    column = label.float().view(-1, 1, 1).expand(-1, 8, 1)
    assert told(Last(inputs=3, outputs=2), torch.cat([x, column], 2), label) == [("RK-TARGET-02", "fault")]


TIME = torch.arange(300.0)


@pytest.mark.parametrize(
    "series",
    [
        WALK,
        100 + 0.01 * torch.randn(2000, 1, generator=DRAW).cumsum(0).expand(-1, 2),  # a slow series
        TIME.unsqueeze(1).expand(-1, 2),  # a straight line
        torch.sin(TIME * 2 * torch.pi / 6).unsqueeze(1).expand(-1, 2),  # a period shorter than the window
        torch.sin(TIME * 2 * torch.pi / 8).unsqueeze(1).expand(-1, 2),
        torch.sin(TIME * 2 * torch.pi / 50).unsqueeze(1).expand(-1, 2),
    ],
)
@pytest.mark.parametrize("ahead", [1, 3])
def test_forecasts_that_are_close_to_their_past(series, ahead):
    x, y = windows(series, ahead=ahead)
    assert told(NEXT, x, y) == []
    assert told(NEXT, x, y.unsqueeze(1)) == []


def test_classes_that_one_step_marks():
    x, y = torch.randn(40, 8, 2), torch.randint(0, 2, (40,))
    x[:, 0, 0] = y.float()  # to be remembered until the end
    assert told(Last(inputs=2, outputs=2), x, y) == []


def test_too_few_rows_say_nothing():
    x, y = windows(WALK[:14])
    assert told(NEXT, x, x[:, -1, 0]) == []
    assert len(y) < 8
