/*
 * From a load to the table's new files: drift, casts to the contract's types, merge with the last
 * version, Parquet, statistics and a hash per file. Nothing outside the staging folder is touched;
 * what stays of the last version is only named.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/vec.h"
#include "delta/delta.h"
#include "worker/job-private.h"

enum {
	FILE_TARGET_BYTES = 128 << 20,
	STATS_TEXT_BYTES = 64, /* longer extremes are left out: a cut one would be a wrong one */
	HASH_BYTES = 32,
};

#define PARTITION_COLUMN "weft partition"

static bool drift_is(const struct job_table *table, const char *mode)
{
	return slice_equal_c(json_get_slice(table->spec, "drift"), mode);
}

/* Columns that the source has and the contract lacks. */
static bool take_new_columns(struct job_table *table, const struct load *load, struct error *err)
{
	struct job *job = table->job;
	struct str names = str_in(job->arena);

	for (size_t i = 0; i < load->columns.len; i++) {
		struct job_column column = load->columns.items[i];

		if (job_find(&table->columns, column.name))
			continue;
		str_printf(&names, "%s%.*s", names.len ? ", " : "", SLICE_FMT(column.name));
		if (drift_is(table, "add"))
			vec_push(job->arena, &table->columns, column);
	}
	if (names.len == 0 || drift_is(table, "ignore"))
		return true;
	if (drift_is(table, "add")) {
		job_log(job, "warn", "columns added by drift: %s", names.ptr);
		return true;
	}
	error_set(err, UNDEFINED_COLUMN, "the source has columns that the contract lacks: %s",
		names.ptr);
	return error_hint(err,
		"add them to the contract, or set drift: ignore or drift: add in the pipeline");
}

static bool check_drift(struct job_table *table, struct load *load, struct error *err)
{
	struct str missing = str_in(table->job->arena);

	for (size_t i = 0; i < table->columns.len; i++)
		if (!job_find(&load->columns, table->columns.items[i].name))
			str_printf(&missing, "%s%.*s", missing.len ? ", " : "",
				SLICE_FMT(table->columns.items[i].name));
	if (missing.len) {
		error_set(err, UNDEFINED_COLUMN, "the %s has no column %s",
			load->in_session ? "transform" : "source", missing.ptr);
		return error_hint(err,
			"the contract promises it: repair the %s, or publish a new major version",
			load->in_session ? "transform" : "source");
	}
	/* A transform's extra columns are its own business: the contract says what is published. */
	return load->in_session || take_new_columns(table, load, err);
}

static void add_select(struct str *sql, struct job_table *table, const struct load *load)
{
	str_add_c(sql, "SELECT ");
	for (size_t i = 0; i < table->columns.len; i++) {
		struct job_column *column = &table->columns.items[i];
		bool same = slice_equal(column->stored, column->type);

		str_add_c(sql, i ? ", " : "");
		if (!same)
			str_add_c(sql, "CAST(");
		job_add_cast(sql, load, column);
		if (!same)
			str_printf(sql, " AS %.*s)", SLICE_FMT(column->stored));
		str_add_c(sql, " AS ");
		str_add_sql_ident(sql, column->name);
	}
	str_printf(sql, " FROM %.*s", SLICE_FMT(load->from));
}

static void add_key_list(struct str *sql, const struct job_table *table)
{
	bool first = true;

	for (size_t i = 0; i < table->columns.len; i++) {
		if (table->columns.items[i].key == 0)
			continue;
		str_add_c(sql, first ? "" : ", ");
		str_add_sql_ident(sql, table->columns.items[i].name);
		first = false;
	}
}

bool job_has_key(const struct job_table *table)
{
	for (size_t i = 0; i < table->columns.len; i++)
		if (table->columns.items[i].key)
			return true;
	return false;
}

static bool is_touched(const json_t *touched, struct slice path)
{
	size_t index;
	json_t *item;

	json_array_foreach(
		touched, index, item) if (slice_equal(json_to_slice(item), path)) return true;
	return false;
}

/* Files of the last version that hold a key of the new rows; their paths as a JSON array. */
static json_t *touched_files(struct job_table *table, struct slice fresh, struct error *err)
{
	struct str sql = str_in(table->job->arena);
	struct slice found;

	str_add_c(&sql, "SELECT to_json(coalesce(list(DISTINCT filename), [])) FROM read_parquet(");
	job_add_paths(&sql, json_get_array(table->spec, "previous"), "path");
	str_printf(&sql, ", filename=true, union_by_name=true) SEMI JOIN %.*s USING (",
		SLICE_FMT(fresh));
	add_key_list(&sql, table);
	str_add_c(&sql, ")");
	if (!job_value(table->job, str_slice(&sql), &found, err))
		return NULL;
	return json_parse(slice_is_none(found) ? SLICE("[]") : found, err);
}

