"""Statements that a PostgreSQL and a node are asked alike; what may differ is in docs/sql.md. {t} is a table of people:
id integer, name, email, region text; rows 0 to 1999."""

SAME = r"""
SELECT 1
SELECT 1 AS one, 2 two
SELECT 5 / 2, -5 / 2, 5 % 3, -5 % 3
SELECT 5 / 2.0 > 2.4
SELECT 7.0::float8 / 2
SELECT 2 ^ 10
SELECT count(*), count(email), min(id), max(id) FROM {t}
SELECT count(DISTINCT region) FROM {t}
SELECT region, count(*) FROM {t} GROUP BY region ORDER BY region
SELECT region, count(*) FILTER (WHERE id < 10) FROM {t} GROUP BY 1 ORDER BY 1
SELECT region AS r, count(*) AS n FROM {t} GROUP BY r ORDER BY n, r
SELECT count(*) FROM {t} HAVING count(*) > 5000
SELECT id, name FROM {t} ORDER BY id LIMIT 3
SELECT id, name FROM {t} ORDER BY id DESC LIMIT 3 OFFSET 2
SELECT id FROM {t} ORDER BY id FETCH FIRST 2 ROWS ONLY
SELECT id FROM {t} ORDER BY id OFFSET 5 ROWS FETCH NEXT 1 ROW ONLY
SELECT DISTINCT region FROM {t} ORDER BY region
SELECT DISTINCT ON (region) region, id FROM {t} ORDER BY region, id
SELECT upper(name), lower(name), length(name) FROM {t} WHERE id = 7
SELECT name || '-' || region FROM {t} WHERE id = 7
SELECT coalesce(NULL, 'x'), nullif(1, 1), nullif(1, 2)
SELECT greatest(1, 2, 3), least(1, 2, 3), greatest(1, NULL), least(NULL, 2)
SELECT CASE WHEN id = 1 THEN 'one' ELSE 'other' END FROM {t} WHERE id < 2 ORDER BY id
SELECT CASE id WHEN 1 THEN 'one' END AS c FROM {t} WHERE id < 2 ORDER BY id
SELECT * FROM {t} WHERE id = 3
SELECT p.* FROM {t} p WHERE p.id = 3
SELECT p.id, q.id FROM {t} p JOIN {t} q ON p.id = q.id + 1 WHERE p.id < 3 ORDER BY p.id
SELECT p.id, q.id FROM {t} p LEFT JOIN {t} q ON q.id = p.id + 1999 WHERE p.id < 2 ORDER BY p.id
SELECT count(*) FROM {t} p CROSS JOIN (VALUES (1), (2)) v(x)
SELECT p.id, x.s FROM {t} p, LATERAL (SELECT p.id * 2 AS s) x WHERE p.id < 3 ORDER BY 1
SELECT p.id, x.n FROM {t} p CROSS JOIN LATERAL (SELECT count(*) AS n FROM {t} q WHERE q.id < p.id) x WHERE p.id < 3 ORDER BY 1
SELECT id FROM {t} WHERE id IN (1, 2, 3) ORDER BY id
SELECT id FROM {t} WHERE id IN (SELECT max(id) FROM {t})
SELECT id FROM {t} WHERE EXISTS (SELECT 1 FROM {t} q WHERE q.id = {t}.id AND q.id < 2) ORDER BY id
SELECT id FROM {t} WHERE id BETWEEN 2 AND 4 ORDER BY id
SELECT id FROM {t} WHERE name LIKE 'P1_' ORDER BY id LIMIT 2
SELECT id FROM {t} WHERE name ILIKE 'p1_' ORDER BY id LIMIT 2
SELECT id FROM {t} WHERE name NOT LIKE 'P%'
SELECT id FROM {t} WHERE name SIMILAR TO 'P(1|2)' ORDER BY id
SELECT id FROM {t} WHERE name ~ '^P1$'
SELECT id FROM {t} WHERE name ~* '^p1$'
SELECT id FROM {t} WHERE name !~ '^P' LIMIT 1
SELECT 'a%b' LIKE 'a\%b', 'a_b' LIKE 'a!_b' ESCAPE '!'
SELECT NULL IS NULL, NULL IS NOT NULL, 1 IS DISTINCT FROM NULL, NULL IS NOT DISTINCT FROM NULL
SELECT true AND NULL, false AND NULL, true OR NULL, NOT NULL::boolean
SELECT true, false, NULL::boolean
SELECT 't'::boolean, 'no'::boolean, 1::boolean, true::int, true::text
SELECT 1 = 1, 1 <> 2, 1 != 2, 'a' < 'b'
SELECT x FROM (VALUES (1), (NULL), (2)) v(x) ORDER BY x
SELECT x FROM (VALUES (1), (NULL), (2)) v(x) ORDER BY x DESC
SELECT x FROM (VALUES (1), (NULL), (2)) v(x) ORDER BY x NULLS FIRST
SELECT x FROM (VALUES (1), (NULL), (2)) v(x) ORDER BY x DESC NULLS LAST
SELECT x FROM (VALUES ('b'), ('A'), ('a'), ('B')) v(x) ORDER BY x
VALUES (1, 'a'), (2, 'b')
SELECT * FROM (VALUES (1, 'a')) AS v (n, s)
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT x, y FROM a, b
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n FROM r ORDER BY n
SELECT 1 UNION SELECT 1
SELECT 1 UNION ALL SELECT 1
SELECT 1 AS a INTERSECT SELECT 1
SELECT 1 AS a EXCEPT SELECT 2
SELECT region, count(*) FROM {t} GROUP BY GROUPING SETS ((region), ()) ORDER BY region
SELECT region, count(*) FROM {t} GROUP BY ROLLUP (region) ORDER BY region
SELECT region, name, count(*) FROM {t} WHERE id < 2 GROUP BY CUBE (region, name) ORDER BY 1, 2
SELECT GROUPING(region), count(*) FROM {t} GROUP BY ROLLUP (region) ORDER BY 1, 2
SELECT id, row_number() OVER (ORDER BY id DESC) FROM {t} WHERE id < 3 ORDER BY id
SELECT id, rank() OVER (PARTITION BY region ORDER BY id) FROM {t} WHERE id < 4 ORDER BY id
SELECT id, lag(id) OVER (ORDER BY id), lead(id) OVER (ORDER BY id) FROM {t} WHERE id < 3 ORDER BY id
SELECT id, first_value(id) OVER w, dense_rank() OVER w FROM {t} WHERE id < 3 WINDOW w AS (ORDER BY id) ORDER BY id
SELECT id, count(*) OVER () FROM {t} WHERE id < 3 ORDER BY id
SELECT id, ntile(2) OVER (ORDER BY id) FROM {t} WHERE id < 4 ORDER BY id
SELECT string_agg(name, ',' ORDER BY id) FROM {t} WHERE id < 4
SELECT array_agg(id ORDER BY id DESC) FROM {t} WHERE id < 4
SELECT bool_and(id > 0), bool_or(id > 0), every(id >= 0) FROM {t}
SELECT min(name), max(name) FROM {t}
SELECT stddev_samp(x), var_pop(x) FROM (VALUES (1.0::float8), (2.0), (4.0)) v(x)
SELECT corr(x, y), regr_slope(x, y) FROM (VALUES (1.0::float8, 2.0::float8), (2.0, 4.0)) v(x, y)
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM (VALUES (1.0::float8), (2.0), (4.0)) v(x)
SELECT mode() WITHIN GROUP (ORDER BY x) FROM (VALUES (1), (2), (2)) v(x)
SELECT 'abc'::text, 'abc'::varchar, 1::text
SELECT 1::int2, 1::int4, 1::int8, 1.5::float4, 1.5::float8
SELECT 1.50::numeric(10, 2), 12345678901234567890::numeric(20, 0)
SELECT CAST('5' AS integer), '5'::int + 1
SELECT '12.50'::numeric(6, 2)
SELECT 1e20::float8, 1e-7::float8, 123456789.125::float8, 0.1::float8, 100000::float8
SELECT 'NaN'::float8, 'Infinity'::float8, '-Infinity'::float8
SELECT 1e20::float4, 0.1::float4, 1.5::real
SELECT -0.0::float8
SELECT date '2026-02-28' + 1
SELECT date '2026-03-01' - date '2026-02-01'
SELECT date '2026-01-31' + interval '1 month'
SELECT timestamp '2026-01-01 10:00:00' - timestamp '2025-12-31 09:00:00'
SELECT timestamp '2026-01-01 10:00:00.123456'
SELECT timestamp '2026-01-01 10:00:00.100'
SELECT timestamptz '2026-01-01 10:00:00+02'
SELECT time '10:11:12', time '10:11:12.5'
SELECT date 'infinity', timestamp '-infinity'
SELECT interval '1 year 2 months 3 days 04:05:06.789'
SELECT interval '1 day', interval '-1 day', interval '90 minutes', interval '0'
SELECT interval '1 month -1 day', interval '36:00:00'
SELECT interval '1' day, interval '2' hour
SELECT interval '1 day' * 3, interval '1 hour' + interval '30 minutes'
SELECT interval '1 day' < interval '2 days'
SELECT date_trunc('month', timestamp '2026-05-17 10:00:00'), date_trunc('hour', timestamp '2026-05-17 10:30:00')
SELECT date_trunc('week', timestamp '2026-05-17 10:00:00'), date_trunc('quarter', timestamp '2026-05-17 10:00:00')
SELECT extract(year FROM date '2026-05-17')::int, extract(dow FROM date '2026-05-17')::int, extract(week FROM date '2026-05-17')::int
SELECT extract(epoch FROM timestamp '2026-01-01 00:00:00')::bigint
SELECT date_part('year', timestamp '2026-05-17 10:00:00')::int
SELECT age(timestamp '2026-05-17', timestamp '2024-03-15')
SELECT to_char(timestamp '2026-05-07 13:04:05', 'YYYY-MM-DD HH24:MI:SS')
SELECT to_char(timestamp '2026-05-07 13:04:05', 'DD/MM/YY HH12:MI AM')
SELECT to_char(timestamp '2026-05-07 13:04:05', 'Day, DD Month YYYY'), to_char(date '2026-05-07', 'Dy Mon')
SELECT to_char(timestamp '2026-05-07 13:04:05.678', 'HH24:MI:SS.MS'), to_char(timestamp '2026-05-07 13:04:05.678', 'US')
SELECT to_char(date '2026-05-07', 'YYYY"y"MM"m"'), to_char(date '2026-05-07', 'IYYY-IW'), to_char(date '2026-05-07', 'Q'), to_char(date '2026-05-07', 'DDD')
SELECT to_char(date '2026-05-07', 'FMMonth FMDD, YYYY'), to_char(date '2026-05-07', 'MON mon MONTH')
SELECT to_char(1234.5, '9999.99'), to_char(1234.5, '9,999.99'), to_char(-1234.5, 'FM9,999.00')
SELECT to_char(5, '000'), to_char(5, 'FM000'), to_char(0.5, 'FM0.99'), to_char(12, '99')
SELECT to_char(1234567, 'FM9,999,999'), to_char(0, 'FM999'), to_char(1e6, 'FM9999999')
SELECT to_date('2026-05-07', 'YYYY-MM-DD'), to_date('07.05.2026', 'DD.MM.YYYY')
SELECT to_date('20260507', 'YYYYMMDD'), to_date('07 May 2026', 'DD Mon YYYY')
SELECT to_timestamp('2026-05-07 13:04:05', 'YYYY-MM-DD HH24:MI:SS')
SELECT to_timestamp(1767225600)
SELECT to_number('1,234.5', '9,999.9'), to_number('12', '99')
SELECT make_date(2026, 5, 7), make_timestamp(2026, 5, 7, 1, 2, 3.5)
SELECT timestamp '2026-01-01 10:00:00' AT TIME ZONE 'Europe/Berlin'
SELECT timestamptz '2026-01-01 10:00:00+00' AT TIME ZONE 'Europe/Berlin'
SELECT generate_series FROM generate_series(1, 3)
SELECT * FROM generate_series(1, 5, 2) AS g(n)
SELECT g FROM generate_series(1, 3) g
SELECT g FROM generate_series(1, 3) AS g WHERE g > 1
SELECT d::date FROM generate_series(timestamp '2026-01-01', timestamp '2026-01-03', interval '1 day') AS t(d)
SELECT generate_series(1, 3)
SELECT * FROM unnest(ARRAY[1, 2]) AS u(x)
SELECT unnest(ARRAY[1, 2])
SELECT ARRAY[1, 2, 3], ARRAY['a', NULL, 'b c'], ARRAY[]::int[]
SELECT ARRAY['a"b', 'c,d', 'e\f', '', 'NULL']
SELECT (ARRAY[1, 2, 3])[2], ARRAY[1, 2] || ARRAY[3]
SELECT array_length(ARRAY[1, 2, 3], 1), cardinality(ARRAY[1, 2]), array_upper(ARRAY[1, 2], 1)
SELECT array_position(ARRAY['a', 'b'], 'b'), array_to_string(ARRAY[1, 2], ',')
SELECT 2 = ANY (ARRAY[1, 2]), 2 <> ALL (ARRAY[1, 3]), ARRAY[1, 2] @> ARRAY[1]
SELECT '{1,2,3}'::int[], '{a,b}'::text[]
SELECT string_to_array('a,b,c', ',')
SELECT array(SELECT id FROM {t} WHERE id < 3 ORDER BY id)
SELECT position('b' IN 'abc'), strpos('abc', 'c'), substring('abcdef' FROM 2 FOR 3), substring('abcdef', 3)
SELECT left('abc', 2), right('abc', 2), repeat('ab', 2), reverse('abc'), replace('aXb', 'X', 'y')
SELECT trim('  a '), ltrim('  a'), rtrim('a  '), trim(both 'x' FROM 'xax'), btrim('xax', 'x'), trim(leading 'x' from 'xa')
SELECT lpad('a', 3, '*'), rpad('a', 3, '*'), initcap('hello world'), split_part('a-b-c', '-', 2)
SELECT concat('a', NULL, 1), concat_ws('-', 'a', NULL, 'b'), chr(65), ascii('A')
SELECT regexp_replace('abcabc', 'b', 'X'), regexp_replace('abcabc', 'b', 'X', 'g')
SELECT md5('a')
SELECT quote_ident('a b'), quote_literal('it''s'), quote_ident('abc')
SELECT translate('abc', 'ab', 'xy'), starts_with('abc', 'ab'), overlay('abcdef' PLACING 'XX' FROM 2 FOR 3)
SELECT char_length('é'), bit_length('a')
SELECT E'a\tb\n', 'it''s', $$dollar$$
SELECT 'é', '日本'
SELECT format('%s-%s', 'a', 1)
SELECT abs(-1), ceil(1.2), floor(-1.2), round(1.5), round(2.5), round(-2.5), trunc(1.9), sign(-3)
SELECT round(1.255, 2), round(1234.5, -2), trunc(1.259, 2)
SELECT mod(7, 3), power(2, 3), sqrt(16.0::float8), exp(0.0::float8), ln(1.0::float8), log(100.0::float8), cbrt(27.0::float8)
SELECT pi(), degrees(pi()), sin(0.0::float8), atan2(1, 1)
SELECT div(7, 2), gcd(12, 18), lcm(4, 6), 5 & 3, 5 | 3, ~5, 1 << 3, 8 >> 1
SELECT 10::numeric / 4, 1::numeric / 3
SELECT sum(id), avg(id) FROM {t} WHERE id < 4
SELECT sum(x) FROM (VALUES (1.5::numeric(4, 1)), (2.5)) v(x)
SELECT sum(x), avg(x) FROM (VALUES (1.5::float8), (2.5)) v(x)
SELECT width_bucket(5.35, 0.024, 10.06, 5)
SELECT '\x01ff'::bytea, '\xDEADBEEF'::bytea
SELECT '7f8b1c1e-0000-4000-8000-0123456789ab'::uuid
SELECT '{"a": 1, "b": [1, 2]}'::json -> 'a', '{"a": {"b": "c"}}'::json -> 'a' ->> 'b'
SELECT '{"a": "x", "b": [1, 2]}'::jsonb ->> 'a', ('{"a": 1}'::jsonb -> 'a')::int
SELECT '[1, 2, 3]'::jsonb -> 1, '[1, 2, 3]'::jsonb ->> 0
SELECT '{"a": {"b": 1}}'::jsonb #>> '{a,b}', '{"a": {"b": 1}}'::jsonb #> '{a}'
SELECT jsonb_array_length('[1, 2]'::jsonb), jsonb_typeof('{"a": 1}'::jsonb)
SELECT json_build_object('a', 1, 'b', 'x')::jsonb, json_build_array(1, 'a')::jsonb
SELECT jsonb_build_object('a', 1)
SELECT to_json('a'::text), to_jsonb(1)
SELECT json_agg(id) FROM {t} WHERE id < 2
SELECT jsonb_array_elements('[1, 2]'::jsonb)
SELECT json_array_elements_text('["a", "b"]'::json)
SELECT row_to_json(r) FROM (SELECT 1 AS a, 'x' AS b) r
SELECT jsonb_object_keys('{"a": 1}'::jsonb)
SELECT (SELECT max(id) FROM {t}), EXISTS (SELECT 1)
SELECT t FROM (SELECT 1 AS t) s
SELECT current_user = user, current_schema IS NOT NULL
SELECT pg_typeof(1)
SELECT now() IS NOT NULL, current_date IS NOT NULL, current_timestamp IS NOT NULL, localtimestamp IS NOT NULL
SELECT now()::date = current_date
SELECT 1 -- a comment
SELECT 1 /* and /* nested */ one */ + 1
SELECT "id" FROM {t} AS "T" WHERE "T"."id" = 1
SELECT ID FROM {t} WHERE Id = 1
SELECT id AS "Mixed Case", id AS Folded FROM {t} WHERE id = 1
SELECT 1 AS "select"
TABLE {t} LIMIT 0
SELECT NULL, NULL::int
SELECT 1 WHERE false
SELECT * FROM (SELECT id FROM {t} ORDER BY id LIMIT 2) s NATURAL JOIN (SELECT id, region FROM {t}) u ORDER BY id
SELECT id, p.region FROM {t} p JOIN (SELECT id FROM {t} WHERE id < 2) q USING (id) ORDER BY id
SELECT (1, 2) = (1, 2), (1, 2) < (1, 3)
SELECT id FROM {t} WHERE (id, region) = (1, 'EU')
SELECT 1::int4 + 1::int8, 1::int2 + 1::int2
SELECT 'a' || 1, 1 || 'a'
SELECT length('abc') > 2 IS TRUE, NULL::boolean IS UNKNOWN
SELECT date '2026-01-01' > timestamp '2025-12-31 00:00:00'
SELECT '2026-01-01'::date, '2026-01-01 10:00'::timestamp, '10:00'::time
SELECT (date '2026-01-01', date '2026-02-01') OVERLAPS (date '2026-01-15', date '2026-03-01') AS o
SELECT isfinite(date '2026-01-01')
SELECT clock_timestamp() >= now(), statement_timestamp() IS NOT NULL
SELECT random() < 1, gen_random_uuid() IS NOT NULL
SELECT 'b' COLLATE "C" > 'a'
SELECT * FROM {t} WHERE false
SELECT max(id) AS "count" FROM {t}
SELECT 1::smallint / 0.5::float8
SELECT cast(NULL AS text), cast('x' AS varchar(3)), 'ab'::char(4) || '|'
SELECT 9223372036854775807, 2147483648, -2147483648
SELECT 'abc' = 'abc ', 'a' = 'A'
SELECT 5 = ANY ('{1,5}'::int[])
SELECT count(*) FROM {t} WHERE id = ANY ('{1,2}')
SELECT count(*) FROM {t} WHERE id = ANY ('{}')
SELECT count(*) FROM {t} WHERE id <> ALL ('{}')
SELECT count(*) FROM {t} WHERE id <> ALL ('{1, 2 ,3}')
SELECT count(*) FROM {t} WHERE id = ANY ('{1,NULL}')
SELECT count(*) FROM {t} WHERE id <> ALL ('{1,NULL}')
SELECT id FROM {t} WHERE name = ANY ('{P1,"P2","x,y","a\"b","c}d"}') ORDER BY id
SELECT id FROM {t} WHERE name = SOME ('{ P1 , "P2" }') ORDER BY id
SELECT 'a b' = ANY ('{a b,c}'), 'NULL' = ANY ('{"NULL"}'), 'x' <> ALL ('{x,y}')
SELECT date '2026-01-02' = ANY ('{2026-01-01,2026-01-02}')
SELECT date '2026-01-02' <> ALL ('{2026-01-01,2026-01-03}'), date '2026-01-02' = ANY ('{NULL,"2026-01-02"}')
SELECT timestamp '2026-01-01 10:00' = ANY ('{"2026-01-01 10:00:00"}'), true = ANY ('{t,f}'), 1.5 = ANY ('{1.50,2}')
SELECT 'a\b' = ANY ('{"a\\b"}'), 'a,b{c}"d"' = ANY ('{"a,b{c}\"d\""}'), 'a b' = ANY ('{a\ b}'), '' = ANY ('{""}'), 'it''s' = ANY ('{it''s}')
SELECT count(*) FROM {t} WHERE NOT id = ANY ('{1,2}') AND region <> ALL ('{US}')
SELECT 1 = ANY ('{1,2}'::int[]), 1 = ANY (ARRAY[]::int[])
SELECT bit_and(id), bit_or(id) FROM {t} WHERE id IN (1, 3)
SELECT count(*) FROM {t} WHERE name = ANY (ARRAY['P1', 'P2'])
SELECT array_agg(DISTINCT region ORDER BY region) FROM {t}
SELECT DISTINCT region, count(*) OVER (PARTITION BY region) FROM {t} ORDER BY 1
SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM {t} WHERE id < 3 ORDER BY 1
SELECT 'x' AS a, 'y' AS b UNION ALL SELECT 'z', NULL ORDER BY a
""".strip().split("\n")

