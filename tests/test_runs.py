"""What the run folder keeps, gives back and refuses."""

from __future__ import annotations

import errno
import os
import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rekur.errors import RefusedModelError, RekurError, RequestError
from rekur.runs import SCHEMA, Run, free_place, write_whole

RECIPE = '[recipe]\nname = "toy"\n'


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", RECIPE, seed=1, device="cpu", threads=None)


def test_everything_written_comes_back(run: Run) -> None:
    frame = pl.DataFrame({"id": [0, 1], "truth": [1, 0], "prediction": [1, 1]})
    run.append_history({"epoch": 0, "loss": np.float32(0.5)})
    run.append_history({"epoch": 1, "loss": float("nan")})
    run.write_metrics({"test": {"accuracy": np.float64(0.5)}, "seconds": float("inf")})
    run.write_predictions(frame)
    run.write_table("examples", frame)
    run.write_extra({"classes": ["부정", "긍정"]})
    run.save_model({"w": np.arange(6.0).reshape(2, 3), "empty": np.zeros((0, 2)), "step": np.array(3)}, "text")
    run.write_files({"vocabulary.json": "[]"})
    again = Run.open(run.path)
    assert again.history() == [{"epoch": 0, "loss": 0.5}, {"epoch": 1, "loss": None}]
    assert again.metrics() == {"test": {"accuracy": 0.5}, "seconds": None}
    assert again.predictions().equals(frame)
    assert again.tables() == ["examples"]
    assert again.table("examples").equals(frame)
    assert again.extra() == {"classes": ["부정", "긍정"]}
    assert again.files() == {"vocabulary.json": "[]"}
    weights = again.load_model()
    shapes = {name: array.shape for name, array in weights.items()}
    assert shapes == {
        "w": (2, 3),
        "empty": (0, 2),
        "step": (),
    }
    assert np.array_equal(weights["w"], np.arange(6.0).reshape(2, 3))


def test_the_settings_hold_the_recipe_and_the_run(run: Run) -> None:
    assert tomllib.loads(run.config_text()) == tomllib.loads(RECIPE)
    run.update_about(threads=2)
    assert run.about() == {"schema": SCHEMA, "seed": 1, "device": "cpu", "threads": 2}
    assert tomllib.loads(run.config_text()) == tomllib.loads(RECIPE)


def test_a_torn_last_line_of_history_is_left_out(run: Run) -> None:
    run.append_history({"epoch": 0})
    with (run.path / "history.jsonl").open("a") as file:
        file.write('{"epoch": 1, "lo')
    assert run.history() == [{"epoch": 0}]
    run.write_history(run.history())
    run.append_history({"epoch": 1})
    assert run.history() == [{"epoch": 0}, {"epoch": 1}]


def test_a_run_never_overwrites(run: Run) -> None:
    before = sorted(run.path.iterdir())
    with pytest.raises(RequestError, match="never overwrites"):
        Run.create(run.path, RECIPE)
    assert sorted(run.path.iterdir()) == before


def test_free_place_counts_on_and_stays_inside(tmp_path: Path) -> None:
    assert free_place("toy", tmp_path) == tmp_path / "toy-1"
    assert (tmp_path / "toy-1").is_dir()  # taken: no other process gets it
    assert free_place("toy", tmp_path) == tmp_path / "toy-2"
    assert free_place("../../etc/x", tmp_path).parent == tmp_path


def test_a_place_where_a_process_was_killed_at_once_is_free(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".config.toml.17.tmp").write_text("[rec")
    run = Run.create(tmp_path / "run", RECIPE)
    assert [path.name for path in run.path.iterdir()] == ["config.toml"]


def test_one_process_at_a_time_is_in_a_run(run: Run) -> None:
    with run.alone(), pytest.raises(RequestError, match="Another process"), run.alone():
        pass
    with run.alone():  # free again
        pass


def test_an_unfinished_run_has_no_metrics(run: Run) -> None:
    assert not run.finished()
    with pytest.raises(RequestError, match="--resume"):
        run.metrics()


def test_no_folder_is_a_request_error(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no run folder"):
        Run.open(tmp_path / "nowhere")


def test_a_folder_without_a_run_is_a_request_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RequestError, match="no run is in it"):
        Run.open(tmp_path)


def test_a_run_that_lost_its_settings_is_refused(run: Run) -> None:
    run.write_metrics({})
    (run.path / "config.toml").unlink()
    with pytest.raises(RefusedModelError):
        Run.open(run.path)


@pytest.mark.parametrize("config", ["", "[run", RECIPE, "run = 3\n", b"\xff\xfe"])
def test_a_damaged_folder_is_refused(run: Run, config: str | bytes) -> None:
    path = run.path / "config.toml"
    path.write_bytes(config if isinstance(config, bytes) else config.encode())
    with pytest.raises(RefusedModelError):
        Run.open(run.path)


def test_a_newer_schema_is_refused(run: Run) -> None:
    run.update_about(schema=SCHEMA + 1)
    with pytest.raises(RefusedModelError, match="newer rekur"):
        Run.open(run.path)


@pytest.mark.parametrize("name", ["metrics.json", "extra.json", "history.jsonl", "predictions.parquet"])
def test_damaged_files_are_refused(run: Run, name: str) -> None:
    (run.path / name).write_bytes(b"[1, 2\n")
    with pytest.raises(RefusedModelError, match=name):
        getattr(run, name.partition(".")[0])()


def test_a_flipped_bit_anywhere_in_the_model_is_refused(run: Run) -> None:
    run.save_model({"w": np.arange(4, dtype=np.float32)})
    path = run.path / "model.safetensors"
    whole = path.read_bytes()
    accepted = []
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            weights = run.load_model()
        except RefusedModelError:
            continue
        accepted.append((place, weights))
    assert not [place for place, weights in accepted if not np.array_equal(weights["w"], np.arange(4))]


@pytest.mark.parametrize("content", [b"", b"\x80\x04]", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}"])
def test_what_is_no_model_is_refused(run: Run, content: bytes) -> None:
    (run.path / "model.safetensors").write_bytes(content)
    with pytest.raises(RefusedModelError, match=r"model\.safetensors"):
        run.load_model()


def test_a_full_disk_keeps_the_old_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.write_extra({"old": True})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RekurError, match="No space") as caught:
        run.write_extra({"old": False})
    assert caught.value.exit_code == 1
    assert run.extra() == {"old": True}
    assert not list(run.path.glob(".*"))


def test_a_place_that_cannot_be_written_is_a_request_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RequestError, match="--out"):
        Run.create(tmp_path / "file" / "run", RECIPE)
    with pytest.raises(RequestError, match="--out"):
        write_whole(tmp_path / "missing" / "x", b"")


def test_a_model_file_cannot_take_a_reserved_or_outside_name(run: Run) -> None:
    for name in ("metrics.json", "../x.json", "x.txt"):
        with pytest.raises(ValueError, match="is called"):
            run.write_files({name: ""})
