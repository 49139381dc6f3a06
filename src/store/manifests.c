/* Manifests with history: a row is in force while removed = 0, and was from `added` on. */
#include "store/manifests.h"

#include <sodium.h>

#include "base/vec.h"
#include "store/db-private.h"

static void digest_of(struct slice text, char *hex)
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const unsigned char *)text.ptr, text.len);
	sodium_bin2hex(hex, crypto_hash_sha256_BYTES * 2 + 1, hash, sizeof hash);
}

static bool newest(struct db *db, int64_t *out, struct error *err)
{
	struct stmt s = stmt_begin(db, "SELECT max(id) FROM apply", err);

	return stmt_scalar(&s, out);
}

static bool check_base(struct db *db, int64_t base, struct error *err)
{
	int64_t found;

	if (!newest(db, &found, err))
		return false;
	if (base < 0 || base == found)
		return true;
	error_set(err, SERIALIZATION_FAILURE, "somebody applied changes since this plan was made");
	return error_hint(err, "look at `weft plan` again, then apply");
}

static bool put_change(
	struct db *db, const struct stored_change *change, int64_t apply, struct error *err)
{
	char digest[crypto_hash_sha256_BYTES * 2 + 1];
	struct stmt s = stmt_begin(
		db, "UPDATE manifest SET removed = ? WHERE path = ? AND removed = 0", err);

	stmt_int(&s, apply);
	stmt_text(&s, change->path);
	if (!stmt_run(&s) || slice_is_none(change->text))
		return !s.failed;
	digest_of(change->text, digest);
	s = stmt_begin(db,
		"INSERT INTO manifest (path, added, kind, name, text, digest)"
		" VALUES (?, ?, ?, ?, ?, ?)",
		err);
	stmt_text(&s, change->path);
	stmt_int(&s, apply);
	stmt_text(&s, change->kind);
	stmt_text(&s, change->name);
	stmt_text(&s, change->text);
	stmt_text(&s, slice_from_c(digest));
	return stmt_run(&s);
}

static bool put_apply(struct store *store, struct db *db, const struct manifest_apply *apply,
	int64_t *id_out, struct error *err)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO apply (applied_us, by, summary, changes) VALUES (?, ?, ?, ?)", err);

	stmt_int(&s, store_now(store));
	stmt_text(&s, apply->by);
	stmt_text(&s, apply->summary);
	stmt_int(&s, (int64_t)apply->change_count);
	if (!stmt_run(&s))
		return false;
	*id_out = sqlite3_last_insert_rowid(db->handle);
	for (size_t i = 0; i < apply->change_count; i++)
		if (!put_change(db, &apply->changes[i], *id_out, err))
			return false;
	return store_bump_epoch(db, err);
}

bool manifests_apply(struct store *store, const struct manifest_apply *apply, int64_t *apply_out,
	struct error *err)
{
	int64_t id = 0;
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	bool ok = check_base(db, apply->base, err) && put_apply(store, db, apply, &id, err);

	for (size_t i = 0; ok && i < apply->forgotten_count; i++)
		ok = versions_drop_in(db, apply->forgotten[i], err);
	if (!store_write_end(store, db, ok, err))
		return false;
	*apply_out = id;
	return true;
}

static bool list(struct stmt *s, struct arena *arena, struct manifest_row **out, size_t *count_out)
{
	VEC(struct manifest_row) rows = {0};

	while (stmt_row(s)) {
		struct manifest_row *row = vec_add(arena, &rows);

		row->path = stmt_get_text(s, arena);
		row->kind = stmt_get_text(s, arena);
		row->name = stmt_get_text(s, arena);
		row->text = stmt_get_text(s, arena);
		row->digest = stmt_get_text(s, arena);
		row->apply = stmt_get_int(s);
		row->applied_us = stmt_get_int(s);
		row->applied_by = stmt_get_text(s, arena);
	}
	if (!stmt_end(s))
		return false;
	*out = rows.items;
	*count_out = rows.len;
	return true;
}

#define MANIFEST_COLUMNS                                                                           \
	"SELECT m.path, m.kind, m.name, m.text, m.digest, m.added, a.applied_us, a.by"             \
	" FROM manifest m JOIN apply a ON a.id = m.added"

bool manifests_list(struct store *store, struct arena *arena, struct manifest_row **out,
	size_t *count_out, struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s =
		stmt_begin(db, MANIFEST_COLUMNS " WHERE m.removed = 0 ORDER BY m.path", err);
	bool ok = list(&s, arena, out, count_out);

	store_read_end(store, db);
	return ok;
}

bool manifests_newest_apply(struct store *store, int64_t *apply_out, struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	bool ok = newest(db, apply_out, err);

	store_read_end(store, db);
	return ok;
}
