/*
 * DuckDB's type spellings as Delta's schema JSON. Spellings are parsed by a small recursive reader,
 * since nested types hold types and quoted names.
 */
#include "base/str.h"
#include "delta/delta.h"

enum { MAX_DEPTH = 32 };

/* Delta's name and, where Delta lacks the type, the DuckDB type that is stored instead. */
static const struct {
	const char *duckdb;
	const char *delta;
	const char *stored; /* NULL = as it is */
} PRIMITIVES[] = {
	{"BOOLEAN", "boolean", NULL},
	{"TINYINT", "byte", NULL},
	{"SMALLINT", "short", NULL},
	{"INTEGER", "integer", NULL},
	{"BIGINT", "long", NULL},
	{"FLOAT", "float", NULL},
	{"DOUBLE", "double", NULL},
	{"VARCHAR", "string", NULL},
	{"BLOB", "binary", NULL},
	{"DATE", "date", NULL},
	{"TIMESTAMP WITH TIME ZONE", "timestamp", NULL},
	{"TIMESTAMP", "timestamp_ntz", NULL},
	{"UTINYINT", "short", "SMALLINT"},
	{"USMALLINT", "integer", "INTEGER"},
	{"UINTEGER", "long", "BIGINT"},
	{"UBIGINT", "decimal(20,0)", "DECIMAL(20,0)"},
	{"HUGEINT", "string", "VARCHAR"},
	{"UHUGEINT", "string", "VARCHAR"},
	{"BIGNUM", "string", "VARCHAR"},
	{"TIMESTAMP_S", "timestamp_ntz", "TIMESTAMP"},
	{"TIMESTAMP_MS", "timestamp_ntz", "TIMESTAMP"},
	{"TIMESTAMP_NS", "string", "VARCHAR"},
	{"TIME", "string", "VARCHAR"},
	{"TIME WITH TIME ZONE", "string", "VARCHAR"},
	{"INTERVAL", "string", "VARCHAR"},
	{"UUID", "string", "VARCHAR"},
	{"JSON", "string", "VARCHAR"},
	{"BIT", "string", "VARCHAR"},
};

static bool unknown_type(struct slice type, struct error *err)
{
	error_set(err, INVALID_PARAMETER_VALUE, "type %.*s cannot be stored in a Delta table",
		SLICE_FMT(type));
	return error_hint(err, "cast the column in the transform, or give another physicalType");
}

/* End of the type that starts at from: at a comma or parenthesis of its own level, or the text's
 * end. */
static size_t type_end(struct slice text, size_t from)
{
	int level = 0;

	for (size_t i = from; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '"' || c == '\'') {
			for (i++; i < text.len && text.ptr[i] != c; i++)
				;
		} else if (c == '(') {
			level++;
		} else if (level == 0 && (c == ')' || c == ',')) {
			return i;
		} else if (c == ')') {
			level--;
		}
	}
	return text.len;
}

/* The type inside "X[]" or "X[3]"; none for others. */
static struct slice list_item(struct slice type)
{
	size_t open = type.len;

	if (type.len < 3 || type.ptr[type.len - 1] != ']')
		return SLICE_NONE;
	while (open > 0 && type.ptr[open - 1] != '[')
		open--;
	return open > 1 ? slice_of(type.ptr, open - 1) : SLICE_NONE;
}

/* The text between "PREFIX(" and the last ")"; none when the type is not of this kind. */
static struct slice inside(struct slice type, const char *prefix)
{
	size_t len = strlen(prefix);

	if (type.len < len + 2 || !slice_starts_with(type, slice_from_c(prefix)) ||
		type.ptr[len] != '(' || type.ptr[type.len - 1] != ')')
		return SLICE_NONE;
	return slice_of(type.ptr + len + 1, type.len - len - 2);
}

/* Cuts the next part of a comma-separated list off *rest. */
static struct slice next_part(struct slice *rest)
{
	size_t end = type_end(*rest, 0);
	struct slice part = slice_trim(slice_sub(*rest, 0, end));

	*rest = end < rest->len ? slice_sub(*rest, end + 1, rest->len) : SLICE_NONE;
	return part;
}

/* "name TYPE" or "\"na\"\"me\" TYPE" of a STRUCT's member. */
static struct slice member_name(struct arena *arena, struct slice member, struct slice *type_out)
{
	struct str name = str_in(arena);
	size_t at = 0;

	if (member.len == 0 || member.ptr[0] != '"') {
		while (at < member.len && member.ptr[at] != ' ')
			at++;
		*type_out = slice_trim(slice_sub(member, at, member.len));
		return slice_sub(member, 0, at);
	}
	for (at = 1; at < member.len; at++) {
		bool quote = member.ptr[at] == '"';

		if (quote && (at + 1 >= member.len || member.ptr[at + 1] != '"'))
			break;
		at += quote;
		str_add_char(&name, member.ptr[at]);
	}
	*type_out = slice_trim(slice_sub(member, at + 1, member.len));
	return str_slice(&name);
}

static bool add_type(struct str *out, struct slice type, int depth, struct error *err) must_check;

