# demo   build, install the kernel into .venv, run the first notebook, say where to look
# test   everything that can fail: Rust, Python, notebooks, JupyterLab in a browser
# test-large  files of 5 GB and 10,000 files in every kind of store; takes half an hour
# check  format, clippy, the map of the folders; quick
# studio the web pages and JupyterLab's extension, which the next build takes into the binary
# extension  the VS Code extension, extension/dist/lazuli.vsix
# screenshots  every page of Studio in light and dark, and where the pictures are
# bench  the kernel beside evcxr_jupyter and ipykernel, tracking beside mlflow and trackio,
#        tables beside pandas and polars, the Python SDK beside Azure's own, the language server on a
#        large workspace, the extension's start in VS Code
#
# Each target sets up what it needs and names what the machine lacks.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.PHONY: demo test test-large test-tools check bench bench-kernel bench-tracking bench-data bench-sdk bench-studio bench-lsp bench-extension build kernel python studio extension screenshots test-extension-newest
.DEFAULT_GOAL := demo

VENV := .venv
TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARIES := $(abspath $(TARGET))/debug
LAZULI := $(BINARIES)/lazuli
BENCH_TOOLS := $(abspath $(TARGET))/bench-tools
AZURITE := $(abspath $(TARGET))/azurite
CODE_SERVER := $(abspath $(TARGET))/code-server
# The newest that runs on the Node.js that Debian has; the other one needs Node.js 24, which npm has too.
CODE_SERVER_VERSION := 4.100.3
CODE_SERVER_NEWEST := 4.139.1
NODE_PACKAGE := node-linux-$(if $(filter aarch64,$(shell uname -m)),arm64,x64)
NODE_NEWEST := $(abspath $(TARGET))/node-24/node_modules/$(NODE_PACKAGE)/bin

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

# Files that are built from the sources of Studio; Cargo takes them into the binary.
STUDIO := studio/dist/studio/index.html
STUDIO_SOURCES := $(shell find studio/src studio/jupyterlab studio/public -type f) studio/index.html \
	studio/openapi.json studio/package-lock.json studio/build.mjs studio/vite.config.ts studio/tsconfig.json

studio: $(STUDIO)

studio/node_modules/.installed: studio/package-lock.json studio/package.json
	@tests/require.sh node
	cd studio && npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

$(STUDIO): studio/node_modules/.installed $(STUDIO_SOURCES)
	cd studio && npm run --silent build
	@touch $@

EXTENSION := extension/dist/lazuli.vsix
EXTENSION_SOURCES := $(shell find extension/src extension/tests extension/media -type f) extension/package.json \
	extension/package-lock.json extension/build.mjs extension/tsconfig.json extension/README.md extension/.vscodeignore

extension: $(EXTENSION)

extension/node_modules/.installed: extension/package-lock.json extension/package.json
	@tests/require.sh node
	cd extension && npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

$(EXTENSION): extension/node_modules/.installed $(STUDIO) $(EXTENSION_SOURCES)
	cd extension && npm run --silent check && npm run --silent package
	@touch $@

# VS Code in a browser, for the tests.
$(CODE_SERVER)/.installed: tests/e2e/install_code_server.sh
	@tests/require.sh node
	tests/e2e/install_code_server.sh $(CODE_SERVER_VERSION) $(CODE_SERVER)
	@touch $@

# The same tests in the newest VS Code. It takes tests of its extension host only when it is told to.
test-extension-newest: test-tools extension $(CODE_SERVER)-newest/.installed
	LAZULI_TEST_CODE_SERVER=$(CODE_SERVER)-newest LAZULI_TEST_CODE_SERVER_OPTIONS="--vscode-option enable-smoke-test-driver" \
		LAZULI_TEST_BINARIES=$(BINARIES) PATH="$(NODE_NEWEST):$(abspath $(VENV))/bin:$$PATH" \
		$(VENV)/bin/python -m pytest tests/e2e/test_extension.py -p no:cacheprovider -q

