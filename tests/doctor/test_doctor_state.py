"""The check `state`: states read, kept, given and drawn."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import rekur.nn
from rekur.doctor import examination
from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient

N, T, V = 6, 12, 20


class Both(nn.Module):
    """A bidirectional layer; `read` takes the outputs (N, T, 2H) and h_n."""

    def __init__(self, read, layer=nn.GRU, **options):
        super().__init__()
        self.rnn = layer(4, 5, batch_first=True, bidirectional=True, **options)
        self.read, self.head = read, nn.LazyLinear(3)

    def forward(self, x):
        outputs, state = self.rnn(x)
        return self.head(self.read(outputs, state[0] if isinstance(state, tuple) else state))


class PackedLastStep(nn.Module):
    """Each row's own last output, of both directions, is read."""

    def __init__(self, mended=False):
        super().__init__()
        self.rnn, self.head = nn.GRU(4, 5, batch_first=True, bidirectional=True), nn.Linear(10, 3)
        self.mended = mended

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        outputs, h_n = self.rnn(packed)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
        if self.mended:
            return self.head(torch.cat([h_n[-2], h_n[-1]], dim=1))
        return self.head(outputs[torch.arange(len(x)), lengths - 1])


class Kept(nn.Module):
    """A layer that begins where it ended; `every_step` answers at each."""

    def __init__(self, every_step=False, detach=True, outputs=3):
        super().__init__()
        self.lstm, self.head = nn.LSTM(4, 5, batch_first=True), nn.Linear(5, outputs)
        self.every_step, self.detach, self.state = every_step, detach, None

    def forward(self, x):
        outputs, state = self.lstm(x, self.state)
        self.state = tuple(part.detach() for part in state) if self.detach else state
        return self.head(outputs if self.every_step else outputs[:, -1])


class Resettable(Kept):
    def reset(self):
        self.state = None


class InitHidden(Kept):
    """The training loop writes `model.state = model.init_hidden(N)`, as tutorials do."""

    def __init__(self):
        super().__init__()
        self.state = self.init_hidden(N)

    def init_hidden(self, rows):
        return (torch.zeros(1, rows, 5), torch.zeros(1, rows, 5))


class Words(nn.Module):
    """A language model that takes and returns its state."""

    def __init__(self, forward="used", layer=nn.GRU, **options):
        super().__init__()
        self.table, self.rnn = nn.Embedding(V, 6), layer(6, 8, batch_first=True, **options)
        self.head, self.kind = nn.Linear(8, V), forward

    def forward(self, ids, hidden=None):
        given = None if self.kind == "ignored" else hidden
        outputs, state = self.rnn(self.table(ids), given)
        if self.kind == "stale" and hidden is not None:
            state = hidden
        if self.kind == "first step":
            _, state = self.rnn(self.table(ids[:, :1]), given)
        return self.head(outputs), state


class RandomStart(nn.Module):
    def __init__(self, scale=1.0, dropout=0.0, always=True):
        super().__init__()
        self.gru, self.head = nn.GRU(4, 8, batch_first=True), nn.Linear(8, 3)
        self.scale, self.dropout, self.always = scale, dropout, always

    def forward(self, x):
        h_0 = torch.zeros(1, len(x), 8)
        if self.always or self.training:
            h_0 = self.scale * torch.randn(1, len(x), 8)
        outputs, _ = self.gru(x, h_0)
        return self.head(nn.functional.dropout(outputs[:, -1], self.dropout))


