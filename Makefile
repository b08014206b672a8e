# make run    build it and start it: http://127.0.0.1:8080
# make build  build it, and leave ./ledgerdesk
# make test   everything that has to hold before a change goes in
# make soak   the random tests with many more cases, then make soak-hour
# make soak-hour   the program under half of what it can do for an hour; MINUTES=5 for less
# make peers  measure against other event-sourcing libraries (tests/benches/peers/README.md; takes a quarter of an hour)

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := run
.PHONY: run build test soak soak-hour peers postgres cargo clean

ifneq ($(wildcard $(HOME)/.cargo/bin/cargo),)
export PATH := $(HOME)/.cargo/bin:$(PATH)
endif

run: build postgres
	@exec ./ledgerdesk serve

build: cargo
	@cargo build --release --package server --bin ledgerdesk
	@ln -sfn "$${CARGO_TARGET_DIR:-target}/release/ledgerdesk" ledgerdesk

# The server programs of Postgres, for those who name no server of their own in DATABASE_URL.
postgres: cargo
	@test -n "$${DATABASE_URL:-}" || cargo xtask postgres

test: cargo
	@cargo xtask ci

soak: cargo
	@cargo xtask soak

soak-hour: cargo
	@cargo xtask soak-hour

peers: cargo
	@cargo xtask postgres
	@command -v npm > /dev/null || { echo "Node.js 20 or newer with npm is needed for two of the peers" >&2; exit 1; }
	@npm ci --prefix tests/benches/peers/npm --no-audit --no-fund --loglevel=error
	@cd tests/benches/peers/eventually && cargo build --release --locked
	@cd tests/benches/peers && cargo build --release && "$${CARGO_TARGET_DIR:-../../../target}/release/peers"

cargo:
	@command -v cargo > /dev/null || { \
		echo "Rust is needed, 1.94 or newer: https://rustup.rs, or on Debian 12: apt-get install rustc-web cargo-web" >&2; \
		exit 1; }
	@command -v cc > /dev/null || { \
		echo "A C compiler is needed: apt-get install build-essential" >&2; \
		exit 1; }

clean:
	@cargo clean
	@rm -f ledgerdesk
