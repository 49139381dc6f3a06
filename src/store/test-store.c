/* What the store keeps: manifests, accounts, versions and files, runs, the audit chain. */
#include <sys/wait.h>
#include <unistd.h>

#include "base/testing.h"
#include "store/accounts.h"
#include "store/audit.h"
#include "store/db-private.h"
#include "store/ingest.h"
#include "store/manifests.h"
#include "store/runs.h"
#include "store/testing-store.h"
#include "store/versions.h"

static void test_manifests(void **state)
{
	struct fixture *f = *state;
	struct manifest_row *rows;
	size_t count;
	int64_t newest;

	assert_int_equal(apply_one(f, "a.yaml", "one", 0), 1);
	assert_int_equal(apply_one(f, "b.yaml", "other", -1), 2);
	assert_int_equal(apply_one(f, "a.yaml", "two", 1), -1);
	assert_int_equal(f->err.state, SQLSTATE_SERIALIZATION_FAILURE);
	assert_int_equal(apply_one(f, "a.yaml", "two", 2), 3);
	assert_int_equal(apply_one(f, "b.yaml", NULL, 3), 4);
	assert_true(manifests_list(f->store, f->arena, &rows, &count, &f->err));
	assert_int_equal(count, 1);
	assert_true(slice_equal_c(rows[0].text, "two"));
	assert_true(slice_equal_c(rows[0].digest,
		"3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"));
	assert_true(slice_equal_c(rows[0].applied_by, "ann"));
	assert_true(manifests_newest_apply(f->store, &newest, &f->err));
	assert_int_equal(newest, 4);
	assert_true(store_epoch(f->store, &newest, &f->err));
	assert_int_equal(newest, 4);
}

static struct account_row ann(void)
{
	static struct slice groups[] = {{"staff", 5}, {"mesh", 4}};
	static struct slice values[] = {{"DE", 2}, {"FR", 2}};
	static struct account_attribute attributes[] = {{{"country", 7}, {"string", 6}, values, 2}};

	return (struct account_row){.name = SLICE("ann"),
		.verifier = SLICE("SCRAM-SHA-256$x"),
		.admin = true,
		.groups = groups,
		.group_count = 2,
		.attributes = attributes,
		.attribute_count = 1};
}

static void test_accounts(void **state)
{
	struct fixture *f = *state;
	struct account_row account = ann();
	struct account_row found = {0};
	struct account_row *rows;
	enum account_outcome outcome;
	size_t count;

	assert_true(accounts_put(f->store, &account, 0, &f->err));
	account.verifier = SLICE_NONE;
	assert_true(accounts_put(f->store, &account, ACCOUNT_KEEP_VERIFIER, &f->err));
	assert_true(accounts_get(f->store, SLICE("ann"), f->arena, &found, &outcome, &f->err));
	assert_int_equal(outcome, ACCOUNT_FOUND);
	assert_true(slice_equal_c(found.verifier, "SCRAM-SHA-256$x"));
	assert_int_equal(found.group_count, 2);
	assert_true(slice_equal_c(found.groups[1], "mesh"));
	assert_true(slice_equal_c(found.attributes[0].values[1], "FR"));
	assert_true(accounts_get(f->store, SLICE("Ann"), f->arena, &found, &outcome, &f->err));
	assert_int_equal(outcome, ACCOUNT_ABSENT);

	/* The last administrator stays. */
	assert_false(accounts_remove(f->store, SLICE("ann"), &outcome, &f->err));
	assert_int_equal(f->err.state, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE);
	account.disabled = true;
	assert_false(accounts_put(f->store, &account, 0, &f->err));
	account.disabled = false;
	account.name = SLICE("bob");
	assert_true(accounts_put(f->store, &account, 0, &f->err));
	assert_true(accounts_set_verifier(f->store, SLICE("bob"), SLICE("v"), &outcome, &f->err));
	assert_true(accounts_remove(f->store, SLICE("ann"), &outcome, &f->err));
	assert_int_equal(outcome, ACCOUNT_FOUND);
	assert_true(accounts_list(f->store, f->arena, &rows, &count, &f->err));
	assert_int_equal(count, 1);
}

