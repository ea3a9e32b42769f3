"""`rekur fit` end to end: a file becomes a run folder like any other, and its faults one message."""

from __future__ import annotations

import json
import math
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rekur import load
from rekur.cli import main
from rekur.cli.fit import parse_covariates
from rekur.data import examples as own
from rekur.data.calendar import Frequency
from rekur.data.panel import Columns, Panel
from rekur.errors import RequestError
from rekur.fitting import defaults, kinds, plan, repeats, work
from rekur.runs import Run

QUICK = ("--threads", "1", "--quiet", "--epochs", "1")


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "reviews.csv"
    own.reviews(120).write_csv(path)
    return path


@pytest.fixture(scope="module")
def fitted(reviews: Path) -> Path:
    out = reviews.parent / "run"
    assert main(["fit", str(reviews), "--out", str(out), "--threads", "1", "--quiet", "--epochs", "6"]) == 0
    return out


def said(capsys: pytest.CaptureFixture[str], *argv: object, code: int = 0) -> str:
    capsys.readouterr()
    assert main([str(word) for word in argv]) == code
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    return shown.err if code else shown.out


def test_a_fitted_file_is_a_whole_run(fitted: Path, reviews: Path) -> None:
    run = Run.open(fitted)
    metrics, text = run.metrics(), run.config_text()
    assert metrics["test"]["accuracy"] > 0.9
    assert set(metrics["baselines"]) == set(plan.RIVALS["text"])
    assert (fitted / "report.html").is_file()
    assert f'path = "{reviews}"' in text
    assert "split_seed = 1" in text
    assert "Text column `review`, label `sentiment` with 2 values: classification" in text


