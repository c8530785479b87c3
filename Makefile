# `make serve` and `make test` need Python 3.11+, make and curl, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
SHELL := bash
# Each lock contains the levels below it. A file says that a level is installed.
SERVE := $(VENV)/.ready-serve
MEMORY := $(VENV)/.ready-memory
TEST := $(VENV)/.ready-test
READY := $(VENV)/.ready-dev

# Each of the many processes of the suite would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup serve test fuzz jepsen pr format check docs lock dynamodb-local clean clean-data

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup: $(READY)  ## the virtual environment .venv, with all that running, testing and developing need

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=…" if sys.version_info < (3, 11) else 0)'
	@echo "Making the virtual environment $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)

$(SERVE): megabytes = 45
$(MEMORY): megabytes = 65
$(TEST): megabytes = 90
$(READY): megabytes = 220

$(VENV)/.ready-%: requirements-%.txt | $(BIN)/python
	@echo "Installing $< into $(VENV); pip fetches up to $(megabytes) MB that it does not have yet:"
	@$(BIN)/pip install --disable-pip-version-check --progress-bar off -r $< \
	    | grep --line-buffered -E '^ *(Downloading|Building|Installing)' | cut -c -100; \
	    test "$${PIPESTATUS[0]}" = 0
	@touch $@

serve: $(SERVE) $(if $(findstring memory,$(ARGS)),$(MEMORY))  ## the API at http://localhost:3000 (PORT=…, ARGS="--db local|memory …")
	@$(BIN)/python -m billet serve $(ARGS)

test: $(TEST)  ## the whole suite, on moto and, wherever it can be had, on DynamoDB Local
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

fuzz: $(TEST)  ## what make test fuzzes, for minutes and anew each time
	$(BIN)/python -m pytest --hypothesis-profile=fuzz --timeout 7200 tests/protocol/test_description.py tests/protocol/test_fuzz.py $(ARGS)

check: $(READY)  ## format, lint, types, and known dangers in the code and the libraries
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --severity-level medium --recursive app.py chalicelib billet
	$(BIN)/python .ci/audit.py

pr: check docs test  ## all that a change must pass

jepsen: $(TEST)  ## a long run of clients while the API is killed and the database stopped
	JEPSEN_ROUNDS=$(or $(ROUNDS),60) $(BIN)/python -m pytest --timeout 7200 tests/faults/test_jepsen.py $(ARGS)

format: $(READY)  ## rewrites the code in the project's form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY)  ## the documentation as a site, in the folder site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

lock: $(READY)  ## writes the exact versions of requirements*.in into requirements*.txt (ARGS=--upgrade for the newest)
	@below=; sources=; for level in '' -serve -memory -test -dev; do \
	    sources="$$sources requirements$$level.in"; \
	    $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	        --custom-compile-command 'make lock' --output-file requirements$$level.txt $(ARGS) $$below $$sources || exit; \
	    below="--constraint requirements$$level.txt"; \
	done

dynamodb-local: $(SERVE)  ## fetches DynamoDB Local, and Java if there is none, into the cache folder
	@$(BIN)/python -m billet dynamodb-local

clean:  ## forgets the virtual environment and caches, and keeps the local data
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis build dist

clean-data:  ## deletes the local data in .billet, after asking
	@printf 'Delete all local data in .billet? [y/N] '; read answer; \
	    if [ "$$answer" = y ]; then rm -rf .billet; else echo 'Nothing was deleted'; fi
