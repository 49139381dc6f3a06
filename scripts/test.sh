#!/usr/bin/env bash
# Runs every test suite and ends with one honest line over all of them. Set-up has been done.
#   scripts/test.sh            all of it: the three parts below
#   scripts/test.sh plain      unit and system tests of what people run, lint
#   scripts/test.sh sanitized  unit and system tests with ASan, UBSan, coverage counters and fault points
#   scripts/test.sh threads    unit and system tests of the server with TSan
set -uo pipefail
cd "$(dirname "$0")/.."
passed=0
failed=0
table=""
covered=""
coverage_bar=80
# The long comparison of the twin lakes runs where statements are fast.
checked_statements=500
threaded_units=(log pg-door server store)
threaded_systems=(apply.py governed.py http.py limits.py operations.py owners.py runs.py)

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
	[ -e "${1:-}" ] || set -- tests/system "$@"
	WEFT_BUILD=$PWD/$build .deps/venv/bin/python -m pytest -q --junitxml="$xml" "$@"
	read -r total bad < <(.deps/venv/bin/python scripts/junit_totals.py "$xml")
	rm -f "$xml"
	tally "system ($build)" $((total - bad)) "$bad"
}

# Where the sanitizers of every process, workers too, write (src/base/measure.c).
clear_reports() {
	rm -rf "$1/sanitizer"
	mkdir "$1/sanitizer"
}

no_reports() {
	head -n 60 "$1"/sanitizer/* 2>/dev/null
	[ -d "$1/sanitizer" ] && [ -z "$(ls "$1/sanitizer")" ]
}

coverage() {
	gcovr --root . --filter src/ --exclude '.*/(test|fuzz)-.*' --exclude '.*\.gen\.c' --exclude-unreachable-branches \
		--gcov-ignore-parse-errors --fail-under-line "$coverage_bar" -j 2 build-asan >build-asan/coverage.txt 2>build-asan/coverage.log
	local status=$?
	cat build-asan/coverage.txt
	covered=$(awk '$1 == "TOTAL" { print $4 }' build-asan/coverage.txt)
	return "$status"
}

finish() {
	printf '\n%s' "$table"
	[ -z "$covered" ] || echo "lines of src/ that ran: $covered (bar $coverage_bar %)"
	printf '%s passed, %s failed\n' "$passed" "$failed"
	[ "$failed" = 0 ]
	exit
}

plain() {
	step "build" scripts/build.sh build || return
	unit build
	for check in scripts/lint.d/*; do
		step "lint: $(basename "$check")" "$check"
	done
	# The faults have their turn in the sanitized part.
	WEFT_FAULT_BUILD=none system build
}

sanitized() {
	step "build with sanitizers" scripts/build.sh build-asan -Db_sanitize=address,undefined -Db_lundef=false \
		-Db_coverage=true -Dfault_points=true || return
	find build-asan -name '*.gcda' -delete
	clear_reports build-asan
	unit build-asan --timeout-multiplier 10
	WEFT_FAULT_BUILD=$PWD/build-asan WEFT_TWIN_STATEMENTS=$checked_statements system build-asan --ignore tests/system/test_twin_bite.py
	step "no report of ASan or UBSan" no_reports build-asan
	step "coverage" coverage
}

# The engine's library is not built for TSan: the server runs with the worker of the plain build.
threads() {
	step "build" scripts/build.sh build || return
	step "build for data races" scripts/build.sh build-tsan -Db_sanitize=thread -Db_lundef=false || return
	clear_reports build-tsan
	unit build-tsan --timeout-multiplier 10 "${threaded_units[@]}"
	WEFT_WORKER=$PWD/build/weft-worker system build-tsan "${threaded_systems[@]/#/tests/system/test_}"
	step "no report of TSan" no_reports build-tsan
}

case "${1:-all}" in
all)
	plain
	sanitized
	threads
	;;
*) "$1" ;;
esac
finish
