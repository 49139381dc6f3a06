/* A recursive JSON reader with limits; see tree.h. One function per production of RFC 8259. */
#include "sql/tree.h"

enum {
	MAX_BYTES = 32 * 1024 * 1024,
	MAX_LEVELS = 1000,
	MAX_VALUES = 1500000,
	MAX_KEYS = 64,
};

struct reader {
	struct arena *arena;
	struct slice text;
	size_t at;
	size_t values;
	unsigned level;
	struct error *err;
};

static bool read_value(struct reader *r, struct tree *out);

static bool fail(struct reader *r)
{
	return error_set(r->err, INTERNAL_ERROR,
		"the worker's syntax tree is not valid JSON at byte %zu", r->at);
}

static bool too_large(struct reader *r, const char *what)
{
	error_set(r->err, STATEMENT_TOO_COMPLEX, "the statement is too large: %s", what);
	return error_hint(r->err, "Split it, or shorten its lists.");
}

static int peek(const struct reader *r)
{
	return r->at < r->text.len ? (unsigned char)r->text.ptr[r->at] : -1;
}

static void skip_space(struct reader *r)
{
	while (peek(r) == ' ' || peek(r) == '\n' || peek(r) == '\t' || peek(r) == '\r')
		r->at++;
}

static bool read_word(struct reader *r, const char *word, struct tree *out, enum tree_kind kind)
{
	size_t len = strlen(word);

	if (r->text.len - r->at < len || memcmp(r->text.ptr + r->at, word, len) != 0)
		return fail(r);
	if (kind == TREE_BOOL)
		out->text = slice_of(r->text.ptr + r->at, len);
	out->kind = kind;
	r->at += len;
	return true;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool read_digits(struct reader *r)
{
	size_t from = r->at;

	while (is_digit(peek(r)))
		r->at++;
	return r->at > from || fail(r);
}

static bool read_number(struct reader *r, struct tree *out)
{
	size_t from = r->at;

	r->at += peek(r) == '-';
	if (!read_digits(r))
		return false;
	if (peek(r) == '.') {
		r->at++;
		if (!read_digits(r))
			return false;
	}
	if (peek(r) == 'e' || peek(r) == 'E') {
		r->at++;
		r->at += peek(r) == '+' || peek(r) == '-';
		if (!read_digits(r))
			return false;
	}
	out->kind = TREE_NUMBER;
	out->text = slice_sub(r->text, from, r->at);
	return true;
}

static bool read_hex4(struct reader *r, uint32_t *out)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++, r->at++) {
		int c = peek(r) | 0x20;
		if (is_digit(peek(r)))
			value = value * 16 + (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (uint32_t)(c - 'a' + 10);
		else
			return fail(r);
	}
	*out = value;
	return true;
}

static size_t put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* After "\u". NUL is refused: C strings would be cut at it. */
static bool read_unicode(struct reader *r, char *to, size_t *len)
{
	uint32_t c = 0;
	uint32_t low = 0;

	if (!read_hex4(r, &c))
		return false;
	if (c >= 0xd800 && c < 0xdc00) {
		if (peek(r) != '\\' || r->text.len - r->at < 2 || r->text.ptr[r->at + 1] != 'u')
			return fail(r);
		r->at += 2;
		if (!read_hex4(r, &low))
			return false;
		if (low < 0xdc00 || low > 0xdfff)
			return fail(r);
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	} else if (c == 0 || (c >= 0xdc00 && c < 0xe000)) {
		return fail(r);
	}
	*len += put_utf8(to + *len, c);
	return true;
}

static bool read_escape(struct reader *r, char *to, size_t *len)
{
	static const char from[] = "\"\\/bfnrt";
	static const char means[] = "\"\\/\b\f\n\r\t";
	int c = peek(r);
	const char *found = c > 0 ? strchr(from, c) : NULL;

	r->at++;
	if (c == 'u')
		return read_unicode(r, to, len);
	if (!found)
		return fail(r);
	to[(*len)++] = means[found - from];
	return true;
}

