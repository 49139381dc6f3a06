/*
 * Connections to a PostgreSQL source. Nothing of the node's environment counts (no socket folder,
 * no password file): the source's settings say all. A server that stops answering is given up, and
 * a server whose reader is gone notices it.
 */
#include "base/str.h"
#include "connect/postgres-private.h"

enum { CHECK_INTERVAL_SINCE = 140000 };

struct slice pg_setting(const struct pg_extract *x, const char *name)
{
	return json_get_slice(json_get_object(x->request->source, "settings"), name);
}

void pg_clear(PGresult **result)
{
	PQclear(*result);
	*result = NULL;
}

/* What the server's own code means for a run, where it is not the same. */
static const struct {
	const char *code; /* or its class */
	enum sqlstate state;
	const char *hint;
} ANSWERS[] = {
	{"57014", SQLSTATE_LIMIT_EXCEEDED,
		"the source's server limits how long a statement may take: raise statement_timeout "
		"for its user, or read less at once (mode: incremental, query:)"},
	{"55P03", SQLSTATE_CONNECTION_FAILURE,
		"somebody changes the table right now and holds its lock; run again later"},
	{"42501", SQLSTATE_INSUFFICIENT_PRIVILEGE,
		"grant the source's user SELECT on it, and USAGE on its schema"},
	{"53", SQLSTATE_CONNECTION_FAILURE, "the source's server is short of something; try later"},
	{"57P", SQLSTATE_CONNECTION_FAILURE, "the source's server ended the connection; try later"},
	{"08", SQLSTATE_CONNECTION_FAILURE, NULL},
	{"40", SQLSTATE_SERIALIZATION_FAILURE, "the read was disturbed; run again"},
};

static void translate(struct error *err, const char *code)
{
	err->state = sqlstate_from_code(code);
	if (err->state == SQLSTATE_INTERNAL_ERROR)
		err->state = SQLSTATE_DATA_EXCEPTION;
	for (size_t i = 0; i < array_len(ANSWERS); i++) {
		if (!slice_starts_with(slice_from_c(code), slice_from_c(ANSWERS[i].code)))
			continue;
		err->state = ANSWERS[i].state;
		if (ANSWERS[i].hint)
			error_hint(err, "%s", ANSWERS[i].hint);
		return;
	}
}

bool pg_fail(struct error *err, const PGresult *result, PGconn *conn)
{
	const char *code = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	struct slice message = slice_from_c(text ? text : PQerrorMessage(conn));

	error_set(err, CONNECTION_FAILURE, "PostgreSQL: %.*s",
		SLICE_FMT(slice_trim(slice_sub(message, 0, slice_find(message, SLICE("\n"), 0)))));
	if (code)
		translate(err, code);
	else if (strstr(err->msg, "memory")) /* libpq could not hold one row */
		return error_set(err, LIMIT_EXCEEDED,
			       "PostgreSQL: a row is too large for the memory of the run") ||
		       error_hint(err, "leave its large columns out (drift: ignore), or cut them "
				       "in a query:");
	return false;
}

bool pg_ask(PGconn *conn, struct slice sql, PGresult **out, struct error *err)
{
	*out = PQexec(conn, sql.ptr);
	ExecStatusType status = PQresultStatus(*out);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || pg_fail(err, *out, conn);
}

bool pg_run(PGconn *conn, struct slice sql, struct error *err)
{
	scoped(pg_clear) PGresult *result = NULL;

	return pg_ask(conn, sql, &result, err);
}

static const char *or_null(struct pg_extract *x, struct slice text)
{
	return slice_is_none(text) ? NULL : arena_cstr(x->arena, text);
}

/* libpq takes a path for a socket's folder: that would be a door to the node's own machine. */
static bool check_host(const struct pg_extract *x, struct error *err)
{
	struct slice host = pg_setting(x, "host");

	if (host.len && host.ptr[0] != '/' && host.ptr[0] != '@' &&
		slice_find(host, SLICE(","), 0) == SIZE_MAX)
		return true;
	error_set(err, INVALID_PARAMETER_VALUE, "the source's host \"%.*s\" is no host",
		SLICE_FMT(host));
	return error_hint(err, "give one host name or address; sockets are not read");
}

