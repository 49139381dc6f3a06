/*
 * Parameters, text or binary, by PostgreSQL's type. A value is made in the type that the statement
 * expects where that changes nothing (so that it need not be bound again), otherwise in the
 * declared one. What is more than digits is cast by the engine itself, by its own rules for
 * literals; arrays become lists.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "engine/bind-private.h"
#include "engine/datetime.h"
#include "engine/engine-private.h"
#include "engine/pgtype.h"

struct oid_row {
	uint32_t oid;
	uint32_t array_oid;
	duckdb_type type;
	const char *spelling;
};

/* The first row of a type or oid is the one that counts. */
static const struct oid_row oid_rows[] = {
	{PG_BOOL, PG_BOOL_ARRAY, DUCKDB_TYPE_BOOLEAN, "BOOLEAN"},
	{PG_INT2, PG_INT2_ARRAY, DUCKDB_TYPE_SMALLINT, "SMALLINT"},
	{PG_INT2, PG_INT2_ARRAY, DUCKDB_TYPE_TINYINT, "TINYINT"},
	{PG_INT2, PG_INT2_ARRAY, DUCKDB_TYPE_UTINYINT, "UTINYINT"},
	{PG_INT4, PG_INT4_ARRAY, DUCKDB_TYPE_INTEGER, "INTEGER"},
	{PG_INT4, PG_INT4_ARRAY, DUCKDB_TYPE_USMALLINT, "USMALLINT"},
	{PG_INT8, PG_INT8_ARRAY, DUCKDB_TYPE_BIGINT, "BIGINT"},
	{PG_INT8, PG_INT8_ARRAY, DUCKDB_TYPE_UINTEGER, "UINTEGER"},
	{PG_OID, PG_OID_ARRAY, DUCKDB_TYPE_BIGINT, "BIGINT"},
	{PG_REGCLASS, 0, DUCKDB_TYPE_BIGINT, "BIGINT"},
	{PG_FLOAT4, PG_FLOAT4_ARRAY, DUCKDB_TYPE_FLOAT, "FLOAT"},
	{PG_FLOAT8, PG_FLOAT8_ARRAY, DUCKDB_TYPE_DOUBLE, "DOUBLE"},
	{PG_NUMERIC, PG_NUMERIC_ARRAY, DUCKDB_TYPE_DECIMAL, "DECIMAL"},
	{PG_NUMERIC, PG_NUMERIC_ARRAY, DUCKDB_TYPE_HUGEINT, "HUGEINT"},
	{PG_NUMERIC, PG_NUMERIC_ARRAY, DUCKDB_TYPE_UBIGINT, "UBIGINT"},
	{PG_DATE, PG_DATE_ARRAY, DUCKDB_TYPE_DATE, "DATE"},
	{PG_TIME, PG_TIME_ARRAY, DUCKDB_TYPE_TIME, "TIME"},
	{PG_TIMESTAMP, PG_TIMESTAMP_ARRAY, DUCKDB_TYPE_TIMESTAMP, "TIMESTAMP"},
	{PG_TIMESTAMP, PG_TIMESTAMP_ARRAY, DUCKDB_TYPE_TIMESTAMP_S, "TIMESTAMP_S"},
	{PG_TIMESTAMP, PG_TIMESTAMP_ARRAY, DUCKDB_TYPE_TIMESTAMP_MS, "TIMESTAMP_MS"},
	{PG_TIMESTAMP, PG_TIMESTAMP_ARRAY, DUCKDB_TYPE_TIMESTAMP_NS, "TIMESTAMP_NS"},
	{PG_TIMESTAMPTZ, PG_TIMESTAMPTZ_ARRAY, DUCKDB_TYPE_TIMESTAMP_TZ, "TIMESTAMPTZ"},
	{PG_INTERVAL, PG_INTERVAL_ARRAY, DUCKDB_TYPE_INTERVAL, "INTERVAL"},
	{PG_UUID, PG_UUID_ARRAY, DUCKDB_TYPE_UUID, "UUID"},
	{PG_BYTEA, PG_BYTEA_ARRAY, DUCKDB_TYPE_BLOB, "BLOB"},
	{PG_TEXT, PG_TEXT_ARRAY, DUCKDB_TYPE_VARCHAR, "VARCHAR"},
	{PG_VARCHAR, PG_VARCHAR_ARRAY, DUCKDB_TYPE_VARCHAR, "VARCHAR"},
	{PG_BPCHAR, 0, DUCKDB_TYPE_VARCHAR, "VARCHAR"},
	{PG_NAME, PG_NAME_ARRAY, DUCKDB_TYPE_VARCHAR, "VARCHAR"},
	{PG_JSON, PG_JSON_ARRAY, DUCKDB_TYPE_VARCHAR, "VARCHAR"},
	{PG_JSONB, PG_JSONB_ARRAY, DUCKDB_TYPE_VARCHAR, "VARCHAR"},
};

