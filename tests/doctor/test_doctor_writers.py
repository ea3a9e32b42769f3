"""The doctor on models that write: the words the decoder reads must not tell what comes after them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from rekur import config, tasks
from rekur.doctor import examination
from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient

RECIPES = ("multi30k-attention", "multi30k-seq2seq", "names-by-language", "digits-caption")


class Peeks(nn.Module):
    """A writer whose scores of every step depend on all the words read, later ones included."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, inputs, lengths=None):
        scores, state = self.model(inputs, lengths)
        return scores + torch.as_tensor(inputs[1]).float().mean(dim=1).view(-1, 1, 1), state


def codes(recipe, wrap):
    torch.manual_seed(1)
    made = config.load(recipe)
    task = tasks.create(config.override(made, dict(made.smoke)), 1)
    task.load()
    case = task.case(np.concatenate(task.batches(0))[:8])
    subject = Subject(
        wrap(task.build().eval()),
        (case.inputs,),
        case.target,
        case.loss,
        lengths=case.lengths,
        causal=case.causal,
        rows_axis=0,
    )
    return {finding.code for finding in examination.examine(Patient(model=subject), only=["future"])}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_writer_that_peeks_is_found_and_a_sound_one_is_not(recipe):
    assert codes(recipe, lambda model: model) == set()
    assert codes(recipe, Peeks) == {"RK-FUT-01"}
