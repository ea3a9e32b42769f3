"""Laws of the five forecasters, in torch and in NumPy: both are called alike, and must be equal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rekur import distributions, engine, inference, models
from rekur.architecture import Architecture
from rekur.config import ModelSettings
from rekur.errors import ConfigError, RefusedModelError
from rekur.models.forecasters import FORECASTERS, dilated
from rekur.models.forecasters.segments import cut
from rekur.nn import LAYERS

native = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")
KINDS = sorted(FORECASTERS)
LEVELS = (0.1, 0.5, 0.9)
N, T, h, I = 4, 11, 5, 2  # noqa: E741


def architecture(kind: str, *, future: int = 2, static: int = 3, horizon: int = h, values: int = I, **changes):
    """Return the architecture of a small forecaster; `changes` of its settings."""
    own = {"segments": {"segment": 4}, "dilated": {"dilations": ((1, 2), (3, 20))}, "decoder": {"attention": "dot"}}
    chosen = {"forecaster": kind, "hidden": 6, "distribution": "normal", **own.get(kind, {}), **changes}
    settings = ModelSettings(**chosen)
    outputs = distributions.make(settings.distribution, LEVELS).parameters
    sizes = {"values": values, "horizon": horizon, "future": future, "static": static, "levels": LEVELS}
    return Architecture(settings, outputs, **sizes)


def drawn(made: Architecture, rows: int = N, steps: int = T, seed: int = 1):
    """Return past, future and static, None where there is none."""
    generator = np.random.default_rng(seed)
    shapes = (rows, steps, made.values), (rows, made.horizon, made.future), (rows, made.static)
    return tuple(generator.normal(size=shape).astype(np.float32) if shape[-1] else None for shape in shapes)


def torch_model(made: Architecture, seed: int = 1) -> torch.nn.Module:
    torch.manual_seed(seed)
    model = models.build(made)
    for name, weight in model.named_parameters():
        if name.startswith("highway"):  # it begins at 0, where it would say nothing
            torch.nn.init.normal_(weight)
    return model.eval()


def without_torch(made: Architecture, model: torch.nn.Module) -> inference.Forecaster:
    found = inference.make(made, {name: weight.numpy() for name, weight in model.state_dict().items()})
    assert isinstance(found, inference.Forecaster)
    return found


def computed(model: torch.nn.Module, inputs, lengths=None) -> np.ndarray:
    with torch.inference_mode():
        return model(inputs, lengths)[0].numpy()


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    kind = draw(st.sampled_from(KINDS))
    distribution = draw(st.sampled_from(["point", "median", "quantiles", "normal", "student_t", "negative_binomial"]))
    if kind == "autoregressive" and distribution == "quantiles":
        distribution = "normal"
    changes = {
        "segments": {"segment": draw(st.integers(1, 6))},
        "dilated": {"dilations": draw(st.sampled_from([((1,),), ((2, 3), (5,)), ((1, 2), (4, 30))]))},
        "decoder": {"attention": draw(st.sampled_from(["none", "dot", "general", "additive"]))},
    }.get(kind, {})
    return architecture(
        kind,
        future=draw(st.integers(0, 2)),
        static=draw(st.integers(0, 2)),
        horizon=draw(st.integers(1, 7)),
        values=draw(st.integers(1, 3)),
        distribution=distribution,
        cell=draw(st.sampled_from(["rnn", "gru", "lstm"])),
        hidden=draw(st.integers(1, 7)),
        layers=1 if kind == "dilated" else draw(st.integers(1, 2)),
        residual=distribution != "negative_binomial" and draw(st.booleans()),
        highway=0 if kind == "autoregressive" else draw(st.sampled_from([0, 3, 20])),
        **changes,
    )


@native
@given(architectures(), st.integers(1, 4), st.integers(1, 12), st.booleans(), st.integers(0, 99))
def test_numpy_equals_torch(made, rows, steps, told, seed):
    model = torch_model(made, seed)
    inputs = drawn(made, rows, steps, seed)
    lengths = np.random.default_rng(seed).integers(1, steps + 1, rows) if told else None
    found, state = without_torch(made, model)(inputs, lengths)
    assert (state, found.dtype) == (None, np.float32)
    np.testing.assert_allclose(found, computed(model, inputs, lengths), rtol=1e-4, atol=1e-5)


@native
@given(architectures(), st.integers(0, 99))
def test_numpy_forecasts_what_torch_forecasts(made, seed):
    model, inputs = torch_model(made, seed), drawn(made, 3, 6, seed)
    scale = np.array([1, 3, 7], np.float32)
    quantiles, points = zip(
        *(
            one.forecast(inputs, np.array([6, 1, 4]), LEVELS, 20, np.random.default_rng(seed), scale)
            for one in (model, without_torch(made, model))
        ),
        strict=True,
    )
    assert quantiles[0].shape == (3, made.horizon, 3)
    tight = made.settings.distribution != "negative_binomial"  # a count is one more or less at the edge of a quantile
    close: Callable[..., bool] = np.allclose if tight else lambda a, b, **_: np.isclose(a, b, atol=1e-3).mean() > 0.8
    assert close(*quantiles, rtol=1e-3, atol=1e-4)
    assert close(*points, rtol=1e-3, atol=1e-4)
    assert (np.diff(quantiles[0], axis=2) >= 0).all()


@given(architectures())
def test_the_weights_are_those_of_the_architecture(made):
    own = {name: (tuple(weight.shape), "float32") for name, weight in torch_model(made).state_dict().items()}
    assert own == made.weights()


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_behind_a_length_changes_nothing(kind, cell):
    made = architecture(kind, cell=cell, residual=True, highway=5 if kind == "direct" else 0)
    model, (past, future, static) = torch_model(made), drawn(made)
    lengths = np.array([11, 1, 4, 7])
    expected = computed(model, (past, future, static), lengths)
    for row, length in enumerate(lengths):
        alone = past[row : row + 1, :length], future[row : row + 1], static[row : row + 1]
        np.testing.assert_allclose(expected[row], computed(model, alone)[0], rtol=1e-4, atol=1e-5)
        past[row, length:] = 1e3
    np.testing.assert_allclose(computed(model, (past, future, static), lengths), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_forecasts_follow_their_rows(kind):
    made = architecture(kind)
    model, inputs, order = torch_model(made), drawn(made), np.array([2, 0, 3, 1])
    shuffled = tuple(part[order] for part in inputs)
    np.testing.assert_allclose(computed(model, shuffled), computed(model, inputs)[order], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_reaches_every_weight(kind):
    changes = {"dilations": ((1, 2), (3, 5))} if kind == "dilated" else {"layers": 2}
    made = architecture(kind, **changes)
    model = torch_model(made).train()
    inputs = (*drawn(made), np.ones((N, h), np.float32))
    made.forecaster.distribution.loss(model(inputs)[0], torch.randn(N, h)).backward()
    untouched = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not untouched


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_pass_reads_no_value_it_forecasts(kind):
    """Value j may change what is forecast after it, in a model that reads it, and nothing before."""
    made = architecture(kind)
    model, inputs = torch_model(made), drawn(made)
    target = np.random.default_rng(2).normal(size=(N, h)).astype(np.float32)
    before = computed(model, (*inputs, target))
    for place in range(h):
        changed = target.copy()
        changed[:, place:] += 5
        found = computed(model, (*inputs, changed))
        np.testing.assert_array_equal(found[:, : place + 1], before[:, : place + 1])
    reads = bool((computed(model, (*inputs, target + 1)) != before).any())
    assert reads == (kind == "autoregressive")


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_teacher_forced_pass_is_the_model_stepped(cell, residual):
    made = architecture("autoregressive", cell=cell, residual=residual, layers=2)
    model, inputs = torch_model(made), drawn(made)
    target = np.random.default_rng(2).normal(size=(N, h)).astype(np.float32)
    whole = computed(model, (*inputs, target))
    standing, value = model.begin(inputs, None)
    for place in range(h):
        parameters, standing = model.advance(value, place, standing)
        np.testing.assert_allclose(parameters, whole[:, place], rtol=1e-4, atol=1e-5)
        value = target[:, place]


@pytest.mark.parametrize("residual", [False, True])
def test_without_a_target_a_model_reads_its_own_means(residual):
    made = architecture("autoregressive", residual=residual)
    model, inputs = torch_model(made), drawn(made)
    free = computed(model, inputs)
    np.testing.assert_allclose(computed(model, (*inputs, free[:, :, 0])), free, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_residual_forecast_moves_with_the_series(kind):
    made = architecture(kind, residual=True, distribution="student_t")
    model, (past, future, static) = torch_model(made), drawn(made)
    raised = past.copy()
    raised[:, :, 0] += 50
    expected = computed(model, (past, future, static)) + np.array([50, 0, 0], np.float32)
    np.testing.assert_allclose(computed(model, (raised, future, static)), expected, atol=1e-4)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("dilation", [2, 3, 11, 40])
def test_a_dilated_layer_is_its_cell_looking_that_many_steps_back(cell, dilation):
    torch.manual_seed(1)
    own = LAYERS[cell](3, 5, batch_first=True)
    plain = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](3, 5, batch_first=True)
    plain.load_state_dict(own.state_dict())
    x, states = torch.randn(2, 11, 3), []
    zeros = torch.zeros(1, 2, 5)
    for t in range(11):
        start = states[t - dilation] if t >= dilation else (zeros, zeros) if cell == "lstm" else zeros
        states.append(plain(x[:, t : t + 1], start)[1])
    expected = torch.stack([(state[0] if cell == "lstm" else state)[0] for state in states], dim=1)
    torch.testing.assert_close(dilated.dilated(own, x, dilation, None), expected, rtol=1e-4, atol=1e-5)


def test_segments_end_where_the_history_ends():
    past = torch.arange(1.0, 15).view(2, 7, 1)
    segments, count = cut(past, torch.tensor([7, 4]), 3)
    assert count.tolist() == [3, 2]
    assert segments[0].tolist() == [[0, 0, 1], [2, 3, 4], [5, 6, 7]]
    assert segments[1, :2].tolist() == [[0, 0, 8], [9, 10, 11]]
    assert torch.equal(segments[:1], cut(past[:1], None, 3)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_every_forecaster_learns_to_repeat_a_season(kind):
    """A sine of period 4 from any phase: the error falls to a quarter, which no repetition reaches."""
    made = architecture(kind, future=0, static=0, values=1, horizon=4, hidden=12, distribution="point")
    model = torch_model(made).train()
    phase = np.random.default_rng(1).uniform(0, 6.28, (64, 1))
    waves = np.sin(phase + np.arange(12) * np.pi / 2).astype(np.float32)
    past, target = waves[:, :8, None], waves[:, 8:]
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    losses = []
    for _ in range(40):
        loss = made.forecaster.distribution.loss(model((past, None, None, target))[0], torch.from_numpy(target))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 4


def test_a_highway_alone_is_a_linear_model_of_the_last_values():
    made = architecture("direct", residual=True, highway=3, distribution="point")
    model, (past, future, static) = torch_model(made), drawn(made)
    for name, weight in model.named_parameters():
        if not name.startswith("highway"):
            torch.nn.init.zeros_(weight)
    last = past[:, -1:, 0]
    expected = last + (past[:, -3:, 0] - last) @ model.highway.weight.detach().numpy().T
    np.testing.assert_allclose(computed(model, (past, future, static))[:, :, 0], expected, rtol=1e-4, atol=1e-5)


REFUSED = {
    "no segment": ({"forecaster": "segments"}, {}, "model.segment must be 1"),
    "quantiles of a path": ({"forecaster": "autoregressive", "distribution": "quantiles"}, {}, "draws whole paths"),
    "no horizon": ({"forecaster": "direct"}, {"horizon": 0}, "horizon of 1 or more"),
    "other outputs": ({"forecaster": "direct", "distribution": "normal"}, {"outputs": 3}, "has 2 parameters"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_sizes_that_contradict_the_settings_are_refused(fault):
    settings, sizes, message = REFUSED[fault]
    with pytest.raises(ConfigError, match=message):
        Architecture(ModelSettings(**settings), **{"outputs": 1, "values": 1, "horizon": 3, "levels": LEVELS, **sizes})


def test_weights_of_another_forecaster_are_refused(tmp_path):
    weights = {name: weight.numpy() for name, weight in torch_model(architecture("direct")).state_dict().items()}
    with pytest.raises(RefusedModelError, match="do not fit"):
        models.fill(torch_model(architecture("decoder")), weights, tmp_path)
