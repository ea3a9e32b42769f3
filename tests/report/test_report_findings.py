"""What the doctor found, on the page of a run and on a page of its own."""

import pytest

from rekur import report
from rekur.report import words
from rekur.report.sections import findings as section

FOUND = {
    "code": "RK-PAD-01",
    "severity": "fault",
    "check": "padding",
    "sentence": "The readout <reads> the `padding`.",
    "evidence": {"largest_change": 0.09241, "rows": [1, 2, 3, 4, 5, 6, 7, 8]},
    "cure": "Give it `lengths=`.",
    "page": "docs/doctor/padding.md",
    "curve": {"title": "It moves", "x_name": "steps", "y_name": "change", "x": [1, 2], "y": [0.1, 0.2], "log": False},
}
NOTE = {**FOUND, "severity": "note", "code": "RK-NOTE-01", "sentence": "Not examined: state.", "curve": None}


def page(tmp_path, *found):
    return report.findings_page(found, tmp_path / "found.html", "model.py:build").read_text(encoding="utf-8")


def test_a_page_tells_what_was_found_and_shows_it(tmp_path):
    html = page(tmp_path, FOUND, NOTE)
    assert "The readout &lt;reads&gt; the <code>padding</code>." in html
    assert "Give it <code>lengths=</code>." in html
    assert "largest change 0.0924; rows 1, 2, 3, 4, 5, 6, ... (8)" in html
    assert html.count("<svg") == 2  # desk and phone
    assert "Faults: 1; warnings: 0." in html
    assert "Not examined: state." in html


def test_a_clean_page_says_so(tmp_path):
    assert "No fault." in page(tmp_path)
    assert "No fault." in page(tmp_path, NOTE)


@pytest.mark.parametrize(
    "curve",
    [None, {}, {"x": [1, 2], "y": [1]}, {"x": [1, 2], "y": [None, None]}, {"x": [], "y": []}],
)
def test_a_finding_without_a_picture_has_none(curve):
    assert section.picture({**FOUND, "curve": curve}) is None


def test_zeros_on_a_logarithmic_scale_are_gaps():
    drawn = section.picture({**FOUND, "curve": {**FOUND["curve"], "y": [0.0, 1e-9], "log": True}})
    assert "1e-09" in drawn.svg("half")


def test_evidence_is_written_in_one_line():
    assert words.evidence({"share_of_zeros": 0.123456, "by": {"a": 1}, "name": "x"}) == (
        "share of zeros 0.123; by a 1; name x"
    )
    assert words.coded("a ` alone") == "a ` alone"
