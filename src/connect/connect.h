#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "engine/engine.h"

/*
 * Connectors: one file each, from a foreign system into a temporary table of the job's engine. They
 * run in job workers only; what they read is foreign. Secrets come in source ("secrets") and never
 * leave: error texts are the library's with the password cut out. Errors: 08001 not reachable,
 * 28000 refused, 42P01/42703 not there, 22xxx a value that does not fit.
 */
typedef void (*connect_progress_fn)(void *ctx, int64_t rows, int64_t total);

struct connect_request {
	struct arena *arena;
	struct engine *engine;
	const json_t *source;	   /* as in worker/job.h */
	struct slice path;	   /* absolute: sqlite the file, postgres sslrootcert or none */
	struct slice cursor;	   /* column for incremental reads; none = all rows */
	struct slice cursor_value; /* only rows with a greater one; none = all rows */
	bool cursor_again;	   /* and those with that very value or with none */
	struct slice target;	   /* name of the temporary table to make */
	const json_t *columns;	   /* the contract's: [{"name", "type"}…] */
	bool only_columns;	   /* others are not read */
	connect_progress_fn progress;
	void *ctx;
};

/* PostgreSQL 10 and later: binary COPY by several readers on one exported snapshot. */
bool connect_postgres(const struct connect_request *request, struct error *err) must_check;
/* SQLite 3, read only. The declared type decides; a value of another storage class is an error
 * naming row and column. */
bool connect_sqlite(const struct connect_request *request, struct error *err) must_check;
/* http and https into a file: size limit, time-outs, few redirects, certificates checked. */
bool connect_download(const json_t *source, struct slice path, connect_progress_fn progress,
	void *ctx, struct error *err) must_check;
