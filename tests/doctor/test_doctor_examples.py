"""Each check finds its typical faulty patient and passes its sound one, and each has its page."""

import re
from pathlib import Path

import pytest
from doctor_examples import example

from rekur.doctor import CHECKS, examination

PAGES = Path(__file__).parents[2] / "docs" / "doctor"
NAMES = [check.name for check in CHECKS]


@pytest.mark.parametrize("check", CHECKS, ids=NAMES)
def test_the_faulty_example_is_found(check):
    found = [f for f in examination.examine(example(check.name).faulty(), only=[check.name]) if f.severity != "note"]
    assert found, f"{check.name} found nothing"
    assert {finding.code for finding in found} <= set(check.codes)
    assert all(finding.sentence.endswith(".") and finding.cure.endswith(".") for finding in found)
    assert any(finding.curve for finding in found), "the docs page and the report want a picture"


@pytest.mark.parametrize("check", CHECKS, ids=NAMES)
def test_the_sound_example_passes_every_check(check):
    found = examination.examine(example(check.name).sound())
    assert [(finding.code, finding.sentence) for finding in found if finding.severity != "note"] == []


@pytest.mark.parametrize("check", CHECKS, ids=NAMES)
def test_the_page_tells_every_code(check):
    page = (PAGES / f"{check.name.replace('_', '-')}.md").read_text(encoding="utf-8")
    assert set(re.findall(r"RK-[A-Z]+-\d\d", page)) >= set(check.codes)
