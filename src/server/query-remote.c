/*
 * A statement that goes whole to the node that holds its tables: the asking side. That node runs it
 * on the one enforcement path for NODE/NAME and makes the answer in the client's own form; here it
 * is checked to be what it says, and handed on. The steps are those of query-run.c.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "http/pool.h"
#include "http/stream.h"
#include "ipc/frame.h"
#include "ipc/worker.h"
#include "mesh/peers.h"
#include "server/audit.h"
#include "server/query-private.h"
#include "server/remote-wire.h"
#include "server/server-private.h"
#include "server/shelf.h"

enum {
	DESCRIBE_TIMEOUT_MS = 30000,
	GRACE_MS = 2000, /* the owner's own time-out comes first */
	MS_US = 1000,
	SILENT_US = 5000000, /* down for so long, it is given up */
	COUNT_BYTES = 4,
	HTTP_OK = 200,
	ROWS_AT_ONCE = 64 << 10,
};

static const struct slice PATH = {"/mesh/v1/query", 14};

/* Of a query; in its arena. */
struct remote {
	struct http_group *group;
	struct http_stream *stream; /* NULL = nothing is under way */
	struct arena *scratch;	    /* the frame that was read last */
	struct remote_answer answer;
	bool answered; /* the answer is there */
	enum query_format format;
	int16_t *column_formats; /* that the rows come in; NULL = all text */
	int64_t deadline_us;	 /* monotonic; 0 = none */
	struct slice left;	 /* rows of the last frame that were not handed on */
	uint32_t left_rows;
	uint64_t rows; /* that came, to be compared with what W_DONE says */
	uint64_t bytes;
};

static struct remote *remote_of(struct query *q)
{
	if (!q->remote) {
		q->remote = arena_new_of(q->arena, struct remote);
		q->remote->scratch = arena_new();
	}
	return q->remote;
}

const struct wire_prepared *query_remote_columns(const struct query *q)
{
	return q->remote && q->remote->answered ? &q->remote->answer.columns : NULL;
}

void query_remote_stop(struct query *q)
{
	if (q->remote && q->remote->stream)
		http_stream_stop(q->remote->stream);
}

static void end_exchange(struct query *q)
{
	struct remote *remote = q->remote;

	pthread_mutex_lock(&q->lock);
	struct http_stream *stream = take(remote->stream);

	pthread_mutex_unlock(&q->lock);
	http_stream_close(&stream);
	if (remote->group)
		http_pool_give(q->server->http, &remote->group);
	remote->left = SLICE_NONE;
	remote->left_rows = 0;
}

void query_remote_end(struct query *q)
{
	if (!q->remote)
		return;
	end_exchange(q);
	arena_free(&q->remote->scratch);
	q->remote->scratch = arena_new();
}

void query_remote_close(struct query *q)
{
	if (!q->remote)
		return;
	end_exchange(q);
	arena_free(&q->remote->scratch);
	q->remote = NULL;
}

/* Whether the statement names a table that not everybody may know of; err is what is said of tables
 * that do not exist then. */
static bool names_secret(struct query *q, struct error *err)
{
	const struct member_view *view = member_view(q->server->member);
	const struct mesh_node *node = view ? mesh_file_node(&view->file, q->plan->node) : NULL;
	bool found = false;

	for (size_t i = 0; !found && i < q->plan->table_count; i++) {
		const struct plan_table *t = &q->plan->tables[i];

		/* A bare name was found in what the node publishes. */
		found = t->domain.len > 0 &&
			!(node && copy_has_table(q->server, node, t->domain, t->name));
		if (found)
			*err = q->plan->absent[i];
	}
	member_view_unref(&view);
	return found;
}

/* What the client is told when the other node cannot be reached. Who may not know that the table is
 * there learns nothing by that. */
static bool unreachable(struct query *q, struct error *err)
{
	const struct error cause = *err;
	const struct plan_table *t = &q->plan->tables[0];

	if (names_secret(q, err))
		return false;
	error_set(err, CONNECTION_FAILURE,
		"the node %.*s, which holds %.*s%s%.*s, cannot be asked: %s",
		SLICE_FMT(q->plan->node), SLICE_FMT(t->domain), t->domain.len ? "." : "",
		SLICE_FMT(t->name), cause.msg);
	err->state = cause.state == SQLSTATE_CANNOT_CONNECT ? cause.state : err->state;
	return error_hint(err, "Try again when it is up: mesh.nodes shows how it is. Statements "
			       "that do not need it go on.");
}

