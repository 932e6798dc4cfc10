# `make demo` and `make test` work on a machine that has Python 3.11 or newer and make, and nothing else of ours.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
COMPILE := $(BIN)/pip-compile --quiet --strip-extras --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-emit-trusted-host --no-header --allow-unsafe
TESTED := build/tested
AUDIT := build/audit/bin/pip-audit --requirement requirements.txt --require-hashes --disable-pip --progress-spinner off --format json
# pytest rewrites the asserts of every file that it reads, in each of its workers, unless it may keep what it wrote.
unexport PYTHONDONTWRITEBYTECODE
# What the tests read or run: as long as none of it is newer than their last run, that run's coverage is the coverage.
FILES := $(shell find . -type f -not -name '*.pyc' -not -name '.coverage*' \
	-not -path './.git/*' -not -path './.venv/*' -not -path '*/node_modules/*' -not -path './build/*' -not -path './.*_cache/*' -not -path './.hypothesis/*')

.PHONY: demo test check lint types imports cover bench pictures reliability lock audit licences docs repository

demo: .venv/runtime  ## try the whole bot on this machine, without any account
	@$(BIN)/python -m bot demo

test: .venv/dev  ## every test that this machine can run
	@rm -f $(TESTED)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto --dist worksteal
	$(BIN)/coverage combine --quiet
	@mkdir -p build && touch $(TESTED)

check: lint types imports cover  ## what CI runs

lint: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/dev
	$(BIN)/mypy

imports: .venv/dev
	$(BIN)/lint-imports

cover: $(TESTED)
	$(BIN)/coverage report

$(TESTED): $(FILES)
	$(MAKE) test

bench: .venv/dev build/runtime benchmarks/bolt-js/node_modules  ## measure; see benchmarks/README.md
	rm -rf build/benchmarks && mkdir -p build/benchmarks
	build/runtime/bin/python -m compileall -q bot  # as a host does when it installs
	-$(BIN)/python benchmarks/side_by_side.py && touch build/benchmarks/met-1
	-$(BIN)/python benchmarks/burst.py && touch build/benchmarks/met-2
	-$(BIN)/python benchmarks/ledger.py && touch build/benchmarks/met-3
	$(BIN)/python benchmarks/picture.py
	@test $$(ls build/benchmarks/met-* 2>/dev/null | wc -l) = 3 || { echo "A bar is missed: see above."; exit 1; }

# What a host installs, and nothing that development brings.
build/runtime: requirements.txt
	rm -rf $@ && $(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt

benchmarks/bolt-js/node_modules: benchmarks/bolt-js/package-lock.json
	cd benchmarks/bolt-js && npm ci --no-audit --no-fund
	@touch $@

pictures: .venv/dev  ## take the pictures and the film of the demo anew; needs Chromium and a font with emoji
	CI=true $(BIN)/python -m pytest -n auto tests/browser
	mkdir -p docs/pictures
	cd build/screenshots && cp desktop.png phone.png film.png home.png digest.png ../../docs/pictures/

reliability: .venv/dev  ## kill the bot at random, then answer it with nonsense; see docs/operating/reliability.md
	$(BIN)/python -m benchmarks.kills
	$(BIN)/python -m benchmarks.answers
	$(BIN)/python -m benchmarks.events
	$(BIN)/python -m benchmarks.schedule
	$(BIN)/python -m benchmarks.digest

lock: .venv/dev  ## take in newer versions of what we depend on
	$(COMPILE) --upgrade --output-file requirements.txt pyproject.toml
	$(COMPILE) --upgrade --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml

audit: build/audit  ## look for known holes in what a host installs; needs the network, so `check` does not
	@rm -f build/audit-*.json
	-@$(AUDIT) --vulnerability-service pypi --output build/audit-pypi.json >/dev/null 2>&1
	-@$(AUDIT) --vulnerability-service osv --output build/audit-osv.json >/dev/null 2>&1
	@build/audit/bin/python tools/audit.py build/audit-pypi.json build/audit-osv.json

# Of its own, because it brings thirty packages that nothing else needs; and always the newest, as the holes are.
build/audit:
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check pip-audit || { rm -rf $@; exit 1; }

licences: .venv/runtime  ## list the licences of what a host installs; run it after `make lock`
	$(BIN)/python tools/licences.py

docs: .venv/runtime  ## write the pages of settings and diagnoses anew from the code
	$(BIN)/python -m tools.pages

repository:  ## put the address of your copy of this repository behind the deploy buttons: make repository URL=https://...
	@$(PYTHON) tools/repository.py "$(URL)"

.venv/runtime: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	@touch $@

.venv/dev: requirements-dev.txt .venv/runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	@touch $@
