"""Padding and neighbours, in the styles people write."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rekur.doctor import examination
from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient
from rekur.nn import LSTM

V, E, H = 40, 8, 16


class Base(nn.Module):
    def __init__(self, out=2, **options):
        super().__init__()
        self.table = nn.Embedding(V, E)
        self.rnn = nn.GRU(E, H, batch_first=True, **options)
        self.head = nn.Linear(H * (2 if options.get("bidirectional") else 1), out)


class LastStep(Base):
    def forward(self, ids):
        return self.head(self.rnn(self.table(ids))[0][:, -1])


class LastState(Base):
    def forward(self, ids):
        return self.head(self.rnn(self.table(ids))[1][-1])


class PlainMean(Base):
    def forward(self, ids):
        return self.head(self.rnn(self.table(ids))[0].mean(1))


class CellLoop(Base):
    def __init__(self):
        super().__init__()
        self.cell = nn.RNNCell(E, H)

    def forward(self, ids):
        h = torch.zeros(len(ids), H)
        for x_t in self.table(ids).unbind(1):
            h = self.cell(x_t, h)
        return self.head(h)


class StepsFirst(nn.Module):
    """Torch's default layout: (T, N, I), the last step read."""

    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.LSTM(3, H), nn.Linear(H, 2)

    def forward(self, x, lengths):  # noqa: ARG002
        return self.head(self.rnn(x)[0][-1])


class LengthsIgnored(nn.Module):
    """Told the lengths, it divides by them, and adds up the padding, too."""

    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(3, H, batch_first=True), nn.Linear(H, 2)

    def forward(self, x, lengths):
        return self.head(self.rnn(x)[0].sum(1) / lengths.unsqueeze(1))


class MasksById(Base):
    """A word behind the length is a word to this model; only padding may stand there."""

    def forward(self, ids, lengths):
        inside = (ids != 0).unsqueeze(2).float()
        return self.head((self.rnn(self.table(ids))[0] * inside).sum(1) / lengths.unsqueeze(1))


class SoftmaxOverExamples(Base):
    def forward(self, ids, lengths):
        packed = pack_padded_sequence(self.table(ids), lengths, batch_first=True, enforce_sorted=False)
        return torch.softmax(self.head(self.rnn(packed)[1][-1]), dim=0)


class NeverUnsorted(Base):
    def forward(self, ids, lengths):
        lengths, order = lengths.sort(descending=True)
        packed = pack_padded_sequence(self.table(ids[order]), lengths, batch_first=True)
        return self.head(self.rnn(packed)[1][-1])


class StatesViewed(Base):
    """h_n (2, N, H) viewed as (N, 2H): rows of different examples side by side."""

    def forward(self, ids, lengths):
        packed = pack_padded_sequence(self.table(ids), lengths, batch_first=True, enforce_sorted=False)
        _, h_n = self.rnn(packed)
        return self.head(h_n.view(len(ids), -1))


class Packed(Base):
    def forward(self, ids, lengths):
        packed = pack_padded_sequence(self.table(ids), lengths, batch_first=True, enforce_sorted=False)
        return self.head(self.rnn(packed)[1][-1])


class Unsorted(Base):
    def forward(self, ids, lengths):
        lengths, order = lengths.sort(descending=True)
        packed = pack_padded_sequence(self.table(ids[order]), lengths, batch_first=True)
        return self.head(self.rnn(packed)[1][-1][order.argsort()])


class MaskedMean(Base):
    def forward(self, ids):
        inside = (ids != 0).unsqueeze(2).float()
        outputs, _ = self.rnn(self.table(ids))
        return self.head((outputs * inside).sum(1) / inside.sum(1))


class MaskedAttention(Base):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(H, 1)

    def forward(self, ids, mask):
        outputs, _ = self.rnn(self.table(ids))
        scores = self.score(outputs).squeeze(2).masked_fill(~mask, -1e9)
        return self.head((torch.softmax(scores, 1).unsqueeze(2) * outputs).sum(1))


class OwnLast(Base):
    """The output gathered at each row's own last step."""

    def forward(self, ids, lengths):
        outputs, _ = self.rnn(self.table(ids))
        return self.head(outputs[torch.arange(len(ids)), lengths - 1])


class Ours(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = LSTM(3, H, batch_first=True, bidirectional=True), nn.Linear(2 * H, 2)

    def forward(self, x, lengths):
        outputs, _ = self.rnn(x, lengths=lengths)
        behind = torch.arange(x.shape[1]) >= lengths.unsqueeze(1)
        return self.head(outputs.masked_fill(behind.unsqueeze(2), -torch.inf).amax(1))


class MaxWithZeros(Ours):
    """Behind a length the outputs are 0, and a maximum of 0 is not the row's own."""

    def forward(self, x, lengths):
        return self.head(self.rnn(x, lengths=lengths)[0].amax(1))


class Tagger(Base):
    """An answer at every step; what is said of padding nobody reads."""

    def forward(self, ids, lengths):
        packed = pack_padded_sequence(self.table(ids), lengths, batch_first=True, enforce_sorted=False)
        outputs, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=ids.shape[1])
        return self.head(outputs)


