/* See column-name.h. An item of the select list is read from the left: a thing (column, call,
 * constant, CASE …), then what may follow it (subscripts, casts, FILTER, OVER). What goes on with
 * an operator has no name. */
#include "sql/column-name.h"

#include "base/vec.h"
#include "sql/lexer.h"

struct words {
	struct arena *arena;
	VEC(struct token) tokens;
	int depth; /* of figure() */
};

enum { MAX_DEPTH = 200 };

/* How good a name is: a cast's type gives way to the name of a column or a function inside it. */
enum strength { NO_NAME, WEAK, STRONG };

struct figured {
	enum strength strength;
	struct slice name;
	size_t end; /* behind what was read */
};

static struct figured figure(struct words *w, size_t at, size_t end);

static struct token token_at(struct words *w, size_t index)
{
	return index < w->tokens.len ? w->tokens.items[index] : (struct token){.kind = TOKEN_END};
}

static bool is_word(struct words *w, size_t index, const char *word)
{
	return token_is_word(token_at(w, index), word);
}

static bool is_punct(struct words *w, size_t index, char punct)
{
	return token_is_punct(token_at(w, index), punct);
}

static bool is_one_of(struct words *w, size_t index, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_word(w, index, words[i]))
			return true;
	return false;
}

static bool is_name(struct words *w, size_t index)
{
	enum token_kind kind = token_at(w, index).kind;

	return kind == TOKEN_WORD || kind == TOKEN_IDENT;
}

/* As PostgreSQL folds it: words in lower case. */
static struct slice folded(struct words *w, size_t index)
{
	return token_name(w->arena, token_at(w, index));
}

static bool opens(struct words *w, size_t index)
{
	return is_punct(w, index, '(') || is_punct(w, index, '[') || is_punct(w, index, '{');
}

/* Behind the bracket that closes the one at index. */
static size_t skip_brackets(struct words *w, size_t index, size_t end)
{
	int depth = 0;

	for (size_t i = index; i < end; i++) {
		depth += opens(w, i);
		depth -= is_punct(w, i, ')') || is_punct(w, i, ']') || is_punct(w, i, '}');
		if (depth == 0)
			return i + 1;
	}
	return end;
}

/* Types that have several names: the one that PostgreSQL keeps. */
static const struct {
	const char *word;
	const char *name;
} type_names[] = {{"int", "int4"}, {"integer", "int4"}, {"bigint", "int8"}, {"smallint", "int2"},
	{"real", "float4"}, {"float", "float8"}, {"double", "float8"}, {"decimal", "numeric"},
	{"dec", "numeric"}, {"boolean", "bool"}, {"character", "bpchar"}, {"char", "bpchar"},
	{"string", "text"}};

/* A type from index on: its name, behind its last word. */
static struct figured figure_type(struct words *w, size_t index, size_t end)
{
	struct figured type = {.strength = WEAK, .name = folded(w, index), .end = index + 1};
	bool clock = is_word(w, index, "time") || is_word(w, index, "timestamp");

	while (is_punct(w, type.end, '.') && type.end + 1 < end) {
		type.name = folded(w, type.end + 1);
		type.end += 2;
	}
	if (token_at(w, index).kind == TOKEN_WORD)
		for (size_t i = 0; i < array_len(type_names); i++)
			if (slice_equal_c(type.name, type_names[i].word))
				type.name = slice_from_c(type_names[i].name);
	if (is_word(w, type.end, "precision"))
		type.end++;
	if (is_word(w, type.end, "varying")) {
		type.name = SLICE("varchar");
		type.end++;
	}
	if (is_punct(w, type.end, '('))
		type.end = skip_brackets(w, type.end, end);
	if (clock && is_word(w, type.end + 1, "time") && is_word(w, type.end + 2, "zone")) {
		if (is_word(w, type.end, "with"))
			type.name =
				is_word(w, index, "time") ? SLICE("timetz") : SLICE("timestamptz");
		type.end += 3;
	}
	while (is_punct(w, type.end, '[') && type.end < end)
		type.end = skip_brackets(w, type.end, end);
	return type;
}