# The SQLSTATE is compared.
ERRORS = r"""
SELECT 1 FROM {t} WHERE id = ANY ('{1,x}')
SELECT 1 FROM {t} WHERE id = ANY ('{1')
SELECT 1 FROM {t} WHERE id = ANY ('1,2}')
SELECT 1 FROM {t} WHERE id = ANY ('')
SELECT 1 FROM {t} WHERE id <> ALL ('{1,}')
SELECT 1 FROM {t} WHERE id <> ALL ('[1,2]')
SELECT 1 FROM {t} WHERE name = ANY ('{a}b')
SELECT 1 FROM {t} WHERE name = ANY ('{a,,b}')
SELECT 1 FROM {t} WHERE name = SOME ('{"a"b}')
SELECT 1 FROM {t} WHERE name <> ALL ('{"a}')
SELEC 1
SELECT 1 +
SELECT * FROM
SELECT 'abc
SELECT "abc
SELECT (1
SELECT nope FROM {t}
SELECT nope
SELECT {t}.nope FROM {t}
SELECT p.id FROM {t} q
SELECT * FROM {t} WHERE nope = 1
SELECT id FROM {t} p JOIN {t} q ON p.id = q.id
SELECT * FROM nothing_here
SELECT nofunction(1)
SELECT lower(1, 2, 3)
SELECT 'abc'::int
SELECT 'x'::date
SELECT '2026-02-30'::date
SELECT 'x'::timestamp
SELECT 'x'::boolean
SELECT 'x'::uuid
SELECT 'x'::numeric
SELECT 'x'::float8
SELECT 99999999999::int4
SELECT 2147483647::int4 + 1::int4
SELECT 9223372036854775807::int8 + 1
SELECT 100000::int2
SELECT id, count(*) FROM {t}
SELECT count(*) FROM {t} WHERE count(*) > 1
SELECT (SELECT id FROM {t})
SELECT 1 UNION SELECT 1, 2
SELECT 1 LIMIT -1
SELECT 1 ORDER BY 2
SELECT 1 FROM {t} GROUP BY 5
SELECT sum(name) FROM {t}
SELECT id + name FROM {t}
SELECT 'a' = 1
SELECT sum(sum(id)) FROM {t}
SELECT x.y.z FROM {t}
SELECT ARRAY[1, 'x']
SELECT '{"a'::json
""".strip().split("\n")

