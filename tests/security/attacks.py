"""Ways around governance, as data: each statement goes through every door as an analyst who may read lake.facts
(rows of region 'hidden' filtered out, email and card masked), may not read hr.people, and must not know of vault.gold.

A way passes when no byte that the client receives holds a canary (see CANARY). blind: the statement asks a yes/no
question about hidden values, so every value that comes back must say no. refused: it must end in an error.
The list grows with every surface that is found; nothing is ever taken off.
"""
import re
from dataclasses import dataclass

# Texts, numbers, dates and names that stand only in what the analyst may not see.
# Hexadecimal digits around a number are those of a pseudonym or a request id.
CANARY = re.compile(rb"s3cret|(?<![0-9a-f])77712\d\d(?![0-9a-f])|2077-07-|s3 *cret", re.IGNORECASE)


@dataclass(frozen=True)
class Attack:
    name: str
    sql: str
    blind: bool = False
    refused: bool = False


ATTACKS = []


def group(title, rows, **more):
    for number, sql in enumerate(rows, 1):
        ATTACKS.append(Attack(f"{title} {number}", sql, **more))


group("other tables", [
    "SELECT * FROM hr.people", "SELECT * FROM vault.gold", 'SELECT * FROM "hr"."people"', "SELECT * FROM HR.PEOPLE", "TABLE hr.people", "FROM hr.people", "FROM vault.gold SELECT *",
    "SELECT p FROM hr.people p", "SELECT * FROM lake.facts f, hr.people p", "SELECT * FROM lake.facts UNION ALL SELECT * FROM vault.gold", "SELECT (SELECT max(name) FROM hr.people)",
    "SELECT * FROM lake.facts WHERE EXISTS (SELECT 1 FROM hr.people)", "SELECT * FROM memory.hr.people", "SELECT * FROM weft.hr.people", "SELECT * FROM system.hr.people", "SELECT * FROM temp.hr.people",
    "SELECT * FROM hr.main.people", 'SELECT * FROM "hr.people"', "SELECT count(*) FROM hr.people", "DESCRIBE hr.people", "SUMMARIZE hr.people", "SHOW hr.people", "SELECT * FROM (DESCRIBE vault.gold)",
    "SELECT * FROM (SUMMARIZE vault.gold)", "PIVOT hr.people ON id IN (1, 2) USING max(name)", "UNPIVOT hr.people ON name INTO NAME n VALUE v", "SELECT * FROM hr.people TABLESAMPLE 100%",
    "SELECT * FROM hr.people AT (VERSION => 1)", "VALUES ((SELECT max(name) FROM hr.people))", "SELECT * FROM lake.facts ORDER BY (SELECT max(name) FROM hr.people)",
    "SELECT 1 LIMIT (SELECT count(*) FROM hr.people)", "SELECT list_transform([1], x -> (SELECT max(name) FROM hr.people))", "SELECT * REPLACE ((SELECT max(name) FROM hr.people) AS note) FROM lake.facts",
    "SELECT [x FOR x IN (SELECT list(name) FROM hr.people)]", "SELECT * FROM lake.facts JOIN hr.people USING (id)", "SELECT * FROM lake.facts POSITIONAL JOIN hr.people", "SELECT * FROM lake.facts ASOF JOIN hr.people ON facts.id >= people.id",
    "SELECT * FROM lake.facts, LATERAL (SELECT name FROM hr.people LIMIT 1)", "SELECT ARRAY(SELECT name FROM hr.people)", "SELECT id FROM lake.facts GROUP BY id HAVING id < (SELECT count(*) FROM hr.people)",
    "SELECT sum(id) OVER (ORDER BY (SELECT max(name) FROM hr.people)) FROM lake.facts", "SELECT * FROM lake.facts QUALIFY row_number() OVER () < (SELECT count(*) FROM hr.people)",
], refused=True)

