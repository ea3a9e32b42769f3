"""Which device a name means."""

from __future__ import annotations

import pytest
import torch

from rekur.errors import RequestError
from rekur.training import devices


@pytest.mark.parametrize("name", ["auto", "cpu"])
def test_the_cpu_is_the_default(name: str) -> None:
    assert devices.choose(name) == torch.device("cpu")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(RequestError, match="Did you mean `cuda`"):
        devices.choose("cud")


@pytest.mark.parametrize("name", ["cuda", "cuda:1", "mps"])
def test_an_absent_device_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(RequestError, match="--device cpu"):
        devices.choose(name)


def test_a_strange_number_is_refused() -> None:
    with pytest.raises(RequestError, match="no such number"):
        devices.choose("cpu:x")
