"""Sound forecasters: a window and what follows it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .material import fitted, stepwise, windows
from .registry import Parts, given, sound


class Window(nn.Module):
    """The last output of a window, and a linear layer."""

    def __init__(self, layer: type[nn.RNNBase] = nn.LSTM, horizon: int = 1, features: int = 1, **options: Any) -> None:
        super().__init__()
        self.rnn = layer(features, 16, batch_first=True, **options)
        self.linear = nn.Linear(16, horizon)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.rnn(x)
        return self.linear(out[:, -1, :])


@sound
def next_value() -> Parts:
    x, y = windows()
    model = Window()
    return given(
        model=model, batch=x, target=y, loss=nn.MSELoss(), optimizer=torch.optim.Adam(model.parameters(), 0.01)
    )


@sound
def next_value_trained() -> Parts:
    x, y = windows(N=12)
    model = fitted(Window(nn.GRU), x, y, nn.MSELoss(), 60)
    return given(model=model, batch=x, target=y, loss=nn.MSELoss())


@sound
def twelve_steps_ahead_two_layers() -> Parts:
    x, y = windows(N=9, T=24, horizon=12)
    return given(
        model=Window(num_layers=2, dropout=0.2, horizon=12), batch=x, target=y, loss=nn.HuberLoss(), causal=True
    )


@sound
def one_answer_a_step() -> Parts:
    class Stepwise(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(1, 16, batch_first=True)
            self.out = nn.Linear(16, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.rnn(x)[0])

    x, y = stepwise()
    return given(model=Stepwise(), batch=x, target=y, loss=nn.MSELoss(), causal=True)


@sound
def plain_numbers_unsqueezed_inside() -> Parts:
    class Univariate(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(1, 12, batch_first=True)
            self.fc = nn.Linear(12, 1)

        def forward(self, x: Tensor) -> Tensor:  # (N, T)
            return self.fc(self.lstm(x.unsqueeze(-1))[0][:, -1]).squeeze(-1)

    x, y = windows(N=9)
    return given(model=Univariate(), batch=x.squeeze(-1), target=y.squeeze(-1), loss=nn.MSELoss())


@sound
def sine_waves_by_cells_one_number_at_a_time() -> Parts:
    class Sequence(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm1, self.lstm2 = nn.LSTMCell(1, 12), nn.LSTMCell(12, 12)
            self.linear = nn.Linear(12, 1)

        def forward(self, x: Tensor, future: int = 0) -> Tensor:  # (N, T)
            h1, c1, h2, c2 = (torch.zeros(x.size(0), 12) for _ in range(4))
            outputs = []
            for x_t in x.split(1, dim=1):
                h1, c1 = self.lstm1(x_t, (h1, c1))
                h2, c2 = self.lstm2(h1, (h2, c2))
                output = self.linear(h2)
                outputs.append(output)
            for _ in range(future):
                h1, c1 = self.lstm1(output, (h1, c1))
                h2, c2 = self.lstm2(h1, (h2, c2))
                output = self.linear(h2)
                outputs.append(output)
            return torch.cat(outputs, dim=1)

    x, y = stepwise(N=6, T=18)
    return given(model=Sequence(), batch=x.squeeze(-1), target=y.squeeze(-1), loss=nn.MSELoss())


@sound
def window_scaled_by_itself() -> Parts:
    class Reversible(nn.Module):
        """Each window's own mean and spread are taken out and put back: raw prices are no matter."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = Window(nn.GRU, features=1)

        def forward(self, x: Tensor) -> Tensor:
            mean, std = x.mean(1, keepdim=True), x.std(1, keepdim=True) + 1e-5
            return self.inner((x - mean) / std) * std.squeeze(-1) + mean.squeeze(-1)

    x, y = windows()
    return given(model=Reversible(), batch=40 * x + 500, target=40 * y + 500, loss=nn.MSELoss())


@sound
def scaled_to_one_with_sigmoid() -> Parts:
    class Bounded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(4, 8, num_layers=2, batch_first=True)
            self.fc = nn.Sequential(nn.Linear(5 * 8, 1), nn.Sigmoid())

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.rnn(x)[0].reshape(len(x), -1))

    price = (torch.linspace(0.1, 0.9, 20) + 0.05 * torch.randn(20)).clamp(0, 1)
    x = torch.stack([price[n : n + 5] for n in range(12)]).unsqueeze(-1) + 0.02 * torch.randn(12, 5, 4)
    return given(model=Bounded(), batch=x, target=price[5:17].unsqueeze(1), loss=nn.MSELoss())


@sound
def several_features_time_first() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(3, 16)
            self.fc = nn.Linear(16, 1)

        def forward(self, x: Tensor) -> Tensor:  # (T, N, I)
            return self.fc(self.gru(x)[1].squeeze(0)).squeeze(-1)

    x, y = windows(N=9)
    many = torch.cat([x, x.roll(1, dims=0), torch.randn_like(x)], -1)
    return given(model=Model(), batch=many.transpose(0, 1).contiguous(), target=y.squeeze(-1), loss=nn.SmoothL1Loss())


@sound
def mean_and_spread() -> Parts:
    class Gaussian(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(1, 12, batch_first=True)
            self.mu, self.log_sigma = nn.Linear(12, 1), nn.Linear(12, 1)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            h = self.lstm(x)[0][:, -1]
            return self.mu(h), self.log_sigma(h)

    def likelihood(output: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
        mu, log_sigma = output
        return (log_sigma + 0.5 * ((y - mu) / log_sigma.exp()) ** 2).mean()

    x, y = windows()
    return given(model=Gaussian(), batch=x, target=y, loss=likelihood)


@sound
def known_covariates_beside_the_series() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shop = nn.Embedding(4, 3)
            self.lstm = nn.LSTM(1 + 3, 12, batch_first=True)
            self.head = nn.Sequential(nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 1))

        def forward(self, series: Tensor, shop: Tensor) -> Tensor:
            who = self.shop(shop).unsqueeze(1).expand(-1, series.shape[1], -1)
            return self.head(self.lstm(torch.cat([series, who], -1))[0][:, -1])

    x, y = windows(N=8)
    return given(model=Model(), batch={"series": x, "shop": torch.arange(8) % 4}, target=y, loss=nn.MSELoss())


@sound
def changes_of_prices() -> Parts:
    returns = 0.3 * torch.randn(60).cumsum(0).diff() + 0.2 * torch.randn(59)
    x = torch.stack([returns[n * 4 : n * 4 + 10] for n in range(11)]).unsqueeze(-1)
    y = torch.stack([returns[n * 4 + 10 : n * 4 + 11] for n in range(11)])
    return given(model=Window(nn.RNN), batch=x, target=y, loss=nn.MSELoss(), causal=True)
