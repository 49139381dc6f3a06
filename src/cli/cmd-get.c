#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/str.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/kinds.h"
#include "cli/output.h"

/* get, describe, explain-access, and the names for completion. */

enum { WATCH_US = 2000000, LIMIT_DEFAULT = 1000, LIMIT_MAX = 100000 };

static bool fetch(struct cli *cli, const struct kind *kind, int64_t limit, json_t **items_out,
	struct error *err)
{
	struct client *client = NULL;
	scoped(json_drop) json_t *answer = NULL;
	struct str path = str_in(cli->arena);
	const char *domain = cli_option(cli, "domain");

	str_printf(&path, "%s?limit=%lld", kind->path, (long long)limit);
	if (domain)
		str_printf(&path, "&domain=%s", client_escape(cli->arena, slice_from_c(domain)));
	if (!cli_client(cli, &client, err) ||
		!client_json(client, "GET", path.ptr, NULL, &answer, err))
		return false;
	*items_out = json_incref(json_get_array(answer, "items"));
	if (*items_out)
		return true;
	return error_set(err, INTERNAL_ERROR, "the node's list has no items");
}

/* Keeps the items that are named; each name must be there. */
static bool keep_named(struct cli *cli, const struct kind *kind, json_t *items, struct error *err)
{
	scoped(json_drop) json_t *kept = json_array();

	for (size_t a = 1; a < cli->parsed.arg_count; a++) {
		size_t before = json_array_size(kept);
		size_t i = 0;
		json_t *item = NULL;

		json_array_foreach(items, i,
			item) if (slice_equal_c(kind_item_name(cli->arena, kind, item),
					  cli->parsed.args[a])) json_array_append(kept, item);
		if (json_array_size(kept) == before) {
			error_set(err, UNDEFINED_OBJECT, "there is no %s \"%s\"", kind->singular,
				cli->parsed.args[a]);
			return error_hint(
				err, "weft get %s lists those you may know of", kind->plural);
		}
	}
	json_array_clear(items);
	json_array_extend(items, kept);
	return true;
}

static bool is_numeric(const json_t *items, const char *key)
{
	return json_is_number(json_object_get(json_array_get(items, 0), key));
}

static char *title_of(struct arena *arena, const char *key)
{
	char *title = arena_cstr(arena, slice_from_c(key));

	for (char *c = title; *c; c++)
		*c = (char)(*c == '_' ? ' ' : *c >= 'a' && *c <= 'z' ? *c - 32 : *c);
	return title;
}

static bool is_shown(const struct kind *kind, const char *key)
{
	struct slice rest = slice_from_c(kind->fields);

	while (!slice_is_none(rest))
		if (slice_equal_c(slice_split(&rest, ' '), key))
			return true;
	return false;
}

/* The kind's fields first, then whatever else the items hold, for -o wide. */
static size_t fields_of(struct arena *arena, const struct kind *kind, const json_t *items,
	struct output_field **out)
{
	VEC(struct output_field) fields = {0};
	struct slice rest = slice_from_c(kind->fields);
	json_t *first = json_array_get(items, 0);
	const char *key = NULL;
	json_t *member = NULL;

	while (!slice_is_none(rest)) {
		const char *name = arena_cstr(arena, slice_split(&rest, ' '));

		if (!first || json_object_get(first, name))
			vec_push(arena, &fields,
				(struct output_field){name, title_of(arena, name),
					is_numeric(items, name) ? FIELD_RIGHT : 0});
	}
	json_object_foreach(first, key, member)
	{
		unsigned flags = FIELD_WIDE | (json_is_number(member) ? FIELD_RIGHT : 0);

		if (!is_shown(kind, key))
			vec_push(arena, &fields,
				(struct output_field){key, title_of(arena, key), flags});
	}
	*out = fields.items;
	return fields.len;
}

static void print_names(struct cli *cli, const struct kind *kind, const json_t *items)
{
	size_t i = 0;
	json_t *item = NULL;

	json_array_foreach(items, i, item)
		fprintf(cli->out, "%.*s\n", SLICE_FMT(kind_item_name(cli->arena, kind, item)));
}

static bool print_items(
	struct cli *cli, const struct kind *kind, const json_t *items, struct error *err)
{
	struct output_field *fields = NULL;

	if (cli->format == OUTPUT_NAME) {
		print_names(cli, kind, items);
		return true;
	}
	size_t count = fields_of(cli->arena, kind, items, &fields);

	return output_items(cli, fields, count, items, err);
}

/* Takes out what `seen` (name → text) has just so, and notes the rest there. */
static json_t *changed_items(
	struct cli *cli, const struct kind *kind, const json_t *items, json_t *seen)
{
	json_t *changed = json_array();
	size_t i = 0;
	json_t *item = NULL;

