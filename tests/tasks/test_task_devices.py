"""Figures are computed in float64, which not every device has: they come home first."""

from __future__ import annotations

import pytest
from torch.overrides import TorchFunctionMode

from rekur import config, tasks


class WithoutDoubles(TorchFunctionMode):
    """A device as Apple's MPS: only what was moved to the CPU may be widened to float64."""

    def __init__(self):
        super().__init__()
        self.home = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        assert name != "double" or any(args[0] is tensor for tensor in self.home), "float64 on the device"
        result = func(*args, **(kwargs or {}))
        if name == "cpu":
            self.home.append(result)
        return result


@pytest.mark.parametrize("name", ["digits-rows", "kospi-gru", "shakespeare-short", "imdb-lstm"])
def test_a_device_without_float64_is_enough(name):
    made = tasks.create(config.override(config.load(name), dict(config.load(name).smoke)), seed=1)
    made.load()
    model = made.build().eval()
    with WithoutDoubles() as device:
        made.test(model)
    assert device.home
