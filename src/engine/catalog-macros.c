/*
 * Semantics after PostgreSQL 15 ("System Information Functions"). Weft has no privileges to show
 * beyond "you see it, so you may select from it", no partitions, rules, triggers, defaults or
 * constraints texts; the functions say so.
 */
#include "engine/catalog-macros.h"

#include "base/attrs.h"

static const char *const macros[][2] = {
	/* Also so that DuckDB's own, which tell paths and settings of the engine, are not reached.
	 */
	{"version()", "'PostgreSQL 15.0 (Weft)'"},
	{"current_setting(n)",
		"CASE lower(n) WHEN 'server_version' THEN '15.0' WHEN 'server_version_num' THEN "
		"'150000' WHEN 'search_path' THEN '\"$user\", public' WHEN 'timezone' THEN 'UTC' "
		"WHEN 'client_encoding' THEN 'UTF8' WHEN 'server_encoding' THEN 'UTF8' WHEN "
		"'standard_conforming_strings' THEN 'on' WHEN 'max_index_keys' THEN '32' WHEN "
		"'jit' THEN 'off' ELSE '' END), (n, m) AS (current_setting(n)"},
	{"set_config(n, v, l)", "CAST(v AS VARCHAR)"},
	{"pg_table_is_visible(o)", "true"},
	{"pg_type_is_visible(o)", "true"},
	{"pg_function_is_visible(o)", "true"},
	{"pg_get_userbyid(o)", "'weft'"},
	{"pg_encoding_to_char(e)", "'UTF8'"},
	{"pg_get_expr(e, o)", "e"},
	{"pg_get_viewdef(o)", "CAST(NULL AS VARCHAR)"},
	{"pg_get_indexdef(o)", "CAST(NULL AS VARCHAR)"},
	{"pg_get_constraintdef(o)", "CAST(NULL AS VARCHAR)"},
	{"pg_get_serial_sequence(t, c)", "CAST(NULL AS VARCHAR)"},
	{"pg_get_partkeydef(o)", "CAST(NULL AS VARCHAR)"},
	{"pg_relation_size(o)", "CAST(0 AS BIGINT)"},
	{"pg_total_relation_size(o)", "CAST(0 AS BIGINT)"},
	{"pg_database_size(o)", "CAST(0 AS BIGINT)"},
	{"pg_size_pretty(n)", "CAST(n AS VARCHAR) || ' bytes'"},
	{"pg_relation_is_publishable(o)", "false"},
	{"pg_is_in_recovery()", "false"},
	{"pg_is_other_temp_schema(o)", "false"},
	{"pg_my_temp_schema()", "0"},
	{"txid_current()", "CAST(1 AS BIGINT)"},
	{"current_schemas(b)", "['pg_catalog', 'public']"},
};

bool catalog_macros_register(struct engine *engine, struct error *err)
{
	for (size_t i = 0; i < array_len(macros); i++)
		if (!dialect_macro(engine, macros[i][0], slice_from_c(macros[i][1]), err))
			return false;
	return true;
}
