/*
 * Which PostgreSQL type a DuckDB type shows as: one table for simple types; arrays of simple types
 * are arrays, everything nested deeper is json, since PostgreSQL has no type for it that a client
 * could know.
 */
#include "engine/type.h"

#include <string.h>

#include "base/str.h"
#include "engine/pgtype.h"

struct simple {
	duckdb_type id;
	const char *spelling;
	uint32_t oid;
	uint32_t array_oid;
	int16_t size;
};

static const struct simple simple_types[] = {
	{DUCKDB_TYPE_BOOLEAN, "BOOLEAN", PG_BOOL, PG_BOOL_ARRAY, 1},
	{DUCKDB_TYPE_TINYINT, "TINYINT", PG_INT2, PG_INT2_ARRAY, 2},
	{DUCKDB_TYPE_SMALLINT, "SMALLINT", PG_INT2, PG_INT2_ARRAY, 2},
	{DUCKDB_TYPE_INTEGER, "INTEGER", PG_INT4, PG_INT4_ARRAY, 4},
	{DUCKDB_TYPE_BIGINT, "BIGINT", PG_INT8, PG_INT8_ARRAY, 8},
	{DUCKDB_TYPE_UTINYINT, "UTINYINT", PG_INT2, PG_INT2_ARRAY, 2},
	{DUCKDB_TYPE_USMALLINT, "USMALLINT", PG_INT4, PG_INT4_ARRAY, 4},
	{DUCKDB_TYPE_UINTEGER, "UINTEGER", PG_INT8, PG_INT8_ARRAY, 8},
	{DUCKDB_TYPE_UBIGINT, "UBIGINT", PG_NUMERIC, PG_NUMERIC_ARRAY, -1},
	{DUCKDB_TYPE_HUGEINT, "HUGEINT", PG_NUMERIC, PG_NUMERIC_ARRAY, -1},
	{DUCKDB_TYPE_UHUGEINT, "UHUGEINT", PG_NUMERIC, PG_NUMERIC_ARRAY, -1},
	{DUCKDB_TYPE_BIGNUM, "BIGNUM", PG_NUMERIC, PG_NUMERIC_ARRAY, -1},
	{DUCKDB_TYPE_DECIMAL, "DECIMAL", PG_NUMERIC, PG_NUMERIC_ARRAY, -1},
	{DUCKDB_TYPE_FLOAT, "FLOAT", PG_FLOAT4, PG_FLOAT4_ARRAY, 4},
	{DUCKDB_TYPE_DOUBLE, "DOUBLE", PG_FLOAT8, PG_FLOAT8_ARRAY, 8},
	{DUCKDB_TYPE_DATE, "DATE", PG_DATE, PG_DATE_ARRAY, 4},
	{DUCKDB_TYPE_TIME, "TIME", PG_TIME, PG_TIME_ARRAY, 8},
	{DUCKDB_TYPE_TIME_NS, "TIME_NS", PG_TIME, PG_TIME_ARRAY, 8},
	{DUCKDB_TYPE_TIME_TZ, "TIME WITH TIME ZONE", PG_TIMETZ, PG_TIMETZ_ARRAY, 12},
	{DUCKDB_TYPE_TIMESTAMP, "TIMESTAMP", PG_TIMESTAMP, PG_TIMESTAMP_ARRAY, 8},
	{DUCKDB_TYPE_TIMESTAMP_S, "TIMESTAMP_S", PG_TIMESTAMP, PG_TIMESTAMP_ARRAY, 8},
	{DUCKDB_TYPE_TIMESTAMP_MS, "TIMESTAMP_MS", PG_TIMESTAMP, PG_TIMESTAMP_ARRAY, 8},
	{DUCKDB_TYPE_TIMESTAMP_NS, "TIMESTAMP_NS", PG_TIMESTAMP, PG_TIMESTAMP_ARRAY, 8},
	{DUCKDB_TYPE_TIMESTAMP_TZ, "TIMESTAMP WITH TIME ZONE", PG_TIMESTAMPTZ, PG_TIMESTAMPTZ_ARRAY,
		8},
	{DUCKDB_TYPE_INTERVAL, "INTERVAL", PG_INTERVAL, PG_INTERVAL_ARRAY, 16},
	{DUCKDB_TYPE_VARCHAR, "VARCHAR", PG_TEXT, PG_TEXT_ARRAY, -1},
	{DUCKDB_TYPE_ENUM, "ENUM", PG_TEXT, PG_TEXT_ARRAY, -1},
	{DUCKDB_TYPE_SQLNULL, "\"NULL\"", PG_TEXT, PG_TEXT_ARRAY, -1},
	{DUCKDB_TYPE_BLOB, "BLOB", PG_BYTEA, PG_BYTEA_ARRAY, -1},
	{DUCKDB_TYPE_UUID, "UUID", PG_UUID, PG_UUID_ARRAY, 16},
	{DUCKDB_TYPE_BIT, "BIT", PG_VARBIT, PG_VARBIT_ARRAY, -1},
};

