"""What publishers offer becomes the files rekur reads; hostile archives write nothing."""

import gzip
import hashlib
import io
import lzma
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rekur.data import datasets
from rekur.data.datasets import base, imdb, mnist, nsmc, publishers
from rekur.errors import DataError

REVIEWS = {
    "aclImdb/train/neg/1_3.txt": "dull<br />film",
    "aclImdb/train/neg/0_4.txt": "",
    "aclImdb/train/pos/0_10.txt": "café",
    "aclImdb/test/pos/7_7.txt": "fine",
    "aclImdb/test/neg/8_2.txt": "flat",
    "aclImdb/train/unsup/2_0.txt": "no label",
}
HOSTILE = {
    "../../evil.txt": "escape",
    "/etc/evil.txt": "escape",
    "aclImdb/train/neg/../../../evil_1.txt": "escape",
    "aclImdb/README": "not a review",
    "aclImdb/train/urls_neg.txt": "http://...",
}


def archive(path: Path, files: dict[str, str], link: bool = False) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
        if link:
            member = tarfile.TarInfo("aclImdb/train/neg/9_1.txt")
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(member)
    return path


def of_content(file: base.File, content: bytes, url: str, published: bytes) -> base.File:
    """The same file of another, small content."""
    return replace(
        file,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        url=url + file.url.rpartition("/")[2],
        published="sha256:" + hashlib.sha256(published).hexdigest(),
    )


def test_reviews_come_sorted_and_hostile_members_are_passed_over(tmp_path: Path) -> None:
    packed = archive(tmp_path / "a.tar.gz", HOSTILE | REVIEWS, link=True)
    parts = publishers.read_reviews(packed)
    assert [path.name for path in tmp_path.rglob("*")] == ["a.tar.gz"]
    assert not Path("/etc/evil.txt").exists()
    assert parts["train"].rows() == [
        ("train", 0, 4, 0, ""),
        ("train", 0, 3, 1, "dull<br />film"),
        ("train", 1, 10, 0, "café"),
    ]
    assert parts["test"].rows() == [("test", 0, 2, 8, "flat"), ("test", 1, 7, 7, "fine")]
    assert parts["unsup"].rows() == [("unsup", -1, 0, 2, "no label")]


