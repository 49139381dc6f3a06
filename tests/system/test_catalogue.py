"""System tables and the PostgreSQL catalogue of a real node: what each person sees of them, and what psql prints."""
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", ".."))

from tests.lib import smallmesh  # noqa: E402
from tests.lib.node import Node  # noqa: E402
from tests.lib.pgraw import error_fields, rows_of  # noqa: E402

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
        ("\\dv mesh.*", ["products", "view"]),
        ("\\d lab.people", ["email", "integer", "not null", "people_pkey"]),
        ("\\d+ lab.people", ["Address. [masked by contact]"]),
        ("\\l", ["lab"]),
        ("\\du", ["eve"]),
        ("\\dn+", ["lab"]),
        ("\\df lab.*", []),
        ("\\di lab.*", ["people_pkey"]),
        ("\\dT", []),
        ("\\dp lab.people", ["people"]),
        ("\\dx", []),
        ("\\d", []),
        ("\\dt *.*", ["people"]),
    ],
)
def test_psql(node, command, shows):
    printed = psql(node, "eve", command)
    for text in shows:
        assert text in printed, printed
    assert "plans" not in printed and "vault" not in printed


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
    assert 1 << 20 < float(lines["weft_resident_bytes"]) < 30 << 20
    assert float(lines['weft_table_age_seconds{domain="lab",table="people@1"}']) >= 0
    assert 'weft_workers{state="warm"}' in lines


def test_doctor_reads_metadata_and_audit(node):
    found = {item["check"]: item for item in node.cli_json("doctor", status=None)}
    assert found["metadata"]["state"] == "ok", found
    assert found["audit"]["state"] == "ok" and "unbroken" in found["audit"]["seen"]
