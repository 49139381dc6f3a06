"""The lake of the attacks: what eve may read in part, may not read, and must not know of. Canaries everywhere she may
not look (attacks.CANARY).

lake.facts   rows of region 'hidden' filtered out; email and card masked. Its first version has other hidden rows.
hr.people    no grant. vault.gold  hidden domain.
"""
import datetime
import json

import pyarrow
import pyarrow.parquet

DAY = datetime.date(2026, 1, 1)
ROWS = 9_000


def facts(version):
    def row(i):
        hidden = i % 5 == 2
        delta = 7_771_200 + i % 90 if hidden else i % 100
        note = f"S3CRET-{i % 60}" if hidden else str(i % 40)
        day = datetime.date(2077, 7, 1 + i % 20) if hidden else DAY + datetime.timedelta(days=i % 60)
        return {"id": i, "region": "hidden" if hidden else ["north", "west"][i % 2], "delta": delta, "note": note, "day": day,
                "email": f"S3CRET{i}@example.org", "card": f"S3CRET{i:012d}"}
    rows = [row(i) for i in range(ROWS if version == 2 else ROWS // 3)]
    return pyarrow.Table.from_pylist(rows, pyarrow.schema([
        ("id", pyarrow.int64()), ("region", pyarrow.string()), ("delta", pyarrow.int32()), ("note", pyarrow.string()), ("day", pyarrow.date32()),
        ("email", pyarrow.string()), ("card", pyarrow.string())]))


def people(column):
    return pyarrow.table({"id": list(range(50)), column: [f"S3CRET person {i}" for i in range(50)]})


def write_sources(folder, version):
    """Files of one version; lake.facts in small row groups, dictionary-encoded."""
    folder.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(facts(version), folder / "facts.parquet", row_group_size=1_000)
    pyarrow.parquet.write_table(people("name"), folder / "people.parquet")
    pyarrow.parquet.write_table(people("s3cret_alloy"), folder / "gold.parquet")


def manifest(kind, name, spec):
    return json.dumps({"apiVersion": "weft/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}) + "\n"


def product(domain, name, columns):
    """product.yaml, contract and pipeline of a one-table product; JSON is YAML."""
    base = f"domains/{domain}/{name}"
    return {
        f"{base}/product.yaml": json.dumps({"apiVersion": "v1.0.0", "kind": "DataProduct", "id": f"{domain}-{name}", "name": name, "version": "1.0.0",
                                            "status": "active", "domain": domain, "outputPorts": [{"name": name, "version": "1.0.0", "contractId": f"c-{name}"}]}),
        f"{base}/{name}.odcs.yaml": json.dumps({"apiVersion": "v3.1.0", "kind": "DataContract", "id": f"c-{name}", "version": "1.0.0", "status": "active",
                                                "schema": [{"name": name, "properties": columns}]}),
        f"{base}/pipeline.yaml": manifest("Pipeline", name, {"ingest": [{"table": name, "source": name}]}),
        f"domains/{domain}/sources/{name}.yaml": manifest("Source", name, {"connector": "parquet", "path": f"{name}.parquet"}),
    }


def column(name, kind="string", **more):
    return {"name": name, "logicalType": kind, **more}


def manifests():
    pii = {"tags": ["pii"]}
    analysts = {"groups": ["analysts"]}
    return {
        "mesh.yaml": manifest("Mesh", "weft", {"owners": ["admins"]}),
        "governance/vocabulary.yaml": manifest("Vocabulary", "words", {"tags": [{"name": "pii"}], "purposes": [{"name": "audit"}]}),
        "governance/policies/hidden-rows.yaml": manifest("Policy", "hidden-rows", {"effect": "filter", "on": {"tables": ["lake.facts"]}, "filter": "region <> 'hidden'"}),
        "governance/policies/contact.yaml": manifest("Policy", "contact", {"effect": "mask", "on": {"columns": ["lake.facts.email"]}, "mask": {"method": "partial", "keepAfter": "@"}}),
        "governance/policies/pii.yaml": manifest("Policy", "pii", {"effect": "mask", "on": {"tags": ["pii"]}, "mask": {"method": "pseudonym"}}),
        "domains/lake/policies/read.yaml": manifest("Policy", "read", {"effect": "allow", "on": {"products": ["facts"]}, "to": analysts}),
        "domains/lake/domain.yaml": manifest("Domain", "lake", {"owners": ["lake-owners"]}),
        "domains/hr/domain.yaml": manifest("Domain", "hr", {"owners": ["hr-owners"]}),
        "domains/vault/domain.yaml": manifest("Domain", "vault", {"owners": ["vault-owners"], "hidden": True}),
        **product("lake", "facts", [column("id", "integer"), column("region"), column("delta", physicalType="integer", kind="integer"), column("note"), column("day", "date"),
                                    column("email"), column("card", **pii)]),
        **product("hr", "people", [column("id", "integer"), column("name")]),
        **product("vault", "gold", [column("id", "integer"), column("s3cret_alloy")]),
    }
