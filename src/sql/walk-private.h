#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "sql/nodes.h"
#include "sql/sql.h"
#include "sql/tree.h"

/*
 * The walk (walk.c) goes through every member of every node as the generated tables say; at each
 * node it calls the facts (facts.c), which keep scopes and names and may refuse.
 */

/* A column or star as written, until its SELECT is known whole. */
struct reference {
	struct slice parts[4]; /* column: its dotted parts; star: its relation or nothing */
	size_t count;
	bool star;
	bool measured; /* alone in an aggregate of this SELECT, see measured_column */
};

/* One SELECT: the tables of its FROM, and what its expressions name. */
struct scope {
	struct scope *outer;
	VEC(size_t) tables;
	VEC(struct reference) references;
	unsigned in_from; /* joins and table functions around the node that is walked */
};

/* A CTE that unqualified names may mean here; a list, innermost first. */
struct cte_name {
	struct slice name;
	bool using_key; /* recurring.name means it too */
	const struct cte_name *outer;
};

struct table_build {
	struct sql_table table;
	const struct tree *tree; /* its BASE_TABLE node */
	struct map columns;	 /* lower case name -> anything */
	struct map free_columns; /* those that are not measured */
	VEC(struct sql_conjunct) conjuncts;
};

enum walk_mode {
	WALK_STATEMENT,
	WALK_CATALOGUE,
	WALK_EXPRESSION,
};

struct walk {
	struct arena *arena;
	struct slice statement;
	struct error *err;
	enum walk_mode mode;
	unsigned flags; /* enum sql_expression_flags */
	unsigned depth;
	size_t nodes;
	int64_t location; /* of the last node that had one */
	struct scope *scope;
	const struct cte_name *names;
	const struct tree *table_function; /* the call that stands in FROM */
	const struct tree *measured;	   /* the column that the aggregate before it takes */
	const struct tree *recursive;	   /* the one RECURSIVE_CTE_NODE that may come next */
	VEC(struct table_build) tables;
	VEC(struct slice) functions;
	VEC(struct slice) lambda_names;
	VEC(struct slice) column_names; /* WALK_EXPRESSION: what the expression may read */
	size_t param_count;
	bool catalogue;
	bool picks_rows;
};

/* What a node's end needs from its beginning. */
struct visit {
	struct scope *scope;
	const struct cte_name *names;
	size_t table_count;
};

/* Errors with the position of w->location. Always false. */
bool walk_refuse(struct walk *w, enum sqlstate state, const char *fmt, ...) printf_like(3, 4);

/* Walks a whole document of json_serialize_sql; *node_out is the outermost query node. */
bool walk_document(
	struct walk *w, const struct tree *document, const struct tree **node_out) must_check;

bool facts_enter(struct walk *w, const struct node_kind *kind, const struct tree *node,
	struct visit *visit) must_check;
void facts_leave(struct walk *w, const struct node_kind *kind, const struct tree *node,
	const struct visit *visit);
bool facts_name_cte(struct walk *w, struct slice name, bool using_key) must_check;
void facts_finish(struct walk *w, const struct tree *node, struct sql_facts *out);
/* most_rows and lone_table. */
void facts_bound(const struct walk *w, const struct tree *node, struct sql_facts *out);

/* Judges a call by its name; adds it to the functions. */
bool facts_function(struct walk *w, const struct tree *call, bool in_from) must_check;

/* Leak-proof candidates of one SELECT_NODE, added to the tables of its FROM. */
void conjuncts_collect(struct walk *w, const struct tree *select);
