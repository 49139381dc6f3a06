#include "server/search.h"

#include "base/num.h"
#include "catalog/model.h"
#include "server/govern.h"
#include "server/server-private.h"

static json_t *hit_json(struct arena *arena, const struct model_hit *hit)
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

bool search_catalogue(struct server *server, const struct principal *principal, struct slice text,
	size_t limit, json_t **out, struct error *err)
{
	if (!check_text(text, err))
		return false;
	scoped(arena_free) struct arena *scratch = arena_new();
	const struct model *model = server_model(server);
	struct principal now;
	struct model_hit *hits = NULL;
	bool ok = govern_principal(server, model, scratch, principal, &now, err);
	if (ok) {
		size_t count = min_of(model_search(scratch, model, &now, text, &hits), limit);
		json_t *items = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(items, hit_json(scratch, &hits[i]));
		*out = json_pack("{s:o}", "items", items);
	}
	server_model_release(server, &model);
	return ok;
}