	json_array_foreach(items, i, item)
	{
		const char *name = arena_cstr(cli->arena, kind_item_name(cli->arena, kind, item));

		if (json_equal(json_object_get(seen, name), item))
			continue;
		json_object_set(seen, name, item);
		json_array_append(changed, item);
	}
	return changed;
}

/* Until Ctrl-C: what is new or has changed, every two seconds. */
static bool watch(struct cli *cli, const struct kind *kind, int64_t limit, struct error *err)
{
	scoped(json_drop) json_t *seen = json_object();

	cli->watching = true;
	if (cli->format == OUTPUT_JSON)
		cli->format = OUTPUT_NDJSON; /* one list would have no end */
	for (;; usleep(WATCH_US)) {
		scoped(json_drop) json_t *items = NULL;

		if (!fetch(cli, kind, limit, &items, err) ||
			(cli->parsed.arg_count > 1 && !keep_named(cli, kind, items, err)))
			return false;
		scoped(json_drop) json_t *changed = changed_items(cli, kind, items, seen);

		if (json_array_size(changed) == 0)
			continue;
		if (!print_items(cli, kind, changed, err))
			return false;
		cli->continued = true;
		if (fflush(cli->out) != 0)
			return true; /* nobody reads any more */
	}
}

/* Without --limit a list ends after LIMIT_DEFAULT, but not silently; names are looked for in all.
 */
static bool fetch_unlimited(
	struct cli *cli, const struct kind *kind, json_t **items_out, struct error *err)
{
	bool named = cli->parsed.arg_count > 1;
	scoped(json_drop) json_t *items = NULL;

	if (!fetch(cli, kind, named ? LIMIT_MAX : LIMIT_DEFAULT + 1, &items, err))
		return false;
	if (!named && json_array_size(items) > LIMIT_DEFAULT) {
		json_array_remove(items, LIMIT_DEFAULT);
		cli_note(cli, "these are the first %d %s; --limit N shows more", LIMIT_DEFAULT,
			kind->plural);
	}
	*items_out = take(items);
	return true;
}

bool cmd_get(struct cli *cli, struct error *err)
{
	const struct kind *kind = NULL;
	scoped(json_drop) json_t *items = NULL;
	int64_t limit = 0;

	if (strcmp(cli->parsed.args[0], "failures") == 0)
		return get_failures(cli, err);
	if (!kind_find(cli->parsed.args[0], &kind, err) ||
		!cli_option_number(cli, "limit", LIMIT_DEFAULT, &limit, err))
		return false;
	if (cli_is_set(cli, "watch"))
		return watch(cli, kind, limit, err);
	if (!(cli_is_set(cli, "limit") ? fetch(cli, kind, limit, &items, err)
				       : fetch_unlimited(cli, kind, &items, err)))
		return false;
	if (cli->parsed.arg_count > 1 && !keep_named(cli, kind, items, err))
		return false;
	if (json_array_size(items) == 0 && cli->output_tty)
		cli_note(cli, "no %s that you may know of", kind->plural);
	return print_items(cli, kind, items, err);
}

/* "a.b" → its two parts escaped for a path; false when it has no dot. */
static bool split_name(struct cli *cli, const char *name, const char **path_out, const char *base)
{
	struct slice rest = slice_from_c(name);
	struct slice domain = slice_split(&rest, '.');

	if (slice_is_none(rest) || rest.len == 0)
		return false;
	*path_out = arena_printf(cli->arena, "%s/%s/%s", base, client_escape(cli->arena, domain),
		client_escape(cli->arena, rest))
			    .ptr;
	return true;
}

bool cmd_describe(struct cli *cli, struct error *err)
{
	const struct kind *kind = NULL;
	const char *name = cli->parsed.args[1];
	const char *path = NULL;
	struct client *client = NULL;
	scoped(json_drop) json_t *item = NULL;
	scoped(json_drop) json_t *items = NULL;

	if (!kind_find(cli->parsed.args[0], &kind, err))
		return false;
	bool single = strcmp(kind->plural, "products") == 0 || strcmp(kind->plural, "tables") == 0;

	if (strcmp(kind->plural, "runs") == 0)
		path = arena_printf(cli->arena, "/api/v1/runs/%s",
			client_escape(cli->arena, slice_from_c(name)))
			       .ptr;
	else if (single && !split_name(cli, name, &path, kind->path)) {
		error_set(err, INVALID_PARAMETER_VALUE, "\"%.100s\" is not DOMAIN.NAME", name);
		return error_hint(err, "as in weft describe %s sales.orders", kind->singular);
	}
	if (!cli_is_set(cli, "output") && cli->format == OUTPUT_TSV)
		cli->format = OUTPUT_TABLE;
	if (path)
		return cli_client(cli, &client, err) &&
		       client_json(client, "GET", path, NULL, &item, err) &&
		       output_value(cli, item, err);
	if (!fetch(cli, kind, 100000, &items, err))
		return false;
	/* args[1] is the only name. */
	return keep_named(cli, kind, items, err) &&
	       output_value(cli, json_array_get(items, 0), err);
}

