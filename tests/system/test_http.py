"""The HTTP API against a real node: what the description says, who may what, streams, limits, clients that go away."""
import base64
import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
import time

import jsonschema
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import smallmesh  # noqa: E402
from lib.node import Node  # noqa: E402

PASSWORD = "pw-" + "x" * 12
BIG = "select a.id * 1000000 + b.id as n, repeat('x', 200) as t from lab.people a, lab.people b, (values (1)) v(i)"


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with smallmesh.open_node(Node(tmp_path_factory.mktemp("http"))) as running:
        yield running


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("weft")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(self.path))


def https(node):
    context = ssl.create_default_context(cafile=str(node.data / "keys/tls.crt"))
    return http.client.HTTPSConnection("127.0.0.1", node.settings["http.port"], context=context, timeout=60)


def ask(connection, method, path, body=None, headers=None):
    text = json.dumps(body) if body is not None else None
    connection.request(method, path, text, {**({"Content-Type": "application/json"} if text else {}), **(headers or {})})
    answer = connection.getresponse()
    return answer, answer.read()


def basic(user, password=PASSWORD):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def control(node, method, path, body=None, headers=None):
    return ask(Unix(node.data / "run/weft.sock"), method, path, body, headers)


def query(node, sql, user="eve", accept="application/json", **more):
    return ask(https(node), "POST", "/api/v1/query", {"sql": sql, **more}, {**basic(user), "Accept": accept})


def test_explain_access_keeps_conditions_and_files_for_those_who_manage(node):
    """The condition names what it hides, and the files say how much: only owners and administrators learn them."""
    seen = {}
    for user in ("eve", "olaf"):
        answer, text = ask(https(node), "GET", f"/api/v1/explain-access?principal={user}&table=lab.people", headers=basic(user))
        assert answer.status == 200, text
        seen[user] = json.loads(text)
        assert [f["policy"] for f in seen[user]["filters"]] == ["eu-only"]
    assert "files" not in seen["eve"] and "expression" not in seen["eve"]["filters"][0]
    assert seen["olaf"]["files"] and "region" in seen["olaf"]["filters"][0]["expression"]
    answer, _ = ask(https(node), "GET", "/api/v1/explain-access?principal=olaf&table=lab.people", headers=basic("eve"))
    assert answer.status == 404


# answers

def test_problem_details(node):
    document = json.loads(ask(https(node), "GET", "/api/v1/openapi.json")[1])
    schema = document["components"]["schemas"]["Problem"]
    for answer, text in (query(node, "selec 1"), query(node, "select * from lab.nope"), ask(https(node), "GET", "/nowhere"), ask(https(node), "GET", "/api/v1/me"),
                         ask(https(node), "DELETE", "/api/v1/runs"), control(node, "GET", "/api/v1/runs/x"), control(node, "GET", "/api/v1/tables?limit=0")):
        problem = json.loads(text)
        jsonschema.validate(problem, schema)
        assert answer.getheader("Content-Type") == "application/problem+json"
        assert answer.getheader("X-Request-Id") == problem["request_id"]
    answer, text = query(node, "select 1 +")
    assert (answer.status, json.loads(text)["code"]) == (400, "42601")
    answer, text = ask(https(node), "DELETE", "/api/v1/runs")
    assert (answer.status, answer.getheader("Allow"), json.loads(text)["status"]) == (405, "GET, POST", 405)


def test_headers_of_answers(node):
    for path in ("/healthz", "/nowhere", "/api/v1/me"):
        headers = ask(https(node), "GET", path)[0].headers
        assert headers["Strict-Transport-Security"] and headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"
        assert headers["Content-Security-Policy"] == "default-src 'none'" and headers["Referrer-Policy"] == "no-referrer"
    assert "Strict-Transport-Security" not in control(node, "GET", "/healthz")[0].headers


