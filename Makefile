# One door to everything; `make` alone lists it. Every target first sets up what it needs, once.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-fast lint lock clean

PYTHON ?=
REQUIREMENTS ?= requirements/cpu.txt
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp

# The largest wheel is over 500 MB: on a slow line uv's default of 30 s is too short.
export UV_HTTP_TIMEOUT ?= 900

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  setup takes PYTHON=/path/to/python3.12 and, on a GPU machine, REQUIREMENTS=requirements/gpu.txt"

setup: $(STAMP)  ## make .venv and install the pinned packages (about 6 GB)

demo: $(STAMP)  ## the whole method, small: data, SFT, GSPO, table and report.html (12 minutes)
	$(BIN)/python -m experiments.demo

test: $(STAMP)  ## every test, the end-to-end runs on the real engine included (under 30 minutes)
	$(BIN)/python -m pytest tests

test-fast: $(STAMP)  ## the tests for the loop while working: unit and configuration
	$(BIN)/python -m pytest tests/unit tests/conf

lint: $(STAMP)  ## ruff and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# uv keeps the versions it finds in the list it writes; gpu.txt starts from both lists, so that the two agree wherever
# vLLM's builds let them. Not --universal: that reads one wheel's metadata for all platforms and misses intel-openmp's
# dependency on Linux. Python 3.11's lists serve 3.12 too: compiled for 3.12, they come out the same.
lock: $(BIN)/uv  ## write requirements/*.txt anew from pyproject.toml (UPGRADE=--upgrade for newer versions)
	$(call compile,cpu)
	sort --unique --output requirements/gpu.txt requirements/cpu.txt requirements/gpu.txt
	$(call compile,gpu)

compile = $(BIN)/uv pip compile --quiet --no-header --no-annotate --python-platform x86_64-unknown-linux-gnu \
	--python-version 3.11 $(UPGRADE) pyproject.toml --extra $(1) --extra dev --output-file requirements/$(1).txt

clean:  ## remove .venv and every cache; outputs/ stays
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# The lists are complete, hence --no-deps. The repository is installed as editable: Ray's and vLLM's processes import it.
$(STAMP): $(REQUIREMENTS) setup.cfg | $(BIN)/uv
	@echo "setup: $$(wc -l < $(REQUIREMENTS)) packages of $(REQUIREMENTS) -> $(VENV) (the first time downloads gigabytes)"
	@$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --no-deps -r $(REQUIREMENTS)
	@$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation --quiet --editable .
	@touch $@

# A python may be on the PATH and not run (pyenv's shims) or lack venv (Debian's): each is tried, not looked up.
$(BIN)/uv:
	@for python in $(or $(PYTHON),python3.11 python3.12 python3); do \
		if $$python -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then \
			echo "setup: $$($$python --version) -> $(VENV)"; \
			$$python -m venv --clear $(VENV); \
			exec $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements/cpu.txt)"; \
		fi; \
	done; \
	echo "error: $(or $(PYTHON),python3.11 and python3.12): no working Python 3.11 or 3.12 with venv." \
		"Install one, or name one: make setup PYTHON=/path/to/python3.12" >&2; exit 2
