"""What a sequence is made of, numbers or words: read from a file, fitted on the training part, coded for the model."""

from __future__ import annotations

import abc
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rekur.data import disk, evidence
from rekur.data.ragged import Ragged
from rekur.data.scaling import Standard
from rekur.errors import ConfigError, DataError
from rekur.tasks.case import Refit

if TYPE_CHECKING:
    from rekur.data.sequences import Sequences, Written
    from rekur.tasks.sequencing.settings import SequencesData

Rows = NDArray[np.int64]

MOST_STEPS = 1_000_000  # that a readout which needs them fixed may have; a file that says more is damaged
FAR = 20.0  # standard deviations: what lies farther is as far, or one wrong digit would drown all other steps


class Reader(abc.ABC):
    """From what is read to what the model takes; `fit` or `restore` first."""

    def __init__(self, data: SequencesData) -> None:
        self.data = data
        self.warnings: list[str] = []

    @abc.abstractmethod
    def read(self, path: Path, about: Sequence[str]) -> Sequences | Written:
        """Read the file at `path`, and of each sequence the columns `about`."""

    @abc.abstractmethod
    def fit(self, values: Any) -> None:
        """Learn scale or words from the training sequences."""

    @abc.abstractmethod
    def encode(self, values: Any) -> Ragged:
        """Return what the model reads of each sequence: rows of features (float32) or of ids."""

    @abc.abstractmethod
    def parse(self, inputs: Sequence[Any]) -> Any:
        """Return the sequences a caller gives to predict, as `encode` takes them; raises DataError for others."""

    @abc.abstractmethod
    def take(self, values: Any, rows: Rows) -> Any:
        """Return some of the sequences."""

    @abc.abstractmethod
    def sizes(self) -> dict[str, Any]:
        """Return what an architecture must know of the steps."""

    @abc.abstractmethod
    def files(self) -> dict[str, str]:
        """Return the JSON files a prediction needs."""

    @abc.abstractmethod
    def restore(self, files: Mapping[str, str]) -> None:
        """Take back what `files` gave."""

    @abc.abstractmethod
    def preprocessing(self) -> dict[str, Any]:
        """Return how a sequence becomes what the model reads, as JSON for programs without rekur."""

    @abc.abstractmethod
    def refits(self, values: Any) -> list[Refit]:
        """Fit again on the training sequences alone."""

    def copies(self, values: Any) -> Rows:
        """Return a number (N,) for each sequence, equal for equal ones: copies must not stand in two parts."""
        known: dict[bytes, int] = {}
        return np.array([known.setdefault(_key(row), len(known)) for row in values], dtype=np.int64)

    @property
    def steps(self) -> int | None:
        """T, where the model needs it fixed."""
        return None


def _key(row: Any) -> bytes:
    """Return what stands for a sequence: of many, the sequences themselves would take all memory again."""
    content = row.tobytes() if isinstance(row, np.ndarray) else str(row).encode()
    return hashlib.blake2b(content, digest_size=12).digest()


