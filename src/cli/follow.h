#pragma once

#include "cli/cli.h"
#include "cli/client.h"

/*
 * Watching runs: a line that renews itself on a terminal, a line per step elsewhere. Events as in
 * server/runs.h. Results of all runs are gathered for the exit status: 6 when a check or contract
 * failed, 1 for other failures.
 */
struct follow;

struct follow *follow_new(struct cli *cli);
void follow_free(struct follow **follow);
/* Feeds NDJSON bytes as they come. A struct client_request's data function; ctx is the follow. */
bool follow_data(void *ctx, struct slice bytes, struct error *err);
/* Called with each "end" event and with a first line that is no event (apply's plan). */
void follow_on_plan(
	struct follow *follow, bool (*plan)(void *ctx, json_t *plan, struct error *err), void *ctx);
/* Sets cli->status, prints JSON results with -o json. */
bool follow_finish(struct follow *follow, struct error *err) must_check;
/* Follows one run to its end; 57014 when it goes on at deadline_us of clock_mono_us (0 = never). */
bool follow_run(struct cli *cli, struct follow *follow, int64_t run, int64_t deadline_us,
	struct error *err) must_check;
