import doctor_examples
import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from rekur import nn as ours
from rekur.doctor import examination, examine
from rekur.doctor.patient import ByHand, Patient
from rekur.reference.network import Network

BATCH = torch.randn(6, 9, 5, generator=torch.Generator().manual_seed(0))


def function(forward, backward):
    """Return an autograd.Function of x and w that saves both."""

    class Written(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return forward(x, w)

        @staticmethod
        def backward(ctx, d):
            return backward(d, *ctx.saved_tensors)

    return Written


class Net(nn.Module):
    """A GRU, then a product written by hand with a square weight, then a linear layer."""

    def __init__(self, written):
        super().__init__()
        torch.manual_seed(0)
        self.rnn, self.w, self.head = nn.GRU(5, 6, batch_first=True), nn.Parameter(torch.randn(6, 6)), nn.Linear(6, 2)
        self.written = written

    def forward(self, x):
        return self.head(self.written.apply(self.rnn(x)[1][-1], self.w))


def product(x, w):
    return x @ w


RIGHT = function(product, lambda d, x, w: (d @ w.T, x.T @ d))


def told(model, batch=BATCH):
    found = examine(model, batch, only=["backward"])
    assert all(f.code != "RK-NOTE-01" for f in found), found
    return found


@pytest.mark.parametrize(
    ("backward", "mend"),
    [
        (lambda d, x, w: (d @ w.T, x.T @ d / len(x)), ("w", "that is N")),
        (lambda d, x, w: (d @ w.T, -x.T @ d), ("w", "-1 times it")),
        (lambda d, x, w: (d @ w.T, d.T @ x), ("w", "its transpose")),
        (lambda d, x, w: (2 * d @ w.T, x.T @ d), ("rnn.weight_ih_l0", "that is 1/2")),
    ],
)
def test_a_factor_or_a_transpose_would_mend_it(backward, mend):
    (found,) = told(Net(function(product, backward)))
    assert (found.code, found.severity) == ("RK-BACK-01", "fault")
    name, words = mend
    assert words in found.evidence["mends"][name]


def test_the_weight_whose_transpose_is_missing():
    (found,) = told(Net(function(product, lambda d, x, w: (d @ w, x.T @ d))))
    assert found.evidence["transpose_missing_of"] == "w"
    assert "transpose of `w`" in found.cure
    (found,) = examination.examine(doctor_examples.example("backward").faulty(), only=["backward"])
    assert found.evidence["transpose_missing_of"] == "w_h"


def test_a_gradient_without_a_mend():
    (found,) = told(Net(function(product, lambda d, x, w: (d @ w.T, x.T @ d.abs()))))
    assert found.evidence["mends"] == {}
    assert found.evidence["transpose_missing_of"] is None


class Loop(nn.Module):
    """A plain recurrence over functions written by hand."""

    def __init__(self, tanh=torch.tanh, matmul=torch.matmul):
        super().__init__()
        torch.manual_seed(0)
        self.u, self.w = nn.Parameter(torch.randn(5, 6) * 0.5), nn.Parameter(torch.randn(6, 6) * 0.3)
        self.head, self.tanh, self.matmul = nn.Linear(6, 2), tanh, matmul

    def forward(self, x):
        h = x.new_zeros(len(x), 6)
        for x_t in x.unbind(1):
            h = self.tanh(x_t @ self.u + self.matmul(h, self.w))
        return self.head(h)


class SlopeOfTanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(y := torch.tanh(a))
        return y

    @staticmethod
    def backward(ctx, d):
        return d * (1 - ctx.saved_tensors[0])


@pytest.mark.parametrize(
    ("model", "wrong", "after_one", "words"),
    [
        (Loop(tanh=SlopeOfTanh.apply), {"u", "w"}, True, "slope of the function"),
        (
            Loop(matmul=function(product, lambda d, x, w: (d.abs() @ w.T, x.T @ d)).apply),
            {"u", "w"},
            False,
            "carried back from step to step",
        ),
        (
            Loop(matmul=function(product, lambda d, x, w: (d @ w.T, x.T @ d.abs())).apply),
            {"w"},
            False,
            "makes `w`'s own",
        ),
    ],
    ids=["slope", "carried", "its own"],
)
def test_it_says_what_is_right_and_whether_one_step_is(model, wrong, after_one, words):
    (found,) = told(model)
    assert set(found.evidence["right"]) == {"u", "w", "head.weight", "head.bias"} - wrong
    assert "`head.bias` is: " in found.sentence
    errors = found.evidence["errors_by_steps"]
    assert (errors["1"] > 1e-3) == after_one
    assert errors["4"] > 0.01
    assert words in found.cure


class OfItsOwnZeros(Loop):
    """The first state has torch's default type, whatever the weights have."""

    def forward(self, x):
        h = torch.zeros(len(x), 6)
        for x_t in x.unbind(1):
            h = self.tanh(x_t @ self.u + self.matmul(h, self.w))
        return self.head(h)


class SlopeOfTanhAtTheSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return torch.tanh(a)

    @staticmethod
    def backward(ctx, d):
        return d * (1 - ctx.saved_tensors[0] ** 2)


def test_a_state_of_the_default_type_is_compared_in_float64():
    assert told(OfItsOwnZeros(matmul=RIGHT.apply)) == []
    (found,) = told(OfItsOwnZeros(tanh=SlopeOfTanhAtTheSum.apply))
    assert found.evidence["transpose_missing_of"] is None
    assert found.evidence["errors"]["head.weight"] < 1e-6  # as float64 alone gives
    assert torch.get_default_dtype() is torch.float32


def test_in_numpy_it_says_which_weight_the_fault_goes_back_through():
    generator = np.random.default_rng(0)
    u, w, x = (generator.normal(0, scale, size) for scale, size in ((1, (3, 4)), (0.3, (4, 4)), (1, (5, 6, 3))))

    def states():
        walked = [np.zeros((5, 4))]
        for t in range(6):
            walked.append(np.tanh(x[:, t] @ u + walked[-1] @ w))
        return walked

    def gradients():  # every step's own, and nothing from the next
        walked = states()
        d = [2 * h * (1 - h**2) for h in walked[1:]]
        return {"u": sum(x[:, t].T @ d[t] for t in range(6)), "w": sum(walked[t].T @ d[t] for t in range(6))}

    by_hand = ByHand({"u": u, "w": w}, lambda: float(sum((h**2).sum() for h in states())), gradients)
    (found,) = examination.examine(Patient(by_hand=by_hand))
    assert found.evidence["goes_wrong_through"] == "w"
    assert "with `w` at 0 all of them are right" in found.sentence


class Checkpointed(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(5, 6, batch_first=True), nn.Linear(6, 2)

    def forward(self, x):
        return self.head(checkpoint(lambda h: self.rnn(h)[0], x.requires_grad_(), use_reentrant=True)[:, -1])


class Ours(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.rnn, self.head = kind(5, 6, num_layers=2, batch_first=True, bidirectional=True), nn.Linear(12, 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


class Float32Alone(Net):
    def forward(self, x):
        return super().forward(x.float()) if self.w.dtype is torch.float32 else 1 / 0


@pytest.mark.parametrize(
    "model",
    [
        Net(RIGHT),
        Float32Alone(RIGHT),
        Checkpointed(),
        *(Ours(kind) for kind in (ours.RNN, ours.GRU, ours.LSTM)),
        Net(function(lambda x, _: x.sign() * 1.0, lambda d, *_: (d, None))),  # straight through
        Net(function(lambda x, _: x.clone(), lambda d, *_: (-d, None))),  # a reversed gradient
        nn.Sequential(nn.Flatten(), nn.Linear(45, 2)),
    ],
)
def test_right_or_meant(model):
    assert told(model) == []


def test_float32_alone_finds_what_is_plainly_wrong():
    (found,) = told(Float32Alone(function(product, lambda d, x, w: (d @ w.T, 2 * x.T @ d))))
    assert "w" in found.evidence["mends"]
    (found,) = told(Float32Alone(function(product, lambda d, x, w: (d @ w.T, x.T @ d.abs()))))
    assert found.evidence["transpose_missing_of"] is None


def test_a_gradient_cut_off_on_purpose():
    class Truncated(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.head = nn.RNNCell(5, 6), nn.Linear(6, 2)
            self.right = RIGHT
            self.w = nn.Parameter(torch.randn(6, 6))

        def forward(self, x):
            h = x.new_zeros(len(x), 6)
            for t, x_t in enumerate(x.unbind(1)):
                h = self.cell(x_t, h.detach() if t == x.shape[1] - 5 else h)
            return self.head(self.right.apply(h, self.w))

    assert told(Truncated()) == []


def network(transposed):
    net, ids = Network(20, 8, 1), np.random.default_rng(0).integers(0, 20, (5, 6))

    def loss():
        return float(net.forward(ids)[0].sum())

    def gradients():
        logits, last, walk = net.forward(ids)
        return net.backward(np.ones_like(logits), last, walk, ids, None, transposed)

    return Patient(by_hand=ByHand(net.parameters, loss, gradients))


def test_in_numpy():
    assert examination.examine(network(transposed=False)) == []
    patient = network(transposed=True)
    kept = {name: values.copy() for name, values in patient.by_hand.parameters.items()}
    (found,) = examination.examine(patient, only=["RK-BACK-01"])
    assert found.evidence["transpose_missing_of"] == "weight_hh_l0"
    assert all(np.array_equal(kept[name], values) for name, values in patient.by_hand.parameters.items())
