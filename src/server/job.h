#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

/*
 * One `weft-worker job` process from its start to its end (worker/job.h). Blocking; the calling
 * thread owns it. The request may hold secrets: it is sent by frame only, never by argument or
 * environment.
 */
struct server;

struct job_call {
	struct server *server;
	const json_t *request;
	int64_t timeout_ms;
	const atomic_bool *cancelled; /* looked at every 200 ms; NULL = never */
	/* Progress and log frames; may be NULL. */
	void (*progress)(void *ctx, const json_t *progress);
	void (*log)(void *ctx, struct slice level, struct slice message);
	void *ctx;
};

/* *out: the W_RESULT. 57014 cancelled or out of time, 57P02 when the process ended unexpectedly,
 * else the job's own error. */
bool job_call(const struct job_call *call, json_t **out, struct error *err) must_check;
