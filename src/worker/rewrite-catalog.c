/*
 * Catalogue queries of PostgreSQL's clients in DuckDB's grammar, token by token: what DuckDB cannot
 * parse or bind is replaced where it stands. The result goes through the same gate as every other
 * text (W_PARSE_CATALOG), so a wrong translation can only fail, not open anything. Tables are
 * written __pg_catalog.x: a translation that needs one names it in the text, where the gate and the
 * server see it. rewrite-functions.c has the calls, rewrite-casts.c the casts.
 */
#include "worker/rewrite-private.h"

static bool is_schema(const struct rewriter *w, size_t index)
{
	return (rewrite_is_named(w, index, "pg_catalog") ||
		       rewrite_is_named(w, index, "information_schema")) &&
	       rewrite_is(w, index + 1, ".");
}

/* Functions that give tables, and the relation that has their rows. */
static const char *const table_functions[][2] = {
	{"pg_get_keywords", "pg_get_keywords"},
	{"pg_show_all_settings", "pg_settings"},
	{"pg_stat_get_activity", "pg_stat_activity"},
	{"pg_timezone_names", "pg_timezone_names"},
	{"pg_timezone_abbrevs", "pg_timezone_abbrevs"},
	{"pg_available_extensions", "pg_available_extensions"},
	{"pg_cursor", "pg_cursors"},
	{"pg_prepared_statement", "pg_prepared_statements"},
};

/* name ( ) where a table stands, at the name; from: where its schema begins. */
static size_t rewrite_table_function(struct rewriter *w, size_t from, size_t index)
{
	if (!rewrite_is(w, index + 1, "(") || !rewrite_is(w, index + 2, ")"))
		return index;
	for (size_t i = 0; i < array_len(table_functions); i++) {
		if (!rewrite_is_named(w, index, table_functions[i][0]))
			continue;
		rewrite_edit(w, rewrite_token_at(w, from).at,
			rewrite_end_of(rewrite_token_at(w, index + 2)),
			arena_printf(w->arena, "__pg_catalog.%s", table_functions[i][1]));
		return index + 2;
	}
	return index;
}

/* schema . name with schema pg_catalog or information_schema, at the token of schema. */
static size_t rewrite_qualified(struct rewriter *w, size_t index)
{
	struct token schema = rewrite_token_at(w, index);
	struct token name = rewrite_token_at(w, index + 2);
	if (rewrite_is(w, index + 3, "(")) {
		size_t last = rewrite_table_function(w, index, index + 2);
		if (last == index + 2)
			last = rewrite_call(w, index, index + 2);
		if (last == index + 2)
			rewrite_edit(w, schema.at, name.at, SLICE(""));
		return last;
	}
	bool own = index >= 2 && rewrite_is(w, index - 1, ".") && w->database.len &&
		   slice_equal_nocase(
			   token_name(w->arena, rewrite_token_at(w, index - 2)), w->database);
	size_t from = own ? index - 2 : index;
	rewrite_edit(w, rewrite_token_at(w, from).at, rewrite_end_of(schema),
		rewrite_is_named(w, index, "pg_catalog") ? SLICE("__pg_catalog")
							 : SLICE("__information_schema"));
	return index + 2;
}

/* A table of pg_catalog by its bare name, where a table stands. */
static bool is_bare_table(const struct rewriter *w, size_t index)
{
	static const char *const before[] = {"from", "join", ",", "("};
	struct token token = rewrite_token_at(w, index);
	bool named = token.kind == TOKEN_WORD && token.text.len > 3 &&
		     slice_equal_nocase(slice_sub(token.text, 0, 3), SLICE("pg_"));
	if (!named || rewrite_is(w, index + 1, "(") || rewrite_is(w, index + 1, ".") || index == 0)
		return false;
	for (size_t i = 0; i < array_len(before); i++)
		if (rewrite_is(w, index - 1, before[i]))
			return strcmp(before[i], "(") != 0 || rewrite_is(w, index + 1, "join") ||
			       rewrite_is(w, index + 2, "join");
	return false;
}

