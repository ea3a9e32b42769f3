"""Sound forecasters in the manner of tutorials and kernels."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..registry import given, sound
from .material import trained, windows


class AirModel(nn.Module):
    """Air passengers: an output at every step, the next value."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(input_size=1, hidden_size=20, num_layers=1, batch_first=True)
        self.linear = nn.Linear(20, 1)

    def forward(self, x: Tensor) -> Tensor:
        x, _ = self.lstm(x)
        return self.linear(x)


def passengers(n: int) -> Tensor:
    """Return a growing, yearly series, scaled to [0, 1]."""
    t = torch.arange(float(n))
    series = 100 + 2 * t + (10 + 0.3 * t) * torch.sin(2 * math.pi * t / 12) + 3 * torch.randn(n)
    return (series - series.min()) / (series.max() - series.min())


@sound
def passengers_step_by_step() -> dict:
    w = passengers(60).unfold(0, 13, 1)[::2]
    return given(model=AirModel(), batch=w[:, :-1, None], target=w[:, 1:, None], loss=nn.MSELoss(), causal=True)


@sound
def passengers_trained() -> dict:
    w = passengers(60).unfold(0, 9, 1)[::2]
    x, y = w[:, :-1, None], w[:, 1:, None]
    model = AirModel()
    trained(model, lambda: F.mse_loss(model(x), y), 25)
    return given(model=model, batch=x, target=y, loss=nn.MSELoss())


class StockLSTM(nn.Module):
    """A kernel's price model: zero states, last step."""

    def __init__(self, inputs: int = 1, layers: int = 2) -> None:
        super().__init__()
        self.hidden_dim, self.num_layers = 32, layers
        self.lstm = nn.LSTM(inputs, 32, layers, batch_first=True)
        self.fc = nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        h0 = torch.zeros(self.num_layers, x.size(0), self.hidden_dim).requires_grad_()
        c0 = torch.zeros(self.num_layers, x.size(0), self.hidden_dim).requires_grad_()
        out, _ = self.lstm(x, (h0.detach(), c0.detach()))
        return self.fc(out[:, -1, :])


@sound
def stock_prices_scaled() -> dict:
    walk = torch.randn(120).cumsum(0)
    walk = 2 * (walk - walk.min()) / (walk.max() - walk.min()) - 1
    w = walk.unfold(0, 21, 3)
    return given(model=StockLSTM(), batch=w[:, :-1, None], target=w[:, -1:], loss=nn.MSELoss())


@sound
def open_high_low_close_volume() -> dict:
    """Five columns; the close of the next day."""
    walk = torch.randn(150).cumsum(0)
    frame = torch.stack([walk + 0.2 * torch.randn(150) for _ in range(4)] + [torch.randn(150)], 1)
    frame = (frame - frame.mean(0)) / frame.std(0)
    w = frame.unfold(0, 16, 5).transpose(1, 2)
    return given(model=StockLSTM(5), batch=w[:, :-1], target=w[:, -1, 3:4], loss=nn.MSELoss())


class Statefully(nn.Module):
    """A walk-through of the first steps: the state lies in self and is made new at each call."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, 24)
        self.linear = nn.Linear(24, 1)
        self.hidden_cell: tuple[Tensor, Tensor] | None = None

    def forward(self, input_seq: Tensor) -> Tensor:
        n = input_seq.size(1)
        self.hidden_cell = (torch.zeros(1, n, 24), torch.zeros(1, n, 24))
        lstm_out, self.hidden_cell = self.lstm(input_seq, self.hidden_cell)
        return self.linear(lstm_out[-1])


@sound
def state_in_self_made_new_each_call() -> dict:
    x, y = windows(14, 12)
    return given(model=Statefully(), batch=x.transpose(0, 1).contiguous(), target=y, loss=nn.MSELoss())


class Gaussian(nn.Module):
    """Mean and spread of the next value at each step, from the last value and covariates."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 20, 2, dropout=0.1, batch_first=True)
        self.mu, self.presigma = nn.Linear(20, 1), nn.Linear(20, 1)

    def forward(self, z: Tensor, covariates: Tensor) -> tuple[Tensor, Tensor]:
        h, _ = self.lstm(torch.cat([z, covariates], -1))
        return self.mu(h).squeeze(-1), F.softplus(self.presigma(h)).squeeze(-1) + 1e-4


def gaussian_nll(output: tuple[Tensor, Tensor], target: Tensor) -> Tensor:
    """Negative log-likelihood of the targets."""
    return -torch.distributions.Normal(*output).log_prob(target).mean()


@sound
def mean_and_spread() -> dict:
    x, _ = windows(10, 17)
    t = torch.arange(16.0).expand(10, 16)
    covariates = torch.stack([torch.sin(t / 7), torch.cos(t / 7)], -1)
    return given(model=Gaussian(), batch=(x[:, :-1], covariates), target=x[:, 1:, 0], loss=gaussian_nll, causal=True)


