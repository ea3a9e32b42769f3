"""What a report shows of descriptions: the picture, a row of attention a unit, names with what they are taken for."""

from __future__ import annotations

import base64
import zlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import report_runs

from rekur.report.sections import describing
from rekur.report.sections.examples import data_uri


def facts(test: dict[str, float] | None = None, **tables: pl.DataFrame) -> Any:
    return SimpleNamespace(test=test or {}, table=lambda name: tables.get(name))


def row(**changes: Any) -> dict[str, Any]:
    made = {
        "id": 3,
        "truth": "one\n일",
        "prediction": "two\n이",
        "right": False,
        "units": ["two", "\n", "이", "■"],
        "attention": [0.1, 0.9, 1.0, 0.0, 0.5, 0.5, 0.2, 0.8],
        "pixels": [0, 255] * 12,
        "height": 4,
        "channels": 1,
    }
    return {**made, **changes}


def pixels(uri: str, channels: int, width: int) -> np.ndarray:
    png = base64.b64decode(uri.partition(",")[2])
    at = png.index(b"IDAT")
    size = int.from_bytes(png[at - 4 : at], "big")
    lines = np.frombuffer(zlib.decompress(png[at + 4 : at + 4 + size]), np.uint8).reshape(-1, 1 + channels * width)
    return lines[:, 1:].reshape(len(lines), width, channels)


def test_a_description_has_its_picture_and_a_row_a_unit() -> None:
    found = describing.section(facts(described=pl.DataFrame([row(), row(id=4, right=True)])))
    assert found is not None
    items = found.blocks[0].values["items"]
    assert [item["right"] for item in items] == [False, True]
    assert [unit["name"] for unit in items[0]["units"]] == ["two", "↵", "이", "■"]
    assert items[0]["whole"] > items[0]["top"] > items[0]["height"] == 4
    heat = pixels(items[0]["heat"], 1, 2)[..., 0]
    assert heat.tolist() == [[28, 255], [255, 0], [255, 255], [63, 255]]


def test_a_vector_has_no_picture_and_one_step_no_attention() -> None:
    plain = describing._item(row(pixels=None, source="a 1, b 2", attention=[1.0] * 4))
    assert plain["image"] == ""
    assert plain["source"] == "a 1, b 2"
    assert describing._looked(row(attention=[1.0] * 4)) is None
    assert describing._looked(row(attention=[])) is None


def test_vectors_and_images_are_drawn_by_the_same_template() -> None:
    table = pl.DataFrame([row(), row(id=4, pixels=[], source="a 1, b 2", attention=[])])
    found = describing.section(facts(described=table))
    assert found is not None
    drawn = report_runs.drawn(found)
    assert drawn.count("<svg") == 2  # one in the section, one on the card
    assert "a 1, b 2" in drawn


def test_colours_stay_colours() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_array_equal(pixels(data_uri(image), 3, 4), image)


def test_classes_show_what_was_drawn_and_what_it_is_taken_for() -> None:
    drawn = pl.DataFrame(
        {"class": ["Irish"] * 2, "text": ["Ahn", "Adam"], "taken_for": ["Korean", "Irish"], "new": [True, False]}
    )
    by_class = pl.DataFrame(
        {"class": ["Irish"], "train": [180], "nats": [2.0], "drawn_right": [0.5], "held_out_right": [0.9], "new": [0.5]}
    )
    test = {"drawn_right": 0.5, "held_out_right": 0.9, "drawn_new": 0.5}
    found = describing.section(facts(test, drawn=drawn, by_class=by_class))
    assert found is not None
    assert "50.0 % of what was drawn for its class" in found.note
    item = found.blocks[0].values["items"][0]
    assert item["drawn_right"] == "50 %"
    assert [one["taken_for"] for one in item["texts"]] == ["Korean", "Irish"]


def test_other_tasks_have_no_such_part() -> None:
    assert describing.section(facts()) is None
