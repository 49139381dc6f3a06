/* Binary COPY as a foreign server may send it: as a stream with its header and a row, and, where
 * the first four bytes choose a type, as one value. */
#include <stdint.h>

#include "base/check.h"
#include "connect/pgcopy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void read_stream(struct slice message)
{
	struct pgcopy_row row;
	struct slice value;
	struct error err;
	size_t fields = message.len % 5;

	if (!pgcopy_skip_header(&message, &err) || !pgcopy_row_begin(message, fields, &row, &err) ||
		row.end)
		return;
	for (size_t i = 0; i < fields && pgcopy_row_next(&row, &value, &err); i++)
		check(slice_is_none(value) ||
			(value.ptr >= message.ptr &&
				value.ptr + value.len <= message.ptr + message.len));
}

static void read_value(struct slice bytes)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct pgcopy_column column = {.name = SLICE("c")};
	struct str text = str_in(arena);
	struct error err;

	for (size_t i = 0; i < 4; i++)
		column.oid = column.oid << 8 | (uint8_t)bytes.ptr[i];
	if (pgcopy_print(&column, slice_sub(bytes, 4, bytes.len), &text, &err))
		check(pgcopy_is_text(column.oid) && slice_is_utf8(str_slice(&text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct slice input = slice_of((const char *)bytes, len);

	if (len >= 4)
		read_value(input);
	read_stream(input);
	return 0;
}
