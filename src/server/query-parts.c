/*
 * A statement over several nodes: each other node is asked for its tables' rows (govern-part.c),
 * all nodes at once, and the worker here makes tables of them. A part is a query of its own that
 * goes whole to its node (query-remote.c): what that decides, and what cancels and ends it, is the
 * same. Its rows wait in a file without a name until all are there, so that no worker is held
 * meanwhile and a part of an answer is never taken for the whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tmpfile.h"
#include "catalog/model.h"
#include "server/query-private.h"
#include "server/remote-wire.h"
#include "server/server-private.h"

enum { NODES_MAX = 64, MS_US = 1000 };

/* The parts of one node, in one thread: they read it as of one time. */
struct node_parts {
	struct query *query; /* of the statement */
	struct slice node;
	struct query_snapshot snapshot; /* of this node alone */
	pthread_t thread;
	bool describe; /* columns only */
	bool ok;
	struct error err;
};

/* What a part was, for EXPLAIN ANALYZE. */
struct part_report {
	uint64_t rows;
	uint64_t bytes;
	int64_t took_us;     /* from the request to the last row */
	struct slice *lines; /* what its node says */
	size_t line_count;
};

/* What is there of a statement's parts, in the order of plan->parts. */
struct query_parts {
	struct query **queries; /* under query->lock; NULL = not begun */
	int *files;		/* -1 = none */
	struct part_report *reports;
	bool reported;
	_Atomic uint64_t bytes; /* of all files */
	struct node_parts *nodes;
	size_t node_count;
};

static struct query_parts *parts_of(struct query *q)
{
	size_t count = q->plan->part_count;

	if (q->parts)
		return q->parts;
	q->parts = arena_new_of(q->arena, struct query_parts);
	q->parts->queries = arena_array_of(q->arena, struct query *, count);
	q->parts->files = arena_array_of(q->arena, int, count);
	q->parts->reports = arena_array_of(q->arena, struct part_report, count);
	q->parts->nodes = arena_array_of(q->arena, struct node_parts, count);
	for (size_t i = 0; i < count; i++)
		q->parts->files[i] = -1;
	return q->parts;
}

void query_parts_stop(struct query *q)
{
	for (size_t i = 0; q->parts && i < q->plan->part_count; i++)
		if (q->parts->queries[i])
			query_cancel(q->parts->queries[i]);
}

void query_parts_end(struct query *q)
{
	for (size_t i = 0; q->parts && i < q->plan->part_count; i++) {
		pthread_mutex_lock(&q->lock);
		struct query *part = take(q->parts->queries[i]);

		pthread_mutex_unlock(&q->lock);
		query_part_close(&part);
		if (q->parts->files[i] >= 0)
			close(q->parts->files[i]);
		q->parts->files[i] = -1;
	}
	if (q->parts)
		q->parts->bytes = 0;
}

static bool open_part(struct node_parts *n, size_t index, struct error *err)
{
	struct query *q = n->query;
	struct query *part = query_part_open(q, &q->plan->parts[index], &n->snapshot);

	pthread_mutex_lock(&q->lock);
	q->parts->queries[index] = part;
	bool cancelled = atomic_load(&q->cancelled);

	pthread_mutex_unlock(&q->lock);
	return !cancelled || query_cancelled_error(q, err);
}

/* What its node says of a part, in words about the user's text. */
static bool fail_part(struct node_parts *n, size_t index, struct error *err)
{
	bool named = err->state == SQLSTATE_UNDEFINED_TABLE ||
		     err->state == SQLSTATE_INSUFFICIENT_PRIVILEGE;

	err->position = named ? n->query->plan->parts[index].position : 0;
	return false;
}

static bool is_mine(const struct node_parts *n, size_t index)
{
	return slice_equal(n->query->plan->parts[index].node, n->node);
}

