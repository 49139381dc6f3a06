/*
 * The part of TOML that weft.toml may use: see config.h. One pass over the bytes, which may come
 * from anywhere; texts are bounded by the file's size.
 */
#include "base/num.h"
#include "config/config-private.h"

struct parser {
	struct arena *arena;
	const char *file;
	struct slice text;
	size_t at;
	int line;
	size_t line_start;
	struct slice section; /* "pg." */
	struct error *err;
};

static int column_of(const struct parser *p, size_t at)
{
	return (int)(at - p->line_start) + 1;
}

#define fail(p, position, ...)                                                                     \
	(error_set((p)->err, CONFIG_FILE_ERROR, __VA_ARGS__),                                      \
		error_wrap(                                                                        \
			(p)->err, "%s:%d:%d", (p)->file, (p)->line, column_of((p), (position))))

static int peek(const struct parser *p)
{
	return p->at < p->text.len ? (unsigned char)p->text.ptr[p->at] : -1;
}

static void skip_blanks(struct parser *p)
{
	while (peek(p) == ' ' || peek(p) == '\t')
		p->at++;
}

static void next_line(struct parser *p)
{
	p->at++;
	p->line++;
	p->line_start = p->at;
}

static void skip_comment(struct parser *p)
{
	if (peek(p) == '#')
		while (peek(p) != -1 && peek(p) != '\n')
			p->at++;
}

/* Blanks, comments and line ends: between statements and inside arrays. */
static void skip_space(struct parser *p)
{
	for (;;) {
		skip_blanks(p);
		skip_comment(p);
		if (peek(p) == '\r' && p->at + 1 < p->text.len && p->text.ptr[p->at + 1] == '\n')
			p->at++;
		if (peek(p) != '\n')
			return;
		next_line(p);
	}
}

static bool is_key_char(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.';
}

static struct slice read_word(struct parser *p)
{
	size_t start = p->at;

	while (is_key_char(peek(p)))
		p->at++;
	return slice_sub(p->text, start, p->at);
}

static void add_code_point(struct str *out, uint32_t c)
{
	if (c < 0x80) {
		str_add_char(out, (char)c);
		return;
	}
	if (c < 0x800) {
		str_add_char(out, (char)(0xc0 | (c >> 6)));
	} else {
		if (c < 0x10000) {
			str_add_char(out, (char)(0xe0 | (c >> 12)));
		} else {
			str_add_char(out, (char)(0xf0 | (c >> 18)));
			str_add_char(out, (char)(0x80 | ((c >> 12) & 0x3f)));
		}
		str_add_char(out, (char)(0x80 | ((c >> 6) & 0x3f)));
	}
	str_add_char(out, (char)(0x80 | (c & 0x3f)));
}

static bool read_hex(struct parser *p, int digits, struct str *out)
{
	uint32_t code = 0;

	for (int i = 0; i < digits; i++, p->at++) {
		int c = peek(p);
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;

		if (digit < 0)
			return fail(p, p->at, "\\%c needs %d hex digits", digits == 4 ? 'u' : 'U',
				digits);
		code = code << 4 | (uint32_t)digit;
	}
	if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return fail(p, p->at, "not a Unicode character");
	add_code_point(out, code);
	return true;
}

static bool read_escape(struct parser *p, struct str *out)
{
	static const char FROM[] = "btnfr\"\\";
	static const char TO[] = "\b\t\n\f\r\"\\";
	int c = peek(p);
	const char *found = c > 0 ? strchr(FROM, c) : NULL;

	p->at++;
	if (found) {
		str_add_char(out, TO[found - FROM]);
		return true;
	}
	if (c == 'u' || c == 'U')
		return read_hex(p, c == 'u' ? 4 : 8, out);
	return fail(p, p->at - 1, "unknown escape in a string; write \\\\ for a backslash");
}

static bool read_string(struct parser *p, struct slice *out)
{
	struct str text = str_in(p->arena);
	size_t start = p->at;
	int quote = peek(p);

	for (p->at++; peek(p) != quote; p->at++) {
		int c = peek(p);

		if (c == -1 || c == '\n')
			return fail(p, start, "this string has no end");
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return fail(p, p->at, "control character in a string");
		if (c != '\\' || quote == '\'') {
			str_add_char(&text, (char)c);
			continue;
		}
		p->at++;
		if (!read_escape(p, &text))
			return false;
		p->at--;
	}
	p->at++;
	*out = str_slice(&text);
	return true;
}

