"""Runs: schedules, triggers, retries, ends, their tables, and the rows that failed."""
import base64
import json
import os
import re
import signal
import sqlite3
import ssl
import threading
import time
import urllib.error
import urllib.request

import psycopg
import pytest
from conftest import PASSWORD, connect, query, wait_for
from lib import smallmesh
from lib.node import Node

CHECKED = smallmesh.FILES["domains/lab/people/people.odcs.yaml"].replace(
    "        description: Where.\n",
    "        description: Where.\n        quality:\n          - name: known region\n            metric: invalidValues\n            arguments: {validValues: [EU, US]}\n            mustBe: 0\n            dimension: conformity\n",
) + "slaProperties:\n  - {property: freshness, value: 2, unit: s}\n"
EXTRA = {
    "domains/lab/people/people.odcs.yaml": CHECKED,
    "domains/lab/people/pipeline.yaml": smallmesh.FILES["domains/lab/people/pipeline.yaml"]
    + "  schedule: {cron: \"0 3 * * *\", timeZone: Europe/Berlin}\n  retries: {max: 2, backoff: 1s}\n",
    "domains/lab/regions/product.yaml": smallmesh.FILES["domains/lab/people/product.yaml"].replace("people", "regions").replace("source-aligned", "aggregate"),
    "domains/lab/regions/regions.odcs.yaml": """apiVersion: v3.1.0
kind: DataContract
id: lab.regions
name: regions
version: 1.0.0
status: active
domain: lab
dataProduct: regions
schema:
  - name: regions
    properties:
      - {name: region, logicalType: string, physicalType: VARCHAR, required: true, primaryKey: true}
      - {name: n, logicalType: integer, physicalType: BIGINT}
""",
    "domains/lab/regions/regions.sql": "SELECT region, count(*) AS n FROM lab.people GROUP BY region\n",
    "domains/lab/policies/team.yaml": """apiVersion: weft/v1
kind: Policy
metadata:
  name: team
spec:
  effect: allow
  on:
    products: [lab.people, lab.regions]
  to:
    groups: ["team:lab"]
""",
}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("runs")) as running:
        smallmesh.write_source(running, 100)
        for name, groups in (("eve", ["readers"]), ("olaf", ["lab-owners", "readers"]), ("wilma", ["lab-owners", "readers", "world"]), ("otto", ["lab-owners"]), ("kim", [])):
            running.add_user(name, groups=groups)
        running.add_user("root", admin=True)
        running.apply({**smallmesh.FILES, **EXTRA})
        yield running


def runs(node, product, user="olaf"):
    """(cause, state, attempt, error_code), oldest first."""
    return query(node, user, f"select cause, state, attempt, error_code from mesh.runs where domain || '.' || product = '{product}' order by run")


def newest(node, product="lab.people"):
    return query(node, "olaf", f"select max(run) from mesh.runs where domain || '.' || product = '{product}'")[0][0]


def settled(node):
    return wait_for(lambda: query(node, "root", "select count(*) from mesh.runs where state in ('queued', 'running', 'publishing')") == [(0,)], 60)


def test_tables_tell_right_after_a_run(node):
    assert runs(node, "lab.people") == [("apply", "succeeded", 1, None)]
    assert runs(node, "lab.regions")[0][1] == "succeeded"
    assert runs(node, "lab.people", "eve") == []
    assert runs(node, "lab.people", "root") != []
    checks = query(node, "olaf", "select rule, column_name, dimension, passed, failing_rows from mesh.checks where table_name = 'people' and column_name = 'region'")
    assert checks == [("known region", "region", "conformity", True, 0)] or checks[0][:4] == ("known region", "region", "conformity", True)
    run = newest(node)
    log = json.loads(node.cli("get", "runs", str(run), "-o", "json"))
    assert log[0]["state"] == "succeeded" and log[0]["row_count"] == 100


def test_freshness_moves_from_met_to_breached(node):
    def state():
        return query(node, "eve", "select state from mesh.slo where table_name = 'people'")[0][0]

    assert wait_for(lambda: state() == "breached", 5)
    node.cli("run", "lab.people")
    assert state() in ("met", "at risk")
    assert query(node, "eve", "select due_at > published_at and age_seconds <= 2 and freshness_seconds = 2 from mesh.slo where table_name = 'people'") == [(True,)]
    assert wait_for(lambda: state() == "breached", 5)


