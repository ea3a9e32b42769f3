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
from rekur.doctor.model import changes, embeddings, narrowing, recurrent, squash, twins, wants
from rekur.doctor.model import inputs as batches
from rekur.doctor.model import layout as layouts
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

    `model` to `causal` are the arguments of `rekur.doctor.examine`; the model is copied, and never run itself.

    Args:
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
        tables, walked = self._looked_at()
        known = self.inputs, model, self._target_tensor, given_lengths
        self.layout = layouts.read(*known, rows_axis, tables)
        self.trusted = not self.layout.sure and self.N != self.T and walked == (self.N, self.T)
        if self.trusted:  # nothing says which axis counts examples, and the layer takes the second
            self.layout = replace(layouts.read(*known, 1, tables), sure=False)
        self.loss = loss
        self.whole = Whole(self.inputs, self.target, self.layout)
        self._take_few(rows)
        self.causal = layouts.is_causal(self.inputs, self._target_tensor, self.layout) if causal is None else causal

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
    def layer_along_examples(self) -> tuple[str, recurrent.Recurrent] | None:
        """The recurrent layer that walks along as many steps as there are examples, on rows as many as steps.

        None if there is none, or if a square batch cannot tell.
        """
        if self.N == self.T:
            return None
        model = twins.light(self.model).eval()
        with torch.no_grad(), recurrent.watched(model) as calls, twins.seeded(SEED):
            self.inputs.call(model)
        return next(
            ((call.name, call.layer) for call in calls if recurrent.walked(call, calls) == (self.N, self.T)), None
        )

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
        """Return the prediction in what the model returned, rows first, then steps if it answers at each."""
        output = batches.first_tensor(raw)
        if output is None:
            raise CannotExamineError("the model returns no tensor of numbers")
        if output.dim() == 0:
            raise CannotExamineError("the model returns a single number, a loss perhaps, and no prediction an example")
        if self.form == "flat by row":
            return output.reshape(self.N, -1, *output.shape[1:])
        if self.form == "flat by step":
            return output.reshape(-1, self.N, *output.shape[1:]).transpose(0, 1)
        output = output.transpose(0, 1) if self._axis_of(output) == 1 else output
        return output.transpose(1, 2) if self.form == "steps last" else output

    @cached_property
    def form(self) -> str:
        """How the model lays its answers out: flat by row, flat by step, steps last (N, C, T), or plain."""
        with torch.no_grad():
            output = self._called(self.inputs)
        if output.dim() and len(output) == self.N * self.T and self.T > 1:
            return "flat by step" if self.N > 1 and self._runs_by_step(output) else "flat by row"
        by_class = output.dim() == 3 and output.shape[2] == self.T and self.T not in output.shape[:2]
        return "steps last" if by_class and self._axis_of(output) == 0 else "plain"

    def _runs_by_step(self, before: Tensor) -> bool:
        """Whether flat predictions (N*T, ...) run over the examples of step 0 first; the model itself tells."""
        changed = self.rows_changed(torch.arange(self.N) == 0)
        with torch.no_grad():
            after = self._called(changed)
        moved = (after - before).abs().flatten(1).amax(1) > ABSOLUTE * (1 + float(before.abs().max()))
        by_row, by_step = moved.view(self.N, self.T)[1:], moved.view(self.T, self.N)[:, 1:]
        if bool(by_row.any()) == bool(by_step.any()):
            return self.layout.rows_axis == 1
        return bool(by_row.any())

    def _called(self, inputs: Inputs) -> Tensor:
        with twins.seeded(SEED):
            output = batches.first_tensor(inputs.call(twins.light(self.model).eval()))
        if output is None:
            raise CannotExamineError("the model returns no tensor of numbers")
        return output

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

    def other_values(self, x: Tensor, seed: int = 7, path: Path | None = None) -> Tensor:
        """Return a sequence like `x` with every step another one: other ids, or numbers that differ by their spread.

        `path` says which sequence of the batch it is like; the main one by default.
        """
        path, padding = path or self.layout.main, self.layout.padding
        V = self.layout.vocabularies[path]
        generator = torch.Generator().manual_seed(seed)
        if V is None:
            return changes.other_numbers(x, generator)
        banned = padding.token if padding is not None and path == self.layout.main else None
        return changes.other_ids(x, V, banned, generator)

    def rows_changed(self, rows: Tensor) -> Inputs:
        """Return the inputs with other content in the rows (N,) of True, in every sequence, padding and all."""
        replaced = {}
        for path in self.layout.sequences:
            x = self.rows_first(path)
            changed = torch.where(rows.view(-1, *[1] * (x.dim() - 1)), self.other_values(x, path=path), x)
            replaced[path] = changed if self.layout.rows_axis == 0 else changed.transpose(0, 1)
        return self.inputs.replaced(replaced)

    def steps_changed(self, steps: Tensor, path: Path | None = None) -> Inputs:
        """Return the inputs with other content at the steps (T,) of True, in every row."""
        x = self.rows_first(path or self.layout.main)
        chosen = steps.view(1, -1, *[1] * (x.dim() - 2))
        return self.with_sequence(torch.where(chosen, self.other_values(x, path=path), x), path)

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

    def _looked_at(self) -> tuple[dict[Path, nn.Embedding], tuple[int, int] | None]:
        """Run the model once: which embedding reads which input, and along which sizes the first layer walks."""
        model = twins.light(self.model).eval()
        with recurrent.watched(model) as calls, embeddings.watched(model) as read:
            try:
                with torch.no_grad(), twins.seeded(SEED):
                    self.inputs.call(model)
            except Exception:  # what is wrong with the model is told by the first check that runs it
                return {}, None
        walked = recurrent.walked(calls[0], calls) if calls else None
        return embeddings.matched(read, self.inputs.tensors()), walked

    def _take_few(self, most: int) -> None:
        """Probe a few rows of unlike lengths instead of the whole batch, if the model can run on them."""
        found = narrowing.few(self.inputs, self.target, self.layout, most)
        if found is None:
            return
        inputs, target, layout = found
        try:
            with torch.no_grad(), twins.seeded(SEED):
                output = batches.first_tensor(inputs.call(twins.light(self.model).eval()))
        except Exception:  # a model that wants its own batch size gets the whole batch
            return
        if output is None or output.dim() == 0:
            return
        if layout.N in output.shape[:2] or len(output) == layout.N * layout.T:
            self.inputs, self.target, self.layout = inputs, target, layout
