"""Dead parameters: which of them a gradient reaches, and which of those an optimizer steps.

What gets no gradient is looked at again: a weight that moves the outputs all the same has been cut off from the loss,
one that moves nothing takes no part.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rekur.doctor.findings import CannotExamineError, Curve, Finding
from rekur.doctor.model import stepped
from rekur.doctor.model.dropouts import same
from rekur.doctor.model.inputs import every_tensor
from rekur.doctor.model.names import by_module, told, verb
from rekur.doctor.model.subject import Ran, Subject
from rekur.wording import counted, form

TRIES = (11, 12, 13)  # other weights and inputs at which a gradient of zero must be zero again
Slopes = Mapping[str, Tensor | None]


def of_model(subject: Subject) -> Iterator[Finding]:
    """Yield the parameters that training would leave as they are."""
    yield from _frozen(subject)
    calls, ran = _called(subject)
    slopes = _slopes(subject, ran)
    dead = {name for name, slope in slopes.items() if slope is None}
    if slopes and len(dead) == len(slopes):
        yield _cut(sorted(dead), slopes, "No parameter of the model gets a gradient: the loss does not depend on them.")
        return
    yield from _dead(subject, ran, dead, calls, slopes)
    yield from _zero(subject, slopes)
    yield from _unlisted(subject, ran)
    if subject.optimizer is not None:
        yield from _optimizers(subject, dead)


def _called(subject: Subject) -> tuple[dict[str, bool], Ran]:
    """Run in train mode; return the modules that were called, and whether gradients were enabled then."""
    calls: dict[str, bool] = {}
    handles = []
    for name, module in subject.model.named_modules():

        def note(*_: Any, name: str = name) -> None:
            calls[name] = calls.get(name, False) or torch.is_grad_enabled()

        handles.append(module.register_forward_hook(note))
    try:
        with torch.enable_grad():
            return calls, subject.run(train=True)
    finally:
        for handle in handles:
            handle.remove()


def _aim(subject: Subject, ran: Ran) -> tuple[Tensor, bool]:
    """Return what gradients are taken of: the loss, or all outputs if there is none; and whether it is the loss."""
    try:
        return subject.loss_of(ran), True
    except CannotExamineError:
        return _of_outputs(ran), False


def _of_outputs(ran: Ran) -> Tensor:
    """All outputs in one number, each with a weight of its own: a softmax's sum would know nothing of it."""
    generator = torch.Generator().manual_seed(5)
    parts = every_tensor(ran.raw) or [ran.prediction]
    weighted = [(part * torch.randn(part.shape, generator=generator).to(part)).sum().double() for part in parts]
    return torch.stack(weighted).sum()


def _slopes(subject: Subject, ran: Ran, model: nn.Module | None = None) -> Slopes:
    with torch.enable_grad():
        return _gradients(_aim(subject, ran)[0], subject.model if model is None else model)


def _gradients(aim: Tensor, model: nn.Module) -> Slopes:
    named = {name: p for name, p in model.named_parameters() if p.requires_grad and p.numel()}
    if not aim.requires_grad:
        return dict.fromkeys(named)
    found = torch.autograd.grad(aim, list(named.values()), allow_unused=True, retain_graph=True) if named else ()
    return dict(zip(named, found, strict=True))


# no gradient


def _dead(subject: Subject, ran: Ran, dead: set[str], calls: Mapping[str, bool], slopes: Slopes) -> Iterator[Finding]:
    if not dead:
        return
    outputs = _gradients(_of_outputs(ran), subject.model)
    beside = [name for name in dead if outputs[name] is not None]
    if beside and subject.loss is not None:
        yield Finding(
            "RK-DEAD-01",
            "note",
            f"The loss that was given does not read the part of the outputs that {told(beside, slopes)} "
            f"{verb(beside, slopes, 'makes', 'make')}.",
            "If that part is trained by another loss, all is well; else add its loss.",
            {"parameters": sorted(beside)},
        )
    by_kind: dict[str, list[str]] = {}
    for owner, names in by_module(dead.difference(beside)).items():
        if calls.get(owner) is False:
            yield _without_graph(owner, names)
        else:
            by_kind.setdefault(_why(subject, owner, names, owner in calls), []).extend(names)
    if cut := by_kind.get("cut"):
        it = verb(cut, slopes, "it", "them")
        yield _cut(
            cut, slopes, f"No gradient reaches {told(cut, slopes)}, although what the model returns depends on {it}."
        )
    if thrown := by_kind.get("thrown away"):
        called = verb(thrown, slopes, "it is called, and its result", "they are called, and their results")
        never = verb(thrown, slopes, "reaches", "reach")
        yield _cut(
            thrown, slopes, f"Training never changes {told(thrown, slopes)}: {called} never {never} the outputs."
        )
    if idle := by_kind.get("unused"):
        yield _unused(idle, slopes)


def _why(subject: Subject, owner: str, names: list[str], called: bool) -> str:
    """Why no gradient reaches these parameters of one module."""
    if _moves(subject, names):
        return "cut"
    layer = bool(owner) and not list(subject.model.get_submodule(owner).children())
    return "thrown away" if called and layer else "unused"


