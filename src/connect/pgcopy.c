#include "connect/pgcopy.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "base/str.h"

/* PostgreSQL counts from 2000-01-01. */
enum { EPOCH_DAYS = 10957 };
static const int64_t EPOCH_US = INT64_C(10957) * 86400 * 1000000;

struct bytes {
	struct slice left;
	bool bad; /* sticky: after a short read all gets give zero */
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

typedef void (*append_fn)(struct engine_appender *to, struct bytes *b, struct str *text);

static void append_bool(struct engine_appender *to, struct bytes *b, struct str *text)
{
	(void)text;
	engine_append_bool(to, take_uint(b, 1) != 0);
}

static void append_int2(struct engine_appender *to, struct bytes *b, struct str *text)
{
	(void)text;
	engine_append_i64(to, (int16_t)take_uint(b, 2));
}

static void append_int4(struct engine_appender *to, struct bytes *b, struct str *text)
{
	(void)text;
	engine_append_i64(to, (int32_t)take_uint(b, 4));
}

static void append_oid(struct engine_appender *to, struct bytes *b, struct str *text)
{
	(void)text;
	engine_append_i64(to, (int64_t)take_uint(b, 4));
}

static void append_int8(struct engine_appender *to, struct bytes *b, struct str *text)
{
	(void)text;
	engine_append_i64(to, (int64_t)take_uint(b, 8));
}

static void append_float4(struct engine_appender *to, struct bytes *b, struct str *text)
{
	uint32_t raw = (uint32_t)take_uint(b, 4);
	float value;

	(void)text;
	memcpy(&value, &raw, sizeof value);
	engine_append_double(to, (double)value);
}

static void append_float8(struct engine_appender *to, struct bytes *b, struct str *text)
{
	uint64_t raw = take_uint(b, 8);
	double value;

	(void)text;
	memcpy(&value, &raw, sizeof value);
	engine_append_double(to, value);
}

static void append_text(struct engine_appender *to, struct bytes *b, struct str *text)
{
	struct slice value = take_slice(b, b->left.len);

	(void)text;
	b->bad = b->bad || !slice_is_utf8(value);
	if (!b->bad)
		engine_append_text(to, value.ptr ? value : SLICE(""));
}

/* jsonb: a version byte before the text. */
static void append_jsonb(struct engine_appender *to, struct bytes *b, struct str *text)
{
	b->bad = take_uint(b, 1) != 1 || b->bad;
	append_text(to, b, text);
}

static void append_bytea(struct engine_appender *to, struct bytes *b, struct str *text)
{
	struct slice value = take_slice(b, b->left.len);

	(void)text;
	engine_append_blob(to, value.ptr ? value : SLICE(""));
}

static void append_date(struct engine_appender *to, struct bytes *b, struct str *text)
{
	int32_t days = (int32_t)take_uint(b, 4);

	(void)text;
	/* INT32_MAX and INT32_MIN are infinity and -infinity, in DuckDB too */
	if (days == INT32_MAX || days == INT32_MIN)
		engine_append_date(to, days == INT32_MAX ? INT32_MAX : -INT32_MAX);
	else
		engine_append_date(to, days + EPOCH_DAYS);
}

static void append_time(struct engine_appender *to, struct bytes *b, struct str *text)
{
	(void)text;
	engine_append_time(to, (int64_t)take_uint(b, 8));
}

static void append_timestamp(struct engine_appender *to, struct bytes *b, struct str *text)
{
	int64_t us = (int64_t)take_uint(b, 8);

	(void)text;
	if (us == INT64_MAX || us == INT64_MIN)
		engine_append_timestamp(to, us == INT64_MAX ? INT64_MAX : -INT64_MAX);
	else
		engine_append_timestamp(to, us + EPOCH_US);
}

static void append_interval(struct engine_appender *to, struct bytes *b, struct str *text)
{
	int64_t us = (int64_t)take_uint(b, 8);
	int32_t days = (int32_t)take_uint(b, 4);
	int32_t months = (int32_t)take_uint(b, 4);

	(void)text;
	engine_append_interval(to, months, days, us);
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

static void append_numeric(struct engine_appender *to, struct bytes *b, struct str *text)
{
	print_numeric(b, text);
	if (!b->bad)
		engine_append_text(to, str_slice(text));
}

static void print_uuid(struct bytes *b, struct str *out)
{
	for (int i = 0; i < 16; i++) {
		bool dash = i == 4 || i == 6 || i == 8 || i == 10;

		str_printf(out, "%s%02x", dash ? "-" : "", (unsigned)take_uint(b, 1));
	}
}

static void append_uuid(struct engine_appender *to, struct bytes *b, struct str *text)
{
	print_uuid(b, text);
	engine_append_text(to, str_slice(text));
}

static void append_array(struct engine_appender *to, struct bytes *b, struct str *text);

static const struct pg_type {
	uint32_t oid;
	const char *name;
	const char *duckdb;
	append_fn append;
	uint32_t element; /* arrays */
} TYPES[] = {
	{16, "boolean", "BOOLEAN", append_bool, 0},
	{17, "bytea", "BLOB", append_bytea, 0},
	{18, "\"char\"", "VARCHAR", append_text, 0},
	{19, "name", "VARCHAR", append_text, 0},
	{20, "bigint", "BIGINT", append_int8, 0},
	{21, "smallint", "SMALLINT", append_int2, 0},
	{23, "integer", "INTEGER", append_int4, 0},
	{25, "text", "VARCHAR", append_text, 0},
	{26, "oid", "BIGINT", append_oid, 0},
	{114, "json", "JSON", append_text, 0},
	{142, "xml", "VARCHAR", append_text, 0},
	{700, "real", "FLOAT", append_float4, 0},
	{701, "double precision", "DOUBLE", append_float8, 0},
	{1042, "character", "VARCHAR", append_text, 0},
	{1043, "character varying", "VARCHAR", append_text, 0},
	{1082, "date", "DATE", append_date, 0},
	{1083, "time", "TIME", append_time, 0},
	{1114, "timestamp", "TIMESTAMP", append_timestamp, 0},
	{1184, "timestamp with time zone", "TIMESTAMP WITH TIME ZONE", append_timestamp, 0},
	{1186, "interval", "INTERVAL", append_interval, 0},
	{1700, "numeric", "VARCHAR", append_numeric, 0},
	{2950, "uuid", "UUID", append_uuid, 0},
	{3802, "jsonb", "JSON", append_jsonb, 0},
	{1000, "boolean[]", "JSON", append_array, 16},
	{1005, "smallint[]", "JSON", append_array, 21},
	{1007, "integer[]", "JSON", append_array, 23},
	{1016, "bigint[]", "JSON", append_array, 20},
	{1009, "text[]", "JSON", append_array, 25},
	{1015, "character varying[]", "JSON", append_array, 1043},
	{1021, "real[]", "JSON", append_array, 700},
	{1022, "double precision[]", "JSON", append_array, 701},
	{1231, "numeric[]", "JSON", append_array, 1700},
	{2951, "uuid[]", "JSON", append_array, 2950},
};

static const struct pg_type *find_type(uint32_t oid)
{
	for (size_t i = 0; i < array_len(TYPES); i++)
		if (TYPES[i].oid == oid)
			return &TYPES[i];
	return NULL;
}

/* One element of an array as a JSON value. */
static void print_element(struct bytes *b, uint32_t element, struct str *out)
{
	double real = 0;
	uint64_t raw;
	float single;
	struct str inner = str_in(out->arena);

	switch (element) {
	case 16: str_add_c(out, take_uint(b, 1) ? "true" : "false"); break;
	case 20: str_printf(out, "%" PRId64, (int64_t)take_uint(b, 8)); break;
	case 21: str_printf(out, "%d", (int16_t)take_uint(b, 2)); break;
	case 23: str_printf(out, "%d", (int32_t)take_uint(b, 4)); break;
	case 700:
		raw = take_uint(b, 4);
		memcpy(&single, &(uint32_t){(uint32_t)raw}, sizeof single);
		str_printf(out, "%.9g", (double)single);
		break;
	case 701:
		raw = take_uint(b, 8);
		memcpy(&real, &raw, sizeof real);
		str_printf(out, "%.17g", real);
		break;
	case 1700:
		print_numeric(b, &inner);
		str_add_json(out, str_slice(&inner));
		break;
	case 2950:
		print_uuid(b, &inner);
		str_add_json(out, str_slice(&inner));
		break;
	default: str_add_json(out, take_slice(b, b->left.len)); break;
	}
}

/* One dimension; more would be another type in every row. */
static void append_array(struct engine_appender *to, struct bytes *b, struct str *text)
{
	uint64_t dimensions = take_uint(b, 4);

	take_uint(b, 4); /* flags: has NULLs */
	uint32_t element = (uint32_t)take_uint(b, 4);
	uint64_t count = dimensions ? take_uint(b, 4) : 0;

	if (dimensions)
		take_uint(b, 4); /* lower bound */
	b->bad = b->bad || dimensions > 1 || count > b->left.len / 4;
	str_add_char(text, '[');
	for (uint64_t i = 0; i < count && !b->bad; i++) {
		int32_t len = (int32_t)take_uint(b, 4);

		str_add_c(text, i ? "," : "");
		if (len < 0) {
			str_add_c(text, "null");
			continue;
		}
		struct bytes item = {.left = take_slice(b, (size_t)len)};

		print_element(&item, element, text);
		b->bad = b->bad || item.bad || item.left.len;
	}
	str_add_char(text, ']');
	if (!b->bad)
		engine_append_text(to, str_slice(text));
}

const char *pgcopy_type(uint32_t oid)
{
	const struct pg_type *type = find_type(oid);

	return type ? type->duckdb : NULL;
}

bool pgcopy_append(struct engine_appender *to, const struct pgcopy_column *column,
	struct slice value, struct arena *scratch, struct error *err)
{
	const struct pg_type *type = find_type(column->oid);
	struct bytes b = {.left = value};
	struct str text = str_in(scratch);

	if (type)
		type->append(to, &b, &text);
	if (!type || b.bad || b.left.len)
		return error_set(err, INVALID_BINARY_REPRESENTATION,
			"column %.*s: the bytes are no %s that can be read",
			SLICE_FMT(column->name), type ? type->name : "value");
	return true;
}
