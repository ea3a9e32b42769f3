"""The docs say what the code does: generated pages are as generated, examples parse, links lead somewhere."""

import json
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
import typer

from finished_runs import finished
from rekur import config, shelf
from rekur.cli import app
from rekur.runs import Run

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import docs  # noqa: E402
import record  # noqa: E402

COMMANDS = typer.main.get_command(app)
GENERATED = docs.generated()


def arguments(line):
    return shlex.split(line, comments=True)[1:]


def parse(words):
    """Parse the words of a command line as far as typer does before it calls the command."""
    with COMMANDS.make_context("rekur", list(words)) as top:
        name, command, rest = COMMANDS.resolve_command(top, [*top._protected_args, *top.args])
        while hasattr(command, "resolve_command"):
            with command.make_context(name, rest, parent=top) as inner:
                name, command, rest = command.resolve_command(inner, [*inner._protected_args, *inner.args])
        command.make_context(name, rest, parent=top)


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_generated_docs_are_as_generated(path):
    assert path.read_text(encoding="utf-8") == GENERATED[path], "make docs"


@pytest.mark.parametrize("command", docs.COMMANDS)
def test_every_help_has_an_example_that_parses(command):
    page = docs.cli_page()
    start = page.index(f"## `{f'rekur {command}'.strip()}`")
    help_text = page[start : page.index("```\n", start + 1)]
    (example,) = re.findall(r"Example: (rekur .+)", help_text)
    parse(arguments(example))


def command_lines():
    """Every line of a shell block of the docs that begins with rekur."""
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]):
        for block in re.findall(
            r"^```(?:sh|bash|console|shell)\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S
        ):
            for line in block.splitlines():
                if (stripped := line.strip().removeprefix("$ ")).startswith("rekur "):
                    yield pytest.param(stripped, id=f"{path.name}: {stripped}")


@pytest.mark.parametrize("line", list(command_lines()))
def test_every_command_of_the_docs_parses(line):
    words = arguments(line.replace("...", "").partition(" | ")[0].partition(" > ")[0])
    parse(words)
    if words[:1] == ["run"] and len(words) > 1 and not words[1].startswith("-") and not words[1].isupper():
        config.load(words[1])


def test_links_of_the_docs_lead_somewhere():
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:"):
                assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_the_rooms_are_drawn_as_they_are_held():
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    drawn = page.partition("rooms on one line do not know each other.\n")[2].partition("| room |")[0]
    assert drawn.replace("    ", "").split() == " ".join(rules["contracts"][0]["layers"]).split()


# the record


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """Point the record to a folder of the test's own."""
    monkeypatch.setattr(record, "RECORD", tmp_path / "measured.json")
    return tmp_path / "measured.json"


def as_shipped(tmp_path):
    run = shutil.copytree(finished("kospi-rnn"), tmp_path / "run")
    toml = config.dump(config.load("kospi-rnn"))
    about = Run.open(run).about()
    (run / "config.toml").unlink()
    shutil.move(Run.create(tmp_path / "new", toml, **about).path / "config.toml", run / "config.toml")
    return run


def test_a_run_goes_on_record_and_into_the_results(recorded, tmp_path):
    run = as_shipped(tmp_path)
    record.record([str(run)])
    kept = json.loads(recorded.read_text(encoding="utf-8"))["kospi-rnn"]
    metrics = Run.open(run).metrics()
    assert kept["metrics"] == {"loss": Run.open(run).history()[-1]["loss"]}
    assert kept["part"] == "train"
    assert kept["command"] == "rekur run kospi-rnn --seed 1"
    page = docs.results_page([shelf.Entry(config.load("kospi-rnn"), kept)])
    assert metrics["machine"] in page
    assert "train loss 0.0005" in page
    assert kept["date"] == metrics["date"][:10]


def test_the_forms_of_a_recipe_are_a_table_each():
    form = {
        "form": "gru",
        "test": {"accuracy": 0.8},
        "interval": {"accuracy": [0.7, 0.9]},
        "parameters": 7,
        "sizes": {},
    }
    form |= {"items_per_second": 3.0, "seconds": {"data": 1.0, "train": 2.0}, "versus": None}
    kept = {**shelf.measured()["nsmc-sample"], "compared": [form]}
    page = docs.results_page([shelf.Entry(config.load("nsmc-sample"), kept)])
    assert "## `nsmc-sample`, form by form" in page
    assert "| gru | 80.00 % | 70.00 to 90.00 % | ours |" in page


def test_a_changed_recipe_does_not_go_on_record(recorded):
    with pytest.raises(record.RequestError, match="as shipped"):
        record.record([str(finished("kospi-rnn"))])
    assert not recorded.exists()
