/*
 * The contract's rules over a table's files: ODCS library metrics and SQL, and what the schema
 * itself promises (required, unique, primary key). Each gives a number that an operator compares;
 * rows that break a rule are kept for the owner.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/vec.h"
#include "sql/sql.h"
#include "worker/job-private.h"

enum { KEPT_ROWS = 1000 };

/* A table of no files has its columns all the same. */
static struct slice no_rows(struct job_table *table)
{
	struct str sql = str_in(table->job->arena);

	str_add_c(&sql, "(SELECT ");
	for (size_t i = 0; i < table->columns.len; i++) {
		str_printf(&sql, "%sCAST(NULL AS %.*s) AS ", i ? ", " : "",
			SLICE_FMT(table->columns.items[i].type));
		str_add_sql_ident(&sql, table->columns.items[i].name);
	}
	str_add_c(&sql, " WHERE false)");
	return str_slice(&sql);
}

struct slice job_files_from(struct job_table *table)
{
	struct str sql = str_in(table->job->arena);
	size_t index;
	json_t *file;

	if (json_array_size(table->files) + json_array_size(table->keep) == 0)
		return no_rows(table);
	json_t *paths = json_copy(table->keep);

	json_array_foreach(table->files, index, file)
	{
		struct slice path = arena_printf(table->job->arena, "%.*s/%.*s",
			SLICE_FMT(table->job->staging), SLICE_FMT(json_get_slice(file, "path")));

		json_array_append_new(paths, json_from_slice(path));
	}
	str_add_c(&sql, "read_parquet(");
	job_add_paths(&sql, paths, NULL);
	str_add_c(&sql, ", union_by_name=true)");
	json_decref(paths);
	return str_slice(&sql);
}

/* A rule as SQL: the number it measures and, where rows can be blamed, the condition that they
 * meet. */
struct measure {
	struct slice value;
	struct slice blame; /* none = no single row is at fault */
};

static void add_texts(struct str *sql, const json_t *list)
{
	size_t index;
	json_t *item;
	bool first = true;

	json_array_foreach(list, index, item)
	{
		scoped(arena_free) struct arena *scratch = arena_new();

		if (json_is_null(item))
			continue;
		str_add_c(sql, first ? "" : ", ");
		first = false;
		str_add_sql_literal(sql,
			json_is_string(item) ? json_to_slice(item) : json_print(scratch, item));
	}
	if (first)
		str_add_c(sql, "NULL");
}

/* The condition under which a row counts for a library metric; none for those that count no rows.
 */
static struct slice row_condition(struct job *job, const json_t *rule, struct slice metric)
{
	const json_t *arguments = json_get_object(rule, "arguments");
	struct slice pattern = json_get_slice(arguments, "pattern");
	struct str column = str_in(job->arena);
	struct str sql = str_in(job->arena);

	str_add_sql_ident(&column, json_get_slice(rule, "column"));
	if (slice_equal_c(metric, "nullValues")) {
		str_printf(&sql, "%s IS NULL", column.ptr);
	} else if (slice_equal_c(metric, "missingValues")) {
		const json_t *given = json_get_array(arguments, "missingValues");

		str_printf(&sql, "(%s IS NULL OR CAST(%s AS VARCHAR) IN (", column.ptr, column.ptr);
		if (given)
			add_texts(&sql, given);
		else
			str_add_c(&sql, "''");
		str_add_c(&sql, "))");
	} else if (slice_equal_c(metric, "invalidValues")) {
		str_printf(&sql, "(%s IS NOT NULL", column.ptr);
		if (json_get_array(arguments, "validValues")) {
			str_printf(&sql, " AND CAST(%s AS VARCHAR) NOT IN (", column.ptr);
			add_texts(&sql, json_get_array(arguments, "validValues"));
			str_add_c(&sql, ")");
		}
		if (pattern.len) {
			str_printf(
				&sql, " AND NOT regexp_matches(CAST(%s AS VARCHAR), ", column.ptr);
			str_add_sql_literal(&sql, pattern);
			str_add_c(&sql, ")");
		}
		str_add_c(&sql, ")");
	} else {
		return SLICE_NONE;
	}
	return str_slice(&sql);
}

/* Columns of duplicateValues: the rule's own, or arguments.properties. */
static struct slice duplicate_columns(struct job *job, const json_t *rule)
{
	const json_t *list = json_get_array(json_get_object(rule, "arguments"), "properties");
	struct str sql = str_in(job->arena);
	size_t index;
	json_t *item;

	if (!list) {
		str_add_sql_ident(&sql, json_get_slice(rule, "column"));
		return str_slice(&sql);
	}
	json_array_foreach(list, index, item)
	{
		str_add_c(&sql, index ? ", " : "");
		str_add_sql_ident(&sql, json_to_slice(item));
	}
	return str_slice(&sql);
}

