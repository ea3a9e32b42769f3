"""Wrong backward pass: gradients written by hand, beside central differences of the loss.

Torch differentiates by itself; only where somebody wrote a backward pass there is something to compare.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rekur.doctor.findings import CannotExamineError, Curve, Finding
from rekur.doctor.model import differences
from rekur.doctor.model.differences import Compared
from rekur.doctor.patient import ByHand

if TYPE_CHECKING:
    from rekur.doctor.model.inputs import Inputs
    from rekur.doctor.model.subject import Subject

STEPS = 4  # of the sequence: a gradient that is cut off after more steps on purpose is no fault here
COARSE = 0.05  # what float32 may be wrong by
COARSE_STEP = 3e-2


def of_by_hand(by_hand: ByHand) -> Iterator[Finding]:
    """Yield what is wrong with gradients written in NumPy."""
    yield from _judged(by_hand, differences.MISMATCH, 1e-5, {})


def of_model(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with the `autograd.Function`s of a model."""
    written = _written(subject)
    if not written or _on_purpose(subject, written):
        return
    inputs = _short(subject)
    T = subject.T if inputs is subject.inputs else min(STEPS, subject.T)
    sizes = {"N": float(subject.N), "T": float(T)} if T > 2 else {"N": float(subject.N)}
    try:
        by_hand, tolerance, step = _differentiable(subject, inputs, double=True), differences.MISMATCH, 1e-5
        by_hand.gradients()
    except Exception:  # a backward pass of float32 alone
        by_hand, tolerance, step = _differentiable(subject, inputs, double=False), COARSE, COARSE_STEP
    for finding in _judged(by_hand, tolerance, step, sizes):
        yield _with_names(finding, written)


def _judged(by_hand: ByHand, tolerance: float, step: float, sizes: Mapping[str, float]) -> Iterator[Finding]:
    compared = differences.compare(by_hand, step=step)
    wrong = differences.wrong(compared, tolerance)
    if not wrong:
        return
    mends = {name: mend for name, c in wrong.items() if (mend := differences.mend(c, sizes, tolerance))}
    weight = differences.transpose_missing(by_hand, list(wrong), tolerance) if len(mends) < len(wrong) else None
    worst = max(wrong, key=lambda name: wrong[name].error)
    yield Finding(
        "RK-BACK-01",
        "fault",
        f"The gradient of {_told(wrong)} is not that of the loss: `{worst}` is off by {wrong[worst].error:.0%} of its "
        f"largest entry{_also(mends, weight)}.",
        _cure(mends, weight),
        {
            "errors": {name: c.error for name, c in compared.items()},
            "mends": mends,
            "transpose_missing_of": weight,
            "worst": {
                "parameter": worst,
                "places": [list(at) for at in wrong[worst].at],
                "backward_pass": wrong[worst].given.tolist(),
                "central_differences": wrong[worst].true.tolist(),
            },
        },
        _curve(worst, wrong[worst]),
    )


def _told(names: Mapping[str, Any]) -> str:
    told = [f"`{name}`" for name in names]
    return ", ".join(told[:4]) + (f" and {len(told) - 4} more" if len(told) > 4 else "")


def _also(mends: Mapping[str, str], weight: str | None) -> str:
    if weight:
        return f"; with `{weight}` made symmetric all of them are right, so its transpose is missing on the way back"
    if mends:
        return "; right would be " + ", ".join(f"{mend} for `{name}`" for name, mend in list(mends.items())[:3])
    return ""


def _cure(mends: Mapping[str, str], weight: str | None) -> str:
    if weight:
        return f"Multiply by the transpose of `{weight}` where the gradient goes back through it."
    if mends:
        return "Mend the factor or the transpose, and compare with central differences in a test."
    return "Compare the backward pass with central differences line by line, the last step's first."


def _curve(name: str, c: Compared) -> Curve:
    order = np.argsort(c.true)
    true, given = c.true[order].tolist(), c.given[order].tolist()
    return Curve(f"Gradient of {name}", "by central differences", "by the backward pass", true, given, dots=True)


def _with_names(finding: Finding, written: list[Any]) -> Finding:
    from dataclasses import replace

    return replace(finding, evidence={**finding.evidence, "functions": sorted({cls.__name__ for cls in written})})


# the model as numbers


