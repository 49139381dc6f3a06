/*
 * W_EXECUTE, W_FETCH, W_CLOSE: rows leave in frames of about a quarter megabyte, as the client
 * wants them. A portal stays open between fetches at any row of a chunk. Parquet is the exception:
 * its footer stands at the end and needs seeking, so the engine writes a file into the spill folder
 * and the file is sent.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "worker/query-private.h"

enum { FRAME_TARGET = 256 << 10, ROWS_HEADER = 4, ENCODE_STEP = 256 };

static const char *const format_names[] = {
	[ENCODE_PG] = "pg",
	[ENCODE_PG_BOTH] = "pg-both",
	[ENCODE_COPY_TEXT] = "copy-text",
	[ENCODE_COPY_CSV] = "copy-csv",
	[ENCODE_COPY_BINARY] = "copy-binary",
	[ENCODE_JSON] = "json",
	[ENCODE_NDJSON] = "ndjson",
	[ENCODE_CSV] = "csv",
	[ENCODE_ARROW] = "arrow",
};

void portal_close(struct portal *portal)
{
	encoder_free(&portal->encoder);
	engine_result_free(&portal->result);
	engine_statement_free(&portal->own);
	free(portal->column_formats);
	if (portal->file >= 0)
		close(portal->file);
	*portal = (struct portal){.file = -1};
}

static bool send_rows(struct query_worker *worker, uint32_t rows, struct error *err)
{
	struct portal *portal = &worker->portal;
	size_t bytes = worker->out.len - ROWS_HEADER;
	if (bytes == 0 && rows == 0)
		return true;
	portal->bytes += bytes;
	if (worker->out.len > FRAME_MAX_BYTES) {
		error_set(err, LIMIT_EXCEEDED, "a row of the answer has %zu bytes", bytes);
		return error_hint(err,
			"A row has at most %d bytes here: select fewer or shorter values.",
			FRAME_MAX_BYTES - ROWS_HEADER);
	}
	if (portal->limit_bytes && portal->bytes > portal->limit_bytes) {
		error_set(err, LIMIT_EXCEEDED, "the answer is larger than %llu bytes",
			(unsigned long long)portal->limit_bytes);
		return error_hint(err, "Select fewer rows or columns, or aggregate.");
	}
	for (size_t i = 0; i < ROWS_HEADER; i++)
		worker->out.ptr[i] = (char)(rows >> 8 * i & 0xff);
	return channel_send(
		&worker->channel, W_DATA, slice_of(worker->out.ptr, worker->out.len), NULL, 0, err);
}

static void start_frame(struct query_worker *worker)
{
	static const char header[ROWS_HEADER] = {0};
	buffer_clear(&worker->out);
	buffer_add(&worker->out, header, sizeof header);
}

static bool finish(struct query_worker *worker, struct error *err)
{
	json_t *body = json_object();
	json_object_set_new(body, "rows", json_integer((json_int_t)worker->portal.rows));
	json_object_set_new(body, "bytes", json_integer((json_int_t)worker->portal.bytes));
	bool ok = query_send_json(worker, W_DONE, body, err);
	portal_close(&worker->portal); /* nobody waits for this */
	return ok;
}

/* The next piece of rows: at most want, at most one step, never over the end of a chunk. 0 = no
 * more rows. */
static bool encode_step(
	struct query_worker *worker, uint64_t want, size_t *rows_out, struct error *err)
{
	struct portal *p = &worker->portal;
	if (p->chunk_done == p->chunk_rows) {
		p->chunk_done = 0;
		if (!engine_result_next(p->result, &p->chunk_rows, err))
			return false;
	}
	size_t left = p->chunk_rows - p->chunk_done;
	size_t step = encoder_takes_chunks(p->encoder)
			      ? left
			      : min_of(min_of(left, (size_t)ENCODE_STEP), want ? want : SIZE_MAX);
	if (p->limit_rows && p->rows + step > p->limit_rows) {
		error_set(err, LIMIT_EXCEEDED, "the answer has more than %llu rows",
			(unsigned long long)p->limit_rows);
		return error_hint(err, "Add a LIMIT, or aggregate.");
	}
	size_t done = 0;
	while (done < step) {
		/* rows may be large: one at a time, until the frame is full */
		size_t rows = encoder_takes_chunks(p->encoder) ? step : 1;
		size_t from = p->chunk_done + done;
		if (!encoder_rows(p->encoder, &worker->out, from, from + rows, err))
			return false;
		done += rows;
		if (worker->out.len >= FRAME_TARGET)
			break;
	}
	p->chunk_done += done;
	p->rows += done;
	*rows_out = done;
	return true;
}

