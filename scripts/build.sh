#!/usr/bin/env bash
# Configures a build folder once and compiles it: scripts/build.sh [folder [meson options ...]]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-build}
shift || true
meson=.deps/venv/bin/meson
if [ ! -f "$folder/build.ninja" ]; then
	"$meson" setup "$folder" "$@" >"/tmp/weft-meson-$$.log" 2>&1 || {
		cat "/tmp/weft-meson-$$.log"
		rm -f "/tmp/weft-meson-$$.log"
		exit 1
	}
	rm -f "/tmp/weft-meson-$$.log"
fi
# a new layer is a new meson.build, which ninja does not know of
layers=$(ls src/*/meson.build)
if [ "$(cat "$folder/.layers" 2>/dev/null)" != "$layers" ]; then
	touch src/meson.build
	echo "$layers" >"$folder/.layers"
fi
ninja -C "$folder" --quiet
