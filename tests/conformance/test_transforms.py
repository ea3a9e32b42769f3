"""torch.func and torch.compile around a layer: right, or torch's own refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, jacfwd, jacrev, jvp, stack_module_state, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils.rnn import pack_padded_sequence
from twins import (
    F32,
    INPUTS,
    STACK,
    H,
    N,
    T,
    agree,
    both_types,
    draw,
    every_kind,
    every_layer,
    flat,
    loss,
    or_refused,
    same,
    twins,
)

REFUSED = "[Bb]atching rule|vmap|functorch|doesn't match the broadcast shape|jvp|forward AD|setup_context"
no_jit_warning = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
no_leaf_warning = pytest.mark.filterwarnings(
    "ignore:The .grad attribute of a Tensor that is not a leaf"
)  # dynamo's own
no_slow_warning = pytest.mark.filterwarnings("ignore:There is a performance drop because")


def weights_of(layer: nn.Module) -> dict[str, Tensor]:
    return {name: weight.detach() for name, weight in layer.named_parameters()}


@both_types
@every_kind
def test_called_with_other_weights(name: str, dtype: torch.dtype) -> None:
    def act(layer: Any) -> Any:
        others = {key: (2 * weight).requires_grad_() for key, weight in weights_of(layer).items()}
        x = draw(T, N, INPUTS, dtype=dtype, grad=True)
        result = functional_call(layer, others, (x,))
        loss(result).backward()
        assert all(weight.grad is None for weight in layer.parameters())
        return result, x.grad, [weight.grad for weight in others.values()], layer(x)

    agree(name, act, dtype=dtype, **STACK)


@both_types
@every_layer
def test_gradient_as_a_function(name: str, dtype: torch.dtype) -> None:
    def act(layer: Any) -> Any:
        x = draw(T, N, INPUTS, dtype=dtype)
        return grad(lambda weights, x: loss(functional_call(layer, weights, (x,))), argnums=(0, 1))(
            weights_of(layer), x
        )

    agree(name, act, dtype=dtype, **STACK)


def gradient_by_rows(layer: Any, x: Tensor) -> list[Any]:
    """The gradient of each row on its own, one after the other."""
    rows = []
    for row in x.unbind(1):
        layer.zero_grad()
        layer(row)[0].square().sum().backward()
        rows.append({name: weight.grad.clone() for name, weight in layer.named_parameters()})
    return [torch.stack([row[name] for row in rows]) for name in rows[0]]


@no_slow_warning
@both_types
@every_layer
def test_gradients_of_each_row(name: str, dtype: torch.dtype) -> None:
    theirs, ours = twins(name, dtype=dtype)
    x = draw(T, N, INPUTS, dtype=dtype)

    def square(weights: dict[str, Tensor], row: Tensor) -> Tensor:
        return functional_call(ours, weights, (row,))[0].square().sum()

    with or_refused(REFUSED):
        got = vmap(grad(square), in_dims=(None, 1))(weights_of(ours), x)
        same(got, gradient_by_rows(theirs, x))


@no_slow_warning
@every_layer
def test_vmap_over_inputs(name: str) -> None:
    theirs, ours = twins(name)
    x = draw(3, T, N, INPUTS)
    with or_refused(REFUSED):
        same(vmap(lambda part: ours(part)[0])(x), torch.stack([theirs(part)[0] for part in x]))


@no_slow_warning
@every_layer
def test_vmap_over_a_stack_of_models(name: str) -> None:
    theirs, ours = zip(*(twins(name) for _ in range(2)), strict=True)
    for one, other in zip(theirs, ours, strict=True):
        one.reset_parameters()
        other.load_state_dict(one.state_dict())
    weights, _ = stack_module_state(list(ours))
    x = draw(T, N, INPUTS)
    with or_refused(REFUSED):
        got = vmap(lambda part: functional_call(ours[0], part, (x,))[0])(weights)
        same(got, torch.stack([one(x)[0] for one in theirs]))


@no_jit_warning
@every_layer
def test_jacobians_backward(name: str) -> None:
    theirs, ours = twins(name, hidden_size=2)
    x = draw(3, 2, INPUTS)
    expected = torch.autograd.functional.jacobian(lambda x: theirs(x)[0], x)
    with or_refused(REFUSED):
        same(jacrev(lambda x: ours(x)[0])(x), expected)


@no_jit_warning
@every_layer
def test_derivatives_forward(name: str) -> None:
    theirs, ours = twins(name, hidden_size=2)
    x, way = draw(3, 2, INPUTS), draw(3, 2, INPUTS)
    jacobian = torch.autograd.functional.jacobian(lambda x: theirs(x)[0], x)
    with or_refused(REFUSED):
        same(jvp(lambda x: ours(x)[0], (x,), (way,))[1], torch.einsum("tnhsmi,smi->tnh", jacobian, way))
    with or_refused(REFUSED):
        same(jacfwd(lambda x: ours(x)[0])(x), jacobian)


@no_jit_warning
@pytest.mark.parametrize("frozen", [False, True])
@every_layer
def test_dual_numbers_keep_their_tangents(name: str, frozen: bool) -> None:
    theirs, ours = twins(name)
    x, way = draw(T, N, INPUTS), draw(T, N, INPUTS)
    tangents = []
    for layer in (theirs, ours):
        layer.requires_grad_(not frozen)
        with or_refused(REFUSED), forward_ad.dual_level():
            tangents.append(forward_ad.unpack_dual(layer(forward_ad.make_dual(x, way))[0]).tangent)
    expected, *got = tangents
    for tangent in got:
        same(tangent, expected)


@every_layer
def test_a_traced_graph_computes_and_does_not_remember(name: str) -> None:
    theirs, ours = twins(name)
    x = draw(T, N, INPUTS)
    with or_refused("trac"):
        graph = make_fx(lambda x: flat(ours(x)))(draw(T, N, INPUTS))
        same(graph(x), theirs(x))


class Model(nn.Module):
    """A layer among others; each call may bring lengths, which torch's layer takes packed."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(H, 2, dtype=layer.weight_ih_l0.dtype)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        output, final = self.layer(x.tanh()) if lengths is None else self.layer(x.tanh(), None, lengths)
        final = final[0] if isinstance(final, tuple) else final
        return self.head(output.relu()).sum(0) + final.mean()


