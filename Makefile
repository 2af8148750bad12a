# All that is needed is git, make and Python 3.11 or later; everything else is put into .venv and tools/node/node_modules.
#
#   make PYTHON=python3.13      another Python, when .venv is made for the first time
#   make test ARGS="-k paths"   arguments for pytest; PYTEST_ADDOPTS works as well

PYTHON ?=
ARGS ?=
WORKERS ?= auto
# One that has nothing left to do takes over tests of another; until then each has whole files, whose servers are started once.
SHARED := --numprocesses $(WORKERS) --dist worksteal

VENV ?= .venv
PYTHONS ?= 3.11 3.12 3.13
PY := $(VENV)/bin/python
NODE_STAMP := tools/node/node_modules/.stamp
# Where `make node` has installed Node beside Python, that one is used.
WITH_NODE := PATH="$$PWD/$(VENV)/bin:$$PATH"
NODE_IS_RECENT := node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null && npm --version >/dev/null 2>&1

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export REDOCLY_TELEMETRY := off
export REDOCLY_SUPPRESS_UPDATE_NOTICE := true
# The tests start many processes, each of which would compile the project anew, and pytest's plugins, which takes seconds.
unexport PYTHONDONTWRITEBYTECODE

# The stamp names the folder it was made in: scripts in .venv hold absolute paths, so a moved or copied .venv is made anew.
STALE := $(shell [ -x $(PY) ] && [ "$$(cat $(VENV)/stamp 2>/dev/null)" = "$$(pwd -P)" ] || echo stale)

# For `make fuzz`: seconds for all targets together.
SECONDS ?= 120
# For `make mutants`: how many mutants are drawn, and which; all of them take hours.
SAMPLE ?= 200
SEED ?= 0

.PHONY: help check test quick test-all-pythons lint lint-node spec docs node bench engines vectors fuzz mutants release-check lock hashes clean stale
.DELETE_ON_ERROR:

help:
	@echo "make check    what it does: a contract check, good payloads that pass, bad ones that are explained"
	@echo "make quick    the tests that are not slow, for the time while you write"
	@echo "make test     the whole test suite"
	@echo "make test-all-pythons   the same with each version of Python that is supported, as far as it is installed here"
	@echo "make lint     formatting, style, types, and three linters on the OpenAPI file"
	@echo "make spec     compile the YAML files in openapi/ into the JSON files of the package"
	@echo "make vectors  write the test data for other languages in vectors/"
	@echo "make docs     build the documentation site in build/docs/site, and look for broken links"
	@echo "make node     install the Node tools that 'make lint' and some tests use when they are there"
	@echo "make bench    the validator and the command, compared with others; tools/bench_*.py has more"
	@echo "make fuzz     two minutes of generated input; more with SECONDS=600"
	@echo "make mutants  which changes of the code the tests see, for a sample of 200; ARGS='--only signing' for one module"
	@echo "make release-check  build what is published, and try it in clean environments (some minutes, with network)"
	@echo "make lock     renew constraints.txt with the newest versions"
	@echo "make hashes   write the hashes of the versions in constraints.txt, for CI and the GitHub Action"
	@echo "make clean    remove everything that make has made"

# -- what people run ----------------------------------------------------------------------------------------------------------

check: $(VENV)/stamp
	@echo "== 1 of 3: does a server keep the contract? (the reference server that is built in; name a URL to check yours)"
	@echo
	@$(VENV)/bin/nclue-contract check || { echo; \
	  echo "make check: FAILED. The reference server should keep the contract." >&2; exit 1; }
	@echo
	@echo "== 2 of 3: payloads that keep the contract (examples/valid)"
	@echo
	@$(VENV)/bin/nclue-contract validate examples/valid || { echo; \
	  echo "make check: FAILED. Every payload in examples/valid should keep the contract." >&2; exit 1; }
	@echo
	@echo "== 3 of 3: a manifest with good and bad lines; each bad one is explained (examples/manifest.jsonl)"
	@echo
	@status=0; $(VENV)/bin/nclue-contract validate examples/manifest.jsonl || status=$$?; echo; \
	  if [ $$status -ne 1 ]; then \
	    echo "make check: FAILED. Some lines of the manifest are bad on purpose, so the exit code should be 1; it was $$status." >&2; exit 1; \
	  fi
	@echo "make check: as expected. The server keeps the contract, the good payloads pass, and the bad lines are refused (exit code 1)."

test: $(VENV)/stamp
	@echo "== pytest"
	@$(PY) -m pytest $(SHARED) $(ARGS)

quick: $(VENV)/stamp
	@$(PY) -m pytest $(SHARED) -m "not slow" $(ARGS)