@pytest.mark.parametrize("damage", ["cut", "text", "huge", "not utf-8"])
def test_a_damaged_archive_is_refused(tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = archive(tmp_path / "a.tar.gz", REVIEWS)
    if damage == "cut":
        packed.write_bytes(packed.read_bytes()[:200])
    elif damage == "text":
        packed.write_bytes(b"<html>Not found</html>")
    elif damage == "huge":
        monkeypatch.setattr(publishers, "LONGEST_REVIEW", 5)
    else:
        with tarfile.open(packed, "w:gz") as tar:
            member = tarfile.TarInfo("aclImdb/test/neg/0_1.txt")
            member.size = 2
            tar.addfile(member, io.BytesIO(b"\xff\xfe"))
    with pytest.raises(DataError, match=r"a\.tar\.gz is damaged: .*Delete it"):
        publishers.read_reviews(packed)


@pytest.fixture
def small_imdb(publisher: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> base.DataSet:
    """IMDB as a publisher with six reviews would have it."""
    packed = archive(tmp_path / "a.tar.gz", REVIEWS | HOSTILE).read_bytes()
    publisher.files["aclImdb_v1.tar.gz"] = packed
    texts = {"train": b"\ndull<br />film\n" + "café".encode(), "test": b"flat\nfine", "unsup": b"no label"}
    files = tuple(of_content(file, texts[file.name[5:-8]], publisher.url, packed) for file in imdb.SET.files)
    small = replace(imdb.SET, files=files)
    monkeypatch.setattr(imdb, "SET", small)
    return small


@pytest.mark.usefixtures("small_imdb")
def test_imdb_is_fetched_once_and_converted(publisher: Any, new_machine: Path) -> None:
    train, test, unlabelled = imdb.load("train"), imdb.load("test"), imdb.load("unsup")
    assert train.texts.to_list() == ["", "dull<br />film", "café"]
    assert train.labels.tolist() == [0, 0, 1]
    assert test.texts.to_list() == ["flat", "fine"]
    assert unlabelled.labels.tolist() == [-1]
    assert len(publisher.asked) == 1
    assert sorted(path.name for path in (new_machine / "imdb").iterdir()) == [
        "imdb_test.parquet",
        "imdb_train.parquet",
        "imdb_unsup.parquet",
    ]
    assert pl.read_parquet(imdb.path("train")).columns == ["split", "label", "rating", "id", "text"]


@pytest.mark.usefixtures("small_imdb")
def test_an_archive_brought_by_hand_needs_no_network(publisher: Any, new_machine: Path) -> None:
    (new_machine / "imdb").mkdir(parents=True)
    (new_machine / "imdb" / "aclImdb_v1.tar.gz").write_bytes(publisher.files.pop("aclImdb_v1.tar.gz"))
    assert len(imdb.load("train")) == 3
    assert publisher.asked == []


@pytest.mark.usefixtures("small_imdb")
def test_without_a_network_the_error_says_where_to_put_what(publisher: Any, new_machine: Path) -> None:
    publisher.files.clear()
    publisher.errors = [503] * 9
    with pytest.raises(DataError) as caught:
        imdb.load("test")
    message = str(caught.value)
    assert f"{publisher.url}aclImdb_v1.tar.gz cannot be fetched: the server answered 503" in message
    assert f"put it at {new_machine}/imdb/aclImdb_v1.tar.gz" in message
    assert "imdb/imdb_test.parquet with --data or REKUR_DATA" in message


@pytest.mark.usefixtures("new_machine")
def test_an_archive_of_other_reviews_is_not_taken(small_imdb: base.DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    files = tuple(replace(file, sha256="0" * 64) for file in small_imdb.files)
    monkeypatch.setattr(imdb, "SET", replace(small_imdb, files=files))
    with pytest.raises(DataError, match=r"imdb_train\.parquet is damaged: expected sha256 0000"):
        imdb.load("train")


def test_nsmc_is_packed(publisher: Any, new_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = 'id\tdocument\tlabel\n1\t좋다\t1\n2\t"""싫다"", 끝"\t0\n3\t\t0\n'.encode()
    publisher.files["ratings_test.txt"] = content
    files = (of_content(nsmc.SET.file("ratings_test.txt.xz"), content, publisher.url, content),)
    monkeypatch.setattr(nsmc, "SET", replace(nsmc.SET, files=files))
    found = nsmc.load("test")
    assert found.texts.to_list() == ["좋다", '"싫다", 끝', ""]
    assert found.labels.tolist() == [1, 0, 0]
    assert [path.name for path in (new_machine / "nsmc").iterdir()] == ["ratings_test.txt.xz"]
    assert lzma.decompress((new_machine / "nsmc" / "ratings_test.txt.xz").read_bytes()) == content


def test_mnist_is_kept_as_it_comes(publisher: Any, new_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = {"images-idx3": bytes.fromhex("00000803 00000002 00000001 00000003") + bytes(range(6))}
    raw["labels-idx1"] = bytes.fromhex("00000801 00000002") + bytes([9, 0])
    files = []
    for kind, content in raw.items():
        name = f"t10k-{kind}-ubyte.gz"
        publisher.files[name] = gzip.compress(content)
        files.append(of_content(mnist.SET.file(name), content, publisher.url, publisher.files[name]))
    monkeypatch.setattr(mnist, "SET", replace(mnist.SET, files=tuple(files)))
    images, labels = mnist.load("test")
    assert images.tolist() == [[[0, 1, 2]], [[3, 4, 5]]]
    assert labels.tolist() == [9, 0]
    assert len(list((new_machine / "mnist").iterdir())) == 2


def test_addresses_are_the_publishers_own() -> None:
    hosts = {file.url.split("/")[2] for dataset in datasets.DATASETS.values() for file in dataset.files if file.url}
    assert hosts == {"ai.stanford.edu", "raw.githubusercontent.com", "ossci-datasets.s3.amazonaws.com"}
