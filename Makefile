# make lab opens the lab, make test runs the tests, make check lints and type checks,
# make bench measures what the README publishes.
# Each makes .venv and installs what it needs the first time; after that nothing is done twice.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: lab test check bench clean

lab: $(VENV)/.lab
	@$(BIN)/lab $(ARGS)

test: $(VENV)/.test
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal --durations 60 --durations-min 5 $(ARGS)

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.lab
	$(BIN)/python benchmarks/refinement.py
	$(BIN)/python benchmarks/engine_memory.py
	$(BIN)/python benchmarks/adapters.py
	$(BIN)/python benchmarks/perplexity.py
	$(BIN)/python benchmarks/kernels.py
	$(BIN)/python benchmarks/budgets.py
	$(BIN)/python benchmarks/record.py
	$(BIN)/python benchmarks/salience.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/learning.py

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "$(PYTHON) is older than Python 3.10: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.lab: $(VENV)/.python pyproject.toml constraints.txt
	$(PIP) install --quiet --progress-bar on -c constraints.txt -e .
	@touch $@

$(VENV)/.test: $(VENV)/.lab
	$(PIP) install --quiet --progress-bar on -c constraints.txt -e '.[test,check]'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
