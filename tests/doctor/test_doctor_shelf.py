"""The doctor on the shelf, trained for seconds: what a recipe keeps wrong is found, and what a mended one mends is not.

What only a whole training shows (a forecast that lags, a loss that stays flat, chance) is on record in
docs/doctor/README.md.
"""

import pytest

from finished_runs import finished
from rekur import config
from rekur.doctor import examination, runs
from rekur.runs import Run

KEPT = {
    "hello-rnn": {"RK-TARGET-01"},
    "hello-shapes": {"RK-AXIS-01"},
    "imdb-gru": {"RK-PAD-01", "RK-REG-01", "RK-LEAK-04"},
    "imdb-lstm": {"RK-LEAK-04"},
    "imdb-numpy": {"RK-BACK-01", "RK-LEAK-04"},
    "imdb-rnn": {"RK-PAD-01", "RK-REG-01", "RK-SQUASH-01", "RK-RATE-01", "RK-LOG-01"},
    "imdb-rnncell": {"RK-PAD-01", "RK-LOG-01", "RK-LOG-02"},
    "imdb-simplernn": {"RK-LEAK-04"},
    "imdb-simplernn-onehot": {"RK-LEAK-04"},
    "kospi-gru": {"RK-LEAK-03"},
    "kospi-lstm": {"RK-LEAK-03"},
    "kospi-rnn": {"RK-LEAK-03"},
}
MENDED = [name for name in config.names() if name.removesuffix("-mended") in KEPT and name.endswith("-mended")]
OF_TRAINING = ("chance", "shifted", "learning", "RK-RATE-04")  # untrained models have these, too


def faults(name):
    found = examination.examine(runs.read(Run.open(finished(name))), skip=OF_TRAINING)
    return {finding.code for finding in found if finding.severity == "fault"}


@pytest.mark.parametrize("name", KEPT)
def test_a_fault_kept_on_purpose_is_found(name):
    assert faults(name) >= KEPT[name]


@pytest.mark.parametrize("name", MENDED)
def test_a_mended_form_has_none(name):
    assert faults(name) == set()


def test_every_published_recipe_with_a_mended_form_is_here():
    published = {name.removesuffix("-mended") for name in config.names() if name.endswith("-mended")}
    assert published - set(KEPT) == {"mnist-bilstm"}  # its only fault, no validation part, is a note
