#include "cli/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/vec.h"

/* Objects of the API in every format. Their JSON member names are a stable interface. */

struct slice output_cell(struct arena *arena, const json_t *value)
{
	if (!value || json_is_null(value))
		return SLICE_NONE;
	if (json_is_string(value))
		return slice_of(json_string_value(value), json_string_length(value));
	if (json_is_array(value)) {
		struct str list = str_in(arena);
		size_t i = 0;
		json_t *item = NULL;

		json_array_foreach(value, i, item)
		{
			if (i)
				str_add(&list, SLICE(", "));
			str_add(&list, output_cell(arena, item));
		}
		return str_slice(&list);
	}
	return json_print(arena, value);
}

/* "error.message" looks inside; NULL when absent. */
static json_t *find_member(const json_t *item, const char *key)
{
	json_t *direct = json_object_get(item, key);
	const char *dot = strchr(key, '.');

	if (direct || !dot)
		return direct;
	return find_member(json_object_getn(item, key, (size_t)(dot - key)), dot + 1);
}

/* True when the text means something else to a YAML reader without quotes. */
static bool yaml_needs_quotes(struct slice text)
{
	static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "~"};
	double number = 0;

	if (text.len == 0 || slice_to_double(text, &number) || !slice_is_utf8(text))
		return true;
	for (size_t i = 0; i < array_len(words); i++)
		if (slice_equal_nocase(text, slice_from_c(words[i])))
			return true;
	if (strchr("-?:,[]{}#&*!|>'\"%@` .0123456789+=<", text.ptr[0]) ||
		text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == ':')
		return true;
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return true;
	return slice_find(text, SLICE(": "), 0) != SIZE_MAX ||
	       slice_find(text, SLICE(" #"), 0) != SIZE_MAX;
}

static void yaml_scalar(FILE *out, const json_t *value)
{
	if (json_is_string(value)) {
		struct slice text = slice_of(json_string_value(value), json_string_length(value));

		if (!yaml_needs_quotes(text)) {
			fprintf(out, "%.*s\n", SLICE_FMT(text));
			return;
		}
	}
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

	fprintf(out, "%s\n", text ? text : "null");
	free(text);
}

static bool yaml_is_block(const json_t *value)
{
	return (json_is_object(value) && json_object_size(value)) ||
	       (json_is_array(value) && json_array_size(value));
}

static void yaml_list(FILE *out, const json_t *list, int indent)
{
	size_t i = 0;
	json_t *item = NULL;

	json_array_foreach(list, i, item)
	{
		fprintf(out, "%*s- ", i ? indent : 0, "");
		output_yaml(out, item, indent + 2);
	}
}

static void yaml_key(FILE *out, const char *key)
{
	if (yaml_needs_quotes(slice_from_c(key))) {
		scoped(json_drop) json_t *text = json_string(key);
		char *quoted = json_dumps(text, JSON_ENCODE_ANY);

		fprintf(out, "%s:", quoted);
		free(quoted);
		return;
	}
	fprintf(out, "%s:", key);
}

static void yaml_object(FILE *out, const json_t *object, int indent)
{
	const char *key = NULL;
	json_t *member = NULL;
	bool first = true;

	json_object_foreach((json_t *)(uintptr_t)object, key, member)
	{
		fprintf(out, "%*s", first ? 0 : indent, "");
		first = false;
		yaml_key(out, key);
		if (yaml_is_block(member))
			fprintf(out, "\n%*s", indent + 2, "");
		else
			fputc(' ', out);
		output_yaml(out, member, indent + 2);
	}
}

void output_yaml(FILE *out, const json_t *value, int indent)
{
	if (!yaml_is_block(value))
		yaml_scalar(out, value);
	else if (json_is_array(value))
		yaml_list(out, value, indent);
	else
		yaml_object(out, value, indent);
}

/* --fields: those named; otherwise all of the table, the wide ones where they belong. */
static bool choose_fields(const struct cli *cli, const struct output_field *fields, size_t count,
	struct output_field **out, size_t *count_out, struct error *err)
{
	struct slice rest = slice_from_c(cli_option(cli, "fields"));
	VEC(struct output_field) chosen = {0};
	bool wide = cli->format != OUTPUT_TABLE && cli->format != OUTPUT_MARKDOWN;

	for (size_t i = 0; i < count && slice_is_none(rest); i++)
		if (wide || !(fields[i].flags & FIELD_WIDE))
			vec_push(cli->arena, &chosen, fields[i]);
	while (!slice_is_none(rest)) {
		struct slice name = slice_trim(slice_split(&rest, ','));
		const char *key = arena_cstr(cli->arena, name);
		struct output_field field = {key, key, 0};

		for (size_t i = 0; i < count; i++)
			if (slice_equal_c(name, fields[i].key) ||
				slice_equal_nocase(name, slice_from_c(fields[i].title)))
				field = fields[i];
		if (name.len == 0)
			return error_set(
				err, INVALID_PARAMETER_VALUE, "--fields has an empty name");
		vec_push(cli->arena, &chosen, field);
	}
	*out = chosen.items;
	*count_out = chosen.len;
	return true;
}

static bool no_such_format(struct error *err)
{
	error_set(err, INVALID_PARAMETER_VALUE, "parquet and arrow are for the rows of weft sql");
	return error_hint(err, "use -o json or csv here");
}

/* A copy with the chosen members only, for the structured formats. */
static json_t *project(const json_t *item, const struct output_field *fields, size_t count)
{
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++) {
		json_t *member = find_member(item, fields[i].key);

		json_object_set_new(
			object, fields[i].key, member ? json_incref(member) : json_null());
	}
	return object;
}

