"""The doctor: what is wrong with a recurrent model, ours or anybody's, in plain words with evidence and a cure.

    from rekur import doctor
    for finding in doctor.examine(model, batch, target):
        print(finding.code, finding.sentence, finding.cure)

`catalogue` lists every check; each is a file in `checks/` and a page in docs/doctor. `subject` is what the checks of
a model probe, `patient` what the others read, `examination` runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rekur.doctor.catalogue import CHECKS, Check
from rekur.doctor.findings import Curve, Finding, worst

if TYPE_CHECKING:
    from torch import nn

__all__ = ["CHECKS", "Check", "Curve", "Finding", "examine", "worst"]


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

    Raises RequestError for a name in `only` or `skip` that is neither.
    """
    from rekur.doctor import examination
    from rekur.doctor.patient import Patient

    return examination.examine(
        Patient(**_of_model(model, batch, target, loss, optimizer, lengths, causal)), only=only, skip=skip
    )


def _of_model(*given: Any) -> dict[str, Any]:
    from rekur.doctor.model.subject import Subject

    try:
        return {"model": Subject(*given)}
    except Exception as error:  # the caller's own model may raise anything
        return {"not_known": {"every check of the model": f"{type(error).__name__}: {error}"}}
