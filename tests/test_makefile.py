"""What `make` installs: a newcomer gets no tools of those who change the code."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def installs(target):
    """The requirements `make target` would install into an empty folder, in order."""
    command = ["make", "--dry-run", "--always-make", "--no-print-directory", target]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = [line for line in said.splitlines() if " -m pip install " in line]
    assert all(" -c constraints.txt " in line for line in lines)
    return [line.partition(" -e ")[2] for line in lines]


def test_run_installs_the_package_alone():
    assert installs("run") == ["."]


@pytest.mark.parametrize("target", ["test", "lint", "docs", "laws"])
def test_the_rest_installs_the_tools_too(target):
    assert installs(target) == [".", "'.[dev]'"]
