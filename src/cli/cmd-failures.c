#include "base/str.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/kinds.h"
#include "cli/output.h"

/* get failures: the rows that failed the checks of a run, for owners. */

/* The newest run of a product that kept failing rows. */
static bool newest_run(struct cli *cli, const char *product, int64_t *run_out, struct error *err)
{
	struct client *client = NULL;
	scoped(json_drop) json_t *answer = NULL;
	struct slice name = slice_from_c(product);
	struct slice domain = slice_split(&name, '.');
	const char *path = arena_printf(cli->arena, "/api/v1/checks?limit=100000&domain=%s",
		client_escape(cli->arena, domain))
				   .ptr;
	size_t i = 0;
	json_t *item = NULL;

	if (!cli_client(cli, &client, err) || !client_json(client, "GET", path, NULL, &answer, err))
		return false;
	*run_out = 0;
	json_array_foreach(json_get_array(answer, "items"), i, item)
	{
		int64_t run = json_get_i64(item, "run", 0);

		if (slice_equal(json_get_slice(item, "product"), name) &&
			json_get_i64(item, "failing_rows", 0) > 0 && run > *run_out)
			*run_out = run;
	}
	if (*run_out)
		return true;
	error_set(err, UNDEFINED_OBJECT, "no rows of %.100s have failed that you may know of",
		product);
	return error_hint(
		err, "weft get checks --domain %.*s shows what was checked", SLICE_FMT(domain));
}

static bool run_of(struct cli *cli, const char *name, int64_t *run_out, struct error *err)
{
	if (slice_to_i64(slice_from_c(name), run_out) && *run_out > 0)
		return true;
	if (strchr(name, '.'))
		return newest_run(cli, name, run_out, err);
	error_set(err, INVALID_PARAMETER_VALUE, "\"%.60s\" is no run and no DOMAIN.PRODUCT", name);
	return error_hint(err, "as in weft get failures 42, or sales.orders");
}

/* Checks with their rows → one item for each row: where it failed, then its values. */
static void flatten(const json_t *checks, int64_t run, json_t *items)
{
	size_t i = 0;
	size_t j = 0;
	json_t *check = NULL;
	json_t *row = NULL;

	json_array_foreach(checks, i, check)
		json_array_foreach(json_get_array(check, "rows"), j, row)
	{
		json_t *item = json_pack("{s:I, s:O?, s:O?}", "failed_run", (json_int_t)run,
			"failed_table", json_object_get(check, "table"), "failed_check",
			json_object_get(check, "name"));

		json_object_update(item, row);
		json_array_append_new(items, item);
	}
}

/* Rows that policies hide from their owner are not passed over in silence. */
static void tell_hidden(const struct cli *cli, const json_t *checks, int64_t limit)
{
	int64_t hidden = 0;
	size_t i = 0;
	json_t *check = NULL;

	json_array_foreach(checks, i, check)
	{
		int64_t shown = (int64_t)json_array_size(json_get_array(check, "rows"));
		int64_t kept = json_get_i64(check, "failing_rows", 0);

		hidden += shown < limit && kept > shown ? kept - shown : 0;
	}
	if (hidden)
		cli_note(cli,
			"%lld failing rows are not shown: a policy filters them, or their "
			"retention is over",
			(long long)hidden);
}

/* Every member of any item, in the order of their first appearance. */
static size_t all_fields(struct arena *arena, const json_t *items, struct output_field **out)
{
	VEC(struct output_field) fields = {0};
	scoped(json_drop) json_t *seen = json_object();
	size_t i = 0;
	json_t *item = NULL;
	const char *key = NULL;
	json_t *member = NULL;

	json_array_foreach(items, i, item) json_object_foreach(item, key, member)
	{
		if (json_object_get(seen, key))
			continue;
		json_object_set_new(seen, key, json_true());
		const char *name = arena_cstr(arena, slice_from_c(key));

		vec_push(arena, &fields,
			(struct output_field){
				name, name, json_is_number(member) ? FIELD_RIGHT : 0});
	}
	*out = fields.items;
	return fields.len;
}

bool get_failures(struct cli *cli, struct error *err)
{
	struct client *client = NULL;
	scoped(json_drop) json_t *items = json_array();
	struct output_field *fields = NULL;
	int64_t limit = 0;

	if (cli->parsed.arg_count < 2) {
		error_set(err, INVALID_PARAMETER_VALUE, "whose failing rows?");
		return error_hint(err, "name a run or a product: weft get failures sales.orders");
	}
	if (!cli_option_number(cli, "limit", 1000, &limit, err) || !cli_client(cli, &client, err))
		return false;
	for (size_t i = 1; i < cli->parsed.arg_count; i++) {
		scoped(json_drop) json_t *answer = NULL;
		int64_t run = 0;

		if (!run_of(cli, cli->parsed.args[i], &run, err))
			return false;
		const char *path = arena_printf(cli->arena, "/api/v1/runs/%lld/failures?limit=%lld",
			(long long)run, (long long)limit)
					   .ptr;

		if (!client_json(client, "GET", path, NULL, &answer, err))
			return false;
		flatten(json_get_array(answer, "items"), run, items);
		tell_hidden(cli, json_get_array(answer, "items"), limit);
	}
	size_t count = all_fields(cli->arena, items, &fields);

	return output_items(cli, fields, count, items, err);
}
