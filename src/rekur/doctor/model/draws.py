"""What a run draws at random: whether dropout was active in it."""

from __future__ import annotations

from typing import Any

from torch.overrides import TorchFunctionMode

DROPOUTS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout", "dropout_")


class Draws(TorchFunctionMode):
    """Watches the calls of a block for dropout that really drops."""

    def __init__(self) -> None:
        super().__init__()
        self.dropped = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in DROPOUTS:
            p = kwargs.get("p", args[1] if len(args) > 1 else 0.5)
            training = kwargs.get("train", kwargs.get("training", args[2] if len(args) > 2 else True))
            self.dropped |= bool(training) and float(p) > 0
        return func(*args, **kwargs)
