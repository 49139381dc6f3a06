/* JSON (RFC 8259): values of every type, and answers as an array of objects or one object a line.
 */
#include <math.h>

#include "engine/datetime.h"
#include "engine/encode-private.h"
#include "engine/number.h"
#include "engine/pgtype.h"

static void add_string(struct buffer *out, struct slice text)
{
	static const char letters[] = "\"\\\b\f\n\r\t";
	static const char escapes[] = "\"\\bfnrt";
	size_t clean = 0;
	buffer_add_char(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buffer_add(out, text.ptr + clean, i - clean);
		const char *hit = c ? strchr(letters, c) : NULL;
		if (hit)
			buffer_printf(out, "\\%c", escapes[hit - letters]);
		else
			buffer_printf(out, "\\u%04x", c);
		clean = i + 1;
	}
	buffer_add(out, text.ptr + clean, text.len - clean);
	buffer_add_char(out, '"');
}

static void add_base64(struct buffer *out, struct slice bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	buffer_add_char(out, '"');
	for (size_t i = 0; i < bytes.len; i += 3) {
		unsigned group = 0;
		for (size_t j = 0; j < 3; j++)
			group = group << 8 |
				(i + j < bytes.len ? (unsigned char)bytes.ptr[i + j] : 0);
		for (size_t j = 0; j < 4; j++)
			buffer_add(out,
				i + j > bytes.len ? "=" : &digits[group >> (18 - 6 * j) & 63], 1);
	}
	buffer_add_char(out, '"');
}

static void add_list(struct buffer *out, const struct view *view, size_t row)
{
	struct view_items items = view_list(view, row);
	buffer_add_char(out, '[');
	for (size_t i = 0; i < items.len; i++) {
		if (i > 0)
			buffer_add_char(out, ',');
		encode_json_or_null(out, &view->children[0], items.begin + i);
	}
	buffer_add_char(out, ']');
}

static void add_struct(struct buffer *out, const struct view *view, size_t row)
{
	buffer_add_char(out, '{');
	for (size_t i = 0; i < view->child_count; i++) {
		if (i > 0)
			buffer_add_char(out, ',');
		add_string(out, view->type->child_names[i]);
		buffer_add_char(out, ':');
		encode_json_or_null(out, &view->children[i], row);
	}
	buffer_add_char(out, '}');
}

/* Keys become their text, as JSON's keys are strings. */
static void add_map(struct buffer *out, const struct view *view, size_t row)
{
	struct view_items items = view_list(view, row);
	buffer_add_char(out, '{');
	for (size_t i = 0; i < items.len; i++) {
		struct buffer key = {0};
		if (i > 0)
			buffer_add_char(out, ',');
		encode_text(&key, &view->children[0], items.begin + i);
		add_string(out, slice_of(key.ptr, key.len));
		buffer_fini(&key);
		buffer_add_char(out, ':');
		encode_json_or_null(out, &view->children[1], items.begin + i);
	}
	buffer_add_char(out, '}');
}

static void add_union(struct buffer *out, const struct view *view, size_t row)
{
	size_t tag = ((const uint8_t *)view->children[0].data)[row];
	if (tag + 1 < view->child_count)
		encode_json_or_null(out, &view->children[tag + 1], row);
	else
		buffer_add_c(out, "null");
}

static void add_quoted(struct buffer *out, const struct view *view, size_t row)
{
	buffer_add_char(out, '"');
	encode_text(out, view, row);
	buffer_add_char(out, '"');
}

static double real_value(const struct view *view, size_t row)
{
	return view->type->id == DUCKDB_TYPE_FLOAT ? (double)((const float *)view->data)[row]
						   : ((const double *)view->data)[row];
}

static void add_timestamp(struct buffer *out, const struct view *view, size_t row)
{
	buffer_add_char(out, '"');
	if (view->type->id == DUCKDB_TYPE_TIMESTAMP_TZ)
		datetime_timestamptz(out, ((const int64_t *)view->data)[row], 'T');
	else
		datetime_timestamp(out, view_timestamp_us(view, row), 'T');
	buffer_add_char(out, '"');
}

