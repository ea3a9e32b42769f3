"""`rekur forecast`: the table it writes, without torch, and what it refuses."""

import errno
import json
import os
import subprocess
import sys

import polars as pl
import pytest

from finished_runs import finished
from rekur import engine, storage
from rekur.cli import main
from rekur.tasks.forecasting import sets


@pytest.fixture
def run():
    return str(finished("temperatures"))


def shown(capsys, *argv, code=0):
    capsys.readouterr()
    assert main([str(word) for word in argv]) == code
    found = capsys.readouterr()
    assert "Traceback" not in found.err
    return found


@pytest.mark.parametrize(("suffix", "read"), [(".csv", pl.read_csv), (".parquet", pl.read_parquet)])
def test_it_writes_the_steps_behind_each_series(run, capsys, tmp_path, suffix, read):
    out = tmp_path / f"next{suffix}"
    said = shown(capsys, "forecast", run, "--out", out).out
    found = read(out)
    assert found.columns == ["unique_id", "ds", "forecast", "q05", "q10", "q25", "q50", "q75", "q90", "q95"]
    assert len(found) == 6 * 7
    assert said == f"42 rows of 6 series in {out}\n"


def test_a_file_that_is_there_is_left_as_it_is(run, capsys, tmp_path):
    out = tmp_path / "next.csv"
    out.write_text("mine", encoding="utf-8")
    assert "is there already, and nothing is overwritten" in shown(capsys, "forecast", run, "--out", out, code=2).err
    assert out.read_text(encoding="utf-8") == "mine"


def test_a_newer_history_moves_it_on(run, capsys, tmp_path):
    later = sets.sample().with_columns(pl.col("ds") + pl.duration(hours=48))
    later.write_csv(tmp_path / "new.csv")
    found = json.loads(shown(capsys, "forecast", run, "--history", tmp_path / "new.csv", "--json").out)["forecasts"]
    assert (str(later["ds"].max()), found[0]["ds"]) == ("2024-03-18 23:00:00", "2024-03-19 00:00:00")
    assert len(found) == 42


def test_it_is_shown_without_a_file(run, capsys):
    assert "and 22 rows more" in shown(capsys, "forecast", run).out


def test_a_full_disk_is_said_and_nothing_is_left(run, capsys, tmp_path, monkeypatch):
    out = tmp_path / "next.csv"

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage.os, "fsync", full)
    said = shown(capsys, "forecast", run, "--out", out, code=1).err
    assert f"No space to write {out}" in said
    assert "give the same command again" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(engine.selected() == "torch", reason="there is no engine here")
def test_no_torch_is_loaded(run, tmp_path):
    script = (
        "import sys; from rekur.cli import main; "
        f"assert main(['forecast', {run!r}, '--out', {str(tmp_path / 'f.csv')!r}]) == 0; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("ds,y\n2024-01-01 00:00,1\n2024-01-01 01:00,2\n", ("unique_id",)),
        ("unique_id,ds,y\ns1,2024-01-01 00:00,1\ns1,2024-01-01 00:00,2\n", ("`s1`", "twice")),
        ("unique_id,ds,y\ns1,2024-01-01 00:00,warm\n", ("`y`", "`warm`", "no numbers")),
        ("unique_id,ds,y\ns1,soon,1\n", ("`ds`", "no time")),
    ],
)
def test_a_history_that_does_not_fit_is_refused(run, capsys, tmp_path, table, words):
    path = tmp_path / "bad.csv"
    path.write_text(table)
    found = shown(capsys, "forecast", run, "--history", path, code=2)
    assert found.out == ""
    assert all(word in found.err for word in words)


def test_other_requests_that_cannot_be(run, capsys, tmp_path):
    assert "must end in" in shown(capsys, "forecast", run, "--out", tmp_path / "x.txt", code=2).err
    assert "rekur forecast RUN" in shown(capsys, "predict", run, tmp_path / "new.csv", code=2).err
    assert "its task is `series`" in shown(capsys, "forecast", finished("kospi-gru"), code=2).err
