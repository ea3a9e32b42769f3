"""The averages of weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rekur.training.averages import Average, EpochMean


def test_it_follows_its_equation() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 1.0)
    average, expected = Average(model, 0.5), 1.0
    for t, value in enumerate([2.0, -1.0, 4.0, 8.0, 3.0, 0.0, 5.0, 1.0, 1.0, 2.0, 7.0, 9.0], start=1):
        nn.init.constant_(model.weight, value)
        average.update()
        d = min(0.5, t / (9 + t))
        expected = d * expected + (1 - d) * value
        assert average.model.weight.item() == pytest.approx(expected, rel=1e-6)
    assert model.weight.item() == 9.0


def test_buffers_are_taken_as_they_are() -> None:
    model = nn.BatchNorm1d(2)
    average = Average(model, 0.9)
    model.running_mean.fill_(3.0)
    average.update()
    assert average.model.running_mean.tolist() == [3.0, 3.0]
    assert average.model.running_mean is model.running_mean  # a table of evidence has megabytes
    assert set(average.state()["weights"]) == {"weight", "bias"}


def test_its_state_goes_on() -> None:
    model = nn.Linear(2, 2)
    one = Average(model, 0.9)
    one.update()
    two = Average(model, 0.9)
    two.load(one.state())
    nn.init.ones_(model.weight)
    one.update()
    two.update()
    assert torch.equal(one.model.weight, two.model.weight)
    assert not any(p.requires_grad for p in two.model.parameters())


def test_the_mean_of_epochs_goes_on_where_it_was() -> None:
    model = nn.Linear(1, 1, bias=False)
    one = EpochMean()
    for value in (1.0, 2.0):
        nn.init.constant_(model.weight, value)
        one.update(model)
    two = EpochMean()
    two.load(one.state())
    nn.init.constant_(model.weight, 6.0)
    two.update(model)
    assert two.weights["weight"].item() == pytest.approx(3.0)
