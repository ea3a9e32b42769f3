"""Gradients do not arrive: how much of the loss's gradient reaches each step, counted back from the row's end.

The weights of a recurrence are shared by all steps and their gradients add up. A step whose part is below 1e-7 of the
largest changes no digit of a float32 sum: the weights learn nothing from it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from rekur.doctor.findings import Curve, Finding
from rekur.doctor.model import flow
from rekur.doctor.model.flow import Flow
from rekur.doctor.model.profile import LEAST_STEPS, Profile
from rekur.doctor.model.subject import Subject
from rekur.wording import counted, times

NEVER, FADES = 0.25, 0.5  # of the real steps that the gradient reaches, at most: a fault, a warning (gates: one less)
CUT = 1e-20  # of the largest: a gradient that is 0 behind a step of more was cut off there, it did not fade away
EXPLODES = 1e6  # times as large at the far end as at the near one: a fault
DENORMAL = 0.02  # of the gradient's numbers


def of_model(subject: Subject) -> Iterator[Finding]:
    """Yield how far back the loss reaches, if it is not far enough, or too much of it arrives."""
    found = flow.measured(subject)
    if found is None:
        return
    if not bool(found.norms[subject.valid].isfinite().all()):
        yield _not_finite(found)
        return
    profile = Profile.of(found, subject.valid)
    if len(profile.norms) < LEAST_STEPS:
        return
    cut = _cut(subject, profile)
    if cut:
        yield _never(found, profile, f"exactly nothing goes back beyond {counted(profile.reach, 'step')}", TRUNCATED)
    elif cut is None and profile.share < FADES and profile.rate < 1:
        yield _faded(found, profile)
    yield from _grows(found, profile)
    if found.denormals > DENORMAL:
        yield _denormal(found)


def _cut(subject: Subject, profile: Profile) -> bool | None:
    """Whether a gradient is cut off though the answer depends on the steps it misses; None: it is not cut off.

    False: the steps it misses are not read at all, a window of the model's own choice.
    """
    some = (profile.norms > 0).nonzero().squeeze(1)
    first = int(some.max()) + 1
    if first >= len(profile.norms) or float(profile.norms[first - 1]) < CUT * float(profile.norms.max()):
        return None
    far = subject.valid.flip(1).long().cumsum(1).flip(1) > first  # (N, T) steps more than that from the end
    x = subject.x
    chosen = (far & subject.valid).view(*far.shape, *[1] * (x.dim() - 2))
    after = subject.predict(subject.with_sequence(torch.where(chosen, subject.other_values(x), x)))
    return bool((subject.moved(after) > 1).any())


TRUNCATED = (
    "Let the gradient flow over the whole row: detach no state inside it, and truncate only between the chunks of a "
    "model that answers at every step."
)

PLAIN = (
    "Take an LSTM or GRU, read more than the last step (the mean and the maximum of all), or begin with orthogonal "
    "recurrent weights."
)
GATED = (
    "Gates can learn to keep what they need; a forget gate that begins open (bias 1 or more) or a readout of all steps "
    "lets them learn it sooner."
)


def _faded(found: Flow, profile: Profile) -> Finding:
    reach, T = profile.reach, len(profile.norms)
    if profile.share < NEVER and not found.gated:
        return _never(found, profile, f"it shrinks by {profile.rate:.2g} a step", PLAIN)
    return Finding(
        "RK-GRAD-02",
        "note" if found.gated and profile.share >= NEVER else "warning",
        f"The gradient fades on its way back: {found.what} shrinks by {profile.rate:.2g} a step, and beyond the last "
        f"{reach} of {T} steps it is below a ten-millionth of its largest.",
        GATED if found.gated else PLAIN,
        _evidence(found, profile),
        _curve(found, profile),
    )


def _never(found: Flow, profile: Profile, how: str, cure: str) -> Finding:
    return Finding(
        "RK-GRAD-01",
        "fault",
        f"The loss never reaches the first steps: {how}, and of up to {len(profile.norms)} steps a row the weights "
        f"learn from {profile.reach} ({profile.share:.0%} of all real steps).",
        cure,
        _evidence(found, profile),
        _curve(found, profile),
    )


def _grows(found: Flow, profile: Profile) -> Iterator[Finding]:
    growth = profile.growth
    if growth == 1:
        return
    yield Finding(
        "RK-GRAD-03",
        "fault" if growth > EXPLODES else "warning",
        f"The gradient explodes: {found.what} grows by {profile.rate:.3g} a step on its way back, {times(growth)} "
        "times between the last quarter of the steps and the first.",
        "Make the recurrent weights smaller (orthogonal ones neither shrink nor stretch); clip the gradient's norm.",
        {**_evidence(found, profile), "growth": growth},
        _curve(found, profile),
    )


def _not_finite(found: Flow) -> Finding:
    bad = int((~found.norms.isfinite()).sum())
    return Finding(
        "RK-GRAD-03",
        "fault",
        f"The gradient explodes: {found.what} is not finite at {bad} of {counted(found.norms.numel(), 'step')}.",
        "Look for a logarithm or a division by 0; make the recurrent weights smaller, and clip the gradient's norm.",
        {"steps_not_finite": bad, "steps": found.norms.numel()},
    )


def _denormal(found: Flow) -> Finding:
    return Finding(
        "RK-GRAD-04",
        "note",
        f"{found.denormals:.0%} of the gradient's numbers are denormal (below 1.2e-38, not 0): many processors compute "
        "with those several times slower.",
        "Call `torch.set_flush_denormal(True)` first (`rekur.nn.threads.flush_denormals()` reaches all threads).",
        {"share_denormal": found.denormals},
    )


def _evidence(found: Flow, profile: Profile) -> dict[str, object]:
    return {
        "measured": found.what,
        "steps": len(profile.norms),
        "steps_reached": profile.reach,
        "share_of_real_steps_reached": profile.share,
        "factor_a_step": profile.rate,
        "share_of_exact_zeros": found.zeros,
        "share_denormal": found.denormals,
    }


def _curve(found: Flow, profile: Profile) -> Curve:
    """Draw the norms with time running to the right, the row's end at 0."""
    norms = profile.norms.clamp(min=1e-45)  # a logarithm has no place for 0
    steps = [-d for d in range(len(norms))]
    title = "The gradient on its way back"
    y_name, y = f"norm of {found.what}", norms.tolist()[::-1]
    return Curve(title, "steps before the row's end", y_name, steps[::-1], y, log=True)
