#include "store/trusts.h"

#include "base/json.h"
#include "store/db-private.h"

bool trusts_put(struct store *store, const struct trust_row *row, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	scoped(json_drop) json_t *groups = json_from_slices(row->groups, row->group_count);
	scoped(json_drop) json_t *attributes =
		json_from_slices(row->attributes, row->attribute_count);
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"INSERT OR REPLACE INTO trust (node, groups, attributes) VALUES (?, ?, ?)", err);

	stmt_text(&s, row->node);
	stmt_text(&s, json_print(arena, groups));
	stmt_text(&s, json_print(arena, attributes));
	return store_write_end(store, db, stmt_run(&s), err);
}

static bool read_list(struct arena *arena, struct slice text, struct slice **out, size_t *count_out,
	struct error *err)
{
	scoped(json_drop) json_t *list = json_parse(text, err);

	if (!list)
		return false;
	*out = json_slices(arena, list, count_out);
	return true;
}

bool trusts_get(struct store *store, struct slice node, struct arena *arena, struct trust_row *out,
	struct error *err)
{
	struct db *db = store_read_begin(store, err);
	struct slice groups = SLICE("[]");
	struct slice attributes = SLICE("[]");

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, "SELECT groups, attributes FROM trust WHERE node = ?", err);

	stmt_text(&s, node);
	if (stmt_row(&s)) {
		groups = stmt_get_text(&s, arena);
		attributes = stmt_get_text(&s, arena);
	}
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	*out = (struct trust_row){.node = node};
	return ok && read_list(arena, groups, &out->groups, &out->group_count, err) &&
	       read_list(arena, attributes, &out->attributes, &out->attribute_count, err);
}
