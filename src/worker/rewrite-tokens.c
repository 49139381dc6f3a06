/* Looking around in the tokens of a catalogue statement. */
#include "worker/rewrite-private.h"

struct token rewrite_token_at(const struct rewriter *w, size_t index)
{
	return index < w->tokens.len ? w->tokens.items[index]
				     : (struct token){.kind = TOKEN_END, .at = w->text.len};
}

size_t rewrite_end_of(struct token token)
{
	return token.at + token.text.len;
}

bool rewrite_is(const struct rewriter *w, size_t index, const char *text)
{
	return slice_equal_nocase(rewrite_token_at(w, index).text, slice_from_c(text));
}

bool rewrite_is_named(const struct rewriter *w, size_t index, const char *name)
{
	struct token token = rewrite_token_at(w, index);
	return (token.kind == TOKEN_WORD || token.kind == TOKEN_IDENT) &&
	       slice_equal_nocase(token_name(w->arena, token), slice_from_c(name));
}

void rewrite_edit(struct rewriter *w, size_t from, size_t to, struct slice text)
{
	vec_push(w->arena, &w->edits, (struct edit){from, to, text});
}

static int depth_of(struct token token)
{
	return token_is_punct(token, '(') + token_is_punct(token, '[') -
	       token_is_punct(token, ')') - token_is_punct(token, ']');
}

size_t rewrite_closing(const struct rewriter *w, size_t index)
{
	int depth = 0;
	for (size_t i = index; i < w->tokens.len; i++) {
		depth += depth_of(rewrite_token_at(w, i));
		if (depth == 0)
			return i;
	}
	return w->tokens.len;
}

size_t rewrite_opening(const struct rewriter *w, size_t index)
{
	int depth = 0;
	for (size_t i = index + 1; i-- > 0;) {
		depth -= depth_of(rewrite_token_at(w, i));
		if (depth == 0)
			return i;
	}
	return 0;
}

static bool is_name(const struct rewriter *w, size_t index)
{
	struct token token = rewrite_token_at(w, index);
	return token.kind == TOKEN_WORD || token.kind == TOKEN_IDENT;
}

/* As rewrite_operand, but for casts behind it. */
static size_t operand_before_casts(const struct rewriter *w, size_t last)
{
	static const char *const not_names[] = {"and", "or", "not", "in", "any", "all", "when",
		"then", "else", "on", "where", "select", "by", "having", "case", "from", "as"};
	size_t first = last;
	while (token_is_punct(rewrite_token_at(w, first), ')') ||
		token_is_punct(rewrite_token_at(w, first), ']')) {
		first = rewrite_opening(w, first);
		if (first == 0 || !is_name(w, first - 1))
			return first;
		for (size_t i = 0; i < array_len(not_names); i++)
			if (rewrite_is(w, first - 1, not_names[i]))
				return first;
		first--;
	}
	while (first >= 2 && token_is_punct(rewrite_token_at(w, first - 1), '.'))
		first -= 2;
	return first;
}

size_t rewrite_operand(const struct rewriter *w, size_t last)
{
	size_t first = operand_before_casts(w, last);
	while (first >= 2 && rewrite_is(w, first - 1, "::"))
		first = operand_before_casts(w, first - 2);
	return first;
}

bool rewrite_in_condition(const struct rewriter *w, size_t index)
{
	static const char *const others[] = {"select", "where", "from", "having", "by", "using"};
	int depth = 0;
	if (w->in_condition)
		return true;
	for (size_t i = index; i-- > 0;) {
		depth += depth_of(rewrite_token_at(w, i));
		if (depth < 0) /* inside brackets that were closed before index */
			continue;
		depth = 0;				       /* left the brackets around index */
		if (i > 0 && rewrite_is(w, i - 1, "distinct")) /* DISTINCT ON, IS DISTINCT FROM */
			continue;
		if (rewrite_is(w, i, "on"))
			return true;
		for (size_t k = 0; k < array_len(others); k++)
			if (rewrite_is(w, i, others[k]))
				return false;
	}
	return false;
}

struct slice rewrite_inside(const struct rewriter *w, size_t from, size_t to)
{
	size_t begin = rewrite_token_at(w, from).at;
	size_t end = to > from ? rewrite_end_of(rewrite_token_at(w, to - 1)) : begin;
	struct slice text = slice_sub(w->text, begin, end);
	return w->dialect ? rewrite_dialect(w->arena, text, w->database)
			  : rewrite_range(w, text, rewrite_in_condition(w, from));
}

bool rewrite_in_from(const struct rewriter *w, size_t index)
{
	static const char *const lists[] = {"select", "where", "by", "on", "having", "values"};
	size_t at = index;
	if (at > 0 && rewrite_is(w, at - 1, "lateral"))
		at--;
	if (at == 0)
		return false;
	if (rewrite_is(w, at - 1, "from") || rewrite_is(w, at - 1, "join"))
		return true;
	while (at-- > 0 && rewrite_is(w, index - 1, ",")) {
		struct token token = rewrite_token_at(w, at);
		if (token_is_punct(token, ')') || token_is_punct(token, ']'))
			at = rewrite_opening(w, at);
		else if (token_is_punct(token, '(') || token_is_punct(token, '['))
			return false;
		else if (rewrite_is(w, at, "from"))
			return true;
		for (size_t i = 0; i < array_len(lists); i++)
			if (rewrite_is(w, at, lists[i]))
				return false;
	}
	return false;
}

bool rewrite_is_alias(const struct rewriter *w, size_t index)
{
	static const char *const OTHERS[] = {"as", "cross", "full", "group", "having", "inner",
		"join", "left", "limit", "natural", "on", "order", "right", "union", "where",
		"with"};
	struct token token = rewrite_token_at(w, index);
	if (token.kind != TOKEN_WORD)
		return token.kind == TOKEN_IDENT;
	for (size_t i = 0; i < array_len(OTHERS); i++)
		if (token_is_word(token, OTHERS[i]))
			return false;
	return true;
}

/* By place: an edit around a call is made before those inside it. */
static void sort_edits(struct rewriter *w)
{
	for (size_t i = 1; i < w->edits.len; i++) {
		struct edit edit = w->edits.items[i];
		size_t k = i;
		for (; k > 0 && w->edits.items[k - 1].from > edit.from; k--)
			w->edits.items[k] = w->edits.items[k - 1];
		w->edits.items[k] = edit;
	}
}

struct slice rewrite_apply(struct rewriter *w)
{
	sort_edits(w);
	struct str out = str_in(w->arena);
	size_t done = 0;
	vec_each (struct edit, e, &w->edits) {
		str_add(&out, slice_sub(w->text, done, e->from));
		str_add(&out, e->text);
		done = e->to;
	}
	str_add(&out, slice_sub(w->text, done, w->text.len));
	return str_slice(&out);
}

void rewrite_read(struct rewriter *w)
{
	struct lexer lexer = lexer_of(w->text);
	for (struct token t = lexer_next(&lexer); t.kind != TOKEN_END && t.kind != TOKEN_ERROR;
		t = lexer_next(&lexer))
		vec_push(w->arena, &w->tokens, t);
}
