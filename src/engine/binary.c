/*
 * PostgreSQL's binary forms (src/backend/utils/adt, *_send). Text, json and what has no binary form
 * of its own go as their text, which is what PostgreSQL does for text types.
 */
#include "engine/datetime.h"
#include "engine/encode.h"
#include "engine/number.h"
#include "engine/pgtype.h"

enum { EPOCH_DAYS = 10957 };
static const int64_t epoch_us = 946684800000000;

#define AT(ctype) (((const ctype *)view->data)[row])

static int64_t integer_at(const struct view *view, size_t row)
{
	switch ((int)view->type->id) {
	case DUCKDB_TYPE_TINYINT: return AT(int8_t);
	case DUCKDB_TYPE_UTINYINT: return AT(uint8_t);
	case DUCKDB_TYPE_SMALLINT: return AT(int16_t);
	case DUCKDB_TYPE_USMALLINT: return AT(uint16_t);
	case DUCKDB_TYPE_INTEGER: return AT(int32_t);
	case DUCKDB_TYPE_UINTEGER: return AT(uint32_t);
	default: return AT(int64_t);
	}
}

/* From its text: sign, digits, point, digits; grouped by four around the point. */
static void numeric_of_text(struct buffer *out, struct slice text)
{
	enum { MAX_GROUPS = 512 };
	uint16_t groups[MAX_GROUPS] = {0};
	bool negative = text.len > 0 && text.ptr[0] == '-';
	text = slice_sub(text, negative, text.len);
	size_t point = slice_find(text, SLICE("."), 0);
	size_t whole = point == SIZE_MAX ? text.len : point;
	size_t scale = point == SIZE_MAX ? 0 : text.len - point - 1;
	size_t whole_groups = (whole + 3) / 4;
	size_t count = whole_groups + (scale + 3) / 4;
	if (count > MAX_GROUPS) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < whole; i++) {
		size_t group = whole_groups - 1 - (whole - 1 - i) / 4;
		groups[group] = (uint16_t)(groups[group] * 10 + (text.ptr[i] - '0'));
	}
	for (size_t i = 0; i < (scale + 3) / 4 * 4; i++) {
		uint16_t *group = &groups[whole_groups + i / 4];
		*group = (uint16_t)(*group * 10 + (i < scale ? text.ptr[point + 1 + i] - '0' : 0));
	}
	size_t first = 0;
	while (first < count && groups[first] == 0)
		first++;
	while (count > first && groups[count - 1] == 0)
		count--;
	buffer_add_be16(out, (uint16_t)(count - first));
	buffer_add_be16(out, count == first ? 0 : (uint16_t)(whole_groups - 1 - first));
	buffer_add_be16(out, negative && count > first ? 0x4000 : 0);
	buffer_add_be16(out, (uint16_t)scale);
	for (size_t i = first; i < count; i++)
		buffer_add_be16(out, groups[i]);
}

static void add_numeric(struct buffer *out, const struct view *view, size_t row)
{
	size_t begin = out->len;
	char text[64];
	encode_text(out, view, row);
	size_t len = out->len - begin;
	if (out->failed)
		return;
	if (len <= sizeof text) { /* all but BIGNUM */
		memcpy(text, out->ptr + begin, len);
		out->len = begin;
		numeric_of_text(out, slice_of(text, len));
		return;
	}
	struct buffer copy = {0};
	buffer_add(&copy, out->ptr + begin, len);
	out->len = begin;
	numeric_of_text(out, slice_of(copy.ptr, copy.len));
	buffer_fini(&copy);
}

static int64_t pg_timestamp(int64_t us)
{
	if (us == INT64_MAX)
		return INT64_MAX;
	if (us == -INT64_MAX)
		return INT64_MIN;
	return us - epoch_us;
}

static void add_date(struct buffer *out, int32_t days)
{
	if (days == INT32_MAX || days == -INT32_MAX)
		buffer_add_be32(out, days > 0 ? INT32_MAX : (uint32_t)INT32_MIN);
	else
		buffer_add_be32(out, (uint32_t)days - EPOCH_DAYS);
}

static void add_time(struct buffer *out, const struct view *view, size_t row)
{
	if (view->type->id == DUCKDB_TYPE_TIME_TZ) {
		duckdb_time_tz packed = {.bits = AT(uint64_t)};
		buffer_add_be64(out, packed.bits >> 24);
		buffer_add_be32(out, (uint32_t)-duckdb_from_time_tz(packed).offset);
		return;
	}
	int64_t us = view->type->id == DUCKDB_TYPE_TIME_NS ? AT(int64_t) / 1000 : AT(int64_t);
	buffer_add_be64(out, (uint64_t)us);
}

