# `make demo` and `make test` are all a newcomer needs; both keep to .venv in this folder.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bench clean

## demo: install, make the demo survey, index it, serve it on http://127.0.0.1:$(SKYLIKE_PORT)
demo: $(VENV)/installed-demo
	SKYLIKE_LOG_FORMAT=$${SKYLIKE_LOG_FORMAT:-text} $(BIN)/skylike demo

## test: every check there is; .ci/run calls this
test: lint
	$(BIN)/pytest --cov --cov-report=term:skip-covered --junitxml=build/junit.xml
	$(BIN)/coverage report --include='survey/*' --format=total --fail-under=90
	$(BIN)/coverage report --include='index/*' --format=total --fail-under=90

## lint: style, types and the direction of imports
lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

## bench: run the benchmarks and write docs/results/ anew (long: use an idle machine)
bench: $(VENV)/installed-dev
	$(BIN)/python benchmarks/first_light.py --run

clean:
	rm -rf $(VENV) build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Skylike needs Python 3.11 or newer; name one with `make PYTHON=python3.11 ...`.' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The stamps are newer than what they were made from, so that a second start installs nothing.
$(VENV)/installed-demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/installed-demo
