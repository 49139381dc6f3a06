#include "server/search.h"

#include <stdlib.h>

#include "base/num.h"
#include "base/vec.h"
#include "catalog/model.h"
#include "server/govern.h"
#include "server/server-private.h"
#include "server/shelf.h"

static json_t *hit_json(struct arena *arena, const struct model_hit *hit, struct slice node)
{
	const struct model_product *p = hit->product;
	const struct model_table *t = hit->table;
	json_t *item = json_object();
	struct slice name = p->full_name;
	if (t)
		name = arena_printf(
			arena, "%.*s.%.*s", SLICE_FMT(p->domain->name), SLICE_FMT(t->name));
	json_object_set_new(item, "kind", json_string(t ? "table" : "product"));
	json_set_slice(item, "name", name);
	json_set_slice(item, "why", hit->why);
	json_set_slice(item, "column", hit->column);
	json_set_slice(item, "product", p->full_name);
	json_set_slice(item, "description", t ? t->description : p->description);
	json_object_set_new(item, "status", json_string(model_status_name(p->status)));
	json_object_set_new(item, "score", json_integer(hit->score));
	json_set_slice(item, "node", node);
	return item;
}

static bool check_text(struct slice text, struct error *err)
{
	if (slice_trim(text).len == 0)
		return error_set(err, INVALID_PARAMETER_VALUE, "there is nothing to search for") ||
		       error_hint(err, "Give a word of a name, column, tag or description.");
	return text.len <= SEARCH_TEXT_MAX ||
	       error_set(err, INVALID_PARAMETER_VALUE,
		       "the text to search for is longer than %d bytes", SEARCH_TEXT_MAX);
}

struct search {
	const struct model *model;
	const struct principal *principal;
	struct slice text;
	size_t limit;
};

/* A hit here or at another node. */
struct found {
	struct model_hit hit;
	struct slice node;
};

typedef VEC(struct found) found_vec;

static void add_hits(struct arena *arena, const struct search *search, const struct model *model,
	struct slice node, found_vec *found)
{
	struct model_hit *hits = NULL;
	size_t count = model_search(arena, model, search->principal, search->text, &hits);
	for (size_t i = 0; i < count; i++)
		vec_push(arena, found, (struct found){hits[i], node});
}

static int by_score(const void *a, const void *b)
{
	return model_hit_order(&((const struct found *)a)->hit, &((const struct found *)b)->hit);
}

/* Over what this node publishes and the copies of what the others do. */
static bool search_all(struct server *server, struct arena *arena, const struct search *search,
	json_t **out, struct error *err)
{
	struct copy_model *models = NULL;
	size_t model_count = 0;
	found_vec found = {0};
	json_t *items = NULL;
	if (!copies_models(server, arena, &models, &model_count, err))
		return false;
	add_hits(arena, search, search->model, slice_from_c(server_node_name(server)), &found);
	for (size_t i = 0; i < model_count; i++)
		add_hits(arena, search, models[i].model, models[i].node, &found);
	if (found.len)
		qsort(found.items, found.len, sizeof *found.items, by_score);
	items = json_array();
	for (size_t i = 0; i < found.len && i < search->limit; i++)
		json_array_append_new(
			items, hit_json(arena, &found.items[i].hit, found.items[i].node));
	*out = json_pack("{s:o}", "items", items);
	copies_release(server, models, model_count);
	return true;
}

bool search_catalogue(struct server *server, const struct principal *principal, struct slice text,
	size_t limit, json_t **out, struct error *err)
{
	if (!check_text(text, err))
		return false;
	scoped(arena_free) struct arena *scratch = arena_new();
	const struct model *model = server_model(server);
	struct principal now;
	bool ok = govern_principal(server, model, scratch, principal, &now, err) &&
		  search_all(server, scratch, &(struct search){model, &now, text, limit}, out, err);
	server_model_release(server, &model);
	return ok;
}
