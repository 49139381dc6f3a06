/*
 * The scanner: one function per kind of token, each returns where the token ends, or SIZE_MAX when
 * it has no end. Follows PostgreSQL's scan.l. lexer-value.c undoes quotes and escapes.
 */
#include "sql/lexer.h"

#include "base/attrs.h"

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (unsigned char)c >= 0x80;
}

static bool is_word_part(char c)
{
	return is_word_start(c) || is_digit(c) || c == '$';
}

/* 0 past the end; a NUL inside the text is no part of any token but strings. */
static char char_at(struct slice text, size_t at)
{
	if (at < text.len)
		return text.ptr[at];
	return 0;
}

static bool has_pair(struct slice text, size_t at, char a, char b)
{
	return char_at(text, at) == a && char_at(text, at + 1) == b;
}

/* Past a nested comment that begins at `at`. */
static size_t comment_end(struct slice text, size_t at)
{
	size_t depth = 0;

	while (at < text.len) {
		if (has_pair(text, at, '/', '*')) {
			depth++;
			at += 2;
		} else if (has_pair(text, at, '*', '/')) {
			at += 2;
			if (--depth == 0)
				return at;
		} else {
			at++;
		}
	}
	return SIZE_MAX;
}

/* Skips white space and comments; false at a comment without an end. */
static bool skip_blank(struct lexer *lexer)
{
	struct slice text = lexer->text;

	while (lexer->at < text.len) {
		if (is_space(text.ptr[lexer->at])) {
			lexer->at++;
		} else if (has_pair(text, lexer->at, '-', '-')) {
			while (lexer->at < text.len && text.ptr[lexer->at] != '\n' &&
				text.ptr[lexer->at] != '\r')
				lexer->at++;
		} else if (has_pair(text, lexer->at, '/', '*')) {
			size_t end = comment_end(text, lexer->at);

			if (end == SIZE_MAX)
				return false;
			lexer->at = end;
		} else {
			return true;
		}
	}
	return true;
}

/* at stands on the opening quote; doubled quotes do not end it, nor does one after a backslash when
 * asked for. */
static size_t quoted_end(struct slice text, size_t at, bool backslash)
{
	char quote = text.ptr[at];

	for (at++; at < text.len; at++) {
		if (backslash && text.ptr[at] == '\\') {
			at++;
		} else if (text.ptr[at] == quote) {
			if (char_at(text, at + 1) != quote)
				return at + 1;
			at++;
		}
	}
	return SIZE_MAX;
}

/* Length of "$tag$" at `at`, 0 when there is none. */
static size_t dollar_tag(struct slice text, size_t at)
{
	size_t end = at + 1;

	if (is_digit(char_at(text, end)))
		return 0;
	while (char_at(text, end) != '$' && is_word_part(char_at(text, end)))
		end++;
	return char_at(text, end) == '$' ? end + 1 - at : 0;
}

static size_t dollar_end(struct slice text, size_t at, size_t tag_len)
{
	struct slice tag = slice_sub(text, at, at + tag_len);
	size_t end = slice_find(text, tag, at + tag_len);

	return end == SIZE_MAX ? SIZE_MAX : end + tag_len;
}

