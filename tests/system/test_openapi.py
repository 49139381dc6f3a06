"""The description against the node: every operation with the description's own examples, every answer against its schema."""
import base64
import http.client
import json
import re
import ssl

import jsonschema
import openapi_spec_validator
import pytest
from lib import smallmesh
from lib.mesh import NamedNode
from test_http import Unix

METHODS = ("get", "put", "post", "delete")
# What cannot be done with the examples, and why it is answered so.
OTHERWISE = {
    ("post", "/api/v1/queries/{id}/cancel"): 404,  # nothing runs
    ("post", "/api/v1/runs/{id}/cancel"): 409,  # it has ended
    ("post", "/api/v1/runs/{id}/retry"): 409,  # it succeeded
    ("post", "/api/v1/mesh"): 409,  # it is in one
    ("post", "/api/v1/mesh/join"): 400,  # no invitation
    ("put", "/api/v1/mesh/nodes/{node}"): 404,  # it is alone
    ("put", "/api/v1/mesh/nodes/{node}/trust"): 404,
    ("delete", "/api/v1/mesh/nodes/{node}"): 409,  # it has left
}


def renamed(text):
    return text.replace("people", "orders").replace("lab", "sales")


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with NamedNode(tmp_path_factory.mktemp("openapi"), "hub", {}) as running:
        smallmesh.write_source(running, 20)
        (running.data / "sources/people.csv").rename(running.data / "sources/orders.csv")
        running.add_user("alice", groups=["readers"])
        running.add_user("olaf", groups=["sales-owners"])
        running.cli("mesh", "init", "shop")
        running.apply({renamed(path): renamed(text) for path, text in smallmesh.FILES.items()})
        yield running


@pytest.fixture(scope="module")
def document(node):
    return json.loads(by_socket(node, "GET", "/api/v1/openapi.json")[1])


def send(connection, method, path, body=None, headers=None):
    text = body if isinstance(body, (bytes, type(None))) else json.dumps(body)
    connection.request(method, path, text, {**({"Content-Type": "application/json"} if text is not None else {}), **(headers or {})})
    answer = connection.getresponse()
    return answer, answer.read()


def by_socket(node, method, path, body=None, headers=None):
    return send(Unix(node.data / "run/weft.sock"), method, path, body, headers)


def by_https(node, method, path, body=None, headers=None):
    context = ssl.create_default_context(cafile=str(node.data / "keys/tls.crt"))
    return send(http.client.HTTPSConnection("127.0.0.1", node.settings["http.port"], context=context, timeout=60), method, path, body, headers)


def operations(document):
    """Those that end things last, the others in the order of the table."""
    found = [(method, path, operation) for path, item in document["paths"].items() for method, operation in item.items()]
    ends = {id(o): o[0] == "delete" or o[1].endswith("/leave") for o in found}
    return sorted(found, key=lambda o: (ends[id(o)], o[1] if ends[id(o)] else ""))


def bodies(document, operation):
    """The examples of a request's schema."""
    if "requestBody" not in operation:
        return [None]
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    return document["components"]["schemas"][name]["examples"]


def filled(node, path, operation):
    values = {p["name"]: p["example"] for p in operation["parameters"] if p["in"] == "path"}
    if path.startswith("/api/v1/tokens/"):
        values["id"] = json.loads(by_socket(node, "POST", "/api/v1/tokens", {"user": "olaf"})[1])["id"]
    asked = "&".join(f"{p['name']}={p['example']}" for p in operation["parameters"] if p["in"] == "query" and "example" in p)
    return path.format(**values) + (f"?{asked}" if asked and "explain-access" not in path else "") + ("?principal=alice&table=sales.orders" if "explain-access" in path else "")


def check_answer(document, operation, answer, text):
    """An answer is as the description says: status, type, headers, body."""
    response = operation["responses"].get(str(answer.status), operation["responses"]["default"])
    if answer.status >= 400:
        assert answer.getheader("Content-Type") == "application/problem+json"
    kind = (answer.getheader("Content-Type") or "").split(";")[0]
    content = response.get("content")
    assert (kind in content) if content else text == b"", (answer.status, kind, text)
    for name in response.get("headers", {}):
        assert name != "X-Request-Id" or answer.getheader(name)
    if not content or "schema" not in content[kind]:
        return
    values = [json.loads(line) for line in text.splitlines()] if kind == "application/x-ndjson" else [json.loads(text)] if "json" in kind else [text.decode()]
    for value in values:
        jsonschema.validate(value, {**content[kind]["schema"], "components": document["components"]}, cls=jsonschema.Draft202012Validator)


