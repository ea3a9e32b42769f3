"""Corrections at an origin: of what was known by then, and of nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from rekur.tasks.forecasting.calibration import Made, joined, known_at, rolling

LEVELS = (0.05, 0.5, 0.95)
H, RECENT = 4, 60


def made(seed=0, first=-80, last=200, size=1.0):
    generator = np.random.default_rng(seed)
    clock = np.arange(first, last)
    truth = generator.normal(size=(len(clock), H)) * size
    return Made(clock, known_of(clock), truth, np.zeros((len(clock), H, 3)), None)


def known_of(clock):
    """The moments from which on the truths of forecasts made at `clock` are known."""
    return (clock[:, None] + np.arange(1, H + 1)).astype(np.int32)


@pytest.mark.parametrize("moment", [0, 1, 17, 150])
def test_what_comes_at_or_behind_a_moment_changes_nothing(moment):
    whole = made()
    behind = whole.known > moment
    changed = replace(whole, truth=np.where(behind, 1e9, whole.truth))
    ours, theirs = (known_at(one, moment, RECENT).calibrated(LEVELS) for one in (whole, changed))
    np.testing.assert_array_equal(ours.shifts, theirs.shifts)
    before = replace(whole, truth=np.where(behind, whole.truth, 1e9))
    assert (known_at(before, moment, RECENT).calibrated(LEVELS).shifts > 1e8).all()


def test_only_the_latest_count():
    found = known_at(made(), 100, RECENT)
    known = np.isfinite(found.truth)
    assert known.any(axis=0).all()
    assert (known.sum(axis=0) == RECENT).all()
    at = (found.clock[:, None] + np.arange(H))[known]
    assert (at.min(), at.max()) == (100 - RECENT, 99)


def test_every_moment_of_the_test_part_has_corrections_that_follow_the_spread():
    calm, wild = made(1, -80, 100), made(2, 100, 300, size=3.0)
    spans = list(rolling(joined([calm, wild]), 300, LEVELS, RECENT))
    assert [begin for begin, *_ in spans] == [0, *(end for _, end, _ in spans[:-1])]
    assert spans[-1][1] == 300
    first, last = (float(spans[place][2].shifts.mean()) for place in (0, -1))
    assert 2 < last / first < 5


def test_a_spread_is_what_corrections_are_counted_in():
    whole = made()
    wide = replace(whole, truth=7 * whole.truth, spread=np.full(len(whole.clock), 7.0))
    ours, theirs = (one.calibrated(LEVELS).shifts for one in (whole, wide))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("moment", [100, 150])
def test_behind_a_gap_all_that_was_known_before_it_counts(moment):
    """Nothing of the last 60 steps is known: the errors before the gap are better than none."""
    whole = made()
    gap = replace(whole, truth=np.where(whole.known > moment - RECENT - H, np.nan, whole.truth))
    found = known_at(gap, moment, RECENT)
    assert np.isfinite(found.truth).sum() == np.isfinite(gap.truth).sum() > 0
    assert np.isfinite(found.calibrated(LEVELS).shifts).all()


def test_a_truth_counts_when_its_date_has_come_and_not_when_its_steps_have():
    """A step of a series with holidays may take longer than a moment."""
    whole = made()
    slow = replace(whole, known=whole.known + 10)
    ours, theirs = (known_at(one, 100, RECENT) for one in (whole, slow))
    assert np.isfinite(theirs.truth).sum() == np.isfinite(ours.truth).sum()
    assert theirs.known[np.isfinite(theirs.truth)].max() == ours.known[np.isfinite(ours.truth)].max() == 100
    assert theirs.clock.max() == ours.clock.max()
    assert np.isfinite(theirs.truth[theirs.clock > 100 - 11]).sum() == 0
