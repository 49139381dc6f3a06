/*
 * Records in a chain: hash = BLAKE2b-256(hash before ‖ id ‖ begins ‖ time ‖ body). Changing, adding
 * or removing a record breaks every hash after it. Bodies are JSON, written once and never parsed
 * by the chain.
 */
#include "store/audit.h"

#include <endian.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/json.h"
#include "base/str.h"
#include "base/vec.h"
#include "store/db-private.h"

static void chain(
	unsigned char *hash, int64_t id, int64_t begins, int64_t time_us, struct slice body)
{
	crypto_generichash_state state;
	int64_t numbers[] = {(int64_t)htole64((uint64_t)id), (int64_t)htole64((uint64_t)begins),
		(int64_t)htole64((uint64_t)time_us)};

	crypto_generichash_init(&state, NULL, 0, AUDIT_HASH_BYTES);
	crypto_generichash_update(&state, hash, AUDIT_HASH_BYTES);
	crypto_generichash_update(&state, (const unsigned char *)numbers, sizeof numbers);
	crypto_generichash_update(&state, (const unsigned char *)body.ptr, body.len);
	crypto_generichash_final(&state, hash, AUDIT_HASH_BYTES);
}

/* "id:hex" in meta: where the chain begins after a trim. */
static bool read_anchor(struct db *db, int64_t *id_out, unsigned char *hash, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct stmt s = stmt_begin(db, "SELECT value FROM meta WHERE key = 'audit.anchor'", err);
	struct slice anchor = stmt_row(&s) ? stmt_get_text(&s, arena) : SLICE_NONE;
	size_t len = 0;

	*id_out = 0;
	memset(hash, 0, AUDIT_HASH_BYTES);
	if (!stmt_end(&s))
		return false;
	if (slice_is_none(anchor))
		return true;
	struct slice id = slice_split(&anchor, ':');

	if (!slice_to_i64(id, id_out) || sodium_hex2bin(hash, AUDIT_HASH_BYTES, anchor.ptr,
						 anchor.len, NULL, &len, NULL) != 0)
		return error_set(err, DATA_CORRUPTED, "the anchor of the audit chain is damaged");
	return true;
}

bool audit_load(struct store *store, struct error *err)
{
	struct db *db = store->writer;

	if (!read_anchor(db, &store->audit_id, store->audit_hash, err))
		return false;
	struct stmt s = stmt_begin(db, "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1", err);

	if (stmt_row(&s)) {
		store->audit_id = stmt_get_int(&s);
		if (sqlite3_column_bytes(s.handle, 1) == AUDIT_HASH_BYTES)
			memcpy(store->audit_hash, sqlite3_column_blob(s.handle, 1),
				AUDIT_HASH_BYTES);
	}
	return stmt_end(&s);
}

struct record {
	int64_t begins;
	struct slice principal;
	struct slice request_id;
	struct slice body;
};

/* Completions in memory, in the order of their statements' ends. */
struct audit_tail {
	struct arena *arena;
	VEC(struct record) records;
};

struct audit_tail *audit_tail_new(void)
{
	struct audit_tail *tail = calloc(1, sizeof *tail);

	check(tail);
	tail->arena = arena_new();
	return tail;
}

void audit_tail_free(struct audit_tail **tail)
{
	struct audit_tail *t = take(*tail);

	if (!t)
		return;
	arena_free(&t->arena);
	free(t);
}

static void push(struct audit_tail *tail, const struct record *record)
{
	struct record copy = *record;

	copy.body = arena_copy(tail->arena, record->body);
	vec_push(tail->arena, &tail->records, copy);
}

/* The write lock is held: it keeps the chain and the file in step. */
static bool append_locked(struct store *store, const struct record *record, struct error *err)
{
	unsigned char hash[AUDIT_HASH_BYTES];
	int64_t id = store->audit_id + 1;
	int64_t now = store_now(store);

	memcpy(hash, store->audit_hash, sizeof hash);
	chain(hash, id, record->begins, now, record->body);
	struct stmt s =
		stmt_begin(store->relaxed, "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", err);

	stmt_int(&s, id);
	stmt_int(&s, record->begins);
	stmt_int(&s, now);
	stmt_text(&s, record->principal);
	stmt_text(&s, record->request_id);
	stmt_text(&s, record->body);
	stmt_blob(&s, hash, sizeof hash);
	if (!stmt_run(&s))
		return false;
	store->audit_id = id;
	memcpy(store->audit_hash, hash, sizeof hash);
	return true;
}

static void add_member(struct str *out, const char *key, struct slice value)
{
	if (slice_is_none(value))
		return;
	str_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", key);
	str_add_json(out, value);
}

