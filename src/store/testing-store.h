#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"

/* A store in a file of its own below /tmp, whose clock stands still: for the tests of this folder,
 * as cmocka's setup and teardown. */
struct fixture {
	struct clock clock; /* first: it leads to now */
	int64_t now;	    /* µs; a test moves it */
	struct arena *arena;
	struct store *store;
	struct error err;
	char path[64];
};

int setup(void **state);
int teardown(void **state);
bool open_store(struct fixture *f);
/* The database and what SQLite keeps beside it. */
void remove_files_of(const struct fixture *f);
/* Applies one manifest, or its removal (text NULL); the apply's number, -1 when it failed. */
int64_t apply_one(struct fixture *f, const char *path, const char *text, int64_t base);
