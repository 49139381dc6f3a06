#pragma once

#include <stdatomic.h>

#include "base/error.h"
#include "base/slice.h"

/*
 * The rows of a cursor that may be read again, on disk: a nameless file, so that nothing is left
 * behind however the process ends. Each row is kept as two DataRow messages, text and then binary
 * (QUERY_PG_BOTH), since each FETCH chooses its formats anew. Memory: one index entry per 64 KB or
 * 256 rows. One thread; budgets are shared.
 */
struct pg_spool;

/* Bytes that several spools may take together. */
struct pg_spool_budget {
	atomic_ullong used;
	uint64_t limit; /* 0 = none */
};

/* Every budget is charged; NULL ends the list. They must outlive the spool. folder: where the file
 * lies. 53100, 58030. */
enum { PG_SPOOL_BUDGETS = 2 };
bool pg_spool_new(const char *folder, struct pg_spool_budget *const budgets[PG_SPOOL_BUDGETS],
	struct pg_spool **out, struct error *err) must_check;
void pg_spool_free(struct pg_spool **spool);
/* Whole rows. 53400 over a budget, 53100 without room. */
bool pg_spool_add(struct pg_spool *spool, struct slice rows, struct error *err) must_check;
uint64_t pg_spool_count(const struct pg_spool *spool);

/* Where rows go: one DataRow message each. False stops. */
struct pg_spool_sink {
	bool (*row)(void *ctx, struct slice message, struct error *err);
	void *ctx;
};

struct pg_spool_range {
	uint64_t from; /* the first row is 0 */
	uint64_t count;
	bool backward;		/* the last one comes first */
	const int16_t *formats; /* per column, 0 text, 1 binary */
};

/* The range must lie within the rows. */
bool pg_spool_read(struct pg_spool *spool, const struct pg_spool_range *range,
	const struct pg_spool_sink *sink, struct error *err) must_check;
