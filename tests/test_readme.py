"""The READMEs tell the truth, in English and Korean alike, and the index of the docs leaves no page out."""

import contextlib
import io
import re
import struct
import sys
from pathlib import Path

import pytest
import torch
import typer

from rekur.cli import app

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import engine_tables  # noqa: E402

ENGLISH, KOREAN = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ko.md"))
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
BOTH = pytest.mark.parametrize("text", [ENGLISH, KOREAN], ids=["English", "Korean"])


def blocks(text):
    """Return each fenced block as (language, its lines), comments and white space at the end of a line taken off."""
    found = re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [(kind, [re.sub(r"\s+# .*| +$", "", line) for line in body.splitlines()]) for kind, body in found]


def without_blocks(text):
    return re.sub(r"^```.*?^```\n", "", text, flags=re.MULTILINE | re.DOTALL)


def sections(text):
    return re.split(r"^#+ .*$", without_blocks(text), flags=re.MULTILINE)


def tables(text):
    """Return each table as rows of cells, the row of dashes among them."""
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in text.splitlines() if line.startswith("|")]
    starts = [i - 1 for i, row in enumerate(rows) if set("".join(row)) == {"-"}]
    return [rows[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def numbers(text):
    return sorted(NUMBER.findall(text))


def marked(text, name):
    (found,) = re.findall(rf"^<!-- {name} -->\n(.*?)^<!-- /{name} -->$", text, re.MULTILINE | re.DOTALL)
    return found


# both alike


def test_both_have_the_same_commands_code_and_output():
    assert len(blocks(ENGLISH)) > 5
    assert blocks(KOREAN) == blocks(ENGLISH)


@pytest.mark.parametrize("name", ["starter", "speed", "shelf"])
def test_both_have_the_same_generated_parts(name):
    assert marked(ENGLISH, name).strip()
    assert marked(KOREAN, name) == marked(ENGLISH, name)


def test_both_have_the_same_headings_in_depth_and_number():
    depths = [re.findall(r"^#+(?= )", without_blocks(text), re.MULTILINE) for text in (ENGLISH, KOREAN)]
    assert depths[0] == depths[1]


def test_every_section_of_both_has_the_same_numbers_code_and_links():
    for english, korean in zip(sections(ENGLISH), sections(KOREAN), strict=True):
        assert numbers(korean) == numbers(english)
        for pattern in (r"`([^`]+)`", r"\]\(([^)]+)\)"):
            same = [set(re.findall(pattern, part.replace("README.ko.md", "README.md"))) for part in (english, korean)]
            assert same[0] == same[1]


def test_every_table_of_both_has_the_same_rows():
    pairs = list(zip(tables(ENGLISH), tables(KOREAN), strict=True))
    assert len(pairs) == 2 + ("layers" in engine_tables.recorded())  # the speeds are a table once they are on record
    for english, korean in pairs:
        assert [len(row) for row in english] == [len(row) for row in korean]
        assert [row[0] for row in english[1:]] == [row[0] for row in korean[1:]]
        for ours, theirs in zip(english, korean, strict=True):
            assert [numbers(cell) for cell in ours] == [numbers(cell) for cell in theirs]


# true


@BOTH
def test_it_begins_with_one_sentence_and_the_two_commands(text):
    title, sentence, commands = text.split("\n\n")[:3]
    assert title == "# rekur"
    assert sentence.count("\n") == 0
    assert sentence.count(". ") == 0
    assert blocks(commands + "\n") == [("bash", ["make run", "make test"])]


@BOTH
def test_commands_named_in_the_text_exist(text):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z]+)$", "\n".join(line for _, lines in blocks(text) for line in lines), re.M):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    command = typer.main.get_command(app)
    for words in re.findall(r"`rekur ([a-z ]+)", without_blocks(text)):
        found = command
        for word in words.split():
            assert word in found.commands, words
            found = found.commands[word]


def test_the_example_has_six_lines_and_prints_what_is_said(tmp_path, monkeypatch):
    ((at, (_, lines)),) = [(i, block) for i, block in enumerate(blocks(ENGLISH)) if block[0] == "python"]
    assert len([line for line in lines if line]) == 6
    monkeypatch.chdir(tmp_path)
    names, printed, threads = {}, io.StringIO(), torch.get_num_threads()
    with contextlib.redirect_stdout(printed):
        exec("\n".join(lines), names)
    torch.set_num_threads(threads)
    shown, got = "\n".join(blocks(ENGLISH)[at + 1][1]), printed.getvalue().strip()
    assert NUMBER.sub("", got) == NUMBER.sub("", shown)
    figures = [[float(number) for number in NUMBER.findall(text)] for text in (got, shown)]
    assert figures[0] == pytest.approx(figures[1], rel=0.3)  # another processor rounds otherwise
    assert names["outputs"].shape == (3, 5, 16)
    assert names["result"].report.is_file()


def test_the_output_shown_is_of_the_starter_shelf():
    from rekur.shelf import STARTER

    shown = marked(ENGLISH, "starter")
    assert re.findall(r"^ ?([a-z]+-[a-z]+) ", shown, re.MULTILINE) == list(STARTER)
    assert re.search(r"^Report: runs/starter-1/report.html$", shown, re.MULTILINE)


@BOTH
def test_the_picture_is_there_and_light(text):
    (path,) = re.findall(r"^!\[[^]]+\]\(([^)]+\.png)\)$", text, re.MULTILINE)
    held = (ROOT / path).read_bytes()
    assert len(held) < 250_000
    assert struct.unpack(">I", held[16:20]) == (1200,)  # the width of a PNG


def test_the_index_of_the_docs_leaves_no_page_out():
    index = ROOT / "docs" / "README.md"
    linked = re.findall(r"\]\(([^)#]+\.md)\)", index.read_text(encoding="utf-8"))
    pages = {path.relative_to(index.parent).as_posix() for path in index.parent.glob("**/*.md")} - {"README.md"}
    assert pages == {path for path in linked if not path.startswith("..")}


@pytest.mark.browser
def test_the_script_of_the_picture_takes_one(tmp_path, monkeypatch):
    pytest.importorskip("playwright.sync_api")
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from finished_runs import finished
    from picture import picture

    picture(finished("kospi-rnn") / "report.html", tmp_path / "new" / "report.png", "the-forecast", 1)
    assert struct.unpack(">I", (tmp_path / "new" / "report.png").read_bytes()[16:20]) == (1200,)
