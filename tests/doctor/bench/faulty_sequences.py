"""Language models, taggers, decoders and forecasters with a fault: the future, the state, the target."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .forecasters import Window
from .language_models import CharLM, over_steps
from .material import characters, fitted, images, stepwise, texts, windows
from .registry import Parts, faulty, given
from .seq2seq import Bahdanau, words
from .taggers import TAGS, per_token, tagged

FUTURE = ("RK-FUT-01", "RK-FUT-02")


@faulty(*FUTURE)
def bidirectional_language_model() -> Parts:
    class Model(nn.Module):
        def __init__(self, V: int) -> None:
            super().__init__()
            self.emb = nn.Embedding(V, 12)
            self.lstm = nn.LSTM(12, 12, bidirectional=True, batch_first=True)
            self.fc = nn.Linear(24, V)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.lstm(self.emb(x))[0])

    x, y, V = characters()
    return given(model=Model(V), batch=x, target=y, loss=over_steps)


@faulty(*FUTURE)
def attention_without_causal_mask() -> Parts:
    class Model(nn.Module):
        def __init__(self, V: int) -> None:
            super().__init__()
            self.emb = nn.Embedding(V, 12)
            self.rnn = nn.GRU(12, 16, batch_first=True)
            self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
            self.out = nn.Linear(16, V)

        def forward(self, x: Tensor) -> Tensor:
            h, _ = self.rnn(self.emb(x))
            return self.out(h + self.attention(h, h, h, need_weights=False)[0])

    x, y, V = characters()
    model = fitted(Model(V), x, y, over_steps, 20)
    return given(model=model, batch=x, target=y, loss=over_steps, causal=True)


@faulty("RK-FUT-01")
def centred_convolution_before_a_stepwise_forecast() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(1, 8, 5, padding=2)
            self.rnn = nn.LSTM(8, 12, batch_first=True)
            self.out = nn.Linear(12, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.rnn(self.conv(x.transpose(1, 2)).transpose(1, 2))[0])

    x, y = stepwise()
    return given(model=Model(), batch=x, target=y, loss=nn.MSELoss(), causal=True)


@faulty("RK-FUT-01")
def every_window_scaled_by_all_its_steps() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(1, 12, batch_first=True)
            self.out = nn.Linear(12, 1)

        def forward(self, x: Tensor) -> Tensor:
            low, high = x.amin(1, keepdim=True), x.amax(1, keepdim=True)
            return self.out(self.rnn((x - low) / (high - low + 1e-6))[0]) * (high - low) + low

    x, y = stepwise(N=9)
    return given(model=Model(), batch=x, target=y, loss=nn.L1Loss(), causal=True)


@faulty("RK-STATE-03")
def classifier_keeps_its_state_between_batches() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(8, 12, batch_first=True)
            self.fc = nn.Linear(12, 4)
            self.hidden: Tensor | None = None

        def forward(self, x: Tensor) -> Tensor:
            out, hidden = self.rnn(x, self.hidden)
            self.hidden = hidden.detach()
            return self.fc(out[:, -1])

    x, y = images()
    return given(model=Model(), batch=x, target=y, loss=nn.CrossEntropyLoss())


@faulty("RK-STATE-04")
def carried_state_keeps_its_graph() -> Parts:
    class Model(nn.Module):
        def __init__(self, V: int) -> None:
            super().__init__()
            self.emb = nn.Embedding(V, 12)
            self.lstm = nn.LSTM(12, 16, batch_first=True)
            self.fc = nn.Linear(16, V)
            self.hidden = (torch.zeros(1, 6, 16), torch.zeros(1, 6, 16))

        def forward(self, x: Tensor) -> Tensor:
            out, self.hidden = self.lstm(self.emb(x), self.hidden)
            return self.fc(out)

    x, y, V = characters()
    return given(model=Model(V), batch=x, target=y, loss=over_steps, causal=True)


@faulty("RK-STATE-05")
def given_state_is_not_used() -> Parts:
    class Model(nn.Module):
        def __init__(self, V: int) -> None:
            super().__init__()
            self.emb = nn.Embedding(V, 12)
            self.gru = nn.GRU(12, 16, batch_first=True)
            self.fc = nn.Linear(16, V)

        def forward(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
            out, hidden = self.gru(self.emb(x))
            return self.fc(out), hidden

    x, y, V = characters()
    return given(
        model=Model(V),
        batch=(x, torch.zeros(1, 6, 16)),
        target=y,
        loss=lambda out, t: over_steps(out[0], t),
        causal=True,
    )


@faulty("RK-STATE-06")
def initial_state_drawn_at_random() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(1, 16, batch_first=True)
            self.fc = nn.Linear(16, 1)

        def forward(self, x: Tensor) -> Tensor:
            state = (torch.randn(1, len(x), 16), torch.randn(1, len(x), 16))
            return self.fc(self.lstm(x, state)[0][:, -1])

    x, y = windows()
    return given(model=Model(), batch=x, target=y, loss=nn.MSELoss())


@faulty("RK-TARGET-01")
def each_character_predicts_itself() -> Parts:
    x, _, V = characters()
    return given(model=CharLM(V), batch=x, target=x.clone(), loss=over_steps)


@faulty("RK-TARGET-01")
def one_hot_characters_that_predict_themselves() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(9, 9, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.rnn(x)[0].reshape(-1, 9)

    text = torch.tensor([[0, 1, 2, 2, 3, 4, 5, 3, 6, 2, 7, 8]])
    model = Model()
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    batch = F.one_hot(text, 9).float()
    return given(model=model, batch=batch, target=text.view(-1), loss=nn.CrossEntropyLoss(), optimizer=optimizer)


@faulty("RK-TARGET-02", "RK-TARGET-01")
def todays_close_among_the_features() -> Parts:
    close = torch.randn(40).cumsum(0)
    close = (close - close.mean()) / close.std()
    features = torch.stack([close + 0.1 * torch.randn(40), close, torch.randn(40)], -1)
    x = torch.stack([features[n : n + 8] for n in range(12)])
    return given(model=Window(features=3), batch=x, target=x[:, -1, 1:2].clone(), loss=nn.MSELoss())


@faulty("RK-TARGET-01", "RK-TARGET-02")
def forecast_of_the_step_itself() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.LSTM(1, 12, batch_first=True)
            self.out = nn.Linear(12, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.rnn(x)[0])

    x, _ = stepwise()
    return given(model=Model(), batch=x, target=x.clone(), loss=nn.MSELoss(), causal=True)


@faulty("RK-TARGET-01", "RK-FUT-01", "RK-FUT-02")
def decoder_fed_with_the_word_it_should_say() -> Parts:
    from .material import pairs

    src, lengths, goal = pairs()
    return given(model=Bahdanau(), batch=(src, lengths, goal[:, 1:]), target=goal[:, 1:].clone(), loss=words)


@faulty("RK-LEARN-04", "RK-LEARN-03", "RK-LEARN-01", "RK-AXIS-01")
def classes_viewed_instead_of_transposed() -> Parts:
    x, y, V = characters()

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(logits.view(len(logits), V, -1), target)

    return given(model=CharLM(V), batch=x, target=y, loss=loss)


@faulty("RK-LEARN-04", "RK-LEARN-03")
def softmax_over_the_steps() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(20, 10, padding_idx=0)
            self.gru = nn.GRU(10, 14, batch_first=True)
            self.fc = nn.Linear(14, TAGS)

        def forward(self, ids: Tensor) -> Tensor:
            return F.log_softmax(self.fc(self.gru(self.emb(ids))[0]), dim=1)  # the tags are in dim 2

    def loss(output: Tensor, tags: Tensor) -> Tensor:
        return F.nll_loss(output.reshape(-1, TAGS), tags.reshape(-1))

    ids, lengths, tags = tagged()
    return given(model=Model(), batch=ids, target=tags, loss=loss, lengths=lengths)


@faulty("RK-PAD-01", "RK-PAD-02", "RK-PAD-03")
def tagger_reads_backwards_through_the_padding() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(20, 10)
            self.lstm = nn.LSTM(10, 8, bidirectional=True, batch_first=True)
            self.fc = nn.Linear(16, TAGS)

        def forward(self, ids: Tensor) -> Tensor:
            return self.fc(self.lstm(self.emb(ids))[0])

    ids, lengths, tags = tagged()
    return given(model=Model(), batch=ids, target=tags, loss=per_token, lengths=lengths)


@faulty("RK-LEARN-03")
def labels_counted_from_one() -> Parts:
    x, y = images(N=9)
    return given(model=Window(nn.GRU, 4, 8), batch=x, target=y + 1, loss=nn.CrossEntropyLoss())


@faulty("RK-LEARN-03")
def column_of_answers_against_a_row_of_targets() -> Parts:
    x, y = windows()
    return given(model=Window(), batch=x, target=y.squeeze(-1), loss=lambda p, t: ((p - t) ** 2).mean())


@faulty("RK-LEARN-03", "RK-LEARN-01", "RK-LEARN-02", "RK-SQUASH-01")
def cross_entropy_of_a_single_output() -> Parts:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb, self.inner = nn.Embedding(20, 4), Window(features=4)

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(self.emb(x))

    ids, _, labels = texts(full=True)
    return given(model=Model(), batch=ids, target=labels.float().unsqueeze(1), loss=nn.CrossEntropyLoss())