class Numbers(Reader):
    """Columns standardised by the training part; what is missing lies at its mean, and a mask says so."""

    def __init__(self, data: SequencesData, flat: bool) -> None:
        super().__init__(data)
        self.flat = flat  # whether the readout needs a fixed T
        self.columns: tuple[str, ...] = ()
        self.masked, self.longest = False, 0

    def read(self, path: Path, about: Sequence[str]) -> Sequences:
        import polars as pl

        from rekur.data import files, sequences, streamed
        from rekur.data.sources import MEGABYTE, Source

        data, source = self.data, Source(path, self.data.memory * MEGABYTE)
        if path.suffix.lower() == ".npy":
            whole = source.whole
            found = sequences.stacked(sequences.array(path), str(path)) if whole else streamed.stacked(path)
            if about:
                said = sequences.labels(Path(data.labels), len(found.values)).alias(data.label)
                found = sequences.Sequences(found.values, found.columns, found.about.with_columns(said))
        else:
            files.kind(path)  # another ending is said here
            table: Any = source.frame if source.whole else source
            reading: Any = sequences if source.whole else streamed
            if data.layout == "long":
                wanted = data.values or self.columns  # after `restore`, those of the training
                found = reading.long(table, data.id or "id", data.time, wanted, about)
            else:
                found = reading.wide(table, data.id, data.values, about, data.alike)
        if disk.on_disk(found.values.values):
            self.warnings.append(
                f"{path} is larger than data.memory ({data.memory} MB): it is read in batches, and its numbers are "
                "kept in temporary files."
            )
        if found.left_out:
            named = ", ".join(f"`{name}`" for name in found.left_out)
            self.warnings.append(
                f"Not read, as they hold no numbers: {named}. Name the columns to read in data.values."
            )
        assert isinstance(found.about, pl.DataFrame)
        return found

    def fit(self, values: Ragged) -> None:
        self.masked = any(bool(np.isnan(disk.part(values, span).values).any()) for span in disk.spans(values))
        self.longest = int(values.lengths.max())
        self.scaler = Standard.fit(values.values)

    def encode(self, values: Ragged) -> Ragged:
        return disk.mapped(values, self._encoded)

    def _encoded(self, values: Ragged) -> Ragged:
        scaled = self.scaler.transform(values.values)
        missing = np.isnan(scaled)
        features = np.where(missing, 0.0, np.clip(scaled, -FAR, FAR))
        if self.masked:
            features = np.concatenate([features, missing], axis=1)
        rows = Ragged(features.astype(np.float32), values.offsets)
        most = self.steps or self.data.length
        return rows.cut(most, self.data.side) if most else rows

    @property
    def steps(self) -> int | None:
        return (self.data.length or self.longest) if self.flat else None

    def parse(self, inputs: Sequence[Any]) -> Ragged:
        rows = [self._parsed(given, place + 1) for place, given in enumerate(inputs)]
        values = np.concatenate(rows) if rows else np.zeros((0, len(self.columns)))
        return Ragged.from_lengths(values, np.array([len(row) for row in rows], dtype=np.int64))

    def _parsed(self, given: Any, number: int) -> NDArray[np.float64]:
        given, I = getattr(given, "values", given), len(self.columns)  # noqa: E741
        wanted = (
            f"Sequence {number} must be (T, I={I}) numbers, oldest step first, its columns {', '.join(self.columns)}"
        )
        try:
            values = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError(f"{wanted}; got something that is not numbers. Write NaN for a missing value.") from None
        if values.ndim == 1 and I == 1:
            values = values[:, None]
        if values.ndim != 2 or values.shape[1] != I or not len(values):
            raise DataError(f"{wanted}; got {values.shape}.")
        if np.isinf(values).any():
            raise DataError(f"{wanted}; got infinite values. Write NaN where one is missing.")
        return values

    def take(self, values: Ragged, rows: Rows) -> Ragged:
        return disk.taken(values, rows)

    def sizes(self) -> dict[str, Any]:
        return {"values": len(self.columns) * (2 if self.masked else 1), "longest": self.longest}

    def files(self) -> dict[str, str]:
        known = {"columns": self.columns, "masked": self.masked, "longest": self.longest}
        return {"scaler.json": self.scaler.to_json(), "columns.json": json.dumps(known, ensure_ascii=False)}

    def restore(self, files: Mapping[str, str]) -> None:
        known = json.loads(files["columns.json"])
        columns, self.masked, self.longest = known["columns"], known["masked"], known["longest"]
        self.scaler = Standard.from_json(files["scaler.json"])
        sound = isinstance(columns, list) and all(isinstance(name, str) for name in columns)
        if not sound or len(columns) != len(self.scaler.shift) or type(self.masked) is not bool:
            raise DataError("columns.json must name the columns the scaler knows, and say whether values were missing.")
        if type(self.longest) is not int or not 1 <= self.longest <= MOST_STEPS:
            raise DataError(f"columns.json must hold a length from 1 to {MOST_STEPS}; got {self.longest!r}.")
        self.columns = tuple(columns)

    def preprocessing(self) -> dict[str, Any]:
        return {
            "step": "(value - shift) / scale of each column, no farther from 0 than `far`; 0 where a value is missing",
            "columns": list(self.columns),
            "shift": self.scaler.shift.tolist(),
            "scale": self.scaler.scale.tolist(),
            "far": FAR,
            "mask": self.masked,  # behind the columns, as many more: 1 where the value is missing, else 0
            "steps": self.steps,
            "cut": {"length": self.data.length, "side": self.data.side},
            "lengths": True,
        }

    def refits(self, values: Ragged) -> list[Refit]:
        alone = Standard.fit(values.values)
        return [Refit("scaler", self._by_column(self.scaler), self._by_column(alone))]

    def _by_column(self, scaler: Standard) -> dict[str, dict[str, float]]:
        pairs = {"mean": scaler.shift.tolist(), "deviation": scaler.scale.tolist()}
        return {name: dict(zip(self.columns, values, strict=True)) for name, values in pairs.items()}


