"""From the words of a command line to other people's code."""

import collections

import numpy as np
import pytest
import torch

from rekur import doctor
from rekur.doctor import loading
from rekur.errors import RekurError, RequestError

CODE = """
import torch
from torch import nn

made = []

class Net(nn.Module):
    def __init__(self, hidden=4):
        super().__init__()
        self.rnn, self.head = nn.GRU(3, hidden, batch_first=True), nn.Linear(hidden, 2)
    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])

class NeedsSize(Net):
    def __init__(self, hidden):
        super().__init__(hidden)

def build():
    made.append(1)
    return Net()

model = Net()
criterion = nn.CrossEntropyLoss()

def loss(output, target):
    return nn.functional.cross_entropy(output, target)

def batch():
    return torch.randn(6, 5, 3), torch.randint(0, 2, (6,))

def optimizer(model):
    return torch.optim.Adam(model.parameters())

def broken():
    raise ValueError("no such file: data.csv")

number = 3
opt = torch.optim.Adam(model.parameters())

def three(output, target, weight):
    return 0
"""

BY_HAND = """
import numpy as np
w = np.array([2.0, 3.0])
network = {"parameters": {"w": w}, "loss": lambda: float((w ** 2).sum()), "gradients": lambda: {"w": 2 * w}}
"""


@pytest.fixture
def place(tmp_path):
    path = tmp_path / "model.py"
    path.write_text(CODE, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", ["build", "Net", "model"])
def test_a_function_a_class_and_a_module_are_models(place, name):
    patient = loading.patient(f"{place}:{name}", f"{place}:batch", f"{place}:criterion", f"{place}:optimizer")
    assert patient.model.base.shape == (6, 2)
    assert isinstance(patient.model.optimizer, torch.optim.Adam)
    assert patient.model.wanted == "cross_entropy"
    assert list(patient.source.texts.values()) == [CODE]


def test_the_file_is_run_once(place):
    loading.patient(f"{place}:build", f"{place}:batch", f"{place}:loss")
    assert loading.named(f"{place}:made") == [1]


def test_the_optimizer_sees_the_model_that_is_examined(place):
    patient = loading.patient(f"{place}:build", f"{place}:batch", optimizer=f"{place}:optimizer")
    held = {id(p) for group in patient.model.optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in patient.model.given.parameters()}


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("{}:buld", "{}:batch"), RequestError, "Did you mean `build`"),
        (("{}:build",), RequestError, "--batch"),
        (("{}", "{}:batch"), RequestError, "file.py:name"),
        (("{}x.py:build", "{}:batch"), RequestError, "no file"),
        (("no_such_module:build", "{}:batch"), RequestError, "no_such_module"),
        (("{}:NeedsSize", "{}:batch"), RequestError, "needs hidden"),
        (("{}:number", "{}:batch"), RequestError, "must be a torch.nn.Module"),
        (("{}:broken", "{}:batch"), RekurError, "no such file: data.csv"),
        (("{}:build", "{}:broken"), RekurError, "no such file: data.csv"),
        (("{}:build", "{}:batch", "{}:number"), RequestError, r"loss\(output, target\)"),
        (("{}:build", "{}:batch", "{}:three"), RequestError, "does not"),
        (("{}:build", "{}:batch", "{}:loss", "{}:opt"), RequestError, "a model of its own"),
    ],
)
def test_wrong_names_are_explained(place, words, error, said):
    with pytest.raises(error, match=said):
        loading.patient(*(word.format(place) for word in words))


def test_a_file_that_fails_is_its_own_fault_and_can_be_mended(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("import nothing_of_that_name\n", encoding="utf-8")
    with pytest.raises(RekurError, match="nothing_of_that_name"):
        loading.named(f"{path}:x")
    path.write_text("x = 1\n", encoding="utf-8")
    assert loading.named(f"{path}:x") == 1


def test_gradients_by_hand_need_no_batch(tmp_path):
    path = tmp_path / "network.py"
    path.write_text(BY_HAND, encoding="utf-8")
    by_hand = loading.patient(f"{path}:network").by_hand
    assert np.array_equal(by_hand.gradients()["w"], [4.0, 6.0])
    assert by_hand.loss() == 13.0


def test_the_forms_of_a_batch():
    x, y, n = torch.zeros(2, 3), torch.zeros(2), torch.ones(2)
    assert loading.split(x) == {"batch": x}
    assert loading.split((x, y)) == {"batch": x, "target": y}
    assert loading.split((x, n, y)) == {"batch": x, "lengths": n, "target": y}
    assert loading.split({"batch": (x, n), "target": y, "causal": True})["causal"] is True
    with pytest.raises(RequestError, match="target"):
        loading.split({"batch": x, "targets": y})


def test_from_python_wrong_words_are_refused_and_a_class_of_losses_is_made():
    model, batch = torch.nn.GRU(3, 4, batch_first=True), torch.randn(6, 5, 3)
    with pytest.raises(RequestError, match=r"torch\.nn\.Module"):
        doctor.examine(torch.nn.GRU, batch)
    assert isinstance(loading.of_model(model, batch=batch, loss=torch.nn.MSELoss).model.loss, torch.nn.MSELoss)
    assert doctor.examine(model, batch, only="padding") == []


def test_a_namedtuple_and_a_list_of_targets_are_understood():
    pair = collections.namedtuple("pair", "x scale")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = torch.nn.GRU(3, 4)

        def forward(self, given):
            return self.rnn(given.x)[1][-1] * given.scale

    subject = loading.of_model(
        Net(), batch=(pair(torch.randn(6, 5, 3), torch.ones(1)),), target=[0, 1, 2, 1, 0, 1]
    ).model
    assert subject.target.tolist() == [0, 1, 2, 1, 0, 1]
    assert subject.layout.N == 6


def test_numbers_that_are_none_are_told_first():
    batch = torch.randn(6, 5, 3)
    batch[2, 1] = torch.nan
    (found,) = doctor.examine(torch.nn.GRU(3, 4, batch_first=True), batch)
    assert "NaN" in found.sentence
