"""The model card says what metrics.json and the data set say, and no text from elsewhere becomes markup."""

import shutil

import pytest

from finished_runs import finished
from rekur import report
from rekur.data.datasets import DATASETS
from rekur.report import card
from rekur.runs import Run

SETS = {"kospi-gru": "kospi", "digits-rows": "digits", "shakespeare-short": "tinyshakespeare", "nsmc-sample": "nsmc"}


@pytest.mark.parametrize("name", SETS)
def test_a_run_leaves_a_card_with_its_verdict_and_the_licence_of_its_data(name):
    run = Run.open(finished(name))
    written = (run.path / card.NAME).read_text(encoding="utf-8")
    assert written == card.markdown(run)
    assert card.plain(run.metrics()["sentence"]) in written
    assert f"Licence of the data: {DATASETS[SETS[name]].licence}" in written
    assert all(f"\n| {card.plain(rival)} |" in written for rival in run.metrics()["baselines"])
    for heading in ("Data", "Results", "Limits", "Training", "How to load it"):
        assert f"\n## {heading}\n" in written


def test_each_figure_stands_beside_its_interval():
    run = Run.open(finished("digits-rows"))
    low, high = (100 * end for end in run.metrics()["interval"]["accuracy"])
    accuracy = 100 * run.metrics()["test"]["accuracy"]
    assert f"| this model | test | {accuracy:.2f} % ({low:.2f} to {high:.2f} %) |" in card.markdown(run)


def test_faults_kept_on_purpose_are_limits():
    assert "Fault kept on purpose: The scaler is fitted on all 431 days" in card.markdown(
        Run.open(finished("kospi-gru"))
    )


def test_data_of_ones_own_have_no_licence_that_is_known(tmp_path):
    run = Run.open(shutil.copytree(finished("digits-rows"), tmp_path / "run"))
    settings = (run.path / "config.toml").read_text(encoding="utf-8").replace('set = "digits"', 'set = "files"')
    (run.path / "config.toml").write_text(settings, encoding="utf-8")
    assert "the user's own" in card.markdown(run)


def test_words_from_elsewhere_are_no_markup(tmp_path):
    run = Run.open(shutil.copytree(finished("digits-rows"), tmp_path / "run"))
    metrics = run.metrics()
    hostile = "<img src=x>\n# not a heading | [x](y) `z`"
    run.write_metrics({**metrics, "sentence": hostile, "warnings": [hostile], "engine": None, "seconds": None})
    report.page(run)
    written = (run.path / card.NAME).read_text(encoding="utf-8")
    assert "\\<img src=x\\>" in written
    assert "<img" not in written.replace("\\<", "")
    assert "\n# not" not in written
