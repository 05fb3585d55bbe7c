# TableTap: `make` prints what there is. Two commands do everything: `make run` and `make test`.

.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first Python that is new enough.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; exit; }; done; echo python3)
BIN := .venv/bin
# What our Python tools look at; bench/ and docs are there from the first day they are written.
CODE := src tests scripts $(wildcard bench)
ARGS ?=
# Line and branch coverage below this fails `make test`.
COVERAGE ?= 90
# How many processes test side by side, each with servers of its own; a file stays with one of them. Tests wait now and
# then: one more than there are cores on the smallest machine we know keeps both of its cores busy.
WORKERS ?= 3
# Where tests keep their databases: in memory if there is room, since every commit of every test waits for its disk
# otherwise. They are set to flush to disk all the same.
TEST_FOLDER ?= $(shell [ -w /dev/shm ] && [ "$$(df --output=avail /dev/shm 2>/dev/null | tail -1)" -gt 4000000 ] \
	2>/dev/null && echo /dev/shm || echo "$${TMPDIR:-/tmp}")

.PHONY: help
help: ## Print this
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make .venv with TableTap in it, install the npm packages, build the screens
	@$(PYTHON) scripts/setup.py

.PHONY: run
run: setup ## Set up, then a whole demo cafe: `make run ARGS="--port 8080 --rush"`
	@$(BIN)/tabletap demo $(ARGS)

.PHONY: services
services: setup
	@$(PYTHON) scripts/setup.py --for-tests
	@$(PYTHON) scripts/install_services.py

.PHONY: test
test: services ## Set up, then every suite on both engines, browser included: `make test ARGS="-k refund"`
	@rm -rf .coverage
	TMPDIR=$(TEST_FOLDER) $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder --cov --cov-report=term \
		--cov-fail-under=$(if $(ARGS),0,$(COVERAGE)) $(ARGS)

# How many lives of a cafe, and of its screens, `make nightly` plays on each engine.
EXAMPLES ?= 1000

.PHONY: nightly
nightly: services ## Play 1,000 lives of a cafe, and of its screens, with everything failing on each engine; takes two hours
	TMPDIR=$(TEST_FOLDER) MACHINE_EXAMPLES=$(EXAMPLES) LIVE_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest --numprocesses=$(WORKERS) \
		tests/machine tests/realtime/chaos $(ARGS)

# Where clones of socketio/engine.io-protocol and socketio/socket.io-protocol are.
PROTOCOL_SUITES ?=

.PHONY: protocol-suites
protocol-suites: setup ## Run the official protocol suites: `make protocol-suites PROTOCOL_SUITES=DIR`
	$(BIN)/python scripts/protocol_suites.py $(PROTOCOL_SUITES)

CHECKS := check-format check-lint check-types check-layers check-docs check-architecture check-screens
.PHONY: check $(CHECKS)
check: $(CHECKS) ## Format, lint, types, layers, generated pages, architecture; `make -k check` goes on after a fault

$(CHECKS): setup
check-format:
	$(BIN)/ruff format --check $(CODE)
check-lint:
	$(BIN)/ruff check --quiet $(CODE)
check-types:
	$(BIN)/mypy --strict $(CODE)
check-layers:
	$(BIN)/lint-imports --no-logo
check-docs:
	$(BIN)/python scripts/docs.py --check
check-architecture:
	$(BIN)/python -m pytest -q tests/architecture
check-screens:
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent --if-present types

.PHONY: format
format: setup ## Bring the code into shape
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

.PHONY: bench
bench: setup ## Measure payments and the live edge: `make bench ARGS="live"`
	$(BIN)/python -m bench $(ARGS)

.PHONY: docs
docs: setup ## Write the generated pages anew
	$(BIN)/python scripts/docs.py

.PHONY: lock
lock: setup ## Pin the requirements anew: `UPGRADE=1 make lock` for newer versions
	@scripts/lock.sh
	@$(PYTHON) scripts/setup.py

.PHONY: clean
clean: ## Remove what builds, tests and checks left behind; .venv and node_modules stay
	rm -rf build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache test-results
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
