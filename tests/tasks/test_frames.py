"""The task of frames: strips from the right images, the label of each column, and what they spell."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from rekur import config, engine, tasks
from rekur.data import strips
from rekur.data.datasets import digits
from rekur.data.strips import BLANK
from rekur.errors import ConfigError, DataError
from rekur.inference import Network
from rekur.report.sections import labels as pictures

native = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")


def task(seed=1, **changes):
    smoke = dict(config.load("strip-frames").smoke)
    made = tasks.create(config.override(config.load("strip-frames"), {**smoke, **changes}), seed=seed)
    made.load()
    return made


def built(made):
    torch.manual_seed(3)
    return made.build().eval()


def test_the_strips_of_a_part_are_laid_from_its_own_images_whatever_the_seed_of_the_run():
    made, other = task(), task(seed=2)
    np.testing.assert_array_equal(made.strips["test"].images, other.strips["test"].images)
    cut = {
        part: {image[:, image.any(axis=0)].tobytes() for image in digits.load(part)[0]} for part in ("train", "test")
    }
    for part, source in (("train", "train"), ("validation", "train"), ("test", "test")):
        laid = made.strips[part]
        for image, spans in zip(laid.images, laid.spans, strict=True):
            for begin, end in spans:
                piece = image[:, begin:end]
                assert piece[:, piece.any(axis=0)].tobytes() in cut[source]
    assert made.labels["test"].values.max() == BLANK


def test_every_column_has_a_label_and_its_pixels():
    made = task()
    images, widths = made.inputs("train", np.arange(5))
    assert images.shape == (5, widths.max(), 8)
    assert images.max() == 1
    target = made._target("train", np.arange(5))
    for n in range(5):
        blank = ~images[n, : widths[n]].any(axis=1)
        assert (target[n, : widths[n]][~blank] != BLANK).all()
        assert (target[n, widths[n] :] < 0).all()
        assert not images[n, widths[n] :].any()


@native
def test_it_predicts_without_torch_what_it_predicts_with_and_as_its_test_does():
    made = task()
    model = built(made)
    weights = {name: weight.detach().numpy() for name, weight in model.state_dict().items()}
    again = tasks.create(made.config, seed=1)
    again.restore(made.files())
    laid = made.strips["test"]
    given = [image[:, :width] for image, width in zip(laid.images, laid.widths, strict=True)]
    one, other = made.predict(model, given), again.predict(Network(again.architecture(), weights), given)
    assert one == other
    tested = made.test(model)
    said = tested.predictions["prediction"].to_numpy()
    named = [made.classes.index(label or "blank") for item in one for label in item["columns"]]
    np.testing.assert_array_equal(named, said)
    for item, labels in zip(one, made.read(model, "test")[0], strict=True):
        assert item["prediction"] == "".join(map(str, strips.collapsed(labels)))


def test_a_perfect_reading_has_perfect_figures():
    made = task()
    found = made.outcome(made.labels["test"], made.labels["test"]).metrics
    assert found == {"frame_accuracy": 1.0, "string_accuracy": 1.0}
    assert made.baselines().keys() == {"majority", "logistic regression on nine columns"}


@pytest.mark.parametrize(
    "strip", [np.zeros((7, 20)), np.zeros(8), np.zeros((8, 0)), np.full((8, 3), np.nan), "x", [[1], [2, 3]]]
)
def test_a_strip_that_is_none_is_refused(strip):
    made = task()
    with pytest.raises(DataError, match="Strip 2 must be"):
        made.predict(built(made), [np.zeros((8, 4)), strip])


def test_contradictions_and_damage_are_refused():
    with pytest.raises(ConfigError, match="fewest must not be above most"):
        task(**{"data.fewest": 9})
    with pytest.raises(DataError, match="whole numbers from 1"):
        task().restore({"scaler.json": json.dumps({"height": 0, "largest": 16})})


def test_a_drawn_strip_marks_every_wrong_column():
    row = {
        "id": 3,
        "height": 2,
        "pixels": [0, 5, 5, 0, 0, 5, 5, 0],
        "truth": [10, 1, 1, 10],
        "prediction": [10, 1, 7, 7],
    }
    drawn = pictures._strip(row, list(task().classes))
    truth, said = drawn["rows"]
    assert drawn["wrong"] == "2 of 4 columns wrong"
    assert [(run["x"], run["width"], run["right"]) for run in truth] == [(1, 2, True)]
    assert [(run["x"], run["width"], run["right"]) for run in said] == [(1, 1, True), (2, 2, False)]