static const struct oid_row *row_of_oid(uint32_t oid)
{
	for (size_t i = 0; i < array_len(oid_rows); i++)
		if (oid_rows[i].oid == oid)
			return &oid_rows[i];
	return NULL;
}

static const struct oid_row *row_of_array(uint32_t oid)
{
	for (size_t i = 0; i < array_len(oid_rows) && oid; i++)
		if (oid_rows[i].array_oid == oid)
			return &oid_rows[i];
	return NULL;
}

static const struct oid_row *row_of_type(duckdb_type type)
{
	for (size_t i = 0; i < array_len(oid_rows); i++)
		if (oid_rows[i].type == type)
			return &oid_rows[i];
	return NULL;
}

static bool is_json(duckdb_logical_type type)
{
	char *alias = duckdb_logical_type_get_alias(type);
	bool json = alias && strcmp(alias, "JSON") == 0;
	duckdb_free(alias);
	return json;
}

/* What a parameter of the type, or a list of it, is declared as; 0 = unknown. */
static uint32_t oid_of(
	const struct engine_statement *statement, duckdb_logical_type type, bool in_list)
{
	duckdb_type id = duckdb_get_type_id(type);
	const struct oid_row *row = row_of_type(id);
	if (statement->catalogue && id == DUCKDB_TYPE_UINTEGER)
		row = row_of_oid(PG_OID);
	else if (is_json(type))
		row = row_of_oid(PG_JSON);
	if (!row)
		return 0;
	return in_list ? row->array_oid : row->oid;
}

uint32_t engine_statement_param_oid(const struct engine_statement *statement, size_t index)
{
	uint32_t oid;
	duckdb_logical_type type = duckdb_param_logical_type(statement->prepared, index + 1);
	if (!type)
		return 0;
	if (duckdb_get_type_id(type) == DUCKDB_TYPE_LIST) {
		duckdb_logical_type child = duckdb_list_type_child_type(type);
		oid = oid_of(statement, child, true);
		duckdb_destroy_logical_type(&child);
	} else {
		oid = oid_of(statement, type, false);
	}
	duckdb_destroy_logical_type(&type);
	return oid;
}

static struct slice spelling_of(duckdb_type type)
{
	const struct oid_row *row = row_of_type(type);
	return slice_from_c(row ? row->spelling : "VARCHAR");
}

struct slice engine_type_of_oid(struct arena *arena, uint32_t oid)
{
	const struct oid_row *row = row_of_oid(oid);
	const struct oid_row *list = row_of_array(oid);
	const struct oid_row *known = list ? list : row;
	if (!known)
		return SLICE("VARCHAR");
	bool decimal = known->type == DUCKDB_TYPE_DECIMAL; /* wide enough for most, with a scale */
	return arena_printf(
		arena, "%s%s%s", known->spelling, decimal ? "(38,10)" : "", list ? "[]" : "");
}

static bool is_integer(duckdb_type type)
{
	return type == DUCKDB_TYPE_TINYINT || type == DUCKDB_TYPE_SMALLINT ||
	       type == DUCKDB_TYPE_INTEGER || type == DUCKDB_TYPE_BIGINT;
}

/* Which type to make: the statement's where the declared one says nothing or is an integer in
 * another width. */
static duckdb_type choose(duckdb_type declared, duckdb_type expected)
{
	if (!row_of_type(expected))
		return declared == DUCKDB_TYPE_INVALID ? DUCKDB_TYPE_VARCHAR : declared;
	if (declared == DUCKDB_TYPE_INVALID || declared == DUCKDB_TYPE_VARCHAR)
		return expected;
	return is_integer(declared) && is_integer(expected) ? expected : declared;
}

static duckdb_value integer_value(duckdb_type type, int64_t value)
{
	if (type == DUCKDB_TYPE_TINYINT && value == (int8_t)value)
		return duckdb_create_int8((int8_t)value);
	if (type == DUCKDB_TYPE_SMALLINT && value == (int16_t)value)
		return duckdb_create_int16((int16_t)value);
	if (type == DUCKDB_TYPE_INTEGER && value == (int32_t)value)
		return duckdb_create_int32((int32_t)value);
	return duckdb_create_int64(value);
}

/* PostgreSQL's numeric has no fixed scale: as many digits as the text has. */
static struct slice decimal_spelling(struct arena *arena, struct slice text)
{
	size_t digits = 0;
	size_t scale = 0;
	bool point = false;
	for (size_t i = 0; i < text.len; i++) {
		bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
		digits += digit;
		scale += digit && point;
		point |= text.ptr[i] == '.';
		if (!digit && !strchr("+-.", text.ptr[i]))
			return SLICE("DOUBLE"); /* exponents, NaN, Infinity */
	}
	if (digits > 38)
		return SLICE("DOUBLE");
	return arena_printf(arena, "DECIMAL(%zu,%zu)", max_of(digits, (size_t)1), scale);
}

