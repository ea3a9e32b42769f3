"""What is embedded reads as stated; sets are found in the promised order; damage is named."""

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rekur.data import datasets
from rekur.data.datasets import base, digits, imdb, kospi, mnist, names, nsmc, shakespeare
from rekur.errors import DataError

EMBEDDED = [
    (dataset, file)
    for dataset in datasets.DATASETS.values()
    for file in dataset.files
    if not (file.url or file.by_hand)
]


@pytest.mark.parametrize("dataset", datasets.DATASETS.values(), ids=str)
def test_every_set_states_what_it_is(dataset: base.DataSet) -> None:
    assert all((dataset.title, dataset.licence, dataset.source, dataset.citation))
    assert datasets.named(dataset.name) is dataset


@pytest.mark.usefixtures("new_machine")
@pytest.mark.parametrize(("dataset", "file"), EMBEDDED, ids=str)
def test_embedded_files_are_whole_and_small(dataset: base.DataSet, file: base.File) -> None:
    path = datasets.locate(dataset, file.name)
    base.verify(dataset, file.name, path)
    assert path.is_relative_to(base.EMBEDDED)
    assert path.stat().st_size < 1_000_000
    assert len(base.read(dataset, file.name)) == file.bytes


@pytest.mark.usefixtures("new_machine")
def test_only_what_the_notice_lists_is_embedded() -> None:
    stated = {f"{dataset.name}/{file.name}" for dataset, file in EMBEDDED}
    shipped = {path.relative_to(base.EMBEDDED).as_posix() for path in base.EMBEDDED.rglob("*") if path.is_file()}
    notice = (Path(__file__).parents[2] / "NOTICE").read_text()
    assert shipped == stated
    assert all(name in notice for name in stated)


@pytest.mark.usefixtures("new_machine")
def test_kospi_is_the_window_of_the_chapter() -> None:
    frame = kospi.load()
    assert frame.shape == (431, 7)
    assert frame["Date"].is_sorted()
    assert frame["Date"][0].isoformat() == "2019-01-30"
    assert frame["Close"][0] == 2206.199951
    assert frame.null_count().sum_horizontal().item() == 0


@pytest.mark.usefixtures("new_machine")
@pytest.mark.parametrize(("part", "count"), [("train", 10_000), ("test", 2_000)])
def test_the_nsmc_sample(part: str, count: int) -> None:
    sample = nsmc.load(part, sample=True)
    assert len(sample) == count == len(sample.labels)
    assert set(sample.labels.tolist()) == {0, 1}
    assert abs(sample.labels.mean() - 0.5) < 0.03
    assert sample.texts.str.contains(r"\p{Hangul}").mean() > 0.9
    assert not sample.texts.str.contains('""').any()


@pytest.mark.usefixtures("new_machine")
def test_shakespeare() -> None:
    text = shakespeare.load()
    assert len(text) == 1_115_394
    assert len(set(text)) == 65
    assert text.startswith("First Citizen:")


@pytest.mark.usefixtures("new_machine")
def test_names_are_those_of_the_publisher_each_once_in_its_language() -> None:
    found = names.load()
    assert base.read(names.SET, "names.txt.xz").count(b"\n") == 20_050
    assert len(found.languages) == 18
    pairs = set(zip(found.names, found.labels.tolist(), strict=True))
    assert len(pairs) == len(found.names) == 18_012
    assert all(name == name.strip() != "" for name in found.names)
    assert np.bincount(found.labels)[found.languages.index("Russian")] == 9_340
    assert ("Bang", found.languages.index("Korean")) in pairs


def test_digits_have_two_parts_that_share_no_image() -> None:
    train, labels = digits.load("train", seed=1)
    test, _ = digits.load("test", seed=1)
    assert (train.shape, test.shape) == ((1438, 8, 8), (359, 8, 8))
    assert train.max() == 16
    assert labels.dtype == np.int64
    seen = {image.tobytes() for image in train}
    assert sum(image.tobytes() in seen for image in test) == 0
    assert not np.array_equal(digits.load("test", seed=2)[0], test)


