# What people type. Everything else is cargo.

.PHONY: test test-rust test-python test-checked test-harnesses harnesses browser ray wheel dist dist-test bench bench-quick reference difficulty subsets screenshot package audit

NEXTEST := $(shell cargo nextest --version 2>/dev/null)
# Python with the wheel, as a user has it, and with the packages that it is shown to work with. Its tools are called through
# it: the scripts beside it name the folder that they were installed in, which in a copied checkout is another one.
VENV := target/venv
export SYMPHONY_DATA_TEST_PYTHON := $(CURDIR)/$(VENV)/bin/python

# All tests. One profile for program, tests, lints and wheel: nothing is built twice. What runs last counts all.
test: test-python test-rust

test-rust: $(VENV)/ready
	@test -d ../shared/data || echo "SKIPPED below, though they count as passed: tests on the real benchmarks (no ../shared/data)"
ifdef NEXTEST
	cargo test --release --workspace --exclude symphony-data-python --doc
	cargo nextest run --release --workspace --exclude symphony-data-python
else
	cargo test --release --workspace --exclude symphony-data-python
endif

# The library's tests with debug assertions and overflow checks, which a release build leaves out. Both are on for its two
# crates alone, so that these are built once more (lightly, as few tests run long) and their dependencies are not: a profile
# of another name would build all of them.
LIBRARY := symphony-data symphony-synthetic
OF_LIBRARY = $(foreach crate,$(LIBRARY),--config 'profile.release.package.$(crate).$(1)')
CHECKED = --release $(LIBRARY:%=-p %) --lib --tests $(call OF_LIBRARY,opt-level=1) \
	$(call OF_LIBRARY,debug-assertions=true) $(call OF_LIBRARY,overflow-checks=true)

test-checked:
ifdef NEXTEST
	cargo nextest run $(CHECKED)
else
	cargo test $(CHECKED)
endif

# The wheel is built, installed as a user would, and tested: from here, as the folder python has the package without its
# compiled module, and `python -m` looks into the working folder first.
test-python: wheel
	$(VENV)/bin/python -m pytest -q -rs -c python/pyproject.toml python/tests

# The harnesses that exports are run in: a gigabyte, so that `make test` does without, and then says which tests it skips.
HARNESSES := target/harnesses

harnesses: $(HARNESSES)/ready

$(HARNESSES)/ready: python/tests/harnesses/requirements.txt
	python3 -m venv $(HARNESSES)
	$(HARNESSES)/bin/python -m pip install -q --disable-pip-version-check -r $<
	touch $@

# All tests that run them; those of EvalScope are run here alone, as it takes another gigabyte.
test-harnesses: wheel harnesses target/evalscope/ready
	$(VENV)/bin/python -m pytest -q -rs -c python/pyproject.toml python/tests/harnesses

# What reports are opened with: Chromium, playwright, which steers it (130 MB, so that `make test` does without, and then says
# which tests it skips), and axe-core. Chromium and npm are the system's. Playwright would fetch a Chromium of its own, from a
# place that many machines do not reach.
BROWSER := target/browser
AXE := axe-core@4.14.1
APT_GET := DEBIAN_FRONTEND=noninteractive apt-get -q

browser: $(BROWSER)/ready

$(BROWSER)/ready: python/tests/browser/requirements.txt $(VENV)/ready
	@missing=$$(for program in $(if $(SYMPHONY_DATA_TEST_CHROMIUM),,chromium) npm; do command -v $$program >/dev/null || echo $$program; done); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ $$(id -u) != 0 ] || ! command -v apt-get >/dev/null; then echo "make browser: install first:" $$missing >&2; exit 1; fi; \
	$(APT_GET) update && $(APT_GET) install -y --no-install-recommends $$missing
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check -r $<
	mkdir -p $(@D)
	cd $(@D) && tar -xzf "$$(npm pack --silent $(AXE))" package/axe.min.js
	touch $@

# Ray, on which stage 1 is tested with two nodes on this machine (240 MB, so that `make test` does without, and then says which
# tests it skips). Its workers run the wheel of the environment that starts them.
RAY := target/ray

ray: $(RAY)/ready

$(RAY)/ready: python/tests/cluster/requirements.txt $(VENV)/ready
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check -r $<
	mkdir -p $(@D)
	touch $@

wheel: $(VENV)/ready
	rm -rf target/wheels
	$(VENV)/bin/python -m maturin build --release --manifest-path python/Cargo.toml --out target/wheels --interpreter $(VENV)/bin/python
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check --force-reinstall --no-deps target/wheels/*.whl

# The files of a release, in dist/: wheel, source distribution, the program with completions and man pages, checksums.
dist: wheel
	packaging/dist $(CURDIR)/$(VENV)/bin/python

# They are installed, compiled and run.
dist-test: dist
	$(VENV)/bin/python -m pytest -q -p no:cacheprovider packaging

$(VENV)/ready: python/tests/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check -r $<
	touch $@

target/evalscope/ready: python/tests/harnesses/requirements-evalscope.txt
	python3 -m venv $(@D)
	$(@D)/bin/python -m pip install -q --disable-pip-version-check -r $<
	touch $@

# What would be published is whole. That nothing in it reaches out of it, so that it builds, is tested by
# what_a_package_includes_lies_inside_it.
package:
	cargo package --workspace --exclude symphony-data-python --exclude workspace-hack --no-verify --allow-dirty --quiet

# Licences, sources and double versions of what is depended on.
audit:
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check bans licenses sources; \
	else echo "SKIPPED: cargo-deny is not installed (cargo install cargo-deny --locked)"; fi

# The reference difficulties that ship inside the program, fitted to the public responses in ../shared, and how well every
# kind of difficulty predicts models that were left out: benches/RESULTS_DIFFICULTY.md.
reference: $(VENV)/ready
	cargo build --release
	$(VENV)/bin/python benches/reference.py target/release/symphony-data

difficulty: $(VENV)/ready
	cargo build --release
	$(VENV)/bin/python benches/difficulty.py target/release/symphony-data

# How well the full accuracy of real models is estimated from 100 tasks, beside other ways: benches/RESULTS_SUBSETS.md.
subsets: $(VENV)/ready
	cargo build --release
	$(VENV)/bin/python benches/subsets.py target/release/symphony-data

# The README's picture, from real tasks and public answers: docs/report.png.
screenshot: $(BROWSER)/ready
	cargo build --release
	$(VENV)/bin/python packaging/screenshot.py target/release/symphony-data docs/report.png

# Compares the program with plain Python, Polars and DuckDB; writes benches/RESULTS.md. DATA is the folder of the five real
# benchmarks; without it, the rows are generated.
DATA ?= $(wildcard ../shared/data)
COMPARE = $(VENV)/bin/python benches/compare target/release/symphony-data $(if $(DATA),--data $(DATA))

bench: $(VENV)/ready
	cargo build --release
	cargo bench --workspace --exclude symphony-data-python --bench kernels -- synthetic
	$(COMPARE)

# The same at a tenth of the size, in a few minutes.
bench-quick: $(VENV)/ready
	cargo build --release
	$(COMPARE) --scale 0.1 --runs 3 --output target/compare-quick.md
	@cat target/compare-quick.md

# Stage 1 on Ray against one process, and a model of more workers; writes benches/RESULTS_CLUSTER.md and docs/cluster.svg.
bench-cluster: wheel ray
	$(VENV)/bin/python benches/cluster.py
