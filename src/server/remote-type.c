/* Type names that another node sends go into SQL: only what surely is the name of a type may. */
#include "server/remote-wire.h"

enum { DEPTH_MAX = 50, DIGITS_MAX = 9 };

struct scan {
	const char *at;
	const char *end;
};

static bool read_type(struct scan *s, int depth);

static bool take_char(struct scan *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static struct slice take_word(struct scan *s)
{
	const char *begin = s->at;

	while (s->at < s->end && is_word(*s->at))
		s->at++;
	return slice_of(begin, (size_t)(s->at - begin));
}

static bool take_number(struct scan *s)
{
	struct slice word = take_word(s);

	for (size_t i = 0; i < word.len; i++)
		if (word.ptr[i] < '0' || word.ptr[i] > '9')
			return false;
	return word.len > 0 && word.len <= DIGITS_MAX;
}

/* "na""me" or 'te''xt'. */
static bool take_quoted(struct scan *s, char quote)
{
	if (!take_char(s, quote))
		return false;
	while (s->at < s->end)
		if (*s->at++ == quote && !take_char(s, quote))
			return true;
	return false;
}

static bool take_text(struct scan *s, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, text, len) != 0)
		return false;
	s->at += len;
	return true;
}

static bool read_member(struct scan *s, int depth)
{
	bool quoted = s->at < s->end && *s->at == '"';

	return (quoted ? take_quoted(s, '"') : take_word(s).len > 0) && take_char(s, ' ') &&
	       read_type(s, depth);
}

static bool read_value(struct scan *s, int depth)
{
	(void)depth;
	return take_quoted(s, '\'');
}

static bool read_digits(struct scan *s, int depth)
{
	(void)depth;
	return take_number(s);
}

/* "(a, b)", each as read says. */
static bool read_list(struct scan *s, int depth, bool (*read)(struct scan *, int))
{
	if (!take_char(s, '('))
		return false;
	do {
		while (take_char(s, ' '))
			;
		if (!read(s, depth))
			return false;
	} while (take_char(s, ','));
	return take_char(s, ')');
}

static bool is_scalar(struct slice word)
{
	static const char *const names[] = {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT",
		"HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT",
		"DOUBLE", "VARCHAR", "BLOB", "BIT", "UUID", "JSON", "DATE", "TIME", "TIME_NS",
		"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "INTERVAL", "BIGNUM"};

	for (size_t i = 0; i < array_len(names); i++)
		if (slice_equal_c(word, names[i]))
			return true;
	return false;
}

static bool read_base(struct scan *s, int depth)
{
	if (take_text(s, "\"NULL\""))
		return true;
	struct slice word = take_word(s);

	if (slice_equal_c(word, "DECIMAL"))
		return read_list(s, depth, read_digits);
	if (slice_equal_c(word, "ENUM"))
		return read_list(s, depth, read_value);
	if (slice_equal_c(word, "STRUCT") || slice_equal_c(word, "UNION"))
		return read_list(s, depth, read_member);
	if (slice_equal_c(word, "MAP"))
		return read_list(s, depth, read_type);
	if (slice_equal_c(word, "TIME") || slice_equal_c(word, "TIMESTAMP"))
		(void)take_text(s, " WITH TIME ZONE");
	return is_scalar(word);
}

static bool read_type(struct scan *s, int depth)
{
	if (depth >= DEPTH_MAX || !read_base(s, depth + 1))
		return false;
	while (take_char(s, '[')) {
		if (s->at < s->end && *s->at != ']' && !take_number(s))
			return false;
		if (!take_char(s, ']'))
			return false;
	}
	return true;
}

bool remote_type_is_sound(struct slice type)
{
	struct scan s = {type.ptr, type.ptr + type.len};

	return type.len > 0 && memchr(type.ptr, 0, type.len) == NULL && read_type(&s, 0) &&
	       s.at == s.end;
}
