/*
 * `weft-worker job`: one job in a process of its own. Order: read the job, open the engine on one
 * thread, find out which paths it needs, narrow the process, raise the threads, work, answer. Kinds
 * are rows of a table.
 */
#include "worker/job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/vec.h"
#include "ipc/worker.h"
#include "worker/job-private.h"
#include "worker/relation-json.h"
#include "worker/rewrite.h"

enum { PROGRESS_US = 200000 };

static void send_json(struct job *job, uint8_t type, json_t *body)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct error ignored;

	if (!channel_send(job->channel, type, json_print(arena, body), NULL, 0, &ignored))
		_exit(EXIT_FAILURE); /* the server is gone: nobody wants the result */
	json_decref(body);
}

void job_log(struct job *job, const char *level, const char *fmt, ...)
{
	char text[1024];
	json_t *body = json_object();
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	json_set_slice(body, "level", slice_from_c(level));
	json_set_slice(body, "message", slice_from_c(text));
	send_json(job, W_LOG, body);
}

void job_progress(struct job *job, const char *step, struct slice table, int64_t rows,
	int64_t total, bool force)
{
	int64_t now = clock_mono_us(&clock_system);
	json_t *body;

	if (!force && now - job->progress_us < PROGRESS_US)
		return;
	job->progress_us = now;
	body = json_object();
	json_set_slice(body, "step", slice_from_c(step));
	json_set_slice(body, "table", table);
	json_object_set_new(body, "rows", json_integer(rows));
	json_object_set_new(body, "bytes", json_integer(0));
	json_object_set_new(body, "total_rows", total < 0 ? json_null() : json_integer(total));
	send_json(job, W_PROGRESS, body);
}

/* Where the node keeps its files is nothing for a run's log: names from the folder on. */
static void hide_folder(char *text, struct slice folder)
{
	for (char *at = text; folder.len > 1 && (at = strstr(at, folder.ptr)) != NULL;) {
		char *rest = at + folder.len + (at[folder.len] == '/');

		memmove(at, rest, strlen(rest) + 1);
	}
}

static void send_error(struct job *job, struct error *err)
{
	json_t *body = json_object();
	size_t index;
	json_t *dir;

	json_array_foreach(json_get_array(job->spec, "source_dirs"), index, dir)
		hide_folder(err->msg, json_to_slice(dir));
	hide_folder(err->msg, json_get_slice(job->spec, "staging"));

	json_set_slice(body, "state", slice_from_c(sqlstate_table[err->state].code));
	json_set_slice(body, "message", slice_from_c(err->msg));
	json_set_slice(body, "hint", slice_from_c(err->hint));
	json_object_set_new(body, "position", json_integer(err->position));
	send_json(job, W_ERROR, body);
}

void job_add_paths(struct str *sql, const json_t *paths, const char *member)
{
	size_t index;
	json_t *item;

	str_add_char(sql, '[');
	json_array_foreach(paths, index, item)
	{
		str_add_c(sql, index ? "," : "");
		str_add_sql_literal(
			sql, member ? json_get_slice(item, member) : json_to_slice(item));
	}
	str_add_char(sql, ']');
}

bool job_value(struct job *job, struct slice sql, struct slice *out, struct error *err)
{
	scoped(engine_result_free) struct engine_result *result = NULL;
	size_t rows = 0;

	if (!engine_query(job->engine, sql, &result, err) ||
		!engine_result_next(result, &rows, err))
		return false;
	*out = rows ? engine_value_text(result, job->arena, 0, 0) : SLICE_NONE;
	return true;
}

bool job_describe(struct job *job, struct slice from, struct job_columns *out, struct error *err)
{
	scoped(engine_statement_free) struct engine_statement *statement = NULL;
	size_t count;

	if (!engine_prepare(job->engine,
		    arena_printf(job->arena, "SELECT * FROM %.*s", SLICE_FMT(from)), &statement,
		    err))
		return false;
	const struct engine_column *columns = engine_statement_columns(statement, &count);

	for (size_t i = 0; i < count; i++)
		vec_push(job->arena, out,
			(struct job_column){.name = arena_copy(job->arena, columns[i].name),
				.type = arena_copy(job->arena, columns[i].type)});
	return true;
}

const struct job_column *job_find(const struct job_columns *columns, struct slice name)
{
	for (size_t i = 0; i < columns->len; i++)
		if (slice_equal_nocase(columns->items[i].name, name))
			return &columns->items[i];
	return NULL;
}

static void read_columns(struct job *job, const json_t *list, struct job_columns *out)
{
	size_t index;
	json_t *item;

	json_array_foreach(list, index, item) vec_push(job->arena, out,
		(struct job_column){
			.name = json_get_slice(item, "name"),
			.type = json_get_slice(item, "type"),
			.required = json_get_bool(item, "required", false),
			.unique = json_get_bool(item, "unique", false),
			.key = (int)json_get_i64(item, "key", 0),
		});
}

