/*
 * DuckDB's errors as ours. Their texts go on for many lines with suggestions, candidates and the
 * statement itself, which can name what a principal must not see; so: the first line, without
 * paths. Rows of the table are tried in order; the text of out-of-memory and input/output errors is
 * our own, since theirs carry figures and paths that depend on hidden data.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/engine-private.h"

struct rule {
	int type;	  /* duckdb_error_type, -1 = any */
	const char *part; /* the text holds this, NULL = any */
	enum sqlstate state;
	const char *text; /* instead of DuckDB's, NULL = keep */
	const char *hint;
};

static const struct rule rules[] = {
	{DUCKDB_ERROR_INTERRUPT, NULL, SQLSTATE_QUERY_CANCELED,
		"the statement was cancelled or ran over its time limit", NULL},
	{DUCKDB_ERROR_OUT_OF_MEMORY, "temp_directory_size", SQLSTATE_DISK_FULL,
		"the statement needs more temporary space than its limit",
		"Select fewer columns or rows, or ask the domain for a larger spill quota."},
	{DUCKDB_ERROR_OUT_OF_MEMORY, NULL, SQLSTATE_OUT_OF_MEMORY,
		"the statement needs more memory than its limit",
		"Select fewer columns or rows, aggregate earlier, or ask for a larger memory "
		"limit."},
	{-1, "std::bad_alloc", SQLSTATE_OUT_OF_MEMORY,
		"the statement needs more memory than its limit",
		"Select fewer columns or rows, aggregate earlier, or ask for a larger memory "
		"limit."},
	{-1, "No space left", SQLSTATE_DISK_FULL, "no space left for temporary data",
		"Free space on the node's disk."},
	{DUCKDB_ERROR_INTERNAL, NULL, SQLSTATE_INTERNAL_ERROR,
		"the engine met an internal error and was restarted",
		"Please report the statement; the node's log has the details."},
	{DUCKDB_ERROR_FATAL, NULL, SQLSTATE_INTERNAL_ERROR,
		"the engine met an internal error and was restarted",
		"Please report the statement; the node's log has the details."},
	{DUCKDB_ERROR_IO, NULL, SQLSTATE_IO_ERROR, "a data file could not be read or written",
		"Run `weft doctor` on the node; its log names the file."},
	{DUCKDB_ERROR_PERMISSION, NULL, SQLSTATE_INSUFFICIENT_PRIVILEGE,
		"the statement needs a file or setting that is not open to it", NULL},
	{DUCKDB_ERROR_PARSER, NULL, SQLSTATE_SYNTAX_ERROR, NULL, NULL},
	{DUCKDB_ERROR_SYNTAX, NULL, SQLSTATE_SYNTAX_ERROR, NULL, NULL},
	{DUCKDB_ERROR_BINDER, "term out of range", SQLSTATE_INVALID_COLUMN_REFERENCE, NULL, NULL},
	{DUCKDB_ERROR_BINDER, "GROUP BY", SQLSTATE_GROUPING_ERROR, NULL, NULL},
	{DUCKDB_ERROR_BINDER, "cannot contain aggregates", SQLSTATE_GROUPING_ERROR, NULL, NULL},
	{DUCKDB_ERROR_BINDER, "aggregate function calls", SQLSTATE_GROUPING_ERROR, NULL, NULL},
	{DUCKDB_ERROR_BINDER, "same number of result columns", SQLSTATE_SYNTAX_ERROR, NULL, NULL},
	{DUCKDB_ERROR_BINDER, "LIMIT/OFFSET cannot be negative", SQLSTATE_INVALID_ROW_COUNT, NULL,
		NULL},
	{DUCKDB_ERROR_BINDER, "Ambiguous reference", SQLSTATE_AMBIGUOUS_COLUMN, NULL, NULL},
	{DUCKDB_ERROR_BINDER, "No function matches", SQLSTATE_UNDEFINED_FUNCTION, NULL, NULL},
	{DUCKDB_ERROR_BINDER, "not found in FROM", SQLSTATE_UNDEFINED_COLUMN, NULL, NULL},
	{DUCKDB_ERROR_BINDER, "FROM clause is missing", SQLSTATE_UNDEFINED_COLUMN, NULL, NULL},
	{DUCKDB_ERROR_BINDER, "does not have a column", SQLSTATE_UNDEFINED_COLUMN, NULL, NULL},
	{DUCKDB_ERROR_BINDER, "Referenced table", SQLSTATE_UNDEFINED_TABLE, NULL, NULL},
	{DUCKDB_ERROR_BINDER, "Catalog \"", SQLSTATE_UNDEFINED_TABLE, NULL, NULL},
	{DUCKDB_ERROR_BINDER, "Cannot compare", SQLSTATE_DATATYPE_MISMATCH, NULL, NULL},
	{DUCKDB_ERROR_BINDER, "explicit cast", SQLSTATE_DATATYPE_MISMATCH, NULL, NULL},
	{DUCKDB_ERROR_BINDER, NULL, SQLSTATE_SYNTAX_ERROR_OR_ACCESS_RULE, NULL, NULL},
	{DUCKDB_ERROR_CATALOG, "Function with name", SQLSTATE_UNDEFINED_FUNCTION, NULL, NULL},
	{DUCKDB_ERROR_CATALOG, "Table with name", SQLSTATE_UNDEFINED_TABLE, NULL, NULL},
	{DUCKDB_ERROR_CATALOG, "Schema with name", SQLSTATE_INVALID_SCHEMA_NAME, NULL, NULL},
	{DUCKDB_ERROR_CATALOG, NULL, SQLSTATE_UNDEFINED_OBJECT, NULL, NULL},
	{DUCKDB_ERROR_CONVERSION, "date field value out of range", SQLSTATE_DATETIME_OVERFLOW, NULL,
		NULL},
	{DUCKDB_ERROR_CONVERSION, "Could not cast value", SQLSTATE_NUMERIC_OUT_OF_RANGE, NULL,
		"Cast to a wider type: numeric(38, 2), or double precision."},
	{DUCKDB_ERROR_CONVERSION, "out of range", SQLSTATE_NUMERIC_OUT_OF_RANGE, NULL, NULL},
	/* what names that are cast to regclass and regtype become (worker/rewrite-casts.c) */
	{DUCKDB_ERROR_CONVERSION, "string 'relation \"", SQLSTATE_UNDEFINED_TABLE, NULL, NULL},
	{DUCKDB_ERROR_CONVERSION, "string 'type \"", SQLSTATE_UNDEFINED_OBJECT, NULL, NULL},
	{DUCKDB_ERROR_CONVERSION, "date", SQLSTATE_INVALID_DATETIME_FORMAT, NULL, NULL},
	{DUCKDB_ERROR_CONVERSION, "time", SQLSTATE_INVALID_DATETIME_FORMAT, NULL, NULL},
	{DUCKDB_ERROR_CONVERSION, NULL, SQLSTATE_INVALID_TEXT_REPRESENTATION, NULL, NULL},
	{DUCKDB_ERROR_OUT_OF_RANGE, NULL, SQLSTATE_NUMERIC_OUT_OF_RANGE, NULL, NULL},
	{DUCKDB_ERROR_DIVIDE_BY_ZERO, NULL, SQLSTATE_DIVISION_BY_ZERO, NULL, NULL},
	{DUCKDB_ERROR_INVALID_INPUT, "More than one row", SQLSTATE_CARDINALITY_VIOLATION,
		"more than one row returned by a subquery used as an expression", NULL},
	{DUCKDB_ERROR_INVALID_INPUT, "parameter", SQLSTATE_UNDEFINED_PARAMETER, NULL, NULL},
	{DUCKDB_ERROR_INVALID_INPUT, NULL, SQLSTATE_DATA_EXCEPTION, NULL, NULL},
	{DUCKDB_ERROR_MISMATCH_TYPE, NULL, SQLSTATE_DATATYPE_MISMATCH, NULL, NULL},
	{DUCKDB_ERROR_NOT_IMPLEMENTED, NULL, SQLSTATE_FEATURE_NOT_SUPPORTED, NULL, NULL},
	{DUCKDB_ERROR_PARAMETER_NOT_RESOLVED, NULL, SQLSTATE_INDETERMINATE_DATATYPE, NULL,
		"Cast the parameter: $1::integer."},
	{DUCKDB_ERROR_PARAMETER_NOT_ALLOWED, NULL, SQLSTATE_UNDEFINED_PARAMETER, NULL, NULL},
	{DUCKDB_ERROR_CONSTRAINT, NULL, SQLSTATE_CONSTRAINT_VIOLATION, NULL, NULL},
	{-1, NULL, SQLSTATE_DATA_EXCEPTION, NULL, NULL},
};

