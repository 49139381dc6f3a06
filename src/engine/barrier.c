/*
 * The governed view of one table, and the barrier that keeps user expressions off rows and columns
 *that the principal must not see. docs/security.md has the measurements; in short:
 *
 *	SELECT mask(a) AS a, b AS b FROM (
 *	  SELECT "weft_barrier T"(a, file_row_number) AS a, "weft_barrier U"(b, file_row_number) AS
 *b FROM ( SELECT a, b, file_row_number FROM read_parquet([…], file_row_number = true) WHERE
 *(filter) AND (conjunct) … OFFSET 0))
 *
 * A plain WHERE is no barrier: user predicates are pushed below it. OFFSET 0 stops that, but not
 *dictionaries (a function of one column runs over the whole dictionary, hidden values included) and
 *not statistics (file minima and maxima reach the planner). A function of two columns that DuckDB
 *cannot see into stops both. It must not be volatile (EXISTS would no longer be decorrelated), nor
 *have one column and a constant. Nothing may be computed from the columns below it but the filter
 *and leak-proof conjuncts.
 *
 * Where small groups are suppressed, the rows of small cells are hidden rows like others: QUALIFY
 * count(*) OVER (PARTITION BY a, …) >= n stands before the OFFSET 0.
 */
#include <duckdb.h>

#include "base/str.h"
#include "engine/engine-private.h"
#include "engine/relation.h"

/*
 * weft-worker always has the full barrier. The workers weft-worker-weakened-*, made beside it for
 * tests alone, compile this file anew with less, to show that the twin lakes bite.
 */
enum barrier_strength {
	BARRIER_NONE,
	BARRIER_OFFSET, /* OFFSET 0 alone */
	BARRIER_FULL,
};

#ifdef WEFT_WEAKENED_BARRIER
static const enum barrier_strength barrier_strength = WEFT_WEAKENED_BARRIER;
/* What a test looks for in the programs: it must be in no other. */
__attribute__((used)) static const char marker[] = "weakened barrier, for tests only";
#else
static const enum barrier_strength barrier_strength = BARRIER_FULL;
#endif

/* What a set of files has; kept by the engine, since a statement's copied conjuncts make new views
 * of them. */
struct source {
	struct engine_column *columns;
	size_t column_count;
};

/* The C API has flattened both arguments; the first is passed on as it is. */
static void pass_on(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	(void)info;
	duckdb_vector_reference_vector(output, duckdb_data_chunk_get_vector(input, 0));
}

/* One function per type, named after it: overloads would let DuckDB cast hidden values to another
 * type. */
static struct slice barrier_name(struct arena *arena, struct slice type)
{
	return arena_printf(arena, "weft_barrier %.*s", SLICE_FMT(type));
}

static bool register_barrier(
	struct engine *engine, struct slice spelling, duckdb_logical_type type, struct error *err)
{
	struct slice name = barrier_name(engine->arena, spelling);
	if (map_get(&engine->barriers, name))
		return true;
	duckdb_scalar_function function = duckdb_create_scalar_function();
	duckdb_logical_type row_type = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
	duckdb_scalar_function_set_name(function, name.ptr);
	duckdb_scalar_function_add_parameter(function, type);
	duckdb_scalar_function_add_parameter(function, row_type);
	duckdb_scalar_function_set_return_type(function, type);
	duckdb_scalar_function_set_special_handling(function); /* NULL is passed on, too */
	duckdb_scalar_function_set_function(function, pass_on);
	bool ok = duckdb_register_scalar_function(engine->conn, function) == DuckDBSuccess;
	duckdb_destroy_scalar_function(&function);
	duckdb_destroy_logical_type(&row_type);
	if (!ok)
		return error_set(
			err, INTERNAL_ERROR, "no barrier for type %.*s", SLICE_FMT(spelling));
	map_put(&engine->barriers, name, engine);
	return true;
}

static bool register_barriers(
	struct engine *engine, const struct engine_statement *statement, struct error *err)
{
	bool ok = true;
	for (size_t i = 0; ok && i < statement->column_count; i++) {
		duckdb_logical_type type =
			duckdb_prepared_statement_column_logical_type(statement->prepared, i);
		ok = register_barrier(engine, statement->columns[i].type, type, err);
		duckdb_destroy_logical_type(&type);
	}
	return ok;
}