group("files", [
    "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM read_blob('/etc/hostname')", "SELECT * FROM read_parquet('lake/**/*.parquet')", "SELECT * FROM parquet_scan('*.parquet')",
    "SELECT * FROM read_json('/etc/passwd')", "SELECT * FROM read_json_auto('x')", "SELECT * FROM read_ndjson('x')", "SELECT * FROM read_csv_auto('/proc/self/environ')", "SELECT * FROM glob('/**')", "SELECT * FROM glob('**')",
    "SELECT * FROM '/etc/passwd'", "SELECT * FROM 'lake/lake/facts/facts/v1/*.parquet'", 'SELECT * FROM "/etc/passwd.csv"', "SELECT * FROM 'file:///etc/passwd'", "SELECT * FROM 'weft.db'", "SELECT * FROM 'http://127.0.0.1/x.parquet'",
    "SELECT * FROM 's3://bucket/x.parquet'", "SELECT * FROM facts.parquet", "SELECT * FROM lake.parquet", "SELECT * FROM parquet_metadata('*')", "SELECT * FROM parquet_schema('*')", "SELECT * FROM parquet_file_metadata('*')",
    "SELECT * FROM parquet_kv_metadata('*')", "SELECT * FROM parquet_bloom_probe('*', 'note', 'x')", "SELECT * FROM parquet_full_metadata('*')", "SELECT * FROM sniff_csv('/etc/passwd')", "SELECT * FROM read_duckdb('weft.db')", "SELECT * FROM sqlite_scan('weft.db', 'users')",
    "SELECT * FROM delta_scan('lake/lake/facts/facts/v1')", "SELECT * FROM iceberg_scan('x')", "SELECT * FROM main.read_text('/etc/passwd')", "SELECT * FROM system.main.read_text('/etc/passwd')", "SELECT * FROM Read_Text('/etc/passwd')",
    'SELECT * FROM "read_text"(\'/etc/passwd\')', "SELECT content FROM range(1) r, LATERAL read_text('/etc/passwd')", "DESCRIBE '/etc/passwd'", "SUMMARIZE '/etc/passwd'", "COPY (SELECT 1) TO '/tmp/weft-attack'", "COPY lake.facts TO '/tmp/weft-attack.parquet'",
    "COPY lake.facts FROM '/etc/passwd'", "EXPORT DATABASE '/tmp/weft-attack'", "IMPORT DATABASE '/tmp/x'", "SELECT getenv('HOME')", "SELECT * FROM read_text(current_setting('temp_directory'))", "WITH x AS (SELECT 1) SELECT * FROM read_text('/etc/passwd')",
    "COPY (SELECT * FROM hr.people) TO STDOUT", "COPY hr.people TO STDOUT", "COPY (SELECT 1) TO PROGRAM 'cat'",
], refused=True)

group("settings and state", [
    "SET enable_external_access = true", "SET allowed_paths = ['/']", "SET disabled_optimizers = ''", "SET lock_configuration = false", "PRAGMA enable_profiling", "PRAGMA database_list", "PRAGMA show_tables", "PRAGMA table_info('hr.people')",
    "CALL enable_logging()", "CALL pragma_version()", "ATTACH ':memory:' AS m", "ATTACH 'weft.db' AS w (TYPE sqlite)", "DETACH weft", "USE hr", "LOAD httpfs", "INSTALL httpfs", "CREATE TABLE t AS SELECT 1", "CREATE VIEW v AS SELECT * FROM lake.facts",
    "CREATE MACRO f(x) AS x", "CREATE TEMP TABLE t (a int)", "CREATE TYPE e AS ENUM ('a')", "CREATE SECRET s (TYPE s3)", "DROP VIEW lake.facts", "ALTER TABLE lake.facts ADD COLUMN x int", "INSERT INTO lake.facts SELECT * FROM lake.facts",
    "UPDATE lake.facts SET note = 'x'", "DELETE FROM lake.facts", "TRUNCATE lake.facts", "VACUUM", "CHECKPOINT", "SELECT * FROM enable_logging()", "SELECT * FROM checkpoint()", "SELECT * FROM truncate_duckdb_logs()", "SELECT * FROM enable_profiling()", "SELECT write_log('x')",
    "SELECT setseed(0.1)", "SET VARIABLE x = 1", "SELECT getvariable('x')", "SELECT nextval('s')", "GRANT SELECT ON hr.people TO eve", "CREATE OR REPLACE VIEW lake.facts AS SELECT 1", "COMMENT ON TABLE lake.facts IS 'x'",
    "EXECUTE nosuch", "DO $$ BEGIN END $$", "MERGE INTO lake.facts USING hr.people ON true WHEN MATCHED THEN DELETE", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "LOCK TABLE lake.facts", "SECURITY LABEL ON TABLE lake.facts IS 'x'",
], refused=True)

group("catalogues", [
    "SELECT * FROM duckdb_tables()", "SELECT * FROM duckdb_views()", "SELECT sql FROM duckdb_views", "SELECT * FROM duckdb_columns()", "SELECT * FROM duckdb_settings()", "SELECT * FROM duckdb_databases()", "SELECT * FROM duckdb_schemas()", "SELECT * FROM duckdb_functions()",
    "SELECT * FROM duckdb_secrets()", "SELECT * FROM duckdb_memory()", "SELECT * FROM duckdb_temporary_files()", "SELECT * FROM duckdb_logs()", "SELECT * FROM duckdb_logs", "SELECT * FROM duckdb_external_file_cache()", "SELECT * FROM duckdb_prepared_statements()", "SELECT * FROM duckdb_constraints()",
    "SELECT * FROM pragma_table_info('lake.facts')", "SELECT * FROM pragma_storage_info('lake.facts')", "SELECT * FROM pragma_show('lake.facts')", "SELECT * FROM pragma_database_size()", "SELECT * FROM sqlite_master", "SELECT * FROM sqlite_schema", "SELECT * FROM sqlite_temp_master",
    "SELECT * FROM main.duckdb_views", "SHOW ALL TABLES", "SHOW DATABASES", "SELECT current_query()", "SELECT in_search_path('x', 'y')", "SELECT * FROM which_secret('x', 's3')", "SELECT * FROM duckdb_table_sample('lake.facts')",
    "SELECT * FROM query('SELECT * FROM hr.people')", "SELECT * FROM query_table('hr.people')", "SELECT * FROM query_table(['hr.people'])", "SELECT * FROM histogram('hr.people', 'id')", "SELECT * FROM histogram_values('hr.people', 'id')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))", "SELECT json_serialize_plan('SELECT * FROM lake.facts')", "SELECT json_serialize_sql('SELECT 1')", "SELECT json_deserialize_sql('{}')", "SELECT * FROM sql_auto_complete('SELECT * FROM ')",
    "SELECT * FROM summary((SELECT 1))", "SELECT * FROM test_all_types()", "SELECT * FROM duckdb_optimizers()", "SELECT * FROM duckdb_variables()", "SELECT * FROM __pg_catalog.pg_class, lake.facts", "SELECT * FROM pg_catalog.pg_class, hr.people",
], refused=True)

