# make demo: everything end to end on real pictures.   make test: every check.   make bench: benchmarks/REPORT.md.   make lowest: the oldest dependencies.
PYTHON ?= python3
LOWEST_PYTHON ?= python3.11
WORKERS ?= logical
VENV := .venv
BIN := $(VENV)/bin
# Tests start thousands of processes, each of which would compile segconv anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint types imports unit coverage wheel lowest bench clean

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "segconv needs Python 3.11 or later: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[train,totalseg,dev]'
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
	HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-ci} $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(MEASURED)

# The same, with the lines that they run: it takes longer, and fails below the bound in pyproject.toml.
coverage: MEASURED = --cov --cov-report=term:skip-covered
coverage: unit

# The wheel alone, in an environment without torch and nnunetv2, with the source out of reach:
# its interpreter, its folder, extras, options of pip, options of pytest.
define test_wheel
	rm -rf build/wheel build/lib build/elsewhere $(2)
	$(BIN)/python -m build --quiet --wheel --outdir build/wheel .
	$(1) -m venv $(2)
	$(2)/bin/python -m pip install --quiet --upgrade pip
	$(2)/bin/python -m pip install --quiet $(4) "$$(echo build/wheel/segconv-*.whl)$(3)" \
		pytest pytest-timeout pytest-xdist hypothesis nibabel pydicom pynrrd distributed
	mkdir -p build/elsewhere && cp -r tests fixtures docs *.md pyproject.toml build/elsewhere/
	cd build/elsewhere && SEGCONV_BARE=1 SEGCONV_TEST_DATA="$${SEGCONV_TEST_DATA:-$(abspath ../shared/data)}" \
		HYPOTHESIS_PROFILE=ci $(abspath $(2))/bin/python -m pytest -q -n $(WORKERS) --dist worksteal -m 'not train and not browser' $(5)
endef

wheel: $(VENV)/.ready
	$(call test_wheel,$(PYTHON),build/bare)

# The same with the lowest versions that pyproject.toml admits, on the lowest Python: before a release, and
# whenever one of them changes. What is so old warns of its newer neighbours.
lowest: $(VENV)/.ready
	mkdir -p build && $(BIN)/python -m tests.lowest > build/lowest.txt
	$(call test_wheel,$(LOWEST_PYTHON),build/lowest,[fast],--constraint build/lowest.txt,-W default)

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