static bool read_array(struct parser *p, struct slice *out)
{
	struct str items = str_in(p->arena);
	struct slice item = SLICE_NONE;

	p->at++;
	for (;;) {
		skip_space(p);
		if (peek(p) == ']')
			break;
		if (peek(p) != '"' && peek(p) != '\'')
			return fail(p, p->at, "a list holds strings: [\"one\", \"two\"]");
		size_t start = p->at;

		if (!read_string(p, &item))
			return false;
		if (slice_find(item, SLICE("\n"), 0) != SIZE_MAX)
			return fail(p, start, "line end in an item of a list");
		if (items.len)
			str_add_char(&items, '\n');
		str_add(&items, item);
		skip_space(p);
		if (peek(p) == ',')
			p->at++;
		else if (peek(p) != ']')
			return fail(p, p->at, "expected \",\" or \"]\"");
	}
	p->at++;
	*out = str_slice(&items);
	return true;
}

static bool read_value(struct parser *p, struct setting *setting)
{
	int c = peek(p);

	setting->column = column_of(p, p->at);
	setting->line = p->line;
	setting->origin = CONFIG_FROM_FILE;
	if (c == '"' || c == '\'') {
		setting->form = SETTING_TEXT;
		return read_string(p, &setting->text);
	}
	if (c == '[') {
		setting->form = SETTING_ARRAY;
		return read_array(p, &setting->text);
	}
	setting->form = SETTING_BARE;
	setting->text = read_word(p);
	return setting->text.len || fail(p, p->at, "a value is missing; texts need quotes");
}

static bool read_section(struct parser *p)
{
	p->at++;
	skip_blanks(p);
	struct slice name = read_word(p);

	skip_blanks(p);
	if (!name.len || peek(p) != ']')
		return fail(p, p->at, "expected a section such as [pg]");
	p->at++;
	p->section = arena_printf(p->arena, "%.*s.", SLICE_FMT(name));
	return true;
}

static bool read_pair(struct parser *p, struct setting *settings)
{
	size_t start = p->at;
	struct slice word = read_word(p);

	if (!word.len)
		return fail(p, start, "expected a setting, such as port = 6432");
	struct slice name =
		arena_printf(p->arena, "%.*s%.*s", SLICE_FMT(p->section), SLICE_FMT(word));
	int param = config_find(name);

	if (param < 0) {
		const char *near = config_nearest(name);

		fail(p, start, "there is no setting \"%.*s\"", SLICE_FMT(name));
		return near ? error_hint(p->err, "did you mean \"%s\"?", near)
			    : error_hint(p->err, "docs/reference/params.md has all settings");
	}
	if (settings[param].origin == CONFIG_FROM_FILE)
		return fail(p, start, "\"%.*s\" stands here twice; first in line %d",
			SLICE_FMT(name), settings[param].line);
	skip_blanks(p);
	if (peek(p) != '=')
		return fail(p, p->at, "expected \"=\" after \"%.*s\"", SLICE_FMT(word));
	p->at++;
	skip_blanks(p);
	return read_value(p, &settings[param]);
}

bool config_parse(struct arena *arena, const char *file_name, struct slice text,
	struct setting *settings, struct error *err)
{
	struct parser p = {.arena = arena,
		.file = file_name,
		.text = text,
		.line = 1,
		.section = SLICE(""),
		.err = err};

	if (!slice_is_utf8(text))
		return error_set(err, CONFIG_FILE_ERROR, "%s: not UTF-8 text", file_name);
	for (;;) {
		skip_space(&p);
		if (peek(&p) == -1)
			return true;
		if (!(peek(&p) == '[' ? read_section(&p) : read_pair(&p, settings)))
			return false;
		skip_blanks(&p);
		skip_comment(&p);
		if (peek(&p) != '\n' && peek(&p) != '\r' && peek(&p) != -1)
			return fail(&p, p.at, "expected the end of the line");
	}
}
