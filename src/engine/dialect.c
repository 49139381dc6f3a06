/* PostgreSQL's meaning where DuckDB lacks it. The catalogue's functions are in catalog-macros.c.
 */
#include "engine/dialect.h"

#include "base/str.h"
#include "engine/catalog-macros.h"
#include "engine/engine-private.h"
#include "engine/format.h"
#include "engine/pseudonym.h"

/* name and parameters, body. Order matters where one uses another. */
static const char *const macros[][2] = {
	{"\"@~\"(t, p)", "regexp_matches(t, p)"},
	{"\"!@~\"(t, p)", "NOT regexp_matches(t, p)"},
	{"\"~*\"(t, p)", "regexp_matches(t, p, 'i')"},
	{"\"!~*\"(t, p)", "NOT regexp_matches(t, p, 'i')"},
	{"to_char(v, f)", "weft_to_char(CAST(v AS VARCHAR), f, typeof(v))"},
	{"to_date(t, f)", "CAST(weft_to_timestamp(t, f) AS DATE)"},
	{"to_number(t, f)", "CAST(weft_to_number(t, f) AS DECIMAL(38,10))"},
	{"to_timestamp(e)", "make_timestamptz(CAST(round(CAST(e AS DOUBLE) * 1000000) AS "
			    "BIGINT))), (t, f) AS (CAST("
			    "weft_to_timestamp(t, f) AS TIMESTAMP WITH TIME ZONE)"},
	{"btrim(t)", "trim(t)), (t, c) AS (trim(t, c)"},
	{"\"overlay\"(s, p, f)",
		"left(s, f - 1) || p || substr(s, f + length(p))), (s, p, f, n) AS (left(s, f - 1) "
		"|| p || substr(s, f + n)"},
	{"\"overlaps\"(a, b, c, d)",
		"least(a, b) < greatest(c, d) AND least(c, d) < greatest(a, b)"},
	{"width_bucket(x, a, b, n)", "CAST(CASE WHEN x < a THEN 0 WHEN x >= b THEN n + 1 ELSE "
				     "floor((x - a) / (b - a) * n) + 1 END AS INTEGER)"},
	{"json_array_elements(v)", "unnest(CAST(v AS JSON[]))"},
	{"jsonb_array_elements(v)", "unnest(CAST(v AS JSON[]))"},
	{"json_array_elements_text(v)", "unnest(CAST(v AS VARCHAR[]))"},
	{"jsonb_array_elements_text(v)", "unnest(CAST(v AS VARCHAR[]))"},
	{"json_object_keys(v)", "unnest(json_keys(v))"},
	{"jsonb_object_keys(v)", "unnest(json_keys(v))"},
	{"json_object_agg(k, v)", "json_group_object(k, v)"},
	{"jsonb_object_agg(k, v)", "json_group_object(k, v)"},
	{"json_typeof(v)", "lower(json_type(v))"},
	{"jsonb_pretty(v)", "json_pretty(v)"},
	{"array_remove(l, v)", "list_filter(l, lambda weft_v: weft_v IS DISTINCT FROM v)"},
	{"character_length(t)", "length(t)"},
	{"initcap(t)", "list_aggregate(list_transform(regexp_extract_all(t, "
		       "'[[:alnum:]]+|[^[:alnum:]]+'), "
		       "lambda w: upper(w[1]) || lower(w[2:])), 'string_agg', '')"},
	{"quote_literal(t)", "'''' || replace(CAST(t AS VARCHAR), '''', '''''') || ''''"},
	{"quote_ident(t)",
		"CASE WHEN regexp_full_match(t, '[a-z_][a-z0-9_$]*') THEN t ELSE '\"' || "
		"replace(t, '\"', '\"\"') || '\"' END"},
	{"div(a, b)", "CAST(trunc(a / b) AS DECIMAL(38,0))"},
	{"date_bin(s, t, o)", "time_bucket(s, t, o)"},
	{"statement_timestamp()", "now()"},
	{"clock_timestamp()", "now()"},
	{"localtimestamp()", "CAST(now() AS TIMESTAMP)"},
	{"to_jsonb(v)", "to_json(v)"},
	{"row_to_json(v)", "to_json(v)"},
	{"json_agg(v)", "json_group_array(v)"},
	{"jsonb_agg(v)", "json_group_array(v)"},
	{"jsonb_array_length(v)", "CAST(json_array_length(v) AS INTEGER)"},
	{"jsonb_typeof(v)", "lower(json_type(v))"},
	{"every(v)", "bool_and(v)"},
	{"pg_backend_pid()", "0"},
	{"cardinality(l)", "len(l)"},
	{"array_upper(l, d)", "CASE WHEN d = 1 THEN len(l) END"},
	{"array_lower(l, d)", "CASE WHEN d = 1 AND len(l) > 0 THEN 1 END"},
};