/* CAST ( x AS type ): the name of x when it has a strong one. */
static struct figured figure_cast_call(struct words *w, size_t at, size_t end)
{
	size_t close = skip_brackets(w, at + 1, end);
	struct figured inside = figure(w, at + 2, close - 1);

	if (inside.strength != STRONG || !is_word(w, inside.end, "as")) {
		for (size_t i = at + 2; i + 1 < close; i++) {
			if (is_word(w, i, "as"))
				inside = figure_type(w, i + 1, close - 1);
			else if (opens(w, i))
				i = skip_brackets(w, i, close) - 1;
		}
	}
	inside.end = close;
	return inside;
}

/* CASE … END: the name of what stands in ELSE, when that is a strong one. */
static struct figured figure_case(struct words *w, size_t at, size_t end)
{
	struct figured result = {.strength = WEAK, .name = SLICE("case"), .end = end};
	int depth = 0;

	for (size_t i = at; i < end; i++) {
		if (opens(w, i)) {
			i = skip_brackets(w, i, end) - 1;
			continue;
		}
		depth += is_word(w, i, "case");
		if (is_word(w, i, "end") && --depth == 0) {
			result.end = i + 1;
			return result;
		}
		if (depth != 1 || !is_word(w, i, "else"))
			continue;
		struct figured other = figure(w, i + 1, end);
		if (other.strength == STRONG && is_word(w, other.end, "end"))
			result = other;
	}
	result.end = end;
	return result;
}

/* A subquery in brackets has the name of its first column. */
static struct figured figure_brackets(struct words *w, size_t at, size_t end)
{
	size_t close = skip_brackets(w, at, end);
	struct figured inside;

	if (!is_word(w, at + 1, "select")) {
		inside = figure(w, at + 1, close - 1);
		bool whole = inside.end == close - 1;

		inside.strength = whole ? inside.strength : NO_NAME;
	} else {
		inside = figure(w, at + 2, close - 1);
		bool alias = is_word(w, inside.end, "as") || is_name(w, inside.end);
		bool over = is_word(w, inside.end, "from") || inside.end == close - 1;

		if (is_word(w, inside.end, "as"))
			inside.end++;
		if (alias && !over) {
			inside.name = folded(w, inside.end);
			inside.strength = STRONG;
		} else if (!over) {
			inside.strength = NO_NAME;
		}
		if (inside.strength == WEAK)
			inside.strength = STRONG;
	}
	inside.end = close;
	return inside;
}

/* Functions that DuckDB and PostgreSQL know by a key word, and what PostgreSQL calls them. */
static const struct {
	const char *word;
	const char *name;
} call_names[] = {{"trim", "btrim"}, {"char_length", "char_length"}};

static struct figured figure_call(struct words *w, size_t name, size_t end)
{
	struct figured call = {.strength = STRONG, .name = folded(w, name)};

	call.end = skip_brackets(w, name + 1, end);
	for (size_t i = 0; i < array_len(call_names); i++)
		if (is_word(w, name, call_names[i].word))
			call.name = slice_from_c(call_names[i].name);
	if (is_word(w, name, "trim") && is_word(w, name + 2, "leading"))
		call.name = SLICE("ltrim");
	if (is_word(w, name, "trim") && is_word(w, name + 2, "trailing"))
		call.name = SLICE("rtrim");
	for (;;) {
		static const char *const tails[] = {"filter", "over", "within"};

		if (!is_one_of(w, call.end, tails, array_len(tails)) || call.end >= end)
			return call;
		call.end += is_word(w, call.end, "within") ? 2 : 1;
		call.end = opens(w, call.end) ? skip_brackets(w, call.end, end) : call.end + 1;
	}
}

/* DATE '…', INTERVAL '1' day, TIMESTAMP '…'. */
static bool is_typed_constant(struct words *w, size_t at)
{
	return token_at(w, at).kind == TOKEN_WORD && token_at(w, at + 1).kind == TOKEN_STRING;
}

