"""Bad input gives one clear message and the right exit code: no traceback, nothing half-written."""

import io
import json
import pickle
import shutil
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from finished_runs import finished
from rekur.cli import main
from rekur.runs import Run

DAYS = [f"2024-01-{day:02}" for day in range(2, 10)]


def table(path, changes=None, dates=DAYS, columns=("Open", "High", "Low", "Volume", "Close")):
    rows = [["Date", *columns], *([date, *(str(100.0 + i) for _ in columns)] for i, date in enumerate(dates))]
    for (row, column), value in (changes or {}).items():
        rows[row][column] = value
    path.write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def text(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Run a command in an empty folder; check code, silence on stdout, words on stderr, and that nothing is left."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def check(argv, code, *words):
        capsys.readouterr()
        assert main([str(word) for word in argv]) == code
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "Traceback" not in shown.err
        assert "unexpected" not in shown.err
        for word in words:
            assert word in shown.err
        assert list(folder.iterdir()) == []

    return check


# files to predict and to be tested on

SERIES = {
    "empty file": (lambda p: text(p, ""), ("is empty", "at least one row")),
    "header alone": (lambda p: table(p, dates=[]), ("no rows",)),
    "missing column": (lambda p: table(p, columns=("Open", "High", "Low", "Vol")), ("`Volume`", "Did you mean `Vol`?")),
    "NaN": (lambda p: table(p, {(3, 2): "nan"}), ("`High`", "`nan` in row 3")),
    "nothing in a cell": (lambda p: table(p, {(3, 2): ""}), ("`High`", "nothing in row 3")),
    "text in a number": (lambda p: table(p, {(2, 1): "many"}), ("`Open`", "`many` in row 2")),
    "unsorted dates": (lambda p: table(p, dates=[*DAYS[:5], DAYS[6], DAYS[5]]), ("out of order", "Sort the rows")),
    "duplicate dates": (lambda p: table(p, dates=[*DAYS[:5], DAYS[4]]), ("occurs twice",)),
    "no date": (lambda p: table(p, {(1, 0): "soon"}), ("`soon`", "2024-03-31")),
    "too few rows": (lambda p: table(p, dates=DAYS[:3]), ("reads 5 rows", "got 3")),
    "not UTF-8": (lambda p: text(p, "Date,Open\n2024-01-02,값\n".encode("cp949")), ("not UTF-8", "line 2")),
    "no such file": (lambda p: str(p), ("cannot be read", "No such file")),
}


@pytest.mark.parametrize("case", SERIES)
def test_a_bad_series(refused, tmp_path, case):
    make, words = SERIES[case]
    refused(["predict", finished("kospi-gru"), make(tmp_path / "days.csv")], 2, *words)


@pytest.mark.parametrize("case", ["missing column", "unsorted dates", "NaN"])
def test_a_bad_series_to_be_tested_on(refused, tmp_path, case):
    make, words = SERIES[case]
    refused(["evaluate", finished("kospi-gru"), make(tmp_path / "days.csv")], 2, *words)


TEXTS = {
    "empty file": ("t.txt", "", ("is empty",)),
    "no column text": ("t.csv", "review,score\nfine,1\n", ("no column `text`", "review")),
    "not UTF-8": ("t.txt", "재미있다\n좋다\n".encode("cp949"), ("not UTF-8", "line 1")),
    "UTF-16": ("t.txt", "fine".encode("utf-16"), ("UTF-16", "UTF-8")),
    "a text of no token": ("t.txt", "재미있다\n\n좋다\n", ("Text 2 of 3", "got ''")),
    "columns of one name": ("t.csv", "text,text\na,b\n", ("twice", "`text`")),
    "another ending": ("t.docx", "fine", ()),
}


@pytest.mark.parametrize("case", [case for case in TEXTS if case != "another ending"])
def test_a_bad_file_of_texts(refused, tmp_path, case):
    name, content, words = TEXTS[case]
    refused(["predict", finished("nsmc-sample"), text(tmp_path / name, content)], 2, *words)


def test_a_text_of_no_token(refused):
    refused(["predict", finished("nsmc-sample"), ""], 2, "Text 1 of 1")


def test_a_file_that_is_not_there_is_not_a_text(refused):
    refused(["predict", finished("nsmc-sample"), "reviews.csv"], 2, "no file reviews.csv")


def test_a_text_of_100_000_tokens_is_read(tmp_path, capsys):
    path = text(tmp_path / "long.txt", "재미 " * 100_000)
    assert main(["predict", str(finished("nsmc-sample")), path, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["predictions"]) == 1


def test_stdin_that_is_not_utf8(refused, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("좋다".encode("cp949"))))
    refused(["predict", finished("nsmc-sample"), "-"], 2, "not UTF-8")


def test_a_ragged_table_on_stdin(refused, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Date,Open\n2024-01-02,1\n2024-01-03,1,2,3\n")))
    refused(["predict", finished("kospi-gru"), "-"], 2, "stdin, line 3 has 4 fields")


def test_lines_of_stdin_end_at_line_breaks_alone(monkeypatch, capsys):
    given = "재미\u2028있다\r\n별로\u0085다\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    assert main(["predict", str(finished("nsmc-sample")), "-", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["predictions"]) == 2


def test_an_empty_stdin(refused, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    refused(["predict", finished("nsmc-sample")], 2, "stdin is empty")


LABELLED = {
    "one class only": ("text,label\n좋다,positive\n멋지다,positive\n", ("same label", "two classes")),
    "a label never seen": ("text,label\n좋다,positive\n별로,neutral\n", ("never seen in training", "`neutral`")),
    "no label": ("text,label\n좋다,positive\n별로,\n", ("no label", "row 2")),
    "no column label": ("text,y\n좋다,positive\n", ("no column `label`",)),
}


@pytest.mark.parametrize("case", LABELLED)
def test_a_bad_labelled_file(refused, tmp_path, case):
    content, words = LABELLED[case]
    refused(["evaluate", finished("nsmc-sample"), text(tmp_path / "t.csv", content)], 2, *words)


def test_a_task_that_is_not_tested_on_files(refused, tmp_path):
    refused(["evaluate", finished("hello-rnn"), text(tmp_path / "t.txt", "hi")], 2, "text, series, tag, translate")


IMAGES = {
    "no numbers": (lambda p: text(p, "hello"), ("no .npy file",)),
    "objects": (
        lambda p: np.save(p, np.array([{"a": 1}], dtype=object), allow_pickle=True) or str(p),
        ("no .npy file",),
    ),
    "a number alone": (lambda p: np.save(p, np.array(3.0)) or str(p), ("i.npy", "one image or more", "()")),
    "no image": (lambda p: np.save(p, np.zeros((0, 8, 8))) or str(p), ("i.npy", "one image or more", "(0, 8, 8)")),
    "another size": (lambda p: np.save(p, np.zeros((2, 9, 9))) or str(p), ("(N, 8, 8)", "(2, 9, 9)")),
    "NaN": (lambda p: np.save(p, np.full((8, 8), np.nan)) or str(p), ("finite",)),
    "not there": (lambda p: str(p), ("no file",)),
}


@pytest.mark.parametrize("case", IMAGES)
def test_bad_images(refused, tmp_path, case):
    make, words = IMAGES[case]
    refused(["predict", finished("digits-rows"), make(tmp_path / "i.npy")], 2, *words)


STRIPS = {
    "NaN": (np.full((8, 30), np.nan), "must be bright from 0"),
    "below paper": (np.full((8, 30), -1.0), "got -1 to -1"),
    "too bright": (np.full((8, 30), 300.0), "got 300 to 300"),
}


@pytest.mark.parametrize("name", ["strip-frames", "digits-caption"])
@pytest.mark.parametrize("case", STRIPS)
def test_bad_strips(refused, tmp_path, case, name):
    strip, said = STRIPS[case]
    np.save(tmp_path / "i.npy", strip)
    refused(["predict", finished(name), tmp_path / "i.npy"], 2, "i.npy: ", said)


def test_a_strip_of_another_height(refused, tmp_path):
    np.save(tmp_path / "i.npy", np.zeros((9, 30)))
    refused(["predict", finished("strip-frames"), tmp_path / "i.npy"], 2, "i.npy: ", "(8, W)", "(9, 30)")


def test_a_describer_takes_no_pictures_from_stdin(refused):
    refused(["predict", finished("digits-caption"), "-"], 2, "not read from stdin")


SENTENCES = {
    "no word": ("Ein Hund.\n\nEine Frau.\n", "Sentence 2 of 3 must have 1 to 100 words; got 0"),
    "too many": (f"Ein Hund.\n{'wort ' * 5000}\n", "Sentence 2 of 2 must have 1 to 100 words; got 5000"),
}


@pytest.mark.parametrize("case", SENTENCES)
@pytest.mark.parametrize("ending", ["txt", "de"])
def test_a_bad_sentence_of_a_file(refused, tmp_path, case, ending):
    content, said = SENTENCES[case]
    refused(
        ["predict", finished("multi30k-attention"), text(tmp_path / f"s.{ending}", content)], 2, f"s.{ending}: {said}"
    )


PAIRS = {
    "a missing column": ("source\tenglish\nEin Hund.\tA dog.\n", "There is no column `target`"),
    "no source": ("source\ttarget\nEin Hund.\tA dog.\n\tA dog.\n", "Row 2 has no source"),
    "no target": ("source\ttarget\nEin Hund.\tA dog.\nEin Hund.\t\n", "Row 2 has no target"),
}


@pytest.mark.parametrize("case", PAIRS)
def test_bad_pairs(refused, tmp_path, case):
    content, said = PAIRS[case]
    refused(["evaluate", finished("multi30k-attention"), text(tmp_path / "p.tsv", content)], 2, f"p.tsv: {said}")


# run folders


def rewrite(run, name, change):
    path = run / name
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def weights(run, change):
    opened = Run.open(run)
    opened.save_model(change(opened.load_model()), "series")


class Bomb:
    def __reduce__(self):
        return (Path("exploded").touch, ())


def renamed(arrays):
    return {f"{name}x" if i == 0 else name: array for i, (name, array) in enumerate(arrays.items())}


def header(length):
    return struct.pack("<Q", length) + b"{" * 64


RUNS = {
    "truncated weights": lambda r: (r / "model.safetensors").write_bytes((r / "model.safetensors").read_bytes()[:-9]),
    "a pickle in their place": lambda r: (r / "model.safetensors").write_bytes(pickle.dumps(Bomb())),
    "a header of an exabyte": lambda r: (r / "model.safetensors").write_bytes(header(2**60)),
    "no weights": lambda r: (r / "model.safetensors").unlink(),
    "an empty weights file": lambda r: (r / "model.safetensors").write_bytes(b""),
    "a weight that is not finite": lambda r: weights(r, lambda a: {n: np.full_like(x, np.nan) for n, x in a.items()}),
    "a weight of another shape": lambda r: weights(r, lambda a: {n: x[..., :1] for n, x in a.items()}),
    "a weight of another type": lambda r: weights(r, lambda a: {n: x.astype(np.float64) for n, x in a.items()}),
    "a weight of another name": lambda r: weights(r, renamed),
    "a model too large to be true": lambda r: rewrite(
        r, "config.toml", lambda t: t.replace("hidden = 8", "hidden = 9999999")
    ),
    "a head too large to be true": lambda r: rewrite(
        r, "config.toml", lambda t: t.replace("head = []", "head = [999999999]")
    ),
    "settings that do not exist": lambda r: rewrite(r, "config.toml", lambda t: t.replace("hidden = 8", "hiden = 8")),
    "settings that are no TOML": lambda r: rewrite(r, "config.toml", lambda t: t[:100] + "\x00["),
    "settings of no schema": lambda r: rewrite(r, "config.toml", lambda t: t.replace("schema = 1", "")),
    "a newer schema": lambda r: rewrite(r, "config.toml", lambda t: t.replace("schema = 1", "schema = 99")),
    "a scaler that is no JSON": lambda r: rewrite(r, "scaler.json", lambda t: t[:9]),
    "a scaler of other things": lambda r: rewrite(r, "scaler.json", lambda _: '{"a": 1}'),
    "no scaler": lambda r: (r / "scaler.json").unlink(),
    "columns that are no list": lambda r: rewrite(r, "columns.json", lambda _: "7"),
}


@pytest.mark.parametrize("case", RUNS)
def test_a_damaged_or_hostile_run_is_refused(refused, tmp_path, case):
    run = shutil.copytree(finished("kospi-gru"), tmp_path / "run")
    RUNS[case](run)
    days = table(tmp_path / "days.csv")
    refused(["predict", run, days], 5, str(run))


@pytest.mark.parametrize("command", [["evaluate"], ["run", "--resume"], ["predict"]])
@pytest.mark.parametrize("change", [("window = 5", "windw = 5"), ('cell = "gru"', 'cell = "gur"')])
def test_stored_settings_that_cannot_be_are_the_folders_fault(refused, tmp_path, command, change):
    run = shutil.copytree(finished("kospi-gru"), tmp_path / "run")
    rewrite(run, "config.toml", lambda text: text.replace(*change))
    refused([*command, run], 5, str(run))


@pytest.mark.parametrize("file", ["metrics.json", "predictions.parquet", "history.jsonl"])
def test_a_damaged_record_is_refused_by_the_report(refused, tmp_path, file):
    run = shutil.copytree(finished("kospi-gru"), tmp_path / "run")
    (run / file).write_bytes(b"\xff{]\n")
    (run / "report.html").unlink()
    refused(["report", run], 5, "damaged")
    assert not (run / "report.html").exists()


@pytest.mark.parametrize("command", ["predict", "evaluate", "report"])
def test_no_run(refused, tmp_path, command):
    refused([command, tmp_path / "no"], 2, "no run folder", "rekur run NAME")


# requests

REQUESTS = {
    "no such recipe": (["run", "kospi-gruu"], "Did you mean `kospi-gru`?"),
    "an unknown key": (["run", "hello-rnn", "--set", "training.epoch=3"], "Did you mean `epochs`?"),
    "an unknown section": (["run", "hello-rnn", "--set", "trainin.epochs=3"], "Did you mean `training.epochs`?"),
    "an unknown key of the data": (["run", "kospi-gru", "--set", "data.windw=3"], "Did you mean `window`?"),
    "a wrong type": (["run", "hello-rnn", "--set", "training.epochs=many"], "training.epochs"),
    "a wrong choice": (["run", "hello-rnn", "--set", "model.cell=gur"], "model.cell"),
    "a value out of range": (["run", "hello-rnn", "--set", "model.hidden=0"], "model.hidden"),
    "no value": (["run", "hello-rnn", "--set", "training.epochs"], "key=value"),
    "a change of no recipe": (["run", "--set", "training.epochs=3"], "NAME"),
    "resumed and changed": (["run", "--resume", "{run}", "--set", "training.epochs=3"], "--set"),
    "resumed and placed": (["run", "--resume", "{run}", "--out", "x"], "--out"),
    "resumed under another name": (["run", "imdb-gru", "--resume", "{run}"], "kospi-gru"),
    "resumed from nowhere": (["run", "--resume", "nowhere"], "no run folder"),
    "a place that is taken": (["run", "hello-rnn", "--out", "{run}"], "not empty"),
    "a shelf where a run is": (["run", "--out", "{run}"], "new or empty"),
    "a place that cannot be": (["run", "hello-rnn", "--out", "{run}/metrics.json/x"], "Cannot write"),
    "no device": (["run", "hello-rnn", "--device", "abacus"], "abacus"),
    "one class only": (["run", "nsmc-sample", "--set", "data.max_train=1"], "class"),
    "no test part": (["run", "kospi-gru", "--set", "data.train=426"], "no test part"),
    "no such data set": (["data", "get", "imbd"], "Did you mean `imdb`?"),
    "a recipe that is no TOML": (["run", "{tmp}/bad.toml"], "not valid TOML"),
    "a recipe that is not UTF-8": (["run", "{tmp}/latin.toml"], "not UTF-8"),
    "the page of a recipe of one's own": (["recipes", "{tmp}/task.toml"], "No recipe is called"),
    "a shelf on no device": (["run", "--device", "abacus"], "abacus"),
    "resumed under another seed": (["run", "--resume", "{run}", "--seed", "99"], "--seed"),
    "resumed on more threads": (["run", "--resume", "{run}", "--threads", "7"], "--threads"),
    "resumed on another device": (["run", "--resume", "{run}", "--device", "cuda"], "--device"),
    "a recipe of another task": (["run", "{tmp}/task.toml"], "Did you mean `text`?"),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_a_bad_request(refused, tmp_path, case):
    argv, word = REQUESTS[case]
    (tmp_path / "bad.toml").write_text("[recipe\n", encoding="utf-8")
    (tmp_path / "latin.toml").write_bytes('title = "é"'.encode("latin-1"))
    (tmp_path / "task.toml").write_text('[recipe]\nname = "a"\ntitle = "A"\ntask = "texts"\n', encoding="utf-8")
    run = shutil.copytree(finished("kospi-gru"), tmp_path / "run") if "{run}" in "".join(argv) else ""
    refused([part.format(run=run, tmp=tmp_path) for part in argv], 2, word)


def test_a_damaged_data_set(refused, tmp_path):
    (tmp_path / "data" / "kospi").mkdir(parents=True)
    (tmp_path / "data" / "kospi" / "kospi.csv").write_text("Date,Open\n", encoding="utf-8")
    refused(["run", "kospi-gru", "--data", tmp_path / "data"], 2, "kospi.csv is damaged", "rekur data get kospi")
