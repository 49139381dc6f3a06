#include "cli/sql-run.h"

#include <errno.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "cli/client.h"
#include "cli/csv.h"
#include "cli/output.h"
#include "sql/command.h"

/*
 * Formats that the node makes (json, ndjson, csv, parquet, arrow) go through as they come; tables,
 * tsv, md and yaml are made here from its CSV or NDJSON, block by block, so that memory stays
 * small.
 */
enum { BLOCK_ROWS = 1000, SHOWN_ROWS = 1000 };

struct answer {
	struct sql_session *session;
	struct cli *cli;
	struct arena *block; /* rows that wait to be printed */
	struct csv_reader csv;
	struct str line; /* NDJSON: a line that has not come in whole */
	json_t *columns; /* [{"name","type"}], NULL until the header came */
	VEC(struct grid_row) rows;
	struct grid_column *titles;
	size_t column_count;
	bool header_done;
	uint64_t row_count;
	bool truncated; /* more rows than a terminal shows */
};

static bool is_number_type(struct slice type)
{
	static const char *const numbers[] = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
		"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE"};

	for (size_t i = 0; i < array_len(numbers); i++)
		if (slice_equal_c(type, numbers[i]))
			return true;
	return slice_starts_with(type, SLICE("DECIMAL"));
}

static void on_header(void *ctx, struct slice name, struct slice value)
{
	struct answer *answer = ctx;
	struct error ignored = {0};

	if (slice_equal_c(name, "x-weft-governance"))
		cli_note(answer->cli, "notice: %.*s", SLICE_FMT(value));
	if (slice_equal_c(name, "x-weft-columns") && !answer->columns)
		answer->columns = json_parse(value, &ignored);
}

static void set_titles(struct answer *answer, const struct slice *cells, size_t count)
{
	struct arena *arena = answer->cli->arena;

	answer->titles = arena_array_of(arena, struct grid_column, count);
	answer->column_count = count;
	for (size_t i = 0; i < count; i++) {
		answer->titles[i].title = arena_copy(arena, cells[i]);
		answer->titles[i].right =
			is_number_type(json_get_slice(json_array_get(answer->columns, i), "type"));
	}
}

static void print_block(struct answer *answer)
{
	struct cli *cli = answer->cli;
	struct grid grid = {
		answer->titles, answer->column_count, answer->rows.items, answer->rows.len};

	if (grid.column_count == 0)
		return;
	output_grid_block(cli, &grid, !answer->header_done);
	answer->header_done = true;
	arena_reset(answer->block);
	answer->rows.items = NULL;
	answer->rows.len = 0;
	answer->rows.cap = 0;
}

static bool on_row(void *ctx, const struct slice *cells, size_t count, struct error *err)
{
	struct answer *answer = ctx;
	struct grid_row row = {0};

	if (!answer->titles) {
		set_titles(answer, cells, count);
		return true;
	}
	if (count != answer->column_count)
		return error_set(err, PROTOCOL_VIOLATION, "a row has %zu fields, not %zu", count,
			answer->column_count);
	answer->row_count++;
	if (answer->cli->output_tty && answer->cli->format == OUTPUT_TABLE &&
		!answer->session->limit && answer->row_count > SHOWN_ROWS) {
		answer->truncated = true;
		return true;
	}
	row.cells = arena_array_of(answer->block, struct slice, count);
	for (size_t i = 0; i < count; i++)
		row.cells[i] = arena_copy(answer->block, cells[i]);
	vec_push(answer->block, &answer->rows, row);
	if (answer->rows.len == BLOCK_ROWS)
		print_block(answer);
	return true;
}

static bool on_csv(void *ctx, struct slice bytes, struct error *err)
{
	struct answer *answer = ctx;

	return csv_feed(&answer->csv, bytes, on_row, answer, err);
}

static bool on_bytes(void *ctx, struct slice bytes, struct error *err)
{
	struct answer *answer = ctx;

	if (fwrite(bytes.ptr, 1, bytes.len, answer->cli->out) == bytes.len)
		return true;
	return error_set_errno(err, errno, "write the answer");
}

/* The node's last line when it failed after the first rows. */
static bool late_error(struct slice line, struct error *err)
{
	struct error ignored = {0};
	scoped(json_drop) json_t *value = json_parse(line, &ignored);
	const json_t *error = json_get_object(value, "error");
	char code[8] = "";

	snprintf(code, sizeof code, "%.*s", SLICE_FMT(json_get_slice(error, "code")));
	error_set(err, INTERNAL_ERROR, "%.*s", SLICE_FMT(json_get_slice(error, "message")));
	err->state = sqlstate_from_code(code);
	error_hint(err, "%.*s", SLICE_FMT(json_get_slice(error, "hint")));
	return false;
}

