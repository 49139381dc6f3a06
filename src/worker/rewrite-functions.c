/* Calls of PostgreSQL's functions in catalogue statements: by the table of rewrite-catalog.def, and
 * format() and substring(… FROM …), which DuckDB has with another meaning. */
#include "worker/rewrite-private.h"

enum { MAX_ARGS = 16 };

struct function_row {
	const char *name;
	size_t args;
	const char *text;
};

static const struct function_row function_rows[] = {
#define FUNCTION(name, args, text) {name, args, text},
#include "worker/rewrite-catalog.def"
#undef FUNCTION
};

static bool holds_parameter(struct slice text)
{
	struct lexer lexer = lexer_of(text);
	for (struct token t = lexer_next(&lexer); t.kind != TOKEN_END && t.kind != TOKEN_ERROR;
		t = lexer_next(&lexer))
		if (t.kind == TOKEN_PARAM)
			return true;
	return false;
}

/* A statement's parameters must not get fewer: one that is left out is asked for and ignored. */
static struct slice keep_parameter(struct arena *arena, struct slice arg, struct slice text)
{
	return holds_parameter(arg) ? arena_printf(arena,
					      "(CASE WHEN CAST(%.*s AS VARCHAR) IS NULL THEN %.*s "
					      "ELSE %.*s END)",
					      SLICE_FMT(arg), SLICE_FMT(text), SLICE_FMT(text))
				    : text;
}

struct slice rewrite_expand(
	struct arena *arena, const char *template, const struct slice *args, size_t count)
{
	struct str out = str_in(arena);
	bool used[MAX_ARGS] = {0};
	str_add_char(&out, '(');
	for (const char *c = template; *c; c++) {
		if (*c == '%' && c[1] >= '1' && c[1] <= '9') {
			c++;
			used[*c - '1'] = true;
			str_printf(&out, "(%.*s)", SLICE_FMT(args[*c - '1']));
		} else {
			str_add_char(&out, *c);
		}
	}
	str_add_char(&out, ')');
	struct slice text = str_slice(&out);
	for (size_t i = 0; i < count; i++)
		if (!used[i])
			text = keep_parameter(arena, args[i], text);
	return text;
}

/* The arguments of the call whose bracket is at open; false: more than MAX_ARGS. */
static bool read_args(
	const struct rewriter *w, size_t open, size_t close, struct slice *args, size_t *count_out)
{
	size_t count = 0;
	size_t begin = open + 1;
	for (size_t i = open + 1; i <= close && close > open + 1; i++) {
		bool ends = i == close || token_is_punct(rewrite_token_at(w, i), ',');
		if (ends && count == MAX_ARGS)
			return false;
		if (ends) {
			args[count++] = rewrite_inside(w, begin, i);
			begin = i + 1;
		} else if (token_is_punct(rewrite_token_at(w, i), '(') ||
			   token_is_punct(rewrite_token_at(w, i), '[')) {
			i = rewrite_closing(w, i);
		}
	}
	*count_out = count;
	return true;
}

/* format('%I.%I', a, b): the pieces one after the other. */
static bool expand_format(const struct rewriter *w, struct token form, const struct slice *args,
	size_t count, struct slice *out)
{
	struct slice text = token_value(w->arena, form);
	struct str made = str_in(w->arena);
	size_t next = 1;
	str_add_c(&made, "(''");
	for (size_t i = 0; i < text.len; i++) {
		char kind = 0;
		if (text.ptr[i] == '%' && i + 1 < text.len)
			kind = text.ptr[++i];
		if (kind == 0 || kind == '%') {
			str_add_c(&made, " || ");
			str_add_sql_literal(&made, slice_sub(text, i, i + 1));
			continue;
		}
		const char *quote = kind == 'I' ? "quote_ident" : "quote_literal";
		if (!strchr("sIL", kind) || next >= count)
			return false;
		str_printf(&made, " || %s(coalesce(CAST(%.*s AS VARCHAR), ''))",
			kind == 's' ? "" : quote, SLICE_FMT(args[next]));
		next++;
	}
	str_add_char(&made, ')');
	*out = str_slice(&made);
	return true;
}

