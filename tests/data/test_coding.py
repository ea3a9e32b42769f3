"""Both codings keep the promises of their interface."""

import polars as pl
import pytest

from rekur.data.coding import Coding, KerasCoding, WordCoding

TRAIN = pl.Series(["the cat the dog the end", "a cat", ""])
CODINGS: list[Coding] = [
    WordCoding("words"),
    WordCoding("words", max_words=2),
    WordCoding("spaces", min_count=2),
    KerasCoding(),
    KerasCoding(6, 4),
]


@pytest.mark.parametrize("coding", CODINGS, ids=str)
def test_ids_are_below_the_size_and_rows_are_kept(coding: Coding) -> None:
    fitted = coding.fit(TRAIN)
    ids = fitted.encode(pl.Series(["the cat", "unseen", "", "dog a end"]))
    assert len(ids) == 4
    assert ids.values.min() > 0  # 0 pads
    assert ids.values.max() < fitted.size
    assert 0 < fitted.unknown < fitted.size


@pytest.mark.parametrize("coding", CODINGS, ids=str)
def test_json_and_the_settings_are_enough(coding: Coding) -> None:
    fitted = coding.fit(TRAIN)
    assert coding.from_json(fitted.to_json()) == fitted


def test_chapter_c_drops_what_it_does_not_know() -> None:
    coding = KerasCoding(num_words=6, skip_top=5).fit(TRAIN)  # the: 4, cat: 5, a and others from 6
    assert [row.tolist() for row in coding.encode(TRAIN)] == [[5], [5], []]
    assert coding.size == 6
