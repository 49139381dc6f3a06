/*
 * From a source to a relation that can stand in FROM. Files are read by DuckDB's readers with every
 * column as text (JSON: nested ones as JSON), so that one place casts to the contract's types and
 * can name column and row of a value that does not fit; databases are copied into a temporary table
 * by their connector.
 */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/vec.h"
#include "connect/connect.h"
#include "worker/job-private.h"

static struct slice setting(const json_t *source, const char *name)
{
	return json_get_slice(json_get_object(source, "settings"), name);
}

static bool is_database(const json_t *source)
{
	return slice_equal_c(json_get_slice(source, "connector"), "postgres");
}

bool job_source_is_remote(const json_t *source)
{
	return is_database(source) || setting(source, "url").len > 0;
}

/* The object of the entry, or the source's own path; of a remote one the certificates it trusts. */
static struct slice source_path(const json_t *source)
{
	struct slice object = json_get_slice(source, "object");
	struct slice path = setting(source, "path");

	if (job_source_is_remote(source))
		return setting(source, "sslrootcert");
	return slice_equal_c(json_get_slice(source, "connector"), "sqlite") || object.len == 0
		       ? path
		       : object;
}

/* The folder before the first wildcard, or the file itself. */
static struct slice fixed_part(struct arena *arena, struct slice path)
{
	size_t wild = 0;

	while (wild < path.len && !strchr("*?[", path.ptr[wild]))
		wild++;
	if (wild == path.len)
		return path;
	while (wild > 0 && path.ptr[wild - 1] != '/')
		wild--;
	return arena_copy(arena, slice_sub(path, 0, wild > 1 ? wild - 1 : wild));
}

static bool lies_below(struct slice path, struct slice dir)
{
	return slice_starts_with(path, dir) &&
	       (path.len == dir.len || dir.len == 1 || path.ptr[dir.len] == '/');
}

/* Absolute path of the source's file or glob: relative ones are taken from the first source folder.
 */
static struct slice absolute(struct job *job, struct slice path)
{
	struct slice first =
		json_to_slice(json_array_get(json_get_array(job->spec, "source_dirs"), 0));

	if (path.len && path.ptr[0] == '/')
		return path;
	return arena_printf(job->arena, "%.*s/%.*s", SLICE_FMT(first), SLICE_FMT(path));
}

/* What SQLite keeps beside its file while a program writes. */
static const char *const BESIDE[] = {"-wal", "-shm", "-journal"};

static void add_beside(struct job *job, const json_t *source, const char *real, const char *suffix,
	struct slice *paths, size_t *count)
{
	struct slice path = arena_printf(job->arena, "%s%s", real, suffix);
	struct stat info;

	if (slice_equal_c(json_get_slice(source, "connector"), "sqlite") &&
		lstat(path.ptr, &info) == 0 && S_ISREG(info.st_mode))
		paths[(*count)++] = path;
}

/* A pipe or a device is no table: reading it may never end. */
static bool refuse_special(struct job *job, struct slice path, struct error *err)
{
	glob_t found;
	struct stat info;
	bool ok = true;
	/* No locale is ever changed. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	if (glob(arena_cstr(job->arena, absolute(job, path)), 0, NULL, &found) != 0)
		return true; /* the reader says why there is none */
	for (size_t i = 0; i < found.gl_pathc && ok; i++)
		if (stat(found.gl_pathv[i], &info) == 0 && !S_ISREG(info.st_mode) &&
			!S_ISDIR(info.st_mode))
			ok = error_set(err, UNDEFINED_FILE,
				"the source's %.*s is a pipe or a device, not a file",
				SLICE_FMT(path));
	globfree(&found);
	return ok || error_hint(err, "write what it gives into a file, then name the file");
}

bool job_source_paths(struct job *job, const json_t *source, struct slice **paths, size_t *count,
	struct error *err)
{
	struct slice path = source_path(source);
	char real[PATH_MAX];
	char dir[PATH_MAX];
	size_t index;
	json_t *allowed;

	*count = 0;
	if (path.len == 0 && job_source_is_remote(source))
		return true;
	struct slice wanted = fixed_part(job->arena, absolute(job, path));

	if (!realpath(arena_cstr(job->arena, wanted), real)) {
		error_set(err, UNDEFINED_FILE, "the source's %.*s cannot be read: %s",
			SLICE_FMT(path), errno == ENOENT ? "there is no such file" : "no access");
		return error_hint(err,
			"check the path; relative ones are taken from the first of sources.dirs");
	}
	json_array_foreach(json_get_array(job->spec, "source_dirs"), index, allowed)
	{
		if (realpath(json_string_value(allowed), dir) &&
			lies_below(slice_from_c(real), slice_from_c(dir))) {
			*paths = arena_array_of(job->arena, struct slice, 1 + array_len(BESIDE));
			(*paths)[(*count)++] = arena_copy(job->arena, slice_from_c(real));
			for (size_t i = 0; i < array_len(BESIDE); i++)
				add_beside(job, source, real, BESIDE[i], *paths, count);
			return refuse_special(job, path, err);
		}
	}
	error_set(err, INSUFFICIENT_PRIVILEGE,
		"the source's %.*s lies outside the folders for sources", SLICE_FMT(path));
	return error_hint(err, "move it below one of sources.dirs, or ask the node's administrator "
			       "to add its folder");
}

