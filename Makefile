# What one does with this project. Each recipe is one line; the logic lives in Python.

PYTHON ?= python3
PORT ?= 8080
UV_CACHE_DIR ?= $(CURDIR)/.local/uv/cache
# Not set in RUN, which would take a shell between us and what we run: a signal to make would end that alone.
PYTHONPATH := deploy/local/src
export PORT UV_CACHE_DIR PYTHONPATH

RUN := $(PYTHON) -m localcloud.bootstrap
SOURCES := $(wildcard libs/*/src services/*/src deploy/*/src)
SCHEMAS := libs/contracts/schemas

.DEFAULT_GOAL := help
.PHONY: $(shell grep -oE '^[a-z0-9-]+:' $(firstword $(MAKEFILE_LIST)) | tr -d :)

##@ Run

up: ## Start everything until Ctrl-C (PORT=8080, DETACH=1, RELOAD=1)
	@$(RUN) localcloud up $(if $(DETACH),--detach) $(if $(RELOAD),--reload)

down: ## Stop everything that `make up` started
	@$(RUN) localcloud down

ps: ## Show what runs
	@$(RUN) localcloud ps

logs: ## Follow the logs (NAMES="chat gateway")
	@$(RUN) localcloud logs $(NAMES)

clean: ## Stop everything and remove its data
	@$(RUN) localcloud clean

demo: ## Let two people talk and send a picture on the running suite
	@$(RUN) messengerctl demo

doctor: ## Say what is well, and what to do about the rest
	@$(RUN) messengerctl doctor

audit: ## Name every event and file that is missing or doubled
	@$(RUN) messengerctl audit

##@ Test

check: static advisories unit ## All that must hold before a commit

test: unit e2e ## Every test that needs no container

unit: ## Each part against real servers (ARGS="-k name")
	@$(RUN) pytest -m "not e2e and not container" -n auto $(ARGS)

e2e: ## The whole suite through its public address
	@$(RUN) localcloud run --suite -- pytest -m e2e tests $(ARGS)

bench: ## Measure how fast it is; writes docs/performance.md (ARGS="--only pace")
	@$(RUN) python -m tests.load $(ARGS)

bench-peers: ## Measure it beside Synapse and ejabberd; writes docs/performance.md (ARGS="--only ejabberd")
	@$(RUN) python -m tests.load.peers $(ARGS)

chaos: ## Break every part under load, and count (ARGS="--short", ARGS="--seed 7")
	@$(RUN) python -m tests.chaos $(ARGS)

static: format lint types imports generated locked ## All that needs no running

format: ; @$(RUN) ruff format --check
lint: ; @$(RUN) ruff check
types: ; @$(RUN) mypy $(SOURCES)
imports: ; @$(RUN) lint-imports
generated: ; @$(RUN) python -m messenger_contracts.schemas --check $(SCHEMAS) && $(RUN) python -m servicekit.documents --check
locked: ; @$(RUN) uv lock --check
advisories: ; @$(RUN) python deploy/advisories.py

##@ Change

fmt: ## Put the code into shape
	@$(RUN) ruff check --fix && $(RUN) ruff format

generate: ## Write event schemas and OpenAPI documents anew
	@$(RUN) python -m messenger_contracts.schemas $(SCHEMAS) && $(RUN) python -m servicekit.documents

##@ Containers

compose-up: ## Start everything in containers
	@docker compose up --build --wait

compose-test: ## Test what runs in containers
	@$(RUN) pytest -m container tests $(ARGS)

##@ Help

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
