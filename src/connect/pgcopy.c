#include "connect/pgcopy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"

/* PostgreSQL counts from 2000-01-01. */
enum { EPOCH_DAYS = 10957 };
static const int64_t EPOCH_US = INT64_C(10957) * 86400 * 1000000;

struct bytes {
	struct slice left;
	bool bad;    /* sticky: after a short read all gets give zero */
	bool beyond; /* a moment that DuckDB's type cannot hold */
};

static uint64_t take_uint(struct bytes *b, size_t len)
{
	uint64_t value = 0;

	if (b->left.len < len) {
		b->bad = true;
		b->left = SLICE("");
		return 0;
	}
	for (size_t i = 0; i < len; i++)
		value = value << 8 | (unsigned char)b->left.ptr[i];
	b->left = slice_sub(b->left, len, b->left.len);
	return value;
}

static struct slice take_slice(struct bytes *b, size_t len)
{
	struct slice part = slice_sub(b->left, 0, len);

	if (b->left.len < len)
		b->bad = true;
	b->left = slice_sub(b->left, len, b->left.len);
	return part;
}

typedef void (*append_fn)(struct engine_appender *to, struct bytes *b);
typedef void (*print_fn)(struct bytes *b, struct str *out);

static void append_bool(struct engine_appender *to, struct bytes *b)
{
	engine_append_bool(to, take_uint(b, 1) != 0);
}

static void append_int2(struct engine_appender *to, struct bytes *b)
{
	engine_append_i64(to, (int16_t)take_uint(b, 2));
}

static void append_int4(struct engine_appender *to, struct bytes *b)
{
	engine_append_i64(to, (int32_t)take_uint(b, 4));
}

static void append_oid(struct engine_appender *to, struct bytes *b)
{
	engine_append_i64(to, (int64_t)take_uint(b, 4));
}

static void append_int8(struct engine_appender *to, struct bytes *b)
{
	engine_append_i64(to, (int64_t)take_uint(b, 8));
}

static float take_float(struct bytes *b)
{
	uint32_t raw = (uint32_t)take_uint(b, 4);
	float value;

	memcpy(&value, &raw, sizeof value);
	return value;
}

static double take_double(struct bytes *b)
{
	uint64_t raw = take_uint(b, 8);
	double value;

	memcpy(&value, &raw, sizeof value);
	return value;
}

static void append_float4(struct engine_appender *to, struct bytes *b)
{
	engine_append_double(to, (double)take_float(b));
}

static void append_float8(struct engine_appender *to, struct bytes *b)
{
	engine_append_double(to, take_double(b));
}

static void append_text(struct engine_appender *to, struct bytes *b)
{
	struct slice value = take_slice(b, b->left.len);

	b->bad = b->bad || !slice_is_utf8(value);
	if (!b->bad)
		engine_append_text(to, value.ptr ? value : SLICE(""));
}

/* jsonb: a version byte before the text. */
static void append_jsonb(struct engine_appender *to, struct bytes *b)
{
	b->bad = take_uint(b, 1) != 1 || b->bad;
	append_text(to, b);
}

static void append_bytea(struct engine_appender *to, struct bytes *b)
{
	struct slice value = take_slice(b, b->left.len);

	engine_append_blob(to, value.ptr ? value : SLICE(""));
}

static void append_date(struct engine_appender *to, struct bytes *b)
{
	int32_t days = (int32_t)take_uint(b, 4);

	/* INT32_MAX and INT32_MIN are infinity and -infinity, in DuckDB too */
	if (days == INT32_MAX || days == INT32_MIN)
		days = days == INT32_MAX ? INT32_MAX : -INT32_MAX;
	else
		b->beyond = __builtin_add_overflow(days, EPOCH_DAYS, &days) || days == INT32_MAX;
	if (!b->beyond)
		engine_append_date(to, days);
}

static void append_time(struct engine_appender *to, struct bytes *b)
{
	const int64_t day_us = INT64_C(86400) * 1000000;
	int64_t us = (int64_t)take_uint(b, 8);

	b->bad = b->bad || us < 0 || us > day_us; /* 24:00:00 is one */
	engine_append_time(to, us);
}

static void append_timestamp(struct engine_appender *to, struct bytes *b)
{
	int64_t us = (int64_t)take_uint(b, 8);

	if (us == INT64_MAX || us == INT64_MIN)
		us = us == INT64_MAX ? INT64_MAX : -INT64_MAX;
	else
		b->beyond = __builtin_add_overflow(us, EPOCH_US, &us) || us == INT64_MAX;
	if (!b->beyond)
		engine_append_timestamp(to, us);
}