static bool open_table(struct job *job, json_t *spec, struct job_table *out, struct error *err)
{
	*out = (struct job_table){.job = job, .spec = spec, .name = json_get_slice(spec, "name")};
	read_columns(job, json_get_array(spec, "columns"), &out->columns);
	if (out->name.len == 0 || slice_find(out->name, SLICE("/"), 0) != SIZE_MAX)
		return error_set(err, PROTOCOL_VIOLATION, "the job's table has no usable name");
	out->dir = arena_printf(
		job->arena, "%.*s/%.*s", SLICE_FMT(job->staging), SLICE_FMT(out->name));
	check(out->dir.ptr);
	if (mkdir(out->dir.ptr, 0750) != 0)
		return error_set_errno(err, errno, "create folder %s", out->dir.ptr);
	out->files = json_array();
	out->keep = json_array();
	return true;
}

/* What the job has made of the table with the key; NULL when it has not. */
static const json_t *find_made(const struct job *job, struct slice key)
{
	size_t index;
	json_t *spec;

	json_array_foreach(json_get_array(job->spec, "tables"), index,
		spec) if (slice_equal(json_get_slice(spec, "key"),
				  key)) return json_array_get(job->made, index);
	return NULL;
}

/* Relations on tables that this job makes get the files that it made: new ones and those kept. */
static bool fill_own(struct job *job, json_t *relations, struct error *err)
{
	size_t index;
	json_t *relation;

	json_array_foreach(relations, index, relation)
	{
		struct slice key = json_get_slice(relation, "own");
		const json_t *made = key.len ? find_made(job, key) : NULL;
		json_t *files;
		size_t at;
		json_t *file;

		if (!key.len)
			continue;
		if (!made)
			return error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
				"table %.*s is not made before", SLICE_FMT(key));
		files = json_copy(json_get_array(made, "keep"));
		json_array_foreach(json_get_array(made, "files"), at, file) json_array_append_new(
			files,
			json_from_slice(arena_printf(job->arena, "%.*s/%.*s",
				SLICE_FMT(job->staging), SLICE_FMT(json_get_slice(file, "path")))));
		json_object_set_new(relation, "files", files);
	}
	return true;
}

/* The transform's SELECT, prepared over its governed relations. */
static bool open_transform(struct job_table *table, struct load *out, struct error *err)
{
	struct job *job = table->job;
	struct slice sql =
		rewrite_dialect(job->arena, json_get_slice(table->spec, "sql"), SLICE_NONE);
	struct session_statement statement = {.key = table->name, .text = sql};
	struct engine_statement *prepared;
	size_t count;

	if (!fill_own(job, json_get_array(table->spec, "relations"), err) ||
		!relations_from_json(job->arena, json_get_array(table->spec, "relations"), NULL,
			&statement.list, &statement.count, err))
		return false;
	if (!job->session)
		job->session = session_new(job->engine);
	if (!session_prepare(job->session, &statement, &prepared, err))
		return error_wrap(err, "transform of %.*s", SLICE_FMT(table->name));
	const struct engine_column *columns = engine_statement_columns(prepared, &count);

	for (size_t i = 0; i < count; i++)
		vec_push(job->arena, &out->columns,
			(struct job_column){.name = arena_copy(job->arena, columns[i].name),
				.type = arena_copy(job->arena, columns[i].type)});
	out->from = arena_printf(job->arena, "(%.*s\n) AS load", SLICE_FMT(sql));
	out->in_session = true;
	return true;
}

static json_t *columns_json(const struct job_columns *columns)
{
	json_t *list = json_array();

	for (size_t i = 0; i < columns->len; i++) {
		json_t *column = json_object();

		json_set_slice(column, "name", columns->items[i].name);
		json_set_slice(column, "type", columns->items[i].type);
		json_set_slice(column, "stored", columns->items[i].stored);
		json_array_append_new(list, column);
	}
	return list;
}

static json_t *table_json(struct job_table *table, const struct load *load, json_t *checks)
{
	json_t *out = json_object();

	json_set_slice(out, "name", table->name);
	json_object_set_new(out, "rows", json_integer(table->rows));
	json_object_set_new(out, "bytes", json_integer(table->bytes));
	json_object_set_new(out, "columns", columns_json(&table->columns));
	json_object_set_new(out, "files", table->files);
	json_object_set_new(out, "keep", table->keep);
	json_set_slice(out, "cursor", load->cursor);
	json_object_set_new(out, "checks", checks);
	return out;
}

/* ingest, transform: from the source to checked files. */
static bool make_tables(struct job *job, json_t *result, struct error *err)
{
	json_t *out = json_array();
	size_t index;
	json_t *spec;

	json_object_set_new(result, "tables", out);
	job->made = out;
	json_array_foreach(json_get_array(job->spec, "tables"), index, spec)
	{
		struct job_table table;
		struct load load = {0};
		json_t *checks;
		bool transform = json_object_get(spec, "sql") != NULL;

		if (!open_table(job, spec, &table, err))
			return false;
		job_progress(job, transform ? "transform" : "extract", table.name, 0, -1, true);
		if (!(transform ? open_transform(&table, &load, err)
				: job_open_source(&table, &load, err)) ||
			!job_write_table(&table, &load, err))
			return error_wrap(err, "table %.*s", SLICE_FMT(table.name));
		job_progress(job, "check", table.name, table.rows, table.rows, true);
		if (!job_check_table(&table, &checks, err))
			return error_wrap(err, "table %.*s", SLICE_FMT(table.name));
		json_array_append_new(out, table_json(&table, &load, checks));
	}
	return true;
}