static struct measure measure_duplicates(struct job *job, struct slice from, struct slice columns)
{
	struct measure m;

	/* rows that repeat an earlier one; NULLs are no duplicates of each other */
	m.value = arena_printf(job->arena,
		"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM %.*s WHERE (%.*s) "
		"IS NOT NULL "
		"GROUP BY %.*s HAVING count(*) > 1)",
		SLICE_FMT(from), SLICE_FMT(columns), SLICE_FMT(columns));
	m.blame = arena_printf(job->arena,
		"(%.*s) IN (SELECT (%.*s) FROM %.*s WHERE (%.*s) IS NOT NULL GROUP BY %.*s HAVING "
		"count(*) > 1)",
		SLICE_FMT(columns), SLICE_FMT(columns), SLICE_FMT(from), SLICE_FMT(columns),
		SLICE_FMT(columns));
	return m;
}

/* ${object} and ${table} are the table, ${property} and ${column} the rule's column. */
static struct slice replace_names(
	struct job *job, struct slice query, struct slice table, struct slice column)
{
	static const char *const TABLE[] = {"${object}", "${table}", "{object}", "{table}"};
	static const char *const COLUMN[] = {"${property}", "${column}", "{property}", "{column}"};
	struct str quoted = str_in(job->arena);
	struct str out = str_in(job->arena);

	if (column.len)
		str_add_sql_ident(&quoted, column);
	for (size_t at = 0; at < query.len;) {
		struct slice rest = slice_sub(query, at, query.len);
		size_t used = 0;

		for (size_t i = 0; i < array_len(TABLE) && !used; i++) {
			if (slice_starts_with(rest, slice_from_c(TABLE[i]))) {
				str_add(&out, table);
				used = strlen(TABLE[i]);
			} else if (slice_starts_with(rest, slice_from_c(COLUMN[i]))) {
				str_add(&out, str_slice(&quoted));
				used = strlen(COLUMN[i]);
			}
		}
		if (!used)
			str_add_char(&out, query.ptr[at]);
		at += used ? used : 1;
	}
	return str_slice(&out);
}

/*
 * A rule's SQL is its author's, and the job can open more than the author may see (the inputs of a
 * transform, rows hidden from the team included): it passes the gate that every statement passes,
 * and may name nothing but its own table.
 */
static bool inspect_rule(struct job_table *table, struct slice sql, struct error *err)
{
	struct job *job = table->job;
	struct str ask = str_in(job->arena);
	struct sql_facts facts;
	struct slice ast;

	str_add_c(&ask, "SELECT json_serialize_sql(");
	str_add_sql_literal(&ask, sql);
	str_add_c(&ask, ")");
	if (!sql_check_text(sql, err) || !job_value(job, str_slice(&ask), &ast, err) ||
		!sql_inspect(job->arena, ast, sql, &facts, err))
		return false;
	if (facts.catalogue)
		return error_set(err, FEATURE_NOT_SUPPORTED, "a rule does not read the catalogue");
	for (size_t i = 0; i < facts.table_count; i++) {
		const struct sql_table *t = &facts.tables[i];

		if (slice_is_none(t->catalog) && slice_is_none(t->schema) && t->at == SQL_AT_NONE &&
			slice_equal_nocase(t->name, table->name))
			continue;
		error_set(err, UNDEFINED_TABLE, "a rule reads its own table only, not \"%.*s\"",
			SLICE_FMT(t->name));
		return error_hint(err, "write ${object} for the table");
	}
	return true;
}

static bool measure_rule(struct job_table *table, struct slice from, const json_t *rule,
	struct measure *out, struct error *err)
{
	struct job *job = table->job;
	struct slice metric = json_get_slice(rule, "metric");
	struct slice condition;

	*out = (struct measure){.value = SLICE_NONE, .blame = SLICE_NONE};
	if (slice_equal_c(json_get_slice(rule, "type"), "sql")) {
		struct str name = str_in(job->arena);

		str_add_sql_ident(&name, table->name);
		out->value = replace_names(job, json_get_slice(rule, "query"), str_slice(&name),
			json_get_slice(rule, "column"));
		return inspect_rule(table, out->value, err);
	} else if (slice_equal_c(metric, "rowCount")) {
		out->value = arena_printf(job->arena, "SELECT count(*) FROM %.*s", SLICE_FMT(from));
	} else if (slice_equal_c(metric, "duplicateValues")) {
		*out = measure_duplicates(job, from, duplicate_columns(job, rule));
	} else {
		condition = row_condition(job, rule, metric);
		if (slice_is_none(condition))
			return error_set(err, FEATURE_NOT_SUPPORTED, "metric \"%.*s\" is not known",
				SLICE_FMT(metric));
		out->value = arena_printf(job->arena, "SELECT count(*) FROM %.*s WHERE %.*s",
			SLICE_FMT(from), SLICE_FMT(condition));
		out->blame = condition;
	}
	return true;
}