/* Merge by key: files without a touched key stay; of the others the rows whose key is not among the
 * new ones. */
static bool merge(struct job_table *table, struct slice fresh, struct slice *out, struct error *err)
{
	scoped(json_drop) json_t *touched = touched_files(table, fresh, err);
	struct str sql = str_in(table->job->arena);
	size_t index;
	json_t *file;

	if (!touched)
		return false;
	json_array_foreach(json_get_array(table->spec, "previous"), index,
		file) if (!is_touched(touched, json_get_slice(file, "path")))
	{
		json_array_append(table->keep, json_object_get(file, "path"));
		table->rows += json_get_i64(file, "rows", 0);
	}
	/* Only the columns of now: older files may hold one that drift had added and that is gone.
	 */
	str_add_c(&sql, "SELECT ");
	for (size_t i = 0; i < table->columns.len; i++) {
		str_add_c(&sql, i ? ", " : "");
		str_add_sql_ident(&sql, table->columns.items[i].name);
	}
	str_printf(&sql, " FROM (SELECT * FROM %.*s", SLICE_FMT(fresh));
	if (json_array_size(touched)) {
		str_add_c(&sql, " UNION ALL BY NAME SELECT * FROM read_parquet(");
		job_add_paths(&sql, touched, NULL);
		str_printf(&sql, ", union_by_name=true) ANTI JOIN %.*s USING (", SLICE_FMT(fresh));
		add_key_list(&sql, table);
		str_add_c(&sql, ")");
	}
	str_add_c(&sql, ")");
	*out = str_slice(&sql);
	return true;
}

static void keep_all(struct job_table *table)
{
	size_t index;
	json_t *file;

	json_array_foreach(json_get_array(table->spec, "previous"), index, file)
	{
		json_array_append(table->keep, json_object_get(file, "path"));
		table->rows += json_get_i64(file, "rows", 0);
	}
}

/* The SELECT whose rows become the new files. */
static bool final_select(
	struct job_table *table, struct load *load, struct slice *out, struct error *err)
{
	struct str sql = str_in(table->job->arena);
	struct slice cursor = json_get_slice(json_get_object(table->spec, "cursor"), "column");
	struct str fresh = str_in(table->job->arena);

	add_select(&sql, table, load);
	*out = str_slice(&sql);
	if (!slice_equal_c(json_get_slice(table->spec, "mode"), "incremental") ||
		json_array_size(json_get_array(table->spec, "previous")) == 0)
		return true;
	if (!job_has_key(table)) {
		keep_all(table);
		return true;
	}
	str_add_sql_ident(
		&fresh, arena_printf(table->job->arena, "weft fresh %.*s", SLICE_FMT(table->name)));
	struct str make = str_in(table->job->arena);

	str_printf(&make,
		"CREATE TEMP TABLE %s AS SELECT * FROM (%s) QUALIFY row_number() OVER (PARTITION "
		"BY ",
		str_slice(&fresh).ptr, sql.ptr);
	add_key_list(&make, table);
	str_add_c(&make, " ORDER BY ");
	str_add_sql_ident(&make, cursor);
	str_add_c(&make, " DESC NULLS LAST) = 1");
	return engine_run(table->job->engine, str_slice(&make), err) &&
	       merge(table, str_slice(&fresh), out, err);
}

static bool run_copy(
	struct job_table *table, const struct load *load, struct slice sql, struct error *err)
{
	scoped(engine_statement_free) struct engine_statement *statement = NULL;
	scoped(engine_result_free) struct engine_result *result = NULL;
	size_t rows = 0;

	if (!load->in_session)
		return engine_run(table->job->engine, sql, err);
	return session_prepare_beside(table->job->session, table->name, sql, &statement, err) &&
	       engine_execute(statement, &result, err) && engine_result_next(result, &rows, err);
}

/* What tells one partition from another as a folder's name. The values themselves would not do: the
 * engine gives NULL and the text __HIVE_DEFAULT_PARTITION__ one folder, and names have a longest
 * length. */
static void add_partition_code(struct str *sql, const json_t *columns)
{
	size_t index;
	json_t *name;

	str_add_c(sql, "sha256(concat_ws('-'");
	json_array_foreach(columns, index, name)
	{
		str_add_c(sql, ", coalesce(sha256(CAST(");
		str_add_sql_ident(sql, json_to_slice(name));
		str_add_c(sql, " AS VARCHAR)), 'null')");
	}
	str_add_c(sql, "))");
}

