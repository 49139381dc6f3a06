/*
 * Layouts of the metadata, one step each, never changed once released: a change is a new step at
 * the end. The number of the newest one stands in the file (PRAGMA user_version); a step and its
 * number are one transaction.
 */
#include <stdio.h>

#include "store/db-private.h"

enum { WEFT_APPLICATION_ID = 0x57454654 }; /* "WEFT" */

static const char *const STEPS[] = {
	/* 1: settings of the node, manifests */
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE apply (id INTEGER PRIMARY KEY AUTOINCREMENT, applied_us INTEGER NOT NULL,"
	" by TEXT NOT NULL, summary TEXT, changes INTEGER NOT NULL);"
	"CREATE TABLE manifest (path TEXT NOT NULL, added INTEGER NOT NULL REFERENCES apply (id),"
	" removed INTEGER NOT NULL DEFAULT 0, kind TEXT NOT NULL, name TEXT NOT NULL,"
	" text TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (path, added)) WITHOUT ROWID;",

	/* 2: accounts */
	"CREATE TABLE account (name TEXT PRIMARY KEY, verifier TEXT, admin INTEGER NOT NULL,"
	" disabled INTEGER NOT NULL, groups TEXT NOT NULL, attributes TEXT NOT NULL,"
	" created_us INTEGER NOT NULL, changed_us INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE token (id TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE,"
	" account TEXT NOT NULL REFERENCES account (name) ON DELETE CASCADE, label TEXT,"
	" scopes INTEGER NOT NULL, created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,"
	" used_us INTEGER NOT NULL DEFAULT 0, used_from TEXT) WITHOUT ROWID;"
	"CREATE INDEX token_account ON token (account);",

	/* 3: runs, their logs and checks */
	"CREATE TABLE run (id INTEGER PRIMARY KEY AUTOINCREMENT, product TEXT NOT NULL,"
	" mode TEXT NOT NULL, cause TEXT NOT NULL, reason TEXT, by TEXT, state INTEGER NOT NULL,"
	" attempt INTEGER NOT NULL, retry_of INTEGER NOT NULL, queued_us INTEGER NOT NULL,"
	" not_before_us INTEGER NOT NULL DEFAULT 0, started_us INTEGER NOT NULL DEFAULT 0,"
	" ended_us INTEGER NOT NULL DEFAULT 0, rows INTEGER NOT NULL DEFAULT 0,"
	" bytes INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 0,"
	" error_state TEXT, error_message TEXT, error_hint TEXT);"
	"CREATE INDEX run_product ON run (product, id);"
	"CREATE INDEX run_open ON run (state) WHERE state < 3;"
	"CREATE TABLE run_log (run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,"
	" number INTEGER NOT NULL, time_us INTEGER NOT NULL, level TEXT NOT NULL,"
	" message TEXT NOT NULL, PRIMARY KEY (run, number)) WITHOUT ROWID;"
	"CREATE TABLE check_result (id INTEGER PRIMARY KEY, run INTEGER NOT NULL"
	" REFERENCES run (id) ON DELETE CASCADE, product TEXT NOT NULL, tbl TEXT NOT NULL,"
	" name TEXT NOT NULL, col TEXT, dimension TEXT, severity TEXT NOT NULL,"
	" ok INTEGER NOT NULL, value TEXT, expected TEXT, message TEXT,"
	" failing_rows INTEGER NOT NULL, failing_path TEXT, time_us INTEGER NOT NULL);"
	"CREATE INDEX check_run ON check_result (run);",

	/* 4: versions, files, intents */
	"CREATE TABLE product_version (product TEXT NOT NULL, version INTEGER NOT NULL,"
	" created_us INTEGER NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (product, version))"
	" WITHOUT ROWID;"
	"CREATE TABLE table_version (product TEXT NOT NULL, tbl TEXT NOT NULL,"
	" version INTEGER NOT NULL, delta_version INTEGER NOT NULL, location TEXT NOT NULL,"
	" schema TEXT NOT NULL, created_us INTEGER NOT NULL, rows INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, files INTEGER NOT NULL, PRIMARY KEY (product, tbl, version))"
	" WITHOUT ROWID;"
	"CREATE TABLE table_file (id INTEGER PRIMARY KEY, product TEXT NOT NULL,"
	" tbl TEXT NOT NULL, path TEXT NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,"
	" stats TEXT, partitions TEXT, digest TEXT, added INTEGER NOT NULL,"
	" removed INTEGER NOT NULL DEFAULT 0);"
	"CREATE INDEX table_file_use ON table_file (product, tbl, removed, added);"
	"CREATE TABLE publish_intent (run INTEGER PRIMARY KEY, product TEXT NOT NULL,"
	" phase INTEGER NOT NULL, payload TEXT NOT NULL, created_us INTEGER NOT NULL);",

	/* 5: audit; begins = 0 for the record before a statement, else the one it completes */
	"CREATE TABLE audit (id INTEGER PRIMARY KEY, begins INTEGER NOT NULL,"
	" time_us INTEGER NOT NULL, principal TEXT, request_id TEXT, body TEXT NOT NULL,"
	" hash BLOB NOT NULL);"
	"CREATE INDEX audit_end ON audit (begins) WHERE begins > 0;"
	"CREATE INDEX audit_principal ON audit (principal, id) WHERE begins = 0;",

	/* 6: what is remembered between runs */
	"CREATE TABLE ingest (product TEXT PRIMARY KEY, cursors TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE schedule (product TEXT PRIMARY KEY, fired_us INTEGER NOT NULL,"
	" inputs_seen INTEGER NOT NULL) WITHOUT ROWID;",

	/* 7: where failing rows are kept, by table */
	"CREATE INDEX check_failing ON check_result (product, tbl, run)"
	" WHERE failing_path IS NOT NULL;",

	/* 8: what was worked out from texts, in a table of its own that may forget */
	"CREATE TABLE derived (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE,"
	" value TEXT NOT NULL);"
	"DELETE FROM meta WHERE key LIKE 'transform.%' OR key LIKE 'filter.%';",

	/* 9: invitations to the mesh */
	"CREATE TABLE invitation (id TEXT PRIMARY KEY, digest TEXT NOT NULL,"
	" node TEXT NOT NULL UNIQUE, domains TEXT NOT NULL, by TEXT, expires_us INTEGER NOT NULL,"
	" used_us INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;",

	/* 10: what other nodes of the mesh publish */
	"CREATE TABLE copy (node TEXT PRIMARY KEY, boot TEXT NOT NULL, epoch INTEGER NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE copy_entry (node TEXT NOT NULL, kind INTEGER NOT NULL, name TEXT NOT NULL,"
	" text TEXT NOT NULL, PRIMARY KEY (node, kind, name)) WITHOUT ROWID;",

	/* 11: what is believed of the people of other nodes */
	"CREATE TABLE trust (node TEXT PRIMARY KEY, groups TEXT NOT NULL,"
	" attributes TEXT NOT NULL) WITHOUT ROWID;",
};

int migrate_newest(void)
{
	return (int)array_len(STEPS);
}

static bool step(struct db *db, int number, struct error *err)
{
	char mark[96];

	snprintf(mark, sizeof mark, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
		WEFT_APPLICATION_ID, number);
	if (db_exec(db, "BEGIN IMMEDIATE", err) && db_exec(db, STEPS[number - 1], err) &&
		db_exec(db, mark, err))
		return true;
	sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	return error_wrap(err, "bring the metadata to layout %d", number);
}

static bool read_pragma(struct db *db, const char *pragma, int64_t *out, struct error *err)
{
	struct stmt s = stmt_begin(db, pragma, err);

	return stmt_scalar(&s, out);
}

static bool check_owner(struct db *db, int64_t found, struct error *err)
{
	int64_t application;

	if (!read_pragma(db, "PRAGMA application_id", &application, err))
		return false;
	if (application != (found ? WEFT_APPLICATION_ID : 0))
		return error_set(err, DATA_CORRUPTED, "weft.db is a database of another program");
	if (found <= migrate_newest())
		return true;
	error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
		"the metadata has layout %d of a newer Weft; this one knows %d", (int)found,
		migrate_newest());
	return error_hint(err, "run the newer weft again, or restore a backup from before");
}

bool migrate_to(struct db *db, int layout, struct error *err)
{
	int64_t found = 0;

	if (!read_pragma(db, "PRAGMA user_version", &found, err))
		return false;
	for (int number = (int)found + 1; number <= layout; number++)
		if (!step(db, number, err))
			return false;
	return true;
}

bool migrate(struct db *db, bool keep_layout, int *from_out, struct error *err)
{
	int64_t found = 0;

	if (!read_pragma(db, "PRAGMA user_version", &found, err) || !check_owner(db, found, err))
		return false;
	if (keep_layout && found != migrate_newest()) {
		error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
			"the metadata has layout %d of an older Weft; this one uses %d", (int)found,
			migrate_newest());
		return error_hint(err, "weft serve brings it to the newer layout");
	}
	if (!migrate_to(db, migrate_newest(), err))
		return false;
	*from_out = (int)found;
	return true;
}
