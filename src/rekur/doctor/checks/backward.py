"""Wrong backward pass: gradients written by hand, beside central differences of the loss.

Torch differentiates by itself; only where somebody wrote a backward pass there is something to compare.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rekur.doctor.findings import CannotExamineError, Curve, Finding
from rekur.doctor.model import differences
from rekur.doctor.model.differences import Compared
from rekur.doctor.patient import ByHand
from rekur.wording import listed

if TYPE_CHECKING:
    from rekur.doctor.model.inputs import Inputs
    from rekur.doctor.model.subject import Subject

STEPS = 4  # of the sequence: a gradient that is cut off after more steps on purpose is no fault here
COARSE = 0.05  # what float32 may be wrong by
COARSE_STEP = 3e-2
GROWN = 1.5  # times the error after one step


def of_by_hand(by_hand: ByHand) -> Iterator[Finding]:
    """Yield what is wrong with gradients written in NumPy."""
    yield from _judged(by_hand, differences.MISMATCH, 1e-5, {})


def of_model(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with the `autograd.Function`s of a model."""
    written = _written(subject)
    if not written or _on_purpose(subject, written):
        return
    inputs = _short(subject, STEPS)
    T = subject.T if inputs is subject.inputs else min(STEPS, subject.T)
    sizes = {"N": float(subject.N), "T": float(T)} if T > 2 else {"N": float(subject.N)}
    try:
        double, tolerance, step = True, differences.MISMATCH, 1e-5
        by_hand = _differentiable(subject, inputs, double=True)
        by_hand.gradients()
    except Exception:  # a backward pass of float32 alone
        double, tolerance, step = False, COARSE, COARSE_STEP
        by_hand = _differentiable(subject, inputs, double=False)

    def shorter(steps: int) -> ByHand | None:
        few = _short(subject, steps)
        return None if few is subject.inputs else _differentiable(subject, few, double=double)

    for finding in _judged(by_hand, tolerance, step, sizes, shorter if subject.T >= STEPS else None):
        yield _with_names(finding, written)


def _judged(
    by_hand: ByHand,
    tolerance: float,
    step: float,
    sizes: Mapping[str, float],
    shorter: Callable[[int], ByHand | None] | None = None,
) -> Iterator[Finding]:
    compared = differences.compare(by_hand, step=step)
    wrong = differences.wrong(compared, tolerance)
    if not wrong:
        return
    right = [name for name, c in compared.items() if name not in wrong and not c.is_flat]
    mends = {name: mend for name, c in wrong.items() if (mend := differences.mend(c, sizes, tolerance))}
    weight = differences.transpose_missing(by_hand, list(wrong), tolerance, step) if len(mends) < len(wrong) else None
    worst = max(wrong, key=lambda name: wrong[name].error)
    where = _by_steps(shorter, list(wrong), tolerance, step) if shorter else {}
    alone = worst if len(wrong) == 1 and right else None
    through = None if mends or weight or where or alone else differences.carried(by_hand, list(wrong), tolerance, step)
    yield Finding(
        "RK-BACK-01",
        "fault",
        f"The gradient of {_told(wrong)} is not that of the loss{f', and that of {_told(right)} is' if right else ''}: "
        f"`{worst}` is off by {wrong[worst].error:.0%} of its largest entry{_also(mends, weight, through)}."
        f"{_told_by_steps(where, tolerance)}",
        _cure(mends, weight, through, alone, where, tolerance),
        {
            "errors": {name: c.error for name, c in compared.items()},
            "right": right,
            "mends": mends,
            "transpose_missing_of": weight,
            "goes_wrong_through": through,
            "errors_by_steps": {str(steps): error for steps, error in where.items()},
            "worst": {
                "parameter": worst,
                "places": [list(at) for at in wrong[worst].at],
                "backward_pass": wrong[worst].given.tolist(),
                "central_differences": wrong[worst].true.tolist(),
            },
        },
        _curve(worst, wrong[worst]),
    )


