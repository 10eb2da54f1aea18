# `make demo` and `make test` need Python 3.11 and make, nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
RUN = .venv/bin/python
ARGS ?=
# The type checker's Django plugin reads the settings, which have no defaults for these.
TYPING = SECRET_KEY=check PARCFOLIO_MASTER_KEY=check DATABASE_URL=postgres://check@localhost/check

.PHONY: demo test check audit fast soak pictures lock clean

demo: .venv/installed
	@exec $(RUN) manage.py demo $(ARGS)

test: check
	$(RUN) -m pytest -n $${PYTEST_WORKERS:-auto} --dist loadgroup

fast: .venv/installed-dev
	$(RUN) -m pytest -n $${PYTEST_WORKERS:-auto} --dist loadgroup -m "not slow and not browser and not services"

check: .venv/installed-dev
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	PYTHONPATH=.:platform $(RUN) -m importlinter.cli lint --no-cache
	$(RUN) manage.py makemigrations --check --dry-run
	$(TYPING) $(RUN) -m mypy
	$(RUN) -m pytest -q tests/access/test_dependencies.py tests/access/test_shortcuts.py

# Looks every locked package up in an advisory service, which must be reachable: a package that
# cannot be looked up is a failure. A virtual environment of its own, since it locks nothing.
audit:
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/pip install --quiet --disable-pip-version-check pip-audit
	.venv-audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.txt

soak: .venv/installed-dev
	$(RUN) -m pytest -n $${PYTEST_WORKERS:-auto} --dist loadgroup --soak

# The pictures of the README, taken from a running demonstration (needs Chromium).
pictures: .venv/installed-dev
	PYTHONPATH=.:platform $(RUN) -m tests.pictures

# Dependencies: pyproject.toml names them, these two files lock them with hashes.
lock:
	uv pip compile --generate-hashes --universal --no-emit-index-url --no-emit-find-links \
	    --no-annotate --no-header --python-version 3.11 pyproject.toml -o requirements.txt
	uv pip compile --generate-hashes --universal --no-emit-index-url --no-emit-find-links \
	    --no-annotate --no-header --python-version 3.11 --extra dev pyproject.toml \
	    -c requirements.txt -o requirements-dev.txt

.venv/installed: requirements.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 is needed and was not found on the PATH"; exit 2; }
	$(PYTHON) -m venv .venv
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# Forgets the demonstration: its database, files and generated secrets.
clean:
	rm -rf var
