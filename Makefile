# Everything is installed into .venv; nothing but Python 3.11+, git and make is needed beforehand.
.PHONY: setup demo test test-fast test-deep test-versions check dist release-check docs bench bench-mail bench-raster clean

PY := .venv/bin/python

setup: .venv/.setup-done

.venv/.setup-done: pyproject.toml core/pyproject.toml $(wildcard plugins/*/pyproject.toml)
	test -x $(PY) || python3 -m venv .venv
	test -x .venv/bin/uv || $(PY) -m pip install --quiet uv
	.venv/bin/uv sync --quiet --all-packages --inexact
	touch $@

demo: setup
	.venv/bin/bourn demo

# While editing: no servers, no other processes, no sweeps.
test-fast: setup
	.venv/bin/pytest -q -n auto -m "not deep and not servers and not slow" tests

# All that a user's machine can run; what is missing is skipped with the package to install.
test: setup
	.venv/bin/pytest -n auto -m "not deep"

# Kill sweeps, races, fuzzing and comparisons with other software.
test-deep: setup
	.venv/bin/pytest -n auto -m deep

# Every distribution at its lowest and newest direct versions, on each Python that is found.
test-versions: setup
	$(PY) .ci/versions.py

check: setup
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PY) .ci/interface.py
	$(MAKE) docs

# Wheels and sdists of all distributions, checked by twine.
dist: setup
	$(PY) .ci/release.py build

# The same, installed into an empty environment, used, and uninstalled.
release-check: setup
	$(PY) .ci/release.py check

docs: setup
	.venv/bin/sphinx-build -W --keep-going -q -b html docs docs/_build/html

bench: setup
	$(PY) benchmarks/run.py

bench-mail: setup
	$(PY) benchmarks/mail.py

bench-raster: setup
	$(PY) benchmarks/raster.py

clean:
	rm -rf .venv docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