def _by_steps(
    shorter: Callable[[int], ByHand | None], names: list[str], tolerance: float, step: float
) -> dict[int, float]:
    """The largest error after one step, two, and four; nothing for a model of one fixed length."""
    found: dict[int, float] = {}
    for steps in (1, 2, STEPS):
        by_hand = shorter(steps)
        if by_hand is None:
            return {}
        compared = differences.compare(by_hand, names, step)
        found[steps] = max((c.error for c in differences.wrong(compared, tolerance).values()), default=0.0)
    return found


def _told_by_steps(where: Mapping[int, float], tolerance: float) -> str:
    if not where:
        return ""
    steps = max(where)
    one, last = where[1], where[steps]
    if one <= tolerance:
        return f" After a single step all of them are right; after {steps} the error is {last:.0%}."
    grows = f"and grows to {last:.0%} over {steps}" if last > GROWN * one else f"and is {last:.0%} after {steps}"
    return f" After a single step the error is {one:.0%} already, {grows}."


def _told(names: Iterable[str]) -> str:
    return listed([f"`{name}`" for name in names])


def _also(mends: Mapping[str, str], weight: str | None, through: str | None) -> str:
    if weight:
        return f"; with `{weight}` made symmetric all of them are right, so its transpose is missing on the way back"
    if mends:
        return "; right would be " + ", ".join(f"{mend} for `{name}`" for name, mend in list(mends.items())[:3])
    return f"; with `{through}` at 0 all of them are right" if through else ""


def _cure(
    mends: Mapping[str, str],
    weight: str | None,
    through: str | None,
    alone: str | None,
    where: Mapping[int, float],
    tolerance: float,
) -> str:
    if weight:
        return f"Multiply by the transpose of `{weight}` where the gradient goes back through it."
    if mends:
        return "Mend the factor or the transpose, and compare with central differences in a test."
    if alone:
        return f"The others are right, so the way back is: look at the sum over the steps that makes `{alone}`'s own."
    if through:
        return f"Look at what is carried back from step to step: each adds `{through}`'s transpose times the next's."
    if where and where[1] <= tolerance:
        return "Look at what is carried back from step to step: each adds what the next one hands on, transposed."
    if where:
        return "Look at the slope of the function itself (of y = tanh(a) it is 1 - y * y), not at what is carried back."
    return "Look at the slope of each function (of y = tanh(a) it is 1 - y * y), the last step's first."


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


def _short(subject: Subject, steps: int) -> Inputs:
    """Return the inputs with a few steps alone, at the end that holds no padding; all if the model refuses."""
    import torch

    from rekur.doctor.model.inputs import Packed

    lay = subject.layout
    first = (lay.padding is not None and lay.padding.side == "right") or lay.packed
    start = 0 if first else max(0, subject.T - steps)
    changes: dict[Any, Any] = {}
    for path in (*lay.sequences, *lay.masks):
        x = subject.rows_first(path)
        if x.shape[1] == subject.T:
            few = x[:, start : start + steps]
            changes[path] = few if lay.rows_axis == 0 else few.transpose(0, 1)
    if lay.lengths_at is not None:
        changes[lay.lengths_at] = subject.inputs.tensors()[lay.lengths_at].clamp(max=steps)
    if lay.packed:
        leaf = subject.inputs.leaf(lay.main)
        changes[lay.main] = Packed(changes[lay.main], leaf.lengths.clamp(max=steps), leaf.enforce_sorted)
    inputs = subject.inputs.replaced(changes)
    try:
        with torch.no_grad():
            subject.run(inputs)
    except Exception:  # a model of one fixed length
        return subject.inputs
    return inputs


@contextlib.contextmanager
def _default(dtype: Any) -> Iterator[None]:
    """Let tensors that the model makes, as its first state, have this type."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


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
        with _default(torch.double if double else torch.get_default_dtype()):
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
