"""What each part of a page concludes from a run."""

from __future__ import annotations

import base64
import itertools
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import report_runs

from rekur.report.facts import Facts
from rekur.report.layout import Section
from rekur.report.sections import classes, examples, forecast, learning, shapes, standing, timing, writing
from rekur.runs import Run


def built(section: Section | None) -> Section:
    assert section is not None
    return section


def captions(section: Section | None) -> dict[str, str]:
    return {picture.name: picture.caption for picture in built(section).pictures}


def changed(run: Run, tmp_path: Path, **changes: Any) -> Facts:
    """Return the run's recipe and history in a new folder, with other metrics."""
    return Facts(report_runs.make(tmp_path / "changed", run.config_text(), run.metrics() | changes, run.history()))


# standing


def test_the_table_holds_published_ours_and_the_rivals_the_best_first(shelf: dict[str, Run]) -> None:
    rows = standing.competitors(Facts(shelf["texts"]))
    assert [(row.role, row.part) for row in rows[:3]] == [
        ("published", "test"),
        ("ours", "test"),
        ("ours", "validation"),
    ]
    assert [row.name for row in rows[3:]] == ["NB-SVM with bigrams", "TF-IDF + logistic regression", "majority"]
    assert rows[1].within("accuracy") == "88.73 to 89.50 %"


def test_of_errors_the_least_is_the_best(shelf: dict[str, Run]) -> None:
    names = [row.name for row in standing.competitors(Facts(shelf["series"])) if row.role == "rival"]
    assert names == ["persistence", "drift", "linear autoregression"]


def test_a_figure_published_of_the_training_part_stands_beside_ours_of_that_part(shelf: dict[str, Run]) -> None:
    rows = {(row.role, row.part): row for row in standing.competitors(Facts(shelf["series"]))}
    last = shelf["series"].history()[-1]["loss"]
    assert rows["published", "train"].figures == {"loss": 0.0006}
    assert rows["ours", "train"].figures["loss"] == last


def test_a_rival_far_away_becomes_an_arrow_and_flattens_nothing(shelf: dict[str, Run]) -> None:
    picture = built(standing.section(Facts(shelf["texts"]))).pictures[0]
    assert "An arrow stands for" in picture.caption
    low, high = standing._scale("accuracy", standing.competitors(Facts(shelf["texts"])))
    assert low > 0.8
    assert high < 0.95
    assert "majority 50.00 %" in picture.words  # still said to those who do not see it


def test_without_rivals_or_published_there_is_a_table_and_no_picture(shelf: dict[str, Run]) -> None:
    section = built(standing.section(Facts(shelf["bare"])))
    assert not section.pictures
    assert section.note == "No rival stands beside this result."


def test_a_figure_that_is_no_number_is_a_dash_and_wins_nothing(shelf: dict[str, Run]) -> None:
    facts = Facts(shelf["broken"])
    rows = standing.competitors(facts)
    assert next(row for row in rows if row.role == "ours").shown("log_loss") == "–"
    assert next(row.name for row in rows if row.role == "rival") == "majority"  # the rival without a figure is last
    assert "log_loss" not in standing.columns_of(facts, rows)


# the forecast


def series_of(forecast_: np.ndarray[Any, Any], truth: np.ndarray[Any, Any]) -> forecast.Series:
    n = len(truth)
    return forecast.Series([str(i) for i in range(n)], np.ones(n, bool), truth, forecast_, np.r_[truth[0], truth[:-1]])


@pytest.mark.parametrize("lag", [0, 1, 2, 4])
def test_a_shifted_copy_is_found_at_its_lag(lag: int) -> None:
    truth = np.cumsum(np.random.default_rng(1).normal(size=200))
    profile = forecast.lag_profile(series_of(np.r_[np.zeros(lag), truth[: 200 - lag]], truth))
    assert int(profile.argmin()) == lag
    assert profile[lag] == 0
    assert ("not a shifted copy" in forecast.lag_verdict(profile)) == (lag == 0)


def test_the_pictures_say_that_the_forecast_is_yesterday(shelf: dict[str, Run]) -> None:
    said = captions(forecast.section(Facts(shelf["series"])))
    assert list(said) == ["forecast", "forecast-zoom", "forecast-error", "forecast-lag", "forecast-change"]
    assert "nearest to one step earlier" in said["forecast-lag"]
    assert "step 200" in said["forecast"]
    assert "2019-11-15" in said["forecast"]


