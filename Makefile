# Every target sets up what it needs by itself; a second run finds it ready.

PYTHON := .venv/bin/python
CODE := src tests tools
STYLED := $(CODE) examples

.DEFAULT_GOAL := help
.PHONY: help setup run check test test-all fix bench screenshots sim lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup: ## make .venv hold what requirements.lock says
	@tools/bootstrap

run: setup ## start the platform with the sample app deployed (TAPWATER_PORT chooses the port)
	@exec .venv/bin/tapwater dev examples/shop

check: setup ## style, types, arrows, fast tests: under a minute, no network, no servers
	@$(MAKE) --no-print-directory lint
	@$(PYTHON) -m pytest -q -n 2 --doctest-modules -m "not slow" src tests

test: setup ## everything that CI runs: check, and whole platforms with real processes
	@$(MAKE) --no-print-directory lint
	@$(PYTHON) -m pytest -q -n 2 --dist loadfile --durations 10 --doctest-modules src tests
	@echo "All checks and tests that this machine can run have passed."

test-all: test

.PHONY: lint
lint:
	@$(PYTHON) -m ruff format --check --quiet $(STYLED) || { echo "Run: make fix"; exit 1; }
	@$(PYTHON) -m ruff check --quiet $(STYLED)
	@$(PYTHON) -m mypy --no-error-summary $(CODE)
	@.venv/bin/lint-imports --quiet 2>/dev/null || .venv/bin/lint-imports

fix: setup ## repair what the tools can repair
	@$(PYTHON) -m ruff check --fix --quiet $(STYLED) || true
	@$(PYTHON) -m ruff format $(STYLED)

bench: setup ## measure against the peers; writes docs/performance.md (ROWS="warm cold": only these; QUICK=1: printed only)
	@$(PYTHON) -m tools.bench $(ROWS) $(if $(QUICK),--quick)

screenshots: setup ## take the pictures of docs/dashboard anew (NAMES="bills system": only these)
	@$(PYTHON) -m tools.screenshots $(NAMES)

sim: setup ## replay a made-up trace through the scheduler (SEED=7 FUNCTIONS=200 NODES=1, or TRACE=file); tell stories of the event line (SEED=7, or SEEDS=1000)
	@trace=$(TRACE); if [ -z "$$trace" ]; then trace=$$(mktemp --suffix=.csv); trap 'rm -f "$$trace"' EXIT; \
	    $(PYTHON) -m tools.trace --seed $(or $(SEED),7) --functions $(or $(FUNCTIONS),200) "$$trace"; fi; \
	    .venv/bin/tapwater simulate "$$trace" --nodes $(or $(NODES),1)
	@SIM_SEED=$(SEED) SIM_SEEDS=$(or $(SEEDS),100) $(PYTHON) -m pytest -q -n 2 tests/simulation/test_event_line.py

lock: setup ## resolve requirements.lock anew (UPGRADE=1: newest versions)
	@$(PYTHON) -m tools.lock

clean: ## remove everything that setup, tests and tools have made here
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
