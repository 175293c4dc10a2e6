# demo   build, install the kernel into .venv, run the first notebook, say where to look
# test   everything that can fail: Rust, Python, notebooks, JupyterLab in a browser
# check  format, clippy, the map of the folders; quick
# bench  the kernel beside evcxr_jupyter and ipykernel, tracking beside mlflow and trackio
#
# Each target sets up what it needs and names what the machine lacks.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.PHONY: demo test check bench bench-kernel bench-tracking build kernel python
.DEFAULT_GOAL := demo

VENV := .venv
TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARIES := $(abspath $(TARGET))/debug
LAZULI := $(BINARIES)/lazuli
BENCH_TOOLS := $(abspath $(TARGET))/bench-tools
AZURITE := $(abspath $(TARGET))/azurite

# Rust cells need the standard library's sources. rustup's component is found without help;
# Debian's package lies here.
DEBIAN_RUST_SRC := /usr/lib/rustlib/src/rust/library
ifeq ($(RUST_SRC_PATH),)
ifeq ($(wildcard $(shell rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library),)
ifneq ($(wildcard $(DEBIAN_RUST_SRC)),)
export RUST_SRC_PATH := $(realpath $(DEBIAN_RUST_SRC))
endif
endif
endif

demo: kernel
	@mkdir -p $(TARGET)/demo
	@cp notebooks/01-track-and-train.ipynb $(TARGET)/demo/
	@echo "Running notebooks/01-track-and-train.ipynb ..."
	@cd $(TARGET)/demo && PATH="$(abspath $(VENV))/bin:$$PATH" jupyter nbconvert --log-level WARN \
		--to notebook --execute --inplace 01-track-and-train.ipynb
	@echo
	@echo "The executed notebook:  $(abspath $(TARGET))/demo/01-track-and-train.ipynb"
	@echo "Look at it:             $(VENV)/bin/jupyter lab $(TARGET)/demo/01-track-and-train.ipynb"
	@echo "From the shell:         $(LAZULI) run list"
	@echo "Kept in:                $${LAZULI_HOME:-$$HOME/.lazuli}  (set LAZULI_HOME for another place)"
	@echo "The daemon:"
	@$(LAZULI) status

test: kernel $(AZURITE)/.installed
	@tests/require.sh build python browser
	python3 tests/run.py --binaries $(BINARIES) --venv $(abspath $(VENV)) --path $(AZURITE)/node_modules/.bin

# Azure Blob Storage for the tests; S3 is moto, in the virtual environment.
$(AZURITE)/.installed:
	@tests/require.sh node
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(AZURITE) azurite@3.35.0
	@touch $@

check:
	@tests/require.sh build format
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --package lazuli-tests --test tidy --locked
	PYTHONPYCACHEPREFIX=$(TARGET)/pycache python3 -W error -m compileall -q sdk/python tests

bench: bench-kernel bench-tracking

bench-kernel: kernel
	$(VENV)/bin/python tests/bench/kernel.py --binaries $(BINARIES) --tools $(BENCH_TOOLS)

bench-tracking: build $(BENCH_TOOLS)/tracking/.installed
	cargo build --package lazuli-tests --example log_speed --locked
	$(BENCH_TOOLS)/tracking/bin/python tests/bench/tracking.py --binaries $(BINARIES)

$(BENCH_TOOLS)/tracking/.installed: tests/bench/requirements.txt
	python3 -m venv $(BENCH_TOOLS)/tracking
	$(BENCH_TOOLS)/tracking/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

build:
	@tests/require.sh build
	cargo build --workspace --bins --locked

kernel: build python
	@$(LAZULI) kernel install --prefix $(abspath $(VENV))

python: $(VENV)/.installed

$(VENV)/.installed: tests/requirements.txt
	@tests/require.sh python
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/requirements.txt
	@touch $@
