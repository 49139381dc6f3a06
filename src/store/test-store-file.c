/* The store as a file: older layouts, damage, a full disk, its backup, many threads. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/testing.h"
#include "store/audit.h"
#include "store/db-private.h"
#include "store/manifests.h"
#include "store/testing-store.h"

static void test_layouts(void **state)
{
	struct fixture *f = *state;
	struct store_options options = {.path = f->path};
	int from;

	store_close(&f->store);
	remove_files_of(f);
	assert_false(store_open(&options, &f->store, &from, &f->err));
	assert_int_equal(f->err.state, SQLSTATE_UNDEFINED_FILE);

	/* As an older Weft left it. */
	struct db old = {0};

	assert_int_equal(sqlite3_open(f->path, &old.handle), SQLITE_OK);
	assert_true(migrate_to(&old, 2, &f->err));
	assert_true(db_exec(&old, "INSERT INTO meta VALUES ('epoch', 41)", &f->err));
	for (size_t i = 0; i < old.cached; i++)
		sqlite3_finalize(old.cache[i].stmt);
	sqlite3_close(old.handle);
	options.keep_layout = true;
	assert_false(store_open(&options, &f->store, &from, &f->err));
	assert_int_equal(f->err.state, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE);
	options.keep_layout = false;
	assert_true(store_open(&options, &f->store, &from, &f->err));
	assert_int_equal(from, 2);
	assert_int_equal(apply_one(f, "a.yaml", "x", 0), 1);
	int64_t epoch;

	assert_true(store_epoch(f->store, &epoch, &f->err));
	assert_int_equal(epoch, 42);
	assert_true(db_exec(f->store->writer, "PRAGMA user_version=999", &f->err));
	store_close(&f->store);
	assert_false(store_open(&options, &f->store, &from, &f->err));
	assert_int_equal(f->err.state, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE);
}

static void test_damaged(void **state)
{
	struct fixture *f = *state;
	char junk[8192];

	store_close(&f->store);
	remove_files_of(f);
	memset(junk, 'x', sizeof junk);
	int fd = open(f->path, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(write(fd, junk, sizeof junk), sizeof junk);
	close(fd);
	assert_false(open_store(f));
	assert_int_equal(f->err.state, SQLSTATE_DATA_CORRUPTED);
	assert_true(*f->err.hint);
}

static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	static char big[1 << 20];
	int64_t pages;

	memset(big, 'x', sizeof big - 1);
	struct stmt s = stmt_begin(f->store->writer, "PRAGMA max_page_count=60", &f->err);

	assert_true(stmt_scalar(&s, &pages));
	assert_int_equal(apply_one(f, "a.yaml", big, -1), -1);
	assert_int_equal(f->err.state, SQLSTATE_DISK_FULL);
	assert_int_equal(apply_one(f, "a.yaml", "small", -1), 1); /* then it works again */
	assert_true(store_verify(f->store, &f->err));
}

static void test_backup(void **state)
{
	struct fixture *f = *state;
	char path[80];
	struct stat info;

	assert_int_equal(stat(f->path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(apply_one(f, "a.yaml", "one", 0), 1);
	snprintf(path, sizeof path, "%s.backup", f->path);
	assert_true(store_backup(f->store, path, &f->err));
	assert_false(store_backup(f->store, path, &f->err));
	assert_int_equal(f->err.state, SQLSTATE_DUPLICATE_OBJECT);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_false(store_backup(f->store, "/nowhere/weft.db", &f->err));
	store_close(&f->store);
	remove_files_of(f);
	assert_int_equal(rename(path, f->path), 0);
	assert_true(open_store(f));
	assert_int_equal(apply_one(f, "b.yaml", "two", 1), 2);
	assert_true(store_meta_put(f->store, SLICE("k"), SLICE("v"), &f->err));
	struct slice value;

	assert_true(store_meta_get(f->store, SLICE("k"), f->arena, &value, &f->err));
	assert_true(slice_equal_c(value, "v"));
	assert_true(store_ping(f->store, &f->err));
}

/* Anybody who may plan adds to it: it forgets the oldest. */
static void test_derived(void **state)
{
	struct fixture *f = *state;
	struct slice value;

	for (int i = 0; i < 20010; i++)
		assert_true(store_derived_put(
			f->store, arena_printf(f->arena, "k%d", i), SLICE("v"), &f->err));
	assert_true(store_derived_put(f->store, SLICE("k20009"), SLICE("w"), &f->err));
	assert_true(store_derived_get(f->store, SLICE("k20009"), f->arena, &value, &f->err));
	assert_true(slice_equal_c(value, "w"));
	assert_true(store_derived_get(f->store, SLICE("k5"), f->arena, &value, &f->err));
	assert_true(slice_is_none(value));
	assert_true(store_derived_get(f->store, SLICE("k100"), f->arena, &value, &f->err));
	assert_true(slice_equal_c(value, "v"));
}

static void *work(void *fixture)
{
	struct fixture *f = fixture;
	struct arena *arena = arena_new();
	struct error err;
	struct audit_begin begin = {.principal = SLICE("ann")};
	int64_t id;
	struct manifest_row *rows;
	size_t count;

	for (int i = 0; i < 200; i++) {
		assert_true(audit_write(f->store, &begin, &id, &err));
		assert_true(manifests_list(f->store, arena, &rows, &count, &err));
	}
	arena_free(&arena);
	return NULL;
}

static void test_threads(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[4];
	int64_t records;

	for (size_t i = 0; i < array_len(threads); i++)
		pthread_create(&threads[i], NULL, work, f);
	for (size_t i = 0; i < array_len(threads); i++)
		pthread_join(threads[i], NULL);
	assert_true(audit_verify(f->store, &records, &f->err));
	assert_int_equal(records, 800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_layouts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_derived, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backup, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
	};

	return cmocka_run_group_tests_name("store file", tests, NULL, NULL);
}
