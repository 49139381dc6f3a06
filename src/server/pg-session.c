/*
 * A session's thread: start-up, then one message after the other. Answers gather in `out` and leave
 * at ReadyForQuery, at Flush, or when they are many. After an error in the extended protocol
 * everything up to the next Sync is read and dropped (PostgreSQL documentation, 55.2.3).
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/num.h"
#include "log/log.h"
#include "server/auth.h"
#include "server/pg-private.h"
#include "server/server.h"

enum {
	FIRST_BODY_BYTES = 64 << 10, /* more is taken from memory only once this much has come */
	MESSAGE_TIMEOUT_MS = 60000,  /* from a message's first byte to its last */
};

static void out_reset(struct pg_session *session)
{
	arena_reset(session->out_arena);
	session->out = str_in(session->out_arena);
}

void pg_flush(struct pg_session *session)
{
	if (session->out.len && !session->broken &&
		pg_stream_write(&session->stream, str_slice(&session->out)) != PG_IO_OK)
		session->broken = true;
	out_reset(session);
}

void pg_send_rows(struct pg_session *session, struct slice bytes)
{
	if (session->out.len + bytes.len <= PG_OUT_BYTES) {
		str_add(&session->out, bytes);
		return;
	}
	pg_flush(session);
	if (bytes.len <= PG_OUT_BYTES)
		str_add(&session->out, bytes);
	else if (!session->broken && pg_stream_write(&session->stream, bytes) != PG_IO_OK)
		session->broken = true;
}

void pg_report(struct pg_session *session, const struct error *err)
{
	pg_put_error(&session->out, PG_ERROR, err);
	if (session->state == PG_IN_TRANSACTION)
		session->state = PG_FAILED;
}

void pg_report_fatal(struct pg_session *session, const struct error *err)
{
	pg_put_error(&session->out, PG_FATAL, err);
	pg_flush(session);
	session->broken = true;
}

/* client_min_messages is an ENUM: these are its values from the least to the most severe. */
static int severity_rank(struct slice name)
{
	static const char *const names[] = {"debug5", "debug4", "debug3", "debug2", "debug1",
		"debug", "log", "notice", "warning", "error"};

	for (size_t i = 0; i < array_len(names); i++)
		if (slice_equal_nocase(name, slice_from_c(names[i])))
			return (int)i;
	return 0;
}

void pg_tell(struct pg_session *session, enum pg_severity severity, const char *sqlstate,
	struct slice text)
{
	struct slice least = pg_settings_get(session->settings, "client_min_messages");
	struct slice name = severity == PG_WARNING ? SLICE("warning") : SLICE("notice");

	if (severity_rank(name) >= severity_rank(least))
		pg_put_notice(&session->out, severity, sqlstate, text);
}

void pg_complete(struct pg_session *session, const char *tag)
{
	pg_put_command_complete(&session->out, slice_from_c(tag));
}

void pg_complete_rows(struct pg_session *session, const char *tag, uint64_t rows)
{
	pg_put_command_complete(
		&session->out, arena_printf(session->request, "%s %" PRIu64, tag, rows));
}

static void put_reports(struct pg_session *session)
{
	struct pg_setting_view view;

	while (pg_settings_next_report(session->settings, &view))
		pg_put_parameter_status(&session->out, view.name, view.value);
}

static void put_ready(struct pg_session *session)
{
	struct error err;

	if (!pg_end_implicit(session, &err))
		pg_report(session, &err);
	put_reports(session);
	pg_put_ready(&session->out, session->state);
	pg_flush(session);
}

