# make demo   a sample repository, served over ssh, http and git://, with the commands to try
# make test   every check and test, in a virtual environment of its own
# make bench  gitgate beside git daemon, nginx + http-backend, OpenSSH and git alone: docs/performance.md
# make fuzz   every parser that a stranger can reach, fed with what libFuzzer thinks of; FUZZ_SECONDS for each
# make format the sources as the checks want them

PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
# Most of the tests wait for processes, so there are twice as many workers as cores.
WORKERS ?= $(shell echo $$(($$(nproc) * 2)))

FUZZ_SECONDS ?= 60
FUZZ_SEED ?= 0
# How long fifty clients go on in `make soak`.
SOAK_SECONDS ?= 60

.PHONY: demo test test-large test-cache fuzz soak bench check format clean

demo: $(INSTALLED)
	@$(VENV)/bin/gitgate demo

test: check
	@# Many tests start gitgate, which is not to be compiled each time where Python may write nothing beside its sources.
	@$(VENV)/bin/python -m compileall -q gitgate plugins
	$(VENV)/bin/pytest -q -n $(WORKERS) --dist worksteal

# The same with a repository of one gigabyte, which takes some minutes.
test-large: $(INSTALLED)
	GITGATE_TEST_LARGE_BYTES=1073741824 $(VENV)/bin/pytest -q tests/journeys/test_memory.py

# Every journey again, with answers that are kept already, and with clients that ask the same at once.
test-cache: $(INSTALLED)
	GITGATE_TEST_READS=warm $(VENV)/bin/pytest -q -n $(WORKERS) --dist worksteal tests/journeys
	GITGATE_TEST_READS=together $(VENV)/bin/pytest -q -n $(WORKERS) --dist worksteal tests/journeys

# ROWS="clone push" measures these alone; BENCH="--large --runs 9" takes other sizes, or more runs of each.
bench: $(INSTALLED)
	@PYTHONPATH=tests $(VENV)/bin/python -m benchmarks $(BENCH) $(ROWS)

fuzz: $(INSTALLED)
	@$(VENV)/bin/python -c 'import atheris' 2>/dev/null || \
	    $(VENV)/bin/python -m pip install -q --disable-pip-version-check -e '.[fuzz]' || \
	    { echo "nothing was fuzzed: atheris cannot be installed here (it has wheels for Linux on x86-64)"; exit 1; }
	$(VENV)/bin/python tests/fuzz/run.py --seconds $(FUZZ_SECONDS) --seed $(FUZZ_SEED)

# Fifty clients that clone, push and fetch over every transport, and of which some are killed.
soak: $(INSTALLED)
	SOAK_SECONDS=$(SOAK_SECONDS) $(VENV)/bin/pytest -q -s --timeout=$$(($(SOAK_SECONDS) + 300)) tests/soak/soak.py

check: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(INSTALLED)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV)

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "gitgate needs Python 3.11 or newer; say where it is: make PYTHON=/path/to/python3"; exit 1; }
	@# Debian and Ubuntu keep a part of Python's venv in a package of its own.
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	    { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -y -q --no-install-recommends python3-venv; } || \
	    { echo "Python's venv is not complete; run: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@
