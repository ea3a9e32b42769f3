"""Chapter E's shapes: which words the layer keeps apart."""

from __future__ import annotations

import pytest
import torch

from rekur import config, tasks
from rekur.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "state", "mixed"), [("hello-shapes", [1, 5, 2], 0.5), ("hello-shapes-mended", [1, 3, 2], 0)]
)
def test_the_published_form_mixes_the_words_of_a_batch_and_the_mended_does_not(name, state, mixed):
    torch.manual_seed(1)
    made = tasks.create(config.load(name), seed=1)
    made.load()
    found = made.test(made.build().eval())
    assert found.extra["shapes"] == {"input": [3, 5, 4], "outputs": [3, 5, 2], "state": state}
    assert found.outcome.metrics["mixed"] == mixed


def test_words_of_different_length_are_refused():
    changed = config.override(config.load("hello-shapes"), {"data.words": ["ab", "abc"]})
    with pytest.raises(ConfigError, match="one length"):
        tasks.create(changed, seed=1)


def test_an_lstm_shows_the_shape_of_h():
    made = tasks.create(config.override(config.load("hello-shapes-mended"), {"model.cell": "lstm"}), seed=1)
    made.load()
    assert made.test(made.build().eval()).extra["shapes"]["state"] == [1, 3, 2]