static bool describe_node(struct node_parts *n, struct error *err)
{
	for (size_t i = 0; i < n->query->plan->part_count; i++)
		if (is_mine(n, i) &&
			(!open_part(n, i, err) ||
				!query_remote_describe(n->query->parts->queries[i], err)))
			return fail_part(n, i, err);
	return true;
}

/* Rows of one part on their way into its file. */
struct filling {
	struct query *query;
	int file;
};

static bool write_rows(void *ctx, struct slice bytes, uint32_t rows, struct error *err)
{
	const struct filling *f = ctx;
	uint64_t most = (uint64_t)f->query->server->config->query_spill_bytes;
	size_t done = 0;

	(void)rows;
	if (atomic_fetch_add(&f->query->parts->bytes, bytes.len) + bytes.len > most && most) {
		error_set(err, LIMIT_EXCEEDED, "the rows of other nodes are more than %llu bytes",
			(unsigned long long)most);
		return error_hint(err, "Read fewer of them, or raise query.spill.");
	}
	while (done < bytes.len) {
		ssize_t n = write(f->file, bytes.ptr + done, bytes.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, errno, "keep rows of another node");
		done += (size_t)n;
	}
	return true;
}

static bool open_file(struct query *q, int *out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();

	return tmpfile_open(arena_printf(arena, "%s/spill", q->server->data_dir).ptr, out, err);
}

static bool fill_part(
	struct node_parts *n, size_t index, const struct query_execution *how, struct error *err)
{
	struct query_parts *parts = n->query->parts;
	struct filling filling = {.query = n->query};
	const struct query_sink sink = {.rows = write_rows, .ctx = &filling};
	enum query_end end;
	uint64_t rows = 0;

	if (!open_file(n->query, &parts->files[index], err))
		return false;
	filling.file = parts->files[index];
	bool ok = query_run(parts->queries[index], how, &sink, &end, &rows, err);

	parts->reports[index].took_us =
		clock_mono_us(&clock_system) - parts->queries[index]->opened_us;
	return ok;
}

/* All of a node's parts run before the first one is read. */
static bool fetch_node(struct node_parts *n, struct error *err)
{
	static const struct query_execution how = {.format = QUERY_ARROW};
	size_t count = n->query->plan->part_count;

	for (size_t i = 0; i < count; i++)
		if (is_mine(n, i) && (!open_part(n, i, err) ||
					     !query_start(n->query->parts->queries[i], &how, err)))
			return fail_part(n, i, err);
	for (size_t i = 0; i < count; i++)
		if (is_mine(n, i) && !fill_part(n, i, &how, err))
			return fail_part(n, i, err);
	return true;
}

static void *run_node(void *ctx)
{
	struct node_parts *n = ctx;

	n->ok = n->describe ? describe_node(n, &n->err) : fetch_node(n, &n->err);
	if (n->ok)
		return NULL;
	/* Without this one the others are for nothing. */
	pthread_mutex_lock(&n->query->lock);
	query_parts_stop(n->query);
	pthread_mutex_unlock(&n->query->lock);
	return NULL;
}

static bool list_nodes(struct query *q, bool describe, struct error *err)
{
	struct query_parts *parts = parts_of(q);

	parts->node_count = 0;
	for (size_t i = 0; i < q->plan->part_count; i++) {
		struct slice node = q->plan->parts[i].node;
		size_t known = 0;

		while (known < parts->node_count && !slice_equal(parts->nodes[known].node, node))
			known++;
		if (known < parts->node_count)
			continue;
		if (known == NODES_MAX)
			return error_set(err, STATEMENT_TOO_COMPLEX,
				"a statement may read %d other nodes at most", NODES_MAX);
		parts->nodes[parts->node_count++] =
			(struct node_parts){.query = q, .node = node, .describe = describe};
	}
	return true;
}

