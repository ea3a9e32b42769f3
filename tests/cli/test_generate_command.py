"""`rekur generate`: what is written, when it appears, and what is refused."""

from __future__ import annotations

import io
import json
import sys

import pytest

import rekur
from finished_runs import finished
from rekur.cli import main


@pytest.fixture
def run():
    return str(finished("shakespeare-short"))


def shown(capsys, *argv, code=0):
    capsys.readouterr()
    assert main([str(word) for word in argv]) == code
    found = capsys.readouterr()
    assert "Traceback" not in found.err
    return found


def test_it_goes_on_behind_the_prompt_and_a_seed_repeats_it(run, capsys):
    texts = [shown(capsys, "generate", run, "Citizen", "--length", 30, "--seed", seed).out for seed in (1, 1, 2)]
    assert all(text.startswith("Citizen") and len(text) == len("Citizen") + 30 + 1 for text in texts)
    assert texts[0] == texts[1] != texts[2]


def test_json_is_one_object_that_says_how_it_was_drawn(run, capsys):
    found = json.loads(shown(capsys, "generate", run, "Citizen", "--length", 12, "--top-k", 3, "--json").out)
    assert len(found["text"]) == 12
    assert {key: found[key] for key in ("prompt", "top_k", "top_p", "seed", "temperature")} == {
        "prompt": "Citizen", "top_k": 3, "top_p": 1.0, "seed": 1, "temperature": 0.7,
    }  # fmt: skip
    again = rekur.load(run).write("Citizen", top_k=3)
    assert "".join(next(again) for _ in range(12)) == found["text"]


def test_a_prompt_comes_from_stdin_and_may_be_empty(run, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Citizen\n")))
    given = shown(capsys, "generate", run, "-", "--length", 9).out
    assert given == shown(capsys, "generate", run, "Citizen", "--length", 9).out
    assert len(shown(capsys, "generate", run, "--length", 9).out) == 9 + 1


class Watched(io.StringIO):
    """A terminal that notes what stood in it at each flush."""

    def __init__(self, end: int | None = None, error: type[BaseException] = KeyboardInterrupt) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.end, self.error = end, error

    def flush(self) -> None:
        self.seen.append(self.getvalue())
        if self.end is not None and len(self.seen) == self.end:
            raise self.error


def test_each_character_appears_as_it_is_written(run, monkeypatch):
    terminal = Watched()
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["generate", run, "Citizen", "--length", "5"]) == 0
    assert [len(text) - len("Citizen") for text in terminal.seen[:5]] == [1, 2, 3, 4, 5]


def test_ctrl_c_ends_it_cleanly(run, monkeypatch, capsys):
    terminal = Watched(3)
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["generate", run, "Citizen", "--length", "500"]) == 130
    assert capsys.readouterr().err == "rekur: Interrupted.\n"
    assert terminal.getvalue().endswith("\n")
    assert len(terminal.getvalue()) < 20


def test_a_reader_that_goes_away_is_no_error(run, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", Watched(3, BrokenPipeError))
    assert main(["generate", run, "Citizen", "--length", "500"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["Zz€"], ("characters", "'€'", "The model knows")),
        (["a", "--top-p", "0"], ("top-p", "above 0")),
        (["a", "--temperature", "nan"], ("temperature",)),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_printed(run, capsys, argv, words):
    found = shown(capsys, "generate", run, *argv, code=2)
    assert found.out == ""
    assert all(word in found.err for word in words)


def test_a_prompt_that_is_not_utf8_is_refused(run, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"ab\xff")))
    assert "not UTF-8" in shown(capsys, "generate", run, "-", code=2).err


def test_a_run_of_another_task_says_what_it_does(capsys):
    found = shown(capsys, "generate", finished("kospi-gru"), code=2)
    assert "its task is `series`" in found.err
