#pragma once

#include "base/str.h"
#include "base/vec.h"
#include "sql/lexer.h"
#include "worker/rewrite.h"

/* A text as tokens, and the changes that are made to it: what the translation of catalogue
 * statements is built on. In an arena; one thread. */
struct tokens {
	struct token *items;
	size_t len;
	size_t cap;
};

/* Replaces [from, to) by text; an empty range inserts. */
struct edit {
	size_t from;
	size_t to;
	struct slice text;
};

struct rewriter {
	struct arena *arena;
	struct slice text;
	struct slice database; /* that names may begin with; none = none */
	bool dialect; /* rewrite_dialect's: what stands inside of others is translated so too */
	bool in_condition; /* the text stands in a join's ON: no subquery may be put there */
	struct tokens tokens;
	VEC(struct edit) edits;
};

/* rewrite-tokens.c. The text's tokens; the text with its edits. */
void rewrite_read(struct rewriter *w);
struct slice rewrite_apply(struct rewriter *w);
/* A name that may stand behind a table as its alias. */
bool rewrite_is_alias(const struct rewriter *w, size_t index);
/* Behind the last token: TOKEN_END. */
struct token rewrite_token_at(const struct rewriter *w, size_t index);
size_t rewrite_end_of(struct token token);
/* The token's text, ASCII case-insensitive. */
bool rewrite_is(const struct rewriter *w, size_t index, const char *text);
/* The name of a word or a quoted name. */
bool rewrite_is_named(const struct rewriter *w, size_t index, const char *name);
void rewrite_edit(struct rewriter *w, size_t from, size_t to, struct slice text);
/* The token that closes or opens the bracket at index; the number of tokens, or 0, without one. */
size_t rewrite_closing(const struct rewriter *w, size_t index);
size_t rewrite_opening(const struct rewriter *w, size_t index);
/* Where the operand begins whose last token is last: a name, a call, brackets, a subscript, any of
 * them with casts behind it. */
size_t rewrite_operand(const struct rewriter *w, size_t last);
/* Whether index stands in the ON of a join. */
bool rewrite_in_condition(const struct rewriter *w, size_t index);
/* Whether a list of tables goes on at index, not one of expressions. */
bool rewrite_in_from(const struct rewriter *w, size_t index);
/* The text between two tokens, translated by itself. */
struct slice rewrite_inside(const struct rewriter *w, size_t from, size_t to);

/* pg_type's oid for a type's name as regtype reads it: "integer", "pg_catalog.int4[]",
 * "timestamp(3) with time zone"; NULL for others. A template, %1 = the name. */
#define REWRITE_PLAIN_TYPE                                                                         \
	"regexp_replace(lower(trim(CAST(%1 AS VARCHAR))), "                                        \
	"'^pg_catalog\\.|\\([^)]*\\)|\\[\\]', '', 'g')"
#define REWRITE_TYPE_OF_NAME                                                                       \
	"(SELECT min(weft_oid) FROM (SELECT oid AS weft_oid, typname AS weft_name FROM "           \
	"__pg_catalog.pg_type) weft_t WHERE weft_name = "                                          \
	"CASE WHEN right(CAST(%1 AS VARCHAR), 2) = '[]' THEN '_' ELSE '' END || "                  \
	"replace(CASE " REWRITE_PLAIN_TYPE " WHEN 'integer' THEN 'int4' WHEN 'int' THEN 'int4' "   \
	"WHEN 'smallint' THEN 'int2' WHEN 'bigint' THEN 'int8' WHEN 'real' THEN 'float4' "         \
	"WHEN 'float' THEN 'float8' WHEN 'double precision' THEN 'float8' "                        \
	"WHEN 'decimal' THEN 'numeric' WHEN 'boolean' THEN 'bool' "                                \
	"WHEN 'character varying' THEN 'varchar' WHEN 'character' THEN 'bpchar' "                  \
	"WHEN 'char' THEN 'bpchar' WHEN 'bit varying' THEN 'varbit' "                              \
	"WHEN 'timestamp without time zone' THEN 'timestamp' "                                     \
	"WHEN 'timestamp with time zone' THEN 'timestamptz' "                                      \
	"WHEN 'time without time zone' THEN 'time' WHEN 'time with time zone' THEN 'timetz' "      \
	"ELSE " REWRITE_PLAIN_TYPE " END, '\"', ''))"

/* rewrite-functions.c: name ( args ). from: where the name begins with its schema. Returns the last
 * token that was used, or index when the function is none of the table. */
size_t rewrite_call(struct rewriter *w, size_t from, size_t index);
/* format('%s', …) at its name, as pieces put together; false: it is no such call. */
bool rewrite_format(struct rewriter *w, size_t index);
/* template with %1 … replaced; arguments that it leaves out are kept when they hold parameters. */
struct slice rewrite_expand(
	struct arena *arena, const char *template, const struct slice *args, size_t count);

/* rewrite-casts.c: at "::" and at CAST; the last token that was used. */
size_t rewrite_cast(struct rewriter *w, size_t index);
size_t rewrite_cast_call(struct rewriter *w, size_t index);
/* CAST(x AS pg_catalog.type), at the token of pg_catalog. */
size_t rewrite_cast_type(struct rewriter *w, size_t index);

/* rewrite-catalog.c. Recursion is bounded by the nesting of brackets, which sql_check_text limits.
 */
struct slice rewrite_range(const struct rewriter *outer, struct slice text, bool in_condition);
