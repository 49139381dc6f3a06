#include "server/lineage.h"

#include <sodium.h>

#include "base/json.h"
#include "base/vec.h"
#include "catalog/model.h"
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

static bool parse_tables(struct server *server, struct arena *arena, struct slice domain,
	struct slice sql, json_t **out, struct error *err)
{
	struct parse_request request = {.server = server, .text = sql};
	struct slice ast;
	struct sql_facts facts;
	if (!parse_text(&request, arena, &ast, err) || !sql_inspect(arena, ast, sql, &facts, err))
		return false;
	json_t *names = json_object(); /* as a set */
	for (size_t i = 0; i < facts.table_count; i++) {
		const struct sql_table *t = &facts.tables[i];
		struct slice schema = slice_is_none(t->schema) ? domain : t->schema;
		struct slice name =
			arena_printf(arena, "%.*s.%.*s", SLICE_FMT(schema), SLICE_FMT(t->name));
		json_object_set_new(names, name.ptr, json_true());
	}
	*out = names;
	return true;
}

static bool load(struct server *server, struct arena *arena, struct slice domain, struct slice sql,
	json_t **out, struct error *err)
{
	struct slice key = key_of(arena, domain, sql);
	struct slice text;
	if (!store_meta_get(server->store, key, arena, &text, err))
		return false;
	if (!slice_is_none(text)) {
		*out = json_parse(text, err);
		return *out != NULL;
	}
	if (!parse_tables(server, arena, domain, sql, out, err))
		return false;
	if (store_meta_put(server->store, key, json_print(arena, *out), err))
		return true;
	json_decref(*out);
	return false;
}

bool lineage_tables(struct server *server, struct arena *arena, struct slice domain,
	struct slice sql, struct slice **out, size_t *count_out, struct error *err)
{
	json_t *names;
	if (!load(server, arena, domain, sql, &names, err))
		return false;
	*out = arena_array_of(arena, struct slice, json_object_size(names));
	*count_out = 0;
	const char *name;
	json_t *value;
	json_object_foreach(names, name, value)(*out)[(*count_out)++] =
		arena_copy(arena, slice_from_c(name));
	json_decref(names);
	return true;
}

static struct model_table *find_table(const struct model *model, struct slice name)
{
	struct slice rest = name;
	struct slice domain = slice_split(&rest, '.');
	for (size_t i = 0; i < model->table_count; i++) {
		struct model_table *t = &model->tables[i];
		bool named = slice_equal_nocase(t->key, rest) ||
			     (t->newest_major && slice_equal_nocase(t->name, rest));
		if (named && slice_equal_nocase(t->product->domain->name, domain))
			return t;
	}
	return NULL;
}

struct edges {
	VEC(struct model_edge) list;
};

static void add_input(
	struct arena *arena, struct model_product *product, const struct model_product *input)
{
	for (size_t i = 0; i < product->input_count; i++)
		if (product->inputs[i] == input)
			return;
	product->inputs =
		arena_grow(arena, product->inputs, product->input_count * sizeof *product->inputs,
			(product->input_count + 1) * sizeof *product->inputs);
	product->inputs[product->input_count++] = (struct model_product *)(uintptr_t)input;
}

static void compile_table(struct server *server, const struct model *model,
	const struct model_table *table, struct edges *edges)
{
	struct slice *names;
	size_t count;
	struct error err;
	struct arena *arena = model->arena;
	if (!lineage_tables(server, arena, table->product->domain->name, table->transform, &names,
		    &count, &err)) {
		log_failure(server->log, EVENT_TRACE, NULL, "read a transform's inputs", &err);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct model_table *from = find_table(model, names[i]);
		if (!from || from == table)
			continue;
		add_input(arena, (struct model_product *)(uintptr_t)table->product, from->product);
		vec_push(arena, &edges->list, (struct model_edge){.from = from, .to = table});
	}
}

void lineage_compile(struct server *server, const struct model *model)
{
	struct edges edges = {0};
	bool known = model->edge_count > 0;
	for (size_t i = 0; i < model->product_count; i++)
		known |= model->products[i].input_count > 0;
	if (known)
		return;
	for (size_t i = 0; i < model->table_count; i++)
		if (model->tables[i].transform.len)
			compile_table(server, model, &model->tables[i], &edges);
	struct model *open = (struct model *)(uintptr_t)model;
	open->edges = edges.list.items;
	open->edge_count = edges.list.len;
}
