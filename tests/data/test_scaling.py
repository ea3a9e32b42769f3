"""Scaling goes there and back, knows only what it was fitted on, and survives JSON to the bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays
from sklearn import preprocessing

from rekur.data.scaling import MinMax
from rekur.errors import DataError, ShapeError

TABLES = arrays.arrays(
    np.float64, arrays.array_shapes(min_dims=2, max_dims=2), elements={"min_value": -1e6, "max_value": 1e6}
)


@given(TABLES)
def test_inverse_undoes_transform(x: np.ndarray) -> None:
    scaler = MinMax.fit(x)
    back = scaler.inverse(scaler.transform(x))
    np.testing.assert_allclose(back, x, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(scaler.inverse(scaler.transform(x)[:, 0], column=0), x[:, 0], rtol=1e-9, atol=1e-6)


def test_agrees_with_scikit_learn() -> None:
    x = np.random.default_rng(0).normal(5, 3, (50, 3))
    x[:, 2] = 4.0  # a constant column
    np.testing.assert_allclose(MinMax.fit(x).transform(x), preprocessing.MinMaxScaler().fit_transform(x), atol=1e-12)


def test_json_keeps_every_bit() -> None:
    x = np.random.default_rng(1).normal(size=(9, 4)) / 3
    scaler = MinMax.fit(x)
    again = MinMax.from_json(scaler.to_json())
    assert np.array_equal(again.transform(x), scaler.transform(x))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"kind": "standard", "shift": [0], "scale": [1]}',
        '{"kind": "min-max", "shift": [0], "scale": [0]}',
        '{"kind": "min-max", "shift": [0, 1], "scale": [1]}',
        '{"kind": "min-max", "shift": ["a"], "scale": [1]}',
        '{"kind": "min-max", "shift": [NaN], "scale": [1]}',
    ],
)
def test_refuses_json_it_did_not_write(text: str) -> None:
    with pytest.raises(DataError, match="not a min-max scaler"):
        MinMax.from_json(text)


def test_refuses_what_cannot_be_measured() -> None:
    with pytest.raises(DataError, match="1 values that are not finite"):
        MinMax.fit(np.array([[1.0], [np.nan]]))
    with pytest.raises(DataError, match="no rows"):
        MinMax.fit(np.zeros((0, 2)))
    with pytest.raises(ShapeError):
        MinMax.fit(np.zeros(3))
