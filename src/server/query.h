#pragma once

/*
 * The one enforcement path. Every door (PostgreSQL wire, HTTP, command line, cursors, COPY,
 * EXPLAIN, transforms, previews) goes: query_open -> query_describe -> query_run; nothing else
 * hands text to a worker. query_start before query_describe saves the wait for the description.
 */
#include <stdatomic.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

struct server;
struct principal;
struct model;

/* Which versions a statement reads: pinned by a transaction, or taken fresh. Counted model
 * reference inside. A statement may read older ones with AT: these stay until the snapshot is
 * dropped. One thread at a time. */
struct query_snapshot {
	const struct model *model;
	struct pin *older;	   /* pins.h */
	struct remote_pin *remote; /* other nodes that were read, and as they were when */
};

/* The newest model, counted. Drop it with query_snapshot_drop. */
void query_snapshot_take(struct server *server, struct query_snapshot *out);
void query_snapshot_drop(struct server *server, struct query_snapshot *snapshot);

enum query_format {
	QUERY_PG,
	QUERY_PG_BOTH, /* each row twice: all text, then all binary; for pg-spool.h */
	QUERY_COPY_TEXT,
	QUERY_COPY_CSV,
	QUERY_COPY_BINARY,
	QUERY_JSON,
	QUERY_NDJSON,
	QUERY_CSV,
	QUERY_ARROW,
	QUERY_PARQUET,
};

struct query_column {
	struct slice name;
	struct slice type; /* DuckDB spelling */
	uint32_t oid;	   /* PostgreSQL type */
	int32_t typmod;
	int16_t size;
};

struct query_param {
	uint32_t oid;	    /* 0 = unknown */
	int16_t format;	    /* 0 text, 1 binary */
	struct slice value; /* none = NULL */
};

/* Where a query's answer goes. Called on the thread of query_run; false stops the query (client
 * gone). */
struct query_sink {
	bool (*rows)(void *ctx, struct slice bytes, uint32_t rows, struct error *err);
	void (*notice)(void *ctx, struct slice text);
	void *ctx;
};

/* An open statement: parsed, decided, audited at run, bound to at most one worker. One thread at a
 * time. */
struct query;

struct query_request {
	/* Name and purpose count; groups and attributes are looked up anew (auth.h). */
	const struct principal *principal;
	struct slice session; /* id for audit and logs */
	struct slice door;    /* "pg", "http", "cli", "run" */
	struct slice request_id;
	struct slice text;
	struct query_snapshot *snapshot; /* NULL = newest; outlives the statement */
	/* A time ("2026-01-31T12:00:00.5Z"): tables without AT are read as they were then. none =
	 * as the snapshot says. */
	struct slice as_of;
	const uint32_t *param_oids;
	size_t param_oid_count;
	int64_t timeout_ms;	/* 0 = the principal's limit */
	struct slice time_zone; /* of the session, for the text of timestamptz; none = UTC */
	const struct slice *search_path; /* domains in which a name without one is looked up */
	size_t search_path_count;
	/* The product that a run makes: its own tables are those that the run makes, whose files
	 * only the job knows. none = nothing is being made. */
	struct slice making;
	/* Set by another thread at any time: a query_open that waits in a queue ends with 57014.
	 * NULL = none. */
	const atomic_bool *cancelled;
	uint32_t pid; /* of the PostgreSQL session; 0 = none */
	/* Told once, when it has to wait for a worker, on the thread of the query; NULL = nobody.
	 */
	void (*waiting)(void *ctx, struct slice text);
	void *waiting_ctx;
};

/* Parse, inspect, decide. No rows yet. */
bool query_open(struct server *server, const struct query_request *request, struct query **out,
	struct error *err) must_check;
struct query_execution {
	enum query_format format;
	const int16_t *column_formats; /* QUERY_PG: 0 text, 1 binary per column; NULL = all text */
	struct slice options;	       /* JSON for COPY and CSV options; none */
	const struct query_param *params;
	size_t param_count;
	uint64_t max_rows; /* 0 = all; otherwise the portal suspends */
};

/*
 * Sends the statement ahead of query_run, which then takes the same `how`: query_describe in
 * between waits for the description only, while the worker runs already. Writes the audit record.
 * Optional.
 */
bool query_start(
	struct query *query, const struct query_execution *how, struct error *err) must_check;
/* Result columns and parameter types; borrowed until query_close. */
bool query_describe(struct query *query, const struct query_column **columns_out,
	size_t *column_count_out, const uint32_t **param_oids_out, size_t *param_count_out,
	struct error *err) must_check;

enum query_end {
	QUERY_COMPLETE,
	QUERY_SUSPENDED, /* call query_fetch for more */
};

/* Writes the audit record before the first row; rows go to the sink. */
bool query_run(struct query *query, const struct query_execution *how,
	const struct query_sink *sink, enum query_end *end_out, uint64_t *rows_out,
	struct error *err) must_check;
struct query_more {
	uint64_t max_rows;	       /* 0 = all */
	const int16_t *column_formats; /* QUERY_PG: from now on; NULL = as before */
};
bool query_fetch(struct query *query, const struct query_more *more, const struct query_sink *sink,
	enum query_end *end_out, uint64_t *rows_out, struct error *err) must_check;
/* For who keeps rows of a query that ran: 42501 once what it read may no longer be read. */
bool query_still_allowed(const struct query *query, struct error *err) must_check;
/* From any thread: the running call ends with 57014 within 500 ms or the worker is killed. */
void query_cancel(struct query *query);
/* What governance did, one sentence each ("rows filtered by eu-residency"); borrowed. */
size_t query_notices(const struct query *query, const struct slice **out);
/* The time that, as as_of, gives the same versions again of the tables that were named without AT;
 * 0 when there are none. */
int64_t query_as_of_us(const struct query *query);
/* As as_of, it gives the same versions again of every table of the node. */
int64_t query_pin_us(const struct query *query);
/* Whether nothing was published since, so that as_of need not be given. */
bool query_is_newest(struct server *server, struct slice as_of);
/* The same for every table that the principal may know of, as they are now. */
int64_t query_newest_us(struct server *server, const struct principal *principal);
/* EXPLAIN: which tables in which versions are read and what governance does with them, line by
 * line; only what the principal may know. Lines live in the arena. */
size_t query_explain(
	const struct query *query, struct arena *arena, const struct slice **lines_out);
void query_close(struct query **query);
/* Writes down what ended statements left in memory (the ends of their audit records). For when the
 * client has its answer. */
void query_settle(struct server *server);
