# make demo: everything end to end on real pictures.   make test: every check.   make bench: benchmarks/REPORT.md.   make lowest: the oldest dependencies.
PYTHON ?= python3
LOWEST_PYTHON ?= python3.11
WORKERS ?= logical
VENV := .venv
BIN := $(VENV)/bin
# Tests start thousands of processes, each of which would compile segconv anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint types imports unit coverage bare wheel lowest bench clean

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "segconv needs Python 3.11 or later: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[train,totalseg,dev]'
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null || true  # pip uses one core; some files are not valid Python 3
	@touch $@

demo: $(VENV)/.ready
	$(BIN)/segconv demo --overwrite

# Steps that use one core run side by side; then the tests use all cores.
test: $(VENV)/.ready
	$(MAKE) --jobs=2 --output-sync=target lint types imports bare
	$(MAKE) unit
	$(MAKE) --old-file=bare wheel

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

# The wheel alone, in an environment without torch and nnunetv2. Arguments: interpreter, folder, extras, options of pip.
define install_wheel
	rm -rf build/wheel build/lib $(2)
	$(BIN)/python -m build --quiet --wheel --outdir build/wheel .
	$(1) -m venv $(2)
	$(2)/bin/python -m pip install --quiet --upgrade pip
	$(2)/bin/python -m pip install --quiet --no-compile $(4) "$$(echo build/wheel/segconv-*.whl)$(3)" \
		pytest pytest-timeout pytest-xdist hypothesis nibabel pydicom pynrrd distributed
	@$(2)/bin/python -m compileall -q -j 0 $(2)/lib >/dev/null || true  # as above
	diff --recursive --exclude=__pycache__ src $(2)/lib/python*/site-packages/segconv
endef

# Its tests, with the source out of reach. Arguments: its folder, options of pytest.
define test_wheel
	rm -rf build/elsewhere
	mkdir -p build/elsewhere && cp -r tests fixtures docs *.md pyproject.toml build/elsewhere/
	cd build/elsewhere && SEGCONV_BARE=1 SEGCONV_TEST_DATA="$${SEGCONV_TEST_DATA:-$(abspath ../shared/data)}" \
		HYPOTHESIS_PROFILE=ci $(abspath $(1))/bin/python -m pytest -q -n $(WORKERS) --dist worksteal -m 'not train and not browser' $(2)
endef

bare: $(VENV)/.ready
	$(call install_wheel,$(PYTHON),build/bare)

wheel: bare
	$(call test_wheel,build/bare)

# The same with the lowest versions that pyproject.toml admits, on the lowest Python: before a release, and
# whenever one of them changes. What is so old warns of its newer neighbours.
lowest: $(VENV)/.ready
	mkdir -p build && $(BIN)/python -m tests.lowest > build/lowest.txt
	$(call install_wheel,$(LOWEST_PYTHON),build/lowest,[fast],--constraint build/lowest.txt)
	$(call test_wheel,build/lowest,-W default)

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
