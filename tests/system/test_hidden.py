"""What is hidden does not show: two nodes, one with a hidden domain and a hidden product more. Whoever may not know of them
gets the same bytes from both, at every door."""
import json
import re
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest
from lib import smallmesh
from lib.node import Node


def product(domain, name, hidden=False):
    """A product of one table that is read from the people's file."""
    more = "  - {property: hidden, value: true}\n  - {property: owners, value: [keepers]}\n" if hidden else ""
    return {
        f"domains/{domain}/{name}/product.yaml": f"apiVersion: v1.0.0\nkind: DataProduct\nid: {domain}.{name}\nname: {name}\nversion: 1.0.0\nstatus: active\n"
        f"customProperties:\n  - {{property: kind, value: source-aligned}}\n{more}outputPorts:\n  - {{name: {name}, version: 1.0.0, contractId: {domain}.{name}}}\n",
        f"domains/{domain}/{name}/{name}.odcs.yaml": f"apiVersion: v3.1.0\nkind: DataContract\nid: {domain}.{name}\nversion: 1.0.0\nstatus: active\n"
        f"schema:\n  - name: {name}\n    properties:\n      - {{name: id, physicalType: INTEGER, required: true, primaryKey: true}}\n"
        "      - {name: email, physicalType: VARCHAR, tags: [contact]}\nslaProperties: [{property: freshness, value: 1, unit: d}]\n",
        f"domains/{domain}/{name}/pipeline.yaml": f"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {{name: {name}}}\nspec:\n  ingest: [{{table: {name}, source: people, drift: ignore}}]\n",
    }


def domain(name, hidden=False, owners="keepers"):
    return {
        f"domains/{name}/domain.yaml": f"apiVersion: weft/v1\nkind: Domain\nmetadata: {{name: {name}}}\nspec: {{owners: [{owners}], hidden: {str(hidden).lower()}}}\n",
        f"domains/{name}/sources/people.yaml": "apiVersion: weft/v1\nkind: Source\nmetadata: {name: people}\nspec: {connector: csv, path: people.csv}\n",
    }


def allow(name, products, group):
    return f"apiVersion: weft/v1\nkind: Policy\nmetadata: {{name: {name}}}\nspec:\n  effect: allow\n  on: {{products: [{products}]}}\n  to: {{groups: [{group}]}}\n"


OPEN = {**smallmesh.FILES, **domain("shop"), **product("shop", "wares"), "domains/shop/policies/readers.yaml": allow("readers", "shop.wares", "readers"),
        # who may read what one owns is no secret to its owner
        "domains/lab/policies/teams.yaml": allow("teams", "lab.people", '"team:vault"').replace("groups", "users")}
HIDDEN = {
    **domain("vault", hidden=True),
    **product("vault", "ledger"),
    **product("shop", "margins", hidden=True),
    "domains/vault/notes/product.yaml": product("vault", "notes")["domains/vault/notes/product.yaml"].replace("source-aligned", "aggregate"),
    "domains/vault/notes/notes.odcs.yaml": product("vault", "notes")["domains/vault/notes/notes.odcs.yaml"],
    "domains/vault/notes/notes.sql": "SELECT id, email FROM lab.people\n",
    "governance/policies/vault.yaml": allow("vault-readers", "vault.ledger", "keepers"),
    "domains/shop/policies/margins.yaml": allow("margins-readers", "shop.margins", "keepers"),
}


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    nodes = []
    for name, more in (("without", {}), ("with", HIDDEN)):
        node = Node(tmp_path_factory.mktemp(name))
        smallmesh.write_source(node, 50)
        node.start()
        node.add_user("eve", groups=["readers"])
        node.add_user("olaf", groups=["lab-owners", "readers"])
        node.add_user("kim", groups=["keepers"])
        node.apply(OPEN)
        node.apply({**OPEN, **more})
        node.tokens = {user: node.token(user) for user in ("eve", "olaf")}
        nodes.append(node)
    yield nodes
    for node in nodes:
        node.stop()


