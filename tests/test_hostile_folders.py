"""A damaged or hostile run folder is refused in one sentence: no crash, no code run, nothing read outside of it.

`python benchmarks/fuzz_folders.py` runs 100,000 cases of what some hundreds are run of here.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest

from rekur import predict
from rekur.cli import main
from rekur.errors import RefusedModelError
from rekur.runs import Run

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
from folder_damage import BASES, STORED
from fuzz_folders import ACCEPTED, FAILED, REFUSED, Fuzz, judge

CASES = 400


def test_damaged_folders_are_refused_or_predict():
    found = Fuzz(seed=7).run(CASES)
    assert found["failures"] == []
    assert not found["code_run"]
    assert sum(found["counts"].values()) == CASES
    assert found["counts"][REFUSED] > found["counts"][ACCEPTED] > 0
    assert FAILED not in found["counts"]


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(STORED / "text", tmp_path / "run")


def refused(folder, *words):
    with pytest.raises(RefusedModelError) as error:
        predict.load(folder)
    assert "\n" not in str(error.value)
    for word in (str(folder), *words):
        assert word in str(error.value)


@pytest.mark.parametrize("name", ["config.toml", "metrics.json", "vocabulary.json", "model.safetensors"])
@pytest.mark.parametrize("target", ["/etc/passwd", "/dev/zero", "itself"])
def test_a_symbolic_link_is_not_followed(folder, name, target):
    path = folder / name
    kept = path.rename(folder.parent / name)
    path.symlink_to(kept if target == "itself" else target)
    refused(folder, "symbolic link", name)


@pytest.mark.parametrize("name", ["config.toml", "vocabulary.json", "model.safetensors"])
def test_a_pipe_is_not_waited_for(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    refused(folder, name)


@pytest.mark.parametrize("name", ["config.toml", "metrics.json", "vocabulary.json", "model.safetensors"])
def test_a_file_of_a_terabyte_is_not_read(folder, name):
    os.truncate(folder / name, 2**40)
    refused(folder, name, "bytes at most")


@pytest.mark.parametrize("text", ["a" + ".a" * 5000 + " = 1", "a = 0x" + "f" * 50_000, "a = " + "[" * 100_000])
def test_settings_too_deep_or_too_large_are_refused(folder, text):
    settings = (folder / "config.toml").read_text(encoding="utf-8")
    (folder / "config.toml").write_text(f"{text}\n{settings}", encoding="utf-8")
    refused(folder)


def test_a_name_of_a_form_cannot_leave_the_folder(folder):
    settings = (folder / "config.toml").read_text(encoding="utf-8")
    forms = '\n[compare]\nplain = {}\n"../../x" = { "training.epochs" = 2 }\n'
    (folder / "config.toml").write_text(settings.replace("\n[compare]\n", forms), encoding="utf-8")
    assert "[compare]" in settings
    assert main(["evaluate", str(folder)]) == 5


@pytest.mark.parametrize("name", BASES)
def test_a_truncated_table_is_refused(name, tmp_path):
    run = Run.open(shutil.copytree(STORED / name, tmp_path / "run"))
    path = run.path / "predictions.parquet"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(RefusedModelError, match=r"predictions\.parquet"):
        run.predictions()


def test_every_stored_folder_is_accepted_as_it_is():
    assert [judge(STORED / name, name)[0] for name in BASES] == [ACCEPTED] * len(BASES)
