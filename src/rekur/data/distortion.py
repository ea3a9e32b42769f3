"""Small changes of form that leave an image what it is: turned, slanted, stretched and moved a little."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

AT_ONCE = 1_000  # images whose coordinates are held in memory
TURN, SLANT, STRETCH, MOVE = 0.25, 0.25, 0.15, 0.07  # at strength 1: radians, a share, a share, a share of the height


def distorted(images: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return each image (N, height, width) under a random affine map around its middle; black comes in at the edge.

    Turns, slants, stretches and shifts are normal, their spreads `strength` times the constants above, and cut at two
    spreads. Pixels are interpolated linearly. An image that lost its ink is left as it was.
    """
    found = np.empty_like(images)
    for at in range(0, len(images), AT_ONCE):
        part = images[at : at + AT_ONCE]
        found[at : at + AT_ONCE] = _warped(part, *_maps(len(part), strength, part.shape[1], generator))
    lost = ~found.any(axis=(1, 2))
    found[lost] = images[lost]
    return found


def _maps(
    N: int, strength: float, height: int, generator: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw for each image the matrix (N, 2, 2) and the shift (N, 2), rows before columns, from output to input."""
    drawn = strength * generator.normal(size=(6, N)).clip(-2, 2)
    turn, slant, tall, wide = TURN * drawn[0], SLANT * drawn[1], 1 + STRETCH * drawn[2], 1 + STRETCH * drawn[3]
    rows, columns = (tall * np.cos(turn), tall * np.sin(turn)), (wide * (slant - np.sin(turn)), wide * np.cos(turn))
    matrix = np.array([rows, columns], dtype=np.float32).transpose(2, 0, 1)
    shift = MOVE * height * drawn[4:].T
    return matrix, shift.astype(np.float32)


def _warped(images: NDArray[np.uint8], matrix: NDArray[np.float32], shift: NDArray[np.float32]) -> NDArray[np.uint8]:
    N, height, width = images.shape
    middle = np.array([(height - 1) / 2, (width - 1) / 2], dtype=np.float32)
    grid = np.indices((height, width)).reshape(2, -1).T.astype(np.float32) - middle  # (P, 2)
    place = grid @ matrix.transpose(0, 2, 1) + (middle + shift)[:, None]  # (N, P, 2) where each pixel comes from
    padded = np.pad(images, ((0, 0), (1, 2), (1, 2)))
    place = np.clip(place + 1, 0, np.array([height + 1, width + 1], dtype=np.float32))
    corner = place.astype(np.int32)  # (N, P, 2) the pixel above and to the left
    part = place - corner
    flat, row = padded.reshape(-1), width + 3
    first = np.arange(N, dtype=np.int32)[:, None] * ((height + 3) * row) + corner[..., 0] * row + corner[..., 1]
    down, right = part[..., 0], part[..., 1]
    above = flat[first] * (1 - right) + flat[first + 1] * right
    below = flat[first + row] * (1 - right) + flat[first + row + 1] * right
    return (above * (1 - down) + below * down + 0.5).astype(np.uint8).reshape(N, height, width)  # type: ignore[no-any-return]
