/* PostgreSQL's binary parameters and array forms (src/backend/utils/adt, *_recv): foreign bytes. */
#include <string.h>

#include "base/str.h"
#include "base/vec.h"
#include "engine/bind-private.h"
#include "engine/pgtype.h"

/* Days and microseconds between PostgreSQL's 2000-01-01 and 1970-01-01. */
enum { EPOCH_DAYS = 10957 };
static const int64_t epoch_us = 946684800000000;

struct reader {
	const unsigned char *at;
	size_t left;
	bool short_read;
};

static uint64_t read_be(struct reader *r, size_t bytes)
{
	uint64_t value = 0;
	if (r->left < bytes) {
		r->short_read = true;
		r->left = 0;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | r->at[i];
	r->at += bytes;
	r->left -= bytes;
	return value;
}

static bool wrong(const struct bind *bind, struct error *err)
{
	return error_set(err, INVALID_BINARY_REPRESENTATION,
		"parameter $%zu: the bytes are not a value of its type", bind->index + 1);
}

/* ndigits, weight, sign, dscale, then digits of base 10000; weight is the power of the first. */
static bool numeric_text(struct reader *r, struct str *out)
{
	int count = (int16_t)read_be(r, 2);
	int weight = (int16_t)read_be(r, 2);
	unsigned sign = (unsigned)read_be(r, 2);
	int scale = (int16_t)read_be(r, 2);
	if (sign == 0xC000 || sign == 0xD000 || sign == 0xF000) {
		str_add_c(out, sign == 0xC000 ? "NaN" : sign == 0xD000 ? "Infinity" : "-Infinity");
		return !r->short_read;
	}
	if (count < 0 || scale < 0 || scale > 1000 || weight > 1000 || weight < -1000 ||
		r->left != (size_t)count * 2)
		return false;
	str_add_c(out, sign == 0x4000 ? "-" : "");
	struct str fraction = str_in(out->arena);
	int seen = 0;
	if (weight < 0)
		str_add_c(out, "0");
	for (int power = weight < 0 ? -1 : weight; power >= 0 || (int)fraction.len < scale;
		power--) {
		int digit = power <= weight && seen < count ? (int)read_be(r, 2) : 0;
		seen += power <= weight;
		if (digit > 9999)
			return false;
		if (power >= 0)
			str_printf(out, power == weight ? "%d" : "%04d", digit);
		else
			str_printf(&fraction, "%04d", digit);
	}
	if (scale > 0) {
		str_add_char(out, '.');
		str_add(out, slice_sub(str_slice(&fraction), 0, (size_t)scale));
	}
	return !r->short_read;
}

static bool integer_value(struct bind *bind, duckdb_type type, struct slice bytes,
	duckdb_value *out, struct error *err)
{
	struct reader r = {(const unsigned char *)bytes.ptr, bytes.len, false};
	int64_t value;
	if (bytes.len == 2)
		value = (int16_t)read_be(&r, 2);
	else if (bytes.len == 4)
		value = (int32_t)read_be(&r, 4);
	else if (bytes.len == 8)
		value = (int64_t)read_be(&r, 8);
	else
		return wrong(bind, err);
	struct slice text = arena_printf(bind->arena, "%lld", (long long)value);
	return bind_text_value(bind, type, text, out, err);
}

static bool float_value(struct bind *bind, struct slice bytes, duckdb_value *out, struct error *err)
{
	struct reader r = {(const unsigned char *)bytes.ptr, bytes.len, false};
	if (bytes.len == 4) {
		uint32_t bits = (uint32_t)read_be(&r, 4);
		float value;
		memcpy(&value, &bits, sizeof value);
		*out = duckdb_create_float(value);
		return true;
	}
	uint64_t bits = read_be(&r, 8);
	double value;
	memcpy(&value, &bits, sizeof value);
	*out = duckdb_create_double(value);
	return bytes.len == 8 || wrong(bind, err);
}

/* False beyond what DuckDB holds, whose greatest number is infinity. */
static bool from_epoch(int64_t us, int64_t *out)
{
	bool infinite = us == INT64_MAX || us == INT64_MIN;
	if (infinite)
		*out = us > 0 ? INT64_MAX : -INT64_MAX;
	return infinite || (!__builtin_add_overflow(us, epoch_us, out) && *out != INT64_MAX);
}

static bool time_value(uint32_t oid, struct reader *r, duckdb_value *out)
{
	const int64_t day_us = INT64_C(86400) * 1000000;
	int64_t us;
	if (oid == PG_DATE) {
		int32_t days = (int32_t)read_be(r, 4);
		bool infinite = days == INT32_MAX || days == INT32_MIN;
		if (infinite)
			days = days > 0 ? INT32_MAX : -INT32_MAX;
		else if (__builtin_add_overflow(days, EPOCH_DAYS, &days) || days == INT32_MAX)
			return false;
		*out = duckdb_create_date((duckdb_date){days});
	} else if (oid == PG_TIME) {
		us = (int64_t)read_be(r, 8);
		if (us < 0 || us > day_us)
			return false;
		*out = duckdb_create_time((duckdb_time){us});
	} else if (oid == PG_TIMESTAMP || oid == PG_TIMESTAMPTZ) {
		if (!from_epoch((int64_t)read_be(r, 8), &us))
			return false;
		*out = oid == PG_TIMESTAMP ? duckdb_create_timestamp((duckdb_timestamp){us})
					   : duckdb_create_timestamp_tz((duckdb_timestamp){us});
	} else {
		us = (int64_t)read_be(r, 8);
		int32_t days = (int32_t)read_be(r, 4);
		int32_t months = (int32_t)read_be(r, 4);
		*out = duckdb_create_interval((duckdb_interval){months, days, us});
	}
	return !r->short_read && r->left == 0;
}

bool bind_binary_value(struct bind *bind, uint32_t oid, duckdb_type type, struct slice bytes,
	duckdb_value *out, struct error *err)
{
	struct reader r = {(const unsigned char *)bytes.ptr, bytes.len, false};
	struct str text = str_in(bind->arena);
	switch (oid) {
	case PG_BOOL:
		*out = duckdb_create_bool(read_be(&r, 1) != 0);
		return bytes.len == 1 || wrong(bind, err);
	case PG_INT2:
	case PG_INT4:
	case PG_INT8:
	case PG_OID:
	case PG_REGCLASS: return integer_value(bind, type, bytes, out, err);
	case PG_FLOAT4:
	case PG_FLOAT8: return float_value(bind, bytes, out, err);
	case PG_NUMERIC:
		return numeric_text(&r, &text) ? bind_text_value(bind, DUCKDB_TYPE_DECIMAL,
							 str_slice(&text), out, err)
					       : wrong(bind, err);
	case PG_DATE:
	case PG_TIME:
	case PG_TIMESTAMP:
	case PG_TIMESTAMPTZ:
	case PG_INTERVAL: return time_value(oid, &r, out) || wrong(bind, err);
	case PG_UUID: {
		uint64_t upper = read_be(&r, 8);
		*out = duckdb_create_uuid((duckdb_uhugeint){read_be(&r, 8), upper});
		return bytes.len == 16 || wrong(bind, err);
	}
	case PG_BYTEA:
		*out = duckdb_create_blob((const uint8_t *)bytes.ptr, bytes.len);
		return true;
	case PG_JSONB: /* a version byte, then the text */
		return bytes.len > 0 && bytes.ptr[0] == 1
			       ? bind_text_value(bind, DUCKDB_TYPE_VARCHAR,
					 slice_sub(bytes, 1, bytes.len), out, err)
			       : wrong(bind, err);
	default: return bind_text_value(bind, type, bytes, out, err);
	}
}

duckdb_value bind_decimal(const struct view *view)
{
	duckdb_hugeint value = {0};
	switch ((int)view->type->storage) {
	case DUCKDB_TYPE_SMALLINT:
		value.lower = (uint64_t)(int64_t) * (const int16_t *)view->data;
		break;
	case DUCKDB_TYPE_INTEGER:
		value.lower = (uint64_t)(int64_t) * (const int32_t *)view->data;
		break;
	case DUCKDB_TYPE_BIGINT: value.lower = (uint64_t) * (const int64_t *)view->data; break;
	default: value = *(const duckdb_hugeint *)view->data;
	}
	if (view->type->storage != DUCKDB_TYPE_HUGEINT)
		value.upper = (int64_t)value.lower >> 63;
	return duckdb_create_decimal((duckdb_decimal){view->type->width, view->type->scale, value});
}

static size_t skip_blanks(struct slice text, size_t at)
{
	while (at < text.len && strchr(" \t\n\r\v\f", text.ptr[at]) && text.ptr[at])
		at++;
	return at;
}

/* One element of {a, "b c", NULL}, blanks around it do not count; *at stands before it and ends
 * behind it. */
static bool split_item(struct bind *bind, struct slice text, size_t *at, struct bind_items *out)
{
	struct str item = str_in(bind->arena);
	size_t i = skip_blanks(text, *at);
	bool quoted = i < text.len && text.ptr[i] == '"';
	bool word = !quoted; /* without escapes: NULL is one */
	size_t keep = 0;
	str_add_c(&item, "");
	for (i += quoted;
		i < text.len && (quoted ? text.ptr[i] != '"' : !strchr(",}", text.ptr[i])); i++) {
		bool escape = text.ptr[i] == '\\';
		if (!quoted && strchr("{\"", text.ptr[i]))
			return false;
		i += escape;
		if (i < text.len)
			str_add_char(&item, text.ptr[i]);
		if (quoted || escape || skip_blanks(text, i) == i)
			keep = item.len;
		word = word && !escape;
	}
	*at = skip_blanks(text, i + quoted);
	if (*at >= text.len || (!quoted && keep == 0))
		return false;
	struct slice value = slice_sub(str_slice(&item), 0, keep);
	bool null = word && slice_equal_nocase(value, SLICE("null"));
	vec_push(bind->arena, out, null ? SLICE_NONE : value);
	return true;
}

/* Behind "[2:4]=", which PostgreSQL writes where an array does not begin at 1: lists here do. */
static struct slice without_bounds(struct slice text)
{
	size_t equals = slice_find(text, SLICE("="), 0);
	if (text.len == 0 || text.ptr[0] != '[' || equals == SIZE_MAX)
		return text;
	for (size_t i = 0; i < equals; i++)
		if (!strchr("[]:+-0123456789", text.ptr[i]) || !text.ptr[i])
			return text;
	return slice_trim(slice_sub(text, equals + 1, text.len));
}

static bool too_many_dimensions(const struct bind *bind, struct error *err)
{
	error_set(err, FEATURE_NOT_SUPPORTED,
		"parameter $%zu is an array of several dimensions, which are not read",
		bind->index + 1);
	return error_hint(err,
		"Send it as text and cast it: $%zu::text::json, or as several "
		"arrays.",
		bind->index + 1);
}

bool bind_split_text(
	struct bind *bind, struct slice text, struct bind_items *out, struct error *err)
{
	text = without_bounds(slice_trim(text));
	bool ok = text.len >= 2 && text.ptr[0] == '{' && text.ptr[text.len - 1] == '}';
	size_t first = skip_blanks(text, 1);
	if (ok && first == text.len - 1)
		return true;
	if (ok && text.ptr[first] == '{')
		return too_many_dimensions(bind, err);
	for (size_t at = 1; ok && at < text.len; at++) {
		ok = split_item(bind, text, &at, out);
		if (ok && text.ptr[at] == '}' && at + 1 == text.len)
			return true;
		ok = ok && text.ptr[at] == ',';
	}
	return error_set(err, INVALID_TEXT_REPRESENTATION,
		"parameter $%zu is not an array of one dimension", bind->index + 1);
}

bool bind_split_binary(
	struct bind *bind, struct slice bytes, struct bind_items *out, struct error *err)
{
	struct reader r = {(const unsigned char *)bytes.ptr, bytes.len, false};
	uint64_t dimensions = read_be(&r, 4);
	read_be(&r, 8); /* has NULLs; element type: the declared array type says it */
	if (dimensions == 0 && !r.short_read)
		return true;
	uint64_t count = read_be(&r, 4);
	read_be(&r, 4); /* lower bound */
	if (dimensions > 1 && dimensions <= 6 && !r.short_read)
		return too_many_dimensions(bind, err);
	if (dimensions != 1 || r.short_read || count > r.left / 4)
		return wrong(bind, err);
	for (uint64_t i = 0; i < count; i++) {
		uint32_t len = (uint32_t)read_be(&r, 4);
		if (r.short_read || (len != UINT32_MAX && len > r.left))
			return wrong(bind, err);
		bool null = len == UINT32_MAX;
		vec_push(bind->arena, out, null ? SLICE_NONE : slice_of((const char *)r.at, len));
		r.at += null ? 0 : len;
		r.left -= null ? 0 : len;
	}
	return true;
}