# What docs/sql.md says of each.
DIFFERENT = {
    'SELECT ARRAY[1, 2] || 3': '`list_append`',
    "SELECT encode('abc'::bytea, 'hex')": '`hex`, `base64`',
    "SELECT octet_length('é')": 'octet_length',
    "SELECT U&'\\0041'": "U&''",
    'SELECT 5 # 3': '`xor`',
    "SELECT length('\\x0102'::bytea)": 'octet_length',
    'SELECT \'{"a": 1, "b": [1, 2]}\'::jsonb ->> \'b\'': 'without blanks',
    'SELECT \'{"a": 1}\'::jsonb ? \'a\'': 'json_exists',
    'SELECT \'{"a": 1, "b": 2}\'::jsonb @> \'{"a": 1}\'': 'json_contains',
    "SELECT pg_typeof('a'::text)": 'pg_typeof',
    'SELECT ;': 'A select list is never empty',
    'SELECT count(*) FROM {t} TABLESAMPLE BERNOULLI (100)': 'TABLESAMPLE',
    'SELECT 3 BETWEEN SYMMETRIC 5 AND 1': 'BETWEEN SYMMETRIC',
    "SELECT (date '2026-01-01', date '2026-02-01') OVERLAPS (date '2026-01-15', date '2026-03-01')": 'OVERLAPS',
    "SELECT justify_days(interval '40 days')": 'justify_days',
    'SELECT num_nulls(1, NULL)': 'num_nulls',
    "SELECT 'abcdef'::varchar(3)": 'do not cut',
    'SELECT 1 / 0': 'Division by zero gives NULL',
    'SELECT 5 % 0': 'Division by zero gives NULL',
}

OTHER_ERRORS = {
    'SELECT a FROM (SELECT 1 AS a, 2 AS a) s': 'the first of two columns',
    'SELECT $1': 'A parameter without a value',
    'SELECT * FROM {t} WHERE id': 'any number is a condition',
    'SELECT CASE WHEN 1 THEN 2 END': 'any number is a condition',
    "SELECT substring('abc' FROM 1 FOR -1)": 'negative length',
    'SELECT 1 AS a WHERE a = 1': 'aliases of the select list',
    'SELECT sqrt(-1.0::float8)': '22003',
    'SELECT ln(0.0::float8)': '22003',
    'SELECT * FROM generate_series(1)': 'begins at 0',
    "SELECT interval 'x'": '22P02',
}
