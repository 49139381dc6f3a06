"""Generated policies, people, purposes and tables through a real node, against tests/security/oracle.py: each answer is
what the oracle makes of the raw rows, cell by cell, or the refusal that it expects. WEFT_MATRIX_ROUNDS=20 makes
thousands of questions."""
import csv
import io
import json
import os
import pathlib
import random
import ssl
import sys
import urllib.error
import urllib.request

import pyarrow
import pyarrow.parquet
import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from lib.node import Node  # noqa: E402
from lib.pgraw import error_fields, rows_of  # noqa: E402
from security import lake, oracle  # noqa: E402

ROUNDS = int(os.environ.get("WEFT_MATRIX_ROUNDS", "1"))
PASSWORD = "pw-" + "x" * 12
PURPOSES = ["", "support", "audit"]
PEOPLE = [
    {"name": "ann", "groups": ["g1"], "attributes": {"city": ["Rome", "Oslo"], "role": ["clerk"]}},
    {"name": "bob", "groups": ["g1", "g2"], "attributes": {"city": ["Bonn"]}},
    {"name": "cid", "groups": ["g2"], "attributes": {"role": ["clerk", "boss"]}},
    {"name": "dan", "groups": ["own-open"], "attributes": {"city": []}},
    {"name": "eva", "groups": ["own-shut", "g1"], "attributes": {"city": ["Rome"]}},
]
COLUMNS = [("id", "integer", [], None), ("city", "string", [], None), ("email", "string", ["pii"], "secret"), ("score", "integer", ["fine"], None),
           ("day", "date", ["fine", "pii"], None), ("note", "string", [], "secret")]
CONDITIONS = {
    "city = 'Rome'": lambda r, w: r["city"] == "Rome",
    "city <> 'Rome' OR city IS NULL": lambda r, w: r["city"] != "Rome",
    "score > 10": lambda r, w: r["score"] is not None and int(r["score"]) > 10,
    "id % 2 = 0 -- the even ones": lambda r, w: int(r["id"]) % 2 == 0,
    "id BETWEEN 5 AND 25": lambda r, w: 5 <= int(r["id"]) <= 25,
    "day >= DATE '2026-02-01'": lambda r, w: r["day"] is not None and r["day"] >= "2026-02-01",
    "city = ANY(attribute('city'))": lambda r, w: r["city"] in w["attributes"].get("city", []),
    "list_contains(attribute('city'), city)": lambda r, w: r["city"] in w["attributes"].get("city", []),
    "in_group('g2') OR id < 20": lambda r, w: "g2" in w["groups"] or int(r["id"]) < 20,
    "purpose() = 'audit' OR score < 0": lambda r, w: w["purpose"] == "audit" or (r["score"] is not None and int(r["score"]) < 0),
    "principal() IN ('ann', 'eva')": lambda r, w: w["name"] in ("ann", "eva"),
    "false": lambda r, w: False,
}
MASKS = [{"method": "null"}, {"method": "constant", "constant": "hidden"}, {"method": "constant", "constant": "7"}, {"method": "pseudonym"},
         {"method": "partial", "keepAfter": "@"}, {"method": "partial", "keepFirst": 2, "keepLast": 1}, {"method": "partial", "keepFirst": 1},
         {"method": "truncate", "unit": "month"}, {"method": "truncate", "unit": "year"}, {"method": "truncate", "unit": "10"}, {"method": "truncate", "unit": "25"}]
TABLES = 12


def make_rows(rng):
    def maybe(value):
        return None if rng.random() < 0.1 else value
    return [{"id": str(i), "city": maybe(rng.choice(["Rome", "Oslo", "Bonn", "Öland"])), "email": maybe(f"p{i % 7}@{'ex' * (i % 3)}.org"),
             "score": maybe(str(rng.randint(-40, 60))), "day": maybe(f"2026-{rng.randint(1, 4):02}-{rng.randint(1, 28):02}"),
             "note": maybe(rng.choice(["", "a", "bc", "long note", "x@y@z"]))} for i in range(40)]


def make_tables(rng):
    tables = []
    for i in range(TABLES):
        domain = "open" if i % 3 else "shut"
        tables.append({"domain": domain, "name": f"t{i}", "hidden": domain == "shut", "owners": [f"own-{domain}"], "classification": None,
                       "tags": [["core"], ["core", "pii"], []][i % 3], "rows": make_rows(rng),
                       "columns": [{"name": n, "logicalType": k, "tags": t, "classification": c} for n, k, t, c in COLUMNS]})
    return tables


def make_who(rng):
    entry = rng.choice([{"groups": ["g1"]}, {"groups": ["g2"]}, {"users": ["ann", "dan"]}, {"roles": ["clerk"]}, {"roles": ["boss", "g2"]}, {"groups": ["g1"], "users": ["cid"]}, {}])
    if not entry or rng.random() < 0.3:
        entry = {**entry, "purposes": [rng.choice(PURPOSES[1:])]}
    return entry


