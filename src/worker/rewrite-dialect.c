/*
 * What PostgreSQL's users write and DuckDB's grammar reads otherwise, or not at all, in any
 * statement: ~ looks for a match anywhere, LIKE has a backslash as its escape, arrays are written
 * '{a,b}', jsonb is json. W_PARSE and W_PREPARE change a text alike, so that the gate judges what
 * runs. A text without any of it stays byte by byte.
 */
#include "engine/datetime.h"
#include "worker/rewrite-private.h"

/* Whether a value ends at index, so that an operator behind it has two sides. */
static bool ends_value(const struct rewriter *w, size_t index)
{
	static const char *const others[] = {"select", "where", "and", "or", "not", "on", "when",
		"then", "else", "by", "in", "case", "having", "like", "ilike", "is", "all",
		"distinct", "using"};
	struct token token = rewrite_token_at(w, index);
	if (token.kind == TOKEN_OPERATOR || token.kind == TOKEN_END)
		return false;
	if (token.kind == TOKEN_PUNCT)
		return token_is_punct(token, ')') || token_is_punct(token, ']') ||
		       token_is_punct(token, '}');
	for (size_t i = 0; i < array_len(others); i++)
		if (token_is_word(token, others[i]))
			return false;
	return true;
}

static bool replace(struct rewriter *w, size_t index, struct slice text)
{
	struct token token = rewrite_token_at(w, index);
	rewrite_edit(w, token.at, rewrite_end_of(token), text);
	return true;
}

/* Operators that mean something else: macros of engine/dialect.c stand for these. */
static bool rewrite_operator(struct rewriter *w, size_t index)
{
	if (index == 0 || !ends_value(w, index - 1))
		return false;
	if (rewrite_is(w, index, "~"))
		return replace(w, index, SLICE("@~"));
	return rewrite_is(w, index, "!~") && replace(w, index, SLICE("!@~"));
}

/* '{a,0}' of #> and #>> as a path: $."a"[0]. */
static struct slice json_path(struct arena *arena, struct slice list)
{
	struct str out = str_in(arena);
	struct slice rest = slice_sub(list, 1, list.len - 1);
	str_add_c(&out, "'$");
	while (rest.len > 0) {
		struct slice part = slice_trim(slice_split(&rest, ','));
		uint64_t number;
		if (slice_to_u64(part, &number))
			str_printf(&out, "[%.*s]", SLICE_FMT(part));
		else
			str_printf(&out, ".\"%.*s\"", SLICE_FMT(part));
	}
	str_add_char(&out, '\'');
	return str_slice(&out);
}

static bool is_braced(struct slice text)
{
	return text.len >= 2 && text.ptr[0] == '{' && text.ptr[text.len - 1] == '}' &&
	       slice_find(text, SLICE("'"), 0) == SIZE_MAX &&
	       slice_find(text, SLICE("\""), 0) == SIZE_MAX;
}

static bool rewrite_path(struct rewriter *w, size_t index)
{
	bool text = rewrite_is(w, index, "#>>");
	struct token list = rewrite_token_at(w, index + 1);
	if ((!text && !rewrite_is(w, index, "#>")) || list.kind != TOKEN_STRING)
		return false;
	struct slice value = token_value(w->arena, list);
	if (!is_braced(value))
		return false;
	rewrite_edit(w, rewrite_token_at(w, index).at, rewrite_end_of(list),
		arena_printf(w->arena, "%s %.*s", text ? "->>" : "->",
			SLICE_FMT(json_path(w->arena, value))));
	return true;
}

/* LIKE 'a\%b': the backslash escapes, unless the statement names another escape. */
static bool rewrite_like(struct rewriter *w, size_t index)
{
	struct token pattern = rewrite_token_at(w, index + 1);
	bool like = rewrite_is(w, index, "like") || rewrite_is(w, index, "ilike");
	if (!like || pattern.kind != TOKEN_STRING || rewrite_is(w, index + 2, "escape"))
		return false;
	struct slice value = token_value(w->arena, pattern);
	if (slice_find(value, SLICE("\\"), 0) == SIZE_MAX)
		return false;
	rewrite_edit(w, rewrite_end_of(pattern), rewrite_end_of(pattern), SLICE(" ESCAPE '\\'"));
	return true;
}

