#!/usr/bin/env bash
# Installs what the build, the demo and the tests need: Debian packages, then Python and npm packages and
# two source distributions into .deps/. Every step has a stamp made of its inputs, so that a second run
# does nothing. Works as root or with sudo. Versions: scripts/deps-apt.txt, requirements.txt, npm/, sdists.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
deps=$PWD/.deps
mkdir -p "$deps"
exec 9>"$deps/.lock"
flock 9

say() { printf 'set-up: %s\n' "$*" >&2; }

# stamp NAME FILES...: true when the step is already done for these inputs
stamp_of() { cat "$@" scripts/setup.sh | sha256sum | cut -d' ' -f1; }
is_done() { [ -f "$deps/.stamp-$1" ] && [ "$(cat "$deps/.stamp-$1")" = "$2" ]; }
mark_done() { printf '%s\n' "$2" >"$deps/.stamp-$1"; }

installed_version() { dpkg-query -W -f '${db:Status-Abbrev}${Version}' "$1" 2>/dev/null | sed -n 's/^ii //p'; }

setup_apt() {
	local stamp missing=() name version sudo=""
	stamp=$(stamp_of scripts/deps-apt.txt)
	is_done apt "$stamp" && return
	while read -r name version; do
		[ -n "$(installed_version "$name")" ] || missing+=("$name")
	done < <(grep -v '^#' scripts/deps-apt.txt)
	command -v java >/dev/null || missing+=(openjdk-17-jdk-headless)
	command -v node >/dev/null || missing+=(nodejs npm)
	if [ ${#missing[@]} -gt 0 ]; then
		if [ "$(id -u)" != 0 ]; then
			command -v sudo >/dev/null || { say "needs root or sudo to install: ${missing[*]}"; exit 1; }
			sudo=sudo
		fi
		say "Debian packages: ${missing[*]}"
		$sudo apt-get update -qq
		# no cluster of its own: tests and demo start private servers
		$sudo sh -c 'mkdir -p /etc/postgresql-common/createcluster.d && echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/weft.conf'
		$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$deps/apt.log" 2>&1 ||
			{ tail -20 "$deps/apt.log" >&2; exit 1; }
	fi
	while read -r name version; do
		case "$(installed_version "$name")" in
		"$version"*) ;;
		*) say "$name is $(installed_version "$name"), tested with $version"; exit 1 ;;
		esac
	done < <(grep -v '^#' scripts/deps-apt.txt)
	mark_done apt "$stamp"
}

setup_python() {
	local stamp
	stamp=$(stamp_of scripts/requirements.txt)
	is_done python "$stamp" && return
	say "Python packages into .deps/venv"
	[ -x "$deps/venv/bin/python" ] || python3 -m venv "$deps/venv"
	"$deps/venv/bin/pip" install -q --disable-pip-version-check --require-hashes --only-binary :all: -r scripts/requirements.txt
	mark_done python "$stamp"
}

setup_npm() {
	local stamp
	stamp=$(stamp_of scripts/npm/package.json scripts/npm/package-lock.json)
	is_done npm "$stamp" && return
	say "npm packages into .deps/npm"
	mkdir -p "$deps/npm"
	cp scripts/npm/package.json scripts/npm/package-lock.json "$deps/npm/"
	npm ci --prefix "$deps/npm" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
	mark_done npm "$stamp"
}

# DuckDB: header, node definitions and TPC-H texts from the source distribution, library from npm.
# nanoarrow and flatcc: Meson subprojects.
setup_sources() {
	local stamp
	stamp=$(stamp_of scripts/sdists.txt scripts/npm/package.json)
	is_done sources "$stamp" && [ -d subprojects/arrow-nanoarrow ] && return
	say "DuckDB header and nanoarrow source"
	local tmp=$deps/tmp
	rm -rf "$tmp" "$deps/duckdb"
	mkdir -p "$tmp" "$deps/duckdb/include" "$deps/duckdb/lib" subprojects
	PATH=$deps/venv/bin:$PATH "$deps/venv/bin/pip" download -q --disable-pip-version-check --no-deps --no-build-isolation \
		--no-binary :all: --require-hashes -r scripts/sdists.txt -d "$tmp" >"$tmp/log" 2>&1 || { tail -20 "$tmp/log" >&2; exit 1; }
	tar xzf "$tmp"/duckdb-*.tar.gz -C "$tmp" --wildcards '*/external/duckdb/src/include/duckdb.h' \
		'*/external/duckdb/src/include/duckdb/storage/serialization/*' '*/external/duckdb/extension/tpch/dbgen/queries/*' \
		'*/external/duckdb/extension/tpch/dbgen/answers/*'
	local duck
	duck=$(echo "$tmp"/duckdb-*/external/duckdb)
	cp "$duck/src/include/duckdb.h" "$deps/duckdb/include/"
	cp -r "$duck/src/include/duckdb/storage/serialization" "$deps/duckdb/serialization"
	mkdir -p "$deps/duckdb/tpch"
	cp -r "$duck/extension/tpch/dbgen/queries" "$duck/extension/tpch/dbgen/answers" "$deps/duckdb/tpch/"
	cp "$deps/npm/node_modules/@duckdb/node-bindings-linux-x64/libduckdb.so" "$deps/duckdb/lib/"
	rm -rf subprojects/arrow-nanoarrow subprojects/flatcc-* subprojects/flatcc.wrap
	tar xzf "$tmp"/nanoarrow-*.tar.gz -C "$tmp"
	cp -r "$tmp"/nanoarrow-*/subprojects/arrow-nanoarrow "$tmp"/nanoarrow-*/subprojects/flatcc-* "$tmp"/nanoarrow-*/subprojects/flatcc.wrap subprojects/
	rm -rf "$tmp"
	mark_done sources "$stamp"
}

setup_apt
setup_python
setup_npm
setup_sources
