# Every target sets up what it needs and can be read as a command. `make` alone lists them.

PYTHON := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help setup demo test check sim worlds fuzz bench compat docs crash soak sbom audit clean kcat java

help: ## List the targets.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/ready ## Make .venv and install the package with its development tools (once, then instant).

.venv/ready: pyproject.toml tools/setup.sh
	@tools/setup.sh

demo: setup ## Start a broker, replay the recorded drives through it, write a report to look at.
	$(PYTHON) -m examples.connected_car $(ARGS)

test: setup kcat ## Run every test: units, simulation gate, real clients, crashes.
	$(PYTHON) -m pytest $(ARGS)

check: setup ## Format, lint, types, import contracts, tidy tests, snapshots. Under a minute.
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PYTHON) -m pytest -q tests/tidy $(wildcard tests/test_api_table.py)

worlds: setup ## Simulate many short worlds, and go on where it was stopped: make worlds WORLDS=1000 [FIRST=n]
	$(PYTHON) -m tests.simulation.campaign --worlds $(or $(WORLDS),1000) --first $(or $(FIRST),0)

sim: setup ## Simulate random worlds: make sim SECONDS=60 [SEED=n]
	$(PYTHON) -m tests.simulation --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED))

fuzz: setup ## Feed hostile bytes to every decoder: make fuzz SECONDS=60
	$(PYTHON) -m fuzz --seconds $(or $(SECONDS),60) $(ARGS)

bench: setup java ## Measure against Apache Kafka in the same run: make bench [ARGS=...]
	$(PYTHON) -m bench.run $(ARGS)

compat: setup java ## Run other people's clients and suites: make compat [SUITE=name] [TARGET=neuraxis|kafka]
	$(PYTHON) -m compat.run $(if $(SUITE),--suite $(SUITE)) $(if $(TARGET),--target $(TARGET)) $(ARGS)

crash: setup ## Kill the broker at random points under load: make crash ROUNDS=20
	$(PYTHON) -m tests.crash --rounds $(or $(ROUNDS),20) $(ARGS)

soak: setup ## A mixed load on a real broker with kills, pauses and resets: make soak MINUTES=30 [SEED=n] [REPORT=page]
	$(PYTHON) -m tests.soak --minutes $(or $(MINUTES),30) --seed $(or $(SEED),1) $(if $(REPORT),--report $(REPORT)) $(ARGS)

docs: setup ## Write the generated reference pages again.
	$(PYTHON) docs/generate.py
	$(PYTHON) -m compat.matrix
	$(PYTHON) -m fuzz.report
	$(PYTHON) -m tests.simulation.report

sbom: setup ## Write the bill of materials (CycloneDX) to out/sbom.cdx.json.
	$(PYTHON) tools/sbom.py $(ARGS)

audit: setup ## Ask whether holes are known in what the package needs. 1: there are; 2: it cannot be said.
	$(PYTHON) tools/audit.py

clean: ## Remove the environment and everything generated.
	rm -rf .venv .cache out build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# System packages, only where a target needs them.

kcat:
	@command -v kcat >/dev/null || tools/system.sh kcat

java:
	@command -v java >/dev/null && command -v mvn >/dev/null || tools/system.sh openjdk-17-jre-headless maven