def test_a_large_body_by_tls_is_not_taken(node):
    connection = https(node)
    connection.putrequest("POST", "/api/v1/query")
    connection.putheader("Content-Length", str(32 << 20))
    connection.endheaders()
    answer = connection.getresponse()  # before a byte of it was sent
    assert (answer.status, answer.getheader("Connection"), json.loads(answer.read())["code"]) == (401, "close", "28000")
    done = subprocess.run(["curl", "-sS", "--cacert", node.data / "keys/tls.crt", "-o", "-", "-w", "%{http_code} %{size_upload}", "-H", "Content-Type: application/json", "--data-binary", "@-",
                           node.url("/api/v1/query")], input=b"x" * (32 << 20), capture_output=True, timeout=60)
    status, taken = done.stdout.split()[-2:]
    assert status.endswith(b"401") and int(taken) < 4 << 20, done


def test_packed_answers_to_curl(node):
    done = subprocess.run(["curl", "-sS", "--compressed", "--cacert", node.data / "keys/tls.crt", "-u", f"eve:{PASSWORD}", "-H", "Content-Type: application/json", "-H", "Accept: text/csv",
                           "-d", '{"sql": "select id from lab.people order by id"}', node.url("/api/v1/query")], capture_output=True, timeout=60)
    assert done.stdout.splitlines() == [b"id"] + [b"%d" % i for i in range(1, 2000, 2)]


def test_ids_are_kept(node):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer, _ = ask(https(node), "GET", "/healthz", headers={"X-Request-Id": "mine.1", "traceparent": trace})
    assert (answer.getheader("X-Request-Id"), answer.getheader("traceparent")) == ("mine.1", trace)
    answer, _ = ask(https(node), "GET", "/healthz", headers={"X-Request-Id": "a b\u00e9"})
    assert answer.getheader("X-Request-Id") != "a b\u00e9"


# who

