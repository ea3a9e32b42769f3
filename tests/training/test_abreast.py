"""Recipes side by side: the same results, one error, and no child left behind."""

import os
import signal

import pytest

from rekur import shelf
from rekur.errors import Interrupted, RequestError
from rekur.training import abreast
from rekur.training.events import Listener


class Ear(Listener):
    def __init__(self, act=None):
        self.notes, self.act = [], act

    def on_note(self, text):
        self.notes.append(text)
        if self.act:
            self.act()


@pytest.fixture
def children(monkeypatch):
    """Every process that was begun; they must be over at the end of the test."""
    begun, begin = [], abreast._begin

    def watched(*given):
        begun.append(begin(*given))
        return begun[-1]

    monkeypatch.setattr(abreast, "_begin", watched)
    monkeypatch.setattr(shelf, "STARTER", ("hello-rnn", "kospi-gru"))
    yield begun
    assert all(child.returncode is not None for child in begun)


def test_results_come_in_the_order_of_the_shelf(tmp_path, children, monkeypatch):
    monkeypatch.setattr(shelf, "LONGEST", ("kospi-gru",))
    ear = Ear()
    results, page = shelf.starter(out=tmp_path / "s", workers=2, seed=3, epochs=2, listeners=[ear])
    assert [result.metrics["recipe"] for result in results] == ["hello-rnn", "kospi-gru"]
    assert [(result.metrics["seed"], result.metrics["epochs"]) for result in results] == [(3, 2), (3, 2)]
    assert ear.notes[:2] == ["kospi-gru begins", "hello-rnn begins"]
    assert sorted(ear.notes[2:]) == ["hello-rnn is done", "kospi-gru is done"]
    assert page.exists()
    assert len(children) == 2
    alone = shelf.run("hello-rnn", out=tmp_path / "alone", seed=3, epochs=2, threads=1)
    one, two = alone.run.load_model(), results[0].run.load_model()
    assert all((one[name] == two[name]).all() for name in one)


def test_an_error_of_a_child_is_raised_here(tmp_path, children):
    with pytest.raises(RequestError, match="abacus"):
        shelf.starter(out=tmp_path / "s", workers=2, device="abacus")
    assert len(children) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_children(tmp_path, children, number):
    ear = Ear(lambda: os.kill(os.getpid(), number))
    with pytest.raises(Interrupted, match="--resume") as caught:
        shelf.starter(out=tmp_path / "s", workers=2, listeners=[ear])
    assert caught.value.exit_code == 130
    assert children