static void add_option(struct str *sql, const json_t *source, const char *name, const char *option)
{
	struct slice value = setting(source, name);

	if (slice_is_none(value))
		return;
	str_printf(sql, ", %s=", option);
	str_add_sql_literal(sql, value);
}

/* Delimiter, quote and what else makes a file one of these. */
static void add_dialect(struct str *sql, const json_t *source, struct slice path)
{
	bool tab = slice_ends_with(path, SLICE(".tsv")) || slice_ends_with(path, SLICE(".tsv.gz"));

	str_add_c(sql, ", skip=0, comment='', header=");
	str_add_c(sql, slice_equal_c(setting(source, "header"), "false") ? "false" : "true");
	if (slice_is_none(setting(source, "delimiter")))
		str_add_c(sql, tab ? ", delim='\\t'" : ", delim=','");
	add_option(sql, source, "delimiter", "delim");
	if (slice_is_none(setting(source, "quote")))
		str_add_c(sql, ", quote='\"', escape='\"'");
	add_option(sql, source, "quote", "quote");
	add_option(sql, source, "null", "nullstr");
}

static struct slice csv_from(struct job *job, const json_t *source, struct slice path)
{
	struct str sql = str_in(job->arena);

	str_add_c(&sql, "read_csv(");
	str_add_sql_literal(&sql, path);
	str_add_c(&sql, ", all_varchar=true, union_by_name=true");
	add_dialect(&sql, source, path);
	str_add_c(&sql, ")");
	return str_slice(&sql);
}

/* The file's first line, whole. */
static bool first_line(struct job *job, struct slice path, struct slice *out)
{
	struct str sql = str_in(job->arena);
	struct error ignored;

	str_add_c(&sql, "SELECT line FROM read_csv(");
	str_add_sql_literal(&sql, path);
	str_add_c(&sql, ", auto_detect=false, columns={'line':'VARCHAR'}, delim='\001', quote='', "
			"escape='', header=false) LIMIT 1");
	return job_value(job, str_slice(&sql), out, &ignored) && !slice_is_none(*out);
}

/*
 * DuckDB finds names and widths by trying, and says of a file that has a bad row only that nothing
 * fits. Read again with the width of the first line, the row that differs is named.
 */
static void explain_csv(struct job *job, const json_t *source, struct slice path, struct error *err)
{
	struct slice delimiter = setting(source, "delimiter");
	bool tab = strstr(path.ptr, ".tsv") != NULL;
	char separator = (char)(tab ? '\t' : ',');

	if (delimiter.len)
		separator = delimiter.ptr[0];
	struct str sql = str_in(job->arena);
	struct slice line;
	struct slice ignored;
	struct error found;
	bool quoted = false;
	int width = 1;

	if (!first_line(job, path, &line))
		return;
	str_add_c(&sql, "SELECT count(*) FROM read_csv(");
	str_add_sql_literal(&sql, path);
	str_add_c(&sql, ", auto_detect=false, columns={'1':'VARCHAR'");
	for (size_t i = 0; i < line.len; i++) {
		quoted ^= line.ptr[i] == '"';
		if (line.ptr[i] == separator && !quoted)
			str_printf(&sql, ",'%d':'VARCHAR'", ++width);
	}
	str_add_c(&sql, "}");
	add_dialect(&sql, source, path);
	str_add_c(&sql, ")");
	if (!job_value(job, str_slice(&sql), &ignored, &found))
		*err = found;
}

/* Scalars as text keep their digits ("89.40" is no double on the way); the rest as JSON. */
static bool json_from(struct job_table *table, const json_t *source, struct slice path,
	struct slice *out, struct error *err)
{
	struct job *job = table->job;
	struct str reader = str_in(job->arena);
	struct str sql = str_in(job->arena);
	struct job_columns found = {0};
	struct slice format = setting(source, "format");

