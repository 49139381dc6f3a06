/* Values as PostgreSQL's text. One small function per type and a table of them, by DuckDB type. */
#include "base/check.h"
#include "base/pgproc.h"
#include "engine/datetime.h"
#include "engine/encode.h"
#include "engine/number.h"
#include "engine/pgtype.h"

typedef void (*text_fn)(struct buffer *out, const struct view *view, size_t row);

#define AT(ctype) (((const ctype *)view->data)[row])

static void text_bool(struct buffer *out, const struct view *view, size_t row)
{
	buffer_add_char(out, AT(bool) ? 't' : 'f');
}

static void text_int8(struct buffer *out, const struct view *view, size_t row)
{
	number_i64(out, AT(int8_t));
}

static void text_int16(struct buffer *out, const struct view *view, size_t row)
{
	number_i64(out, AT(int16_t));
}

static void text_int32(struct buffer *out, const struct view *view, size_t row)
{
	number_i64(out, AT(int32_t));
}

static void text_int64(struct buffer *out, const struct view *view, size_t row)
{
	number_i64(out, AT(int64_t));
}

static void text_uint8(struct buffer *out, const struct view *view, size_t row)
{
	number_u64(out, AT(uint8_t));
}

static void text_uint16(struct buffer *out, const struct view *view, size_t row)
{
	number_u64(out, AT(uint16_t));
}

static void text_uint32(struct buffer *out, const struct view *view, size_t row)
{
	number_u64(out, AT(uint32_t));
}

static void text_uint64(struct buffer *out, const struct view *view, size_t row)
{
	number_u64(out, AT(uint64_t));
}

static void text_hugeint(struct buffer *out, const struct view *view, size_t row)
{
	number_i128(out, hugeint_value(AT(duckdb_hugeint)), 0);
}

/* regproc, a number that prints as a name: 0 as "-". */
static void add_function(struct buffer *out, uint64_t oid)
{
	char name[PGPROC_NAME_MAX];
	if (oid <= UINT32_MAX && pgproc_name((uint32_t)oid, name))
		buffer_add_c(out, name);
	else if (oid == 0)
		buffer_add_char(out, '-');
	else
		number_u64(out, oid);
}

static void text_uhugeint(struct buffer *out, const struct view *view, size_t row)
{
	duckdb_uhugeint value = AT(duckdb_uhugeint);
	if (view->type->oid == PG_REGPROC)
		add_function(out, value.lower);
	else
		number_u128(out, (unsigned __int128)value.upper << 64 | value.lower);
}

static void text_decimal(struct buffer *out, const struct view *view, size_t row)
{
	unsigned scale = view->type->scale;
	switch ((int)view->type->storage) {
	case DUCKDB_TYPE_SMALLINT: number_i128(out, AT(int16_t), scale); break;
	case DUCKDB_TYPE_INTEGER: number_i128(out, AT(int32_t), scale); break;
	case DUCKDB_TYPE_BIGINT: number_i128(out, AT(int64_t), scale); break;
	default: number_i128(out, hugeint_value(AT(duckdb_hugeint)), scale);
	}
}

static void text_float(struct buffer *out, const struct view *view, size_t row)
{
	float value = AT(float);
	if (__builtin_isnan(value))
		buffer_add_c(out, "NaN");
	else if (__builtin_isinf(value))
		buffer_add_c(out, value > 0 ? "Infinity" : "-Infinity");
	else
		number_float(out, value);
}

static void text_double(struct buffer *out, const struct view *view, size_t row)
{
	double value = AT(double);
	if (__builtin_isnan(value))
		buffer_add_c(out, "NaN");
	else if (__builtin_isinf(value))
		buffer_add_c(out, value > 0 ? "Infinity" : "-Infinity");
	else
		number_double(out, value);
}

static void text_date(struct buffer *out, const struct view *view, size_t row)
{
	datetime_date(out, AT(int32_t));
}

static void text_time(struct buffer *out, const struct view *view, size_t row)
{
	datetime_time(out, AT(int64_t));
}