static void test_tokens(void **state)
{
	struct fixture *f = *state;
	struct account_row account = ann();
	struct token_row token = {
		.id = SLICE("t1"), .user = SLICE("ann"), .scopes = 5, .expires_us = 9};
	struct token_row found;
	enum account_outcome outcome;
	char digest[TOKEN_DIGEST_BYTES];
	size_t count;
	struct token_row *rows;

	token_digest(SLICE("weft_secret"), digest);
	token.digest = slice_from_c(digest);
	assert_false(tokens_put(f->store, &token, &f->err)); /* no such user */
	assert_true(accounts_put(f->store, &account, 0, &f->err));
	account.name = SLICE("zoe");
	assert_true(accounts_put(f->store, &account, 0, &f->err));
	assert_true(tokens_put(f->store, &token, &f->err));
	f->now += 100000000;
	assert_true(tokens_used(f->store, SLICE("t1"), SLICE("10.0.0.1"), &f->err));
	assert_true(
		tokens_get(f->store, slice_from_c(digest), f->arena, &found, &outcome, &f->err));
	assert_int_equal(outcome, ACCOUNT_FOUND);
	assert_int_equal(found.used_us, f->now);
	assert_int_equal(found.scopes, 5);
	assert_true(accounts_remove(f->store, SLICE("ann"), &outcome, &f->err));
	assert_true(tokens_list(f->store, SLICE_NONE, f->arena, &rows, &count, &f->err));
	assert_int_equal(count, 0);
}

static int64_t publish(struct fixture *f, int64_t run, const char *path, bool replace)
{
	struct file_row file = {.path = slice_from_c(path), .rows = 10, .bytes = 100};
	struct table_publish table = {.table = SLICE("orders@1"),
		.location = SLICE("/lake/orders/v1"),
		.schema = SLICE("[]"),
		.delta_version = run,
		.added = &file,
		.added_count = 1,
		.replace = replace};
	struct publish all = {.product = SLICE("sales.orders"),
		.run = run,
		.tables = &table,
		.table_count = 1,
		.cursors = SLICE("{\"c\":1}")};
	int64_t version = -1;

	return versions_publish(f->store, &all, &version, &f->err) ? version : -1;
}

static size_t files_in(struct fixture *f, int64_t version, struct file_row **rows)
{
	struct table_version_row state = {
		.product = SLICE("sales.orders"), .table = SLICE("orders@1")};
	struct file_list list;

	assert_true(versions_files(f->store, &state, version, f->arena, &list, &f->err));
	*rows = list.items;
	return list.count;
}

static void test_versions(void **state)
{
	struct fixture *f = *state;
	struct file_row *files;
	struct table_version_list tables;
	struct slice cursors;
	int64_t version;

	f->now = 100;
	assert_int_equal(publish(f, 1, "a", false), 1);
	f->now = 200;
	assert_int_equal(publish(f, 2, "b", false), 2);
	f->now = 300;
	assert_int_equal(publish(f, 3, "c", true), 3);
	assert_int_equal(publish(f, 3, "d", true), -1);
	assert_int_equal(f->err.state, SQLSTATE_SERIALIZATION_FAILURE);
	assert_int_equal(files_in(f, 1, &files), 1);
	assert_int_equal(files_in(f, 2, &files), 2);
	assert_int_equal(files_in(f, 3, &files), 1);
	assert_true(slice_equal_c(files[0].path, "c"));
	assert_true(versions_at(f->store, SLICE("sales.orders"), 299, &version, &f->err));
	assert_int_equal(version, 2);
	assert_true(versions_at(f->store, SLICE("sales.orders"), 99, &version, &f->err));
	assert_int_equal(version, 0);
	assert_true(
		versions_tables(f->store, SLICE("sales.orders"), 2, f->arena, &tables, &f->err));
	assert_int_equal(tables.count, 1);
	assert_int_equal(tables.items[0].rows, 20);
	assert_true(versions_newest_tables(f->store, f->arena, &tables, &f->err));
	assert_int_equal(tables.items[0].version, 3);
	assert_int_equal(tables.items[0].files, 1);
	assert_true(versions_domain_bytes(f->store, SLICE("sales"), &version, &f->err));
	assert_int_equal(version, 100);
	assert_true(ingest_get(f->store, SLICE("sales.orders"), f->arena, &cursors, &f->err));
	assert_true(slice_equal_c(cursors, "{\"c\":1}"));
}

