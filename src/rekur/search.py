"""From a model that scores the next word to whole sequences: beam search, greedy search, and drawing by chance.

Everything runs over a batch of sources at once, in NumPy, whatever the model is made of.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rekur.arithmetic import log_softmax
from rekur.notation import END, PAD, START

Floats = NDArray[Any]
Integers = NDArray[np.int64]
State = TypeVar("State")
Choose = Callable[[Floats], Integers]  # scores (N, V) to the word of each row (N,)

BLOCK = 64  # words whose largest score stands for all of them, while the best are looked for


class Writer(Protocol[State]):
    """A model that writes: torch's module, or the same model without torch."""

    def begin(self, source: Any, lengths: Integers | None = None) -> State:
        """Read the source, ids (N, S) or values (N, S, I), of which `lengths` (N,) steps count."""

    def write(self, ids: Integers, state: State) -> tuple[Floats, Floats | None, State]:
        """Read one word a row (N,); return the scores (N, V) of the next and the attention (N, S) or None."""

    def pick(self, state: State, rows: Integers) -> State:
        """Return the state of the rows (N',), some perhaps more than once."""


@dataclass(frozen=True)
class Written:
    """One sequence that was written."""

    ids: list[int]  # without START and END
    log_probability: float  # of all of it, the END included where it came to one
    attention: Floats | None  # (T, S) where each word looked, the END's row last where it came to one
    ended: bool  # false: it was cut at the longest length

    @property
    def length(self) -> int:
        """Words with the END."""
        return len(self.ids) + self.ended

    def score(self, penalty: float) -> float:
        """log p / length^penalty: 0 takes the likeliest sequence, 1 the likeliest word on average."""
        return self.log_probability / float(max(self.length, 1) ** penalty)


NOTHING = Written([], -math.inf, None, False)  # where weights are so large that no word has a finite score


def beam(
    writer: Writer[Any],
    source: Any,
    lengths: Integers | None = None,
    *,
    width: int = 5,
    longest: int | Integers = 100,
    penalty: float = 1.0,
) -> list[Written]:
    """Write the sequence of the best score for each source (N,); a width of 1 is greedy search.

    Args:
        source, lengths: as `Writer.begin` takes them.
        width: sequences kept for each source after every word.
        longest: words at most, for all or for each source (N,).
        penalty: of length: sequences are compared by log p / length^penalty (Jean et al. 2015; 0 prefers short ones).

    A source is done when `width` of its sequences have ended, or none can go on.
    """
    state = writer.begin(source, lengths)
    N = len(source)
    hold = _Beams(N, width, np.broadcast_to(np.asarray(longest), (N,)))
    scores, attention, state = writer.write(np.full(N, START), state)
    rows = hold.begin(log_softmax(scores), attention)
    while len(rows):
        scores, attention, state = writer.write(hold.last_words(), writer.pick(state, rows))
        rows = hold.extend(log_softmax(scores), attention)
    return [max(found, key=lambda one: one.score(penalty), default=NOTHING) for found in hold.ended]


def sample(
    writer: Writer[Any], source: Any, choose: Choose, lengths: Integers | None = None, *, longest: int = 100
) -> list[Written]:
    """Write one sequence for each source (N,), each next word taken by `choose` from the scores (N, V)."""
    state = writer.begin(source, lengths)
    N = len(source)
    words, looked = np.full((N, longest), PAD), []
    log_p, lasting, read = np.zeros(N), np.full(N, longest), np.full(N, START)
    for t in range(longest):
        scores, attention, state = writer.write(read, state)
        scores[:, [PAD, START]] = -np.inf
        read = choose(scores)
        open_ = lasting == longest
        log_p += np.where(open_, np.take_along_axis(log_softmax(scores), read[:, None], axis=1)[:, 0], 0)
        words[:, t] = read
        looked.append(attention)
        lasting = np.where(open_ & (read == END), t, lasting)
        if (lasting < longest).all():
            break
    return [_written(words[n], int(lasting[n]), float(log_p[n]), looked, n, longest) for n in range(N)]


def _written(words: Integers, end: int, log_p: float, looked: list[Floats | None], n: int, longest: int) -> Written:
    ended = end < longest
    rows = [part[n] for part in looked[: end + ended] if part is not None]
    return Written(words[:end].tolist(), log_p, np.stack(rows) if rows else None, ended)


