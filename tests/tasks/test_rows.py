"""The task of images by rows: shifts, parts and pictures of the wrong size."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rekur import config, tasks
from rekur.errors import DataError
from rekur.tasks.rows import _shifted


def task(**changes):
    made = tasks.create(config.override(config.load("digits-rows"), {"training.batch": 16, **changes}), seed=1)
    made.load()
    return made


def test_a_shifted_image_is_the_image_moved():
    images = np.zeros((200, 5, 5), dtype=np.uint8)
    images[:, 2, 2] = 9
    moved = _shifted(images, 1, np.random.default_rng(1))
    places = {tuple(np.argwhere(image == 9)[0]) for image in moved}
    assert places == {(row, column) for row in (1, 2, 3) for column in (1, 2, 3)}
    assert (moved.sum(axis=(1, 2)) == 9).all()


def test_shifts_are_a_function_of_seed_epoch_and_batch():
    made = task()
    rows = made.batches(2)[1]
    first, _ = made.training_inputs(rows)
    made.batches(3)
    other, _ = made.training_inputs(rows)
    made.batches(2)
    again, _ = made.training_inputs(rows)
    assert (first == again).all()
    assert (first != other).any()


def test_only_training_images_are_shifted():
    made = task()
    rows = np.arange(20)
    expected = made.images["test"][rows] / made.brightest
    np.testing.assert_allclose(made.inputs("test", rows)[0], expected, rtol=1e-6)


def test_images_of_the_wrong_size_are_refused():
    made = task()
    model = made.build().eval()
    with pytest.raises(DataError, match="8, 8"):
        made.predict(model, np.zeros((2, 7, 8)))
    with pytest.raises(DataError, match="8, 8"):
        made.predict(model, ["a picture"])
    assert made.predict(model, []) == []


def test_every_seed_is_tested_on_the_same_images():
    made = [tasks.create(config.load("digits-rows"), seed=seed) for seed in (1, 2)]
    for each in made:
        each.load()
    first, second = (each.images for each in made)
    np.testing.assert_array_equal(first["test"], second["test"])
    assert not np.array_equal(first["validation"], second["validation"])


@pytest.mark.parametrize("largest", [0, -1, 16.5, True, "16", 10**9])
def test_a_scaler_of_no_brightness_is_refused(largest):
    made = tasks.create(config.load("digits-rows"), seed=1)
    with pytest.raises(DataError, match=r"scaler\.json"):
        made.restore({"scaler.json": json.dumps({"height": 8, "width": 8, "largest": largest})})