/* Of PostgreSQL's numeric only. */
static const struct rule no_number = {-1, NULL, SQLSTATE_FEATURE_NOT_SUPPORTED,
	"numeric holds neither NaN nor Infinity here",
	"Take double precision, which does: $1::float8, 'NaN'::float8."};

struct class_name {
	const char *prefix;
	duckdb_error_type type;
};

static const struct class_name class_names[] = {
	{"Binder Error: ", DUCKDB_ERROR_BINDER},
	{"Catalog Error: ", DUCKDB_ERROR_CATALOG},
	{"Parser Error: ", DUCKDB_ERROR_PARSER},
	{"Syntax Error: ", DUCKDB_ERROR_SYNTAX},
	{"Conversion Error: ", DUCKDB_ERROR_CONVERSION},
	{"Out of Range Error: ", DUCKDB_ERROR_OUT_OF_RANGE},
	{"Invalid Input Error: ", DUCKDB_ERROR_INVALID_INPUT},
	{"Out of Memory Error: ", DUCKDB_ERROR_OUT_OF_MEMORY},
	{"INTERRUPT Error: ", DUCKDB_ERROR_INTERRUPT},
	{"IO Error: ", DUCKDB_ERROR_IO},
	{"INTERNAL Error: ", DUCKDB_ERROR_INTERNAL},
	{"FATAL Error: ", DUCKDB_ERROR_FATAL},
	{"Constraint Error: ", DUCKDB_ERROR_CONSTRAINT},
	{"Not implemented Error: ", DUCKDB_ERROR_NOT_IMPLEMENTED},
	{"Permission Error: ", DUCKDB_ERROR_PERMISSION},
	{"Mismatch Type Error: ", DUCKDB_ERROR_MISMATCH_TYPE},
	{"Parameter Not Resolved Error: ", DUCKDB_ERROR_PARAMETER_NOT_RESOLVED},
	{"Parameter Not Allowed Error: ", DUCKDB_ERROR_PARAMETER_NOT_ALLOWED},
	{"Divide by Zero Error: ", DUCKDB_ERROR_DIVIDE_BY_ZERO},
};

