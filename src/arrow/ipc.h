#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

struct ArrowSchema;
struct ArrowArray;

/*
 * Arrow IPC streams
 * (https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc)
 * over nanoarrow: no compressed buffers, no list views, no run-end encoding are written; compressed
 * ones are refused when read. One thread at a time.
 */

/* Rows of typed text, for relations that the server makes itself (system tables): small, simple. */
enum arrow_kind {
	ARROW_KIND_BOOL,
	ARROW_KIND_INT32,
	ARROW_KIND_INT64,
	ARROW_KIND_DOUBLE,
	ARROW_KIND_TEXT,
	ARROW_KIND_BLOB,
	ARROW_KIND_DATE,	/* days since 1970-01-01, int */
	ARROW_KIND_TIMESTAMPTZ, /* µs since 1970-01-01 UTC, int */
	ARROW_KIND_TEXT_LIST,
	ARROW_KIND_INT32_LIST,
};

struct arrow_field {
	const char *name;
	enum arrow_kind kind;
};

struct arrow_cell {
	bool is_null;
	int64_t integer; /* BOOL, INT32, INT64, DATE, TIMESTAMPTZ */
	double real;
	struct slice text;		/* TEXT, BLOB */
	const struct arrow_cell *items; /* *_LIST */
	size_t item_count;
};

/* Builds a table row by row, then writes it. */
struct arrow_table;

bool arrow_table_new(const struct arrow_field *fields, size_t field_count, struct arrow_table **out,
	struct error *err) must_check;
void arrow_table_free(struct arrow_table **table);
/* One cell per field. */
bool arrow_table_add(
	struct arrow_table *table, const struct arrow_cell *cells, struct error *err) must_check;
/* The whole stream (schema, batches, end) into fd, at its current offset. The table stays usable.
 */
bool arrow_table_write(struct arrow_table *table, int fd, struct error *err) must_check;
/* The same into a sealed anonymous file, read offset 0; the caller closes it. */
bool arrow_table_to_fd(struct arrow_table *table, int *fd_out, struct error *err) must_check;

/* Reading a stream from a descriptor (borrowed). Foreign bytes: every buffer is validated. */
struct arrow_reader;

bool arrow_reader_open(int fd, struct arrow_reader **out, struct error *err) must_check;
void arrow_reader_free(struct arrow_reader **reader);
/* Borrowed. */
struct ArrowSchema *arrow_reader_schema(struct arrow_reader *reader);
/* The next batch, owned by the caller (release it); *more_out false = the end, out is not touched.
 */
bool arrow_reader_next(struct arrow_reader *reader, struct ArrowArray *out, bool *more_out,
	struct error *err) must_check;

/* Writing a stream into memory, batch by batch (query results). */
struct arrow_writer;

/* Copies what it needs of schema; bytes go to the str of arena as they are made. */
bool arrow_writer_new(
	const struct ArrowSchema *schema, struct arrow_writer **out, struct error *err) must_check;
void arrow_writer_free(struct arrow_writer **writer);
/* Zeroes the places of NULLs in batch first (scrub.h): its buffers are the caller's own. */
bool arrow_writer_add(
	struct arrow_writer *writer, const struct ArrowArray *batch, struct error *err) must_check;
bool arrow_writer_end(struct arrow_writer *writer, struct error *err) must_check;
/* What was written since the last take; borrowed until the next call on the writer. */
struct slice arrow_writer_take(struct arrow_writer *writer);