static const struct simple *find_simple(duckdb_type id)
{
	for (size_t i = 0; i < array_len(simple_types); i++)
		if (simple_types[i].id == id)
			return &simple_types[i];
	return NULL;
}

static struct slice copy_and_free(struct arena *arena, char *text)
{
	struct slice copy = arena_copy(arena, slice_from_c(text ? text : ""));
	duckdb_free(text);
	return copy;
}

static void add_child(
	struct arena *arena, struct type *type, size_t index, duckdb_logical_type child)
{
	type->children[index] = type_read(arena, child);
	duckdb_destroy_logical_type(&child);
}

static void alloc_children(struct arena *arena, struct type *type, size_t count)
{
	type->child_count = count;
	type->children = arena_array_of(arena, struct type *, count);
	type->child_names = arena_array_of(arena, struct slice, count);
}

static void read_members(struct arena *arena, struct type *type, duckdb_logical_type logical)
{
	bool is_struct = type->id == DUCKDB_TYPE_STRUCT;
	alloc_children(arena, type,
		is_struct ? duckdb_struct_type_child_count(logical)
			  : duckdb_union_type_member_count(logical));
	for (size_t i = 0; i < type->child_count; i++) {
		type->child_names[i] =
			copy_and_free(arena, is_struct ? duckdb_struct_type_child_name(logical, i)
						       : duckdb_union_type_member_name(logical, i));
		if (type->child_names[i].len == 0) /* of row(1, 2), as PostgreSQL's row_to_json */
			type->child_names[i] = arena_printf(arena, "f%zu", i + 1);
		add_child(arena, type, i,
			is_struct ? duckdb_struct_type_child_type(logical, i)
				  : duckdb_union_type_member_type(logical, i));
	}
}

static void read_labels(struct arena *arena, struct type *type, duckdb_logical_type logical)
{
	type->storage = duckdb_enum_internal_type(logical);
	type->label_count = duckdb_enum_dictionary_size(logical);
	type->labels = arena_array_of(arena, struct slice, type->label_count);
	for (size_t i = 0; i < type->label_count; i++)
		type->labels[i] = copy_and_free(arena, duckdb_enum_dictionary_value(logical, i));
}

static void read_parts(struct arena *arena, struct type *type, duckdb_logical_type logical)
{
	switch ((int)type->id) {
	case DUCKDB_TYPE_DECIMAL:
		type->width = duckdb_decimal_width(logical);
		type->scale = duckdb_decimal_scale(logical);
		type->storage = duckdb_decimal_internal_type(logical);
		break;
	case DUCKDB_TYPE_ENUM: read_labels(arena, type, logical); break;
	case DUCKDB_TYPE_LIST:
		alloc_children(arena, type, 1);
		add_child(arena, type, 0, duckdb_list_type_child_type(logical));
		break;
	case DUCKDB_TYPE_ARRAY:
		alloc_children(arena, type, 1);
		add_child(arena, type, 0, duckdb_array_type_child_type(logical));
		type->array_size = duckdb_array_type_array_size(logical);
		break;
	case DUCKDB_TYPE_MAP:
		alloc_children(arena, type, 2);
		add_child(arena, type, 0, duckdb_map_type_key_type(logical));
		add_child(arena, type, 1, duckdb_map_type_value_type(logical));
		break;
	case DUCKDB_TYPE_STRUCT:
	case DUCKDB_TYPE_UNION: read_members(arena, type, logical); break;
	default: break;
	}
}

static void spell_members(struct str *out, const struct type *type)
{
	str_add_c(out, type->id == DUCKDB_TYPE_STRUCT ? "STRUCT(" : "UNION(");
	for (size_t i = 0; i < type->child_count; i++) {
		str_add_c(out, i ? ", " : "");
		str_add_sql_ident(out, type->child_names[i]);
		str_add_char(out, ' ');
		str_add(out, type->children[i]->spelling);
	}
	str_add_char(out, ')');
}

