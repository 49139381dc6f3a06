/* Users and tokens. Groups and attributes are small lists that are always read whole: JSON. */
#include "store/accounts.h"

#include <sodium.h>

#include "base/check.h"
#include "base/json.h"
#include "base/vec.h"
#include "store/db-private.h"

enum { TOKEN_USED_EVERY_US = 60000000 };

static struct slice print_groups(struct arena *arena, const struct account_row *account)
{
	scoped(json_drop) json_t *list = json_from_slices(account->groups, account->group_count);

	return json_print(arena, list);
}

static struct slice print_attributes(struct arena *arena, const struct account_row *account)
{
	scoped(json_drop) json_t *list = json_array();

	for (size_t i = 0; i < account->attribute_count; i++) {
		const struct account_attribute *a = &account->attributes[i];
		json_t *item = json_object();

		json_set_slice(item, "name", a->name);
		json_set_slice(item, "type", a->type);
		json_object_set_new(item, "values", json_from_slices(a->values, a->value_count));
		json_array_append_new(list, item);
	}
	return json_print(arena, list);
}

static bool read_lists(struct arena *arena, struct slice groups, struct slice attributes,
	struct account_row *out, struct error *err)
{
	scoped(json_drop) json_t *group_list = json_parse(groups, err);
	scoped(json_drop) json_t *attribute_list = group_list ? json_parse(attributes, err) : NULL;

	if (!attribute_list)
		return error_wrap(err, "the stored account %.*s", SLICE_FMT(out->name));
	out->groups = json_slices(arena, group_list, &out->group_count);
	out->attribute_count = json_array_size(attribute_list);
	out->attributes = arena_array_of(arena, struct account_attribute, out->attribute_count);
	for (size_t i = 0; i < out->attribute_count; i++) {
		const json_t *item = json_array_get(attribute_list, i);
		struct account_attribute *a = &out->attributes[i];

		a->name = arena_copy(arena, json_get_slice(item, "name"));
		a->type = arena_copy(arena, json_get_slice(item, "type"));
		a->values = json_slices(arena, json_get_array(item, "values"), &a->value_count);
	}
	return true;
}

#define ACCOUNT_COLUMNS                                                                            \
	"SELECT name, verifier, admin, disabled, created_us, changed_us, groups, attributes"       \
	" FROM account"

static bool read_account(
	struct stmt *s, struct arena *arena, struct account_row *out, struct error *err)
{
	out->name = stmt_get_text(s, arena);
	out->verifier = stmt_get_text(s, arena);
	out->admin = stmt_get_int(s) != 0;
	out->disabled = stmt_get_int(s) != 0;
	out->created_us = stmt_get_int(s);
	out->changed_us = stmt_get_int(s);
	struct slice groups = stmt_get_text(s, arena);

	return read_lists(arena, groups, stmt_get_text(s, arena), out, err);
}

static bool put_account(struct store *store, struct db *db, const struct account_row *account,
	unsigned flags, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	int64_t now = store_now(store);
	struct stmt s = stmt_begin(db,
		"INSERT INTO account VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) ON CONFLICT (name)"
		" DO UPDATE SET verifier = iif(?8, verifier, excluded.verifier),"
		" admin = excluded.admin, disabled = excluded.disabled,"
		" groups = excluded.groups, attributes = excluded.attributes,"
		" changed_us = excluded.changed_us",
		err);

	stmt_text(&s, account->name);
	stmt_text(&s, account->verifier);
	stmt_int(&s, account->admin);
	stmt_int(&s, account->disabled);
	stmt_text(&s, print_groups(arena, account));
	stmt_text(&s, print_attributes(arena, account));
	stmt_int(&s, now);
	stmt_int(&s, (flags & ACCOUNT_KEEP_VERIFIER) != 0);
	return stmt_run(&s) && store_bump_epoch(db, err);
}

/* A node without an administrator cannot be managed any more. */
static bool check_admin_left(struct db *db, int64_t before, struct error *err)
{
	int64_t after;
	struct stmt s =
		stmt_begin(db, "SELECT count(*) FROM account WHERE admin AND NOT disabled", err);

	if (!stmt_scalar(&s, &after))
		return false;
	if (after > 0 || before == 0)
		return true;
	error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
		"this is the last administrator that can sign in");
	return error_hint(err, "make another user an administrator first");
}

static bool count_admins(struct db *db, int64_t *out, struct error *err)
{
	struct stmt s =
		stmt_begin(db, "SELECT count(*) FROM account WHERE admin AND NOT disabled", err);

	return stmt_scalar(&s, out);
}

bool accounts_put(
	struct store *store, const struct account_row *account, unsigned flags, struct error *err)
{
	int64_t admins = 0;
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	return store_write_end(store, db,
		count_admins(db, &admins, err) && put_account(store, db, account, flags, err) &&
			check_admin_left(db, admins, err),
		err);
}

/* Runs a change of one account; how many rows it hit says whether it was there. */
static bool change_one(
	struct db *db, struct stmt *s, enum account_outcome *outcome_out, struct error *err)
{
	if (!stmt_run(s))
		return false;
	*outcome_out = sqlite3_changes(db->handle) ? ACCOUNT_FOUND : ACCOUNT_ABSENT;
	return store_bump_epoch(db, err);
}

bool accounts_remove(struct store *store, struct slice name, enum account_outcome *outcome_out,
	struct error *err)
{
	int64_t admins = 0;
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	if (!count_admins(db, &admins, err))
		return store_write_end(store, db, false, err);
	struct stmt s = stmt_begin(db, "DELETE FROM account WHERE name = ?", err);

