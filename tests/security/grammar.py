"""Statements that a curious analyst could write over the twin lakes (twin.py). Deterministic for a seed.

Every shape below once carried a hidden value past some barrier, or could: predicates that raise, lambdas, nested
casts, statistics, dictionaries, joins and sets, windows, samples, versions, EXPLAIN, patterns of columns.
"""
import random

NUMBERS = ["delta", "id", "ref", "amount", "length(note)", "level", "ratio", "pay"]
TEXTS = ["note", "region", "name", "secret", "mail", "tags[1]", "card"]
DAYS = ["day", "born", "at::date"]
# Where hidden rows differ most, and what has shown it: of facts alone.
SHARP_NUMBERS = ["delta", "amount", "ref", "ratio"]
SHARP_TEXTS = ["note", "tags[1]"]
SHARP = [
    "SELECT count(*) FROM lake.facts WHERE {x} IS NOT NULL", "SELECT {a} FROM lake.facts WHERE {x} IS NOT NULL", "SELECT count(*) FROM lake.facts WHERE {f} AND {x} IS NOT NULL", "SELECT {x} FROM lake.facts WHERE {f}",
    "SELECT count(*) FROM lake.facts WHERE {n} >= 300 AND {x} IS NOT NULL", "SELECT max({x}) FROM lake.facts WHERE {n} < {k}", "SELECT {x}, count(*) FROM lake.facts GROUP BY 1 ORDER BY 1, 2 LIMIT 5", "SELECT count(*) FROM lake.facts WHERE list_transform([{t}], lambda x: x::int)[1] > {k}",
    "SELECT count(*) FROM lake.facts WHERE cast([{t}] AS integer[])[1] IS NOT NULL AND {f}", "SELECT count(*) FROM lake.facts WHERE {n} > {k} AND cast({t} || '0' AS smallint) IS NOT NULL", "SELECT count(*) FROM lake.facts JOIN lake.dims USING (ref) WHERE {x} IS NULL",
]
CONSTANTS = [0, 1, 5, 42, 100, 199, 200, 250, 300, 320, 376, 377, -1, -400, -423, -500, 1000, 1040, 99999]
RAISING = [
    "cast({t} AS integer)", "cast({t} || '0' AS smallint)", "list_transform([{t}], lambda x: x::int)[1]", "cast([{t}] AS integer[])[1]",
    "1 / ({n} - 300)", "cast({n} AS tinyint)", "cast({n} AS utinyint)", "try_cast({t} AS integer)", "substring({t}, {n}::int, 3)",
    "cast({n} * 100000000 AS integer)", "date '2025-01-01' + cast({n} AS integer)", "strptime({t}, '%Y')", "chr(cast({n} AS integer))",
    "list_transform([{t}], lambda x: CASE WHEN x LIKE 'S3%' THEN cast(x AS int) ELSE 0 END)[1]", "ln({n} - 200)", "sqrt({n} + 1)",
    "cast(to_json({t}) AS integer)", "json_extract_string({t}, '$.a')", "struct_pack(a := cast({t} AS integer)).a", "coalesce(cast({t} AS integer), 0)",
    "CASE WHEN {n} > 250 THEN cast({t} AS integer) ELSE 0 END", "list_reduce([{n}, 2], lambda x, y: (x + y)::tinyint)", "epoch_ms(cast({n} AS bigint) * 1000000000000)",
    "regexp_extract({t}, '([0-9]+)')::tinyint", "printf('%d', {n}::int)::tinyint", "nullif({t}, 'x')::int", "map([{t}], [1])[{t}]", "bit_count({n}::int)",
    "try(cast({t} AS integer))", "{n} % ({n}::int - 42)", "repeat({t}, ({n}::int - 300) * 3)", "{t}::date", "{t}::uuid", "{t}::boolean", "{t}::decimal(3,1)", "{t}::json",
    "make_date({n}::int, 1, 1)", "factorial({n}::int)", "gcd({n}::int, 0) / 0", "{d} - {n}::int", "{d} + to_days({n}::int * 100000)", "date_trunc('month', {d})", "extract(year FROM {d}) / (extract(month FROM {d}) - 2)",
    "cast({d} AS timestamp_ns)", "strftime({d}, {t})", "array_extract([1, 2], {n}::int)", "list_slice([1, 2, 3], {n}::int, 2)", "{t}[{n}::int:]", "decode(encode({t}))", "from_hex({t})", "from_base64({t})",
    "list_transform([1, 2], lambda x: {t}::int + x)", "list_filter([{n}], lambda x: 1 / (x - 320) IS NOT NULL)", "list_reduce([1, 2], lambda x, y: {n}::tinyint)", "[x::int FOR x IN [{t}] IF x > 'S']",
    "struct_extract({{'a': {t}::int}}, 'a')", "cast({{'a': {t}}} AS STRUCT(a int))", "cast(map([{t}], [{n}]) AS MAP(int, tinyint))", "unnest([{t}::int])", "list_aggregate([{t}], 'min')::int", "list_sort([{n}::tinyint])",
    "json_transform('{{\"a\": \"' || {t} || '\"}}', '{{\"a\": \"INTEGER\"}}')", "format('{{:d}}', {n}::int)::utinyint", "regexp_replace({t}, {t}, '')", "{t} SIMILAR TO ({t} || '(')", "greatest({n}, 300)::tinyint",
    "hash({t}) % 3", "bitstring({t}, 10)", "lpad({t}, {n}::int, 'x')", "generate_subscripts([{t}::int], 1)", "range({n}::int)[1]", "time_bucket(INTERVAL (({n}::int)) DAY, {d})", "age({d})", "to_timestamp({n} * 1e12)",
    "{n}::float::decimal(4,1)", "cast({n} AS BIT)", "power({n}, 200)", "exp({n} * 10)", "{n}::hugeint * 170141183460469231731687303715884105727", "error_free(1)", "isoyear({d})::utinyint", "current_setting({t})",
]
AGGREGATES = [
    "count(*)", "min({n})", "max({t})", "sum({n})", "count(DISTINCT {t})", "avg({n})", "approx_count_distinct({t})", "min({x})", "quantile_cont(delta, 0.9)", "max({d})", "min(at)", "bool_or(flag)",
    "string_agg(DISTINCT {t}, ',' ORDER BY {t})", "mode({t})", "arg_max({t}, id)", "histogram(delta % 5)", "first({t} ORDER BY {n}, id)", "last({t} ORDER BY id)", "any_value({t})", "list({n} ORDER BY id)[:5]",
    "approx_quantile({n}, 0.5)", "approx_top_k({t}, 3)", "quantile_disc({n}, [0.1, 0.9])", "median({n})", "stddev({n})", "var_pop({n})", "corr({n}, {n})", "regr_slope({n}, {n})", "entropy({t})", "kurtosis({n})", "mad({n})",
    "reservoir_quantile({n}, 0.5)", "fsum({n})", "product({n})", "bit_or({n}::int)", "bitstring_agg({n}::int, -1000, 2000)", "min({t}, 3)", "max({n}, 2)", "arg_min({t}, {n}, 2)", "count(*) FILTER (WHERE {p})",
    "max({t}) FILTER (WHERE {p})", "sum({x})", "list(DISTINCT {t} ORDER BY {t})[:3]", "json_group_array(DISTINCT {t} ORDER BY {t})", "map_from_entries(list(({t}, {n}) ORDER BY id)[:1])", "bool_and({p})", "count_if({p})",
    "histogram({d})", "min(struct_pack(k := {n}, v := {t}))", "max([{n}])", "weighted_avg({n}, {n})", "geometric_mean({n})", "sum(DISTINCT {n})", "group_concat({t}, '' ORDER BY {n}, id)[:20]",
]
WINDOWS = [
    "row_number() OVER (PARTITION BY {t} ORDER BY id)", "rank() OVER (ORDER BY {n}, id)", "sum({n}) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING)", "lag({t}) OVER (ORDER BY id)", "lead({t}, 2, 'none') OVER (ORDER BY id)",
    "max({n}) OVER (ORDER BY id RANGE BETWEEN 10 PRECEDING AND 10 FOLLOWING)", "count(*) OVER (ORDER BY id GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW)", "first_value({t}) OVER (PARTITION BY region ORDER BY {n}, id)",
    "nth_value({t}, 3) OVER (ORDER BY id)", "ntile(7) OVER (ORDER BY id)", "percent_rank() OVER (ORDER BY {n}, id)", "cume_dist() OVER (PARTITION BY region ORDER BY {n}, id)", "min({x}) OVER (PARTITION BY {t})",
    "sum({n}) FILTER (WHERE {p}) OVER (ORDER BY id)", "avg({n}) OVER (ORDER BY id ROWS BETWEEN {k} PRECEDING AND CURRENT ROW)", "count(DISTINCT {t}) OVER (ORDER BY id ROWS 20 PRECEDING)", "mode({t}) OVER (ORDER BY id ROWS 5 PRECEDING)",
    "lag({t}, {n}::int) OVER (ORDER BY id)", "ntile({n}::int) OVER (ORDER BY id)", "last_value({t} IGNORE NULLS) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
]
WITHIN_FACTS = ["delta >= 300", "delta < -400", "note LIKE 'S3%'", "ref > 999", "id % 7 = 3", "cast(note AS integer) >= 0", "amount > 900", "flag", "isnan(ratio)", "ratio > 1e100", "list_contains(tags, 'S3CRET-a1')",
                "day > DATE '2030-01-01'", "note IS NULL", "id IN (3, 10, 60001)", "id BETWEEN 60000 AND 61999"]