static void print_structured(struct cli *cli, const json_t *items)
{
	size_t i = 0;
	json_t *item = NULL;

	if (cli->format == OUTPUT_YAML) {
		output_yaml(cli->out, items, 0);
		return;
	}
	if (cli->format == OUTPUT_JSON) {
		char *text = json_dumps(items, JSON_INDENT(2));

		fprintf(cli->out, "%s\n", text);
		free(text);
		return;
	}
	json_array_foreach(items, i, item)
		fprintf(cli->out, "%.*s\n", SLICE_FMT(json_print(cli->arena, item)));
}

static void print_names(
	struct cli *cli, const struct output_field *fields, size_t count, const json_t *items)
{
	const char *key = fields[0].key;
	size_t r = 0;
	json_t *item = NULL;

	for (size_t i = 0; i < count; i++)
		if (fields[i].flags & FIELD_NAME)
			key = fields[i].key;
	json_array_foreach(items, r, item) fprintf(
		cli->out, "%.*s\n", SLICE_FMT(output_cell(cli->arena, find_member(item, key))));
}

static void print_items(
	struct cli *cli, const struct output_field *fields, size_t count, const json_t *items)
{
	size_t rows = json_array_size(items);
	struct grid_column *columns = arena_array_of(cli->arena, struct grid_column, count);
	struct grid grid = {
		columns, count, arena_array_of(cli->arena, struct grid_row, rows), rows};

	for (size_t c = 0; c < count; c++)
		columns[c] = (struct grid_column){
			slice_from_c(fields[c].title), (fields[c].flags & FIELD_RIGHT) != 0};
	for (size_t r = 0; r < rows; r++) {
		grid.rows[r].cells = arena_array_of(cli->arena, struct slice, count);
		for (size_t c = 0; c < count; c++)
			grid.rows[r].cells[c] = output_cell(
				cli->arena, find_member(json_array_get(items, r), fields[c].key));
	}
	output_grid(cli, &grid);
}

bool output_items(struct cli *cli, const struct output_field *fields, size_t field_count,
	const json_t *items, struct error *err)
{
	struct output_field *chosen = NULL;
	size_t count = 0;
	bool structured = cli->format == OUTPUT_JSON || cli->format == OUTPUT_NDJSON ||
			  cli->format == OUTPUT_YAML;

	if (cli->format == OUTPUT_PARQUET || cli->format == OUTPUT_ARROW)
		return no_such_format(err);
	if (!choose_fields(cli, fields, field_count, &chosen, &count, err))
		return false;
	if (structured) {
		scoped(json_drop) json_t *shown = json_array();
		size_t i = 0;
		json_t *item = NULL;

		json_array_foreach(items, i, item) json_array_append_new(
			shown, cli_is_set(cli, "fields") ? project(item, chosen, count)
							 : json_incref(item));
		print_structured(cli, shown);
	} else if (cli->format == OUTPUT_NAME) {
		print_names(cli, chosen, count, items);
	} else {
		cli_page(cli);
		print_items(cli, chosen, count, items);
	}
	return true;
}

static void print_lines(struct cli *cli, const json_t *value)
{
	const char *key = NULL;
	json_t *member = NULL;
	int width = 0;

	json_object_foreach((json_t *)(uintptr_t)value, key, member) width =
		max_of(width, (int)strlen(key));
	json_object_foreach((json_t *)(uintptr_t)value, key, member)
	{
		bool nested = json_is_object(member) ||
			      (json_is_array(member) && json_is_object(json_array_get(member, 0)));

		fprintf(cli->out, "%s%s:%s%*s", cli->color ? "\033[1m" : "", key,
			cli->color ? "\033[0m" : "", width - (int)strlen(key) + 1, "");
		if (nested && yaml_is_block(member)) {
			fputs("\n  ", cli->out);
			output_yaml(cli->out, member, 2);
		} else {
			fprintf(cli->out, "%.*s\n", SLICE_FMT(output_cell(cli->arena, member)));
		}
	}
}

bool output_value(struct cli *cli, const json_t *value, struct error *err)
{
	struct output_field *chosen = NULL;
	size_t count = 0;
	VEC(struct output_field) all = {0};
	const char *key = NULL;
	json_t *member = NULL;

	if (cli->format == OUTPUT_PARQUET || cli->format == OUTPUT_ARROW)
		return no_such_format(err);
	json_object_foreach((json_t *)(uintptr_t)value, key, member)
		vec_push(cli->arena, &all, (struct output_field){key, key, 0});
	if (!choose_fields(cli, all.items, all.len, &chosen, &count, err))
		return false;
	scoped(json_drop) json_t *shown = project(value, chosen, count);

	if (cli->format == OUTPUT_JSON || cli->format == OUTPUT_NDJSON ||
		cli->format == OUTPUT_YAML) {
		if (cli->format == OUTPUT_NDJSON)
			fprintf(cli->out, "%.*s\n", SLICE_FMT(json_print(cli->arena, shown)));
		else
			print_structured(cli, shown);
		return true;
	}
	if (cli->format == OUTPUT_TABLE || cli->format == OUTPUT_WIDE) {
		cli_page(cli);
		print_lines(cli, shown);
		return true;
	}
	scoped(json_drop) json_t *items = json_array();

	json_array_append(items, shown);
	if (cli->format == OUTPUT_NAME && count)
		print_names(cli, chosen, 1, items);
	else
		print_items(cli, chosen, count, items);
	return true;
}