/* max_rows 0 = all. */
static bool send_portal(struct query_worker *worker, uint64_t max_rows, struct error *err)
{
	struct portal *p = &worker->portal;
	uint64_t sent = 0;
	uint32_t in_frame = 0;
	start_frame(worker);
	if (!p->started && !encoder_begin(p->encoder, &worker->out, err))
		return false;
	p->started = true;
	for (;;) {
		size_t rows = 0;
		if (!encode_step(worker, max_rows ? max_rows - sent : 0, &rows, err))
			return false;
		sent += rows;
		in_frame += (uint32_t)rows;
		if (rows == 0)
			break;
		if (worker->out.len < FRAME_TARGET && !(max_rows && sent >= max_rows))
			continue;
		if (!send_rows(worker, in_frame, err))
			return false;
		start_frame(worker);
		in_frame = 0;
		if (max_rows && sent >= max_rows)
			return query_send_json(worker, W_SUSPENDED, json_object(), err);
	}
	return encoder_end(p->encoder, &worker->out, err) && send_rows(worker, in_frame, err) &&
	       finish(worker, err);
}

static bool bind_one(struct query_worker *worker, struct engine_statement *statement, size_t index,
	const json_t *param, struct error *err)
{
	struct slice text = json_get_slice(param, "value");
	struct slice value = SLICE_NONE;
	if (!slice_is_none(text)) {
		size_t room = text.len / 4 * 3 + 3;
		size_t len = 0;
		unsigned char *bytes = arena_alloc(worker->arena, room);
		if (sodium_base642bin(bytes, room, text.ptr, text.len, NULL, &len, NULL,
			    sodium_base64_VARIANT_ORIGINAL) != 0)
			return error_set(err, PROTOCOL_VIOLATION, "a parameter is not base64");
		value = slice_of((const char *)bytes, len);
	}
	return engine_bind(statement, index, (uint32_t)json_get_i64(param, "oid", 0),
		(int)json_get_i64(param, "format", 0), value, err);
}

static bool bind_all(struct query_worker *worker, struct engine_statement *statement,
	const json_t *body, struct error *err)
{
	const json_t *params = json_get_array(body, "params");
	size_t want = engine_statement_param_count(statement);
	if (json_array_size(params) != want)
		return error_set(err, PROTOCOL_VIOLATION,
			"the statement needs %zu parameters, %zu were given", want,
			json_array_size(params));
	for (size_t i = 0; i < want; i++)
		if (!bind_one(worker, statement, i, json_array_get(params, i), err))
			return false;
	return true;
}

static char option_char(const json_t *options, const char *name)
{
	struct slice text = json_get_slice(options, name);
	if (text.len == 1)
		return text.ptr[0];
	return 0;
}

static int *read_formats(const json_t *body, size_t columns)
{
	const json_t *list = json_get_array(body, "column_formats");
	int *formats = calloc(columns + 1, sizeof *formats);
	/* One format stands for all columns, as in Bind. */
	for (size_t i = 0; formats && i < columns && json_array_size(list) > 0; i++)
		formats[i] = json_integer_value(
				     json_array_get(list, json_array_size(list) == 1 ? 0 : i)) == 1;
	return formats;
}

static bool make_encoder(
	struct query_worker *worker, const json_t *body, struct slice format, struct error *err)
{
	struct portal *p = &worker->portal;
	const json_t *options = json_get_object(body, "options");
	struct encode_options how = {.header = json_get_bool(options, "header", false),
		.delimiter = option_char(options, "delimiter"),
		.quote = option_char(options, "quote"),
		.escape = option_char(options, "escape")};
	size_t columns;
	size_t which = 0;
	while (which < array_len(format_names) && !slice_equal_c(format, format_names[which]))
		which++;
	if (which == array_len(format_names))
		return error_set(err, PROTOCOL_VIOLATION, "no format \"%.*s\"", SLICE_FMT(format));
	engine_result_columns(p->result, &columns);
	how.format = (enum encode_format)which;
	how.null_text = json_get_slice(options, "null");
	how.column_formats = p->column_formats = read_formats(body, columns);
	return encoder_new(p->result, &how, &p->encoder, err);
}

