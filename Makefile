# Tasks of a developer. `make` or `make help` lists them; .ci/run and the pre-commit hooks call them.
# They use the Python environment that is active; `make setup` installs the tools into it.

PYTHON ?= python
PYTEST = $(PYTHON) -m pytest -q

.DEFAULT_GOAL := help
.PHONY: help setup build build-quick test-fast test test-slow test-timing ops-tests docs-tests rust-tests \
	lint rustfmt clippy ruff floors types format bench bench-torch bench-regress

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install the tools and compile the kernels into the active environment; once, at first
	$(PYTHON) -m pip install 'maturin>=1.9,<2'
	maturin develop --profile quick --extras dev,test

build: ## compile the kernels into the active environment, as fast as they get
	maturin develop --release

build-quick: ## the same with less optimization: the loop while editing under rust/
	maturin develop --profile quick

test-fast: ## the default test run; it says what it leaves out
	$(PYTEST)

test: test-fast test-slow test-timing ## all Python tests

test-slow: ## the slow tests only
	$(PYTEST) -m 'slow and not timing'

test-timing: ## the tests that measure time only; run them on a quiet machine
	$(PYTEST) -m timing

ops-tests: ## all tests of cnnrs.ops; CNNRS_SIMD=portable|avx2|avx512 chooses the SIMD path
	$(PYTEST) -m 'not timing' tests/ops

docs-tests: ## examples of docstrings, README and docs/
	$(PYTEST) tests/test_docstrings.py tests/test_docs.py tests/test_readme.py

rust-tests: ## tests of the kernels, without Python; CNNRS_SIMD as for ops-tests
	cargo test

lint: rustfmt clippy ruff floors ## formatting, lints and structure of Rust and Python

rustfmt: ## check the formatting of Rust
	cargo fmt --check

clippy: ## lints of Rust, kernels and bindings, warnings denied
	cargo clippy --all-targets -- -D warnings
	cargo clippy --all-targets --features python -- -D warnings

ruff: ## lints and formatting of Python
	ruff check
	ruff format --check

floors: ## imports, circles among files and file sizes
	$(PYTEST) tests/test_floors.py tests/test_rust_floors.py

types: ## static types, and the stub of the compiled module against the module
	mypy
	$(PYTHON) -m mypy.stubtest cnnrs._core

format: ## format Rust and Python in place
	cargo fmt
	ruff check --fix
	ruff format

bench: ## benchmarks of the kernels; on a quiet machine
	cargo bench

bench-torch: ## benchmarks beside PyTorch, which must be installed; see BENCHMARKS.md
	$(PYTHON) benches/compare_torch.py

bench-regress: ## compare two builds of cnnrs; OLD and NEW are the Pythons that have them installed
	$(PYTHON) benches/regress.py $(OLD) $(NEW)