VERSIONS = ["AT (VERSION => 1)", "AT (VERSION => 2)", "AT (VERSION => 3)", "AT (TIMESTAMP => TIMESTAMP '2100-01-01')", "AT (TIMESTAMP => TIMESTAMP '2000-01-01')"]
SOURCES = [
    "lake.facts JOIN lake.dims USING (ref)", "lake.facts LEFT JOIN lake.dims USING (ref)", "lake.dims LEFT JOIN lake.facts USING (ref)", "lake.facts, lake.dims", "lake.facts SEMI JOIN lake.dims USING (ref), lake.dims d2",
    "lake.dims RIGHT JOIN lake.facts USING (ref)", "lake.facts FULL JOIN lake.dims USING (ref)", "(SELECT * FROM lake.facts WHERE {f}) f JOIN lake.dims USING (ref)", "lake.facts f JOIN lake.dims d ON f.ref = d.ref AND f.delta < 400",
    "lake.facts ANTI JOIN lake.{m} USING (id), lake.dims", "lake.facts ASOF JOIN lake.dims USING (ref)", "lake.dims ASOF LEFT JOIN lake.facts ON dims.ref >= facts.id AND dims.ref = facts.ref",
    "lake.facts POSITIONAL JOIN lake.dims", "lake.dims, LATERAL (SELECT * FROM lake.facts WHERE facts.ref = dims.ref AND {f} LIMIT 3) f", "lake.facts {v} JOIN lake.dims USING (ref)",
    "(SELECT * FROM lake.facts {v} EXCEPT SELECT * FROM lake.facts) f JOIN lake.dims USING (ref)", "(FROM lake.facts TABLESAMPLE reservoir(200 ROWS) REPEATABLE (7)) f JOIN lake.dims USING (ref)",
    "(FROM lake.facts TABLESAMPLE bernoulli(5%) REPEATABLE (7)) f JOIN lake.dims USING (ref)", "(SELECT DISTINCT ON (note) * FROM lake.facts ORDER BY note, id) f JOIN lake.dims USING (ref)",
    "(SELECT * FROM lake.facts ORDER BY delta DESC, id LIMIT 50) f JOIN lake.dims USING (ref)", "(SELECT * FROM lake.facts LIMIT 30 OFFSET 59990) f JOIN lake.dims USING (ref)", "(SELECT * FROM lake.facts LIMIT 1%) f JOIN lake.dims USING (ref)",
    "lake.facts JOIN lake.dims ON facts.ref = dims.ref AND cast(note AS integer) = level", "lake.facts JOIN (SELECT ref AS ref, name, secret, mail, level, born, pay, card FROM lake.dims WHERE {q}) d USING (ref)",
]
OWN = [  # whole statements of their own shape
    "SELECT * FROM lake.few TABLESAMPLE 50% (system, 5)", "SELECT * FROM lake.few TABLESAMPLE 5% (bernoulli, 5)", "SELECT id FROM lake.few USING SAMPLE 9 ROWS (reservoir, 5)", "SELECT {a} FROM (SELECT *, ref: id, level: delta, name: note, secret: note, mail: note, card: note, tags: [note], ratio: delta, pay: delta, amount: delta, flag: true, day: DATE '2025-01-01', born: DATE '2025-01-01', at: TIMESTAMPTZ '2025-01-01 00:00:00+00' FROM lake.few) WHERE {p}",
    "SELECT count(*), min(delta), max(note) FROM lake.{m} WHERE {c}", "SELECT region, count(*) FROM lake.{m} GROUP BY ALL ORDER BY ALL", "SELECT * FROM lake.{m} WHERE {c} ORDER BY id LIMIT 5",
    "EXPLAIN SELECT * FROM lake.facts WHERE {f}", "EXPLAIN SELECT * FROM lake.{m}", "EXPLAIN SELECT * FROM lake.facts {v}", "SUMMARIZE SELECT id, delta, note, flag FROM lake.facts WHERE {f}", "SUMMARIZE lake.dims",
    "DESCRIBE SELECT {x}, {a} FROM lake.facts, lake.dims GROUP BY 1", "PIVOT (SELECT region, delta, note, id FROM lake.facts WHERE id < 500) ON region IN ('north', 'hidden') USING max(note), count(*) GROUP BY delta ORDER BY delta LIMIT 5",
    "PIVOT lake.{m} ON region IN ('north', 'hidden', 'hidden too') USING sum(delta), max(note) GROUP BY id % 3 AS k ORDER BY k", "UNPIVOT (SELECT id, delta, ref FROM lake.facts WHERE {f}) ON delta, ref INTO NAME n VALUE v ORDER BY id, n LIMIT 9",
    "SELECT min(COLUMNS('^[a-z]a.*')) FROM lake.facts, lake.dims WHERE id < 300 AND {p}", "SELECT COLUMNS(c -> c LIKE '%a%') FROM lake.facts WHERE {f} ORDER BY ALL LIMIT 5", "SELECT * EXCLUDE (at) REPLACE (upper(note) AS note) FROM lake.facts WHERE {f} ORDER BY id LIMIT 5",
    "SELECT f FROM lake.facts f WHERE {f} ORDER BY id LIMIT 3", "SELECT to_json(d) FROM lake.dims d WHERE {q} ORDER BY ref LIMIT 3", "SELECT d.*, hash(d) FROM lake.dims d WHERE {q} ORDER BY ref LIMIT 3", "SELECT rowid, filename FROM lake.facts",
    "SELECT region, note, count(*) FROM lake.facts WHERE {f} GROUP BY ROLLUP (region, note) ORDER BY ALL LIMIT 9", "SELECT grouping(region), count(*) FROM lake.facts GROUP BY CUBE (region, flag) ORDER BY ALL", "SELECT count(*) FROM lake.facts GROUP BY GROUPING SETS ((note), ()) ORDER BY 1 LIMIT 5",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < (SELECT count(*) FROM lake.dims WHERE {q} AND ref < 9)) SELECT max(n) FROM r",
    "WITH RECURSIVE r(k, v) USING KEY (k) AS (SELECT ref % 5, ref FROM lake.dims WHERE {q} UNION SELECT k, v + 1 FROM r WHERE v < 500) SELECT * FROM r ORDER BY ALL",
    "SELECT count(*) FROM lake.dims d1 WHERE EXISTS (SELECT 1 FROM lake.facts WHERE facts.ref = d1.ref AND {f})", "SELECT count(*) FROM lake.dims d1 WHERE level IN (SELECT delta FROM lake.facts WHERE facts.ref = d1.ref AND {f})",
    "SELECT ref, (SELECT max(note) FROM lake.facts f WHERE f.ref = d1.ref AND {f}) FROM lake.dims d1 WHERE {q} ORDER BY ref LIMIT 5", "SELECT (SELECT note FROM lake.facts WHERE {f})", "SELECT count(*) FROM lake.dims WHERE ref > ALL (SELECT delta FROM lake.facts WHERE {f})",
    "SELECT count(*) FROM (SELECT id FROM lake.facts WHERE {f} {s} SELECT id FROM lake.facts WHERE delta < {k}) u", "SELECT count(*) FROM (SELECT note, delta FROM lake.facts WHERE {f} {s} SELECT note, delta FROM lake.{m} WHERE {c}) u",
    "SELECT * FROM lake.facts f1 JOIN lake.facts f2 ON f1.id = f2.id + 1 WHERE f1.id < 200 AND f1.delta > f2.delta ORDER BY f1.id LIMIT 3", "SELECT a.note, count(*) FROM lake.facts {v} a JOIN lake.facts b USING (id) WHERE a.{f1} GROUP BY 1 ORDER BY 1 LIMIT 5",
    "SELECT table_name, column_name, data_type FROM information_schema.columns ORDER BY 1, ordinal_position", "SELECT relname, reltuples, relpages FROM pg_catalog.pg_class ORDER BY 1", "SELECT table_name, row_count, bytes, files FROM mesh.tables ORDER BY 1", "SELECT * FROM mesh.columns ORDER BY ALL",
    "SELECT note FROM lake.facts WHERE {f} ORDER BY note COLLATE NOCASE, id LIMIT 5", "VALUES ((SELECT count(*) FROM lake.facts WHERE {f}))", "SELECT x FROM (SELECT unnest(tags) AS x FROM lake.facts WHERE {f}) q GROUP BY x ORDER BY x", "SELECT DISTINCT note, delta FROM lake.facts WHERE {f} ORDER BY 1, 2 LIMIT 5",
    "SELECT id, note FROM lake.facts LIMIT (SELECT delta FROM lake.facts WHERE {f} ORDER BY id LIMIT 1)", "SELECT id FROM lake.facts USING SAMPLE 9 ROWS (reservoir, 5)", "SELECT count(*) FROM lake.facts USING SAMPLE 5% (bernoulli, 5)", "SELECT count(*), min(id), max(id) FROM lake.facts TABLESAMPLE 20% (system, 5)",
    "SELECT count(*), max(id) FROM (SELECT * FROM lake.facts WHERE {f}) TABLESAMPLE system(30%) REPEATABLE (11)", "SELECT born, pay, card, secret, mail FROM lake.dims WHERE {q} ORDER BY born, pay, ref LIMIT 5", "SELECT min(born), max(born), min(pay), max(pay), min(card), max(mail) FROM lake.dims WHERE {q}",
    "SELECT count(*) FROM lake.dims WHERE born = DATE '1960-01-01' AND {q}", "SELECT count(*) FROM lake.dims WHERE pay {o} {k}000 AND {q}", "SELECT count(*) FROM lake.dims a JOIN lake.dims b ON a.card = b.card OR a.pay = b.pay + 1 WHERE {o1}", "SELECT histogram(pay), approx_top_k(card, 2) FROM lake.dims WHERE {q}",
    "SELECT pay // 1000 AS k, count(*), bool_and(pay % 1000 = 0) FROM lake.dims WHERE {q} GROUP BY 1 ORDER BY 1", "SELECT count(*) FROM lake.dims WHERE cast(card AS integer) IS NOT NULL", "SELECT count(*) FROM lake.dims WHERE {q} AND mail LIKE '%1%'", "SELECT length(card), length(mail), count(*) FROM lake.dims GROUP BY ALL ORDER BY ALL",
    "SELECT row_number() OVER (), id FROM lake.facts LIMIT 5 OFFSET 70000", "SELECT id, {w} AS w FROM lake.facts, lake.dims WHERE facts.ref = dims.ref AND id < 400 QUALIFY w IS NOT NULL ORDER BY ALL LIMIT 5", "SELECT nosuch, {t} FROM lake.facts", "SELECT {t} FROM lake.fact WHERE {p}", "SELECT {a} FROM lake.nosuch",
    "SELECT note, delta FROM lake.facts WHERE (note, delta) IN (SELECT note, delta FROM lake.{m}) AND {f} ORDER BY ALL LIMIT 5", "SELECT count(*) FROM lake.facts WHERE region IN ('hidden', 'west') AND {f}", "SELECT note FROM lake.facts WHERE {f} UNION BY NAME SELECT name AS note FROM lake.dims WHERE {q} ORDER BY 1 LIMIT 9",
]