# An environment for each version, which stays. pyenv's commands are there for every version, but only run those that are switched on.
test-all-pythons:
	@failed= ; \
	for version in $(PYTHONS); do \
	  found= ; \
	  for python in python$$version "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python; do \
	    if [ "$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = $$version ]; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "make test-all-pythons: Python $$version was left out, since it is not installed here; 'pyenv install $$version' installs it." >&2; \
	    continue; \
	  fi; \
	  echo "== Python $$version"; \
	  $(MAKE) --no-print-directory test VENV=.venv-$$version PYTHON="$$found" || failed="$$failed $$version"; \
	done; \
	if [ -n "$$failed" ]; then echo "make test-all-pythons: FAILED with Python$$failed" >&2; exit 1; fi

lint: $(VENV)/stamp
	@echo "== ruff format"
	@$(PY) -m ruff format --check .
	@echo "== ruff check"
	@$(PY) -m ruff check .
	@echo "== mypy"
	@$(PY) -m mypy && $(PY) -m mypy tests/packaging/typing_examples.py
	@echo "== compiled files"
	@$(PY) tools/compile_spec.py --check && echo "up to date"
	@echo "== openapi-spec-validator"
	@$(PY) -m openapi_spec_validator openapi/nclue-tasks.yaml nclue_contract/contract/openapi.json
	@if $(WITH_NODE) && $(NODE_IS_RECENT); then \
	  $(MAKE) --no-print-directory lint-node; \
	else \
	  echo "make lint: pyright, Redocly and Spectral were left out, since Node is missing or too old; 'make node' installs it." >&2; \
	  [ "$$CI" != true ]; \
	fi

lint-node: $(VENV)/stamp $(NODE_STAMP)
	@echo "== pyright"
	@$(WITH_NODE); node tools/node/node_modules/pyright/index.js --pythonpath $(PY)
	@# What users' type checkers see is wholly typed; its report is only shown together with a failure.
	@PATH="$$PWD/$(VENV)/bin:$$PATH"; output=$$(node tools/node/node_modules/pyright/index.js --ignoreexternal --verifytypes nclue_contract) \
	  && echo "all public types are known" || { printf '%s\n' "$$output" >&2; exit 1; }
	@echo "== Redocly"
	@# Its progress, and on Node 20 a banner about Node's age that nothing turns off, are only shown together with a failure.
	@$(WITH_NODE); output=$$(node tools/node/node_modules/@redocly/cli/bin/cli.js lint --config tools/node/redocly.yaml --format=stylish \
	  openapi/nclue-tasks.yaml nclue_contract/contract/openapi.json 2>&1) && echo "no problems" || { printf '%s\n' "$$output" >&2; exit 1; }
	@echo "== Spectral"
	@$(WITH_NODE); node tools/node/node_modules/@stoplight/spectral-cli/dist/index.js lint --ruleset tools/node/spectral.yaml \
	  --fail-severity=hint openapi/nclue-tasks.yaml nclue_contract/contract/openapi.json

spec: $(VENV)/stamp
	@$(PY) tools/compile_spec.py

docs: $(VENV)/stamp
	@$(PY) -m tools.documentation

bench: $(VENV)/stamp
	@$(PY) -m tools.bench

# Debian's engines: apt-get install golang-go golang-github-xeipuuv-gojsonschema-dev php-cli php-mbstring php-json-schema ruby-json-schema
# ruby-json-schemer libjson-validator-perl
engines: $(VENV)/stamp
	@$(WITH_NODE); $(PY) -m tools.engines

vectors: $(VENV)/stamp
	@$(PY) -m tools.vectors

fuzz: $(VENV)/stamp
	@$(PY) -c 'import atheris' 2>/dev/null || $(PY) -m pip install -qq --constraint constraints.txt --group fuzz
	@$(PY) tools/fuzz.py --seconds $(SECONDS)

mutants: $(VENV)/stamp
	@$(PY) tools/suite_mutants.py --sample $(SAMPLE) --seed $(SEED) $(ARGS)

# Not part of CI: it needs the package index and some minutes.
release-check: $(VENV)/stamp
	@$(PY) -m pip install -qq --constraint constraints.txt --group release
	@if $(WITH_NODE) && $(NODE_IS_RECENT); then $(MAKE) --no-print-directory --silent $(NODE_STAMP); fi
	@$(PY) tools/release_check.py $(ARGS)

clean:
	rm -rf .venv .venv-* .fuzz tools/node/node_modules dist build .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find nclue_contract tests tools -name __pycache__ -prune -exec rm -rf {} +

# -- what is installed, and when ------------------------------------------------------------------------------------------------

# Sets $found to a Python that can make the environment, or ends with a sentence that helps.
FIND_PYTHON = \
  for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
  done; \
  if [ -z "$${found:-}" ]; then \
    echo "make: there is no Python 3.11 or later here. Install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; \
  fi; \
  if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
    echo "make: $$found cannot make environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
  fi