/* Why nothing came: the client's will comes before what the network says. */
static bool broken_off(struct query *q, struct error *err)
{
	if (atomic_load(&q->cancelled))
		return query_cancelled_error(q, err);
	int64_t deadline_us = q->remote->deadline_us;

	if (!deadline_us || clock_mono_us(&clock_system) < deadline_us)
		return unreachable(q, err);
	return !names_secret(q, err) &&
	       error_set(err, QUERY_CANCELED,
		       "canceling statement due to statement timeout: the node %.*s gave no answer "
		       "in time",
		       SLICE_FMT(q->plan->node));
}

static int64_t time_left_ms(const struct query *q, bool execute)
{
	int64_t limit = query_timeout(q);

	return execute || (limit > 0 && limit < DESCRIBE_TIMEOUT_MS) ? limit : DESCRIBE_TIMEOUT_MS;
}

static struct slice as_of(const struct query *q)
{
	if (q->request.as_of.len)
		return q->request.as_of;
	return query_snapshot_pin(q->request.snapshot, q->plan->node);
}

static struct slice print_request(
	struct query *q, const struct query_execution *how, struct arena *arena)
{
	struct remote_ask ask = {.principal = q->principal,
		.text = q->request.text,
		.session = q->request.session,
		.request_id = q->request.request_id,
		.time_zone = q->request.time_zone,
		.as_of = as_of(q),
		.search_path = q->request.search_path,
		.search_path_count = q->request.search_path_count,
		.param_oids = q->request.param_oids,
		.param_oid_count = q->request.param_oid_count,
		.timeout_ms = time_left_ms(q, how != NULL),
		.execute = how != NULL};
	const struct wire_prepared *d = query_remote_columns(q);

	if (how)
		ask.how = *how;
	ask.format_count = how && how->column_formats && d ? d->column_count : 0;
	return remote_ask_print(arena, &ask);
}

static bool find_peer(const struct query *q, struct arena *arena, struct peer *out)
{
	const struct peer *list = NULL;
	struct peers *peers = q->server->peers;
	size_t count = peers ? peers_list(peers, arena, &list) : 0;

	for (size_t i = 0; i < count; i++)
		if (slice_equal(list[i].name, q->plan->node)) {
			*out = list[i];
			return true;
		}
	return false;
}

/* The greetings are the circuit breaker: of the statements for a node that did not answer the last
 * one a single one may try each second, the others end at once. */
static bool check_up(struct query *q, struct arena *arena, struct error *err)
{
	struct peer peer;

	if (!find_peer(q, arena, &peer))
		return error_set(err, CANNOT_CONNECT, "it is no part of the mesh any more");
	if ((peer.health != PEER_DOWN && peer.health != PEER_REFUSES) ||
		peers_probe(q->server->peers, peer.name))
		return true;
	/* Why exactly is for administrators. */
	if (peer.health == PEER_REFUSES)
		return error_set(err, CANNOT_CONNECT,
			"it and this node do not take each other for what they say");
	return error_set(err, CANNOT_CONNECT, "%.*s", SLICE_FMT(peer.why));
}

static bool address(struct query *q, struct arena *arena, struct slice body,
	struct http_exchange *out, struct error *err)
{
	const struct member_view *view = member_view(q->server->member);
	const struct peer_request request = {
		view ? mesh_file_node(&view->file, q->plan->node) : NULL, PATH, body};
	bool ok = request.node
			  ? peer_address(q->server->member, arena, &request, out, err)
			  : error_set(err, CANNOT_CONNECT, "it is no part of the mesh any more");

	member_view_unref(&view);
	return ok;
}

/* A statement that is silent for long may have much to do; a node that answers no greeting has
 * gone, though its connection may stand open for ever. */
static bool still_there(void *ctx, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct query *q = ctx;
	struct peer peer;

	if (!find_peer(q, arena, &peer))
		return error_set(err, CONNECTION_FAILURE, "it is no part of the mesh any more");
	if (peer.health != PEER_DOWN)
		return true;
	(void)!peers_probe(q->server->peers, peer.name);
	if (clock_mono_us(&clock_system) - peer.down_since_us < SILENT_US)
		return true;
	return error_set(err, CONNECTION_FAILURE, "%.*s", SLICE_FMT(peer.why));
}

/* The answer's beginning is there afterwards. */
static bool send(struct query *q, const struct query_execution *how, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct remote *remote = remote_of(q);
	struct http_exchange exchange;
	struct http_stream *stream = NULL;
	const struct http_watch watch = {still_there, q};
	int64_t limit_ms = time_left_ms(q, how != NULL);
	long status = 0;

	remote->rows = 0;
	remote->bytes = 0;
	remote->deadline_us =
		limit_ms ? clock_mono_us(&clock_system) + (limit_ms + GRACE_MS) * MS_US : 0;
	if (!check_up(q, arena, err) ||
		!address(q, arena, print_request(q, how, arena), &exchange, err) ||
		!http_pool_take(q->server->http, &remote->group, err) ||
		!http_stream_open(remote->group, &exchange, &watch, &stream, err))
		return unreachable(q, err);
	pthread_mutex_lock(&q->lock);
	remote->stream = stream;
	if (atomic_load(&q->cancelled))
		http_stream_stop(stream);
	pthread_mutex_unlock(&q->lock);
	if (!http_stream_status(stream, remote->deadline_us, &status, err)) {
		if (err->state == SQLSTATE_CANNOT_CONNECT)
			peers_lost(q->server->peers, q->plan->node, err);
		return broken_off(q, err);
	}
	if (status == HTTP_OK)
		return true;
	error_set(err, INVALID_AUTHORIZATION, "it answered with status %ld", status);
	return unreachable(q, err);
}

