# Targets for a person: `make avatar`, `make test`. Both make .venv first and need Python 3.11 or 3.12, pip and gcc.
#
#   make avatar                                   the demo, from a clip made on the spot to the report
#   make avatar VIDEO=me.mp4 [SUBJECT=me] [RESULTS=results] [CORES=2] [SET="train.steps=500 dataset.size=128"]
#   make test                                     everything that must hold; `make lint` and `make unit` are parts of it

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
EXTRAS := video,landmarks68,report,view,workflow,dev
# What is imported is compiled when it is; compiling all that pip installs would be half of the wait.
INSTALL := install --quiet --no-compile
# Then it has to be kept: without byte code every stage's start takes twice as long.
unexport PYTHONDONTWRITEBYTECODE
# The environment is made anew when a pin changes, not when a checkout touches the file,
# or the kernels' sources do.
STAMP := .venv/.made-$(shell { cat constraints.txt pyproject.toml partnerface/kernels/csrc/*; echo $(EXTRAS); } \
	| sha256sum | cut -c1-16)
PYTHON ?= $(shell for python in python3.11 python3.12 python3 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null \
	&& echo $$python && break; done)

# Taken as they stand, and handed on through the environment: a path may hold spaces, quotes and dollar signs.
override export VIDEO := $(value VIDEO)
override export SUBJECT := $(value SUBJECT)
override export RESULTS := $(value RESULTS)
override export CORES := $(value CORES)
override export SET := $(value SET)

# The launcher on a cluster has an environment of its own: its Slurm plugin wants a newer numpy than the stages.
LAUNCHER := .launcher/.made-$(shell sha256sum envs/launcher.txt | cut -c1-16)

.PHONY: help env launcher avatar test test-slurm lint unit workflow schema clean

help: ## Show the targets
	@awk '/^#/ {sub(/^# ?/, ""); print; next} {print ""; exit}' Makefile
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

env: $(STAMP) ## Make .venv with every package as pinned in constraints.txt

$(STAMP):
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or 3.12 found; install one, or name it: make PYTHON=..." >&2; exit 1; }
	@echo "making .venv with $(PYTHON); the first time takes some minutes"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv 2>/dev/null || { \
		rm -rf .venv && $(PYTHON) -m venv --without-pip .venv && $(PYTHON) -m pip --python $(BIN)/python install pip; }
	@$(BIN)/python -m pip $(INSTALL) --constraint constraints.txt scikit-build-core cmake ninja setuptools
	@$(BIN)/python -m pip $(INSTALL) --constraint constraints.txt --no-build-isolation --editable '.[$(EXTRAS)]'
	@# The path alone, without the hook that finds the package here even for a run in another checkout.
	@sed -i '/^import /d' .venv/lib/python*/site-packages/_editable_*partnerface.pth
	@$(BIN)/python -c 'from partnerface.kernels.backend import told; print("kernels:", told())'
	@rm -f .venv/.made-* && touch $@

launcher: $(LAUNCHER) ## Make .launcher, the launcher's environment on a cluster (docs/slurm.md)

$(LAUNCHER):
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or 3.12 found; install one, or name it: make PYTHON=..." >&2; exit 1; }
	@rm -rf .launcher && { $(PYTHON) -m venv .launcher 2>/dev/null || { \
		rm -rf .launcher && $(PYTHON) -m venv --without-pip .launcher && $(PYTHON) -m pip --python .launcher/bin/python install pip; }; }
	@.launcher/bin/python -m pip $(INSTALL) --requirement envs/launcher.txt
	@touch $@

avatar: $(STAMP) ## Walk the whole road for VIDEO, or for the subjects of config.yaml
	@set --; \
	if [ -n "$$VIDEO" ]; then set -- "$$VIDEO"; fi; \
	if [ -n "$$SUBJECT" ]; then set -- "$$@" --subject "$$SUBJECT"; fi; \
	if [ -n "$$RESULTS" ]; then set -- "$$@" --results "$$RESULTS"; fi; \
	if [ -n "$$CORES" ]; then set -- "$$@" --cores "$$CORES"; fi; \
	for change in $$SET; do set -- "$$@" --set "$$change"; done; \
	exec $(BIN)/partnerface run "$$@"

test: lint unit workflow ## Everything: style, types, layers, unit tests, the real DAG on a tiny clip

test-slurm: $(STAMP) $(LAUNCHER) ## The DAG on a real Slurm on this machine (as root: it installs Debian's packages), with kills
	$(BIN)/pytest -q -m slurm tests/workflow/slurm

lint: $(STAMP) ## Style, types, layers, and Snakemake's own checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

unit: $(STAMP) ## Unit tests alone
	$(BIN)/pytest -q -m "not workflow and not slurm"

workflow: $(STAMP) ## The DAG's tests alone: real stages, tiny settings
	$(BIN)/pytest -q -m workflow

schema: $(STAMP) ## Write the configuration's schema and the pages' tables anew after a change of its settings
	$(BIN)/python -m partnerface.config.schema workflow/schemas/config.schema.json
	$(BIN)/python -m partnerface.config.pages docs/stages

clean: ## Remove caches and build leftovers; results and .venv stay
	rm -rf .pytest_cache .ruff_cache .import_linter_cache build dist *.egg-info
	find partnerface tests workflow -name __pycache__ -type d -prune -exec rm -rf {} +