static bool copy_out(struct job_table *table, const struct load *load, struct slice select,
	bool partitioned, struct error *err)
{
	struct str sql = str_in(table->job->arena);

	str_add_c(&sql, "COPY (");
	if (partitioned) {
		str_add_c(&sql, "SELECT *, ");
		add_partition_code(&sql, json_get_array(table->spec, "partition_by"));
		str_add_c(&sql, " AS \"" PARTITION_COLUMN "\" FROM (");
	}
	str_printf(&sql, "%.*s\n)%s TO ", SLICE_FMT(select), partitioned ? ")" : "");
	str_add_sql_literal(&sql, arena_printf(table->job->arena, "%s/out", table->dir.ptr));
	str_add_c(&sql, " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880, ");
	if (partitioned)
		str_add_c(&sql,
			"WRITE_PARTITION_COLUMNS false, PARTITION_BY (\"" PARTITION_COLUMN "\"))");
	else
		str_printf(&sql, "FILE_SIZE_BYTES %d)", FILE_TARGET_BYTES);
	if (run_copy(table, load, str_slice(&sql), err))
		return true;
	if (err->state != SQLSTATE_DISK_FULL && err->state != SQLSTATE_QUERY_CANCELED &&
		err->state != SQLSTATE_OUT_OF_MEMORY)
		job_explain_misfit(table, load, err);
	return false;
}

typedef VEC(struct slice) found_files;