static struct figured figure_word(struct words *w, size_t at, size_t end)
{
	static const char *const nothing[] = {
		"not", "null", "from", "where", "distinct", "all", "true", "false"};
	static const char *const units[] = {"year", "years", "month", "months", "day", "days",
		"hour", "hours", "minute", "minutes", "second", "seconds", "week", "weeks"};
	struct figured word = {.strength = STRONG, .name = folded(w, at), .end = at + 1};

	if (is_one_of(w, at, nothing, array_len(nothing)))
		return (struct figured){.end = at + 1};
	if (is_typed_constant(w, at)) {
		struct figured type = figure_type(w, at, at + 1);

		type.end = at + 2;
		type.end += is_one_of(w, type.end, units, array_len(units));
		return type;
	}
	if (is_word(w, at, "interval") && token_at(w, at + 1).kind == TOKEN_NUMBER)
		return (struct figured){WEAK, SLICE("interval"), at + 3};
	if (is_word(w, at, "array") && opens(w, at + 1)) {
		word.end = skip_brackets(w, at + 1, end);
		return word;
	}
	while (is_punct(w, word.end, '.') && is_name(w, word.end + 1) && word.end + 1 < end) {
		at = word.end + 1;
		word.name = folded(w, at);
		word.end = at + 1;
	}
	return is_punct(w, word.end, '(') && word.end < end ? figure_call(w, at, end) : word;
}

static struct figured figure_thing(struct words *w, size_t at, size_t end)
{
	enum token_kind kind = token_at(w, at).kind;

	if (is_word(w, at, "case"))
		return figure_case(w, at, end);
	if ((is_word(w, at, "cast") || is_word(w, at, "try_cast")) && is_punct(w, at + 1, '('))
		return figure_cast_call(w, at, end);
	if (kind == TOKEN_WORD || kind == TOKEN_IDENT)
		return figure_word(w, at, end);
	if (is_punct(w, at, '('))
		return figure_brackets(w, at, end);
	if (opens(w, at))
		return (struct figured){.end = skip_brackets(w, at, end)};
	return (struct figured){.end = at + 1}; /* constants, parameters, signs */
}

static struct figured figure(struct words *w, size_t at, size_t end)
{
	struct figured found = {.end = at + 1};

	if (++w->depth <= MAX_DEPTH && at < end)
		found = figure_thing(w, at, end);
	w->depth--;
	while (found.end < end) {
		if (is_punct(w, found.end, '[')) {
			found.end = skip_brackets(w, found.end, end);
		} else if (is_punct(w, found.end, '.') && is_name(w, found.end + 1)) {
			found.name = folded(w, found.end + 1);
			found.strength = STRONG;
			found.end += 2;
		} else if (slice_equal_c(token_at(w, found.end).text, "::")) {
			struct figured type = figure_type(w, found.end + 1, end);

			if (found.strength == STRONG)
				type = (struct figured){STRONG, found.name, type.end};
			found = type;
		} else if (is_word(w, found.end, "collate")) {
			found.end += 2;
		} else if (is_word(w, found.end, "at") && is_word(w, found.end + 1, "time")) {
			found.end = figure_thing(w, found.end + 3, end).end;
			found.name = SLICE("timezone");
			found.strength = STRONG;
		} else {
			break;
		}
	}
	return found;
}

/* The name of the item [at, end); engine: what the engine calls it. none = leave it. */
static struct slice name_item(struct words *w, size_t at, size_t end, struct slice engine)
{
	struct figured found = figure(w, at, end);
	struct token last = token_at(w, end - 1);
	bool aliased = end > at + 1 && is_name(w, end - 1) &&
		       slice_equal_nocase(token_value(w->arena, last), engine);

	if (found.end == end && found.strength != NO_NAME) {
		/* a column keeps the writing that its table has */
		return slice_equal_nocase(found.name, engine) ? SLICE_NONE : found.name;
	}
	if (is_word(w, end - 2, "as") || aliased)
		return last.kind == TOKEN_WORD ? folded(w, end - 1) : SLICE_NONE;
	return SLICE("?column?");
}

