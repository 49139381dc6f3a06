#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/* Changes of a statement's text by position; everything else stays byte by byte. Pure. */

struct rewrite_at {
	int64_t location;   /* byte offset of the table reference */
	bool clause;	    /* it has AT (…), which is blanked out */
	bool database;	    /* its name begins with the database's, which is blanked out */
	struct slice name;  /* the relation's name to read instead; none = keep */
	struct slice alias; /* added behind the new name; none = the reference has one */
};

/* Blanks AT (…) clauses and the database's name, and replaces names, as W_PREPARE's "at" says.
 * Without name positions stay the same. */
bool rewrite_at(struct arena *arena, struct slice text, const struct rewrite_at *list, size_t count,
	struct slice *out, struct error *err) must_check;

/* A user's statement as DuckDB understands it; the text itself when nothing had to change. What the
 * gate judges and what runs both go through this. database: its name may stand before a domain in a
 * column's name; none = none. */
struct slice rewrite_dialect(struct arena *arena, struct slice text, struct slice database);

/* A statement over pg_catalog or information_schema in PostgreSQL's grammar, as one that DuckDB
 * understands. database: the mesh's name, which may stand before a schema; none = none. */
bool rewrite_catalog(struct arena *arena, struct slice text, struct slice database,
	struct slice *out, struct error *err) must_check;

/* Of parameters: $n is of names[n - 1], none = it stays as it is; VARCHAR beyond count. */
struct rewrite_types {
	const struct slice *names;
	size_t count;
	bool as_columns; /* in a subquery of its own: what the engine binds only with columns */
};

/* $n becomes CAST($n AS type), where the engine cannot tell a parameter's type by itself. */
struct slice rewrite_params(
	struct arena *arena, struct slice text, const struct rewrite_types *types);

/* How a parameter stands in the text. */
enum rewrite_use {
	REWRITE_PLAIN,
	REWRITE_INTEGER,  /* beside an integer: $1 + 1 */
	REWRITE_FRACTION, /* beside a number with a point */
	REWRITE_LIST,	  /* = ANY ($1) */
};
struct rewrite_param {
	enum rewrite_use use;
	struct slice written; /* the type of a cast around it; none */
	struct slice beside;  /* the column that it is added to, subtracted from…; none */
};
/* One for each number up to the highest. */
struct rewrite_param *rewrite_param_uses(struct arena *arena, struct slice text, size_t *count_out);

/* "= ANY ($1)" becomes "=     ($1)": what the engine then takes $1 for is the list's element. */
struct slice rewrite_lists_as_elements(struct arena *arena, struct slice text);

/* Characters before byte, as PostgreSQL counts positions. */
int rewrite_character(struct slice text, uint64_t byte);