static bool add_struct(struct str *out, struct slice members, int depth, struct error *err)
{
	str_add_c(out, "{\"type\":\"struct\",\"fields\":[");
	for (bool first = true; !slice_is_none(members); first = false) {
		struct slice type;
		struct slice name = member_name(out->arena, next_part(&members), &type);

		str_add_c(out, first ? "{\"name\":" : ",{\"name\":");
		str_add_json(out, name);
		str_add_c(out, ",\"type\":");
		if (!add_type(out, type, depth + 1, err))
			return false;
		str_add_c(out, ",\"nullable\":true,\"metadata\":{}}");
	}
	str_add_c(out, "]}");
	return true;
}

static bool add_map(struct str *out, struct slice parts, int depth, struct error *err)
{
	struct slice key = next_part(&parts);

	str_add_c(out, "{\"type\":\"map\",\"keyType\":");
	if (!add_type(out, key, depth + 1, err))
		return false;
	str_add_c(out, ",\"valueType\":");
	if (!add_type(out, slice_trim(parts), depth + 1, err))
		return false;
	str_add_c(out, ",\"valueContainsNull\":true}");
	return true;
}

static bool add_type(struct str *out, struct slice type, int depth, struct error *err)
{
	struct slice item = list_item(type);
	struct slice members = inside(type, "STRUCT");
	struct slice map = inside(type, "MAP");

	if (depth > MAX_DEPTH)
		return unknown_type(type, err);
	if (!slice_is_none(item)) {
		str_add_c(out, "{\"type\":\"array\",\"elementType\":");
		if (!add_type(out, item, depth + 1, err))
			return false;
		str_add_c(out, ",\"containsNull\":true}");
		return true;
	}
	if (!slice_is_none(members))
		return add_struct(out, members, depth, err);
	if (!slice_is_none(map))
		return add_map(out, map, depth, err);
	if (!slice_is_none(inside(type, "DECIMAL"))) {
		str_printf(out, "\"decimal(%.*s)\"", SLICE_FMT(inside(type, "DECIMAL")));
		return true;
	}
	for (size_t i = 0; i < array_len(PRIMITIVES); i++) {
		if (slice_equal_c(type, PRIMITIVES[i].duckdb)) {
			str_printf(out, "\"%s\"", PRIMITIVES[i].delta);
			return true;
		}
	}
	if (slice_starts_with(type, SLICE("ENUM("))) {
		str_add_c(out, "\"string\"");
		return true;
	}
	return unknown_type(type, err);
}

static void add_storage(struct str *out, struct slice type, int depth)
{
	struct slice item = list_item(type);
	struct slice members = inside(type, "STRUCT");
	struct slice map = inside(type, "MAP");

	if (depth > MAX_DEPTH) {
		str_add(out, type);
	} else if (!slice_is_none(item)) {
		add_storage(out, item, depth + 1);
		str_add_c(out, "[]");
	} else if (!slice_is_none(members)) {
		str_add_c(out, "STRUCT(");
		for (bool first = true; !slice_is_none(members); first = false) {
			struct slice member_type;
			struct slice name =
				member_name(out->arena, next_part(&members), &member_type);

			str_add_c(out, first ? "" : ", ");
			str_add_sql_ident(out, name);
			str_add_char(out, ' ');
			add_storage(out, member_type, depth + 1);
		}
		str_add_char(out, ')');
	} else if (!slice_is_none(map)) {
		str_add_c(out, "MAP(");
		add_storage(out, next_part(&map), depth + 1);
		str_add_c(out, ", ");
		add_storage(out, slice_trim(map), depth + 1);
		str_add_char(out, ')');
	} else if (slice_starts_with(type, SLICE("ENUM("))) {
		str_add_c(out, "VARCHAR");
	} else {
		for (size_t i = 0; i < array_len(PRIMITIVES); i++)
			if (slice_equal_c(type, PRIMITIVES[i].duckdb) && PRIMITIVES[i].stored)
				type = slice_from_c(PRIMITIVES[i].stored);
		str_add(out, type);
	}
}

struct slice delta_storage_type(struct arena *arena, struct slice type)
{
	struct str out = str_in(arena);

	add_storage(&out, type, 0);
	return str_slice(&out);
}

bool delta_schema_string(struct arena *arena, const struct delta_column *columns, size_t count,
	struct slice *out, struct error *err)
{
	struct str text = str_in(arena);

	str_add_c(&text, "{\"type\":\"struct\",\"fields\":[");
	for (size_t i = 0; i < count; i++) {
		str_add_c(&text, i ? ",{\"name\":" : "{\"name\":");
		str_add_json(&text, columns[i].name);
		str_add_c(&text, ",\"type\":");
		if (!add_type(&text, columns[i].type, 0, err))
			return error_wrap(err, "column %.*s", SLICE_FMT(columns[i].name));
		str_add_c(&text, ",\"nullable\":true,\"metadata\":{\"weft.type\":");
		str_add_json(&text, columns[i].type);
		if (columns[i].comment.len) {
			str_add_c(&text, ",\"comment\":");
			str_add_json(&text, columns[i].comment);
		}
		str_add_c(&text, "}}");
	}
	str_add_c(&text, "]}");
	*out = str_slice(&text);
	return true;
}
