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
