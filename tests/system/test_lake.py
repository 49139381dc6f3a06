"""What lies in the lake: several tables in one version, foreign writers, vacuum and retention, products that come back."""
import threading
import time

import deltalake
import psycopg
import pyarrow
import pyarrow.parquet
import pytest
from conftest import connect, in_background, query, wait_for
from lib import readers
from lib.node import Node
from test_readers import contract, pipeline, product, source

COLUMNS = [("id", "INTEGER"), ("gen", "INTEGER")]
COUNT_RULE = "    quality:\n      - metric: rowCount\n        mustBeGreaterThan: 0\n"
TRIO = ["first", "second", "third"]


def write(node, name, gen, rows=3):
    table = pyarrow.table({"id": pyarrow.array(range(rows), pyarrow.int32()), "gen": pyarrow.array([gen] * rows, pyarrow.int32())})
    pyarrow.parquet.write_table(table, node.data / "sources" / f"{name}.parquet")


def mesh(retention="1s"):
    out = {"mesh.yaml": "apiVersion: weft/v1\nkind: Mesh\nmetadata:\n  name: lake\nspec:\n  owners: [governance]\n",
           "domains/zoo/domain.yaml": "apiVersion: weft/v1\nkind: Domain\nmetadata:\n  name: zoo\nspec:\n  owners: [zoo-owners]\n"
                                      f"  infrastructure:\n    retention: {retention}\n",
           "domains/zoo/policies/readers.yaml": "apiVersion: weft/v1\nkind: Policy\nmetadata:\n  name: readers\nspec:\n  effect: allow\n  on:\n"
                                                '    products: ["zoo.*"]\n  to:\n    groups: [readers]\n'}
    for name, tables in (("trio", TRIO), ("lone", ["lone"])):
        out |= {f"domains/zoo/{name}/product.yaml": product(name, tables),
                f"domains/zoo/{name}/pipeline.yaml": pipeline(name, [(t, {}) for t in tables])}
        for t in tables:
            out |= {f"domains/zoo/{name}/{t}.odcs.yaml": contract(t, COLUMNS, extra=COUNT_RULE).replace(f"dataProduct: {t}", f"dataProduct: {name}"),
                    f"domains/zoo/sources/{t}.yaml": source(t)}
    return out


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("lake"))
    (node.data / "sources").mkdir(exist_ok=True)
    for name in [*TRIO, "lone"]:
        write(node, name, 1)
    node.start()
    node.add_user("rhea", groups=["readers"])
    node.apply(mesh())
    yield node
    node.stop()


def folder(node, product_name, table):
    return node.data / "lake/zoo" / product_name / table / "v1"


ALL = "SELECT (SELECT max(gen) FROM zoo.first), (SELECT max(gen) FROM zoo.second), (SELECT max(gen) FROM zoo.third)"


def test_one_failing_table_holds_back_all(node):
    [before] = query(node, "rhea", ALL)
    for name in TRIO:
        write(node, name, before[0] + 1, rows=0 if name == "second" else 3)
    node.cli("run", "zoo.trio", status=None)
    assert node.last.returncode != 0 and "quality check" in node.last.stdout + node.last.stderr
    assert query(node, "rhea", ALL) == [before]
    versions = {readers.check_whole(folder(node, "trio", name)) for name in TRIO}
    for name in TRIO:
        write(node, name, before[0] + 1)
    node.cli("run", "zoo.trio")
    assert query(node, "rhea", ALL) == [tuple(n + 1 for n in before)]
    assert {readers.check_whole(folder(node, "trio", name)) for name in TRIO} == {n + 1 for n in versions}


@pytest.mark.timeout(300)
def test_readers_see_one_version_of_all_tables(node):
    stop, seen, failures = threading.Event(), [], []

    def read():
        try:
            with connect(node, "rhea") as session:
                newest = 0
                while not stop.is_set():
                    [row] = session.execute("SELECT min(a.gen), max(a.gen), min(b.gen), max(b.gen), min(c.gen), max(c.gen), count(*) FROM zoo.first a"
                                            " JOIN zoo.second b USING (id) JOIN zoo.third c USING (id)").fetchall()
                    assert len(set(row[:6])) == 1 and row[6] == 3 and row[0] >= newest, row
                    newest = row[0]
                    seen.append(newest)
        except Exception as failure:  # an assertion in a thread is lost otherwise
            failures.append(failure)

    [(start, _, _)] = query(node, "rhea", ALL)
    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for gen in range(start + 1, start + 51):
            for name in TRIO:
                write(node, name, gen)
            node.cli("run", "zoo.trio")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[0]
    assert len(set(seen)) > 10
    assert query(node, "rhea", ALL) == [(start + 50,) * 3]


def publish(node, gen, rows=3):
    write(node, "lone", gen, rows)
    node.cli("run", "zoo.lone")


def newest(node):
    return query(node, "rhea", "SELECT max(version) FROM mesh.versions WHERE product = 'lone'")[0][0]