static bool print_line(struct answer *answer, struct slice line, struct error *err)
{
	FILE *out = answer->cli->out;

	if (slice_starts_with(line, SLICE("{\"error\":{\"code\":")))
		return late_error(line, err);
	answer->row_count++;
	if (answer->cli->format == OUTPUT_NDJSON) {
		fwrite(line.ptr, 1, line.len, out);
		fputc('\n', out);
		return !ferror(out) || error_set_errno(err, errno, "write the answer");
	}
	scoped(json_drop) json_t *row = json_parse(line, err);
	scoped(json_drop) json_t *list = json_array();

	if (!row)
		return false;
	json_array_append(list, row);
	output_yaml(out, list, 0);
	return true;
}

static bool on_lines(void *ctx, struct slice bytes, struct error *err)
{
	struct answer *answer = ctx;

	while (bytes.len) {
		struct slice rest = bytes;

		str_add(&answer->line, slice_split(&rest, '\n'));
		if (slice_is_none(rest))
			return true;
		bytes = rest;
		bool ok = print_line(answer, str_slice(&answer->line), err);

		answer->line.len = 0;
		if (!ok)
			return false;
	}
	return true;
}

struct route_to {
	const char *accept;
	bool (*data)(void *ctx, struct slice bytes, struct error *err);
};

static struct route_to route_of(enum output_format format)
{
	switch (format) {
	case OUTPUT_JSON: return (struct route_to){"application/json", on_bytes};
	case OUTPUT_NDJSON:
	case OUTPUT_YAML: return (struct route_to){"application/x-ndjson", on_lines};
	case OUTPUT_PARQUET: return (struct route_to){"application/vnd.apache.parquet", on_bytes};
	case OUTPUT_ARROW:
		return (struct route_to){"application/vnd.apache.arrow.stream", on_bytes};
	case OUTPUT_CSV:
	case OUTPUT_TABLE:
	case OUTPUT_WIDE:
	case OUTPUT_TSV:
	case OUTPUT_MARKDOWN:
	case OUTPUT_NAME: break;
	}
	return (struct route_to){"text/csv", on_csv};
}

static json_t *make_body(const struct sql_session *session, struct slice text, json_t *values)
{
	json_t *body = json_object();

	json_set_slice(body, "sql", text);
	json_object_set(body, "params", values);
	if (session->purpose)
		json_object_set_new(body, "purpose", json_string(session->purpose));
	if (session->limit)
		json_object_set_new(body, "limit", json_integer(session->limit));
	if (session->timeout_ms)
		json_object_set_new(body, "timeout_ms", json_integer(session->timeout_ms));
	return body;
}

static bool send(struct answer *answer, const json_t *body, struct error *err)
{
	struct client *client = NULL;
	struct route_to to = route_of(answer->cli->format);
	const struct client_request request = {
		.method = "POST",
		.path = "/api/v1/query",
		.accept = to.accept,
		.body = body,
		.data = to.data,
		.header = on_header,
		.ctx = answer,
	};

	if (!cli_client(answer->cli, &client, err) || !client_send(client, &request, err))
		return false;
	if (!csv_end(&answer->csv, on_row, answer, err))
		return false;
	if (answer->titles)
		print_block(answer);
	return true;
}

static void say_counts(const struct answer *answer, int64_t began_us)
{
	const struct cli *cli = answer->cli;
	double ms = (double)(clock_mono_us(&clock_system) - began_us) / 1000;

	if (answer->titles && cli->output_tty && !cli->quiet)
		fprintf(stderr, "(%llu %s%s)\n", (unsigned long long)answer->row_count,
			answer->row_count == 1 ? "row" : "rows",
			answer->truncated ? ", 1000 shown; -o csv gives all" : "");
	if (answer->session->timing || cli->verbose)
		fprintf(stderr, "time: %.1f ms\n", ms);
}

bool sql_run(struct sql_session *session, struct slice text, struct error *err)
{
	struct answer answer = {.session = session, .cli = session->cli, .block = arena_new()};
	struct slice bound = SLICE_NONE;
	scoped(json_drop) json_t *values = NULL;
	scoped(json_drop) json_t *body = NULL;
	int64_t began_us = clock_mono_us(&clock_system);

	csv_init(&answer.csv);
	answer.line = str_in(session->cli->arena);
	bool ok = sql_bind(session->cli->arena, text, &session->params, &bound, &values, err);

	if (ok) {
		body = make_body(session, bound, values);
		ok = send(&answer, body, err);
	}
	if (fflush(session->cli->out) != 0 && ok && errno != EPIPE)
		ok = error_set_errno(err, errno, "write the answer");
	if (ok)
		say_counts(&answer, began_us);
	json_drop(&answer.columns);
	csv_fini(&answer.csv);
	arena_free(&answer.block);
	return ok;
}

bool sql_run_all(struct sql_session *session, struct slice text, struct error *err)
{
	struct slice *statements = NULL;
	size_t count = 0;

	if (!command_split(session->cli->arena, text, &statements, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!sql_run(session, statements[i], err))
			return false;
	return true;
}