static const struct class_name *find_class(struct slice message)
{
	for (size_t i = 0; i < array_len(class_names); i++)
		if (slice_starts_with(message, slice_from_c(class_names[i].prefix)))
			return &class_names[i];
	return NULL;
}

/* Could not cast value nan to DECIMAL(18,3), convert string "Infinity" to DECIMAL(10,2) */
static bool names_no_number(struct slice message)
{
	static const char *const words[] = {"nan", "inf", "infinity"};
	size_t end = slice_find(message, SLICE(" to DECIMAL("), 0);
	size_t begin;
	if (end == SIZE_MAX)
		return false;
	end -= end > 0 && message.ptr[end - 1] == '"';
	for (begin = end; begin > 0 && !strchr(" \"+-", message.ptr[begin - 1]);)
		begin--;
	for (size_t i = 0; i < array_len(words); i++)
		if (slice_equal_nocase(slice_sub(message, begin, end), slice_from_c(words[i])))
			return true;
	return false;
}

static const struct rule *find_rule(duckdb_error_type type, const char *message)
{
	const struct rule *rule = rules;
	if (type == DUCKDB_ERROR_CONVERSION && names_no_number(slice_from_c(message)))
		return &no_number;
	while ((rule->type >= 0 && rule->type != (int)type) ||
		(rule->part && !strstr(message, rule->part)))
		rule++;
	return rule;
}

