#include "cli/sql-text.h"

#include "base/str.h"
#include "base/vec.h"

static bool is_word_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_word(char c)
{
	return is_word_start(c) || (c >= '0' && c <= '9');
}

static char at(struct slice text, size_t i)
{
	return (char)(i < text.len ? text.ptr[i] : 0);
}

/* Past a quoted stretch that begins at i; text.len + 1 when it is not closed. */
static size_t skip_quoted(struct slice text, size_t i)
{
	char quote = text.ptr[i];

	for (i++; i < text.len; i++) {
		if (text.ptr[i] != quote)
			continue;
		if (at(text, i + 1) != quote)
			return i + 1;
		i++;
	}
	return text.len + 1;
}

static size_t skip_block_comment(struct slice text, size_t i)
{
	int depth = 0;

	for (; i < text.len; i++) {
		if (text.ptr[i] == '/' && at(text, i + 1) == '*') {
			depth++;
			i++;
		} else if (text.ptr[i] == '*' && at(text, i + 1) == '/') {
			i++;
			if (--depth == 0)
				return i + 1;
		}
	}
	return text.len + 1;
}

/* $tag$ … $tag$; i itself when it is none. */
static size_t skip_dollar(struct slice text, size_t i)
{
	size_t end = i + 1;

	while (end < text.len && is_word(text.ptr[end]))
		end++;
	if (at(text, end) != '$' || (at(text, i + 1) >= '0' && at(text, i + 1) <= '9'))
		return i;
	struct slice tag = slice_sub(text, i, end + 1);
	size_t close = slice_find(text, tag, end + 1);

	return close == SIZE_MAX ? text.len + 1 : close + tag.len;
}

/* Past a string, quoted name or comment at i; i itself when none begins there. */
static size_t skip(struct slice text, size_t i)
{
	char c = text.ptr[i];

	if (c == '\'' || c == '"')
		return skip_quoted(text, i);
	if (c == '-' && at(text, i + 1) == '-') {
		size_t end = slice_find(text, SLICE("\n"), i);

		return end == SIZE_MAX ? text.len : end;
	}
	if (c == '/' && at(text, i + 1) == '*')
		return skip_block_comment(text, i);
	if (c == '$' && (i == 0 || !is_word(text.ptr[i - 1])))
		return skip_dollar(text, i);
	return i;
}

bool sql_is_complete(struct slice text)
{
	bool ended = false;

	for (size_t i = 0; i < text.len;) {
		size_t next = skip(text, i);
		bool blank = text.ptr[i] == ' ' || text.ptr[i] == '\n' || text.ptr[i] == '\t' ||
			     text.ptr[i] == '\r';

		if (next > text.len)
			return false;
		if (next > i) {
			ended = ended && text.ptr[i] != '\'' && text.ptr[i] != '"';
			i = next;
			continue;
		}
		if (!blank)
			ended = text.ptr[i] == ';';
		i++;
	}
	return ended;
}

bool sql_param_parse(const char *text, struct sql_param *out, struct error *err)
{
	struct slice value = slice_from_c(text);
	struct slice type = slice_split(&value, '=');
	struct slice name = slice_split(&type, ':');

	if (slice_is_none(value) || name.len == 0) {
		error_set(err, INVALID_PARAMETER_VALUE, "\"%.100s\" is not NAME=VALUE", text);
		return error_hint(err, "as in --param region=EU or --param day:date=2026-01-31");
	}
	*out = (struct sql_param){name, type, value};
	return true;
}

/* State of one rewriting: which parameters got which number. */
struct binding {
	struct arena *arena;
	const struct sql_params *params;
	VEC(size_t) used; /* numbers → index of the parameter */
	struct str out;
};

static size_t find_param(const struct binding *binding, struct slice name)
{
	for (size_t i = 0; i < binding->params->len; i++)
		if (slice_equal(binding->params->items[i].name, name))
			return i;
	return SIZE_MAX;
}

static size_t number_of(struct binding *binding, size_t param)
{
	for (size_t i = 0; i < binding->used.len; i++)
		if (binding->used.items[i] == param)
			return i + 1;
	vec_push(binding->arena, &binding->used, param);
	return binding->used.len;
}

/* :name or $1 at i; *next_out behind it. false: it is neither. */
static bool take_param(struct binding *binding, struct slice text, size_t i, size_t *next_out)
{
	bool colon = text.ptr[i] == ':' && is_word_start(at(text, i + 1)) &&
		     (i == 0 || (text.ptr[i - 1] != ':' && !is_word(text.ptr[i - 1])));
	bool dollar = text.ptr[i] == '$' && at(text, i + 1) >= '1' && at(text, i + 1) <= '9';
	size_t end = i + 1;

	if (!colon && !dollar)
		return false;
	while (end < text.len && is_word(text.ptr[end]))
		end++;
	size_t param = find_param(binding, slice_sub(text, i + 1, end));

	if (param == SIZE_MAX)
		return false;
	str_printf(&binding->out, "$%zu", number_of(binding, param));
	*next_out = end;
	return true;
}

static json_t *value_json(const struct sql_param *param)
{
	json_t *typed = NULL;

	if (slice_is_none(param->type))
		return json_from_slice(param->value);
	typed = json_object();
	json_set_slice(typed, "type", param->type);
	json_set_slice(typed, "value", param->value);
	return typed;
}

bool sql_bind(struct arena *arena, struct slice text, const struct sql_params *params,
	struct slice *text_out, json_t **values_out, struct error *err)
{
	struct binding binding = {arena, params, {0}, str_in(arena)};

	for (size_t i = 0; i < text.len;) {
		size_t next = skip(text, i);

		if (next > i) {
			next = next > text.len ? text.len : next;
			str_add(&binding.out, slice_sub(text, i, next));
		} else if (take_param(&binding, text, i, &next)) {
			/* its number was written */
		} else if (text.ptr[i] == '$' && at(text, i + 1) >= '1' && at(text, i + 1) <= '9') {
			error_set(err, UNDEFINED_PARAMETER, "there is no value for $%c",
				text.ptr[i + 1]);
			return error_hint(err, "pass --param %c=VALUE", text.ptr[i + 1]);
		} else {
			str_add_char(&binding.out, text.ptr[i]);
			next = i + 1;
		}
		i = next;
	}
	*values_out = json_array();
	for (size_t i = 0; i < binding.used.len; i++)
		json_array_append_new(
			*values_out, value_json(&params->items[binding.used.items[i]]));
	*text_out = str_slice(&binding.out);
	return true;
}