void encode_json(struct buffer *out, const struct view *view, size_t row)
{
	switch ((int)view->type->id) {
	case DUCKDB_TYPE_BOOLEAN:
		buffer_add_c(out, ((const bool *)view->data)[row] ? "true" : "false");
		break;
	case DUCKDB_TYPE_TINYINT:
	case DUCKDB_TYPE_SMALLINT:
	case DUCKDB_TYPE_INTEGER:
	case DUCKDB_TYPE_BIGINT:
	case DUCKDB_TYPE_UTINYINT:
	case DUCKDB_TYPE_USMALLINT:
	case DUCKDB_TYPE_UINTEGER:
	case DUCKDB_TYPE_UBIGINT:
	case DUCKDB_TYPE_HUGEINT:
	case DUCKDB_TYPE_BIGNUM:
	case DUCKDB_TYPE_DECIMAL: encode_text(out, view, row); break;
	case DUCKDB_TYPE_UHUGEINT:
		if (view->type->oid == PG_REGPROC)
			add_quoted(out, view, row);
		else
			encode_text(out, view, row);
		break;
	case DUCKDB_TYPE_FLOAT:
	case DUCKDB_TYPE_DOUBLE:
		if (isfinite(real_value(view, row)))
			encode_text(out, view, row);
		else
			add_quoted(out, view, row);
		break;
	case DUCKDB_TYPE_VARCHAR:
		if (view->type->json)
			buffer_add_slice(out, view_string(view, row));
		else
			add_string(out, view_string(view, row));
		break;
	case DUCKDB_TYPE_ENUM: {
		size_t index = view_enum_index(view, row);
		add_string(out,
			index < view->type->label_count ? view->type->labels[index] : SLICE(""));
		break;
	}
	case DUCKDB_TYPE_BLOB: add_base64(out, view_string(view, row)); break;
	case DUCKDB_TYPE_TIMESTAMP:
	case DUCKDB_TYPE_TIMESTAMP_S:
	case DUCKDB_TYPE_TIMESTAMP_MS:
	case DUCKDB_TYPE_TIMESTAMP_NS:
	case DUCKDB_TYPE_TIMESTAMP_TZ: add_timestamp(out, view, row); break;
	case DUCKDB_TYPE_LIST:
	case DUCKDB_TYPE_ARRAY: add_list(out, view, row); break;
	case DUCKDB_TYPE_STRUCT: add_struct(out, view, row); break;
	case DUCKDB_TYPE_MAP: add_map(out, view, row); break;
	case DUCKDB_TYPE_UNION: add_union(out, view, row); break;
	default: add_quoted(out, view, row);
	}
}

void encode_json_or_null(struct buffer *out, const struct view *view, size_t row)
{
	if (view_is_null(view, row))
		buffer_add_c(out, "null");
	else
		encode_json(out, view, row);
}

static void add_object(struct encoder *e, struct buffer *out, size_t row)
{
	buffer_add_char(out, '{');
	for (size_t i = 0; i < e->column_count; i++) {
		if (i > 0)
			buffer_add_char(out, ',');
		add_string(out, e->keys[i]);
		buffer_add_char(out, ':');
		encode_json_or_null(out, &e->views[i], row);
	}
	buffer_add_char(out, '}');
}

static void ndjson_row(struct encoder *e, struct buffer *out, size_t row)
{
	add_object(e, out, row);
	buffer_add_char(out, '\n');
}

const struct encode_form encode_form_ndjson = {.row = ndjson_row};

static bool json_begin(struct encoder *e, struct buffer *out, struct error *err)
{
	(void)e;
	(void)err;
	buffer_add_char(out, '[');
	return true;
}

static void json_row(struct encoder *e, struct buffer *out, size_t row)
{
	buffer_add_c(out, e->rows ? ",\n" : "\n");
	add_object(e, out, row);
}

static bool json_end(struct encoder *e, struct buffer *out, struct error *err)
{
	(void)err;
	buffer_add_c(out, e->rows ? "\n]\n" : "]\n");
	return true;
}

const struct encode_form encode_form_json = {.begin = json_begin, .row = json_row, .end = json_end};
