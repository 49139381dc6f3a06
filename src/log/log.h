#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * Structured events: what happened is a row of events.def, the particulars are typed fields. One
 * line each, JSON (machines) or text (people), written by one write(2). Any thread. A NULL log
 * is silent, so that tests and pure code need none.
 *
 * Secrets: fields whose key names one ("password", "token", "secret", "authorization" …) are never
 * written, and texts are searched for what looks like one (log_redact).
 */
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

enum log_format { LOG_TEXT, LOG_JSON };

enum log_event {
#define EVENT(name, level, event, text) EVENT_##name,
#include "log/events.def"
#undef EVENT
	LOG_EVENT_COUNT
};

struct log_event_row {
	const char *name; /* "server.ready" */
	enum log_level level;
	const char *text; /* one sentence; what the reader should know or do */
};

extern const struct log_event_row log_event_table[LOG_EVENT_COUNT];

/* Who and what a line belongs to; empty ones are left out. All borrowed. */
struct log_context {
	struct slice trace;
	struct slice request;
	struct slice session;
	struct slice query;
	struct slice principal;
	int64_t run; /* 0 = none */
};

enum log_kind { LOG_KIND_TEXT, LOG_KIND_INT, LOG_KIND_REAL, LOG_KIND_BOOL };

struct log_field {
	const char *key;
	enum log_kind kind;
	struct slice text;
	int64_t integer;
	double real;
};

#define log_str(k, s) ((struct log_field){.key = (k), .kind = LOG_KIND_TEXT, .text = (s)})
#define log_cstr(k, c) log_str((k), slice_from_c(c))
#define log_int(k, n) ((struct log_field){.key = (k), .kind = LOG_KIND_INT, .integer = (n)})
#define log_real(k, n) ((struct log_field){.key = (k), .kind = LOG_KIND_REAL, .real = (n)})
#define log_bool(k, b) ((struct log_field){.key = (k), .kind = LOG_KIND_BOOL, .integer = (b)})

struct log;

struct log_config {
	const char *path; /* NULL or "" = stderr */
	enum log_format format;
	enum log_level level;
	const struct clock *clock; /* NULL = the system's */
};

/* 58030 when the file cannot be opened (created 0640, appended to). */
bool log_open(const struct log_config *config, struct log **out, struct error *err) must_check;
void log_close(struct log **log);
/* Opens the file anew, after it was rotated away; keeps the old one when that fails. */
bool log_reopen(struct log *log, struct error *err) must_check;
void log_set_level(struct log *log, enum log_level level);
/* Whether an event would be written: to spare the making of costly fields. */
bool log_wants(const struct log *log, enum log_event event);

/* context may be NULL. Never fails: a line that cannot be written is counted (log_lost). */
void log_write(struct log *log, enum log_event event, const struct log_context *context,
	const struct log_field *fields, size_t field_count);
uint64_t log_lost(const struct log *log);

/* log_say(log, SERVER_READY, &context, log_int("ms", 12), log_cstr("door", "pg")) */
#define log_say(log, event, context, ...)                                                          \
	do {                                                                                       \
		const struct log_field fields_[] = {__VA_ARGS__};                                  \
		log_write((log), EVENT_##event, (context), fields_, array_len(fields_));           \
	} while (0)

/*
 * For lines that strangers can cause: at most LOG_QUOTA_LINES in ten seconds. true = write it;
 * *left_out_out then says how many were not since the last one. Zeroed at first; any thread.
 */
enum { LOG_QUOTA_LINES = 100, LOG_QUOTA_US = 10000000 };

struct log_quota {
	atomic_int_fast64_t window; /* number of the ten seconds that are counted */
	atomic_int_fast64_t written;
	atomic_int_fast64_t left_out;
};
bool log_quota_take(struct log_quota *quota, int64_t mono_us, int64_t *left_out_out) must_check;

/* An error where it stops: its state, text, hint and place of origin as fields, plus `what`. */
void log_failure(struct log *log, enum log_event event, const struct log_context *context,
	const char *what, const struct error *err);

/*
 * Replaces in place what looks like a secret by '*': "user:PASSWORD@" in URLs, the value after
 * password= / token= / secret= / "Bearer ", tokens that start with "weft_", PEM private keys. Also
 * for run logs and error texts of foreign systems. Returns whether something was replaced.
 */
bool log_redact(char *text, size_t len);
/* Whether a key names a secret. */
bool log_key_is_secret(struct slice key);

const char *log_level_name(enum log_level level);
