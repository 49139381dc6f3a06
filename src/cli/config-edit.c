/*
 * Changes one setting in the text of weft.toml and leaves everything else, comments too, as it is.
 * The line of the setting is replaced; otherwise a line is added below its section's head, or the
 * section at the end. Whoever calls loads the result before writing it: what this cannot edit (an
 * array over several lines) does not load.
 */
#include "cli/config-edit.h"

#include "base/str.h"

/* Where line number `line` (from 1) begins. */
static size_t line_start(struct slice text, int line)
{
	size_t at = 0;

	while (--line > 0 && at < text.len) {
		size_t end = slice_find(text, SLICE("\n"), at);

		at = end == SIZE_MAX ? text.len : end + 1;
	}
	return at;
}

static size_t next_line(struct slice text, size_t at)
{
	size_t end = slice_find(text, SLICE("\n"), at);

	return end == SIZE_MAX ? text.len : end + 1;
}

/* Behind the head of the section, or SIZE_MAX. */
static size_t section_body(struct slice text, struct slice section)
{
	for (size_t at = 0; at < text.len; at = next_line(text, at)) {
		struct slice line = slice_trim(slice_sub(text, at, next_line(text, at)));

		if (line.len < section.len + 2 || line.ptr[0] != '[')
			continue;
		struct slice name = slice_sub(line, 1, line.len);
		size_t end = slice_find(name, SLICE("]"), 0);

		if (end != SIZE_MAX && slice_equal(slice_trim(slice_sub(name, 0, end)), section))
			return next_line(text, at);
	}
	return SIZE_MAX;
}

struct slice config_edit(struct arena *arena, const struct config_change *change)
{
	struct slice text = slice_is_none(change->text) ? SLICE("") : change->text;
	struct slice key = slice_from_c(change->name);
	struct slice section = slice_split(&key, '.');
	struct str out = str_in(arena);
	size_t from = change->line ? line_start(text, change->line) : section_body(text, section);
	size_t to = change->line ? next_line(text, from) : from;
	bool new_section = from == SIZE_MAX;

	str_add(&out, slice_sub(text, 0, new_section ? text.len : from));
	if (out.len && out.ptr[out.len - 1] != '\n')
		str_add_char(&out, '\n');
	if (new_section)
		str_printf(&out, "%s[%.*s]\n", out.len ? "\n" : "", SLICE_FMT(section));
	str_printf(&out, "%.*s = %.*s\n", SLICE_FMT(key), SLICE_FMT(change->value));
	if (!new_section)
		str_add(&out, slice_sub(text, to, text.len));
	return str_slice(&out);
}