def test_the_description_is_sound(document):
    openapi_spec_validator.validate(document)
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names) and all(re.fullmatch(r"[a-z_]+", name) for name in names)
    for method, path, operation in operations(document):
        assert method in METHODS and operation["summary"] and operation["responses"]["default"]["content"]["application/problem+json"]
        assert sorted(re.findall(r"{(\w+)}", path)) == sorted(p["name"] for p in operation["parameters"] if p["in"] == "path")
        assert all(p["description"] and (p["in"] == "query" or p["example"]) for p in operation["parameters"])
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        for example in schema.get("examples", ()):
            jsonschema.validate(example, {**schema, "components": document["components"]})


def test_examples_work_and_answers_are_as_described(node, document):
    for method, path, operation in operations(document):
        for body in bodies(document, operation):
            headers = {"X-Weft-User": "olaf"} if path.endswith(("/failures", "/query")) else {}  # administrators read no data
            answer, text = by_socket(node, method.upper(), filled(node, path, operation), body, headers)
            wanted = OTHERWISE.get((method, path)) or next(int(s) for s in operation["responses"] if s != "default")
            assert answer.status == wanted, (method, path, body, text)
            check_answer(document, operation, answer, text)


def test_lists_have_rows_of_the_described_columns(node, document):
    seen = 0
    for path, item in document["paths"].items():
        schema = item.get("get", {}).get("responses", {}).get("200", {}).get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
        if "/mesh." not in schema:
            continue
        items = json.loads(by_socket(node, "GET", path)[1])["items"]
        columns = document["components"]["schemas"][schema.rsplit("/", 1)[1]]["properties"]["items"]["items"]["properties"]
        for row in items:
            assert set(row) <= set(columns), path
            seen += 1
    assert seen > 10


def test_refusals_are_as_described(node, document):
    nobody, reader = {}, {"Authorization": "Basic " + base64.b64encode(f"alice:{'longer-and-more-secret'}".encode()).decode()}
    by_socket(node, "PUT", "/api/v1/users/alice", {"password": "longer-and-more-secret", "groups": ["readers"]})
    for method, path, operation in operations(document):
        target, examples = filled(node, path, operation), bodies(document, operation)
        open_to_all = operation.get("security") == []
        answer, text = by_https(node, method.upper(), target, examples[0], nobody)
        assert answer.status == (200 if open_to_all else 401), (path, text)
        check_answer(document, operation, answer, text)
        if operation["x-weft-scopes"] == ["admin"]:
            answer, text = by_https(node, method.upper(), target, examples[0], reader)
            assert answer.status == 403, (path, text)
            check_answer(document, operation, answer, text)
        if "{" in path and method == "get":
            answer, text = by_socket(node, "GET", re.sub(r"{\w+}", "no-such-thing", path))
            assert answer.status in (400, 404), (path, text)
            check_answer(document, operation, answer, text)
        if examples == [None]:
            continue
        for body, headers, status in ((b"{", {}, 400), (b"[]", {}, 400), (b"", {}, 400), ({"no_such_member": 1}, {}, 400), (b"{}", {"Content-Type": "text/plain"}, 415)):
            answer, text = by_socket(node, method.upper(), target, body, headers)
            assert answer.status == status, (path, body, text)
            check_answer(document, operation, answer, text)


def test_methods_that_are_not_described(node, document):
    for path, item in document["paths"].items():
        target = path.format(domain="sales", product="orders", table="orders", id="1", name="alice", node="sales")
        for method in ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"):
            if method.lower() in item:
                continue
            answer, text = by_socket(node, method, target)
            assert answer.status == 405 and sorted(answer.getheader("Allow").split(", ")) == sorted(m.upper() for m in item), (method, path)
            check_answer(document, next(iter(item.values())), answer, text)
