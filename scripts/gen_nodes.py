#!/usr/bin/env python3
"""Makes nodes.gen.c: which nodes and members of DuckDB's syntax tree pass the gate.

Joins DuckDB's own lists (serialization/*.json of the pinned version) with the reviewed file and refuses, with every
difference named, when a class or member is not reviewed, is gone, or has a kind that does not fit its C++ type.
Usage: gen_nodes.py VERSION REVIEWED.def SERIALIZATION_DIR LIBRARY OUT.c
"""
import json
import pathlib
import re
import sys

import duckdb_probe

FILES = ["parsed_expression", "tableref", "query_node", "result_modifier", "types", "nodes"]
BASES = {"ParsedExpression", "TableRef", "QueryNode", "ResultModifier", "ExtraTypeInfo"}
# C++ type -> kinds that read it whole. What is not here (an enumeration) must be a list of words.
KINDS = {
    "ParsedExpression*": {"expression", "expression?"},
    "unique_ptr<ParsedExpression>": {"expression", "expression?"},
    "vector<ParsedExpression*>": {"list expression"},
    "vector<unique_ptr<ParsedExpression>>": {"list expression", "empty"},
    "vector<vector<ParsedExpression*>>": {"list list expression"},
    "SelectStatement*": {"statement"},
    "QueryNode*": {"query", "recursive_query"},
    "vector<QueryNode*>": {"list query"},
    "TableRef*": {"table"},
    "vector<ResultModifier*>": {"list modifier"},
    "OrderModifier*": {"modifier?"},
    "vector<OrderByNode>": {"list order_by"},
    "vector<CaseCheck>": {"list case_check"},
    "vector<PivotColumn>": {"list pivot_column"},
    "vector<PivotColumnEntry>": {"list pivot_entry"},
    "SampleOptions*": {"sample?"},
    "AtClause*": {"at_clause?"},
    "CommonTableExpressionMap": {"cte_map"},
    "string": {"text", "empty", "collation", "words"},
    "vector<string>": {"list text"},
    "case_insensitive_set_t": {"list text"},
    "qualified_column_set_t": {"list qualified_column"},
    "qualified_column_map_t<string>": {"list renaming"},
    "case_insensitive_map_t<ParsedExpression*>": {"list replacement"},
    "bool": {"bool", "false"},
    "idx_t": {"number"},
    "int64_t": {"number"},
    "uint8_t": {"number"},
    "uint32_t": {"number"},
    "optional_idx": {"location"},
    "Value": {"value"},
    "vector<Value>": {"list value", "empty"},
    "LogicalType": {"logical_type"},
    "vector<LogicalType>": {"list logical_type"},
    "child_list_t<LogicalType>": {"list type_member"},
    "vector<GroupingSet>": {"list list number"},
    "unique_ptr<ExtensionTypeInfo>": {"empty"},
    "ExpressionType": {"type", "words"},
}
LEAVES = {"self", "type", "text", "location", "bool", "false", "number", "empty", "collation", "type_name", "value", "statement", "cte_map",
          "logical_type", "recursive_query"}
WORDS = re.compile(r"^[A-Za-z_]+( [A-Z]+)?(\|[A-Za-z_]+( [A-Z]+)?)+$")


class Family:
    def __init__(self, name, base, key):
        self.name, self.base, self.key, self.members, self.nodes = name, base, key, [], []


class Node:
    def __init__(self, name, cls, enum, types):
        self.name, self.cls, self.enum, self.types, self.members = name, cls, enum, types, []


def read_reviewed(path):
    version, families, structs, denied = None, [], [], {}
    target = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("\t"):
            target.append(tuple(line.strip().split(" ", 1)))
            continue
        words = line.split()
        if words[0] == "version":
            version = words[1]
        elif words[0] == "family":
            families.append(Family(*words[1:4]))
            target = families[-1].members
        elif words[0] in ("node", "custom"):
            custom = words[0] == "custom"
            cls, enum = (None, words[2]) if custom else words[2:4]
            types = words[4].split("|") if len(words) > 4 else []
            families[-1].nodes.append(Node(words[1], cls, enum, types))
            target = families[-1].nodes[-1].members
        elif words[0] == "struct":
            structs.append(Node(words[1], None if words[2] == "-" else words[2], None, []))
            target = structs[-1].members
        elif words[0] == "deny":
            denied[words[1]] = " ".join(words[2:])
            target = None
        else:
            sys.exit(f"{path}:{number}: unknown line: {line}")
    return version, families, structs, denied


def read_classes(folder):
    classes = {}
    for name in FILES:
        for row in json.loads((folder / f"{name}.json").read_text()):
            classes[row["class"]] = row
    return classes


def is_words(kind):
    return bool(WORDS.match(kind))