def put(folder: Path, text: str) -> Path:
    (folder / "kospi").mkdir(parents=True)
    (folder / "kospi" / "kospi.csv").write_text(text)
    return folder


def test_the_order_of_look_up(new_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(data_dir: Path | None = None) -> Path:
        return datasets.locate(kospi.SET, "kospi.csv", data_dir).parents[1]

    assert found() == base.EMBEDDED
    cache = put(new_machine, "")
    assert found() == cache == datasets.cache_folder()
    named = put(tmp_path / "named", "")
    monkeypatch.setenv("REKUR_DATA", str(named))
    assert found() == named
    given = put(tmp_path / "given", "")
    assert found(given) == given
    (given / "kospi" / "kospi.csv").unlink()
    assert found(given) == cache  # --data takes the place of REKUR_DATA


def test_a_folder_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"--data names .*nowhere, which is no folder"):
        kospi.load(tmp_path / "nowhere")
    monkeypatch.setenv("REKUR_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="REKUR_DATA names"):
        kospi.load()


@pytest.mark.usefixtures("new_machine")
def test_what_is_to_fetch(tmp_path: Path) -> None:
    assert datasets.to_fetch(kospi.SET) == datasets.to_fetch(digits.SET) == 0
    assert datasets.to_fetch(imdb.SET) == 84_125_825  # one archive for all three parts
    assert datasets.to_fetch(mnist.SET) == 9_912_422 + 28_881 + 1_648_877 + 4_542
    here = damaged_copy(tmp_path, mnist.SET, "train-images-idx3-ubyte.gz", b"")
    assert datasets.to_fetch(mnist.SET, here) == 28_881 + 1_648_877 + 4_542


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(DataError, match="Did you mean `imdb`"):
        datasets.named("imbd")
    with pytest.raises(DataError, match=r"Did you mean `kospi\.csv`"):
        kospi.SET.file("kospi.cvs")


def test_a_file_without_a_publisher_says_where_to_put_it(new_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "EMBEDDED", new_machine)
    with pytest.raises(DataError, match=rf"Put it at {new_machine}/kospi/kospi\.csv"):
        kospi.load()


def damaged_copy(folder: Path, dataset: base.DataSet, name: str, content: bytes) -> Path:
    (folder / dataset.name).mkdir(parents=True, exist_ok=True)
    (folder / dataset.name / name).write_bytes(content)
    return folder


EMBEDDED_SHAKESPEARE = (base.EMBEDDED / "tinyshakespeare" / "input.txt.gz").read_bytes()
EMBEDDED_SAMPLE = (base.EMBEDDED / "nsmc" / "sample_test.txt.xz").read_bytes()


@pytest.mark.parametrize(
    "content",
    [b"", b"not gz", EMBEDDED_SHAKESPEARE[:-9], EMBEDDED_SHAKESPEARE[:5000], gzip.compress(b"short")],
    ids=["empty", "text", "cut at the end", "cut", "another text"],
)
def test_a_damaged_gz(tmp_path: Path, content: bytes) -> None:
    folder = damaged_copy(tmp_path, shakespeare.SET, "input.txt.gz", content)
    with pytest.raises(DataError, match=r"input\.txt\.gz is damaged: expected .* got .*rekur data get tinyshakespeare"):
        shakespeare.load(folder)


def test_a_flipped_byte(tmp_path: Path) -> None:
    flipped = bytearray(EMBEDDED_SAMPLE)
    flipped[len(flipped) // 2] ^= 1
    folder = damaged_copy(tmp_path, nsmc.SET, "sample_test.txt.xz", bytes(flipped))
    with pytest.raises(DataError, match="is damaged"):
        nsmc.load("test", folder, sample=True)


def test_content_of_the_right_size_that_was_changed(tmp_path: Path) -> None:
    content = (base.EMBEDDED / "kospi" / "kospi.csv").read_bytes().replace(b"2206.199951", b"2206.199952")
    folder = damaged_copy(tmp_path, kospi.SET, "kospi.csv", content)
    sums = f"expected sha256 {kospi.SET.files[0].sha256} of its content; got {hashlib.sha256(content).hexdigest()}"
    with pytest.raises(DataError, match=rf"kospi\.csv is damaged: {sums}.*rekur data get kospi"):
        kospi.load(folder)


@pytest.mark.parametrize("content", [b"PAR1", b""], ids=["cut", "empty"])
def test_a_damaged_parquet(tmp_path: Path, content: bytes) -> None:
    folder = damaged_copy(tmp_path, imdb.SET, "imdb_train.parquet", content)
    with pytest.raises(DataError, match=r"imdb_train\.parquet is damaged"):
        imdb.load("train", folder)


def test_a_parquet_of_other_texts(tmp_path: Path) -> None:
    folder = damaged_copy(tmp_path, imdb.SET, "imdb_test.parquet", b"")
    pl.DataFrame({"label": [0, 1], "text": ["a", "b"]}).write_parquet(folder / "imdb" / "imdb_test.parquet")
    with pytest.raises(DataError, match="expected 32,375,684 bytes of content; got 3"):
        imdb.load("test", folder)


@pytest.mark.parametrize(
    ("texts", "labels", "words"),
    [
        (["a", "b"], [0, 1], None),
        (["a", "c"], [0, 1], "sha256"),
        (["a", "b"], [1, 0], "negative"),
        (["a", "b"], [0, None], "negative"),
    ],
)
def test_reviews_are_known_by_their_texts_and_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: list[str], labels: list[int | None], words: str | None
) -> None:
    small = base.File("imdb_test.parquet", 3, hashlib.sha256(b"a\nb").hexdigest())
    monkeypatch.setattr(imdb, "SET", replace(imdb.SET, files=(small,)))
    folder = damaged_copy(tmp_path, imdb.SET, "imdb_test.parquet", b"")
    frame = pl.DataFrame({"label": labels, "text": texts})
    frame.write_parquet(folder / "imdb" / "imdb_test.parquet", compression="gzip")  # any writer, any packing
    if words is None:
        assert imdb.load("test", folder).labels.tolist() == labels
    else:
        with pytest.raises(DataError, match=words):
            imdb.load("test", folder)


def idx(shape: tuple[int, ...], value: int) -> bytes:
    header = (0x0800 + len(shape)).to_bytes(4, "big") + b"".join(n.to_bytes(4, "big") for n in shape)
    return header + bytes([value]) * int(np.prod(shape))


def small_digits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let MNIST's test part be two small images, each the digit 7."""
    files = {"t10k-images-idx3-ubyte.gz": idx((2, 3, 4), 9), "t10k-labels-idx1-ubyte.gz": idx((2,), 7)}
    stated = tuple(base.File(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items())
    monkeypatch.setattr(mnist, "SET", replace(mnist.SET, files=stated))
    for name, data in files.items():
        damaged_copy(folder, mnist.SET, name, gzip.compress(data))
    return folder


def test_digits_are_read_and_arrays_may_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch warns of arrays it may not write to, and warnings are errors here."""
    images, labels = mnist.load("test", small_digits(tmp_path, monkeypatch))
    assert (images.shape, images.flags.writeable, set(images.flat)) == ((2, 3, 4), True, {9})
    assert (labels.tolist(), labels.dtype, labels.flags.writeable) == ([7, 7], np.int64, True)
    assert nsmc.load("test", sample=True).labels.flags.writeable


@pytest.mark.parametrize(
    "images",
    [b"\x1f\x8b\x08 cut", gzip.compress(idx((2, 3, 4), 8)), gzip.compress(b"short")],
    ids=[
        "cut",
        "sizes that do not fit",
        "short",
    ],  # packed bytes hold the time; all processes must agree
)
def test_damaged_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: bytes) -> None:
    folder = damaged_copy(small_digits(tmp_path, monkeypatch), mnist.SET, "t10k-images-idx3-ubyte.gz", images)
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz is damaged: expected"):
        mnist.load("test", folder)