group("catalogue emulation", [
    "SELECT * FROM pg_catalog.pg_class", "SELECT * FROM pg_class", "SELECT * FROM system.information_schema.tables", "SELECT * FROM information_schema.tables", "SELECT * FROM information_schema.columns", "SELECT * FROM pg_catalog.pg_attribute", "SELECT * FROM pg_catalog.pg_namespace", "SELECT * FROM pg_catalog.pg_description",
    "SELECT * FROM pg_catalog.pg_views", "SELECT * FROM pg_catalog.pg_tables", "SELECT pg_get_viewdef(oid) FROM pg_catalog.pg_class", "SELECT 'vault.gold'::regclass", "SELECT 'hr.people'::regclass::oid", "SELECT * FROM pg_catalog.pg_stats", "SELECT * FROM pg_catalog.pg_statistic",
    "SELECT * FROM pg_catalog.pg_stat_activity", "SELECT * FROM pg_catalog.pg_authid", "SELECT * FROM pg_catalog.pg_shadow", "SELECT * FROM pg_catalog.pg_settings", "SELECT current_setting('allowed_paths')", "SELECT pg_read_file('/etc/passwd')", "SELECT pg_ls_dir('/')", "SELECT lo_import('/etc/passwd')",
    "SELECT system.main.current_setting('allowed_paths')", "SELECT pg_catalog.current_setting('temp_directory')", "SELECT main.current_setting('allowed_directories')", "SELECT system.pg_catalog.pg_get_viewdef(oid) FROM pg_catalog.pg_class",
    "SELECT pg_catalog.pg_get_viewdef(oid) FROM pg_catalog.pg_class", "SELECT * FROM mesh.products", "SELECT * FROM mesh.columns", "SELECT * FROM mesh.policies", "SELECT * FROM mesh.audit", "SELECT * FROM mesh.runs", "SELECT * FROM mesh.lineage", "SELECT * FROM mesh.checks", "SELECT * FROM mesh.agreements", "SELECT has_table_privilege('vault.gold', 'SELECT')", "SELECT has_schema_privilege('vault', 'usage')",
    "EXPLAIN SELECT * FROM lake.facts", "EXPLAIN ANALYZE SELECT * FROM lake.facts WHERE note LIKE 'x%'", "EXPLAIN SELECT * FROM vault.gold", "EXPLAIN (FORMAT json) SELECT * FROM lake.facts", "SHOW search_path", "SHOW ALL", "SELECT * FROM pg_catalog.pg_file_settings",
])

group("hidden rows", [
    "SELECT * FROM lake.facts WHERE region = 'hidden'", "SELECT * FROM lake.facts WHERE true OR true", "SELECT * FROM lake.facts f WHERE NOT (f.region <> 'hidden')", "SELECT max(delta), min(delta), max(day), min(day), max(note) FROM lake.facts", "SELECT DISTINCT note FROM lake.facts",
    "SELECT DISTINCT region FROM lake.facts", "SELECT approx_top_k(note, 100) FROM lake.facts", "SELECT histogram(delta) FROM lake.facts", "SELECT list(note ORDER BY delta DESC)[:10] FROM lake.facts", "SELECT arg_max(note, delta) FROM lake.facts", "SELECT mode(note) FROM lake.facts", "SELECT quantile_disc(delta, 1.0) FROM lake.facts",
    "SELECT first(note ORDER BY delta DESC) FROM lake.facts", "SELECT note FROM lake.facts ORDER BY delta DESC LIMIT 5", "SELECT note FROM lake.facts ORDER BY delta DESC LIMIT 5 OFFSET 0", "SELECT lead(note) OVER (ORDER BY id) FROM lake.facts", "SELECT string_agg(note, ',') FROM lake.facts",
    "SELECT note FROM lake.facts QUALIFY row_number() OVER (ORDER BY delta DESC) < 3", "SELECT * FROM lake.facts TABLESAMPLE 100%", "SELECT * FROM lake.facts USING SAMPLE 100 ROWS", "SELECT * FROM (SELECT * FROM lake.facts) WHERE region = 'hidden'", "WITH f AS MATERIALIZED (SELECT * FROM lake.facts) SELECT * FROM f WHERE region = 'hidden'",
    "WITH f AS NOT MATERIALIZED (SELECT * FROM lake.facts) SELECT * FROM f WHERE delta > 1000", "SELECT * FROM lake.facts a JOIN lake.facts b USING (id) WHERE a.delta > 1000", "SELECT * FROM lake.facts WHERE delta > 1000 UNION ALL SELECT * FROM lake.facts WHERE day > DATE '2070-01-01'", "SUMMARIZE lake.facts", "SUMMARIZE SELECT delta, note, day FROM lake.facts",
    "DESCRIBE lake.facts", "SELECT count(*) FILTER (WHERE delta > 1000), max(note) FROM lake.facts", "SELECT f FROM lake.facts f WHERE f.region = 'hidden'", "SELECT to_json(f) FROM lake.facts f ORDER BY f.delta DESC LIMIT 3", "PIVOT lake.facts ON region IN ('hidden') USING max(note)", "SELECT COLUMNS('.*') FROM lake.facts WHERE delta > 1000",
    "SELECT rowid, * FROM lake.facts", "SELECT filename FROM lake.facts", "SELECT file_row_number FROM lake.facts", "SELECT file_index FROM lake.facts", "SELECT stats(delta) FROM lake.facts", "SELECT vector_type(note) FROM lake.facts", "SELECT * FROM lake.facts AT (VERSION => 1) WHERE region = 'hidden'", "SELECT max(note) FROM lake.facts AT (VERSION => 1)",
    "SELECT * FROM lake.facts AT (TIMESTAMP => TIMESTAMP '2100-01-01')", "SELECT max(delta) FROM lake.facts AT (VERSION => 0)", "SELECT * FROM lake.facts AT (VERSION => (SELECT 1))", 'SELECT * FROM lake."facts@1"', "SELECT * FROM lake._delta_log", 'SELECT * FROM lake."facts/../../hr/people"',
])

