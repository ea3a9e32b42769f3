"""`import rekur` and a first prediction are quick: nothing slow is loaded, and the clock agrees.

Times are of the processor, so that whatever else runs on the machine counts less; they have slack of two and more. What
they hold off is a library that loads in a second.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from rekur import engine

STORED = Path(__file__).parent / "stored" / "1"
SLOW = ("torch", "sklearn", "scipy", "polars", "pandas", "onnx", "matplotlib", "statsforecast")
COMMAND = {"rekur", "typer", "annotated_doc", "shellingham", "rich", "pygments", "markdown_it", "mdurl"}  # typer's own
CHECKING = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection", "tomli_w"}
PREDICTING = COMMAND | CHECKING | {"numpy", "safetensors", "cython_runtime"}
CLOCK = "import resource; u = resource.getrusage(resource.RUSAGE_SELF); print('seconds', u.ru_utime + u.ru_stime)"


def seconds(code):
    """Return the processor time of a process of its own that runs `code`, the least of three, less an empty one's."""

    def least(text):
        runs = [
            subprocess.run([sys.executable, "-c", f"{text}\n{CLOCK}"], capture_output=True, text=True, check=True)
            for _ in range(3)
        ]
        return min(float(done.stdout.rpartition("seconds")[2]) for done in runs)

    return least(code) - least("")


def test_importing_rekur_loads_nothing_slow_and_takes_a_tenth_of_a_second():
    code = f"import sys, rekur; assert not [name for name in {SLOW} if name in sys.modules]"
    assert seconds(code) < 0.2  # 0.1 is the aim


@pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")
@pytest.mark.parametrize("name", ["rows", "text"])
def test_a_first_prediction_takes_half_a_second(name, tmp_path):
    import numpy as np

    from rekur.data.datasets import digits

    np.save(tmp_path / "images.npy", digits.load("test")[0][:3])
    given = str(tmp_path / "images.npy") if name == "rows" else "재미있는 영화"
    code = f"from rekur.cli import main; assert main(['predict', {str(STORED / name)!r}, {given!r}]) == 0"
    assert seconds(code) < 1.0  # 0.5 is the aim


def loaded(*words, cwd=None):
    """Return the packages, not of Python itself, that a command of these words loads in a folder; it must succeed."""
    code = (
        f"import sys; from rekur.cli import main; assert main({list(words)!r}) == 0; "
        "print('loaded', *{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cwd)
    names = done.stdout.rpartition("loaded ")[2].split()
    return {name for name in names if name not in sys.stdlib_module_names and not name.startswith("_")}


def test_help_loads_what_reads_the_command_line_alone():
    assert loaded("--help") <= COMMAND | {"sitecustomize"}


def test_the_shelf_is_listed_without_tables(tmp_path):
    assert loaded("recipes", cwd=tmp_path) <= PREDICTING | {"sitecustomize"}


@pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")
@pytest.mark.parametrize("name", ["text", "text-evidence", "subwords", "tags", "characters", "translations", "names"])
def test_a_text_is_predicted_without_tables(name):
    """polars loads in a tenth of a second and more: only what reads or writes a table may load it."""
    given = {"names": "Korean", "characters": "O"}.get(name, "재미있는 영화")
    allowed = PREDICTING | {"sitecustomize"} | ({"sentencepiece"} if name == "subwords" else set())
    assert loaded("predict", str(STORED / name), given) <= allowed
