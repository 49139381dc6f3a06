"""Sources over http: what is followed, what is refused, what a broken answer means; a server of our own on this machine."""
import gzip
import http.server
import pathlib
import sys
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib.job import JobError  # noqa: E402
from lib.jobbox import JobBox, column  # noqa: E402

IDS = [column("id", "INTEGER", key=1), column("name", "VARCHAR")]
CSV = b"id,name\n1,a\n2,b\n"


class Web:
    """Answers by path: a function of the handler. Keeps what was asked."""

    def __init__(self):
        self.answers, self.seen = {}, []
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                web.seen.append((self.path, dict(self.headers)))
                web.answers[self.path](self)
                self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def url(self, path, host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    def add(self, path, body=b"", status=200, **headers):
        def answer(handler):
            handler.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(body)

        self.answers[path] = answer
        return self.url(path)


@pytest.fixture(scope="module")
def web():
    server = Web()
    yield server
    server.close()


@pytest.fixture
def other():
    server = Web()
    yield server
    server.close()


@pytest.fixture
def box(tmp_path):
    return JobBox(tmp_path)


def fetch(box, url, connector="csv", token=None, columns=IDS, download=None, **settings):
    table = {"name": "t", "columns": columns, "partition_by": [], "previous": [], "mode": "full", "cursor": None, "drift": "fail", "checks": [],
             "source": {"connector": connector, "settings": {"url": url, **settings}, "secrets": {"token": token} if token else {}}}
    result = box.job("ingest", [table], **({"download": download} if download else {}))
    table = result["tables"][0]
    return [row for f in table["files"] for row in pq.ParquetFile(result["staging"] / f["path"]).read().to_pylist()]


def refused(box, url, **more):
    with pytest.raises(JobError) as failure:
        fetch(box, url, **more)
    assert str(box.folder) not in str(failure.value) and failure.value.hint
    return failure.value


def parquet():
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": pa.array([1, 2], pa.int32()), "name": ["a", "b"]}), sink)
    return sink.getvalue().to_pybytes()


FORMS = {
    "csv": ("/f.csv", CSV, {}, "csv"),
    "no ending": ("/feed", CSV, {}, "csv"),
    "query": ("/feed.csv?id=1&x=a/b.tsv", CSV, {}, "csv"),
    "tsv": ("/f.tsv", CSV.replace(b",", b"\t"), {}, "csv"),
    "gzip on the way": ("/g.csv", gzip.compress(CSV), {"Content_Encoding": "gzip"}, "csv"),
    "gzip file": ("/f.csv.gz", gzip.compress(CSV), {}, "csv"),
    "gzip file by another name": ("/download", gzip.compress(CSV), {}, "csv"),
    "gzip file that is unpacked on the way": ("/h.csv.gz", gzip.compress(CSV), {"Content_Encoding": "gzip"}, "csv"),
    "tsv gzip": ("/f.tsv.gz", gzip.compress(CSV.replace(b",", b"\t")), {}, "csv"),
    "json": ("/f.json", b'[{"id":1,"name":"a"},{"id":2,"name":"b"}]', {}, "json"),
    "ndjson gzip": ("/f.ndjson.gz", gzip.compress(b'{"id":1,"name":"a"}\n{"id":2,"name":"b"}\n'), {}, "json"),
    "parquet": ("/f.parquet", parquet(), {"Content_Type": "application/octet-stream"}, "parquet"),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(box, web, form):
    path, body, headers, connector = FORMS[form]
    assert fetch(box, web.add(path, body, **headers), connector) == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]


def test_a_redirect_stays_with_its_source(box, web):
    web.add("/end", CSV)
    web.add("/2", status=307, Location="end")
    start = web.add("/1", status=302, Location=web.url("/2"))
    assert len(fetch(box, start, token="tok-canary")) == 2
    assert [h.get("Authorization") for p, h in web.seen[-3:]] == ["Bearer tok-canary"] * 3


def test_a_redirect_does_not_lead_to_this_machine(box, web, other):
    """Another port is another service: what it says is not for the source's owner."""
    secret = other.add("/secret", b"id,name\n1,canary\n")
    error = refused(box, web.add("/away", status=302, Location=secret), token="tok-canary")
    assert error.state == "42501" and "127.0.0.1" in error.message and "sources.networks" in error.hint
    assert not other.seen
    allowed = fetch(box, web.url("/away"), token="tok-canary", download={"networks": ["127.0.0.0/8"], "max_bytes": 0, "timeout_ms": 0})
    assert allowed == [{"id": 1, "name": "canary"}] and "Authorization" not in other.seen[0][1]


@pytest.mark.parametrize("location", ["http://169.254.169.254/latest/meta-data", "http://[::ffff:169.254.169.254]/", "http://[fe80::1]/", "http://0.0.0.0:1/",
                                      "file:///etc/passwd", "gopher://127.0.0.1/x", "ftp://127.0.0.1/x"])
def test_redirects_that_lead_elsewhere(box, web, location):
    error = refused(box, web.add("/bad", status=301, Location=location))
    assert error.state in ("42501", "08001"), error
    assert "root:" not in str(error)


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/meta-data", "http://[::ffff:a9fe:a9fe]/", "http://2852039166/", "http://0.0.0.0/", "http://[::]/"])
def test_link_local_addresses_are_not_sources(box, url):
    assert refused(box, url).state == "42501"


def test_a_loop_ends(box, web):
    error = refused(box, web.add("/loop", status=302, Location="/loop"))
    assert error.state == "08001" and "more than" in error.message


def cut(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(CSV)


def cut_chunks(handler):
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"10\r\nid,name\n1,a\n2,b\n\r\n")


def cut_gzip(handler):
    body = gzip.compress(b"id,name\n" + b"".join(b"%d,x%d\n" % (i, i * 7919) for i in range(2000)))[:-8]
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.end_headers()
    handler.wfile.write(body)


@pytest.mark.parametrize("answer", [cut, cut_chunks, cut_gzip])
def test_an_answer_that_is_cut(box, web, answer):
    """Neither an answer that ends before its length nor gzip that ends before its checksum is taken for the whole."""
    web.answers["/cut"] = answer
    error = refused(box, web.url("/cut"))
    assert error.state[:2] in ("08", "22"), error


ANSWERS = [
    (dict(status=404), "58P01", "404"),
    (dict(status=403), "28000", "403"),
    (dict(status=503), "08006", "503"),
    (dict(status=204), "58P01", "204"),
    (dict(body=b"<html>Sign in</html>", Content_Type="text/html; charset=utf-8"), "22000", "web page"),
    (dict(body=CSV, Content_Encoding="br"), "0A000", "br"),
    (dict(body=CSV.decode().encode("utf-16")), "22021", "UTF-16"),
    (dict(body=b""), "", "empty"),
]


@pytest.mark.parametrize("answer,state,words", ANSWERS)
def test_answers_that_are_no_data(box, web, answer, state, words):
    url = web.add("/answer?key=canary", **answer)
    error = refused(box, url.replace("http://", "http://user:canary@"))
    assert error.state.startswith(state) and words in error.message, error
    assert "canary" not in str(error)


def test_a_file_that_is_too_large(box, web):
    error = refused(box, web.add("/large", b"x" * 100000), download={"networks": [], "max_bytes": 50000, "timeout_ms": 0})
    assert error.state == "53400" and "sources.max_bytes" in error.hint
    error = refused(box, web.add("/bomb", gzip.compress(b"x" * 10000000), Content_Encoding="gzip"),
                    download={"networks": [], "max_bytes": 1000000, "timeout_ms": 0})
    assert error.state == "53400"


def test_a_server_that_is_slow(box, web):
    release = threading.Event()
    web.answers["/slow"] = lambda handler: release.wait(20)
    error = refused(box, web.url("/slow"), download={"networks": [], "max_bytes": 0, "timeout_ms": 500})
    release.set()
    assert error.state[:2] == "08" and "sources.timeout" in error.hint


def test_nobody_there(box, other):
    other.close()
    assert refused(box, other.url("/x")).state == "08001"
    assert refused(box, "http://nowhere.invalid/x").state == "08001"
    assert refused(box, "https://127.0.0.1:1/x").state == "08001"
