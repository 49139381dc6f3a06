"""Twin lakes: two nodes whose data differs only in rows and values that the analyst may not see.

Every answer to every generated statement must be byte-equal on both, errors and notices included. This file makes
the data and the statements; tests/system/test_twin_lakes.py runs them over the real wire. The data has what gave
barriers away before (docs/security.md): dictionary-encoded text with values that only hidden rows have, hidden
extremes outside the visible range, several files and row groups, masked values that differ.
"""
import datetime
import decimal
import random

import pyarrow
import pyarrow.parquet

ROWS = 150_000
DAY = datetime.date(2025, 1, 1)
AT = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)


def fact(i, twin):
    """One row. region 'north' and 'west' are visible, 'hidden' is not; hidden rows depend on the twin."""
    hidden = i % 7 == 3 or 60_000 <= i < 62_000
    if not hidden:
        return (i, ["north", "west"][i % 2], i * 31 % 200, decimal.Decimal(i * 7 % 9000) / 100, f"{i % 50}",
                DAY + datetime.timedelta(days=i % 90), AT + datetime.timedelta(minutes=i % 5000), [f"t{i % 5}", f"u{i % 3}"], i % 3 == 0, i % 400)
    seed = i * (7919 if twin == "a" else 104729) % 100_003
    return (i, "hidden", (300 if twin == "a" else -500) + seed % 77, decimal.Decimal(seed * 1000 + 1) / 100,
            f"S3CRET-{twin}-{seed % 40}", DAY + datetime.timedelta(days=(4000 if twin == "a" else -3000) + seed % 50),
            AT + datetime.timedelta(days=(900 if twin == "a" else -900), minutes=seed % 100), [f"S3CRET-{twin}{seed % 9}"], twin == "a", 1000 + seed % (50 if twin == "a" else 9))


FACTS = pyarrow.schema([("id", pyarrow.int64()), ("region", pyarrow.string()), ("delta", pyarrow.int32()), ("amount", pyarrow.decimal128(12, 2)),
                        ("note", pyarrow.string()), ("day", pyarrow.date32()), ("at", pyarrow.timestamp("us", "UTC")),
                        ("tags", pyarrow.list_(pyarrow.string())), ("flag", pyarrow.bool_()), ("ref", pyarrow.int64())])