def test_sign_in(node):
    assert ask(https(node), "GET", "/api/v1/me", headers=basic("eve"))[0].status == 200
    token = node.token("eve", "read")
    answer, text = ask(https(node), "GET", "/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 200 and json.loads(text)["scopes"] == ["read"]
    answer, text = ask(https(node), "POST", "/api/v1/query", {"sql": "select 1"}, {"Authorization": f"Bearer {token}"})
    assert (answer.status, json.loads(text)["code"]) == (403, "42501")
    for headers in ({}, basic("wendy", "wrong"), basic("nobody"), {"Authorization": "Bearer weft_x"}, {"Authorization": "Basic !!"}, {"Authorization": "Digest x"}):
        answer, _ = ask(https(node), "GET", "/api/v1/me", headers=headers)
        assert answer.status == 401 and answer.getheader("WWW-Authenticate")
    assert ask(https(node), "GET", "/api/v1/me", headers={**basic("eve"), "X-Weft-User": "wendy"})[0].status == 403
    assert ask(https(node), "GET", "/metrics", headers=basic("eve"))[0].status == 403
    assert ask(https(node), "GET", "/api/v1/users", headers=basic("eve"))[0].status == 403


def test_a_token_cannot_grow(node):
    token = {"Authorization": "Bearer " + node.token("eve", "read")}
    assert ask(https(node), "POST", "/api/v1/tokens", {"scopes": ["query"]}, token)[0].status == 403
    assert ask(https(node), "PUT", "/api/v1/users/eve/password", {"password": "changed-changed"}, token)[0].status == 403
    assert ask(https(node), "POST", "/api/v1/tokens", {"user": "wendy", "scopes": ["read"]}, basic("eve"))[0].status in (403, 404)


# query

def test_formats_and_governance(node):
    answer, text = query(node, "select id, email from lab.people order by id limit 1")
    assert json.loads(text) == [{"id": 1, "email": None}]
    told = answer.headers.get_all("X-Weft-Governance")
    assert any("eu-only" in t for t in told) and any("contact" in t for t in told)
    assert json.loads(answer.getheader("X-Weft-Columns")) == [{"name": "id", "type": "INTEGER"}, {"name": "email", "type": "VARCHAR"}]
    answer, text = query(node, "select id, email from lab.people order by id limit 1", purpose="support")
    assert json.loads(text) == [{"id": 1, "email": "p1@example.org"}]
    assert query(node, "select 1 as a", accept="application/x-ndjson")[1] == b'{"a":1}\n'
    assert query(node, "select 1 as a", accept="text/csv")[1] == b"a\r\n1\r\n"
    assert query(node, "select 1 as a", accept="application/vnd.apache.parquet")[1][:4] == b"PAR1"
    assert query(node, "select 1 as a", accept="image/png")[0].status == 406
    assert json.loads(query(node, "select 1 as a where false")[1]) == []
    assert len(json.loads(query(node, "select id from lab.people", limit=3)[1])) == 3
    assert query(node, "select id from lab.people", accept="text/csv", limit=3)[1].count(b"\n") == 4


def test_a_snapshot_can_be_read_again(node):
    """A publish between two statements changes nothing for a client that names its snapshot; nor does a restart."""
    sql = "select count(*) as n, max(id) as m from lab.people"
    answer, first = query(node, sql, user="wendy")
    snapshot = answer.getheader("X-Weft-Snapshot")
    assert json.loads(control(node, "GET", "/api/v1/snapshot", headers={"X-Weft-User": "wendy"})[1]) == {"snapshot": snapshot}
    smallmesh.write_source(node, 2100)
    node.cli("run", "lab.people")
    for again in range(2):
        answer, newer = query(node, sql, user="wendy")
        assert json.loads(newer)[0]["n"] == 2100 and answer.getheader("X-Weft-Snapshot") > snapshot
        for kind in ("application/json", "text/csv"):
            answer, text = query(node, sql, user="wendy", snapshot=snapshot, accept=kind)
            assert answer.status == 200 and answer.getheader("X-Weft-Snapshot") == snapshot
            assert kind == "text/csv" or text == first
        both = json.loads(query(node, "select (select count(*) from lab.people) as then, (select count(*) from lab.people at (version => 2)) as now", user="wendy", snapshot=snapshot)[1])
        assert both == [{"then": 2000, "now": 2100}]
        assert json.loads(query(node, "select count(*) as n from lab.people", snapshot=snapshot)[1]) == [{"n": 1000}]  # policies are today's
        if again == 0:
            node.restart()
    assert query(node, "select 1 as a")[0].getheader("X-Weft-Snapshot") is None
    assert json.loads(control(node, "GET", "/api/v1/snapshot")[1])["snapshot"] > snapshot
    for bad, status in (("2000-01-01T00:00:00Z", 404), ("yesterday", 400), (5, 400), ("", 400), ("2026-01-01' or 1=1", 400)):
        answer, text = query(node, sql, snapshot=bad)
        assert answer.status == status and json.loads(text)["status"] == status, (bad, text)
    smallmesh.write_source(node, 2000)
    node.cli("run", "lab.people")


def test_parameters(node):
    answer, text = query(node, "select $1::int as i, $2 as t, $3::date as d, $4::boolean as b, $5::text as n",
                         params=[7, "x", {"type": "date", "value": "2026-01-31"}, True, None])
    assert json.loads(text) == [{"i": 7, "t": "x", "d": "2026-01-31", "b": True, "n": None}]
    assert json.loads(query(node, "select count(*) as n from lab.people where id < $1", params=[10])[1]) == [{"n": 5}]
    assert query(node, "select $1", params=[])[0].status == 400
    assert query(node, "select 1", params=[1])[0].status == 400
    assert query(node, "select $1", params=[[1]])[0].status == 400
    assert query(node, "select $1", params=[{"type": "nothing", "value": 1}])[0].status == 404


@pytest.mark.parametrize("body,headers,status", [
    (b"{", {"Content-Type": "application/json"}, 400),
    (b"[]", {"Content-Type": "application/json"}, 400),
    (b'{"sql":"select 1","sql":"select 2"}', {"Content-Type": "application/json"}, 400),
    (b'{"sql":"select 1","other":1}', {"Content-Type": "application/json"}, 400),
    (b'{"sql":1}', {"Content-Type": "application/json"}, 400),
    (b'{"sql":"select 1"}', {"Content-Type": "text/plain"}, 415),
    (b'{"sql":"select 1"}', {}, 415),
    (b'{"sql":"select 1","timeout_ms":-1}', {"Content-Type": "application/json"}, 400),
    (b'{"sql":"select \xff"}', {"Content-Type": "application/json"}, 400),
    (b"[" * 100000, {"Content-Type": "application/json"}, 400),
], ids=range(10))
def test_bad_bodies(node, body, headers, status):
    connection = https(node)
    connection.request("POST", "/api/v1/query", body, {**basic("eve"), **headers})
    answer = connection.getresponse()
    problem = json.loads(answer.read())
    assert (answer.status, problem["status"]) == (status, status) and answer.getheader("Content-Type") == "application/problem+json"


def test_body_limit(node):
    connection = https(node)
    try:
        connection.request("POST", "/api/v1/query", b"x" * (40 << 20), {**basic("eve"), "Content-Type": "application/json"})
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError, ssl.SSLError, http.client.RemoteDisconnected):
        pass  # cut off before it was all read
    assert ask(https(node), "GET", "/healthz")[0].status == 200


