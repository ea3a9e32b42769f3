"""Sound language models: characters and words, stateful and not, with and without tied weights."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .material import characters, fitted
from .registry import Parts, given, sound


class CharLM(nn.Module):
    """Embedding, LSTM, linear at every step."""

    def __init__(self, V: int, **options: Any) -> None:
        super().__init__()
        self.emb = nn.Embedding(V, 12)
        self.lstm = nn.LSTM(12, 24, batch_first=True, **options)
        self.fc = nn.Linear(24, V)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.lstm(self.emb(x))[0])


def over_steps(output: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(output.reshape(-1, output.shape[-1]), target.reshape(-1))


@sound
def every_step() -> Parts:
    x, y, V = characters()
    return given(model=CharLM(V), batch=x, target=y, loss=over_steps, causal=True)


@sound
def transposed_for_the_loss() -> Parts:
    x, y, V = characters(N=5, T=11)

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(logits.transpose(1, 2), target)

    return given(model=CharLM(V, num_layers=2, dropout=0.2), batch=x, target=y, loss=loss)


@sound
def trained_on_its_characters() -> Parts:
    x, y, V = characters()
    return given(model=fitted(CharLM(V), x, y, over_steps, 60), batch=x, target=y, loss=over_steps)


@sound
def long_characters() -> Parts:
    x, y, V = characters(N=3, T=60)
    x, y = x.repeat(1, 4), y.repeat(1, 4)
    return given(model=CharLM(V), batch=x, target=y, loss=over_steps, causal=True)


@sound
def flattened_output_and_state() -> Parts:
    class CharRNN(nn.Module):
        def __init__(self, V: int) -> None:
            super().__init__()
            self.n_layers, self.n_hidden = 2, 20
            self.lstm = nn.LSTM(V, 20, 2, dropout=0.5, batch_first=True)
            self.dropout = nn.Dropout(0.5)
            self.fc = nn.Linear(20, V)

        def forward(self, x: Tensor, hidden: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            r_output, hidden = self.lstm(x, hidden)
            out = self.dropout(r_output).contiguous().view(-1, self.n_hidden)
            return self.fc(out), hidden

    x, y, V = characters()
    hidden = (torch.zeros(2, 6, 20), torch.zeros(2, 6, 20))
    return given(
        model=CharRNN(V),
        batch=(F.one_hot(x, V).float(), hidden),
        target=y.reshape(-1),
        loss=lambda out, t: F.cross_entropy(out[0], t),
        causal=True,
    )


@sound
def words_time_first_with_tied_weights() -> Parts:
    class WordLM(nn.Module):
        def __init__(self, ntoken: int, ninp: int) -> None:
            super().__init__()
            self.ntoken = ntoken
            self.drop = nn.Dropout(0.2)
            self.encoder = nn.Embedding(ntoken, ninp)
            self.rnn = nn.GRU(ninp, ninp, 2, dropout=0.2)
            self.decoder = nn.Linear(ninp, ntoken)
            self.decoder.weight = self.encoder.weight
            nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
            nn.init.zeros_(self.decoder.bias)

        def forward(self, data: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
            output, hidden = self.rnn(self.drop(self.encoder(data)), hidden)
            decoded = self.decoder(self.drop(output)).view(-1, self.ntoken)
            return F.log_softmax(decoded, dim=1), hidden

    x, y, V = characters()
    model = WordLM(V, 16)
    return given(
        model=model,
        batch=(x.t().contiguous(), torch.zeros(2, 6, 16)),
        target=y.t().reshape(-1),
        loss=lambda out, t: F.nll_loss(out[0], t),
        optimizer=torch.optim.SGD(model.parameters(), 20.0),
        causal=True,
    )


@sound
def stateful_and_detached() -> Parts:
    class Stateful(nn.Module):
        def __init__(self, V: int) -> None:
            super().__init__()
            self.emb = nn.Embedding(V, 12)
            self.rnn = nn.LSTM(12, 20, batch_first=True)
            self.fc = nn.Linear(20, V)
            self.hidden: tuple[Tensor, Tensor] | None = None

        def forward(self, x: Tensor) -> Tensor:
            if self.hidden is not None:
                self.hidden = (self.hidden[0].detach(), self.hidden[1].detach())
            out, self.hidden = self.rnn(self.emb(x), self.hidden)
            return self.fc(out)

    x, y, V = characters()
    return given(model=Stateful(V), batch=x, target=y, loss=over_steps, causal=True)


@sound
def state_made_anew_for_each_batch() -> Parts:
    class Model(nn.Module):
        def __init__(self, V: int) -> None:
            super().__init__()
            self.hidden_size = 20
            self.emb = nn.Embedding(V, 12)
            self.rnn = nn.GRU(12, 20, batch_first=True)
            self.fc = nn.Linear(20, V)
            self.hidden = self.init_hidden(1)

        def init_hidden(self, n: int) -> Tensor:
            return torch.zeros(1, n, self.hidden_size)

        def forward(self, x: Tensor) -> Tensor:
            self.hidden = self.init_hidden(len(x))
            out, self.hidden = self.rnn(self.emb(x), self.hidden)
            return self.fc(out)

    x, y, V = characters(N=5, T=13)
    return given(model=Model(V), batch=x, target=y, loss=over_steps)


@sound
def cells_looped_with_layer_norm() -> Parts:
    class Model(nn.Module):
        def __init__(self, V: int) -> None:
            super().__init__()
            self.emb = nn.Embedding(V, 16)
            self.cells = nn.ModuleList([nn.LSTMCell(16, 16), nn.LSTMCell(16, 16)])
            self.norm = nn.LayerNorm(16)
            self.out = nn.Linear(16, V)

        def forward(self, x: Tensor) -> Tensor:
            states = [(torch.zeros(len(x), 16), torch.zeros(len(x), 16)) for _ in self.cells]
            outputs = []
            for t in range(x.shape[1]):
                h = self.emb(x[:, t])
                for k, cell in enumerate(self.cells):
                    states[k] = cell(h, states[k])
                    h = states[k][0]
                outputs.append(self.out(self.norm(h)))
            return torch.stack(outputs, dim=1)

    x, y, V = characters(N=5, T=10)
    return given(model=Model(V), batch=x, target=y, loss=over_steps, causal=True)


@sound
def causal_attention_over_states() -> Parts:
    class Model(nn.Module):
        def __init__(self, V: int) -> None:
            super().__init__()
            self.emb = nn.Embedding(V, 12)
            self.rnn = nn.GRU(12, 16, batch_first=True)
            self.out = nn.Linear(32, V)

        def forward(self, x: Tensor) -> Tensor:
            h, _ = self.rnn(self.emb(x))
            scores = h @ h.transpose(1, 2) / math.sqrt(16)
            later = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), 1)
            weights = scores.masked_fill(later, float("-inf")).softmax(-1)
            return self.out(torch.cat([h, weights @ h], -1))

    x, y, V = characters()
    return given(model=Model(V), batch=x, target=y, loss=over_steps, causal=True)


@sound
def last_character_from_a_window() -> Parts:
    class Model(nn.Module):
        def __init__(self, V: int) -> None:
            super().__init__()
            self.emb = nn.Embedding(V, 12)
            self.rnn = nn.LSTM(12, 24, 2, batch_first=True)
            self.out = nn.Linear(24, V)

        def forward(self, x: Tensor) -> Tensor:
            _, (h, _) = self.rnn(self.emb(x))
            return self.out(h[-1])

    x, y, V = characters(N=10, T=8)
    return given(model=Model(V), batch=x, target=y[:, -1], loss=nn.CrossEntropyLoss())


@sound
def both_directions_fill_a_gap() -> Parts:
    class Model(nn.Module):
        def __init__(self, V: int) -> None:
            super().__init__()
            self.emb = nn.Embedding(V + 1, 12)
            self.rnn = nn.GRU(12, 12, bidirectional=True, batch_first=True)
            self.out = nn.Linear(24, V)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.rnn(self.emb(x))[0])

    x, _, V = characters(N=6, T=12)
    hidden = torch.rand(x.shape) < 0.3
    return given(
        model=Model(V),
        batch=x.masked_fill(hidden, V),
        target=x.masked_fill(~hidden, -100),
        loss=over_steps,
    )