/* A transaction reads a node as it was at the first statement that asked it. */
static void take_pin(struct query *q, struct node_parts *n)
{
	int64_t us = 0;
	struct slice pin = query_snapshot_pin(q->request.snapshot, n->node);

	query_snapshot_take(q->server, &n->snapshot);
	if (!slice_is_none(pin) && model_time_read(pin, &us))
		query_snapshot_hold(&n->snapshot, n->node, us);
}

static void give_pin(struct query *q, struct node_parts *n)
{
	int64_t us = 0;

	if (model_time_read(query_snapshot_pin(&n->snapshot, n->node), &us))
		query_snapshot_hold(q->request.snapshot, n->node, us);
}

/* The first failure that is no consequence of another one. */
static const struct error *failure_of(const struct query_parts *parts)
{
	const struct error *found = NULL;

	for (size_t i = 0; i < parts->node_count; i++)
		if (!parts->nodes[i].ok && (!found || found->state == SQLSTATE_QUERY_CANCELED))
			found = &parts->nodes[i].err;
	return found;
}

static void run_all(struct query_parts *parts)
{
	bool started[NODES_MAX] = {false};

	/* The last one needs no thread, nor does one for which there is none. */
	for (size_t i = 0; i + 1 < parts->node_count; i++)
		started[i] = pthread_create(&parts->nodes[i].thread, NULL, run_node,
				     &parts->nodes[i]) == 0;
	for (size_t i = 0; i < parts->node_count; i++)
		if (!started[i])
			run_node(&parts->nodes[i]);
	for (size_t i = 0; i < parts->node_count; i++)
		if (started[i])
			pthread_join(parts->nodes[i].thread, NULL);
}

/* What was asked for, of types that there are. */
static bool check_columns(
	const struct plan_part *part, const struct wire_prepared *said, struct error *err)
{
	bool ok = part->column_count == 0 || part->column_count == said->column_count;

	for (size_t i = 0; ok && i < said->column_count; i++)
		ok = remote_type_is_sound(said->columns[i].type) &&
		     (part->column_count == 0 ||
			     slice_equal_nocase(said->columns[i].name, part->columns[i]));
	return ok || error_set(err, PROTOCOL_VIOLATION,
			     "the node %.*s announced other columns than it was asked for",
			     SLICE_FMT(part->node));
}

/* What the client was told of the statement's columns holds for the tables as they were then. */
static bool check_described(
	const struct wire_relation *relation, const struct wire_prepared *said, struct error *err)
{
	bool same = relation->column_count == said->column_count;

	for (size_t i = 0; same && i < said->column_count; i++)
		same = slice_equal(relation->columns[i].name, said->columns[i].name) &&
		       slice_equal(relation->columns[i].type, said->columns[i].type);
	if (same || relation->column_count == 0)
		return true;
	error_set(err, FEATURE_NOT_SUPPORTED, "cached plan must not change result type");
	return error_hint(err, "A product was published anew meanwhile: run it again.");
}

/* The columns that its node announced: the relation's, from now on. */
static bool take_columns(struct query *q, size_t index, struct error *err)
{
	const struct plan_part *part = &q->plan->parts[index];
	const struct wire_prepared *said = query_remote_columns(q->parts->queries[index]);
	struct wire_relation *relation = &q->plan->relations[part->relation];

	if (!check_columns(part, said, err) || !check_described(relation, said, err))
		return false;
	struct wire_column *columns =
		arena_array_of(q->plan->arena, struct wire_column, said->column_count);

	for (size_t i = 0; i < said->column_count; i++)
		columns[i] = (struct wire_column){
			.name = arena_copy(q->plan->arena, said->columns[i].name),
			.type = arena_copy(q->plan->arena, said->columns[i].type)};
	relation->columns = columns;
	relation->column_count = said->column_count;
	return true;
}

