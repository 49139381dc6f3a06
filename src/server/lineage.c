#include "server/lineage.h"

#include <sodium.h>

#include "base/json.h"
#include "server/parse.h"
#include "server/server-private.h"
#include "sql/sql.h"
#include "store/store.h"

static struct slice key_of(struct arena *arena, struct slice domain, struct slice sql)
{
	uint64_t words[2];
	struct slice parts[] = {domain, sql};
	digest_parts(parts, array_len(parts), words);
	return arena_printf(arena, "transform.reads.%016llx%016llx", (unsigned long long)words[0],
		(unsigned long long)words[1]);
}

static bool parse_tables(struct server *server, struct arena *arena,
	const struct lineage_text *text, json_t **out, struct error *err)
{
	struct parse_request request = {.server = server, .text = text->sql};
	struct slice ast;
	struct sql_facts facts;
	if (!parse_text(&request, arena, &ast, err) ||
		!sql_inspect(arena, ast, text->sql, &facts, err))
		return false;
	json_t *names = json_object(); /* as a set */
	for (size_t i = 0; i < facts.table_count; i++) {
		const struct sql_table *t = &facts.tables[i];
		struct slice schema = slice_is_none(t->schema) ? text->domain : t->schema;
		struct slice name =
			arena_printf(arena, "%.*s.%.*s", SLICE_FMT(schema), SLICE_FMT(t->name));
		json_object_set_new(names, name.ptr, json_true());
	}
	*out = names;
	return true;
}

static bool load(struct server *server, struct arena *arena, const struct lineage_text *text,
	json_t **out, struct error *err)
{
	struct slice key = key_of(arena, text->domain, text->sql);
	struct slice known;
	if (!store_meta_get(server->store, key, arena, &known, err))
		return false;
	if (!slice_is_none(known)) {
		*out = json_parse(known, err);
		return *out != NULL;
	}
	if (!parse_tables(server, arena, text, out, err))
		return false;
	if (store_meta_put(server->store, key, json_print(arena, *out), err))
		return true;
	json_decref(*out);
	return false;
}

bool lineage_tables(struct server *server, struct arena *arena, const struct lineage_text *text,
	struct lineage_names *out, struct error *err)
{
	json_t *names;
	if (!load(server, arena, text, &names, err))
		return false;
	out->items = arena_array_of(arena, struct slice, json_object_size(names));
	out->count = 0;
	const char *name;
	json_t *value;
	json_object_foreach(names, name, value) out->items[out->count++] =
		arena_copy(arena, slice_from_c(name));
	json_decref(names);
	return true;
}
