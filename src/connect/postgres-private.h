#pragma once

#include <libpq-fe.h>

#include "base/vec.h"
#include "connect/connect.h"
#include "connect/pgcopy.h"

enum { PG_MAX_READERS = 8 };

struct pg_reader {
	PGconn *conn;
	bool header_seen;
	bool done;
};

struct pg_column {
	struct pgcopy_column copy;
	struct slice type; /* of the temporary table */
};

/* One table on its way. One thread. */
struct pg_extract {
	const struct connect_request *request;
	struct arena *arena;
	struct slice relation; /* quoted, for FROM */
	struct slice selected; /* the columns' expressions */
	struct slice where;    /* cursor; none */
	/* The first one describes the table and exports its snapshot before it reads itself. */
	struct pg_reader readers[PG_MAX_READERS];
	size_t reader_count;
	VEC(struct pg_column) columns;
	struct engine_appender *to;
	int64_t rows;
	int64_t estimate; /* -1 = unknown */
};

struct slice pg_setting(const struct pg_extract *x, const char *name);
void pg_clear(PGresult **result);

/* postgres-conn.c: connections and what goes wrong with them. */
bool pg_connect(struct pg_extract *x, PGconn **out, struct error *err) must_check;
/* Sets err from the server's answer (NULL = from the connection); false. */
bool pg_fail(struct error *err, const PGresult *result, PGconn *conn);
bool pg_ask(PGconn *conn, struct slice sql, PGresult **out, struct error *err) must_check;
bool pg_run(PGconn *conn, struct slice sql, struct error *err) must_check;
/* Opens the reading transaction; snapshot none = one of its own. */
bool pg_begin(
	struct pg_extract *x, PGconn *conn, struct slice snapshot, struct error *err) must_check;

/* postgres-columns.c: relation, selected, where and columns; makes the temporary table. */
bool pg_describe(struct pg_extract *x, struct error *err) must_check;
