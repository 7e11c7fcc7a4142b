# What people type. Everything else is cargo.

.PHONY: test bench audit

NEXTEST := $(shell cargo nextest --version 2>/dev/null)
# Python with the packages that tests compare with. Without one, those tests are skipped, and say so.
VENV := target/venv
export SYMPHONY_DATA_TEST_PYTHON := $(CURDIR)/$(VENV)/bin/python

# All tests. One profile for program, tests and lints: nothing is built twice.
test: $(VENV)/ready
	@test -d ../shared/data || echo "SKIPPED below, though they count as passed: tests on the real benchmarks (no ../shared/data)"
	@command -v python3 >/dev/null || echo "SKIPPED below, though they count as passed: tests that run Python programs (no python3)"
ifdef NEXTEST
	cargo test --release --workspace --doc
	cargo nextest run --release --workspace
else
	cargo test --release --workspace
endif

$(VENV)/ready: tests/requirements.txt
	@if command -v python3 >/dev/null && python3 -m venv $(VENV) && \
	$(VENV)/bin/pip install -q --disable-pip-version-check -r $<; then touch $@; \
	else echo "SKIPPED below, though they count as passed: tests against Python's packages (they cannot be installed)"; fi

# Licences, sources and double versions of what is depended on.
audit:
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check bans licenses sources; \
	else echo "SKIPPED: cargo-deny is not installed (cargo install cargo-deny --locked)"; fi

# quick-start over the five real benchmarks as a whole process; DATA is the folder that holds them.
DATA ?= benchmarks
bench:
	cargo build --release
	python3 benches/quick_start.py target/release/symphony-data $(DATA)