class Words(Reader):
    """Texts as ids of their words, numbered by the training part."""

    n_grams = 0  # that the vote knows, where one stands beside the network

    def read(self, path: Path, about: Sequence[str]) -> Written:
        from rekur.data import files
        from rekur.data.sequences import Written, numbered

        frame = files.read_table(path)
        for name in about:
            files.check_column(frame, name)
        said = frame.select(about).with_columns(numbered(len(frame)))
        return Written(files.text_column(frame, self.data.text), said)

    def fit(self, values: Any) -> None:
        self.coding = self._coding().fit(values)
        if self.coding.size <= 2:
            raise ConfigError(f"data.min_count: no word is seen {self.data.min_count} times. Take a smaller one.")

    def _coding(self) -> Any:
        from rekur.data.coding import make

        return make(self.data.tokenizer, self.data.max_words, self.data.min_count)

    def encode(self, values: Any) -> Ragged:
        ids: Ragged = self.coding.encode(values)
        return ids.cut(self.data.length, self.data.side) if self.data.length else ids

    def parse(self, inputs: Sequence[Any]) -> Any:
        import polars as pl

        for number, text in enumerate(inputs, 1):
            if not isinstance(text, str):
                raise DataError(f"Text {number} of {len(inputs)} must be a string; got {type(text).__name__}.")
        return pl.Series("text", list(inputs), dtype=pl.String)

    def take(self, values: Any, rows: Rows) -> Any:
        return values[rows]

    def sizes(self) -> dict[str, Any]:
        return {"tokens": self.coding.size, "unknown": self.coding.unknown, "features": self.n_grams}

    def files(self) -> dict[str, str]:
        known = {"evidence.json": evidence.to_json(self.n_grams)} if self.n_grams else {}
        return {"vocabulary.json": self.coding.to_json(), **known}

    def restore(self, files: Mapping[str, str]) -> None:
        self.coding = self._coding().from_json(files["vocabulary.json"])
        if "evidence.json" in files:
            self.n_grams = evidence.from_json(files["evidence.json"])

    def preprocessing(self) -> dict[str, Any]:
        return {
            "vocabulary": "vocabulary.json",
            "tokenizer": self.data.tokenizer,
            "unknown": self.coding.unknown,
            "padding": 0,
            "cut": {"length": self.data.length, "side": self.data.side},
            "lengths": True,
        }

    def refits(self, values: Any) -> list[Refit]:
        used, alone = (json.loads(coding.to_json()) for coding in (self.coding, self._coding().fit(values)))
        return [Refit("vocabulary", used, alone)]
