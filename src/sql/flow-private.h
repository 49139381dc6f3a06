#pragma once

#include "base/vec.h"
#include "sql/flow.h"
#include "sql/tree.h"

/* flow.c knows queries and FROM, flow-expression.c names and expressions. */
struct flow_source {
	size_t table;
	struct slice column;
	enum sql_flow_kind kind;
};

struct flow_sources {
	struct flow_source *items;
	size_t len;
	size_t cap;
};

struct flow_column {
	struct slice name;
	struct flow_sources sources;
};

/* What a query or a table in FROM gives. */
struct flow_rel {
	struct {
		struct flow_column *items;
		size_t len;
		size_t cap;
	} columns;
	struct flow_sources rest;  /* of columns whose names the text does not tell */
	bool open;		   /* there may be such columns */
	struct flow_sources whole; /* what decides its rows */
};

struct flow_binding {
	struct slice schema;
	struct slice name;
	const struct flow_rel *rel;
};

/* One SELECT. */
struct flow_scope {
	const struct flow_scope *outer;
	VEC(struct flow_binding) bindings;
	struct flow_rel merged;		/* columns of USING and NATURAL */
	const struct flow_rel *aliases; /* the select list so far; NULL */
	VEC(struct slice) lambda_names; /* they are no columns */
};

struct flow_cte {
	struct slice name;
	const struct flow_rel *rel;
	const struct flow_cte *outer;
};

struct flow {
	struct arena *arena;
	const struct sql_flow_request *request;
	const struct flow_cte *ctes;
	size_t work; /* left; at 0 the answer is not used */
};

/* Where what an expression reads goes to, and as what. */
struct flow_target {
	struct flow_scope *scope;
	struct flow_sources *sources;
	enum sql_flow_kind kind;
};

void flow_add(struct flow *f, struct flow_sources *to, struct flow_source source);
/* Each source as what it was and is now. */
void flow_add_all(struct flow *f, struct flow_sources *to, const struct flow_sources *from,
	enum sql_flow_kind kind);
struct flow_column *flow_find(const struct flow_rel *rel, struct slice name);
struct flow_column *flow_new_column(struct flow *f, struct flow_rel *rel, struct slice name);

/* node: an expression, or a list or object that holds some; NULL has none. */
void flow_expression(struct flow *f, const struct flow_target *target, const struct tree *node);
/* The select list into rel, whose columns are its aliases as they come. */
void flow_select_list(
	struct flow *f, struct flow_scope *scope, const struct tree *list, struct flow_rel *rel);
/* A query node; outer: what a correlated one may name, or NULL. */
struct flow_rel *flow_query(
	struct flow *f, const struct flow_scope *outer, const struct tree *node);
