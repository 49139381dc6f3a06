#pragma once

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "base/json.h"
#include "store/store.h"

/* SQLite in our words: connections, statements that read straight down, one write at a time. */
enum { DB_CACHED_STATEMENTS = 64, STORE_IDLE_READERS = 4, AUDIT_HASH_BYTES = 32 };

struct db_cached {
	const char *sql; /* a literal: its address is the key */
	sqlite3_stmt *stmt;
	bool busy;
};

/* One connection; one thread at a time. */
struct db {
	sqlite3 *handle;
	struct db_cached cache[DB_CACHED_STATEMENTS];
	size_t cached;
	struct db *next; /* in the pool of readers */
};

/* Rows that one transaction drops: every statement waits for it with its audit record. */
enum { TRIM_AT_ONCE = 500 };

struct store {
	char *path;
	const struct clock *clock;
	pthread_mutex_t write_lock; /* holds: writer, relaxed, version_us, audit_* */
	struct db *writer;	    /* synchronous=FULL */
	struct db *relaxed; /* synchronous=NORMAL: survives our crash; a power cut may take the
			       newest */
	pthread_mutex_t pool_lock;
	struct db *readers;
	size_t idle_readers;
	atomic_uint_fast64_t generation; /* counts commits of writer */
	pthread_mutex_t flush_lock;	 /* one flush of the tail at a time */
	pthread_mutex_t tail_lock;	 /* holds: tail */
	struct audit_tail *tail;	 /* completions that are not in the file yet */
	int64_t version_us;		 /* when the newest version was made; 0 = not read yet */
	int64_t audit_id;		 /* the newest record */
	unsigned char audit_hash[AUDIT_HASH_BYTES];
};

/* A statement being run. Sticky: after the first failure binds and steps do nothing and
 * stmt_end says false. */
struct stmt {
	struct db *db;
	sqlite3_stmt *handle;
	struct db_cached *cached;
	int bound;
	int column;
	bool failed;
	struct error *err;
};

/* sql must be a literal. */
struct stmt stmt_begin(struct db *db, const char *sql, struct error *err);
void stmt_text(struct stmt *s, struct slice text); /* none = NULL; borrowed until stmt_end */
void stmt_int(struct stmt *s, int64_t n);
void stmt_blob(struct stmt *s, const void *bytes, size_t len);
/* true = a row is there. */
bool stmt_row(struct stmt *s);
/* The next column of the row; NULL gives none, 0. */
struct slice stmt_get_text(struct stmt *s, struct arena *arena);
int64_t stmt_get_int(struct stmt *s);
bool stmt_end(struct stmt *s) must_check;
/* Steps to the end; false on failure. */
bool stmt_run(struct stmt *s) must_check;
/* The one integer of the first row, 0 when there is none or it is NULL. */
bool stmt_scalar(struct stmt *s, int64_t *out) must_check;
bool db_fail_at(struct db *db, const char *file, int line, const char *what, struct error *err);
#define db_fail(db, what, err) db_fail_at((db), __FILE__, __LINE__, (what), (err))
bool db_exec(struct db *db, const char *sql, struct error *err) must_check;

/* Takes the write lock and begins; every begin that gave non-NULL is followed by one end. */
struct db *store_write_begin(struct store *store, struct error *err);
struct db *store_write_begin_relaxed(struct store *store, struct error *err);
/* ok: commits, otherwise rolls back and gives back false, leaving err. */
bool store_write_end(struct store *store, struct db *db, bool ok, struct error *err) must_check;
struct db *store_read_begin(struct store *store, struct error *err);
void store_read_end(struct store *store, struct db *db);

/* Small lists that are always read whole: a JSON array of texts in one column. */
struct slice *json_slices(struct arena *arena, const json_t *list, size_t *count_out);

bool store_bump_epoch(struct db *db, struct error *err) must_check;
/* Within a transaction: versions, files, intents and cursors of a product. */
bool versions_drop_in(struct db *db, struct slice product, struct error *err) must_check;
int64_t store_now(const struct store *store);

/* migrations.c */
bool migrate(struct db *db, bool keep_layout, int *from_out, struct error *err) must_check;
int migrate_newest(void);
/* Only the first `layouts` steps, for tests of upgrades. */
bool migrate_to(struct db *db, int layout, struct error *err) must_check;
/* audit.c */
struct audit_tail *audit_tail_new(void);
void audit_tail_free(struct audit_tail **tail);
/* Reads the end of the chain. */
bool audit_load(struct store *store, struct error *err) must_check;
