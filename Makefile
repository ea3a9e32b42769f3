# One environment, in .venv, made on first use and again whenever its requirements change: what `make run` needs
# (READY), and on top of it the tools of those who change the code (DEV).
PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready
DEV     := $(VENV)/.ready-dev
INSTALL := $(BIN)/python -m pip install --quiet --upgrade-strategy only-if-needed -c constraints.txt
NATIVE  := native/CMakeLists.txt $(wildcard native/src/* native/bindings/* native/include/rekur/*)

.DEFAULT_GOAL := help
.PHONY: help run test lint unit docs laws native sanitize clean

help:  ## list what one can do
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

run: $(READY)  ## install, then train and test the starter shelf on embedded data
	@$(BIN)/rekur run

test: lint unit  ## what CI runs: lint, types, import rules and every test

lint: $(DEV)  ## style, types and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

unit: $(DEV)  ## every test, on two processes
	@$(BIN)/pytest -n 2 -q

laws: $(DEV)  ## the laws every cell and engine obeys, with many more random sizes
	@$(BIN)/pytest tests/laws -q --hypothesis-profile=slow

docs: $(DEV)  ## write the generated parts of docs and README
	@$(BIN)/python benchmarks/docs.py

# Without pip's isolated environment, so that only what changed is compiled. READY and DEV do without the engine where
# it cannot be compiled; this one fails.
native:  ## compile the engine again
	@$(BIN)/python -c 'import nanobind, scikit_build_core' 2>/dev/null || $(MAKE) $(DEV)
	@REKUR_REQUIRE_NATIVE=1 $(INSTALL) --no-build-isolation --no-deps -e .
	@touch $(READY)

# As it is shipped, then watched for wrong addresses and undefined behaviour, then for races.
sanitize:  ## check the engine without Python, under the sanitizers
	@set -e; for watch in "" address,undefined thread; do \
	    folder=build/check-$${watch:-shipped}; echo "$$folder"; \
	    cmake -S native -B $$folder -D REKUR_CHECKS=ON -D CMAKE_BUILD_TYPE=Release -D REKUR_SANITIZE=$$watch >/dev/null; \
	    cmake --build $$folder --parallel 2 >/dev/null; $$folder/check_engine; done

clean:  ## remove the environment and what tools left behind
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist

# constraints.txt fixes torch's version, not its build: on Linux the plain index gives that version with CUDA, some
# gigabytes more. PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu before `make` gives the CPU build.
$(READY): pyproject.toml constraints.txt $(NATIVE)
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) -e .
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(READY)
	@$(INSTALL) -e '.[dev]'
	@touch $@
