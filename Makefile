# make demo    train the preset digits and show what came out
# make test    everything that has to pass: format, lint, types, import contracts, tests
# make fuzz    10,000 damaged presets; none may end in a traceback
# make bench-all   every shipped preset with every engine; fails where one is slower than the loop
# make full-width  every shipped preset as it is, for a few steps; fails where one does, or takes
#                  more memory than predicted. An hour or two and 16 GB of memory; --only: see file
# Each sets up .venv first if need be. PYTHON=python3.12 picks another interpreter.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

STUDIES := study study-methods study-plus study-linesearch study-tree study-engines

.PHONY: demo test fuzz bench-all full-width kill-test $(STUDIES) setup clean FORCE
.DEFAULT_GOAL := demo

demo: $(STAMP)
	$(BIN)/shareconsole run digits

test: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

fuzz: $(STAMP)
	SHARECONSOLE_FUZZ=10000 $(BIN)/python -m pytest tests/spec/test_fuzz.py

setup: $(STAMP)

# The stamp is written last and says where the environment was made: without it, or after the folder
# was moved or copied, the environment is made anew; with it, only a changed list is installed.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
$(STAMP): FORCE
endif
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "shareconsole needs Python 3.11 to 3.13, this is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	@[ "$$(cat $@ 2>/dev/null)" = "$(CURDIR)" ] || $(PYTHON) -m venv --clear $(VENV)
	@rm -f $@
	@echo 'installing into $(VENV), which takes a minute or more'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@printf '%s\n' '$(CURDIR)' > $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist

# Long checks and studies; most go on where they were interrupted, others start again.
# `make detached-study-plus`, or any other of them, outlives the terminal it was started from.
DETACHED := $(addprefix detached-,$(STUDIES) kill-test bench-all full-width)
.PHONY: $(DETACHED)
$(DETACHED): detached-%: $(STAMP)
	@mkdir -p build
	@nohup $(MAKE) $* >> build/$*.log 2>&1 < /dev/null & echo "make $*: process $$!, tells build/$*.log"

kill-test: $(STAMP)
	$(BIN)/python -m tests.trainer.killing 200

# Heavy presets take one step each, which may be minutes.
bench-all: $(STAMP)
	$(BIN)/shareconsole bench --all --entropy uniform --no-memory --fail-below 0.95

full-width: $(STAMP)
	$(BIN)/python -m tests.trainer.full_width

study: $(STAMP)
	$(BIN)/python -m tests.studies.sharing

study-methods: $(STAMP)
	$(BIN)/python -m tests.studies.methods

study-engines: $(STAMP)
	$(BIN)/python -m tests.studies.engines

study-tree: $(STAMP)
	$(BIN)/python -m tests.studies.tree_sampling

study-linesearch: $(STAMP)
	$(BIN)/python -m tests.studies.line_search

study-plus: $(STAMP)
	$(BIN)/python -m tests.studies.plus