/* COPY of the statement into a file of the spill folder, then the file. */
static bool write_parquet(struct query_worker *worker, const json_t *body, struct error *err)
{
	struct portal *p = &worker->portal;
	struct slice key = json_get_slice(body, "key");
	struct slice text = slice_trim(session_text(worker->session, key));
	struct str sql = str_in(worker->arena);
	if (!worker->spill_dir)
		return error_set(
			err, DISK_FULL, "this principal has no temporary space for Parquet");
	while (text.len > 0 && text.ptr[text.len - 1] == ';')
		text = slice_trim(slice_sub(text, 0, text.len - 1));
	char *path = arena_cstr(
		worker->arena, arena_printf(worker->arena, "%s/answer.parquet", worker->spill_dir));
	str_printf(&sql, "COPY (%.*s\n) TO ", SLICE_FMT(text));
	str_add_sql_literal(&sql, slice_from_c(path));
	str_add_c(&sql, " (FORMAT parquet, COMPRESSION zstd)");
	size_t rows = 0;
	if (!session_prepare_beside(worker->session, key, str_slice(&sql), &p->own, err) ||
		!bind_all(worker, p->own, body, err) || !engine_execute(p->own, &p->result, err) ||
		!engine_result_next(p->result, &rows, err))
		return false;
	p->rows = rows ? (uint64_t)engine_value_i64(p->result, 0, 0, 0) : 0;
	p->file = open(path, O_RDONLY | O_CLOEXEC);
	if (p->file < 0)
		return error_set_errno(err, errno, "read the answer back");
	unlink(path);
	return true;
}

static bool send_file(struct query_worker *worker, struct error *err)
{
	struct portal *p = &worker->portal;
	uint32_t rows = (uint32_t)min_of(p->rows, (uint64_t)UINT32_MAX);
	if (p->limit_rows && p->rows > p->limit_rows) {
		error_set(err, LIMIT_EXCEEDED, "the answer has more than %llu rows",
			(unsigned long long)p->limit_rows);
		return error_hint(err, "Add a LIMIT, or aggregate.");
	}
	for (;;) {
		start_frame(worker);
		if (!buffer_reserve(&worker->out, FRAME_TARGET))
			return error_set(err, OUT_OF_MEMORY, "no memory for the answer");
		ssize_t n =
			read(p->file, worker->out.ptr + ROWS_HEADER, FRAME_TARGET - ROWS_HEADER);
		if (n < 0)
			return error_set_errno(err, errno, "read the answer back");
		worker->out.len += (size_t)n;
		if (n == 0)
			return finish(worker, err);
		if (!send_rows(worker, rows, err))
			return false;
		rows = 0; /* all rows are counted with the first frame */
	}
}

static bool run(struct query_worker *worker, json_t *body, struct error *err)
{
	struct portal *p = &worker->portal;
	struct engine_statement *statement;
	if (!session_find(worker->session, json_get_slice(body, "key"), &statement, err))
		return false;
	if (!statement)
		return error_set(err, INVALID_STATEMENT_NAME, "the statement is not prepared here");
	struct slice format = json_get_slice(body, "format");
	*p = (struct portal){.open = true,
		.file = -1,
		.number = json_get_i64(body, "portal", 0),
		.limit_rows = (uint64_t)json_get_i64(body, "limit_rows", 0),
		.limit_bytes = (uint64_t)json_get_i64(body, "limit_bytes", 0)};
	if (slice_equal_c(format, "parquet"))
		return write_parquet(worker, body, err) && send_file(worker, err);
	return bind_all(worker, statement, body, err) &&
	       engine_execute(statement, &p->result, err) &&
	       make_encoder(worker, body, format, err) &&
	       send_portal(worker, (uint64_t)json_get_i64(body, "max_rows", 0), err);
}

bool query_execute(struct query_worker *worker, const struct frame *frame, struct error *err)
{
	scoped(json_drop) json_t *body = json_parse(frame->payload, err);
	if (!body)
		return false;
	if (worker->portal.open)
		return error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
			"a cursor is open in this worker; close it first");
	bool ok = run(worker, body, err);
	if (!ok)
		portal_close(&worker->portal);
	return ok;
}

static void change_formats(struct portal *portal, const json_t *body)
{
	size_t columns;
	engine_result_columns(portal->result, &columns);
	if (!json_get_array(body, "column_formats"))
		return;
	int *formats = read_formats(body, columns);
	if (formats)
		encoder_set_formats(portal->encoder, formats);
	free(formats);
}

bool query_fetch(struct query_worker *worker, const struct frame *frame, struct error *err)
{
	scoped(json_drop) json_t *body = json_parse(frame->payload, err);
	if (!body)
		return false;
	if (!worker->portal.open || worker->portal.number != json_get_i64(body, "portal", 0))
		return error_set(err, INVALID_CURSOR_NAME, "the portal is not open");
	change_formats(&worker->portal, body);
	bool ok = send_portal(worker, (uint64_t)json_get_i64(body, "max_rows", 0), err);
	if (!ok)
		portal_close(&worker->portal);
	return ok;
}

bool query_close(struct query_worker *worker, const struct frame *frame, struct error *err)
{
	scoped(json_drop) json_t *body = json_parse(frame->payload, err);
	if (!body)
		return false;
	if (worker->portal.open && worker->portal.number == json_get_i64(body, "portal", 0))
		portal_close(&worker->portal);
	return query_send_json(worker, W_FINE, json_object(), err);
}
