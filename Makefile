# One environment, in .venv, made on first use and again whenever its requirements change.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help run test lint unit docs laws clean

help:  ## list what one can do
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

run: $(READY)  ## install, then train and test the starter shelf on embedded data
	@$(BIN)/rekur run

test: lint unit  ## what CI runs: lint, types, import rules and every test

lint: $(READY)  ## style, types and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

unit: $(READY)  ## every test, on two processes
	@$(BIN)/pytest -n 2 -q

laws: $(READY)  ## the laws every cell and engine obeys, with many more random sizes
	@$(BIN)/pytest tests/laws -q --hypothesis-profile=slow

docs: $(READY)  ## write the generated parts of docs and README
	@$(BIN)/python benchmarks/docs.py

clean:  ## remove the environment and what tools left behind
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist

# The constraint names a torch that comes as a CPU build; an open range could bring gigabytes of CUDA.
$(READY): pyproject.toml constraints.txt
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade-strategy only-if-needed -c constraints.txt -e '.[dev]'
	@touch $@