static void add_notices(struct query *q, const struct query *part)
{
	struct slice *all =
		arena_array_of(q->arena, struct slice, q->notice_count + part->notice_count);

	for (size_t i = 0; i < q->notice_count; i++)
		all[i] = q->notices[i];
	for (size_t i = 0; i < part->notice_count; i++)
		all[q->notice_count + i] = arena_copy(q->arena, part->notices[i]);
	q->notices = all;
	q->notice_count += part->notice_count;
}

static void report(struct query *q, size_t index, const struct query *part)
{
	struct part_report *r = &q->parts->reports[index];
	const struct slice *lines = NULL;

	r->rows = atomic_load(&part->rows);
	r->bytes = atomic_load(&part->bytes);
	/* The first line says that it runs there. */
	size_t count = query_remote_explain(part, q->arena, &lines);

	r->line_count = count - 1;
	r->lines = arena_array_of(q->arena, struct slice, r->line_count);
	for (size_t i = 1; i < count; i++)
		r->lines[i - 1] = arena_copy(q->arena, lines[i]);
}

size_t query_parts_explain(
	const struct query *q, struct arena *arena, const struct slice **lines_out)
{
	size_t count = 0;
	size_t most = 0;
	bool reported = q->parts && q->parts->reported;

	for (size_t i = 0; reported && i < q->plan->part_count; i++)
		most += 1 + q->parts->reports[i].line_count;
	struct slice *lines = arena_array_of(arena, struct slice, most);

	for (size_t i = 0; reported && i < q->plan->part_count; i++) {
		const struct part_report *r = &q->parts->reports[i];

		lines[count++] =
			arena_printf(arena, "node %.*s gave %llu rows, %llu bytes in %.3f ms",
				SLICE_FMT(q->plan->parts[i].node), (unsigned long long)r->rows,
				(unsigned long long)r->bytes, (double)r->took_us / MS_US);
		for (size_t k = 0; k < r->line_count; k++)
			lines[count++] = arena_copy(arena, r->lines[k]);
	}
	*lines_out = lines;
	return count;
}

static bool run_parts(struct query *q, bool describe, struct error *err)
{
	query_parts_end(q);
	if (!list_nodes(q, describe, err))
		return false;
	for (size_t i = 0; i < q->parts->node_count; i++)
		take_pin(q, &q->parts->nodes[i]);
	run_all(q->parts);
	for (size_t i = 0; i < q->parts->node_count; i++) {
		give_pin(q, &q->parts->nodes[i]);
		query_snapshot_drop(q->server, &q->parts->nodes[i].snapshot);
	}
	const struct error *failure = failure_of(q->parts);

	if (!failure)
		return true;
	*err = *failure;
	return atomic_load(&q->cancelled) ? query_cancelled_error(q, err) : false;
}

bool query_parts_describe(struct query *q, struct error *err)
{
	bool ok = run_parts(q, true, err);

	for (size_t i = 0; ok && i < q->plan->part_count; i++)
		ok = take_columns(q, i, err);
	query_parts_end(q);
	return ok;
}

bool query_parts_fetch(struct query *q, struct error *err)
{
	q->notices = q->plan->notices;
	q->notice_count = q->plan->notice_count;
	bool ok = run_parts(q, false, err);

	for (size_t i = 0; ok && i < q->plan->part_count; i++) {
		ok = take_columns(q, i, err);
		add_notices(q, q->parts->queries[i]);
		report(q, i, q->parts->queries[i]);
	}
	if (ok)
		q->parts->reported = true;
	if (!ok)
		query_parts_end(q);
	return ok;
}

void query_parts_attach(struct query *q, int *fds, size_t *fd_count)
{
	for (size_t i = 0; i < q->plan->part_count; i++) {
		struct wire_relation *relation = &q->plan->relations[q->plan->parts[i].relation];
		int file = q->parts ? q->parts->files[i] : -1;

		relation->fd_index = file >= 0 ? (int)*fd_count : -1;
		if (file >= 0)
			fds[(*fd_count)++] = fcntl(file, F_DUPFD_CLOEXEC, 0);
	}
}
