"""What the tensors of a batch mean: which one runs over time, which axis counts examples, where padding begins.

Nothing here runs the model: sizes, types, targets and the values themselves have to tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from rekur.doctor.findings import CannotExamineError
from rekur.doctor.model.inputs import Inputs, Packed, Path, parameters

Side = Literal["right", "left"]
MOST_STATES = 16  # K*D of a state; what is longer is another sequence
FEW_INSIDE = 0.01  # of the tokens inside the texts at most may be the padding's id
LEAST_RUN = 2  # equal ids at an end that make padding of them, where the model names no padding id


@dataclass(frozen=True)
class Padding:
    """Where the rows of a sequence end."""

    lengths: Tensor  # (N,) valid steps
    side: Side
    given: bool  # the caller or the model says so; else it was inferred from the ids
    token: int | None = None  # the id that pads


@dataclass(frozen=True)
class Layout:
    """The batch's own terms. `main` is the sequence every check perturbs first."""

    main: Path
    rows_axis: int  # 0 or 1: the axis of `main` that counts examples, as meant
    sure: bool  # something but convention says so
    N: int
    T: int
    vocabularies: Mapping[Path, int | None]  # of each sequence: ids run from 0 to V-1; None: numbers
    sequences: tuple[Path, ...]  # `main` and the like: rows and steps, ids or numbers
    masks: tuple[Path, ...]  # (N, T) of zeros and ones
    lengths_at: Path | None  # the argument that holds the lengths
    by_row: Mapping[Path, int]  # every tensor with an axis of examples -> that axis
    padding: Padding | None

    @property
    def V(self) -> int | None:  # noqa: N802 - the letters of docs/notation.md
        """Ids of the main sequence run from 0 to V-1; None: numbers."""
        return self.vocabularies[self.main]

    @property
    def model_knows(self) -> bool:
        """Whether the model is told where the rows end."""
        return self.lengths_at is not None or bool(self.masks) or self.packed

    packed: bool = False


