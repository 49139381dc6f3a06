"""ODCS 3.1 and ODPS 1.0: what `weft validate` takes is what the standards' own schemas take, and export gives it back."""
import copy
import json
import os
import pathlib
import subprocess

import jsonschema
import open_data_contract_standard
import pytest
import yaml
from lib.node import BUILD, ROOT

MESH = ROOT / "tests/manifests/standards"
CONTRACT = MESH / "domains/seller/payments/payment.odcs.yaml"
PRODUCT = MESH / "domains/seller/payments/product.yaml"


class Loader(yaml.SafeLoader):
    """YAML 1.2's idea of a scalar: a date is text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if tag != "tag:yaml.org,2002:timestamp"]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.fixture(scope="module")
def schema():
    path = pathlib.Path(open_data_contract_standard.__file__).parent / "schema.json"
    return jsonschema.Draft201909Validator(json.loads(path.read_text()))


def validate(folder):
    done = subprocess.run([str(BUILD / "weft"), "validate", "--file", str(folder), "-o", "json"], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def lists_of(node, path=()):
    """Every place in a document: its path and value."""
    yield path, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from lists_of(value, (*path, key))
    if isinstance(node, list):
        for at, value in enumerate(node):
            yield from lists_of(value, (*path, at))


def with_change(document, path, change):
    changed = copy.deepcopy(document)
    node = changed
    for step in path[:-1]:
        node = node[step]
    change(node, path[-1])
    return changed


def rename(node, key):
    node[f"{key}Zz"] = node.pop(key)


def mutations(document):
    """Keys renamed and removed, values of another kind."""
    for path, value in lists_of(document):
        if not path:
            continue
        if isinstance(path[-1], str):
            yield "rename", path, rename
            yield "remove", path, lambda node, key: node.pop(key)
        for other in ([], {}, {"zz": 1}, 7, "a b", True, -1.5):
            if other != value:
                yield f"set {other!r}", path, lambda node, key, other=other: node.__setitem__(key, other)


# what the schema leaves open and Weft needs: words that it acts on, types it can make, numbers it compares
OURS = ("status", "mustBe", "mustNotBe", "version", "apiVersion", "dateIn", "dateOut", "contractCreatedTs", "primaryKeyPosition", "name", "names no",
        "has no type", "retention", "latency", "frequency", "lacks an operator", "two operators", "properties", "rowCount", "one place", "stands here twice", "lacks metric",
        "physicalType", "no time")


def problems_of(folder, contracts):
    """What weft says of each contract alone: so many meshes of a few domains, as a run tells 500 problems at most."""
    for begin in range(0, len(contracts), 50):
        mesh = folder / str(begin)
        mesh.mkdir()
        (mesh / "mesh.yaml").write_text((MESH / "mesh.yaml").read_text())
        part = contracts[begin : begin + 50]
        for at, contract in enumerate(part):
            product = mesh / f"domains/d{at}/p"
            product.mkdir(parents=True)
            (product.parent / "domain.yaml").write_text(f"apiVersion: weft/v1\nkind: Domain\nmetadata: {{name: d{at}}}\nspec: {{owners: [a]}}\n")
            (product / "c.odcs.yaml").write_text(yaml.safe_dump(contract))
        found = validate(mesh)
        for at in range(len(part)):
            yield [p for p in found if p["path"] == f"domains/d{at}/p/c.odcs.yaml"]


def test_weft_agrees_with_the_schema_of_contracts(schema, tmp_path):
    """Every change of the example that the schema refuses is told, and nothing else. WEFT_TEST_ALL=1 tries all 5,000."""
    document = yaml.load(CONTRACT.read_text(), Loader)
    assert not list(schema.iter_errors(document))
    changes = [(what, path, with_change(document, path, change)) for what, path, change in list(mutations(document))[:: 1 if os.environ.get("WEFT_TEST_ALL") else 23]]
    assert len(changes) > 150
    unseen, refused = [], []
    for (what, path, changed), found in zip(changes, problems_of(tmp_path, [c[2] for c in changes])):
        valid = schema.is_valid(changed)
        errors = [p["message"] for p in found if not p["warning"]]
        assert all(p["line"] > 0 and p["column"] > 0 for p in found), found
        if not valid and not found:
            unseen.append((what, path))
        if valid and any(not any(word in message for word in OURS) for message in errors):
            refused.append((what, path, errors))
    assert not unseen, f"{len(unseen)} that the schema refuses and Weft takes: {unseen[:20]}"
    assert not refused, f"{len(refused)} that the schema takes and Weft refuses: {refused[:20]}"