def test_the_close_up_is_where_the_truth_moves_most(shelf: dict[str, Run]) -> None:
    table = shelf["series"].table("series")
    tested = table.filter(pl.col("part") == "test")
    start = forecast._steepest(tested["truth"].to_numpy())
    lowest = int(tested["truth"].arg_min() or 0)
    assert start <= lowest <= start + forecast.ZOOM


@pytest.mark.parametrize("size", [(350, 280), (880, 310)])
def test_a_forecast_that_is_not_finite_still_has_pictures(size: tuple[int, int]) -> None:
    truth = np.arange(60.0)
    broken = series_of(np.full(60, np.nan), truth)
    for picture in (forecast.price_picture(broken), forecast.zoom_picture(broken), forecast.lag_picture(broken)):
        assert "nan" not in picture.draw(size).svg("x")
    assert forecast.lag_verdict(forecast.lag_profile(broken)) == "The forecast has no finite values."


def test_a_series_without_a_test_part_or_of_one_step_is_drawn_whole() -> None:
    one = series_of(np.array([1.0]), np.array([2.0]))
    untested = forecast.Series(["a", "b"], np.zeros(2, bool), *(np.arange(2.0) for _ in range(3)))
    for series in (one, untested):
        assert "nan" not in forecast.price_picture(series).draw((350, 280)).svg("x")


# classes


def test_the_confusion_is_counted_and_said(shelf: dict[str, Run]) -> None:
    frame = shelf["images"].predictions()
    right = frame.filter(pl.col("truth") == pl.col("prediction"))
    section = built(classes.section(Facts(shelf["images"])))
    assert section.note == f"450 test items, {len(right)} of them right."
    threes = len(frame.filter(pl.col("truth") == 3))
    assert f"of {threes} 3, {len(right.filter(pl.col('truth') == 3))} right" in section.pictures[0].words


def test_a_class_the_data_never_holds_has_a_name_too(shelf: dict[str, Run]) -> None:
    assert "class 2" in built(classes.section(Facts(shelf["broken"]))).pictures[0].words
    assert classes.class_names(Facts(shelf["broken"]), 4) == ["부정", "긍정", "class 2", "class 3"]


def test_a_model_too_sure_of_itself_is_told_so(shelf: dict[str, Run]) -> None:
    assert "too sure of itself" in captions(classes.section(Facts(shelf["broken"])))["calibration"]


def test_tasks_without_classes_have_no_confusion(shelf: dict[str, Run]) -> None:
    for kind in ("series", "characters", "hello", "shapes", "bare"):
        assert classes.section(Facts(shelf[kind])) is None


# examples


def pixels_of(uri: str) -> np.ndarray[Any, Any]:
    """Decode our own PNG: one IDAT, grey, filter 0."""
    data = base64.b64decode(uri.split(",", 1)[1])
    width, height = struct.unpack(">II", data[16:24])
    at = data.index(b"IDAT")
    length = int.from_bytes(data[at - 4 : at], "big")
    lines = np.frombuffer(zlib.decompress(data[at + 4 : at + 4 + length]), np.uint8)
    return lines.reshape(height, width + 1)[:, 1:]


def test_an_image_in_the_page_has_the_pixels_of_the_table(shelf: dict[str, Run]) -> None:
    block = built(examples.section(Facts(shelf["images"]))).blocks[0]
    table = shelf["images"].table("examples")
    largest = max(max(row) for row in table["pixels"].to_list())
    first = np.array(table["pixels"][0].to_list()).reshape(8, 8)
    assert (pixels_of(block.values["items"][0]["source"]) == (255 * first / largest).astype(np.uint8)).all()


def test_a_picture_that_is_not_square_keeps_its_sides() -> None:
    image = np.arange(15, dtype=np.uint8).reshape(3, 5)
    assert (pixels_of(examples.data_uri(image)) == image).all()


def test_a_long_text_is_folded_and_a_very_long_one_cut(shelf: dict[str, Run]) -> None:
    items = built(examples.section(Facts(shelf["texts"]))).blocks[0].values["items"]
    words_, endless = items[3], items[4]
    assert len(words_["first"]) <= examples.FIRST
    assert words_["first"] + words_["rest"] == "I went in expecting nothing, and I must say it delivered. " * 40
    assert len(endless["first"] + endless["rest"]) == examples.MOST
    assert endless["cut"] == 12_000 - examples.MOST
    assert items[2]["first"] == ""