def make_on(rng, effect):
    on = {}
    name = f"t{rng.randrange(TABLES)}"
    if rng.random() < 0.6:
        on["tables"] = rng.choice([[f"open.{name}"], [name], ["t1*"], [f"*.{name}", "shut.t3"]])
    elif rng.random() < 0.3:
        on["products"] = [rng.choice([name, f"open.{name}", "open.*", "t*"])]
    if effect in ("mask", "deny") and (effect == "mask" or rng.random() < 0.5):
        on |= rng.choice([{"columns": ["email"]}, {"columns": ["*.score", "day"]}, {"columns": ["open.*.note"]}, {"columns": ["c*"]}, {"tags": ["pii"]}, {"tags": ["fine"]},
                          {"classifications": ["secret"]}, {"columns": ["e*", "n*"], "tags": ["pii"]}])
    elif rng.random() < 0.4:
        on["tags"] = [rng.choice(["core", "pii"])]
    return on or {"tables": [name]}


def make_policy(rng, name):
    effect = rng.choices(["allow", "deny", "filter", "mask"], [6, 2, 4, 7])[0]
    policy = {"name": name, "effect": effect, "on": make_on(rng, effect)}
    if effect == "allow" or rng.random() < 0.4:
        policy["to"] = [make_who(rng) for _ in range(rng.randint(1, 2))]
    if rng.random() < 0.3:
        policy["unless"] = make_who(rng)
    if rng.random() < 0.3:
        policy["domain"] = rng.choice(["open", "shut"])
    if effect == "filter":
        policy["filter"] = rng.choice(list(CONDITIONS))
    if effect == "mask":
        policy["mask"] = rng.choice(MASKS)
    return policy


def make_policies(rng):
    wide = [{"name": f"wide-{g}", "effect": "allow", "on": {"products": ["t*"]}, "to": {"groups": [g]}} for g in ("g1", "g2")]
    return [make_policy(rng, f"p{i}") for i in range(28)] + [p for p in wide if rng.random() < 0.8]


def manifests(tables, policies):
    words = {"tags": [{"name": t} for t in ("pii", "fine", "core")], "classifications": [{"name": "secret"}], "purposes": [{"name": p} for p in PURPOSES[1:]]}
    files = {"mesh.yaml": lake.manifest("Mesh", "weft", {"owners": ["admins"]}), "governance/vocabulary.yaml": lake.manifest("Vocabulary", "words", words)}
    for domain in ("open", "shut", "dict"):
        files[f"domains/{domain}/domain.yaml"] = lake.manifest("Domain", domain, {"owners": [f"own-{domain}"], "hidden": domain == "shut"})
    for table in [*tables, dictionary()]:
        columns = [{k: v for k, v in c.items() if v} for c in table["columns"]]
        one = lake.product(table["domain"], table["name"], columns)
        path = f'domains/{table["domain"]}/{table["name"]}/product.yaml'
        one[path] = json.dumps({**json.loads(one[path]), "tags": table["tags"]})
        files |= one
    for policy in [*policies, {"name": "dict", "effect": "allow", "on": {"products": ["dict.words"]}, "to": {"users": ["ann"]}},
                   {"name": "dict-mask", "effect": "mask", "on": {"columns": ["dict.words.p*"]}, "mask": {"method": "pseudonym"}}]:
        spec = {k: v for k, v in policy.items() if k not in ("name", "domain")}
        folder = f'domains/{policy["domain"]}' if policy.get("domain") else "governance"
        files[f'{folder}/policies/{policy["name"]}.yaml'] = lake.manifest("Policy", policy["name"], spec)
    return files


def dictionary():
    """A table of raw values beside their pseudonyms: these are joinable, so that it tells them for all tables."""
    columns = [{"name": n, "logicalType": k, "tags": [], "classification": None} for n, k in (("s", "string"), ("ps", "string"), ("i", "integer"), ("pi", "integer"))]
    return {"domain": "dict", "name": "words", "tags": [], "columns": columns}


def write_sources(folder, tables):
    folder.mkdir(parents=True, exist_ok=True)
    types = {"integer": pyarrow.int64(), "string": pyarrow.string(), "date": pyarrow.date32()}
    for table in tables:
        schema = pyarrow.schema([(c["name"], pyarrow.string()) for c in table["columns"]])
        texts = pyarrow.Table.from_pylist(table["rows"], schema)
        cast = texts.cast(pyarrow.schema([(c["name"], types[c["logicalType"]]) for c in table["columns"]]))
        pyarrow.parquet.write_table(cast, folder / f'{table["name"]}.parquet', row_group_size=10)
    texts = sorted({r[c] for t in tables for r in t["rows"] for c in ("city", "email", "note") if r[c] is not None})
    numbers = list(range(-50, 70))
    texts += [""] * max(0, len(numbers) - len(texts))
    numbers += [0] * (len(texts) - len(numbers))
    pyarrow.parquet.write_table(pyarrow.table({"s": texts, "ps": texts, "i": numbers, "pi": numbers}), folder / "words.parquet")


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    tables = make_tables(random.Random(7))
    with Node(tmp_path_factory.mktemp("matrix")) as node:
        for who in PEOPLE:
            node.add_user(who["name"], groups=who["groups"], attributes={k: v for k, v in who["attributes"].items() if v})
        write_sources(node.data / "sources", tables)
        yield node, tables