/* PostgreSQL 17 has infinite intervals: all parts at their ends. */
static void append_interval(struct engine_appender *to, struct bytes *b)
{
	int64_t us = (int64_t)take_uint(b, 8);
	int32_t days = (int32_t)take_uint(b, 4);
	int32_t months = (int32_t)take_uint(b, 4);

	b->beyond = (us == INT64_MAX && days == INT32_MAX && months == INT32_MAX) ||
		    (us == INT64_MIN && days == INT32_MIN && months == INT32_MIN);
	engine_append_interval(to, months, days, us);
}

static void print_bool(struct bytes *b, struct str *out)
{
	str_add_c(out, take_uint(b, 1) ? "true" : "false");
}

static void print_int2(struct bytes *b, struct str *out)
{
	str_printf(out, "%d", (int16_t)take_uint(b, 2));
}

static void print_int4(struct bytes *b, struct str *out)
{
	str_printf(out, "%d", (int32_t)take_uint(b, 4));
}

static void print_int8(struct bytes *b, struct str *out)
{
	str_printf(out, "%" PRId64, (int64_t)take_uint(b, 8));
}

/* JSON has no NaN and no infinity: those are texts. */
static bool print_special(struct str *out, double value)
{
	if (value - value == 0)
		return false;
	str_add_c(out, value > 0 ? "\"Infinity\"" : value < 0 ? "\"-Infinity\"" : "\"NaN\"");
	return true;
}

/* The fewest digits that give the same number again. */
static void print_float4(struct bytes *b, struct str *out)
{
	float value = take_float(b);
	char text[32];

	if (print_special(out, (double)value))
		return;
	for (int digits = 6; digits <= 9; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, (double)value);
		if (strtof(text, NULL) == value)
			break;
	}
	str_add_c(out, text);
}

static void print_float8(struct bytes *b, struct str *out)
{
	double value = take_double(b);
	char text[32];

	if (print_special(out, value))
		return;
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	str_add_c(out, text);
}

enum { NUMERIC_GROUPS = 4096 };

/* Groups of four decimal digits: number of groups, weight of the first, sign, digits behind the
 * point. A group of weight w stands for its value times 10000^w. */
static void print_numeric(struct bytes *b, struct str *out)
{
	int digits[NUMERIC_GROUPS];
	int groups = (int16_t)take_uint(b, 2);
	int weight = (int16_t)take_uint(b, 2);
	uint64_t sign = take_uint(b, 2);
	int scale = (int16_t)take_uint(b, 2);

	if (sign == 0xc000 || sign == 0xd000 || sign == 0xf000) {
		str_add_c(out, sign == 0xc000 ? "NaN" : sign == 0xd000 ? "Infinity" : "-Infinity");
		return;
	}
	if (groups < 0 || groups > NUMERIC_GROUPS || weight >= NUMERIC_GROUPS || scale < 0 ||
		(sign && sign != 0x4000)) {
		b->bad = true;
		return;
	}
	for (int i = 0; i < groups; i++) {
		digits[i] = (int)take_uint(b, 2);
		b->bad = b->bad || digits[i] > 9999;
	}
	str_add_c(out, sign ? "-" : "");
	str_add_c(out, weight < 0 ? "0" : "");
	for (int w = weight; w >= 0; w--)
		str_printf(out, w == weight ? "%d" : "%04d",
			weight - w < groups ? digits[weight - w] : 0);
	str_add_c(out, scale ? "." : "");
	for (int w = -1; scale > 0; w--, scale -= 4) {
		int at = weight - w;
		char four[12];

		snprintf(four, sizeof four, "%04d", at >= 0 && at < groups ? digits[at] : 0);
		str_add(out, slice_of(four, min_of(scale, 4)));
	}
}

static void print_uuid(struct bytes *b, struct str *out)
{
	for (int i = 0; i < 16; i++) {
		bool dash = i == 4 || i == 6 || i == 8 || i == 10;

		str_printf(out, "%s%02x", dash ? "-" : "", (unsigned)take_uint(b, 1));
	}
}

static void print_text(struct bytes *b, struct str *out)
{
	struct slice value = take_slice(b, b->left.len);

	b->bad = b->bad || !slice_is_utf8(value);
	str_add(out, value);
}

static void print_array(struct bytes *b, struct str *out);

