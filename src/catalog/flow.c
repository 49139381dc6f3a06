#include "catalog/flow.h"

#include <sodium.h>

#include "base/json.h"
#include "base/str.h"

enum { DIGEST_BYTES = 16 };

static struct slice key_of(
	struct arena *arena, const char *what, const struct slice *parts, size_t count)
{
	crypto_generichash_state state;
	unsigned char digest[DIGEST_BYTES];
	char hex[2 * DIGEST_BYTES + 1];

	crypto_generichash_init(&state, NULL, 0, sizeof digest);
	for (size_t i = 0; i < count; i++) {
		uint64_t len = parts[i].len;

		crypto_generichash_update(&state, (const unsigned char *)&len, sizeof len);
		if (len)
			crypto_generichash_update(&state, (const unsigned char *)parts[i].ptr, len);
	}
	crypto_generichash_final(&state, digest, sizeof digest);
	sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
	return arena_printf(arena, "%s.%s", what, hex);
}

struct slice flow_text_key(
	struct arena *arena, const char *what, struct slice domain, struct slice text)
{
	struct slice parts[] = {domain, text};

	return key_of(arena, what, parts, array_len(parts));
}

static void add_names(struct str *out, const struct slice *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		str_printf(out, "%zu:%.*s,", names[i].len, SLICE_FMT(names[i]));
}

struct slice flow_key(struct arena *arena, const struct sql_flow_request *request, struct slice sql)
{
	struct str columns = str_in(arena);

	for (size_t i = 0; i < request->table_count; i++) {
		const struct sql_flow_table *table = &request->tables[i];

		str_printf(
			&columns, "%.*s.%.*s(", SLICE_FMT(table->schema), SLICE_FMT(table->name));
		add_names(&columns, table->columns, table->column_count);
		str_add_c(&columns, ")");
	}
	add_names(&columns, request->wanted, request->wanted_count);
	struct slice parts[] = {request->schema, sql, str_slice(&columns)};

	return key_of(arena, "transform.flows", parts, array_len(parts));
}

struct slice flow_print(struct arena *arena, const struct sql_flows *flows)
{
	json_t *list = json_array();

	for (size_t i = 0; i < flows->count; i++) {
		const struct sql_flow *flow = &flows->items[i];
		json_t *row = json_array();

		json_array_append_new(row, json_integer((json_int_t)flow->table));
		json_array_append_new(row, json_from_slice(flow->from));
		json_array_append_new(
			row, slice_is_none(flow->to) ? json_null() : json_from_slice(flow->to));
		json_array_append_new(row, json_integer((json_int_t)flow->kind));
		json_array_append_new(list, row);
	}
	struct slice text = json_print(arena, list);

	json_decref(list);
	return text;
}

static bool parse_row(
	struct arena *arena, const json_t *row, size_t table_count, struct sql_flow *out)
{
	json_int_t table = json_integer_value(json_array_get(row, 0));
	json_int_t kind = json_integer_value(json_array_get(row, 3));
	const json_t *to = json_array_get(row, 2);

	if (json_array_size(row) != 4 || table < 0 || (size_t)table >= table_count || kind < 0 ||
		kind >= SQL_FLOW_COUNT || !json_is_string(json_array_get(row, 1)))
		return false;
	*out = (struct sql_flow){.table = (size_t)table,
		.from = arena_copy(arena, json_to_slice(json_array_get(row, 1))),
		.to = json_is_string(to) ? arena_copy(arena, json_to_slice(to)) : SLICE_NONE,
		.kind = (enum sql_flow_kind)kind};
	return true;
}

bool flow_parse(struct arena *arena, struct slice text, size_t table_count, struct sql_flows *out,
	struct error *err)
{
	scoped(json_drop) json_t *list = json_parse(text, err);

	if (!list)
		return false;
	*out = (struct sql_flows){
		.items = arena_array_of(arena, struct sql_flow, json_array_size(list))};
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!parse_row(
			    arena, json_array_get(list, i), table_count, &out->items[out->count++]))
			return error_set(err, INTERNAL_ERROR, "kept column lineage cannot be read");
	return true;
}
