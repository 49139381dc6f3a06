#!/usr/bin/env bash
# The tour of the shop: each step as a user would type it, with what it really prints. Needs a running node (WEFT_DATA,
# WEFT_PG_PORT, WEFT_HTTP_PORT) and the demo's folder in SHOP; scripts/demo.sh makes both. Ends with 1 when a step did
# not do what it should.
set -uo pipefail
cd "$(dirname "$0")/../.."
python=$PWD/.deps/venv/bin/python
bad=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT

title() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
# step WANTED_STATUS PATTERN COMMAND…: runs it, shows it, checks its status and that PATTERN is in what it prints
step() {
	local wanted=$1 pattern=$2 status
	shift 2
	printf '\033[36m$ %s\033[0m\n' "$*"
	bash -c "$*" >"$out" 2>&1
	status=$?
	if [ "$(wc -l <"$out")" -gt 40 ]; then
		head -12 "$out" && echo "   [$(($(wc -l <"$out") - 24)) lines more]" && tail -12 "$out"
	else
		cat "$out"
	fi
	if [ "$status" != "$wanted" ] || { [ -n "$pattern" ] && ! grep -qE -- "$pattern" "$out"; }; then
		printf '\033[31m   this step ended with %s, wanted %s and /%s/\033[0m\n' "$status" "$wanted" "$pattern"
		bad=1
	fi
}
as() { # a psql command line for USER PASSWORD
	echo "PGPASSWORD=$2 psql -X -q \"host=127.0.0.1 port=$WEFT_PG_PORT user=$1 dbname=shop\""
}
ana=$(as ana analyst-demo)
sam=$(as sam support-demo)

title "People: an analyst for Germany and France, a support agent, the owner of the catalogue"
step 0 "" "echo analyst-demo | weft user add ana --group analysts --attribute countries=DE,FR --password-file -"
step 0 "" "echo support-demo | weft user add sam --group support --password-file -"
step 0 "" "echo owner-demo | weft user add olga --group catalog-owners --password-file -"

title "Plan and apply: what the files would create, then the runs that publish it"
step 0 "create" "weft plan -f $SHOP/mesh | head -12"
step 0 "succeeded|published" "weft apply -f $SHOP/mesh --yes"

title "Products, and the checks that their versions passed"
step 0 "customer_360" "weft get products -o table --fields domain,product,kind,version,description"
step 0 "prices-are-positive" "weft get checks --domain catalog -o table --fields table_name,rule,severity,passed,message"

title "The same question, two people"
question="SELECT id, email, country, birth_date FROM customers.customers ORDER BY id LIMIT 5"
step 0 "NOTICE|filtered" "$ana -c \"$question\""
step 0 "ada|bruno|[a-z]+\.[a-z]+\.[0-9]+@example.org" "$sam -c \"$question\""
step 0 "" "$ana -c 'SELECT country, count(*) FROM customers.customers GROUP BY country ORDER BY country'"
step 0 "\*+[0-9]{4}" "$sam -c 'SELECT order_id, amount, card_number FROM payments.payments WHERE card_number IS NOT NULL ORDER BY order_id LIMIT 3'"

title "Across domains, in one statement"
step 0 "consumer" "$ana -c 'SELECT c.segment, p.category, sum(l.quantity * l.unit_price) AS revenue FROM sales.order_lines l JOIN sales.orders o ON o.id = l.order_id JOIN customers.customers c ON c.id = o.customer_id JOIN catalog.products p ON p.sku = l.sku GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 5'"
step 0 "month|segment" "$ana -c 'SELECT * FROM sales.revenue ORDER BY month, segment, category LIMIT 3'"
step 0 "email" "curl -sk -u sam:support-demo https://127.0.0.1:$WEFT_HTTP_PORT/api/v1/query -H 'Content-Type: application/json' -H 'Accept: application/x-ndjson' -d '{\"sql\":\"SELECT customer_id, email, orders, revenue FROM customers.customer_360 ORDER BY revenue DESC LIMIT 2\"}'"

title "Refused: what is not granted, and what looks as if it did not exist"
step 1 "permission|not allowed|may not" "$sam -c 'SELECT count(*) FROM sales.orders'"
step 1 "does not exist" "$ana -c 'SELECT * FROM payments.fraud_signals'"
step 1 "read|pipeline" "$ana -c 'DELETE FROM sales.orders'"
step 0 "contact-data" "weft explain-access ana customers.customers"

title "A bad delivery does not reach consumers"
before=$(bash -c "$ana -At -c 'SELECT count(*), min(price) FROM catalog.products'")
step 0 "" "$python examples/shop/generate.py $SHOP/sources --only catalog --spoil"
step 6 "prices-are-positive|primary-key|sku" "weft run catalog.products"
step 0 "^${before//|/\\|}\$" "$ana -At -c 'SELECT count(*), min(price) FROM catalog.products'"
step 0 "" "$python examples/shop/generate.py $SHOP/sources --only catalog"

title "A breaking change of a contract is refused, with who depends on it"
step 0 "" "cp -r $SHOP/mesh $SHOP/mesh-broken && $python - $SHOP/mesh-broken/domains/catalog/products/products.odcs.yaml <<'PY'
import re, sys
text = open(sys.argv[1]).read()
open(sys.argv[1], 'w').write(re.sub(r'      - name: category\n(        .*\n)+', '', text))
PY"
step 6 "category" "weft plan -f $SHOP/mesh-broken"

title "Time travel: the version before"
step 0 "succeeded|published" "weft run catalog.products"
step 0 "^[0-9]+" "$ana -At -c 'SELECT count(*) FROM catalog.products AT (VERSION => 1)'"
step 0 "catalog" "weft get versions --domain catalog -o table"

title "Who asked what: the audit trail"
step 0 "ana" "weft get audit --limit 5 -o table --fields id,principal,door,outcome,row_count,statement | cut -c1-160"

printf '\n'
[ "$bad" = 0 ] && echo "The tour got through." || echo "The tour did NOT get through."
exit $bad