/* One of append and print; print makes the elements of arrays too. */
static const struct pg_type {
	uint32_t oid;
	const char *name;
	const char *duckdb;
	append_fn append;
	print_fn print;
	uint32_t element; /* arrays */
	bool quoted;	  /* a JSON string, when it is an element */
} TYPES[] = {
	{16, "boolean", "BOOLEAN", append_bool, print_bool, 0, false},
	{17, "bytea", "BLOB", append_bytea, NULL, 0, false},
	{18, "\"char\"", "VARCHAR", append_text, NULL, 0, false},
	{19, "name", "VARCHAR", append_text, NULL, 0, false},
	{20, "bigint", "BIGINT", append_int8, print_int8, 0, false},
	{21, "smallint", "SMALLINT", append_int2, print_int2, 0, false},
	{23, "integer", "INTEGER", append_int4, print_int4, 0, false},
	{PGCOPY_TEXT_OID, "text", "VARCHAR", append_text, print_text, 0, true},
	{26, "oid", "BIGINT", append_oid, NULL, 0, false},
	{PGCOPY_JSON_OID, "json", "JSON", append_text, NULL, 0, false},
	{142, "xml", "VARCHAR", append_text, NULL, 0, false},
	{700, "real", "FLOAT", append_float4, print_float4, 0, false},
	{701, "double precision", "DOUBLE", append_float8, print_float8, 0, false},
	{1042, "character", "VARCHAR", append_text, NULL, 0, false},
	{1043, "character varying", "VARCHAR", append_text, print_text, 0, true},
	{1082, "date", "DATE", append_date, NULL, 0, false},
	{1083, "time", "TIME", append_time, NULL, 0, false},
	{1114, "timestamp", "TIMESTAMP", append_timestamp, NULL, 0, false},
	{1184, "timestamp with time zone", "TIMESTAMP WITH TIME ZONE", append_timestamp, NULL, 0,
		false},
	{1186, "interval", "INTERVAL", append_interval, NULL, 0, false},
	{PGCOPY_NUMERIC_OID, "numeric", "VARCHAR", NULL, print_numeric, 0, true},
	{2950, "uuid", "UUID", NULL, print_uuid, 0, true},
	{3802, "jsonb", "JSON", append_jsonb, NULL, 0, false},
	{1000, "boolean[]", "JSON", NULL, print_array, 16, false},
	{1005, "smallint[]", "JSON", NULL, print_array, 21, false},
	{1007, "integer[]", "JSON", NULL, print_array, 23, false},
	{1016, "bigint[]", "JSON", NULL, print_array, 20, false},
	{1009, "text[]", "JSON", NULL, print_array, PGCOPY_TEXT_OID, false},
	{1015, "character varying[]", "JSON", NULL, print_array, 1043, false},
	{1021, "real[]", "JSON", NULL, print_array, 700, false},
	{1022, "double precision[]", "JSON", NULL, print_array, 701, false},
	{1231, "numeric[]", "JSON", NULL, print_array, PGCOPY_NUMERIC_OID, false},
	{2951, "uuid[]", "JSON", NULL, print_array, 2950, false},
};

static const struct pg_type *find_type(uint32_t oid)
{
	for (size_t i = 0; i < array_len(TYPES); i++)
		if (TYPES[i].oid == oid)
			return &TYPES[i];
	return NULL;
}

enum { MAX_DIMENSIONS = 6 }; /* PostgreSQL's MAXDIM */

struct array {
	const struct pg_type *element;
	size_t dimensions;
	uint64_t lengths[MAX_DIMENSIONS];
};

static void print_element(struct bytes *b, const struct pg_type *type, struct str *out)
{
	struct str inner = str_in(out->arena);

	if (!type->quoted) {
		type->print(b, out);
		return;
	}
	type->print(b, &inner);
	str_add_json(out, str_slice(&inner));
}

/* Elements lie row by row: the last dimension is the innermost. */
static void print_dimension(
	struct bytes *b, const struct array *array, size_t depth, struct str *out)
{
	str_add_char(out, '[');
	for (uint64_t i = 0; i < array->lengths[depth] && !b->bad; i++) {
		str_add_c(out, i ? "," : "");
		if (depth + 1 < array->dimensions) {
			print_dimension(b, array, depth + 1, out);
			continue;
		}
		int32_t len = (int32_t)take_uint(b, 4);

		if (len < 0) {
			str_add_c(out, "null");
			continue;
		}
		struct bytes item = {.left = take_slice(b, (size_t)len)};

		print_element(&item, array->element, out);
		b->bad = b->bad || item.bad || item.left.len;
	}
	str_add_char(out, ']');
}

/* As JSON. Lower bounds other than 1 are PostgreSQL's own: positions count from the first. */
static void print_array(struct bytes *b, struct str *out)
{
	struct array array = {.dimensions = (size_t)take_uint(b, 4)};
	uint64_t total = 1;

	take_uint(b, 4); /* flags: has NULLs */
	array.element = find_type((uint32_t)take_uint(b, 4));
	b->bad = b->bad || array.dimensions > MAX_DIMENSIONS || !array.element ||
		 !array.element->print || array.element->element;
	for (size_t i = 0; i < array.dimensions && !b->bad; i++) {
		array.lengths[i] = take_uint(b, 4);
		take_uint(b, 4); /* lower bound */
		total *= array.lengths[i];
		b->bad = b->bad || array.lengths[i] == 0 || total > b->left.len / 4;
	}
	if (b->bad)
		return;
	if (array.dimensions == 0)
		str_add_c(out, "[]");
	else
		print_dimension(b, &array, 0, out);
}

