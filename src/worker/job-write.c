/*
 * From a load to the table's new files: drift, casts to the contract's types, merge with the last
 * version, Parquet. Nothing outside the staging folder is touched; what stays of the last version
 * is only named.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"
#include "delta/delta.h"
#include "worker/job-private.h"

enum { FILE_TARGET_BYTES = 128 << 20 };

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

static void keep_file(struct job_table *table, const json_t *file)
{
	json_array_append(table->keep, json_object_get(file, "path"));
	table->rows += json_get_i64(file, "rows", 0);
}

void job_keep_previous(struct job_table *table)
{
	size_t index;
	json_t *file;

	json_array_foreach(json_get_array(table->spec, "previous"), index, file)
		keep_file(table, file);
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
		keep_file(table, file);
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
		job_keep_previous(table);
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

/* Gives a written file its name; one without rows goes, unless it is the only one. */
static bool take_file(struct job_table *table, struct slice written, bool only, struct error *err)
{
	struct arena *arena = table->job->arena;
	struct slice name =
		arena_printf(arena, "part-%05zu.parquet", json_array_size(table->files));
	struct slice path = arena_printf(arena, "%s/%s", table->dir.ptr, name.ptr);
	scoped(json_drop) json_t *entry = json_object();

	if (rename(written.ptr, path.ptr) != 0)
		return error_set_errno(err, errno, "rename %s", written.ptr);
	json_set_slice(
		entry, "path", arena_printf(arena, "%.*s/%s", SLICE_FMT(table->name), name.ptr));
	if (!job_describe_file(table, path, entry, err))
		return false;
	if (json_get_i64(entry, "rows", 0) == 0 && !only) {
		unlink(path.ptr);
		return true;
	}
	json_array_append(table->files, entry);
	table->rows += json_get_i64(entry, "rows", 0);
	table->bytes += json_get_i64(entry, "bytes", 0);
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