/* Types that DuckDB has under another name: x::jsonb, CAST(x AS jsonb), jsonb '…'. */
static bool rewrite_type(struct rewriter *w, size_t index)
{
	static const char *const names[][2] = {
		{"jsonb", "json"}, {"bpchar", "text"}, {"name", "text"}};
	bool cast = index > 0 && rewrite_is(w, index - 1, "::");
	bool call = index > 0 && rewrite_is(w, index - 1, "as") && rewrite_is(w, index + 1, ")");
	bool typed = rewrite_token_at(w, index + 1).kind == TOKEN_STRING;
	for (size_t i = 0; i < array_len(names); i++)
		if (rewrite_is(w, index, names[i][0]) && (cast || (i < 2 && (call || typed))))
			return replace(w, index, slice_from_c(names[i][1]));
	return false;
}

/* '{1,2}'::int[] and CAST('{1,2}' AS int[]). */
static bool rewrite_array(struct rewriter *w, size_t index)
{
	struct token token = rewrite_token_at(w, index);
	bool cast = rewrite_is(w, index + 1, "::") || rewrite_is(w, index + 1, "as");
	size_t bracket = index + 3;
	while (rewrite_token_at(w, bracket).kind == TOKEN_WORD) /* double precision[] */
		bracket++;
	if (!cast || token.text.len < 4 || !slice_starts_with(token.text, SLICE("'{")) ||
		!slice_ends_with(token.text, SLICE("}'")) || !rewrite_is(w, bracket, "["))
		return false;
	char *text = arena_cstr(w->arena, token.text);
	for (char *c = text; *c; c++) {
		if (*c == '{')
			*c = '[';
		else if (*c == '}')
			*c = ']';
	}
	return replace(w, index, slice_from_c(text));
}

/* One element of {a,"b c",NULL} as a literal, *rest becomes what follows its comma, or none; false
 * for what is none, as an array in an array. */
static bool add_element(struct str *out, struct arena *arena, struct slice *rest)
{
	struct str item = str_in(arena);
	bool quoted = rest->len > 0 && rest->ptr[0] == '"';
	size_t i = quoted;
	for (; i < rest->len && !strchr(quoted ? "\"" : ",{}\"", rest->ptr[i]); i++) {
		i += rest->ptr[i] == '\\' && i + 1 < rest->len;
		str_add_char(&item, rest->ptr[i]);
	}
	if (quoted && i == rest->len)
		return false;
	struct slice text = quoted ? str_slice(&item) : slice_trim(str_slice(&item));
	struct slice behind = slice_trim(slice_sub(*rest, i + quoted, rest->len));
	if ((behind.len > 0 && behind.ptr[0] != ',') || (!quoted && text.len == 0))
		return false;
	*rest = behind.len > 0 ? slice_trim(slice_sub(behind, 1, behind.len)) : SLICE_NONE;
	if (!quoted && slice_equal_nocase(text, SLICE("null")))
		str_add_c(out, "NULL");
	else
		str_add_sql_literal(out, text);
	return true;
}

/* The elements of {1,2} with commas between them; false when it is no array of one dimension. */
static bool add_elements(struct str *out, struct arena *arena, struct slice text)
{
	text = slice_trim(text);
	if (text.len < 2 || !slice_starts_with(text, SLICE("{")) ||
		!slice_ends_with(text, SLICE("}")))
		return false;
	text = slice_trim(slice_sub(text, 1, text.len - 1));
	if (text.len == 0) {
		str_add_c(out, "SELECT NULL WHERE false");
		return true;
	}
	while (!slice_is_none(text)) {
		if (!add_element(out, arena, &text))
			return false;
		str_add_c(out, slice_is_none(text) ? "" : ", ");
	}
	return true;
}

