"""An image as steps: NumPy gives what torch gives, and what lies behind an image changes none of its steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from rekur import convolution
from rekur.architecture import Architecture
from rekur.config import ModelSettings
from rekur.errors import ConfigError
from rekur.nn.convolution import Columns


def module(channels: int, sizes: tuple[int, ...]) -> Columns:
    torch.manual_seed(5)
    made = Columns(channels, sizes)
    for weight in made.parameters():
        torch.nn.init.uniform_(weight, -1, 1)
    return made


def in_numpy(made: Columns, images: np.ndarray) -> np.ndarray:
    weights = {name: weight.detach().numpy() for name, weight in made.state_dict().items()}
    return convolution.columns(images, weights, [f"convolutions.{k}" for k in range(len(made.convolutions))])


def images_of(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


@given(
    N=st.integers(0, 3), C=st.integers(1, 3), height=st.integers(8, 13), width=st.integers(8, 19),
    sizes=st.sampled_from([(), (1,), (4,), (2, 3), (3, 2, 5)]),
)  # fmt: skip
def test_numpy_gives_what_torch_gives(N, C, height, width, sizes):
    made, images = module(C, sizes), images_of(N, C, height, width)
    expected = made(torch.from_numpy(images)).detach().numpy()
    found = in_numpy(made, images)
    assert (
        found.shape == expected.shape == (N, width >> len(sizes), (sizes[-1] if sizes else C) * (height >> len(sizes)))
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_it_is_a_convolution_a_relu_and_a_pool_of_torch():
    made, images = module(2, (3,)), torch.from_numpy(images_of(2, 2, 6, 8))
    layer = made.convolutions[0]
    pooled = F.max_pool2d(F.relu(F.conv2d(images, layer.weight, layer.bias, padding=1)), 2)  # (N, K, 3, 4)
    expected = torch.stack([column.flatten(1) for column in pooled.unbind(3)], dim=1)
    torch.testing.assert_close(made(images), expected)


@pytest.mark.parametrize("sizes", [(), (2,), (2, 3), (2, 2, 2)])
@pytest.mark.parametrize("width", [8, 9, 15, 16])
def test_a_wider_canvas_changes_no_step(sizes, width):
    made, steps = module(1, sizes), convolution.steps_of(width, len(sizes))
    canvas = convolution.canvas_width(steps, len(sizes))
    narrow = np.zeros((1, 1, 8, canvas), np.float32)
    narrow[..., :width] = images_of(1, 1, 8, width)
    wide = np.pad(narrow, ((0, 0), (0, 0), (0, 0), (0, 24)))
    np.testing.assert_array_equal(in_numpy(made, wide)[:, :steps], in_numpy(made, narrow)[:, :steps])


def test_a_canvas_without_a_spare_step_shows_its_edge():
    made, image = module(1, (2, 3)), images_of(1, 1, 8, 16)
    wide = np.pad(image, ((0, 0), (0, 0), (0, 0), (0, 8)))
    assert not np.array_equal(in_numpy(made, image)[:, 3], in_numpy(made, wide)[:, 3])


def test_many_images_are_unfolded_a_few_at_a_time(monkeypatch):
    made, images = module(1, (2, 2)), images_of(5, 1, 8, 8)
    whole = in_numpy(made, images)
    monkeypatch.setattr(convolution, "LARGEST", 1)
    np.testing.assert_allclose(in_numpy(made, images), whole, rtol=1e-6)


def test_images_too_low_for_their_convolutions_are_refused():
    settings = ModelSettings(convolution=(2, 2, 2))
    with pytest.raises(ConfigError, match=r"model\.convolution.*7 high"):
        Architecture(settings, 3, image=(1, 7))
    assert Architecture(settings, 3, image=(1, 8)).read == 2
