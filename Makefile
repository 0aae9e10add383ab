# Everything works without make too: ./crusoe prepares .venv and runs the commands; what stands here are shorthands.
PYTHON ?= python3
IN := .venv/bin/python -m
EXPORT := uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header

# One more than there are cores: a third of the time a test waits for a browser, a server or a disk.
AT_ONCE := $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)

.DEFAULT_GOAL := help
.PHONY: demo test check lint format bench faults multi-buffer mutations soak up stop status requirements wheel help prepare

demo: ## run the sample company's campaign and leave everything up at a printed address
	$(PYTHON) crusoe demo

test: prepare ## run all tests (ARGS="tests/core -x" for some)
	$(IN) pytest -n $(AT_ONCE) --dist loadfile --no-loadscope-reorder $(ARGS)

check: lint test ## everything that CI runs

lint: prepare ## style, types, import contracts
	$(IN) ruff check
	$(IN) ruff format --check
	$(IN) mypy
	.venv/bin/lint-imports

format: prepare ## put the code into shape
	$(IN) ruff check --fix
	$(IN) ruff format

bench: prepare multi-buffer ## measure against the floors (bench.json under CRUSOE_HOME)
	$(IN) bench $(ARGS)

faults: prepare ## kill workers, database and broker while mail is being sent
	$(IN) pytest -m fault -n 2 --dist loadfile tests/faults $(ARGS)

multi-buffer: prepare ## put libcrypto_mb into .venv, so that mails are signed eight at once (Debian; optional)
	-@.ci/multi-buffer

mutations: prepare ## take safeguards out of a copy, one at a time, and see that tests notice
	$(IN) tests.faults.mutations

soak: prepare ## the same with 100,000 people for an hour (SOAK_PEOPLE, SOAK_SECONDS, FAULT_SEED)
	$(IN) tests.faults.soak

up: ## start everything and return
	$(PYTHON) crusoe up --detach

stop: ## stop everything; data are kept
	$(PYTHON) crusoe stop

status: ## show what runs
	$(PYTHON) crusoe status

requirements: ## resolve the packages anew and write requirements/*.txt (needs uv)
	$(EXPORT) --output-file requirements/runtime.txt
	$(EXPORT) --group dev --output-file requirements/dev.txt

wheel: ## build a wheel into dist/
	$(PYTHON) -m pip wheel --no-deps --wheel-dir dist .

prepare:
	@$(PYTHON) crusoe prepare dev

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14
