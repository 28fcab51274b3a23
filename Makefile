# make land: set up and run the main job; make test: set up and check everything; make bench: measure.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= landing
LAND_ARGS ?=
PYTEST_ARGS ?= -n auto --dist loadfile

.PHONY: land test lint bench docs looks lock page clean

land: $(VENV)/.run-ready
	$(BIN)/skycrane land -o $(OUT) $(LAND_ARGS)

test: $(VENV)/.dev-ready
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/pytest $(PYTEST_ARGS)

bench: $(VENV)/.dev-ready
	$(BIN)/python -m benchmarks.run $(if $(ONLY),--only $(ONLY))

docs: $(VENV)/.dev-ready
	$(BIN)/uv pip install --quiet --require-hashes -r requirements/docs.txt
	$(BIN)/mkdocs build --strict --quiet --site-dir build/docs

# Our frames of the landing-vision camera beside the flown ones, where those are at hand.
looks: $(VENV)/.run-ready
	$(BIN)/skycrane fly -o build/looks/run -q
	$(BIN)/python -m skycrane.cameras.looks build/looks/run build/looks $(EVERY)

lock: $(VENV)/.uv-ready
	sh requirements/compile.sh

page:
	cd web && npm ci --no-audit --no-fund && npm run build

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache

# A virtual environment in which uv, itself pinned by hash, installs the hash-pinned locks.
$(VENV)/.uv-ready: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "python3 is %d.%d; 3.11 or later is needed (make PYTHON=python3.12 ...)" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.run-ready: $(VENV)/.uv-ready requirements/run.txt pyproject.toml
	@if [ ! -e $(VENV)/.dev-ready ] || [ requirements/dev.txt -nt $(VENV)/.dev-ready ]; then \
	  rm -f $(VENV)/.dev-ready; \
	  $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/run.txt && \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .; fi
	@touch $@

$(VENV)/.dev-ready: $(VENV)/.uv-ready requirements/dev.txt pyproject.toml
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.run-ready
