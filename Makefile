# Everything a target needs is set up by the target: a fresh machine has to have Python 3.11 or
# newer and make, no more. Set-up runs once, and again when pyproject.toml changes.
# Another interpreter: make clean && make PYTHON=python3.13 demo

SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# More arguments for the program behind a target: make test ARGS='-k map -x'
ARGS ?=

# The tests that alone have to cover the gateway and its messages, and that touch nothing.
PURE_TESTS ?= $(wildcard tests/unit/test_calls*.py tests/unit/test_gateway*.py)

# uv is used where it is found and knows dependency groups; it never brings an interpreter along.
UV := $(shell uv pip install --help 2>/dev/null | grep -q -e '--group' && command -v uv)
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Two makes at once (two terminals) install one after the other, where the system has flock.
LOCK := $(if $(shell command -v flock),flock pyproject.toml)
ifneq ($(UV),)
INSTALL := $(LOCK) $(UV) pip install --quiet --python $(BIN)/python
else
INSTALL := $(LOCK) $(BIN)/python -m pip install --quiet --quiet
endif

# Two targets of one make share the environment and the cores, so they run one after the other.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test coverage check format bench bench-peers clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.package ## Measure every module of this Python on all cores; writes elsewhere-demo.html
	@$(BIN)/elsewhere demo $(ARGS)

test: $(VENV)/.group-test ## Run all tests, then the gateway's branch coverage
	@$(BIN)/python -m pytest $(ARGS)
	@$(MAKE) --no-print-directory coverage

coverage: $(VENV)/.group-test ## Full branch coverage of the gateway, from tests that touch nothing
	@$(BIN)/python -m coverage run -m pytest --quiet --no-header $(PURE_TESTS)
	@$(BIN)/python -m coverage report

check: $(VENV)/.group-dev ## Check format, lint, types and the direction of imports
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/.group-dev ## Format the code and mend what the linter can mend
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

bench: $(VENV)/.group-bench ## Measure us and the peers that are installed
	@$(BIN)/python -m benchmarks $(ARGS)

bench-peers: $(VENV)/.group-bench ## Install the peers, each into an environment of its own
	@$(BIN)/python -m benchmarks install-peers $(ARGS)

clean: ## Remove everything that make has made
	rm -rf $(VENV) .bench build dist htmlcov .coverage .coverage.* elsewhere-demo.html
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "elsewhere needs Python 3.11 or newer: make PYTHON=python3.11 ..." >&2; exit 1; }
ifneq ($(UV),)
	@$(LOCK) $(UV) venv --quiet --allow-existing --python "$$(command -v $(PYTHON))" $(VENV)
else
	@$(LOCK) $(PYTHON) -m venv $(VENV) || \
	    { echo "to install what is missing: apt-get install python3-venv" >&2; exit 1; }
# The first pip that knows dependency groups.
	@$(INSTALL) --upgrade 'pip>=25.1,<27'
endif
	@touch $@

$(VENV)/.package: pyproject.toml $(VENV)/.python
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.group-test $(VENV)/.group-dev $(VENV)/.group-bench: $(VENV)/.group-%: $(VENV)/.package
	@$(INSTALL) --group $*
	@touch $@
