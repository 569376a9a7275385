# make demo: everything end to end on real pictures.   make test: every check.   make bench: figures.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BARE := build/bare

.PHONY: demo test lint types imports unit wheel bench clean

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "segconv needs Python 3.10 or later: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[train,dev]'
	@touch $@

demo: $(VENV)/.ready
	$(BIN)/segconv demo --overwrite

test: lint types imports unit wheel

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready
	$(BIN)/mypy

imports: $(VENV)/.ready
	$(BIN)/lint-imports

unit: $(VENV)/.ready
	HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-ci} $(BIN)/python -m pytest --cov --cov-report=term:skip-covered

# The wheel alone, in an environment without torch and nnunetv2, with the source out of reach.
wheel: $(VENV)/.ready
	rm -rf build/wheel build/lib $(BARE)
	$(BIN)/python -m build --quiet --wheel --outdir build/wheel .
	$(PYTHON) -m venv $(BARE)
	$(BARE)/bin/python -m pip install --quiet --upgrade pip
	$(BARE)/bin/python -m pip install --quiet "$$(echo build/wheel/segconv-*.whl)" pytest pytest-timeout hypothesis nibabel pydicom
	rm -rf build/elsewhere && mkdir -p build/elsewhere && cp -r tests fixtures pyproject.toml build/elsewhere/
	cd build/elsewhere && SEGCONV_BARE=1 SEGCONV_TEST_DATA="$${SEGCONV_TEST_DATA:-$(abspath ../shared/data)}" \
		HYPOTHESIS_PROFILE=ci ../bare/bin/python -m pytest -q -m 'not train'

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks.convert
	$(BIN)/python -m benchmarks.plan
	$(BIN)/python -m benchmarks.check
	$(BIN)/python -m benchmarks.augment

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
