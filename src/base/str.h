#pragma once

#include "base/arena.h"
#include "base/attrs.h"
#include "base/slice.h"

/* A growing byte string in an arena. Always NUL-terminated once something was added. */
struct str {
	struct arena *arena;
	char *ptr;
	size_t len;
	size_t cap;
};

static inline struct str str_in(struct arena *arena)
{
	return (struct str){.arena = arena};
}

/* What was built so far; valid until the next add. Never none. */
static inline struct slice str_slice(const struct str *s)
{
	return slice_of(s->ptr ? s->ptr : "", s->len);
}

void str_add(struct str *s, struct slice text);
void str_add_c(struct str *s, const char *text);
void str_add_char(struct str *s, char c);
void str_printf(struct str *s, const char *fmt, ...) printf_like(2, 3);
/* Room for len more bytes, to be filled by the caller; the length grows by len. */
char *str_extend(struct str *s, size_t len);

/* Quoted forms. The SQL ones double the quote character; text must not hold NUL. */
void str_add_sql_ident(struct str *s, struct slice name);   /* "na""me", always quoted */
void str_add_sql_literal(struct str *s, struct slice text); /* 'te''xt' */
/* A JSON string with its quotes, RFC 8259 section 7; bytes that are not UTF-8 become U+FFFD. */
void str_add_json(struct str *s, struct slice text);
