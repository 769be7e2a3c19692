# make setup   checks the toolchain and installs what is missing       make lint    format, layers and file rules
# make build   .build/release/earshot                                  make format  rewrites the sources in the format
# make demo    a recorded call from start to end, in a folder of its own; make demo-transcribe: a call as text, while it is up
# make test    every test: unit, simulation, end to end                make bench   CPU, memory and loss under load
# make run     the service until Ctrl-C (ARGS='--config earshot.yaml') make fuzz    each fuzz target for a minute
# make clean   removes what was built

# The system's Python, for which setup installs pytest; another one in PATH may lack it.
PYTHON := /usr/bin/python3
BINARY := .build/release/earshot
# Groups of test targets that run one after the other. All tests of a run share a thread a core: what waits for sockets and
# clocks, beside hundreds of tests that compute, waits too long.
STORED_TESTS := ^StreamSinkTests\.
MEDIA_TESTS := ^(MediaEngine|CallArchive|AudioExport)Tests\.
CALLING_TESTS := ^(UserAgent|Recorder|RecordingClient)Tests\.
SERVING_TESTS := ^HTTPInterfaceTests\.
SENDING_TESTS := ^DeliveryTests\.
PYTEST_CACHE := -o addopts=-ra -o cache_dir=$(CURDIR)/.build/pytest
# Runs tests; when some fail, says so and runs them once more, and fails when they fail again: on a machine that others use
# too, real sockets and clocks miss now and then. What failed stands in the output.
once_more = $(1) || { echo "TESTS FAILED; once more, and what fails again fails:"; $(1) $(2); }
# How long each fuzz target runs.
SECONDS_EACH := 60

.DEFAULT_GOAL := help
.PHONY: help setup build demo demo-transcribe test lint format bench fuzz run clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' $(firstword $(MAKEFILE_LIST))

setup:
	@scripts/setup

build: setup
	swift build -c release --product earshot

demo: build
	@$(PYTHON) scripts/demo

demo-transcribe: build
	@.build/python/bin/python scripts/demo-transcribe

test: setup
	swift build --build-tests
	$(call once_more,swift test --skip-build --skip '$(STORED_TESTS)' --skip '$(MEDIA_TESTS)' --skip '$(CALLING_TESTS)' \
		--skip '$(SERVING_TESTS)' --skip '$(SENDING_TESTS)')
	$(call once_more,swift test --skip-build --filter '$(STORED_TESTS)')
	$(call once_more,swift test --skip-build --filter '$(MEDIA_TESTS)')
	$(call once_more,swift test --skip-build --filter '$(CALLING_TESTS)')
	$(call once_more,swift test --skip-build --filter '$(SERVING_TESTS)')
	$(call once_more,swift test --skip-build --filter '$(SENDING_TESTS)')
	@test -x $(BINARY) || swift build -c release --product earshot
	swift build -c release --product media-bench
	$(call once_more,$(PYTHON) -m pytest $(PYTEST_CACHE) Tests/EndToEnd,--last-failed)

lint: setup
	swift format lint --strict --recursive --parallel Sources Tests Benchmarks/MediaBench Benchmarks/FileServer Fuzz/Sources/Fuzzing Package.swift
	scripts/check-layers --self-test
	scripts/check-layers

format:
	swift format --in-place --recursive --parallel Sources Tests Benchmarks/MediaBench Benchmarks/FileServer Fuzz/Sources/Fuzzing Package.swift

bench: build
	swift build -c release --product media-bench
	swift build -c release --product file-server
	$(PYTHON) Benchmarks/bench.py

fuzz: setup
	Fuzz/run $(SECONDS_EACH)

run: build
	$(BINARY) serve $(ARGS)

clean:
	swift package clean
	rm -rf demo-output .pytest_cache
