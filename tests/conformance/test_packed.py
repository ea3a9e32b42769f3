"""Packed sequences: packed, run, padded again, as with torch's layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence, pad_packed_sequence, pad_sequence
from twins import (
    BF16,
    F32,
    F64,
    INPUTS,
    STACK,
    H,
    N,
    T,
    agree,
    both_refuse,
    both_types,
    draw,
    every_kind,
    every_layer,
    flat,
    gradients,
    loss,
    state_of,
)

LENGTHS: dict[str, Any] = {
    "unsorted": [2, 5, 1, 4],
    "sorted": [5, 4, 2, 1],
    "ascending": torch.tensor([1, 2, 4, 5]),
    "all whole": torch.tensor([5, 5, 5, 5]),
    "all short": [3, 3, 3, 3],
    "ones": [1, 1, 1, 1],
    "ties": torch.tensor([2, 5, 2, 5]),
}


def packed(layer: Any, lengths: Any, *, given: bool = False, total: int | None = None) -> Any:
    """Pack, run, pad: the results, packed and padded, and the gradients of input, state and weights."""
    dtype = next(layer.parameters()).dtype
    lead = (N, T) if layer.batch_first else (T, N)
    x = draw(*lead, layer.input_size, dtype=dtype, grad=True)
    state = state_of(layer, N, grad=True) if given else None
    sequence = pack_padded_sequence(x, lengths, layer.batch_first, enforce_sorted=False)
    output, final = layer(sequence, state)
    assert isinstance(output, PackedSequence)
    padded = pad_packed_sequence(output, layer.batch_first, total_length=total)
    loss(padded[0], final).backward()
    return output, final, padded, x.grad, [part.grad for part in flat(state) if part is not None], gradients(layer)


@pytest.mark.parametrize("given", [False, True], ids=["zeros", "given"])
@pytest.mark.parametrize("lengths", LENGTHS)
@every_kind
def test_packed_run_and_padded_again(name: str, lengths: str, given: bool) -> None:
    agree(name, lambda layer: packed(layer, LENGTHS[lengths], given=given), **STACK)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("total", [None, T, 2 * T])
@both_types
@every_layer
def test_padded_to_a_total_length(name: str, dtype: torch.dtype, total: int | None, batch_first: bool) -> None:
    act = lambda layer: packed(layer, LENGTHS["unsorted"], total=total)  # noqa: E731
    agree(name, act, dtype=dtype, batch_first=batch_first)


@every_layer
def test_packed_as_sorted(name: str) -> None:
    def act(layer: Any) -> Any:
        output, final = layer(pack_padded_sequence(draw(T, N, INPUTS), LENGTHS["sorted"]), state_of(layer, N))
        assert output.sorted_indices is None
        return output, final

    agree(name, act)


@pytest.mark.parametrize("is_sorted", [False, True])
@every_layer
def test_a_list_of_sequences(name: str, is_sorted: bool) -> None:
    def act(layer: Any) -> Any:
        lengths = LENGTHS["sorted" if is_sorted else "unsorted"]
        rows = [draw(length, INPUTS, grad=True) for length in lengths]
        output, final = layer(pack_sequence(rows, enforce_sorted=is_sorted))
        loss(output.data, final).backward()
        return output, final, [row.grad for row in rows], gradients(layer)

    agree(name, act, **STACK)


@every_layer
def test_one_sequence_and_one_step(name: str) -> None:
    for steps in (T, 1):
        agree(name, lambda layer, steps=steps: layer(pack_sequence([draw(steps, INPUTS)])), **STACK)


@every_layer
def test_packed_outputs_go_into_the_next_layer(name: str) -> None:
    def act(layer: Any) -> Any:
        output, state = layer(pack_padded_sequence(draw(T, N, H), [2, 5, 1, 4], enforce_sorted=False))
        again, state = layer(output, state)
        loss(again.data, state).backward()
        return again, state, gradients(layer)

    agree(name, act, input_size=H)


@every_layer
def test_only_the_state_of_a_packed_run_is_used(name: str) -> None:
    def act(layer: Any) -> Any:
        data = draw(12, INPUTS, grad=True)
        sizes = pack_padded_sequence(draw(T, N, INPUTS), [5, 4, 2, 1]).batch_sizes
        _, final = layer(PackedSequence(data, sizes))
        loss(final).backward()
        return final, data.grad, gradients(layer)

    agree(name, act, **STACK)


@pytest.mark.parametrize("dtype", [F64, F32, BF16], ids=str)
@every_layer
def test_a_packed_sequence_of_another_type(name: str, dtype: torch.dtype) -> None:
    def act(layer: Any) -> Any:
        sequence = pack_padded_sequence(draw(T, N, INPUTS, dtype=F32), [2, 5, 1, 4], enforce_sorted=False)
        return layer(sequence.to(dtype))

    agree(name, act, dtype=dtype)


@every_layer
def test_the_batch_of_a_packed_sequence_is_never_first(name: str) -> None:
    def act(layer: Any) -> Any:
        return layer(pack_padded_sequence(draw(T, N, INPUTS), [5, 4, 2, 1]), state_of(layer, N))

    agree(name, act, batch_first=True)


@every_layer
def test_padding_of_a_padded_sequence_is_not_seen(name: str) -> None:
    def act(layer: Any) -> Any:
        rows = [draw(length, INPUTS) for length in (2, 5, 1, 4)]
        x = pad_sequence(rows, padding_value=float("nan"))
        output, final = layer(pack_padded_sequence(x, [2, 5, 1, 4], enforce_sorted=False))
        loss(output.data, final).backward()
        assert not any(part.isnan().any() for part in flat([output.data, final, gradients(layer)]) if part is not None)
        return output, final, gradients(layer)

    agree(name, act)


def sequence_of(features: int = INPUTS, dtype: torch.dtype = F64) -> PackedSequence:
    return pack_padded_sequence(draw(T, N, features, dtype=dtype), [5, 4, 2, 1])


@every_layer
def test_wrong_packed_input_is_refused(name: str) -> None:
    both_refuse(name, lambda layer: layer(sequence_of(INPUTS + 1)))
    both_refuse(name, lambda layer: layer(sequence_of(dtype=F32)))
    both_refuse(name, lambda layer: layer(sequence_of(), state_of(layer, N + 1)))
    both_refuse(name, lambda layer: layer(sequence_of(), state_of(layer)))


@every_layer
def test_dropout_of_all_between_packed_layers(name: str) -> None:
    def act(layer: Any) -> Any:
        output, final = layer(sequence_of())
        loss(output.data, final).backward()
        return output, final, gradients(layer)

    agree(name, act, num_layers=2, dropout=1.0)


@every_layer
def test_lengths_do_what_packing_does(name: str) -> None:
    def act(layer: Any) -> Any:
        lengths, x, state = torch.tensor([2, 5, 1, 4]), draw(T, N, INPUTS, grad=True), state_of(layer, N, grad=True)
        if type(layer).__module__.startswith("torch"):
            output, final = layer(pack_padded_sequence(x, lengths, enforce_sorted=False), state)
            output, _ = pad_packed_sequence(output, total_length=T)
        else:
            output, final = layer(x, state, lengths=lengths)
        loss(output, final).backward()
        parts: list[Tensor | None] = [part.grad for part in flat(state) if part is not None]
        return output, final, x.grad, parts, gradients(layer)

    agree(name, act, **STACK)
