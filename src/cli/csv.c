#include "cli/csv.h"

void csv_init(struct csv_reader *reader)
{
	*reader = (struct csv_reader){.arena = arena_new()};
	reader->cell = str_in(reader->arena);
}

void csv_fini(struct csv_reader *reader)
{
	arena_free(&reader->arena);
}

static void end_cell(struct csv_reader *reader)
{
	struct slice text = SLICE_NONE;

	if (reader->quoted || reader->cell.len)
		text = arena_copy(reader->arena, str_slice(&reader->cell));
	vec_push(reader->arena, &reader->cells, text);
	reader->cell.len = 0;
	reader->quoted = false;
	reader->quote_seen = false;
}

static bool end_row(struct csv_reader *reader, csv_row_fn row, void *ctx, struct error *err)
{
	end_cell(reader);
	bool ok = row(ctx, reader->cells.items, reader->cells.len, err);

	arena_reset(reader->arena);
	reader->cell = str_in(reader->arena);
	reader->cells.items = NULL;
	reader->cells.len = 0;
	reader->cells.cap = 0;
	reader->row_started = false;
	return ok;
}

/* A character between quotes; a quote waits for what follows it. */
static bool take_inside(struct csv_reader *reader, char c)
{
	if (!reader->inside)
		return false;
	if (c == '"' && !reader->quote_seen) {
		reader->quote_seen = true;
		return true;
	}
	if (reader->quote_seen && c != '"') {
		reader->inside = false;
		reader->quote_seen = false;
		return false;
	}
	reader->quote_seen = false;
	str_add_char(&reader->cell, c);
	return true;
}

bool csv_feed(
	struct csv_reader *reader, struct slice bytes, csv_row_fn row, void *ctx, struct error *err)
{
	for (size_t i = 0; i < bytes.len; i++) {
		char c = bytes.ptr[i];

		if (take_inside(reader, c))
			continue;
		if (c == '\n') {
			if (!end_row(reader, row, ctx, err))
				return false;
			continue;
		}
		reader->row_started = true;
		if (c == ',') {
			end_cell(reader);
		} else if (c == '"' && reader->cell.len == 0 && !reader->quoted) {
			reader->quoted = true;
			reader->inside = true;
		} else if (c != '\r') {
			str_add_char(&reader->cell, c);
		}
	}
	return true;
}

bool csv_end(struct csv_reader *reader, csv_row_fn row, void *ctx, struct error *err)
{
	return !reader->row_started || end_row(reader, row, ctx, err);
}
