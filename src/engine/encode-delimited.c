/* Lines of fields: COPY's text and csv (sql-copy.html, "File Formats") in CopyData messages, and
 * RFC 4180. */
#include "engine/encode-private.h"

static char delimiter_of(const struct encoder *e, char fallback)
{
	if (e->options.delimiter)
		return e->options.delimiter;
	return fallback;
}

static size_t message_begin(struct buffer *out)
{
	buffer_add_char(out, 'd');
	buffer_add_be32(out, 0);
	return out->len - 4;
}

static void message_end(struct buffer *out, size_t length_at)
{
	buffer_set_be32(out, length_at, (uint32_t)(out->len - length_at));
}

/* Backslash escapes of COPY text. */
static void add_escaped(struct buffer *out, struct slice text, char delimiter)
{
	static const char plain[] = "\b\f\n\r\t\v\\";
	static const char letters[] = "bfnrtv\\";
	for (size_t i = 0; i < text.len; i++) {
		const char *hit = text.ptr[i] ? strchr(plain, text.ptr[i]) : NULL;
		if (hit || text.ptr[i] == delimiter)
			buffer_add_char(out, '\\');
		buffer_add(out, hit ? &letters[hit - plain] : &text.ptr[i], 1);
	}
}

static void text_line_field(struct encoder *e, struct buffer *out, size_t column, size_t row)
{
	struct slice null_text =
		slice_is_none(e->options.null_text) ? SLICE("\\N") : e->options.null_text;
	if (view_is_null(&e->views[column], row)) {
		buffer_add_slice(out, null_text);
		return;
	}
	buffer_clear(&e->scratch);
	encode_text(&e->scratch, &e->views[column], row);
	add_escaped(out, slice_of(e->scratch.ptr, e->scratch.len), delimiter_of(e, '\t'));
	out->failed |= e->scratch.failed;
}

static void copy_text_row(struct encoder *e, struct buffer *out, size_t row)
{
	size_t message = message_begin(out);
	for (size_t i = 0; i < e->column_count; i++) {
		if (i > 0)
			buffer_add_char(out, delimiter_of(e, '\t'));
		text_line_field(e, out, i, row);
	}
	buffer_add_char(out, '\n');
	message_end(out, message);
}

static bool copy_text_begin(struct encoder *e, struct buffer *out, struct error *err)
{
	(void)err;
	if (!e->options.header)
		return true;
	size_t message = message_begin(out);
	for (size_t i = 0; i < e->column_count; i++) {
		if (i > 0)
			buffer_add_char(out, delimiter_of(e, '\t'));
		add_escaped(out, e->columns[i].name, delimiter_of(e, '\t'));
	}
	buffer_add_char(out, '\n');
	message_end(out, message);
	return true;
}

const struct encode_form encode_form_copy_text = {.begin = copy_text_begin, .row = copy_text_row};

/* A field that could be read as NULL, or as more than one, is quoted. */
static void csv_field(struct encoder *e, struct buffer *out, struct slice text, bool alone)
{
	char quote = '"';
	if (e->options.quote)
		quote = e->options.quote;
	char escape = quote;
	if (e->options.escape)
		escape = e->options.escape;
	char delimiter = delimiter_of(e, ',');
	struct slice null_text = e->options.null_text;
	bool quoted = slice_is_none(null_text) ? text.len == 0 : slice_equal(text, null_text);
	quoted |= alone && slice_equal_c(text, "\\.");
	for (size_t i = 0; i < text.len && !quoted; i++)
		quoted = text.ptr[i] == delimiter || text.ptr[i] == quote || text.ptr[i] == '\n' ||
			 text.ptr[i] == '\r';
	if (!quoted) {
		buffer_add_slice(out, text);
		return;
	}
	buffer_add_char(out, quote);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == quote || text.ptr[i] == escape)
			buffer_add_char(out, escape);
		buffer_add_char(out, text.ptr[i]);
	}
	buffer_add_char(out, quote);
}

static void csv_line(struct encoder *e, struct buffer *out, size_t row)
{
	for (size_t i = 0; i < e->column_count; i++) {
		if (i > 0)
			buffer_add_char(out, delimiter_of(e, ','));
		if (view_is_null(&e->views[i], row)) {
			buffer_add_slice(out, e->options.null_text);
			continue;
		}
		buffer_clear(&e->scratch);
		encode_text(&e->scratch, &e->views[i], row);
		csv_field(e, out, slice_of(e->scratch.ptr, e->scratch.len), e->column_count == 1);
		out->failed |= e->scratch.failed;
	}
}

static void csv_header(struct encoder *e, struct buffer *out)
{
	for (size_t i = 0; i < e->column_count; i++) {
		if (i > 0)
			buffer_add_char(out, delimiter_of(e, ','));
		csv_field(e, out, e->columns[i].name, false);
	}
}

static void copy_csv_row(struct encoder *e, struct buffer *out, size_t row)
{
	size_t message = message_begin(out);
	csv_line(e, out, row);
	buffer_add_char(out, '\n');
	message_end(out, message);
}

static bool copy_csv_begin(struct encoder *e, struct buffer *out, struct error *err)
{
	(void)err;
	if (!e->options.header)
		return true;
	size_t message = message_begin(out);
	csv_header(e, out);
	buffer_add_char(out, '\n');
	message_end(out, message);
	return true;
}

const struct encode_form encode_form_copy_csv = {.begin = copy_csv_begin, .row = copy_csv_row};

static bool csv_begin(struct encoder *e, struct buffer *out, struct error *err)
{
	(void)err;
	csv_header(e, out);
	buffer_add(out, "\r\n", 2);
	return true;
}

static void csv_row(struct encoder *e, struct buffer *out, size_t row)
{
	csv_line(e, out, row);
	buffer_add(out, "\r\n", 2);
}

const struct encode_form encode_form_csv = {.begin = csv_begin, .row = csv_row};
