"""What the tests of the doctor share."""

import pytest
import torch

from rekur.doctor import examination


@pytest.fixture
def codes():
    """Return the codes a patient's findings have, notes left out, by one check alone if it is named."""

    def of(patient, check=None):
        found = examination.examine(patient, only=[check] if check else ())
        return {finding.code for finding in found if finding.severity != "note"}

    return of


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Models this small only wait for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
