"""Sound models in the manner of PyTorch's own tutorials and examples."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..registry import given, sound
from .material import first_cross_entropy, ids, labels, token_cross_entropy, trained


class NamesRNN(nn.Module):
    """One step of a name classifier, by two linear layers."""

    def __init__(self, inputs: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.hidden_size = hidden
        self.i2h = nn.Linear(inputs + hidden, hidden)
        self.h2o = nn.Linear(hidden, classes)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, line: Tensor) -> Tensor:
        hidden = line.new_zeros(line.size(1), self.hidden_size)
        for i in range(line.size(0)):
            hidden = torch.tanh(self.i2h(torch.cat((line[i], hidden), 1)))
        return self.softmax(self.h2o(hidden))


@sound
def names_one_line_at_a_time() -> dict:
    """One name of six letters, one-hot, (T, 1, letters)."""
    line = F.one_hot(torch.tensor([[3], [1], [7], [7], [0], [12]]), 26).float()
    return given(model=NamesRNN(26, 32, 5), batch=line, target=torch.tensor([2]), loss=nn.NLLLoss())


class CharRNN(nn.Module):
    """Names by nn.RNN with logarithms of probabilities, as the newer tutorial has it."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(26, 32)
        self.h2o = nn.Linear(32, 4)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, line_tensor: Tensor) -> Tensor:
        _rnn_out, hidden = self.rnn(line_tensor)
        return self.softmax(self.h2o(hidden[0]))


@sound
def names_in_a_batch_of_equal_lengths() -> dict:
    line = F.one_hot(torch.randint(0, 26, (7, 10)), 26).float()
    return given(model=CharRNN(), batch=line, target=labels(10, 4), loss=nn.NLLLoss())