static void test_vacuum(void **state)
{
	struct fixture *f = *state;
	struct dead_file_list dead;
	struct file_row *files;
	struct version_list versions;

	for (int i = 1; i <= 4; i++) {
		f->now = (int64_t)i * 100;
		assert_int_equal(publish(f, i,
					 i == 1	  ? "a"
					 : i == 2 ? "b"
					 : i == 3 ? "c"
						  : "d",
					 i % 2 == 0),
			i);
	}
	/* version 2 replaced a; version 4 replaced b and c */
	assert_true(versions_dead_files(
		f->store, SLICE("sales.orders"), 150, f->arena, &dead, &f->err));
	assert_int_equal(dead.count, 0); /* version 1 was the newest at 150 */
	assert_true(versions_dead_files(
		f->store, SLICE("sales.orders"), 250, f->arena, &dead, &f->err));
	assert_int_equal(dead.count, 1);
	assert_true(slice_equal_c(dead.items[0].path, "a"));
	assert_true(slice_equal_c(dead.items[0].location, "/lake/orders/v1"));
	assert_true(versions_forget(f->store, SLICE("sales.orders"), 250, &f->err));
	assert_int_equal(files_in(f, 2, &files), 1);
	assert_int_equal(files_in(f, 3, &files), 2);
	assert_true(
		versions_list(f->store, SLICE("sales.orders"), 0, f->arena, &versions, &f->err));
	assert_int_equal(versions.count, 3);
	assert_true(versions_forget(f->store, SLICE("sales.orders"), 99999, &f->err));
	assert_int_equal(files_in(f, 4, &files), 1);
	assert_int_equal(publish(f, 9, "e", true), 5);
	struct slice gone = SLICE("sales.orders");
	struct stored_change change = {SLICE("a.yaml"), SLICE("DataProduct"), gone, SLICE("x")};
	struct manifest_apply apply = {&change, 1, SLICE("ann"), SLICE("[]"), 99, &gone, 1};
	int64_t id;

	assert_false(
		manifests_apply(f->store, &apply, &id, &f->err)); /* another base: nothing goes */
	assert_int_equal(files_in(f, 5, &files), 1);
	apply.base = -1;
	assert_true(manifests_apply(f->store, &apply, &id, &f->err));
	assert_int_equal(files_in(f, 5, &files), 0);
}

static int64_t add_run(struct fixture *f)
{
	struct run_row run = {.product = SLICE("sales.orders"),
		.mode = SLICE("normal"),
		.trigger = SLICE("manual")};
	int64_t id = -1;

	assert_true(store_runs_add(f->store, &run, &id, &f->err));
	return id;
}

static void test_runs(void **state)
{
	struct fixture *f = *state;
	struct error why;
	struct run_row run;
	struct run_log_list logs;
	struct check_row check = {.run = 1,
		.product = SLICE("sales.orders"),
		.table = SLICE("orders@1"),
		.name = SLICE("n"),
		.severity = SLICE("error"),
		.failing_rows = 3};
	struct check_row *checks;
	size_t count;
	bool moved;
	int64_t id = add_run(f);

	assert_true(store_runs_move(f->store, id, 1 << RUN_QUEUED, RUN_RUNNING, &moved, &f->err));
	assert_true(moved);
	assert_true(store_runs_move(f->store, id, 1 << RUN_QUEUED, RUN_RUNNING, &moved, &f->err));
	assert_false(moved);
	assert_true(store_runs_progress(f->store, id, 5, 50, &f->err));
	assert_true(run_logs_add(f->store, id, SLICE("info"), SLICE("one"), &f->err));
	assert_true(run_logs_add(f->store, id, SLICE("warn"), SLICE("two"), &f->err));
	assert_true(checks_add(f->store, &check, 1, &f->err));
	error_set(&why, UNDEFINED_FILE, "gone");
	assert_true(store_runs_end(f->store, id, RUN_FAILED, &why, &f->err));
	assert_true(store_runs_end(f->store, id, RUN_CANCELLED, NULL, &f->err)); /* too late */
	assert_true(store_runs_get(f->store, id, f->arena, &run, &moved, &f->err));
	assert_int_equal(run.state, RUN_FAILED);
	assert_int_equal(run.rows, 5);
	assert_true(slice_equal_c(run.error_state, "58P01"));
	assert_true(run_logs_list(f->store, id, 1, f->arena, &logs, &f->err));
	assert_int_equal(logs.count, 1);
	assert_true(slice_equal_c(logs.items[0].message, "two"));
	assert_true(checks_list(f->store, 0, f->arena, &checks, &count, &f->err));
	assert_int_equal(count, 1);
	assert_int_equal(checks[0].failing_rows, 3);
	assert_true(store_runs_get(f->store, 99, f->arena, &run, &moved, &f->err));
	assert_false(moved);
}

/* Killed between the intent and the commit: the intent is there at the next start, no version is.
 */
