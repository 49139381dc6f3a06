#pragma once

#include <duckdb.h>
#include <stdbool.h>

#include "base/error.h"

/*
 * Threads that help the calling one with long statements. DuckDB's own threads wake for every task,
 * also for the single one of a statement of half a millisecond, which costs more than they bring.
 * These sleep until a statement has run for CREW_AFTER_MS. They need the engine's external_threads
 * to be as many as its threads, so that it starts none of its own.
 */
struct crew;

#define CREW_AFTER_MS 1

/* count threads beside the calling one, 0 = none and *out is NULL. The database outlives it. */
bool crew_start(
	duckdb_database database, int count, struct crew **out, struct error *err) must_check;
/* Ends the threads, which may be in the middle of a task. */
void crew_stop(struct crew **crew);
/* Around a statement, on the engine's thread; NULL is allowed. A begin within a begin starts its
 * time again; the first end ends it. */
void crew_begin(struct crew *crew);
void crew_end(struct crew *crew);
