#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "engine/buffer.h"
#include "engine/view.h"

struct engine_result;

/*
 * One value in one form; it must not be NULL. The session's time zone is the process's
 * (encode_set_time_zone).
 */
/* As PostgreSQL prints it (datestyle ISO, intervalstyle postgres, bytea hex). */
void encode_text(struct buffer *out, const struct view *view, size_t row);
/* As PostgreSQL's binary format has it for view->type->oid. */
void encode_binary(struct buffer *out, const struct view *view, size_t row);
/* As JSON: numbers as numbers, NaN and infinities as strings, times as RFC 3339, blobs in base64.
 */
void encode_json(struct buffer *out, const struct view *view, size_t row);
/* The same, null for NULL. */
void encode_json_or_null(struct buffer *out, const struct view *view, size_t row);

/* Loads the rules of zone into this process, before it is narrowed. 22023 when there is none. */
bool encode_set_time_zone(const char *zone, struct error *err) must_check;

enum encode_format {
	ENCODE_PG,
	ENCODE_PG_BOTH, /* each row twice, text and binary */
	ENCODE_COPY_TEXT,
	ENCODE_COPY_CSV,
	ENCODE_COPY_BINARY,
	ENCODE_JSON,
	ENCODE_NDJSON,
	ENCODE_CSV,
	ENCODE_ARROW,
};

struct encode_options {
	enum encode_format format;
	const int *column_formats; /* ENCODE_PG: 0 text, 1 binary per column; NULL = all text */
	bool header;		   /* ENCODE_COPY_* and ENCODE_CSV */
	char delimiter;		   /* 0 = the format's own */
	char quote;
	char escape;
	struct slice null_text; /* none = the format's own */
};

/*
 * A whole answer: begin, rows as often as there are chunks, end; bytes gather in the buffer, which
 * the caller empties when it likes. Borrows result.
 */
struct encoder;

/* 0A000 for a column whose type the format has no form for. */
bool encoder_new(struct engine_result *result, const struct encode_options *options,
	struct encoder **out, struct error *err) must_check;
void encoder_free(struct encoder **encoder);
/* ENCODE_PG: how the rows that follow are to be; one entry per column. */
void encoder_set_formats(struct encoder *encoder, const int *column_formats);
bool encoder_begin(struct encoder *encoder, struct buffer *out, struct error *err) must_check;
/* Whether encoder_rows wants whole chunks only (Arrow). */
bool encoder_takes_chunks(const struct encoder *encoder);
/* Rows [from, to) of the result's current chunk. */
bool encoder_rows(struct encoder *encoder, struct buffer *out, size_t from, size_t to,
	struct error *err) must_check;
bool encoder_end(struct encoder *encoder, struct buffer *out, struct error *err) must_check;