/* The statements of a Query message; the first error ends them. */
static void on_query(struct pg_session *session, struct slice body)
{
	struct slice text = SLICE("");
	struct slice *statements = NULL;
	size_t count = 0;
	struct error err;
	bool ok = pg_read_query(body, &text, &err);

	if (ok && !slice_is_utf8(text))
		ok = error_set(&err, INVALID_ENCODING, "the statement is not valid UTF-8");
	ok = ok && command_split(session->request, text, &statements, &count, &err);
	if (ok && count == 0)
		pg_put_simple(&session->out, 'I');
	session->several = count > 1;
	for (size_t i = 0; ok && i < count && !session->broken; i++) {
		ok = pg_run_simple(session, statements[i], &err);
		if (!ok && err.position > 0)
			err.position +=
				command_position(text, (size_t)(statements[i].ptr - text.ptr)) - 1;
	}
	session->several = false;
	if (!ok) {
		pg_report(session, &err);
		if (session->state == PG_IDLE)
			pg_rollback(session);
	}
	put_ready(session);
}

static void on_sync(struct pg_session *session)
{
	if (session->skipping && session->state == PG_IDLE)
		pg_rollback(session);
	session->skipping = false;
	put_ready(session);
}

static bool on_extended(struct pg_session *session, char type, struct slice body, struct error *err)
{
	switch (type) {
	case 'P': return pg_on_parse(session, body, err);
	case 'B': return pg_on_bind(session, body, err);
	case 'D': return pg_on_describe(session, body, err);
	case 'E': return pg_on_execute(session, body, err);
	case 'C': return pg_on_close(session, body, err);
	case 'F':
		error_set(
			err, FEATURE_NOT_SUPPORTED, "the function call protocol is not supported");
		return error_hint(err, "Call functions in a SELECT.");
	default:
		error_set(err, PROTOCOL_VIOLATION, "invalid frontend message type %d",
			(unsigned char)type);
		session->broken = true;
		return false;
	}
}

/* Sync and Flush have no body. Without a Sync there is nothing to wait for. */
static bool has_no_body(struct pg_session *session, char type, struct slice body)
{
	struct error err;

	if (body.len == 0 || (type != 'S' && type != 'H') || session->skipping)
		return true;
	error_set(&err, PROTOCOL_VIOLATION, "invalid message format");
	pg_report(session, &err);
	session->skipping = true;
	if (type == 'S')
		on_sync(session);
	return false;
}

static void handle(struct pg_session *session, char type, struct slice body)
{
	struct error err = {0};

	if (!has_no_body(session, type, body))
		return;
	switch (type) {
	case 'X': session->finishing = true; return;
	case 'S': on_sync(session); return;
	case 'H': pg_flush(session); return;
	/* CopyData, CopyDone, CopyFail out of a COPY FROM: dropped, as PostgreSQL does */
	case 'd':
	case 'c':
	case 'f': return;
	case 'Q':
		if (!session->skipping)
			on_query(session, body);
		return;
	default: break;
	}
	if (session->skipping)
		return;
	if (on_extended(session, type, body, &err))
		return;
	if (session->broken) {
		session->broken = false;
		pg_report_fatal(session, &err);
		return;
	}
	pg_report(session, &err);
	session->skipping = type != 'F';
	if (type == 'F')
		put_ready(session);
}

static int idle_timeout(const struct pg_session *session)
{
	bool holds = session->state != PG_IDLE;
	int64_t node =
		holds ? session->door->idle_in_transaction_ms : session->door->idle_session_ms;
	int64_t own = pg_settings_ms(session->settings,
		holds ? "idle_in_transaction_session_timeout" : "idle_session_timeout");

	if (!node || (own && own < node))
		node = own;
	return node ? (int)min_of(node, (int64_t)INT32_MAX) : -1;
}

static void end_idle(struct pg_session *session)
{
	struct error err;

	if (session->state == PG_IDLE)
		error_set(&err, IDLE_SESSION, "terminating connection due to idle-session timeout");
	else
		error_set(&err, IDLE_IN_TRANSACTION,
			"terminating connection due to idle-in-transaction timeout");
	pg_report_fatal(session, &err);
}

