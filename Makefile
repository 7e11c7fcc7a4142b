# What people type. Everything else is cargo.

.PHONY: test bench

NEXTEST := $(shell cargo nextest --version 2>/dev/null)

# All tests. One profile for program, tests and lints: nothing is built twice.
test:
	@test -d ../shared/data || echo "SKIPPED below, though they count as passed: tests on the real benchmarks (no ../shared/data)"
	@command -v python3 >/dev/null || echo "SKIPPED below, though they count as passed: tests that run Python programs (no python3)"
ifdef NEXTEST
	cargo test --release --workspace --doc
	cargo nextest run --release --workspace
else
	cargo test --release --workspace
endif

# quick-start over the five real benchmarks as a whole process; DATA is the folder that holds them.
DATA ?= benchmarks
bench:
	cargo build --release
	python3 benches/quick_start.py target/release/symphony-data $(DATA)
