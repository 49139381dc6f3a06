/*
 * What is said of a file that was just written: its hash, and the rows, statistics and partition
 * values that Delta's log holds of it. Read back from the file itself, so that they describe what
 * lies on the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <unistd.h>

#include "worker/job-private.h"

enum {
	STATS_TEXT_BYTES = 64, /* longer extremes are left out: a cut one would be a wrong one */
	HASH_BYTES = 32,
};

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

bool job_describe_file(struct job_table *table, struct slice path, json_t *entry, struct error *err)
{
	char hash[HASH_BYTES * 2 + 1];
	struct slice stats;
	int64_t bytes;
	int64_t rows;

	if (!read_stats(table, path, &stats, &rows, err) ||
		!hash_file(path.ptr, hash, &bytes, err) || !read_partition(table, path, entry, err))
		return false;
	json_object_set_new(entry, "bytes", json_integer(bytes));
	json_object_set_new(entry, "rows", json_integer(rows));
	json_set_slice(entry, "stats", stats);
	json_set_slice(entry, "hash", arena_printf(table->job->arena, "blake2b:%s", hash));
	return true;
}
