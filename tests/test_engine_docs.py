"""What the docs say of the engine: its figures are those on record, its examples run, its lists name what is there."""

import doctest
import json
import re
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from rekur import engine
from rekur.bench import infer, layers, lengths
from rekur.bench.steps import Shape
from rekur.bench.timing import Request
from rekur.errors import RekurError, RequestError
from rekur.nn import CELLS

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import docs  # noqa: E402
import engine_tables  # noqa: E402
import ladder  # noqa: E402
import record_engine  # noqa: E402

PAGE = (ROOT / "docs" / "engine.md").read_text(encoding="utf-8")
MACHINE = {"processor": "a processor", "torch": "2.99"}
ONCE = Request(("gru",), (1,), repeats=1)
SHAPE = Shape(3, 4, 2, 5)
native = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")


@pytest.fixture(autouse=True)
def _as_before():
    """What is measured here sets threads, precision and engine for its process."""
    threads, precision, selected = torch.get_num_threads(), torch.get_float32_matmul_precision(), engine.selected()
    yield
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(precision)
    engine.select(selected)


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """Point the record to a file of the test's own."""
    monkeypatch.setattr(engine_tables, "RECORD", tmp_path / "engine.json")
    return tmp_path / "engine.json"


def shown(source, name, found):
    """Return the part of a page called `name` when `found` is on record."""
    entry = {"date": "2031-02-03", "command": "a command", "found": {"machine": MACHINE, **found}}
    return engine_tables.parts({source: entry})[name]


def cells(text):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]


def row(cell, H, torchs, rekurs, threads=1):
    seconds = {"torch": torchs, "rekur": rekurs}
    found = {"cell": cell, "N": 3, "T": 4, "I": 2, "H": H, "threads": threads, "seconds": seconds, "noise": 1.0}
    return {**found, "ratio": torchs / rekurs, "ratio_bfloat16": None, "roofline": 0.5}


# the record