/* A cast that always fails, with PostgreSQL's SQLSTATE and why in its message. */
static struct slice no_array(struct arena *arena, struct slice text)
{
	struct str out = str_in(arena);
	str_add_c(&out, "SELECT NULL WHERE CAST(");
	str_add_sql_literal(&out,
		arena_printf(arena, "not an array of one dimension: \"%.*s\"", SLICE_FMT(text)));
	str_add_c(&out, " AS INTEGER) IS NULL");
	return str_slice(&out);
}

/* x = ANY ('{1,2}') is x IN ('1', '2'): so the elements take the type of x. <> ALL alike. */
static bool rewrite_any_text(struct rewriter *w, size_t index)
{
	bool any = index >= 3 && rewrite_is(w, index - 3, "=") &&
		   (rewrite_is(w, index - 2, "any") || rewrite_is(w, index - 2, "some"));
	bool none = index >= 3 &&
		    (rewrite_is(w, index - 3, "<>") || rewrite_is(w, index - 3, "!=")) &&
		    rewrite_is(w, index - 2, "all");
	struct str list = str_in(w->arena);
	if ((!any && !none) || !rewrite_is(w, index - 1, "(") || !rewrite_is(w, index + 1, ")"))
		return false;
	struct slice text = token_value(w->arena, rewrite_token_at(w, index));
	struct slice inside =
		add_elements(&list, w->arena, text) ? str_slice(&list) : no_array(w->arena, text);
	rewrite_edit(w, rewrite_token_at(w, index - 3).at,
		rewrite_end_of(rewrite_token_at(w, index + 1)),
		arena_printf(w->arena, "%s (%.*s)", any ? "IN" : "NOT IN", SLICE_FMT(inside)));
	return true;
}

/* '\x01ff'::bytea: DuckDB reads an \x for each byte. */
static bool rewrite_bytes(struct rewriter *w, size_t index)
{
	struct token token = rewrite_token_at(w, index);
	bool cast = (rewrite_is(w, index + 1, "::") || rewrite_is(w, index + 1, "as")) &&
		    rewrite_is_named(w, index + 2, "bytea");
	if (!cast || !slice_starts_with(token.text, SLICE("'\\x")))
		return false;
	return replace(w, index,
		arena_printf(w->arena, "unhex('%.*s)",
			SLICE_FMT(slice_sub(token.text, 3, token.text.len))));
}

static bool is_day_type(const struct rewriter *w, size_t index)
{
	return rewrite_is_named(w, index, "date") || rewrite_is_named(w, index, "timestamp") ||
	       rewrite_is_named(w, index, "timestamptz");
}

/* date '0044-03-15 BC' */
static bool rewrite_era(struct rewriter *w, size_t index)
{
	struct token token = rewrite_token_at(w, index);
	bool cast = rewrite_is(w, index + 1, "::") || rewrite_is(w, index + 1, "as");
	bool typed =
		(index > 0 && is_day_type(w, index - 1)) || (cast && is_day_type(w, index + 2));
	if (!typed || !slice_starts_with(token.text, SLICE("'")))
		return false;
	struct slice inside = slice_sub(token.text, 1, token.text.len - 1);
	struct slice era = datetime_with_era(w->arena, inside);
	return era.ptr != inside.ptr &&
	       replace(w, index, arena_printf(w->arena, "'%.*s'", SLICE_FMT(era)));
}

static bool rewrite_builder(struct rewriter *w, size_t index)
{
	static const char *const names[][2] = {{"json_build_object", "json_object"},
		{"jsonb_build_object", "json_object"}, {"json_build_array", "json_array"},
		{"jsonb_build_array", "json_array"}};
	for (size_t i = 0; i < array_len(names); i++)
		if (rewrite_is_named(w, index, names[i][0]) && rewrite_is(w, index + 1, "("))
			return replace(w, index, slice_from_c(names[i][1]));
	return false;
}