/* One frame, in the scratch arena. */
static bool receive(struct query *q, struct frame *out, struct error *err)
{
	struct remote *remote = q->remote;
	unsigned char head[REMOTE_HEAD_BYTES];
	size_t len = 0;
	size_t have = 0;
	char *bytes = NULL;

	arena_reset(remote->scratch);
	if (!http_stream_read(remote->stream, head, sizeof head, remote->deadline_us, err))
		return broken_off(q, err);
	if (!remote_head_read(head, &out->type, &len, err))
		return false;
	/* A length is only a claim: room is made for what comes. */
	while (have < len) {
		size_t some = min_of(len - have, max_of(have, (size_t)ROWS_AT_ONCE));

		bytes = arena_grow(remote->scratch, bytes, have, have + some);
		if (!http_stream_read(remote->stream, bytes + have, some, remote->deadline_us, err))
			return broken_off(q, err);
		have += some;
	}
	out->payload = slice_of(bytes ? bytes : "", len);
	return true;
}

static bool same_columns(const struct wire_prepared *a, const struct wire_prepared *b)
{
	bool same = a->column_count == b->column_count && a->param_count == b->param_count;

	for (size_t i = 0; same && i < a->column_count; i++)
		same = a->columns[i].oid == b->columns[i].oid &&
		       slice_equal(a->columns[i].name, b->columns[i].name);
	return same;
}

/* What the client was told of the columns must hold for the rows that follow. */
static bool take_answer(struct query *q, struct slice payload, struct error *err)
{
	struct remote *remote = q->remote;
	struct remote_answer answer;

	if (!remote_answer_read(q->arena, payload, &answer, err))
		return false;
	if (remote->answered && !same_columns(&remote->answer.columns, &answer.columns)) {
		error_set(err, FEATURE_NOT_SUPPORTED, "cached plan must not change result type");
		return error_hint(err, "The product was published anew meanwhile: run it again.");
	}
	remote->answer = answer;
	remote->answered = true;
	q->notices = answer.notices;
	q->notice_count = answer.notice_count;
	if (answer.pin_us > 0)
		query_snapshot_hold(q->request.snapshot, q->plan->node, answer.pin_us);
	return true;
}

static bool unexpected(const struct query *q, const struct frame *frame, struct error *err)
{
	if (frame->type == W_ERROR)
		return remote_error_read(frame->payload, err);
	return error_set(err, PROTOCOL_VIOLATION, "the node %.*s answered with frame %d",
		SLICE_FMT(q->plan->node), frame->type);
}

static bool ask(struct query *q, const struct query_execution *how, struct error *err)
{
	struct frame frame = {0};

	if (!send(q, how, err) || !receive(q, &frame, err))
		return false;
	return frame.type == W_PREPARED ? take_answer(q, frame.payload, err)
					: unexpected(q, &frame, err);
}

bool query_remote_describe(struct query *q, struct error *err)
{
	bool ok = ask(q, NULL, err);

	/* To its end, so that the connection can be used again. */
	if (ok)
		(void)!http_stream_is_whole(q->remote->stream, q->remote->deadline_us);
	end_exchange(q);
	return ok;
}

static void keep_formats(struct query *q, const int16_t *formats)
{
	size_t count = q->remote->answer.columns.column_count;

	q->remote->column_formats = formats ? arena_array_of(q->arena, int16_t, count) : NULL;
	for (size_t i = 0; formats && i < count; i++)
		q->remote->column_formats[i] = formats[i];
}

bool query_remote_start(struct query *q, const struct query_execution *how, struct error *err)
{
	struct remote *remote = remote_of(q);

	if (!q->audit && !query_audit_begin(q, err))
		return false;
	/* With max_rows the rows that were not asked for wait here, not there. */
	struct query_execution all = *how;

	all.max_rows = 0;
	remote->format = how->format;
	if (how->column_formats && !remote->answered && !query_remote_describe(q, err))
		return false;
	keep_formats(q, how->column_formats);
	q->started = ask(q, &all, err);
	return q->started;
}