/* The value in the first row of an answer of one row and one column. */
static duckdb_value first_value(const struct view *view)
{
	const void *data = view->data;
	switch ((int)view->type->id) {
	case DUCKDB_TYPE_BOOLEAN: return duckdb_create_bool(*(const bool *)data);
	case DUCKDB_TYPE_FLOAT: return duckdb_create_float(*(const float *)data);
	case DUCKDB_TYPE_DOUBLE: return duckdb_create_double(*(const double *)data);
	case DUCKDB_TYPE_DATE: return duckdb_create_date(*(const duckdb_date *)data);
	case DUCKDB_TYPE_TIME: return duckdb_create_time(*(const duckdb_time *)data);
	case DUCKDB_TYPE_TIMESTAMP: return duckdb_create_timestamp(*(const duckdb_timestamp *)data);
	case DUCKDB_TYPE_TIMESTAMP_TZ:
		return duckdb_create_timestamp_tz(*(const duckdb_timestamp *)data);
	case DUCKDB_TYPE_INTERVAL: return duckdb_create_interval(*(const duckdb_interval *)data);
	case DUCKDB_TYPE_HUGEINT: return duckdb_create_hugeint(*(const duckdb_hugeint *)data);
	case DUCKDB_TYPE_DECIMAL: return bind_decimal(view);
	case DUCKDB_TYPE_UUID: {
		duckdb_hugeint raw = *(const duckdb_hugeint *)data;
		return duckdb_create_uuid(
			(duckdb_uhugeint){raw.lower, (uint64_t)raw.upper ^ 1ULL << 63});
	}
	default: return NULL;
	}
}

static bool cast_value(struct bind *bind, struct slice spelling, struct slice text,
	duckdb_value *out, struct error *err)
{
	struct str sql = str_in(bind->arena);
	str_add_c(&sql, "SELECT CAST(");
	str_add_sql_literal(&sql, text);
	str_printf(&sql, " AS %.*s)", SLICE_FMT(spelling));
	scoped(engine_result_free) struct engine_result *result = NULL;
	size_t rows = 0;
	if (!engine_query(bind->engine, str_slice(&sql), &result, err) ||
		!engine_result_next(result, &rows, err) || rows != 1) {
		err->position = 0;
		return error_wrap(err, "parameter $%zu", bind->index + 1);
	}
	*out = first_value(&result->views[0]);
	return *out || error_set(err, FEATURE_NOT_SUPPORTED,
			       "parameter $%zu has a type that cannot be given as a parameter",
			       bind->index + 1);
}