static bool ends_list(struct words *w, size_t index)
{
	static const char *const clauses[] = {"from", "where", "group", "having", "window",
		"qualify", "order", "limit", "offset", "fetch", "union", "except", "intersect",
		"into"};

	if (is_punct(w, index, ';') || is_punct(w, index, ')') ||
		token_at(w, index).kind == TOKEN_END)
		return true;
	/* IS DISTINCT FROM, and what is called like a clause */
	if (index > 0 && (is_word(w, index - 1, "distinct") || is_word(w, index - 1, "as") ||
				 is_punct(w, index - 1, '.')))
		return false;
	return is_one_of(w, index, clauses, array_len(clauses));
}

struct item {
	size_t at;
	size_t end;
	bool star; /* may be any number of columns */
};

struct items {
	struct item *items;
	size_t len;
	size_t cap;
};

static bool is_star(struct words *w, size_t at, size_t end)
{
	for (size_t i = at; i < end; i++) {
		bool begins = i == at || is_punct(w, i - 1, '.');

		if (begins && slice_equal_c(token_at(w, i).text, "*"))
			return true;
		if (begins && is_word(w, i, "columns") && is_punct(w, i + 1, '('))
			return true;
		if (!is_name(w, i) && !is_punct(w, i, '.'))
			return false;
	}
	return false;
}

static void read_items(struct words *w, size_t at, struct items *items)
{
	size_t begin = at;

	for (size_t i = at;; i++) {
		bool ends = ends_list(w, i);

		if ((ends || is_punct(w, i, ',')) && i > begin)
			vec_push(w->arena, items, (struct item){begin, i, is_star(w, begin, i)});
		if (ends)
			return;
		if (is_punct(w, i, ','))
			begin = i + 1;
		else if (opens(w, i))
			i = skip_brackets(w, i, w->tokens.len) - 1;
	}
}

/* Behind the outermost SELECT and its DISTINCT; the number of tokens when there is none. */
static size_t find_list(struct words *w)
{
	size_t at = 0;

	while (is_punct(w, at, '('))
		at++;
	if (is_word(w, at, "with"))
		while (at < w->tokens.len && !is_word(w, at, "select"))
			at = opens(w, at) ? skip_brackets(w, at, w->tokens.len) : at + 1;
	if (!is_word(w, at, "select"))
		return w->tokens.len;
	at++;
	if (is_word(w, at, "all"))
		at++;
	if (is_word(w, at, "distinct")) {
		at++;
		if (is_word(w, at, "on"))
			at = skip_brackets(w, at + 1, w->tokens.len);
	}
	return at;
}

static void name_values(struct arena *arena, struct slice *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		names[i] = arena_printf(arena, "column%zu", i + 1);
}

void sql_name_columns(
	struct arena *arena, struct slice statement, struct slice *names, size_t count)
{
	struct words w = {.arena = arena};
	struct lexer lexer = lexer_of(statement);
	struct items items = {0};
	size_t stars = 0;

	for (struct token t = lexer_next(&lexer); t.kind != TOKEN_END && t.kind != TOKEN_ERROR;
		t = lexer_next(&lexer))
		vec_push(arena, &w.tokens, t);
	if (is_word(&w, 0, "values")) {
		name_values(arena, names, count);
		return;
	}
	size_t at = find_list(&w);

	if (at < w.tokens.len)
		read_items(&w, at, &items);
	vec_each (struct item, item, &items)
		stars += item->star;
	/* Between two stars nobody can tell which column is whose. */
	if (items.len - stars > count || stars > 1 || (stars == 0 && items.len != count))
		return;
	size_t column = 0;

	vec_each (struct item, item, &items) {
		if (item->star) {
			column += count - (items.len - 1);
			continue;
		}
		struct slice name = name_item(&w, item->at, item->end, names[column]);

		if (!slice_is_none(name))
			names[column] = name;
		column++;
	}
}
