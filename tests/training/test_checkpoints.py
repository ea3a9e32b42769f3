"""What a checkpoint can hold, and what it refuses."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from rekur.errors import RefusedModelError
from rekur.storage import pack
from rekur.training import checkpoints


def test_a_tree_comes_back(tmp_path: Path) -> None:
    state = {
        "a": [1, 2.5, "three", None, True, (torch.tensor([1.0, 2.0]), torch.tensor(3))],
        1: {"deep": (torch.zeros(0, 2), [])},
        "inf": math.inf,
        "float": 0.1 + 0.2,
    }
    checkpoints.save(tmp_path / "last", state)
    back = checkpoints.load(tmp_path / "last")
    assert back["a"][:5] == [1, 2.5, "three", None, True]
    assert torch.equal(back["a"][5][0], torch.tensor([1.0, 2.0]))
    assert back["a"][5][1].shape == ()
    assert back[1]["deep"][0].shape == (0, 2)
    assert (back["inf"], back["float"]) == (math.inf, 0.1 + 0.2)


def test_equal_tensors_are_stored_once_and_come_back_apart(tmp_path: Path) -> None:
    table = torch.rand(1000)
    checkpoints.save(tmp_path, {"model": table, "average": table.clone(), "zeros": [torch.zeros(1), -torch.zeros(1)]})
    assert (tmp_path / checkpoints.NAME).stat().st_size < 5000
    back = checkpoints.load(tmp_path)
    back["model"].zero_()
    assert torch.equal(back["average"], table)
    assert [zero.signbit().item() for zero in back["zeros"]] == [False, True]


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert checkpoints.load(tmp_path / "last") is None


def test_what_it_cannot_hold_is_an_error_and_the_old_one_stays(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, {"x": 1})
    with pytest.raises(TypeError, match="set"):
        checkpoints.save(tmp_path, {"x": {1, 2}})
    assert checkpoints.load(tmp_path) == {"x": 1}


@pytest.mark.parametrize("about", [{}, {"state": 3}, {"state": ["tensor", "7"]}, {"state": ["dict", 1]}])
def test_a_strange_checkpoint_is_refused(tmp_path: Path, about: dict[str, object]) -> None:
    (tmp_path / checkpoints.NAME).write_bytes(pack({}, **about))
    with pytest.raises(RefusedModelError, match="damaged"):
        checkpoints.load(tmp_path)


def test_a_recurrent_state_moves_as_it_is() -> None:
    h, c = torch.ones(1), torch.zeros(1)
    moved = checkpoints.moved((h, c), torch.device("cpu"))
    assert isinstance(moved, tuple)
    assert torch.equal(moved[0], h)
    assert checkpoints.moved(None, torch.device("cpu")) is None
