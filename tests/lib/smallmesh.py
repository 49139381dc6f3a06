"""A mesh small enough to apply in seconds: one domain, one CSV source, one product, two people who see different rows."""

FILES = {
    "mesh.yaml": "apiVersion: weft/v1\nkind: Mesh\nmetadata:\n  name: lab\nspec:\n  owners: [governance]\n",
    "governance/vocabulary.yaml": """apiVersion: weft/v1
kind: Vocabulary
metadata:
  name: lab
spec:
  tags:
    - name: contact
  purposes:
    - name: support
""",
    "governance/policies/contact.yaml": """apiVersion: weft/v1
kind: Policy
metadata:
  name: contact
spec:
  effect: mask
  on:
    columns: ["*.*.email"]
  unless:
    purposes: [support]
  mask:
    method: "null"
""",
    "governance/policies/eu-only.yaml": """apiVersion: weft/v1
kind: Policy
metadata:
  name: eu-only
spec:
  effect: filter
  on:
    products: [lab.people]
  unless:
    groups: [world]
  filter: region = 'EU'
""",
    "domains/lab/domain.yaml": "apiVersion: weft/v1\nkind: Domain\nmetadata:\n  name: lab\nspec:\n  owners: [lab-owners]\n",
    "domains/lab/policies/readers.yaml": """apiVersion: weft/v1
kind: Policy
metadata:
  name: readers
spec:
  effect: allow
  on:
    products: [lab.people]
  to:
    groups: [readers]
""",
    "domains/lab/sources/people_csv.yaml": "apiVersion: weft/v1\nkind: Source\nmetadata:\n  name: people_csv\nspec:\n  connector: csv\n  path: people.csv\n",
    "domains/lab/people/pipeline.yaml": "apiVersion: weft/v1\nkind: Pipeline\nmetadata:\n  name: people\nspec:\n  ingest:\n    - table: people\n      source: people_csv\n",
    "domains/lab/people/product.yaml": """apiVersion: v1.0.0
kind: DataProduct
id: lab.people
name: people
version: 1.0.0
status: active
domain: lab
description:
  purpose: Who takes part.
customProperties:
  - property: kind
    value: source-aligned
outputPorts:
  - name: people
    version: 1.0.0
    contractId: lab.people
""",
    "domains/lab/people/people.odcs.yaml": """apiVersion: v3.1.0
kind: DataContract
id: lab.people
name: people
version: 1.0.0
status: active
domain: lab
dataProduct: people
description:
  purpose: One row per person.
schema:
  - name: people
    description: One row per person.
    quality:
      - metric: rowCount
        mustBeGreaterThan: 0
        dimension: completeness
    properties:
      - name: id
        logicalType: integer
        physicalType: INTEGER
        description: Number.
        required: true
        primaryKey: true
      - name: name
        logicalType: string
        physicalType: VARCHAR
        description: Name.
      - name: email
        logicalType: string
        physicalType: VARCHAR
        description: Address.
      - name: region
        logicalType: string
        physicalType: VARCHAR
        description: Where.
""",
}

# In a mesh: what the governing node says for all, and what the domain's node says.
MESH_WIDE = {path: text for path, text in FILES.items() if not path.startswith("domains/")}
DOMAIN = {path: text for path, text in FILES.items() if not path.startswith("governance/")}


def rows(count=2000):
    return [(i, f"P{i}", f"p{i}@example.org", "EU" if i % 2 else "US") for i in range(count)]


def write_source(node, count=2000):
    folder = node.data / "sources"
    folder.mkdir(exist_ok=True)
    (folder / "people.csv").write_text("id,name,email,region\n" + "".join(f"{a},{b},{c},{d}\n" for a, b, c, d in rows(count)))


def open_node(node, count=2000):
    """Starts the node, fills it, adds eve (EU only), wendy (the world) and olaf (owner)."""
    write_source(node, count)
    node.start()
    node.add_user("eve", groups=["readers"])
    node.add_user("wendy", groups=["readers", "world"])
    node.add_user("olaf", groups=["lab-owners", "readers"])
    node.apply(FILES)
    return node