static bool parse_blob(struct bind *bind, struct slice text, duckdb_value *out, struct error *err)
{
	uint8_t *bytes = arena_alloc(bind->arena, text.len / 2 + 1);
	size_t len = 0;
	bool ok = slice_starts_with(text, SLICE("\\x")) && text.len % 2 == 0;
	for (size_t i = 2; ok && i < text.len; i += 2) {
		char pair[3] = {text.ptr[i], text.ptr[i + 1], 0};
		ok = strspn(pair, "0123456789abcdefABCDEF") == 2;
		bytes[len++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	if (!ok)
		return error_set(err, INVALID_TEXT_REPRESENTATION,
			"parameter $%zu: bytea is written as \\x and hex digits", bind->index + 1);
	*out = duckdb_create_blob(bytes, len);
	return true;
}

static bool has_era(duckdb_type type)
{
	return type == DUCKDB_TYPE_DATE || type == DUCKDB_TYPE_TIMESTAMP ||
	       type == DUCKDB_TYPE_TIMESTAMP_TZ;
}

bool bind_text_value(struct bind *bind, duckdb_type type, struct slice text, duckdb_value *out,
	struct error *err)
{
	int64_t number;
	double real;
	if (!slice_is_utf8(text) || slice_find(text, slice_of("", 1), 0) != SIZE_MAX)
		return error_set(err, INVALID_ENCODING,
			"parameter $%zu: text must be UTF-8 without zero bytes", bind->index + 1);
	if (type == DUCKDB_TYPE_BLOB)
		return parse_blob(bind, text, out, err);
	if (type == DUCKDB_TYPE_VARCHAR)
		*out = duckdb_create_varchar_length(text.ptr, text.len);
	else if (is_integer(type) && slice_to_i64(text, &number))
		*out = integer_value(type, number);
	else if (type == DUCKDB_TYPE_DOUBLE && slice_to_double(text, &real))
		*out = duckdb_create_double(real);
	else if (type == DUCKDB_TYPE_BOOLEAN &&
		 (slice_equal_c(text, "t") || slice_equal_c(text, "f")))
		*out = duckdb_create_bool(text.ptr[0] == 't');
	else
		return cast_value(bind,
			type == DUCKDB_TYPE_DECIMAL ? decimal_spelling(bind->arena, text)
						    : spelling_of(type),
			has_era(type) ? datetime_with_era(bind->arena, text) : text, out, err);
	return true;
}

/* Wide enough for each of them; DOUBLE where DECIMAL is not, or one of them is NaN or infinite. */
static duckdb_logical_type type_of_decimals(const duckdb_value *values, size_t count)
{
	uint8_t whole = 1;
	uint8_t scale = 0;
	bool real = false;
	for (size_t i = 0; i < count; i++) {
		duckdb_logical_type type = duckdb_get_value_type(values[i]); /* the value's own */
		real |= duckdb_get_type_id(type) == DUCKDB_TYPE_DOUBLE;
		if (duckdb_get_type_id(type) != DUCKDB_TYPE_DECIMAL)
			continue;
		uint8_t places = duckdb_decimal_scale(type);
		whole = max_of(whole, (uint8_t)(duckdb_decimal_width(type) - places));
		scale = max_of(scale, places);
	}
	return real || whole + scale > 38 ? duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE)
					  : duckdb_create_decimal_type(whole + scale, scale);
}

static bool make_list(struct bind *bind, const struct oid_row *item, int format, struct slice value,
	duckdb_value *out, struct error *err)
{
	struct bind_items items = {0};
	bool ok = format ? bind_split_binary(bind, value, &items, err)
			 : bind_split_text(bind, value, &items, err);
	if (!ok)
		return false;
	duckdb_value *values = arena_array_of(bind->arena, duckdb_value, items.len);
	size_t made = 0;
	for (; ok && made < items.len; made += ok) {
		struct slice text = items.items[made];
		if (slice_is_none(text))
			values[made] = duckdb_create_null_value();
		else if (format)
			ok = bind_binary_value(
				bind, item->oid, item->type, text, &values[made], err);
		else
			ok = bind_text_value(bind, item->type, text, &values[made], err);
	}
	if (ok) {
		duckdb_logical_type type = item->type == DUCKDB_TYPE_DECIMAL
						   ? type_of_decimals(values, items.len)
						   : duckdb_create_logical_type(item->type);
		*out = duckdb_create_list_value(type, values, items.len);
		duckdb_destroy_logical_type(&type);
	}
	for (size_t i = 0; i < items.len; i++)
		duckdb_destroy_value(&values[i]);
	return ok &&
	       (*out || error_set(err, INVALID_TEXT_REPRESENTATION,
				"parameter $%zu is not an array of its type", bind->index + 1));
}

/* As the client sent it. */
struct given {
	uint32_t oid;
	int format;
	struct slice value;
};

static bool make_value(struct bind *bind, const struct given *given, duckdb_type expected,
	duckdb_value *out, struct error *err)
{
	const struct oid_row *list = row_of_array(given->oid);
	if (list)
		return make_list(bind, list, given->format, given->value, out, err);
	const struct oid_row *row = row_of_oid(given->oid);
	if (given->oid && given->oid != PG_UNKNOWN && !row && given->format)
		return error_set(err, FEATURE_NOT_SUPPORTED,
			"parameter $%zu has type %u, which is not understood in binary",
			bind->index + 1, given->oid);
	duckdb_type type = choose(row ? row->type : DUCKDB_TYPE_INVALID, expected);
	if (given->format)
		return bind_binary_value(
			bind, row ? given->oid : PG_TEXT, type, given->value, out, err);
	if (!row && expected == DUCKDB_TYPE_LIST)
		type = DUCKDB_TYPE_VARCHAR; /* the engine casts '{…}' as it knows the element */
	return bind_text_value(bind, type, given->value, out, err);
}

bool engine_bind(struct engine_statement *statement, size_t index, uint32_t oid, int format,
	struct slice value, struct error *err)
{
	if (index >= statement->param_count)
		return error_set(
			err, UNDEFINED_PARAMETER, "the statement has no parameter $%zu", index + 1);
	scoped(arena_free) struct arena *arena = arena_new();
	struct bind bind = {.engine = statement->engine, .arena = arena, .index = index};
	duckdb_value made = NULL;
	struct given given = {oid, format, value};
	duckdb_type expected = duckdb_param_type(statement->prepared, index + 1);
	if (slice_is_none(value)) {
		made = duckdb_create_null_value();
	} else if (!make_value(&bind, &given, expected, &made, err)) {
		duckdb_destroy_value(&made); /* of bytes that were too many or too few */
		return false;
	}
	bool ok = duckdb_bind_value(statement->prepared, index + 1, made) == DuckDBSuccess;
	duckdb_destroy_value(&made);
	return ok || error_set(err, UNDEFINED_PARAMETER, "parameter $%zu cannot be set", index + 1);
}
