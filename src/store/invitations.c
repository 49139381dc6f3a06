#include "store/invitations.h"

#include "store/db-private.h"

static const int64_t FORGET_US = 86400 * 1000000LL;

static bool forget(struct db *db, int64_t before_us, struct error *err)
{
	struct stmt s = stmt_begin(db, "DELETE FROM invitation WHERE expires_us < ?", err);

	stmt_int(&s, before_us);
	return stmt_run(&s);
}

bool invitations_put(struct store *store, const struct invitation_row *row, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	scoped(json_drop) json_t *domains = json_from_slices(row->domains, row->domain_count);
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	bool ok = forget(db, store_now(store) - FORGET_US, err);

	if (ok) {
		struct stmt s = stmt_begin(db,
			"INSERT OR REPLACE INTO invitation (id, digest, node, domains, by,"
			" expires_us) VALUES (?, ?, ?, ?, ?, ?)",
			err);

		stmt_text(&s, row->id);
		stmt_text(&s, row->digest);
		stmt_text(&s, row->node);
		stmt_text(&s, json_print(arena, domains));
		stmt_text(&s, row->by);
		stmt_int(&s, row->expires_us);
		ok = stmt_run(&s);
	}
	return store_write_end(store, db, ok, err);
}

static bool find(struct db *db, struct arena *arena, const struct invitation_key *key,
	struct invitation_row *row, enum invitation_outcome *outcome, struct error *err)
{
	struct stmt s = stmt_begin(db,
		"SELECT domains, by, expires_us, used_us FROM invitation"
		" WHERE id = ? AND digest = ? AND node = ?",
		err);

	stmt_text(&s, key->id);
	stmt_text(&s, key->digest);
	stmt_text(&s, key->node);
	*outcome = INVITATION_ABSENT;
	*row = (struct invitation_row){.id = key->id, .digest = key->digest, .node = key->node};
	if (!stmt_row(&s))
		return stmt_end(&s);
	struct slice domains = stmt_get_text(&s, arena);

	row->by = stmt_get_text(&s, arena);
	row->expires_us = stmt_get_int(&s);
	row->used_us = stmt_get_int(&s);
	if (!stmt_end(&s))
		return false;
	scoped(json_drop) json_t *list = json_parse(domains, err);

	if (!list)
		return false;
	row->domains = json_slices(arena, list, &row->domain_count);
	*outcome = row->used_us ? INVITATION_USED : INVITATION_TAKEN;
	return true;
}

static bool mark_used(struct db *db, struct slice id, int64_t now_us, struct error *err)
{
	struct stmt s = stmt_begin(db, "UPDATE invitation SET used_us = ? WHERE id = ?", err);

	stmt_int(&s, now_us);
	stmt_text(&s, id);
	return stmt_run(&s);
}

bool invitations_take(struct store *store, struct arena *arena, const struct invitation_key *key,
	struct invitation_row *out, enum invitation_outcome *outcome_out, struct error *err)
{
	int64_t now_us = store_now(store);
	struct db *db = store_write_begin(store, err);
	enum invitation_outcome outcome = INVITATION_ABSENT;
	struct invitation_row row;

	if (!db)
		return false;
	bool ok = find(db, arena, key, &row, &outcome, err);

	if (ok && outcome == INVITATION_TAKEN && row.expires_us <= now_us)
		outcome = INVITATION_EXPIRED;
	if (ok && outcome == INVITATION_TAKEN)
		ok = mark_used(db, key->id, now_us, err);
	if (!store_write_end(store, db, ok, err))
		return false;
	*outcome_out = outcome;
	*out = row;
	return true;
}
