#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "api/request.h"
#include "api/stream.h"
#include "server/query.h"

/*
 * One statement on its way from a request to a stream. Owned by the stream (query_job_free); the
 * producer's thread runs it, the connection's thread may cancel it and reads `settled` fields once
 * the stream has begun.
 */
struct query_job {
	struct arena *arena;
	struct server *server;
	struct auth_identity *identity;
	struct slice request_id;
	struct slice door;
	struct slice text;
	struct slice time_zone;
	struct slice as_of;
	struct query_param *params;
	uint32_t *param_oids;
	size_t param_count;
	int64_t timeout_ms;
	uint64_t limit; /* 0 = all rows */
	enum query_format format;
	struct stream *stream;
	uint64_t bytes; /* sent so far */
	/* settled */
	struct slice *notices;
	size_t notice_count;
	struct slice waited_for; /* set before the first byte; none = it did not wait */
	struct slice snapshot;	 /* text of its time; none = no table was named */
	struct slice columns;	 /* JSON; none when it is too long for a header */
	/* cancel */
	atomic_bool cancelled;
	pthread_mutex_t lock;
	struct query *query; /* under lock */
};

/* For a request's statement; its identity is still to be taken over. */
struct query_job *query_job_new(const struct request *request);
/* Functions of struct stream_options. */
bool query_job_produce(void *ctx, struct stream *stream, struct error *err);
void query_job_cancel(void *ctx);
void query_job_free(void *ctx);
/* "2026-01-31T12:00:00.123456Z", as statements take it for a snapshot. */
struct slice snapshot_text(struct arena *arena, int64_t us);
