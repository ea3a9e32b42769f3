"""A recipe end to end: what the run folder holds, what a failure leaves, and what a resume refuses."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import toy_task

from rekur import config as configuration
from rekur import tasks
from rekur.errors import DataError, Interrupted, RefusedModelError, RekurError, RequestError
from rekur.nn import threads
from rekur.runs import Run
from rekur.training import experiment, machine
from rekur.training.events import Listener

RECIPE = toy_task.config(epochs=2, keep="best")
PUBLISHED = {"metrics": {"accuracy": 0.5}, "source": "a book"}


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tasks, "create", toy_task.create)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
    torch.set_flush_denormal(False)


def run(place: Path, recipe: Any = RECIPE, **options: Any) -> Run:
    return experiment.run(recipe, out=place, **{"threads": 1, **options})


def test_the_run_folder_is_whole(tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(update={"published": configuration.Published(**PUBLISHED)})
    done = run(tmp_path / "run", recipe)
    metrics = done.metrics()
    assert metrics["recipe"] == metrics["task"] == "toy"
    assert metrics["run"] == str(tmp_path / "run")
    assert (metrics["seed"], metrics["device"], metrics["threads"]) == (1, "cpu", 1)
    assert metrics["engine"] == threads.describe()["engine"]
    assert set(metrics["seconds"]) == {"data", "train", "test", "baselines", "total"}
    assert metrics["seconds"]["total"] == pytest.approx(sum(metrics["seconds"].values()) - metrics["seconds"]["total"])
    assert set(metrics["test"]) == set(metrics["interval"]) == {"accuracy", "log_loss", "f1_macro"}
    low, high = metrics["interval"]["accuracy"]
    assert low < metrics["test"]["accuracy"] < high
    assert set(metrics["baselines"]) == {"majority"}
    assert metrics["versus"]["baseline"] == "majority"
    assert metrics["versus"]["verdict"] in ("better", "not distinguishable", "worse")
    assert set(metrics["chance"]) == {"rate", "interval", "p_value", "verdict"}
    assert metrics["published"] == {"accuracy": 0.5, "part": "test", "source": "a book"}
    assert metrics["validation"]["loss"] == min(entry["validation_loss"] for entry in done.history())
    assert (metrics["epochs"], metrics["warnings"]) == (2, ["a toy"])
    assert metrics["parameters"] == sum(array.size for array in done.load_model().values())
    assert metrics["sentence"]
    assert done.predictions().columns == ["id", "truth", "prediction"]
    assert done.tables() == ["examples"]
    assert done.extra() == {"classes": ["0", "1", "2"]}
    assert list(done.files()) == ["classes.json", "vocabulary.json"]
    assert metrics["verdict"] == metrics["versus"]["verdict"] or "chance" in metrics["verdict"]


def test_config_toml_is_enough_to_train_again(tmp_path: Path) -> None:
    first = run(tmp_path / "first", seed=7)
    recipe, about = experiment.settings_of(first)
    assert recipe == experiment.resolved(RECIPE)
    assert recipe.data == toy_task.Data().model_dump()  # defaults, too: another default must not change this run
    again = run(tmp_path / "again", recipe, seed=about.seed, device=about.device, threads=about.threads)
    one, two = first.load_model(), again.load_model()
    assert all(np.array_equal(one[name], two[name]) for name in one)
    other = run(tmp_path / "other", recipe, seed=8).load_model()
    assert not np.array_equal(one["head.bias"], other["head.bias"])


def test_the_default_place_counts_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = [experiment.run(RECIPE, threads=1).path for _ in range(2)]
    assert places == [Path("runs/toy-1"), Path("runs/toy-2")]


def test_a_run_is_never_overwritten(tmp_path: Path) -> None:
    done = run(tmp_path / "run")
    before = {path: path.read_bytes() for path in done.path.rglob("*") if path.is_file()}
    with pytest.raises(RequestError, match="never overwrites"):
        run(tmp_path / "run")
    assert {path: path.read_bytes() for path in done.path.rglob("*") if path.is_file()} == before


def test_the_stages_are_announced(tmp_path: Path) -> None:
    class Heard(Listener):
        def on_stage(self, name: str) -> None:
            stages.append(name)

    stages: list[str] = []
    run(tmp_path / "run", listeners=[Heard()])
    assert stages == ["data", "train", "test", "baselines"]


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    done = run(tmp_path / "run")
    before = done.metrics()
    assert experiment.run(None, resume=done.path) == done
    assert done.metrics() == before


@pytest.mark.parametrize("existed", [False, True])
@pytest.mark.parametrize(("fail", "kind"), [("load", Interrupted), ("nan", RekurError)])
def test_a_failure_before_the_first_checkpoint_leaves_nothing(
    tmp_path: Path, fail: str, kind: type[Exception], existed: bool
) -> None:
    place = tmp_path / "run"
    if existed:
        place.mkdir()
    with pytest.raises(kind):
        run(place, toy_task.config({"fail": fail}))
    assert place.exists() == existed
    assert not existed or not list(place.iterdir())


def test_a_place_that_cannot_be_written_is_known_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="--out"):
        run(tmp_path / "file" / "run", toy_task.config({"fail": "load"}))


class Interrupt(Listener):
    def on_epoch(self, entry: Any) -> None:  # noqa: ARG002
        signal.raise_signal(signal.SIGINT)


@pytest.fixture
def stopped(tmp_path: Path) -> Run:
    with pytest.raises(Interrupted, match="--resume"):
        run(tmp_path / "run", listeners=[Interrupt()])
    return Run.open(tmp_path / "run")


def test_an_interrupt_keeps_the_folder_and_the_run_goes_on(tmp_path: Path, stopped: Run) -> None:
    assert not stopped.finished()
    resumed = experiment.run(None, resume=stopped.path)
    whole = run(tmp_path / "whole")
    one, two = resumed.load_model(), whole.load_model()
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert resumed.metrics()["test"] == whole.metrics()["test"]
    assert resumed.metrics()["threads"] == 1


def test_an_interrupt_in_the_test_names_the_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(task: Any, model: Any) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    monkeypatch.setattr(toy_task.Toy, "test", interrupted)
    with pytest.raises(Interrupted, match="--resume"):
        run(tmp_path / "run")
    monkeypatch.undo()
    monkeypatch.setattr(tasks, "create", toy_task.create)
    assert experiment.run(None, resume=tmp_path / "run").finished()


def test_a_resume_on_other_data_is_refused(stopped: Run) -> None:
    stopped.write_files({"vocabulary.json": "[]"})
    with pytest.raises(DataError, match="vocabulary"):
        experiment.run(None, resume=stopped.path)


def test_a_resume_beside_another_process_is_refused(stopped: Run) -> None:
    with stopped.alone(), pytest.raises(RequestError, match="Another process"):
        experiment.run(None, resume=stopped.path)
    assert experiment.run(None, resume=stopped.path).finished()


@pytest.mark.parametrize("work", ["run", "evaluate"])
def test_first_weights_do_not_depend_on_what_ran_before(
    tmp_path: Path, work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run(tmp_path / "a")
    seen: list[tuple[int, float]] = []
    build = toy_task.Toy.build

    def watched(task: Any) -> Any:
        seen.append((torch.get_num_threads(), float(torch.tensor([1e-40]) * 1)))
        return build(task)

    monkeypatch.setattr(toy_task.Toy, "build", watched)
    torch.set_num_threads(1)
    torch.set_flush_denormal(False)
    _ = run(tmp_path / "b", threads=3) if work == "run" else experiment.evaluate(done)
    assert seen == [(experiment.DRAWN_ON, 0.0)]
    assert torch.get_num_threads() == (3 if work == "run" else 1)


def test_a_resume_on_another_machine_warns(stopped: Run) -> None:
    stopped.update_about(engine="torch 1.0", processor="abacus")
    metrics = experiment.run(None, resume=stopped.path).metrics()
    assert [text for text in metrics["warnings"] if "abacus" in text]


@pytest.mark.parametrize("about", [{"seed": "x"}, {"threads": "many"}])
def test_damaged_settings_are_refused(stopped: Run, about: dict[str, Any]) -> None:
    stopped.update_about(**about)
    with pytest.raises(RefusedModelError, match="settings"):
        experiment.run(None, resume=stopped.path)


def test_evaluate_gives_the_same_figures_again(tmp_path: Path) -> None:
    done = run(tmp_path / "run")
    before = done.metrics()
    after = experiment.evaluate(done)
    assert {name: after[name] for name in after if name not in ("seconds", "run")} == {
        name: before[name] for name in before if name not in ("seconds", "run")
    }
    assert done.metrics() == before


def test_evaluate_refuses_what_does_not_fit(tmp_path: Path) -> None:
    done = run(tmp_path / "run")
    weights = done.load_model()
    for broken in (
        {**weights, "head.bias": np.zeros(4, dtype=np.float32)},
        {name: array for name, array in weights.items() if name != "head.bias"},
        {**weights, "head.bias": np.full(3, np.nan, dtype=np.float32)},
    ):
        done.save_model(broken)
        with pytest.raises(RefusedModelError, match="weights"):
            experiment.evaluate(done)
    done.save_model(weights)
    done.write_files({"vocabulary.json": "[]"})
    with pytest.raises(DataError, match="--data"):
        experiment.evaluate(done)


def test_an_unfinished_run_cannot_be_evaluated(stopped: Run) -> None:
    with pytest.raises(RequestError, match="--resume"):
        experiment.evaluate(stopped)


def test_calibration_changes_neither_model_nor_randomness(monkeypatch: pytest.MonkeyPatch) -> None:
    task = toy_task.create(RECIPE)
    task.load()
    model = task.build()
    before, state = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    monkeypatch.setattr(machine, "SLOW", 0.0)
    for tiny in (1e9, 0.0):
        monkeypatch.setattr(machine, "TINY", tiny)
        assert machine.calibrated(task, model) >= 1
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(state, torch.get_rng_state())
