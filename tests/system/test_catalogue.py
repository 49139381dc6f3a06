"""System tables and the PostgreSQL catalogue of a real node: what each person sees of them, and what psql prints."""
import asyncio
import os
import pathlib
import subprocess
import sys

import asyncpg
import psycopg
import pytest
import sqlalchemy

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", ".."))

from tests.lib import smallmesh  # noqa: E402
from tests.lib.node import SANITIZED, Node  # noqa: E402
from tests.lib.pgraw import error_fields, rows_of  # noqa: E402
from tests.system.tool_queries import EXPECTED, QUERIES  # noqa: E402

HIDDEN = {
    path.replace("domains/lab", "domains/vault").replace("/people/", "/plans/").replace("people.odcs", "plans.odcs").replace("people_csv.yaml", "plans_csv.yaml"): text.replace(
        "lab", "vault"
    ).replace("people_csv", "plans_csv").replace("people", "plans").replace("plans.csv", "people.csv")
    for path, text in smallmesh.FILES.items()
    if path.startswith("domains/lab") and "policies" not in path
}
HIDDEN["domains/vault/domain.yaml"] = HIDDEN["domains/vault/domain.yaml"].replace("spec:\n", "spec:\n  hidden: true\n")


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("catalogue"))
    smallmesh.open_node(node)
    node.add_user("vera", groups=["vault-owners"])
    node.apply(HIDDEN, folder="mesh")
    node._database = "lab"
    yield node
    node.stop()


def ask(node, user, sql):
    with node.raw(user) as session:
        messages = session.simple(sql)
    error = error_fields(messages)
    assert error is None, (sql, error)
    return rows_of(messages)


SYSTEM = ["domains", "sources", "products", "tables", "columns", "lineage", "policies", "runs", "run_logs", "checks", "slo", "versions", "audit", "nodes"]


@pytest.mark.parametrize("table", SYSTEM)
def test_system_table_is_queryable(node, table):
    for user in ("eve", "olaf", "vera"):
        ask(node, user, f"SELECT * FROM mesh.{table}")


@pytest.mark.parametrize("table", SYSTEM)
def test_hidden_domain_does_not_show(node, table):
    assert "plans" not in str(ask(node, "eve", f"SELECT * FROM mesh.{table} WHERE 'x' = 'x'"))
    assert "vault" not in str(ask(node, "olaf", f"SELECT * FROM mesh.{table}"))


def test_owner_sees_the_hidden_domain(node):
    assert ask(node, "vera", "SELECT domain, product FROM mesh.products WHERE domain = 'vault'") == [["vault", "plans"]]
    assert ask(node, "vera", "SELECT count(*) FROM mesh.runs")[0][0] != "0"


def test_runs_are_for_owners(node):
    assert ask(node, "eve", "SELECT * FROM mesh.runs") == []
    assert ask(node, "olaf", "SELECT state, row_count FROM mesh.runs WHERE state = 'succeeded' LIMIT 1") == [["succeeded", "2000"]]
    assert ask(node, "olaf", "SELECT count(*) FROM mesh.run_logs WHERE message IS NOT NULL")[0][0] != "0"


def test_sizes_do_not_tell_of_filtered_rows(node):
    assert ask(node, "eve", "SELECT row_count, row_filters FROM mesh.tables WHERE table_name = 'people'") == [[None, "{eu-only}"]]
    assert ask(node, "wendy", "SELECT row_count FROM mesh.tables WHERE table_name = 'people'") == [["2000"]]


def test_masks_are_told(node):
    assert ask(node, "eve", "SELECT column_name, mask, mask_policy FROM mesh.columns WHERE mask IS NOT NULL") == [["email", "null", "contact"]]


def test_audit_shows_ones_own(node):
    ask(node, "eve", "SELECT count(*) FROM lab.people")
    mine = ask(node, "eve", "SELECT principal, statement, outcome FROM mesh.audit WHERE statement LIKE '%lab.people%' AND outcome = 'ok'")
    assert ["eve", "SELECT count(*) FROM lab.people", "ok"] in mine
    assert all(row[0] == "eve" for row in mine)
    owned = ask(node, "olaf", "SELECT DISTINCT principal FROM mesh.audit WHERE table_names LIKE '%lab.people%'")
    assert ["eve"] in owned
    assert ask(node, "olaf", "SELECT statement FROM mesh.audit WHERE principal = 'eve' AND statement IS NOT NULL") == []


