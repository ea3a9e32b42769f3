"""What the chapters state of the full sets, on the full sets: needs REKUR_DATA."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

from rekur.data import datasets
from rekur.data.datasets import base, imdb, mnist, nsmc
from rekur.data.vocabulary import Vocabulary, keras_coding

pytestmark = pytest.mark.data
FULL = [(dataset, file) for dataset in datasets.DATASETS.values() for file in dataset.files if file.url]


@pytest.fixture(scope="module")
def reviews() -> pl.Series:
    return imdb.load("train").texts


@pytest.mark.parametrize(("dataset", "file"), FULL, ids=str)
def test_files_are_the_publishers(dataset: base.DataSet, file: base.File) -> None:
    base.verify(dataset, file.name, datasets.locate(dataset, file.name))


def test_imdb_counts() -> None:
    # The paper's: 25,000 and 25,000, half of each positive; 50,000 without a label.
    for part in ("train", "test"):
        labels = imdb.load(part).labels
        assert np.bincount(labels).tolist() == [12_500, 12_500]
    assert (imdb.load("unsup").labels == -1).sum() == 50_000


def test_mnist_counts() -> None:
    _, labels = mnist.load("train")
    assert np.bincount(labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


def test_nsmc_counts() -> None:
    train, test = nsmc.load("train"), nsmc.load("test")
    assert np.bincount(train.labels).tolist() == [75_173, 74_827]
    assert np.bincount(test.labels).tolist() == [24_827, 25_173]
    assert ((train.texts == "").sum(), (test.texts == "").sum()) == (5, 3)


@pytest.mark.parametrize("part", ["train", "test"])
def test_the_embedded_sample_is_the_stated_draw(part: str) -> None:
    whole = base.read(nsmc.SET, f"ratings_{part}.txt.xz").decode().splitlines(keepends=True)
    drawn = nsmc.draw(whole[1:], part)
    assert base.unpack(base.EMBEDDED / "nsmc" / f"sample_{part}.txt.xz").decode() == whole[0] + "".join(drawn)


def test_chapter_a_keeps_ten_thousand_words(reviews: pl.Series) -> None:
    assert len(Vocabulary.fit(reviews, "chapter_a", max_words=10_000, min_count=10)) == 10_002


def test_chapter_b_has_46159_words(reviews: pl.Series) -> None:
    assert len(Vocabulary.fit(reviews, "spaces", min_count=5)) == 46_159


def test_keras_ranks(reviews: pl.Series) -> None:
    coding = keras_coding(reviews)
    # The head of Keras's own imdb_word_index.json.
    head = "the and a of to is br in it i this that was as for with movie but film on"
    assert coding.words[:20] == tuple(head.split())
    assert [coding.rank(word) for word in ("movie", "film", "just", "story")] == [17, 19, 40, 62]


def test_text_to_batches_keeps_up_with_plain_python(tmp_path: Path) -> None:
    # On every fifth review, so that the test stays short; benchmarks/text_pipeline.py takes them all.
    pl.read_parquet(imdb.path("train")).gather_every(5).write_parquet(tmp_path / "some.parquet")
    benchmark = _benchmark()
    benchmark.check(tmp_path / "some.parquet")  # both ways give the same batches
    seconds = benchmark.measure(tmp_path / "some.parquet", rounds=3)
    # It wants both cores and plain Python one, so other work beside the tests slows it alone, up to twice.
    assert min(seconds["rekur"]) < 2 * min(seconds["plain Python"])


def _benchmark() -> ModuleType:
    source = Path(__file__).parents[2] / "benchmarks" / "text_pipeline.py"
    spec = importlib.util.spec_from_file_location("text_pipeline", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