	str_add_c(&reader, "read_json(");
	str_add_sql_literal(&reader, path);
	str_printf(&reader, ", format='%.*s', union_by_name=true",
		SLICE_FMT(slice_is_none(format) ? SLICE("auto") : format));
	if (!job_describe(job,
		    arena_printf(job->arena, "%s, sample_size=20000)", str_slice(&reader).ptr),
		    &found, err))
		return false;
	str_add(&sql, str_slice(&reader));
	str_add_c(&sql, ", columns={");
	for (size_t i = 0; i < found.len; i++) {
		struct slice type = found.items[i].type;
		bool nested = slice_ends_with(type, SLICE("]")) ||
			      slice_starts_with(type, SLICE("STRUCT")) ||
			      slice_starts_with(type, SLICE("MAP")) || slice_equal_c(type, "JSON");

		str_add_c(&sql, i ? "," : "");
		str_add_sql_ident(&sql, found.items[i].name);
		str_add_c(&sql, nested ? ":'JSON'" : ":'VARCHAR'");
	}
	str_add_c(&sql, "})");
	*out = str_slice(&sql);
	return true;
}

static bool file_from(struct job_table *table, const json_t *source, struct slice path,
	struct slice *out, struct error *err)
{
	struct slice connector = json_get_slice(source, "connector");
	struct str sql = str_in(table->job->arena);

	if (slice_equal_c(connector, "json"))
		return json_from(table, source, path, out, err);
	if (slice_equal_c(connector, "csv")) {
		*out = csv_from(table->job, source, path);
		return true;
	}
	str_add_c(&sql, "read_parquet(");
	str_add_sql_literal(&sql, path);
	str_add_c(&sql, ", union_by_name=true)");
	*out = str_slice(&sql);
	return true;
}

static void on_progress(void *ctx, int64_t rows, int64_t total)
{
	struct job_table *table = ctx;

	job_progress(table->job, "extract", table->name, rows, total, false);
}

/* Databases: the connector fills temp table "load". */
static bool copy_database(
	struct job_table *table, const json_t *source, struct load *out, struct error *err)
{
	struct slice path = source_path(source);
	struct connect_request request = {
		.arena = table->job->arena,
		.engine = table->job->engine,
		.source = source,
		.path = path.len ? absolute(table->job, path) : SLICE_NONE,
		.cursor = json_get_slice(json_get_object(table->spec, "cursor"), "column"),
		.cursor_value = json_get_slice(json_get_object(table->spec, "cursor"), "value"),
		.cursor_again = job_has_key(table),
		.columns = json_get_array(table->spec, "columns"),
		.only_columns = slice_equal_c(json_get_slice(table->spec, "drift"), "ignore"),
		.target = arena_printf(table->job->arena, "load_%.*s", SLICE_FMT(table->name)),
		.progress = on_progress,
		.ctx = table,
	};
	bool done = is_database(source) ? connect_postgres(&request, err)
					: connect_sqlite(&request, err);

	if (!done)
		return false;
	struct str from = str_in(table->job->arena);

	str_add_sql_ident(&from, request.target);
	out->from = str_slice(&from);
	return job_describe(table->job, out->from, &out->columns, err);
}

/* The type whose order the cursor has: the source's own where it has one, else the contract's. A
 * contract may keep numbers as text, and 9 comes behind 10 there. */
static struct slice cursor_type(const struct job_table *table, const struct load *load)
{
	struct slice name = json_get_slice(json_get_object(table->spec, "cursor"), "column");
	const struct job_column *wanted = job_find(&table->columns, name);
	const struct job_column *found = job_find(&load->columns, name);

	if (!wanted || !found)
		return SLICE_NONE;
	return slice_equal_c(found->type, "VARCHAR") ? wanted->type : found->type;
}

/*
 * Only rows behind the last cursor value. With a key, rows of that very value are read again, since
 * others of the same moment may have come since, and so are those without a value; the merge makes
 * that harmless.
 */
static void add_cursor(struct job_table *table, struct load *load)
{
	const json_t *cursor = json_get_object(table->spec, "cursor");
	struct slice value = json_get_slice(cursor, "value");
	struct slice type = cursor_type(table, load);
	struct str column = str_in(table->job->arena);
	struct str condition = str_in(table->job->arena);

	if (slice_is_none(value) || slice_is_none(type))
		return;
	str_add_sql_ident(&column, json_get_slice(cursor, "column"));
	str_printf(&condition, " WHERE CAST(%s AS %.*s) %s CAST(", column.ptr, SLICE_FMT(type),
		job_has_key(table) ? ">=" : ">");
	str_add_sql_literal(&condition, value);
	str_printf(&condition, " AS %.*s)", SLICE_FMT(type));
	if (job_has_key(table))
		str_printf(&condition, " OR %s IS NULL", column.ptr);
	load->from = arena_printf(table->job->arena, "(SELECT * FROM %.*s%s) AS load",
		SLICE_FMT(load->from), condition.ptr);
}