def test_checks_and_versions(node):
    assert ["people", "t"] in ask(node, "eve", "SELECT table_name, passed FROM mesh.checks WHERE dimension = 'completeness'")
    assert ask(node, "eve", "SELECT version, newest FROM mesh.versions") == [["1", "t"]]


def psql(node, user, command):
    env = {**os.environ, "PGPASSWORD": "pw-" + "x" * 12, "PAGER": ""}
    done = subprocess.run(["psql", "-X", "-q", node.dsn(user), "-c", command], text=True, capture_output=True, env=env, timeout=60)
    assert done.returncode == 0 and not done.stderr.startswith("ERROR"), done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "command, shows",
    [
        ("\\dn", ["lab", "mesh"]),
        ("\\dt lab.*", ["people", "table"]),
        ("\\dt+ lab.*", ["One row per person."]),
        ("\\dv mesh.*", ["products", "view"]),
        ("\\d lab.people", ["email", "integer", "not null", '"people_pkey" PRIMARY KEY, btree (id)']),
        ("\\d+ lab.people", ["Address. [masked by contact]"]),
        ("\\d lab.people_pkey", ["primary key, btree"]),
        ("\\d *.*", ["people"]),
        ("\\l+", ["lab"]),
        ("\\du", ["eve"]),
        ("\\dn+", ["lab"]),
        ("\\di+ lab.*", ["people_pkey"]),
        ("\\dT+ int4", ["integer"]),
        ("\\dp lab.people", ["people"]),
        ("\\dd", []),
        ("\\df+ *.*", ["array_in"]),
        ("\\dx", []),
        ("\\d", []),
        ("\\dt *.*", ["people"]),
        ("\\conninfo", ["eve"]),
        *[(command, []) for command in "\\det \\des \\dew \\deu \\dA+ \\dAc \\dAf \\dAo \\dAp \\db+ \\dc \\dC+ \\dconfig \\ddp \\dD \\dF \\dFd \\dFp \\dFt \\dg \\dl \\dL \\dm \\do \\dO \\dP \\drds \\dRp \\dRs \\ds \\dS \\dX \\dy \\dE \\z \\dT".split()],
    ],
)
def test_psql(node, command, shows):
    printed = psql(node, "eve", command)
    for text in shows:
        assert text in printed, printed
    assert "plans" not in printed and "vault" not in printed


def test_psql_commands_on_queries(node):
    script = """SELECT count(*), 5 / 2 FROM lab.people \\gdesc
SELECT region, name, count(*) FROM lab.people WHERE id < 6 GROUP BY 1, 2 \\crosstabview
\\copy (SELECT id, name FROM lab.people ORDER BY id LIMIT 2) TO STDOUT CSV HEADER
SELECT 1 \\watch c=1 i=0.1
"""
    env = {**os.environ, "PGPASSWORD": "pw-" + "x" * 12, "PAGER": ""}
    done = subprocess.run(["psql", "-X", "-q", "-A", node.dsn("eve")], input=script.replace("\\watch c=1 i=0.1", ";"), text=True, capture_output=True, env=env, timeout=60)
    assert done.stderr.replace("NOTICE:  rows of lab.people filtered by eu-only\n", "") == "", done.stderr
    for text in ["count|bigint", "?column?|integer", "region|P1|P3|P5", "id,name\n1,P1\n3,P3\n"]:
        assert text in done.stdout, done.stdout


@pytest.fixture(scope="module")
def session(node):
    with psycopg.connect(node.dsn("eve"), autocommit=True) as connection:
        connection.prepare_threshold = None
        yield connection


@pytest.fixture(scope="module")
def places(node, session):
    table, schema = session.execute("SELECT oid, relnamespace FROM pg_class WHERE relname = 'people'").fetchone()
    return {"table": table, "schema": schema, "schema_name": "lab", "table_name": "people", "database": node.database()}


@pytest.mark.parametrize("name", QUERIES)
def test_tool_query(session, places, name):
    query = QUERIES[name]
    for place, value in places.items():
        query = query.replace("{%s}" % place, str(value))
    printed = str(session.execute(query).fetchall())
    assert EXPECTED.get(name, "") in printed
    assert "plans" not in printed and "vault" not in printed