/* generate_series: rows in a select list, and a column with its alias' name in FROM. */
static bool rewrite_series(struct rewriter *w, size_t index)
{
	if (!rewrite_is_named(w, index, "generate_series") || !rewrite_is(w, index + 1, "(") ||
		(index > 0 && rewrite_is(w, index - 1, ".")))
		return false;
	size_t close = rewrite_closing(w, index + 1);
	if (close >= w->tokens.len)
		return false;
	if (rewrite_in_from(w, index)) {
		size_t alias = close + 1 + rewrite_is(w, close + 1, "as");
		struct token token = rewrite_token_at(w, alias);
		if (!rewrite_is_alias(w, alias) || rewrite_is(w, alias + 1, "("))
			return false;
		rewrite_edit(w, rewrite_end_of(token), rewrite_end_of(token),
			arena_printf(w->arena, "(%.*s)", SLICE_FMT(token.text)));
		return true;
	}
	if (index == 0 || (!rewrite_is(w, index - 1, "select") && !rewrite_is(w, index - 1, ",")))
		return false;
	struct token begin = rewrite_token_at(w, index);
	struct token end = rewrite_token_at(w, close);
	rewrite_edit(w, begin.at, begin.at, SLICE("unnest("));
	rewrite_edit(w, rewrite_end_of(end), rewrite_end_of(end), SLICE(")"));
	return true;
}

static bool is_dot(const struct rewriter *w, size_t index)
{
	return token_is_punct(rewrite_token_at(w, index), '.');
}

/*
 * domain.table.* is table.*, and database.domain.table.column is domain.table.column. Two tables of
 * one name stay ambiguous, which the engine says.
 */
static bool rewrite_qualified(struct rewriter *w, size_t index)
{
	size_t last = index;
	if (index > 0 && is_dot(w, index - 1))
		return false;
	while (is_dot(w, last + 1) && (rewrite_token_at(w, last + 2).kind == TOKEN_WORD ||
					      rewrite_token_at(w, last + 2).kind == TOKEN_IDENT))
		last += 2;
	size_t names = (last - index) / 2 + 1;
	bool star = is_dot(w, last + 1) && rewrite_is(w, last + 2, "*");
	size_t keep = index;
	if (star)
		keep = last;
	else if (names >= 4 && w->database.len &&
		 slice_equal_nocase(token_value(w->arena, rewrite_token_at(w, index)), w->database))
		keep = index + 2;
	if (keep == index)
		return false;
	size_t from = rewrite_token_at(w, index).at;
	size_t to = rewrite_token_at(w, keep).at;
	char *blanks = arena_alloc(w->arena, to - from + 1);
	memset(blanks, ' ', to - from);
	rewrite_edit(w, from, to, slice_of(blanks, to - from));
	return true;
}

/* The last token that was used. */
static size_t rewrite_one(struct rewriter *w, size_t index)
{
	switch (rewrite_token_at(w, index).kind) {
	case TOKEN_OPERATOR: (void)(rewrite_operator(w, index) || rewrite_path(w, index)); break;
	case TOKEN_STRING:
		(void)(rewrite_array(w, index) || rewrite_any_text(w, index) ||
			rewrite_bytes(w, index) || rewrite_era(w, index));
		break;
	case TOKEN_WORD:
	case TOKEN_IDENT:
		if (rewrite_format(w, index))
			return rewrite_closing(w, index + 1);
		(void)(rewrite_qualified(w, index) || rewrite_like(w, index) ||
			rewrite_type(w, index) || rewrite_builder(w, index) ||
			rewrite_series(w, index));
		break;
	case TOKEN_END:
	case TOKEN_NUMBER:
	case TOKEN_PARAM:
	case TOKEN_PUNCT:
	case TOKEN_ERROR: break;
	}
	return index;
}

struct slice rewrite_dialect(struct arena *arena, struct slice text, struct slice database)
{
	struct rewriter w = {.arena = arena, .text = text, .database = database, .dialect = true};
	rewrite_read(&w);
	for (size_t i = 0; i < w.tokens.len; i++)
		i = rewrite_one(&w, i);
	return w.edits.len ? rewrite_apply(&w) : text;
}
