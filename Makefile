# The two commands: `make demo` and `make test`. Both set up what is missing first.
.PHONY: demo test setup build lint bench clean
BUILD ?= build
MESON = .deps/venv/bin/meson
NINJA = ninja

demo: build
	@scripts/demo.sh

test: setup
	@scripts/test.sh

# One part of the tests: plain, sanitized, threads
test-%: setup
	@scripts/test.sh $*

setup:
	@scripts/setup.sh

build: setup
	@scripts/build.sh $(BUILD)

lint: build
	@scripts/lint.sh

bench: build
	@.deps/venv/bin/python bench/run.py

clean:
	rm -rf build build-asan build-tsan
