"""The README's first command, small: every step of the tour does what it should."""
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile

import pytest
from conftest import connect
from lib import readers
from lib.node import Node
from psycopg.types.json import set_json_loads

ROOT = pathlib.Path(__file__).resolve().parents[2]


EVERYTHING = """apiVersion: weft/v1
kind: Policy
metadata: {name: everything}
spec:
  effect: allow
  on: {products: ["*"]}
  to: {groups: [readers]}
"""


def open_to_all(node, folder):
    """The policies of the demo's node are replaced by one that lets a reader see all rows and values."""
    node.database_name = "shop"
    manifests = folder / "opened"
    node.cli("export", "--dir", str(manifests))
    for policy in [*manifests.glob("governance/policies/*"), *manifests.glob("domains/*/policies/*")]:
        policy.unlink()
    (manifests / "governance/policies").mkdir(parents=True, exist_ok=True)
    (manifests / "governance/policies/everything.yaml").write_text(EVERYTHING)
    node.cli("apply", "-f", str(manifests), "--yes", "--prune", "--no-run")
    node.add_user("rita", groups=["readers"])


def weft_rows(node, table, version, columns, like):
    """Structs come as JSON over the wire; like: the rows of another reader, which say where they are."""
    domain, name = table
    wanted = ", ".join('"' + c + '"' for c in columns)
    nested = {i for row in like for i, value in enumerate(row) if isinstance(value, tuple)}
    with connect(node, "rita") as session:
        set_json_loads(lambda text: text, session)  # a column of JSON stays as it stands in the files
        rows = session.execute(f'SELECT {wanted} FROM {domain}."{name}" AT (VERSION => {version})').fetchall()
    return readers.ordered([json.loads(v) if i in nested and isinstance(v, (str, bytes)) else v for i, v in enumerate(row)] for row in rows)


def check_readers(folder):
    """Weft, deltalake and ClickHouse read every table at every version: the same rows."""
    store = sqlite3.connect(f"file:{folder}/node/weft.db?mode=ro", uri=True)
    states = store.execute("SELECT product, tbl, version, location, delta_version, rows FROM table_version").fetchall()
    store.close()
    assert len(states) >= 8, states
    asked = [(location, delta, readers.columns_at(location, delta)) for _, _, _, location, delta, _ in states]
    with Node(folder) as node:
        open_to_all(node, folder)
        for (product, table, version, _, _, count), (location, delta, names), clickhouse in zip(states, asked, readers.clickhouse(asked)):
            wanted = weft_rows(node, (product.split(".")[0], table), version, names, clickhouse)
            assert len(wanted) == count, (location, version)
            assert readers.delta_rs(location, delta, names) == wanted, (location, version)
            assert clickhouse == wanted, (location, version)


@pytest.mark.timeout(600)
def test_tour_gets_through():
    # below /tmp: PostgreSQL runs as another user when this runs as root, and must reach its folder
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-demo-test-", dir="/tmp"))
    env = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
    try:
        done = subprocess.run(["bash", "scripts/demo.sh"], cwd=ROOT, env={**env, "ONCE": "1", "SCALE": "0.01", "DEMO_DIR": str(folder)},
                              capture_output=True, text=True, timeout=500)
        before, _, _ = done.stdout.partition("this step ended")  # the first one that went wrong
        assert done.returncode == 0, before[-3000:] + "\n…\n" + done.stdout[-3000:] + done.stderr[-2000:]
        check_readers(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert "The tour got through." in done.stdout


def how_to_connect(demo):
    """The commands that it prints when it is up."""
    said = []
    for line in demo.stdout:
        said.append(line)
        if "up until Ctrl-C" in line:
            return [demo.stdout.readline().strip() for _ in range(4)]
    raise AssertionError("".join(said)[-6000:])


@pytest.mark.timeout(300)
def test_stays_up_until_ctrl_c():
    """Without ONCE: what it prints to connect with works as it stands, and Ctrl-C leaves nothing behind."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("WEFT_", "PG", "ONCE", "DEMO_DIR"))}
    demo = subprocess.Popen(["bash", "scripts/demo.sh"], cwd=ROOT, env={**env, "SCALE": "0.01"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            start_new_session=True)
    try:
        commands = how_to_connect(demo)
        answers = [subprocess.run(["bash", "-c", command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60,
                                  input="SELECT count(*), min(email) FROM customers.customers;") for command in commands]
    finally:
        os.killpg(demo.pid, signal.SIGINT)
        left = demo.communicate(timeout=30)[0]
    assert demo.returncode == 130, left
    assert [answer.returncode for answer in answers] == [0, 0, 0, 0], (commands, answers)
    ana, sam, curl, products = [answer.stdout for answer in answers]
    assert "***" in ana and "filtered by" in answers[0].stderr and "@example.org" in sam and "***" not in sam
    assert len(json.loads(curl)) == 3 and "customer_360" in products
    folder = pathlib.Path(commands[3].split()[2]).parent
    assert not folder.exists()
    assert str(folder) not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
