# A few verbs, the same for people and for CI. Each one makes what it needs: a fresh machine with
# Python 3.11+, git and make is enough.
#
#   PYTHON=/path/to/python   the interpreter that .venv is made from (default: the first that is 3.11 or newer)
#   PORT=8888                the port of `make demo`
#   T='tests/unit -x'        what `make test` gives to pytest (default: everything)
#   B=--quick                what `make bench` gives to bench/run.py (default: everything, a quarter of an hour)

PYTHON ?=
PORT ?=
T ?=
B ?=
export PYTHON

VENV := .venv
BIN := $(VENV)/bin
# What `make demo` opens is English or Chinese by $LANG; nothing here may depend on the machine's locale.
export PYTHONUTF8 := 1
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help demo test check bench docs pictures clean

help:  ## this list
	@echo "nbstream: a model's answer, token by token, in the notebook"
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile

demo:  ## open the first notebook in JupyterLab; no key and no network needed
	@sh tools/venv.sh lab
	@$(BIN)/python tools/demo.py $(PORT)

test:  ## every test: unit, doctests, wire, providers, the vendors' clients, kernels, browser
	@sh tools/venv.sh dev
	@$(BIN)/python tools/ensure_chromium.py
	@$(BIN)/python tools/kernels.py
	@$(BIN)/python tools/clients.py
	@$(BIN)/python tools/test.py $(T)

check:  ## style and types: ruff, mypy --strict
	@sh tools/venv.sh dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --strict nbstream

bench:  ## what we promise, measured
	@sh tools/venv.sh bench
	@$(BIN)/python tools/ensure_chromium.py
	@$(BIN)/python bench/run.py $(B)

docs:  ## the site of docs/ in both languages; runs the notebooks and every example
	@sh tools/venv.sh docs
	@$(BIN)/python tools/docs.py

pictures:  ## the pictures of the README and the pages, from real runs in JupyterLab
	@sh tools/venv.sh dev
	@$(BIN)/python tools/ensure_chromium.py
	@$(BIN)/python tools/pictures.py

clean:  ## remove .venv, .venv-kernels, .venv-clients and what was built
	rm -rf $(VENV) $(VENV)-kernels $(VENV)-clients build dist shots .pytest_cache .mypy_cache .ruff_cache