def batch(values=False):
    torch.manual_seed(1)
    N, T = 10, 14
    lengths = torch.randint(3, T + 1, (N,))
    lengths[0] = T
    behind = torch.arange(T) >= lengths.unsqueeze(1)
    x = torch.randn(N, T, 3) if values else torch.randint(1, V, (N, T))
    x[behind] = 0
    return x, lengths, ~behind, torch.randint(0, 2, (N,))


def examined(model, *inputs, target):
    torch.manual_seed(2)
    subject = Subject(model, inputs[0] if len(inputs) == 1 else inputs, target)
    return {finding.code for finding in examination.examine(Patient(model=subject), only=["padding"])}


@pytest.mark.parametrize("kind", [LastStep, LastState, CellLoop])
def test_a_readout_of_the_last_step_reads_the_padding(kind):
    ids, _, _, classes = batch()
    assert examined(kind(), ids, target=classes) == {"RK-PAD-01"}


def test_of_steps_first_layers_too():
    x, lengths, _, classes = batch(values=True)
    assert "RK-PAD-01" in examined(StepsFirst(), x.transpose(0, 1), lengths, target=classes)


def test_a_mean_over_all_steps_dilutes_the_text():
    ids, _, _, classes = batch()
    assert examined(PlainMean(), ids, target=classes) == {"RK-PAD-03"}


def test_lengths_that_do_not_keep_the_padding_out():
    x, lengths, _, classes = batch(values=True)
    assert examined(LengthsIgnored(), x, lengths, target=classes) == {"RK-PAD-02", "RK-PAD-03"}


@pytest.mark.parametrize("kind", [SoftmaxOverExamples, NeverUnsorted])
def test_neighbours_that_change_the_answer(kind):
    ids, lengths, _, classes = batch()
    assert examined(kind(), ids, lengths, target=classes) == {"RK-PAD-04"}


def test_states_viewed_across_examples():
    ids, lengths, _, classes = batch()
    assert examined(StatesViewed(bidirectional=True), ids, lengths, target=classes) == {"RK-PAD-04"}


@pytest.mark.parametrize("kind", [Packed, Unsorted, OwnLast, MasksById])
def test_models_that_know_the_lengths_are_sound(kind):
    ids, lengths, _, classes = batch()
    assert examined(kind(), ids, lengths, target=classes) == set()


def test_masks_are_sound():
    ids, _, mask, classes = batch()
    assert examined(MaskedMean(), ids, target=classes) == set()
    assert examined(MaskedAttention(), ids, mask, target=classes) == set()


def test_our_layers_with_lengths_are_sound():
    x, lengths, _, classes = batch(values=True)
    assert examined(Ours(), x, lengths, target=classes) == set()


def test_a_maximum_over_the_zeros_behind_a_length():
    x, lengths, _, classes = batch(values=True)
    assert examined(MaxWithZeros(), x, lengths, target=classes) == {"RK-PAD-03"}


def test_a_tagger_is_judged_inside_the_lengths():
    ids, lengths, _, _ = batch()
    assert examined(Tagger(out=5), ids, lengths, target=torch.randint(0, 5, ids.shape)) == set()


def test_a_packed_batch_is_probed_packed():
    x, lengths, _, classes = batch(values=True)

    class OfPacked(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = nn.GRU(3, H, batch_first=True), nn.Linear(H, 2)

        def forward(self, packed):
            return self.head(self.rnn(packed)[1][-1])

    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    assert examined(OfPacked(), packed, target=classes) == set()


def test_padding_on_the_left_is_no_fault():
    ids, _, _, classes = batch()
    assert examined(LastStep(), ids.flip(1), target=classes) == set()


def test_texts_of_one_length_have_no_padding():
    torch.manual_seed(3)
    assert examined(LastStep(), torch.randint(0, V, (9, 12)), target=torch.randint(0, 2, (9,))) == set()


def test_blank_rows_of_images_are_no_padding():
    torch.manual_seed(4)
    images = torch.rand(10, 14, 3)
    images[:, -3:] = 0  # the lower rows of most digits
    images[0] = torch.rand(14, 3)

    class Rows(StepsFirst):
        def forward(self, x):
            return self.head(self.rnn(x.transpose(0, 1))[0][-1])

    assert examined(Rows(), images, target=torch.randint(0, 2, (10,))) == set()


class Pair(OwnLast):
    """Two texts, each with an end of its own."""

    def read(self, ids):
        outputs, _ = self.rnn(self.table(ids))
        return outputs[torch.arange(len(ids)), (ids != 0).sum(1) - 1]

    def forward(self, one, other):
        return self.head((self.read(one) - self.read(other)).abs())


def test_two_texts_have_lengths_of_their_own():
    ids, _, _, classes = batch()
    assert examined(Pair(), ids, ids.flip(0), target=classes) == set()


class ClassesFirst(Base):
    """A tagger that answers (N, C, T), as cross-entropy wants it; its second direction reads the padding first."""

    def forward(self, ids):
        return self.head(self.rnn(self.table(ids))[0]).transpose(1, 2)


def test_answers_with_the_steps_last_are_judged_at_each_step():
    ids, _, _, _ = batch()
    tags = torch.randint(0, 5, ids.shape)
    assert examined(ClassesFirst(out=5, bidirectional=True), ids, target=tags) == {"RK-PAD-03"}
    assert examined(ClassesFirst(out=5), ids, target=tags) == set()