static void text_time_ns(struct buffer *out, const struct view *view, size_t row)
{
	datetime_time(out, AT(int64_t) / 1000);
}

static void text_timetz(struct buffer *out, const struct view *view, size_t row)
{
	duckdb_time_tz packed = {.bits = AT(uint64_t)};
	duckdb_time_tz_struct parts = duckdb_from_time_tz(packed);
	datetime_timetz(out, (int64_t)(packed.bits >> 24), parts.offset);
}

static void text_timestamp(struct buffer *out, const struct view *view, size_t row)
{
	datetime_timestamp(out, view_timestamp_us(view, row), ' ');
}

static void text_timestamptz(struct buffer *out, const struct view *view, size_t row)
{
	datetime_timestamptz(out, AT(int64_t), ' ');
}

static void text_interval(struct buffer *out, const struct view *view, size_t row)
{
	duckdb_interval value = AT(duckdb_interval);
	datetime_interval(out, value.months, value.days, value.micros);
}

static void text_varchar(struct buffer *out, const struct view *view, size_t row)
{
	buffer_add_slice(out, view_string(view, row));
}

static const char hex_digits[] = "0123456789abcdef";

static void add_hex(struct buffer *out, const unsigned char *bytes, size_t len)
{
	if (!buffer_reserve(out, len * 2))
		return;
	char *to = out->ptr + out->len;
	for (size_t i = 0; i < len; i++) {
		*to++ = hex_digits[bytes[i] >> 4];
		*to++ = hex_digits[bytes[i] & 15];
	}
	out->len += len * 2;
}

static void text_blob(struct buffer *out, const struct view *view, size_t row)
{
	struct slice value = view_string(view, row);
	buffer_add(out, "\\x", 2);
	add_hex(out, (const unsigned char *)value.ptr, value.len);
}

static void text_enum(struct buffer *out, const struct view *view, size_t row)
{
	size_t index = view_enum_index(view, row);
	if (index < view->type->label_count)
		buffer_add_slice(out, view->type->labels[index]);
}

static void text_uuid(struct buffer *out, const struct view *view, size_t row)
{
	static const size_t groups[] = {4, 2, 2, 2, 6};
	unsigned char bytes[16];
	view_uuid_bytes(view, row, bytes);
	const unsigned char *from = bytes;
	for (size_t i = 0; i < array_len(groups); i++) {
		if (i > 0)
			buffer_add_char(out, '-');
		add_hex(out, from, groups[i]);
		from += groups[i];
	}
}

/* First byte: unused bits in the second one; then the bits, padded in front with ones. */
static void text_bit(struct buffer *out, const struct view *view, size_t row)
{
	struct slice value = view_string(view, row);
	size_t padding = value.len > 0 ? (unsigned char)value.ptr[0] : 0;
	for (size_t i = 8 + padding; i < value.len * 8; i++)
		buffer_add_char(out, (char)('0' + (value.ptr[i / 8] >> (7 - i % 8) & 1)));
}

static void text_bignum(struct buffer *out, const struct view *view, size_t row)
{
	struct slice value = view_string(view, row);
	number_bignum(out, (const unsigned char *)value.ptr, value.len);
}

/* array_out: quoted when empty, when it reads as NULL, or when it holds a character of the syntax.
 */
static bool needs_quotes(struct slice item)
{
	if (item.len == 0 || slice_equal_nocase(item, SLICE("null")))
		return true;
	for (size_t i = 0; i < item.len; i++)
		if (item.ptr[i] && strchr("{},\"\\ \t\n\r\v\f", item.ptr[i]))
			return true;
	return false;
}

static void add_array_item(struct buffer *out, size_t begin)
{
	struct slice item = slice_of(out->ptr + begin, out->len - begin);
	if (!needs_quotes(item))
		return;
	struct buffer copy = {0};
	buffer_add_slice(&copy, item);
	out->len = begin;
	buffer_add_char(out, '"');
	for (size_t i = 0; i < copy.len; i++) {
		if (copy.ptr[i] == '"' || copy.ptr[i] == '\\')
			buffer_add_char(out, '\\');
		buffer_add_char(out, copy.ptr[i]);
	}
	buffer_add_char(out, '"');
	out->failed |= copy.failed;
	buffer_fini(&copy);
}

