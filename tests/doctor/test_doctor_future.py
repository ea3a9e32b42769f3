"""The check `future`: later steps changed, earlier outputs watched."""

import pytest
import torch
from torch import nn

from rekur.doctor import examination
from rekur.doctor.model.subject import Subject
from rekur.doctor.patient import Patient

V, N, T = 20, 6, 16


class Tagger(nn.Module):
    """A language model: a layer before the GRU, and what it reads."""

    def __init__(self, bidirectional=False, before=None, batch_first=True):
        super().__init__()
        self.table, self.before = nn.Embedding(V, 8), before
        self.gru = nn.GRU(8, 12, batch_first=batch_first, bidirectional=bidirectional)
        self.head = nn.Linear(24 if bidirectional else 12, V)

    def forward(self, ids):
        x = self.table(ids)
        if self.before is not None:
            x = self.before(x)
        return self.head(self.gru(x)[0])


class Flattened(Tagger):
    def forward(self, ids):
        return super().forward(ids).reshape(-1, V)


class Convolved(nn.Module):
    def __init__(self, causal):
        super().__init__()
        self.conv, self.causal = nn.Conv1d(8, 8, 3, padding=0 if causal else 1), causal

    def forward(self, x):
        x = x.transpose(1, 2)
        return self.conv(nn.functional.pad(x, (2, 0)) if self.causal else x).transpose(1, 2)


class MeanAdded(nn.Module):
    def forward(self, x):
        return x + x.mean(1, keepdim=True)


class Translator(nn.Module):
    """Encoder of both directions over a source, decoder over the target's own words."""

    def __init__(self, leaks=False):
        super().__init__()
        self.source, self.target = nn.Embedding(V, 8), nn.Embedding(V, 8)
        self.encoder = nn.GRU(8, 12, batch_first=True, bidirectional=True)
        self.decoder = nn.GRU(8, 24, batch_first=True, bidirectional=leaks)
        self.head, self.leaks = nn.Linear(48 if leaks else 24, V), leaks

    def forward(self, source, words):
        _, h_n = self.encoder(self.source(source))
        h_0 = torch.cat([h_n[0], h_n[1]], dim=1).unsqueeze(0)
        return self.head(self.decoder(self.target(words), h_0.repeat(2 if self.leaks else 1, 1, 1))[0])


def text(seed=0):
    torch.manual_seed(seed)
    ids = torch.randint(0, V, (N, T + 1))
    return ids[:, :-1], ids[:, 1:]


def found(model, batch, target, **known):
    return examination.examine(Patient(model=Subject(model, batch, target, **known)), only=["future"])


@pytest.mark.parametrize(
    ("model", "code"),
    [
        (lambda: Tagger(bidirectional=True), "RK-FUT-02"),
        (lambda: Flattened(bidirectional=True), "RK-FUT-02"),
        (lambda: Tagger(before=Convolved(causal=False)), "RK-FUT-01"),
        (lambda: Tagger(before=MeanAdded()), "RK-FUT-01"),
    ],
    ids=["bidirectional", "flattened", "convolution", "mean"],
)
def test_outputs_that_know_what_comes_are_found(model, code):
    x, y = text()
    findings = found(model(), x, y)
    assert [(f.code, f.severity) for f in findings] == [(code, "fault")]
    assert max(findings[0].curve.y[: findings[0].evidence["changed_from_step"]]) > 0


def test_the_bidirectional_layer_is_named():
    x, y = text()
    assert "`gru`" in found(Tagger(bidirectional=True), x, y)[0].sentence


@pytest.mark.parametrize("leaks", [False, True], ids=["sound", "leaks"])
def test_of_a_translator_the_decoder_alone_is_causal(leaks):
    x, y = text()
    source = torch.randint(0, V, (N, 11))
    findings = found(Translator(leaks), (source, x), y)
    assert [(f.code, f.evidence["layer"]) for f in findings] == ([("RK-FUT-02", "decoder")] if leaks else [])


@pytest.mark.parametrize(
    "model",
    [Tagger, Flattened, lambda: Tagger(before=Convolved(causal=True))],
    ids=["plain", "flattened", "causal convolution"],
)
def test_causal_models_pass(model):
    x, y = text()
    assert found(model(), x, y) == []


def test_time_first_passes():
    x, y = text()
    assert found(Tagger(batch_first=False), x.T.contiguous(), y.T.contiguous()) == []


def test_a_tagger_of_both_directions_is_not_causal():
    x, _ = text()
    assert found(Tagger(bidirectional=True), x, torch.randint(0, V, (N, T))) == []


class Horizon(nn.Module):
    """Twelve steps read, the next twelve forecast at once."""

    def __init__(self):
        super().__init__()
        self.gru, self.head = nn.GRU(1, 8, batch_first=True), nn.Linear(8, 12)

    def forward(self, x):
        return self.head(self.gru(x)[1][-1])


def test_a_forecast_of_as_many_steps_as_are_read_is_no_leak():
    torch.manual_seed(0)
    series = torch.randn(N, 24, 1).cumsum(1)
    assert found(Horizon(), series[:, :12], series[:, 12:, 0], causal=True) == []
