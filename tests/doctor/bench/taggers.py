"""Sound taggers: a label for each step, the padding ignored by the loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from .material import texts
from .registry import Parts, given, sound

TAGS = 4


def tagged(N: int = 8, T: int = 10, ignore: int = -100) -> tuple[Tensor, Tensor, Tensor]:
    """Return ids (N, T), lengths (N,), and tags (N, T) that depend on a word and on the one before it."""
    ids, lengths, _ = texts(N, T)
    tags = (ids + ids.roll(1, dims=1)) % TAGS
    return ids, lengths, tags.masked_fill(ids == 0, ignore)


def per_token(output: Tensor, tags: Tensor) -> Tensor:
    return F.cross_entropy(output.reshape(-1, TAGS), tags.reshape(-1), ignore_index=-100)


@sound
def packed_bilstm() -> Parts:
    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(20, 10, padding_idx=0)
            self.lstm = nn.LSTM(10, 8, batch_first=True, bidirectional=True)
            self.drop = nn.Dropout(0.25)
            self.fc = nn.Linear(16, TAGS)

        def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
            packed = pack_padded_sequence(self.drop(self.emb(ids)), lengths, batch_first=True, enforce_sorted=False)
            h, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=ids.shape[1])
            return self.fc(self.drop(h))

    ids, lengths, tags = tagged(N=9)
    return given(model=Tagger(), batch=(ids, lengths), target=tags, loss=per_token)


@sound
def forward_only_without_packing() -> Parts:
    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(20, 10, padding_idx=0)
            self.gru = nn.GRU(10, 14, batch_first=True)
            self.fc = nn.Linear(14, TAGS)

        def forward(self, ids: Tensor) -> Tensor:
            return self.fc(self.gru(self.emb(ids))[0])  # what follows the text is ignored by the loss

    ids, lengths, tags = tagged()
    return given(model=Tagger(), batch=ids, target=tags, loss=per_token, lengths=lengths)


@sound
def one_sentence_at_a_time() -> Parts:
    class LSTMTagger(nn.Module):
        def __init__(self, embedding_dim: int, hidden_dim: int, vocab_size: int, tagset_size: int) -> None:
            super().__init__()
            self.word_embeddings = nn.Embedding(vocab_size, embedding_dim)
            self.lstm = nn.LSTM(embedding_dim, hidden_dim)
            self.hidden2tag = nn.Linear(hidden_dim, tagset_size)

        def forward(self, sentence: Tensor) -> Tensor:  # (T, 1)
            lstm_out, _ = self.lstm(self.word_embeddings(sentence))
            tag_space = self.hidden2tag(lstm_out.view(len(sentence), -1))
            return F.log_softmax(tag_space, dim=1)

    ids, _, _ = texts(1, 9, full=True)
    tags = (ids[0] + ids[0].roll(1)) % TAGS
    return given(model=LSTMTagger(6, 6, 20, TAGS), batch=ids.t(), target=tags, loss=nn.NLLLoss())


@sound
def tags_time_first() -> Parts:
    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(20, 10, padding_idx=0)
            self.lstm = nn.LSTM(10, 8, num_layers=2, bidirectional=True, dropout=0.2)
            self.fc = nn.Linear(16, TAGS)

        def forward(self, text: Tensor) -> Tensor:  # (T, N)
            return self.fc(self.lstm(self.emb(text))[0])

    ids, _, _ = texts(7, 11, full=True)
    tags = (ids + ids.roll(1, dims=1)) % TAGS
    return given(model=Tagger(), batch=ids.t().contiguous(), target=tags.t().contiguous(), loss=per_token)


@sound
def every_step_of_a_signal() -> Parts:
    class Detector(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(3, 10, bidirectional=True, batch_first=True)
            self.out = nn.Linear(20, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.rnn(x)[0]).squeeze(-1)

    x = torch.randn(8, 20, 3)
    target = (x.cumsum(1)[..., 0] > 0).float()
    return given(model=Detector(), batch=x, target=target, loss=nn.BCEWithLogitsLoss())


@sound
def both_directions_multiplied_by_the_mask() -> Parts:
    class Tagger(nn.Module):
        """The backward direction starts at each text's end, as its states before it are held at zero."""

        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(20, 10, padding_idx=0)
            self.there, self.back = nn.GRUCell(10, 8), nn.GRUCell(10, 8)
            self.fc = nn.Linear(16, TAGS)

        def walk(self, cell: nn.GRUCell, x: Tensor, mask: Tensor, steps: range) -> list[Tensor]:
            h = x.new_zeros(len(x), 8)
            states = []
            for t in steps:
                h = cell(x[:, t], h) * mask[:, t]
                states.append(h)
            return states

        def forward(self, ids: Tensor) -> Tensor:
            T = ids.shape[1]
            x, mask = self.emb(ids), (ids != 0).float().unsqueeze(-1)
            there = self.walk(self.there, x, mask, range(T))
            back = self.walk(self.back, x, mask, range(T - 1, -1, -1))[::-1]
            return self.fc(torch.cat([torch.stack(there, 1), torch.stack(back, 1)], -1))

    ids, lengths, tags = tagged(N=6, T=8)
    return given(model=Tagger(), batch=ids, target=tags, loss=per_token, lengths=lengths)
