# Chimera: everything a developer runs. `make demo` and `make test` work from a fresh clone.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# A rollout is many processes; without this each compiles all of the source anew.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DEV := $(VENV)/.dev
RUNTIME := $(VENV)/.runtime
# A developer's environment holds everything the demo needs.
READY := $(if $(wildcard $(DEV)),$(DEV),$(RUNTIME))

ASSETS := src/chimera/web/assets/manifest.json

# Many tests wait more than they work. The fixed hash seed makes all workers collect one order.
WORKERS ?= 6
PYTEST := PYTHONHASHSEED=0 $(BIN)/pytest
# The system's first: distributions build theirs with a profile, which saves a tenth of the time.
PYTHONS := /usr/bin/python3.11 python3.11 python3.12 python3.13 python3.14 python3

.PHONY: all help setup demo test lint bench bench-judge assets format lock clean
all: lint test ## Everything a commit must pass: lint and test

help: ## Print this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 13

setup: $(DEV) ## Make .venv with the locked runtime and development packages

demo: $(READY) $(ASSETS) ## Watch a good version promoted and a bad one rolled back, on this machine
	@$(BIN)/chimera demo $(ARGS)

test: $(DEV) $(ASSETS) ## Run every test, in parallel (make test ARGS="-k weights")
	@$(PYTEST) -n $(WORKERS) --dist loadgroup --no-loadscope-reorder $(ARGS)

lint: $(DEV) ## Check style, types and the layers between rooms
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(DEV) ## Measure abort latency, detection time and scale (make bench ARGS="abort --strict")
	@$(BIN)/python -m chimera.bench $(ARGS)

bench-judge: $(DEV) ## Play the judge against its peers in simulated worlds (make bench-judge ARGS=--quick)
	@$(BIN)/python -m chimera.bench.judge $(ARGS)

assets: $(DEV) ## Build what the browser needs (frontend/) after a change
	@$(BIN)/python frontend/build.py

format: $(DEV) ## Format the code and mend what ruff can mend by itself
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

LOCK := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe \
	--strip-extras --no-emit-options --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	--build-deps-for editable

lock: $(DEV) ## Pin requirements/*.txt anew from pyproject.toml (make lock ARGS=--upgrade)
	@$(LOCK) $(ARGS) --extra postgres --extra sandbox --output-file requirements/runtime.txt pyproject.toml
	@$(LOCK) $(ARGS) --extra dev --constraint requirements/runtime.txt \
		--output-file requirements/dev.txt pyproject.toml

clean: ## Remove the environment, the caches and what was built
	@rm -rf $(VENV) build dist frontend/node_modules src/chimera/web/assets .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: an environment is made anew only when one of its inputs changed.
$(DEV): requirements/dev.txt pyproject.toml
	@$(call install,requirements/dev.txt)
	@touch $@ $(RUNTIME)

$(RUNTIME): requirements/runtime.txt pyproject.toml
	@$(call install,requirements/runtime.txt)
	@touch $@

# What the browser needs is built by the installation, and again after a change of its sources.
$(ASSETS): $(wildcard frontend/*.* frontend/*/*.css frontend/*/*.js frontend/*/*.svg) | $(READY)
	@$(BIN)/python frontend/build.py
	@touch $@

# The lists are complete, so nothing has to be worked out, and two halves are installed side by side,
# by the pip that is in the list: it is the faster one. pip compiles on one processor alone, and some
# packages bring files that are not meant for this Python.
define install
$(make_venv); \
echo "Installing $(1) into $(VENV) (a few minutes the first time)" >&2; \
parts=$$(mktemp -d); trap 'rm -rf "$$parts"' EXIT; \
awk -v to="$$parts" '/^[a-z]/ { part = /^pip==/ ? "pip" : 1 + n++ % 2 } part { print > (to "/" part) }' $(1); \
install="$(PIP) install --no-deps --no-compile --require-hashes --requirement $$parts"; \
if [ -e "$$parts/pip" ]; then $$install/pip; fi; \
$$install/1 & other=$$!; failed=0; \
$$install/2 || failed=1; \
wait $$other || failed=1; \
[ $$failed = 0 ]; \
$(PIP) install --no-deps --no-compile --no-build-isolation --editable .; \
$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
endef

# A Python that exists, is new enough (shims may exist and not run) and can make environments.
define make_venv
if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	found=; \
	for python in $(PYTHONS); do \
		if $$python -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Chimera needs Python 3.11 or newer with its venv module, and found none of: $(PYTHONS)." >&2; \
		echo "Next: install it (Debian, Ubuntu: apt-get install python3 python3-venv), then run make again." >&2; \
		exit 1; \
	fi; \
	$$found -m venv --clear $(VENV); \
fi
endef