static void test_crash(void **state)
{
	struct fixture *f = *state;
	struct intent_row *intents;
	struct file_row *files;
	size_t count;
	int64_t failed;
	int64_t id = add_run(f);
	bool moved;

	assert_true(store_runs_move(f->store, id, 1 << RUN_QUEUED, RUN_RUNNING, &moved, &f->err));
	store_close(&f->store);
	pid_t child = fork();

	if (child == 0) {
		struct intent_row intent = {
			.run = id, .product = SLICE("sales.orders"), .payload = SLICE("{}")};

		if (!open_store(f) || !intents_put(f->store, &intent, &f->err))
			_exit(1);
		struct db *db = store_write_begin(f->store, &f->err);

		if (!db || !db_exec(db, "INSERT INTO product_version VALUES ('sales.orders',1,1,1)",
				   &f->err))
			_exit(1);
		_exit(0); /* an open transaction dies with the process */
	}
	int status;

	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_true(open_store(f));
	assert_true(intents_list(f->store, f->arena, &intents, &count, &f->err));
	assert_int_equal(count, 1);
	assert_true(store_runs_recover(f->store, &failed, &f->err));
	assert_int_equal(failed, 1);
	assert_int_equal(publish(f, id, "a", true), 1);
	assert_int_equal(files_in(f, 1, &files), 1);
	assert_true(intents_list(f->store, f->arena, &intents, &count, &f->err));
	assert_int_equal(count, 0);
}

static void test_audit(void **state)
{
	struct fixture *f = *state;
	struct audit_begin begin = {
		.principal = SLICE("ann"), .statement = SLICE("select \"x\" from y"), .epoch = 3};
	struct audit_end end = {.outcome = SLICE("ok"), .rows = 5};
	struct audit_filter filter = {.principal = SLICE("ann")};
	struct audit_row *rows;
	size_t count;
	int64_t first;
	int64_t id;

	assert_true(audit_write(f->store, &begin, &first, &f->err));
	audit_complete(f->store, first, &end);
	assert_true(audit_flush(f->store, &f->err));
	f->now += 10;
	begin.principal = SLICE("bob");
	assert_true(audit_write(f->store, &begin, &id, &f->err));
	assert_true(audit_list(f->store, &filter, f->arena, &rows, &count, &f->err));
	assert_int_equal(count, 1);
	assert_true(rows[0].ended);
	assert_int_equal(rows[0].end.rows, 5);
	assert_true(slice_equal_c(rows[0].begin.statement, "select \"x\" from y"));
	assert_int_equal(rows[0].begin.epoch, 3);
	assert_true(audit_verify(f->store, &id, &f->err));
	assert_int_equal(id, 3);
	store_close(&f->store);
	assert_true(open_store(f));
	assert_true(audit_write(f->store, &begin, &id, &f->err));
	assert_int_equal(id, 4);
	assert_true(audit_trim(f->store, f->now, &f->err));
	assert_true(audit_verify(f->store, &id, &f->err));
	assert_int_equal(id, 2);

	struct db *db = store_write_begin(f->store, &f->err);

	assert_true(store_write_end(f->store, db,
		db_exec(db, "UPDATE audit SET body = replace(body, 'bob', 'eve') WHERE id = 4",
			&f->err),
		&f->err));
	assert_false(audit_verify(f->store, &id, &f->err));
	assert_int_equal(f->err.state, SQLSTATE_DATA_CORRUPTED);
}

/* More than one piece (TRIM_AT_ONCE): all that is old goes, and the chain still fits. */
static void test_trims_in_pieces(void **state)
{
	enum { MANY = 1100, KEPT = 3 };
	struct fixture *f = *state;
	const struct audit_begin begin = {.principal = SLICE("ann"), .statement = SLICE("x")};
	struct run_filter all = {.limit = MANY};
	struct run_row *runs;
	size_t count;
	int64_t id;
	struct db *db = store_write_begin(f->store, &f->err);

	assert_true(store_write_end(f->store, db,
		db_exec(db,
			"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1100)"
			" INSERT INTO run (product, mode, cause, state, attempt, retry_of, "
			"queued_us)"
			" SELECT 'a.' || (i % 2), 'normal', 'manual', CASE i WHEN 1 THEN 0 ELSE 3 "
			"END,"
			" 1, 0, i FROM n",
			&f->err),
		&f->err));
	assert_true(store_runs_trim(f->store, KEPT, &f->err));
	assert_true(store_runs_list(f->store, &all, f->arena, &runs, &count, &f->err));
	assert_int_equal(count, 2 * KEPT + 1); /* and the one that still waits */
	assert_int_equal(runs[0].id, MANY);
	assert_int_equal(runs[count - 1].id, 1);
	for (int i = 0; i < MANY; i++)
		assert_true(audit_write(f->store, &begin, &id, &f->err));
	f->now += 10;
	assert_true(audit_write(f->store, &begin, &id, &f->err));
	assert_true(audit_trim(f->store, f->now, &f->err));
	assert_true(audit_verify(f->store, &id, &f->err));
	assert_int_equal(id, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_manifests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_accounts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vacuum, setup, teardown),
		cmocka_unit_test_setup_teardown(test_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_audit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trims_in_pieces, setup, teardown),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
