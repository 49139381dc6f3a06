#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * A JSON text as a tree in an arena, for ASTs. jansson cannot read them: DuckDB writes "no
 * location" as 2^64-1, and large numbers must not lose digits. Foreign bytes: at most 32 MB, 1 000
 * levels, 1 500 000 values, 64 keys in an object; no duplicate keys, no Infinity or NaN, strict
 * UTF-8, no NUL in strings. Source: RFC 8259. Recursion is bounded by the level limit. Any thread.
 */
enum tree_kind {
	TREE_NULL,
	TREE_BOOL,
	TREE_NUMBER,
	TREE_STRING,
	TREE_ARRAY,
	TREE_OBJECT,
};

struct tree {
	enum tree_kind kind;
	uint32_t count;	   /* children */
	struct slice key;  /* in an object; otherwise none */
	struct slice text; /* decoded string, number as written, "true", "false"; none */
	struct slice raw;  /* the bytes of this value in the source */
	const struct tree *first;
	const struct tree *next;
};

/* 54001 over a limit, XX000 for what is not JSON. Borrows from text. */
bool tree_parse(struct arena *arena, struct slice text, const struct tree **out,
	struct error *err) must_check;

/* NULL when tree is not an object or has no such key. */
const struct tree *tree_get(const struct tree *tree, const char *key);
/* The string at key; none for another kind. */
struct slice tree_text(const struct tree *tree, const char *key);
/* Whether the member at key is this text. */
bool tree_is(const struct tree *tree, const char *key, const char *text);
bool tree_is_true(const struct tree *tree);
/* "" and absent are both empty. */
bool tree_is_empty_text(const struct tree *tree, const char *key);

/* child is declared here. NOLINTBEGIN(bugprone-macro-parentheses) */
#define tree_each(child, parent)                                                                   \
	for (const struct tree *child = (parent)->first; child; child = child->next)
/* NOLINTEND(bugprone-macro-parentheses) */