/* substring(x FROM 'pattern'): the pattern's group, or all that it matches. */
static bool expand_substring(const struct rewriter *w, size_t open, size_t close, struct slice *out)
{
	struct token pattern = rewrite_token_at(w, close - 1);
	if (close < open + 4 || pattern.kind != TOKEN_STRING || !rewrite_is(w, close - 2, "from"))
		return false;
	struct slice subject = rewrite_inside(w, open + 1, close - 2);
	bool group = slice_find(pattern.text, SLICE("("), 0) != SIZE_MAX;
	*out = arena_printf(w->arena, "nullif(regexp_extract(%.*s, %.*s, %d), '')",
		SLICE_FMT(subject), SLICE_FMT(pattern.text), group);
	return true;
}

bool rewrite_format(struct rewriter *w, size_t index)
{
	struct slice args[MAX_ARGS] = {0};
	size_t count = 0;
	struct slice text;
	struct token form = rewrite_token_at(w, index + 2);
	size_t close = rewrite_closing(w, index + 1);
	bool qualified = index > 0 && rewrite_is(w, index - 1, "."); /* of a catalogue query */
	if (qualified || !rewrite_is_named(w, index, "format") || !rewrite_is(w, index + 1, "(") ||
		form.kind != TOKEN_STRING || close >= w->tokens.len ||
		slice_find(form.text, SLICE("%"), 0) == SIZE_MAX ||
		!read_args(w, index + 1, close, args, &count) ||
		!expand_format(w, form, args, count, &text))
		return false;
	rewrite_edit(
		w, rewrite_token_at(w, index).at, rewrite_end_of(rewrite_token_at(w, close)), text);
	return true;
}

static bool expand_call(const struct rewriter *w, size_t index, size_t close, struct slice *out)
{
	struct slice args[MAX_ARGS] = {0};
	size_t count = 0;
	struct token form = rewrite_token_at(w, index + 2);
	if (rewrite_is_named(w, index, "substring"))
		return expand_substring(w, index + 1, close, out);
	if (rewrite_is_named(w, index, "format"))
		return form.kind == TOKEN_STRING && read_args(w, index + 1, close, args, &count) &&
		       expand_format(w, form, args, count, out);
	for (size_t i = 0; i < array_len(function_rows); i++) {
		const struct function_row *row = &function_rows[i];
		if (!rewrite_is_named(w, index, row->name))
			continue;
		if (!read_args(w, index + 1, close, args, &count))
			return false;
		if (row->args != count)
			continue;
		*out = rewrite_expand(w->arena, row->text, args, count);
		return true;
	}
	return false;
}

/* Functions that are rows in one place and a value in the other: as PostgreSQL has it. */
static bool expand_place(
	const struct rewriter *w, size_t from, size_t index, size_t close, struct slice *out)
{
	bool in_from = rewrite_in_from(w, from);
	bool array = in_from && rewrite_is_named(w, index, "string_to_array");
	bool rows = index >= 2 && rewrite_is(w, index - 2, "unnest"); /* rewrite_dialect was here */
	bool series = !in_from && !rows && rewrite_is_named(w, index, "generate_series");
	if (!array && !series)
		return false;
	*out = arena_printf(w->arena,
		array ? "(SELECT string_to_array(%.*s))" : "unnest(generate_series(%.*s))",
		SLICE_FMT(rewrite_inside(w, index + 2, close)));
	return true;
}

size_t rewrite_call(struct rewriter *w, size_t from, size_t index)
{
	size_t close = rewrite_closing(w, index + 1);
	struct slice text;
	if (close >= w->tokens.len)
		return index;
	if (!expand_place(w, from, index, close, &text)) {
		if (!expand_call(w, index, close, &text))
			return index;
		if (rewrite_in_from(w, from)) /* a scalar function as a table: FROM f(x) a */
			text = arena_printf(w->arena, "(SELECT %.*s AS %.*s)", SLICE_FMT(text),
				SLICE_FMT(token_name(w->arena, rewrite_token_at(w, index))));
	}
	rewrite_edit(
		w, rewrite_token_at(w, from).at, rewrite_end_of(rewrite_token_at(w, close)), text);
	return close;
}