static bool holds(const json_t *rule, double value)
{
	struct slice operator_ = json_get_slice(rule, "operator");
	double low = json_number_value(json_object_get(rule, "value"));
	double high = json_number_value(json_object_get(rule, "value_high"));
	const struct {
		const char *name;
		bool holds;
	} OPERATORS[] = {
		{"mustBe", value == low},
		{"mustNotBe", value != low},
		{"mustBeGreaterThan", value > low},
		{"mustBeGreaterOrEqualTo", value >= low},
		{"mustBeLessThan", value < low},
		{"mustBeLessOrEqualTo", value <= low},
		{"mustBeBetween", value >= low && value <= high},
		{"mustNotBeBetween", value < low || value > high},
	};

	for (size_t i = 0; i < array_len(OPERATORS); i++)
		if (slice_equal_c(operator_, OPERATORS[i].name))
			return OPERATORS[i].holds;
	return false;
}

/* Keeps rows that broke a rule; a failure to do so is logged and costs nothing else. */
static void keep_rows(
	struct job_table *table, struct slice from, struct slice blame, json_t *result)
{
	struct job *job = table->job;
	struct slice dir = arena_printf(job->arena, "%.*s/failed", SLICE_FMT(job->staging));
	int64_t id = json_get_i64(result, "id", -1);
	struct slice name =
		arena_printf(job->arena, "failed/%.*s-%.*s.parquet", SLICE_FMT(table->name),
			SLICE_FMT(id < 0 ? json_get_slice(result, "name")
					 : arena_printf(job->arena, "%" PRId64, id)));
	struct str sql = str_in(job->arena);
	struct slice clean = arena_copy(job->arena, name);
	struct error err;
	struct slice count;
	char *text = arena_cstr(job->arena, clean);

	for (size_t i = sizeof "failed/" - 1; text[i]; i++)
		if (text[i] == '/' || text[i] == '\'')
			text[i] = '_';
	if (mkdir(dir.ptr, 0750) != 0 && errno != EEXIST) {
		job_log(job, "warn", "failing rows of %s could not be kept", table->name.ptr);
		return;
	}
	str_printf(&sql, "COPY (SELECT %" PRId64 "::BIGINT AS failed_run, ",
		json_get_i64(job->spec, "run", 0));
	str_add_sql_literal(&sql, json_get_slice(result, "name"));
	str_printf(&sql, "::VARCHAR AS failed_check, * FROM %.*s WHERE %.*s LIMIT %d) TO ",
		SLICE_FMT(from), SLICE_FMT(blame), KEPT_ROWS);
	str_add_sql_literal(
		&sql, arena_printf(job->arena, "%.*s/%s", SLICE_FMT(job->staging), text));
	str_add_c(&sql, " (FORMAT parquet, COMPRESSION zstd)");
	if (!engine_run(job->engine, str_slice(&sql), &err) ||
		!job_value(job,
			arena_printf(job->arena, "SELECT count(*) FROM read_parquet('%.*s/%s')",
				SLICE_FMT(job->staging), text),
			&count, &err)) {
		job_log(job, "warn", "failing rows could not be kept: %s", err.msg);
		return;
	}
	int64_t rows = 0;

	if (!slice_to_i64(count, &rows))
		rows = 0;
	json_set_slice(result, "failing_file", slice_from_c(text));
	json_object_set_new(result, "failing_rows", json_integer(rows));
}

static void describe_result(struct job *job, const json_t *rule, json_t *result, double value)
{
	struct slice operator_ = json_get_slice(rule, "operator");
	double low = json_number_value(json_object_get(rule, "value"));
	double high = json_number_value(json_object_get(rule, "value_high"));
	const char *unit = json_get_bool(rule, "percent", false) ? " %" : "";
	bool range = slice_ends_with(operator_, SLICE("Between"));
	struct slice limit = range ? arena_printf(job->arena, "%.15g and %.15g", low, high)
				   : arena_printf(job->arena, "%.15g", low);

	json_set_slice(result, "message",
		arena_printf(job->arena, "%.15g%s, %.*s %.*s", value, unit, SLICE_FMT(operator_),
			SLICE_FMT(limit)));
}

static bool run_rule(struct job_table *table, struct slice from, const json_t *rule, json_t *result,
	struct error *err)
{
	struct job *job = table->job;
	struct measure measure;
	struct slice text;
	double value;