bool dialect_macro(struct engine *engine, const char *head, struct slice body, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct str sql = str_in(arena);
	str_printf(&sql, "CREATE OR REPLACE TEMP MACRO %s AS (%.*s)", head, SLICE_FMT(body));
	return engine_run(engine, str_slice(&sql), err) || error_wrap(err, "macro %s", head);
}

bool dialect_register(struct engine *engine, struct error *err)
{
	if (!format_register(engine, err))
		return false;
	for (size_t i = 0; i < array_len(macros); i++)
		if (!dialect_macro(engine, macros[i][0], slice_from_c(macros[i][1]), err))
			return false;
	return pseudonym_register(engine, err) && catalog_macros_register(engine, err);
}

static void add_list(struct str *sql, const json_t *texts)
{
	size_t index;
	json_t *item;
	str_add_c(sql, "CAST([");
	json_array_foreach(texts, index, item)
	{
		str_add_c(sql, index ? ", " : "");
		str_add_sql_literal(sql, json_to_slice(item));
	}
	str_add_c(sql, "] AS VARCHAR[])");
}

static bool set_attributes(
	struct engine *engine, struct arena *arena, json_t *attributes, struct error *err)
{
	struct str sql = str_in(arena);
	const char *name;
	json_t *values;
	str_add_c(&sql, "CASE");
	json_object_foreach(attributes, name, values)
	{
		str_add_c(&sql, " WHEN n = ");
		str_add_sql_literal(&sql, slice_from_c(name));
		str_add_c(&sql, " THEN ");
		add_list(&sql, values);
	}
	/* A principal without the attribute matches nothing. */
	str_add_c(&sql, " WHEN true THEN CAST([] AS VARCHAR[]) END");
	return dialect_macro(engine, "attribute(n)", str_slice(&sql), err);
}

static bool set_text(struct engine *engine, struct arena *arena, const char *head,
	struct slice text, struct error *err)
{
	struct str sql = str_in(arena);
	if (slice_is_none(text))
		str_add_c(&sql, "CAST(NULL AS VARCHAR)");
	else
		str_add_sql_literal(&sql, text);
	return dialect_macro(engine, head, str_slice(&sql), err);
}

bool dialect_set_identity(
	struct engine *engine, const struct dialect_identity *identity, struct error *err)
{
	static const char *const principal_macros[] = {"principal()", "current_user()", "user()",
		"session_user()", "current_role()", "pg_get_current_user()"};
	static const char *const database_macros[] = {"current_database()", "current_catalog()"};
	scoped(arena_free) struct arena *arena = arena_new();
	struct str groups = str_in(arena);
	scoped(json_drop) json_t *attributes = json_deep_copy(identity->attributes);
	str_add_c(&groups, "list_contains(");
	add_list(&groups, identity->groups);
	str_add_c(&groups, ", g)");
	if (!set_attributes(engine, arena, attributes, err) ||
		!dialect_macro(engine, "in_group(g)", str_slice(&groups), err) ||
		!set_text(engine, arena, "purpose()", identity->purpose, err) ||
		!set_text(engine, arena, "current_schema()", SLICE("public"), err))
		return false;
	for (size_t i = 0; i < array_len(principal_macros); i++)
		if (!set_text(engine, arena, principal_macros[i], identity->principal, err))
			return false;
	for (size_t i = 0; i < array_len(database_macros); i++)
		if (!set_text(engine, arena, database_macros[i], identity->database, err))
			return false;
	return slice_is_none(identity->pseudonym_key) ||
	       pseudonym_set_key(engine, identity->pseudonym_key, err);
}
