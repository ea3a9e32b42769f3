"""Faulty: targets, losses, and parts that are not used."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..registry import faulty, given
from .material import first_cross_entropy, ids, token_cross_entropy, windows
from .slips_training import Ends, Sentiment, classes


@faulty("RK-LEARN-03", "RK-LEARN-01")
def flat_target_beside_a_column() -> dict:
    x, y = windows(16, 12)
    return given(model=Ends(nn.Identity()), batch=x, target=y.squeeze(1), loss=nn.MSELoss())


@faulty("RK-LEARN-03", "RK-LEARN-01")
def squeezed_output_beside_a_column() -> dict:
    class Squeezed(Ends):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).squeeze(-1)

    x, y = windows(14, 10)
    return given(model=Squeezed(nn.Identity()), batch=x, target=y, loss=nn.L1Loss())


class PerStep(nn.Module):
    """Classes at every step."""

    def __init__(self, C: int = 5) -> None:
        super().__init__()
        self.embed, self.gru = nn.Embedding(30, 12), nn.GRU(12, 20, batch_first=True)
        self.fc, self.C = nn.Linear(20, C), C

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.gru(self.embed(x))[0])


@faulty("RK-LEARN-04", "RK-LEARN-03")
def classes_viewed_to_the_front() -> dict:
    """(N, T, C) is viewed, not transposed, to the (N, C, T) of cross-entropy."""
    return given(
        model=PerStep(),
        batch=ids(10, 7, 30),
        target=torch.randint(0, 5, (10, 7)),
        loss=lambda out, y: F.cross_entropy(out.view(out.size(0), out.size(2), out.size(1)), y),
    )


@faulty("RK-LEARN-04", "RK-LEARN-03")
def steps_taken_for_classes() -> dict:
    """As many steps as classes: cross-entropy takes the second axis for the classes."""
    return given(
        model=PerStep(6), batch=ids(10, 6, 30), target=torch.randint(0, 6, (10, 6)), loss=nn.CrossEntropyLoss()
    )


@faulty("RK-LEARN-02")
def head_drawn_with_a_spread_of_ten() -> dict:
    model = Sentiment(6)
    nn.init.normal_(model.fc.weight, std=10)
    return classes(model, 6)


@faulty("RK-LEARN-02", "RK-LEARN-01", "RK-SQUASH-03")
def targets_in_won() -> dict:
    """Inputs are scaled, targets are prices near 70,000."""
    x, y = windows(16, 12)
    return given(model=Ends(nn.Identity()), batch=x, target=70000 + 500 * y, loss=nn.MSELoss())


@faulty("RK-TARGET-01")
def letters_predict_themselves() -> dict:
    text = ids(9, 12, 30, 0)
    return given(model=PerStep(30), batch=text, target=text, loss=token_cross_entropy)


@faulty("RK-TARGET-02", "RK-TARGET-01")
def window_one_step_too_long() -> dict:
    x, y = windows(24, 12, noise=0.5)
    return given(model=Ends(nn.Identity()), batch=torch.cat([x, y.unsqueeze(1)], 1), target=y, loss=nn.MSELoss())


@faulty("RK-TARGET-02", "RK-TARGET-01")
def a_column_made_of_the_target() -> dict:
    """Tomorrow's return stands among the features of today, in per cent."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.fc = nn.LSTM(4, 16, batch_first=True), nn.Linear(16, 1)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            out, (h, _) = self.lstm(x)
            return self.fc(h[-1]), out

    frame = torch.randn(90, 4)
    frame[:-1, 3] = 100 * frame[1:, 0]
    w = frame[:-1].unfold(0, 8, 3).transpose(1, 2)
    target = torch.stack([frame[3 * k + 8, 0] for k in range(w.size(0))]).unsqueeze(1)
    return given(model=Net(), batch=w, target=target, loss=lambda out, y: F.mse_loss(out[0], y))


@faulty("RK-DEAD-01", "RK-STATE-02")
def attention_computed_and_not_used() -> dict:
    class Net(Sentiment):
        def __init__(self) -> None:
            super().__init__()
            self.score = nn.Linear(20, 1)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            out, (h, _) = self.lstm(self.embed(x))
            weight = torch.softmax(self.score(out), 1)
            context = (weight * out).sum(1)
            return self.fc(self.drop(h[-1])), context.detach()

    return classes(Net(), loss=first_cross_entropy)