	if (!measure_rule(table, from, rule, &measure, err) ||
		!job_value(job, measure.value, &text, err))
		return false;
	if (slice_is_none(text))
		text = SLICE("0");
	if (slice_equal_c(text, "true") || slice_equal_c(text, "t"))
		text = SLICE("1");
	else if (slice_equal_c(text, "false") || slice_equal_c(text, "f"))
		text = SLICE("0");
	if (!slice_to_double(text, &value))
		return error_set(err, DATATYPE_MISMATCH,
			"the rule's query gives \"%.*s\", not a number", SLICE_FMT(text));
	if (json_get_bool(rule, "percent", false))
		value = table->rows ? 100.0 * value / (double)table->rows : 0;
	bool ok = holds(rule, value);

	json_object_set_new(result, "ok", json_boolean(ok));
	json_object_set_new(result, "value", isfinite(value) ? json_real(value) : json_null());
	describe_result(job, rule, result, value);
	if (!ok && !slice_is_none(measure.blame))
		keep_rows(table, from, measure.blame, result);
	return true;
}

static void check_rule(struct job_table *table, struct slice from, const json_t *rule, json_t *out)
{
	json_t *result = json_object();
	struct error err;

	json_object_set(result, "id", json_object_get(rule, "id"));
	json_object_set(result, "name", json_object_get(rule, "name"));
	json_object_set(result, "severity", json_object_get(rule, "severity"));
	json_object_set_new(result, "failing_rows", json_integer(0));
	json_object_set_new(result, "failing_file", json_null());
	if (!run_rule(table, from, rule, result, &err)) {
		json_object_set_new(result, "ok", json_false());
		json_object_set_new(result, "value", json_null());
		json_set_slice(result, "message",
			arena_printf(table->job->arena, "could not be computed: %s", err.msg));
	}
	json_array_append_new(out, result);
}

/* A promise of the schema as a rule. */
static json_t *promise(
	struct arena *arena, const char *what, const char *metric, struct slice column)
{
	json_t *rule = json_object();

	json_object_set_new(rule, "id", json_null());
	json_set_slice(rule, "name", arena_printf(arena, "%s-%.*s", what, SLICE_FMT(column)));
	json_set_slice(rule, "type", SLICE("library"));
	json_set_slice(rule, "metric", slice_from_c(metric));
	json_set_slice(rule, "column", column);
	json_set_slice(rule, "operator", SLICE("mustBe"));
	json_object_set_new(rule, "value", json_integer(0));
	json_set_slice(rule, "severity", SLICE("error"));
	return rule;
}

static void check_promises(struct job_table *table, struct slice from, json_t *out)
{
	struct arena *arena = table->job->arena;
	json_t *key = json_array();

	for (size_t i = 0; i < table->columns.len; i++) {
		const struct job_column *column = &table->columns.items[i];

		if (column->required || column->key) {
			scoped(json_drop) json_t *rule =
				promise(arena, "required", "nullValues", column->name);
			check_rule(table, from, rule, out);
		}
		if (column->unique) {
			scoped(json_drop) json_t *rule =
				promise(arena, "unique", "duplicateValues", column->name);
			check_rule(table, from, rule, out);
		}
		if (column->key)
			json_array_append_new(key, json_from_slice(column->name));
	}
	if (json_array_size(key)) {
		scoped(json_drop) json_t *rule =
			promise(arena, "primary-key", "duplicateValues", table->name);
		json_t *arguments = json_object();

		json_object_set(arguments, "properties", key);
		json_object_set_new(rule, "arguments", arguments);
		check_rule(table, from, rule, out);
	}
	json_decref(key);
}

bool job_check_table(struct job_table *table, json_t **out, struct error *err)
{
	json_t *results = json_array();
	size_t index;
	json_t *rule;
	struct str view = str_in(table->job->arena);
	struct str drop = str_in(table->job->arena);
	struct slice from = job_files_from(table);

	/* rules may name the table by its name as well */
	str_add_c(&view, "CREATE OR REPLACE TEMP VIEW ");
	str_add_sql_ident(&view, table->name);
	str_printf(&view, " AS SELECT * FROM %.*s", SLICE_FMT(from));
	if (!engine_run(table->job->engine, str_slice(&view), err)) {
		json_decref(results);
		return false;
	}
	check_promises(table, from, results);
	json_array_foreach(json_get_array(table->spec, "checks"), index, rule)
		check_rule(table, from, rule, results);
	/* A temporary name comes before all others: a transform of this table must see its
	 * governed relation. */
	str_add_c(&drop, "DROP VIEW temp.main.");
	str_add_sql_ident(&drop, table->name);
	if (!engine_run(table->job->engine, str_slice(&drop), err)) {
		json_decref(results);
		return false;
	}
	*out = results;
	return true;
}