$(CODE_SERVER)-newest/.installed: tests/e2e/install_code_server.sh $(NODE_NEWEST)/node
	PATH="$(NODE_NEWEST):$$PATH" tests/e2e/install_code_server.sh $(CODE_SERVER_NEWEST) $(CODE_SERVER)-newest
	@touch $@

$(NODE_NEWEST)/node:
	@tests/require.sh node
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(abspath $(TARGET))/node-24 $(NODE_PACKAGE)@24

screenshots: test-tools
	LAZULI_TEST_BINARIES=$(BINARIES) LAZULI_TEST_SCREENSHOTS=$(abspath $(TARGET))/screenshots \
		PATH="$(abspath $(VENV))/bin:$$PATH" $(VENV)/bin/python -m pytest -p no:cacheprovider -q \
		tests/e2e/test_studio_pages.py tests/e2e/test_studio_tokens.py -k "test_a_page or test_a_token"
	@echo "The pictures: $(abspath $(TARGET))/screenshots"

test-tools: studio kernel
	@tests/require.sh build python browser

test: studio extension kernel $(AZURITE)/.installed $(CODE_SERVER)/.installed
	@tests/require.sh build python browser
	LAZULI_TEST_CODE_SERVER=$(CODE_SERVER) python3 tests/run.py --binaries $(BINARIES) --venv $(abspath $(VENV)) --path $(AZURITE)/node_modules/.bin

# What takes minutes, and much disk and memory: files of 5 GB, and 10,000 files in every kind of store.
test-large: build $(VENV)/.installed $(AZURITE)/.installed
	PATH="$(abspath $(VENV))/bin:$(AZURITE)/node_modules/.bin:$$PATH" \
		cargo test --workspace --locked --test datastores -- --ignored --test-threads 1

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

bench: bench-kernel bench-tracking bench-data bench-sdk bench-studio bench-lsp bench-extension

bench-kernel: kernel
	$(VENV)/bin/python tests/bench/kernel.py --binaries $(BINARIES) --tools $(BENCH_TOOLS)

bench-tracking: build $(BENCH_TOOLS)/tracking/.installed
	cargo build --package lazuli-tests --example log_speed --locked
	$(BENCH_TOOLS)/tracking/bin/python tests/bench/tracking.py --binaries $(BINARIES)

$(BENCH_TOOLS)/tracking/.installed: tests/bench/requirements.txt
	python3 -m venv $(BENCH_TOOLS)/tracking
	$(BENCH_TOOLS)/tracking/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

bench-data: build $(BENCH_TOOLS)/data/.installed
	$(BENCH_TOOLS)/data/bin/python tests/bench/data.py --binaries $(BINARIES)

$(BENCH_TOOLS)/data/.installed: tests/bench/data-requirements.txt
	python3 -m venv $(BENCH_TOOLS)/data
	$(BENCH_TOOLS)/data/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# Azure's SDK has no wheel for every Python; without it only our own figures are printed.
bench-sdk: build $(BENCH_TOOLS)/sdk/.tried
	python3 tests/bench/sdk.py --binaries $(BINARIES) $$([ -e $(BENCH_TOOLS)/sdk/.installed ] && echo --peer $(BENCH_TOOLS)/sdk)

$(BENCH_TOOLS)/sdk/.tried:
	python3 -m venv $(BENCH_TOOLS)/sdk
	$(BENCH_TOOLS)/sdk/bin/python -m pip install --quiet --disable-pip-version-check 'azureml-core>=1.60' \
		&& touch $(BENCH_TOOLS)/sdk/.installed || echo "azureml-core could not be installed here"
	@touch $@

bench-studio: studio build $(BENCH_TOOLS)/tracking/.installed
	$(BENCH_TOOLS)/tracking/bin/python tests/bench/studio.py --binaries $(BINARIES)

bench-lsp: build
	python3 tests/bench/lsp.py --binaries $(BINARIES)

bench-extension: test-tools extension $(CODE_SERVER)/.installed
	LAZULI_TEST_CODE_SERVER=$(CODE_SERVER) $(VENV)/bin/python tests/bench/extension.py --binaries $(BINARIES)

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