# characters, shapes, learning, time


def test_wrong_characters_of_the_decoded_text_are_marked(shelf: dict[str, Run]) -> None:
    values = built(writing.section(Facts(shelf["hello"]))).blocks[0].values
    assert [stage["epoch"] for stage in values["stages"]] == [0, 2, 4, 6, 8]
    assert "".join(c for right, c in values["stages"][3]["marks"] if not right) == " "  # hello_ world
    assert all(right for right, _ in values["stages"][4]["marks"])
    assert values["right"] == 8


def test_surprise_keeps_every_character_of_the_passage(shelf: dict[str, Run]) -> None:
    blocks = {block.template: block.values for block in built(writing.section(Facts(shelf["characters"]))).blocks}
    passage = "".join(text for _, text in blocks["surprise.html.jinja"]["runs"])
    assert passage == report_runs.SHAKESPEARE[: writing.PASSAGE["characters"]]
    levels = [level for level, _ in blocks["surprise.html.jinja"]["runs"]]
    assert all(a != b for a, b in itertools.pairwise(levels))


def test_surprise_keeps_words_apart_and_shows_where_a_line_ends() -> None:
    frame = pl.DataFrame({"truth": ["The", "cat", "<eos>", "sat"], "nats": [0.5, 9.0, 8.5, 20.0]})
    facts = SimpleNamespace(predictions=frame, extra={}, config={"data": {"unit": "words"}})
    block = writing._surprise(facts)
    assert block is not None
    assert block.values["runs"] == [(0, "The "), (3, "cat ↵\n "), (4, "sat ")]
    assert block.values["unit"] == "word"


def test_shapes_say_whether_words_moved_each_other(shelf: dict[str, Run]) -> None:
    section = built(shapes.section(Facts(shelf["shapes"])))
    assert "taken the batch for time" in section.note
    assert section.blocks[0].values["rows"][1] == ("outputs", "(3, 5, 2)")


def test_a_loss_that_falls_far_is_drawn_on_a_logarithmic_scale_beside_the_published(shelf: dict[str, Run]) -> None:
    (loss,) = learning.pictures_of(Facts(shelf["series"]))
    assert "logarithmic" in loss.caption
    assert "published (train)" in loss.words


def test_the_best_epoch_of_the_validation_part_is_said(shelf: dict[str, Run]) -> None:
    entries = shelf["texts"].history()
    best = min(range(len(entries)), key=lambda i: entries[i]["validation_loss"])
    said = captions(learning.section(Facts(shelf["texts"])))
    assert f"lowest at epoch {best} of 0 to 5" in said["curve-loss"]
    assert "highest at the last epoch" in said["curve-accuracy"]


def test_a_learning_rate_that_never_changes_has_no_picture(shelf: dict[str, Run]) -> None:
    assert "learning-rate" not in captions(learning.section(Facts(shelf["texts"])))
    assert "learning-rate" in captions(learning.section(Facts(shelf["images"])))


def test_one_epoch_without_a_loss_still_draws_what_it_has(shelf: dict[str, Run]) -> None:
    (picture,) = learning.pictures_of(Facts(shelf["broken"]))
    assert picture.name == "curve-accuracy"
    assert "nan" not in picture.svg("half")


def test_the_time_no_part_owns_is_shown_as_the_rest(shelf: dict[str, Run], tmp_path: Path) -> None:
    facts = changed(shelf["bare"], tmp_path, seconds={"data": 1.0, "train": 5.0, "test": 2.0, "total": 10.0})
    picture = built(timing.section(facts)).pictures[0]
    assert "the rest 2.00 s" in picture.words


def test_the_clock_of_the_history_becomes_seconds_an_epoch(shelf: dict[str, Run]) -> None:
    assert "1 min 25 s in the median epoch" in captions(timing.section(Facts(shelf["texts"])))["seconds-by-epoch"]


def test_a_run_no_better_than_chance_is_called_that(shelf: dict[str, Run]) -> None:
    assert Facts(shelf["broken"]).verdict == "not distinguishable from chance"
    assert Facts(shelf["texts"]).verdict == "worse"
    assert Facts(shelf["bare"]).verdict == ""