SHAPES = [  # @@: FROM and WHERE
    "SELECT {a}, {a} @@", "SELECT {a}, {a} @@", "SELECT {a} @@", "SELECT {x} AS k, {a} @@ GROUP BY 1 ORDER BY 1, 2 LIMIT 20", "SELECT {t} AS k, {a} @@ GROUP BY 1 HAVING {a} IS NOT NULL ORDER BY 1, 2 LIMIT 20",
    "SELECT {x} AS a, {t} AS b, id @@ ORDER BY id, 1, 2 LIMIT 5", "SELECT {n} AS a, {x} AS b, id @@ ORDER BY id, 1, 2 LIMIT 20", "SELECT {d}, {t}, id @@ ORDER BY {n}, id LIMIT 5", "SELECT id, {w} AS w @@ ORDER BY id, 2 LIMIT 5",
    "SELECT count(*), min(w) FROM (SELECT id, {w} AS w @@) q", "SELECT count(*) FROM (SELECT id, row_number() OVER (PARTITION BY {t} ORDER BY id) AS n @@ QUALIFY n < 3) q", "SELECT DISTINCT {t}, {n} % 3 @@ ORDER BY ALL LIMIT 9",
    "WITH c AS MATERIALIZED (SELECT * @@) SELECT count(*), min(delta) FROM c WHERE delta {o} {k}", "WITH c AS (SELECT * @@) SELECT a.note, count(*) FROM c a JOIN c b ON a.id = b.id + 7 GROUP BY 1 ORDER BY 1 LIMIT 5",
    "SELECT {t}, {a} @@ GROUP BY ALL ORDER BY ALL LIMIT 9", "SELECT count(*) FROM (SELECT {x} AS v @@ LIMIT 1000) q", "SELECT {x} @@ LIMIT 3 OFFSET 50",
]