STATEMENTS = [
    "SELECT * FROM vault.ledger", "SELECT * FROM vault.notes", "SELECT * FROM shop.margins", "SELECT * FROM vault.nothing", "SELECT * FROM vaul.ledger", "SELECT * FROM shop.margin",
    "SELECT * FROM ledger", "SELECT * FROM shop.\"margins@1\"", "SELECT * FROM vault.ledger AT (VERSION => 1)", "SELECT vault.ledger.id FROM lab.people", "EXPLAIN SELECT * FROM vault.ledger",
    "SELECT count(*) FROM lab.people, vault.ledger", "WITH x AS (SELECT * FROM shop.margins) SELECT * FROM x", "COPY (SELECT * FROM vault.ledger) TO STDOUT", "COPY vault.ledger TO STDOUT",
    "INSERT INTO vault.ledger VALUES (1)", "DECLARE c CURSOR FOR SELECT * FROM vault.ledger", "PREPARE p AS SELECT * FROM shop.margins", "SET search_path TO vault", "SHOW search_path",
    "SELECT * FROM mesh.domains ORDER BY ALL", "SELECT * EXCLUDE (published_at) FROM mesh.products ORDER BY ALL", "SELECT * EXCLUDE (published_at) FROM mesh.tables ORDER BY ALL",
    "SELECT * FROM mesh.columns ORDER BY ALL", "SELECT * FROM mesh.policies ORDER BY ALL", "SELECT * FROM mesh.lineage ORDER BY ALL", "SELECT * EXCLUDE (published_at) FROM mesh.versions ORDER BY ALL",
    "SELECT domain, table_name, state, freshness_seconds FROM mesh.slo ORDER BY ALL", "SELECT domain, product, rule, passed FROM mesh.checks ORDER BY ALL",
    "SELECT domain, product, mode, cause, state, row_count, version FROM mesh.runs ORDER BY ALL", "SELECT level, message FROM mesh.run_logs WHERE message NOT LIKE '% ms%' ORDER BY ALL", "SELECT * FROM mesh.sources ORDER BY ALL",
    "SELECT principal, statement, table_names, decision, outcome, error_code FROM mesh.audit WHERE door = 'pg' AND principal IN ('eve', 'olaf', 'team:vault') ORDER BY ALL",
    "SELECT principal, door FROM mesh.audit WHERE door = 'run' ORDER BY ALL", "SELECT count(*) FROM mesh.queries", "SELECT mesh, version, epoch, domains, products FROM mesh.nodes",
    "SELECT oid, relname, relnamespace, reltype, relfilenode FROM pg_catalog.pg_class ORDER BY oid", "SELECT oid, nspname FROM pg_catalog.pg_namespace ORDER BY oid",
    "SELECT attrelid, attname, attnum FROM pg_catalog.pg_attribute ORDER BY 1, 3", "SELECT count(*) FROM pg_catalog.pg_description", "SELECT * FROM pg_catalog.pg_tables ORDER BY 1, 2",
    "SELECT * FROM pg_catalog.pg_stat_user_tables ORDER BY 1", "SELECT * FROM information_schema.tables ORDER BY 1, 2, 3", "SELECT * FROM information_schema.columns ORDER BY 1, 2, 3, 4",
    "SELECT schema_name FROM information_schema.schemata ORDER BY 1", "SELECT * FROM information_schema.table_constraints ORDER BY 1, 2, 3", "SELECT to_regclass('vault.ledger')",
    "SELECT 'vault.ledger'::regclass", "SELECT has_schema_privilege('vault', 'USAGE')", "SELECT has_table_privilege('vault.ledger', 'SELECT')", "SELECT pg_table_is_visible(16384)",
    "SELECT * FROM lab.people ORDER BY id LIMIT 3", "EXPLAIN SELECT count(*) FROM lab.people",
]

PATHS = [
    "/api/v1/openapi.json", "/api/v1/domains", "/api/v1/domains?domain=vault", "/api/v1/products", "/api/v1/products?domain=vault", "/api/v1/products/vault/ledger", "/api/v1/products/shop/margins",
    "/api/v1/products/shop/wares", "/api/v1/products/lab/people", "/api/v1/products/vault/nothing", "/api/v1/tables", "/api/v1/tables?domain=vault", "/api/v1/tables/vault/ledger", "/api/v1/tables/shop/margins", "/api/v1/tables/lab/people",
    "/api/v1/search?q=vault", "/api/v1/search?q=margins", "/api/v1/search?q=email", "/api/v1/search?q=vault+ledger", "/api/v1/columns", "/api/v1/columns?domain=vault", "/api/v1/sources", "/api/v1/policies", "/api/v1/versions", "/api/v1/slo", "/api/v1/checks", "/api/v1/runs", "/api/v1/runs?domain=vault", "/api/v1/nodes", "/api/v1/me",
    "/api/v1/explain-access?principal=eve&table=vault.ledger", "/api/v1/explain-access?principal=olaf&table=vault.ledger", "/api/v1/explain-access?principal=eve&table=shop.margins",
    "/api/v1/explain-access?principal=olaf&table=lab.people", "/api/v1/explain-access?principal=eve&table=lab.people",
    "/api/v1/export", "/api/v1/export?scope=domains/vault", "/api/v1/runs/999", "/metrics", "/api/v1/users", "/api/v1/groups",
]


def steady(data):
    """Without what differs between any two nodes or moments: ports, times, numbers of requests and runs."""
    text = data.decode(errors="replace") if isinstance(data, bytes) else data
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(Z|\+00(:00)?)?", "TIME", text)
    text = re.sub(r"127\.0\.0\.1:\d+|localhost:\d+", "HOST", text)
    text = re.sub(r'"(request_?[iI]d|pg_port|instance|session|id|run|base|apply|age_seconds|bytes)":\s*("[^"]*"|\d+)', r'"\1":0', text)
    return text


def in_order(text):
    """Two runs may publish in either order."""
    if not text.startswith('{"items":['):
        return text
    answer = json.loads(text)
    return json.dumps({**answer, "items": sorted(answer["items"], key=json.dumps)})


def on_the_wire(node, user):
    with node.raw(user) as session:
        for text in STATEMENTS:
            received = b"".join(kind + body for kind, body in session.simple(text))
            yield text, received