class Generator(nn.Module):
    """A conditional letter generator: category, letter and state in, the next letter out."""

    def __init__(self) -> None:
        super().__init__()
        self.i2h = nn.Linear(4 + 20 + 32, 32)
        self.i2o = nn.Linear(4 + 20 + 32, 20)
        self.o2o = nn.Linear(32 + 20, 20)
        self.dropout = nn.Dropout(0.1)
        self.softmax = nn.LogSoftmax(dim=1)

    def step(self, category: Tensor, letter: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        combined = torch.cat((category, letter, hidden), 1)
        hidden = self.i2h(combined)
        output = self.o2o(torch.cat((hidden, self.i2o(combined)), 1))
        return self.softmax(self.dropout(output)), torch.tanh(hidden)

    def forward(self, category: Tensor, letters: Tensor) -> Tensor:
        hidden = letters.new_zeros(letters.shape[0], 32)
        outputs = []
        for t in range(letters.shape[1]):
            output, hidden = self.step(category, letters[:, t], hidden)
            outputs.append(output)
        return torch.stack(outputs, 1)


@sound
def names_generation() -> dict:
    text = torch.randint(0, 20, (8, 9))
    category = F.one_hot(labels(8, 4), 4).float()
    return given(
        model=Generator(),
        batch=(category, F.one_hot(text[:, :-1], 20).float()),
        target=text[:, 1:],
        loss=lambda out, y: F.nll_loss(out.transpose(1, 2), y),
        causal=True,
    )


class Tagger(nn.Module):
    """Parts of speech; a batch of sentences of one length, steps first."""

    def __init__(self) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(30, 12)
        self.lstm = nn.LSTM(12, 16)
        self.hidden2tag = nn.Linear(16, 3)

    def forward(self, sentence: Tensor) -> Tensor:
        lstm_out, _ = self.lstm(self.word_embeddings(sentence))
        return F.log_softmax(self.hidden2tag(lstm_out), dim=-1)


@sound
def pos_tagger_of_one_sentence() -> dict:
    """A single sentence without a batch, (T,)."""
    return given(
        model=Tagger(), batch=torch.arange(1, 9), target=torch.tensor([0, 1, 2, 0, 1, 2, 1, 0]), loss=nn.NLLLoss()
    )


@sound
def pos_tagger_steps_first() -> dict:
    return given(
        model=Tagger(),
        batch=ids(7, 9, 30),
        target=torch.randint(0, 3, (7, 9)),
        loss=lambda out, y: F.nll_loss(out.reshape(-1, 3), y.reshape(-1)),
    )


class WordLM(nn.Module):
    """A word language model: state in, state out, steps first, weights tied."""

    def __init__(self, ntoken: int = 40, nhid: int = 24, nlayers: int = 2, dropout: float = 0.5) -> None:
        super().__init__()
        self.ntoken = ntoken
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.Embedding(ntoken, nhid)
        self.rnn = nn.LSTM(nhid, nhid, nlayers, dropout=dropout)
        self.decoder = nn.Linear(nhid, ntoken)
        self.decoder.weight = self.encoder.weight
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)
        self.nlayers, self.nhid = nlayers, nhid

    def forward(self, input: Tensor, hidden: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        emb = self.drop(self.encoder(input))
        output, hidden = self.rnn(emb, hidden)
        decoded = self.decoder(self.drop(output)).view(-1, self.ntoken)
        return F.log_softmax(decoded, dim=1), hidden

    def init_hidden(self, bsz: int) -> tuple[Tensor, Tensor]:
        weight = next(self.parameters())
        return weight.new_zeros(self.nlayers, bsz, self.nhid), weight.new_zeros(self.nlayers, bsz, self.nhid)


@sound
def word_language_model() -> dict:
    text = ids(13, 8, 40, 0)
    model = WordLM()
    return given(
        model=model,
        batch=(text[:-1], model.init_hidden(8)),
        target=text[1:].reshape(-1),
        loss=lambda out, y: F.nll_loss(out[0], y),
        causal=True,
    )


class Sequence(nn.Module):
    """Sine waves by two LSTM cells, in float64, with steps of the future to be made up."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm1 = nn.LSTMCell(1, 17)
        self.lstm2 = nn.LSTMCell(17, 17)
        self.linear = nn.Linear(17, 1)

    def forward(self, input: Tensor, future: int = 0) -> Tensor:
        outputs = []
        h_t, c_t, h_t2, c_t2 = (torch.zeros(input.size(0), 17, dtype=torch.double) for _ in range(4))
        for input_t in input.split(1, dim=1):
            h_t, c_t = self.lstm1(input_t, (h_t, c_t))
            h_t2, c_t2 = self.lstm2(h_t, (h_t2, c_t2))
            output = self.linear(h_t2)
            outputs += [output]
        for _ in range(future):
            h_t, c_t = self.lstm1(output, (h_t, c_t))
            h_t2, c_t2 = self.lstm2(h_t, (h_t2, c_t2))
            output = self.linear(h_t2)
            outputs += [output]
        return torch.cat(outputs, dim=1)


@sound
def sine_waves_in_float64() -> dict:
    wave = torch.sin((torch.arange(30.0) + torch.randint(-80, 80, (9, 1))) / 4).double()
    return given(model=Sequence().double(), batch=wave[:, :-1], target=wave[:, 1:], loss=nn.MSELoss(), causal=True)


@sound
def sine_waves_trained_for_a_moment() -> dict:
    wave = torch.sin((torch.arange(20.0) + torch.randint(-80, 80, (9, 1))) / 4).double()
    model = Sequence().double()
    trained(model, lambda: F.mse_loss(model(wave[:, :-1]), wave[:, 1:]), 12)
    return given(model=model, batch=wave[:, :-1], target=wave[:, 1:], loss=nn.MSELoss(), causal=True)


class Translator(nn.Module):
    """Encoder, additive attention, decoder; the decoder is taught with the true words before."""

    def __init__(self, V: int = 25, H: int = 20) -> None:
        super().__init__()
        self.source, self.words = nn.Embedding(V, H), nn.Embedding(V, H)
        self.encoder = nn.GRU(H, H, batch_first=True)
        self.decoder = nn.GRU(2 * H, H, batch_first=True)
        self.Wa, self.Ua, self.Va = nn.Linear(H, H), nn.Linear(H, H), nn.Linear(H, 1)
        self.out = nn.Linear(H, V)
        self.dropout = nn.Dropout(0.1)

    def forward(self, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        keys, hidden = self.encoder(self.dropout(self.source(source)))
        blank = source.eq(0).unsqueeze(1)
        outputs, attentions = [], []
        word = torch.ones_like(target[:, :1])
        for t in range(target.size(1)):
            query = hidden.permute(1, 0, 2)
            scores = self.Va(torch.tanh(self.Wa(query) + self.Ua(keys))).permute(0, 2, 1)
            weights = F.softmax(scores.masked_fill(blank, -1e9), dim=-1)
            context = torch.bmm(weights, keys)
            step, hidden = self.decoder(torch.cat((self.dropout(self.words(word)), context), dim=2), hidden)
            outputs.append(self.out(step))
            attentions.append(weights)
            word = target[:, t : t + 1]
        return F.log_softmax(torch.cat(outputs, 1), dim=-1), hidden, torch.cat(attentions, 1)


@sound
def translation_with_attention() -> dict:
    """Sentences of one length; logits, state and attention come back."""
    target = ids(8, 6, 25, 2)
    return given(
        model=Translator(),
        batch=(ids(8, 7, 25, 2), target),
        target=target,
        loss=lambda out, y: F.nll_loss(out[0].reshape(-1, 25), y.reshape(-1)),
    )


class ImageRows(nn.Module):
    """A picture read row by row by an LSTM with explicit zero states."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, 32, 2, batch_first=True)
        self.fc = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        h0 = torch.zeros(2, x.size(0), 32)
        c0 = torch.zeros(2, x.size(0), 32)
        out, _ = self.lstm(x, (h0, c0))
        return self.fc(out[:, -1, :])


@sound
def picture_rows() -> dict:
    pictures = torch.rand(16, 28, 28) * (torch.rand(16, 28, 28) > 0.7)
    return given(model=ImageRows(), batch=pictures, target=labels(16, 10), loss=nn.CrossEntropyLoss())


class Untied(nn.Module):
    """A stateful letter model that returns logits (N, T, V) and the state, None allowed."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(30, 16)
        self.lstm = nn.LSTM(16, 32, 1, batch_first=True)
        self.linear = nn.Linear(32, 30)

    def forward(self, x: Tensor, h: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        out, (h_n, c_n) = self.lstm(self.embed(x), h)
        out = out.reshape(out.size(0) * out.size(1), out.size(2))
        return self.linear(out), (h_n, c_n)


@sound
def flat_logits_and_state() -> dict:
    text = ids(10, 13, 30, 0)
    return given(
        model=Untied(), batch=text[:, :-1], target=text[:, 1:].reshape(-1), loss=first_cross_entropy, causal=True
    )


@sound
def unflattened_target_for_flat_logits() -> dict:
    """The target is flattened in the loss and not before."""
    text = ids(10, 13, 30, 0)
    return given(model=Untied(), batch=text[:, :-1], target=text[:, 1:], loss=token_cross_entropy, causal=True)