def test_failing_rows_are_for_owners_only(node):
    settled(node)
    source = node.data / "sources/people.csv"
    good = source.read_text()
    source.write_text(good + "100,P100,p100@example.org,MARS\n101,P101,p101@example.org,MARS\n")
    node.cli("run", "lab.people", status=6)
    assert f"weft get failures {newest(node)}" in node.last.stderr
    source.write_text(good)
    run = newest(node)
    assert runs(node, "lab.people")[-1] == ("manual", "failed", 1, "23000")  # not tried again: it does not get better by itself
    rows = node.cli_json("get", "failures", "lab.people", "--as", "wilma")
    assert [(r["id"], r["region"], r["failed_check"], r["failed_run"]) for r in rows] == [(100, "MARS", "known region", run), (101, "MARS", "known region", run)]
    assert node.cli_json("get", "failures", str(run), "--as", "wilma", "--limit", "1") == rows[:1]
    assert node.cli("get", "failures", "lab.people", "--as", "wilma", "-o", "csv").startswith("failed_run,failed_table,failed_check,id,")
    node.cli("get", "failures", str(run), "--as", "root", status=4)  # manages the node, does not read its data
    node.cli("get", "failures", str(run), "--as", "eve", status=3)  # to her there is no such run
    node.cli("get", "failures", "lab.people", "--as", "eve", status=3)
    node.cli("get", "failures", "people", status=2)
    assert query(node, "eve", "select failing_rows, message from mesh.checks where run = %d and rule = 'known region'" % run) in ([], [(None, None)])
    assert query(node, "olaf", "select failing_rows from mesh.checks where run = %d and rule = 'known region'" % run) == [(2,)]
    audit = query(node, "wilma", "select principal, row_count, outcome, table_names from mesh.audit where statement like '%%@failed%%failed_run = %d%%' order by id" % run)
    assert audit[0][:3] == ("wilma", 2, "ok") and "lab.people@1" in audit[0][3]
    for sql in ("select * from lab._failed", f"select * from read_parquet('{node.data}/lake/lab/people/_failed/*/*')"):
        with pytest.raises(psycopg.Error):
            query(node, "olaf", sql)


def test_policies_hold_for_failing_rows_too(node):
    """A check that fails must not show its owner what the mesh masks or filters."""
    run = newest(node)
    of = f'from lab."people@failed" where failed_run = {run} order by id'
    assert query(node, "wilma", f"select failed_check, id, email, region {of}") == [("known region", 100, None, "MARS"), ("known region", 101, None, "MARS")]
    assert query(node, "wilma", f"select id, email {of}", weft__purpose="support") == [(100, "p100@example.org"), (101, "p101@example.org")]
    assert query(node, "olaf", f"select id {of}") == []  # EU only
    assert node.cli_json("get", "failures", str(run), "--as", "olaf") == [] and "2 failing rows are not shown" in node.last.stderr
    assert node.cli_json("get", "failures", str(run), "--as", "wilma")[0]["email"] is None
    with connect(node, "olaf") as session:
        session.execute(f"select id {of}")
        assert "rows of lab.people@failed filtered by eu-only" in session.notices_seen
        for trick in ("cast(email as int)", "list_transform([email], lambda x: x::int)", "1 / (id - 100)"):
            assert session.execute(f"select {trick} {of}").fetchall() == []
    assert query(node, "otto", f"select id {of}") == []  # an owner without any grant
    assert query(node, "wilma", f'select count(*) from lab."people@1@failed" f join lab.people p on f.id <> p.id where failed_run = {run}') == [(200,)]
    assert query(node, "wilma", f"explain select id {of}")[0][0].startswith("lab.people@failed failing rows of runs: 1 file")
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        query(node, "wilma", 'select * from lab."people@failed" at (version => 1)')


DOORS = ("simple", "prepared", "copy", "cursor", "json", "ndjson", "csv", "arrow", "parquet", "cli")