static bool read_source(
	struct engine *engine, struct slice files, struct source **out, struct error *err)
{
	*out = map_get(&engine->sources, files);
	if (*out)
		return true;
	scoped(engine_statement_free) struct engine_statement *statement = NULL;
	scoped(arena_free) struct arena *arena = arena_new();
	struct slice sql = arena_printf(arena, "SELECT * FROM %.*s", SLICE_FMT(files));
	if (!engine_prepare(engine, sql, &statement, err) ||
		!register_barriers(engine, statement, err))
		return false;
	struct source *source = arena_new_of(engine->arena, struct source);
	source->column_count = statement->column_count;
	source->columns =
		arena_array_of(engine->arena, struct engine_column, statement->column_count);
	for (size_t i = 0; i < statement->column_count; i++) {
		source->columns[i].name = arena_copy(engine->arena, statement->columns[i].name);
		source->columns[i].type = arena_copy(engine->arena, statement->columns[i].type);
	}
	map_put(&engine->sources, arena_copy(engine->arena, files), source);
	*out = source;
	return true;
}

static const struct engine_column *find_column(const struct source *source, struct slice name)
{
	for (size_t i = 0; source && i < source->column_count; i++)
		if (slice_equal_nocase(source->columns[i].name, name))
			return &source->columns[i];
	return NULL;
}

static void add_files(struct str *sql, const struct relation *r, bool by_name)
{
	str_add_c(sql, "read_parquet([");
	for (size_t i = 0; i < r->file_count; i++) {
		str_add_c(sql, i ? ", " : "");
		str_add_sql_literal(sql, r->files[i]);
	}
	str_add_c(sql, "], hive_partitioning = false");
	if (r->barrier)
		str_add_c(sql, ", file_row_number = true");
	if (by_name)
		str_add_c(sql, ", union_by_name = true");
	str_add_c(sql, ")");
}

static void add_where(struct str *sql, const struct relation *r)
{
	const char *before = " WHERE (";
	if (!slice_is_none(r->filter)) {
		str_printf(sql, "%s%.*s\n)", before, SLICE_FMT(r->filter));
		before = " AND (";
	}
	for (size_t i = 0; i < r->conjunct_count; i++) {
		str_printf(sql, "%s%.*s\n)", before, SLICE_FMT(r->conjuncts[i]));
		before = " AND (";
	}
}

/* The file's column, or NULL of its type where no file has it. */
static void add_source(struct str *sql, const struct relation_column *c, bool present)
{
	if (present)
		str_add_sql_ident(sql, c->name);
	else
		str_printf(sql, "CAST(NULL AS %.*s)", SLICE_FMT(c->type));
	str_add_c(sql, " AS ");
	str_add_sql_ident(sql, c->name);
}

/* As others see it: a mask may make one cell of several. */
static void add_value(struct str *sql, const struct relation_column *c)
{
	bool masked = !slice_is_none(c->expression);
	str_add_c(sql, masked || c->cast ? "CAST(" : "");
	if (masked)
		str_printf(sql, "(%.*s\n)", SLICE_FMT(c->expression));
	else
		str_add_sql_ident(sql, c->name);
	if (masked || c->cast)
		str_printf(sql, " AS %.*s)", SLICE_FMT(c->type));
}

static void add_cells(struct str *sql, const struct relation *r)
{
	bool first = true;
	str_add_c(sql, " OVER (");
	for (size_t i = 0; i < r->column_count; i++)
		for (size_t j = 0; j < r->group_by_count; j++) {
			if (!slice_equal_nocase(r->columns[i].name, r->group_by[j]))
				continue;
			str_add_c(sql, first ? "PARTITION BY " : ", ");
			add_value(sql, &r->columns[i]);
			first = false;
		}
	str_printf(sql, ") >= %lld", (long long)r->min_group);
}

/* A subject that no file has counts nobody. */
static void add_suppression(struct str *sql, const struct relation *r, const struct source *source)
{
	str_add_c(sql, " QUALIFY count(*)");
	add_cells(sql, r);
	for (size_t i = 0; i < r->subject_count; i++) {
		str_add_c(sql, " AND count(DISTINCT ");
		if (find_column(source, r->subjects[i]))
			str_add_sql_ident(sql, r->subjects[i]);
		else
			str_add_c(sql, "CAST(NULL AS INTEGER)");
		str_add_char(sql, ')');
		add_cells(sql, r);
	}
}