group("errors that print values", [
    "SELECT cast(note AS integer) FROM lake.facts", "SELECT * FROM lake.facts WHERE cast(note AS integer) = 5", "SELECT * FROM lake.facts WHERE cast(note || '0' AS smallint) IS NOT NULL", "SELECT note::date FROM lake.facts WHERE delta > 1000", "SELECT * FROM lake.facts WHERE delta > 1000 AND cast(note AS integer) IS NOT NULL",
    "SELECT list_transform([note], x -> x::int) FROM lake.facts WHERE delta > 1000", "SELECT list_transform([note], lambda x: x::int)[1] FROM lake.facts", "SELECT * FROM lake.facts WHERE list_transform([note], x -> x::int)[1] > 0", "SELECT cast([note] AS integer[]) FROM lake.facts WHERE region = 'hidden'",
    "SELECT cast({'a': note} AS STRUCT(a int)) FROM lake.facts", "SELECT map([note], [1])::MAP(int, int) FROM lake.facts WHERE delta > 1000", "SELECT CASE WHEN region = 'hidden' THEN cast(note AS int) ELSE 0 END FROM lake.facts", "SELECT coalesce(cast(note AS int), 0) FROM lake.facts WHERE delta > 1000",
    "SELECT delta::tinyint FROM lake.facts WHERE delta > 1000", "SELECT (delta * 1000000000)::int FROM lake.facts WHERE delta > 1000", "SELECT 1 / (delta - 7771000 - 234) FROM lake.facts WHERE delta > 1000", "SELECT error(note) FROM lake.facts", "SELECT strptime(note, '%Y') FROM lake.facts WHERE delta > 1000",
    "SELECT note::uuid FROM lake.facts WHERE delta > 1000", "SELECT note::json FROM lake.facts WHERE delta > 1000", "SELECT json_extract(note, '$') FROM lake.facts WHERE delta > 1000", "SELECT from_json(note, '\"int\"') FROM lake.facts WHERE delta > 1000", "SELECT chr(delta) FROM lake.facts WHERE delta > 1000",
    "SELECT repeat(note, delta) FROM lake.facts WHERE delta > 1000", "SELECT printf('%d', note) FROM lake.facts WHERE delta > 1000", "SELECT regexp_extract('x', note) FROM lake.facts WHERE delta > 1000", "SELECT 'x' LIKE note ESCAPE note FROM lake.facts WHERE delta > 1000", "SELECT hamming(note, 'x') FROM lake.facts WHERE delta > 1000",
    "SELECT make_date(delta, 1, 1) FROM lake.facts WHERE delta > 1000", "SELECT day + delta FROM lake.facts WHERE delta > 1000", "SELECT date_trunc(note, day) FROM lake.facts WHERE delta > 1000", "SELECT encode(note)::bit FROM lake.facts WHERE delta > 1000", "SELECT from_hex(note) FROM lake.facts WHERE delta > 1000",
    "SELECT sum(cast(note AS int)) FROM lake.facts WHERE region = 'hidden'", "SELECT count(*) FROM lake.facts a JOIN lake.facts b ON cast(a.note AS int) = b.id", "SELECT * FROM lake.facts WHERE id IN (SELECT cast(note AS int) FROM lake.facts WHERE delta > 1000)", "SELECT * FROM lake.facts ORDER BY cast(note AS int)",
    "SELECT count(*) FROM lake.facts GROUP BY cast(note AS int)", "SELECT max(id) OVER (PARTITION BY cast(note AS int)) FROM lake.facts WHERE delta > 1000", "SELECT unnest(cast([note] AS int[])) FROM lake.facts WHERE delta > 1000", "SELECT cast(email AS int) FROM lake.facts", "SELECT list_transform([card], x -> x::int) FROM lake.facts",
    "SELECT * FROM lake.facts WHERE cast(email AS int) = 1", "SELECT * FROM lake.facts WHERE cast(card AS date) IS NOT NULL", "SELECT nosuch FROM lake.facts", "SELECT facts.nosuch FROM lake.facts", "SELECT * FROM lake.fact", "SELECT * FROM vaul.gold", "SELECT goldd FROM vault.gold", "SELECT nosuch(note) FROM lake.facts", "SELEC 1", "SELECT * FROM lake.facts WHERE",
    "SELECT (SELECT note FROM lake.facts)", "SELECT array_extract([1], note) FROM lake.facts WHERE delta > 1000", "SELECT struct_extract({'a': 1}, note) FROM lake.facts",
])

