"""What a path is: every kind of file is told apart from the others, by itself or as it is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rekur.data import examples as own
from rekur.data import sources
from rekur.errors import DataError, RequestError
from rekur.fitting import kinds, roles
from rekur.fitting.kinds import Given, Kind


def table(tmp_path: Path, frame: pl.DataFrame, name: str = "own.csv") -> Path:
    frame.write_csv(tmp_path / name)
    return tmp_path / name


def of(path: Path, **given: Any) -> Kind:
    return kinds.recognise([path], Given(**given))


NAMES = pl.DataFrame(
    {"name": [f"{first}{last}" for first in "ABCDEFG" for last in "uvwxyz"], "language": ["en", "ko"] * 21}
)
UNLIKE = pl.DataFrame(
    {
        "Patient ID": range(900, 960),
        "Height": np.linspace(150, 190, 60),
        "Weight": np.linspace(50, 90, 60),
        "Age": np.arange(60) % 45,
        "Outcome": ["ill", "well"] * 30,
    }
)
NAMELESS = UNLIKE.drop("Patient ID", "Outcome").with_columns(Pressure=pl.Series(np.arange(60) * 1.7))
ROWS = UNLIKE.drop("Patient ID").with_row_index("Unnamed: 0")
FRAMES = own.sensors(20).select(
    Utterance=pl.Series(np.arange(20).repeat(own.sensors(20).height // 20)),
    Frame="time",
    Loudness="heat",
    Speaker=pl.Series(np.arange(20).repeat(own.sensors(20).height // 20) % 3 * 2 + 1),
)
PIXELS = own.wide(60).drop("class").with_columns(digit=pl.Series(np.arange(60) % 4))
EMOJI = NAMES.with_columns(sign=pl.Series([chr(0x1F600 + n) for n in range(42)]))
STARS = own.reviews(60).with_columns(stars=pl.Series(np.arange(60) * 0.37))

TABLES: list[tuple[pl.DataFrame, str, str, dict[str, Any]]] = [
    (own.reviews(60), "text", "label `sentiment` with 2 values", {"text": "review", "split": "stratified"}),
    (own.reviews(60).rename({"sentiment": "y"}), "text", "label `y` with 2", {"label": "y"}),
    (STARS.drop("sentiment"), "sequences", "number `stars`: regression", {"predicts": "number", "text": "review"}),
    (NAMES, "text", "text column `name`, label `language`", {"text": "name"}),
    (own.sensors(20), "sequences", "id `machine`, time `time`, values `pressure`, `heat`", {"layout": "long"}),
    (own.wide(60), "sequences", "a row a sequence, steps `t0` to `t15`", {"layout": "wide", "label": "class"}),
    (
        UNLIKE,
        "sequences",
        "a row an example, values `Height`",
        {"alike": False, "id": "Patient ID", "label": "Outcome"},
    ),
    (NAMELESS, "sequences", "number `Pressure`: regression", {"alike": False, "label": "Pressure"}),
    (ROWS, "sequences", "a row an example, values `Height`", {"values": ["Height", "Weight", "Age"], "id": ""}),
    (FRAMES, "sequences", "id `Utterance`, time `Frame`, value `Loudness`, label `Speaker` with 3 values", {}),
    (PIXELS, "sequences", "label `digit` with 4 values", {"alike": True, "layout": "wide"}),
    (EMOJI, "text", "text column `name`, label `language`", {"text": "name"}),
    (own.sales(), "forecast", "3 series by `unique_id`", {"layout": "long", "target": "y", "horizon": 14}),
    (own.sales().filter(pl.col("unique_id") == "shop0"), "forecast", "value `y`", {"time": "ds"}),
    (own.sales(1).drop("unique_id"), "forecast", "date `ds`, value `y`: forecasting", {"id": ""}),
    (own.side_by_side(), "forecast", "3 series side by side", {"layout": "columns", "time": "ds"}),
    (
        pl.DataFrame({f"V{n}": np.arange(5) + n for n in range(40)}),
        "forecast",
        "5 series, a row each",
        {"layout": "rows"},
    ),
]


@pytest.mark.parametrize(("frame", "task", "said", "data"), TABLES, ids=[said for _, _, said, _ in TABLES])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_table_says_what_it_is(
    tmp_path: Path, frame: pl.DataFrame, task: str, said: str, data: dict[str, Any], form: str
) -> None:
    path = tmp_path / f"own.{form}"
    frame.write_csv(path) if form == "csv" else frame.write_parquet(path)
    kind = of(path)
    assert kind.task == task
    assert said in kind.said
    assert kind.data.items() >= data.items()
    assert "\n" not in kind.said


def test_every_other_file_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "names.bio").write_text(own.tagged(5))
    (tmp_path / "pos.conllu").write_text(own.conllu(5))
    (tmp_path / "a.txt").write_text("one two three. " * 20)
    texts = own.texts_by_class(tmp_path / "texts", 20)
    pictures = own.images_by_class(tmp_path / "pictures", 6)
    found = {path: of(tmp_path / path) for path in ("names.bio", "pos.conllu", "a.txt")}
    assert [kind.task for kind in found.values()] == ["tag", "tag", "generate"]
    assert "3 tags" in found["names.bio"].said
    assert (of(texts).task, of(pictures).task) == ("text", "rows")
    assert "20 texts in 2 classes" in of(texts).said
    assert "6 images in 2 classes" in of(pictures).said


def test_two_files_are_parallel_texts(tmp_path: Path) -> None:
    for name, side in zip(("a.de", "a.en"), own.pairs(20), strict=True):
        (tmp_path / name).write_text(side, encoding="utf-8")
    kind = kinds.recognise([tmp_path / "a.de", tmp_path / "a.en"])
    assert (kind.task, kind.data["source"], kind.data["target"]) == ("translate", "de", "en")
    assert "20 pairs of sentences" in kind.said


def test_what_is_given_goes_before_what_is_seen(tmp_path: Path) -> None:
    frame = own.reviews(60).with_columns(author=pl.Series([f"a{n % 7}" for n in range(60)]))
    path = table(tmp_path, frame)
    assert of(path).notes == ("Other columns could be the label: author. --label names one of them.",)
    assert of(path, label="author").data["label"] == "author"
    assert of(path, group="author").data["split"] == "grouped"
    assert of(path, group="author").data["label"] == "sentiment"
    prices = table(tmp_path, own.sales().with_columns(price=pl.lit(2.0), sold=pl.col("y") * 2), "b.csv")
    kind = of(prices, target="sold", known=("price",), horizon=5)
    assert (kind.data["target"], kind.data["known"], kind.data["horizon"]) == ("sold", ["price"], 5)
    assert kind.notes[0].startswith("Not read: y.")


def test_a_forecast_may_be_asked_of_a_table_with_texts(tmp_path: Path) -> None:
    frame = own.sales(1).with_columns(remark=pl.Series([f"a remark of some words, number {n}" for n in range(120)]))
    assert of(table(tmp_path, frame), time="ds", target="y").task == "forecast"


@pytest.mark.parametrize(
    ("content", "values"),
    [("2183.489990", "2183.4"), ("20240131", "20240131")],
)
def test_numbers_that_look_like_dates_are_numbers(content: str, values: str) -> None:
    column = pl.Series("close", [content, values, "1999.5"])
    assert roles.roles(column.to_frame())[0].role == "number"


def test_korean_texts_are_read_by_character(tmp_path: Path) -> None:
    texts = [f"이 영화는 정말 재미있고 배우들도 좋았다 {n}" for n in range(40)]
    path = table(tmp_path, pl.DataFrame({"text": texts, "label": ["0", "1"] * 20}))
    assert of(path).size.characters
    assert not of(table(tmp_path, own.reviews(40), "b.csv")).size.characters


WRONG: list[tuple[Callable[[Path], Any], str]] = [
    (lambda p: of(p / "none.csv"), "There is no file"),
    (lambda p: of(table(p, own.reviews(40)), label="sentimant"), "Did you mean `sentiment`"),
    (lambda p: of(table(p, own.reviews(40)), task="tax"), "Did you mean `tag`|Known"),
    (lambda p: of(table(p, own.reviews(40)), task="translate"), "does not learn from a table"),
    (lambda p: of(table(p, own.reviews(40)), task="forecast"), "do not say what to learn"),
    (lambda p: of(table(p, pl.DataFrame({"a": [1, 2], "b": [3, 4]}))), r"a \(number\), b \(number\)"),
    (lambda p: of(own.texts_by_class(p / "texts", 20), label="x"), "Leave out x"),
    (lambda p: of(own.texts_by_class(p / "texts", 20), task="rows"), "--task rows does not fit"),
    (lambda p: of(p), "a folder for each class"),
    (lambda p: kinds.recognise([p, p, p]), "got 3"),
]


@pytest.mark.parametrize(("call", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_is_not_understood_is_said(tmp_path: Path, call: Callable[[Path], Any], said: str) -> None:
    with pytest.raises((DataError, RequestError), match=said):
        call(tmp_path)


def test_a_table_called_txt_is_not_taken_for_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("id\tdocument\tlabel\n1\tgood\t1\n2\tbad\t0\n")
    with pytest.raises(DataError, match="looks like a table: every line has 2 tabs"):
        of(tmp_path / "a.txt")


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S+09:00", "%d.%m.%Y %H:%M:%S"]
)
def test_hours_are_hours_in_every_form_that_forecasts_read(tmp_path: Path, form: str) -> None:
    hours = pl.Series(np.datetime64("2024-01-01T00", "us") + np.arange(400) * np.timedelta64(1, "h"))
    frame = pl.DataFrame({"when": hours.dt.strftime(form), "y": np.sin(np.arange(400.0))})
    kind = of(table(tmp_path, frame))
    assert (kind.task, kind.data.get("horizon")) == ("forecast", 24)


@pytest.mark.parametrize("by", ["id", "ds"])
def test_a_sample_of_a_large_file_says_how_long_its_series_are(tmp_path: Path, by: str, monkeypatch: Any) -> None:
    hours = [f"{np.datetime64('2024-01-01T00') + n}:00" for n in range(400)]
    frame = pl.DataFrame({"id": ["a", "b", "c"]}).join(pl.DataFrame({"ds": hours}), how="cross")
    path = table(tmp_path, frame.sort(by, maintain_order=True).with_columns(y=pl.int_range(pl.len()) % 7 + 0.5))
    whole = of(path).data["horizon"]
    for name in ("FIRST", "BYTES"):
        monkeypatch.setattr(sources, name, 2048)
    assert len(sources.Source(path, 1).first()[0]) < 200
    monkeypatch.setattr(sources.Source, "whole", False)
    assert (whole, of(path).data["horizon"]) == (24, 24)


def test_amounts_of_money_are_no_dates() -> None:
    amounts = pl.Series("amount", [f"{n}.50" for n in range(1000, 1100)])
    assert roles.roles(amounts.to_frame())[0].role == "number"
