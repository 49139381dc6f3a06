/* Copies of other nodes' catalogues: taken, and read as models. */
#include <stdio.h>

#include "base/vec.h"
#include "catalog/share.h"
#include "log/log.h"
#include "server/server-private.h"
#include "server/shelf.h"
#include "store/copies.h"

void copy_mark(struct server *server, struct slice node, struct catalogue_mark *out)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct slice boot = SLICE_NONE;
	struct error err = {0};

	*out = (struct catalogue_mark){0};
	if (!copies_mark(server->store, node, arena, &boot, &out->epoch, &err))
		log_failure(server->log, EVENT_STORE_FAILED, NULL, "read a copy", &err);
	snprintf(out->boot, sizeof out->boot, "%.*s", SLICE_FMT(boot));
}

typedef VEC(struct copy_entry) entries_vec;

/* Entries whose names cannot be read are left out: a later version may have more kinds. */
static void add_said(
	struct arena *arena, entries_vec *entries, const json_t *list, enum copy_kind kind)
{
	size_t i = 0;
	json_t *said = NULL;

	json_array_foreach(list, i, said)
	{
		struct slice name = kind == COPY_DOMAIN ? share_domain_name(said)
							: share_product_name(arena, said);

		if (!slice_is_none(name))
			vec_push(arena, entries,
				(struct copy_entry){kind, name, json_print(arena, said)});
	}
}

static void add_removed(struct arena *arena, entries_vec *entries, const json_t *list)
{
	size_t i = 0;
	json_t *name = NULL;

	json_array_foreach(list, i, name)
	{
		struct slice text = json_to_slice(name);
		bool product = slice_find(text, SLICE("."), 0) != SIZE_MAX;

		if (!slice_is_none(text))
			vec_push(arena, entries,
				(struct copy_entry){
					product ? COPY_PRODUCT : COPY_DOMAIN, text, SLICE_NONE});
	}
}

/* A replayed answer of before must not bring back what was removed since. */
static bool check_order(struct server *server, const struct copy_change *change, struct error *err)
{
	struct catalogue_mark known;

	copy_mark(server, change->node, &known);
	bool same_boot = slice_equal_c(change->boot, known.boot);

	if (same_boot ? change->epoch >= known.epoch : change->full)
		return true;
	return error_set(err, PROTOCOL_VIOLATION,
		"the node %.*s sent a change that does not follow what is known of it",
		SLICE_FMT(change->node));
}

bool copy_take(struct server *server, struct slice node, const json_t *change, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	entries_vec entries = {0};
	struct copy_change put = {.node = node,
		.boot = json_get_slice(change, "boot"),
		.epoch = json_get_i64(change, "epoch", -1),
		.full = json_get_bool(change, "full", false)};

	if (!slice_equal(json_get_slice(change, "node"), node) || put.boot.len == 0 ||
		put.boot.len >= sizeof((struct catalogue_mark *)0)->boot || put.epoch < 0)
		return error_set(err, PROTOCOL_VIOLATION,
			"what the node %.*s says of its products cannot be read", SLICE_FMT(node));
	add_said(arena, &entries, json_get_array(change, "domains"), COPY_DOMAIN);
	add_said(arena, &entries, json_get_array(change, "products"), COPY_PRODUCT);
	add_removed(arena, &entries, json_get_array(change, "removed"));
	put.entries = entries.items;
	put.entry_count = entries.len;
	if (!check_order(server, &put, err) || !copies_put(server->store, &put, err))
		return false;
	atomic_store(&server->memory_freed, true);
	atomic_fetch_add(&server->copies_epoch, 1);
	log_say(server->log, CATALOGUE_TAKEN, NULL, log_str("peer", node),
		log_int("epoch", put.epoch), log_int("entries", (int64_t)put.entry_count),
		log_bool("full", put.full));
	return true;
}

static bool read_copy(struct server *server, struct arena *arena, const struct mesh_node *node,
	struct copy_model *out, struct error *err)
{
	struct copy_texts domains;
	struct copy_texts products;
	size_t left_out = 0;

	if (!copies_texts(server->store, node->name, COPY_DOMAIN, arena, &domains, err) ||
		!copies_texts(server->store, node->name, COPY_PRODUCT, arena, &products, err))
		return false;
	const struct shared shared = {.allowed = node->domains,
		.allowed_count = node->domain_count,
		.domains = domains.items,
		.domain_count = domains.count,
		.products = products.items,
		.product_count = products.count};

	out->node = arena_copy(arena, node->name);
	out->model = share_model(&shared, &left_out);
	return true;
}

static const struct model_table *find_table(
	const struct model *model, struct slice domain, struct slice table)
{
	for (size_t i = 0; i < model->table_count; i++) {
		const struct model_table *t = &model->tables[i];

		if (slice_equal_nocase(t->product->domain->name, domain) &&
			(slice_equal_nocase(t->key, table) ||
				(t->newest_major && slice_equal_nocase(t->name, table))))
			return t;
	}
	return NULL;
}

bool copy_has_table(struct server *server, const struct mesh_node *node, struct slice domain,
	struct slice table)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct copy_model copy = {0};
	struct error ignored = {0};

	if (!read_copy(server, arena, node, &copy, &ignored))
		return false;
	bool found = find_table(copy.model, domain, table) != NULL;

	copies_release(server, &copy, 1);
	return found;
}

static size_t read_columns(
	const struct model_table *table, struct arena *arena, struct copy_column **out)
{
	if (!table)
		return 0;
	*out = arena_array_of(arena, struct copy_column, table->column_count);
	for (size_t i = 0; i < table->column_count; i++)
		(*out)[i] = (struct copy_column){arena_copy(arena, table->columns[i].name),
			arena_copy(arena, table->columns[i].type)};
	return table->column_count;
}

size_t copy_columns(struct server *server, struct slice node, struct slice domain,
	struct slice table, struct arena *arena, struct copy_column **out)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	const struct member_view *view = member_view(server->member);
	const struct mesh_node *owner = view ? mesh_file_node(&view->file, node) : NULL;
	struct copy_model copy = {0};
	struct error ignored = {0};
	size_t count = 0;

	if (owner && read_copy(server, scratch, owner, &copy, &ignored)) {
		count = read_columns(find_table(copy.model, domain, table), arena, out);
		copies_release(server, &copy, 1);
	}
	member_view_unref(&view);
	return count;
}

static int64_t seen_us(const struct peer *peers, size_t count, struct slice node)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal(peers[i].name, node))
			return peers[i].seen_us;
	return 0;
}

bool copies_models(struct server *server, struct arena *arena, struct copy_model **out,
	size_t *count_out, struct error *err)
{
	const struct member_view *view = member_view(server->member);
	const struct peer *peers = NULL;
	size_t peer_count = server->peers ? peers_list(server->peers, arena, &peers) : 0;
	size_t count = 0;
	bool ok = true;

	*out = arena_array_of(arena, struct copy_model, view ? view->file.node_count : 0);
	for (size_t i = 0; ok && view && i < view->file.node_count; i++) {
		const struct mesh_node *node = &view->file.nodes[i];

		if (node == view->self)
			continue;
		ok = read_copy(server, arena, node, &(*out)[count], err);
		(*out)[count].seen_us = seen_us(peers, peer_count, node->name);
		count += ok;
	}
	member_view_unref(&view);
	*count_out = count;
	if (!ok)
		copies_release(server, *out, count);
	return ok;
}

void copies_release(struct server *server, struct copy_model *models, size_t count)
{
	atomic_store(&server->memory_freed, true);
	for (size_t i = 0; i < count; i++)
		model_unref(&models[i].model);
}
