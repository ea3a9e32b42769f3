"""The build cannot spoil an install, and ships nothing made for one machine."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NATIVE = ROOT / "native"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BUILD = PROJECT["tool"]["scikit-build"]
MAKEFILE, WHEELS = ((ROOT / path).read_text(encoding="utf-8") for path in ("Makefile", ".github/workflows/wheels.yml"))
LISTS = {path.parent: re.sub(r"#.*", "", path.read_text(encoding="utf-8")) for path in NATIVE.glob("**/CMakeLists.txt")}
COMMANDS = "".join(LISTS.values())


# an install goes on


def test_without_a_compiler_the_install_goes_on_unless_the_engine_is_required():
    (override,) = [entry for entry in BUILD["overrides"] if "failed" in entry["if"]]
    assert override["if"] == {"failed": True, "env": {"REKUR_REQUIRE_NATIVE": False}}
    assert override["wheel"] == {"cmake": False}


def test_without_cmake_the_install_goes_on():
    assert BUILD["wheel"]["cmake"] is False
    (override,) = [entry for entry in BUILD["overrides"] if "any" in entry["if"]]
    (least,) = re.findall(r"cmake_minimum_required\(VERSION ([\d.]+?)\.\.\.", COMMANDS)
    assert override["if"]["any"] == {"system-cmake": f">={least}", "cmake-wheel": True}
    assert override["wheel"] == {"cmake": True}


def test_the_build_asks_for_no_package_that_computes():
    names = {re.split(r"[<>=]", entry)[0] for entry in PROJECT["build-system"]["requires"]}
    assert names == {"nanobind", "scikit-build-core"}


def test_those_who_change_the_code_have_what_the_build_asks_for():
    assert set(PROJECT["build-system"]["requires"]) <= set(PROJECT["project"]["optional-dependencies"]["dev"])


# what is built


def test_cmake_names_every_source():
    named = {folder / path for folder, text in LISTS.items() for path in re.findall(r"[\w/]+\.cpp", text)}
    assert named == set(NATIVE.glob("**/*.cpp"))


@pytest.mark.parametrize("flag", ["-march", "-mtune", "-mcpu", "-ffast-math", "-Ofast", "-funsafe-math", "-ffinite"])
def test_nothing_is_built_for_one_machine_and_no_rule_of_arithmetic_is_bent(flag):
    assert flag not in COMMANDS
    assert flag not in WHEELS
    assert flag not in MAKEFILE


def test_every_set_the_sources_know_is_one_the_build_can_make():
    dispatch = (NATIVE / "src" / "dispatch.cpp").read_text(encoding="utf-8")
    built = {name.upper() for name in re.findall(r"add_(?:set|kernels)\((\w+)", COMMANDS)} - {"NAME"}
    known = set(re.findall(r"REKUR_HAS_(\w+)", dispatch))
    assert known
    assert known <= built


BUILT = ROOT.glob("build/**/kernels_*.dir/kernels.cpp.o*")
OBJECTS = sorted(path for path in BUILT if "check-" not in str(path))  # those of `make sanitize` are never shipped


@pytest.mark.skipif(not OBJECTS or not shutil.which("nm"), reason="the engine was not built here")
@pytest.mark.parametrize("file", OBJECTS, ids=lambda file: "/".join(file.parts[-5:-1]))
def test_nothing_a_set_emits_can_be_linked_for_another(file):
    """A function that several files define is linked once: it must not be one that needs a set's instructions."""
    (name,) = re.findall(r"kernels_(\w+)\.dir", file.as_posix())
    command = ["nm", "--demangle", "--defined-only", "--extern-only", "--format=posix", str(file)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    functions = re.findall(r"^(.+) [TWi] \w+ \w+$", said, re.MULTILINE)
    assert functions
    assert [function for function in functions if f"rekur::{name}::" not in function] == []


# what is shipped


def test_wheels_must_have_the_engine_and_leave_libgomp_outside():
    assert WHEELS.count("REKUR_REQUIRE_NATIVE=1") == 2
    assert "auditwheel repair --exclude libgomp.so.1 " in WHEELS


def test_ci_fails_without_the_engine():
    assert re.search(
        r"^export REKUR_REQUIRE_NATIVE=1$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE
    )


def test_the_makefile_compiles_again_when_a_source_changed():
    (pattern,) = re.findall(r"^NATIVE +:= (.*)$", MAKEFILE, re.MULTILINE)
    patterns = re.sub(r"\$\(wildcard (.*?)\)", r"\1", pattern).split()
    watched = {path for each in patterns for path in ROOT.glob(each)}
    sources = {path for path in NATIVE.glob("**/*") if path.suffix in {".cpp", ".h", ".txt"}}
    assert sources - set(NATIVE.glob("tests/*")) <= watched
