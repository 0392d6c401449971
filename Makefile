# Each target sets up what it needs on a fresh machine: Python 3.11 or newer with venv and pip, make, git.
# Paths here are relative, so that the checkout may lie in any folder.

PY = .venv/bin/python
WORKERS ?= 2
ARGS ?=
TLS ?= $(SANDBOX_TLS)

.DEFAULT_GOAL := help
.PHONY: help sandbox journey test check bench bench-identity bench-notify bench-pay bench-wallet load docs rules lock security vendor clean
.SILENT:

help: ## list the targets
	sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | while IFS='	' read -r name what; do printf '  make %-14s %s\n' "$$name" "$$what"; done

sandbox: ## run all four services here, with people and keys to try (ARGS=--fresh begins anew, TLS=1 on https)
	sh deploy/make/environment.sh sandbox
	SANDBOX_TLS='$(TLS)' exec $(PY) -m deploy.cli sandbox $(ARGS)

journey: ## walk one person through all four services over HTTP, starting a sandbox if none runs
	sh deploy/make/environment.sh sandbox
	SANDBOX_TLS='$(TLS)' exec $(PY) -m deploy.cli journey $(ARGS)

test: ## run all tests (ARGS='tests/unit -k outbox' for some)
	sh deploy/make/environment.sh dev
	WORKERS='$(WORKERS)' sh deploy/make/test.sh $(ARGS)

check: ## ruff, mypy, import-linter, bandit and the other tidy tests
	sh deploy/make/environment.sh dev
	$(PY) -m pytest -q tests/tidy

bench: ## measure start, memory and requests a second; figures go to docs/performance.md
	sh deploy/make/environment.sh dev
	$(PY) -m deploy.bench $(ARGS)

bench-identity: ## measure the OpenID Connect provider beside node-oidc-provider (needs wrk, node and npm)
	sh deploy/make/environment.sh dev
	$(PY) -m deploy.bench.identity $(ARGS)

bench-pay: ## measure pay: creates, reads, whole payments a second, search and proof (ARGS='--books 1000000 --fill 5000000 --soak 600')
	sh deploy/make/environment.sh dev
	$(PY) -m deploy.bench.pay $(ARGS)

load: ## a day's load on a sandbox of its own, then the books (ARGS='ordinary --seconds 60')
	sh deploy/make/environment.sh dev
	$(PY) -m deploy.rigs $(ARGS)

bench-wallet: ## measure the gate, tokens, the log and the pages over it (needs wrk)
	sh deploy/make/environment.sh dev
	$(PY) -m deploy.bench.wallet $(ARGS)

bench-notify: ## measure how many messages notify accepts and delivers a second
	sh deploy/make/environment.sh dev
	$(PY) -m deploy.bench.notify $(ARGS)

docs: ## write the generated parts of docs/ anew
	sh deploy/make/environment.sh dev
	$(PY) -m deploy.docs $(ARGS)
	$(PY) -m deploy.make.rules

rules: ## write docs/conformance.md: each rule of the contracts and the tests that hold it
	sh deploy/make/environment.sh dev
	$(PY) -m deploy.make.rules

lock: ## renew requirements/*.txt (exact versions with hashes) from pyproject.toml
	sh deploy/make/lock.sh $(ARGS)

security: ## look for insecure code, weak dependencies and secrets; write the bill of materials
	sh deploy/make/environment.sh dev
	sh deploy/make/security.sh

vendor: ## fetch and build the front-end files that are kept in the repository (needs npm)
	sh deploy/make/environment.sh dev
	$(PY) -m deploy.vendor_frontend

clean: ## remove what the other targets made, but not the sandbox's data
	rm -rf .venv .venv.lock build dist andamio.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache var/tools
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
