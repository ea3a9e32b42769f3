"""Initial weights as Keras draws them; torch's own stand in torch.nn.

The two differ most in the recurrent part: Keras makes W_hh orthogonal and lets an LSTM remember at first
(forget bias 1, Jozefowicz et al. 2015), where torch draws all weights from ±1/sqrt(H).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


def keras_(module: nn.Module) -> None:
    """Give every Embedding, Linear, recurrent layer and cell inside `module` the initial weights of Keras.

    W_ih uniform in ±sqrt(6 / (I + G*H)) (Glorot & Bengio 2010, over all gates at once); W_hh orthogonal
    (Saxe et al. 2014); biases 0, but 1 in an LSTM's forget gate. Linear: Glorot uniform, bias 0. Embedding:
    uniform in ±0.05.

    Keras gives RNN and LSTM one bias where torch adds two with equal gradients, which learn at double speed; so
    b_hh stays 0 and is not trained.
    """
    for part in module.modules():
        if isinstance(part, nn.RNNBase | nn.RNNCellBase):
            lstm = isinstance(part, nn.LSTM | nn.LSTMCell)
            for name, weight in part.named_parameters(recurse=False):
                _recurrent_(name, weight, lstm)
                if name.startswith("bias_hh") and not isinstance(part, nn.GRU | nn.GRUCell):
                    weight.requires_grad_(False)
        elif isinstance(part, nn.Embedding):
            _embedding_(part)
        elif isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def _recurrent_(name: str, weight: Tensor, lstm: bool) -> None:
    if name.startswith("bias"):
        nn.init.zeros_(weight)
        if lstm and name.startswith("bias_ih"):  # torch adds two biases, so one of them carries the 1
            H = len(weight) // 4
            with torch.no_grad():
                weight[H : 2 * H] = 1.0
    elif name.startswith("weight_hh"):
        nn.init.orthogonal_(weight)
    else:
        nn.init.xavier_uniform_(weight)


def _embedding_(embedding: nn.Embedding) -> None:
    nn.init.uniform_(embedding.weight, -0.05, 0.05)
    if embedding.padding_idx is not None:
        with torch.no_grad():
            embedding.weight[embedding.padding_idx] = 0.0


class Uninitialised(TorchFunctionMode):
    """Leave weights as they are where a module would initialise them: the file's take their place."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else None
        return func(*args, **(kwargs or {}))