/* The text is never longer than what stands between the quotes. */
static bool read_string(struct reader *r, struct slice *out)
{
	size_t from = ++r->at;
	bool escaped = false;

	while (peek(r) != '"') {
		if (peek(r) < 0x20)
			return fail(r);
		escaped = escaped || peek(r) == '\\';
		r->at += peek(r) == '\\' ? 2 : 1;
	}
	*out = slice_sub(r->text, from, r->at);
	r->at++;
	if (!escaped)
		return true;
	size_t end = r->at;
	char *to = arena_alloc(r->arena, out->len + 1);
	size_t len = 0;
	for (r->at = from; r->at < end - 1;) {
		if (peek(r) != '\\') {
			to[len++] = r->text.ptr[r->at++];
			continue;
		}
		r->at++;
		if (!read_escape(r, to, &len))
			return false;
	}
	r->at = end;
	*out = slice_of(to, len);
	return true;
}

static bool key_is_new(const struct tree *object, struct slice key)
{
	tree_each (child, object)
		if (slice_equal(child->key, key))
			return false;
	return true;
}

static bool read_key(struct reader *r, const struct tree *object, struct slice *key)
{
	if (object->count >= MAX_KEYS || peek(r) != '"')
		return fail(r);
	if (!read_string(r, key))
		return false;
	skip_space(r);
	if (peek(r) != ':' || !key_is_new(object, *key))
		return fail(r);
	r->at++;
	return true;
}

static bool read_children(struct reader *r, struct tree *out, int end)
{
	const struct tree **tail = &out->first;

	r->at++;
	skip_space(r);
	if (peek(r) == end) {
		r->at++;
		return true;
	}
	for (;;) {
		struct slice key = SLICE_NONE;
		skip_space(r);
		if (end == '}' && !read_key(r, out, &key))
			return false;
		struct tree *child = arena_new_of(r->arena, struct tree);
		if (!read_value(r, child))
			return false;
		child->key = key;
		*tail = child;
		tail = &child->next;
		out->count++;
		if (peek(r) == end)
			break;
		if (peek(r) != ',')
			return fail(r);
		r->at++;
	}
	r->at++;
	return true;
}

static bool read_any(struct reader *r, struct tree *out)
{
	switch (peek(r)) {
	case '{': out->kind = TREE_OBJECT; return read_children(r, out, '}');
	case '[': out->kind = TREE_ARRAY; return read_children(r, out, ']');
	case '"': out->kind = TREE_STRING; return read_string(r, &out->text);
	case 't': return read_word(r, "true", out, TREE_BOOL);
	case 'f': return read_word(r, "false", out, TREE_BOOL);
	case 'n': return read_word(r, "null", out, TREE_NULL);
	default: return read_number(r, out);
	}
}

/* With the white space on both sides. */
static bool read_value(struct reader *r, struct tree *out)
{
	if (r->values++ >= MAX_VALUES)
		return too_large(r, "too many parts");
	if (r->level >= MAX_LEVELS)
		return too_large(r, "nested too deeply");
	r->level++;
	skip_space(r);
	size_t from = r->at;
	if (!read_any(r, out))
		return false;
	out->raw = slice_sub(r->text, from, r->at);
	skip_space(r);
	r->level--;
	return true;
}

bool tree_parse(struct arena *arena, struct slice text, const struct tree **out, struct error *err)
{
	struct reader r = {.arena = arena, .text = text, .err = err};
	struct tree *root = arena_new_of(arena, struct tree);

	if (text.len > MAX_BYTES)
		return too_large(&r, "its syntax tree has more than 32 MB");
	if (!slice_is_utf8(text))
		return fail(&r);
	if (!read_value(&r, root))
		return false;
	if (r.at != text.len)
		return fail(&r);
	*out = root;
	return true;
}

const struct tree *tree_get(const struct tree *tree, const char *key)
{
	if (!tree || tree->kind != TREE_OBJECT)
		return NULL;
	tree_each (child, tree)
		if (slice_equal_c(child->key, key))
			return child;
	return NULL;
}

struct slice tree_text(const struct tree *tree, const char *key)
{
	const struct tree *value = tree_get(tree, key);

	return value && value->kind == TREE_STRING ? value->text : SLICE_NONE;
}

bool tree_is_true(const struct tree *tree)
{
	return tree && tree->kind == TREE_BOOL && tree->text.ptr[0] == 't';
}

bool tree_is(const struct tree *tree, const char *key, const char *text)
{
	return slice_equal_c(tree_text(tree, key), text);
}

bool tree_is_empty_text(const struct tree *tree, const char *key)
{
	return tree_text(tree, key).len == 0;
}
