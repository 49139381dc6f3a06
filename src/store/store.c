/*
 * Opens, locks, closes. Writers go one at a time through one of two connections: `writer` waits for
 * the disk at each commit, `relaxed` (audit, progress, run logs) hands the commit to the system
 * only. Both append to the same write-ahead log, so a later durable commit carries earlier relaxed
 * ones to the disk too. Readers never wait for a writer.
 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "store/audit.h"
#include "store/db-private.h"

enum { BUSY_MS = 5000 };

static void db_close(struct db **db)
{
	if (!*db)
		return;
	for (size_t i = 0; i < (*db)->cached; i++)
		sqlite3_finalize((*db)->cache[i].stmt);
	sqlite3_close((*db)->handle);
	free(*db);
	*db = NULL;
}

static bool db_open(const char *path, const char *pragmas, struct db **out, struct error *err)
{
	scoped(db_close) struct db *db = calloc(1, sizeof *db);

	check(db);
	if (sqlite3_open_v2(path, &db->handle,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		    NULL) != SQLITE_OK)
		return db_fail(db, "open weft.db", err);
	sqlite3_extended_result_codes(db->handle, 0);
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (!db_exec(db, pragmas, err))
		return false;
	*out = take(db);
	return true;
}

#define READER_PRAGMAS                                                                             \
	"PRAGMA query_only=1; PRAGMA cache_size=-256; PRAGMA temp_store=MEMORY; PRAGMA "           \
	"mmap_size=0"
#define WRITER_PRAGMAS(level)                                                                      \
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=" level "; PRAGMA foreign_keys=1;"            \
	"PRAGMA cache_size=-512; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;"                    \
	"PRAGMA journal_size_limit=67108864"

/* A checkpoint waits for the disk: it is mostly left to writers that wait anyway. */
#define RELAXED_PRAGMAS "PRAGMA wal_autocheckpoint=8000"

static bool check_file(const struct store_options *options, struct error *err)
{
	struct stat info;

	if (stat(options->path, &info) == 0)
		return true;
	if (errno != ENOENT)
		return error_set_errno(err, errno, "open the metadata \"%s\"", options->path);
	if (options->create)
		return true;
	error_set(err, UNDEFINED_FILE, "there is no metadata file \"%s\"", options->path);
	return error_hint(err, "make a node with `weft init`");
}

bool store_open(const struct store_options *options, struct store **out, int *migrated_from_out,
	struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	int from = 0;

	if (!check_file(options, err))
		return false;
	store = calloc(1, sizeof *store);
	check(store);
	pthread_mutex_init(&store->write_lock, NULL);
	pthread_mutex_init(&store->pool_lock, NULL);
	pthread_mutex_init(&store->flush_lock, NULL);
	pthread_mutex_init(&store->tail_lock, NULL);
	store->tail = audit_tail_new();
	store->path = strdup(options->path);
	store->clock = options->clock ? options->clock : &clock_system;
	/* Sign-ins and tokens are in it: nobody else reads it. WAL files take the mode over. */
	mode_t before = umask(0077);
	bool ok = db_open(store->path, WRITER_PRAGMAS("FULL"), &store->writer, err) &&
		  migrate(store->writer, options->keep_layout, &from, err) &&
		  db_open(store->path, WRITER_PRAGMAS("NORMAL") ";" RELAXED_PRAGMAS,
			  &store->relaxed, err) &&
		  audit_load(store, err);

	umask(before);
	if (!ok)
		return false;
	if (migrated_from_out)
		*migrated_from_out = from;
	*out = take(store);
	return true;
}

void store_close(struct store **store)
{
	struct store *s = *store;

	struct error ignored;

	if (!s)
		return;
	if (s->relaxed && s->tail)
		(void)!audit_flush(s, &ignored);
	while (s->readers) {
		struct db *db = s->readers;

		s->readers = db->next;
		db_close(&db);
	}
	db_close(&s->relaxed);
	db_close(&s->writer);
	pthread_mutex_destroy(&s->write_lock);
	pthread_mutex_destroy(&s->pool_lock);
	pthread_mutex_destroy(&s->flush_lock);
	pthread_mutex_destroy(&s->tail_lock);
	audit_tail_free(&s->tail);
	free(s->path);
	free(s);
	*store = NULL;
}

int store_layout(void)
{
	return migrate_newest();
}

uint64_t store_generation(const struct store *store)
{
	return atomic_load(&store->generation);
}

int64_t store_now(const struct store *store)
{
	return clock_wall_us(store->clock);
}

static struct db *write_begin(struct store *store, struct db *db, struct error *err)
{
	if (!db_exec(db, "BEGIN IMMEDIATE", err)) {
		pthread_mutex_unlock(&store->write_lock);
		return NULL;
	}
	return db;
}

struct db *store_write_begin(struct store *store, struct error *err)
{
	pthread_mutex_lock(&store->write_lock);
	return write_begin(store, store->writer, err);
}

struct db *store_write_begin_relaxed(struct store *store, struct error *err)
{
	pthread_mutex_lock(&store->write_lock);
	return write_begin(store, store->relaxed, err);
}

