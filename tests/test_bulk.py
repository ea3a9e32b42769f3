"""A file of predictions holds what the model says of each row, beside the row, however often the command was killed."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

import rekur
from rekur import bulk
from rekur.cli import main
from rekur.data.datasets import digits, kospi, nsmc
from rekur.errors import DataError, Interrupted, RekurError, RequestError

STORED = Path(__file__).parent / "stored" / "1"
TEXT = STORED / "text"


def quiet(_):
    pass


@pytest.fixture
def reviews(tmp_path):
    """A table of 23 reviews with ids, some of which are empty."""
    texts = [*nsmc.load("test", sample=True).texts[:20].to_list(), "", None, "좋다"]
    frame = pl.DataFrame({"id": range(100, 123), "text": texts})
    frame.write_csv(tmp_path / "reviews.csv")
    return tmp_path / "reviews.csv"


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr("rekur.data.sources.BATCH", 5)
    monkeypatch.setattr(bulk.pieces, "BATCH", 5)


def read(path):
    kind = path.suffix
    return (
        pl.read_parquet(path) if kind == ".parquet" else pl.read_csv(path) if kind == ".csv" else pl.read_ndjson(path)
    )


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", bulk.FORMS)
def test_every_row_keeps_its_columns_and_gets_its_prediction(reviews, tmp_path, kind):
    predictor, out = rekur.load(TEXT), tmp_path / f"p{kind}"
    found = bulk.write(predictor, reviews, out, quiet)
    assert (found.rows, found.unread, found.taken_over) == (23, 2, 0)
    table = read(out)
    assert table["id"].cast(pl.Int64).to_list() == list(range(100, 123))
    assert table["prediction"].null_count() == 2
    told = table.drop_nulls("prediction")
    expected = predictor.predict(told["text"].to_list())
    assert told["prediction"].to_list() == [item["prediction"] for item in expected]
    np.testing.assert_allclose(
        told["probability_positive"], [item["probability"]["positive"] for item in expected], atol=1e-6
    )
    assert {entry.name for entry in tmp_path.iterdir()} == {"reviews.csv", out.name}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("killed_at", [1, 2, 4])
def test_a_command_that_was_killed_goes_on_where_it_stopped(reviews, tmp_path, monkeypatch, killed_at):
    predictor, out = rekur.load(TEXT), tmp_path / "p.csv"
    bulk.write(predictor, reviews, tmp_path / "whole.csv", quiet)
    calls, original = [], bulk._part

    def killed(*given):
        calls.append(given)
        if len(calls) == killed_at:
            raise KeyboardInterrupt
        return original(*given)

    monkeypatch.setattr(bulk, "_part", killed)
    with pytest.raises(Interrupted, match="same command"):
        bulk.write(predictor, reviews, out, quiet)
    assert not out.exists()
    calls.clear()
    killed_at = None
    found = bulk.write(rekur.load(TEXT), reviews, out, quiet)  # as a command that is given again does
    assert found.taken_over + sum(len(kept) for kept, _ in calls) == found.rows == 23
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.usefixtures("small")
def test_parts_of_another_file_are_not_taken_over(reviews, tmp_path, monkeypatch):
    predictor, out, original = rekur.load(TEXT), tmp_path / "p.csv", bulk._join
    monkeypatch.setattr(bulk, "_join", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(Interrupted):
        bulk.write(predictor, reviews, out, quiet)
    monkeypatch.setattr(bulk, "_join", original)
    pl.DataFrame({"text": ["좋다"] * 7}).write_csv(reviews)
    words = []
    assert bulk.write(predictor, reviews, out, words.append).rows == 7
    assert any("not used" in word for word in words)
    assert len(read(out)) == 7


def test_images_a_series_and_sentences_are_taken_too(tmp_path):
    images = digits.load("test")[0][:7]
    np.save(tmp_path / "images.npy", images)
    bulk.write(rekur.load(STORED / "rows"), tmp_path / "images.npy", tmp_path / "images.parquet", quiet)
    expected = [item["prediction"] for item in rekur.load(STORED / "rows").predict(images)]
    assert read(tmp_path / "images.parquet")["prediction"].to_list() == expected

    kospi.load().tail(9).write_csv(tmp_path / "days.csv")
    bulk.write(rekur.load(STORED / "series"), tmp_path / "days.csv", tmp_path / "days.parquet", quiet)
    told = read(tmp_path / "days.parquet")["prediction"]
    window = kospi.load().tail(5).select("Open", "High", "Low", "Volume").to_numpy()
    assert told.null_count() == 4
    assert told[-1] == pytest.approx(rekur.load(STORED / "series").predict([window])[0]["prediction"])

    (tmp_path / "s.bio").write_text("the\ndog\n\nMary\nreads\nit\n", encoding="utf-8")
    bulk.write(rekur.load(STORED / "tags"), tmp_path / "s.bio", tmp_path / "s.csv", quiet)
    assert [len(tags.split()) for tags in read(tmp_path / "s.csv")["prediction"]] == [2, 3]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", bulk.FORMS)
def test_a_batch_without_an_answer_keeps_its_rows(tmp_path, kind):
    texts = [*nsmc.load("test", sample=True).texts[:5].to_list(), *[""] * 5, "좋다"]
    pl.DataFrame({"text": texts}).write_parquet(tmp_path / "texts.parquet")
    found = bulk.write(rekur.load(TEXT), tmp_path / "texts.parquet", tmp_path / f"p{kind}", quiet)
    table = read(tmp_path / f"p{kind}")
    assert (found.rows, found.unread) == (11, 5)
    assert table["prediction"].is_null().to_list() == [False] * 5 + [True] * 5 + [False]
    assert table["probability_positive"].null_count() == 5


def test_no_rows_are_one_sentence(tmp_path):
    np.save(tmp_path / "none.npy", np.zeros((0, 8, 8)))
    with pytest.raises(DataError, match="has no rows"):
        bulk.write(rekur.load(STORED / "rows"), tmp_path / "none.npy", tmp_path / "p.csv", quiet)


@pytest.fixture
def stopped(monkeypatch):
    """Write predictions, but stop before the parts become the file."""

    def stop(*given):
        with monkeypatch.context() as patch:
            patch.setattr(bulk, "_join", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(Interrupted):
                bulk.write(*given, quiet)

    return stop


@pytest.mark.usefixtures("small")
def test_predictions_may_lie_in_the_folder_that_is_predicted(asked, stopped):
    predictor, (source, _) = rekur.load(STORED / "captions"), asked["captions"]
    stopped(predictor, source, source / "p.csv")
    assert bulk.write(predictor, source, source / "p.csv", quiet).taken_over == 7


@pytest.mark.usefixtures("small")
def test_a_picture_that_is_called_otherwise_begins_it_again(asked, stopped):
    predictor, (source, _) = rekur.load(STORED / "captions"), asked["captions"]
    stopped(predictor, source, source / "p.csv")
    (source / "0.png").rename(source / "00.png")
    assert bulk.write(predictor, source, source / "p.csv", quiet).taken_over == 0


UNFIT = {
    ".csv": {
        "struct": pl.Series([{"a": 1}]),
        "array": pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2)),
        "lists": pl.Series([[[1]]]),
        "binary": pl.Series([b"a"]),
        "duration": pl.Series([[1]], dtype=pl.List(pl.Duration)),
    },
    ".jsonl": {
        "binary": pl.Series([b"a"]),
        "binaries": pl.Series([[b"a"]]),
        "inside": pl.Series([{"a": [b"a"]}]),
    },
}
FIT = {
    ".csv": {"list": pl.Series([[1, 2]]), "date": pl.Series(["2024-01-31"]).str.to_date()},
    ".jsonl": {"struct": pl.Series([{"a": [1]}]), "array": pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2))},
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in UNFIT for name in UNFIT[kind]])
def test_a_column_that_the_file_cannot_hold_is_named_before_a_row_is_predicted(tmp_path, monkeypatch, kind, name):
    pl.DataFrame({"text": ["좋다"], name: UNFIT[kind][name]}).write_parquet(tmp_path / "t.parquet")
    monkeypatch.setattr(bulk, "_answers", lambda *_: pytest.fail("predicted"))
    with pytest.raises(DataError, match=rf"`{name}` holds .* ends in \.parquet"):
        bulk.write(rekur.load(TEXT), tmp_path / "t.parquet", tmp_path / f"p{kind}", quiet)
    assert [one.name for one in tmp_path.iterdir()] == ["t.parquet"]


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in FIT for name in FIT[kind]])
def test_a_column_that_the_file_can_hold_is_kept(tmp_path, kind, name):
    pl.DataFrame({"text": ["좋다"], name: FIT[kind][name]}).write_parquet(tmp_path / "t.parquet")
    bulk.write(rekur.load(TEXT), tmp_path / "t.parquet", tmp_path / f"p{kind}", quiet)
    assert read(tmp_path / f"p{kind}")[name].null_count() == 0


@pytest.mark.usefixtures("small")
def test_the_file_may_be_called_as_a_part(reviews, tmp_path):
    found = bulk.write(rekur.load(TEXT), reviews, tmp_path / "000000.parquet", quiet)
    assert read(found.out)["id"].cast(pl.Int64).to_list() == list(range(100, 123))


@pytest.mark.usefixtures("small")
def test_a_series_is_predicted_some_rows_at_a_time(tmp_path, monkeypatch):
    kospi.load().tail(12).write_csv(tmp_path / "days.csv")
    predictor, sizes, original = rekur.load(STORED / "series"), [], bulk._answers
    monkeypatch.setattr(bulk, "_answers", lambda *of: sizes.append(len(of[1])) or original(*of))
    told = read(bulk.write(predictor, tmp_path / "days.csv", tmp_path / "p.csv", quiet).out)
    assert sizes == [5, 5, 2]
    values = kospi.load().tail(12).select(predictor.task.data.inputs).to_numpy()
    T = predictor.task.data.window
    expected = predictor.predict([values[at - T : at] for at in range(T, 13)])
    assert told["prediction"].to_list()[: T - 1] == [None] * (T - 1)
    np.testing.assert_allclose(told["prediction"][T - 1 :], [one["prediction"] for one in expected], rtol=1e-6)


@pytest.mark.usefixtures("small")
def test_sequences_keep_their_ids(tmp_path):
    predictor = rekur.load(STORED / "waves")
    steps = pl.DataFrame({"id": [f"s{row // 12}" for row in range(84)], "value": np.sin(np.arange(84.0))})
    wanted = [name for name in predictor.task.reader.columns if name not in steps.columns]
    steps = steps.with_columns(pl.col("value").alias(name) for name in wanted)
    steps.write_csv(tmp_path / "steps.csv")
    found = bulk.write(predictor, tmp_path / "steps.csv", tmp_path / "p.csv", quiet)
    assert found.rows == 7
    assert read(tmp_path / "p.csv")["id"].to_list() == [f"s{number}" for number in range(7)]


@pytest.fixture
def asked(tmp_path):
    """What each run is asked in a file or folder, and the answer of one that is in it."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number, image in enumerate(digits.load("test")[0][:7]):
        Image.fromarray((image * 15).astype(np.uint8)).save(pictures / f"{number}.png")
    (pictures / "4.png").write_text("no picture", encoding="utf-8")
    pl.DataFrame({"class": ["Korean", "Irish", "Klingon", "Dutch", "Greek", "Czech"]}).write_csv(tmp_path / "names.tsv")
    sentences = ["ein mann schläft .", "eine frau", "", "der hund", "ein kind .", "die frau"]
    pl.DataFrame({"source": sentences, "n": range(6)}).write_ndjson(tmp_path / "sentences.jsonl")
    (tmp_path / "prompts.txt").write_text("The \nA\nI \nO\nAnd\nBut\n", encoding="utf-8")
    return {
        "captions": (pictures, [4]),
        "names": (tmp_path / "names.tsv", [2]),
        "translations": (tmp_path / "sentences.jsonl", [2]),
        "characters": (tmp_path / "prompts.txt", []),
    }


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", ["captions", "names", "translations", "characters"])
def test_models_that_write_are_asked_by_files_and_go_on_when_killed(name, asked, tmp_path, monkeypatch):
    predictor, (source, unread) = rekur.load(STORED / name), asked[name]
    whole = bulk.write(predictor, source, tmp_path / "whole.parquet", quiet)
    table = read(whole.out)
    assert table["prediction"].is_null().arg_true().to_list() == unread
    assert whole.unread == len(unread)
    given = {
        "captions": source / "0.png",
        "names": "Korean",
        "translations": "ein mann schläft .",
        "characters": "The ",
    }
    assert table["prediction"][0] == predictor.predict([given[name]])[0]["prediction"]
    original = bulk._part
    parts = iter([original, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)])
    monkeypatch.setattr(bulk, "_part", lambda *of: next(parts)(*of))
    with pytest.raises(Interrupted):
        bulk.write(predictor, source, tmp_path / "p.parquet", quiet)
    monkeypatch.setattr(bulk, "_part", original)
    found = bulk.write(predictor, source, tmp_path / "p.parquet", quiet)
    assert found.taken_over == 5
    assert read(found.out).equals(table)


