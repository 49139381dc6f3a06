"""What a principal must see of a table: the decision rules once more, written from docs/manifests.md and not from the
program, over rows that are known. Values are texts as PostgreSQL prints them; None is NULL."""
import decimal
import fnmatch
import math

STRICTNESS = ["truncate", "partial", "pseudonym", "constant", "null"]  # strictest last
UNITS = ["hour", "day", "week", "month", "quarter", "year"]


def as_list(entry):
    return entry if isinstance(entry, list) else [entry]


def is_meant(entry, who):
    """One of groups, users, roles must fit and, where purposes are given, one of these too."""
    roles = set(who["groups"]) | set(who["attributes"].get("role", []))
    given = [key for key in ("groups", "users", "roles") if key in entry]
    fits = {"groups": set(entry.get("groups", [])) & set(who["groups"]), "users": {who["name"]} & set(entry.get("users", [])), "roles": set(entry.get("roles", [])) & roles}
    if given and not any(fits[key] for key in given):
        return False
    return "purposes" not in entry or who["purpose"] in entry["purposes"]


def binds(policy, who):
    if "to" in policy and not any(is_meant(e, who) for e in as_list(policy["to"])):
        return False
    return not any(is_meant(e, who) for e in as_list(policy.get("unless", [])))


def path_fits(pattern, path):
    """Part by part from the right: "email", "orders.email", "sales.orders.email"."""
    parts = pattern.split(".")
    have = path.split(".")[-len(parts):]
    return len(parts) == len(have) and all(fnmatch.fnmatchcase(h, p) for p, h in zip(parts, have))


def fits(patterns, path):
    return patterns is None or any(path_fits(p, path) for p in patterns)


def shares(wanted, have):
    return wanted is None or bool(set(wanted) & set(have))


def names_table(policy, table):
    on = policy["on"]
    if policy.get("domain") not in (None, table["domain"]):
        return False
    path = f'{table["domain"]}.{table["name"]}'
    return fits(on.get("products"), path) and fits(on.get("tables"), path)


def has_labels(on, what):
    return shares(on.get("tags"), what["tags"]) and ("classifications" not in on or what["classification"] in on["classifications"])


def columns_of(policy, table):
    on = policy["on"]
    path = f'{table["domain"]}.{table["name"]}'
    return [c["name"] for c in table["columns"] if fits(on.get("columns"), f'{path}.{c["name"]}') and has_labels(on, c)]


def stricter(a, b):
    if not a or not b:
        return a or b
    if a["method"] != b["method"]:
        return max(a, b, key=lambda m: STRICTNESS.index(m["method"]))
    if a["method"] == "truncate":
        units = [m["unit"] in UNITS for m in (a, b)]
        if all(units):
            return max(a, b, key=lambda m: UNITS.index(m["unit"]))
        return {"method": "null"} if any(units) else max(a, b, key=lambda m: int(m["unit"]))
    if a["method"] == "partial":
        out = {"method": "partial", **{k: min(a.get(k, 0), b.get(k, 0)) for k in ("keepFirst", "keepLast")}}
        return {**out, **({"keepAfter": a["keepAfter"]} if "keepAfter" in a and a.get("keepAfter") == b.get("keepAfter") else {})}
    return a


def stars(text, first, last):
    return "*" * len(text) if len(text) <= first + last else text[:first] + "*" * (len(text) - first - last) + text[len(text) - last:]


def partial(mask, value):
    mark = mask.get("keepAfter")
    head, found, rest = value.partition(mark) if mark else (value, "", "")
    return stars(head, mask.get("keepFirst", 0), mask.get("keepLast", 0)) + found + rest


def truncate(mask, value, kind):
    unit = mask["unit"]
    if kind == "date" and unit in ("year", "month", "day"):
        return {"year": value[:4] + "-01-01", "month": value[:7] + "-01", "day": value}[unit]
    if kind == "integer" and unit.isdigit():
        return str(math.floor(int(value) / int(unit)) * int(unit))
    if kind == "number" and unit.isdigit():
        return f"{math.floor(decimal.Decimal(value) / int(unit)) * int(unit):.2f}"
    return None


def constant(text, kind):
    try:
        return {"string": str, "integer": lambda t: str(int(t)), "number": lambda t: f"{decimal.Decimal(t):.2f}", "date": lambda t: t if len(t) == 10 and t[4] == "-" else None}[kind](text)
    except (ValueError, decimal.InvalidOperation):
        return None


def masked(mask, value, kind, pseudonyms):
    method = mask["method"] if mask else None
    if method == "constant":
        return constant(mask["constant"], kind)
    if method is None or value is None:
        return value
    if method == "pseudonym":
        return pseudonyms[kind, value] if kind in ("string", "integer") else None
    if method == "partial":
        return partial(mask, value) if kind == "string" else None
    return truncate(mask, value, kind) if method == "truncate" else None


def see(table, policies, who, pseudonyms, conditions):
    """("absent",), ("denied",) or ("rows", [column…], [row…]). conditions: text of a filter -> function (row, who)."""
    allowed = owner = bool(set(table["owners"]) & {who["name"], *who["groups"]})
    denied, filters, gone, masks = False, [], set(), {}
    # The mesh's rules before a domain's, then by name: which of two constants stands.
    for policy in sorted(policies, key=lambda p: (p.get("domain") is not None, p["name"])):
        effect, on = policy["effect"], policy["on"]
        if not names_table(policy, table) or not binds(policy, who):
            continue
        labels = "tags" in on or "classifications" in on
        of_columns = effect == "mask" or (effect == "deny" and ("columns" in on or (labels and not has_labels(on, table))))
        if of_columns:
            for name in columns_of(policy, table):
                if effect == "deny":
                    gone.add(name)
                else:
                    masks[name] = stricter(masks.get(name), policy["mask"])
        elif has_labels(on, table):
            allowed |= effect == "allow"
            denied |= effect == "deny"
            filters += [policy["filter"]] if effect == "filter" else []
    if not allowed or denied:
        return ("absent",) if table["hidden"] and not owner else ("denied",)
    shown = [c for c in table["columns"] if c["name"] not in gone]
    rows = [r for r in table["rows"] if all(conditions[f](r, who) for f in filters)]
    return "rows", [c["name"] for c in shown], sorted(
        ([masked(masks.get(c["name"]), r[c["name"]], c["logicalType"], pseudonyms) for c in shown] for r in rows), key=repr)
