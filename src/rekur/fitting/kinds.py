"""What a path is: which task learns from it, with which `[data]`, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rekur.data import files, images
from rekur.data.sources import Source, listed
from rekur.errors import DataError, RequestError, nearest
from rekur.wording import counted

TAGGED = (".conllu", ".conll", ".bio", ".iob", ".iob2", ".tags")  # a word a line, a blank line behind a sentence
TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
MEMORY = 128  # megabytes of a table of texts held in memory, where they take several times as much while they are read
OF_NUMBERS = 32  # of a table of numbers, which take more; what is learned of one read in batches is the same
TASKS = ("text", "sequences", "forecast", "tag", "translate", "generate", "rows")
SAMPLED = 2000  # characters of a text that say of which script it is


@dataclass(frozen=True)
class Given:
    """What the caller says of the file; "" or () where the file shall say it."""

    task: str = ""
    text: str = ""
    label: str = ""
    time: str = ""
    target: str = ""
    id: str = ""
    group: str = ""
    horizon: int = 0
    known: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()
    static: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns named, which must be there."""
        single = (self.text, self.label, self.time, self.target, self.id, self.group)
        return (*filter(None, single), *self.known, *self.observed, *self.static)


@dataclass(frozen=True)
class Size:
    """What the defaults depend on."""

    examples: int  # rows, sequences, sentences, or values of all series
    steps: float = 0.0  # of an example, on the mean: words, characters or steps
    series: int = 1
    characters: bool = False  # texts: better read by character
    classes: int = 0
    channels: int = 1
    whole: bool = True  # texts: whether they are held in memory


@dataclass(frozen=True)
class Kind:
    """A path understood."""

    task: str
    said: str  # for people, in one line
    data: dict[str, Any]  # of `[data]`: where what is
    size: Size
    notes: tuple[str, ...] = field(default=())  # what was not read, and how to have it read


def recognise(paths: Sequence[Path], given: Given = Given()) -> Kind:
    """Say what the file, the folder or the two files at `paths` are.

    Raises:
        RequestError: more than two paths, or options that do not fit; DataError: nothing rekur learns from.
    """
    if given.task and given.task not in TASKS:
        raise RequestError(
            f"--task: no task learns from files by the name `{given.task}`. {nearest(given.task, TASKS)}"
        )
    if len(paths) == 2:
        return _parallel(paths[0], paths[1], given)
    if len(paths) != 1:
        raise RequestError(f"Give one file or folder, or two files of parallel texts; got {len(paths)}.")
    path = paths[0]
    if path.is_dir():
        return _fitting(given, _folder(path))
    if not path.exists():
        raise DataError(f"There is no file {path}. Give the path of a file or folder.")
    suffix = path.suffix.lower()
    if suffix in TAGGED or given.task == "tag":
        return _fitting(given, _tagged(path))
    if suffix == ".npy":
        raise DataError(f"{path}: an array has no labels beside it. Use rekur.SequenceClassifier from Python.")
    if files.kind(path) == ".txt":  # another ending is said here
        return _fitting(given, _running(path))
    from rekur.fitting import tables

    return tables.recognise(Source(path, MEMORY << 20), given)


def _fitting(given: Given, found: Kind) -> Kind:
    """Return `found`, or raise RequestError where the options ask for something else."""
    if given.task and given.task != found.task:
        raise RequestError(f"--task {given.task} does not fit: {found.said}. Leave it out, or give another file.")
    if given.columns:
        raise RequestError(f"Columns are named of a table; here is none: {found.said}. Leave out {given.columns[0]}.")
    return found


def _folder(folder: Path) -> Kind:
    inside = [place for place in folder.iterdir() if place.is_dir() and not place.name.startswith(".")]
    if any(file.suffix.lower() in images.ENDINGS for place in inside for file in place.iterdir()):
        found = images.by_class(folder)
        said = f"a folder of {len(found.files):,} images in {len(found.classes)} classes: classification of images"
        data = {"set": "files", "path": str(folder), "split": "stratified"}
        return Kind("rows", said, data, Size(len(found.files), classes=len(found.classes)))
    found_texts = listed(folder)
    classes = sorted({label for _, label in found_texts})
    texts = [files.decode(file.read_bytes(), file) for file, _ in found_texts[:: max(1, len(found_texts) // 50)]]
    whole = Source(folder, MEMORY << 20).whole
    said = f"a folder of {len(found_texts):,} texts in {len(classes)} classes: classification"
    data = {"set": "files", "path": str(folder), "text": "text", "label": "label", "split": "stratified"}
    return Kind("text", said, data, size_of_texts(texts, len(found_texts), len(classes), whole))


def size_of_texts(texts: Sequence[str], count: int, classes: int, whole: bool = True) -> Size:
    """Return the size of `count` texts, of which some are given."""
    letters = [sign for sign in " ".join(texts)[: SAMPLED * 50] if sign.isalpha()]
    signs = sum(
        "\u3040" <= sign <= "\u30ff" or "\u3400" <= sign <= "\u9fff" or "\uac00" <= sign <= "\ud7a3" for sign in letters
    )
    by_sign = bool(letters) and signs / len(letters) > 0.3
    lengths = [len(text) if by_sign else len(text.split()) for text in texts]
    return Size(count, sum(lengths) / max(1, len(lengths)), characters=by_sign, classes=classes, whole=whole)


def _tagged(path: Path) -> Kind:
    from rekur.data import columns

    sentences = columns.read(path)
    tags = {tag for sentence in sentences for tag in sentence.tags}
    if len(tags) < 2:
        raise DataError(f"{path} has one tag only, `{tags.pop()}`; a tagger needs two or more.")
    said = f"{counted(len(sentences), 'sentence')} with a tag a word, {counted(len(tags), 'tag')}: tagging"
    steps = sum(len(sentence.words) for sentence in sentences) / len(sentences)
    return Kind("tag", said, {"set": "files", "train": str(path)}, Size(len(sentences), steps, classes=len(tags)))


def _running(path: Path) -> Kind:
    text = files.running_text(path)
    lines = [line for line in text.split("\n")[:200] if line.strip()]
    tabs = {line.count("\t") for line in lines}
    if len(lines) > 2 and len(tabs) == 1 and tabs != {0}:
        raise DataError(f"{path} looks like a table: every line has {tabs.pop()} tabs. Call it .tsv, names in line 1.")
    said = f"a running text of {len(text):,} characters: a language model, character by character"
    return Kind("generate", said, {"set": "files", "train": str(path)}, Size(len(text)))


def _parallel(source: Path, target: Path, given: Given) -> Kind:
    from rekur.data import parallel

    pairs = parallel.read(source, target)
    said = f"{counted(len(pairs), 'pair')} of sentences, line by line: translation from {source.name} to {target.name}"
    data = {
        "set": "files",
        "source": _language(source, "src"),
        "target": _language(target, "tgt"),
        "form": "raw",
        "train_source": str(source),
        "train_target": str(target),
    }
    steps = sum(len(text.split()) for text in pairs.source) / len(pairs)
    return _fitting(given, Kind("translate", said, data, Size(len(pairs), steps)))


def _language(path: Path, otherwise: str) -> str:
    """Return the language a file's ending names, as .de does."""
    ending = path.suffix.removeprefix(".").lower()
    return ending if len(ending) in (2, 3) and ending.isalpha() and ending != "txt" else otherwise