def http(node, user, path, body=None):
    headers = {"Authorization": f"Bearer {node.tokens[user]}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    request = urllib.request.Request(node.url(path), data=None if body is None else json.dumps(body).encode(), headers=headers)
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return f"{answer.status} {in_order(steady(answer.read()))}"
    except urllib.error.HTTPError as refused:
        return f"{refused.code} {steady(refused.read())}"


def differing(without, with_it):
    """Where the answers part, with what stands there."""
    found = []
    for (what, a), (_, b) in zip(without, with_it, strict=True):
        if a != b:
            at = next((i for i, pair in enumerate(zip(a, b)) if pair[0] != pair[1]), min(len(a), len(b)))
            found.append((what, a[max(0, at - 60) : at + 80], b[max(0, at - 60) : at + 80]))
    return found


@pytest.mark.parametrize("user", ["eve", "olaf"])
def test_statements(twins, user):
    assert "vault" in dict(on_the_wire(twins[1], "kim"))["SELECT * FROM mesh.domains ORDER BY ALL"].decode(errors="replace")
    pairs = [[(text, steady(data)) for text, data in on_the_wire(node, user)] for node in twins]
    # who reads what one owns stands in the audit that one sees
    found = [d for d in differing(*pairs) if user == "eve" or "mesh.audit" not in d[0]]
    assert not found, found


@pytest.mark.parametrize("user", ["eve", "olaf"])
def test_resources(twins, user):
    pairs = [[(path, http(node, user, path)) for path in PATHS] for node in twins]
    found = differing(*pairs)
    assert not found, found


QUERIES = [{"sql": text} for text in ("SELECT * FROM vault.ledger", "SELECT * FROM shop.margin", "SELECT * FROM vault.nothing", "SELECT count(*) FROM mesh.tables")]


@pytest.mark.parametrize("user", ["eve", "olaf"])
def test_queries_over_http(twins, user):
    pairs = [[(body["sql"], http(node, user, "/api/v1/query", body)) for body in QUERIES] for node in twins]
    found = differing(*pairs)
    assert not found, found


def transform_of(sql):
    """A product of olaf's that reads what he names."""
    files = product("lab", "mine")
    del files["domains/lab/mine/pipeline.yaml"]
    return {**files, "domains/lab/mine/mine.sql": sql}


PLANS = {
    "reads the hidden domain": transform_of("SELECT id, email FROM vault.ledger"),
    "reads the hidden product": transform_of("SELECT id, email FROM shop.margins"),
    "reads nothing there": transform_of("SELECT id, email FROM vault.nothing"),
    "a policy on it": {"domains/lab/policies/p.yaml": allow("p", "vault.ledger", "readers")},
    "a name near it": {"domains/lab/policies/p.yaml": allow("p", "lab.ledger", "readers")},
    "a file there": {"domains/vault/domain.yaml": domain("vault")["domains/vault/domain.yaml"]},
    "a file in a domain that is not there": {"domains/attic/domain.yaml": domain("attic")["domains/attic/domain.yaml"]},
    "a product there": {"domains/shop/margins/product.yaml": product("shop", "margins")["domains/shop/margins/product.yaml"]},
    "what a hidden product reads is changed": {
        "domains/lab/people/people.odcs.yaml": re.sub(r"      - name: email\n(        .*\n)+", "", smallmesh.FILES["domains/lab/people/people.odcs.yaml"])
    },
}


@pytest.mark.parametrize("name", PLANS)
def test_plans(twins, name):
    body = {"files": [{"path": path, "text": text} for path, text in PLANS[name].items()]}
    without, with_it = (http(node, "olaf", "/api/v1/plan", body) for node in twins)
    assert without == with_it
    assert "vault.notes" not in with_it


COMMANDS = [
    ("get", "domains"), ("get", "products"), ("get", "tables"), ("get", "columns"), ("get", "policies"), ("get", "runs"), ("describe", "product", "vault.ledger"), ("describe", "product", "shop.margins"),
    ("describe", "product", "shop.wares"), ("describe", "table", "vault.ledger"), ("describe", "domain", "vault"), ("describe", "domain", "shop"), ("run", "vault.ledger"), ("run", "vault.nothing"), ("explain-access", "eve", "vault.ledger"),
    ("explain-access", "eve", "shop.margins"), ("search", "ledger"), ("search", "margins"), ("search", "email"), ("search", "vault email"), ("sql", "-c", "SELECT * FROM vault.ledger"), ("export", "--scope", "domains/vault"), ("logs", "vault.ledger"),
]


def test_commands(twins):
    answers = []
    for node in twins:
        node.token("olaf", "query,read,run,apply")
        remote = ["--url", node.url(), "--ca", node.data / "keys/tls.crt", "--token-file", node.folder / "olaf-query-read-run-apply.token"]
        answers.append([])
        for command in COMMANDS:
            done = subprocess.run([node.weft, *remote, *command], capture_output=True, text=True, env=node.env, timeout=60)
            answers[-1].append((command, steady(f"{done.returncode} {done.stdout} {done.stderr}")))
    assert "lab" in answers[0][0][1]
    found = differing(*answers)
    assert not found, found