@pytest.mark.usefixtures("small")
def test_a_folder_that_has_changed_is_begun_again(asked, tmp_path, monkeypatch):
    predictor, (source, _) = rekur.load(STORED / "captions"), asked["captions"]
    monkeypatch.setattr(bulk, "_join", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(Interrupted):
        bulk.write(predictor, source, tmp_path / "p.csv", quiet)
    monkeypatch.undo()
    (source / "4.png").unlink()
    found = bulk.write(predictor, source, tmp_path / "p.csv", quiet)
    assert (found.rows, found.taken_over, found.unread) == (6, 0, 0)


def test_rows_of_numbers_are_described_and_one_without_a_number_is_left_empty(tmp_path):
    draw = np.random.default_rng(1)
    rows = pl.DataFrame(draw.random((40, 2)), schema=["a", "b"])
    words = pl.Series("caption", ["up" if a > b else "down" for a, b in rows.rows()])
    rows.with_columns(words).write_csv(tmp_path / "table.csv")
    settings = {
        "data.set": "vectors",
        "data.file": str(tmp_path / "table.csv"),
        "training.epochs": 1,
        "model.hidden": 4,
    }
    run = rekur.run("names-by-language", out=tmp_path / "run", settings=settings, threads=1).path
    (tmp_path / "new.csv").write_text("a,b,c\n0.1,0.9,x\n,0.5,y\n0.7,0.2,z\n", encoding="utf-8")
    found = bulk.write(rekur.load(run), tmp_path / "new.csv", tmp_path / "p.csv", quiet)
    assert read(found.out)["prediction"].is_null().to_list() == [False, True, False]
    (tmp_path / "none.csv").write_text("a,c\n0.1,0.9\n", encoding="utf-8")
    with pytest.raises(DataError, match="`b`"):
        bulk.write(rekur.load(run), tmp_path / "none.csv", tmp_path / "q.csv", quiet)


def test_a_folder_of_texts_is_predicted_file_by_file(tmp_path):
    (tmp_path / "letters").mkdir()
    for name, text in (("b.txt", "재미있다"), ("a.txt", "지루하다"), ("._a.txt", "좋다")):
        (tmp_path / "letters" / name).write_text(text, encoding="utf-8")
    (tmp_path / "letters" / "c.txt").write_bytes("좋다".encode("cp949"))
    (tmp_path / "letters" / "d.txt").mkdir()
    table = read(bulk.write(rekur.load(TEXT), tmp_path / "letters", tmp_path / "p.csv", quiet).out)
    expected = rekur.load(TEXT).predict(["지루하다", "재미있다"])
    assert table["file"].to_list() == ["a.txt", "b.txt", "c.txt"]
    assert table["prediction"].to_list() == [*(item["prediction"] for item in expected), None]


def test_a_forecaster_names_its_own_command(reviews, tmp_path):
    with pytest.raises(RequestError, match=r"rekur forecast RUN --history reviews\.csv"):
        bulk.write(rekur.load(STORED / "forecast"), reviews, tmp_path / "p.csv", quiet)
    assert list(tmp_path.iterdir()) == [reviews]


def test_what_is_wrong_is_one_sentence(reviews, tmp_path):
    predictor = rekur.load(TEXT)
    (tmp_path / "there.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(RequestError, match="there already"):
        bulk.write(predictor, reviews, tmp_path / "there.csv", quiet)
    with pytest.raises(RequestError, match="must end in"):
        bulk.write(predictor, reviews, tmp_path / "p.xlsx", quiet)
    pl.DataFrame({"text": ["좋다"], "prediction": [1]}).write_csv(tmp_path / "twice.csv")
    with pytest.raises(DataError, match="`prediction` already"):
        bulk.write(predictor, tmp_path / "twice.csv", tmp_path / "p.csv", quiet)
    pl.DataFrame({"text": ["", ""]}).write_csv(tmp_path / "blank.csv")
    with pytest.raises(DataError, match="a word the model can read"):
        bulk.write(predictor, tmp_path / "blank.csv", tmp_path / "p.csv", quiet)
    with pytest.raises(DataError, match="cannot be read"):
        bulk.write(predictor, tmp_path / "no.csv", tmp_path / "p.csv", quiet)


def test_two_commands_do_not_write_one_file(reviews, tmp_path):
    parts = tmp_path / ".p.csv.parts"
    parts.mkdir()
    with bulk.locked(parts) as free:
        assert free
        with pytest.raises(RequestError, match="Another process"):
            bulk.write(rekur.load(TEXT), reviews, tmp_path / "p.csv", quiet)


def test_a_full_disk_is_one_message_and_loses_nothing(reviews, tmp_path):
    predictor, before = rekur.load(TEXT), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (700, before[1]))
    try:
        with pytest.raises(RekurError, match="No space") as full:
            bulk.write(predictor, reviews, tmp_path / "p.csv", quiet)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert full.value.exit_code == 1
    assert not (tmp_path / "p.csv").exists()
    assert bulk.write(predictor, reviews, tmp_path / "p.csv", quiet).rows == 23


def test_the_command_prints_the_path_and_a_rate(reviews, tmp_path, capsys):
    out = tmp_path / "p.jsonl"
    assert main(["predict", str(TEXT), str(reviews), "--out", str(out)]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{out}\n"
    assert "23 rows in" in shown.err
    assert "a second" in shown.err
    assert "2 of them the model cannot read" in shown.err
    assert main(["predict", str(TEXT), str(reviews), "--out", str(tmp_path / "q.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 23
    assert main(["predict", str(TEXT), "-", "--out", str(tmp_path / "r.csv")]) == 2


def test_a_line_of_stdin_is_answered_before_the_next_one_comes():
    code = f"from rekur.cli import main; main(['predict', {str(TEXT)!r}, '-'])"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
    )
    with process:
        for text in ("좋다", "", "재미있는 영화"):
            process.stdin.write(f"{text}\n".encode())
            process.stdin.flush()
            answer = process.stdout.readline().decode().split("\t")[0].strip()
            assert answer == ("" if not text else rekur.load(TEXT).predict([text])[0]["prediction"])
        process.stdin.close()
        assert "Line 2" in process.stderr.read().decode()
        assert process.wait() == 0
