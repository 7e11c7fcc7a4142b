# What people type. Everything else is cargo.

.PHONY: test bench

NEXTEST := $(shell cargo nextest --version 2>/dev/null)

# All tests. One profile for program, tests and lints: nothing is built twice.
test:
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
