# Everything a fresh machine needs is Python 3.11+ and make. `make demo` and `make test` set up .venv by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS := fast,images,cells,diffraction,excel,search,cluster,tensorboard,quantum,docs,dev

.PHONY: help setup demo test check lint types layers recipes readme docs coverage bench clean wheel

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## create .venv and install Hooke with the pinned constraints

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$(EXTRAS)]"
	$(BIN)/python -m compileall -q src
	@touch $(STAMP)

demo: setup ## pretrain, fine-tune, compare, predict, and write report.html
	$(BIN)/hooke quickstart

test: setup ## every test, offline (one thread a process: two processes share two cores)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -q

check: lint types layers recipes readme docs ## lint, types, layers, tiny recipes, README commands, docs

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

layers: setup
	$(BIN)/lint-imports

recipes: setup ## every tiny_* recipe end to end, and ten steps of every published one on its twin
	$(BIN)/python scripts/run_tiny_recipes.py
	OMP_NUM_THREADS=1 $(BIN)/python scripts/run_twin_recipes.py

readme: setup ## the README's commands, in an empty folder
	$(BIN)/python scripts/run_readme.py

docs: setup ## generated parts and references are checked, then the documentation is built into site/
	$(BIN)/python scripts/make_docs.py --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

coverage: setup ## line coverage of every file, at least 85%
	$(BIN)/python -m pytest -n 2 -q --cov=hooke --cov-report=json:.coverage.json
	$(BIN)/python scripts/check_coverage.py .coverage.json 85

wheel: setup ## the wheel in clean environments of Python 3.11 to 3.13: fit, predict, mypy of a script (needs a package index)
	$(BIN)/python scripts/check_wheel.py

clean: ## remove the environment and what builds leave behind
	rm -rf $(VENV) site dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
