#!/usr/bin/env bash
# Runs every test suite and ends with one honest line over all of them. Set-up has been done.
#   scripts/test.sh            what people run: unit and system tests, lint
#   scripts/test.sh sanitized  the unit and system tests with ASan, UBSan, coverage counters and fault points
set -uo pipefail
cd "$(dirname "$0")/.."
passed=0
failed=0
table=""
coverage_bar=80
# The long comparison of the twin lakes runs where statements are fast.
checked_statements=500

# tally NAME PASSED FAILED
tally() {
	local row
	row=$(printf '%-34s %5d passed %5d failed %6d s' "$1" "$2" "$3" $((SECONDS - began)))
	echo "$row"
	table+="$row"$'\n'
	passed=$((passed + $2))
	failed=$((failed + $3))
}

# a step that counts as one test
step() {
	local name=$1 began=$SECONDS
	shift
	if "$@"; then
		tally "$name" 1 0
	else
		tally "$name" 0 1
		return 1
	fi
}

# unit BUILD [meson options]
unit() {
	local out=$1/meson-logs/testlog.json build=$1 began=$SECONDS ok bad
	shift
	rm -f "$out"
	.deps/venv/bin/meson test -C "$build" --no-rebuild --print-errorlogs --quiet "$@"
	ok=$(grep -c '"result": "OK"' "$out")
	bad=$(grep -vc '"result": "OK"' "$out")
	[ $((ok + bad)) -gt 0 ] || bad=1
	tally "unit ($build)" "$ok" "$bad"
}

# system BUILD [pytest options]
system() {
	local xml build=$1 began=$SECONDS total bad
	shift
	xml=$(mktemp)
	WEFT_BUILD=$PWD/$build .deps/venv/bin/python -m pytest -q tests/system --junitxml="$xml" "$@"
	read -r total bad < <(.deps/venv/bin/python scripts/junit_totals.py "$xml")
	rm -f "$xml"
	tally "system ($build)" $((total - bad)) "$bad"
}

# Nothing may lie where the sanitizers of every process, workers too, write (src/base/measure.c).
no_reports() {
	head -n 60 build-asan/sanitizer/* 2>/dev/null
	[ -d build-asan/sanitizer ] && [ -z "$(ls build-asan/sanitizer)" ]
}

coverage() {
	gcovr --root . --filter src/ --exclude '.*/(test|fuzz)-.*' --exclude '.*\.gen\.c' --exclude-unreachable-branches \
		--gcov-ignore-parse-errors --fail-under-line "$coverage_bar" -j 2 build-asan
}

finish() {
	printf '\n%s%s passed, %s failed\n' "$table" "$passed" "$failed"
	[ "$failed" = 0 ]
	exit
}

sanitized() {
	step "build with sanitizers" scripts/build.sh build-asan -Db_sanitize=address,undefined -Db_lundef=false \
		-Db_coverage=true -Dfault_points=true || finish
	find build-asan -name '*.gcda' -delete
	rm -rf build-asan/sanitizer
	mkdir build-asan/sanitizer
	unit build-asan --timeout-multiplier 10
	WEFT_FAULT_BUILD=$PWD/build-asan WEFT_TWIN_STATEMENTS=$checked_statements system build-asan --ignore tests/system/test_twin_bite.py
	step "no sanitizer report" no_reports
	step "coverage of src, $coverage_bar % of lines" coverage
}

plain() {
	step "build" scripts/build.sh build || finish
	unit build
	for check in scripts/lint.d/*; do
		step "lint: $(basename "$check")" "$check"
	done
	step "build with fault points" scripts/build.sh build-fault -Dfault_points=true || finish
	WEFT_FAULT_BUILD=$PWD/build-fault system build
}

"${1:-plain}"
finish
