"""Several runs of one fit: what a resumed one computes on, what may stand beside --resume, and how Ctrl-C leaves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rekur import config as configuration
from rekur import runs, shelf
from rekur.cli import main
from rekur.data import examples as own
from rekur.errors import Interrupted, RefusedModelError, RequestError
from rekur.fitting import repeats, work
from rekur.runs import Run

FOUND = {"test": {"accuracy": 0.5}, "baselines": {}, "verdict": "", "seconds": {"total": 1.0}}


UNREAD = """--dry-run/--out o/--folds 2/--seeds 2/--epochs 3/--set model.hidden=3/--task text/--text a/--label a
--time a/--target a/--id a/--group a/--horizon 3/--covariates known=a""".replace("\n", "/").split("/")


class Trainings:
    """In place of `shelf.train`: notes what each is asked for, and stops at one of them if it is told to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.stop_at = 0  # 1: the first
        self.leaving = False  # whether the stopped one leaves a folder to go on with

    def __call__(self, config: Any, *, out: Path | None = None, resume: Path | None = None, **options: Any) -> Any:
        options.pop("listeners")
        self.asked.append({"resume": resume is not None, **options})
        stopped = len(self.asked) == self.stop_at
        if stopped and not self.leaving:
            raise Interrupted("Interrupted before the training began; nothing was written.")
        run = Run.open(resume) if resume else self._begun(config, out, options)
        if stopped:
            raise Interrupted(f"Interrupted. Continue with `rekur run --resume {run.path}`.")
        run.write_metrics({**FOUND, "run": str(run.path)})
        return shelf.Result(run)

    @staticmethod
    def _begun(config: Any, out: Any, options: dict[str, Any]) -> Run:
        about = {"seed": options["seed"], "device": "cpu", "threads": options.get("threads") or 7}  # 7: as calibrated
        return Run.create(out, configuration.dump(config), **about, engine="e", processor="p", rekur="0")


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Trainings:
    found = Trainings()
    monkeypatch.setattr(shelf, "train", found)
    return found


def begun(tmp_path: Path, threads: int | None = None) -> Path:
    own.reviews(40).write_csv(tmp_path / "reviews.csv")
    config = work.prepare([tmp_path / "reviews.csv"]).config
    return repeats.begin(config, repeats.plan(config, 3, 0, 5), 3, tmp_path / "f", "auto", threads)


@pytest.mark.parametrize("threads", [None, 2])
@pytest.mark.parametrize("old", [False, True])
def test_runs_not_begun_compute_on_what_the_others_did(
    tmp_path: Path, trainings: Trainings, threads: int | None, old: bool
) -> None:
    place = begun(tmp_path, threads)
    trainings.stop_at = 2
    with pytest.raises(Interrupted):
        repeats.go(place)
    if old:
        note = place / runs.SEVERAL
        values = {key: value for key, value in json.loads(note.read_text()).items() if key not in ("device", "threads")}
        note.write_text(json.dumps(values))
    repeats.go(place)
    assert {call["device"] for call in trainings.asked} == {"cpu"}
    assert trainings.asked[0].get("threads") == threads
    assert [call["threads"] for call in trainings.asked[1:]] == [threads or 7] * 3


def test_an_interrupt_says_how_to_go_on_with_all_of_them(tmp_path: Path, trainings: Trainings) -> None:
    place = begun(tmp_path)
    trainings.stop_at, trainings.leaving = 2, True
    with pytest.raises(Interrupted, match=f"^Interrupted. Continue with `rekur fit --resume {place}`.$"):
        repeats.go(place)
    trainings.leaving, trainings.stop_at = False, 4  # before the third begins: the others still stand there
    with pytest.raises(Interrupted, match=f"`rekur fit --resume {place}`"):
        repeats.go(place)
    repeats.go(place)
    assert [call["resume"] for call in trainings.asked] == [False, False, True, False, False]


def test_an_interrupt_before_the_first_leaves_nothing(tmp_path: Path, trainings: Trainings) -> None:
    place = begun(tmp_path)
    trainings.stop_at = 1
    with pytest.raises(Interrupted, match="nothing was written"):
        repeats.go(place)
    assert not place.exists()


def test_a_ctrl_c_between_two_runs_is_told_the_same_way(
    tmp_path: Path, trainings: Trainings, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = begun(tmp_path)

    def stopped(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(repeats, "summary", stopped)
    with pytest.raises(Interrupted, match="rekur fit --resume"):
        repeats.go(place)
    assert len(trainings.asked) == 3


@pytest.mark.parametrize("given", [{"seed": 6}, {"device": "cuda"}, {"threads": 3}])
def test_several_runs_go_on_with_what_they_were_begun_with(
    tmp_path: Path, trainings: Trainings, given: dict[str, Any]
) -> None:
    place = begun(tmp_path, 2)
    with pytest.raises(RequestError, match=rf"the run's own --{min(given)}, .*; got {given[min(given)]}\."):
        repeats.go(place, **given)
    assert not trainings.asked
    repeats.go(place, seed=5, device="auto", threads=2)
    assert len(trainings.asked) == 3


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize(
    "argv",
    UNREAD,
)
def test_what_would_go_unread_beside_resume_is_refused_by_name(
    tmp_path: Path, trainings: Trainings, capsys: pytest.CaptureFixture[str], argv: str, several: bool
) -> None:
    place = begun(tmp_path)
    if not several:
        (place / runs.SEVERAL).unlink()
    assert main(["fit", "--resume", str(place), *argv.split()]) == 2
    said = capsys.readouterr().err
    assert f"leave out {argv.split()[0]}." in said
    assert not trainings.asked


def test_a_single_run_is_resumed_with_its_own_threads(
    tmp_path: Path, trainings: Trainings, capsys: pytest.CaptureFixture[str]
) -> None:
    repeats.go(begun(tmp_path, 2))
    one = tmp_path / "f" / "fold-1"
    assert main(["fit", "--resume", str(one), "--threads", "3"]) == 2
    assert "the run's own --threads, 2; got 3" in capsys.readouterr().err
    assert len(trainings.asked) == 3


@pytest.mark.parametrize("change", [{"runs": []}, {"threads": "many"}, {"threads": [2]}, {"folds": None}])
def test_a_damaged_note_is_refused(tmp_path: Path, trainings: Trainings, change: dict[str, Any]) -> None:
    note = begun(tmp_path) / runs.SEVERAL
    note.write_text(json.dumps({**json.loads(note.read_text()), **change}))
    with pytest.raises(RefusedModelError, match="is damaged: "):
        repeats.go(note.parent)
    assert not trainings.asked


def test_the_docs_name_every_key_of_the_two_files(tmp_path: Path, trainings: Trainings) -> None:
    place = begun(tmp_path)
    repeats.go(place)
    assert len(trainings.asked) == 3
    page = (Path(__file__).parents[2] / "docs" / "run-folder.md").read_text(encoding="utf-8")
    for name in (runs.SEVERAL, repeats.RESULT):
        told = page.partition(f"* `{name}`")[2].partition("\n* ")[0].partition("\n#")[0]
        assert all(f"`{key}`" in told for key in json.loads((place / name).read_text(encoding="utf-8")))