class Grammar:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.sharp = False

    def pick(self, items):
        return self.r.choice(items)

    def fill(self, shape, depth=0):
        """A shape with its holes filled: n number, t text, d day, k constant, x raising, p predicate …"""
        return shape.format_map(Holes(self, depth))

    def hole(self, name, depth):
        kind = name[0]
        if kind in "xpaw" and depth > 2:
            kind = "n"
        shapes = {"n": SHARP_NUMBERS if self.sharp else NUMBERS, "t": SHARP_TEXTS if self.sharp else TEXTS, "d": ["day"] if self.sharp else DAYS, "k": CONSTANTS, "x": RAISING, "a": AGGREGATES, "w": WINDOWS, "f": WITHIN_FACTS, "v": VERSIONS,
                  "o": ["=", "<", "<=", ">", ">=", "<>", "IS DISTINCT FROM"], "s": ["UNION", "INTERSECT", "EXCEPT", "UNION ALL", "EXCEPT ALL", "INTERSECT ALL"]}
        if kind == "m":
            return self.pick(["parts", "few"])
        if name == "f1":
            return self.pick(["delta >= 300", "ref > 999", "note > 'S'"])
        if name == "o1":
            return self.pick(["a.ref < 5", "b.level = 3", "a.pay > 5000", "a.born > b.born"])
        if kind == "p":
            return self.predicate(depth)
        if kind == "q":  # of dims alone
            return self.pick(["level > 3", "born < DATE '1970-06-15'", "pay > 5500", "card LIKE 'S3C%'", "secret = 'hidden'", "mail IS NULL", "cast(card AS integer) > 0", "cast(mail AS integer) > 0", "pay % 1000 = 0", "ref < 20",
                              "born = DATE '1955-03-02'", "pay BETWEEN 3001 AND 3999", "1 / (pay - 5007) IS NOT NULL", "card > 'S'", "length(card) > 3", "list_transform([card], x -> x::int)[1] IS NULL", "extract(month FROM born) > 1"])
        if kind == "c":  # of parts alone
            return self.pick(["delta > 100", "delta < 0", "region = 'hidden'", "region LIKE 'hid%'", "note > 'S'", "cast(note AS integer) >= 0", "id >= 100000", "cast(region AS integer) = 1", "1 / (delta - 7000) > -5", "true", "region <> 'hidden'", "note::tinyint < 20"])
        return self.fill(str(self.pick(shapes[kind])), depth + 1)

    def predicate(self, depth=0):
        if depth < 2 and self.r.random() < 0.25:
            return f"({self.predicate(depth + 1)} {self.pick(['AND', 'OR'])} {self.predicate(depth + 1)})"
        return self.fill(self.pick([
            "{n} {o} {k}", "{n} {o} {k}", "{x} IS NOT NULL", "{x} IS NULL", "{t} LIKE '%-a-%'", "{t} LIKE 'S3%'", "{t} NOT LIKE '4%'", "{t} ILIKE 'h%'", "{t} IN ('S3CRET-a-1', 'S3CRET-b-1', '7', 'north', 'hidden')",
            "day {o} DATE '2035-01-01'", "day {o} DATE '2025-02-01'", "day {o} DATE '2016-01-01'", "{n} BETWEEN {k} AND {k}", "NOT ({n} {o} {k})", "at > TIMESTAMPTZ '2027-06-01 00:00:00+00'", "at < TIMESTAMPTZ '2022-07-01 00:00:00+00'",
            "{n} IN ({k}, {k}, {k})", "{x} {o} {x}", "{d} {o} {d}", "{n} {o} {n}", "{t} {o} {t}", "flag", "tags[2] IS NULL", "list_contains(tags, 't1')", "len(tags) = 1", "ratio = 'nan'::double", "{t} BETWEEN 'S' AND 'T'",
            "starts_with({t}, 'S3')", "regexp_matches({t}, '^S3.*[0-9]$')", "CASE WHEN {n} {o} {k} THEN {x} IS NULL ELSE false END", "coalesce({x} IS NULL, true)", "{n} {o} (SELECT max(delta) FROM lake.facts)",
            "{t} = (SELECT max(note) FROM lake.facts WHERE delta {o} {k})", "{n} = ANY(SELECT delta FROM lake.{m})", "EXISTS (SELECT 1 FROM lake.{m} p WHERE p.delta > 5000)", "random() >= 0 AND {x} IS NOT NULL",
        ]), depth + 1)

    def statement(self):
        kind = self.r.random()
        self.sharp = kind < 0.3
        if self.sharp:
            return self.fill(self.pick(SHARP))
        if kind < 0.55:
            return self.fill(self.pick(OWN))
        source = self.fill(self.pick(SOURCES))
        where = f"WHERE {self.predicate()}" if self.r.random() < 0.85 else ""
        if any(many in source for many in (", ", "FULL", "POSITIONAL", "ANTI")):
            where = (where + " AND " if where else "WHERE ") + "id < 300"
        return self.fill(self.pick(SHAPES)).replace("@@", f"FROM {source} {where}")


class Holes(dict):
    """What str.format_map asks for a hole by its name."""

    def __init__(self, grammar, depth):
        super().__init__()
        self.grammar, self.depth = grammar, depth

    def __missing__(self, name):
        return self.grammar.hole(name, self.depth)


def statements(seed, count):
    grammar = Grammar(seed)
    return [grammar.statement() for _ in range(count)]
