"""The doctor: what is wrong with a recurrent model, ours or anybody's, in plain words with evidence and a cure.

    from rekur import doctor
    for finding in doctor.examine(model, batch, target):
        print(finding.code, finding.sentence, finding.cure)

`catalogue` lists every check; each is a file in `checks/` and a page in docs/doctor. What the checks of a model probe
it with is in `model/` (begin at `subject.py`), what they read in scripts and data in `scripts/` and `tables/`.
`patient` has the parts that are examined, `examination` runs the checks, `loading` and `runs` make patients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rekur.doctor.catalogue import CHECKS, Check
from rekur.doctor.findings import Curve, Finding

if TYPE_CHECKING:
    from torch import nn

__all__ = ["CHECKS", "Check", "Curve", "Finding", "examine"]


def examine(
    model: nn.Module,
    batch: Any,
    target: Any = None,
    loss: Callable[..., Any] | None = None,
    optimizer: Any = None,
    lengths: Any = None,
    causal: bool | None = None,
    *,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
) -> list[Finding]:
    """Examine a model on one batch; return what is wrong with it, the gravest first.

    The model is copied first and left as it was.

    Args:
        model: any module with a recurrent heart; torch's layers, ours, or a loop of your own.
        batch: what the model takes: a tensor, ids (N, T) or values (N, T, I); a tuple of arguments; a dict of named
            ones; a packed sequence. Rows and steps may stand the other way round.
        target: what the loss compares the outputs with. Without it, what needs a loss is not examined.
        loss: ``loss(output, target)``; by default guessed from sizes and types.
        optimizer: over the model's parameters, or a function of the model that returns one.
        lengths: (N,) valid steps of each row.
        causal: whether an output may depend on earlier steps alone (language models, forecasters); by default true
            where the target is the input one step ahead.
        only, skip: names of checks or codes.

    Raises RequestError for a name in `only` or `skip` that is neither, and for a model that is no module.
    """
    from rekur.doctor import examination, loading

    names = [(given,) if isinstance(given, str) else given for given in (only, skip)]
    patient = loading.of_model(
        model, batch=batch, target=target, loss=loss, optimizer=optimizer, lengths=lengths, causal=causal
    )
    return examination.examine(patient, only=names[0], skip=names[1])