group("masked columns", [
    "SELECT email, card FROM lake.facts", "SELECT * FROM lake.facts", "SELECT f.email FROM lake.facts f", "SELECT facts FROM lake.facts", "SELECT to_json(f) FROM lake.facts f", "SELECT COLUMNS('em.*') FROM lake.facts", "SELECT COLUMNS(c -> c = 'email') FROM lake.facts", "SELECT DISTINCT email FROM lake.facts", "SELECT max(email), min(card) FROM lake.facts",
    "SELECT string_agg(email, ',') FROM lake.facts", "SELECT list(card) FROM lake.facts", "SELECT email || '' FROM lake.facts", "SELECT upper(email) FROM lake.facts", "SELECT reverse(card) FROM lake.facts", "SELECT substring(email, 1, 3) FROM lake.facts", "SELECT * RENAME (email AS e) FROM lake.facts", "SELECT * EXCLUDE (id) FROM lake.facts",
    "SELECT * REPLACE (upper(email) AS email) FROM lake.facts", "SELECT unnest([email]) FROM lake.facts", "SELECT {'a': email} FROM lake.facts", "SELECT regexp_replace(email, 'x', 'y') FROM lake.facts", "SELECT hash(email) FROM lake.facts", "SELECT email FROM lake.facts ORDER BY card", "UNPIVOT (SELECT id, email, card FROM lake.facts) ON email, card INTO NAME n VALUE v",
    "SELECT histogram(email) FROM lake.facts", "SELECT approx_top_k(card, 10) FROM lake.facts", "SELECT weft_pseudonym_text('x')", "SELECT weft_pseudonym_bigint(1)", "SELECT \"weft_barrier VARCHAR\"(email, 1) FROM lake.facts", "SELECT attribute('region')", "SELECT principal()", "SELECT in_group('analysts')",
    "WITH facts AS (SELECT * FROM lake.facts) SELECT email FROM facts", "SELECT email FROM lake.facts AT (VERSION => 1)", "SELECT (SELECT email FROM lake.facts LIMIT 1)", "SELECT a.email FROM lake.facts a JOIN lake.facts b ON a.email = b.email LIMIT 5",
])

group("questions", [
    "SELECT count(*) FROM lake.facts WHERE note LIKE 'S3%'", "SELECT count(*) FROM lake.facts WHERE region = 'hidden'", "SELECT count(*) FROM lake.facts WHERE delta > 1000", "SELECT count(*) FROM lake.facts WHERE day > DATE '2070-01-01'", "SELECT count(*) FROM lake.facts WHERE starts_with(note, 'S3')",
    "SELECT bool_or(delta > 1000) FROM lake.facts", "SELECT coalesce(max(delta), 0) > 1000 FROM lake.facts", "SELECT EXISTS (SELECT 1 FROM lake.facts WHERE delta > 1000)", "SELECT count(*) FROM lake.facts WHERE email LIKE 'S3%'", "SELECT count(*) FROM lake.facts WHERE contains(card, 'CRET')", "SELECT count(*) FROM lake.facts WHERE regexp_matches(note, '^S3')",
    "SELECT count(*) FROM lake.facts WHERE note BETWEEN 'S3' AND 'S4'", "SELECT count(*) FROM lake.facts WHERE note IN (SELECT 'S3' || 'CRET-' || range FROM range(100))", "SELECT count(*) FROM lake.facts a SEMI JOIN (SELECT 'S3' || 'CRET-' || range AS note FROM range(100)) b USING (note)",
    "SELECT count(*) FROM (SELECT note FROM lake.facts INTERSECT SELECT 'S3' || 'CRET-' || range FROM range(100))", "SELECT count(*) FROM lake.facts WHERE try_cast(delta AS tinyint) IS NULL AND delta > 1000", "SELECT count(DISTINCT note) FILTER (WHERE note > 'S') FROM lake.facts", "SELECT max(length(note)) > 8 FROM lake.facts",
    "SELECT count(*) FROM lake.facts WHERE list_contains(list_transform([note], x -> x[1:2]), 'S3')", "SELECT approx_count_distinct(note) FILTER (WHERE delta > 1000) FROM lake.facts", "SELECT count(*) FROM lake.facts AT (VERSION => 1) WHERE delta > 1000",
    "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'vault'", "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = 'vault'", "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'vault'", "SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'gold'", "SELECT count(*) FROM mesh.products WHERE name = 'gold'",
], blind=True)

