#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/slice.h"

/*
 * The gate. Reads the AST that DuckDB's json_serialize_sql made of a statement, as foreign bytes, and says
 * which tables, columns and functions it uses; default deny: an unknown node kind, key, type or function
 * is refused. Pure: bytes in, facts out. Source: the node lists of the pinned DuckDB (nodes.gen.h) and
 * ../../docs/security.md. Any thread.
 */
enum sql_at {
	SQL_AT_NONE,
	SQL_AT_VERSION,
	SQL_AT_TIMESTAMP,
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
	bool all_columns;      /* a star, COLUMNS(), whole-row or natural join may read every column */
	struct slice *columns; /* names that may be columns of this table (unqualified ones go to all in scope) */
	size_t column_count;
	struct slice *conjuncts; /* leak-proof top-level conjuncts as JSON AST, see sql_conjunct_text */
	size_t conjunct_count;
};

struct sql_facts {
	struct sql_table *tables;
	size_t table_count;
	struct slice *functions; /* lower case, each once */
	size_t function_count;
	size_t param_count; /* highest $n */
	bool ordered;       /* the outermost node has an ORDER BY */
};

/* 42601/42501/54001/0A000 with a text that names the construct, never data. statement is the original text. */
bool sql_inspect(struct arena *arena, struct slice ast_json, struct slice statement,
	struct sql_facts *out, struct error *err) must_check;

/* Before a worker sees it: UTF-8, no NUL, at most 64 KB, nesting at most 200. */
bool sql_check_text(struct slice statement, struct error *err) must_check;
