"""From the words of a command line to other people's code."""

import numpy as np
import pytest
import torch

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
