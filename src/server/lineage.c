#include "server/lineage.h"

#include "base/json.h"
#include "catalog/flow.h"
#include "server/parse.h"
#include "sql/sql.h"
#include "store/store.h"

static bool parse_tables(const struct parser *parser, struct arena *arena,
	const struct lineage_text *text, json_t **out, struct error *err)
{
	struct slice ast;
	struct sql_facts facts;
	if (!parse_text(parser, text->sql, arena, &ast, err) ||
		!sql_inspect(arena, ast, text->sql, &facts, err))
		return false;
	if (facts.catalogue)
		return error_set(err, FEATURE_NOT_SUPPORTED,
			"a transform reads products, not the catalogue");
	json_t *names = json_object(); /* as a set */
	for (size_t i = 0; i < facts.table_count; i++) {
		const struct sql_table *t = &facts.tables[i];
		struct slice schema = slice_is_none(t->schema) ? text->domain : t->schema;
		struct slice name =
			arena_printf(arena, "%.*s.%.*s", SLICE_FMT(schema), SLICE_FMT(t->name));
		bool plain =
			t->at == SQL_AT_NONE && !json_is_false(json_object_get(names, name.ptr));
		json_object_set_new(names, name.ptr, json_boolean(plain));
	}
	*out = names;
	return true;
}

static bool load(const struct parser *parser, struct arena *arena, const struct lineage_text *text,
	json_t **out, struct error *err)
{
	struct slice key = flow_text_key(arena, "transform.tables", text->domain, text->sql);
	struct slice known = SLICE_NONE;
	if (parser->store && !store_derived_get(parser->store, key, arena, &known, err))
		return false;
	if (!slice_is_none(known)) {
		*out = json_parse(known, err);
		return *out != NULL;
	}
	if (!parse_tables(parser, arena, text, out, err))
		return false;
	if (!parser->store || store_derived_put(parser->store, key, json_print(arena, *out), err))
		return true;
	json_decref(*out);
	return false;
}

bool lineage_tables(const struct parser *parser, struct arena *arena,
	const struct lineage_text *text, struct lineage_names *out, struct error *err)
{
	json_t *names = NULL;
	if (!load(parser, arena, text, &names, err))
		return false;
	out->items = arena_array_of(arena, struct slice, json_object_size(names));
	out->count = 0;
	const char *name;
	json_t *value;
	out->versions = false;
	json_object_foreach(names, name, value)
	{
		out->items[out->count++] = arena_copy(arena, slice_from_c(name));
		out->versions |= !json_is_true(value);
	}
	json_decref(names);
	return true;
}

bool lineage_columns(const struct parser *parser, struct arena *arena,
	struct sql_flow_request *request, struct slice sql, struct error *err)
{
	struct slice key = flow_key(arena, request, sql);
	struct slice known = SLICE_NONE;
	struct sql_flows flows;
	struct error why;
	if (!store_derived_get(parser->store, key, arena, &known, err))
		return false;
	if (!slice_is_none(known))
		return true;
	if (!parse_text(parser, sql, arena, &request->ast, err))
		return false;
	/* too large to be told: its tables are shown all the same */
	return !sql_flows_find(arena, request, &flows, &why) ||
	       store_derived_put(parser->store, key, flow_print(arena, &flows), err);
}
