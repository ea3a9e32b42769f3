"""The doctor on the bench: it finds the faults of the faulty cases, and leaves the sound ones in peace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from bench import score
from bench.registry import FAULTY, SOUND, Case
from torch import Tensor

from rekur.doctor import catalogue, findings

OTHERS = ("by_hand", "forecasts", "scripts", "tables", "data_tables", "training_scripts", "without_model")
# files of cases without a model
KNOWN = {code for check in catalogue.CHECKS for code in check.codes}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Models this small only wait for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def named(cases: list[Case]) -> list[object]:
    return [pytest.param(case, id=case.name) for case in cases]


def test_there_are_enough_cases_each_with_its_own_name() -> None:
    names = [case.name for case in FAULTY + SOUND]
    assert len(FAULTY) >= 50
    assert len(SOUND) >= 60
    assert len(set(names)) == len(names)
    assert {code for case in FAULTY for code in case.codes} <= KNOWN


@pytest.mark.parametrize("case", named([case for case in SOUND if case.file not in OTHERS]))
def test_a_sound_model_runs_and_learns(case: Case) -> None:
    parts = case.parts()
    model, batch = parts["model"], parts["batch"]
    arguments = batch if type(batch) is tuple else () if isinstance(batch, dict) else (batch,)
    output = model(*arguments, **(batch if isinstance(batch, dict) else {}))
    if "target" not in parts:  # it gives its own loss
        assert output is not None
        return
    loss = parts.get("loss") or torch.nn.functional.cross_entropy
    value: Tensor = loss(output, parts["target"])
    value.backward()
    assert value.isfinite()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.timeout(900)
def test_faults_are_found() -> None:
    _check_words(FAULTY)
    assert score.recall() >= score.RECALL, "\n".join(score.missed())


@pytest.mark.timeout(900)
def test_sound_cases_are_left_in_peace() -> None:
    _check_words(SOUND)
    noisy = score.noisy()
    assert not noisy, "\n".join([f"too many alarms: {noisy}", *score.false_alarms()])


def _check_words(cases: list[Case]) -> None:
    for finding in (finding for case in cases for finding in score.findings(case)):
        assert finding.code in KNOWN | {catalogue.NOT_RUN}
        assert finding.severity in findings.ORDER
        assert finding.sentence.endswith((".", "?"))
        assert finding.cure