def _moves(subject: Subject, names: Iterable[str]) -> bool:
    """Whether the outputs notice other values of these parameters."""
    model = copy.deepcopy(subject.model)
    with torch.no_grad():
        for name in names:
            _shake(model.get_parameter(name), torch.Generator().manual_seed(3))
        before, after = (every_tensor(subject.run(train=True, model=which).raw) for which in (subject.model, model))
    return not same(before, after)


def _shake(parameter: Tensor, generator: torch.Generator) -> None:
    noise = torch.randn(parameter.shape, generator=generator).to(parameter)
    parameter.add_(noise * (0.3 * float(parameter.double().square().mean().sqrt()) + 0.05))


def _cut(names: list[str], slopes: Slopes, sentence: str) -> Finding:
    return Finding(
        "RK-DEAD-01",
        "fault",
        sentence,
        "Look for detach(), .data, .item(), argmax, a new tensor made of the values, or a result that is not used.",
        {"parameters": sorted(names), "module": sorted({name.rpartition(".")[0] for name in names})},
        _picture(slopes),
    )


def _without_graph(owner: str, names: list[str]) -> Finding:
    return Finding(
        "RK-DEAD-01",
        "warning",
        f"`{owner}` runs under torch.no_grad(), and its "
        f"{form(len(names), 'parameter never gets', f'{len(names)} parameters never get')} a gradient, though "
        f"{form(len(names), 'it is', 'they are')} not frozen.",
        "If it is meant to stay as it is, set requires_grad_(False) on it and leave it out of the optimizer.",
        {"parameters": names},
    )


def _unused(names: list[str], slopes: Slopes) -> Finding:
    return Finding(
        "RK-DEAD-01",
        "warning",
        f"The outputs are made without {told(names, slopes)}: training never changes "
        f"{verb(names, slopes, 'it', 'them')}.",
        "Use {0} in `forward`, or take {0} out of the model.".format(verb(names, slopes, "it", "them")),
        {"parameters": sorted(names)},
        _picture(slopes),
    )


def _picture(slopes: Slopes) -> Curve:
    norms = [0.0 if slope is None else float(slope.double().norm()) for slope in slopes.values()]
    return Curve(
        "Gradients by parameter", "parameter, in the model's order", "norm of the gradient", range(len(norms)), norms
    )


# a gradient of zero


def _zero(subject: Subject, slopes: Slopes) -> Iterator[Finding]:
    """Yield the parameters whose gradient is exactly zero at whatever weights and inputs are tried."""
    zero = {name for name, slope in slopes.items() if slope is not None and not bool(slope.any())}
    all_of_them = len(zero) == sum(slope is not None for slope in slopes.values())
    if not all_of_them:
        zero = {name for name in zero if not _may_be_zero(subject, name)}
    for seed in TRIES:
        if not zero:
            return
        others = _elsewhere(subject, seed)
        zero = {name for name in zero if (slope := others.get(name)) is None or not bool(slope.any())}
    if not zero:
        return
    names = sorted(zero)
    all_of_them = all_of_them and len(names) == len(slopes)
    yield Finding(
        "RK-DEAD-01",
        "fault" if all_of_them else "warning",
        f"The gradient of {'every parameter' if all_of_them else told(names, slopes)} is exactly zero, also at "
        f"{len(TRIES)} other settings of weights and inputs.",
        "Look for a softmax over an axis of one entry, a product with zero, a loss that is constant, or half of a "
        "layer's outputs that is not read.",
        {"parameters": names},
        _picture(slopes),
    )


def _may_be_zero(subject: Subject, name: str) -> bool:
    """An embedding whose ids are all padding; the way from state to state where one step alone is read."""
    if "weight_hh" in name and (subject.T == 1 or name.endswith("_reverse")):
        return True  # of the other direction's last step the check `state` speaks
    owner = subject.model.get_submodule(name.rpartition(".")[0])
    return isinstance(owner, nn.Embedding | nn.EmbeddingBag)


def _elsewhere(subject: Subject, seed: int) -> Slopes:
    model, generator = copy.deepcopy(subject.model), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                _shake(parameter, generator)
    changed = subject.with_sequence(subject.other_values(subject.x, seed)) if not subject.layout.packed else None
    with torch.enable_grad():
        ran = subject.run(changed, train=True, seed=seed, model=model)
    return _slopes(subject, ran, model)


# frozen, not listed, not stepped