def test_a_part_goes_on_record_beside_the_others(recorded, monkeypatch):
    monkeypatch.setattr(record_engine, "measured", lambda command: {"command": command})
    for name in ("layers", "ladder"):
        record_engine.record(name)
    kept = json.loads(recorded.read_text(encoding="utf-8"))
    assert list(kept) == ["ladder", "layers"]
    assert kept["layers"]["found"] == {"command": record_engine.PARTS["layers"]}
    assert kept["layers"]["command"] == record_engine.PARTS["layers"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", kept["layers"]["date"])


def test_what_a_command_prints_is_what_it_found():
    assert record_engine.measured("python -c 'import sys; print(len(sys.argv[1:]))'") == 1  # --json


def test_a_command_that_fails_is_not_recorded(recorded, monkeypatch):
    monkeypatch.setitem(record_engine.PARTS, "layers", "python -c 'print(1); raise SystemExit(1)'")
    with pytest.raises(RekurError, match="code 1"):
        record_engine.record("layers")
    assert not recorded.exists()


def test_an_unknown_part_gets_the_nearest_known_one():
    with pytest.raises(RequestError, match="layers"):
        record_engine.chosen(["layer"])


@pytest.mark.parametrize(("sets", "missing"), [(("amx", "avx512"), set()), (("avx512",), {"high"})])
def test_without_tiles_nothing_is_recorded_as_high(sets, missing, monkeypatch):
    monkeypatch.setattr(engine, "SETS", sets)
    assert set(record_engine.PARTS) - set(record_engine.chosen([])) == missing


# its tables


def test_every_part_on_record_is_shown_and_every_table_has_its_marks():
    assert {source for source, _ in engine_tables.TABLES.values()} == set(record_engine.PARTS)
    pages = [(ROOT / page).read_text(encoding="utf-8") for page in docs.MARKED]
    marks = {found["name"] for page in pages for found in docs.MARKS.finditer(page)}
    doctors = set(docs.doctor_tables.parts())
    assert marks - {"starter", "shelf", "fallbacks"} - doctors == set(engine_tables.TABLES)
    assert doctors <= marks


def test_a_mark_opened_is_closed():
    for page in docs.MARKED:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert len(docs.MARKS.findall(text)) * 2 == len(re.findall(r"^<!-- /?[\w-]+ -->$", text, re.MULTILINE))


def test_what_is_not_on_record_says_how_to_measure_it():
    for name, text in engine_tables.parts({}).items():
        assert f"`python benchmarks/record_engine.py {engine_tables.TABLES[name][0]}`" in text


def test_the_speeds_are_those_on_record():
    rows = [row("gru", 5, 0.4, 0.2), row("gru", 300, 0.3, 0.1), row("rnn", 5, 0.2, 0.05), row("gru", 5, 9.0, 1.0, 2)]
    text = shown("layers", "speed", {"layers": rows, "notes": ["It was busy."]})
    assert cells(text) == [
        ["N, T, I, H", "GRU", "RNN", "LSTM"],
        ["---"] * 4,
        ["3, 4, 2, 5", "**2.00** (400 ms / 200 ms)", "**4.00** (200 ms / 50 ms)", ""],
        ["3, 4, 2, 300", "**3.00** (300 ms / 100 ms)", "", ""],
        ["geometric mean", "**2.45**", "**4.00**", ""],
        ["geometric mean, H >= 256", "**3.00**", "", ""],
    ]
    assert text.endswith("\n*It was busy.*\n\n`a command`, 2031-02-03, a processor, torch 2.99.\n")
    assert "9.00" in shown("layers", "speed-2", {"layers": rows})


@native
@pytest.mark.parametrize("name", ["speed", "means", "medium"])
def test_what_bench_layers_finds_fills_the_tables(name):
    found = {"layers": list(layers.measure(ONCE, [SHAPE]))}
    _, _, *lines = cells(shown(engine_tables.TABLES[name][0], name, found))
    assert any(f"{found['layers'][0]['ratio']:.2f}" in cell for line in lines for cell in line)


def test_what_bench_lengths_finds_fills_the_table():
    rows = list(lengths.measure(ONCE, lengths.Sizes(N=4, longest=12, I=3, H=5)))
    found = {"lengths": rows, "together": lengths.together(rows)}
    columns, _, *lines = cells(shown("lengths", "lengths", found))
    assert [line[columns.index("batch")] for line in lines] == ["bucketed, together", "longest", "unsorted"]
    assert lines[0][columns.index("packed / lengths=")] == f"{found['together'][0]['ratio_packed']:.2f}"


def test_what_bench_infer_finds_fills_the_table():
    rows = list(infer.measure(ONCE, infer.QUICK))
    columns, _, *lines = cells(shown("infer", "infer", {"infer": rows}))
    assert [line[columns.index("N")] for line in lines] == ["1", "64"]


# the ladder


@native
def test_the_ladder_climbs_from_the_loop_to_threads_and_halves():
    rungs = ladder.measure("gru", SHAPE, threads=2, repeats=1)
    sets = [name for name in reversed(engine.SETS) if name != "amx"]
    names, threads = zip(*((rung["rung"], rung["threads"]) for rung in rungs), strict=True)
    lower = ("a loop over torch's cell", "torch.nn", *sets)
    assert names[: len(lower) + 1] == (*lower, sets[-1])
    assert threads == (1,) * len(lower) + (2,) * (len(rungs) - len(lower))
    assert all(rung["agrees"] for rung in rungs)
    for below, rung in pairwise(rungs[: len(lower)]):  # one clock timed all of them
        assert rung["before"] == pytest.approx(below["seconds"] / rung["seconds"])
        assert rung["torch"] == pytest.approx(rungs[1]["seconds"] / rung["seconds"])
    text = shown("ladder", "ladder", {"cell": "gru", **SHAPE._asdict(), "rungs": rungs})
    assert text.startswith("GRU, N = 3, T = 4, I = 2, H = 5:\n")
    assert len(cells(text)) == 2 + len(rungs)


@native
def test_a_rung_below_the_highest_precision_has_kernels_of_its_own():
    _, _, *sets = ladder.alone("gru", SHAPE)
    sets[-1].before()
    exact, _ = sets[-1].training.results()
    for rung in ladder.faster(sets[-1].training):
        assert rung.training.precision in ("high", "medium")
        rung.before()
        assert not torch.equal(rung.training.results()[0][0], exact[0])


def test_a_rung_that_computes_something_else_is_caught(monkeypatch, capsys):
    monkeypatch.setattr(ladder, "looped", lambda loop, x: ladder.outputs(loop, x.transpose(0, 1)).transpose(0, 1) * 2)
    monkeypatch.setattr(sys, "argv", ["ladder.py", "--shape", str(SHAPE), "--repeats", "1", "--threads", "1"])
    with pytest.raises(SystemExit, match="differs"):
        ladder.main()
    assert "a loop over torch's cell" in capsys.readouterr().out


# the page


@native
def test_the_examples_print_what_is_said():
    failed, tried = doctest.testfile(str(ROOT / "docs" / "engine.md"), module_relative=False)
    assert tried > 5
    assert not failed


@native
def test_the_code_runs():
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, {})


@pytest.mark.parametrize("cell", CELLS)
def test_the_files_of_a_cell_are_where_the_list_says(cell):
    listed = re.findall(r"^\| \d+ \| `([^`]+)` \|", PAGE, re.MULTILINE)
    assert len(listed) > 10
    for path in listed:
        assert (ROOT / path.replace("<cell>", cell)).is_file(), path
    assert f"{ {14: 'Fourteen', 15: 'Fifteen', 16: 'Sixteen'}[len(listed)] } files, " in PAGE