def test_sqlalchemy_reflects(node):
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://eve:{'pw-' + 'x' * 12}@127.0.0.1:{node.settings['pg.port']}/{node.database()}")
    found = sqlalchemy.inspect(engine)
    assert found.get_schema_names() == ["information_schema", "lab", "mesh"]
    assert found.get_table_names("lab") == ["people"]
    columns = found.get_columns("people", schema="lab")
    assert [(c["name"], str(c["type"]), c["nullable"], c["comment"]) for c in columns][:2] == [("id", "INTEGER", False, "Number."), ("name", "TEXT", True, "Name.")]
    assert found.get_pk_constraint("people", "lab")["constrained_columns"] == ["id"]
    assert found.get_table_comment("people", "lab") == {"text": "One row per person."}
    for what in ("indexes", "foreign_keys", "unique_constraints", "check_constraints"):
        assert getattr(found, f"get_{what}")("people", schema="lab") == []
        assert getattr(found, f"get_multi_{what}")(schema="lab") == {("lab", "people"): []}
    assert found.has_table("people", "lab") and not found.has_table("plans", "vault")
    assert found.get_domains() == [] and found.get_sequence_names("lab") == []
    meta = sqlalchemy.MetaData()
    for schema in ("lab", "mesh"):
        meta.reflect(engine, schema=schema, views=True)
    assert "lab.people" in meta.tables and "mesh.products" in meta.tables
    people = meta.tables["lab.people"]
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.select(sqlalchemy.func.count()).select_from(people)).scalar() == 1000
        assert connection.execute(sqlalchemy.select(people.c.name).where(people.c.id.in_([1, 3]))).scalars().all() == ["P1", "P3"]
    engine.dispose()


def test_jdbc_metadata(node):
    clients = pathlib.Path(__file__).parent / "clients"
    done = subprocess.run(["java", "-cp", "/usr/share/java/postgresql.jar", clients / "JdbcBrowse.java", str(node.settings["pg.port"]), "eve", "pw-" + "x" * 12, node.database()],
                          text=True, capture_output=True, timeout=120)
    assert done.stdout.strip() == "ok", done.stdout + done.stderr


def test_asyncpg_types(node):
    async def run():
        session = await asyncpg.connect(f"postgresql://eve:{'pw-' + 'x' * 12}@127.0.0.1:{node.settings['pg.port']}/{node.database()}")
        row = await session.fetchrow("SELECT array[1, 2, null] a, array['x'] b, array[date '2026-01-01'] d, $1::int[] p, row(1, 'a') r", [4, 5])
        rows = await session.fetch("SELECT i.indkey, a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid WHERE i.indrelid = $1::oid ORDER BY attnum",
                                   await session.fetchval("SELECT oid FROM pg_class WHERE relname = $1", "people"))
        many = await session.executemany("SELECT $1::int", [(1,), (2,)])
        async with session.transaction():
            seen = [record["id"] async for record in session.cursor("SELECT id FROM lab.people ORDER BY id", prefetch=7)]
        await session.close()
        return row, rows, many, seen

    row, rows, many, seen = asyncio.run(run())
    assert row["a"] == [1, 2, None] and row["b"] == ["x"] and row["p"] == [4, 5] and str(row["d"][0]) == "2026-01-01"
    assert [record["attname"] for record in rows] == ["id", "name", "email", "region"] and rows[0]["indkey"] == [1]
    assert many is None and len(seen) == 1000


def test_idle_server_is_small_and_quick(node):
    node.restart()
    assert node.rss_bytes() < 30 << 20
    assert node.ready_ms < 1000  # the bar of 200 ms is bench's; here others share the machine


def test_metrics(node):
    ask(node, "eve", "SELECT count(*) FROM lab.people")
    node.add_user("marta", admin=True)
    token = node.token("marta")
    done = subprocess.run(["curl", "-sk", "-H", f"Authorization: Bearer {token}", node.url("/metrics")], text=True, capture_output=True, timeout=30)
    lines = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines() if line and not line.startswith("#"))
    assert float(lines['weft_queries_total{door="pg",outcome="ok"}']) >= 1, done.stdout[:2000]
    assert 1 << 20 < float(lines["weft_resident_bytes"]) < (300 if SANITIZED else 30) << 20
    assert float(lines['weft_table_age_seconds{domain="lab",table="people@1"}']) >= 0
    assert 'weft_workers{state="warm"}' in lines


def test_doctor_reads_metadata_and_audit(node):
    found = {item["check"]: item for item in node.cli_json("doctor", status=None)}
    assert found["metadata"]["state"] == "ok", found
    assert found["audit"]["state"] == "ok" and "unbroken" in found["audit"]["seen"]
