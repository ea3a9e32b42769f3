"""The patient is copied, understood, perturbed and left alone."""

# ruff: noqa: NPY002, ARG002 - models in the wild draw from the old generator

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn

from rekur import doctor
from rekur.doctor.findings import CannotExamineError
from rekur.doctor.model import recurrent
from rekur.doctor.model.subject import Subject
from rekur.errors import RequestError
from rekur.nn import GRU, LSTM


class Model(nn.Module):
    """Ids or values to (N, 2); keeps its last state, as careless models do."""

    def __init__(self, V=20, dropout=0.5):
        super().__init__()
        self.table, self.rnn = nn.Embedding(V, 8), nn.GRU(8, 8, batch_first=True)
        self.norm, self.drop, self.head = nn.BatchNorm1d(8), nn.Dropout(dropout), nn.Linear(8, 2)
        self.kept = None

    def forward(self, ids):
        _, self.kept = self.rnn(self.table(ids))
        return self.head(self.drop(self.norm(self.kept[-1])))


def ids(N=16, T=9, V=20, seed=0):
    return torch.randint(1, V, (N, T), generator=torch.Generator().manual_seed(seed))


def test_the_model_and_the_generators_are_left_as_they_were():
    model = Model().train()
    model(ids())  # it now keeps a state with a graph, which no deepcopy takes
    before, kept = copy.deepcopy(model.state_dict()), model.kept
    batch, target = ids(seed=1), torch.randint(0, 2, (16,))
    seen, random_before = batch.clone(), (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate())
    doctor.examine(model, batch, target)
    assert model.training
    assert model.kept is kept
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(batch, seen)
    assert torch.equal(torch.get_rng_state(), random_before[0])
    assert np.array_equal(np.random.get_state()[1], random_before[1])
    assert random.getstate() == random_before[2]
    assert not model.rnn._forward_hooks