/* Not busy any more: the door may end the session. False when it has begun to stop. */
static bool set_busy(struct pg_session *session, bool busy)
{
	pthread_mutex_lock(&session->lock);
	bool stopping = atomic_load(&session->door->stopping);

	session->busy = busy && !stopping;
	session->busy_since_us = clock_mono_us(&clock_system);
	atomic_store(&session->cancelled, false);
	pthread_mutex_unlock(&session->lock);
	return !stopping;
}

static void say_stopping(struct pg_session *session)
{
	struct error err;

	error_set(&err, ADMIN_SHUTDOWN, "terminating connection due to administrator command");
	if (atomic_load(&session->door->stopping))
		error_hint(&err, "The node is stopping; connect again later.");
	pg_report_fatal(session, &err);
}

/* Waits for the next message's first byte; false when the session is over. */
static bool wait_for_message(struct pg_session *session)
{
	if (pg_stream_buffered(&session->stream) == 0 && session->out.len > PG_OUT_BYTES)
		pg_flush(session);
	if (pg_stream_buffered(&session->stream) == 0)
		query_settle(session->server);
	if (session->broken)
		return false;
	enum pg_io io = pg_stream_wait(&session->stream, idle_timeout(session));

	if (io == PG_IO_TIMEOUT)
		end_idle(session);
	if (atomic_load(&session->door->stopping) || atomic_load(&session->terminated)) {
		say_stopping(session);
		return false;
	}
	return io == PG_IO_OK;
}

static bool read_body(struct pg_session *session, uint32_t len, struct slice *out)
{
	size_t first = min_of((size_t)len, (size_t)FIRST_BODY_BYTES);
	char *body = arena_alloc(session->request, first + 1);

	if (pg_stream_read(&session->stream, body, first, MESSAGE_TIMEOUT_MS) != PG_IO_OK)
		return false;
	if (len > first) {
		body = arena_grow(session->request, body, first, (size_t)len + 1);
		if (pg_stream_read(&session->stream, body + first, len - first,
			    MESSAGE_TIMEOUT_MS) != PG_IO_OK)
			return false;
	}
	*out = slice_of(body, len);
	return true;
}

static bool read_message(struct pg_session *session, char *type_out, struct slice *body_out)
{
	unsigned char head[5];
	struct error err;

	if (pg_stream_read(&session->stream, head, sizeof head, MESSAGE_TIMEOUT_MS) != PG_IO_OK)
		return false;
	struct pg_reader reader = pg_reader_of(slice_of((const char *)head + 1, 4));
	uint32_t len = pg_get_u32(&reader);

	*type_out = (char)head[0];
	if (len < 4 || len - 4 > session->door->message_max_bytes) {
		error_set(&err, PROTOCOL_VIOLATION, "invalid message length %" PRIu32, len);
		error_hint(&err, "A message has at most %zu bytes here.",
			session->door->message_max_bytes);
		pg_report_fatal(session, &err);
		return false;
	}
	return read_body(session, len - 4, body_out);
}

static void log_end(struct pg_session *session)
{
	const struct log_context context = {.session = slice_from_c(session->id)};
	struct log *log = server_log(session->server);

	log_say(log, SESSION_END, &context, log_cstr("door", "pg"),
		log_cstr("peer", session->peer));
}

void pg_session_run(struct pg_session *session)
{
	struct slice body;
	char type;

	session->request = arena_new();
	session->out_arena = arena_new();
	out_reset(session);
	if (pg_startup(session)) {
		while (!session->finishing && !session->broken && wait_for_message(session)) {
			arena_reset(session->request);
			if (!read_message(session, &type, &body))
				break;
			if (!set_busy(session, true)) {
				say_stopping(session);
				break;
			}
			handle(session, type, body);
			(void)set_busy(session, false);
		}
		pg_portals_drop(session, PG_PORTALS_ALL, 0);
		pg_rollback(session);
		pg_statements_drop_all(session);
		log_end(session);
	}
	pg_settings_free(&session->settings);
	auth_identity_free(&session->identity);
	arena_free(&session->request);
	arena_free(&session->out_arena);
}
