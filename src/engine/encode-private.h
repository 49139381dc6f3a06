#pragma once

#include "engine/encode.h"
#include "engine/engine-private.h"

struct arrow_writer;

/* One form of a whole answer. Functions may be NULL where a form has nothing to do. */
struct encode_form {
	bool (*begin)(struct encoder *encoder, struct buffer *out, struct error *err);
	/* Either one row at a time or a range of them. */
	void (*row)(struct encoder *encoder, struct buffer *out, size_t row);
	bool (*rows)(struct encoder *encoder, struct buffer *out, size_t from, size_t to,
		struct error *err);
	bool (*end)(struct encoder *encoder, struct buffer *out, struct error *err);
};

struct encoder {
	const struct encode_form *form;
	struct engine_result *result;
	struct encode_options options;
	struct view *views;
	const struct engine_column *columns;
	size_t column_count;
	bool *binary; /* ENCODE_PG: per column */
	struct arena *arena;
	struct slice *keys; /* JSON: names of the columns, each once */
	uint64_t rows;
	struct arrow_writer *arrow;
	struct buffer scratch;
};

extern const struct encode_form encode_form_pg;
extern const struct encode_form encode_form_pg_both;
extern const struct encode_form encode_form_copy_text;
extern const struct encode_form encode_form_copy_csv;
extern const struct encode_form encode_form_copy_binary;
extern const struct encode_form encode_form_json;
extern const struct encode_form encode_form_ndjson;
extern const struct encode_form encode_form_csv;
extern const struct encode_form encode_form_arrow;
