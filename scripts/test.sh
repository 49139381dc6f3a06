#!/usr/bin/env bash
# Runs every test suite and ends with one honest line over all of them. Set-up has been done.
set -uo pipefail
cd "$(dirname "$0")/.."
passed=0
failed=0

# tally NAME PASSED FAILED
tally() {
	printf '%-28s %5d passed %5d failed\n' "$1" "$2" "$3"
	passed=$((passed + $2))
	failed=$((failed + $3))
}

# a step that counts as one test
step() {
	local name=$1
	shift
	if "$@"; then tally "$name" 1 0; else tally "$name" 0 1; fi
}

unit() {
	local out=$1/meson-logs/testlog.json
	rm -f "$out"
	.deps/venv/bin/meson test -C "$1" --no-rebuild --print-errorlogs --quiet
	local ok bad
	ok=$(grep -c '"result": "OK"' "$out")
	bad=$(grep -vc '"result": "OK"' "$out")
	tally "unit ($1)" "$ok" "$bad"
}

system() {
	local xml
	xml=$(mktemp)
	.deps/venv/bin/python -m pytest -q tests/system --junitxml="$xml" "$@"
	read -r total bad < <(.deps/venv/bin/python scripts/junit_totals.py "$xml")
	rm -f "$xml"
	tally system $((total - bad)) "$bad"
}

if ! scripts/build.sh build; then
	echo "0 passed, 1 failed"
	exit 1
fi
unit build
for check in scripts/lint.d/*; do
	step "lint: $(basename "$check")" "$check"
done
[ -d tests/system ] && system
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
