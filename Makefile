# Every target sets up what it needs in .venv, again only when the requirements changed.
.DEFAULT_GOAL := help
.PHONY: help demo test check coverage bench pictures docs constraints clean

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
RUN := .venv/.installed
DEV := .venv/.installed-dev
DOCS := .venv/.installed-docs
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(RUN) ## simulated exchange -> download -> backtests -> reports, offline
	$(BIN)/orderflow-bt demo

# A file's tests stay in one process: what they share (a market, a browser, a run) is made once.
PARALLEL := --numprocesses auto --dist loadfile --no-loadscope-reorder

test: $(DEV) ## every test, and the kernels' own lines without the compiler
	$(BIN)/python -m orderflow_bt.cli.warm # once, before each process would do it
	$(BIN)/python -m pytest $(PARALLEL)
	$(MAKE) --no-print-directory coverage

check: $(DEV) ## format, lint, types, package borders
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Tests that run kernels on small tapes: without the compiler they are slow but can be measured.
# Those of the flow cache are about files; they would take two fifths of the time.
KERNEL_TESTS := tests/naive tests/tapes \
	$(filter-out tests/unit/test_flow_kept.py,$(wildcard tests/unit/test_flow_*.py)) \
	tests/unit/test_archive_zip.py tests/unit/test_synth_archive.py \
	tests/unit/test_detectors_definitions.py

coverage: $(DEV) ## line coverage of the kernels, run as plain Python
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest $(PARALLEL) -m "not slow" \
		--cov --cov-report=term --cov-fail-under=95 $(KERNEL_TESTS)

PARTS := benchmarks/cases.py benchmarks/engine_peers.py # of other scripts there

bench: $(DEV) ## our speed beside other libraries', in the same run
	@for script in $(filter-out $(PARTS),$(wildcard benchmarks/*.py)); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

pictures: $(RUN) ## draw the pictures of README and docs again
	$(BIN)/python docs/make_pictures.py

docs: $(DOCS) ## the documentation as a site, in site/; a link that leads nowhere is an error
	$(BIN)/zensical build --strict

constraints: $(DEV) $(DOCS) ## pin what is installed now
	$(BIN)/python -m pip freeze --exclude-editable --disable-pip-version-check > constraints.txt

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed (not found on PATH)"; exit 1; }
	$(PYTHON) -m venv .venv

$(RUN): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable ".[replay]"
	@touch $@

$(DEV): $(RUN)
	$(PIP) --editable ".[dev]"
	@touch $@

$(DOCS): $(RUN)
	$(PIP) --editable ".[docs]"
	@touch $@

clean: ## remove the environment, caches and the demo
	rm -rf .venv demo site build dist .coverage* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
