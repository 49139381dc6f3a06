#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "base/vec.h"

/*
 * CSV (RFC 4180) as it comes in, in pieces of any size. An unquoted empty field is NULL (none), ""
 * is the empty text. Pure. A row lives until the next one begins.
 */
struct csv_reader {
	struct arena *arena; /* of the row, reset by each one */
	struct str cell;
	VEC(struct slice) cells;
	bool quoted;	  /* the cell had quotes */
	bool inside;	  /* between quotes */
	bool quote_seen;  /* a quote inside quotes: its end, or half of "" */
	bool row_started; /* something of a row was seen */
};

/* false stops; err is set by the function. */
typedef bool (*csv_row_fn)(void *ctx, const struct slice *cells, size_t count, struct error *err);

void csv_init(struct csv_reader *reader);
void csv_fini(struct csv_reader *reader);
bool csv_feed(struct csv_reader *reader, struct slice bytes, csv_row_fn row, void *ctx,
	struct error *err) must_check;
/* The last row, when it has no line end. */
bool csv_end(struct csv_reader *reader, csv_row_fn row, void *ctx, struct error *err) must_check;
