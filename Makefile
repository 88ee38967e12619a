# What a person does with this checkout. Every target may be repeated: what is done already is skipped.

# The captures that `make run` shows, with what is known about them. The wheel carries the same files.
SAMPLE_CAPTURES = captures/ports-host-a.pcapng captures/ports-host-b.pcapng captures/mirror-host-c.pcap
SAMPLE_FACTS    = --points captures/points.yaml --inventory captures/inventory.yaml

PYTHON = python3
VENV   = .venv
BIN    = $(VENV)/bin
PIP    = $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input

# PROGRAM:PACKAGE, the Debian package that is installed when the program is missing.
RUN_PROGRAMS  = tshark:tshark
TEST_PROGRAMS = $(RUN_PROGRAMS) chromium:chromium fc-list:fontconfig ip:iproute2 jq:jq
LAB_PROGRAMS  = $(RUN_PROGRAMS) ip:iproute2 sysctl:procps ovs-vsctl:openvswitch-switch ethtool:ethtool \
                iptables:iptables ping:iputils-ping dnsmasq:dnsmasq-base busybox:busybox dropbear:dropbear-bin \
                iperf3:iperf3 openssl:openssl
BENCH_PROGRAMS = $(RUN_PROGRAMS) nfpcapd:nfdump argus:argus-server racount:argus-client tcpdump:tcpdump chromium:chromium
BENCH          = --quick
SOAK_PROGRAMS  = $(RUN_PROGRAMS) ip:iproute2
SOAK           =

# A stamp carries the hash of what was installed, so a changed lock, pyproject.toml or Python makes it anew.
key        = $(shell { $(PYTHON) -V; cat pyproject.toml $(1); } | sha256sum | cut -c1-16)
RUN_READY  := $(VENV)/ready-run-$(call key,requirements.lock)
DEV_READY  := $(VENV)/ready-dev-$(call key,requirements-dev.lock)
NODE_READY := node_modules/ready-$(call key,package-lock.json)

.PHONY: help run test lint types test-web format captures bench soak screens lock sbom clean
.NOTPARALLEL:

help:
	@echo 'make run       set up, print the summary of the sample capture, then show its map in the browser'
	@echo 'make test      set up, then lint, types and every test'
	@echo 'make format    lay out the Python files as the lint wants them'
	@echo 'make bench     measure FlowMap beside its peers on generated captures (BENCH=--full: 10 million frames, 13 GB)'
	@echo 'make soak      break a real server for an hour and a half: kills, a full disk, many uploads, endurance, fuzzing'
	@echo '               (as root for all cases; SOAK="--scale 0.1" for a tenth, SOAK="--only restart" for one)'
	@echo 'make captures  record the sample captures again in the lab (as root)'
	@echo 'make screens   take the pictures of the documentation again (those of a growing map as root)'
	@echo 'make lock      resolve the dependencies again and write the lock files; make sbom after it'
	@echo 'make sbom      write what FlowMap is made of, with hashes and licences, to sbom.cdx.json (CycloneDX)'
	@echo 'make clean     remove everything that these targets have made'

run: run-packages $(RUN_READY)
	@$(BIN)/flowmap analyze $(SAMPLE_CAPTURES) $(SAMPLE_FACTS)
	@$(BIN)/flowmap serve $(addprefix --open ,$(SAMPLE_CAPTURES)) $(SAMPLE_FACTS)

# pytest comes last: its closing line is the result.
test: test-packages $(DEV_READY) lint types test-web
	@$(BIN)/python -m flowmap.warm
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(DEV_READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(DEV_READY) $(NODE_READY)
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/tsc --project jsconfig.json

test-web: $(DEV_READY)
	$(BIN)/node --test $(wildcard tests/web/*.test.js)

format: $(DEV_READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

captures: lab-packages
	@if [ "$$(id -u)" -eq 0 ]; then as_root=; else as_root=sudo; fi; $$as_root env PYTHON=$(PYTHON) captures/lab/run.sh

# Playwright, which drives the page, stands in the lock of the tests.
bench: bench-packages $(DEV_READY)
	@$(BIN)/python -m bench $(BENCH)

# atheris has wheels for Linux only and weighs 35 MB, so it stands in no other lock; without it fuzzing is left out.
soak: soak-packages $(DEV_READY)
	@$(PIP) install --no-deps --require-hashes --requirement requirements-soak.lock || true
	@$(BIN)/python -m flowmap.warm
	@$(BIN)/python -m soak $(SOAK)

screens: test-packages $(DEV_READY)
	@$(BIN)/python -m bench.screens

lock: $(DEV_READY)
	$(compile) --all-build-deps --output-file requirements.lock pyproject.toml
	$(compile) --all-build-deps --extra dev --constraint requirements.lock \
	  --output-file requirements-dev.lock pyproject.toml
	echo 'atheris>=3' | $(compile) --output-file requirements-soak.lock -

sbom: $(RUN_READY)
	$(BIN)/python packaging/sbom.py

clean:
	rm -rf $(VENV) node_modules dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find flowmap tests captures -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up

.PHONY: run-packages test-packages lab-packages bench-packages soak-packages
run-packages: ;  @sh .ci/packages $(PYTHON) $(RUN_PROGRAMS)
test-packages: ; @sh .ci/packages $(PYTHON) $(TEST_PROGRAMS)
bench-packages: ; @sh .ci/packages $(PYTHON) $(BENCH_PROGRAMS)
soak-packages: ; @sh .ci/packages $(PYTHON) $(SOAK_PROGRAMS)
lab-packages: ;  @sh .ci/packages $(PYTHON) $(LAB_PROGRAMS)

# The build backend stands in the locks too, so that nothing without a hash is fetched.
# requirements-dev.lock holds all of requirements.lock at the same versions.
define install
	@echo 'Setting up $(VENV) from $(1)'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --require-hashes --requirement $(1)
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/ready-*
	@touch $(2)
endef

$(RUN_READY):
	$(call install,requirements.lock,$(RUN_READY))

$(DEV_READY):
	$(call install,requirements-dev.lock,$(RUN_READY) $(DEV_READY))

$(NODE_READY): $(DEV_READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

# Hosts and options of one machine stay out of the locks.
compile = CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe \
          --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options
