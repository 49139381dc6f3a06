#pragma once

#include "cli/cli.h"
#include "cli/sql-text.h"

/* How statements are run; shared by `weft sql` and its shell. */
struct sql_session {
	struct cli *cli;
	const char *purpose; /* NULL = none */
	int64_t limit;	     /* 0 = none */
	int64_t timeout_ms;  /* 0 = none */
	struct sql_params params;
	bool timing;
	const char *context; /* for prompts; NULL */
};

/* Runs one statement and prints its rows to cli->out in cli->format. */
bool sql_run(struct sql_session *session, struct slice text, struct error *err) must_check;
/* Every statement of a text, in order, until one fails. */
bool sql_run_all(struct sql_session *session, struct slice text, struct error *err) must_check;