PIP_INSTEAD = echo "== with pip instead of uv, which takes a minute or more"

# Only two things make this run again: other dependencies, or another folder. uv needs a fifth of pip's time, but reads none of pip's settings:
# where these name an index, and where uv fails, pip installs. That renews itself first, since an old pip knows no groups.
$(VENV)/stamp: pyproject.toml constraints.txt tools/requirements/ci.txt $(STALE)
	@if ! $(PY) -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { [ -f $(VENV)/stamp ] && [ "$$(cat $(VENV)/stamp)" != "$$(pwd -P)" ]; }; then \
	  $(FIND_PYTHON); \
	  echo "== making $(VENV) with $$("$$found" --version)"; \
	  "$$found" -m venv --clear $(VENV); \
	fi
	@echo "== installing the project and its tools into $(VENV)"
	@# On CI everything is compared with its hash, and what has none is not found. Elsewhere a new dependency may be tried at once.
	@pip() { $(PY) -m pip install -qq "$$@"; }; \
	uv() { ! $(PY) -m pip config list | grep -qE '\.(index-url|no-index)=' && $(PY) -m uv pip install --quiet --python $(PY) "$$@"; }; \
	if [ "$$CI" = true ]; then \
	  known="--require-hashes --no-deps --requirement tools/requirements"; \
	  { { pip $$known/uv.txt && uv $$known/ci.txt; } || { $(PIP_INSTEAD); pip $$known/ci.txt; }; } && \
	  pip --no-index --no-build-isolation --group dev --editable .; \
	else \
	  known="--constraint constraints.txt"; \
	  { pip $$known uv && uv $$known --build-constraints constraints.txt --group dev --editable . pip; } || \
	  { $(PIP_INSTEAD); pip $$known pip && pip $$known --build-constraint constraints.txt --group dev --editable .; }; \
	fi
	@pwd -P >$(VENV)/stamp

# A Node that is there and recent enough is used; otherwise one comes as a wheel, into .venv.
node: $(VENV)/stamp
	@if ! { $(WITH_NODE) && $(NODE_IS_RECENT); }; then \
	  echo "== installing Node into $(VENV)"; \
	  $(PY) -m pip install -qq --constraint constraints.txt --group node; \
	fi
	@$(MAKE) --silent $(NODE_STAMP) && echo "Node and its tools are ready."

$(NODE_STAMP): tools/node/package.json tools/node/package-lock.json tools/node/.npmrc
	@echo "== installing the Node tools into tools/node/node_modules"
	@$(WITH_NODE); cd tools/node && npm ci --no-progress --loglevel=error
	@touch $@

# Resolved in an environment of its own, so that nothing installed by hand gets in.
lock:
	@$(FIND_PYTHON); \
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	"$$found" -m venv "$$folder" && \
	"$$folder/bin/python" -m pip install -qq --upgrade pip && \
	"$$folder/bin/python" -m pip install -qq --group dev --group fuzz --group lock --group node --group release --editable . && \
	{ \
	  echo "# Every version that 'make' installs, written by 'make lock'. Users of the package need none of them."; \
	  "$$folder/bin/python" -m pip freeze --all --exclude-editable | grep -v '^setuptools==' | LC_ALL=C sort -f; \
	} >"$$folder/constraints.txt" && \
	cp "$$folder/constraints.txt" constraints.txt && \
	echo "wrote constraints.txt ($$(grep -c == constraints.txt) versions)"
	@$(MAKE) --no-print-directory hashes

# The hashes of all files of these versions, for every platform. No version is renewed.
UV_COMPILE = $(PY) -m uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --constraint constraints.txt pyproject.toml
hashes: $(VENV)/stamp
	@$(PY) -c 'import uv' 2>/dev/null || $(PY) -m pip install -qq --constraint constraints.txt --group lock
	@for file in ci action; do \
	  case $$file in ci) groups="--all-extras --group build --group test --group lint --group bench --group docs" ;; action) groups="--extra check --group build" ;; esac; \
	  { echo "# Versions and hashes of what '$$file' installs, written by 'make hashes' from constraints.txt."; \
	    $(UV_COMPILE) $$groups; } >tools/requirements/$$file.new || exit 1; \
	  mv tools/requirements/$$file.new tools/requirements/$$file.txt; \
	done
	@pinned() { grep "^$$1==" constraints.txt | $(PY) -m uv pip compile --quiet --generate-hashes --no-annotate --no-header -; }; \
	pinned pip >>tools/requirements/ci.txt && \
	{ echo "# What installs ci.txt, written by 'make hashes' from constraints.txt."; pinned uv; } >tools/requirements/uv.new && \
	mv tools/requirements/uv.new tools/requirements/uv.txt
	@echo "wrote ci.txt, action.txt and uv.txt in tools/requirements"