bool query_remote_check_formats(const struct query *q, const int16_t *wanted, struct error *err)
{
	const struct remote *remote = q->remote;
	bool same = true;

	if (remote->format != QUERY_PG)
		return true;
	for (size_t i = 0; wanted && i < remote->answer.columns.column_count; i++)
		same &= wanted[i] == (remote->column_formats ? remote->column_formats[i] : 0);
	if (same)
		return true;
	error_set(err, FEATURE_NOT_SUPPORTED,
		"the rows of the node %.*s come in the form of the first FETCH",
		SLICE_FMT(q->plan->node));
	return error_hint(err, "Ask for the same formats again, or declare the cursor SCROLL.");
}

static bool take_rows(struct query *q, struct slice payload, struct error *err)
{
	struct remote *remote = q->remote;

	if (payload.len < COUNT_BYTES)
		return error_set(err, PROTOCOL_VIOLATION, "rows came without their number");
	const unsigned char *p = (const unsigned char *)payload.ptr;
	const struct remote_rows said = {.format = remote->format,
		.column_count = remote->answer.columns.column_count,
		.rows = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24};

	remote->left = slice_sub(payload, COUNT_BYTES, payload.len);
	remote->left_rows = said.rows;
	remote->rows += said.rows;
	remote->bytes += remote->left.len;
	return remote_rows_check(remote->left, &said, err);
}

/* Rows of the last frame, at most as many as are wanted still. */
static bool hand_on(
	struct query *q, uint64_t *wanted, const struct query_sink *sink, struct error *err)
{
	struct remote *remote = q->remote;
	uint32_t rows = (uint32_t)min_of((uint64_t)remote->left_rows, *wanted);
	size_t len = rows == remote->left_rows
			     ? remote->left.len
			     : remote_rows_length(remote->left, remote->format, rows);
	struct slice bytes = slice_sub(remote->left, 0, len);

	remote->left = slice_sub(remote->left, len, remote->left.len);
	remote->left_rows -= rows;
	*wanted -= rows;
	q->rows += rows;
	q->bytes += bytes.len;
	return bytes.len == 0 || sink->rows(sink->ctx, bytes, rows, err);
}

/* An answer that lost something on its way is none. */
static bool check_whole(struct query *q, struct slice payload, struct error *err)
{
	struct remote *remote = q->remote;
	scoped(json_drop) json_t *done = json_parse(payload, err);

	if (!done)
		return false;
	if (json_get_i64(done, "rows", -1) == (int64_t)remote->rows &&
		json_get_i64(done, "bytes", -1) == (int64_t)remote->bytes &&
		http_stream_is_whole(remote->stream, remote->deadline_us))
		return true;
	return error_set(err, CONNECTION_FAILURE, "the answer of the node %.*s is not whole",
		SLICE_FMT(q->plan->node));
}

enum step { STEP_MORE, STEP_END, STEP_FAILED };

static enum step take_frame(struct query *q, const struct frame *frame,
	const struct query_sink *sink, struct error *err)
{
	switch (frame->type) {
	case W_DATA: return take_rows(q, frame->payload, err) ? STEP_MORE : STEP_FAILED;
	case W_NOTICE: query_pass_notice(frame->payload, sink); return STEP_MORE;
	case W_DONE: return check_whole(q, frame->payload, err) ? STEP_END : STEP_FAILED;
	default: unexpected(q, frame, err); return STEP_FAILED;
	}
}

bool query_remote_pump(struct query *q, uint64_t max_rows, const struct query_sink *sink,
	enum query_end *end_out, struct error *err)
{
	uint64_t wanted = max_rows ? max_rows : UINT64_MAX;
	enum step step = STEP_MORE;

	while (step == STEP_MORE) {
		struct frame frame = {0};

		if (q->remote->left.len && !hand_on(q, &wanted, sink, err))
			return false;
		if (wanted == 0) {
			*end_out = QUERY_SUSPENDED;
			return true;
		}
		if (!receive(q, &frame, err))
			return false;
		step = take_frame(q, &frame, sink, err);
	}
	*end_out = QUERY_COMPLETE;
	return step == STEP_END;
}

size_t query_remote_explain(
	const struct query *q, struct arena *arena, const struct slice **lines_out)
{
	size_t count = q->remote && q->remote->answered ? q->remote->answer.explain_count : 0;
	struct slice *lines = arena_array_of(arena, struct slice, count + 1);

	lines[0] = arena_printf(arena, "node %.*s runs the whole statement; its answer travels",
		SLICE_FMT(q->plan->node));
	for (size_t i = 0; i < count; i++)
		lines[i + 1] =
			arena_printf(arena, "  %.*s", SLICE_FMT(q->remote->answer.explain[i]));
	*lines_out = lines;
	return count + 1;
}

int64_t query_remote_as_of_us(const struct query *q)
{
	return query_remote_columns(q) ? q->remote->answer.as_of_us : 0;
}
