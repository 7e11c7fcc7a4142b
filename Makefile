# What people type. Everything else is cargo.

.PHONY: test test-rust test-python wheel bench audit

NEXTEST := $(shell cargo nextest --version 2>/dev/null)
# Python with the wheel, as a user has it, and with the packages that it is shown to work with.
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

# The wheel is built, installed as a user would, and tested.
test-python: wheel
	cd python && $(CURDIR)/$(VENV)/bin/pytest -q

wheel: $(VENV)/ready
	rm -rf target/wheels
	$(VENV)/bin/maturin build --release --manifest-path python/Cargo.toml --out target/wheels --interpreter $(VENV)/bin/python
	$(VENV)/bin/pip install -q --disable-pip-version-check --force-reinstall --no-deps target/wheels/*.whl

$(VENV)/ready: python/tests/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install -q --disable-pip-version-check -r $<
	touch $@

# Licences, sources and double versions of what is depended on.
audit:
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check bans licenses sources; \
	else echo "SKIPPED: cargo-deny is not installed (cargo install cargo-deny --locked)"; fi

# quick-start over the five real benchmarks as a whole process; DATA is the folder that holds them.
DATA ?= benchmarks
bench:
	cargo build --release
	python3 benches/quick_start.py target/release/symphony-data $(DATA)