static size_t digits_end(struct slice text, size_t at)
{
	while (is_digit(char_at(text, at)) ||
		(char_at(text, at) == '_' && is_digit(char_at(text, at + 1))))
		at++;
	return at;
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static size_t number_end(struct slice text, size_t at)
{
	if (char_at(text, at) == '0' && (char_at(text, at + 1) | 0x20) == 'x' &&
		is_hex(char_at(text, at + 2))) {
		at += 2;
		while (is_hex(char_at(text, at)) || char_at(text, at) == '_')
			at++;
		return at;
	}
	at = digits_end(text, at);
	if (char_at(text, at) == '.' && char_at(text, at + 1) != '.')
		at = digits_end(text, at + 1);
	if ((char_at(text, at) | 0x20) == 'e') {
		size_t digits = at + 1;

		digits += char_at(text, digits) == '+' || char_at(text, digits) == '-';
		if (is_digit(char_at(text, digits)))
			at = digits_end(text, digits);
	}
	return at;
}

static bool is_operator(char c)
{
	return c && strchr("+-*/<>=~!@#%^&|`?", c);
}

/* A run of operator characters, cut before a comment; as in PostgreSQL, a longer one ends in + or -
 * only when it holds one of ~ ! @ # % ^ & | ` ?, so that "=-1" is two tokens. */
static size_t operator_end(struct slice text, size_t at)
{
	size_t end = at;
	bool special = false;

	while (is_operator(char_at(text, end)) && !has_pair(text, end, '-', '-') &&
		!has_pair(text, end, '/', '*')) {
		special |= strchr("~!@#%^&|`?", text.ptr[end]) != NULL;
		end++;
	}
	while (!special && end > at + 1 && (text.ptr[end - 1] == '+' || text.ptr[end - 1] == '-'))
		end--;
	return end;
}

/* A quoted form with a prefix: E'' B'' X'' N'' U&'' U&""; 0 when the word is only a word. */
static size_t prefixed_quote(struct slice text, size_t at)
{
	char letter = (char)(char_at(text, at) | 0x20);
	char next = char_at(text, at + 1);

	if (next == '\'' && (letter == 'e' || letter == 'b' || letter == 'x' || letter == 'n'))
		return at + 1;
	if (letter == 'u' && next == '&' &&
		(char_at(text, at + 2) == '\'' || char_at(text, at + 2) == '"'))
		return at + 2;
	return 0;
}

static struct token make(struct lexer *lexer, enum token_kind kind, size_t end)
{
	struct token token = {
		.kind = kind, .at = lexer->at, .text = slice_sub(lexer->text, lexer->at, end)};

	if (end == SIZE_MAX) {
		token.kind = TOKEN_ERROR;
		lexer->problem = kind == TOKEN_IDENT ? "quoted name" : "string";
	}
	lexer->at = token.at + token.text.len;
	return token;
}

static struct token next_quoted(struct lexer *lexer, size_t quote)
{
	bool name = lexer->text.ptr[quote] == '"';
	bool backslash = quote > lexer->at && (lexer->text.ptr[lexer->at] | 0x20) == 'e';

	return make(lexer, name ? TOKEN_IDENT : TOKEN_STRING,
		quoted_end(lexer->text, quote, backslash));
}

static struct token next_dollar(struct lexer *lexer)
{
	size_t tag = dollar_tag(lexer->text, lexer->at);
	size_t end = lexer->at + 1;

	if (tag)
		return make(lexer, TOKEN_STRING, dollar_end(lexer->text, lexer->at, tag));
	while (is_word_part(char_at(lexer->text, end)))
		end++;
	return make(lexer, end > lexer->at + 1 ? TOKEN_PARAM : TOKEN_OPERATOR, end);
}

static struct token next_word(struct lexer *lexer)
{
	size_t quote = prefixed_quote(lexer->text, lexer->at);
	size_t end = lexer->at;

	if (quote)
		return next_quoted(lexer, quote);
	while (is_word_part(char_at(lexer->text, end)))
		end++;
	return make(lexer, TOKEN_WORD, end);
}

struct token lexer_next(struct lexer *lexer)
{
	if (!skip_blank(lexer)) {
		struct token token = make(lexer, TOKEN_STRING, SIZE_MAX);

		lexer->problem = "comment";
		return token;
	}
	struct slice text = lexer->text;
	char c = char_at(text, lexer->at);

	if (lexer->at >= text.len)
		return (struct token){.kind = TOKEN_END, .at = text.len, .text = SLICE("")};
	if (c == '\'' || c == '"')
		return next_quoted(lexer, lexer->at);
	if (c == '$')
		return next_dollar(lexer);
	if (is_word_start(c))
		return next_word(lexer);
	if (is_digit(c) || (c == '.' && is_digit(char_at(text, lexer->at + 1))))
		return make(lexer, TOKEN_NUMBER, number_end(text, lexer->at));
	if (is_operator(c)) {
		size_t end = operator_end(text, lexer->at);
		bool param = c == '?' && end == lexer->at + 1;

		return make(lexer, param ? TOKEN_PARAM : TOKEN_OPERATOR, end);
	}
	bool pair = has_pair(text, lexer->at, ':', ':') || has_pair(text, lexer->at, ':', '=');

	return make(lexer, TOKEN_PUNCT, lexer->at + (pair ? 2 : 1));
}

struct token lexer_peek(const struct lexer *lexer)
{
	struct lexer ahead = *lexer;

	return lexer_next(&ahead);
}

bool token_is_word(struct token token, const char *word)
{
	return token.kind == TOKEN_WORD && slice_equal_nocase(token.text, slice_from_c(word));
}

bool token_is_punct(struct token token, char punct)
{
	return token.kind == TOKEN_PUNCT && token.text.len == 1 && token.text.ptr[0] == punct;
}

static bool starts_nocase(struct slice text, struct slice prefix)
{
	return text.len >= prefix.len && slice_equal_nocase(slice_sub(text, 0, prefix.len), prefix);
}

bool lexer_mentions_catalogue(struct slice text)
{
	static const char *const names[] = {"pg_", "information_schema", "regclass", "regtype",
		"regproc", "regnamespace", "regrole", "to_reg"};

	for (size_t at = 0; at < text.len; at++) {
		bool inside = at > 0 && is_word_part(text.ptr[at - 1]);

		for (size_t i = 0; !inside && i < array_len(names); i++)
			if (starts_nocase(slice_sub(text, at, text.len), slice_from_c(names[i])))
				return true;
	}
	return false;
}