group("names", [
    "WITH hr AS (SELECT 1) SELECT * FROM hr.people", 'WITH "hr.people" AS (SELECT 1 AS x) SELECT * FROM hr.people', "WITH people AS (SELECT 1) SELECT * FROM (SELECT * FROM hr.people)", "WITH RECURSIVE people AS (SELECT * FROM hr.people UNION ALL SELECT * FROM people) SELECT * FROM people",
    "SELECT * FROM (WITH people AS (SELECT 1) SELECT * FROM people) q, hr.people", "WITH a AS (SELECT * FROM b), b AS (SELECT * FROM hr.people) SELECT * FROM a", "SELECT * FROM hr.\u0070eople", 'SELECT * FROM U&"hr".U&"\\0070eople"', 'SELECT * FROM "hr"."PEOPLE"', "SELECT * FROM /* x */ hr /* y */ . /* z */ people",
    "SELECT * FROM hr.people -- lake.facts", "/* lake.facts */ SELECT * FROM hr.people", "SELECT 1; SELECT * FROM hr.people", "SELECT * FROM hr.people;", ";;SELECT * FROM hr.people", "SELECT $$x$$, * FROM hr.people", "SELECT E'\\'', * FROM hr.people --'", "SELECT '\\', * FROM hr.people --'", "SELECT 1 /* /* */ */ , * FROM hr.people",
    "\ufeffSELECT * FROM hr.people", "SELECT\u00a0*\u00a0FROM\u00a0hr.people", "SELECT * FROM hr\u200b.people", "SELECT * FROM \uff48\uff52.people", "SELECT * FROM hr.peopl\u0435", "SELECT * FROM recurring.people", "SELECT * FROM hr.people('x')", "SELECT hr.people.name FROM lake.facts, hr.people", "SELECT * FROM main.people", "SELECT * FROM public.people", "SELECT * FROM people",
    "SELECT * FROM people, gold", "SELECT * FROM pg_temp.people", 'SELECT * FROM "lake.facts", hr.people', "SELECT * FROM lake.facts AS hr, hr.people", "FROM (FROM hr.people)", "SELECT * FROM (TABLE hr.people)", "(SELECT * FROM hr.people)", "((TABLE vault.gold))", "SELECT * FROM hr.people AS facts", "SELECT lake.facts.* FROM hr.people AS facts",
], refused=True)

group("odd functions", [
    "SELECT sleep_ms(60000)", "SELECT pg_sleep(60)", "SELECT levenshtein(repeat('a', 100000), repeat('b', 100000))", "SELECT damerau_levenshtein('a', 'b')", "SELECT editdist3('a', 'b')", "SELECT enum_range(NULL::varchar)", "SELECT make_type('INTEGER')", "SELECT get_type(1)", "SELECT finalize(1)", "SELECT combine(1, 2)", "SELECT create_sort_key(note, 'ASC') FROM lake.facts",
    "SELECT icu_sort_key('x', 'de')", "SELECT parse_duckdb_log_message('x', 'y')", "SELECT __internal_decompress_string(1)", "SELECT remap_struct({'a': 1}, NULL, NULL, NULL)", "SELECT st_astext(NULL)", "SELECT variant_typeof(1)", "SELECT 1::variant", "SELECT NULL::geometry", "SELECT 'a'::mytype", "SELECT note::ENUM('a') FROM lake.facts", "SELECT lake.lower('x')::lake.facts",
    "SELECT hr.people(1)", "SELECT other.main.lower('x')", "SELECT current_connection_id()", "SELECT current_transaction_id()", "SELECT $name", "SELECT 1e1000",
], refused=True)