/* generate_series(…) s: in PostgreSQL s is also its column, in DuckDB a row of one column. */
static bool is_series_alias(const struct rewriter *w, size_t index)
{
	static const char *const functions[] = {"generate_series", "unnest", "string_to_array"};
	if (index < 3 || !rewrite_is_alias(w, index) || rewrite_is(w, index + 1, "("))
		return false;
	size_t close = rewrite_is(w, index - 1, "as") ? index - 2 : index - 1;
	if (!token_is_punct(rewrite_token_at(w, close), ')'))
		return false;
	size_t open = rewrite_opening(w, close);
	if (open == 0 || !rewrite_in_from(w, rewrite_operand(w, open - 1)))
		return false;
	for (size_t i = 0; i < array_len(functions); i++)
		if (rewrite_is_named(w, open - 1, functions[i]))
			return true;
	return false;
}

/* Columns that every table of PostgreSQL has, and none of ours. */
static bool is_system_column(const struct rewriter *w, size_t index)
{
	static const char *const names[] = {"tableoid", "xmin", "xmax", "cmin", "cmax"};
	for (size_t i = 0; i < array_len(names); i++)
		if (rewrite_is_named(w, index, names[i]))
			return !rewrite_is(w, index + 1, "(") && !rewrite_is(w, index + 1, ".") &&
			       !(index > 0 && rewrite_is(w, index - 1, "as"));
	return false;
}

static size_t rewrite_system_column(struct rewriter *w, size_t index)
{
	size_t first =
		index >= 2 && rewrite_is(w, index - 1, ".") ? rewrite_operand(w, index) : index;
	bool named = rewrite_is(w, index + 1, ",") || rewrite_is(w, index + 1, "from");
	struct token token = rewrite_token_at(w, index);
	size_t from = rewrite_token_at(w, first).at;
	while (w->edits.len > 0 && w->edits.items[w->edits.len - 1].from >= from)
		w->edits.len--;
	rewrite_edit(w, from, rewrite_end_of(token),
		arena_printf(w->arena, "CAST(%d AS UINTEGER)%s%.*s",
			!rewrite_is_named(w, index, "tableoid"), named ? " AS " : "",
			named ? (int)token.text.len : 0, token.text.ptr));
	return index;
}

/* Columns that PostgreSQL counts from 0: int2vector and oidvector. */
static bool is_vector(const struct rewriter *w, size_t index)
{
	static const char *const names[] = {"indkey", "indoption", "indclass", "indcollation",
		"proargtypes", "tgattr", "i_indoption"};
	for (size_t i = 0; i < array_len(names); i++)
		if (rewrite_is_named(w, index, names[i]))
			return true;
	return false;
}

/* indkey[n]: DuckDB's lists begin at 1. */
static size_t rewrite_subscript(struct rewriter *w, size_t index)
{
	size_t close = rewrite_closing(w, index);
	struct slice inside = rewrite_inside(w, index + 1, close);
	rewrite_edit(w, rewrite_token_at(w, index).at, rewrite_end_of(rewrite_token_at(w, close)),
		arena_printf(w->arena, "[1 + (%.*s)]", SLICE_FMT(inside)));
	return close;
}

/* left = ANY (list) in a join: DuckDB makes a subquery of it, which may not stand there. */
static size_t rewrite_any(struct rewriter *w, size_t index)
{
	size_t open = index + 2;
	size_t close = rewrite_closing(w, open);
	if (index == 0 || close >= w->tokens.len || rewrite_is(w, open + 1, "select") ||
		!rewrite_in_condition(w, index))
		return index;
	size_t first = rewrite_operand(w, index - 1);
	size_t from = rewrite_token_at(w, first).at;
	struct slice left = rewrite_inside(w, first, index);
	struct slice list = rewrite_inside(w, open + 1, close);
	while (w->edits.len > 0 && w->edits.items[w->edits.len - 1].from >= from)
		w->edits.len--;
	rewrite_edit(w, from, rewrite_end_of(rewrite_token_at(w, close)),
		arena_printf(
			w->arena, "list_contains(%.*s, %.*s)", SLICE_FMT(list), SLICE_FMT(left)));
	return close;
}

