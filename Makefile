# `make` sets everything up and draws the default sweeps; `make test` sets everything up and runs the tests that take minutes,
# `make test-all` all of them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Only what decides the installed packages; a change of the library's own source needs no new installation.
LOCK := pyproject.toml constraints.txt

.DEFAULT_GOAL := results
.PHONY: results explore test test-all check hooks docs gpu benchmark clean

results: $(VENV)/.runtime
	$(BIN)/snakemake --cores all
	@echo "Done. Open results/index.html in a browser."

# Look at them in a browser, on this machine only.
explore: $(VENV)/.runtime
	$(BIN)/lazyrich explore

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 -m "not slow"

# What `make test` leaves out: SLURM, claims, kills, most of the browser; and random cases in their full number.
test-all: test
	$(BIN)/python -m pytest -n 2 -m "slow or hypothesis" --hypothesis-profile many

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/snakemake --lint
	$(BIN)/snakemake --cores all --dry-run --quiet

# Run the linters before each commit of this checkout (.pre-commit-config.yaml).
hooks: $(VENV)/.test
	$(BIN)/pre-commit install

# Write config/README.md and the JSON schema from the models.
docs: $(VENV)/.runtime
	$(BIN)/lazyrich docs

# The fused kernel's language, and its tests.
gpu: $(VENV)/.gpu

# The tables of benchmarks/README.md, in half an hour of a machine that does nothing else.
benchmark: $(VENV)/.benchmark
	$(BIN)/python benchmarks/engines.py
	$(BIN)/python benchmarks/octet.py
	$(BIN)/python benchmarks/large.py
	$(BIN)/python benchmarks/large.py summary
	$(BIN)/python benchmarks/workflow.py
	$(BIN)/python benchmarks/default.py
	$(BIN)/python benchmarks/explorer.py

clean:
	rm -rf $(VENV)

# PIP_CONSTRAINT also pins the build backend, which pip installs in an environment of its own.
$(VENV)/.runtime: $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lazyrich needs Python 3.11 or newer; name one with: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[all]'
	touch $@

# Extras of pyproject.toml.
$(VENV)/.test $(VENV)/.gpu $(VENV)/.benchmark: $(VENV)/.%: $(VENV)/.runtime $(LOCK)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$*]'
	touch $@