/* Regular files below a folder, any depth that partitions make. */
static bool find_files(struct job *job, struct slice dir, found_files *out, struct error *err)
{
	DIR *folder = opendir(dir.ptr);
	struct dirent *entry;

	if (!folder)
		return error_set_errno(err, errno, "open folder %s", dir.ptr);
	/* The stream is ours alone. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while ((entry = readdir(folder)) != NULL) {
		struct slice path = arena_printf(job->arena, "%s/%s", dir.ptr, entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		if (entry->d_type != DT_DIR) {
			vec_push(job->arena, out, path);
		} else if (!find_files(job, path, out, err)) {
			closedir(folder);
			return false;
		}
	}
	closedir(folder);
	return true;
}

static bool hash_file(const char *path, char *hex, int64_t *bytes, struct error *err)
{
	unsigned char block[1 << 16];
	unsigned char digest[HASH_BYTES];
	crypto_generichash_state state;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got;

	*bytes = 0;
	if (fd < 0)
		return error_set_errno(err, errno, "open %s", path);
	crypto_generichash_init(&state, NULL, 0, sizeof digest);
	while ((got = read(fd, block, sizeof block)) > 0) {
		crypto_generichash_update(&state, block, (unsigned long long)got);
		*bytes += got;
	}
	bool synced = got == 0 && fsync(fd) == 0;
	int why = errno;

	close(fd);
	if (!synced)
		return error_set_errno(err, why, "read %s", path);
	crypto_generichash_final(&state, digest, sizeof digest);
	sodium_bin2hex(hex, HASH_BYTES * 2 + 1, digest, sizeof digest);
	return true;
}

enum stats_kind { STATS_NONE, STATS_NUMBER, STATS_TEXT, STATS_DATE, STATS_TIMESTAMP };

/* Only where the type is stored as it is: a UUID or a HUGEINT kept as text has another order than
 * its text. */
static enum stats_kind stats_kind(const struct job_column *column)
{
	struct slice stored = column->stored;

	static const char *const NUMBERS[] = {
		"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE"};

	if (!slice_equal(stored, column->type))
		return STATS_NONE;
	for (size_t i = 0; i < array_len(NUMBERS); i++)
		if (slice_equal_c(stored, NUMBERS[i]))
			return STATS_NUMBER;
	if (slice_starts_with(stored, SLICE("DECIMAL(")) && !slice_ends_with(stored, SLICE("]")))
		return STATS_NUMBER;
	if (slice_equal_c(stored, "VARCHAR"))
		return STATS_TEXT;
	if (slice_equal_c(stored, "DATE"))
		return STATS_DATE;
	if (slice_equal_c(stored, "TIMESTAMP") || slice_equal_c(stored, "TIMESTAMP WITH TIME ZONE"))
		return STATS_TIMESTAMP;
	return STATS_NONE;
}

/* min or max of a column as text that Delta's statistics hold (PROTOCOL.md, "Per-file Statistics").
 */
static void add_extreme(struct str *sql, const struct job_column *column, bool max)
{
	const char *function = max ? "max(" : "min(";

	if (stats_kind(column) == STATS_TIMESTAMP) {
		/* milliseconds only: the maximum is rounded up */
		str_printf(sql, "strftime(%s", function);
		str_add_sql_ident(sql, column->name);
		str_add_c(sql, max ? ") + INTERVAL 1 MILLISECOND" : ")");
		str_add_c(sql, ", '%Y-%m-%dT%H:%M:%S.%gZ')");
		return;
	}
	str_printf(sql, "CAST(%s", function);
	str_add_sql_ident(sql, column->name);
	str_add_c(sql, ") AS VARCHAR)");
}

static struct slice stats_query(struct job_table *table, struct slice path)
{
	struct str sql = str_in(table->job->arena);

	str_add_c(&sql, "SELECT count(*)");
	for (size_t i = 0; i < table->columns.len; i++) {
		const struct job_column *column = &table->columns.items[i];

		str_add_c(&sql, ", count(*) - count(");
		str_add_sql_ident(&sql, column->name);
		str_add_c(&sql, ")");
		if (stats_kind(column) == STATS_NONE) {
			str_add_c(&sql, ", NULL, NULL");
			continue;
		}
		str_add_c(&sql, ", ");
		add_extreme(&sql, column, false);
		str_add_c(&sql, ", ");
		add_extreme(&sql, column, true);
	}
	str_add_c(&sql, " FROM read_parquet(");
	str_add_sql_literal(&sql, path);
	str_add_c(&sql, ")");
	return str_slice(&sql);
}

static bool is_plain_number(struct slice text)
{
	double value;

	return slice_to_double(text, &value) && value - value == 0; /* neither NaN nor infinite */
}

/* "2024-01-31…": not infinity, not BC, not a year of five digits. */
static bool is_plain_date(struct slice text)
{
	bool ok = text.len >= 10 && text.ptr[4] == '-' && text.ptr[7] == '-';

	for (size_t i = 0; ok && i < 10; i++)
		ok = i == 4 || i == 7 || (text.ptr[i] >= '0' && text.ptr[i] <= '9');
	return ok && (text.len == 10 || text.ptr[10] == 'T');
}

static bool is_usable(const struct job_column *column, struct slice value)
{
	switch (stats_kind(column)) {
	case STATS_NONE: return false;
	case STATS_NUMBER: return is_plain_number(value);
	case STATS_TEXT: return value.len <= STATS_TEXT_BYTES;
	case STATS_DATE:
	case STATS_TIMESTAMP: return is_plain_date(value);
	}
	return false;
}

static void add_stat(struct str *json, const struct job_column *column, struct slice value)
{
	bool number = stats_kind(column) == STATS_NUMBER;

	if (slice_is_none(value) || !is_usable(column, value))
		return;
	if (json->ptr[json->len - 1] != '{')
		str_add_char(json, ',');
	str_add_json(json, column->name);
	str_add_char(json, ':');
	if (number)
		str_add(json, value);
	else
		str_add_json(json, value);
}

static bool is_struct(struct slice type)
{
	return slice_starts_with(type, SLICE("STRUCT(")) && !slice_ends_with(type, SLICE("]"));
}

/* Statistics of a file as Delta's JSON; rows out. */
static bool read_stats(struct job_table *table, struct slice path, struct slice *stats,
	int64_t *rows_out, struct error *err)
{
	scoped(engine_result_free) struct engine_result *result = NULL;
	struct arena *arena = table->job->arena;
	struct str json = str_in(arena);
	size_t rows = 0;
	static const char *const MEMBERS[] = {"minValues", "maxValues"};

	if (!engine_query(table->job->engine, stats_query(table, path), &result, err) ||
		!engine_result_next(result, &rows, err))
		return false;
	*rows_out = engine_value_i64(result, 0, 0, 0);
	str_printf(&json, "{\"numRecords\":%" PRId64, *rows_out);
	for (size_t m = 0; m < array_len(MEMBERS); m++) {
		str_printf(&json, ",\"%s\":{", MEMBERS[m]);
		for (size_t i = 0; i < table->columns.len; i++)
			add_stat(&json, &table->columns.items[i],
				engine_value_text(result, arena, 2 + m + 3 * i, 0));
		str_add_char(&json, '}');
	}
	str_add_c(&json, ",\"nullCount\":{");
	for (size_t i = 0; i < table->columns.len; i++) {
		/* A struct's counts would be an object with one per member; a number there makes
		 * delta-rs refuse the table. */
		if (is_struct(table->columns.items[i].stored))
			continue;
		str_add_c(&json, json.ptr[json.len - 1] == '{' ? "" : ",");
		str_add_json(&json, table->columns.items[i].name);
		str_printf(&json, ":%" PRId64, engine_value_i64(result, 1 + 3 * i, 0, 0));
	}
	str_add_c(&json, "}}");
	*stats = str_slice(&json);
	return true;
}

/* A value as PROTOCOL.md, "Partition Value Serialization", wants it; a timestamp in UTC. */
static void add_partition_text(struct str *sql, const struct job_table *table, struct slice name)
{
	const struct job_column *column = job_find(&table->columns, name);
	bool zoned = column && slice_equal_c(column->stored, "TIMESTAMP WITH TIME ZONE");

	str_add_c(sql, zoned ? "strftime(timezone('UTC', " : "CAST(");
	str_add_sql_ident(sql, name);
	str_add_c(sql, zoned ? "), '%Y-%m-%d %H:%M:%S.%f')" : " AS VARCHAR)");
}

/* The file's partition values, from its first row: every row has the same ones. */
static bool read_partition(
	struct job_table *table, struct slice path, json_t *entry, struct error *err)
{
	const json_t *columns = json_get_array(table->spec, "partition_by");
	json_t *values = json_object();
	size_t index;
	json_t *name;

	json_object_set_new(entry, "partition", values);
	json_array_foreach(columns, index, name)
	{
		struct str sql = str_in(table->job->arena);
		struct slice value;

		str_add_c(&sql, "SELECT ");
		add_partition_text(&sql, table, json_to_slice(name));
		str_add_c(&sql, " FROM read_parquet(");
		str_add_sql_literal(&sql, path);
		str_add_c(&sql, ") LIMIT 1");
		if (!job_value(table->job, str_slice(&sql), &value, err))
			return false;
		json_set_slice(values, json_string_value(name), value);
	}
	return true;
}

static bool take_file(struct job_table *table, struct slice written, bool only, struct error *err)
{
	size_t number = json_array_size(table->files);
	struct arena *arena = table->job->arena;
	struct slice name = arena_printf(arena, "part-%05zu.parquet", number);
	struct slice path = arena_printf(arena, "%s/%s", table->dir.ptr, name.ptr);
	char hash[HASH_BYTES * 2 + 1];
	json_t *entry = json_object();
	struct slice stats;
	int64_t bytes;
	int64_t rows;

	if (rename(written.ptr, path.ptr) != 0) {
		json_decref(entry);
		return error_set_errno(err, errno, "rename %s", written.ptr);
	}
	if (!read_stats(table, path, &stats, &rows, err) ||
		!hash_file(path.ptr, hash, &bytes, err) ||
		!read_partition(table, path, entry, err)) {
		json_decref(entry);
		return false;
	}
	if (rows == 0 && !only) {
		json_decref(entry);
		unlink(path.ptr);
		return true;
	}
	json_set_slice(
		entry, "path", arena_printf(arena, "%.*s/%s", SLICE_FMT(table->name), name.ptr));
	json_object_set_new(entry, "bytes", json_integer(bytes));
	json_object_set_new(entry, "rows", json_integer(rows));
	json_set_slice(entry, "stats", stats);
	json_set_slice(entry, "hash", arena_printf(arena, "blake2b:%s", hash));
	json_array_append_new(table->files, entry);
	table->rows += rows;
	table->bytes += bytes;
	job_progress(table->job, "write", table->name, table->rows, -1, false);
	return true;
}

static bool take_files(struct job_table *table, struct error *err)
{
	struct slice out = arena_printf(table->job->arena, "%s/out", table->dir.ptr);
	found_files files = {0};
	struct stat info;

	if (lstat(out.ptr, &info) == 0 && S_ISREG(info.st_mode))
		vec_push(table->job->arena, &files, out);
	else if (!find_files(table->job, out, &files, err))
		return false;
	for (size_t i = 0; i < files.len; i++)
		if (!take_file(table, files.items[i], files.len == 1, err))
			return false;
	return true;
}

bool job_write_table(struct job_table *table, struct load *load, struct error *err)
{
	bool partitioned = json_array_size(json_get_array(table->spec, "partition_by")) > 0;
	struct slice select;

	if (!check_drift(table, load, err))
		return false;
	for (size_t i = 0; i < table->columns.len; i++)
		table->columns.items[i].stored =
			delta_storage_type(table->job->arena, table->columns.items[i].type);
	job_progress(table->job, "write", table->name, 0, -1, true);
	if (!final_select(table, load, &select, err) ||
		!copy_out(table, load, select, partitioned, err) || !take_files(table, err))
		return false;
	job_log(table->job, "info", "%.*s: %" PRId64 " rows in %zu new files, %zu files kept",
		SLICE_FMT(table->name), table->rows, json_array_size(table->files),
		json_array_size(table->keep));
	return true;
}
