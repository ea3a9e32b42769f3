"""Learning rate and schedule: scripts in many styles, runs, and optimizers over a model."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from scripts_faulty import FAULTY
from scripts_sound import SOUND
from torch import nn, optim

from rekur.doctor.checks import log, schedule
from rekur.doctor.findings import CannotExamineError
from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import RunRecord, Source


def found_in(*texts):
    """Return what both checks that read scripts say of these files."""
    source = Source({Path(f"train{at or ''}.py"): text for at, text in enumerate(texts)})
    return [*schedule.of_source(source), *log.of_source(source)]


# scripts


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_script_passes(name):
    assert [finding.sentence for finding in found_in(SOUND[name])] == []


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_script_has_its_fault_and_no_other(name):
    case = FAULTY[name]
    assert [(f.code, f.severity) for f in found_in(case.text)] == [(case.code, case.severity)]


@pytest.mark.parametrize("name", FAULTY)
def test_a_finding_names_the_line(name):
    (finding,) = found_in(FAULTY[name].text)
    lines = finding.evidence.get("lines") or [finding.evidence["line"]]
    assert all(1 <= int(line.removeprefix("train.py:")) <= len(FAULTY[name].text.splitlines()) for line in lines)


def test_a_constant_read_in_another_file_is_used():
    loop = "for x in loader:\n    optimizer.zero_grad()\n    model(x).sum().backward()\n    optimizer.step()\n"
    settings = "import torch\nLR = 0.1\noptimizer = torch.optim.SGD(model.parameters(), lr=0.5)\n" + loop
    assert [f.severity for f in found_in(settings)] == ["fault"]
    assert found_in(settings, "from train import LR\nprint(LR)\n") == []
    assert found_in(settings, "import train\nprint(train.LR)\n") == []


def test_a_notebook_is_read_by_its_code_cells():
    cells = '{"cells": [{"cell_type": "markdown", "source": ["lr = 1"]}, {"cell_type": "code", "source": %s}]}'
    code = '["%matplotlib inline\\n", "lr = 0.1\\n", "opt = torch.optim.SGD(m.parameters(), lr=0.5)\\n", "print(opt)"]'
    (finding,) = schedule.of_source(Source({Path("a.ipynb"): cells % code}))
    assert finding.code == "RK-RATE-01"


def test_files_that_are_no_python_are_not_examined():
    with pytest.raises(CannotExamineError, match=r"train\.py is no Python"):
        found_in("this is no Python")
    assert found_in("this is no Python", SOUND["plain"]) == []


# runs


def run(losses, validation=None, guess=0.6931, constants=None, **training):
    """Return a run with these losses of the epochs."""
    history = [{"epoch": at, "loss": loss} for at, loss in enumerate(losses)]
    for entry, loss in zip(history, validation or [], strict=False):
        entry["validation_loss"] = loss
    settings = {"learning_rate": 1e-4, "batch": 64, "weight_decay": 0.0, **training}
    baselines = {"majority": {"log_loss": guess}} if guess else {}
    config = {"training": settings, "model": {"hidden": 256}, "script": {"constants": constants or {}}}
    return RunRecord(config, {"baselines": baselines}, history)


def codes_of_run(record):
    return [(finding.code, finding.severity) for finding in schedule.of_run(record)]


@pytest.mark.parametrize(
    ("constants", "severity"),
    [
        ({"learning_rate": 0.001}, "fault"),
        ({"LEARNING_RATE": 0.001}, "fault"),
        ({"lr": 0.001}, "fault"),
        ({"hidden": 128}, "fault"),
        ({"learning_rate": 1e-4}, "warning"),
        ({"bptt": 35}, "warning"),
    ],
)
def test_a_constant_of_a_run_that_is_not_used(constants, severity):
    assert codes_of_run(run([], constants=constants)) == [("RK-RATE-01", severity)]


@pytest.mark.parametrize(
    "record",
    [
        run([0.7305, 0.6948, 0.6948, 0.6927, 0.6914], [0.694, 0.698, 0.699, 0.693, 0.695]),
        run([0.6915, 0.6754, 0.6925, 0.6922, 0.6913]),
        run([2.5, 2.5, 2.5, 2.5], guess=None),
    ],
    ids=["at chance", "a dip between", "nothing moves"],
)
def test_a_loss_that_stays_flat_is_a_fault(record):
    assert codes_of_run(record) == [("RK-RATE-04", "fault")]
    assert next(iter(schedule.of_run(record))).curve is not None


@pytest.mark.parametrize(
    "record",
    [
        run([]),
        run([0.6931, 0.6930]),
        run([0.6932, 0.6931, 0.6929, 0.6925, 0.68, 0.6, 0.5]),
        run([0.6932, 0.6931, 0.6929, 0.6925], [0.69, 0.66, 0.62, 0.6]),
        run([0.0003, 0.0003, 0.0003, 0.0003]),
        run([0.00031, 0.00031, 0.00031], guess=None),
        run([0.05, 0.0499, 0.0499, 0.0499], guess=None),
        run([0.7024, 0.6951, 0.6928, 0.6913, 0.6898, 0.6878, 0.6781, 0.6575]),
    ],
    ids=[
        "no epochs",
        "two epochs",
        "a late start",
        "dropout in training alone",
        "converged from the start",
        "converged, no guess",
        "slow, no guess",
        "slow",
    ],
)
def test_a_loss_that_may_be_sound_passes(record):
    assert codes_of_run(record) == []


# optimizers


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(20, 8)
        self.core = nn.GRU(8, 8, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, ids):
        return self.head(self.core(self.table(ids))[0][:, -1])


def subject(make, target=True):
    """Return a subject with the optimizer that `make` builds over it."""
    torch.manual_seed(0)
    model, ids, classes = Net(), torch.randint(0, 20, (8, 5)), torch.randint(0, 2, (8,))
    return Subject(model, ids, classes if target else None, optimizer=make(model))


def over_parts(model):
    return optim.SGD([{"params": model.table.parameters(), "lr": 0.0}, {"params": model.core.parameters()}], lr=0.1)


def warming_up(model):
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    return optimizer, optim.lr_scheduler.LambdaLR(optimizer, lambda step: step / 10)


@pytest.mark.parametrize(
    ("make", "severity"),
    [
        (lambda model: optim.SGD(model.parameters(), lr=0.0), "fault"),
        (lambda model: lambda copied: optim.Adam(copied.parameters(), lr=0.0), "fault"),  # noqa: ARG005
        (lambda model: optim.SGD(model.parameters(), lr=1e-12), "fault"),
        (lambda model: optim.Adam(model.parameters(), lr=1e-13), "fault"),
        (over_parts, "warning"),
    ],
    ids=["0", "0 from a function", "lost in rounding", "lost in rounding by Adam", "0 for the embedding"],
)
def test_a_learning_rate_that_moves_nothing(make, severity):
    found = list(schedule.of_model(subject(make)))
    assert [(finding.code, finding.severity) for finding in found] == [("RK-RATE-06", severity)]


@pytest.mark.parametrize(
    "make",
    [
        lambda model: None,  # noqa: ARG005
        lambda model: optim.Adam(model.parameters()),
        lambda model: optim.SGD(model.parameters(), lr=1e-4),
        lambda model: lambda copied: optim.AdamW(copied.parameters(), lr=1e-5),  # noqa: ARG005
        lambda model: optim.LBFGS(model.parameters()),
        lambda model: [optim.Adam(model.core.parameters()), optim.SGD(model.head.parameters(), lr=0.1)],
        lambda model: optim.Adam(Net().parameters()),  # noqa: ARG005 - the business of the check of parameters
        warming_up,
        lambda model: warming_up(model)[0],
    ],
    ids=[
        "none",
        "Adam",
        "SGD",
        "function",
        "LBFGS",
        "two",
        "another model's",
        "warm-up",
        "warm-up, schedule not given",
    ],
)
def test_an_optimizer_that_moves_weights_passes(make):
    assert list(schedule.of_model(subject(make))) == []


def test_a_frozen_group_may_have_no_learning_rate():
    def make(model):
        model.table.requires_grad_(False)
        return over_parts(model)

    assert list(schedule.of_model(subject(make))) == []


def test_trying_a_step_leaves_model_and_optimizer_alone():
    patient = subject(lambda model: optim.SGD(model.parameters(), lr=0.1, momentum=0.9))
    before, groups = copy.deepcopy(patient.given.state_dict()), copy.deepcopy(patient.optimizer.state_dict())
    assert list(schedule.of_model(patient)) == []
    after = patient.given.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(p.grad is None for p in patient.given.parameters())
    assert patient.optimizer.state_dict() == groups


def test_without_a_target_no_step_is_tried():
    with pytest.raises(CannotExamineError, match="without a target"):
        list(schedule.of_model(subject(lambda model: optim.Adam(model.parameters()), target=False)))