def read(
    inputs: Inputs,
    model: nn.Module,
    target: Tensor | None,
    lengths: Tensor | None,
    rows_axis: int | None,
    tables: Mapping[Path, nn.Embedding],
) -> Layout:
    """Return the layout; raises CannotExamineError where no input runs over time.

    `tables` are the embeddings seen to read an input; for the others they are guessed.
    """
    tensors = inputs.tensors()
    running = [path for path, tensor in tensors.items() if _runs(tensor) and not _is_mask(path, tensors, model)]
    if not running:
        raise CannotExamineError(
            f"no input runs over time: a tensor (N, T) or (N, T, I) is needed; got {_described(inputs, tensors)}"
        )
    if any(tensor.is_floating_point() and not bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise CannotExamineError("the batch holds NaN or infinite numbers; take them out first")
    main = running[0]
    x = tensors[main]
    packed = isinstance(inputs.leaf(main), Packed)
    lengths_at = _lengths_at(tensors, x, model)
    known = lengths if lengths is not None else tensors[lengths_at] if lengths_at else None
    if packed:
        known = inputs.leaf(main).lengths
    given = rows_axis if rows_axis is not None else 0 if packed else None
    others = [tensor for path, tensor in tensors.items() if path != main]
    axis, sure = (given, True) if given is not None else _rows(x, target, known, others)
    N, T = x.shape[axis], x.shape[1 - axis]
    alike = tuple(path for path in running if tensors[path].shape[axis] == N)
    masks = tuple(path for path in tensors if _is_mask(path, tensors, model))
    table = tables.get(main) or _table(model, x)
    padding = _padding(x if axis == 0 else x.transpose(0, 1), known, _masked(tensors, masks, axis), table)
    return Layout(
        main,
        axis,
        sure,
        N,
        T,
        {path: _ids(tensors[path], tables.get(path) or (table if path == main else None)) for path in running},
        (main, *(path for path in alike if path != main)),
        masks,
        lengths_at,
        {path: at for path, tensor in tensors.items() if (at := _row_axis(tensor, N, axis)) is not None},
        padding,
        packed,
    )


def _described(inputs: Inputs, tensors: Mapping[Path, Tensor]) -> str:
    if tensors:
        return ", ".join(str(tuple(tensor.shape)) for tensor in tensors.values())
    kinds = ", ".join(type(value).__name__ for value in (*inputs.args, *inputs.kwargs.values()))
    return f"{kinds or 'nothing'}; of a data loader take one batch: `batch = next(iter(loader))`"


def _runs(tensor: Tensor) -> bool:
    if not tensor.is_floating_point():
        return tensor.dim() in (2, 3) and tensor.dtype is not torch.bool
    return tensor.dim() in (2, 3)


def _is_mask(path: Path, tensors: Mapping[Path, Tensor], model: nn.Module) -> bool:
    """A tensor of zeros and ones the size of another sequence, boolean or called a mask."""
    tensor = tensors[path]
    if tensor.dim() != 2 or not any(
        other.shape[:2] == tensor.shape for name, other in tensors.items() if name != path and other.dim() >= 2
    ):
        return False
    return tensor.dtype is torch.bool or "mask" in _name(path, model)


def _name(path: Path, model: nn.Module) -> str:
    """The argument's name in `forward`."""
    if path[0] == 1:
        return str(path[1])
    names = parameters(model)
    return names[path[1]] if isinstance(path[1], int) and path[1] < len(names) else ""


def _lengths_at(tensors: Mapping[Path, Tensor], x: Tensor, model: nn.Module) -> Path | None:
    for path, tensor in tensors.items():
        if tensor.dim() != 1 or tensor.is_floating_point() or len(tensor) not in x.shape[:2]:
            continue
        longest = int(tensor.max())
        if "len" in _name(path, model) or (longest == max(x.shape[:2]) and int(tensor.min()) >= 1):
            return path
    return None


def _rows(x: Tensor, target: Tensor | None, lengths: Tensor | None, others: Sequence[Tensor]) -> tuple[int, bool]:
    """Return the axis that counts examples as the batch's owner means it, and whether anything says so."""
    votes = [*_votes(x, target, lengths), *_votes_of_states(x, others)]
    if votes:
        return max(set(votes), key=votes.count), True
    return 0, False  # by convention


def _votes_of_states(x: Tensor, others: Sequence[Tensor]) -> Iterator[int]:
    """A state (K*D, N, H) says how many examples there are."""
    for tensor in others:
        if not tensor.is_floating_point() or tensor.dim() != 3 or tensor.shape[:2] == x.shape[:2]:
            continue
        if x.shape[0] != x.shape[1] and len(tensor) <= MOST_STATES:
            yield from (axis for axis in (0, 1) if x.shape[axis] == tensor.shape[1])


def _votes(x: Tensor, target: Tensor | None, lengths: Tensor | None) -> Iterator[int]:
    first, second = x.shape[0], x.shape[1]
    if lengths is not None and first != second:
        yield from (axis for axis, size in enumerate((first, second)) if size == len(lengths))
    if target is None or target.dim() == 0:
        return
    per_step = target.dim() >= 2 and {target.shape[0], target.shape[1]} == {first, second}
    per_step = per_step or (target.dim() == 1 and len(target) == first * second)
    if first != second and not per_step:
        yield from (axis for axis, size in enumerate((first, second)) if size == len(target))
    if x.is_floating_point() or x.dim() != 2 or target.shape != x.shape or target.dtype.is_floating_point:
        return
    if second > 1 and torch.equal(target[:, :-1], x[:, 1:]):  # the next token: time runs along axis 1
        yield 0
    elif first > 1 and torch.equal(target[:-1], x[1:]):
        yield 1


def _table(model: nn.Module, x: Tensor) -> nn.Embedding | None:
    """The embedding that reads the ids, if there is one: the first, or the only one large enough."""
    if x.is_floating_point():
        return None
    fit = [m for m in model.modules() if isinstance(m, nn.Embedding) and m.num_embeddings > int(x.max())]
    return fit[0] if fit else None


def _ids(x: Tensor, table: nn.Embedding | None) -> int | None:
    if x.is_floating_point():
        return None
    return table.num_embeddings if table is not None else int(x.max()) + 1


def _row_axis(tensor: Tensor, N: int, axis: int) -> int | None:
    if tensor.dim() == 1:
        return 0 if len(tensor) == N else None
    if tensor.dim() > axis and tensor.shape[axis] == N:
        return axis
    places = [place for place, size in enumerate(tensor.shape) if size == N]
    return places[0] if len(places) == 1 else None


def _masked(tensors: Mapping[Path, Tensor], masks: tuple[Path, ...], axis: int) -> Tensor | None:
    """The lengths a mask means, if it is one of whole beginnings; a mask of what to leave out counts the other way."""
    for path in masks:
        mask = tensors[path].bool()
        mask = mask if axis == 0 else mask.T
        for kept in (mask, ~mask):
            lengths = kept.sum(1)
            if bool(lengths.min() > 0) and torch.equal(kept, torch.arange(kept.shape[1]) < lengths.unsqueeze(1)):
                return lengths
    return None


def _padding(x: Tensor, lengths: Tensor | None, masked: Tensor | None, table: nn.Embedding | None) -> Padding | None:
    known = lengths if lengths is not None else masked
    token, named = _named(table), table is not None and table.padding_idx is not None
    if known is not None:
        guess = None if x.is_floating_point() else token if named else _behind(x, known)
        return Padding(known.long().cpu(), "right", True, guess)
    if x.is_floating_point() or x.dim() != 2:
        return None
    for candidate in dict.fromkeys([token] if named else [0, 1]):
        for side in ("right", "left"):
            found = _inferred(x if side == "right" else x.flip(1), candidate, 1 if named else LEAST_RUN)
            if found is not None:
                return Padding(found, side, False, candidate)
    return None


def _named(table: nn.Embedding | None) -> int:
    return int(table.padding_idx) if table is not None and table.padding_idx is not None else 0


def _behind(x: Tensor, lengths: Tensor) -> int:
    """The id that stands behind the lengths, 0 if nothing does."""
    beyond = x[torch.arange(x.shape[1]) >= lengths.cpu().unsqueeze(1)]
    return int(beyond.mode().values) if len(beyond) else 0


def _inferred(x: Tensor, token: int, least: int) -> Tensor | None:
    """The lengths (N,) if the rows end in runs of `token` that stands (almost) nowhere else; None if they do not."""
    is_pad = x == token
    run = is_pad.flip(1).long().cumprod(1).sum(1)  # (N,) equal ids at the end
    if int(run.max()) < least or (int(run.max()) == x.shape[1] and int(run.min()) == x.shape[1]):
        return None
    inside = int(is_pad.sum()) - int(run.sum())
    if inside > FEW_INSIDE * max(1, x.numel() - int(run.sum())) or (len(set(run.tolist())) == 1 and len(run) > 1):
        return None
    return (x.shape[1] - run).clamp(min=1)


def narrowed(tensor: Tensor, axis: int, rows: Tensor) -> Tensor:
    """Return the rows of a tensor along its axis of examples."""
    return tensor.index_select(axis, rows)


def as_target(target: Any) -> Any:
    """Return a target as tensors of our own."""
    if isinstance(target, Tensor):
        return target.detach().clone()
    if isinstance(target, tuple | list) and not all(isinstance(part, int | float) for part in target):
        return type(target)(as_target(part) for part in target)
    if isinstance(target, Mapping):
        return {key: as_target(part) for key, part in target.items()}
    return target if target is None else torch.as_tensor(target)


def is_causal(inputs: Inputs, target: Tensor | None, layout: Layout) -> bool | None:
    """Say that the target is the next step of a sequence, so that no output may know it; None if nothing says so."""
    if target is None:
        return None
    tensors, axis = inputs.tensors(), layout.rows_axis
    rows = target if axis == 0 or target.dim() < 2 else target.transpose(0, 1)
    for path in layout.sequences:
        x = tensors[path] if axis == 0 else tensors[path].transpose(0, 1)
        if x.shape[:2] == rows.shape[:2] and is_next(x, rows):
            return True
    return None


def flat_by_step(inputs: Inputs, target: Tensor, layout: Layout) -> bool | None:
    """Whether flat targets (N*T,) run over the examples of step 0 first; None if they are no next steps."""
    if target.dim() != 1 or len(target) != layout.N * layout.T or layout.N < 2:
        return None
    x = inputs.tensors()[layout.main]
    x = x if layout.rows_axis == 0 else x.transpose(0, 1)
    for by_step, rows in ((False, target.view(layout.N, layout.T)), (True, target.view(layout.T, layout.N).T)):
        if is_next(x, rows):
            return by_step
    return None


def is_next(x: Tensor, target: Tensor) -> bool:
    """Whether target[:, t] is x[:, t+1], up to what pads either."""
    if x.shape[1] < 3:
        return False
    if x.dim() == target.dim() and x.shape[2:] == target.shape[2:]:
        same = x[:, 1:] == target[:, :-1] if not x.is_floating_point() else (x[:, 1:] - target[:, :-1]).abs() < 1e-6
        still = x[:, 1:] == x[:, :-1]
        return bool(same.double().mean() > 0.95 and still.double().mean() < 0.9)
    return False
