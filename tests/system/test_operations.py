"""What an operator needs: metrics that count what happened, settings that change while the node serves, logs that tell one story."""
import base64
import http.client
import json
import signal
import ssl

import psycopg
import pytest
from conftest import PASSWORD, connect, open_lab, query, wait_for
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_prometheus


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    running = open_lab(tmp_path_factory.mktemp("ops"), {"log.format": "json", "query.plan_cache_memory": "1MiB"})
    running.add_user("root", admin=True)
    yield running
    running.stop()


def ask(node, path, user="root", accept="*/*", body=None, password=PASSWORD):
    context = ssl.create_default_context(cafile=str(node.data / "keys/tls.crt"))
    connection = http.client.HTTPSConnection("127.0.0.1", node.settings["http.port"], context=context, timeout=60)
    headers = {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode(), "Accept": accept}
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection.request("POST" if body is not None else "GET", path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    return answer.status, answer.getheader("Content-Type"), answer.read().decode()


def samples(node):
    """{(name, labels): value} of the node's metrics, read by the reference client."""
    status, kind, text = ask(node, "/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in read_prometheus(text) for s in family.samples}


def value(found, name, **labels):
    return found.get((name, tuple(sorted(labels.items()))), 0)


def moved(before, after, name, **labels):
    return value(after, name, **labels) - value(before, name, **labels)


# metrics

def test_both_formats_are_read(node):
    status, kind, text = ask(node, "/metrics", accept="application/openmetrics-text; version=1.0.0, text/plain;q=0.5")
    assert (status, kind) == (200, "application/openmetrics-text; version=1.0.0; charset=utf-8")
    families = {f.name: f for f in read_openmetrics(text)}
    assert families["weft_queries"].type == "counter" and families["weft_query_seconds"].type == "histogram"
    names = {f.name for f in read_prometheus(ask(node, "/metrics")[2])}
    assert {"weft_queries_waiting", "weft_decisions", "weft_slo_breached"} <= names
    assert ask(node, "/metrics", user="eve")[0] == 403


def test_statements_are_counted(node):
    before = samples(node)
    query(node, "wendy", "select id, name from lab.people")
    query(node, "eve", "select id from lab.people")
    with pytest.raises(psycopg.errors.UndefinedTable):
        query(node, "eve", "select * from lab.nothing")
    with pytest.raises(psycopg.Error):
        query(node, "eve", "select cast(name as int) from lab.people")
    assert ask(node, "/api/v1/query", user="eve", body={"sql": "select 1"})[0] == 200
    after = samples(node)
    assert moved(before, after, "weft_queries_total", door="pg", outcome="ok") == 2
    assert moved(before, after, "weft_queries_total", door="pg", outcome="refused") == 1
    assert moved(before, after, "weft_queries_total", door="pg", outcome="error") == 1
    assert moved(before, after, "weft_queries_total", door="http", outcome="ok") == 1
    assert moved(before, after, "weft_query_rows_total", door="pg") >= 3000
    assert moved(before, after, "weft_query_bytes_total", door="pg") > 10000
    assert moved(before, after, "weft_decisions_total", outcome="restricted") == 3  # e-mail is masked for all
    assert moved(before, after, "weft_decisions_total", outcome="denied") == 1
    assert moved(before, after, "weft_query_seconds_count", door="pg") == 4
    assert moved(before, after, "weft_query_queue_seconds_count") >= 4
    assert moved(before, after, "weft_http_requests_total", route="/api/v1/query", status="200") == 1


def test_sessions_and_sign_ins_are_counted(node):
    before = samples(node)
    sessions = [connect(node, "eve") for _ in range(3)]
    during = samples(node)
    for session in sessions:
        session.close()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(node.dsn("eve", "wrong"), sslmode="require")  # or libpq tries twice
    assert moved(before, during, "weft_sessions_open", door="pg") == 3
    assert moved(before, during, "weft_sessions_total", door="pg") == 3
    assert wait_for(lambda: value(samples(node), "weft_sessions_open", door="pg") == value(before, "weft_sessions_open", door="pg"))
    assert moved(before, samples(node), "weft_auth_total", method="scram", outcome="failed") == 1
    assert value(during, "weft_sessions_open", door="http") >= 1


def test_runs_are_counted(node):
    before = samples(node)
    node.cli("run", "lab.people")
    after = samples(node)
    assert moved(before, after, "weft_runs_total", domain="lab", outcome="succeeded") == 1
    assert moved(before, after, "weft_run_rows_total", domain="lab") == 2000
    assert moved(before, after, "weft_run_bytes_total", domain="lab") > 1000
    assert moved(before, after, "weft_publishes_total", domain="lab") == 1
    assert moved(before, after, "weft_checks_total", domain="lab", outcome="ok") >= 1
    assert moved(before, after, "weft_run_seconds_count", domain="lab") == 1
    assert query(node, "olaf", "select row_count, bytes > 1000 from mesh.runs order by run desc limit 1") == [(2000, True)]
    assert value(after, "weft_table_age_seconds", domain="lab", table="people") < 60


def test_the_plan_cache_is_bounded_by_bytes(node):
    before, dropped = node.rss_bytes(), value(samples(node), "weft_plan_cache_dropped_total")
    with connect(node, "wendy") as session:
        for i in range(300):
            session.execute(f"select id as a{i}, name, count(*) over () from lab.people where id in ({', '.join(map(str, range(i, i + 200)))}) limit 1")
        found = samples(node)
        assert value(found, "weft_plan_cache_bytes") <= 1 << 20 and value(found, "weft_plan_cache_statements") > 3
        assert value(found, "weft_plan_cache_dropped_total") > dropped + 100
        assert session.execute("select count(*) from lab.people").fetchall() == [(2000,)]
    assert node.rss_bytes() - before < 12 << 20


# settings

def log_lines(node):
    return [json.loads(line) for line in node.log().splitlines() if line.startswith("{")]


def test_settings_change_while_it_serves(node):
    assert node.cli_json("config", "set", "log.level", "debug") == [{"name": "log.level", "takes_effect": "now"}]
    query(node, "eve", "select 1")
    assert wait_for(lambda: any(line["event"] == "session.end" for line in log_lines(node)))
    assert node.cli_json("config", "set", "query.max_rows", "3") == [{"name": "query.max_rows", "takes_effect": "now"}]
    with pytest.raises(psycopg.Error, match="rows"):
        query(node, "eve", "select id from lab.people")
    node.cli("config", "set", "query.max_rows", "0")
    assert len(query(node, "eve", "select id from lab.people")) == 1000
    node.cli("config", "set", "http.body_max", "64KiB")
    assert ask(node, "/api/v1/query", body={"sql": "select 1" + " " * 70000})[0] == 413
    node.cli("config", "set", "http.body_max", "1MiB")
    assert ask(node, "/api/v1/query", body={"sql": "select 1" + " " * 50000})[0] == 200
    text = (node.data / "weft.toml").read_text()
    assert text.count("max_rows = 0") >= 1 and "# " in text


def test_what_needs_a_restart_is_said(node):
    assert node.cli_json("config", "set", "query.plan_cache", "100") == [{"name": "query.plan_cache", "takes_effect": "restart"}]
    assert {"name": "query.plan_cache", "takes_effect": "restart"} in node.cli_json("config", "reload")
    assert any(line["event"] == "server.reloaded" and "query.plan_cache" in line["restart_needed"] for line in log_lines(node))


def test_what_a_flag_holds_is_said(node):
    assert node.cli_json("config", "set", "log.format", "text") == [{"name": "log.format", "takes_effect": "overridden"}]
    assert "--set" in node.last.stderr
    node.cli("config", "set", "log.format", "json")


def test_bad_settings_change_nothing(node):
    before = (node.data / "weft.toml").read_text()
    for name, text in (("query.max_rows", "many"), ("query.max_rows", "-1"), ("log.level", "loud"), ("query.nothing", "1")):
        node.cli("config", "set", name, text, status=2)
    assert (node.data / "weft.toml").read_text() == before
    (node.data / "weft.toml").write_text(before + "\n[query]\nnonsense = 1\n")
    node.process.send_signal(signal.SIGHUP)
    assert wait_for(lambda: any(line["event"] == "server.reload_failed" for line in log_lines(node)))
    node.cli("config", "reload", status=2)
    (node.data / "weft.toml").write_text(before)
    assert len(query(node, "eve", "select id from lab.people")) == 1000  # the old settings, --set ones too, hold
    assert not any(c["name"].startswith(("pg.", "http.port")) for c in node.cli_json("config", "reload"))
    assert ask(node, "/api/v1/reload", user="eve", body={})[0] == 403


# logs

def test_one_request_one_id(node):
    context = ssl.create_default_context(cafile=str(node.data / "keys/tls.crt"))
    connection = http.client.HTTPSConnection("127.0.0.1", node.settings["http.port"], context=context, timeout=60)
    headers = {"Authorization": "Basic " + base64.b64encode(f"eve:{PASSWORD}".encode()).decode(), "Content-Type": "application/json", "X-Request-Id": "story-1"}
    connection.request("POST", "/api/v1/query", json.dumps({"sql": "select 'hush-hush' as x"}), headers)
    assert connection.getresponse().read()
    mine = wait_for(lambda: [line for line in log_lines(node) if line.get("request") == "story-1" and line["event"] == "query.done"])
    assert mine[0]["principal"] == "eve" and mine[0]["outcome"] == "ok"
    assert "hush-hush" not in node.log()
    audit = query(node, "eve", "select request_id, outcome from mesh.audit where request_id = 'story-1'")
    assert audit == [("story-1", "ok")]


def test_nobody_writes_lines_into_the_log(node):
    """Names, statements and headers of clients stay inside their line, whatever they hold; passwords are not there at all."""
    context = ssl.create_default_context(cafile=str(node.data / "keys/tls.crt"))
    for name in ("eve\n{\"event\":\"fake.event\"}", 'q"uo\\te\x1b[2J\u2028'):  # few: guessing is slowed down
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(host="127.0.0.1", port=node.settings["pg.port"], user=name, password="s3cret-word", dbname="lab", sslmode="require")
        connection = http.client.HTTPSConnection("127.0.0.1", node.settings["http.port"], context=context, timeout=60)
        connection.request("GET", "/api/v1/me", headers={"Authorization": "Basic " + base64.b64encode(f"{name}:s3cret-word".encode()).decode(), "X-Request-Id": "a b\tc"})
        assert connection.getresponse().status == 401
    for sql in ("select 1 -- \n{\"event\":\"fake.event\"}\x1b[31m\nfrom lab.nope where 's3cret-word' = 'x'", "select \"no\n{}\x1b[31m\" from lab.people"):
        with pytest.raises(psycopg.Error):
            query(node, "eve", sql)
    lines = wait_for(lambda: [line for line in node.log().split("\n") if line.startswith("{")])
    assert len([line for line in lines if json.loads(line)["event"] == "auth.failed"]) >= 4
    assert not [line for line in lines if json.loads(line)["event"] == "fake.event"]
    assert "s3cret-word" not in node.log() and not any(ord(c) < 32 for line in lines for c in line)
