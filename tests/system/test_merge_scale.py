"""A large table that is merged by its primary key: the rows are the right ones, other readers agree, memory stays bounded."""
import os
import threading
import time

import deltalake
import pyarrow
import pyarrow.compute as compute
import pyarrow.parquet
import pytest
from conftest import in_background, query
from lib import readers
from lib.node import SANITIZED, Node
from test_faults import children
from test_readers import contract, pipeline, product, source

ROWS, CHANGED = (100_000, 1_000) if SANITIZED else (1_000_000, 10_000)
COLUMNS = [("id", "INTEGER"), ("txt", "VARCHAR"), ("tick", "INTEGER")]
JOB_BYTES = 1 << 30
FILES = {"mesh.yaml": "apiVersion: weft/v1\nkind: Mesh\nmetadata:\n  name: merge\nspec:\n  owners: [governance]\n",
         "domains/zoo/domain.yaml": "apiVersion: weft/v1\nkind: Domain\nmetadata:\n  name: zoo\nspec:\n  owners: [zoo-owners]\n",
         "domains/zoo/policies/readers.yaml": "apiVersion: weft/v1\nkind: Policy\nmetadata:\n  name: readers\nspec:\n  effect: allow\n  on:\n"
                                              '    products: ["zoo.*"]\n  to:\n    groups: [readers]\n',
         "domains/zoo/big/product.yaml": product("big", ["big"]), "domains/zoo/big/big.odcs.yaml": contract("big", COLUMNS),
         "domains/zoo/big/pipeline.yaml": pipeline("big", [("big", {"mode": "incremental", "cursor": "tick"})]),
         "domains/zoo/sources/big.yaml": source("big")}


def write(node, ids, text, tick):
    """The source's content; what the table has to hold after it was merged goes to node.expected."""
    keys = pyarrow.array(ids, pyarrow.int32())
    fresh = pyarrow.table({"id": keys, "txt": pyarrow.array([f"{text}{i}" for i in ids]), "tick": pyarrow.array([tick] * len(ids), pyarrow.int32())})
    pyarrow.parquet.write_table(fresh, node.data / "sources/big.parquet")
    if node.expected is not None:
        old = node.expected.filter(compute.invert(compute.is_in(node.expected["id"], value_set=keys)))
        fresh = pyarrow.concat_tables([old, fresh])
    node.expected = fresh.sort_by("id")


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("merge"))
    try:
        (node.data / "sources").mkdir(exist_ok=True)
        node.expected = None
        write(node, range(ROWS), "a", 1)
        node.start()
        node.add_user("rhea", groups=["readers"])
        node.apply(FILES)
        yield node
    finally:
        node.stop()


def peak_while(node, work):
    """What the hungriest process of the node had resident at most while work() ran, in bytes."""
    peaks, done = [0], threading.Event()

    def look():
        while not done.is_set():
            for pid in children(node.process.pid):
                try:
                    with open(f"/proc/{pid}/status") as status:
                        peaks.extend(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
                except OSError:
                    continue  # it has ended
            time.sleep(0.05)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        work()
    finally:
        done.set()
        thread.join()
    return max(peaks)


def stored(node, version=None):
    """The rows by id, as delta-rs reads them."""
    table = deltalake.DeltaTable(str(node.data / "lake/zoo/big/big/v1"), version=version).to_pyarrow_table()
    return table.select(node.expected.column_names).cast(node.expected.schema).sort_by("id")


def totals(table):
    return (table.num_rows, compute.count_distinct(table["id"]).as_py(), compute.sum(table["tick"]).as_py())


def test_a_merge_into_a_large_table(node):
    before = node.expected
    # every 200th row changes, as many are new: the changes touch every row group
    ids = [*range(0, ROWS, ROWS // (CHANGED // 2)), *range(ROWS, ROWS + CHANGED // 2)]
    write(node, ids, "b", 2)
    peak = peak_while(node, lambda: node.cli("run", "zoo.big"))
    assert SANITIZED or peak < JOB_BYTES, peak
    assert stored(node).equals(node.expected)
    assert stored(node, 0).equals(before), "the version before is as it was"
    assert query(node, "rhea", "SELECT count(*), count(DISTINCT id), sum(tick) FROM zoo.big") == [totals(node.expected)]
    assert query(node, "rhea", "SELECT count(*), sum(tick) FROM zoo.big AT (VERSION => 1)") == [(ROWS, ROWS)]


def test_runs_of_one_product_at_once(node):
    """Each is done alone or told why not; the rows are merged once, whoever was first."""
    write(node, range(10, 10 + CHANGED), "c", 3)
    threads = [in_background(lambda: node.cli("run", "zoo.big", status=None)) for _ in range(4)]
    for thread, outcome in threads:
        thread.join(120)
        assert not thread.is_alive() and "error" not in outcome, outcome
    node.cli("run", "zoo.big")
    assert stored(node).equals(node.expected)
    assert query(node, "rhea", "SELECT count(*), count(DISTINCT id), sum(tick) FROM zoo.big") == [totals(node.expected)]
    readers.check_whole(node.data / "lake/zoo/big/big/v1")
    assert not os.listdir(node.data / "staging")
