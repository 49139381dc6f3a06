#pragma once

#include "store/store.h"

/*
 * The audit trail: append only, each record bound to the one before by BLAKE2b-256 over its bytes.
 * A statement writes one record before its first row and a second one, the completion, at its end.
 */
struct audit_begin {
	struct slice principal;
	struct slice purpose;
	struct slice door; /* "pg", "http", "cli", "run" */
	struct slice session;
	struct slice request_id;
	struct slice statement;
	struct slice tables;   /* JSON [{"table":"sales.orders","version":3,"columns":[…]}] */
	struct slice decision; /* "allow", "deny"; JSON reasons in details */
	struct slice details;  /* JSON: filters, masks, policy versions */
	int64_t epoch;
};

struct audit_end {
	struct slice outcome; /* "ok", "error", "cancelled" */
	struct slice state;   /* SQLSTATE; none */
	int64_t rows;
	int64_t bytes;
	int64_t duration_us;
};

/* One statement or event, both records joined. */
struct audit_row {
	int64_t id;
	int64_t time_us;
	struct audit_begin begin;
	bool ended;
	struct audit_end end;
};

/* In the file when it returns. */
bool audit_write(struct store *store, const struct audit_begin *begin, int64_t *id_out,
	struct error *err) must_check;
/* Stays in memory until audit_flush, so that no client waits for it; a crash may lose it, and the
 * statement then stands there without an end. */
void audit_complete(struct store *store, int64_t id, const struct audit_end *end);
/* Writes the completions, all in one transaction. On failure they stay for the next time. Reading,
 * verifying, trimming and closing do it first. */
bool audit_flush(struct store *store, struct error *err) must_check;

struct audit_filter {
	struct slice principal; /* none = all */
	struct slice request_id;
	int64_t before_id; /* 0 = from the newest */
	int64_t since_us;
	int64_t limit; /* 0 = 10000 */
};
/* Newest first. */
bool audit_list(struct store *store, const struct audit_filter *filter, struct arena *arena,
	struct audit_row **out, size_t *count_out, struct error *err) must_check;
/* Walks the chain: XX001 naming the first record that does not fit; *records_out counted. */
bool audit_verify(struct store *store, int64_t *records_out, struct error *err) must_check;
/* Drops records before a time; the chain goes on from a noted anchor. */
bool audit_trim(struct store *store, int64_t before_us, struct error *err) must_check;
