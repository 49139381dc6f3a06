#include "api/query-params.h"

#include "api/request.h"

#include <string.h>

#include "catalog/pgtype.h"

enum { OID_BOOL = 16, OID_INT8 = 20, OID_TEXT = 25, OID_FLOAT8 = 701, PARAMS_MAX = 65535 };

/* PostgreSQL's name, short or long. */
static uint32_t postgres_oid(struct slice name)
{
	for (size_t i = 0; i < pgtype_row_count; i++)
		if (slice_equal_nocase(name, slice_from_c(pgtype_rows[i].name)) ||
			slice_equal_nocase(name, slice_from_c(pgtype_rows[i].display)))
			return pgtype_rows[i].oid;
	return 0;
}

/* A name as X-Weft-Columns tells types, or PostgreSQL's, with or without lengths; 0 = unknown. */
static uint32_t type_oid(struct arena *arena, struct slice name)
{
	char *upper = arena_cstr(arena, name);
	struct slice plain = slice_trim(slice_sub(name, 0, slice_find(name, SLICE("("), 0)));

	for (char *c = upper; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	uint32_t oid = pgtype_of(slice_from_c(upper)).row->oid;

	/* text is also what unknown names give */
	if (oid != OID_TEXT || strcmp(upper, "VARCHAR") == 0)
		return oid;
	return postgres_oid(slice_equal_nocase(plain, SLICE("decimal")) ? SLICE("numeric") : plain);
}

/* The value's text and the type that its JSON form implies; false for lists and objects. */
static bool read_scalar(struct arena *arena, const json_t *value, struct slice *out, uint32_t *oid)
{
	*oid = 0;
	*out = SLICE_NONE;
	switch (json_typeof(value)) {
	case JSON_NULL: return true;
	case JSON_STRING: *out = json_to_slice(value); return true;
	case JSON_TRUE:
		*out = SLICE("true");
		*oid = OID_BOOL;
		return true;
	case JSON_FALSE:
		*out = SLICE("false");
		*oid = OID_BOOL;
		return true;
	case JSON_INTEGER: *oid = OID_INT8; break;
	case JSON_REAL: *oid = OID_FLOAT8; break;
	case JSON_ARRAY:
	case JSON_OBJECT: return false;
	}
	*out = json_print(arena, value);
	return true;
}

static bool read_typed(struct arena *arena, const json_t *item, size_t number,
	struct query_param *out, struct error *err)
{
	struct slice type = json_get_slice(item, "type");
	const json_t *value = json_object_get(item, "value");

	if (slice_is_none(type) || !value || !read_scalar(arena, value, &out->value, &out->oid)) {
		error_set(err, INVALID_PARAMETER_VALUE, "parameter %zu is not a value", number);
		return error_hint(err, "use null, true, 1, 1.5, \"text\" or "
				       "{\"type\":\"date\",\"value\":\"2026-01-31\"}");
	}
	out->oid = type_oid(arena, type);
	if (out->oid)
		return true;
	error_set(err, UNDEFINED_OBJECT, "parameter %zu: there is no type \"%.*s\"", number,
		SLICE_FMT(slice_sub(type, 0, 60)));
	return error_hint(err, "use a PostgreSQL type name, as integer, numeric, date, uuid");
}

bool query_params_read(struct arena *arena, const json_t *params, struct query_param **out,
	uint32_t **oids_out, size_t *count_out, struct error *err)
{
	size_t count = json_array_size(params);

	if (count > PARAMS_MAX)
		return error_set(err, STATEMENT_TOO_COMPLEX, "more than %d parameters", PARAMS_MAX);
	*count_out = count;
	*out = arena_array_of(arena, struct query_param, count);
	*oids_out = arena_array_of(arena, uint32_t, count);
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(params, i);
		struct query_param *param = &(*out)[i];

		if (!read_scalar(arena, item, &param->value, &param->oid) &&
			!read_typed(arena, item, i + 1, param, err))
			return false;
		(*oids_out)[i] = param->oid;
	}
	return true;
}

static const struct {
	const char *type;
	enum query_format format;
	const char *content_type;
} forms[] = {
	{"application/json", QUERY_JSON, "application/json"},
	{"application/x-ndjson", QUERY_NDJSON, "application/x-ndjson"},
	{"application/ndjson", QUERY_NDJSON, "application/x-ndjson"},
	{"text/csv", QUERY_CSV, "text/csv; charset=utf-8; header=present"},
	{"application/vnd.apache.arrow.stream", QUERY_ARROW, "application/vnd.apache.arrow.stream"},
	{"application/vnd.apache.parquet", QUERY_PARQUET, "application/vnd.apache.parquet"},
	{"application/*", QUERY_JSON, "application/json"},
	{"text/*", QUERY_CSV, "text/csv; charset=utf-8; header=present"},
	{"*/*", QUERY_JSON, "application/json"},
};

bool query_format_choose(struct slice accept, enum query_format *out, const char **type_out)
{
	double best = 0;

	if (slice_trim(accept).len == 0)
		accept = SLICE("*/*");
	while (!slice_is_none(accept)) {
		struct slice parameters = slice_split(&accept, ',');
		struct slice type = slice_trim(slice_split(&parameters, ';'));
		double q = request_quality(parameters);

		for (size_t i = 0; i < array_len(forms) && q > best; i++) {
			if (!slice_equal_nocase(type, slice_from_c(forms[i].type)))
				continue;
			best = q;
			*out = forms[i].format;
			*type_out = forms[i].content_type;
		}
	}
	return best > 0;
}