def test_a_connection_serves_many_requests(node):
    connection = https(node)
    for _ in range(50):
        assert ask(connection, "POST", "/api/v1/query", {"sql": "select 1 as a"}, basic("eve"))[1] == b'[\n{"a":1}\n]\n'


def test_late_error_is_not_taken_for_an_end(node):
    sql = "select 1 / (case when a.id = 1999 and b.id = 1999 then 0 else 1 end)::int as x, cast(case when a.id = 1999 and b.id = 1999 then 'no' else '1' end as int) as y from lab.people a, lab.people b"
    answer, text = query(node, sql, accept="application/x-ndjson")
    if answer.status == 200:
        assert json.loads(text.splitlines()[-1])["error"]["code"] == "22P02"
    connection = https(node)
    connection.request("POST", "/api/v1/query", json.dumps({"sql": sql}), {**basic("eve"), "Content-Type": "application/json", "Accept": "text/csv"})
    answer = connection.getresponse()
    if answer.status == 200:
        with pytest.raises(http.client.IncompleteRead):
            answer.read()


def drain(answer):
    total = 0
    while piece := answer.read(1 << 20):
        total += len(piece)
    return total


def test_streams_in_constant_memory(node):
    query(node, "select 1")
    before = node.rss_bytes()
    peak = [0]
    done = threading.Event()

    def watch():
        while not done.is_set():
            peak[0] = max(peak[0], node.rss_bytes())
            time.sleep(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    connection = https(node)
    connection.request("POST", "/api/v1/query", json.dumps({"sql": BIG}), {**basic("eve"), "Content-Type": "application/json", "Accept": "application/x-ndjson"})
    total = drain(connection.getresponse())
    done.set()
    thread.join()
    assert total > 200_000_000
    assert peak[0] - before < 24_000_000


def outcome_of(node, statement, wanted, seconds=8):
    end = time.monotonic() + seconds
    while True:
        items = json.loads(control(node, "GET", "/api/v1/audit?limit=20")[1])["items"]
        found = next((i["outcome"] for i in items if i["statement"] == statement), "absent")
        if found == wanted or time.monotonic() > end:
            return found
        time.sleep(0.2)


@pytest.mark.parametrize("when", ["before the first row", "while rows flow"])
def test_a_client_that_goes_away_cancels(node, when):
    statement = f"/* {when} */ " + (BIG if when == "while rows flow" else "select sum(a.id * b.id % 7) from lab.people a, lab.people b, lab.people c, lab.people d")
    connection = https(node)
    connection.request("POST", "/api/v1/query", json.dumps({"sql": statement}), {**basic("wendy"), "Content-Type": "application/json", "Accept": "application/x-ndjson"})
    if when == "while rows flow":
        assert connection.getresponse().read(1000)
    else:
        time.sleep(1)
    connection.sock.close() if connection.sock else None
    connection.close()
    del connection
    assert outcome_of(node, statement, "cancelled") == "cancelled"


def test_timeout(node):
    answer, text = query(node, "select sum(a.id * b.id % 7) from lab.people a, lab.people b, lab.people c, lab.people d", timeout_ms=300)
    assert (answer.status, json.loads(text)["code"]) == (504, "57014")


# manifests, runs, accounts

def test_apply_by_owners_only(node):
    files = {"files": [{"path": p, "text": t} for p, t in smallmesh.FILES.items()]}
    answer, text = ask(https(node), "POST", "/api/v1/plan", files, basic("olaf"))
    assert answer.status == 200 and json.loads(text)["changes"] == []
    changed = json.loads(json.dumps(files))
    for item in changed["files"]:
        if item["path"] == "mesh.yaml":
            item["text"] += "  # changed\n"
    answer, text = ask(https(node), "POST", "/api/v1/apply", changed, basic("olaf"))
    assert (answer.status, json.loads(text)["code"]) == (403, "42501")
    for path in ("/etc/passwd", "../x.yaml", "a//b.yaml", "a/./b.yaml", ""):
        assert ask(https(node), "POST", "/api/v1/plan", {"files": [{"path": path, "text": ""}]}, basic("olaf"))[0].status == 400


def test_runs(node):
    answer, text = ask(https(node), "POST", "/api/v1/runs", {"product": "lab.people"}, basic("olaf"))
    assert answer.status == 202
    run = json.loads(text)["id"]
    answer, text = ask(https(node), "GET", f"/api/v1/runs/{run}/log?follow=true", headers=basic("olaf"))
    assert json.loads(text.splitlines()[-1])["event"] == "end"
    assert json.loads(ask(https(node), "GET", f"/api/v1/runs/{run}", headers=basic("olaf"))[1])["state"] == "succeeded"
    assert ask(https(node), "GET", f"/api/v1/runs/{run}", headers=basic("eve"))[0].status == 404
    assert ask(https(node), "POST", "/api/v1/runs", {"product": "lab.people"}, basic("eve"))[0].status == 403
    assert ask(https(node), "POST", "/api/v1/runs", {"product": "lab.hidden"}, basic("eve"))[0].status == 404
    assert ask(https(node), "POST", f"/api/v1/runs/{run}/retry", None, basic("olaf"))[0].status == 409


def test_users_by_precondition(node):
    assert control(node, "PUT", "/api/v1/users/zoe", {"groups": []}, {"If-None-Match": "*"})[0].status == 204
    assert control(node, "PUT", "/api/v1/users/zoe", {"groups": []}, {"If-None-Match": "*"})[0].status == 409
    assert control(node, "PUT", "/api/v1/users/yan", {"groups": []}, {"If-Match": "*"})[0].status == 404
    assert control(node, "DELETE", "/api/v1/users/zoe")[0].status == 204
    assert control(node, "DELETE", "/api/v1/users/zoe")[0].status == 404


def test_act_as_is_of_the_log(node):
    answer, text = control(node, "GET", "/api/v1/me", headers={"X-Weft-User": "eve"})
    me = json.loads(text)
    assert (me["name"], me["admin"], "admin" in me["scopes"]) == ("eve", False, False)
    assert "auth.as" in node.log()
    assert control(node, "GET", "/api/v1/users", headers={"X-Weft-User": "eve"})[0].status == 403