/* Files, filter and barrier: what the masks are computed from. source is NULL when all columns are
 * there and there is no barrier. */
static void add_rows(
	struct str *sql, const struct relation *r, const struct source *source, struct slice files)
{
	str_add_c(sql, "SELECT ");
	for (size_t i = 0; i < r->column_count; i++) {
		str_add_c(sql, i ? ", " : "");
		add_source(sql, &r->columns[i], !source || find_column(source, r->columns[i].name));
	}
	if (r->barrier)
		str_add_c(sql, ", file_row_number AS \"weft row\"");
	str_printf(sql, " FROM %.*s", SLICE_FMT(files));
	add_where(sql, r);
	if (r->min_group > 0)
		add_suppression(sql, r, source);
	if (r->barrier && barrier_strength >= BARRIER_OFFSET)
		str_add_c(sql, " OFFSET 0");
}

static void add_barrier(
	struct str *sql, const struct relation *r, const struct source *source, struct slice rows)
{
	str_add_c(sql, "SELECT ");
	for (size_t i = 0; i < r->column_count; i++) {
		const struct engine_column *column = find_column(source, r->columns[i].name);
		str_add_c(sql, i ? ", " : "");
		if (column) {
			str_add_sql_ident(sql, barrier_name(sql->arena, column->type));
			str_add_c(sql, "(");
		}
		str_add_sql_ident(sql, r->columns[i].name);
		str_add_c(sql, column ? ", \"weft row\") AS " : " AS ");
		str_add_sql_ident(sql, r->columns[i].name);
	}
	str_printf(sql, " FROM (%.*s)", SLICE_FMT(rows));
}

/* The subquery of the rows that are not hidden, behind the barrier where some are. */
static void add_visible(
	struct str *sql, const struct relation *r, const struct source *source, struct slice files)
{
	struct str rows = str_in(sql->arena);
	add_rows(&rows, r, source, files);
	str_add_char(sql, '(');
	if (r->barrier && barrier_strength == BARRIER_FULL)
		add_barrier(sql, r, source, str_slice(&rows));
	else
		str_add(sql, str_slice(&rows));
	str_add_char(sql, ')');
}

/* Binding a cast costs as much as binding a column: there is none where the type is right already.
 */
static void add_shown(struct str *sql, const struct relation_column *c)
{
	add_value(sql, c);
	str_add_c(sql, " AS ");
	str_add_sql_ident(sql, c->name);
}

/* What the principal sees of the rows of from, a table function or a subquery. */
static void add_masks(struct str *sql, const struct relation *r, struct slice from)
{
	str_add_c(sql, "SELECT ");
	for (size_t i = 0; i < r->column_count; i++) {
		str_add_c(sql, i ? ", " : "");
		add_shown(sql, &r->columns[i]);
	}
	str_printf(sql, " FROM %.*s", SLICE_FMT(from));
}

static struct slice no_rows(struct arena *arena, const struct relation *r)
{
	struct str sql = str_in(arena);
	str_add_c(&sql, "SELECT ");
	for (size_t i = 0; i < r->column_count; i++) {
		str_add_c(&sql, i ? ", " : "");
		add_source(&sql, &r->columns[i], false);
	}
	str_add_c(&sql, " WHERE false");
	return str_slice(&sql);
}

bool relation_select(struct arena *arena, struct engine *engine, const struct relation *r,
	struct slice *out, struct error *err)
{
	if (r->min_group > 0 && !r->barrier)
		return error_set(err, INTERNAL_ERROR, "small groups are hidden by a barrier only");
	if (r->file_count == 0) {
		*out = no_rows(arena, r);
		return true;
	}
	bool by_name = false;
	for (size_t i = 0; i < r->column_count; i++)
		by_name |= r->columns[i].absent;
	struct str files = str_in(arena);
	struct str rows = str_in(arena);
	struct str all = str_in(arena);
	struct source *source = NULL;
	add_files(&files, r, by_name);
	/* One level where one does: every statement binds every level anew. */
	bool plain = !by_name && !r->barrier && slice_is_none(r->filter) && !r->conjunct_count;
	if ((by_name || r->barrier) && !read_source(engine, str_slice(&files), &source, err))
		return false;
	if (!plain)
		add_visible(&rows, r, source, str_slice(&files));
	add_masks(&all, r, plain ? str_slice(&files) : str_slice(&rows));
	*out = str_slice(&all);
	return true;
}
