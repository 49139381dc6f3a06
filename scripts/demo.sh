#!/usr/bin/env bash
# make demo: the shop on one node, from its sources to governed answers. Stays up until Ctrl-C; ONCE=1 exits after
# the tour, with a status that is not zero when a step failed. SCALE=1 is one million orders.
#   DEMO_DIR   where everything goes (default: a folder below /tmp, removed at the end)
set -uo pipefail
cd "$(dirname "$0")/.."
scale=${SCALE:-1}
keep=${DEMO_DIR:+yes}
dir=${DEMO_DIR:-$(mktemp -d /tmp/weft-demo-XXXXXX)}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
python=$PWD/.deps/venv/bin/python
export PATH=$PWD/build:$PATH WEFT_DATA=$dir/node XDG_CONFIG_HOME=$dir/xdg
export SHOP=$dir
server=""

say() { printf '\033[1m%s\033[0m\n' "$*"; }
stop() {
	trap - EXIT INT TERM
	[ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; }
	scripts/pg-private.sh stop "$dir/pg" 2>/dev/null
	[ -n "$keep" ] || rm -rf "$dir"
}
trap 'stop; exit 130' INT TERM
trap stop EXIT

free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
fail() {
	say "demo: $*"
	tail -30 "$dir/serve.log" 2>/dev/null
	exit 1
}

say "Sources: $(awk "BEGIN { printf \"%d\", 1000000 * $scale }") orders and what belongs to them (SQLite, CSV, Parquet, NDJSON, PostgreSQL)"
chmod 755 "$dir"
mkdir -p "$dir/sources"
"$python" examples/shop/generate.py "$dir/sources" --scale "$scale" &
generator=$!
pg_port=$(free_port)
"$python" -c 'import secrets; print(secrets.token_hex(16))' >"$dir/pg.password"
chmod 600 "$dir/pg.password"
scripts/pg-private.sh start "$dir/pg" "$pg_port" "$dir/pg.password" || fail "PostgreSQL did not start"
export PGHOST=127.0.0.1 PGPORT=$pg_port PGUSER=shop
PGPASSWORD=$(cat "$dir/pg.password")
export PGPASSWORD
createdb shop || fail "no database"
orders=$(awk "BEGIN { n = int(1000000 * $scale); print n < 1000 ? 1000 : n }")
psql -q -d shop -v orders="$orders" -v customers="$((orders / 10 < 100 ? 100 : orders / 10))" -f examples/shop/orders.sql || fail "orders were not made"
wait "$generator" || fail "sources were not made"
export WEFT_SECRET_SHOP_PG=$PGPASSWORD
unset PGHOST PGPORT PGUSER PGPASSWORD

say "Node: weft init, weft serve"
cp -r examples/shop/mesh "$dir/mesh"
sed -i "s/port: 54330/port: $pg_port/" "$dir/mesh/domains/sales/sources/order_system.yaml"
weft init "$WEFT_DATA" --name shop || fail "init"
export WEFT_PG_PORT=${WEFT_PG_PORT:-$(free_port)} WEFT_HTTP_PORT=${WEFT_HTTP_PORT:-$(free_port)}
WEFT_SOURCES_DIRS=$dir/sources weft serve >"$dir/serve.log" 2>&1 &
server=$!
for _ in $(seq 200); do
	weft get nodes >/dev/null 2>&1 && break
	kill -0 "$server" 2>/dev/null || fail "the server ended"
	sleep 0.05
done
unset WEFT_SECRET_SHOP_PG

bash examples/shop/tour.sh
status=$?
[ -z "${ONCE:-}" ] || exit $status
[ "$status" = 0 ] || say "The tour did not get through; the node stays up for a look."
cat <<EOF

The shop is up until Ctrl-C. Connect with:
  PGPASSWORD=analyst-demo psql "host=127.0.0.1 port=$WEFT_PG_PORT user=ana dbname=shop"
  PGPASSWORD=support-demo psql "host=127.0.0.1 port=$WEFT_PG_PORT user=sam dbname=shop"
  curl -k -u ana:analyst-demo https://127.0.0.1:$WEFT_HTTP_PORT/api/v1/query -H 'Content-Type: application/json' -d '{"sql":"SELECT * FROM customers.customers LIMIT 3"}'
  build/weft --data $WEFT_DATA get products
EOF
wait "$server"
