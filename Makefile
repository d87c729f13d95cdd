# Two commands do everything: `make demo` and `make test`.
SHELL := /bin/sh
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check install -q -c constraints.txt

.PHONY: help demo test check bench coverage e2e format docs clean packages console console-packages

help:
	@echo "make demo [ARGS=--once]  four nodes, two cameras and an NVR, pictures three platforms up"
	@echo "make test                everything that proves it works (installs what it needs)"
	@echo "make check               ruff, mypy --strict, import-linter"
	@echo "make console             builds the console's pages (needs Node.js 20 or newer)"
	@echo "make bench               first figures of relay, PS, SIP and registration"

$(VENV)/bin/python:
	@tools/require-python "$(PYTHON)"
	@echo "== making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run-stamp: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "== installing gb28181-gateway and what it runs on (about 350 MB, half a minute or more)"
	@$(PIP) -e .
	@touch $@

$(VENV)/.test-stamp: $(VENV)/.run-stamp
	@echo "== installing the test and check tools"
	@$(PIP) -e .[test,check]
	@touch $@

packages:
	@tools/debian-packages

demo: $(VENV)/.run-stamp
	@$(BIN)/python -m interop.demo $(ARGS)

check: $(VENV)/.test-stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: packages $(VENV)/.test-stamp
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory console-packages || echo "== no packages for the console"; fi
	$(BIN)/python tools/own_coverage.py --fail-under 90
	$(BIN)/python -m pytest -q -m e2e $(ARGS)

coverage: $(VENV)/.test-stamp
	$(BIN)/python tools/own_coverage.py --fail-under 90

e2e: $(VENV)/.test-stamp
	$(BIN)/python -m pytest -q -m e2e $(ARGS)

bench: $(VENV)/.test-stamp
	$(BIN)/python -m tests.bench $(ARGS)

docs: $(VENV)/.test-stamp
	$(BIN)/python tools/generate_docs.py

console-packages: console/node_modules/.package-lock.json

console/node_modules/.package-lock.json: console/package.json console/package-lock.json
	cd console && npm ci --no-audit --no-fund

console: console-packages
	cd console && npm run lint && npm run types && npm test && npm run build

format: $(VENV)/.test-stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) demo-output build dist
