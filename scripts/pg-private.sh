#!/usr/bin/env bash
# A private PostgreSQL cluster for the demo and the tests: loopback only, on the port given, gone with its folder.
#   pg-private.sh start DIR PORT PASSWORD_FILE    makes the cluster when DIR is empty; user and database are "shop"
#   pg-private.sh stop DIR
# PostgreSQL refuses to run as root: then it runs as the user "postgres".
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
dir=$2
as() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
	else
		"$@"
	fi
}
case $1 in
start)
	port=$3
	mkdir -p "$dir"
	[ "$(id -u)" != 0 ] || chown postgres: "$dir"
	chmod 700 "$dir"
	if [ ! -f "$dir/data/PG_VERSION" ]; then
		install -m 600 "$4" "$dir/password"
		[ "$(id -u)" != 0 ] || chown postgres: "$dir/password"
		(cd "$dir" && as "$bin/initdb" -D "$dir/data" -U shop --pwfile="$dir/password" -A scram-sha-256 -E UTF8 --locale=C.UTF-8 >"/dev/null")
		rm -f "$dir/password"
	fi
	(cd "$dir" && as "$bin/pg_ctl" -D "$dir/data" -w -s -l "$dir/log" \
		-o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$dir' -c fsync=off -c max_wal_size=4GB -c shared_buffers=256MB" start)
	;;
stop)
	if [ -f "$dir/data/postmaster.pid" ]; then
		(cd "$dir" && as "$bin/pg_ctl" -D "$dir/data" -m fast -s -w stop)
	fi
	;;
*)
	echo "usage: pg-private.sh start DIR PORT PASSWORD_FILE | stop DIR" >&2
	exit 2
	;;
esac