/* One list for writing and reading. */
#define BEGIN_MEMBERS(member)                                                                      \
	member(principal) member(purpose) member(door) member(session) member(request_id)          \
		member(statement) member(tables) member(decision) member(details)

bool audit_write(
	struct store *store, const struct audit_begin *begin, int64_t *id_out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct str body = str_in(arena);

	str_add_char(&body, '{');
#define ADD(name) add_member(&body, #name, begin->name);
	BEGIN_MEMBERS(ADD)
#undef ADD
	str_printf(&body, "%s\"epoch\":%lld}", body.len > 1 ? "," : "", (long long)begin->epoch);
	struct record record = {
		.principal = begin->principal,
		.request_id = begin->request_id,
		.body = str_slice(&body),
	};

	/* One statement is its own transaction. */
	pthread_mutex_lock(&store->write_lock);
	bool ok = append_locked(store, &record, err);

	*id_out = store->audit_id;
	pthread_mutex_unlock(&store->write_lock);
	return ok;
}

void audit_complete(struct store *store, int64_t id, const struct audit_end *end)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct str body = str_in(arena);

	str_add_char(&body, '{');
	add_member(&body, "outcome", end->outcome);
	add_member(&body, "state", end->state);
	str_printf(&body, "%s\"rows\":%lld,\"bytes\":%lld,\"duration_us\":%lld}",
		body.len > 1 ? "," : "", (long long)end->rows, (long long)end->bytes,
		(long long)end->duration_us);
	pthread_mutex_lock(&store->tail_lock);
	push(store->tail, &(struct record){.begins = id, .body = str_slice(&body)});
	pthread_mutex_unlock(&store->tail_lock);
}

/* What waits now; later completions go to a new list and wait for nobody's disk. */
static struct audit_tail *take_tail(struct store *store)
{
	struct audit_tail *tail = NULL;

	pthread_mutex_lock(&store->tail_lock);
	if (store->tail->records.len) {
		tail = store->tail;
		store->tail = audit_tail_new();
	}
	pthread_mutex_unlock(&store->tail_lock);
	return tail;
}

static bool write_tail(struct store *store, const struct audit_tail *tail, struct error *err)
{
	size_t written = 0;

	pthread_mutex_lock(&store->write_lock);
	while (written < tail->records.len &&
		append_locked(store, &tail->records.items[written], err))
		written++;
	pthread_mutex_unlock(&store->write_lock);
	bool ok = written == tail->records.len;

	pthread_mutex_lock(&store->tail_lock);
	for (; written < tail->records.len; written++)
		push(store->tail, &tail->records.items[written]);
	pthread_mutex_unlock(&store->tail_lock);
	return ok;
}

bool audit_flush(struct store *store, struct error *err)
{
	/* Who reads next waits for what another thread is writing. */
	pthread_mutex_lock(&store->flush_lock);
	scoped(audit_tail_free) struct audit_tail *tail = take_tail(store);
	bool ok = !tail || write_tail(store, tail, err);

	pthread_mutex_unlock(&store->flush_lock);
	return ok;
}

static bool read_begin(
	struct arena *arena, struct slice body, struct audit_begin *out, struct error *err)
{
	scoped(json_drop) json_t *value = json_parse(body, err);

	if (!value)
		return false;
#define READ(name) out->name = arena_copy(arena, json_get_slice(value, #name));
	BEGIN_MEMBERS(READ)
#undef READ
	out->epoch = json_get_i64(value, "epoch", 0);
	return true;
}

static bool read_end(
	struct arena *arena, struct slice body, struct audit_end *out, struct error *err)
{
	scoped(json_drop) json_t *value = json_parse(body, err);

	if (!value)
		return false;
	out->outcome = arena_copy(arena, json_get_slice(value, "outcome"));
	out->state = arena_copy(arena, json_get_slice(value, "state"));
	out->rows = json_get_i64(value, "rows", 0);
	out->bytes = json_get_i64(value, "bytes", 0);
	out->duration_us = json_get_i64(value, "duration_us", 0);
	return true;
}

static bool read_row(struct stmt *s, struct arena *arena, struct audit_row *row, struct error *err)
{
	row->id = stmt_get_int(s);
	row->time_us = stmt_get_int(s);
	struct slice begin = stmt_get_text(s, arena);
	struct slice end = stmt_get_text(s, arena);

	row->ended = !slice_is_none(end);
	return read_begin(arena, begin, &row->begin, err) &&
	       (!row->ended || read_end(arena, end, &row->end, err));
}

bool audit_list(struct store *store, const struct audit_filter *filter, struct arena *arena,
	struct audit_row **out, size_t *count_out, struct error *err)
{
	VEC(struct audit_row) rows = {0};
	bool ok = true;

