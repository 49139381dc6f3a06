"""Twin tables for the suppression of small groups: "lhs" and "rhs" agree in what may be known (for every region and
year with at least five people: how many, the sums of pay and bonus, how many differ) and in nothing else. Whatever a
statement does, its answer over the one must be its answer over the other, byte for byte."""
import pyarrow
import pyarrow.parquet

from security.lake import column, manifest, product

SIZE = 5
REGIONS = {"north": 2020, "south": 2020, "west": 2021}  # of 40 people each
SMALL = 4


def people(twin):
    """id, region, year, name, pay, bonus; ids 1000 and up live in small cells, whose values are canaries."""
    rows = []
    for region, year in REGIONS.items():
        for i in range(40):
            # The same sums, other values: one gives what the next gets.
            shift = (-1) ** i * (i // 2 + 1) * (1 if twin == "lhs" else 7)
            rows.append((len(rows), region, year, f"{twin}-{i}", 5000 + shift, 100.0 + shift))
    for i in range(SMALL):
        rows.append((1000 + i, "S3CRET-1" if twin == "lhs" else "17", 2077, f"S3CRET {twin}", 777_000 + (i if twin == "lhs" else 5 * i), 1.5))
    # A cell of six rows, but of one person.
    rows += [(2000 + i if twin == "lhs" else 2000, "alone", 2020, f"{twin} {i}", 888_000 + i, 2.5) for i in range(0 if twin == "lhs" else 6)]
    return rows


COLUMNS = [column("id", "integer"), column("region"), column("year", "integer"), column("name"), column("pay", "integer"), column("bonus", "number")]


def write_sources(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for twin in ("lhs", "rhs"):
        names = [c["name"] for c in COLUMNS]
        table = pyarrow.Table.from_pylist([dict(zip(names, row)) for row in people(twin)])
        pyarrow.parquet.write_table(table, folder / f"staff_{twin}.parquet", row_group_size=20)


def manifests():
    files = {
        "mesh.yaml": manifest("Mesh", "weft", {"owners": ["admins"]}),
        "governance/policies/small.yaml": manifest("Policy", "small", {
            "effect": "suppress", "on": {"tables": ["*.staff"]}, "minGroup": SIZE, "groupBy": ["region", "year"], "subject": "id", "unless": {"groups": ["hr"]}}),
        "governance/policies/totals.yaml": manifest("Policy", "totals", {"effect": "suppress", "on": {"tables": ["*.staff"]}, "to": {"groups": ["totals"]}, "minGroup": 3}),
    }
    for twin in ("lhs", "rhs"):
        one = product(twin, "staff", COLUMNS)
        files |= {path: text.replace("staff.parquet", f"staff_{twin}.parquet") for path, text in one.items()}
        files[f"domains/{twin}/domain.yaml"] = manifest("Domain", twin, {"owners": [f"{twin}-owners"]})
        files[f"domains/{twin}/policies/read.yaml"] = manifest("Policy", "read", {
            "effect": "allow", "on": {"products": ["staff"]}, "to": {"groups": ["analysts", "hr", "totals"]}})
    return files


# Answered, with what they must give.
ANSWERED = [
    ("SELECT count(*) FROM staff", [(120,)]),
    ("SELECT region, count(*), sum(pay), avg(bonus) FROM staff GROUP BY region ORDER BY region", [("north", 40, 200000, 100.0), ("south", 40, 200000, 100.0), ("west", 40, 200000, 100.0)]),
    ("SELECT region, year FROM staff GROUP BY ALL ORDER BY 1", [("north", 2020), ("south", 2020), ("west", 2021)]),
    ("SELECT DISTINCT year FROM staff ORDER BY 1", [(2020,), (2021,)]),
    ("SELECT sum(pay) FROM staff WHERE region = 'north'", [(200000,)]),
    ("SELECT upper(region) r, sum(pay) / count(*) FROM staff WHERE year BETWEEN 2000 AND 2020 GROUP BY r HAVING sum(pay) > 10 ORDER BY sum(pay), r", [("NORTH", 5000.0), ("SOUTH", 5000.0)]),
    ("SELECT count(DISTINCT id) FROM staff s", [(120,)]),
    ("SELECT sum(s.pay) FROM staff AS s JOIN (VALUES ('north', 2), ('south', 3)) f(region, n) ON f.region = s.region", [(400000,)]),
    ("SELECT t.r, t.s FROM (SELECT region r, sum(pay) s FROM staff GROUP BY region) t WHERE t.s > 1 ORDER BY 1 LIMIT 1", [("north", 200000)]),
    ("WITH c AS (SELECT year, sum(pay) FILTER (WHERE region <> 'south') AS paid FROM staff GROUP BY year) SELECT * FROM c ORDER BY 1", [(2020, 200000), (2021, 200000)]),
    ("SELECT (SELECT avg(pay) FROM staff), (SELECT count(*) FROM staff WHERE year = 2021)", [(5000.0, 40)]),
    ("SELECT region, sum(sum(pay)) OVER (ORDER BY region) FROM staff GROUP BY region ORDER BY 1 LIMIT 2", [("north", 200000), ("south", 400000)]),
    ("SELECT sum(pay) FROM staff WHERE region IN ('alone', '17', 'S3CRET-1')", [(None,)]),
    ("SELECT sum(pay) FROM staff GROUP BY ROLLUP (region) ORDER BY 1", [(200000,), (200000,), (200000,), (600000,)]),
]

# Ways to a single row, or to a cell that is too small. Refused or empty: never another answer for the other twin.
ATTACKS = [
    "SELECT * FROM staff", "SELECT pay FROM staff", "SELECT staff FROM staff", "SELECT s FROM staff s", "SELECT count(s) FROM staff s", "FROM staff", "TABLE staff",
    "SELECT min(pay), max(pay) FROM staff", "SELECT median(pay) FROM staff", "SELECT quantile_disc(pay, 0.99) FROM staff", "SELECT any_value(pay) FROM staff",
    "SELECT arg_max(name, pay) FROM staff", "SELECT string_agg(name, ',') FROM staff", "SELECT list(pay) FROM staff", "SELECT histogram(pay) FROM staff",
    "SELECT mode(pay) FROM staff", "SELECT stddev(pay) FROM staff", "SELECT first(pay) FROM staff", "SELECT product(pay) FROM staff", "SELECT bit_xor(pay) FROM staff",
    "SELECT approx_quantile(pay, 0.5) FROM staff", "SELECT approx_count_distinct(pay) FROM staff", "SELECT entropy(pay) FROM staff", "SELECT max_by(pay, id) FROM staff",
    "SELECT sum(pay) FROM staff WHERE id = 7", "SELECT sum(pay) FROM staff WHERE name LIKE '%-7'", "SELECT sum(pay) FROM staff WHERE pay > 5010", "SELECT avg(pay) FROM staff WHERE id <> 7",
    "SELECT id, sum(pay) FROM staff GROUP BY id", "SELECT sum(pay) FROM staff GROUP BY id % 10", "SELECT sum(pay) FROM staff GROUP BY GROUPING SETS ((id), ())",
    "SELECT sum(pay) FROM staff GROUP BY name = 'lhs-7'", "SELECT sum(pay), name FROM staff GROUP BY ALL", "SELECT sum(pay) FROM staff GROUP BY #1",
    "SELECT sum(pay * pay) FROM staff", "SELECT sum(CASE WHEN id = 7 THEN pay END) FROM staff", "SELECT sum(pay) FILTER (WHERE id = 7) FROM staff", "SELECT sum(DISTINCT pay) FROM staff",
    "SELECT sum(pay::double) FROM staff", "SELECT sum(pay + 0) FROM staff", "SELECT sum(COLUMNS('pa.*')) FROM staff", "SELECT COLUMNS(c -> c = 'pay') FROM staff", "SELECT sum(pow(pay, 3)) FROM staff",
    "SELECT sum(pay ORDER BY id) FROM staff", "SELECT sum(pay) FROM staff HAVING max(pay) > 5010", "SELECT region FROM staff GROUP BY region HAVING max(id) = 1003",
    "SELECT sum(pay) OVER (ORDER BY region ROWS 1 PRECEDING) FROM staff", "SELECT sum(pay) OVER (PARTITION BY id) FROM staff", "SELECT lag(pay) OVER () FROM staff",
    "SELECT count(*) OVER (PARTITION BY pay) FROM staff", "SELECT region FROM staff QUALIFY row_number() OVER (ORDER BY pay) = 1", "SELECT region FROM staff ORDER BY pay LIMIT 1",
    "SELECT DISTINCT ON (region) pay FROM staff", "SELECT region FROM staff ORDER BY (SELECT pay)", "SELECT sum(pay) FROM (SELECT * FROM staff LIMIT 1)", "SELECT sum(pay) FROM (SELECT pay FROM staff WHERE id = 1)",
    "WITH c AS (SELECT * FROM staff) SELECT sum(pay) FROM c", "WITH c AS MATERIALIZED (SELECT pay, id FROM staff) SELECT sum(pay) FROM c WHERE id = 7",
    "SELECT sum(pay) FROM staff TABLESAMPLE 1 ROWS", "SELECT sum(pay) FROM staff USING SAMPLE 3", "SELECT count(*), sum(pay) FROM staff TABLESAMPLE 2%", "SELECT sum(pay) FROM staff WHERE random() < 0.02",
    "SELECT sum(pay) FILTER (WHERE random() < 0.02) FROM staff", "SELECT sum(pay) FROM staff JOIN range(3) ON random() < 0.01", "SELECT sum(pay), uuid() FROM staff GROUP BY ALL",
    "SELECT n, sum(pay) FROM staff POSITIONAL JOIN range(200) r(n) GROUP BY n", "SELECT sum(pay) FROM (VALUES ('north')) v(r) ASOF JOIN staff ON v.r >= staff.region",
    "SELECT sum(pay) FROM staff JOIN range(200) r(n) ON n = id WHERE n = 7", "SELECT sum(pay) FROM staff NATURAL JOIN (SELECT 7 AS id)", "SELECT sum(pay) FROM staff JOIN (SELECT 7 AS id) USING (id)",
    "SELECT sum(pay) FROM staff WHERE EXISTS (SELECT 1 FROM range(5) r(n) WHERE n = id)", "SELECT sum(pay) FROM staff SEMI JOIN range(5) r(id) USING (id)", "SELECT (SELECT sum(pay)) FROM staff",
    "SELECT (SELECT sum(staff.pay)) FROM staff", "SELECT region, (SELECT sum(s.pay) FROM range(1)) FROM staff s", "SELECT v FROM staff, LATERAL (SELECT sum(staff.pay) v)", "SELECT v FROM staff, LATERAL (SELECT sum(pay) AS v FROM range(1))",
    "SELECT v FROM staff, unnest([pay]) u(v)", "SELECT v FROM staff, unnest([sum(pay)]) u(v)", "SELECT v FROM staff, range(sum(pay)::int) u(v) LIMIT 3", "SELECT v FROM staff, (VALUES (sum(pay))) u(v)",
    "SELECT v FROM staff JOIN LATERAL (VALUES (pay)) u(v) ON true", "SELECT unnest(list(pay)) FROM staff", "SELECT list_transform([1], lambda x: sum(pay)) FROM staff", "SELECT list_transform([1, 2], lambda x: pay) FROM staff",
    "SELECT sum(a) FROM staff AS s(a, b, c, d, e, f) GROUP BY d", "SELECT a FROM staff AS s(a)", "SELECT pay.sum() FROM staff", "SELECT name.upper() FROM staff", "PIVOT staff ON region USING sum(pay)",
    "PIVOT staff ON region IN ('north') USING max(pay)", "UNPIVOT staff ON pay, id", "SUMMARIZE staff", "SUMMARIZE SELECT pay FROM staff", "DESCRIBE staff", "SELECT to_json(staff) FROM staff", "SELECT staff.* FROM staff",
    "SELECT sum(pay) FROM staff AT (VERSION => 1)", "SELECT sum(pay) FROM staff UNION ALL SELECT pay FROM staff", "SELECT sum(pay) FROM staff INTERSECT SELECT pay FROM staff", "SELECT 5001 IN (SELECT pay FROM staff)",
    "SELECT sum(pay) > ANY (SELECT pay FROM staff) FROM staff", "SELECT EXISTS (SELECT 1 FROM staff WHERE pay = 5001)", "SELECT count(*) FROM staff a, staff b WHERE a.id = b.id AND a.pay > b.bonus",
    "SELECT sum(a.pay) FROM staff a, staff b WHERE b.id = 7", "SELECT sum(a.pay) FROM staff a WHERE a.pay < (SELECT avg(pay) FROM staff)", "SELECT sum(pay) FROM staff WHERE rowid = 1", "SELECT sum(pay) FROM staff GROUP BY file_row_number",
    "SELECT sum(pay) FROM staff GROUP BY \"weft row\"", "SELECT sum(pay) FROM staff LIMIT (SELECT max(pay) FROM staff)", "SELECT region FROM staff WHERE region::int > 3", "SELECT list_transform([region], lambda x: x::int) FROM staff",
    "SELECT count(*) FROM staff WHERE year >= 2050 AND cast(region || '0' AS smallint) IS NOT NULL", "SELECT min(region), max(region), max(year) FROM staff", "SELECT count(*) FROM staff WHERE year = 2077", "SELECT region FROM staff WHERE year + 1 > 2050",
    "SELECT sum(pay) / sum(bonus) FROM staff WHERE region <> 'north' AND year = 2020", "WITH RECURSIVE r(n, p) AS (SELECT 0, 0 UNION ALL SELECT n + 1, (SELECT pay FROM staff WHERE id = n) FROM r WHERE n < 5) SELECT * FROM r",
    "WITH RECURSIVE r(p) AS (SELECT sum(pay) FROM staff UNION SELECT pay FROM staff) SELECT * FROM r", "SELECT sum(x) FROM (SELECT pay AS x FROM staff) GROUP BY x", "SELECT mean(pay) FROM staff GROUP BY left(name, 1), id",
    "SELECT sum(region) FROM (SELECT pay AS region FROM staff)", "SELECT fsum(pay), kahan_sum(bonus) FROM staff", "SELECT count(pay > 5010 OR NULL) FROM staff", "SELECT count_if(pay > 5010) FROM staff", "SELECT corr(pay, id) FROM staff",
    "SELECT regr_slope(pay, bonus) FROM staff", "SELECT weighted_avg(pay, id) FROM staff", "SELECT count(DISTINCT pay % 7) FROM staff", "SELECT count(DISTINCT (id, pay)) FROM staff", "SELECT reservoir_quantile(pay, 0.5) FROM staff",
    "SELECT TRY(sum(pay)) FROM staff WHERE TRY(pay::tinyint) IS NULL", "SELECT coalesce(pay, 0) FROM staff", "SELECT struct_pack(a := pay) FROM staff", "SELECT {'a': pay} FROM staff", "SELECT row(pay) FROM staff", "SELECT sum(pay) s FROM staff ORDER BY pay",
    "SELECT sum(\"PAY\") FROM staff GROUP BY \"ID\"", "SELECT sum(lhs.staff.pay) FROM staff GROUP BY staff.id", "SELECT EXISTS (SELECT sum(pay) FROM staff HAVING min(pay) = 4980)", "SELECT sum(pay) FROM staff WINDOW w AS (ORDER BY pay)",
]