def by_door(node, door, user, sql):
    """What a statement gives by one door: bytes, or the error's code and text."""
    if door == "cli":
        node.cli("sql", "-c", sql, "--as", user, status=None)
        return node.last.stdout or re.sub(r"\s+request id.*", "", node.last.stderr)
    if door in ("json", "ndjson", "csv", "arrow", "parquet"):
        kind = {"json": "json", "ndjson": "x-ndjson", "arrow": "vnd.apache.arrow.stream", "parquet": "vnd.apache.parquet"}.get(door)
        request = urllib.request.Request(node.url("/api/v1/query"), data=json.dumps({"sql": sql}).encode(), headers={
            "Authorization": "Basic " + base64.b64encode(f"{user}:{PASSWORD}".encode()).decode(), "Content-Type": "application/json", "Accept": f"application/{kind}" if kind else "text/csv"})
        try:
            with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=str(node.data / "keys/tls.crt")), timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError as refused:
            problem = json.loads(refused.read())
            return problem["code"], problem["detail"]
    try:
        with psycopg.connect(node.dsn(user, PASSWORD), autocommit=door != "cursor") as session:
            if door == "copy":
                with session.cursor().copy(f"copy ({sql}) to stdout") as copy:
                    return b"".join(copy)
            cursor = session.cursor(name="c") if door == "cursor" else session.cursor()
            cursor.execute(sql, prepare=True) if door == "prepared" else cursor.execute(sql)
            return cursor.fetchall()
    except psycopg.Error as refused:
        return refused.sqlstate, refused.diag.message_primary


@pytest.mark.parametrize("door", DOORS)
def test_failing_rows_by_every_door(node, door):
    """Owners get them; to others the name is one that does not exist, whether rows failed or not."""
    sql = 'select region, email from lab."%s" order by all'
    mine = by_door(node, door, "wilma", sql % "people@failed")
    assert "MARS" in str(mine) and "example.org" not in str(mine), mine
    for user in ("eve", "kim", "root"):
        there = str(by_door(node, door, user, sql % "people@failed"))
        assert "does not exist" in there and "MARS" not in there
        for name in ("people@flaied", "regions@failed", "nothing@failed"):
            assert str(by_door(node, door, user, sql % name)).replace(name, "?") == there.replace("people@failed", "?"), name


def test_a_source_that_is_down_is_tried_again(node):
    settled(node)
    source = node.data / "sources/people.csv"
    away = source.with_suffix(".away")
    before = len(runs(node, "lab.people"))
    node.cli("config", "set", "runs.memory", "3GiB")
    os.rename(source, away)
    try:
        node.cli("run", "lab.people", status=1)
    finally:
        os.rename(away, source)
    settled(node)
    later = runs(node, "lab.people")[before:]
    assert later[0][:2] == ("manual", "failed")
    assert query(node, "eve", "select count(*) from lab.people") == [(50,)]


def test_a_killed_job_is_tried_again_with_a_rising_delay(node):
    settled(node)
    smallmesh.write_source(node, 600_000)
    before = len(runs(node, "lab.people"))
    node.cli("run", "lab.people", "--no-wait")
    for _ in range(2):
        job = next_job(node)
        os.kill(job, signal.SIGKILL)
        wait_for(lambda: job not in jobs(node))
    settled(node)
    later = wait_for(lambda: runs(node, "lab.people")[before:])
    assert [(r[0], r[1], r[2]) for r in later] == [("manual", "failed", 1), ("retry", "failed", 2), ("retry", "succeeded", 3)], later
    assert later[0][3] == "57P02"
    times = query(node, "olaf", "select epoch(min(started_at) - max(queued_at)) from mesh.runs where cause = 'retry' group by run order by run")
    assert times[0][0] >= 0.9 and times[1][0] >= 1.9, times
    smallmesh.write_source(node, 100)
    node.cli("run", "lab.people")


def next_job(node):
    """As soon as it is there, so that it is killed long before its end."""
    until = time.monotonic() + 30
    while not (found := jobs(node)):
        assert time.monotonic() < until, runs(node, "lab.people")
        time.sleep(0.002)
    return found[0]