def judged(messages):
    """The answer of a PostgreSQL door: an error's SQLSTATE or the rows."""
    error = error_fields(messages)
    return error["C"] if error else sorted(map(list, rows_of(messages)), key=repr)


def by_http(node, who, sql, token):
    request = urllib.request.Request(node.url("/api/v1/query"), json.dumps({"sql": sql, "purpose": who["purpose"]} if who["purpose"] else {"sql": sql}).encode(),
                                     {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/x-ndjson"})
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(request, context=context) as answer:
            lines = [json.loads(line) for line in answer.read().decode().splitlines()]
    except urllib.error.HTTPError as error:
        return json.loads(error.read())["code"]
    return sorted(([None if v is None else str(v) for v in line.values()] for line in lines), key=repr)


def by_copy(raw, sql):
    messages = raw.simple(f"COPY ({sql}) TO STDOUT (FORMAT csv, NULL '<NULL>')")
    if error_fields(messages):
        return error_fields(messages)["C"]
    text = b"".join(body for kind, body in messages if kind == b"d").decode()
    return sorted(([None if cell == "<NULL>" else cell for cell in row] for row in csv.reader(io.StringIO(text))), key=repr)


def by_cursor(raw, sql):
    answer = judged(raw.simple("BEGIN") + raw.simple(f"DECLARE c CURSOR FOR {sql}") + raw.simple("FETCH ALL FROM c"))
    raw.simple("ROLLBACK")
    return answer


DOORS = {
    "simple": lambda raw, table: judged(raw.simple(f"SELECT * FROM {table}")),
    "extended": lambda raw, table: judged(raw.extended(f"SELECT * FROM {table}")),
    "copy": lambda raw, table: by_copy(raw, f"SELECT * FROM {table}"),
    "cursor": lambda raw, table: by_cursor(raw, f"SELECT * FROM {table}"),
    "time travel": lambda raw, table: judged(raw.simple(f"SELECT * FROM {table} AT (VERSION => 1)")),
}


def expected(table, policies, who, pseudonyms):
    seen = oracle.see(table, policies, who, pseudonyms, CONDITIONS)
    return {"absent": "42P01", "denied": "42501"}.get(seen[0]) or seen[2]


def ask_all(node, tables, policies, number):
    with node.raw("ann", PASSWORD) as raw:
        words = rows_of(raw.simple("SELECT * FROM dict.words"))
    pseudonyms = {("string", s): ps for s, ps, _, _ in words} | {("integer", i): pi for _, _, i, pi in words}
    assert pseudonyms["string", "Rome"] not in (None, "Rome"), "the dictionary shows no pseudonyms"
    outcomes = {}
    for person in PEOPLE:
        token = node.token(person["name"])
        for purpose in PURPOSES:
            who = {**person, "purpose": purpose}
            with node.raw(who["name"], PASSWORD, options={"weft.purpose": purpose} if purpose else None) as raw:
                for at, table in enumerate(tables):
                    name = f'{table["domain"]}.{table["name"]}'
                    wanted = expected(table, policies, who, pseudonyms)
                    doors = [list(DOORS)[(at + number) % len(DOORS)], "http"] if (at + number) % 3 == 0 else [list(DOORS)[(at + number) % len(DOORS)]]
                    for door in doors:
                        found = by_http(node, who, f"SELECT * FROM {name}", token) if door == "http" else DOORS[door](raw, name)
                        assert found == wanted, f"round {number}: {who} reads {name} ({door}); policies {json.dumps(policies)}"
                        kind = wanted if isinstance(wanted, str) else "rows"
                        outcomes[kind] = outcomes.get(kind, 0) + 1
    return outcomes


def test_answers_are_the_oracles(mesh):
    node, tables = mesh
    total = {}
    for number in range(ROUNDS):
        policies = make_policies(random.Random(100 + number))
        folder = f"mesh-{number}"
        node.write(manifests(tables, policies), folder)
        node.apply(folder=node.folder / folder, flags=("--yes", "--prune"))
        for kind, count in ask_all(node, tables, policies, number).items():
            total[kind] = total.get(kind, 0) + count
    print(total)
    assert total["rows"] > 60 * ROUNDS and total["42501"] > 10 * ROUNDS and total["42P01"] > 3 * ROUNDS
