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

struct connect_download {
	const json_t *source;
	struct slice path;	   /* made by it; removed by the caller */
	struct slice certificates; /* PEM file that is trusted; none = the machine's */
	const json_t *networks;	   /* CIDR texts: redirects may lead there all the same; NULL */
	int64_t max_bytes;	   /* 0 = no limit; of what arrives */
	int64_t timeout_ms;	   /* for the whole; 0 = none */
	connect_progress_fn progress;
	void *ctx;
};

/*
 * http and https into a file, as it comes: perhaps gzip, whatever its name. Redirects: few, never
 * from https to http, and never to a private address that is not the source's own; link-local ones
 * (where clouds keep credentials) are not reached at all. The token goes to the source's own host
 * only. 42501 for what is not followed, 08006 when the answer is cut.
 */
bool connect_download(const struct connect_download *request, struct error *err) must_check;
/* The address without user, password and query: they may be secrets, and errors are kept in logs.
 */
struct slice connect_shown_url(struct arena *arena, struct slice url);