def jobs(node):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                line = open(f"/proc/{entry}/cmdline", "rb").read().split(b"\0")
                session = int(open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()[3])
            except (OSError, IndexError):
                continue
            if session == node.process.pid and line[0].endswith(b"weft-worker") and line[1] == b"job":
                found.append(int(entry))
    return found


def test_cancel_and_follow(node):
    settled(node)
    smallmesh.write_source(node, 400_000)
    run = node.cli_json("run", "lab.people", "--no-wait")[0]["id"]
    lines = []
    thread = threading.Thread(target=lambda: lines.extend(node.cli("logs", "-f", run).splitlines()))
    thread.start()
    wait_for(lambda: jobs(node))
    node.cli("cancel", run)
    thread.join(20)
    assert not thread.is_alive() and lines[-1].split() == ["end", "cancelled"]
    assert runs(node, "lab.people")[-1][1] == "cancelled"
    assert not list((node.data / "staging").iterdir())
    node.cli("cancel", run, status=5)
    smallmesh.write_source(node, 100)
    assert node.cli("retry", run) is not None
    assert query(node, "eve", "select count(*) from lab.people") == [(50,)]


def test_two_runs_of_one_product_come_one_after_the_other(node):
    settled(node)
    before = len(runs(node, "lab.people"))
    started = [node.cli_json("run", "lab.people", "--no-wait")[0]["id"] for _ in range(6)]
    settled(node)
    later = runs(node, "lab.people")[before:]
    assert {r[1] for r in later} == {"succeeded"} and len(later) == len(set(started)) <= 3  # queued ones are joined
    overlaps = query(node, "olaf", "select count(*) from mesh.runs a join mesh.runs b on a.product = b.product and a.run < b.run and b.started_at < a.ended_at where a.product = 'people'")
    assert overlaps == [(0,)]


def test_upstream_triggers_are_coalesced(node):
    settled(node)
    before = len(runs(node, "lab.regions"))
    for _ in range(3):
        node.cli("run", "lab.people")
    settled(node)
    wait_for(lambda: {r[1] for r in runs(node, "lab.regions")[before:]} == {"succeeded"})  # the last one may begin after its cause has ended
    later = runs(node, "lab.regions")[before:]
    assert 1 <= len(later) <= 3 and {(r[0], r[1]) for r in later} == {("upstream", "succeeded")}
    versions = query(node, "olaf", "select (select max(published_at) from mesh.versions where product = 'regions') >= (select max(published_at) from mesh.versions where product = 'people')")
    assert versions == [(True,)]


def test_missed_schedules_are_made_up_for_once(node):
    settled(node)
    before = len(runs(node, "lab.people"))
    node.stop()
    store = sqlite3.connect(node.data / "weft.db")
    with store:
        assert store.execute("update schedule set fired_us = fired_us - 5 * 86400 * 1000000").rowcount == 1
    store.close()
    node.start()
    wait_for(lambda: len(runs(node, "lab.people")) > before)
    settled(node)
    time.sleep(1.5)
    assert runs(node, "lab.people")[before:] == [("schedule", "succeeded", 1, None)]
    assert "schedule.missed" in node.log() and "missed=4" in node.log()


def test_failing_rows_go_after_the_retention(node):
    assert list((node.data / "lake/lab/people/_failed").iterdir())
    node.cli("config", "set", "lake.retention", "0")
    node.restart()
    wait_for(lambda: not list((node.data / "lake/lab/people/_failed").iterdir()), 15)
    assert query(node, "eve", "select count(*) from lab.people") == [(50,)]
    failed = query(node, "olaf", "select max(run) from mesh.checks where not passed")[0][0]
    assert node.cli_json("get", "failures", str(failed), "--as", "wilma") == []
    assert query(node, "wilma", 'select * from lab."people@failed"') == []


def test_progress_is_lines_where_there_is_no_terminal(node):
    node.cli("run", "lab.people")
    assert "\r" not in node.last.stderr and "\x1b" not in node.last.stderr
    assert "lab.people" in node.last.stderr + node.last.stdout and "succeeded" in node.last.stderr + node.last.stdout
    node.cli("run", "lab.people", "-q")
    assert node.last.stderr == ""
