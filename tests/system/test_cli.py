"""The command line against a real node: formats, exit statuses, terminals, completion, documents."""
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import smallmesh  # noqa: E402
from lib.node import BUILD, ROOT, Node  # noqa: E402

GOLDEN = pathlib.Path(__file__).parent / "golden"
WEFT = str(BUILD / "weft")


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with smallmesh.open_node(Node(tmp_path_factory.mktemp("cli"))) as running:
        yield running


def run(node, *args, text=None, env=None):
    done = subprocess.run([WEFT, "--data", str(node.data), *map(str, args)], input=text, capture_output=True, text=True, env={**node.env, **(env or {})}, timeout=60)
    return done.returncode, done.stdout, done.stderr


def offline(*args, env=None, cwd=None, text=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
    done = subprocess.run([WEFT, *args], capture_output=True, text=True, env={**clean, **(env or {})}, cwd=cwd, input=text, timeout=60)
    return done.returncode, done.stdout, done.stderr


class Terminal:
    """weft on a pseudo terminal."""

    def __init__(self, node, *args, env=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(WEFT, [WEFT, "--data", str(node.data), *args], {**node.env, "TERM": "xterm", "WEFT_PAGER": "cat", **(env or {})})
        self.seen = ""

    def wait_for(self, text, seconds=15):
        end = time.monotonic() + seconds
        while text not in self.seen:
            left = end - time.monotonic()
            assert left > 0, f"never saw {text!r} in {self.seen!r}"
            if select.select([self.fd], [], [], left)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    break
        assert text in self.seen, f"ended without {text!r}: {self.seen!r}"
        head, _, self.seen = self.seen.partition(text)
        return head

    def send(self, text):
        os.write(self.fd, text.encode())

    def end(self, seconds=20):
        limit = time.monotonic() + seconds
        while True:
            try:
                if not select.select([self.fd], [], [], max(0, limit - time.monotonic()))[0]:
                    os.kill(self.pid, signal.SIGKILL)
                piece = os.read(self.fd, 65536)
            except OSError:
                break
            if not piece:
                break
            self.seen += piece.decode(errors="replace")
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return status


# documents made from the table

def test_docs_are_those_of_the_table():
    assert offline("man", "--markdown")[1] == (ROOT / "docs/cli.md").read_text(), "run: build/weft man --markdown > docs/cli.md"


def test_every_command_has_help_man_and_completion(tmp_path):
    commands = json.loads(offline("help", "--json")[1])["commands"]
    assert len(commands) > 35
    assert offline("man", "--out", str(tmp_path))[0] == 0
    bash = offline("completion", "bash")[1]
    fish = offline("completion", "fish")[1]
    for command in commands:
        status, out, _ = offline(*command["name"].split(), "--help")
        assert status == 0 and command["summary"] in out
        page = (tmp_path / f"weft-{command['name'].replace(' ', '-')}.1").read_text()
        for option in command["options"]:
            assert f"--{option['name']}" in out
            assert option["name"].replace("-", "\\-") in page
            assert f"--{option['name']}" in bash
            assert f"-l {option['name']}" in fish


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_script_parses(shell):
    if subprocess.run(["which", shell], capture_output=True).returncode:
        pytest.skip(f"{shell} is not installed")
    assert subprocess.run([shell, "-n"], input=offline("completion", shell)[1], text=True).returncode == 0


def test_bash_completes_names_of_the_node(node):
    script = offline("completion", "bash")[1] + '\nCOMP_WORDS=(weft describe table ""); COMP_CWORD=3; _weft; echo "${COMPREPLY[*]}"\nCOMP_WORDS=(weft run ""); COMP_CWORD=2; _weft; echo "${COMPREPLY[*]}"\n'
    env = {**node.env, "PATH": f"{BUILD}:{os.environ['PATH']}", "WEFT_DATA": str(node.data)}
    out = subprocess.run(["bash"], input=script, capture_output=True, text=True, env=env).stdout.splitlines()
    assert out[1] == "lab.people"


# usage

@pytest.mark.parametrize("args,status,says", [
    (["aply"], 2, "did you mean weft apply?"),
    (["get", "prodcts"], 2, "did you mean products?"),
    (["get", "products", "-o", "xml"], 2, "use one of table|wide|json"),
    (["sql", "--param", "x"], 2, "NAME=VALUE"),
    (["explain", "99999"], 3, "no error code"),
    (["completion", "tcsh"], 2, "use bash, zsh or fish"),
    ([], 2, "Usage: weft"),
])
def test_usage(args, status, says, tmp_path):
    got, out, err = offline(*args, cwd=tmp_path)
    assert (got, out) == (status, "")
    assert says in err


def test_no_node_says_what_to_do(tmp_path):
    status, out, err = offline("--data", str(tmp_path), "get", "products")
    assert (status, out) == (8, "")
    assert "weft serve" in err
    status, out, err = offline("--data", str(tmp_path), "-o", "json", "get", "products")
    assert (status, out) == (8, "")
    assert json.loads(err)["error"]["code"] == "08001"


def test_init_is_idempotent_and_touches_nothing_else(tmp_path):
    first = offline("init", str(tmp_path / "n"))
    keys = {p.name: p.read_bytes() for p in (tmp_path / "n/keys").iterdir()}
    second = offline("init", str(tmp_path / "n"))
    assert first[0] == second[0] == 0 and "already" in second[2]
    assert keys == {p.name: p.read_bytes() for p in (tmp_path / "n/keys").iterdir()}
    for secret in ("keys/tls.key", "keys/pseudonym.key", "weft.db", "weft.toml"):
        assert (tmp_path / "n" / secret).stat().st_mode & 0o077 == 0
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("x")
    status, _, err = offline("init", str(other))
    assert status == 5 and "something else" in err and os.listdir(other) == ["mine.txt"]


def test_validate_and_fmt_offline(tmp_path):
    for path, text in smallmesh.FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert offline("validate", "-f", str(tmp_path))[0] == 0
    broken = tmp_path / "domains/lab/sources/people_csv.yaml"
    broken.write_text(broken.read_text().replace("connector", "conector"))
    status, out, _ = offline("validate", "-f", str(tmp_path))
    assert status == 1
    assert re.search(r"^domains/lab/sources/people_csv.yaml:\d+:\d+: error: ", out, re.M)
    assert json.loads(offline("validate", "-f", str(tmp_path), "-o", "json")[1])[0]["line"] > 0
    assert offline("fmt", "-f", str(tmp_path))[0] == 0
    assert offline("fmt", "--check", "-f", str(tmp_path))[0] == 0
    assert offline("validate", "-f", str(tmp_path / "absent"))[0] == 3


# JSON is a stable interface

VOLATILE = re.compile(r"^(started|ended|time|queued|published|checked|started_at|ended_at|queued_at|published_at|checked_at|due_at|expires|used|created|id|token|statement|session|request_id|duration_ms|bytes|age_seconds|node|epoch|run|seen)$")


def shape(value, key=""):
    """The structure with types; volatile values only by their type."""
    if isinstance(value, dict):
        return {k: shape(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [shape(v, key) for v in value]
    if value is not None and VOLATILE.match(key):
        return f"<{type(value).__name__}>"
    return value


@pytest.mark.parametrize("name,args", [
    ("get-domains", ["get", "domains"]),
    ("get-products", ["get", "products"]),
    ("get-tables", ["get", "tables"]),
    ("get-columns", ["get", "columns"]),
    ("get-sources", ["get", "sources"]),
    ("get-policies", ["get", "policies"]),
    ("get-runs", ["get", "runs"]),
    ("get-checks", ["get", "checks"]),
    ("get-versions", ["get", "versions"]),
    ("get-users", ["get", "users"]),
    ("get-groups", ["get", "groups"]),
    ("get-nodes", ["get", "nodes"]),
    ("describe-product", ["describe", "product", "lab.people"]),
    ("describe-table", ["describe", "table", "lab.people"]),
    ("describe-run", ["describe", "run", "1"]),
    ("explain-access", ["explain-access", "eve", "lab.people"]),
    ("explain", ["explain", "42501"]),
    ("version", ["version"]),
    ("sql", ["--as", "eve", "sql", "select id, email, region from lab.people order by id limit 2"]),
])
def test_json_is_golden(node, name, args):
    status, out, err = run(node, *args, "-o", "json")
    assert status == 0, err
    text = json.dumps(shape(json.loads(out)), indent=1) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("WEFT_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


def test_formats_of_a_list(node):
    assert run(node, "get", "tables", "-o", "name")[1] == "lab.people\n"
    assert run(node, "get", "tables")[1].startswith("DOMAIN\tTABLE NAME\t")
    assert run(node, "get", "tables", "--no-header", "--fields", "domain,table_name", "-o", "csv")[1] == "lab,people\n"
    assert run(node, "get", "tables", "--fields", "domain", "-o", "json")[1] == '[\n  {\n    "domain": "lab"\n  }\n]\n'
    assert run(node, "get", "tables", "--fields", "domain", "-o", "yaml")[1] == "- domain: lab\n"
    assert run(node, "get", "tables", "--fields", "domain", "-o", "md")[1] == "| DOMAIN |\n|---|\n| lab |\n"
    assert run(node, "get", "tables", "-o", "parquet")[0] == 2
    assert run(node, "get", "tables", "lab.absent")[0] == 3


def test_search(node):
    def found(text):
        return [(i["kind"], i["name"], i["why"]) for i in json.loads(run(node, "search", text, "-o", "json")[1])]

    assert found("people")[0] == ("product", "lab.people", "name") or found("people")[0] == ("table", "lab.people", "name")
    assert {i[:2] for i in found("people")} == {("product", "lab.people"), ("table", "lab.people")}
    assert found("EMAIL") == [("table", "lab.people", "column email")]
    assert found("email people") == found("EMAIL") and found("email nowhere") == [] and found("%") == []
    assert run(node, "search", "people", "--limit", "1", "-o", "name")[1] == "lab.people\n"
    assert run(node, "search", "lab people", "--as", "nobody")[0] != 0
    for wrong in ("", "  ", "x" * 201):
        status, _, err = run(node, "search", wrong)
        assert status == 2 and "search for" in err, err


# sql

def test_sql_formats_agree(node, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet
    statement = "select id, name, region from lab.people order by id"
    expected = [(i, n, r) for i, n, _, r in smallmesh.rows() if r == "EU"]
    files = {}
    for form in ("csv", "tsv", "json", "ndjson", "parquet", "arrow"):
        files[form] = tmp_path / f"out.{form}"
        status, out, err = run(node, "--as", "eve", "sql", statement, "-o", form, "-O", files[form])
        assert (status, out) == (0, ""), err
    assert files["csv"].read_text().splitlines()[1] == "1,P1,EU"
    assert files["tsv"].read_text().splitlines()[1:] == ["\t".join(map(str, row)) for row in expected]
    assert [tuple(r.values()) for r in json.loads(files["json"].read_text())] == expected
    assert [tuple(json.loads(line).values()) for line in files["ndjson"].read_text().splitlines()] == expected
    assert [tuple(r.values()) for r in pyarrow.parquet.read_table(files["parquet"]).to_pylist()] == expected
    with pyarrow.ipc.open_stream(files["arrow"].read_bytes()) as stream:
        assert [tuple(r.values()) for r in stream.read_all().to_pylist()] == expected


def test_governance_is_told(node):
    status, out, err = run(node, "--as", "eve", "sql", "select email from lab.people limit 1")
    assert (status, out) == (0, "email\n\n")
    assert "filtered by eu-only" in err and "masked by contact" in err
    assert run(node, "-q", "--as", "eve", "sql", "select email from lab.people limit 1")[2] == ""
    status, out, err = run(node, "--as", "eve", "sql", "--purpose", "support", "select email from lab.people order by id limit 1")
    assert out == "email\np1@example.org\n" and "masked" not in err


def test_sql_parameters(node):
    assert run(node, "--as", "eve", "sql", "select count(*) from lab.people where id < :n", "-p", "n:integer=10", "--no-header")[1] == "5\n"
    assert run(node, "sql", "select $1::int + 1", "-p", "1=41", "--no-header")[1] == "42\n"
    assert run(node, "sql", "select :t", "-p", "t='; drop", "--no-header")[1] == "'; drop\n"
    status, _, err = run(node, "sql", "select $1")
    assert status == 1 and "--param 1=VALUE" in err


@pytest.mark.parametrize("args,status,code", [
    (["sql", "selec 1"], 1, "42601"),
    (["sql", "select * from lab.nope"], 3, "42P01"),
    (["sql", "select * from lab.people"], 4, "42501"),
    (["sql", "delete from lab.people"], 1, "25006"),
    (["--as", "nobody", "sql", "select 1"], 4, "28000"),
    (["sql", "--purpose", "fun", "select 1"], 2, "22023"),
    (["logs", "99999"], 3, "42704"),
    (["user", "remove", "nobody", "--yes"], 3, "42704"),
    (["user", "add", "eve", "--no-password"], 5, "42710"),
    (["describe", "table", "lab.nope"], 3, "42704"),
])
def test_exit_status_follows_the_error(node, args, status, code):
    got, out, err = run(node, *args, "-o", "json")
    assert (got, out) == (status, ""), err
    error = json.loads(err.splitlines()[-1])["error"]
    assert error["code"] == code and error["message"]
    assert run(node, *args)[0] == status


def test_statements_from_a_file_and_standard_input(node, tmp_path):
    path = tmp_path / "two.sql"
    path.write_text("select 1 as a; -- first\nselect ';' as b;\n")
    assert run(node, "sql", "-f", path)[1] == "a\n1\nb\n;\n"
    assert run(node, "sql", text="select 3 as c")[1] == "c\n3\n"
    assert run(node, "sql", "-c", "select 1", "-c", "select 2", "--no-header")[1] == "1\n2\n"


# changes

def test_plan_diff_apply_export(node, tmp_path):
    mesh = node.folder / "mesh"
    assert run(node, "diff", "-f", mesh)[0] == 0
    assert run(node, "export", "--dir", tmp_path / "out")[0] == 0
    for path, text in smallmesh.FILES.items():
        assert (tmp_path / "out" / path).read_text() == text
    edited = tmp_path / "out/domains/lab/domain.yaml"
    edited.write_text(edited.read_text().replace("name: lab\n", "name: lab\n  title: The lab\n"))
    assert run(node, "diff", "-f", tmp_path / "out")[0] == 1
    assert run(node, "plan", "-f", tmp_path / "out")[0] == 0
    status, _, err = run(node, "apply", "-f", tmp_path / "out")
    assert status == 2 and "--yes" in err
    assert run(node, "apply", "-f", tmp_path / "out", "--dry-run")[0] == 0
    assert run(node, "diff", "-f", tmp_path / "out")[0] == 1
    assert run(node, "apply", "-f", tmp_path / "out", "--yes")[0] == 0
    assert run(node, "diff", "-f", tmp_path / "out")[0] == 0
    assert run(node, "apply", "-f", mesh, "--yes")[0] == 0
    edited.write_text("kind: Domian\n")
    assert run(node, "plan", "-f", tmp_path / "out")[0] == 1
    assert run(node, "diff", "-f", tmp_path / "out")[0] == 2


def test_run_follows_and_reports(node):
    status, out, err = run(node, "run", "lab.people", "--mode", "full")
    assert (status, out) == (0, "") and "succeeded" in err
    started = json.loads(run(node, "run", "lab.people", "--no-wait", "-o", "json")[1])[0]["id"]
    done = subprocess.run([WEFT, "--data", str(node.data), "logs", "-f", str(started)], capture_output=True, text=True, env=node.env, timeout=60)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "end  succeeded"


def test_wait_for_runs_of_others(node):
    first = json.loads(run(node, "run", "lab.people", "--no-wait", "-o", "json")[1])[0]["id"]
    status, _, error = run(node, "wait", first, "1")
    assert status == 0 and f"run {first}" in error and "succeeded" in error, error
    assert run(node, "wait", "soon")[0] == 2 and run(node, "wait", "99999")[0] == 3
    source = node.data / "sources/people.csv"
    away = source.rename(source.with_suffix(".away"))
    try:
        failing = json.loads(run(node, "run", "lab.people", "--no-wait", "-o", "json")[1])[0]["id"]
        assert run(node, "wait", failing)[0] == 1
    finally:
        away.rename(source)
    assert run(node, "wait", first, failing)[0] == 1


def test_wait_has_a_time_out(node):
    status, _, err = run(node, "wait", "1", "--timeout", "soon")
    assert status == 2 and "10min" in err
    assert run(node, "wait", "1", "--timeout", "1min")[0] == 0
    # a second connection keeps the run waiting: its source is a pipe that nobody writes to yet
    many = node.data / "sources/people.csv"
    kept = many.read_bytes()
    many.write_bytes(kept[: kept.index(b"\n") + 1] + b"".join(b"%d,P,p@example.org,EU\n" % i for i in range(1_500_000)))
    try:
        number = str(json.loads(run(node, "run", "lab.people", "--no-wait", "-o", "json")[1])[0]["id"])
        status, _, err = run(node, "wait", number, "--timeout", "10ms")
        assert status == 7 and "--timeout" in err, err
        assert run(node, "wait", number)[0] == 0
    finally:
        many.write_bytes(kept)
    assert run(node, "run", "lab.people")[0] == 0


def test_delete(node, tmp_path):
    extra = tmp_path / "mesh"
    run(node, "export", "--dir", extra)
    (extra / "domains/lab/sources/spare.yaml").write_text((extra / "domains/lab/sources/people_csv.yaml").read_text().replace("people_csv", "spare"))
    (extra / "domains/lab/policies/more.yaml").write_text((extra / "domains/lab/policies/readers.yaml").read_text().replace("name: readers", "name: more"))
    (extra / "domains/spare").mkdir()
    (extra / "domains/spare/domain.yaml").write_text("apiVersion: weft/v1\nkind: Domain\nmetadata:\n  name: spare\nspec:\n  owners: [lab-owners]\n")
    (extra / "domains/spare/policies").mkdir()
    (extra / "domains/spare/policies/more.yaml").write_text((extra / "domains/lab/policies/more.yaml").read_text())
    assert run(node, "apply", "-f", extra, "--yes")[0] == 0
    status, _, err = run(node, "delete", "policy", "more", "--yes")  # which?
    assert status == 2 and "domain.policy" in err, err
    for kind, name, path in (("source", "lab.spare", "lab/sources/spare.yaml"), ("policy", "lab.more", "lab/policies/more.yaml"), ("policy", "more", "spare/policies/more.yaml"), ("domain", "spare", "spare/domain.yaml")):
        status, out, err = run(node, "delete", kind, name)
        assert status == 2 and "--yes" in err and name in out, out + err
        status, out, _ = run(node, "delete", kind, name, "--dry-run")
        assert status == 0 and "- " in out
        status, out, err = run(node, "delete", kind, name, "--yes", "--as", "eve")
        assert status in (3, 4), out + err
        assert run(node, "delete", kind, name, "--yes")[0] == 0
        assert run(node, "delete", kind, name, "--yes")[0] == 3
    run(node, "export", "--dir", tmp_path / "after")
    assert not (tmp_path / "after/domains/lab/sources/spare.yaml").exists() and not (tmp_path / "after/domains/spare").exists()
    assert (tmp_path / "after/domains/lab/sources/people_csv.yaml").exists()
    assert run(node, "delete", "source", "lab.people_csv", "--yes")[0] == 1  # the pipeline reads it
    assert run(node, "delete", "table", "lab.people")[0] == 2
    assert run(node, "delete", "product", "lab.people", "--yes", "--as", "olaf", "--dry-run")[0] == 0
    terminal = Terminal(node, "delete", "product", "lab.people")
    terminal.wait_for("to go on: ")
    terminal.send("wrong\n")
    assert terminal.end() == 7
    assert run(node, "get", "tables", "-o", "name")[1] == "lab.people\n"


def test_failed_check_is_status_6(node, tmp_path):
    source = node.data / "sources/people.csv"
    good = source.read_text()
    source.write_text("id,name,email,region\n")
    try:
        status, _, err = run(node, "run", "lab.people", "--mode", "full")
        assert status == 6, err
        assert run(node, "--as", "eve", "sql", "select count(*) from lab.people", "--no-header")[1] == "1000\n"
    finally:
        source.write_text(good)


def test_users_groups_tokens(node, tmp_path):
    assert run(node, "user", "add", "tom", "--password-file", "-", "--group", "readers", "--attribute", "country=DE,FR", text="pw-tom-tom-tom\n")[0] == 0
    assert run(node, "user", "set", "tom", "--remove-group", "readers", "--attribute", "country=", "--attribute", "age:number=5")[0] == 0
    tom = next(u for u in json.loads(run(node, "user", "list", "-o", "json")[1]) if u["name"] == "tom")
    assert tom["groups"] == [] and tom["attributes"] == [{"name": "age", "type": "number", "values": ["5"]}]
    assert run(node, "group", "add", "readers", "tom")[0] == 0
    assert run(node, "group", "add", "readers", "tom", "absent")[0] == 3
    path = tmp_path / "tom.token"
    assert run(node, "token", "create", "--user", "tom", "--scope", "query,read", "--lifetime", "1h", "--token-out", path)[0] == 0
    assert path.stat().st_mode & 0o077 == 0
    url = f"https://127.0.0.1:{node.settings['http.port']}"
    remote = ["--url", url, "--ca", str(node.data / "keys/tls.crt"), "--token-file", str(path)]
    assert offline(*remote, "sql", "select count(*) from lab.people", "--no-header", env=node.env)[1] == "1000\n"
    assert offline(*remote, "user", "list", env=node.env)[0] == 4
    assert offline(*remote, "--as", "wendy", "sql", "select 1", env=node.env)[0] == 4
    assert offline("--url", url, "--token-file", str(path), "sql", "select 1", env=node.env)[0] == 8  # not trusted
    assert offline("--url", url.replace("https", "http"), "--token-file", str(path), "sql", "select 1", env=node.env)[0] == 2
    token = next(t for t in json.loads(run(node, "token", "list", "-o", "json")[1]) if t["user"] == "tom")
    assert run(node, "token", "revoke", token["id"])[0] == 0
    assert offline(*remote, "sql", "select 1", env=node.env)[0] == 4
    status, _, err = run(node, "user", "remove", "tom")
    assert status == 2 and "--yes" in err
    assert run(node, "user", "remove", "tom", "--yes")[0] == 0


def test_contexts(node, tmp_path):
    env = {**node.env, "XDG_CONFIG_HOME": str(tmp_path)}
    assert offline("context", "set", "here", "--data", str(node.data), "--protected", env=env)[0] == 0
    assert json.loads(offline("context", "list", "-o", "json", env=env)[1])[0]["current"] is True
    assert offline("get", "tables", "-o", "name", env=env, cwd=tmp_path)[1] == "lab.people\n"
    status, _, err = offline("run", "lab.people", env=env, cwd=tmp_path)
    assert status == 2 and "protected" not in err.splitlines()[-1]
    assert offline("context", "use", "absent", env=env)[0] == 3
    assert offline("context", "remove", "here", env=env)[0] == 0


def test_backup_is_a_whole_node(node, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    assert run(node, "backup", copy / "weft.db")[0] == 0
    assert (copy / "weft.db").stat().st_mode & 0o777 == 0o600
    assert run(node, "backup", copy / "weft.db")[0] != 0
    for name in ("keys", "lake", "weft.toml"):
        (shutil.copytree if (node.data / name).is_dir() else shutil.copy)(node.data / name, copy / name)
    (copy / "run").mkdir()
    status, out, err = offline("--data", str(copy), "doctor")
    assert "metadata" in out and status == 0, out + err


def test_doctor_and_config(node):
    status, out, _ = run(node, "doctor", "-o", "json")
    checks = {c["check"]: c["state"] for c in json.loads(out)}
    assert status == 0 and checks["node"] == checks["worker"] == checks["landlock"] == "ok"
    rows = {r["name"]: r for r in json.loads(run(node, "config", "view", "-o", "json", env={"WEFT_PG_PORT": "7777"})[1])}
    assert (rows["pg.port"]["value"], rows["pg.port"]["origin"]) == ("7777", "environment")


# terminals

def test_table_on_a_terminal_has_no_tabs_and_counts_rows(node):
    terminal = Terminal(node, "--as", "eve", "sql", "select id, name from lab.people order by id limit 2")
    assert terminal.end() == 0
    assert "\t" not in terminal.seen and "(2 rows)" in terminal.seen


def test_no_color_is_heeded(node):
    plain = Terminal(node, "get", "tables", env={"NO_COLOR": "1"})
    plain.end()
    assert "\x1b[1m" not in plain.seen
    colored = Terminal(node, "get", "tables")
    colored.end()
    assert "\x1b[1m" in colored.seen
    assert "\x1b[" in run(node, "get", "tables", "-o", "table", env={"CLICOLOR_FORCE": "1"})[1]


def test_binary_to_a_terminal_is_refused(node):
    terminal = Terminal(node, "sql", "select 1", "-o", "parquet")
    assert terminal.end() == 2 and "--output-file" in terminal.seen


def test_password_is_asked_without_echo(node):
    terminal = Terminal(node, "user", "password", "eve")
    terminal.wait_for("Password for eve: ")
    terminal.send("hush-hush-hush\n")
    terminal.wait_for("Again: ")
    terminal.send("hush-hush-hush\n")
    assert terminal.end() == 0 and "hush" not in terminal.seen


def test_removal_wants_the_name_typed(node):
    run(node, "user", "add", "gone", "--no-password")
    terminal = Terminal(node, "user", "remove", "gone")
    terminal.wait_for("to go on: ")
    terminal.send("wrong\n")
    assert terminal.end() == 7
    terminal = Terminal(node, "user", "remove", "gone")
    terminal.wait_for("to go on: ")
    terminal.send("gone\n")
    assert terminal.end() == 0


def test_shell(node):
    shell = Terminal(node, "--as", "eve", "sql")
    shell.wait_for("=> ")
    shell.send("select count(*) as n\n")
    shell.wait_for("-> ")
    shell.send("from lab.people;\n")
    shell.wait_for("1000")
    shell.wait_for("(1 row)")
    shell.send(".mode csv\n")
    shell.send("select 'a,b' as x;\n")
    shell.wait_for('"a,b"')
    shell.send("\\d lab.people\n")
    shell.wait_for("email")
    shell.send("select * from lab.nope;\n")
    shell.wait_for("does not exist")
    shell.send("\\timng\n")
    shell.wait_for("did you mean")
    shell.send("\\conninfo\n")
    shell.wait_for("You are eve")
    script = node.folder / "script.sql"
    script.write_text("select 40 + 2 as n;\nselect 'second' as s;\n")
    shell.send(f"\\i {script}\n")
    shell.wait_for("42")
    shell.wait_for("second")
    shell.send("select lab.peo")
    shell.wait_for("lab.peo")
    shell.send("\t")
    shell.wait_for("ple ")
    shell.send("\x03")
    shell.wait_for("=> ")
    shell.send("\\q\n")
    assert shell.end() == 0


def test_watch_prints_what_changes(node):
    watch = subprocess.Popen([WEFT, "--data", str(node.data), "get", "users", "-w", "-o", "tsv", "--fields", "name,admin"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=node.env, text=True)
    try:
        assert watch.stdout.readline() == "NAME\tADMIN\n"
        node.add_user("zora")
        seen = []
        while not seen or not seen[-1].startswith("zora"):
            seen.append(watch.stdout.readline())
            assert seen[-1], seen
        assert seen[-1] == "zora\tfalse\n" and not any(line.startswith("NAME") for line in seen)
        assert len(seen) == len({line.split()[0] for line in seen})
    finally:
        watch.send_signal(signal.SIGINT)
        watch.wait(10)
        run(node, "user", "remove", "zora", "--yes")


def test_another_machine(node, tmp_path):
    """HTTPS with a token and a context; what is wrong with certificate, token or address is said."""
    good = {**node.env, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    (tmp_path / "eve.token").write_text(node.token("eve"))
    run(node, "token", "create", "--user", "eve", "--lifetime", "1s", "--token-out", tmp_path / "short.token")
    (tmp_path / "bad.token").write_text("weft_nonsense\n")
    ca = ["--ca", str(node.data / "keys/tls.crt")]

    def there(*args, token="eve", more=ca, url=node.url()):
        done = subprocess.run([WEFT, "--url", url, "--token-file", str(tmp_path / f"{token}.token"), *more, *args], capture_output=True, text=True, env=good, cwd="/", timeout=60)
        return done.returncode, done.stdout, done.stderr

    assert there("sql", "select count(*) as n from lab.people")[:2] == (0, "n\n1000\n")
    other = tmp_path / "other.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k", "-out", other, "-subj", "/CN=localhost", "-days", "1"], check=True, capture_output=True)
    for more in ([], ["--ca", str(other)]):
        status, _, error = there("sql", "select 1", more=more)
        assert status == 8 and "is not trusted" in error and "--ca FILE" in error
    time.sleep(1.1)
    for token in ("bad", "short"):
        status, _, error = there("sql", "select 1", token=token)
        assert status == 4 and "weft token create" in error
    status, _, error = there("sql", "select 1", token="absent")
    assert status != 0 and "absent.token" in error
    status, _, error = there("sql", "select 1", url="https://127.0.0.1:1")
    assert status == 8 and "no node answers" in error
    assert there("context", "set", "far")[0] == 0
    done = subprocess.run([WEFT, "--context", "far", "sql", "select current_user as u", "-o", "json"], capture_output=True, text=True, env=good, cwd="/", timeout=60)
    assert json.loads(done.stdout) == [{"u": "eve"}], done.stderr


def test_manual_pages_are_clean(tmp_path):
    offline("man", "--out", tmp_path)
    for page in tmp_path.iterdir():
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], capture_output=True, text=True, env={**os.environ, "MANWIDTH": "80"})
        assert (done.returncode, done.stderr) == (0, ""), page


def test_a_reader_that_leaves_is_no_error(node):
    sql = "select a.id, repeat('x', 100) from lab.people a, lab.people b"
    done = subprocess.run(["bash", "-c", f"{WEFT} --data {node.data} --as eve -q sql \"{sql}\" | head -2"], capture_output=True, text=True, env=node.env, timeout=60)
    assert done.stdout.count("\n") == 2 and done.stderr == ""


SLOW = "select sum(a.id * b.id % 7) from lab.people a, lab.people b, lab.people c, lab.people d"


def test_interrupt_cancels_at_the_node(node):
    done = subprocess.Popen([WEFT, "--data", str(node.data), "--as", "wendy", "sql", SLOW], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=node.env)
    time.sleep(1.5)
    done.send_signal(signal.SIGINT)
    assert done.wait(10) == 130
    end = time.monotonic() + 5
    while time.monotonic() < end:
        rows = json.loads(run(node, "get", "audit", "--limit", "20", "-o", "json")[1])
        if [r["outcome"] for r in rows if r["statement"] == SLOW] == ["cancelled"]:
            return
        time.sleep(0.2)
    pytest.fail(f"still not cancelled: {[r['outcome'] for r in rows if r['statement'] == SLOW]}")
