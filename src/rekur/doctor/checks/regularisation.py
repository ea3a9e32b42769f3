"""Regularisation that does nothing: dropout and weight decay, watched at work.

Every call of dropout is noted, of modules and of functions alike: what does not reach an output regularises nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from rekur.doctor.findings import Curve, Finding
from rekur.doctor.model import dropouts, stepped
from rekur.doctor.model.dropouts import Watched
from rekur.doctor.model.subject import Subject
from rekur.wording import counted, form, listed

SEEDS = (1, 2, 3, 4, 5, 6)  # runs that are compared for the picture


def of_model(subject: Subject) -> Iterator[Finding]:
    """Yield what was configured against overfitting and does nothing, or too much."""
    yield from _of_a_single_layer(subject)
    yield from _decay_of_nothing(subject)
    if any(isinstance(module, torch.jit.ScriptModule) for module in subject.model.modules()):
        return  # its calls cannot be watched
    with torch.enable_grad():
        training = dropouts.watched(subject, train=True)
        thrown = dropouts.unused(subject, training)
    if thrown:
        yield _thrown_away(subject, training, thrown)
    yield from _never_on(subject, training)
    yield from _on_in_evaluation(subject)


def _of_a_single_layer(subject: Subject) -> Iterator[Finding]:
    found = {
        name or type(layer).__name__: float(layer.dropout)
        for name, layer in subject.layers.items()
        if isinstance(layer, nn.RNNBase) and layer.num_layers == 1 and layer.dropout > 0
    }
    if found:
        name, p = next(iter(found.items()))
        yield Finding(
            "RK-REG-02",
            "warning",
            f"`{name}` was given dropout={p:g}, and has one layer: torch drops between layers alone, so that "
            "nothing is dropped.",
            "Put nn.Dropout before or behind the layer, or use two layers.",
            {"layers": found},
        )


def _thrown_away(subject: Subject, training: Watched, thrown: list[int]) -> Finding:
    calls = [training.calls[number] for number in thrown]
    others = len(training.calls) - len(thrown)
    names = list(dict.fromkeys(call.name for call in calls))
    return Finding(
        "RK-REG-01",
        "fault",
        f"The result of dropout (p = {calls[0].p:g}) is computed and thrown away: no output is made of what "
        f"{listed(names)} returned.",
        "Use what dropout returns: `x = self.dropout(x)`; it does not change its input.",
        {"calls_unused": names, "p": [call.p for call in calls], "calls_used": others},
        _from_seed_to_seed(subject, train=True),
    )


def _from_seed_to_seed(subject: Subject, *, train: bool) -> Curve:
    """How far the prediction moves between runs that differ by their random numbers alone."""
    first = subject.predict(train=train, seed=SEEDS[0])
    moves = [float((subject.predict(train=train, seed=seed) - first).abs().max()) for seed in SEEDS]
    mode = "train" if train else "eval"
    return Curve(f"The prediction in {mode} mode, run again", "seed", "largest change", SEEDS, moves)


def _never_on(subject: Subject, training: Watched) -> Iterator[Finding]:
    """Dropout that is configured, and no call of it was switched on in train mode."""
    ps = {call.p for call in training.calls if not call.module}
    idle, off = [], []
    for name, module in subject.model.named_modules():
        if not dropouts.is_dropout(module) or not module.p > 0 or _frozen(subject.model, name):
            continue
        if name not in training.modules and module.p not in ps:
            idle.append(name)
    off = [(place, p) for place, p in training.off if not _frozen(subject.model, place)]
    if off and not training.calls and not _random(subject):
        yield _switched_off(subject, off)
    elif idle:
        yield _not_called(subject, idle)


def _random(subject: Subject) -> bool:
    """Whether train mode draws random numbers at all: dropout of the modeller's own may be among them."""
    one, other = (subject.predict(train=True, seed=seed) for seed in SEEDS[:2])
    return not dropouts.same([one], [other])


def _switched_off(subject: Subject, off: list[tuple[str, float]]) -> Finding:
    place, p = off[0]
    return Finding(
        "RK-REG-03",
        "warning",
        f"Dropout (p = {p:g}{f' in `{place}`' if place else ''}) is switched off in train mode, too: the model's "
        "outputs are the same from run to run.",
        "Let `training` follow the model (`F.dropout(x, p, self.training)`), and let `train()` reach every module.",
        {"places": [place for place, _ in off], "p": [p for _, p in off]},
        _from_seed_to_seed(subject, train=True),
    )


def _not_called(subject: Subject, idle: list[str]) -> Finding:
    return Finding(
        "RK-REG-03",
        "warning",
        f"Dropout is configured and changes nothing: `forward` never calls {listed([f'`{name}`' for name in idle])}.",
        f"Call {form(len(idle), 'it on what it', 'them on what they')} should drop, or take "
        f"{form(len(idle), 'it', 'them')} out of the model.",
        {"never_called": idle},
        _from_seed_to_seed(subject, train=True),
    )


def _frozen(model: nn.Module, name: str) -> bool:
    """Whether it stands in a part of the model that does not train, as a pretrained encoder kept in eval mode."""
    while name:
        name = name.rpartition(".")[0]
        parameters = list(model.get_submodule(name).parameters())
        if parameters:
            return not any(parameter.requires_grad for parameter in parameters)
    return False


def _on_in_evaluation(subject: Subject) -> Iterator[Finding]:
    with torch.no_grad():
        one, other = (dropouts.watched(subject, train=False, seed=seed) for seed in SEEDS[:2])
        if not one.calls or dropouts.same(one.outputs, other.outputs):
            return
        every = range(len(one.calls))
        calm = [dropouts.watched(subject, train=False, seed=seed, replaced=every).outputs for seed in SEEDS[:2]]
    if not dropouts.same(*calm):
        return  # something else is random as well
    move = max(float((a - b).abs().max()) for a, b in zip(one.outputs, other.outputs, strict=True))
    names = list(dict.fromkeys(call.name for call in one.calls))
    yield Finding(
        "RK-REG-04",
        "fault",
        f"Dropout stays on in evaluation: the same batch gets outputs that differ by up to {move:.2g} from run to "
        f"run, by {listed(names)} with p = {one.calls[0].p:g}.",
        "Write `F.dropout(x, p, training=self.training)`, or use nn.Dropout, and call `model.eval()` before testing.",
        {"calls": names, "p": [call.p for call in one.calls], "largest_change": move},
        _from_seed_to_seed(subject, train=False),
    )


def _of_frozen(count: int) -> str:
    return f"holds {counted(count, 'parameter')}, {form(count, 'and it is', 'all')} frozen"


def _decay_of_nothing(subject: Subject) -> Iterator[Finding]:
    if subject.optimizer is None:
        return
    for group in stepped.groups(subject):
        decay: Any = group.settings.get("weight_decay", 0)
        if not decay or any(tensor.requires_grad for tensor in group.tensors):
            continue
        what = "holds no parameters" if not group.tensors else _of_frozen(len(group.tensors))
        yield Finding(
            "RK-REG-05",
            "warning",
            f"Weight decay of {float(decay):g} is set on a group that {what}: it decays nothing.",
            "Put the weights that train into the group that decays.",
            {"weight_decay": float(decay), "parameters": len(group.tensors)},
        )
