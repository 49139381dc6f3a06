/* What a token stands for: quotes doubled inside become one, escapes become bytes. */
#include "base/str.h"
#include "sql/lexer.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly count hex digits at `at`; -1 when they are not there. */
static int64_t hex_number(struct slice text, size_t at, size_t count)
{
	int64_t value = 0;

	if (at + count > text.len)
		return -1;
	for (size_t i = 0; i < count; i++) {
		int digit = hex_value(text.ptr[at + i]);

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* False for what is no character: NUL, surrogates, beyond U+10FFFF. */
static bool add_character(struct str *out, int64_t code)
{
	if (code <= 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return false;
	if (code < 0x80) {
		str_add_char(out, (char)code);
		return true;
	}
	int tails = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const unsigned char heads[] = {0, 0xc0, 0xe0, 0xf0};

	str_add_char(out, (char)(heads[tails] | (code >> (6 * tails))));
	while (tails-- > 0)
		str_add_char(out, (char)(0x80 | ((code >> (6 * tails)) & 0x3f)));
	return true;
}

/* \b \f \n \r \t \ooo \xhh; *at stands behind the backslash and moves past the escape. */
static bool add_plain_escape(struct str *out, struct slice text, size_t *at)
{
	static const char letters[] = "bfnrt";
	static const char bytes[] = "\b\f\n\r\t";
	char c = text.ptr[(*at)++];
	const char *letter = strchr(letters, c);
	int value = 0;

	if (c && letter) {
		str_add_char(out, bytes[letter - letters]);
		return true;
	}
	if (c >= '0' && c <= '7') {
		value = c - '0';
		for (int i = 0;
			i < 2 && *at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '7';
			i++)
			value = value * 8 + text.ptr[(*at)++] - '0';
	} else if (c == 'x' && *at < text.len && hex_value(text.ptr[*at]) >= 0) {
		for (int i = 0; i < 2 && *at < text.len && hex_value(text.ptr[*at]) >= 0; i++)
			value = value * 16 + hex_value(text.ptr[(*at)++]);
	} else {
		value = (unsigned char)c;
	}
	str_add_char(out, (char)value);
	return (value & 0xff) != 0;
}

static bool add_escape(struct str *out, struct slice text, size_t *at)
{
	if (*at >= text.len)
		return false;
	char c = text.ptr[*at];

	if (c != 'u' && c != 'U')
		return add_plain_escape(out, text, at);
	size_t digits = c == 'u' ? 4 : 8;
	int64_t code = hex_number(text, *at + 1, digits);

	*at += 1 + digits;
	return add_character(out, code);
}

/* \XXXX \+XXXXXX \\ of U&'' */
static bool add_unicode_escape(struct str *out, struct slice text, size_t *at)
{
	if (*at < text.len && text.ptr[*at] == '\\') {
		str_add_char(out, '\\');
		*at += 1;
		return true;
	}
	bool wide = *at < text.len && text.ptr[*at] == '+';
	size_t digits = wide ? 6 : 4;
	int64_t code = hex_number(text, *at + wide, digits);

	*at += wide + digits;
	return add_character(out, code);
}

typedef bool (*escape_fn)(struct str *out, struct slice text, size_t *at);

static struct slice unquote(struct arena *arena, struct slice inside, char quote, escape_fn escape)
{
	struct str out = str_in(arena);
	size_t at = 0;

	while (at < inside.len) {
		char c = inside.ptr[at++];

		if (c == 0)
			return SLICE_NONE;
		if (c == '\\' && escape) {
			if (!escape(&out, inside, &at))
				return SLICE_NONE;
			continue;
		}
		if (c == quote)
			at++;
		str_add_char(&out, c);
	}
	return slice_is_utf8(str_slice(&out)) ? str_slice(&out) : SLICE_NONE;
}

static struct slice dollar_value(struct slice text)
{
	size_t tag = slice_find(text, SLICE("$"), 1) + 1;
	struct slice inside = slice_sub(text, tag, text.len - tag);

	return memchr(inside.ptr, 0, inside.len) ? SLICE_NONE : inside;
}

struct slice token_value(struct arena *arena, struct token token)
{
	struct slice text = token.text;
	escape_fn escape = NULL;

	if (token.kind == TOKEN_WORD)
		return text;
	if (token.kind != TOKEN_IDENT && token.kind != TOKEN_STRING)
		return SLICE_NONE;
	if (text.ptr[0] == '$')
		return dollar_value(text);
	size_t quote = 0;

	while (text.ptr[quote] != '\'' && text.ptr[quote] != '"')
		quote++;
	if (quote == 1 && (text.ptr[0] | 0x20) == 'e')
		escape = add_escape;
	if (quote == 2)
		escape = add_unicode_escape;
	return unquote(arena, slice_sub(text, quote + 1, text.len - 1), text.ptr[quote], escape);
}

struct slice token_name(struct arena *arena, struct token token)
{
	if (token.kind != TOKEN_WORD)
		return token_value(arena, token);
	char *lower = arena_cstr(arena, token.text);

	for (size_t i = 0; i < token.text.len; i++)
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] = (char)(lower[i] | 0x20);
	return slice_of(lower, token.text.len);
}