def _written(subject: Subject) -> list[Any]:
    """Return the classes of the `autograd.Function`s in the model's graph, torch's own left out."""
    import torch

    with torch.enable_grad():
        node: Any = subject.run().prediction.grad_fn
    seen, waiting, found = set(), [node], {}
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting += [before for before, _ in node.next_functions]
        cls = getattr(node, "_forward_cls", None)
        if cls is not None and not cls.__module__.startswith("torch."):
            found[id(cls)] = cls
    return list(found.values())


def _on_purpose(subject: Subject, written: list[Any]) -> bool:
    """Whether a gradient is meant to differ: of a function that changes nothing, or of one that makes steps."""
    import torch
    from torch import Tensor

    meant = []
    with contextlib.ExitStack() as stack:
        for cls in written:
            if "apply" in vars(cls):
                continue

            def noting(*args: Any, apply: Any = cls.apply) -> Any:
                result = apply(*args)
                given = [arg for arg in args if isinstance(arg, Tensor)]
                meant.append(any(_as_it_was(result, arg) for arg in given) or _in_steps(result))
                return result

            cls.apply = noting  # for this one run: torch offers no hook on a Function
            stack.callback(delattr, cls, "apply")
        with torch.no_grad():
            subject.run()
    return any(meant)


def _as_it_was(result: Any, arg: Any) -> bool:
    import torch

    return isinstance(result, torch.Tensor) and result.shape == arg.shape and torch.equal(result, arg)


def _in_steps(result: Any) -> bool:
    """Whether it gives whole numbers only, as rounding, signs and spikes do."""
    import torch

    return isinstance(result, torch.Tensor) and result.numel() >= 8 and torch.equal(result, result.round())


def _short(subject: Subject) -> Inputs:
    """Return the inputs with a few steps alone, at the end that holds no padding; all if the model refuses."""
    import torch

    from rekur.doctor.model.inputs import Packed

    lay = subject.layout
    first = (lay.padding is not None and lay.padding.side == "right") or lay.packed
    start = 0 if first else max(0, subject.T - STEPS)
    changes: dict[Any, Any] = {}
    for path in (*lay.sequences, *lay.masks):
        x = subject.rows_first(path)
        if x.shape[1] == subject.T:
            few = x[:, start : start + STEPS]
            changes[path] = few if lay.rows_axis == 0 else few.transpose(0, 1)
    if lay.lengths_at is not None:
        changes[lay.lengths_at] = subject.inputs.tensors()[lay.lengths_at].clamp(max=STEPS)
    if lay.packed:
        leaf = subject.inputs.leaf(lay.main)
        changes[lay.main] = Packed(changes[lay.main], leaf.lengths.clamp(max=STEPS), leaf.enforce_sorted)
    inputs = subject.inputs.replaced(changes)
    try:
        with torch.no_grad():
            subject.run(inputs)
    except Exception:  # a model of one fixed length
        return subject.inputs
    return inputs


def _differentiable(subject: Subject, inputs: Inputs, *, double: bool) -> ByHand:
    """The model as parameters, a loss and its gradients; the loss weighs every output by a number of its own."""
    import copy

    import torch

    from rekur.doctor.model.inputs import every_tensor

    model = copy.deepcopy(subject.model)
    if double:
        model = model.double()
        floating = {path: x.double() for path, x in inputs.tensors().items() if x.is_floating_point()}
        inputs = inputs.replaced(floating)
    named = {name: p for name, p in model.named_parameters() if p.requires_grad and p.is_floating_point() and p.numel()}

    def loss() -> Any:
        outputs = every_tensor(subject.run(inputs, model=model).raw)
        if not outputs:
            raise CannotExamineError("the model returns no tensor of numbers")
        generator = torch.Generator().manual_seed(9)
        parts = [out.double() * torch.randn(out.shape, generator=generator, dtype=torch.double) for out in outputs]
        return torch.stack([part.sum() for part in parts]).sum()

    def value() -> float:
        with torch.no_grad():
            return float(loss())

    def gradients() -> dict[str, Any]:
        with torch.enable_grad():
            slopes = torch.autograd.grad(loss(), list(named.values()), allow_unused=True)
        return {name: s.double().numpy() for (name, _), s in zip(named.items(), slopes, strict=True) if s is not None}

    return ByHand({name: p.detach().numpy() for name, p in named.items()}, value, gradients)