def test_every_run_starts_fresh_and_from_one_seed():
    class Counter(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.calls = nn.GRU(3, 4, batch_first=True), 0

        def forward(self, x):
            self.calls += 1
            return self.rnn(x)[0][:, -1] + self.calls + torch.rand(())

    subject = Subject(Counter(), torch.randn(5, 6, 3))
    assert torch.equal(subject.predict(), subject.predict())


def test_a_model_that_crashes_is_told_not_raised():
    class Broken(nn.Module):
        def forward(self, x):
            raise KeyError("nothing here")

    found = doctor.examine(Broken(), torch.randn(5, 6, 3), torch.zeros(5))
    assert found
    assert {finding.severity for finding in found} == {"note"}
    assert any("nothing here" in finding.sentence for finding in found)


def test_a_batch_that_runs_over_no_time_is_told():
    found = doctor.examine(nn.Linear(3, 2), torch.randn(5), torch.zeros(5))
    assert [finding.code for finding in found] == ["RK-NOTE-01"]
    assert "(5,)" in found[0].sentence


def test_unknown_checks_are_refused():
    with pytest.raises(RequestError, match="padding"):
        doctor.examine(Model(), ids(), only=["paddng"])


def test_large_batches_are_probed_by_a_few_unlike_rows():
    x = ids(64, 20)
    lengths = torch.arange(64) % 20 + 1
    x[torch.arange(20) >= lengths.unsqueeze(1)] = 0
    subject = Subject(Model(), x, torch.arange(64) % 2)
    assert subject.N == 12
    assert len(subject.target) == 12
    assert subject.layout.padding.lengths.max() - subject.layout.padding.lengths.min() >= 15


def test_a_model_of_one_batch_size_keeps_its_batch():
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(3, 4, batch_first=True)

        def forward(self, x):
            return self.rnn(x, torch.zeros(1, 40, 4))[0][:, -1]

    assert Subject(Fixed(), torch.randn(40, 6, 3)).N == 40


# what a batch means


def test_ids_padding_and_lengths_are_recognised():
    x = ids(6, 8)
    x[2:, 5:] = 0
    padding = Subject(Model(), x).layout.padding
    assert padding.side == "right"
    assert padding.lengths.tolist() == [8, 8, 5, 5, 5, 5]
    assert padding.token == 0
    assert Subject(Model(), x.flip(1)).layout.padding.side == "left"
    assert Subject(Model(), ids(6, 8)).layout.padding is None


def test_a_common_word_at_the_end_is_no_padding():
    x = ids(6, 8)
    x[:, ::2] = 1
    x[3, -3:] = 1
    assert Subject(Model(), x).layout.padding is None


class Steps(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(3, 4)

    def forward(self, x):
        return self.rnn(x)[0][-1]


def test_the_target_says_which_axis_counts_examples():
    layout = Subject(Steps(), torch.randn(9, 5, 3), torch.randn(5, 4)).layout
    assert (layout.rows_axis, layout.N, layout.T) == (1, 5, 9)
    assert Subject(Steps(), torch.randn(9, 5, 3), torch.randn(9, 4)).layout.rows_axis == 0


def test_lengths_say_it_too():
    layout = Subject(Steps(), torch.randn(9, 5, 3), lengths=torch.tensor([9, 2, 3, 4, 5])).layout
    assert (layout.rows_axis, layout.N) == (1, 5)


def test_the_next_token_says_which_axis_is_time_and_that_the_model_is_causal():
    class Words(Model):
        def forward(self, ids):
            return self.rnn(self.table(ids))[0]

    x = ids(7, 7)
    assert Subject(Words(), x[:, :-1], x[:, 1:]).causal is True
    assert Subject(Words(), x[:, :-1], x[:, 1:]).layout.rows_axis == 0
    assert Subject(Words(), x[:-1], x[1:]).layout.rows_axis == 1
    assert Subject(Model(), x, torch.zeros(7)).causal is None


def test_named_arguments_masks_and_what_a_model_returns():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(3, 4, batch_first=True)

        def forward(self, values, attention_mask=None):
            return {"hidden": None, "logits": self.rnn(values)[0].mul(attention_mask.unsqueeze(2)).sum(1)}

    mask = (torch.arange(6) < torch.tensor([6, 2, 3, 4]).unsqueeze(1)).long()
    subject = Subject(Named(), {"values": torch.randn(4, 6, 3), "attention_mask": mask})
    assert subject.layout.masks
    assert subject.layout.padding.lengths.tolist() == [6, 2, 3, 4]
    assert subject.base.shape == (4, 4)


def test_a_loss_in_place_of_a_prediction_is_told():
    class Loss(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(3, 4)

        def forward(self, x):
            return self.rnn(x)[0].sum()

    with pytest.raises(CannotExamineError, match="single number"):
        _ = Subject(Loss(), torch.randn(4, 6, 3)).base


def test_changed_tokens_are_other_tokens_and_no_padding():
    x = ids(6, 8)
    x[2:, 5:] = 0
    subject = Subject(Model(), x)
    other = subject.other_values(x)
    assert (other != x).all()
    assert (other > 0).all()
    assert (other < 20).all()


# the layers inside


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM, GRU, LSTM])
@pytest.mark.parametrize("packed", [False, True], ids=["whole", "packed"])
def test_a_walk_computes_what_the_layer_computed(kind, packed):
    torch.manual_seed(0)
    layer, x = kind(3, 4, num_layers=2, bidirectional=True, batch_first=True), torch.randn(5, 7, 3)
    if packed:
        lengths = torch.tensor([7, 3, 5, 1, 2])
        x = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    with recurrent.watched(layer) as calls:
        layer(x)
    outputs, walks = recurrent.walk(calls[0])
    torch.testing.assert_close(outputs, calls[0].steps_first, rtol=1e-5, atol=1e-6)
    assert [walk.name for walk in walks] == [
        f"{kind.__name__}, layer {k}, {way}" for k in (0, 1) for way in ("forward", "backward")
    ]
    top = [walk.states[-1] for walk in walks]
    torch.testing.assert_close(torch.stack(top), calls[0].states[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("lay", "form"),
    [
        (lambda o: o.transpose(0, 1).reshape(-1, 4), "flat by row"),
        (lambda o: o.reshape(-1, 4), "flat by step"),
        (lambda o: o.permute(1, 2, 0), "steps last"),
        (lambda o: o, "plain"),
    ],
)
def test_answers_are_laid_out_rows_first_however_they_come(lay, form):
    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.rnn = nn.Embedding(20, 8), nn.GRU(8, 4)

        def forward(self, ids):
            return lay(self.rnn(self.table(ids.T))[0])

    model, x = Tagger(), ids(6, 9)
    subject = Subject(model, x, torch.zeros(6, 9, dtype=torch.long))
    assert subject.form == form
    torch.testing.assert_close(subject.base, model.rnn(model.table(x.T))[0].transpose(0, 1).detach())


def test_each_input_is_changed_within_its_own_vocabulary():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.tags = nn.Embedding(100, 4), nn.Embedding(5, 4)
            self.rnn = nn.GRU(4, 4, batch_first=True)

        def forward(self, words, tags):
            return self.rnn(self.words(words) + self.tags(tags))[0][:, -1]

    words, tags = ids(6, 9, 100), ids(6, 9, 5)
    subject = Subject(Both(), (words, tags), torch.randn(6, 4))
    assert set(subject.layout.vocabularies.values()) == {100, 5}
    assert subject.predict(subject.rows_changed(torch.arange(6) < 3)).shape == (6, 4)


@pytest.mark.parametrize(
    "returned",
    [
        lambda o: (o.mean(), o),
        lambda o: {"loss": o.mean(), "logits": o},
        lambda o: {"h": {"deep": [o]}},
        lambda o: torch.distributions.Normal(o, 1.0),
    ],
    ids=["a loss first", "a dict", "nested", "a distribution"],
)
def test_the_prediction_is_found_in_whatever_a_model_returns(returned):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(3, 4, batch_first=True)

        def forward(self, x):
            return returned(self.rnn(x)[0][:, -1])

    assert Subject(Net(), torch.randn(40, 6, 3)).base.shape == (12, 4)