def write_lake(folder, twin):
    """Source files of one twin: facts in three files, dims in one."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [fact(i, twin) for i in range(ROWS)]
    for part in range(3):
        columns = list(zip(*rows[part * ROWS // 3 : (part + 1) * ROWS // 3]))
        table = pyarrow.table([pyarrow.array(c, f.type) for c, f in zip(columns, FACTS)], schema=FACTS)
        pyarrow.parquet.write_table(table, folder / f"facts-{part}.parquet", row_group_size=10_000)
    dims = pyarrow.table({
        "ref": pyarrow.array(range(400), pyarrow.int64()),
        "name": [f"dim {i % 40}" for i in range(400)],
        "secret": [f"S3CRET-{twin}-{i * (3 if twin == 'a' else 5) % 97}" for i in range(400)],
        "mail": [f"S3CRET{i * (7 if twin == 'a' else 11) % 89}{twin}@example.org" for i in range(400)],
        "level": pyarrow.array([i % 9 for i in range(400)], pyarrow.int32()),
    })
    pyarrow.parquet.write_table(dims, folder / "dims.parquet")


class Grammar:
    """Statements that a curious analyst could write. Deterministic for a seed."""

    NUMBERS = ["delta", "id", "ref", "amount", "length(note)", "level"]
    TEXTS = ["note", "region", "name", "secret", "mail", "tags[1]"]
    RAISING = [
        "cast({t} AS integer)", "cast({t} || '0' AS smallint)", "list_transform([{t}], lambda x: x::int)[1]", "cast([{t}] AS integer[])[1]",
        "1 / ({n} - 300)", "cast({n} AS tinyint)", "cast({n} AS utinyint)", "try_cast({t} AS integer)", "substring({t}, {n}::int, 3)",
        "cast({n} * 100000000 AS integer)", "date '2025-01-01' + cast({n} AS integer)", "strptime({t}, '%Y')", "chr(cast({n} AS integer))",
        "list_transform([{t}], lambda x: CASE WHEN x LIKE 'S3%' THEN cast(x AS int) ELSE 0 END)[1]", "ln({n} - 200)", "sqrt({n} + 1)",
        "cast(to_json({t}) AS integer)", "json_extract_string({t}, '$.a')", "struct_pack(a := cast({t} AS integer)).a", "coalesce(cast({t} AS integer), 0)",
        "CASE WHEN {n} > 250 THEN cast({t} AS integer) ELSE 0 END", "list_reduce([{n}, 2], lambda x, y: (x + y)::tinyint)", "epoch_ms(cast({n} AS bigint) * 1000000000000)",
        "regexp_extract({t}, '([0-9]+)')::tinyint", "printf('%d', {n}::int)::tinyint", "nullif({t}, 'x')::int", "map([{t}], [1])[{t}]", "bit_count({n}::int)",
    ]

    def __init__(self, seed):
        self.r = random.Random(seed)

    def pick(self, items):
        return self.r.choice(items)

    def number(self):
        return self.pick(self.NUMBERS)

    def text(self):
        return self.pick(self.TEXTS)

    def constant(self):
        return str(self.pick([0, 1, 5, 42, 100, 199, 200, 250, 300, 320, 376, 377, -1, -400, -423, -500, 1000, 1040, 99999]))

    def raising(self):
        return self.pick(self.RAISING).format(t=self.text(), n=self.number())

    def predicate(self, depth=0):
        kind = self.r.randrange(13)
        if kind < 3 and depth < 2:
            return f"({self.predicate(depth + 1)} {self.pick(['AND', 'OR'])} {self.predicate(depth + 1)})"
        if kind < 5:
            return f"{self.number()} {self.pick(['=', '<', '<=', '>', '>=', '<>'])} {self.constant()}"
        if kind < 7:
            return f"{self.raising()} IS {self.pick(['NOT ', ''])}NULL"
        if kind == 7:
            return f"{self.text()} {self.pick(['LIKE', 'NOT LIKE', 'ILIKE'])} '{self.pick(['S3%', '4%', '%-a-%', 'north', 'h%', '%'])}'"
        if kind == 8:
            return f"{self.text()} IN ('S3CRET-a-1', 'S3CRET-b-1', '7', 'north', 'hidden')"
        if kind == 9:
            return f"day {self.pick(['<', '>', '='])} DATE '{self.pick(['2025-02-01', '2035-01-01', '2016-01-01', '2025-03-30'])}'"
        if kind == 10:
            return f"{self.number()} BETWEEN {self.constant()} AND {self.constant()}"
        if kind == 11:
            return f"NOT ({self.predicate(depth + 1)})"
        return f"at > TIMESTAMPTZ '{self.pick(['2025-01-02 00:00:00+00', '2027-06-01 00:00:00+00', '2022-07-01 00:00:00+00'])}'"

    def expression(self):
        return self.pick([self.number, self.text, self.raising, lambda: f"{self.number()} % 7", lambda: f"upper({self.text()})", lambda: f"day - DATE '2025-01-01'"])()

    def aggregate(self):
        return self.pick(["count(*)", f"min({self.number()})", f"max({self.text()})", f"sum({self.number()})", f"count(DISTINCT {self.text()})", f"avg({self.number()})",
                          f"approx_count_distinct({self.text()})", f"min({self.raising()})", f"quantile_cont(delta, 0.9)", f"max(day)", f"min(at)", f"bool_or(flag)",
                          f"string_agg(DISTINCT {self.text()}, ',' ORDER BY {self.text()})", f"mode({self.text()})", f"arg_max({self.text()}, id)", f"histogram(delta % 5)"])

    def source(self):
        return self.pick([
            "lake.facts JOIN lake.dims USING (ref)", "lake.facts LEFT JOIN lake.dims USING (ref)", "lake.dims LEFT JOIN lake.facts USING (ref)",
            "lake.facts, lake.dims", "lake.facts SEMI JOIN lake.dims USING (ref), lake.dims d2", "lake.dims RIGHT JOIN lake.facts USING (ref)",
            f"(SELECT * FROM lake.facts WHERE {self.predicate_facts()}) f JOIN lake.dims USING (ref)",
            "lake.facts f JOIN lake.dims d ON f.ref = d.ref AND f.delta < 400",
        ])

    def predicate_facts(self):
        return self.pick(["delta >= 300", "delta < -400", "note LIKE 'S3%'", "ref > 999", "id % 7 = 3", "cast(note AS integer) >= 0", "amount > 900", "flag"])

    def statement(self):
        source = self.source()
        kind = self.r.randrange(12)
        where = f"WHERE {self.predicate()}" if self.r.random() < 0.85 else ""
        if "," in source:
            where = (where + " AND " if where else "WHERE ") + "id < 300"
        if kind < 4:
            return f"SELECT {self.aggregate()}, {self.aggregate()} FROM {source} {where}"
        if kind < 6:
            return f"SELECT {self.expression()} AS k, {self.aggregate()} FROM {source} {where} GROUP BY 1 ORDER BY 1, 2 LIMIT 20"
        if kind < 8:
            return f"SELECT {self.expression()} AS a, {self.expression()} AS b, id FROM {source} {where} ORDER BY id, 1, 2 LIMIT {self.pick([1, 5, 20])}"
        if kind == 8:
            return f"SELECT count(*) FROM (SELECT id, row_number() OVER (PARTITION BY {self.text()} ORDER BY id) AS n FROM {source} {where} QUALIFY n < 3) q"
        if kind == 9:
            return f"SELECT count(*) FROM lake.dims d1 WHERE EXISTS (SELECT 1 FROM lake.facts WHERE facts.ref = d1.ref AND {self.predicate_facts()})"
        if kind == 10:
            return f"WITH c AS MATERIALIZED (SELECT * FROM {source} {where}) SELECT count(*), min(delta) FROM c WHERE {self.predicate()}"
        return f"SELECT count(*) FROM (SELECT id FROM lake.facts WHERE {self.predicate_facts()} {self.pick(['UNION', 'INTERSECT', 'EXCEPT', 'UNION ALL'])} SELECT id FROM lake.facts WHERE delta < {self.constant()}) u"


def statements(seed, count):
    grammar = Grammar(seed)
    return [grammar.statement() for _ in range(count)]
