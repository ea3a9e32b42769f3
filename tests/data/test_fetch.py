"""Downloads survive what networks, servers and disks do."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from rekur.data import fetch
from rekur.errors import DataError, RekurError
from rekur.storage import write_whole

CONTENT = os.urandom(300_000)
HASH = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def target(new_machine: Path, publisher: Any) -> Path:
    publisher.files["file.bin"] = CONTENT
    return new_machine / "set" / "file.bin"


def download(publisher: Any, target: Path, known_hash: str = HASH) -> Path:
    return fetch.download(publisher.url + "file.bin", target, known_hash, "Put it there yourself.")


def assert_arrived(target: Path) -> None:
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.parametrize("length", [True, False], ids=["length known", "length unknown"])
def test_a_file_arrives(publisher: Any, target: Path, length: bool) -> None:
    publisher.length = length
    assert download(publisher, target) == target
    assert_arrived(target)
    assert publisher.asked == [None]


def test_a_file_that_is_there_is_not_asked_for(publisher: Any, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT)
    download(publisher, target)
    assert publisher.asked == []


def test_a_cut_connection_asks_only_for_the_rest(publisher: Any, target: Path) -> None:
    publisher.cuts = [0.5, 0.5]
    download(publisher, target)
    assert_arrived(target)
    assert publisher.asked == [None, "bytes=150000-", "bytes=225000-"]


def test_a_later_call_goes_on_where_the_first_stopped(publisher: Any, target: Path) -> None:
    publisher.cuts = [0.4] + [0.0] * fetch.PATIENCE
    with pytest.raises(DataError, match=r"connection was cut\. Put it there yourself"):
        download(publisher, target)
    assert not target.exists()
    publisher.asked.clear()
    download(publisher, target)
    assert_arrived(target)
    assert publisher.asked == ["bytes=120000-"]


def test_a_server_without_ranges_sends_all_again(publisher: Any, target: Path) -> None:
    publisher.ranges, publisher.cuts = False, [0.5]
    download(publisher, target)
    assert_arrived(target)


def test_a_part_that_is_already_whole_is_taken(publisher: Any, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.with_name("file.bin.part").write_bytes(CONTENT)
    download(publisher, target)
    assert_arrived(target)
    assert publisher.asked == [f"bytes={len(CONTENT)}-"]


def test_a_part_of_a_longer_file_is_dropped(publisher: Any, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.with_name("file.bin.part").write_bytes(CONTENT + b"more")
    download(publisher, target)
    assert_arrived(target)


def test_a_wrong_file_is_refused_and_deleted(publisher: Any, target: Path) -> None:
    with pytest.raises(DataError, match=r"not the file it should be.*sha256:00.*Put it there yourself"):
        download(publisher, target, "sha256:00")
    assert list(target.parent.iterdir()) == []


def test_a_missing_file_is_said_at_once(publisher: Any, target: Path) -> None:
    publisher.files.clear()
    with pytest.raises(DataError, match=r"file\.bin cannot be fetched: 404 Not Found\. Put it there yourself"):
        download(publisher, target)
    assert len(publisher.asked) == 1


def test_a_busy_server_is_asked_again(publisher: Any, target: Path) -> None:
    publisher.errors = [503, 502]
    download(publisher, target)
    assert_arrived(target)


def test_no_network(new_machine: Path) -> None:
    with pytest.raises(DataError, match=r"127\.0\.0\.1:9/file cannot be fetched: .*refused.* Go elsewhere"):
        fetch.download("http://127.0.0.1:9/file", new_machine / "file", HASH, "Go elsewhere.")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(publisher: Any, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.with_name("file.bin.part").symlink_to("/dev/full")
    with pytest.raises(RekurError, match=r"Cannot write .*No space left.*Free some space") as caught:
        download(publisher, target)
    assert caught.value.exit_code == 1
    assert not target.exists()


def test_a_cache_that_is_no_folder(publisher: Any, target: Path) -> None:
    target.parent.parent.mkdir(parents=True)
    target.parent.write_text("a file stands where the folder should be")
    with pytest.raises(RekurError, match=r"Cannot write .*--data"):
        download(publisher, target)


def test_progress_is_one_line_where_there_is_no_terminal(
    publisher: Any, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    download(publisher, target)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "Downloading file.bin\n"


def test_a_bar_is_drawn_on_a_terminal(
    publisher: Any, target: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    download(publisher, target)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "300.0/300.0 kB" in shown.err


def test_saving_leaves_no_temporary_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"content", fetch.saving)
    (tmp_path / "folder").mkdir()
    with pytest.raises(RekurError, match=r"Cannot write .*--data"):
        write_whole(tmp_path / "folder", b"content", fetch.saving)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "folder"]