static void text_list(struct buffer *out, const struct view *view, size_t row)
{
	if (view->type->children[0]->child_count > 0) {
		encode_json(out, view, row);
		return;
	}
	struct view_items items = view_list(view, row);
	const struct view *item = &view->children[0];
	for (size_t i = 0; i < items.len && view->type->vector; i++) {
		buffer_add_c(out, i ? " " : "");
		encode_text(out, item, items.begin + i);
	}
	if (view->type->vector)
		return;
	buffer_add_char(out, '{');
	for (size_t i = 0; i < items.len; i++) {
		if (i > 0)
			buffer_add_char(out, ',');
		if (view_is_null(item, items.begin + i)) {
			buffer_add_c(out, "NULL");
			continue;
		}
		size_t begin = out->len;
		encode_text(out, item, items.begin + i);
		if (!out->failed)
			add_array_item(out, begin);
	}
	buffer_add_char(out, '}');
}

static void text_nothing(struct buffer *out, const struct view *view, size_t row)
{
	(void)out;
	(void)view;
	(void)row;
}

static const text_fn texts[] = {
	[DUCKDB_TYPE_BOOLEAN] = text_bool,
	[DUCKDB_TYPE_TINYINT] = text_int8,
	[DUCKDB_TYPE_SMALLINT] = text_int16,
	[DUCKDB_TYPE_INTEGER] = text_int32,
	[DUCKDB_TYPE_BIGINT] = text_int64,
	[DUCKDB_TYPE_UTINYINT] = text_uint8,
	[DUCKDB_TYPE_USMALLINT] = text_uint16,
	[DUCKDB_TYPE_UINTEGER] = text_uint32,
	[DUCKDB_TYPE_UBIGINT] = text_uint64,
	[DUCKDB_TYPE_HUGEINT] = text_hugeint,
	[DUCKDB_TYPE_UHUGEINT] = text_uhugeint,
	[DUCKDB_TYPE_BIGNUM] = text_bignum,
	[DUCKDB_TYPE_DECIMAL] = text_decimal,
	[DUCKDB_TYPE_FLOAT] = text_float,
	[DUCKDB_TYPE_DOUBLE] = text_double,
	[DUCKDB_TYPE_DATE] = text_date,
	[DUCKDB_TYPE_TIME] = text_time,
	[DUCKDB_TYPE_TIME_NS] = text_time_ns,
	[DUCKDB_TYPE_TIME_TZ] = text_timetz,
	[DUCKDB_TYPE_TIMESTAMP] = text_timestamp,
	[DUCKDB_TYPE_TIMESTAMP_S] = text_timestamp,
	[DUCKDB_TYPE_TIMESTAMP_MS] = text_timestamp,
	[DUCKDB_TYPE_TIMESTAMP_NS] = text_timestamp,
	[DUCKDB_TYPE_TIMESTAMP_TZ] = text_timestamptz,
	[DUCKDB_TYPE_INTERVAL] = text_interval,
	[DUCKDB_TYPE_VARCHAR] = text_varchar,
	[DUCKDB_TYPE_SQLNULL] = text_nothing,
	[DUCKDB_TYPE_BLOB] = text_blob,
	[DUCKDB_TYPE_ENUM] = text_enum,
	[DUCKDB_TYPE_UUID] = text_uuid,
	[DUCKDB_TYPE_BIT] = text_bit,
	[DUCKDB_TYPE_LIST] = text_list,
	[DUCKDB_TYPE_ARRAY] = text_list,
	[DUCKDB_TYPE_STRUCT] = encode_json,
	[DUCKDB_TYPE_MAP] = encode_json,
	[DUCKDB_TYPE_UNION] = encode_json,
};

void encode_text(struct buffer *out, const struct view *view, size_t row)
{
	size_t id = view->type->id;
	/* encoder_new refuses types without a row here. */
	check(id < array_len(texts) && texts[id]);
	texts[id](out, view, row);
}
