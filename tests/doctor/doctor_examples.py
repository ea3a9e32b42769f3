"""Each check's typical patients, by the name of the check."""

import importlib.util
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent / "examples"


def example(name):
    """Return the module tests/doctor/examples/<name>.py."""
    known = f"doctor_example_{name}"
    if known not in sys.modules:
        specification = importlib.util.spec_from_file_location(known, EXAMPLES / f"{name}.py")
        sys.modules[known] = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(sys.modules[known])
    return sys.modules[known]
