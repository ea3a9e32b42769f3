"""Subwords: pieces of words found in the training texts, so that no word of theirs, and few others, are unknown."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from rekur.data import few
from rekur.data.coding import END, PAD, START, UNKNOWN, Coding
from rekur.data.ragged import Ragged
from rekur.data.text import normal
from rekur.data.vocabulary import MARKED
from rekur.errors import DataError

if TYPE_CHECKING:
    import polars as pl

    from rekur.data.text import Column

Kind = Literal["bpe", "unigram"]
COVERAGE = 0.9995  # share of the characters that have ids; SentencePiece's own figure for scripts of many
LEAST_LIMIT = 10  # bytes; SentencePiece takes no lower limit of a text's length
_DAMAGED = "These are not subwords written by rekur. Train the model again."


@dataclass(frozen=True)
class SubwordCoding(Coding):
    """Byte-pair encoding or a unigram model by SentencePiece; ids 0 to 3 are <pad> <unk> <s> </s>.

    White space of any kind and length is one space. The training is a function of the texts alone.

    Sources: Sennrich et al. 2016 (BPE), Kudo 2018 (unigram), Kudo & Richardson 2018 (SentencePiece).
    """

    vocabulary_size: int = 8000  # specials among them
    kind: Kind = "bpe"
    marks: bool = False
    lower: bool = False
    model: bytes = b""

    @cached_property
    def _processor(self) -> Any:
        from sentencepiece import SentencePieceProcessor

        return SentencePieceProcessor(model_proto=self.model)

    @property
    def size(self) -> int:
        return int(self._processor.get_piece_size())

    @property
    def unknown(self) -> int:
        return UNKNOWN

    @property
    def warnings(self) -> tuple[str, ...]:
        if self.size >= self.vocabulary_size:
            return ()
        found = f"The training texts hold {self.size} {self.kind} subwords; {self.vocabulary_size} were asked for."
        return (found,)

    def fit(self, texts: pl.Series) -> Self:
        import sentencepiece

        plain, model = self._plain(texts), io.BytesIO()
        if not any(plain):
            raise DataError("The training texts hold no word, so there are no subwords. Give more texts.")
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(plain),
                model_writer=model,
                model_type=self.kind,
                vocab_size=self.vocabulary_size,
                hard_vocab_limit=False,  # texts of few words give fewer subwords, and `warnings` says so
                character_coverage=COVERAGE,
                normalization_rule_name="identity",  # `normal` did it
                max_sentence_length=max(LEAST_LIMIT, *(len(text.encode()) for text in plain)),  # no text is left out
                num_threads=1,  # the order of sums, and so the unigram model, depends on it
                pad_id=PAD,
                unk_id=UNKNOWN,
                bos_id=START,
                eos_id=END,
                pad_piece="<pad>",
                minloglevel=10,
            )
        except RuntimeError as error:
            raise DataError(_explained(str(error), self.vocabulary_size)) from None
        return replace(self, model=model.getvalue())

    def encode(self, texts: Column) -> Ragged:
        return Ragged.of(self._processor.encode(self._plain(texts), num_threads=1), np.int32)

    def decode(self, rows: Iterable[Sequence[int]]) -> list[str]:
        kept = [[int(token) for token in row if token > END] for row in rows]
        return [str(self._processor.decode(row)) for row in kept]

    def to_json(self) -> str:
        return json.dumps({"subwords": self.kind, "model": base64.b64encode(self.model).decode("ascii")})

    def from_json(self, text: str) -> Self:
        try:
            values = json.loads(text)
            restored = replace(self, model=base64.b64decode(values["model"], validate=True))
            sound = values["subwords"] == self.kind and _specials(restored._processor) == MARKED
        except (ValueError, KeyError, TypeError, RuntimeError, binascii.Error):
            sound = False
        if not sound:
            raise DataError(_DAMAGED)
        return restored

    def _plain(self, texts: Column) -> list[str]:
        if isinstance(texts, list):
            plain = [few.words_apart(text) for text in texts]
            return [text.lower() for text in plain] if self.lower else plain
        apart = normal(texts).str.replace_all(r"[\s\x00]+", " ").str.strip_chars()
        return (apart.str.to_lowercase() if self.lower else apart).to_list()


def _specials(processor: Any) -> tuple[str, ...]:
    return tuple(processor.id_to_piece(place) for place in range(min(len(MARKED), processor.get_piece_size())))


def _explained(error: str, size: int) -> str:
    few = re.search(r"required_chars\D*\d+ vs (\d+)", error)
    if few:
        return f"{size} subwords are fewer than the {few[1]} characters they are made of. Ask for more of them."
    return f"SentencePiece found no subwords: {error.strip()}"