/* Places that are known by their words; index when it is none of them. */
static bool rewrite_words(struct rewriter *w, size_t index, size_t *last_out)
{
	struct token token = rewrite_token_at(w, index);
	*last_out = index;
	if (is_system_column(w, index)) {
		*last_out = rewrite_system_column(w, index);
		return true;
	}
	if (token_is_word(token, "operator") && rewrite_is(w, index + 1, "(") &&
		rewrite_is(w, index + 3, ".")) { /* OPERATOR(pg_catalog.~) */
		rewrite_edit(w, token.at, rewrite_end_of(rewrite_token_at(w, index + 5)),
			rewrite_token_at(w, index + 4).text);
		*last_out = index + 5;
		return true;
	}
	if (token_is_word(token, "collate")) { /* C, default and their like order bytes, as we do */
		*last_out = rewrite_is(w, index + 2, ".") ? index + 3 : index + 1;
		rewrite_edit(
			w, token.at, rewrite_end_of(rewrite_token_at(w, *last_out)), SLICE(""));
		return true;
	}
	if (token_is_word(token, "at") && !rewrite_is(w, index + 1, "time")) { /* a name there */
		rewrite_edit(w, token.at, rewrite_end_of(token), SLICE("\"at\""));
		return true;
	}
	if (rewrite_is(w, index, "=") && rewrite_is(w, index + 1, "any") &&
		rewrite_is(w, index + 2, "(")) {
		*last_out = rewrite_any(w, index);
		return *last_out != index;
	}
	return false;
}

static bool is_json_builder(const struct rewriter *w, size_t index)
{
	return (rewrite_is_named(w, index, "json_build_object") ||
		       rewrite_is_named(w, index, "jsonb_build_object")) &&
	       rewrite_is(w, index + 1, "(");
}

static size_t rewrite_token(struct rewriter *w, size_t index)
{
	struct token token = rewrite_token_at(w, index);
	size_t last;
	if (is_schema(w, index) && index > 0 && rewrite_is(w, index - 1, "as"))
		return rewrite_cast_type(w, index);
	if (rewrite_words(w, index, &last))
		return last;
	if (slice_equal_c(token.text, "::") && index > 0)
		return rewrite_cast(w, index);
	if (token_is_punct(token, '[') && index > 0 && is_vector(w, index - 1))
		return rewrite_subscript(w, index);
	if (is_schema(w, index))
		return rewrite_qualified(w, index);
	if (is_json_builder(w, index))
		rewrite_edit(w, token.at, rewrite_end_of(token), SLICE("json_object"));
	if (token_is_word(token, "cast") && rewrite_is(w, index + 1, "("))
		return rewrite_cast_call(w, index);
	if (is_series_alias(w, index)) {
		rewrite_edit(w, rewrite_end_of(token), rewrite_end_of(token),
			arena_printf(w->arena, "(%.*s)", SLICE_FMT(token.text)));
	} else if (is_bare_table(w, index)) {
		rewrite_edit(w, token.at, token.at, SLICE("__pg_catalog."));
	} else if ((token.kind == TOKEN_WORD || token.kind == TOKEN_IDENT) &&
		   rewrite_is(w, index + 1, "(") && !(index > 0 && rewrite_is(w, index - 1, "."))) {
		last = rewrite_table_function(w, index, index);
		return last != index ? last : rewrite_call(w, index, index);
	}
	return index;
}

struct slice rewrite_range(const struct rewriter *outer, struct slice text, bool in_condition)
{
	struct rewriter w = {.arena = outer->arena,
		.text = text,
		.database = outer->database,
		.in_condition = in_condition};
	rewrite_read(&w);
	for (size_t i = 0; i < w.tokens.len; i++)
		i = rewrite_token(&w, i);
	return rewrite_apply(&w);
}

bool rewrite_catalog(struct arena *arena, struct slice text, struct slice database,
	struct slice *out, struct error *err)
{
	const struct rewriter outer = {.arena = arena, .database = database};
	struct lexer lexer = lexer_of(text);
	struct token token;
	do {
		token = lexer_next(&lexer);
	} while (token.kind != TOKEN_END && token.kind != TOKEN_ERROR);
	if (token.kind == TOKEN_ERROR)
		return error_set(err, SYNTAX_ERROR, "unterminated %s",
			lexer.problem ? lexer.problem : "token");
	*out = rewrite_range(&outer, text, false);
	return true;
}