def check_members(where, row, members, problems):
    theirs = {m["name"]: m["type"] for m in row.get("members", [])}
    ours = dict(members)
    for name in theirs.keys() - ours.keys():
        problems.append(f"{where}: member {name} ({theirs[name]}) is not reviewed")
    for name in ours.keys() - theirs.keys():
        problems.append(f"{where}: member {name} is gone from DuckDB")
    for name in theirs.keys() & ours.keys():
        kind = "words" if is_words(ours[name]) else ours[name]
        if kind in ("absent", "self"):
            continue
        if kind not in KINDS.get(theirs[name], {"words"}):
            problems.append(f"{where}: member {name} is {theirs[name]}, which kind {ours[name]} does not read")


def check_all(classes, families, structs, denied, problems):
    reviewed = set(denied)
    for family in families:
        reviewed.add(family.base)
        check_members(family.base, classes[family.base], family.members, problems)
        for node in family.nodes:
            if node.cls is None:
                continue
            reviewed.add(node.cls)
            if node.cls not in classes:
                problems.append(f"{node.cls} is gone from DuckDB")
                continue
            check_members(node.cls, classes[node.cls], node.members, problems)
            if classes[node.cls]["enum"] not in (node.enum, node.enum + "_FROM"):
                problems.append(f"{node.cls}: DuckDB calls it {classes[node.cls]['enum']}")
    for struct in structs:
        if struct.cls:
            reviewed.add(struct.cls)
            check_members(struct.cls, classes[struct.cls], struct.members, problems)
    for name, row in classes.items():
        if (row.get("base") in BASES or name in BASES) and name not in reviewed:
            problems.append(f"class {name} is not reviewed")
    for name in denied:
        if name not in classes:
            problems.append(f"denied class {name} is gone from DuckDB")


def words_of(kind):
    return "(const char *const[]){" + ", ".join(f'"{w}"' for w in kind.split("|")) + ", NULL}"


def field(name, kind, known):
    """One row of struct node_field."""
    if is_words(kind):
        return f'{{"{name}", VALUE_WORDS, .words = {words_of(kind)}}}'
    lists = 0
    while kind.startswith("list "):
        lists, kind = lists + 1, kind[5:]
    nullable = kind.endswith("?")
    kind = kind.rstrip("?")
    parts = [f'"{name}"']
    if kind in LEAVES or kind == "absent":
        parts.append(f"VALUE_{kind.upper()}")
    elif known.get(kind) == "family":
        parts.append(f"VALUE_NODE, .family = &node_families[FAMILY_{kind.upper()}]")
    elif known.get(kind) == "struct":
        parts.append(f"VALUE_STRUCT, .of = &struct_{kind}")
    else:
        sys.exit(f"unknown kind {kind} of {name}")
    if lists:
        parts.append(f".lists = {lists}")
    if nullable:
        parts.append(".nullable = true")
    return "{" + ", ".join(parts) + "}"


def fields(name, members, known, out):
    out.append(f"static const struct node_field {name}[] = {{")
    out.extend(f"\t{field(member, kind, known)}," for member, kind in members)
    out.append("\t{NULL, VALUE_SELF},\n};")


def generate(families, structs):
    known = {f.name: "family" for f in families} | {s.name: "struct" for s in structs}
    out = ["/* Made by scripts/gen_nodes.py from reviewed.def; do not edit. */", '#include "sql/nodes.h"', ""]
    out.extend(f"static const struct node_kind struct_{s.name};" for s in structs)
    for struct in structs:
        fields(f"fields_of_{struct.name}", struct.members, known, out)
        out.append(f'static const struct node_kind struct_{struct.name} = {{"{struct.name}", NODE_STRUCT, NULL, fields_of_{struct.name}}};')
    for family in families:
        for node in family.nodes:
            fields(f"fields_{node.name}", family.members + node.members, known, out)
    for family in families:
        out.append(f"static const struct node_kind kinds_{family.name}[] = {{")
        for node in family.nodes:
            types = words_of("|".join(node.types)) if node.types else "NULL"
            out.append(f'\t{{"{node.enum}", NODE_{node.name.upper()}, {types}, fields_{node.name}}},')
        out.append("\t{NULL, NODE_STRUCT, NULL, NULL},\n};")
    out.append("const struct node_family node_families[] = {")
    out.extend(f'\t[FAMILY_{f.name.upper()}] = {{"{f.name}", "{f.key}", kinds_{f.name}}},' for f in families)
    out.append("};")
    cte = next(s for s in structs if s.name == "cte")
    out.append(f"const struct node_kind *const node_cte = &struct_{cte.name};\n")
    return "\n".join(out)


def main():
    version, reviewed, folder, library, out = sys.argv[1], *map(pathlib.Path, sys.argv[2:6])
    reviewed_version, families, structs, denied = read_reviewed(reviewed)
    problems = []
    if reviewed_version != version:
        problems.append(f"reviewed for DuckDB {reviewed_version}, but the build uses {version}: review every difference, then change the version line")
    found = duckdb_probe.DuckDB(library).version()
    if found != f"v{version}":
        problems.append(f"{library.name} is DuckDB {found}, not v{version}")
    check_all(read_classes(folder), families, structs, denied, problems)
    if problems:
        sys.exit(f"{reviewed.name}:\n" + "\n".join(f"  {p}" for p in problems))
    out.write_text(generate(families, structs))


if __name__ == "__main__":
    main()