def test_vacuum_keeps_what_is_read(node):
    first = newest(node)
    base = folder(node, "lone", "lone")
    with connect(node, "rhea") as session:
        session.execute("BEGIN")
        before = session.execute("SELECT gen, count(*) FROM zoo.lone GROUP BY 1").fetchall()
        for gen in (101, 102):
            publish(node, gen)
            time.sleep(1.2)
        publish(node, 103)
        assert session.execute("SELECT gen, count(*) FROM zoo.lone GROUP BY 1").fetchall() == before
        assert session.execute(f"SELECT count(*) FROM zoo.lone AT (VERSION => {first})").fetchall() == [(3,)]
        session.execute("COMMIT")
    time.sleep(1.2)
    publish(node, 104)
    now = newest(node)
    assert query(node, "rhea", f"SELECT min(gen) FROM zoo.lone AT (VERSION => {now - 1})") == [(103,)], "it was the newest within the retention"
    assert query(node, "rhea", "SELECT min(gen) FROM zoo.lone") == [(104,)]
    assert len(list(base.glob("*.parquet"))) == 2
    for at in (f"VERSION => {first}", "TIMESTAMP => '2020-01-01'"):
        with pytest.raises(psycopg.errors.UndefinedObject) as refused:
            query(node, "rhea", f"SELECT * FROM zoo.lone AT ({at})")
        assert f"the oldest that is kept is {now - 1}" in str(refused.value) and "retention" in refused.value.diag.message_hint


def test_vacuum_keeps_what_at_reads(node):
    """What a transaction or a statement read of an older version stays until it ends, also when nothing else reads back so far."""
    base = folder(node, "lone", "lone")

    def files():
        return {path.name for path in base.glob("*.parquet")}

    node.apply(mesh("1h"))
    before = files()
    for gen in (150, 151, 152):
        publish(node, gen)
    old, was = newest(node) - 2, files() - before
    sql = f"SELECT gen, count(*) FROM zoo.lone AT (VERSION => {old}) GROUP BY 1"
    slow = f"SELECT count(*) FROM zoo.lone AS l AT (VERSION => {old + 1}), range(50000) AS a(i), range(50000) AS b(i) WHERE hash(l.gen + a.i, b.i) <> 1"
    with connect(node, "rhea") as session, connect(node, "rhea") as alone:
        session.execute("BEGIN")
        assert session.execute(sql).fetchall() == [(150, 3)]
        thread, outcome = in_background(lambda: alone.execute(slow).fetchall())
        wait_for(lambda: [r for r in query(node, "rhea", "SELECT statement, state FROM mesh.queries") if "range(" in r[0] and r[1] == "running"])
        node.apply(mesh("1s"))
        time.sleep(1.2)
        publish(node, 153)
        assert was <= files(), "both are read"
        assert session.execute(sql).fetchall() == [(150, 3)]
        assert session.execute(f"EXPLAIN {sql}").fetchall()
        session.execute("COMMIT")
        publish(node, 154)
        assert thread.is_alive(), outcome
        assert len(was - files()) == 1, "the statement alone reads back to its version"
        with pytest.raises(psycopg.errors.UndefinedObject):
            session.execute(sql)
        alone.cancel()
        thread.join()
        assert "error" in outcome
        time.sleep(1.2)
        publish(node, 155)
        assert len(files()) == 2, "nobody reads older ones"


def test_the_log_is_cleaned_behind_a_checkpoint(node):
    """Commits that no kept version needs go with it; the next checkpoint starts from the one before; every reader finds the rows."""
    base = folder(node, "lone", "lone")
    for gen in range(200, 211):
        publish(node, gen)
    time.sleep(1.2)
    publish(node, 211)
    versions, checkpoints = readers.log_versions(base)
    assert 0 < versions[0] == checkpoints[0] and versions == list(range(versions[0], versions[-1] + 1))
    assert [int(p.name[1:21]) for p in sorted(base.glob("_delta_log/.*.checkpoint.ndjson"))] == checkpoints
    for gen in range(212, 223):
        publish(node, gen)
    versions, checkpoints = readers.log_versions(base)
    assert len(checkpoints) >= 1 and versions[-1] - checkpoints[-1] < 10
    for version in (versions[-1], checkpoints[-1]):
        wanted = [(i, 222 - (versions[-1] - version)) for i in range(3)]
        if version == versions[-1]:
            assert readers.delta_rs(base, version, ["id", "gen"]) == wanted
            assert readers.clickhouse([(base, version, ["id", "gen"])]) == [wanted]
            assert query(node, "rhea", "SELECT id, gen FROM zoo.lone ORDER BY id") == wanted
        rows = pyarrow.parquet.read_table(base / "_delta_log" / f"{version:020}.checkpoint.parquet").to_pylist() if version in checkpoints else []
        assert not [r for r in rows if (r["add"] or r["remove"] or {}).get("dataChange")], "a checkpoint changes nothing"


def doctor(node):
    return next(item for item in node.cli_json("doctor", status=None) if item["check"] == "lake")


