#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/num.h"

char *str_extend(struct str *s, size_t len)
{
	size_t need;

	if (!checked_add(s->len, len, &need) || !checked_add(need, 1u, &need))
		panic("str too long");
	if (need > s->cap) {
		size_t cap = max_of(need, s->cap * 2);

		cap = max_of(cap, 64u);
		s->ptr = arena_grow(s->arena, s->ptr, s->len, cap);
		s->cap = cap;
	}
	char *at = s->ptr + s->len;

	s->len += len;
	s->ptr[s->len] = 0;
	return at;
}

void str_add(struct str *s, struct slice text)
{
	char *at = str_extend(s, text.len);

	if (text.len)
		memcpy(at, text.ptr, text.len);
}

void str_add_c(struct str *s, const char *text)
{
	str_add(s, slice_from_c(text));
}

void str_add_char(struct str *s, char c)
{
	*str_extend(s, 1) = c;
}

void str_printf(struct str *s, const char *fmt, ...)
{
	va_list args;
	va_list again;

	check(fmt != NULL);
	va_start(args, fmt);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	check(len >= 0);
	char *at = str_extend(s, (size_t)len);

	vsnprintf(at, (size_t)len + 1, fmt, again);
	va_end(again);
}

static void add_doubled(struct str *s, struct slice text, char quote)
{
	str_add_char(s, quote);
	for (size_t i = 0; i < text.len; i++) {
		check(text.ptr[i] != 0);
		if (text.ptr[i] == quote)
			str_add_char(s, quote);
		str_add_char(s, text.ptr[i]);
	}
	str_add_char(s, quote);
}

void str_add_sql_ident(struct str *s, struct slice name)
{
	add_doubled(s, name, '"');
}

void str_add_sql_literal(struct str *s, struct slice text)
{
	add_doubled(s, text, '\'');
}

static void add_json_escape(struct str *s, unsigned char c)
{
	static const char SHORT[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (size_t i = 0; SHORT[i]; i += 2) {
		if ((unsigned char)SHORT[i] == c) {
			str_add_char(s, '\\');
			str_add_char(s, SHORT[i + 1]);
			return;
		}
	}
	str_printf(s, "\\u%04x", c);
}

void str_add_json(struct str *s, struct slice text)
{
	bool utf8 = slice_is_utf8(text);

	str_add_char(s, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < 0x20 || c == '"' || c == '\\')
			add_json_escape(s, c);
		else if (c >= 0x80 && !utf8)
			str_add_c(s, "\xef\xbf\xbd");
		else
			str_add_char(s, (char)c);
	}
	str_add_char(s, '"');
}