/* Characters, as PostgreSQL counts positions, before byte. */
static int count_characters(struct slice text, size_t byte)
{
	int count = 0;
	for (size_t i = 0; i < byte && i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return count;
}

/*
 * "LINE 2: ...excerpt...\n        ^": finds the excerpt in line 2 and what the caret stands under.
 * A wrong guess is worse than none, so anything unexpected gives 0.
 */
static int find_position(const char *message, struct slice statement)
{
	const char *line = strstr(message, "\nLINE ");
	if (!line || slice_is_none(statement))
		return 0;
	char *after;
	long number = strtol(line + 6, &after, 10);
	if (number < 1 || strncmp(after, ": ", 2) != 0)
		return 0;
	const char *excerpt = after + 2;
	const char *end = strchr(excerpt, '\n');
	const char *caret = end ? strchr(end, '^') : NULL;
	if (!caret || caret - end - 1 < excerpt - line - 1)
		return 0;
	size_t column = (size_t)(caret - end - 1) - (size_t)(excerpt - line - 1);
	struct slice shown = slice_of(excerpt, (size_t)(end - excerpt));
	size_t begin = 0;
	for (long n = 1; n < number && begin < statement.len; n++) {
		size_t newline = slice_find(statement, SLICE("\n"), begin);
		begin = newline == SIZE_MAX ? statement.len : newline + 1;
	}
	if (slice_starts_with(shown, SLICE("...")) && column >= 3) {
		shown = slice_sub(shown, 3, shown.len);
		column -= 3;
	}
	if (slice_ends_with(shown, SLICE("...")))
		shown.len -= 3;
	size_t at = slice_find(statement, shown, begin);
	return at == SIZE_MAX ? 0 : count_characters(statement, at) + (int)column + 1;
}

/* The first line without its class, cut before suggestions and before anything that looks like a
 * path. */
static struct slice clean(struct slice text)
{
	static const char *const stops[] = {
		"\n", " Did you mean", " Candidate ", " You might need to add", " (use: "};
	for (size_t i = 0; i < array_len(stops); i++) {
		size_t at = slice_find(text, slice_from_c(stops[i]), 0);
		text = slice_sub(text, 0, at);
	}
	return slice_trim(text);
}

/* A row of a CSV file with too many or too few values: how many says the third line. */
static const char *csv_widths(struct slice text, const char *message)
{
	const char *at = strstr(message, "\nExpected Number of Columns: ");

	return at && slice_starts_with(text, SLICE("CSV Error on Line")) ? at + 1 : "";
}

static bool names_path(struct slice text)
{
	return slice_find(text, SLICE(".parquet"), 0) != SIZE_MAX ||
	       slice_find(text, SLICE("/spill/"), 0) != SIZE_MAX;
}

bool engine_error(
	duckdb_error_type type, const char *message, struct slice statement, struct error *err)
{
	message = message ? message : "";
	struct slice text = slice_from_c(message);
	const struct class_name *named = find_class(text);
	if (named) {
		type = named->type;
		text = slice_sub(text, strlen(named->prefix), text.len);
	}
	const struct rule *rule = find_rule(type, message);
	text = clean(text);
	const char *widths = csv_widths(text, message);
	if (rule->text || names_path(text))
		error_set_at(err, __FILE__, __LINE__, rule->state, "%s",
			rule->text ? rule->text : "a data file does not fit its table");
	else
		error_set_at(err, __FILE__, __LINE__, rule->state, "%.*s%s%.*s", SLICE_FMT(text),
			*widths ? ", " : "", (int)strcspn(widths, "\n"), widths);
	err->position = find_position(message, statement);
	if (rule->hint)
		error_hint(err, "%s", rule->hint);
	return false;
}

bool engine_error_text(const char *message, struct slice statement, struct error *err)
{
	return engine_error(DUCKDB_ERROR_INVALID, message, statement, err);
}