	if (!audit_flush(store, err))
		return false;
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"SELECT b.id, b.time_us, b.body, (SELECT e.body FROM audit e WHERE e.begins = b.id"
		" AND e.begins > 0) FROM audit b WHERE b.begins = 0"
		" AND (?1 IS NULL OR b.principal = ?1) AND (?2 IS NULL OR b.request_id = ?2)"
		" AND (?3 = 0 OR b.id < ?3) AND b.time_us >= ?4 ORDER BY b.id DESC LIMIT ?5",
		err);

	stmt_text(&s, filter->principal);
	stmt_text(&s, filter->request_id);
	stmt_int(&s, filter->before_id);
	stmt_int(&s, filter->since_us);
	stmt_int(&s, filter->limit ? filter->limit : 10000);
	while (ok && stmt_row(&s))
		ok = read_row(&s, arena, vec_add(arena, &rows), err);
	ok = stmt_end(&s) && ok;
	store_read_end(store, db);
	if (ok) {
		*out = rows.items;
		*count_out = rows.len;
	}
	return ok;
}

/* Checks one record against the chain so far and takes its hash over. */
static bool verify_row(struct stmt *s, int64_t *id, unsigned char *hash, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	int64_t found = stmt_get_int(s);
	int64_t begins = stmt_get_int(s);
	int64_t time_us = stmt_get_int(s);

	chain(hash, found, begins, time_us, stmt_get_text(s, arena));
	if (found != *id + 1 || sqlite3_column_bytes(s->handle, 4) != AUDIT_HASH_BYTES ||
		memcmp(hash, sqlite3_column_blob(s->handle, 4), AUDIT_HASH_BYTES) != 0) {
		error_set(err, DATA_CORRUPTED, "audit record %lld does not fit the one before",
			(long long)found);
		return error_hint(err, "records were changed, added or removed behind Weft's back");
	}
	*id = found;
	return true;
}

bool audit_verify(struct store *store, int64_t *records_out, struct error *err)
{
	unsigned char hash[AUDIT_HASH_BYTES];
	int64_t id = 0;
	int64_t count = 0;

	if (!audit_flush(store, err))
		return false;
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	bool ok = read_anchor(db, &id, hash, err);
	struct stmt s = stmt_begin(
		db, "SELECT id, begins, time_us, body, hash FROM audit ORDER BY id", err);

	while (ok && stmt_row(&s)) {
		ok = verify_row(&s, &id, hash, err);
		count++;
	}
	ok = stmt_end(&s) && ok;
	store_read_end(store, db);
	if (ok)
		*records_out = count;
	return ok;
}

static bool put_anchor(struct db *db, int64_t before_us, int64_t *last_out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct slice anchor = SLICE_NONE;
	struct stmt s = stmt_begin(db,
		"SELECT id, lower(hex(hash)) FROM audit WHERE id < coalesce((SELECT min(id)"
		" FROM audit WHERE time_us >= ?), 1 << 62)"
		" AND id < (SELECT min(id) FROM audit) + ? ORDER BY id DESC LIMIT 1",
		err);

	*last_out = 0;
	stmt_int(&s, before_us);
	stmt_int(&s, TRIM_AT_ONCE);
	if (stmt_row(&s)) {
		*last_out = stmt_get_int(&s);
		struct slice hex = stmt_get_text(&s, arena);

		anchor = arena_printf(arena, "%lld:%.*s", (long long)*last_out, SLICE_FMT(hex));
	}
	if (!stmt_end(&s) || slice_is_none(anchor))
		return !s.failed;
	s = stmt_begin(db, "INSERT OR REPLACE INTO meta VALUES ('audit.anchor', ?)", err);
	stmt_text(&s, anchor);
	return stmt_run(&s);
}

/* One piece; *more_out: there may be more. */
static bool trim_some(struct store *store, int64_t before_us, bool *more_out, struct error *err)
{
	struct db *db = store_write_begin(store, err);
	int64_t last = 0;

	if (!db)
		return false;
	bool ok = put_anchor(db, before_us, &last, err);

	if (ok && last) {
		struct stmt s = stmt_begin(db, "DELETE FROM audit WHERE id <= ?", err);

		stmt_int(&s, last);
		ok = stmt_run(&s);
	}
	*more_out = ok && last > 0;
	return store_write_end(store, db, ok, err);
}

bool audit_trim(struct store *store, int64_t before_us, struct error *err)
{
	bool more = true;

	if (!audit_flush(store, err))
		return false;
	while (more)
		if (!trim_some(store, before_us, &more, err))
			return false;
	return true;
}
