"""Parallel files: every fault is one error that names file and line."""

from pathlib import Path

import pytest

from rekur.data import parallel
from rekur.data.datasets import pairs
from rekur.errors import DataError


def files(folder: Path, source: str | bytes, target: str | bytes) -> tuple[Path, Path]:
    paths = folder / "a.de", folder / "a.en"
    for path, content in zip(paths, (source, target), strict=True):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return paths


def test_line_n_of_one_file_belongs_to_line_n_of_the_other(tmp_path: Path) -> None:
    found = parallel.read(*files(tmp_path, "ein Hund\neine Katze\n", "a dog\r\na cat"))
    assert found.source == ["ein Hund", "eine Katze"]
    assert found.target == ["a dog", "a cat"]
    assert found.kept([False, True]).target == ["a cat"]


def test_a_separator_inside_a_line_is_no_new_line(tmp_path: Path) -> None:
    assert len(parallel.read(*files(tmp_path, "ein\u2028Hund\n", "a\x0bdog\n"))) == 1


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("a\nb\nc\n", "a\nb\n", r"a\.en has 2 lines and .*a\.de has 3: line 3 of .*a\.de has no partner"),
        ("a\n", "a\nb\nc\n", r"a\.de has 1 line and .*a\.en has 3: line 2 of .*a\.en has no partner"),
        ("a\n\nc\n", "a\nb\nc\n", r"a\.de, line 2: there is no word"),
        ("a\nb\n", "a\n \t\n", r"a\.en, line 2: there is no word"),
        ("a\nb\n\n", "a\nb\n", r"a\.en has 2 lines and .*a\.de has 3: line 3 of"),
        ("", "a\n", r"a\.de is empty"),
        (b"gut\nsch\xf6n\n", "good\nfine\n", r"a\.de is not UTF-8: byte 0xf6 in line 2"),
        ("a\n".encode("utf-16"), "a\n", r"a\.de is UTF-16"),
    ],
)
def test_a_fault_names_the_file_and_the_line(tmp_path: Path, source: str, target: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        parallel.read(*files(tmp_path, source, target))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere cannot be read: No such file"):
        parallel.read(tmp_path / "nowhere", tmp_path / "nowhere")


def test_the_first_sentence_that_is_too_long() -> None:
    assert parallel.too_long([["a"], ["a"] * 4, ["a"] * 5], 3) == 1
    assert parallel.too_long([["a"] * 3], 3) is None


def test_the_invented_pairs_have_three_parts_that_share_none() -> None:
    parts = {part: pairs.load(part) for part in parallel.PARTS}
    assert {part: len(found) for part, found in parts.items()} == {"train": 60, "validation": 10, "test": 10}
    assert len({sentence for found in parts.values() for sentence in found.source}) == 80
    assert pairs.load("test", "en", "de").source == parts["test"].target
    assert pairs.load("test", form="tokenised").target[0].endswith(" .")