static struct slice spell(struct arena *arena, const struct type *type)
{
	struct str out = str_in(arena);
	const struct simple *simple = find_simple(type->id);
	switch ((int)type->id) {
	case DUCKDB_TYPE_DECIMAL:
		str_printf(&out, "DECIMAL(%u,%u)", type->width, type->scale);
		break;
	case DUCKDB_TYPE_ENUM:
		str_add_c(&out, "ENUM(");
		for (size_t i = 0; i < type->label_count; i++) {
			str_add_c(&out, i ? ", " : "");
			str_add_sql_literal(&out, type->labels[i]);
		}
		str_add_char(&out, ')');
		break;
	case DUCKDB_TYPE_LIST:
		str_add(&out, type->children[0]->spelling);
		str_add_c(&out, "[]");
		break;
	case DUCKDB_TYPE_ARRAY:
		str_add(&out, type->children[0]->spelling);
		str_printf(&out, "[%zu]", type->array_size);
		break;
	case DUCKDB_TYPE_MAP:
		str_printf(&out, "MAP(%.*s, %.*s)", SLICE_FMT(type->children[0]->spelling),
			SLICE_FMT(type->children[1]->spelling));
		break;
	case DUCKDB_TYPE_STRUCT:
	case DUCKDB_TYPE_UNION: spell_members(&out, type); break;
	default: str_add_c(&out, type->json ? "JSON" : simple ? simple->spelling : "UNKNOWN");
	}
	return str_slice(&out);
}

static void set_pg(struct type *type)
{
	const struct simple *simple = find_simple(type->id);
	bool list = type->id == DUCKDB_TYPE_LIST || type->id == DUCKDB_TYPE_ARRAY;
	const struct simple *item = list ? find_simple(type->children[0]->id) : NULL;
	type->typmod = -1;
	type->size = -1;
	type->oid = type->json || (!simple && type->child_count > 0) ? PG_JSON : 0;
	if (simple && !type->json) {
		type->oid = simple->oid;
		type->size = simple->size;
		if (type->id == DUCKDB_TYPE_DECIMAL) /* numeric's: precision, scale, header of 4 */
			type->typmod = (type->width << 16 | type->scale) + 4;
	} else if (item) {
		type->oid = type->children[0]->json ? PG_JSON_ARRAY : item->array_oid;
	}
}

struct type *type_read(struct arena *arena, duckdb_logical_type logical)
{
	struct type *type = arena_new_of(arena, struct type);
	type->id = type->storage = duckdb_get_type_id(logical);
	if (type->id == DUCKDB_TYPE_VARCHAR) {
		char *alias = duckdb_logical_type_get_alias(logical);
		type->json = alias && strcmp(alias, "JSON") == 0;
		duckdb_free(alias);
	}
	read_parts(arena, type, logical);
	type->spelling = spell(arena, type);
	set_pg(type);
	return type;
}

/* The type that stands for an element, and PostgreSQL's view of both. */
static const struct {
	duckdb_type id;
	uint32_t oid;
	int16_t size;
	uint32_t list_oid;
	bool vector;
} catalogue_types[] = {{DUCKDB_TYPE_UINTEGER, PG_OID, 4, PG_OID_ARRAY, false},
	{DUCKDB_TYPE_UHUGEINT, PG_REGPROC, 4, PG_REGPROC_ARRAY, false},
	{DUCKDB_TYPE_USMALLINT, PG_INT2, 2, PG_INT2VECTOR, true},
	{DUCKDB_TYPE_UBIGINT, PG_OID, 4, PG_OIDVECTOR, true}};

void type_show_catalogue(struct type *type)
{
	bool list = type->id == DUCKDB_TYPE_LIST;

	for (size_t i = 0; i < type->child_count; i++)
		type_show_catalogue(type->children[i]);
	for (size_t i = 0; i < array_len(catalogue_types); i++) {
		if (type->id == catalogue_types[i].id) {
			type->oid = catalogue_types[i].oid;
			type->size = catalogue_types[i].size;
		} else if (list && type->children[0]->id == catalogue_types[i].id) {
			type->oid = catalogue_types[i].list_oid;
			type->vector = catalogue_types[i].vector;
		}
	}
}