static void print_access(struct cli *cli, const json_t *access)
{
	size_t i = 0;
	json_t *item = NULL;
	FILE *out = cli->out;

	fprintf(out, "%.*s on %.*s%s%.*s: %.*s\n", SLICE_FMT(json_get_slice(access, "principal")),
		SLICE_FMT(json_get_slice(access, "table")),
		json_get_slice(access, "purpose").len ? " for " : "",
		SLICE_FMT(json_get_slice(access, "purpose")),
		SLICE_FMT(json_get_slice(access, "outcome")));
	json_array_foreach(json_get_array(access, "filters"), i, item)
	{
		struct slice condition = json_get_slice(item, "expression");
		if (slice_is_none(condition)) /* only those who manage the table are told */
			condition = SLICE("filtered");
		fprintf(out, "  rows: %.*s  (%.*s)\n", SLICE_FMT(condition),
			SLICE_FMT(json_get_slice(item, "policy")));
	}
	json_array_foreach(json_get_array(access, "columns"), i, item)
	{
		struct slice mask = json_get_slice(item, "mask");

		if (mask.len && !slice_equal_c(mask, "none"))
			fprintf(out, "  column %.*s: %.*s  (%.*s)\n",
				SLICE_FMT(json_get_slice(item, "name")), SLICE_FMT(mask),
				SLICE_FMT(json_get_slice(item, "policy")));
	}
	if (json_get_i64(access, "min_group", 0))
		fprintf(out, "  groups smaller than %lld are suppressed\n",
			(long long)json_get_i64(access, "min_group", 0));
	fputs("because:\n", out);
	json_array_foreach(json_get_array(access, "reasons"), i, item)
		fprintf(out, "  %.*s: %.*s\n", SLICE_FMT(json_get_slice(item, "policy")),
			SLICE_FMT(json_get_slice(item, "text")));
}

bool cmd_explain_access(struct cli *cli, struct error *err)
{
	struct client *client = NULL;
	scoped(json_drop) json_t *access = NULL;
	struct str path = str_in(cli->arena);
	const char *purpose = cli_option(cli, "purpose");

	str_printf(&path, "/api/v1/explain-access?principal=%s",
		client_escape(cli->arena, slice_from_c(cli->parsed.args[0])));
	str_printf(
		&path, "&table=%s", client_escape(cli->arena, slice_from_c(cli->parsed.args[1])));
	if (purpose)
		str_printf(&path, "&purpose=%s", client_escape(cli->arena, slice_from_c(purpose)));
	if (!cli_client(cli, &client, err) ||
		!client_json(client, "GET", path.ptr, NULL, &access, err))
		return false;
	if (cli->format_given && cli->format != OUTPUT_TABLE && cli->format != OUTPUT_WIDE)
		return output_value(cli, access, err);
	print_access(cli, access);
	return true;
}

bool cmd_search(struct cli *cli, struct error *err)
{
	static const struct kind found = {
		"hits", "hit", "/api/v1/search", "name", "kind name why node description"};
	struct client *client = NULL;
	scoped(json_drop) json_t *answer = NULL;
	int64_t limit = 0;
	if (!cli_option_number(cli, "limit", 50, &limit, err) || !cli_client(cli, &client, err))
		return false;
	const char *path = arena_printf(cli->arena, "%s?limit=%lld&q=%s", found.path,
		(long long)limit, client_escape(cli->arena, slice_from_c(cli->parsed.args[0])))
				   .ptr;
	if (!client_json(client, "GET", path, NULL, &answer, err))
		return false;
	const json_t *items = json_get_array(answer, "items");
	if (json_array_size(items) == 0 && cli->output_tty)
		cli_note(cli, "nothing that you may know of fits");
	return print_items(cli, &found, items, err);
}

static void print_words(FILE *out, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s\n", words[i]);
}

/* For completion scripts: names, one a line; nothing on any failure. */
bool cmd_complete(struct cli *cli, struct error *err)
{
	static const char *const shells[] = {"bash", "zsh", "fish"};
	const char *what = cli->parsed.args[0];
	const struct kind *kind = NULL;
	scoped(json_drop) json_t *items = NULL;

	if (strcmp(what, "shells") == 0)
		print_words(cli->out, shells, array_len(shells));
	for (size_t i = 0; strcmp(what, "kinds") == 0 && i < kind_count; i++)
		fprintf(cli->out, "%s\n", kinds[i].plural);
	for (size_t i = 0; strcmp(what, "codes") == 0 && i < SQLSTATE_COUNT; i++)
		fprintf(cli->out, "%s\n", sqlstate_table[i].code);
	if (kind_find(what, &kind, err) && fetch(cli, kind, 1000, &items, err))
		print_names(cli, kind, items);
	return true;
}