class _Beams:
    """The sequences of each source that go on, and those that have ended."""

    def __init__(self, N: int, width: int, longest: Integers) -> None:
        self.width, self.longest = width, longest
        self.ended: list[list[Written]] = [[] for _ in range(N)]
        self.sources = np.arange(N)  # (n,) that go on
        self.log_p = np.zeros((N, 1))  # (n, w) of the sequences that go on; -inf where there is none
        self.words = np.zeros((N, 1, 0), dtype=np.int64)  # (n, w, t)
        self.looked: Floats | None = None  # (n, w, t, S)

    def last_words(self) -> Integers:
        """Return the word read last by each sequence (n*w,)."""
        last: Integers = self.words[:, :, -1].reshape(-1)
        return last

    def begin(self, log_p: Floats, attention: Floats | None) -> Integers:
        """Take in the first word's log-probabilities (N, V); return the rows to go on from."""
        return self.extend(log_p, attention)

    def extend(self, log_p: Floats, attention: Floats | None) -> Integers:
        """Lengthen every sequence by its best words; `log_p` (n*w, V), `attention` (n*w, S).

        Returns the rows of the batch just written that go on, (n'*width,).
        """
        n, w = self.log_p.shape
        log_p[:, [PAD, START]] = -np.inf
        best, words = _largest(log_p, 2 * self.width)  # (n*w, k): an END in each row leaves enough to go on with
        k = best.shape[1]
        total = (self.log_p.reshape(-1, 1) + best).reshape(n, w * k)
        order = np.argsort(-total, axis=1, kind="stable")[:, : 2 * self.width]
        total = np.take_along_axis(total, order, axis=1)
        words = np.take_along_axis(words.reshape(n, w * k), order, axis=1)
        parents = order // k  # (n, 2*width) the sequence each candidate goes on from
        if attention is not None:
            here = attention.reshape(n, w, 1, -1)
            self.looked = here if self.looked is None else np.concatenate([self.looked, here], axis=2)
        self._end(total, words, parents)
        return self._go_on(total, words, parents)

    def _end(self, total: Floats, words: Integers, parents: Integers) -> None:
        """Put aside what ends among the best `width` candidates of each source."""
        ending = (words == END) & np.isfinite(total)
        ending[:, self.width :] = False
        for row, place in np.argwhere(ending):
            self._keep(row, parents[row, place], float(total[row, place]), True)

    def _keep(self, row: int, sequence: int, log_p: float, ended: bool) -> None:
        looked = None if self.looked is None else self.looked[row, sequence].copy()
        found = Written(self.words[row, sequence].tolist(), log_p, looked, ended)
        self.ended[self.sources[row]].append(found)

    def _go_on(self, total: Floats, words: Integers, parents: Integers) -> Integers:
        """Keep the best `width` candidates that do not end, of the sources that are not done."""
        n, w = self.log_p.shape
        total = np.where(words == END, -np.inf, total)
        order = np.argsort(-total, axis=1, kind="stable")[:, : self.width]
        self.log_p, words, parents = (np.take_along_axis(part, order, axis=1) for part in (total, words, parents))
        kept = np.take_along_axis(self.words, parents[:, :, None], axis=1)
        self.words = np.concatenate([kept, words[:, :, None]], axis=2)
        if self.looked is not None:
            self.looked = np.take_along_axis(self.looked, parents[:, :, None, None], axis=1)
        rows = np.arange(n)[:, None] * w + parents
        return self._leave_out_done(rows)

    def _leave_out_done(self, rows: Integers) -> Integers:
        cut = self.words.shape[2] >= self.longest[self.sources]
        for row in np.flatnonzero(cut):
            if not self.ended[self.sources[row]]:
                for sequence in np.flatnonzero(np.isfinite(self.log_p[row])):
                    self._keep(int(row), int(sequence), float(self.log_p[row, sequence]), False)
        full = np.array([len(self.ended[source]) >= self.width for source in self.sources], dtype=bool)
        going = ~cut & ~full & np.isfinite(self.log_p).any(axis=1)
        self.sources, self.log_p, self.words = self.sources[going], self.log_p[going], self.words[going]
        self.looked = None if self.looked is None else self.looked[going]
        left: Integers = rows[going].reshape(-1)
        return left


def _largest(values: Floats, k: int) -> tuple[Floats, Integers]:
    """Return the `k` largest of each row (N, V), the largest first, and their places; both (N, k) or narrower.

    The k largest lie in the k blocks of the largest maxima, so that a partition has to look at few of them.
    """
    N, V = values.shape
    k = min(k, V)
    if 4 * k * BLOCK < V:
        blocks = -(-V // BLOCK)
        padded = np.full((N, blocks * BLOCK), -np.inf, dtype=values.dtype)
        padded[:, :V] = values
        tops = padded.reshape(N, blocks, BLOCK).max(axis=2)
        chosen = np.argpartition(-tops, k - 1, axis=1)[:, :k]
        places = np.sort((chosen[:, :, None] * BLOCK + np.arange(BLOCK)).reshape(N, k * BLOCK), axis=1)
        values = np.take_along_axis(padded, places, axis=1)
    else:
        places = np.broadcast_to(np.arange(V), (N, V))
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(values, order, axis=1), np.take_along_axis(places, order, axis=1)
