# `make serve` and `make test` need Python 3.11+, make and curl, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The tests often wait for other processes, so four keep two cores busy.
WORKERS ?= 4
SHELL := bash
# Each lock file contains the levels below it. A .ready file marks a level as installed.
SERVE := $(VENV)/.ready-serve
MEMORY := $(VENV)/.ready-memory
TEST := $(VENV)/.ready-test
READY := $(VENV)/.ready-dev
# The command, and with it the package billet_client: an editable installation of this folder.
BILLET := $(BIN)/billet

# Otherwise each process of the test suite compiles every module again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup serve emulated-aws test walks board coverage drill soak fuzz jepsen migrate-proof pr format check docs lock dynamodb-local clean clean-data

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup: $(READY) $(BILLET)  ## create the virtual environment .venv and install all developer tools

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=…" if sys.version_info < (3, 11) else 0)'
	@echo "Creating the virtual environment $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)

$(SERVE): megabytes = 50
$(MEMORY): megabytes = 60
$(TEST): megabytes = 140
$(READY): megabytes = 220

$(VENV)/.ready-%: requirements-%.txt | $(BIN)/python
	@echo "Installing $< into $(VENV) (up to $(megabytes) MB to download)"
	@$(BIN)/pip install --disable-pip-version-check --progress-bar off -r $< \
	    | grep --line-buffered -E '^ *(Downloading|Building|Installing)' | cut -c -100; \
	    test "$${PIPESTATUS[0]}" = 0
	@touch $@

$(BILLET): pyproject.toml | $(SERVE)
	@$(BIN)/pip install --disable-pip-version-check --quiet --no-index --no-deps --no-build-isolation --editable .
	@touch $@

serve: $(SERVE) $(if $(findstring memory,$(ARGS)),$(MEMORY)) $(BILLET)  ## run the API at http://localhost:3000 (PORT=…, ARGS="--db memory …")
	@$(BIN)/python -m billet serve $(ARGS)

emulated-aws: $(TEST)  ## run an emulated AWS to try a deployment on; prints the variables to set (PORT=4566)
	@$(BIN)/python -m billet.emulators.aws $(if $(PORT),--port $(PORT))

test: $(TEST)  ## run all tests, on moto and on DynamoDB Local if it can be installed (ARGS=…)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

walks: $(TEST)  ## run the tests that take long: deployments, migrations, moves of data, pages in a browser (ARGS=…)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m walk $(ARGS)

board: $(TEST)  ## measure the board in Chromium, and take screenshots of its views (FOLDER=build/board)
	$(BIN)/python -m tests.browser.board.measure
	$(BIN)/python -m tests.browser.board.screenshots $(or $(FOLDER),build/board)

coverage: $(READY)  ## run all tests and report the branches that they do not take (ARGS=…)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term $(ARGS)

fuzz: $(TEST)  ## run the fuzz tests for some minutes with new random input
	$(BIN)/python -m pytest -m "" --hypothesis-profile=fuzz --timeout 7200 tests/protocol/test_description.py tests/protocol/test_fuzz.py $(ARGS)

check: $(READY)  ## check format, lint, types, security, templates, workflows and known vulnerabilities
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --severity-level medium --recursive app.py chalicelib billet billet_client
	$(BIN)/cfn-lint infrastructure/*.json
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/python .ci/audit.py

pr: check docs test walks  ## run everything that CI runs: check, docs, test and walks

jepsen: $(TEST)  ## test consistency for some minutes while the API and the database are stopped (ROUNDS=60)
	JEPSEN_ROUNDS=$(or $(ROUNDS),60) $(BIN)/python -m pytest -m "" --timeout 7200 tests/faults/test_jepsen.py $(ARGS)

drill: $(TEST)  ## run the API with load and a fault, FAULT=slow-database|hot-key|leak|cpu|offset|conflicts|random (SECONDS=120)
	$(BIN)/python -m tests.drills $(or $(FAULT),random) --seconds $(or $(SECONDS),120) $(ARGS)

soak: $(TEST)  ## run the API with mixed load and print its memory (MINUTES=30)
	$(BIN)/python -m tests.drills none --seconds $$(( $(or $(MINUTES),30) * 60 )) $(ARGS)

migrate-proof: $(TEST)  ## test the migration from the previous release under load for some minutes (ROUNDS=6)
	MIGRATION_ROUNDS=$(or $(ROUNDS),6) $(BIN)/python -m pytest --timeout 7200 -m walk tests/walks/test_migration_proof.py tests/walks/test_interrupted_migration.py $(ARGS)

format: $(READY)  ## format the code and fix what the linter can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY)  ## build the documentation site into the folder site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

lock: $(READY)  ## lock the versions of requirements*.in in requirements*.txt (ARGS=--upgrade)
	@below=; sources=; for level in '' -serve -memory -test -dev; do \
	    sources="$$sources requirements$$level.in"; \
	    $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-strip-extras \
	        --custom-compile-command 'make lock' --output-file requirements$$level.txt $(ARGS) $$below $$sources || exit; \
	    below="--constraint requirements$$level.txt"; \
	done

dynamodb-local: $(SERVE)  ## download DynamoDB Local, and Java if needed
	@$(BIN)/python -m billet dynamodb-local

clean:  ## delete the virtual environment and caches; keep the local data
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis build dist

clean-data:  ## delete the local data in .billet, after confirmation
	@printf 'Delete all local data in .billet? [y/N] '; read answer; \
	    if [ "$$answer" = y ]; then rm -rf .billet; else echo 'Nothing was deleted'; fi
