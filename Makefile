# Each target sets up all it needs. Needs Python >= 3.11, make and the package registries.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SHELL := /bin/bash
# Tests and rehearsals start hundreds of processes, and without bytecode each would compile the project anew.
export PYTHONDONTWRITEBYTECODE :=
# Two files at a time; tests/conftest.py says what has to stay together.
SPREAD := -n 2 --dist loadfile

.PHONY: setup demo test quick e2e lint bench soak tools clean

setup: $(READY)

$(READY): pyproject.toml
	@echo "== setup: making $(VENV) (once; the Pulumi and AWS SDKs take about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than 3.11: name a newer one, e.g. make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(READY)
	@echo "== setup: done"

demo: setup
	@echo "== demo: a release, a rollback and a second try under load, on this machine alone"
	@$(BIN)/bluegreen -s dev rehearse

test: setup
	@echo "== test: releases on the sandbox with load running, the longest first, and every other test beside them"
	@$(BIN)/python -m pytest $(SPREAD)

quick: setup
	@$(BIN)/python -m pytest -m "not slow and not e2e" $(SPREAD)

e2e: setup
	@$(BIN)/python -m pytest -m e2e $(SPREAD)

lint: setup
	@echo "== lint: ruff and mypy"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: setup
	@echo "== bench: ratios of pairs measured in this one run"
	@$(BIN)/python -m benchmarks

soak: setup
	@echo "== soak: many transitions in a row under load, and the long property tests"
	@BLUEGREEN_SOAK=1 $(BIN)/python -m pytest -m "e2e or slow or soak"

tools:
	@echo "== tools: nginx and Docker Compose for the tests that ask the real ones, where they can be had"
	@bash tests/tools.sh

clean:
	rm -rf $(VENV) .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis .bluegreen