@pytest.fixture
def _fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def learned(model: Callable[..., Tensor], weights: list[Tensor], x: Tensor, *lengths: Tensor) -> Any:
    result = model(x, *lengths)
    return result, torch.autograd.grad(result.square().sum(), weights)


@no_leaf_warning
@pytest.mark.usefixtures("_fresh_compiler")
@pytest.mark.parametrize(("name", "lengths"), [("RNN", None), ("GRU", None), ("LSTM", None), ("LSTM", [3, 2])], ids=str)
def test_compiled_as_part_of_a_model(name: str, lengths: list[int] | None) -> None:
    model = Model(twins(name, dtype=F32)[1])
    compiled = torch.compile(model, backend="eager")
    for rows in (2, 4) if lengths is None else (2,):  # a second size is compiled again
        x = draw(3, rows, INPUTS, dtype=F32, grad=True)
        given = [] if lengths is None else [torch.tensor(lengths)]
        weights = [x, *model.parameters()]
        same(learned(compiled, weights, x, *given), learned(model, weights, x, *given))


@no_leaf_warning
@pytest.mark.usefixtures("_fresh_compiler")
@pytest.mark.parametrize("name", ["GRU", "LSTM"])
def test_compiled_with_its_backward_pass(name: str) -> None:
    model = Model(twins(name, dtype=F32)[1])
    x = draw(2, 3, INPUTS, dtype=F32, grad=True)
    weights = [x, *model.parameters()]
    same(learned(torch.compile(model, backend="aot_eager"), weights, x), learned(model, weights, x))


@no_leaf_warning
@pytest.mark.usefixtures("_fresh_compiler")
def test_compiled_by_itself_without_gradients_and_packed() -> None:
    theirs, ours = twins("GRU")
    compiled = torch.compile(ours, backend="eager")
    x = draw(3, 2, INPUTS)
    packed = pack_padded_sequence(x, [2, 3], enforce_sorted=False)
    with torch.no_grad():
        same(compiled(x), theirs(x))
        same(compiled(packed), theirs(packed))


@no_leaf_warning
@pytest.mark.usefixtures("_fresh_compiler")
def test_compiled_it_still_sees_new_weights() -> None:
    theirs, ours = twins("GRU")
    compiled = torch.compile(ours, backend="eager")
    x = draw(T, N, INPUTS)
    same(compiled(x), theirs(x))
    with torch.no_grad():
        for layer in (theirs, ours):
            layer.weight_hh_l0.mul_(2)
    same(compiled(x), theirs(x))