def test_it_predicts_and_is_evaluated_by_its_own_columns(
    fitted: Path, reviews: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(fitted).predict(["a great superb film"])[0]["prediction"] == "good"
    found = json.loads(said(capsys, "predict", fitted, reviews, "--json"))
    assert len(found["predictions"]) == 120
    again = json.loads(said(capsys, "evaluate", fitted, reviews, "--json"))
    assert again["test"]["accuracy"] > 0.9


def test_a_second_fit_into_a_folder_is_refused(fitted: Path, reviews: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (fitted / "metrics.json").read_bytes()
    assert "is not empty, and a run never overwrites" in said(capsys, "fit", reviews, "--out", fitted, *QUICK, code=2)
    with Run(fitted).alone():
        text = said(capsys, "fit", reviews, "--out", fitted, *QUICK, code=2)
    assert "Another process is at work" in text
    assert (fitted / "metrics.json").read_bytes() == before


def test_a_dry_run_shows_the_plan_and_leaves_nothing(
    reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = said(capsys, "fit", reviews, "--dry-run", "--threads", "1")
    assert shown.startswith("Text column `review`, label `sentiment` with 2 values: classification.\n")
    for part in ("every class in every part: 15% validate, 20% test", "train 78, validation 18, test 24", "NB-SVM"):
        assert part in shown
    found = json.loads(said(capsys, "fit", reviews, "--dry-run", "--threads", "1", "--json"))
    assert found["parts"] == {"train": 78, "validation": 18, "test": 24}
    assert found["parameters"] > 1000
    assert found["seconds"] > 0
    assert not list(tmp_path.iterdir())


def test_seeds_and_folds_give_a_mean_and_a_spread(
    reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(said(capsys, "fit", reviews, "--folds", "2", "--out", tmp_path / "f", *QUICK, "--json"))
    each = [Run.open(path).metrics()["test"]["accuracy"] for path in found["runs"]]
    assert found["test"]["accuracy"]["mean"] == pytest.approx(sum(each) / 2)
    assert found["test"]["accuracy"]["spread"] == pytest.approx(abs(each[0] - each[1]) / 2**0.5)
    assert sum(found["verdicts"].values()) == 2
    tested = [Run.open(path).predictions() for path in found["runs"]]
    assert sum(map(len, tested)) == 120
    for again in (True, False):  # all done, then one of them lost
        if not again:
            (tmp_path / "f" / "fold-2" / "metrics.json").unlink()
        resumed = json.loads(said(capsys, "fit", "--resume", tmp_path / "f", "--quiet", "--json"))
        assert resumed["test"] == found["test"]
    assert "is not empty" in said(capsys, "fit", reviews, "--seeds", "2", "--out", tmp_path / "f", *QUICK, code=2)


def test_a_folder_of_several_runs_names_them(reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "f"
    found = json.loads(said(capsys, "fit", reviews, "--folds", "2", "--out", place, *QUICK, "--json"))
    assert found["spread_over"] == "folds"
    assert "mean and spread of 2 folds)" in found["sentence"]
    for command in ("predict", "report", "evaluate", "doctor", "forecast"):
        assert f"fold-1 and fold-2. Name one of them: {place / 'fold-1'}" in said(capsys, command, place, code=2)
    assert "Name one of them" in said(capsys, "export", place, "--onnx", code=2)
    assert f"goes on with `rekur fit --resume {place}`" in said(capsys, "run", "--resume", place, code=2)
    damaged = place / "fold-1" / "vocabulary.json"
    damaged.write_text("[]", encoding="utf-8")
    assert f"Train it again with `rekur fit {reviews}`" in said(capsys, "predict", place / "fold-1", "x", code=5)


def test_runs_of_one_fold_are_no_further_evidence(reviews: Path) -> None:
    """Two seeds that agree in every fold leave the spread that of the folds, and theirs at nothing."""
    fitting = work.prepare([reviews])
    members = repeats.plan(fitting.config, 3, 2, 1)

    def run(member: dict[str, Any]) -> dict[str, Any]:
        figure = {"accuracy": 0.7 + 0.1 * member["fold"]}
        return {"test": figure, "baselines": {}, "verdict": "", "run": member["name"], "seconds": {"total": 1.0}}

    found = repeats.summary(fitting.config, Path("f"), members, [run(member) for member in members])
    assert found["test"]["accuracy"] == pytest.approx({"mean": 0.8, "spread": 0.1})
    assert found["between_seeds"]["accuracy"] == pytest.approx({"mean": 0.8, "spread": 0.0})
    assert found["sentence"].endswith("of 3 folds, each over 2 seeds, between which it is 0.0 %).")


def test_a_plan_of_several_runs_counts_them_all(reviews: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(capsys, "fit", reviews, "--dry-run", "--threads", "1", "--json", "--folds", "3"))
    assert found["runs"] == 3
    assert found["split"].startswith("fold 1 of 3")


def test_several_seeds_are_tested_on_the_same_rows(reviews: Path) -> None:
    fitting = work.prepare([reviews], seed=4)
    members = repeats.plan(fitting.config, 0, 3, 4)
    assert [member["seed"] for member in members] == [4, 5, 6]
    assert fitting.config.data["split_seed"] == 4


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--folds", "1"], "take 2 or more"),
        (["--folds", "500"], "--folds takes 2 to 100; got 500"),
        (["--text", "revew"], "Did you mean `review`"),
        (["--group", "shp"], "There is no column `shp`"),
        (["--time", "day"], "There is no column `day`"),
        (["--target", "price"], "There is no column `price`"),
        (["--id", "ids"], "Did you mean `id`"),
        (["--covariates", "known=prise"], "There is no column `prise`"),
        (["--task", "txt"], "Did you mean `text`"),
        (["--device", "abacus"], "abacus"),
        (["--horizon", "many"], "--horizon"),
        (["--epochs", "0"], "--epochs"),
        (["--sed", "3"], "--seed"),
        (["--set", "model.hiden=3"], "Unknown setting `model.hiden`"),
        (["--label", "sentimant"], "Did you mean `sentiment`"),
        (["--covariates", "knwon=x"], "none of known, observed, static"),
        (["--resume", "nowhere"], "leave out FILE"),
        (["--task", "forecast"], "do not say what to learn"),
    ],
)
def test_wrong_requests_are_said_and_leave_nothing(
    reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], message: str
) -> None:
    out = tmp_path / "run"
    assert message in said(capsys, "fit", reviews, "--out", out, *QUICK, *argv, code=2)
    assert not out.exists()
    assert "Give a file or a folder" in said(capsys, "fit", code=2)


@pytest.mark.parametrize(("made", "rivals"), [(own.wide(60), "sequences class"), (own.sales(1, 80), "forecast")])
def test_the_plan_names_the_rivals_there_will_be(tmp_path: Path, made: pl.DataFrame, rivals: str) -> None:
    from rekur import tasks

    made.write_csv(tmp_path / "a.csv")
    fitting = work.prepare([tmp_path / "a.csv"])
    task: Any = tasks.create(fitting.config)
    task.load()
    told = plan.rivals(fitting.config.recipe.task, fitting.config.data)
    assert set(task.baselines()) == set(told) == set(plan.RIVALS[rivals])
    assert plan.sizes(task).keys() == {"train", "validation", "test"}


def test_covariates_are_columns_by_kind() -> None:
    assert parse_covariates("known=a,b;observed=c,static=d") == {
        "known": ("a", "b"),
        "observed": ("c",),
        "static": ("d",),
    }
    assert parse_covariates("") == {}
    with pytest.raises(RequestError, match="takes known="):
        parse_covariates("a,b")


FILES: dict[str, tuple[str, bytes, str]] = {
    "ragged": ("a.csv", b"text,label\none two three,x\nfour,five,y\n", "line 3 has 3 fields; the first line names 2"),
    "short": ("a.csv", b"text,label\none two three,x\nfour\n", "line 3 has 1 field;"),
    "quote": ("a.csv", b'text,label\n"one two,x\nthree,y\n', "Is a quotation mark left open"),
    "delimiter": ("a.csv", b"text/label\n" + b"one two three/x\n" * 3, "has 1 column, `text/label`"),
    "workbook": ("a.csv", b"PK\x03\x04\x14\x00[Content_Types].xml", "an Excel workbook"),
    "old workbook": ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
    "gzip": ("a.csv", b"\x1f\x8b\x08\x00", "compressed with gzip"),
    "broken gzip": ("a.csv.gz", b"\x1f\x8b\x08\x00", "no whole gzip file"),
    "utf-16": ("a.csv", "text,label\n".encode("utf-16"), "UTF-16"),
    "latin": ("a.csv", "text,label\ncafé au lait,x\n".encode("latin-1"), "not UTF-8"),
    "names": ("a.csv", b"text,text\na b c,x\n", "names these columns twice"),
    "empty": ("a.csv", b"", "is empty"),
    "no rows": ("a.csv", b"text,label\n", "has no rows"),
    "json": ("a.jsonl", b'{"text": "a"}\n{"text": \n', "line 2 is not JSON"),
    "parquet": ("a.parquet", b"PAR1 and nothing more", "no whole .parquet file"),
    "ending": ("a.xlsx", b"PK\x03\x04", "rekur reads .csv"),
    "one class": ("a.csv", b"text,label\n" + b"one two three four,x\n" * 30, "`label` has 1 value only, `x`"),
}


DAYS = [f"2024-02-{day:02}" for day in range(1, 30)]  # the 29th among them
LONG = [("a", day, str(10 + n % 7)) for n, day in enumerate([*DAYS, *(f"2024-03-{day:02}" for day in range(1, 32))])]


def series(*rows: tuple[str, str, str]) -> bytes:
    return "\n".join(["unique_id,ds,y", *(",".join(row) for row in rows)]).encode() + b"\n"


FILES |= {
    "a day twice": ("a.csv", series(*LONG, LONG[5]), "2024-02-06"),
    "no 30 February": ("a.csv", series(*LONG, ("a", "2024-02-30", "3")), "2024-02-30"),
    "one value": ("a.csv", series(*LONG, ("b", "2024-02-01", "3")), "`b`"),
    "no number": ("a.csv", series(*LONG, ("a", "2024-04-01", "many")), "many"),
}


@pytest.mark.parametrize(("name", "content", "message"), FILES.values(), ids=FILES)
def test_a_malformed_file_is_one_clear_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    text = said(capsys, "fit", tmp_path / name, "--out", tmp_path / "run", *QUICK, code=2)
    assert message in text
    assert text.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_horizon_beyond_the_history_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_bytes(series(*LONG))
    text = said(capsys, "fit", tmp_path / "a.csv", "--horizon", "60", "--out", tmp_path / "run", *QUICK, code=2)
    assert "60" in text
    assert not (tmp_path / "run").exists()


def test_the_season_of_a_table_makes_the_window(tmp_path: Path) -> None:
    own.sales(2).write_csv(tmp_path / "a.csv")
    data = work.prepare([tmp_path / "a.csv"]).config.data
    assert data["season"] == 7
    assert data["normalise"] in ("season", "seasonal_changes")
    assert data["lags"] == [7 * back for back in range(1, data["window"] // 7 + 1)]


@pytest.mark.parametrize("form", ["csv", "tsv", "csv.gz", "jsonl", "parquet", "semicolons", "bom", "folder"])
def test_every_form_of_a_table_of_texts_is_the_same_task(tmp_path: Path, form: str) -> None:
    frame = own.reviews(40)
    path = tmp_path / f"a.{form if form not in ('semicolons', 'bom') else 'csv'}"
    if form in ("csv", "bom"):
        path.write_text(("\ufeff" if form == "bom" else "") + frame.write_csv(), encoding="utf-8")
    elif form == "csv.gz":
        import gzip

        path.write_bytes(gzip.compress(frame.write_csv().encode()))
    elif form in ("tsv", "semicolons"):
        path.write_text(frame.write_csv(separator="\t" if form == "tsv" else ";"))
    elif form == "jsonl":
        path.write_text(own.objects(frame))
    elif form == "parquet":
        frame.write_parquet(path)
    else:
        path = own.texts_by_class(tmp_path / "texts", 40)
    assert _loaded(work.prepare([path]).config) == _loaded(work.prepare([_csv(tmp_path)]).config)


def _csv(tmp_path: Path) -> Path:
    own.reviews(40).write_csv(tmp_path / "plain.csv")
    return tmp_path / "plain.csv"


def _loaded(config: Any) -> tuple[Any, ...]:
    from rekur import tasks

    task: Any = tasks.create(config)
    task.load()
    every = pl.concat(list(task.texts.values())).sort()
    return task.classes, every.to_list(), {part: len(rows) for part, rows in task.labels.items()}


@pytest.mark.parametrize("examples", [30, 100, 1000, 10_000, 100_000, 1_000_000, 30_000_000])
@pytest.mark.parametrize("task", kinds.TASKS)
def test_there_are_defaults_for_every_size(monkeypatch: pytest.MonkeyPatch, task: str, examples: int) -> None:
    from rekur import tasks
    from rekur.fitting import series

    nothing = Panel((), Frequency("count"), Columns())
    there = series.Series(7, True, max(8, examples // 3), examples, examples // 5, nothing, 0, np.arange(0))
    monkeypatch.setattr(series, "look", lambda *_: there)
    monkeypatch.setattr(series.Series, "sizes", lambda *_: {"log": True, "normalise": "season"})
    data: dict[str, dict[str, Any]] = {
        "forecast": {"horizon": 3, "layout": "long", "time": "ds", "target": "y"},
        "tag": {"train": "a.bio"},
        "generate": {"train": "a.txt"},
        "translate": {"train_source": "a", "train_target": "b", "form": "raw", "source": "x", "target": "y"},
    }
    path = {} if task in ("tag", "generate", "translate") else {"path": "a.csv"}
    path |= {"split": "stratified"} if task == "text" else {"label": "y", "id": "id"} if task == "sequences" else {}
    kind = kinds.Kind(task, "a file", {"set": "files", **path, **data.get(task, {})}, kinds.Size(examples, 30.0))
    config = defaults.recipe(kind, "own")
    tasks.create(config)  # no setting contradicts another, none would go unread
    assert defaults.shares(examples)["test"] * examples >= min(2, 0.2 * examples)


def test_what_is_read_in_batches_has_no_evidence_of_ngrams(reviews: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert work.prepare([reviews]).config.model.evidence == 2
    monkeypatch.setattr(kinds, "MEMORY", 0)
    assert work.prepare([reviews]).config.model.evidence == 0


@pytest.mark.parametrize("examples", [30, 2000, 20_000, 99_000, 1_000_000])
@pytest.mark.parametrize("classes", [2, 5, 40])
@pytest.mark.parametrize("steps", [2.0, 30.0, 380.0, 900.0, 5000.0])
def test_long_texts_are_read_as_far_as_there_is_room(examples: int, classes: int, steps: float) -> None:
    def read(whole: bool = True, brief: int = 0) -> tuple[int, int]:
        size = kinds.Size(examples, min(steps, brief or steps), classes=classes, whole=whole)
        config = defaults.recipe(
            kinds.Kind("text", "", {"set": "files", "path": "a", "split": "stratified"}, size), "x"
        )
        return int(config.data["length"]), config.model.evidence

    (length, order), brief = read(), 600 if steps < 3 else 400
    assert examples * min(length, steps) * order * max(1, classes * (classes > 2)) <= defaults.EVIDENCE
    assert brief <= length <= 2000
    assert bool(order) == bool(read(brief=brief)[1])  # nobody loses the n-grams for being read farther
    assert length == 2000 or order or examples >= 100_000
    assert read(whole=False) == (brief, 0)


def test_defaults_grow_with_the_data() -> None:
    def hidden(task: str, examples: int) -> int:
        kind = kinds.Kind(task, "a file", {"set": "files", "path": "a.csv"}, kinds.Size(examples, 30.0))
        return defaults.recipe(kind, "own").model.hidden

    for task in ("text", "sequences", "rows"):
        assert hidden(task, 100) < hidden(task, 20_000)


@pytest.mark.parametrize(("season", "fits"), [(7, True), (365, False)])
def test_a_season_longer_than_a_window_is_left_to_the_calendar(tmp_path: Path, season: int, fits: bool) -> None:
    days = range(3000)
    values = [50 + 10 * math.sin(2 * math.pi * day / season) + math.sin(day * day) for day in days]  # a chirp for noise
    dates = [date(2019, 1, 1) + timedelta(days=day) for day in days]
    pl.DataFrame({"ds": dates, "y": values}).write_csv(tmp_path / "daily.csv")
    config = defaults.recipe(kinds.recognise([tmp_path / "daily.csv"]), "daily")
    window = config.data["window"]
    assert config.data["season"] == season
    assert config.model.highway == window
    assert config.model.start == "linear"
    assert (max(config.data["lags"], default=0) > 0) is fits
    assert all(lag <= window for lag in config.data["lags"])
    assert config.data["calendar"] or fits


def test_what_grows_by_shares_is_forecast_as_logarithms(tmp_path: Path) -> None:
    def log(name: str, values: list[float]) -> bool:
        dates = [date(2019, 1, 1) + timedelta(days=day) for day in range(len(values))]
        pl.DataFrame({"ds": dates, "y": values}).write_csv(tmp_path / name)
        return bool(defaults.recipe(kinds.recognise([tmp_path / name]), "own").data["log"])

    waves = [math.sin(2 * math.pi * day / 7) for day in range(400)]
    chirps = [math.sin(day * day) for day in range(400)]
    slow = [0.003 * day * math.sin(day / 30) for day in range(400)]
    sums = [s + w + 0.3 * c for s, w, c in zip(slow, waves, chirps, strict=True)]
    shares = [math.exp(value) for value in sums]
    assert log("shares.csv", shares)
    assert not log("sums.csv", [5 + value for value in sums])
    assert not log("signs.csv", [value - 2 for value in shares])  # what is not positive has no logarithm


def test_three_classes_are_fitted_predicted_and_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = {"billing": "invoice refund card", "login": "password account locked", "bug": "crash error screen"}
    rows = [
        (f"{word} please help me with this {number}", queue)
        for queue in words
        for word in words[queue].split()
        for number in range(20)
    ]
    pl.DataFrame(rows, schema=["body", "queue"], orient="row").write_csv(tmp_path / "tickets.csv")
    run = tmp_path / "run"
    said(capsys, "fit", tmp_path / "tickets.csv", "--out", run, *QUICK)
    assert load(run).config.model.ballot
    found = json.loads(said(capsys, "predict", run, "the password is locked", "--json"))["predictions"]
    assert found[0]["probability"].keys() == words.keys()
    assert "agree" in said(capsys, "export", run, "--onnx")
