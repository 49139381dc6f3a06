"""`weft validate`: every mistake at once, with its place, without a node."""
import json
import subprocess

import pytest
from lib.node import BUILD


def mesh(folder, changes=None):
    """Two domains: sales.orders is ingested, sales.revenue and crm.loyal are made of it."""
    files = {
        "mesh.yaml": "apiVersion: weft/v1\nkind: Mesh\nmetadata: {name: m}\nspec: {owners: [governance]}\n",
        "domains/sales/sources/files.yaml": "apiVersion: weft/v1\nkind: Source\nmetadata: {name: files}\nspec: {connector: csv, path: orders.csv}\n",
        "domains/sales/orders/pipeline.yaml": "apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  ingest: [{table: orders, source: files}]\n",
        "domains/sales/orders/revenue.sql": "SELECT day, sum(total) AS total FROM orders GROUP BY day\n",
        "domains/crm/loyal/loyal.sql": "SELECT o.day\nFROM sales.orders AS o\n",
    }
    products = {"sales": {"orders": {"orders": "id BIGINT,day DATE,total DOUBLE", "revenue": "day DATE,total DOUBLE"}}, "crm": {"loyal": {"loyal": "day DATE"}}}
    for domain, its in products.items():
        files[f"domains/{domain}/domain.yaml"] = f"apiVersion: weft/v1\nkind: Domain\nmetadata: {{name: {domain}}}\nspec: {{owners: [{domain}-owners]}}\n"
        for product, tables in its.items():
            ports = "".join(f"  - {{name: {t}, version: 1.0.0, contractId: {t}}}\n" for t in tables)
            files[f"domains/{domain}/{product}/product.yaml"] = (
                f"apiVersion: v1.0.0\nkind: DataProduct\nid: {product}\nname: {product}\nversion: 1.0.0\nstatus: active\noutputPorts:\n{ports}"
            )
            for table, columns in tables.items():
                rows = "".join("      - {{name: {0}, physicalType: {1}}}\n".format(*c.split()) for c in columns.split(","))
                files[f"domains/{domain}/{product}/{table}.odcs.yaml"] = (
                    f"apiVersion: v3.1.0\nkind: DataContract\nid: {table}\nversion: 1.0.0\nstatus: active\nschema:\n  - name: {table}\n    properties:\n{rows}"
                )
    files.update(changes or {})
    for path, text in files.items():
        if text is None:
            continue
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def validate(folder):
    done = subprocess.run([str(BUILD / "weft"), "validate", "--file", str(folder), "-o", "json"], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert done.returncode == any(not p["warning"] for p in found)
    return found


def test_a_good_mesh_has_no_problem(tmp_path):
    assert validate(mesh(tmp_path)) == []


REVENUE = "domains/sales/orders/revenue.sql"
LOYAL = "domains/crm/loyal/loyal.sql"
POLICY = "apiVersion: weft/v1\nkind: Policy\nmetadata: {{name: p}}\nspec:\n  effect: filter\n  on: {{products: [sales.orders]}}\n  filter: {}\n"
RULE = (
    "apiVersion: v3.1.0\nkind: DataContract\nid: orders\nversion: 1.0.0\nstatus: active\nschema:\n  - name: orders\n    quality:\n"
    "      - {type: sql, mustBe: 0, query: RULE}\n    properties: [{name: id, physicalType: BIGINT}, {name: day, physicalType: DATE}, {name: total, physicalType: DOUBLE}]\n"
)


@pytest.mark.parametrize(
    "path, text, line, column, message",
    [
        (REVENUE, "SELECT day,\n  sum(totl) AS total FROM orders GROUP BY day", 2, 7, "totl"),
        (REVENUE, "SELECT day, sum(total) AS totl FROM orders GROUP BY day", 1, 1, 'no column "total"'),
        (REVENUE, "SELECT day\nFORM orders o p", 2, 6, "syntax error"),
        (REVENUE, "SELECT day, total FROM ordres", 1, 24, "no table sales.ordres"),
        (REVENUE, "SELECT day, total FROM revenue", 1, 1, "sales.revenue reads sales.revenue"),
        (REVENUE, "DELETE FROM orders", 1, 0, "only reads"),
        (REVENUE, "SELECT day, total FROM read_csv('/etc/passwd')", 1, 0, "read_csv"),
        (REVENUE, "SELECT day, 0 AS total FROM pg_catalog.pg_class, orders", 1, 0, "catalogue"),
        (LOYAL, "SELECT day\nFROM sales.orders WHERE id = 'x' AND wrong", 2, 38, "wrong"),
        (LOYAL, "SELECT day FROM sales.\"orders@7\"", 1, 24, "no table sales.orders@7"),
        ("domains/sales/policies/p.yaml", POLICY.format("total > 1 AND dya = '2026-01-01'"), 7, 0, 'no column "dya"'),
        ("domains/sales/policies/p.yaml", POLICY.format("total >"), 7, 0, "syntax error"),
        ("domains/sales/policies/p.yaml", POLICY.format("|\n    total > 1\n    AND AND day IS NULL"), 9, 9, "syntax error"),
        ("domains/sales/policies/p.yaml", POLICY.format("'total > 1 AND total = ''a'' b'"), 7, 0, "syntax error"),
        ("domains/sales/orders/orders.odcs.yaml", RULE.replace("RULE", '"SELECT count(*) FROM orders WHERE totl < 0"'), 9, 74, "totl"),
        ("domains/sales/orders/orders.odcs.yaml", RULE.replace("RULE", '"SELECT count(*) FROM ${object} WHERE totl < 0"'), 9, 0, "totl"),
        ("domains/sales/orders/orders.odcs.yaml", RULE.replace("RULE", '"SELECT count(*) FROM revenue"'), 9, 0, "its own table only"),
        ("domains/sales/orders/pipeline.yaml", "apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  ingest: [{table: orders, source: files}]\n"
         "  schedule: {cron: 61 * * * *}\n", 6, 20, "schedule"),
        ("domains/sales/orders/pipeline.yaml", "apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  ingest: [{table: orders, source: files}]\n"
         "  schedule: {cron: 0 3 * * *, timeZone: Europe/Berlni}\n", 6, 0, "Europe/Berlni"),
    ],
)
def test_a_mistake_has_its_place(tmp_path, path, text, line, column, message):
    found = validate(mesh(tmp_path, {path: text}))
    fits = [p for p in found if p["path"] == path and message in p["message"] + str(p["hint"])]
    assert fits, found
    assert fits[0]["line"] == line and (not column or fits[0]["column"] == column), fits


def test_circles_are_named(tmp_path):
    found = validate(mesh(tmp_path, {REVENUE: "SELECT day, 1 AS total FROM crm.loyal"}))
    assert any("products go in a circle" in p["message"] and "crm.loyal" in p["message"] and "sales.orders" in p["message"] for p in found), found


def test_all_mistakes_come_at_once(tmp_path):
    found = validate(mesh(tmp_path, {REVENUE: "SELECT 1 FROM nowhere", LOYAL: "SELECT", "domains/sales/policies/p.yaml": POLICY.format("nope")}))
    assert {p["path"] for p in found} == {REVENUE, LOYAL, "domains/sales/policies/p.yaml"}


HOSTILE = {
    "bomb": (b"a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\n", "anchors"),
    "ten megabytes": (b"a: " + b"x" * 10_000_000 + b"\n", "1 MiB"),
    "deep": (b"a: " + b"[" * 5000 + b"]" * 5000 + b"\n", "deep"),
    "deep blocks": (b"".join(b" " * i + b"a:\n" for i in range(300)), "deep"),
    "many": (b"a: [" + b"1," * 200_000 + b"1]\n", "too many"),
    "two keys": (b"apiVersion: weft/v1\napiVersion: weft/v1\n", "twice"),
    "tabs": (b"apiVersion: weft/v1\nspec:\n\towners: [a]\n", "not valid YAML"),
    "latin-1": (b"apiVersion: weft/v1\nkind: \xe4\n", "UTF-8"),
    "nul": (b"apiVersion: weft/v1\nkind: a\x00b\n", "NUL"),
    "utf-16": ("apiVersion: weft/v1\n".encode("utf-16"), "UTF-8"),
    "merge": (b"a: &x {b: 1}\nc:\n  <<: *x\n", "anchors"),
    "tag": (b"a: !!python/object:os.system x\n", "tags"),
    "two documents": (b"a: 1\n---\nb: 2\n", "one document"),
    "unclosed": (b'a: "b\n', "not valid YAML"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_yaml_is_refused_in_words(tmp_path, name):
    text, message = HOSTILE[name]
    found = [p for p in validate(mesh(tmp_path, {"governance/policies/p.yaml": text})) if p["path"] == "governance/policies/p.yaml"]
    assert any(message in p["message"] + str(p["expected"]) for p in found), found
    assert len(found) < 20


@pytest.mark.parametrize("name, change", [("BOM", lambda t: "\ufeff" + t), ("CRLF", lambda t: t.replace("\n", "\r\n")), ("CR and blanks", lambda t: t.replace("\n", "  \r\n"))])
def test_editors_of_other_systems(tmp_path, name, change):
    text = change("apiVersion: weft/v1\nkind: Mesh\nmetadata: {name: m}\nspec: {owners: [governance]}\n")
    assert validate(mesh(tmp_path, {"mesh.yaml": text})) == []
