# The commands of the README. `make demo` and `make test` set up what they need.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: demo test slow conformance lint bench site pictures clean

demo: $(VENV)/installed
	@scripts/ensure-kubectl
	@scripts/demo

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m "not slow and not bench and not kind"

slow: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m slow

conformance: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m slow tests/conformance

# Unmodified kubectl, Helm, istioctl, client-go and Python against the embedded cluster, in several versions.
clients: $(VENV)/installed-dev
	kubectls=$$(scripts/fetch-kubectls .cache/kubectls) && \
	LABCHECK_KUBECTLS=$$(echo "$$kubectls" | paste -sd:) $(BIN)/python -m pytest tests/clients

bench: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m bench -s

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

site: $(VENV)/installed-dev
	$(BIN)/mkdocs build --strict

# The traced paths in the folders of labs, drawn again.
pictures: $(VENV)/installed-dev
	$(BIN)/python scripts/pictures

clean:
	rm -rf $(VENV) .cache build

$(VENV)/installed: pyproject.toml
	@scripts/make-venv $(PYTHON) $(VENV) embedded
	@touch $@

$(VENV)/installed-dev: pyproject.toml
	@scripts/make-venv $(PYTHON) $(VENV) embedded,kind,site,dev
	@touch $@ $(VENV)/installed
