/* Time travel and the database's name out of the text; rewrite-catalog.c has the catalogue. */
#include "worker/rewrite.h"

#include "base/str.h"
#include "sql/lexer.h"

int rewrite_character(struct slice text, uint64_t byte)
{
	int count = 0;
	for (size_t i = 0; i < byte && i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return count;
}

struct reference {
	size_t database_to; /* behind the dot of a first part that is dropped; else = location */
	size_t name_from;   /* the last part of the name */
	size_t name_to;
	size_t from; /* AT (…); both = name_to without one */
	size_t to;
};

static bool is_name(struct token token)
{
	return token.kind == TOKEN_WORD || token.kind == TOKEN_IDENT;
}

static size_t end_of(struct token token)
{
	return token.at + token.text.len;
}

/* Behind the parenthesis that closes the one which was just read. */
static size_t skip_parentheses(struct lexer *lexer)
{
	int depth = 1;
	struct token token = lexer_next(lexer);
	for (; token.kind != TOKEN_END && token.kind != TOKEN_ERROR; token = lexer_next(lexer)) {
		depth += token_is_punct(token, '(');
		depth -= token_is_punct(token, ')');
		if (depth == 0)
			return end_of(token);
	}
	return 0;
}

/* Name [. name]…, of which the first may be the database's. */
static bool read_name(struct lexer *lexer, const struct rewrite_at *at, struct reference *out)
{
	struct token token = lexer_next(lexer);
	out->database_to = (size_t)at->location;
	if (!is_name(token))
		return false;
	for (int part = 0; token_is_punct(lexer_peek(lexer), '.'); part++) {
		size_t dot = end_of(lexer_next(lexer));
		if (part == 0 && at->database)
			out->database_to = dot;
		token = lexer_next(lexer);
	}
	out->name_from = token.at;
	out->name_to = out->from = out->to = end_of(token);
	return true;
}

/* [[AS] alias [(columns)]] AT (…): DuckDB has the alias before AT. */
static bool find_clause(struct lexer *lexer, struct reference *out)
{
	for (int words = 0; words < 4; words++) {
		struct token token = lexer_next(lexer);
		struct token after = lexer_peek(lexer);
		if (token_is_word(token, "at") && token_is_punct(after, '(')) {
			lexer_next(lexer);
			out->from = token.at;
			out->to = skip_parentheses(lexer);
			return out->to != 0;
		}
		if (token_is_punct(token, '('))
			skip_parentheses(lexer);
		else if (!is_name(token))
			return false;
	}
	return false;
}

static bool find_reference(struct slice text, const struct rewrite_at *at, struct reference *out)
{
	struct lexer lexer = {.text = text, .at = (size_t)at->location};
	return read_name(&lexer, at, out) && (!at->clause || find_clause(&lexer, out));
}

static bool next_at(
	const struct rewrite_at *list, size_t count, int64_t after, const struct rewrite_at **out)
{
	*out = NULL;
	for (size_t i = 0; i < count; i++)
		if (list[i].location > after && (!*out || list[i].location < (*out)->location))
			*out = &list[i];
	return *out != NULL;
}

static void add_blanks(struct str *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		str_add_char(out, ' ');
}

bool rewrite_at(struct arena *arena, struct slice text, const struct rewrite_at *list, size_t count,
	struct slice *out, struct error *err)
{
	struct str made = str_in(arena);
	size_t done = 0;
	const struct rewrite_at *at;
	for (int64_t after = -1; next_at(list, count, after, &at); after = at->location) {
		struct reference r;
		if ((uint64_t)at->location < done || (uint64_t)at->location >= text.len ||
			!find_reference(text, at, &r))
			return error_set(err, PROTOCOL_VIOLATION,
				"there is no table where one was announced");
		str_add(&made, slice_sub(text, done, (size_t)at->location));
		add_blanks(&made, r.database_to - (size_t)at->location);
		str_add(&made, slice_sub(text, r.database_to, r.name_from));
		if (slice_is_none(at->name)) {
			str_add(&made, slice_sub(text, r.name_from, r.name_to));
		} else {
			str_add_sql_ident(&made, at->name);
			if (!slice_is_none(at->alias)) {
				str_add_c(&made, " AS ");
				str_add_sql_ident(&made, at->alias);
			}
		}
		str_add(&made, slice_sub(text, r.name_to, r.from));
		add_blanks(&made, r.to - r.from);
		done = r.to;
	}
	str_add(&made, slice_sub(text, done, text.len));
	*out = str_slice(&made);
	return true;
}
