# Everything runs in the virtual environment .venv, which is made from Python 3.11 or later and nothing else.
#   make demo    the main job end to end on a bundled module
#   make test    the tests
#   make lint    ruff, mypy, and mandoc on the manual pages
#   make man     write the manual pages anew from the command definitions

PYTHON ?= python3
VENV   ?= .venv
CC     ?= cc
BIN     = $(VENV)/bin
PYTESTFLAGS ?= -n auto
STAMP   = $(VENV)/.installed

.PHONY: demo test lint man clean
.DELETE_ON_ERROR:

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "hlo-tools needs Python 3.11 or later; set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

demo: $(STAMP)
	@PATH="$(abspath $(BIN)):$$PATH" CC="$(CC)" sh examples/demo.sh

test: $(STAMP)
	$(BIN)/python -m pytest $(PYTESTFLAGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if command -v mandoc >/dev/null; then mandoc -Tlint -Wwarning man/*.1; \
	  else echo "mandoc is missing: manual pages not linted"; fi

man: $(STAMP)
	$(BIN)/python -m hlo_tools.cli.man man

clean:
	rm -rf build dist demo-out .mypy_cache .pytest_cache .ruff_cache .hypothesis $(VENV)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