/* check: the contract's rules over the version that is served. */
static bool check_tables(struct job *job, json_t *result, struct error *err)
{
	json_t *out = json_array();
	size_t index;
	json_t *spec;

	json_object_set_new(result, "tables", out);
	json_array_foreach(json_get_array(job->spec, "tables"), index, spec)
	{
		struct job_table table;
		struct load load = {0};
		json_t *checks;

		if (!open_table(job, spec, &table, err))
			return false;
		job_keep_previous(&table);
		if (!job_check_table(&table, &checks, err))
			return error_wrap(err, "table %.*s", SLICE_FMT(table.name));
		json_array_append_new(out, table_json(&table, &load, checks));
	}
	return true;
}

/* checkpoint: log rows (NDJSON) as the Parquet file that the protocol wants. */
static bool write_checkpoint(struct job *job, json_t *result, struct error *err)
{
	struct slice path =
		arena_printf(job->arena, "%.*s/checkpoint.parquet", SLICE_FMT(job->staging));
	struct str sql = str_in(job->arena);
	struct slice rows;

	str_add_c(&sql, "COPY (SELECT * FROM read_json(");
	str_add_sql_literal(&sql, json_get_slice(job->spec, "rows_file"));
	str_add_c(&sql,
		", format='newline_delimited', maximum_object_size=16777216, columns={"
		"txn:'STRUCT(appId VARCHAR, version BIGINT, lastUpdated BIGINT)',"
		"\"add\":'STRUCT(path VARCHAR, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT, "
		"modificationTime BIGINT, dataChange BOOLEAN, stats VARCHAR, tags MAP(VARCHAR, "
		"VARCHAR))',"
		"remove:'STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN)',"
		"metaData:'STRUCT(id VARCHAR, name VARCHAR, description VARCHAR, "
		"format STRUCT(provider VARCHAR, options MAP(VARCHAR, VARCHAR)), schemaString "
		"VARCHAR, "
		"partitionColumns VARCHAR[], createdTime BIGINT, configuration MAP(VARCHAR, "
		"VARCHAR))',"
		"protocol:'STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER, "
		"readerFeatures VARCHAR[], writerFeatures VARCHAR[])'})) TO ");
	str_add_sql_literal(&sql, path);
	str_add_c(&sql, " (FORMAT parquet, COMPRESSION snappy)");
	if (!engine_run(job->engine, str_slice(&sql), err) ||
		!job_value(job,
			arena_printf(job->arena, "SELECT count(*) FROM read_parquet('%.*s')",
				SLICE_FMT(path)),
			&rows, err))
		return false;
	int64_t count = 0;

	if (!slice_to_i64(rows, &count))
		return error_set(err, INTERNAL_ERROR, "the checkpoint has no row count");
	json_set_slice(result, "path", SLICE("checkpoint.parquet"));
	json_object_set_new(result, "rows", json_integer(count));
	return true;
}

static const struct {
	const char *name;
	bool (*run)(struct job *job, json_t *result, struct error *err);
} KINDS[] = {
	{"ingest", make_tables},
	{"transform", make_tables},
	{"check", check_tables},
	{"checkpoint", write_checkpoint},
};

static bool run_job(struct job *job, json_t *result, struct error *err)
{
	struct engine_options options = {.threads = 1, .time_zone = "UTC"};

	job->kind = json_get_slice(job->spec, "kind");
	job->staging = json_get_slice(job->spec, "staging");
	/* In the order of the source: rows of an error can be counted, and files keep what order
	 * there is, which makes their statistics selective. */
	if (!engine_open(&options, &job->engine, err) ||
		!engine_run(
			job->engine, SLICE("SET GLOBAL preserve_insertion_order = true"), err) ||
		!job_narrow(job, err))
		return false;
	for (size_t i = 0; i < array_len(KINDS); i++)
		if (slice_equal_c(job->kind, KINDS[i].name))
			return KINDS[i].run(job, result, err);
	return error_set(err, PROTOCOL_VIOLATION, "unknown job \"%.*s\"", SLICE_FMT(job->kind));
}

int job_main(struct channel channel)
{
	struct job job = {.channel = &channel, .arena = arena_new()};
	struct frame frame;
	struct error err;
	json_t *result = json_object();
	bool ok = false;

	if (channel_receive(&channel, job.arena, 0, &frame, &err) && frame.type == W_JOB)
		job.spec = json_parse(frame.payload, &err);
	if (job.spec)
		ok = run_job(&job, result, &err);
	if (ok)
		send_json(&job, W_RESULT, json_incref(result));
	else
		send_error(&job, &err);
	json_decref(result);
	json_decref(job.spec);
	session_free(&job.session);
	engine_close(&job.engine);
	arena_free(&job.arena);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
