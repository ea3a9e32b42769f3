"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest

from rekur.report import words


@pytest.mark.parametrize(
    ("metric", "value", "said"),
    [
        ("accuracy", 0.89124, "89.12 %"),
        ("rmse", 22.1849, "22.18"),
        ("rmse", 2150.4, "2,150"),
        ("loss", 0.0366, "0.0366"),
        ("loss", 0.00052, "0.00052"),
        ("loss", 3.1e-7, "3.1e-07"),
        ("nats", 0.0, "0"),
        ("state_N", 5.0, "5"),
        ("r2", -0.25, "-0.250"),
        ("accuracy", None, "–"),
        ("rmse", math.nan, "–"),
        ("rmse", "a word", "–"),
        ("rmse", True, "–"),
    ],
)
def test_a_figure_is_said_with_the_digits_that_count(metric: str, value: object, said: str) -> None:
    assert words.show(metric, value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.004, "4 ms"), (0.4213, "0.42 s"), (12.34, "12.3 s"), (59.97, "1 min 00 s"), (192, "3 min 12 s"),
     (17_527, "4 h 52 min"), (None, "–")],
)  # fmt: skip
def test_a_time_is_said_in_the_unit_people_use(value: object, said: str) -> None:
    assert words.seconds(value) == said


@pytest.mark.parametrize(
    ("value", "test", "said"),
    [(1e-28, "mcnemar", "p < 0.0001"), (0.0004, "mcnemar", "p = 0.0004"), (0.0004, "bootstrap", "p < 0.001"),
     (0.62, "mcnemar", "p = 0.62"), (None, "mcnemar", "")],
)  # fmt: skip
def test_a_p_value_claims_no_more_than_its_test_can_tell(value: object, test: str, said: str) -> None:
    assert words.probability(value, test) == said


def test_a_difference_of_shares_is_said_in_points_and_signed() -> None:
    assert words.difference("accuracy", -0.0212) == "−2.12 points"
    assert words.difference("rmse", 4.22) == "+4.220"
    assert words.difference_interval("accuracy", -0.002, 0.009) == "−0.20 to +0.90 points"
    assert words.difference_interval("accuracy", None, 0.009) == ""
    assert words.interval("accuracy", 0.8873, 0.895) == "88.73 to 89.50 %"


def test_a_per_cent_sign_stays_with_its_number() -> None:
    assert words.together("95 % interval, p = 0.03") == "95\u00a0% interval, p\u00a0=\u00a00.03"


def test_a_capital_letter_leaves_the_others_alone() -> None:
    assert [words.capital(w) for w in ("RMSE", "log loss", "")] == ["RMSE", "Log loss", ""]