class Variational(nn.Module):
    """A drawn code between encoder and decoder: meant to differ."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.GRU(4, 8, batch_first=True), nn.GRU(4, 8, batch_first=True)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        _, h_n = self.encoder(x)
        return self.head(self.decoder(torch.zeros_like(x), h_n + torch.randn_like(h_n))[0])


def rows():
    torch.manual_seed(0)
    return torch.randn(N, T, 4), torch.randint(0, 3, (N,))


def text():
    torch.manual_seed(0)
    ids = torch.randint(0, V, (N, T + 1))
    return ids[:, :-1], ids[:, 1:]


def found(model, batch, target, **known):
    return examination.examine(Patient(model=Subject(model, batch, target, **known)), only=["state"])


def graded(findings):
    return {(f.code, f.severity) for f in findings}


def built(model, x):
    torch.manual_seed(2)
    made = model()
    with torch.no_grad():
        made(x)  # lazy layers take their sizes
    return made


@pytest.mark.parametrize(
    ("read", "options", "code"),
    [
        (lambda o, _: o[:, -1], {}, "RK-STATE-01"),
        (lambda o, _: o[:, -1], {"layer": nn.LSTM, "num_layers": 2}, "RK-STATE-01"),
        (lambda o, _: o[:, -1], {"layer": rekur.nn.GRU}, "RK-STATE-01"),
        (lambda o, _: o[:, -1, :5] + o[:, -1, 5:], {}, "RK-STATE-01"),
        (lambda _, h: h[-1], {}, "RK-STATE-02"),
        (lambda _, h: h[-1], {"layer": nn.LSTM, "num_layers": 2}, "RK-STATE-02"),
        (lambda o, _: o[:, -1, :5], {}, "RK-STATE-02"),
    ],
)
def test_the_wrong_end_of_a_direction_is_found(read, options, code):
    x, y = rows()
    assert graded(found(built(lambda: Both(read, **options), x), x, y)) == {(code, "fault")}


@pytest.mark.parametrize(
    "read",
    [
        lambda _, h: torch.cat([h[-2], h[-1]], dim=1),
        lambda o, _: torch.cat([o[:, -1, :5], o[:, 0, 5:]], dim=1),
        lambda o, _: o.mean(1),
        lambda o, _: o.amax(1),
        lambda o, _: (o.softmax(1) * o).sum(1),
        lambda o, _: o.flatten(1),
        lambda o, _: o,
    ],
    ids=["states", "outputs", "mean", "max", "attention", "flatten", "every"],
)
@pytest.mark.parametrize("layer", [nn.LSTM, rekur.nn.GRU])
def test_both_directions_read_at_their_ends_pass(read, layer):
    x, y = rows()
    assert found(built(lambda: Both(read, layer, num_layers=2), x), x, y) == []


def test_of_packed_rows_each_has_its_own_last_step():
    x, y = rows()
    lengths = torch.tensor([12, 9, 5, 7, 12, 3])
    assert graded(found(PackedLastStep(), (x, lengths), y)) == {("RK-STATE-01", "fault")}
    assert found(PackedLastStep(mended=True), (x, lengths), y) == []


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (Kept, {("RK-STATE-03", "fault")}),
        (Resettable, {("RK-STATE-03", "note")}),
        (InitHidden, {("RK-STATE-03", "note")}),
        (lambda: Kept(detach=False), {("RK-STATE-03", "fault"), ("RK-STATE-04", "fault")}),
    ],
    ids=["kept", "reset", "init_hidden", "graph"],
)
def test_a_state_kept_by_a_classifier(model, wanted):
    x, y = rows()
    findings = found(model(), x, y)
    assert graded(findings) == wanted
    assert all("the predictions of the batch spread by 0." in f.sentence for f in findings if f.code == "RK-STATE-03")


def test_a_language_model_may_keep_its_state_but_not_its_graph():
    x, _ = rows()
    target = torch.cat([x[:, 1:], torch.randn(N, 1, 4)], dim=1)
    kept = Kept(every_step=True, outputs=4)
    assert graded(found(kept, x, target)) == {("RK-STATE-03", "note")}
    graph = Kept(every_step=True, detach=False, outputs=4)
    assert graded(found(graph, x, target)) == {("RK-STATE-03", "note"), ("RK-STATE-04", "fault")}


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("used", set()),
        ("ignored", {("RK-STATE-05", "fault")}),
        ("first step", {("RK-STATE-07", "warning")}),
    ],
)
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "layer": nn.LSTM}], ids=["gru", "lstm"])
def test_a_state_given(kind, wanted, options):
    x, y = text()
    assert graded(found(Words(kind, **options), x, y)) == wanted


def test_a_memory_that_fades_is_still_a_state_that_counts():
    torch.manual_seed(0)
    ids = torch.randint(0, V, (N, 201))
    assert found(Words(layer=nn.RNN), ids[:, :-1], ids[:, 1:]) == []


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (RandomStart, {("RK-STATE-06", "fault")}),
        (lambda: RandomStart(scale=0.02), {("RK-STATE-06", "warning")}),
        (lambda: RandomStart(always=False), set()),
        (lambda: RandomStart(scale=0.0, dropout=0.5), set()),
    ],
    ids=["normal", "small", "in training only", "dropout left on"],
)
def test_a_state_drawn_at_random(model, wanted):
    x, y = rows()
    torch.manual_seed(4)
    assert graded(found(model(), x, y)) == wanted


def test_a_code_that_is_drawn_by_what_was_read_passes():
    x, _ = rows()
    assert found(Variational(), x, x) == []


def test_the_model_is_left_as_it_was():
    x, y = rows()
    model = Kept(detach=False)
    model(x)
    before = [part.clone() for part in model.state]
    found(model, x, y)
    assert all(torch.equal(one, other) for one, other in zip(before, model.state, strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())
