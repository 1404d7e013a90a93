# Every verb of the project; `make` alone prints them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PYTHON := $(BIN)/python
PACKAGES := libs/common $(wildcard services/*) sandbox devstack bench
CODE := $(wildcard libs services sandbox devstack bench tests conftest.py)

export UV_PYTHON_DOWNLOADS := never
# A home that cannot be written (a container's odd user) must not stop uv.
ifneq ($(shell test -w "$(HOME)" && echo yes),yes)
export UV_CACHE_DIR := $(CURDIR)/$(VENV)/cache
export PIP_NO_CACHE_DIR := 1
endif

##@ Start

.PHONY: setup
setup: $(VENV)/synced ## environment, Kafka's jars, folders; doing it again is quick
	@$(PYTHON) -m devstack setup

.PHONY: up
up: $(VENV)/synced ## the whole suite on this machine, until Ctrl-C
	@$(PYTHON) -m devstack up

.PHONY: demo
demo: $(VENV)/synced ## a WhatsApp message travels the whole suite
	@$(PYTHON) -m devstack demo

.PHONY: down
down: $(VENV)/synced ## stop the suite that runs in this clone
	@$(PYTHON) -m devstack down

##@ Check

.PHONY: check
check: lint types imports deps docs-check ## everything a tool can see: seconds

.PHONY: fmt
fmt: $(VENV)/synced ## write code the way the house writes it
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

.PHONY: lint
lint: $(VENV)/synced ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: types
types: $(VENV)/synced ## mypy, strict, tests too
	@$(BIN)/mypy $(CODE)

.PHONY: imports
imports: $(VENV)/synced ## who may import whom
	@$(BIN)/lint-imports

.PHONY: deps
deps: $(VENV)/synced ## every package declares what it imports
	@for package in $(PACKAGES); do \
		(cd $$package && "$(CURDIR)/$(BIN)/deptry" src) || { echo "in $$package"; exit 1; }; \
	done

##@ Test

.PHONY: test
test: check ## all checks, then every test, on real Postgres and real Kafka
	@$(BIN)/pytest

.PHONY: test-unit
test-unit: $(VENV)/synced ## no server, no network
	@$(BIN)/pytest -m "not integration and not e2e"

.PHONY: test-integration
test-integration: $(VENV)/synced ## against real Postgres and real Kafka
	@$(BIN)/pytest -m integration

.PHONY: e2e
e2e: $(VENV)/synced ## the whole suite as processes
	@$(BIN)/pytest -m e2e

.PHONY: bench
bench: $(VENV)/synced ## measure against raw limits; writes bench/results.json
	@$(PYTHON) -m bench

.PHONY: chaos
chaos: $(VENV)/synced ## kill workers under load and count what was lost or doubled
	@$(PYTHON) -m bench.chaos

##@ Keep

.PHONY: lock
lock: $(VENV)/synced ## write requirements.lock anew: names, versions, hashes, no addresses
	@$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate \
		--no-header --python-version 3.11 --group pyproject.toml:dev requirements.in \
		-o requirements.lock

.PHONY: docs
docs: $(VENV)/synced ## write what is generated from the code
	@$(PYTHON) -m devstack.docs

.PHONY: docs-check
docs-check: $(VENV)/synced ## fail when what is generated is not what is checked in
	@$(PYTHON) -m devstack.docs --check

.PHONY: help
help:
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo

# The environment is as new as the lock file, or it is brought there.
$(VENV)/synced: requirements.lock
	@python=""; \
	for candidate in python3.11 python3 python3.12 python3.13 python3.14; do \
		if $$candidate -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
			>/dev/null 2>&1; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Parley needs Python 3.11 or newer with its venv module, and $$(python3 --version 2>&1 || echo no python3) is what is here: install it (apt-get install python3.11 python3.11-venv), then run make again." >&2; \
		exit 2; \
	fi; \
	if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
		echo "creating $(VENV) with $$($$python --version)"; \
		rm -rf $(VENV); $$python -m venv $(VENV); \
	fi
	@wanted=$$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.lock); \
	if [ "$$($(BIN)/uv --version 2>/dev/null | cut -d' ' -f2)" != "$$wanted" ]; then \
		echo "installing uv $$wanted"; \
		awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock > $(VENV)/uv.txt; \
		$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
			-r $(VENV)/uv.txt; \
	fi
	@echo "installing what requirements.lock names"
	@index=$$($(PYTHON) -m pip config get global.index-url 2>/dev/null || true); \
	if [ -n "$$index" ] && [ -z "$${UV_DEFAULT_INDEX:-}$${UV_INDEX_URL:-}" ]; then \
		export UV_DEFAULT_INDEX="$$index"; \
	fi; \
	VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/uv pip sync requirements.lock 2>&1 | grep -v '^ [-+~]'
	@touch $@
