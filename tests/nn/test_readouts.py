"""The readouts against plain Python over each row's own steps."""

from __future__ import annotations

import pytest
import torch

from rekur.errors import ConfigError, ShapeError
from rekur.nn import readouts

N, T, F = 4, 5, 6
LENGTHS = torch.tensor([5, 1, 0, 3])


@pytest.fixture
def outputs() -> torch.Tensor:
    """(N, T, F) with NaN behind every length: whatever reads there shows it."""
    outputs = torch.randn(N, T, F, generator=torch.Generator().manual_seed(3))
    return outputs.masked_fill(~readouts.valid(outputs, LENGTHS).unsqueeze(-1), float("nan"))


@pytest.mark.parametrize("name", ["mean", "max", "mean_max", "attention", "flatten"])
def test_reads_each_row_as_if_it_were_alone(name: str, outputs: torch.Tensor) -> None:
    readout = readouts.make(name, F, T)
    together = readout(outputs, outputs[0], LENGTHS)
    assert together.shape == (N, readout.features)
    for row, length in enumerate(LENGTHS.tolist()):
        if name == "flatten":
            alone = torch.cat((outputs[row, :length].flatten(), torch.zeros((T - length) * F)))
        elif length == 0:
            alone = torch.zeros(readout.features)
        else:
            alone = readout(outputs[row : row + 1, :length], outputs[0], None)[0]
        torch.testing.assert_close(together[row], alone)


def test_mean_and_max_by_hand() -> None:
    outputs = torch.tensor([[[1.0, -4.0], [3.0, -2.0], [9.0, 9.0]]])
    result = readouts.make("mean_max", 2)(outputs, outputs[0], torch.tensor([2]))
    assert result.tolist() == [[2.0, -3.0, 3.0, -2.0]]


def test_attention_weighs_valid_steps_alone_and_learns(outputs: torch.Tensor) -> None:
    attention = readouts.Attention(F)
    weights = attention.weights(outputs.nan_to_num(7.0), LENGTHS)
    torch.testing.assert_close(weights.sum(1), (LENGTHS > 0).float())
    assert not weights[~readouts.valid(outputs, LENGTHS)].any()
    attention(outputs, outputs[0], LENGTHS).sum().backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.any() for p in attention.parameters() if p.grad is not None)
    assert attention.score.weight.grad is not None


@pytest.mark.parametrize("lstm", [False, True])
def test_last_joins_both_directions_of_the_top_layer(lstm: bool) -> None:
    h_n = torch.arange(4 * 2 * 3.0).reshape(4, 2, 3)  # K*D = 4, N = 2, H = 3
    state = (h_n, -h_n) if lstm else h_n
    last = readouts.make("last", 6)(torch.zeros(2, 1, 6), state)
    assert torch.equal(last, torch.cat((h_n[2], h_n[3]), dim=1))
    assert torch.equal(readouts.make("last", 3)(torch.zeros(2, 1, 3), state), h_n[3])


def test_last_step_is_the_published_fault(outputs: torch.Tensor) -> None:
    step = readouts.make("last_step", F)(outputs.nan_to_num(7.0), outputs[0], LENGTHS)
    assert (step[1:] == 7.0).all()


def test_every_keeps_all_steps(outputs: torch.Tensor) -> None:
    assert readouts.make("every", F)(outputs, outputs[0], LENGTHS) is outputs


def test_flatten_holds_to_its_fixed_length() -> None:
    with pytest.raises(ConfigError, match="fixed T"):
        readouts.make("flatten", F)
    with pytest.raises(ShapeError, match=r"\(N, T=5, D\*H\); got \(2, 4, 6\)"):
        readouts.make("flatten", F, T)(torch.zeros(2, 4, F), torch.zeros(1, 2, F))


def test_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean `mean`"):
        readouts.make("meen", F)


@pytest.mark.parametrize("name", list(readouts.READOUTS))
def test_no_lengths_means_every_step_counts(name: str) -> None:
    outputs = torch.randn(N, T, F)
    readout = readouts.make(name, F, T)
    state = outputs[:, -1].unsqueeze(0)
    whole = readout(outputs, state, torch.full((N,), T))
    torch.testing.assert_close(readout(outputs, state, None), whole)