bool store_write_end(struct store *store, struct db *db, bool ok, struct error *err)
{
	if (ok)
		ok = db_exec(db, "COMMIT", err);
	if (db == store->writer)
		atomic_fetch_add(&store->generation, 1);
	/* A failed COMMIT and some errors end the transaction themselves. */
	if (!ok && !sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	pthread_mutex_unlock(&store->write_lock);
	return ok;
}

struct db *store_read_begin(struct store *store, struct error *err)
{
	struct db *db = NULL;

	pthread_mutex_lock(&store->pool_lock);
	if (store->readers) {
		db = store->readers;
		store->readers = db->next;
		store->idle_readers--;
	}
	pthread_mutex_unlock(&store->pool_lock);
	if (!db && !db_open(store->path, READER_PRAGMAS, &db, err))
		return NULL;
	if (!db_exec(db, "BEGIN", err)) {
		db_close(&db);
		return NULL;
	}
	return db;
}

void store_read_end(struct store *store, struct db *db)
{
	bool keep = sqlite3_exec(db->handle, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;

	pthread_mutex_lock(&store->pool_lock);
	keep = keep && store->idle_readers < STORE_IDLE_READERS;
	if (keep) {
		db->next = store->readers;
		store->readers = db;
		store->idle_readers++;
	}
	pthread_mutex_unlock(&store->pool_lock);
	if (!keep)
		db_close(&db);
}

bool store_ping(struct store *store, struct error *err)
{
	struct db *db = store_write_begin_relaxed(store, err);

	if (!db)
		return false;
	/* Only what is written says whether there is room. */
	struct stmt s = stmt_begin(db, "INSERT OR REPLACE INTO meta VALUES ('ping', ?)", err);

	stmt_int(&s, store_now(store));
	return store_write_end(store, db, stmt_run(&s), err);
}

bool store_verify(struct store *store, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, "PRAGMA integrity_check(1)", err);
	struct slice finding = stmt_row(&s) ? stmt_get_text(&s, arena) : SLICE_NONE;
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	if (!ok || slice_equal_c(finding, "ok"))
		return ok;
	error_set(err, DATA_CORRUPTED, "the metadata file weft.db is damaged: %.*s",
		SLICE_FMT(finding));
	return error_hint(err, "stop the node and put a backup of weft.db in its place");
}

bool store_backup(struct store *store, const char *path, struct error *err)
{
	struct db *db = store_read_begin(store, err);
	if (!db)
		return false;
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0) {
		if (errno == EEXIST)
			error_set(err, DUPLICATE_OBJECT, "\"%s\" exists already", path);
		else
			error_set_errno(err, errno, "make \"%s\"", path);
		store_read_end(store, db);
		return false;
	}
	/* VACUUM INTO needs its own transaction and may write only there. */
	bool ok = db_exec(db, "COMMIT; PRAGMA query_only=0", err);
	struct stmt s = stmt_begin(db, "VACUUM INTO ?", err);

	stmt_text(&s, slice_from_c(path));
	ok = stmt_run(&s) && ok;
	if (ok && fsync(fd) != 0)
		ok = error_set_errno(err, errno, "write it to the disk");
	if (!ok) {
		unlink(path);
		error_wrap(err, "back up the metadata to \"%s\"", path);
	}
	close(fd);
	db_close(&db);
	return ok;
}

bool store_epoch(struct store *store, int64_t *epoch_out, struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, "SELECT value FROM meta WHERE key = 'epoch'", err);
	bool ok = stmt_scalar(&s, epoch_out);

	store_read_end(store, db);
	return ok;
}

bool store_bump_epoch(struct db *db, struct error *err)
{
	return db_exec(db,
		"INSERT INTO meta VALUES ('epoch', 1)"
		" ON CONFLICT (key) DO UPDATE SET value = value + 1",
		err);
}

static bool get_text(struct store *store, const char *sql, struct slice key, struct arena *arena,
	struct slice *value_out, struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, sql, err);

	stmt_text(&s, key);
	struct slice value = stmt_row(&s) ? stmt_get_text(&s, arena) : SLICE_NONE;
	bool ok = stmt_end(&s);

	if (ok)
		*value_out = value;
	store_read_end(store, db);
	return ok;
}

bool store_meta_get(struct store *store, struct slice key, struct arena *arena,
	struct slice *value_out, struct error *err)
{
	return get_text(store, "SELECT value FROM meta WHERE key = ?", key, arena, value_out, err);
}

bool store_meta_put(struct store *store, struct slice key, struct slice value, struct error *err)
{
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, "INSERT OR REPLACE INTO meta VALUES (?, ?)", err);

	stmt_text(&s, key);
	stmt_text(&s, value);
	return store_write_end(store, db, stmt_run(&s), err);
}

bool store_derived_get(struct store *store, struct slice key, struct arena *arena,
	struct slice *value_out, struct error *err)
{
	return get_text(
		store, "SELECT value FROM derived WHERE key = ?", key, arena, value_out, err);
}

bool store_derived_put(struct store *store, struct slice key, struct slice value, struct error *err)
{
	struct db *db = store_write_begin_relaxed(store, err);

	if (!db)
		return false;
	struct stmt s =
		stmt_begin(db, "INSERT OR REPLACE INTO derived (key, value) VALUES (?, ?)", err);

	stmt_text(&s, key);
	stmt_text(&s, value);
	bool ok =
		stmt_run(&s) &&
		db_exec(db, "DELETE FROM derived WHERE id <= (SELECT max(id) FROM derived) - 20000",
			err);
	return store_write_end(store, db, ok, err);
}
