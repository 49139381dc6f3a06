#include "store/testing-store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/testing.h"
#include "store/manifests.h"
#include "store/store.h"

static int64_t read_now(const struct clock *clock)
{
	return ((const struct fixture *)clock)->now;
}

bool open_store(struct fixture *f)
{
	struct store_options options = {.path = f->path, .clock = &f->clock, .create = true};

	return store_open(&options, &f->store, NULL, &f->err);
}

void remove_files_of(const struct fixture *f)
{
	static const char *const ENDINGS[] = {"", "-wal", "-shm"};
	char name[80];

	for (size_t i = 0; i < array_len(ENDINGS); i++) {
		snprintf(name, sizeof name, "%s%s", f->path, ENDINGS[i]);
		unlink(name);
	}
}

int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	snprintf(f->path, sizeof f->path, "/tmp/weft-test-store-XXXXXX");
	close(mkstemp(f->path));
	unlink(f->path);
	f->arena = arena_new();
	f->clock = (struct clock){read_now, read_now};
	f->now = 1000000;
	assert_true(open_store(f));
	*state = f;
	return 0;
}

int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(&f->store);
	remove_files_of(f);
	arena_free(&f->arena);
	free(f);
	return 0;
}

int64_t apply_one(struct fixture *f, const char *path, const char *text, int64_t base)
{
	struct stored_change change = {slice_from_c(path), SLICE("Domain"), SLICE("sales"),
		text ? slice_from_c(text) : SLICE_NONE};
	struct manifest_apply apply = {&change, 1, SLICE("ann"), SLICE("[]"), base};
	int64_t id = -1;

	return manifests_apply(f->store, &apply, &id, &f->err) ? id : -1;
}