static bool has_infinity(struct slice type)
{
	static const char *const TYPES[] = {
		"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "FLOAT", "DOUBLE"};

	for (size_t i = 0; i < array_len(TYPES); i++)
		if (slice_equal_c(type, TYPES[i]))
			return true;
	return false;
}

/* Rows that a later run would never find again. */
static bool warn_of_nulls(
	struct job_table *table, const struct load *load, const char *column, struct error *err)
{
	struct slice count;

	if (job_has_key(table))
		return true;
	if (!job_value(table->job,
		    arena_printf(table->job->arena,
			    "SELECT nullif(count(*) - count(%s), 0) FROM %.*s", column,
			    SLICE_FMT(load->from)),
		    &count, err))
		return false;
	if (!slice_is_none(count))
		job_log(table->job, "warn",
			"%.*s rows have no value in the cursor column %s; such rows are read by "
			"the first run only, unless the table has a primary key",
			SLICE_FMT(count), column);
	return true;
}

/* The highest cursor value of what was loaded, infinity left out: nothing would ever come behind
 * it. The last one stays when nothing new came. */
static bool read_cursor(struct job_table *table, struct load *load, struct error *err)
{
	const json_t *cursor = json_get_object(table->spec, "cursor");
	struct slice name = json_get_slice(cursor, "column");
	struct slice type = cursor_type(table, load);
	struct str column = str_in(table->job->arena);
	struct str sql = str_in(table->job->arena);

	if (slice_is_none(name))
		return true;
	if (slice_is_none(type))
		return error_set(err, UNDEFINED_COLUMN, "the cursor column \"%.*s\" is not there",
			       SLICE_FMT(name)) ||
		       error_hint(err, "cursor names a column of the source and of the contract");
	str_add_sql_ident(&column, name);
	str_printf(&sql, "SELECT CAST(max(CAST(%s AS %.*s))", column.ptr, SLICE_FMT(type));
	if (has_infinity(type))
		str_printf(&sql, " FILTER (WHERE isfinite(CAST(%s AS %.*s)))", column.ptr,
			SLICE_FMT(type));
	str_printf(&sql, " AS VARCHAR) FROM %.*s", SLICE_FMT(load->from));
	if (!job_value(table->job, str_slice(&sql), &load->cursor, err)) {
		job_explain_misfit(table, load, err);
		return false;
	}
	if (slice_is_none(load->cursor))
		load->cursor = json_get_slice(cursor, "value");
	return warn_of_nulls(table, load, column.ptr, err);
}

static bool local_file(
	struct job_table *table, const json_t *source, struct slice *path, struct error *err)
{
	struct slice certificates = source_path(source);
	struct job_fetch fetch = {.source = source,
		.name = table->name,
		.certificates = certificates.len ? absolute(table->job, certificates) : SLICE_NONE,
		.progress = on_progress,
		.ctx = table};

	if (!job_source_is_remote(source)) {
		*path = absolute(table->job, source_path(source));
		return true;
	}
	job_progress(table->job, "download", table->name, 0, -1, true);
	return job_fetch(table->job, &fetch, path, err);
}

/* How a person knows the source. */
static struct slice shown_source(struct job *job, const json_t *source)
{
	struct slice url = setting(source, "url");

	return url.len ? connect_shown_url(job->arena, url) : source_path(source);
}

static bool open_file(
	struct job_table *table, const json_t *source, struct load *out, struct error *err)
{
	struct slice connector = json_get_slice(source, "connector");
	struct slice path;

	if (!local_file(table, source, &path, err))
		return false;
	if (!slice_equal_c(connector, "parquet") &&
		!job_check_text(table->job, path, slice_equal_c(connector, "json"), err))
		return error_wrap(err, "source %.*s", SLICE_FMT(shown_source(table->job, source)));
	if (!file_from(table, source, path, &out->from, err) ||
		!job_describe(table->job, out->from, &out->columns, err)) {
		if (slice_equal_c(connector, "csv"))
			explain_csv(table->job, source, path, err);
		return error_wrap(err, "source %.*s", SLICE_FMT(shown_source(table->job, source)));
	}
	out->date_format = setting(source, "dateFormat");
	out->timestamp_format = setting(source, "timestampFormat");
	out->located = arena_printf(table->job->arena, "%.*s, filename='" JOB_FILE_COLUMN "')",
		SLICE_FMT(slice_sub(out->from, 0, out->from.len - 1)));
	return true;
}

bool job_open_source(struct job_table *table, struct load *out, struct error *err)
{
	const json_t *source = json_get_object(table->spec, "source");
	bool sqlite = slice_equal_c(json_get_slice(source, "connector"), "sqlite");
	bool opened = is_database(source) || sqlite ? copy_database(table, source, out, err)
						    : open_file(table, source, out, err);

	if (!opened)
		return false;
	if (!is_database(source))
		add_cursor(table, out); /* SQLite would compare texts, not moments */
	return read_cursor(table, out, err);
}