static void add_bits(struct buffer *out, const struct view *view, size_t row)
{
	struct buffer text = {0};
	encode_text(&text, view, row);
	buffer_add_be32(out, (uint32_t)text.len);
	for (size_t i = 0; i < text.len; i += 8) {
		unsigned byte = 0;
		for (size_t j = 0; j < 8; j++)
			byte = byte << 1 | (i + j < text.len && text.ptr[i + j] == '1');
		buffer_add_char(out, (char)byte);
	}
	out->failed |= text.failed;
	buffer_fini(&text);
}

/* array_send: dimensions, has NULLs, element type, length, lower bound, elements. */
static void add_array(struct buffer *out, const struct view *view, size_t row)
{
	struct view_items items = view_list(view, row);
	const struct view *item = &view->children[0];
	bool nulls = false;
	for (size_t i = 0; i < items.len; i++)
		nulls |= view_is_null(item, items.begin + i);
	buffer_add_be32(out, items.len || view->type->vector);
	buffer_add_be32(out, nulls);
	buffer_add_be32(out, item->type->oid);
	if (items.len == 0 && !view->type->vector)
		return;
	buffer_add_be32(out, (uint32_t)items.len);
	buffer_add_be32(out, !view->type->vector);
	for (size_t i = 0; i < items.len; i++) {
		size_t length_at = out->len;
		bool null = view_is_null(item, items.begin + i);
		buffer_add_be32(out, null ? UINT32_MAX : 0);
		if (null)
			continue;
		encode_binary(out, item, items.begin + i);
		buffer_set_be32(out, length_at, (uint32_t)(out->len - length_at - 4));
	}
}

static void add_float(struct buffer *out, const struct view *view, size_t row)
{
	if (view->type->oid == PG_FLOAT4) {
		uint32_t bits;
		memcpy(&bits, (const float *)view->data + row, sizeof bits);
		buffer_add_be32(out, bits);
	} else {
		uint64_t bits;
		memcpy(&bits, (const double *)view->data + row, sizeof bits);
		buffer_add_be64(out, bits);
	}
}

static void add_interval(struct buffer *out, duckdb_interval value)
{
	buffer_add_be64(out, (uint64_t)value.micros);
	buffer_add_be32(out, (uint32_t)value.days);
	buffer_add_be32(out, (uint32_t)value.months);
}

/* A struct may have one member too. */
static bool is_flat_list(const struct type *type)
{
	return (type->id == DUCKDB_TYPE_LIST || type->id == DUCKDB_TYPE_ARRAY) &&
	       type->children[0]->child_count == 0;
}

void encode_binary(struct buffer *out, const struct view *view, size_t row)
{
	unsigned char uuid[16];
	switch (view->type->oid) {
	case PG_BOOL: buffer_add_char(out, AT(bool) ? 1 : 0); break;
	case PG_INT2: buffer_add_be16(out, (uint16_t)integer_at(view, row)); break;
	case PG_INT4:
	case PG_OID: buffer_add_be32(out, (uint32_t)integer_at(view, row)); break;
	case PG_REGPROC: buffer_add_be32(out, (uint32_t)AT(duckdb_uhugeint).lower); break;
	case PG_INT8: buffer_add_be64(out, (uint64_t)integer_at(view, row)); break;
	case PG_FLOAT4:
	case PG_FLOAT8: add_float(out, view, row); break;
	case PG_NUMERIC: add_numeric(out, view, row); break;
	case PG_DATE: add_date(out, AT(int32_t)); break;
	case PG_TIME:
	case PG_TIMETZ: add_time(out, view, row); break;
	case PG_TIMESTAMP:
	case PG_TIMESTAMPTZ:
		buffer_add_be64(out, (uint64_t)pg_timestamp(view_timestamp_us(view, row)));
		break;
	case PG_INTERVAL: add_interval(out, AT(duckdb_interval)); break;
	case PG_UUID:
		view_uuid_bytes(view, row, uuid);
		buffer_add(out, uuid, sizeof uuid);
		break;
	case PG_BYTEA: buffer_add_slice(out, view_string(view, row)); break;
	case PG_VARBIT: add_bits(out, view, row); break;
	default:
		if (is_flat_list(view->type))
			add_array(out, view, row);
		else
			encode_text(out, view, row);
	}
}