def _frozen(subject: Subject) -> Iterator[Finding]:
    every = dict(subject.model.named_parameters())
    frozen = [name for name, p in every.items() if not p.requires_grad and bool(p.any())]  # of zeros: left out
    if not frozen:
        return
    parts = [name for name, layer in subject.layers.items() if _half_frozen(layer)]
    count = sum(every[name].numel() for name in frozen)
    whole = len(frozen) == len(every)
    partly = f": a part of `{parts[0]}` is frozen and the rest of it is not" if parts else ""
    fresh = [name for name, layer in subject.layers.items() if name and _as_drawn(layer)]
    if fresh and not parts:
        partly = f": `{fresh[0]}` still has the random weights it was made with"
    yield Finding(
        "RK-DEAD-02",
        "warning" if parts or fresh or (whole and subject.optimizer is not None) else "note",
        f"{'Every parameter' if whole else told(frozen, every)} "
        f"{'is' if whole else verb(frozen, every, 'is', 'are')} frozen ({counted(count, 'number')}){partly}.",
        f"If that is not meant, set requires_grad_(True) on {'them' if whole else verb(frozen, every, 'it', 'them')} "
        "before the optimizer is made.",
        {"parameters": frozen, "numbers": count},
    )


def _half_frozen(layer: nn.Module) -> bool:
    """Whether some of a layer's matrices train and others do not."""
    return len({p.requires_grad for p in layer.parameters(recurse=False) if p.dim() > 1}) == 2


def _as_drawn(layer: Any) -> bool:
    """Whether a recurrent layer is frozen with torch's first weights: uniform between -1/sqrt(H) and 1/sqrt(H)."""
    weights = list(layer.parameters(recurse=False))
    if not weights or any(p.requires_grad for p in weights):
        return False
    values = torch.cat([p.detach().flatten().double() for p in weights]) * layer.hidden_size**0.5
    return bool(values.abs().max() <= 1 + 1e-6) and abs(float(values.square().mean()) * 3 - 1) < 0.1


def _unlisted(subject: Subject, ran: Ran) -> Iterator[Finding]:
    """Yield parameters that `forward` uses and `model.parameters()` does not list, as those of layers in a list."""
    hidden = dict(stepped.hidden(ran.model))
    if not hidden:
        return
    aim = _of_outputs(ran)
    wanted = {name: tensor for name, tensor in hidden.items() if tensor.requires_grad}
    if not wanted or not aim.requires_grad:
        return
    slopes = torch.autograd.grad(aim, list(wanted.values()), allow_unused=True, retain_graph=True)
    known = {name for group in stepped.groups(subject) for name in group.names} if subject.optimizer else set()
    lost = [name for name, slope in zip(wanted, slopes, strict=True) if slope is not None and name not in known]
    if lost:
        yield Finding(
            "RK-DEAD-03",
            "fault",
            f"The model uses {told(lost, hidden)}, which model.parameters() does not list: no optimizer steps "
            "{0}, and no checkpoint keeps {0}.".format(verb(lost, hidden, "it", "them")),
            "Hold layers in nn.ModuleList or nn.ModuleDict, and weights in nn.ParameterList, not in plain lists.",
            {"parameters": lost},
        )


def _optimizers(subject: Subject, dead: set[str]) -> Iterator[Finding]:
    groups = stepped.groups(subject)
    known = dict(subject.given.named_parameters())
    stepped_names = {name for group in groups for name in group.names if name is not None}
    if not stepped_names:
        yield _of_another(groups, known)
        return
    missing = [name for name, p in known.items() if p.requires_grad and name not in stepped_names and name not in dead]
    if missing:
        count = sum(known[name].numel() for name in missing)
        yield Finding(
            "RK-DEAD-03",
            "fault",
            f"No optimizer steps {told(missing, known)} ({counted(count, 'number')}), though "
            f"{verb(missing, known, 'it gets', 'they get')} gradients.",
            "Give the optimizer model.parameters(), or freeze what should stay as it is.",
            {"parameters": missing, "numbers": count},
        )
    yield from _twice(groups, known)


def _of_another(groups: list[stepped.Group], known: Mapping[str, Tensor]) -> Finding:
    tensors = [tensor for group in groups for tensor in group.tensors]
    alike = [tuple(tensor.shape) for tensor in tensors] == [tuple(tensor.shape) for tensor in known.values()]
    theirs = form(len(tensors), "which is not the model's", "none of which is the model's")
    what = "of another model, of the same sizes" if alike else theirs
    return Finding(
        "RK-DEAD-05",
        "fault",
        f"The optimizer steps {counted(len(tensors), 'parameter')}, {what}: this model is never trained.",
        "Make the optimizer after the model, and again whenever the model is made or copied again.",
        {"parameters_of_the_optimizer": len(tensors), "parameters_of_the_model": len(known), "same_sizes": alike},
    )


def _twice(groups: list[stepped.Group], known: Iterable[str]) -> Iterator[Finding]:
    seen: dict[str, list[int]] = {}
    for group in groups:
        for name in group.names:
            if name is not None:
                seen.setdefault(name, []).append(group.optimizer)
    doubled = {name: at for name, at in seen.items() if len(at) > 1}
    if not doubled:
        return
    within = any(len(set(at)) < len(at) for at in doubled.values())
    yield Finding(
        "RK-DEAD-04",
        "fault" if within else "warning",
        f"{told(doubled, known)} {verb(doubled, known, 'is', 'are')} "
        f"{'in the optimizer more than once' if within else 'stepped by more than one optimizer'}: "
        f"each step moves {verb(doubled, known, 'it', 'them')} as often.",
        "List every parameter once.",
        {"parameters": list(doubled)},
    )
