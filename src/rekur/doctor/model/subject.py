"""A model and a batch, ready to be probed: run on copies, perturbed, and compared.

Every run starts from the same untouched copy of the model and the same seed, so that two runs differ only by what a
check changed. A prediction is laid out rows first: (N, ...), (N, T, ...) where the model answers at every step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from rekur.doctor.findings import CannotExamineError
from rekur.doctor.model import inputs as batches
from rekur.doctor.model import layout as layouts
from rekur.doctor.model import recurrent, squash, twins, wants
from rekur.doctor.model.inputs import Inputs, Path
from rekur.doctor.model.layout import Layout

ROWS = 12  # of a batch are probed; more would only take longer
RELATIVE, ABSOLUTE = 1e-4, 2e-6  # of the predictions' spread and of their size: what counts as moved
SEED = 1


@dataclass(frozen=True)
class Ran:
    """One call of the model."""

    raw: Any  # what the model returned
    prediction: Tensor  # rows first, its graph intact unless detached
    model: nn.Module  # the copy that ran


@dataclass(frozen=True)
class Whole:
    """The batch before a few of its rows were taken."""

    inputs: Inputs
    target: Any
    layout: Layout

    @property
    def x(self) -> Tensor:
        """The main sequence, rows first."""
        tensor = self.inputs.tensors()[self.layout.main]
        return tensor if self.layout.rows_axis == 0 else tensor.transpose(0, 1)


class Subject:
    """What the doctor knows of a model.

    Args:
        model: any module; it is copied, and never run itself.
        batch: what the model takes: a tensor, a tuple of arguments, or a dict of named ones.
        target: what the loss compares the outputs with; None is not known.
        loss: ``loss(output, target)``; None is guessed from the sizes and types.
        optimizer: over the model's parameters; None is not known.
        lengths: (N,) valid steps of each row, if the batch does not hold them.
        causal: whether an output may depend on earlier steps alone; None is inferred from the target.
        rows_axis: the axis of the sequence that counts examples; None is inferred.
        rows: examples of the batch that are probed at most.
    """

    def __init__(
        self,
        model: nn.Module,
        batch: Any,
        target: Any = None,
        loss: Callable[..., Any] | None = None,
        optimizer: Any = None,
        lengths: Any = None,
        causal: bool | None = None,
        rows_axis: int | None = None,
        rows: int = ROWS,
    ) -> None:
        self.given, self.optimizer = model, optimizer
        self.model = twins.whole(model).eval()
        given_lengths = None if lengths is None else torch.as_tensor(lengths)
        self.inputs = batches.of(batch, model, given_lengths)
        self.target = layouts.as_target(target)
        self.layout = layouts.read(self.inputs, model, self._target_tensor, given_lengths, rows_axis)
        self.trusted = not self.layout.sure and self._layer_reads_steps_first()
        if self.trusted:
            self.layout = replace(layouts.read(self.inputs, model, self._target_tensor, given_lengths, 1), sure=False)
        self.loss = loss
        self.whole = Whole(self.inputs, self.target, self.layout)
        self._take_few(rows)
        self.causal = self._is_causal() if causal is None else causal

    # what it is made of

    @property
    def _target_tensor(self) -> Tensor | None:
        return self.target if isinstance(self.target, Tensor) else None

    @property
    def N(self) -> int:  # noqa: N802 - the letters of docs/notation.md
        """Examples that are probed."""
        return self.layout.N

    @property
    def T(self) -> int:  # noqa: N802
        """Steps of the main sequence."""
        return self.layout.T

    @property
    def x(self) -> Tensor:
        """The main sequence, rows first: (N, T) ids, or (N, T, I) or (N, T) numbers."""
        return self.rows_first(self.layout.main)

    def rows_first(self, path: Path) -> Tensor:
        """Return a sequence of the batch, rows first."""
        tensor = self.inputs.tensors()[path]
        return tensor if self.layout.rows_axis == 0 else tensor.transpose(0, 1)

    @cached_property
    def layers(self) -> dict[str, recurrent.Recurrent]:
        """Recurrent layers and cells by name."""
        return recurrent.layers(self.model)

    @cached_property
    def valid(self) -> Tensor:
        """Which steps (N, T) lie inside their row."""
        steps = torch.arange(self.T).unsqueeze(0)
        padding = self.layout.padding
        if padding is None:
            return torch.ones(self.N, self.T, dtype=torch.bool)
        lengths = padding.lengths.unsqueeze(1)
        return steps < lengths if padding.side == "right" else steps >= self.T - lengths

    # running

    def run(
        self, inputs: Inputs | None = None, *, train: bool = False, seed: int = SEED, model: nn.Module | None = None
    ) -> Ran:
        """Call a light copy of the model; the graph is kept where gradients are enabled."""
        twin = twins.light(self.model if model is None else model).train(train)
        with twins.seeded(seed):
            raw = (self.inputs if inputs is None else inputs).call(twin)
        return Ran(raw, self.laid_out(raw), twin)

    def predict(self, inputs: Inputs | None = None, *, train: bool = False, seed: int = SEED) -> Tensor:
        """Return the prediction alone, rows first, without a graph."""
        with torch.no_grad():
            return self.run(inputs, train=train, seed=seed).prediction.detach()

    @cached_property
    def base(self) -> Tensor:
        """The prediction of the batch as it is."""
        return self.predict()

    @cached_property
    def output_axis(self) -> int | None:
        """The axis of the raw prediction that counts examples; None if no axis has N entries."""
        with torch.no_grad(), twins.seeded(SEED):
            raw = self.inputs.call(twins.light(self.model).eval())
        output = batches.first_tensor(raw)
        if output is None:
            raise CannotExamineError("the model returns no tensor of numbers")
        return self._axis_of(output)

    def _axis_of(self, output: Tensor) -> int | None:
        axis = self.layout.rows_axis
        places = [place for place, size in enumerate(output.shape[:2]) if size == self.N]
        if output.dim() >= 3 and axis in places:
            return axis  # as the input is laid out
        return places[0] if places else None

    def laid_out(self, raw: Any) -> Tensor:
        """Return the prediction in what the model returned, rows first."""
        output = batches.first_tensor(raw)
        if output is None:
            raise CannotExamineError("the model returns no tensor of numbers")
        if output.dim() == 0:
            raise CannotExamineError("the model returns a single number, a loss perhaps, and no prediction an example")
        if len(output) == self.N * self.T and self.T > 1:
            sizes = (self.N, self.T) if self.layout.rows_axis == 0 else (self.T, self.N)
            output = output.view(*sizes, *output.shape[1:])
            return output if self.layout.rows_axis == 0 else output.transpose(0, 1)
        at = self._axis_of(output)
        return output.transpose(0, 1) if at == 1 else output

    @property
    def stepwise(self) -> bool:
        """Whether the model answers at every step of the main sequence: its prediction is (N, T, ...)."""
        P, target = self.base, self._target_tensor
        if P.dim() < 2 or P.shape[1] != self.T:
            return False
        return P.dim() >= 3 or (target is not None and target.dim() == 2 and target.shape[1] == self.T)

    # losses

    def loss_of(self, ran: Ran) -> Tensor:
        """Return the loss of a run; raises CannotExamineError if there is no target, or no loss fits it."""
        return wants.loss_of(self, ran)

    @cached_property
    def wanted(self) -> str:
        """What the loss wants: see `rekur.doctor.model.wants`."""
        return wants.kind(self)

    @cached_property
    def squash(self) -> squash.Ends:
        """Between which ends the outputs lie, whatever the weights are."""
        return squash.of(self)

    # perturbing

    def with_sequence(self, x: Tensor, path: Path | None = None) -> Inputs:
        """Return the inputs with another sequence, rows first, at `path`; the main one by default."""
        laid = x if self.layout.rows_axis == 0 else x.transpose(0, 1)
        return self.inputs.replaced({path or self.layout.main: laid})

    def other_values(self, x: Tensor, seed: int = 7) -> Tensor:
        """Return a sequence like `x` with every step another one: other ids, or numbers that differ by their spread."""
        generator = torch.Generator().manual_seed(seed)
        if self.layout.V is None:
            if not x.is_floating_point():
                return x + torch.randint(1, 3, x.shape, generator=generator)
            noise = torch.randn(x.shape, generator=generator, dtype=torch.float32).to(x.dtype)
            spread = x.flatten(0, 1).std(0) if x.numel() > x.shape[-1] else x.abs().mean()
            return x + noise * (spread.nan_to_num() + 0.1 * x.abs().mean() + 1e-3)
        return self._other_ids(x, generator)

    def _other_ids(self, x: Tensor, generator: torch.Generator) -> Tensor:
        V, padding = self.layout.V or 1, self.layout.padding
        banned = padding.token if padding is not None else None
        if V - (banned is not None) < 2:
            raise CannotExamineError(f"the vocabulary has {V} entries, too few to change a token")
        moved = (x + torch.randint(1, V, x.shape, generator=generator)) % V
        if banned is not None:  # a changed token must not become padding
            moved = torch.where(moved == banned, (moved + 1) % V, moved)
            moved = torch.where((moved == x) | (moved == banned), (moved + 1) % V, moved)
            moved = torch.where(moved == banned, (moved + 1) % V, moved)
        return moved.to(x.dtype)

    def rows_changed(self, rows: Tensor) -> Inputs:
        """Return the inputs with other content in the rows (N,) of True, in every sequence, padding and all."""
        changes = {}
        for path in self.layout.sequences:
            x = self.rows_first(path)
            changed = torch.where(rows.view(-1, *[1] * (x.dim() - 1)), self.other_values(x), x)
            changes[path] = changed if self.layout.rows_axis == 0 else changed.transpose(0, 1)
        return self.inputs.replaced(changes)

    def steps_changed(self, steps: Tensor, path: Path | None = None) -> Inputs:
        """Return the inputs with other content at the steps (T,) of True, in every row."""
        x = self.rows_first(path or self.layout.main)
        chosen = steps.view(1, -1, *[1] * (x.dim() - 2))
        return self.with_sequence(torch.where(chosen, self.other_values(x), x), path)

    def permuted(self, order: Tensor) -> Inputs:
        """Return the inputs with the examples in another order, wherever they are counted."""
        tensors = self.inputs.tensors()
        changes: dict[Path, Any] = {
            path: layouts.narrowed(tensors[path], axis, order) for path, axis in self.layout.by_row.items()
        }
        if self.layout.packed:
            leaf = self.inputs.leaf(self.layout.main)
            changes[self.layout.main] = batches.Packed(leaf.padded[order], leaf.lengths[order], False)
        return self.inputs.replaced(changes)

    # comparing

    def tolerance(self, *predictions: Tensor) -> float:
        """Return the difference of two predictions above which they are not the same."""
        P = torch.cat([p.flatten() for p in (self.base, *predictions)]).double()
        P = P[P.isfinite()]
        spread = float(P.std()) if len(P) > 1 else 0.0
        return RELATIVE * spread + ABSOLUTE * float(P.abs().max() if len(P) else 0.0) + 1e-9

    def moved(self, after: Tensor, before: Tensor | None = None) -> Tensor:
        """Return how far each row's prediction moved (N,), in units of `tolerance`: above 1 it did."""
        before = self.base if before is None else before
        if after.shape != before.shape:
            sizes = f"{tuple(before.shape)} to {tuple(after.shape)}"
            raise CannotExamineError(f"the prediction changed its sizes from {sizes}")
        return (after - before).abs().nan_to_num(0.0).reshape(len(after), -1).amax(1) / self.tolerance(after)

    # getting ready

    def _take_few(self, most: int) -> None:
        """Probe a few rows of unlike lengths instead of the whole batch, if the model can run on them."""
        lay = self.layout
        count = most - (most == lay.T)
        if count >= lay.N or lay.packed:
            return
        order = torch.arange(lay.N)
        if lay.padding is not None:
            order = lay.padding.lengths.argsort(stable=True, descending=True)
        rows = order[torch.linspace(0, lay.N - 1, count).round().long()].sort().values
        tensors = self.inputs.tensors()
        narrow = {path: layouts.narrowed(tensors[path], axis, rows) for path, axis in lay.by_row.items()}
        few = self.inputs.replaced(narrow)
        before = self.inputs, self.target, self.layout
        self.inputs, self.target = few, _rows_of(self.target, lay, rows)
        lengths = lay.padding.lengths[rows] if lay.padding and lay.padding.given and lay.lengths_at is None else None
        try:
            with torch.no_grad(), twins.seeded(SEED):
                raw = few.call(twins.light(self.model).eval())
            self.layout = layouts.read(few, self.given, self._target_tensor, lengths, lay.rows_axis)
            output = batches.first_tensor(raw)
            fits = output is not None and (count in output.shape[:2] or len(output) == count * self.layout.T)
            self.layout = _as_read(self.layout, lay, rows)
        except Exception:  # a model that wants its own batch size gets the whole batch
            fits = False
        if not fits:
            self.inputs, self.target, self.layout = before

    def _layer_reads_steps_first(self) -> bool:
        """Whether the first recurrent layer takes the main sequence as (T, N, ...), where nothing else says which."""
        first, second = self.layout.N, self.layout.T
        if first == second:
            return False
        model = twins.light(self.model).eval()
        try:
            with torch.no_grad(), recurrent.watched(model) as calls, twins.seeded(SEED):
                self.inputs.call(model)
        except Exception:  # what is wrong with the model is told by the first check that runs it
            return False
        return bool(calls) and recurrent.walked(calls[0], calls) == (first, second)

    def _is_causal(self) -> bool | None:
        """Whether the target is the next step of a sequence; None if nothing says so."""
        target = self._target_tensor
        if target is None:
            return None
        rows = target if self.layout.rows_axis == 0 or target.dim() < 2 else target.transpose(0, 1)
        for path in self.layout.sequences:
            x = self.rows_first(path)
            if x.shape[:2] == rows.shape[:2] and is_next(x, rows):
                return True
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


def _rows_of(target: Any, lay: Layout, rows: Tensor) -> Any:
    if not isinstance(target, Tensor) or target.dim() == 0:
        return target
    if target.dim() == 1 and len(target) == lay.N * lay.T:
        sizes = (lay.N, lay.T) if lay.rows_axis == 0 else (lay.T, lay.N)
        return target.view(*sizes).index_select(lay.rows_axis, rows).reshape(-1)
    axis = lay.rows_axis if target.dim() > lay.rows_axis and target.shape[lay.rows_axis] == lay.N else 0
    return target.index_select(axis, rows) if target.shape[axis] == lay.N else target


def _as_read(few: Layout, whole: Layout, rows: Tensor) -> Layout:
    """Keep what the whole batch said of its ids, its padding and its axes; a few rows may say less."""
    padding = whole.padding and replace(whole.padding, lengths=whole.padding.lengths[rows])
    return replace(few, padding=padding, V=whole.V, sure=whole.sure, rows_axis=whole.rows_axis)
