#!/usr/bin/env bash
# Writes docs/reference/ from the tables in the code: scripts/reference.sh PROGRAM [--check]
# PROGRAM is weft-reference of the build; --check only says whether the pages are up to date.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/../docs"
mkdir -p reference
bad=0
for page in $("$program"); do
	if [ "${2:-}" = --check ]; then
		"$program" "$page" | diff -u "reference/$page.md" - >&2 || bad=1
	else
		"$program" "$page" >"reference/$page.md"
	fi
done
[ $bad = 0 ] || echo "run scripts/reference.sh $program" >&2
exit $bad
