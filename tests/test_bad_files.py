"""Files of every form that cannot be learned from or predicted: one message each, of file, line and cure."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from finished_runs import finished
from rekur.cli import main

ROWS = [
    f"{n},this film was {'great' if n % 2 else 'dull'} fun number {n},{'good' if n % 2 else 'bad'}" for n in range(40)
]
HEAD = "id,review,sentiment"
TABLE = "\n".join([HEAD, *ROWS]) + "\n"
OBJECTS = [json.dumps(dict(zip(HEAD.split(","), row.split(","), strict=True))) for row in ROWS]
PDF, XLS = b"%PDF-1.4\n%\xe2\xe3\n", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99)


def archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as workbook:
        workbook.writestr("xl/workbook.xml", "<a/>")
    return content.getvalue()


def parquet(frame: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.write_parquet(content)
    return content.getvalue()


def changed(line: int, new: str, table: str = TABLE) -> str:
    """Return the table with another line, counted from 1."""
    lines = table.split("\n")
    lines[line - 1] = new
    return "\n".join(lines)


def column(place: int, value: str) -> str:
    """Return the table with one value in all rows of a column."""
    rows = [row.split(",") for row in ROWS]
    return "\n".join([HEAD, *(",".join([*row[:place], value, *row[place + 1 :]]) for row in rows)])


def npy(array: object, **options: bool) -> bytes:
    content = io.BytesIO()
    np.save(content, array, **options)  # type: ignore[arg-type]
    return content.getvalue()


UNREADABLE: dict[str, tuple[str, str | bytes, tuple[str, ...]]] = {  # by fit and by predict alike
    "a field too many": ("a.csv", changed(6, ROWS[4] + ",x"), ("a.csv, line 6 has 4 fields", "3 columns")),
    "a field too few": ("a.csv", changed(6, "5,x"), ("a.csv, line 6 has 2 fields", "3 columns")),
    "a field too many between tabs": ("a.tsv", "a\tb\n1\t2\t3\n", ("a.tsv, line 2 has 3 fields", "2 columns")),
    "a quotation left open": ("a.csv", changed(6, '5,"this,good'), ("a.csv, line 6", "quotation mark left open")),
    "two columns of a name": ("a.csv", changed(1, "id,text,text"), ("twice: `text`",)),
    "a web page": ("a.csv", "<!DOCTYPE html>\n<p>Not found, sorry</p>\n", ("a.csv, line 2 has 2 fields", "1 column.")),
    "empty": ("a.csv", "", ("a.csv is empty",)),
    "blank lines": ("a.csv", "\n\n", ("a.csv is empty",)),
    "names alone": ("a.csv", HEAD, ("a.csv has no rows",)),
    "UTF-16": ("a.csv", TABLE.encode("utf-16"), ("a.csv is UTF-16", "Save it as UTF-8")),
    "UTF-16, little end first, no mark": ("a.csv", TABLE.encode("utf-16-le"), ("a.csv is UTF-16",)),
    "UTF-16, big end first, no mark": ("a.tsv", TABLE.encode("utf-16-be"), ("a.tsv is UTF-16",)),
    "UTF-16 in a text": ("a.txt", ("a story. " * 9).encode("utf-16-le"), ("a.txt is UTF-16",)),
    "UTF-32": ("a.csv", TABLE.encode("utf-32"), ("a.csv is UTF-32",)),
    "Latin-1": ("a.csv", changed(6, "5,café au lait,good").encode("latin-1"), ("not UTF-8: byte 0xe9 in line 6",)),
    "Latin-1 in JSON": ("a.jsonl", '{"é": 1}'.encode("latin-1"), ("not UTF-8: byte 0xe9 in line 1",)),
    "a zero byte": ("a.csv", changed(6, "5,a\0b,good"), ("a.csv, line 6 holds a zero byte",)),
    "a zero byte far behind": ("a.csv", TABLE + "x" * 5000 + "\0", ("a.csv, line 42 holds a zero byte",)),
    "a workbook": ("a.csv", archive(), ("a.csv is an Excel workbook", "CSV UTF-8")),
    "an old workbook": ("a.tsv", XLS, ("a.tsv is an old Excel workbook",)),
    "a workbook called JSON": ("a.jsonl", archive(), ("a.jsonl is an Excel workbook",)),
    "a PDF": ("a.txt", PDF, ("a.txt is a PDF",)),
    "Parquet called CSV": ("a.csv", parquet(pl.DataFrame({"a": [1]})), ("is a Parquet file", "Call it .parquet")),
    "gzip called CSV": ("a.csv", gzip.compress(TABLE.encode()), ("compressed with gzip", "Call it .csv.gz")),
    "no gzip": ("a.csv.gz", TABLE, ("no whole gzip file", "leave .gz out")),
    "half a gzip": ("a.jsonl.gz", gzip.compress(TABLE.encode())[:-20], ("no whole gzip file",)),
    "nothing in a gzip": ("a.csv.gz", gzip.compress(b""), ("a.csv.gz is empty",)),
    "a ragged gzip": ("a.csv.gz", gzip.compress(b"a,b\n1,2,3\n"), ("a.csv.gz, line 2 has 3 fields",)),
    "half a Parquet": ("a.parquet", parquet(pl.read_csv(TABLE.encode()))[:-30], ("no whole .parquet file",)),
    "no Parquet": ("a.parquet", TABLE, ("no whole .parquet file",)),
    "Parquet without rows": ("a.parquet", parquet(pl.DataFrame({"a": []})), ("a.parquet has no rows",)),
    "lists in Parquet": ("a.parquet", parquet(pl.DataFrame({"review": [["a"]] * 9})), ("`review`", "List(String)")),
    "a broken line": ("a.jsonl", "\n".join([*OBJECTS[:4], '{"id": ']), ("a.jsonl, line 5 is not JSON", "at character")),
    "objects within": ("a.jsonl", '{"review": {"a": "b"}}\n' * 9, ("`review`", "Struct")),
    "an array": ("a.jsonl", "[\n{}\n]", ("a.jsonl, line 1 is not JSON", "one array over all lines")),
    "numbers": ("a.jsonl", "1\n2\n", ("a.jsonl, line 1 is no JSON object", "got `1`")),
    "brackets without end": ("a.jsonl", '{"a":' + "[" * 99_999, ("a.jsonl, line 1 is not JSON",)),
    "JSON of another name": ("a.json", "[]", ("got `.json`", "call it .jsonl")),
    "a workbook of its own name": ("a.xlsx", archive(), ("got `.xlsx`", "CSV UTF-8")),
    "no ending": ("a", TABLE, ("got `no ending`",)),
}
UNLEARNABLE: dict[str, tuple[str, str | bytes, tuple[str, ...]]] = {  # they can be predicted, and nothing learned
    "one row": ("a.csv", f"{HEAD}\n{ROWS[0]}\n", ("a.csv has 1 row;",)),
    "one class": ("a.csv", column(2, "good"), ("`sentiment` has 1 value only, `good`",)),
    "no label": ("a.csv", column(2, ""), ("`sentiment` has no value in any row",)),
    "no text": ("a.csv", column(1, ""), ("`review` has no value in any row",)),
    "another separator": ("a.csv", TABLE.replace(",", "^"), ("has 1 column, `id^review^sentiment`", "semicolons")),
    "decimal commas": (
        "a.csv",
        "ds;y\n" + "".join(f"2024-01-{d:02};3,{d}\n" for d in range(1, 29)),
        ("`y` holds `3,1`",),
    ),
    "numbers and words": (
        "a.csv",
        "ds,y\n" + "".join(f"2024-01-{d:02},{f'x{d}' if d % 2 else d}\n" for d in range(1, 29)),
        ("`y` is one of numbers and words", "the first is `x1`"),
    ),
    "one tag": ("a.bio", "Ann O\ngoes O\n\n" * 9, ("a.bio has one tag only, `O`",)),
    "one sentence": ("a.bio", "Ann B-PER\ngoes O\n", ("a.bio: 1 sentence is too few",)),
    "a column too many": ("a.bio", "Ann B-PER\ngoes O O\n", ("a.bio, line 2 has 3 columns",)),
    "nine columns of ten": ("a.conllu", "1\tthe\t_\tDET\t_\t_\t0\t_\t_\n", ("a.conllu, line 1 has 9 columns",)),
    "a zero byte in a tagged file": ("a.bio", "A\0nn B-PER\ngoes O\n\n" * 9, ("a.bio, line 1 holds a zero byte",)),
    "an array without labels": ("a.npy", npy(np.zeros((4, 12))), ("a.npy",)),
}


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Run a command in an empty folder: exit code 2, one message of all these words, nothing left behind."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)

    def check(argv: list[object], words: tuple[str, ...]) -> None:
        capsys.readouterr()
        assert main([str(word) for word in argv]) == 2
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert "unexpected Error" not in said
        for word in words:
            assert word in said
        assert list(empty.iterdir()) == []

    return check


def written(place: Path, content: str | bytes) -> Path:
    place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return place


@pytest.mark.parametrize("case", [*UNREADABLE, *UNLEARNABLE])
def test_fit_and_its_plan_refuse_a_file_alike(refused: Callable[..., None], tmp_path: Path, case: str) -> None:
    name, content, words = {**UNREADABLE, **UNLEARNABLE}[case]
    file = written(tmp_path / name, content)
    for beside in ([], ["--dry-run"]):
        refused(["fit", file, "--quiet", "--threads", "1", *beside], words)


NESTED = ("lists in Parquet", "objects within")  # of a column that this model would not read


@pytest.mark.parametrize("case", [case for case in UNREADABLE if case not in NESTED])
def test_predict_refuses_it_too(refused: Callable[..., None], tmp_path: Path, case: str) -> None:
    name, content, words = UNREADABLE[case]
    refused(["predict", finished("nsmc-sample"), written(tmp_path / name, content)], words)


def test_predict_takes_no_other_column_because_it_is_the_only_one(refused: Callable[..., None], tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", TABLE.replace(",", "^"))
    for out in ([], ["--out", "p.csv"]):
        refused(["predict", finished("nsmc-sample"), file, *out], ("no column `", "id^review^sentiment"))


def test_predict_takes_no_folder_for_a_text(refused: Callable[..., None], tmp_path: Path) -> None:
    refused(["predict", finished("nsmc-sample"), tmp_path], ("is a folder",))


ARRAYS = {
    "pickled objects": (npy(np.array([{"a": 1}]), allow_pickle=True), "Python objects"),
    "a text": (b"hello", "no .npy file"),
    "half of it": (npy(np.zeros((4, 8, 8)))[:-50], "no .npy file"),
    "a shape of terabytes": (
        npy(np.zeros((4, 8, 8))).replace(b"(4, 8, 8), }         ", b"(4444444444, 8, 8), }"),
        "no .npy",
    ),
    "a shape without end": (npy(np.zeros((4, 8, 8))).replace(b"8), }", b"8, (  "), "no .npy file"),
    "several arrays": (archive(), "archive of several"),
    "complex numbers": (npy(np.zeros((4, 8, 8), complex)), "real numbers; got complex128"),
    "words": (npy(np.array(["a", "b"])), "real numbers"),
}


@pytest.mark.parametrize("case", ARRAYS)
@pytest.mark.parametrize("out", [(), ("--out", "p.csv")])
def test_no_array_of_anything_but_numbers_is_predicted(
    refused: Callable[..., None], tmp_path: Path, case: str, out: tuple[str, ...]
) -> None:
    content, word = ARRAYS[case]
    refused(["predict", finished("digits-rows"), written(tmp_path / "a.npy", content), *out], ("a.npy", word))


def folder(place: Path, *parts: str) -> Path:
    """Write texts of two classes."""
    for number in range(12):
        file = place.joinpath(*parts, ("good", "bad")[number % 2], f"{number}.txt")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(ROWS[number].split(",")[1])
    return place


def pictures(place: Path) -> Path:
    for number in range(12):
        file = place / ("good", "bad")[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 20 * number).save(file)
    return place


FOLDERS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "nothing": (lambda at: at.mkdir(), ("a folder for each class", "got 0")),
    "one class": (lambda at: (folder(at) / "bad").rename(at.parent / "bad"), ("two or more", "got 1")),
    "a class without texts": (lambda at: (folder(at) / "meh").mkdir(), ("`meh` holds no text",)),
    "parts above the classes": (lambda at: folder(folder(at, "test"), "train"), ("do you mean", "train?")),
    "a text in Latin-1": (lambda at: (folder(at) / "good/1.txt").write_bytes(b"caf\xe9"), ("1.txt is not UTF-8",)),
    "half a picture": (lambda at: (pictures(at) / "good/0.png").write_bytes(b"\x89PNG"), ("0.png is no image",)),
    "a picture of no bytes": (lambda at: (pictures(at) / "good/0.png").write_bytes(b""), ("0.png is no image",)),
    "pictures of no class": (lambda at: pictures(at.parent / "x").joinpath("good").rename(at), ("got 0",)),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_that_holds_no_classes(refused: Callable[..., None], tmp_path: Path, case: str) -> None:
    make, words = FOLDERS[case]
    make(tmp_path / "f")
    refused(["fit", tmp_path / "f", "--quiet", "--threads", "1"], words)


def test_parallel_texts_of_unequal_length(refused: Callable[..., None], tmp_path: Path) -> None:
    sides = [written(tmp_path / "a.de", "ein Hund\n" * 3), written(tmp_path / "a.en", "a dog\n")]
    refused(["fit", *sides], ("a.en has 1 line and", "line 2 of", "has no partner"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(refused: Callable[..., None], tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", TABLE)
    file.chmod(0)
    refused(["fit", file], ("cannot be read: Permission denied",))


READ = {
    "a mark before the first name": "\ufeff" + TABLE,
    "line ends of three systems": TABLE.replace("\n", "\r\n", 9),
    "line ends of old Macintoshes": TABLE.replace("\n", "\r"),
    "semicolons": TABLE.replace(",", ";"),
    "a quotation mark within": changed(6, '4,this was a 5" floppy film fun,bad'),
    "rows that are numbered": changed(1, ",review,sentiment"),
    "a very long line": changed(6, f"4,{'word ' * 200_000},bad"),
}


@pytest.mark.parametrize("case", READ)
def test_what_only_looks_damaged_is_read(tmp_path: Path, case: str) -> None:
    file = written(tmp_path / "이름 with blanks.csv", READ[case])
    link = tmp_path / "link.csv"
    link.symlink_to(file)
    from rekur.fitting import work

    fitting = work.prepare([link])
    assert fitting.config.recipe.task == "text"
    assert fitting.kind.data["text"] == "review"
    assert fitting.kind.size.examples == len(ROWS)


def test_hidden_files_are_no_examples(tmp_path: Path) -> None:
    from rekur.data import images, sources

    texts, images_of = folder(tmp_path / "t"), pictures(tmp_path / "p")
    for place, name in ((texts, ".note.txt"), (images_of, "._0.png")):
        (place / "good" / name).write_bytes(b"\xff")
        (place / ".cache").mkdir()
    assert len(sources.listed(texts)) == 12
    assert len(images.by_class(images_of).files) == 12
