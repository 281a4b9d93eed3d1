# Every set-up step lives here: a target makes what it needs, and only when that has changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MANIFESTS := exporter/pyproject.toml trainer/pyproject.toml
BENCHMARKS := against_nvitop scrape crowd day step_overhead against_torchvision gpu_step metering ledger forecast rules dashboards

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@echo "Taximeter: what PyTorch training costs, while it runs."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make demo ARGS=--help tells what the demo can do besides."

.PHONY: demo
demo: $(VENV)/.run ## the whole stack here, without Docker: train, watch the money, get the alerts, read the bill
	@PYTHONPATH=deploy $(BIN)/python -m demo $(ARGS)

.PHONY: test-alert
test-alert: ## try the configured receivers with a test alert; ARGS=--help tells how
	@$(PYTHON) alertmanager/try_receivers.py $(ARGS)

.PHONY: fire
fire: $(VENV)/.run ## make an alert fire on purpose, with made-up data: ALERT=TaximeterGpuHot; without it, name them all
	@PYTHONPATH=deploy $(BIN)/python -m fire $(or $(ALERT),--list) $(ARGS)

.PHONY: venv
venv: $(VENV)/.dev ## .venv with both packages and the tools

.PHONY: test
test: $(VENV)/.dev lint types ## every check that this machine can run; says what it could not and why
	$(BIN)/python -m pytest $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev ## ruff: mistakes and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: $(VENV)/.dev ## mypy, strict
	$(BIN)/mypy

.PHONY: bench
bench: $(VENV)/.bench ## the benchmarks; each says what it measured and whether it holds
	@failed=; for name in $(BENCHMARKS); do \
	    echo "== bench.$$name"; PYTHONPATH=tests:deploy $(BIN)/python -m bench.$$name || failed="$$failed $$name"; \
	done; [ -z "$$failed" ] || { echo "make bench: did not hold:$$failed"; exit 1; }

.PHONY: dashboards
dashboards: $(VENV)/.dev ## write grafana/dashboards/*.json anew
	PYTHONPATH=grafana $(BIN)/python -m dashboards_src

.PHONY: docs
docs: $(VENV)/.dev ## write docs/metrics.md and docs/alerts.md anew
	PYTHONPATH=docs $(BIN)/python -m generate

.PHONY: captures
captures: $(VENV)/.dev ## write anew what the captures of tests/captures are expected to say
	TAXIMETER_WRITE_CAPTURES=1 $(BIN)/python -m pytest -q tests/exporter/devices/test_captures.py

.PHONY: hooks
hooks: $(VENV)/.dev ## run the same checks before each commit
	$(BIN)/pre-commit install

.PHONY: clean
clean: ## remove what was made here: the environment, downloaded programs, the demo's data
	rm -rf $(VENV) .tools .demo

$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "make: $(PYTHON) is too old: Python 3.11 or later is needed; name another: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.run: $(VENV)/.pip $(MANIFESTS)
	@echo "Installing PyTorch and both packages into $(VENV) (the first time: 3 GB to download)"
	$(BIN)/python -m pip install -qq --editable exporter --editable 'trainer[trainer]'
	@touch $@

$(VENV)/.dev: $(VENV)/.run pyproject.toml
	$(BIN)/python -m pip install -qq --group dev --editable 'exporter[gpuhunt]'
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/python -m pip install -qq --group bench
	@touch $@