/* libpq gives no code for a connection that failed, only the server's words. */
static const struct {
	const char *words;
	enum sqlstate state;
	const char *hint;
} REFUSALS[] = {
	{"pg_hba.conf", SQLSTATE_INVALID_AUTHORIZATION,
		"the server's pg_hba.conf must admit this user from here; it may want TLS "
		"(sslmode: require)"},
	{"SSL", SQLSTATE_CANNOT_CONNECT, "check sslmode and sslrootcert of the source"},
	{"certificate", SQLSTATE_CANNOT_CONNECT, "check sslmode and sslrootcert of the source"},
	{"authentication", SQLSTATE_INVALID_AUTHORIZATION,
		"check user and password reference of the source"},
	{"password", SQLSTATE_INVALID_AUTHORIZATION,
		"check user and password reference of the source"},
	{"not permitted", SQLSTATE_INVALID_AUTHORIZATION, "the source's user may not log in"},
	{"too many", SQLSTATE_CANNOT_CONNECT, "the server has no connection to spare; try later"},
	{"", SQLSTATE_CANNOT_CONNECT,
		"check host, port and database of the source, and that the server is up"},
};

static bool refused(PGconn *conn, struct error *err)
{
	size_t i = 0;

	pg_fail(err, NULL, conn);
	while (!strstr(PQerrorMessage(conn), REFUSALS[i].words))
		i++;
	err->state = REFUSALS[i].state;
	return error_hint(err, "%s", REFUSALS[i].hint);
}

/* The certificates that the machine trusts, where the source names none of its own. */
static const char *root_certificate(struct pg_extract *x)
{
	struct slice mode = pg_setting(x, "sslmode");

	if (x->request->path.len)
		return arena_cstr(x->arena, x->request->path);
	return slice_starts_with(mode, SLICE("verify")) ? "/etc/ssl/certs/ca-certificates.crt"
							: NULL;
}

bool pg_connect(struct pg_extract *x, PGconn **out, struct error *err)
{
	const json_t *secrets = json_get_object(x->request->source, "secrets");
	const char *options[][2] = {
		{"host", or_null(x, pg_setting(x, "host"))},
		{"port", or_null(x, pg_setting(x, "port"))},
		{"dbname", or_null(x, pg_setting(x, "database"))},
		{"user", or_null(x, pg_setting(x, "user"))},
		{"password", or_null(x, json_get_slice(secrets, "password"))},
		{"passfile", "/dev/null"},
		{"sslmode", or_null(x, pg_setting(x, "sslmode"))},
		{"sslrootcert", root_certificate(x)},
		{"connect_timeout", "15"},
		{"keepalives_idle", "30"},
		{"keepalives_interval", "10"},
		{"keepalives_count", "3"},
		{"tcp_user_timeout", "60000"},
		{"application_name", "weft"},
		{"client_encoding", "UTF8"},
	};
	const char *keys[array_len(options) + 1] = {NULL};
	const char *values[array_len(options) + 1] = {NULL};

	for (size_t i = 0; i < array_len(options); i++) {
		keys[i] = options[i][0];
		values[i] = options[i][1];
	}
	if (!check_host(x, err))
		return false;
	*out = PQconnectdbParams(keys, values, 0);
	return PQstatus(*out) == CONNECTION_OK || refused(*out, err);
}

/*
 * A run that is cancelled or killed leaves only a closed socket; the server looks for that while it
 * works. A lock is not waited for without end: who changes the table may wait for us in turn.
 * Texts of values must not depend on how the server or its user is set up.
 */
bool pg_begin(struct pg_extract *x, PGconn *conn, struct slice snapshot, struct error *err)
{
	if (PQserverVersion(conn) >= CHECK_INTERVAL_SINCE)
		PQclear(PQexec(conn, "SET client_connection_check_interval = '2s'"));
	return pg_run(conn, SLICE("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"), err) &&
	       (slice_is_none(snapshot) ||
		       pg_run(conn,
			       arena_printf(x->arena, "SET TRANSACTION SNAPSHOT '%.*s'",
				       SLICE_FMT(snapshot)),
			       err)) &&
	       pg_run(conn,
		       SLICE("SET LOCAL lock_timeout = '10s'; "
			     "SET LOCAL idle_in_transaction_session_timeout = 0; "
			     "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL timezone = 'UTC'; "
			     "SET LOCAL intervalstyle = 'postgres'; "
			     "SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 3"),
		       err);
}
