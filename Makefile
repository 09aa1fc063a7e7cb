# Thin names for what README explains; `make` lists them.
SHELL := /bin/sh
STACK ?= local
PYTHON ?= $(firstword $(foreach each,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(each) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(each))))

BIN := .venv/bin
READY := .venv/ready
ENGINE := $(CURDIR)/.pulumi-fastapi/engine/bin/pulumi
UV := $(shell uv --version >/dev/null 2>&1 && echo uv || echo .pulumi-fastapi/uv/bin/uv)
EMULATOR := PULUMI_BIN=$(ENGINE) $(BIN)/python -m pulumi_fastapi.emulator
LOCK := $(UV) pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help setup engine up down preview test lint bench lock clean

help: ## list these targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

setup: engine ## install the locked dependencies into .venv, and the Pulumi engine if there is none

engine: $(READY)
	@$(BIN)/python engine/install.py >/dev/null

up: engine ## the real `pulumi up` on an emulated cloud; STACK=local, lambda or cloudrun
	@$(EMULATOR) up --stack $(STACK)

down: engine ## destroy it again, and stop the emulated cloud
	@$(EMULATOR) down --stack $(STACK)

preview: $(READY) ## resources, derived numbers and findings of a stack; no engine, no cloud, no login
	@$(BIN)/pulumi-fastapi preview --stack $(STACK)

# Most tests wait for a server, an engine or a build; more than two workers make those late that watch a clock.
test: engine ## the whole test suite
	@PULUMI_BIN=$(ENGINE) $(BIN)/python -m pytest --numprocesses=2

lint: $(READY) ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy engine/install.py engine/language_host.py
	$(BIN)/mypy app/fastapi_runtime

bench: $(READY) ## measure again what docs/benchmarks.md states
	$(BIN)/python benchmarks/preview.py
	$(BIN)/python benchmarks/runtime.py
	$(BIN)/python benchmarks/lambda_runtime.py
	$(BIN)/python benchmarks/cost.py

lock: $(UV) ## choose the versions in requirements.txt and app/requirements.txt anew
	$(LOCK) --extra aws --extra cost --extra emulator --extra gcp --group dev pyproject.toml -o requirements.txt
	$(LOCK) --all-extras app/pyproject.toml -o app/requirements.txt

clean: ## remove what was installed and built here; a stack that is up has to come down first
	rm -rf .venv .pulumi-fastapi stacks/.pulumi-fastapi

$(READY): requirements.txt pyproject.toml | $(UV)
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer is needed: https://www.python.org/downloads/" >&2; exit 1; }
	@echo "setup: installing the locked dependencies into .venv"
	@$(UV) venv --quiet --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.PHONY: uv
uv:
.pulumi-fastapi/uv/bin/uv:
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer is needed: https://www.python.org/downloads/" >&2; exit 1; }
	@echo "setup: installing uv into .pulumi-fastapi"
	@$(PYTHON) -m venv --clear .pulumi-fastapi/uv
	@.pulumi-fastapi/uv/bin/python -m pip install --quiet --disable-pip-version-check uv
