"""What the tests of the doctor share."""

import pytest

from rekur.doctor import examination


@pytest.fixture
def codes():
    """Return the codes a patient's findings have, notes left out, by one check alone if it is named."""

    def of(patient, check=None):
        found = examination.examine(patient, only=[check] if check else ())
        return {finding.code for finding in found if finding.severity != "note"}

    return of
