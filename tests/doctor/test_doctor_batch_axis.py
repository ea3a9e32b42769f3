"""Batch taken for time, and layouts that only look like it."""

# ruff: noqa: ARG001, ARG005

import pytest
import torch
from torch import nn

from rekur.doctor import examination
from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient

H = 8


class Net(nn.Module):
    """A layer and a head; `read` picks what the head sees of (outputs, h_n)."""

    def __init__(self, read, batch_first=False, features=4, before=lambda x: x, kind=nn.GRU, **options):
        super().__init__()
        self.rnn = kind(features, H, batch_first=batch_first, **options)
        self.head = nn.Linear(H * (2 if options.get("bidirectional") else 1), 3)
        self.read, self.before = read, before

    def forward(self, x):
        return self.head(self.read(*self.rnn(self.before(x))))


def last(outputs, h_n):
    return outputs[:, -1]


def examined(model, x, target=None):
    found = examination.examine(Patient(model=Subject(model, x, target)), only=["batch_axis"])
    return {finding.code: finding for finding in found}


def classes(N=9):
    torch.manual_seed(0)
    return torch.randint(0, 3, (N,))


@pytest.mark.parametrize(
    "options",
    [{}, {"bidirectional": True}, {"num_layers": 2}, {"kind": nn.LSTM}, {"kind": nn.RNN}],
    ids=["gru", "both ways", "two layers", "lstm", "rnn"],
)
def test_a_steps_first_layer_on_an_examples_first_batch(options):
    found = examined(Net(last, **options), torch.randn(9, 15, 4), classes())
    assert set(found) == {"RK-AXIS-01"}
    assert "batch_first=False" in found["RK-AXIS-01"].cure


def test_an_examples_first_layer_on_a_steps_first_batch():
    found = examined(Net(lambda outputs, h_n: outputs[-1], batch_first=True), torch.randn(15, 9, 4), classes())
    assert set(found) == {"RK-AXIS-01"}


def test_the_last_state_of_the_wrong_axis_gives_an_answer_a_step():
    found = examined(Net(lambda outputs, h_n: h_n[-1]), torch.randn(9, 15, 4), classes())
    assert set(found) == {"RK-AXIS-02"}


def test_a_view_in_place_of_a_transpose_is_mixed_and_not_time():
    model = Net(lambda outputs, h_n: outputs[-1], before=lambda x: x.reshape(x.shape[1], x.shape[0], -1))
    found = examination.examine(Patient(model=Subject(model, torch.randn(9, 15, 4), classes())), skip=["learning"])
    assert "RK-PAD-04" in {finding.code for finding in found}


def test_without_a_target_it_is_only_said():
    found = examined(Net(lambda outputs, h_n: outputs), torch.randn(9, 15, 4))
    assert {code: finding.severity for code, finding in found.items()} in ({}, {"RK-AXIS-03": "note"})


@pytest.mark.parametrize(
    ("model", "x"),
    [
        (Net(last, batch_first=True), torch.randn(9, 15, 4)),
        (Net(lambda outputs, h_n: outputs[-1]), torch.randn(15, 9, 4)),
        (Net(lambda outputs, h_n: outputs[-1], before=lambda x: x.transpose(0, 1)), torch.randn(9, 15, 4)),
        (Net(lambda outputs, h_n: h_n[-1], batch_first=True), torch.randn(9, 15, 4)),
        (Net(lambda outputs, h_n: outputs.mean(0)), torch.randn(15, 9, 4)),
    ],
    ids=["batch first", "steps first", "transposed inside", "last state", "mean over steps first"],
)
def test_layouts_that_agree_are_sound(model, x):
    assert examined(model, x, classes()) == {}


def test_a_language_model_of_steps_first_columns_is_sound():
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.rnn, self.head = nn.Embedding(20, 8), nn.LSTM(8, H), nn.Linear(H, 20)

        def forward(self, ids):
            return self.head(self.rnn(self.table(ids))[0])

    stream = torch.randint(0, 20, (16, 5))  # (T+1, N)
    assert examined(Words(), stream[:-1], stream[1:]) == {}


def test_a_batch_of_one_is_not_examined():
    found = examined(Net(last, batch_first=True), torch.randn(1, 15, 4), classes(1))
    assert set(found) == {"RK-NOTE-01"}
