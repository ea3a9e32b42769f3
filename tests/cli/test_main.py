"""Errors become messages and exit codes; help answers at once."""

import errno
import json
import os
import resource
import subprocess
import sys

import pytest

import rekur
from rekur import config
from rekur.cli import main
from rekur.errors import ConfigError, DataError, Interrupted, RefusedModelError, RekurError

HEAVY = ("torch", "numpy", "polars", "sklearn", "scipy", "matplotlib", "pydantic")

ERRORS = [
    (RekurError("it failed"), 1, "rekur: it failed\n"),
    (ConfigError("unknown [setting]"), 2, "rekur: unknown [setting]\n"),
    (DataError("empty"), 2, "rekur: empty\n"),
    (RefusedModelError("newer"), 5, "rekur: newer\n"),
    (Interrupted("stopped"), 130, "rekur: stopped\n"),
    (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/a"), 1, "No space left on device: runs/a."),
    (RuntimeError("CPU: can't allocate memory"), 1, "rekur: not enough memory."),
    (MemoryError(), 1, "rekur: not enough memory."),
    (
        RuntimeError("odd\nthing"),
        1,
        "rekur: unexpected RuntimeError: odd thing. Run again with --debug to see where.\n",
    ),
]


def fail(error):
    def raiser(*_):
        raise error

    return raiser


@pytest.mark.parametrize(("error", "code", "message"), ERRORS, ids=lambda value: type(value).__name__)
def test_an_error_becomes_one_message_and_its_code(monkeypatch, capsys, error, code, message):
    monkeypatch.setattr(config, "load", fail(error))
    assert main(["recipes", "hello-rnn"]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in shown.err
    assert "Traceback" not in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("where", [0, 1, 2])
def test_debug_shows_the_traceback_wherever_it_stands(monkeypatch, capsys, where):
    monkeypatch.setattr(config, "load", fail(RefusedModelError("newer")))
    arguments = ["recipes", "hello-rnn"]
    arguments.insert(where, "--debug")
    assert main(arguments) == 5
    assert "Traceback" in capsys.readouterr().err


def test_debug_behind_two_dashes_is_input(monkeypatch, capsys):
    monkeypatch.setattr(config, "load", fail(ConfigError("no")))
    assert main(["recipes", "--", "--debug"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_ctrl_c_is_130(monkeypatch, capsys):
    monkeypatch.setattr(config, "load", fail(KeyboardInterrupt()))
    assert main(["recipes", "hello-rnn"]) == 130
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv", [["nope"], ["run", "--nope"], ["run", "--seed", "one"], ["run", "--data", "/no/such"], ["data"]]
)
def test_a_wrong_request_is_2(argv, capsys):
    assert main(argv) == 2
    assert capsys.readouterr().out == ""


def test_a_misspelt_name_gets_the_nearest_one(capsys):
    assert main(["recipes", "kospi-gruu"]) == 2
    assert "Did you mean `kospi-gru`?" in capsys.readouterr().err


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"rekur {rekur.__version__}\n"


def test_help_imports_nothing_heavy_and_answers_at_once():
    code = f"import sys; from rekur.cli import main; main(['--help']); print([m for m in {HEAVY} if m in sys.modules])"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert shown.splitlines()[-1] == "[]"
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert seconds < 0.6, "processor time, twice the 0.3 s of a quiet machine"


def test_import_rekur_is_light():
    code = f"import sys, rekur; rekur.__version__; dir(rekur); print([m for m in {HEAVY} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_a_closed_pipe_is_quiet():
    command = f"{sys.executable} -m rekur.cli recipes --json | head -c 1"
    shown = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert shown.stdout == "{"
    assert shown.stderr == ""


@pytest.mark.parametrize("argv", [["recipes", "--json"], ["recipes"], ["--version"], ["--help"]])
def test_a_reader_that_went_away_is_no_error(argv):
    """It goes before the first byte is written: long output meets that within the command, short output at its end."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "rekur.cli", *argv]
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_json_is_one_object_and_nothing_else(capsys):
    assert main(["recipes", "--json"]) == 0
    shown = capsys.readouterr()
    assert [entry["name"] for entry in json.loads(shown.out)["recipes"]] == config.names()
    assert shown.out.count("\n") == 1
    assert shown.err == ""
