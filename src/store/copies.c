#include "store/copies.h"

#include "base/vec.h"
#include "store/db-private.h"

static bool clear(struct db *db, struct slice node, struct error *err)
{
	struct stmt s = stmt_begin(db, "DELETE FROM copy_entry WHERE node = ?", err);

	stmt_text(&s, node);
	return stmt_run(&s);
}

static bool put_entry(
	struct db *db, struct slice node, const struct copy_entry *entry, struct error *err)
{
	bool gone = slice_is_none(entry->text);
	struct stmt s =
		gone ? stmt_begin(db,
			       "DELETE FROM copy_entry WHERE node = ? AND kind = ? AND name = ?",
			       err)
		     : stmt_begin(db, "INSERT OR REPLACE INTO copy_entry VALUES (?, ?, ?, ?)", err);

	stmt_text(&s, node);
	stmt_int(&s, entry->kind);
	stmt_text(&s, entry->name);
	if (!gone)
		stmt_text(&s, entry->text);
	return stmt_run(&s);
}

static bool put_mark(struct db *db, const struct copy_change *change, struct error *err)
{
	struct stmt s = stmt_begin(db, "INSERT OR REPLACE INTO copy VALUES (?, ?, ?)", err);

	stmt_text(&s, change->node);
	stmt_text(&s, change->boot);
	stmt_int(&s, change->epoch);
	return stmt_run(&s);
}

bool copies_put(struct store *store, const struct copy_change *change, struct error *err)
{
	struct db *db = store_write_begin_relaxed(store, err);

	if (!db)
		return false;
	bool ok = !change->full || clear(db, change->node, err);

	for (size_t i = 0; ok && i < change->entry_count; i++)
		ok = put_entry(db, change->node, &change->entries[i], err);
	ok = ok && put_mark(db, change, err);
	return store_write_end(store, db, ok, err);
}

bool copies_mark(struct store *store, struct slice node, struct arena *arena,
	struct slice *boot_out, int64_t *epoch_out, struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, "SELECT boot, epoch FROM copy WHERE node = ?", err);
	struct slice boot = SLICE_NONE;
	int64_t epoch = 0;

	stmt_text(&s, node);
	if (stmt_row(&s)) {
		boot = stmt_get_text(&s, arena);
		epoch = stmt_get_int(&s);
	}
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	if (ok) {
		*boot_out = boot;
		*epoch_out = epoch;
	}
	return ok;
}

bool copies_texts(struct store *store, struct slice node, enum copy_kind kind, struct arena *arena,
	struct copy_texts *out, struct error *err)
{
	VEC(struct slice) texts = {0};
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(
		db, "SELECT text FROM copy_entry WHERE node = ? AND kind = ? ORDER BY name", err);

	stmt_text(&s, node);
	stmt_int(&s, kind);
	while (stmt_row(&s))
		vec_push(arena, &texts, stmt_get_text(&s, arena));
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	if (ok)
		*out = (struct copy_texts){texts.items, texts.len};
	return ok;
}

bool copies_keep(struct store *store, const struct slice *nodes, size_t count, struct error *err)
{
	static const char *const erase[] = {
		"DELETE FROM copy_entry WHERE node NOT IN (SELECT value FROM json_each(?))",
		"DELETE FROM copy WHERE node NOT IN (SELECT value FROM json_each(?))",
	};
	scoped(arena_free) struct arena *arena = arena_new();
	scoped(json_drop) json_t *list = json_from_slices(nodes, count);
	struct db *db = store_write_begin_relaxed(store, err);
	bool ok = true;

	if (!db)
		return false;
	for (size_t i = 0; ok && i < array_len(erase); i++) {
		struct stmt s = stmt_begin(db, erase[i], err);

		stmt_text(&s, json_print(arena, list));
		ok = stmt_run(&s);
	}
	return store_write_end(store, db, ok, err);
}
