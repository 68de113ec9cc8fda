# Everything works on a machine with Python 3.11 or newer, pip and make. Environments are made below .venvs/,
# from pinned requirements, when a target first needs them; a second run finds them ready.

PYTHON ?= python3
PYTEST_OPTIONS ?=
# One more than the cores of a small machine: many tests wait for a server or another process.
WORKERS ?= 3

# Tests start many processes, which would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

# Neighbours run in one process as long as others have work, so that most stores that they share are made once.
PYTEST = -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_OPTIONS)
CODE = $(wildcard docs/conf.py usercore usercore_cli usercore_storage usercore_web tests benchmarks examples scripts typing_tests)

# Made from the code, each by a script.
REFERENCES = errors reasons policies clauses changes user_fields methods rules
# A warning is an error.
SITE = $(call python,check) -m sphinx -W --keep-going -q -c docs -b html . dist/site

# Another Python makes other environments: the stamp has its version in its name.
VERSION := $(shell $(PYTHON) -c 'import platform; print(platform.python_version())' 2>/dev/null)
ready = .venvs/$(1)/.ready-$(VERSION)
python = .venvs/$(1)/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo test test-thorough test-quick faults fuzz nightly mutants check bench bench-peers docs site requirements clean python-is-new-enough
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(call ready,demo) ## run the main job on real input and compare what it prints
	$(call python,demo) -m examples.demo

test: $(call ready,test) ## run all tests but those of the benchmarks
	$(call python,test) $(PYTEST) -m 'not benchmark'

test-thorough: $(call ready,test) ## the same as CI: 100 examples a property, and PostgreSQL in every configuration
	USERCORE_HYPOTHESIS_PROFILE=ci $(call python,test) $(PYTEST) -m 'not benchmark'

test-quick: $(call ready,test) ## run the tests that take no seconds
	USERCORE_WITHOUT_POSTGRES=1 $(call python,test) $(PYTEST) -m 'not slow and not benchmark' --ignore=tests/faults

faults: $(call ready,test) ## kill writers, cut power, fill disks, damage files, race processes, fail servers over
	USERCORE_FAULT_ROUNDS=200 USERCORE_HYPOTHESIS_PROFILE=faults $(call python,test) $(PYTEST) tests/faults tests/sqlite \
	  tests/*/test_joining.py $(patsubst %,tests/postgres/test_%.py,cut_calls cut_contract cut_wires failover frozen \
	  lost_connections outages processes refusals timeouts)

fuzz: $(call ready,test) ## send odd requests to an application for five minutes
	USERCORE_FUZZ_SECONDS=300 $(call python,test) -m pytest $(PYTEST_OPTIONS) tests/wire/test_fuzz.py

nightly: $(call ready,test) ## run all tests with 2000 examples a property
	USERCORE_HYPOTHESIS_PROFILE=nightly $(call python,test) $(PYTEST)

mutants: $(call ready,test) ## break each rule in a copy, and see its marked tests fail
	$(call python,test) -m scripts.mutants

check: $(call ready,check) ## lint, types, import rules, references, tests with coverage
	$(call python,check) -m ruff check $(CODE)
	$(call python,check) -m ruff format --check $(CODE)
	$(call python,check) -m mypy $(CODE)
	$(call python,check) -m scripts.check_pages
	.venvs/check/bin/lint-imports
	$(call python,check) -m scripts.make_lists --check
	$(foreach name,$(REFERENCES) step,$(call python,check) -m scripts.make_$(name) --check &&) true
	$(SITE)
	$(call python,check) -m scripts.check_forgotten
	$(call python,check) $(PYTEST) -m no_cover
	$(call python,check) $(PYTEST) -m 'not no_cover' --cov --cov-report=term

bench: $(call ready,bench) ## measure usercore against the tuned drivers, and plot
	$(call python,bench) -m benchmarks

bench-peers: $(call ready,bench) ## the same, with Django beside it (Python 3.12 or newer)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 12))' || \
	  { echo 'Django 6 needs Python 3.12 or newer; try: make bench-peers PYTHON=python3.13' >&2; exit 1; }
	$(call python,bench) -m benchmarks --peers

docs: $(call ready,test) ## complete the lists that follow from the code, and regenerate the references
	$(call python,test) -m scripts.make_lists
	$(foreach name,$(REFERENCES),$(call python,test) -m scripts.make_$(name) &&) true

site: $(call ready,check) ## make a site of the pages in dist/site
	$(SITE)

requirements: $(call ready,lock) ## pin the newest packages that pyproject.toml allows
	$(PYTHON) -m scripts.pin .venvs/lock/bin/uv

clean: ## remove environments, caches and what was built
	rm -rf .venvs .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

python-is-new-enough:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo 'usercore needs Python 3.11 or newer, and "$(PYTHON)" is $(or $(VERSION),not there);' \
	    'try: make PYTHON=python3.13' >&2; exit 1; }

.venvs/demo/.ready-$(VERSION): requirements/run.txt
.venvs/test/.ready-$(VERSION): requirements/test.txt
.venvs/check/.ready-$(VERSION): requirements/check.txt
.venvs/bench/.ready-$(VERSION): requirements/bench.txt
.venvs/lock/.ready-$(VERSION): requirements/lock.txt

.venvs/%/.ready-$(VERSION): pyproject.toml scripts/make_env.py | python-is-new-enough
	@$(PYTHON) scripts/make_env.py $*
	@rm -f $(@D)/.ready-* && touch $@
