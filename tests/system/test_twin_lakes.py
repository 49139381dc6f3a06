"""Twin lakes: what an analyst gets must not depend on data that the analyst may not see (docs/security.md)."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib.node import BUILD, Node  # noqa: E402
from security import twin  # noqa: E402

COUNT = int(os.environ.get("WEFT_TWIN_STATEMENTS", "5000"))
PASSWORD = "twin-password-1"


def contract(table, columns):
    lines = [f"apiVersion: v3.1.0\nkind: DataContract\nid: lake.{table}\nversion: 1.0.0\nstatus: active\nschema:\n  - name: {table}\n    properties:\n"]
    lines += [f"      - {{name: {name}, physicalType: '{kind}'}}\n" for name, kind in columns]
    return "".join(lines)


FACTS = [("id", "BIGINT"), ("region", "VARCHAR"), ("delta", "INTEGER"), ("amount", "DECIMAL(12,2)"), ("note", "VARCHAR"), ("day", "DATE"),
         ("at", "TIMESTAMPTZ"), ("tags", "VARCHAR[]"), ("flag", "BOOLEAN"), ("ref", "BIGINT")]
DIMS = [("ref", "BIGINT"), ("name", "VARCHAR"), ("secret", "VARCHAR"), ("mail", "VARCHAR"), ("level", "INTEGER")]


def own(kind, name, spec):
    return f"apiVersion: weft/v1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n{spec}"


MESH = {
    "mesh.yaml": own("Mesh", "twin", "  owners: [admins]\n"),
    "domains/lake/domain.yaml": own("Domain", "lake", "  owners: [admins]\n"),
    "domains/lake/sources/facts.yaml": own("Source", "facts", "  connector: parquet\n  path: facts-*.parquet\n"),
    "domains/lake/sources/dims.yaml": own("Source", "dims", "  connector: parquet\n  path: dims.parquet\n"),
    "domains/lake/all/product.yaml": "apiVersion: v1.0.0\nkind: DataProduct\nid: lake.all\nname: all_of_it\nstatus: active\noutputPorts:\n"
    "  - {name: facts, version: 1.0.0, contractId: lake.facts}\n  - {name: dims, version: 1.0.0, contractId: lake.dims}\n",
    "domains/lake/all/pipeline.yaml": own("Pipeline", "all_of_it", "  ingest:\n    - {table: facts, source: facts}\n    - {table: dims, source: dims}\n"),
    "domains/lake/all/facts.odcs.yaml": contract("facts", FACTS),
    "domains/lake/all/dims.odcs.yaml": contract("dims", DIMS),
    "governance/policies/allow.yaml": own("Policy", "allow", "  effect: allow\n  on: {products: [lake.all_of_it]}\n  to: {groups: [analysts]}\n"),
    "governance/policies/rows.yaml": own("Policy", "rows", "  effect: filter\n  on: {tables: [lake.facts]}\n  filter: region = ANY(attribute('regions'))\n"),
    "governance/policies/secret.yaml": own("Policy", "secret", "  effect: mask\n  on: {columns: [lake.dims.secret]}\n  mask: {method: constant, constant: hidden}\n"),
    "governance/policies/mail.yaml": own("Policy", "mail", "  effect: mask\n  on: {columns: [lake.dims.mail]}\n  mask: {method: \"null\"}\n"),
}


def start_twin(folder, name, programs=BUILD):
    twin.write_lake(folder / f"data-{name}", name)
    # one thread for both, so that rows lie in the same order and an answer without an order is the same each time
    node = Node(folder / name, config={"sources.dirs": str(folder / f"data-{name}"), "query.threads": "1", "runs.threads": "1"}, programs=programs)
    node.start()
    node.add_user("ana", PASSWORD, groups=["analysts"], attributes={"regions": ["north", "west"]})
    node.apply(MESH)
    return node


def answer(session, statement):
    return b"".join(kind + payload for kind, payload in session.simple(statement))


def differences(nodes, statements):
    """Statements whose answers differ; and every answer searched for the hidden values."""
    found = []
    sessions = [node.raw("ana", PASSWORD) for node in nodes]
    for statement in statements:
        one, two = (answer(session, statement) for session in sessions)
        if one != two:
            found.append((statement, one[:300], two[:300]))
        elif b"S3CRET" in one and "S3CRET" not in statement:
            found.append((statement, one[:300], b"(both show a hidden value)"))
    for session in sessions:
        session.close()
    return found


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twins")
    nodes = [start_twin(folder, name) for name in ("a", "b")]
    yield nodes
    for node in nodes:
        node.stop()


def test_rows_are_hidden(twins):
    session = twins[0].raw("ana", PASSWORD)
    assert b"hidden" not in answer(session, "SELECT DISTINCT region FROM lake.facts")
    session.close()


@pytest.mark.timeout(900)
def test_every_answer_is_equal(twins):
    found = differences(twins, twin.statements(20261122, COUNT))
    assert not found, f"{len(found)} of {COUNT} differ, the first: {found[0]}"