group("from a review", [
    "SELECT list_aggregate([note], 'stats') FROM lake.facts", "SELECT stats(note) OVER () FROM lake.facts", "SELECT try(error(note)) FROM lake.facts",
    "SELECT try(note::int) FROM lake.facts WHERE delta > 1000", "SELECT reduce([note], lambda a, b: a::int) FROM lake.facts WHERE delta > 1000", "SELECT COLUMNS(lambda c: error(c)) FROM lake.facts",
    "SELECT COLUMNS(* EXCLUDE (note)) FROM lake.facts WHERE region = 'hidden'", "SELECT * LIKE '%ar%' FROM lake.facts WHERE delta > 1000", "SELECT * FROM lake.facts TABLESAMPLE 100% (system, 1) WHERE delta > 1000",
    "FROM lake.facts SELECT max(note), max(delta)", "FROM lake.facts", "SELECT current_setting('allowed_paths') FROM lake.facts", "SELECT getvariable('x'), getenv('HOME')", "SELECT nextval('lake.facts')",
    "SELECT setseed(0.5), random() FROM lake.facts", "SELECT * FROM histogram('lake.facts', delta)", "SELECT * FROM lake.facts AT (VERSION => 1) WHERE delta > 1000 UNION ALL SELECT * FROM lake.facts AT (VERSION => 2) WHERE delta > 1000",
    "SELECT * FROM lake.facts WINDOW w AS (ORDER BY note::int) QUALIFY row_number() OVER w = 1", "SELECT lag(note, 1) OVER (ORDER BY delta DESC) FROM lake.facts QUALIFY delta > 1000", "SELECT arg_max(f, delta) FROM lake.facts f",
    "SELECT max(struct_pack(d := delta, n := note, f := f)) FROM lake.facts f", "SELECT struct_extract(f, 'card') FROM lake.facts f LIMIT 1", "SELECT f['email'] FROM lake.facts f LIMIT 1",
    "SELECT struct_values(f) FROM lake.facts f WHERE region = 'hidden'", "SELECT unnest(f) FROM lake.facts f WHERE f.delta > 1000", "SELECT unnest(f, recursive := true) FROM lake.facts f WHERE f.delta > 1000",
    "SELECT json_serialize_sql(note) FROM lake.facts", "SELECT row_to_json(f) FROM lake.facts f WHERE delta > 1000", "SELECT f.* EXCLUDE (id) FROM (SELECT * FROM lake.facts) f WHERE delta > 1000",
    'SELECT "lake"."facts"."card" FROM lake.facts', "SELECT lake.facts.card FROM lake.facts", "SELECT c0.lake.facts.card FROM lake.facts", "SELECT * FROM c0.lake.facts", "SELECT * FROM c1.lake.facts", "SELECT * FROM memory.main.facts",
    "SELECT * FROM memory.lake.facts", "SELECT * FROM lake.facts, c0.hr.people", "SELECT weft_attribute('region')", 'SELECT "weft_barrier VARCHAR"(\'a\', 1)', "SELECT weft_pseudonym('x')", "SELECT * FROM weft_row",
    'SELECT "weft row" FROM lake.facts', "SELECT weft_row.card FROM lake.facts", "SELECT count(*) FROM lake.facts WHERE note COLLATE DE > 's3'",
    'SELECT note FROM lake.facts ORDER BY note COLLATE "de_DE" DESC LIMIT 1', "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 10) SELECT * FROM r, lake.facts WHERE delta > 1000",
    "WITH RECURSIVE r AS (SELECT * FROM hr.people) SELECT * FROM r", 'WITH "hr.people" AS (SELECT 1) SELECT * FROM hr.people', "SELECT * FROM (VALUES (1)) hr(people), hr.people", "SELECT hr.people FROM (SELECT {'people': 1} AS hr) q",
    "SELECT * FROM lake.facts ASOF JOIN hr.people USING (id)", "SELECT * FROM lake.facts WHERE id IN (FROM hr.people SELECT id)", "SELECT * FROM unnest((SELECT list(name) FROM hr.people))",
    "SELECT * FROM range((SELECT count(*) FROM hr.people))", "SELECT * FROM json_each((SELECT to_json(list(p)) FROM hr.people p))", "SELECT * FROM generate_series(1, (SELECT count(*) FROM vault.gold))",
    "SELECT * FROM (PIVOT hr.people ON id IN (1) USING max(name))", "SELECT * FROM (UNPIVOT hr.people ON name)", "PIVOT lake.facts ON note USING count(*)", "PIVOT lake.facts ON note IN (SELECT name FROM hr.people) USING count(*)",
    "SELECT * FROM (SUMMARIZE lake.facts)", "DESCRIBE SELECT * FROM hr.people", "SELECT set_config('search_path', 'hr', false)", "SELECT set_config('role', 'root', false)", "SELECT set_config('weft.purpose', 'audit', false)",
    "SELECT lo_open(1, 1)", "SELECT lo_export(1, '/tmp/x')", "SELECT pg_read_binary_file('/etc/passwd')", "SELECT pg_stat_file('/etc/passwd')", "SELECT dblink('host=127.0.0.1', 'select 1')",
    "SELECT query_to_xml('SELECT * FROM hr.people', true, true, '')", "SELECT table_to_xml('hr.people', true, true, '')", "SELECT database_to_xml(true, true, '')", "SELECT ts_stat('SELECT name FROM hr.people')",
    "SELECT cursor_to_xml('c', 1, true, true, '')", "SELECT 'hr.people'::regclass::text", "SELECT to_regclass('hr.people'), to_regclass('vault.gold')", "SELECT 'vault'::regnamespace", "SELECT to_regnamespace('vault')",
    "SELECT pg_relation_size('vault.gold')", "SELECT has_schema_privilege('vault', 'USAGE')", "SELECT has_table_privilege('root', 'vault.gold', 'SELECT')", "SELECT obj_description('vault.gold'::regclass)",
    "SELECT pg_get_viewdef('lake.facts'::regclass)", "SELECT pg_catalog.pg_get_viewdef('lake.facts'::regclass, true)", "SELECT * FROM pg_catalog.pg_stats WHERE tablename = 'facts'", "SELECT * FROM pg_catalog.pg_roles",
    "SELECT * FROM pg_catalog.pg_user", "SELECT * FROM pg_catalog.pg_prepared_statements", "SELECT * FROM pg_catalog.pg_cursors", "SELECT * FROM pg_catalog.pg_stat_user_tables", "SELECT * FROM pg_catalog.pg_statistic_ext_data",
    "SELECT * FROM pg_catalog.pg_hba_file_rules", "SELECT * FROM information_schema.role_table_grants", "SELECT * FROM information_schema.applicable_roles", "SELECT * FROM information_schema.schemata", "SELECT count(*) FROM duckdb_tables",
    "SELECT * FROM pg_catalog.duckdb_views", "SELECT * FROM __pg_catalog.pg_class, hr.people", "SELECT * FROM __pg_catalog.pg_class", "SELECT * FROM __information_schema.tables", 'SELECT * FROM lake."facts@2"',
    'SELECT * FROM lake."facts@1" WHERE delta > 1000', 'SELECT * FROM lake."facts@1@1"', 'SELECT * FROM lake."facts@999999999999999999999"', "SELECT * FROM lake.facts AT (VERSION => -1)",
    "SELECT * FROM lake.facts AT (VERSION => 99999999999999999999)", "SELECT * FROM lake.facts AT (VERSION => '1''; DROP')", "SELECT * FROM vault.gold AT (VERSION => 1)",
    "SELECT email FROM lake.facts GROUP BY ALL HAVING max(card) LIKE 'S3%'",
    "SELECT count(DISTINCT email), count(DISTINCT card) FROM lake.facts", "SELECT card FROM lake.facts ORDER BY card USING >", "SELECT md5(card), sha256(email) FROM lake.facts LIMIT 2",
    "SELECT * FROM lake.facts FETCH FIRST 3 ROWS WITH TIES", "SELECT * FROM lake.facts FOR UPDATE", "SELECT * INTO t FROM lake.facts", "SELECT 1/0, note FROM lake.facts WHERE delta > 1000",
    "SELECT (delta::DECIMAL(3,0)) FROM lake.facts WHERE delta > 1000", "SELECT note::BLOB::INT FROM lake.facts WHERE delta > 1000", "SELECT note::JSON FROM lake.facts WHERE delta > 1000",
    'SELECT json_transform_strict(to_json(note), \'"INTEGER"\') FROM lake.facts WHERE delta > 1000', 'SELECT from_json_strict(to_json({\'a\': note}), \'{"a":"INTEGER"}\') FROM lake.facts WHERE delta > 1000',
    "SELECT strptime(note, '%Y-%m-%d') FROM lake.facts WHERE region = 'hidden'", "SELECT to_timestamp(delta * 1e15) FROM lake.facts WHERE delta > 1000", "SELECT time_bucket(to_days(delta), day) FROM lake.facts WHERE delta > 1000",
    "SELECT array_value(note::int) FROM lake.facts WHERE delta > 1000", "SELECT map_from_entries([(note, 1), (note, 2)]) FROM lake.facts WHERE delta > 1000", "SELECT bitstring_agg(delta) FROM lake.facts",
    "SELECT bitstring_agg(delta, 0, 10) FROM lake.facts", "SELECT equi_width_bins(min(delta), max(delta), 3, true) FROM lake.facts",
    "SELECT approx_quantile(delta, 1.0), quantile_disc(delta, 1.0), reservoir_quantile(delta, 1.0) FROM lake.facts", "SELECT kurtosis(delta), entropy(note), mad(delta), product(delta) FROM lake.facts",
    "SELECT $a$ $b$ $a$, * FROM hr.people", "SELECT /* ; */ 1; SELECT * FROM hr.people; SELECT 2", "SELECT current_user, session_user, current_role, user, current_database(), current_catalog",
    "SELECT txid_current(), pg_backend_pid(), inet_server_addr(), version()", "SELECT pg_postmaster_start_time(), pg_conf_load_time()", "SELECT pg_reload_conf()", "SELECT pg_advisory_lock(1)", "SELECT pg_notify('a', 'b')",
    "SELECT name, setting FROM pg_settings",
    "SELECT parse_filename(note), parse_path(note) FROM lake.facts WHERE delta > 1000", "SELECT can_cast_implicitly(note, 1), typeof(f), alias(card) FROM lake.facts f LIMIT 1",
    "SELECT constant_or_null(note, card) FROM lake.facts WHERE delta > 1000", "SELECT add_parquet_key('a', 'b')", "SELECT force_checkpoint()", "SELECT * FROM force_checkpoint()", "SELECT write_log('x', level := 'info')",
    "SELECT * FROM duckdb_logs_parsed('QueryLog')", "SELECT icu_sort_key(note, 'de') FROM lake.facts", "SELECT make_type('VARCHAR')", "SELECT sql_auto_complete('SELECT * FROM v')", "SELECT * FROM sql_auto_complete('SELECT * FROM vault.')",
    "SELECT * FROM seq_scan('lake', 'facts')", "SELECT in_search_path('c0', 'lake')", "SELECT remap_struct(f, NULL, NULL, NULL) FROM lake.facts f",
])


def check_names():
    names = [a.name for a in ATTACKS]
    assert len(names) == len(set(names)) and len(ATTACKS) >= 200, len(ATTACKS)


check_names()