def test_doctor_compares_metadata_logs_and_disk(node):
    base = folder(node, "lone", "lone")
    seen = doctor(node)
    assert seen["state"] == "ok" and "4 tables" in seen["seen"], seen
    [part] = [base / f.split("/")[-1] for f in deltalake.DeltaTable(str(base)).file_uris()]
    whole = part.read_bytes()
    part.write_bytes(whole[:-1])
    assert doctor(node)["state"] == "fail" and f"{part} has {len(whole) - 1} bytes" in doctor(node)["seen"]
    part.unlink()
    assert f"{part}: No such file" in doctor(node)["seen"]
    part.write_bytes(whole)
    log = base / "_delta_log" / f"{readers.log_versions(base)[0][-1]:020}.json"
    text = log.read_text()
    log.write_text("\n".join(line for line in text.splitlines() if '"add"' not in line) + "\n")
    assert "the Delta log lacks " + part.name in doctor(node)["seen"]
    log.unlink()
    assert f"{log} is missing" in doctor(node)["seen"]
    log.write_text(text)
    assert doctor(node) == seen


def test_foreign_commit_is_not_overwritten(node):
    base = folder(node, "lone", "lone")
    before = query(node, "rhea", "SELECT * FROM zoo.lone ORDER BY id")
    head = deltalake.DeltaTable(str(base)).version()
    deltalake.write_deltalake(str(base), pyarrow.table({"id": pyarrow.array([9], pyarrow.int32()), "gen": pyarrow.array([9], pyarrow.int32())}),
                              mode="append")
    foreign = base / "_delta_log" / f"{head + 1:020}.json"
    text, files = foreign.read_bytes(), {p.name for p in base.iterdir()}
    for _ in range(2):
        write(node, "lone", 200)
        node.cli("run", "zoo.lone", status=None)
        told = node.last.stdout + node.last.stderr
        assert node.last.returncode != 0 and f"somebody else wrote version {head + 1}" in told, told
    assert foreign.read_bytes() == text and {p.name for p in base.iterdir()} == files
    assert query(node, "rhea", "SELECT * FROM zoo.lone ORDER BY id") == before
    node.restart()
    assert query(node, "rhea", "SELECT * FROM zoo.lone ORDER BY id") == before
    foreign.unlink()
    node.cli("run", "zoo.lone")
    assert query(node, "rhea", "SELECT min(gen) FROM zoo.lone") == [(200,)]
    assert deltalake.DeltaTable(str(base)).version() == head + 1


def test_removed_product_comes_back(node):
    base = folder(node, "lone", "lone")
    head = deltalake.DeltaTable(str(base)).version()
    assert newest(node) > 1
    without = {k: v for k, v in mesh().items() if "/lone" not in k}
    node.apply(without, folder="without", flags=("--yes", "--prune"))
    write(node, "lone", 300, rows=4)
    node.apply(mesh(), folder="again")
    assert query(node, "rhea", "SELECT min(gen), count(*) FROM zoo.lone") == [(300, 4)]
    table = deltalake.DeltaTable(str(base))
    assert table.version() == head + 1 and table.to_pyarrow_table().num_rows == 4


def with_storage(folder):
    files = mesh()
    files["domains/zoo/domain.yaml"] = files["domains/zoo/domain.yaml"].replace("    retention", f"    storage: {folder}\n    retention")
    return files


def test_storage_stays_below_lake_dirs(node, tmp_path):
    lake = node.data / "lake"
    (lake / "way-out").symlink_to(tmp_path)
    for folder, why in (("/etc/weft", "lies outside"), ("way-out/x", "lies outside"), ("../keys", "in its path"), ("'a*b'", "in its path"),
                        (node.data / "lakes", "lies outside")):
        node.apply(with_storage(folder), folder="storage", status=None)
        told = node.last.stdout + node.last.stderr
        assert node.last.returncode != 0 and why in told and "domain.yaml" in told, (folder, told)
    files = with_storage("cold") | {k.replace("lone", "late"): v.replace("lone", "late") for k, v in with_storage("cold").items() if "lone" in k}
    write(node, "late", 1)
    node.apply(files, folder="late")
    assert query(node, "rhea", "SELECT count(*) FROM zoo.late") == [(3,)]
    assert (lake / "cold/zoo/late/late/v1/_delta_log").is_dir()
    # a folder that became a link later: the run refuses it
    (lake / "cold").rename(lake / "aside")
    (lake / "cold").symlink_to(tmp_path)
    node.cli("run", "zoo.late", status=None)
    assert node.last.returncode != 0 and "lies outside" in node.last.stdout + node.last.stderr
    assert not list(tmp_path.iterdir())
    (lake / "cold").unlink()
    (lake / "aside").rename(lake / "cold")
    node.cli("run", "zoo.late")
    # tables that exist stay where they are
    node.cli("run", "zoo.lone")
    assert folder_exists(node, "lone")


def folder_exists(node, name):
    return (folder(node, name, name) / "_delta_log").is_dir() and not (node.data / "lake/cold/zoo" / name).exists()
