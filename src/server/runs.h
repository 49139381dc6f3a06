#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/slice.h"

/*
 * Runs: one execution of a product's pipeline each, in a `weft-worker job` process of its own, from
 * a queue with limits per domain and in total. Owners of the product's domain and administrators
 * may start, cancel, retry and read; to all others a run looks absent (42704). Any thread.
 *
 * States: queued, running, publishing, succeeded, failed, cancelled. Only failed and cancelled can
 * be retried.
 */
struct server;
struct auth_identity;
struct runs;

enum run_mode {
	RUN_NORMAL, /* as the pipeline says: incremental where it is */
	RUN_FULL,   /* everything anew */
	RUN_CHECK,  /* only the checks, on the version that is served */
};

/* 42704 unknown product; 53400 when the domain's queue is full. Joins a queued run of the same
 * product and mode instead of adding one. */
bool run_start(struct server *server, const struct auth_identity *identity, struct slice product,
	enum run_mode mode, int64_t *run_out, struct error *err) must_check;
bool run_cancel(struct server *server, const struct auth_identity *identity, int64_t run,
	struct error *err) must_check;
bool run_retry(struct server *server, const struct auth_identity *identity, int64_t run,
	int64_t *run_out, struct error *err) must_check;

/* {"id","product","mode","state","attempt","reason","started","ended","rows","bytes","version",
 *  "error":{"state","message","hint"}|null,
 *  "checks":[{"name","table","ok","severity","value","message"}]}
 */
bool run_get(struct server *server, const struct auth_identity *identity, int64_t run, json_t **out,
	struct error *err) must_check;

/* An event as it goes to a watcher, all JSON objects with "run" and "event":
 *  "state" {"state"}, "progress" {"step","table","rows","bytes","total_rows"}, "log"
 * {"level","message", "time"}, "check" {"name","table","ok","severity","message"}, "end" (as
 * run_get). false = stop watching. */
typedef bool (*run_watch_fn)(void *ctx, const json_t *event);
/* What was logged so far, then live events until the run ended ("end" is the last one), the
 * callback said stop, or timeout_ms passed without any event (0 = wait for ever). Without follow:
 * only what is there. Called on this thread. */
struct run_watch {
	const struct auth_identity *identity;
	int64_t run;
	bool follow;
	int timeout_ms; /* without any event; 0 = none */
	run_watch_fn fn;
	void *ctx;
};
bool run_watch(struct server *server, const struct run_watch *watch, struct error *err) must_check;

/* Rows that failed the checks of a run: [{check…, "columns":[…],"rows":[{…}…]}], at most limit rows
 * per check. Owners only: administrators manage the node, they do not read its data. */
bool run_failures(struct server *server, const struct auth_identity *identity, int64_t run,
	int limit, json_t **out, struct error *err) must_check;
