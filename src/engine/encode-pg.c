/* PostgreSQL protocol 3: DataRow and CopyData messages (protocol-message-formats). */
#include "engine/encode-private.h"

/* int32 length and value; -1 = NULL. */
static void add_field(const struct encoder *e, struct buffer *out, size_t column, size_t row)
{
	const struct view *view = &e->views[column];
	if (view_is_null(view, row)) {
		buffer_add_be32(out, UINT32_MAX);
		return;
	}
	size_t length_at = out->len;
	buffer_add_be32(out, 0);
	if (e->binary[column])
		encode_binary(out, view, row);
	else
		encode_text(out, view, row);
	buffer_set_be32(out, length_at, (uint32_t)(out->len - length_at - 4));
}

/* Returns where the message begins; its length is set when it is whole. */
static size_t begin_message(struct buffer *out, char type)
{
	size_t begin = out->len;

	buffer_add_char(out, type);
	buffer_add_be32(out, 0);
	return begin;
}

static void add_row(struct encoder *e, struct buffer *out, size_t begin, size_t row)
{
	buffer_add_be16(out, (uint16_t)e->column_count);
	for (size_t i = 0; i < e->column_count; i++)
		add_field(e, out, i, row);
	buffer_set_be32(out, begin + 1, (uint32_t)(out->len - begin - 1));
}

static void data_row(struct encoder *e, struct buffer *out, size_t row)
{
	size_t begin = begin_message(out, 'D');

	add_row(e, out, begin, row);
}

const struct encode_form encode_form_pg = {.row = data_row};

static void both_rows(struct encoder *e, struct buffer *out, size_t row)
{
	for (int binary = 0; binary <= 1; binary++) {
		for (size_t i = 0; i < e->column_count; i++)
			e->binary[i] = binary;
		data_row(e, out, row);
	}
}

const struct encode_form encode_form_pg_both = {.row = both_rows};

/* COPY's binary file format: signature, flags, extension length; tuples; -1. The header stands in
 * the first row's message, as PostgreSQL sends it and psycopg expects it. */
static size_t begin_binary(const struct encoder *e, struct buffer *out)
{
	static const char header[19] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
	size_t begin = begin_message(out, 'd');

	if (e->rows == 0)
		buffer_add(out, header, sizeof header);
	return begin;
}

static void binary_row(struct encoder *e, struct buffer *out, size_t row)
{
	size_t begin = begin_binary(e, out);

	add_row(e, out, begin, row);
}

static bool binary_end(struct encoder *e, struct buffer *out, struct error *err)
{
	size_t begin = begin_binary(e, out);

	(void)err;
	buffer_add_be16(out, UINT16_MAX);
	buffer_set_be32(out, begin + 1, (uint32_t)(out->len - begin - 1));
	return true;
}

const struct encode_form encode_form_copy_binary = {.row = binary_row, .end = binary_end};
