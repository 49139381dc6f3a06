/* Arrow IPC stream: DuckDB makes Arrow arrays of its chunks, arrow/ipc.h frames them. */
#include "arrow/abi.h"
#include "arrow/ipc.h"
#include "engine/encode-private.h"

static bool failed(duckdb_error_data data, struct error *err)
{
	bool bad = data && duckdb_error_data_has_error(data);
	if (bad)
		engine_error(duckdb_error_data_error_type(data), duckdb_error_data_message(data),
			SLICE_NONE, err);
	duckdb_destroy_error_data(&data);
	return bad;
}

static bool read_schema(struct encoder *e, struct ArrowSchema *schema, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	duckdb_logical_type *types = arena_array_of(arena, duckdb_logical_type, e->column_count);
	const char **names = arena_array_of(arena, const char *, e->column_count);
	for (size_t i = 0; i < e->column_count; i++) {
		types[i] = duckdb_column_logical_type(&e->result->result, i);
		names[i] = arena_cstr(arena, e->columns[i].name);
	}
	duckdb_arrow_options options = duckdb_result_get_arrow_options(&e->result->result);
	bool ok = !failed(
		duckdb_to_arrow_schema(options, types, names, e->column_count, schema), err);
	duckdb_destroy_arrow_options(&options);
	for (size_t i = 0; i < e->column_count; i++)
		duckdb_destroy_logical_type(&types[i]);
	return ok;
}

static void take_bytes(struct encoder *e, struct buffer *out)
{
	buffer_add_slice(out, arrow_writer_take(e->arrow));
}

static bool arrow_begin(struct encoder *e, struct buffer *out, struct error *err)
{
	struct ArrowSchema schema = {0};
	if (!read_schema(e, &schema, err))
		return false;
	bool ok = arrow_writer_new(&schema, &e->arrow, err);
	schema.release(&schema);
	if (ok)
		take_bytes(e, out);
	return ok;
}

/* Whole chunks only: Arrow answers have no portals. */
static bool arrow_rows(
	struct encoder *e, struct buffer *out, size_t from, size_t to, struct error *err)
{
	struct ArrowArray batch = {0};
	duckdb_arrow_options options = duckdb_result_get_arrow_options(&e->result->result);
	bool ok = from == 0 && to == duckdb_data_chunk_get_size(e->result->chunk)
			  ? !failed(duckdb_data_chunk_to_arrow(options, e->result->chunk, &batch),
				    err)
			  : error_set(err, FEATURE_NOT_SUPPORTED,
				    "Arrow answers are not read in parts");
	duckdb_destroy_arrow_options(&options);
	ok = ok && arrow_writer_add(e->arrow, &batch, err);
	if (batch.release)
		batch.release(&batch);
	if (ok)
		take_bytes(e, out);
	return ok;
}

static bool arrow_end(struct encoder *e, struct buffer *out, struct error *err)
{
	if (!arrow_writer_end(e->arrow, err))
		return false;
	take_bytes(e, out);
	return true;
}

const struct encode_form encode_form_arrow = {
	.begin = arrow_begin, .rows = arrow_rows, .end = arrow_end};
