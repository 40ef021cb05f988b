VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: demo test lint bench
.DEFAULT_GOAL := demo

# One environment a set of extras; made again when pyproject.toml changes.
$(VENV)/.base: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.base
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[test,lint]"
	touch $@

demo: $(VENV)/.base  ## extract the sample preprints into ./demo
	$(BIN)/curate extract docs/samples --workspace demo
	$(BIN)/curate list panels --workspace demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.dev  ## speed and memory on the papers of COVIDCT_DATA
	$(BIN)/python benchmarks/extract.py
