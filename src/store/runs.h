#pragma once

#include "store/store.h"

/* Runs, their logs and check results. States go only forward: queued → running → publishing →
 * succeeded | failed | cancelled. */
enum run_state {
	RUN_QUEUED,
	RUN_RUNNING,
	RUN_PUBLISHING,
	RUN_SUCCEEDED,
	RUN_FAILED,
	RUN_CANCELLED,
};

const char *run_state_name(enum run_state state);

struct run_row {
	int64_t id;
	struct slice product; /* "sales.orders" */
	struct slice mode;    /* "normal", "full", "check" */
	struct slice trigger; /* "manual", "apply", "schedule", "upstream", "retry" */
	struct slice reason;  /* one sentence */
	struct slice by;      /* principal, or "weft" */
	enum run_state state;
	int attempt;	  /* 1, 2, … */
	int64_t retry_of; /* id of the first attempt; 0 = this is it */
	int64_t queued_us;
	int64_t not_before_us; /* back-off: do not start earlier; 0 */
	int64_t started_us;
	int64_t ended_us;
	int64_t rows;
	int64_t bytes;
	int64_t version;	  /* that it published; 0 = none */
	struct slice error_state; /* "58030"; none */
	struct slice error_message;
	struct slice error_hint;
};

/* id, state, times of row are set by the store; *id_out. */
bool store_runs_add(struct store *store, const struct run_row *run, int64_t *id_out,
	struct error *err) must_check;
/* From one of the states of the mask (1 << RUN_…) to another, with the time; *moved_out false when
 * it was in none of them. */
bool store_runs_move(struct store *store, int64_t id, unsigned from, enum run_state to,
	bool *moved_out, struct error *err) must_check;
/* Ends it: FAILED or CANCELLED with err's text (NULL = none), or SUCCEEDED for mode "check". */
bool store_runs_end(struct store *store, int64_t id, enum run_state state, const struct error *why,
	struct error *err) must_check;
bool store_runs_progress(
	struct store *store, int64_t id, int64_t rows, int64_t bytes, struct error *err) must_check;
/* *found_out false: no such run. */
bool store_runs_get(struct store *store, int64_t id, struct arena *arena, struct run_row *out,
	bool *found_out, struct error *err) must_check;

struct run_filter {
	struct slice product; /* none = all */
	unsigned states;      /* mask; 0 = all */
	int64_t before_id;    /* paging; 0 = from the newest */
	int64_t limit;	      /* 0 = 1000 */
};
/* Newest first. */
bool store_runs_list(struct store *store, const struct run_filter *filter, struct arena *arena,
	struct run_row **out, size_t *count_out, struct error *err) must_check;
/* After a restart: running ones are failed (57P02, "the node was stopped"), queued ones stay.
 * Publishing ones are left for the intents. */
bool store_runs_recover(struct store *store, int64_t *failed_out, struct error *err) must_check;
/* Keeps the newest `keep` ended runs of each product with their logs and checks. */
bool store_runs_trim(struct store *store, int64_t keep, struct error *err) must_check;

struct run_log_row {
	int64_t run;
	int64_t number; /* 1, 2, … within the run */
	int64_t time_us;
	struct slice level; /* "info" */
	struct slice message;
};

struct run_log_list {
	struct run_log_row *items;
	size_t count;
};
bool run_logs_add(struct store *store, int64_t run, struct slice level, struct slice message,
	struct error *err) must_check;
/* run 0 = of all runs; after_number of the run. In order. */
bool run_logs_list(struct store *store, int64_t run, int64_t after_number, struct arena *arena,
	struct run_log_list *out, struct error *err) must_check;

struct check_row {
	int64_t run;
	struct slice product;
	struct slice table; /* "orders@1" */
	struct slice name;
	struct slice column;	/* none = of the table */
	struct slice dimension; /* "completeness"; none */
	struct slice severity;	/* "error", "warning" */
	bool ok;
	struct slice value;    /* what was measured, as text; none */
	struct slice expected; /* "<= 5 %"; none */
	struct slice message;
	int64_t failing_rows;	   /* -1 = not counted */
	struct slice failing_path; /* Parquet file for the owners; none */
	int64_t time_us;
};
/* All of one run at once. */
bool checks_add(struct store *store, const struct check_row *checks, size_t check_count,
	struct error *err) must_check;
/* run 0 = of the newest CHECKS_OF_RUNS; newest run first. */
enum { CHECKS_OF_RUNS = 20000 };
bool checks_list(struct store *store, int64_t run, struct arena *arena, struct check_row **out,
	size_t *count_out, struct error *err) must_check;
struct check_table {
	struct slice product; /* "sales.orders" */
	struct slice table;   /* "orders@1" */
};
/* Those of one table that kept failing rows, newest run first. */
bool checks_failing(struct store *store, const struct check_table *of, struct arena *arena,
	struct check_row **out, size_t *count_out, struct error *err) must_check;
