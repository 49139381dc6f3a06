#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * The gate. Reads the AST that DuckDB's json_serialize_sql made of a statement, as foreign bytes,
 * and says which tables, columns and functions it uses; default deny: an unknown node kind, key,
 * type or function is refused. Pure: bytes in, facts out. Any thread. Source: the node lists of the
 * pinned DuckDB (nodes.gen.h, reviewed in reviewed.def, functions.def) and docs/security.md.
 *
 * Errors: 42601 syntax (with DuckDB's position), 25006 not a SELECT, 0A000 a construct or function
 * that Weft does not allow, 54001 too large or deep. Texts name the construct, never data.
 */
enum sql_at {
	SQL_AT_NONE,
	SQL_AT_VERSION,
	SQL_AT_TIMESTAMP,
};

enum sql_operator {
	SQL_EQUAL,
	SQL_LESS,
	SQL_LESS_EQUAL,
	SQL_GREATER,
	SQL_GREATER_EQUAL,
	SQL_BETWEEN,	 /* two literals */
	SQL_IN,		 /* one literal or more */
	SQL_IS_NULL,	 /* none */
	SQL_IS_NOT_NULL, /* none */
};

/* A constant as written: type is DuckDB's type id of the literal ("INTEGER", "DECIMAL", "VARCHAR",
 * "DATE" …), text its value without quotes. */
struct sql_literal {
	struct slice type;
	struct slice text;
};

/*
 * A top-level conjunct of a WHERE: column operator constants. It may be copied below the barrier
 * when sql_conjunct_text gives a text for the column's type, the table has a column of that name,
 * and that column is visible and unmasked for the principal. (A name that is a column of a table in
 * its FROM means that column in DuckDB: columns win over aliases and over outer queries.)
 */
struct sql_conjunct {
	struct slice column;
	enum sql_operator op;
	const struct sql_literal *literals;
	size_t literal_count;
};

/* One reference to a table that is not a CTE in scope. Slices live in the arena of sql_inspect. */
struct sql_table {
	struct slice catalog; /* none when not written */
	struct slice schema;  /* none when not written */
	struct slice name;
	struct slice alias; /* none when not written */
	enum sql_at at;
	struct slice at_value; /* text of the constant: "3", "2026-01-31 12:00:00" */
	int64_t location;      /* byte offset in the statement, -1 unknown */
	bool all_columns; /* a star, COLUMNS(), whole-row or natural join may read every column */
	struct slice *columns; /* names that may be columns of this table, each once: a superset */
	size_t column_count;
	/* Those of them that stand elsewhere than alone in sum, avg, mean or count of the SELECT
	 * whose FROM holds the table: what tells single rows apart. With all_columns it may be any.
	 */
	struct slice *free_columns;
	size_t free_column_count;
	/* Candidates for the barrier. Always empty when another reference in the statement has the
	 * same name: one view serves all references. */
	struct sql_conjunct *conjuncts;
	size_t conjunct_count;
};

struct sql_facts {
	struct sql_table *tables;
	size_t table_count;
	struct slice *functions; /* lower case, each once */
	size_t function_count;
	size_t param_count; /* highest $n */
	bool ordered;	    /* the outermost node has an ORDER BY */
	int64_t most_rows;  /* it gives no more, whatever the tables hold; -1 unknown */
	size_t lone_table;  /* it gives no more rows than this table has; SIZE_MAX none */
	bool picks_rows;    /* a sample, a positional or ASOF join or random(): takes rows that are
			       alike apart */
	/* The statement names pg_catalog, information_schema, a bare pg_ relation or a function of
	 * the catalogue: it must not be run as it is. Send it through W_PARSE_CATALOG and judge the
	 * answer with sql_inspect_catalogue. */
	bool catalogue;
};

/* statement is the original text. */
bool sql_inspect(struct arena *arena, struct slice ast_json, struct slice statement,
	struct sql_facts *out, struct error *err) must_check;

/*
 * The AST of a translated catalogue statement. It may read only relations of the schemas
 * __pg_catalog and __information_schema (0A000 otherwise: a join of catalogue and products has no
 * use and would need two kinds of view in one statement), and may call the functions of class
 * "catalogue" in functions.def besides the allowed ones.
 */
bool sql_inspect_catalogue(struct arena *arena, struct slice ast_json, struct slice statement,
	struct sql_facts *out, struct error *err) must_check;

/* Before a worker sees it: UTF-8, no NUL, at most 4 MB, nesting at most 200. */
bool sql_check_text(struct slice statement, struct error *err) must_check;

/* What a column type may be compared with; false: this conjunct is not leak-proof for that type.
 * type in DuckDB's spelling; the text is SQL with every literal cast to the column's type. */
bool sql_conjunct_text(struct arena *arena, const struct sql_conjunct *conjunct, struct slice type,
	struct slice *text_out);

/* The conjunct as the user wrote it, for a table whose columns have the types that the user knows.
 * false: it holds a constant that has no text of its own. */
bool sql_conjunct_source(
	struct arena *arena, const struct sql_conjunct *conjunct, struct slice *text_out);

/*
 * Filters, checks and masks in manifests are single expressions. sql_expression_statement wraps one
 * as a statement for W_PARSE, sql_inspect_expression judges the answer: exactly one expression over
 * the given columns, only deterministic functions, attribute(), principal(), purpose(), in_group().
 */
enum sql_expression_flags {
	SQL_EXPRESSION_SUBQUERY = 1 << 0,  /* may read tables: they are in tables */
	SQL_EXPRESSION_AGGREGATE = 1 << 1, /* may aggregate (checks) */
	SQL_EXPRESSION_NO_PRINCIPAL = 1
				      << 2, /* no attribute(), principal() … (checks, transforms) */
};

struct sql_expression {
	struct slice ast; /* JSON of the expression, for policy/prune.h; in the arena */
	struct slice *columns;
	size_t column_count;
	struct sql_table *tables; /* with SQL_EXPRESSION_SUBQUERY */
	size_t table_count;
};

struct slice sql_expression_statement(struct arena *arena, struct slice expression);
/* What the expression may use. columns: the names, 42703 with "did you mean" for another one. */
struct sql_expression_rules {
	const struct slice *columns;
	size_t column_count;
	unsigned flags; /* enum sql_expression_flags */
};

bool sql_inspect_expression(struct arena *arena, struct slice ast_json,
	const struct sql_expression_rules *rules, struct sql_expression *out,
	struct error *err) must_check;
