# Two commands are enough: `make run` and `make test`. `make help` lists the others.
SHELL := /bin/sh
.DEFAULT_GOAL := help
DATA ?=
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
MILK := $(BIN)/milk

.PHONY: help run test up check format clean update-snapshot soak ci

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/.ready ## from raw files to a forecast; DATA=folder for other data than the sample
	@$(MILK) run $(if $(DATA),--data "$(DATA)")

up: .venv/.ready ## the Dagster UI, its daemon and the reader; DATA=folder for other data than the sample
	@$(MILK) up $(if $(DATA),--data "$(DATA)")

test: .venv/.ready-dev ## the test suite; a file stays in one process, as its servers are shared by its tests
	@$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder

check: .venv/.ready-dev ## format, lint, types, walls between the rooms
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/pytest -q tests/test_walls.py

format: .venv/.ready-dev ## format the code and mend what the linter can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

update-snapshot: .venv/.ready-dev ## accept a change of the asset graph, or of what the reader says of itself
	@MILK_UPDATE_SNAPSHOT=1 $(BIN)/pytest -q tests/milk_assets/test_graph_snapshot.py tests/milk_serving/test_description.py

soak: .venv/.ready-dev ## kill, collide, damage, and count what is broken; about half an hour
	@$(BIN)/python benchmarks/soak.py

ci: ## what the continuous integration runs
	@bash .ci/run

clean: ## remove the environment and caches; the data and what was made of them stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.ready: pyproject.toml constraints.txt deploy/install.sh
	@sh deploy/install.sh "$(PYTHON)" dagster-postgres,serving && touch $@

.venv/.ready-dev: pyproject.toml constraints.txt deploy/install.sh
	@sh deploy/install.sh "$(PYTHON)" dev && touch .venv/.ready $@