	stmt_text(&s, name);
	return store_write_end(store, db,
		change_one(db, &s, outcome_out, err) && check_admin_left(db, admins, err), err);
}

bool accounts_set_verifier(struct store *store, struct slice name, struct slice verifier,
	enum account_outcome *outcome_out, struct error *err)
{
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(
		db, "UPDATE account SET verifier = ?, changed_us = ? WHERE name = ?", err);

	stmt_text(&s, verifier);
	stmt_int(&s, store_now(store));
	stmt_text(&s, name);
	return store_write_end(store, db, change_one(db, &s, outcome_out, err), err);
}

bool accounts_get(struct store *store, struct slice name, struct arena *arena,
	struct account_row *out, enum account_outcome *outcome_out, struct error *err)
{
	struct account_row found = {0};
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, ACCOUNT_COLUMNS " WHERE name = ?", err);

	stmt_text(&s, name);
	bool there = stmt_row(&s);
	bool ok = !there || read_account(&s, arena, &found, err);

	ok = stmt_end(&s) && ok;
	store_read_end(store, db);
	if (!ok)
		return false;
	*outcome_out = there ? ACCOUNT_FOUND : ACCOUNT_ABSENT;
	if (there)
		*out = found;
	return true;
}

bool accounts_list(struct store *store, struct arena *arena, struct account_row **out,
	size_t *count_out, struct error *err)
{
	VEC(struct account_row) rows = {0};
	bool ok = true;
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, ACCOUNT_COLUMNS " ORDER BY name", err);

	while (ok && stmt_row(&s))
		ok = read_account(&s, arena, vec_add(arena, &rows), err);
	ok = stmt_end(&s) && ok;
	store_read_end(store, db);
	if (ok) {
		*out = rows.items;
		*count_out = rows.len;
	}
	return ok;
}

void token_digest(struct slice secret, char *text)
{
	unsigned char hash[32];

	crypto_generichash(
		hash, sizeof hash, (const unsigned char *)secret.ptr, secret.len, NULL, 0);
	sodium_bin2hex(text, TOKEN_DIGEST_BYTES, hash, sizeof hash);
}

bool tokens_put(struct store *store, const struct token_row *token, struct error *err)
{
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"INSERT INTO token (id, digest, account, label, scopes, created_us, expires_us)"
		" VALUES (?, ?, ?, ?, ?, ?, ?)",
		err);

	stmt_text(&s, token->id);
	stmt_text(&s, token->digest);
	stmt_text(&s, token->user);
	stmt_text(&s, token->label);
	stmt_int(&s, token->scopes);
	stmt_int(&s, store_now(store));
	stmt_int(&s, token->expires_us);
	return store_write_end(store, db, stmt_run(&s), err);
}

#define TOKEN_COLUMNS                                                                              \
	"SELECT id, digest, account, label, scopes, created_us, expires_us, used_us, used_from"    \
	" FROM token"

static void read_token(struct stmt *s, struct arena *arena, struct token_row *out)
{
	out->id = stmt_get_text(s, arena);
	out->digest = stmt_get_text(s, arena);
	out->user = stmt_get_text(s, arena);
	out->label = stmt_get_text(s, arena);
	out->scopes = (unsigned)stmt_get_int(s);
	out->created_us = stmt_get_int(s);
	out->expires_us = stmt_get_int(s);
	out->used_us = stmt_get_int(s);
	out->used_from = stmt_get_text(s, arena);
}

bool tokens_get(struct store *store, struct slice digest, struct arena *arena,
	struct token_row *out, enum account_outcome *outcome_out, struct error *err)
{
	struct token_row found = {0};
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, TOKEN_COLUMNS " WHERE digest = ?", err);

	stmt_text(&s, digest);
	bool there = stmt_row(&s);

	if (there)
		read_token(&s, arena, &found);
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	if (!ok)
		return false;
	*outcome_out = there ? ACCOUNT_FOUND : ACCOUNT_ABSENT;
	if (there)
		*out = found;
	return true;
}

bool tokens_used(struct store *store, struct slice id, struct slice from, struct error *err)
{
	int64_t now = store_now(store);
	struct db *db = store_write_begin_relaxed(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"UPDATE token SET used_us = ?, used_from = ? WHERE id = ? AND used_us < ?", err);

	stmt_int(&s, now);
	stmt_text(&s, from);
	stmt_text(&s, id);
	stmt_int(&s, now - TOKEN_USED_EVERY_US);
	return store_write_end(store, db, stmt_run(&s), err);
}

bool tokens_remove(
	struct store *store, struct slice id, enum account_outcome *outcome_out, struct error *err)
{
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, "DELETE FROM token WHERE id = ?", err);

	stmt_text(&s, id);
	return store_write_end(store, db, change_one(db, &s, outcome_out, err), err);
}

bool tokens_list(struct store *store, struct slice user, struct arena *arena,
	struct token_row **out, size_t *count_out, struct error *err)
{
	VEC(struct token_row) rows = {0};
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		TOKEN_COLUMNS " WHERE ?1 IS NULL OR account = ?1 ORDER BY created_us DESC, id",
		err);

	stmt_text(&s, user);
	while (stmt_row(&s))
		read_token(&s, arena, vec_add(arena, &rows));
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	if (ok) {
		*out = rows.items;
		*count_out = rows.len;
	}
	return ok;
}