const char *pgcopy_type(uint32_t oid)
{
	const struct pg_type *type = find_type(oid);

	return type ? type->duckdb : NULL;
}

static bool refuse(const struct pgcopy_column *column, const struct pg_type *type,
	const struct bytes *b, struct error *err)
{
	if (b->beyond && !b->bad)
		return error_set(err, DATETIME_OVERFLOW,
			       "column %.*s: a %s lies beyond what DuckDB's %s holds",
			       SLICE_FMT(column->name), type->name, type->duckdb) ||
		       error_hint(err, "read it as text: query: SELECT …, %.60s::text",
			       column->name.ptr);
	return error_set(err, INVALID_BINARY_REPRESENTATION,
		"column %.*s: the bytes are no %s that can be read", SLICE_FMT(column->name),
		type ? type->name : "value");
}

bool pgcopy_is_text(uint32_t oid)
{
	const struct pg_type *type = find_type(oid);

	return type && !type->append;
}

bool pgcopy_print(
	const struct pgcopy_column *column, struct slice value, struct str *out, struct error *err)
{
	const struct pg_type *type = find_type(column->oid);
	struct bytes b = {.left = value};

	if (!type || type->append)
		return refuse(column, type, &b, err);
	type->print(&b, out);
	return (!b.bad && b.left.len == 0 && slice_is_utf8(str_slice(out))) ||
	       refuse(column, type, &b, err);
}

bool pgcopy_append(struct engine_appender *to, const struct pgcopy_column *column,
	struct slice value, struct arena *scratch, struct error *err)
{
	const struct pg_type *type = find_type(column->oid);
	struct bytes b = {.left = value};
	struct str text = str_in(scratch);

	if (value.len >= PGCOPY_MAX_VALUE)
		return error_set(err, LIMIT_EXCEEDED,
			       "column %.*s: a value of %zu MiB is too large; below %d MiB is read",
			       SLICE_FMT(column->name), value.len >> 20, PGCOPY_MAX_VALUE >> 20) ||
		       error_hint(err, "leave the column out of the contract with drift: ignore, "
				       "or cut it in a query:");
	if (type && !type->append) {
		if (!pgcopy_print(column, value, &text, err))
			return false;
		engine_append_text(to, str_slice(&text));
		return true;
	}
	if (type)
		type->append(to, &b);
	return (type && !b.bad && !b.beyond && b.left.len == 0) || refuse(column, type, &b, err);
}

enum { HEADER_BYTES = 19 }; /* signature, flags, length of the extension */

bool pgcopy_skip_header(struct slice *message, struct error *err)
{
	static const char SIGNATURE[] = "PGCOPY\n\377\r\n"; /* its NUL belongs to it */
	struct bytes b = {.left = *message};
	struct slice signature = take_slice(&b, sizeof SIGNATURE);

	take_uint(&b, 4);
	uint64_t extension = take_uint(&b, 4);

	if (b.bad || memcmp(signature.ptr, SIGNATURE, sizeof SIGNATURE) != 0 ||
		extension > b.left.len)
		return error_set(err, PROTOCOL_VIOLATION, "PostgreSQL: no binary COPY came");
	*message = slice_sub(b.left, (size_t)extension, b.left.len);
	return true;
}

static bool cut(struct error *err)
{
	return error_set(err, PROTOCOL_VIOLATION, "PostgreSQL: a COPY row is cut");
}

bool pgcopy_row_begin(
	struct slice message, size_t fields, struct pgcopy_row *out, struct error *err)
{
	struct bytes b = {.left = message};
	uint64_t count = take_uint(&b, 2);

	if (b.bad)
		return cut(err);
	*out = (struct pgcopy_row){.left = b.left, .fields = fields, .end = count == 0xffff};
	return out->end || count == fields ||
	       error_set(err, PROTOCOL_VIOLATION, "PostgreSQL: a COPY row has %d columns, not %zu",
		       (int)count, fields);
}

bool pgcopy_row_next(struct pgcopy_row *row, struct slice *out, struct error *err)
{
	struct bytes b = {.left = row->left};
	int32_t len = (int32_t)take_uint(&b, 4);

	*out = len < 0 ? SLICE_NONE : take_slice(&b, (size_t)len);
	row->left = b.left;
	return !b.bad || cut(err);
}
