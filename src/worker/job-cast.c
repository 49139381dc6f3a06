/*
 * From what a source delivers to the contract's types, without loss: a value that does not fit, and
 * digits that a cast would drop without a word, end the job with column, row, file and value named.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "worker/job-private.h"

static bool is_one_of(struct slice type, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal_c(type, names[i]))
			return true;
	return false;
}

/* Digits behind the point that the type keeps; -1 for types that are no exact numbers. */
static int digits_kept(struct slice type)
{
	static const char *const WHOLE[] = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
		"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"};
	size_t comma = slice_find(type, SLICE(","), 0);

	if (is_one_of(type, WHOLE, array_len(WHOLE)))
		return 0;
	if (!slice_starts_with(type, SLICE("DECIMAL(")) || slice_ends_with(type, SLICE("]")) ||
		comma == SIZE_MAX)
		return -1;
	int64_t scale;

	return slice_to_i64(slice_sub(type, comma + 1, type.len - 1), &scale) ? (int)scale : -1;
}

/* The condition under which CAST(value AS target) would drop digits; none = it cannot. value is
 * SQL. */
static struct slice drops_digits(
	struct arena *arena, struct slice value, struct slice from, struct slice target)
{
	static const char *const REAL[] = {"FLOAT", "DOUBLE"};
	int kept = digits_kept(target);

	if (kept < 0)
		return SLICE_NONE;
	if (slice_equal_c(from, "VARCHAR"))
		return arena_printf(arena,
			"(length(rtrim(split_part(%.*s, '.', 2), '0 ')) > %d AND NOT "
			"contains(lower(%.*s), 'e'))",
			SLICE_FMT(value), kept, SLICE_FMT(value));
	if (kept == 0 && is_one_of(from, REAL, array_len(REAL)))
		return arena_printf(
			arena, "(%.*s <> trunc(%.*s))", SLICE_FMT(value), SLICE_FMT(value));
	if (digits_kept(from) > kept)
		return arena_printf(arena, "(%.*s <> TRY_CAST(%.*s AS %.*s))", SLICE_FMT(value),
			SLICE_FMT(value), SLICE_FMT(target));
	return SLICE_NONE;
}

static struct slice quoted(struct arena *arena, struct slice name)
{
	struct str out = str_in(arena);

	str_add_sql_ident(&out, name);
	return str_slice(&out);
}

/* value is SQL. attempt: "TRY_" or "". Dates in a form of the source's own are read by it alone. */
static void add_typed(struct str *sql, const struct load *load, const struct job_column *column,
	struct slice value, const char *attempt)
{
	const struct job_column *from = job_find(&load->columns, column->name);
	struct slice format = SLICE_NONE;

	if (from && slice_equal_c(from->type, "VARCHAR")) {
		if (slice_equal_c(column->type, "DATE"))
			format = load->date_format;
		else if (slice_starts_with(column->type, SLICE("TIMESTAMP")) &&
			 !slice_ends_with(column->type, SLICE("]")))
			format = load->timestamp_format;
	}
	str_printf(sql, "%sCAST(", attempt);
	if (format.len) {
		str_printf(sql, "%sstrptime(%.*s, ", *attempt ? "try_" : "", SLICE_FMT(value));
		str_add_sql_literal(sql, format);
		str_add_c(sql, ")");
	} else {
		str_add(sql, value);
	}
	str_printf(sql, " AS %.*s)", SLICE_FMT(column->type));
}

void job_add_cast(struct str *sql, const struct load *load, const struct job_column *column)
{
	const struct job_column *from = job_find(&load->columns, column->name);
	struct slice name = quoted(sql->arena, column->name);
	/* A transform's author writes the expression, and so its rounding. */
	struct slice loss = from && !load->in_session
				    ? drops_digits(sql->arena, name, from->type, column->type)
				    : SLICE_NONE;

	if (loss.len)
		str_printf(sql, "CASE WHEN %.*s THEN error('digits lost: ' || %.*s::VARCHAR) ELSE ",
			SLICE_FMT(loss), SLICE_FMT(name));
	add_typed(sql, load, column, name, "");
	if (loss.len)
		str_add_c(sql, " END");
}

/* One text about the first value of the column that does not fit, NULL when all do. */
static struct slice misfit_query(
	struct arena *arena, const struct load *load, const struct job_column *column)
{
	const struct job_column *from = job_find(&load->columns, column->name);
	struct slice loss =
		drops_digits(arena, SLICE("v"), from ? from->type : SLICE_NONE, column->type);
	bool located = load->located.len > 0;
	struct str sql = str_in(arena);

	str_add_c(&sql, "SELECT '\"' || left(CAST(v AS VARCHAR), 60) || '\" in row ' || ");
	str_add_c(&sql, located ? "(n - first + 1) || ' of ' || parse_filename(f)" : "n");
	str_add_c(&sql, " || ' (' || count(*) OVER () || ' in all)' FROM (SELECT *");
	str_add_c(&sql, located ? ", min(n) OVER (PARTITION BY f) AS first" : "");
	str_printf(&sql, " FROM (SELECT row_number() OVER () AS n, %.*s AS v",
		SLICE_FMT(quoted(arena, column->name)));
	str_printf(&sql, "%s FROM %.*s)) WHERE v IS NOT NULL AND (",
		located ? ", \"" JOB_FILE_COLUMN "\" AS f" : "",
		SLICE_FMT(located ? load->located : load->from));
	add_typed(&sql, load, column, SLICE("v"), "TRY_");
	str_add_c(&sql, " IS NULL");
	if (loss.len)
		str_printf(&sql, " OR %.*s", SLICE_FMT(loss));
	str_add_c(&sql, ") ORDER BY n LIMIT 1");
	return str_slice(&sql);
}

void job_explain_misfit(struct job_table *table, const struct load *load, struct error *err)
{
	for (size_t i = 0; i < table->columns.len && !load->in_session; i++) {
		const struct job_column *column = &table->columns.items[i];
		struct slice found;
		struct error ignored;

		if (!job_find(&load->columns, column->name) ||
			!job_value(table->job, misfit_query(table->job->arena, load, column),
				&found, &ignored) ||
			slice_is_none(found))
			continue;
		error_set(err, INVALID_TEXT_REPRESENTATION, "column %.*s: %.*s is no %.*s",
			SLICE_FMT(column->name), SLICE_FMT(found), SLICE_FMT(column->type));
		error_hint(err, "correct the source, or the type in the contract");
		return;
	}
}
