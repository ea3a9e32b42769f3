"""The page of a forecast of many steps: fans, errors and coverage by steps ahead, verdicts, and the proof."""

from __future__ import annotations

import horizon_runs
import polars as pl
import report_runs

from rekur import report
from rekur.report.facts import Facts
from rekur.report.sections import horizons


def _written(made):
    return report.page(made).read_text(encoding="utf-8").replace("\u00a0", " ")


def test_the_page_shows_fans_errors_coverage_verdicts_and_the_proof(tmp_path):
    made = horizon_runs.run(tmp_path / "run")
    html = _written(made)
    assert "By steps ahead" in html
    assert "No forecast reads its future. All 1,234 values behind 32 origins" in html
    assert "Its error is among the smallest tenth." in html
    assert "Intervals of 90 % held" in html
    for name in ("fan-1", "fan-2", "fan-3", "fan-4", "horizon-error", "horizon-coverage"):
        assert (made.plots / f"{name}.svg").exists()


def test_verdicts_are_told_in_runs_of_steps(tmp_path):
    found = Facts(horizon_runs.run(tmp_path / "run")).extra["horizons"]
    rows = horizons.verdict_rows(found)
    assert rows[0]["steps"].startswith("1")
    assert rows[-1]["steps"].endswith("12")
    assert len(rows) < 12
    assert rows[0]["verdict"] == "better"
    assert rows[0]["difference"].startswith("−")


def test_a_rival_far_off_does_not_flatten_the_picture(tmp_path):
    found = Facts(horizon_runs.run(tmp_path / "run")).extra["horizons"]
    picture = horizons.error_picture(found)
    assert "Off the picture, more than 3 times as far: persistence, drift." in picture.caption
    assert ">drift<" not in picture.svg("wide")


def test_a_forecast_that_reads_its_future_is_told_so(tmp_path):
    proof = {**horizon_runs.PROOF, "equal": False, "moved": 0.5}
    html = _written(horizon_runs.run(tmp_path / "run", proof=proof))
    assert "The forecasts read their future" in html
    assert "moved them by up to 0.500" in html
    assert horizons.proof({}) == horizons.proof(None) == ""


def test_a_proof_whose_control_moves_nothing_proves_nothing(tmp_path):
    html = _written(horizon_runs.run(tmp_path / "run", proof={**horizon_runs.PROOF, "control": 0.0}))
    assert "Nothing is proved of what the forecasts read" in html
    assert "No forecast reads its future" not in html


def test_nothing_of_the_data_is_executed(tmp_path):
    html = _written(horizon_runs.run(tmp_path / "run", name=report_runs.HOSTILE))
    assert "<script" not in html
    assert "<img src=x" not in html


def test_without_quantiles_rivals_or_fans_the_rest_is_shown(tmp_path):
    steps = {"steps": [[1, 1]], "metric": "mae", "errors": {"ours": [2.0]}, "verdicts": [], "coverage": {}}
    made = horizon_runs.run(tmp_path / "run", horizons=steps, proof=None)
    made.write_table("fans", pl.DataFrame({"picture": []}))
    section = horizons.section(Facts(made))
    assert [picture.name for picture in section.pictures] == ["horizon-error"]
    assert all(picture.svg(form) for picture in section.pictures for form in ("wide", "narrow"))
    assert horizons.section(Facts(horizon_runs.run(tmp_path / "other", horizons={}))) is None


def test_steps_that_are_not_known_leave_gaps(tmp_path):
    found = Facts(horizon_runs.run(tmp_path / "run")).extra["horizons"]
    found["errors"]["ours"][3] = None
    found["coverage"]["90"]["measured"][2] = None
    assert "nan" not in horizons.error_picture(found).svg("wide")
    assert "nan" not in horizons.coverage_pictures(found)[0].svg("narrow")