class Quantiles(nn.Module):
    """Three quantiles of the next four values."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(1, 24, batch_first=True)
        self.head = nn.Linear(24, 12)

    def forward(self, x: Tensor) -> Tensor:
        _, h = self.gru(x)
        return self.head(h.squeeze(0)).view(-1, 4, 3)


def pinball(output: Tensor, target: Tensor) -> Tensor:
    """The pinball loss at 0.1, 0.5 and 0.9."""
    q = torch.tensor([0.1, 0.5, 0.9])
    error = target.unsqueeze(-1) - output
    return torch.maximum(q * error, (q - 1) * error).mean()


@sound
def quantiles_of_four_steps() -> dict:
    x, _ = windows(16, 20)
    return given(model=Quantiles(), batch=x[:, :16], target=x[:, 16:, 0], loss=pinball)


class StoreSales(nn.Module):
    """Ids of store and item beside a series of sales; the seven days ahead, never below zero."""

    def __init__(self) -> None:
        super().__init__()
        self.store, self.item = nn.Embedding(5, 4), nn.Embedding(8, 4)
        self.gru = nn.GRU(2, 24, batch_first=True)
        self.head = nn.Sequential(nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, 7), nn.Softplus())

    def forward(self, sales: Tensor, keys: Tensor) -> Tensor:
        _, h = self.gru(sales)
        return self.head(torch.cat([h[-1], self.store(keys[:, 0]), self.item(keys[:, 1])], 1))


@sound
def sales_with_ids_beside() -> dict:
    sales = torch.log1p(torch.poisson(torch.full((12, 28, 1), 4.0)))
    promo = (torch.rand(12, 28, 1) < 0.2).float()
    keys = torch.stack([torch.randint(0, 5, (12,)), torch.randint(0, 8, (12,))], 1)
    y = torch.log1p(torch.poisson(torch.full((12, 7), 4.0)))
    return given(model=StoreSales(), batch=(torch.cat([sales, promo], -1), keys), target=y, loss=nn.MSELoss())


class EncoderDecoder(nn.Module):
    """A sequence to sequence forecaster that feeds itself."""

    def __init__(self, horizon: int = 5) -> None:
        super().__init__()
        self.encoder = nn.LSTM(1, 20, batch_first=True)
        self.cell, self.linear = nn.LSTMCell(1, 20), nn.Linear(20, 1)
        self.horizon = horizon

    def forward(self, x: Tensor) -> Tensor:
        _, (h, c) = self.encoder(x)
        h, c, y, ys = h[0], c[0], x[:, -1], []
        for _ in range(self.horizon):
            h, c = self.cell(y, (h, c))
            y = y + self.linear(h)
            ys.append(y)
        return torch.stack(ys, 1)


@sound
def forecaster_that_feeds_itself() -> dict:
    x, _ = windows(12, 20)
    return given(model=EncoderDecoder(), batch=x[:, :15], target=x[:, 15:], loss=nn.L1Loss())


class Fault(nn.Module):
    """Sensors: batch norm on the features, a GRU, and the share of life that is left in (0, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(6)
        self.gru = nn.GRU(6, 16, batch_first=True)
        self.fc = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x.transpose(1, 2)).transpose(1, 2)
        return torch.sigmoid(self.fc(self.gru(x)[0][:, -1])).squeeze(-1)


@sound
def sensors_with_batch_norm() -> dict:
    """Values of unlike scale, which batch norm has seen: its averages are those of the data."""
    x = torch.randn(20, 30, 6) * torch.tensor([1.0, 5, 0.2, 50, 3, 1]) + torch.tensor([0.0, 20, 1, 500, -4, 2])
    y = torch.rand(20)
    model = Fault()
    trained(model, lambda: F.mse_loss(model(x), y), 40)
    return given(model=model, batch=x, target=y, loss=nn.MSELoss())


@sound
def two_steps_only() -> dict:
    """Windows of two values, as look_back = 2 makes them, and a flat target."""
    x, y = windows(16, 2)

    class Net(StockLSTM):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).squeeze(-1)

    return given(model=Net(layers=1), batch=x, target=y.squeeze(-1), loss=nn.MSELoss())


@sound
def look_back_as_features() -> dict:
    """One step of three lags, (N, 1, 3), as some blogs shape it."""
    x, y = windows(16, 3)
    return given(model=StockLSTM(3, 1), batch=x.transpose(1, 2), target=y, loss=nn.MSELoss())


class Autoencoder(nn.Module):
    """Anomalies: the window squeezed into eight numbers and written out again."""

    def __init__(self, T: int = 12) -> None:
        super().__init__()
        self.T = T
        self.enc, self.dec = nn.LSTM(2, 8, batch_first=True), nn.LSTM(8, 16, batch_first=True)
        self.out = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        _, (h, _) = self.enc(x)
        return self.out(self.dec(h[-1].unsqueeze(1).repeat(1, self.T, 1))[0])


@sound
def anomaly_autoencoder() -> dict:
    a, b = windows(12, 12)[0], windows(12, 12)[0]
    x = torch.cat([a, b], -1)
    return given(model=Autoencoder(), batch=x, target=x, loss=nn.MSELoss())
