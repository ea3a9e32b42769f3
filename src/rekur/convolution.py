"""What `nn.convolution` computes, in NumPy: an image as the steps of a sequence, one a few columns of pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]

KERNEL = 3  # rows and columns that a convolution sees at once
LARGEST = 1 << 22  # numbers unfolded at once: 16 MB


def steps_of(width: int, convolutions: int) -> int:
    """Return how many steps it takes to read `width` columns of pixels; each convolution halves them."""
    return -(-width >> convolutions)


def canvas_width(steps: int, convolutions: int) -> int:
    """Return how wide images must be so that `steps` steps do not depend on what would lie behind.

    One step more than is read: a convolution sees 2^k - 1 columns beyond a step, so the edge stays out of sight.
    """
    return (steps + (1 if convolutions else 0)) << convolutions


def columns(images: Floats, weights: Mapping[str, NDArray[Any]], names: Sequence[str]) -> Floats:
    """Return images (N, C, height, W) as steps (N, S, I), after the convolutions called `names`.

    Each is 3x3 with zeros around, then the largest of 2x2, then ReLU.
    """
    for name in names:
        images = _convolve(images, weights[f"{name}.weight"], weights[f"{name}.bias"])
    N, C, height, S = images.shape
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(N, S, C * height)


def _convolve(images: Floats, weight: Floats, bias: Floats) -> Floats:
    N, C, height, width = images.shape
    rows = max(1, LARGEST // (C * KERNEL**2 * height * width))
    found = [_pooled(_products(images[at : at + rows], weight)) for at in range(0, N, rows)]
    sums = np.concatenate(found) if found else np.zeros((0, len(weight), height // 2, width // 2), images.dtype)
    return np.maximum(sums + bias[:, None, None], 0)  # type: ignore[no-any-return]


def _products(images: Floats, weight: Floats) -> Floats:
    """Unfold every 3x3 surrounding into a row (im2col): one product with the kernels (K, C*9) is the convolution."""
    N, _, height, width = images.shape
    around = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(around, (KERNEL, KERNEL), axis=(2, 3))  # (N, C, h, W, 3, 3)
    unfolded = windows.transpose(0, 2, 3, 1, 4, 5).reshape(N * height * width, -1)  # (N*h*W, C*9)
    return (unfolded @ weight.reshape(len(weight), -1).T).reshape(N, height, width, -1).transpose(0, 3, 1, 2)


def _pooled(sums: Floats) -> Floats:
    """Return the largest of each 2x2, (N, K, height // 2, W // 2); an odd last row or column is left out."""
    N, K, height, width = sums.shape
    even = sums[:, :, : height // 2 * 2, : width // 2 * 2]
    return even.reshape(N, K, height // 2, 2, width // 2, 2).max(axis=(3, 5))  # type: ignore[no-any-return]
