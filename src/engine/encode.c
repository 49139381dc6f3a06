/* The table of forms; each form has a file encode-*.c. */
#include "engine/encode.h"

#include <stdlib.h>

#include "arrow/ipc.h"
#include "base/check.h"
#include "base/map.h"
#include "engine/encode-private.h"

static const struct encode_form *const forms[] = {
	[ENCODE_PG] = &encode_form_pg,
	[ENCODE_PG_BOTH] = &encode_form_pg_both,
	[ENCODE_COPY_TEXT] = &encode_form_copy_text,
	[ENCODE_COPY_CSV] = &encode_form_copy_csv,
	[ENCODE_COPY_BINARY] = &encode_form_copy_binary,
	[ENCODE_JSON] = &encode_form_json,
	[ENCODE_NDJSON] = &encode_form_ndjson,
	[ENCODE_CSV] = &encode_form_csv,
	[ENCODE_ARROW] = &encode_form_arrow,
};

/* An object may hold a key once: columns of one name get numbers. */
static struct slice *unique_keys(
	struct arena *arena, const struct engine_column *columns, size_t count)
{
	static int seen;
	struct map taken = map_in(arena);
	struct slice *keys = arena_array_of(arena, struct slice, count);
	for (size_t i = 0; i < count; i++) {
		keys[i] = columns[i].name;
		for (unsigned n = 2; map_get(&taken, keys[i]); n++)
			keys[i] = arena_printf(arena, "%.*s_%u", SLICE_FMT(columns[i].name), n);
		map_put(&taken, keys[i], &seen);
	}
	return keys;
}

void encoder_set_formats(struct encoder *encoder, const int *column_formats)
{
	for (size_t i = 0; i < encoder->column_count; i++)
		encoder->binary[i] = column_formats[i] == 1;
}

bool encoder_new(struct engine_result *result, const struct encode_options *options,
	struct encoder **out, struct error *err)
{
	size_t count = result->statement->column_count;
	for (size_t i = 0; i < count; i++)
		if (result->statement->columns[i].oid == 0) {
			error_set(err, FEATURE_NOT_SUPPORTED,
				"column \"%.*s\" has a type without a form",
				SLICE_FMT(result->statement->columns[i].name));
			return error_hint(err, "Cast it, for example to VARCHAR or JSON.");
		}
	struct encoder *encoder = calloc(1, sizeof *encoder);
	check(encoder);
	encoder->form = forms[options->format];
	encoder->result = result;
	encoder->options = *options;
	encoder->views = result->views;
	encoder->columns = result->statement->columns;
	encoder->column_count = count;
	encoder->binary = calloc(count + 1, sizeof *encoder->binary);
	check(encoder->binary);
	for (size_t i = 0; i < count; i++)
		encoder->binary[i] = options->format == ENCODE_COPY_BINARY;
	if (options->format == ENCODE_PG && options->column_formats)
		encoder_set_formats(encoder, options->column_formats);
	if (options->format == ENCODE_JSON || options->format == ENCODE_NDJSON) {
		encoder->arena = arena_new();
		encoder->keys = unique_keys(encoder->arena, encoder->columns, count);
	}
	*out = encoder;
	return true;
}

void encoder_free(struct encoder **encoder)
{
	struct encoder *e = *encoder;
	*encoder = NULL;
	if (!e)
		return;
	arrow_writer_free(&e->arrow);
	buffer_fini(&e->scratch);
	free(e->binary);
	if (e->arena)
		arena_free(&e->arena);
	free(e);
}

static bool checked(const struct buffer *out, struct error *err)
{
	if (!out->failed)
		return true;
	error_set(err, OUT_OF_MEMORY, "no memory for the rows of the answer");
	return error_hint(err, "Select fewer or shorter values, or ask for a larger memory limit.");
}

bool encoder_begin(struct encoder *encoder, struct buffer *out, struct error *err)
{
	return (!encoder->form->begin || encoder->form->begin(encoder, out, err)) &&
	       checked(out, err);
}

bool encoder_rows(
	struct encoder *encoder, struct buffer *out, size_t from, size_t to, struct error *err)
{
	if (encoder->form->rows && !encoder->form->rows(encoder, out, from, to, err))
		return false;
	for (size_t row = from; encoder->form->row && row < to; row++) {
		encoder->form->row(encoder, out, row);
		encoder->rows++;
	}
	return checked(out, err);
}

bool encoder_end(struct encoder *encoder, struct buffer *out, struct error *err)
{
	return (!encoder->form->end || encoder->form->end(encoder, out, err)) && checked(out, err);
}

bool encoder_takes_chunks(const struct encoder *encoder)
{
	return encoder->form->rows != NULL;
}
