# make run | test | check | bench | slow | soak | lock. The environment is made in .venv, again when it is out of date.

PYTHON ?= python3
BIN := .venv/bin
RUN := .venv/made-to-run
DEV := .venv/made-to-develop
SOAKED := tests/abuse/test_storm.py tests/property/test_histories.py
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq install

.DEFAULT_GOAL := help
.PHONY: help run test check bench slow soak lock programs clean

help:
	@echo "make run     serve a demonstration with people and documents; ARGS='--sftp-port 0 --json' hands options on"
	@echo "make test    the tests; ARGS='tests/vault -x' hands options on"
	@echo "make slow    the tests that take minutes"
	@echo "make soak    what is left to chance, for an hour; TESTS_SEED=123 repeats a run"
	@echo "make check   ruff, mypy, import contracts"
	@echo "make bench   measure against the servers that are installed; ARGS='--rows P7,P8'"
	@echo "make lock    choose the newest versions that pyproject.toml allows, and write them down with their hashes"

run: $(RUN)
	@exec $(BIN)/ladocs demo --home var/demo $(ARGS)

test: $(DEV)
	@$(BIN)/python -m pytest -q -n auto -m "not slow" $(ARGS)

slow: $(DEV)
	@$(BIN)/python -m pytest -q -m slow $(ARGS)

soak: $(DEV)
	@TESTS_SOAK=1 nice -n 19 $(BIN)/python -m pytest -q -n auto $(SOAKED) $(ARGS)

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV)
	@$(BIN)/python -m bench $(ARGS)

# What is missing is named in one line each, before anything begins.
programs:
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing: apt-get install python3"; exit 2; }
	@command -v git >/dev/null || { echo "git is missing: apt-get install git"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is older than 3.11: name a newer one, as in make PYTHON=python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "venv is missing: apt-get install python3-venv"; exit 2; }

$(RUN): requirements/build.txt requirements/run.txt pyproject.toml | programs
	@echo "Making the environment in .venv: this takes a minute ..." >&2
	@$(PYTHON) -m venv .venv
	@$(PIP) --require-hashes -r requirements/build.txt
	@$(PIP) --require-hashes --no-build-isolation -r requirements/run.txt
	@$(PIP) --no-build-isolation --no-deps --editable .
	@touch $@

$(DEV): requirements/dev.txt $(RUN)
	@echo "Adding what the tests need to .venv ..." >&2
	@$(PIP) --require-hashes --no-build-isolation -r requirements/dev.txt
	@touch $@

lock: $(DEV)
	@$(PIP) uv
	@for name in build run dev; do \
		case $$name in \
			build) sources="requirements/build.in";; \
			run) sources="pyproject.toml";; \
			dev) sources="pyproject.toml requirements/dev.in --extra postgresql --extra uvloop -c requirements/run.txt";; \
		esac; \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--custom-compile-command "make lock" --output-file requirements/$$name.txt $$sources; \
	done

clean:
	rm -rf .venv var build dist *.egg-info
