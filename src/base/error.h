#pragma once

#include <stdbool.h>

#include "base/attrs.h"

/*
 * Failures (kind 2): `bool f(..., struct error *err) must_check`; false means err is set, once,
 * where it began. Callers pass it on, with error_wrap where a place helps. The struct is inline: it
 * outlives arenas and crosses IPC. Text is for the user: what failed and why; hint says what to do
 * next.
 */
enum sqlstate {
#define SQLSTATE(name, code, exit_status, http_status, meaning) SQLSTATE_##name,
#include "base/sqlstate.def"
#undef SQLSTATE
	SQLSTATE_COUNT
};

struct sqlstate_row {
	const char *name;
	const char code[6];
	int exit_status;
	int http_status;
	const char *meaning;
};

extern const struct sqlstate_row sqlstate_table[SQLSTATE_COUNT];

struct error {
	enum sqlstate state;
	int position; /* 1-based character of the statement, 0 = none */
	char msg[512];
	char hint[256];
	const char *file; /* where it began, for the log only */
	int line;
};

/* Sets state and msg, clears the rest; always returns false, so that `return error_set(...)` reads
 * well. */
bool error_set_at(struct error *err, const char *file, int line, enum sqlstate state,
	const char *fmt, ...) printf_like(5, 6);
#define error_set(err, state, ...)                                                                 \
	error_set_at((err), __FILE__, __LINE__, SQLSTATE_##state, __VA_ARGS__)

/* What to do next; returns false like error_set. */
bool error_hint(struct error *err, const char *fmt, ...) printf_like(2, 3);
/* Puts "place: " before the message; returns false. */
bool error_wrap(struct error *err, const char *fmt, ...) printf_like(2, 3);
/* From errno: ENOSPC and EDQUOT become 53100, others 58030. what is "write /a/b". */
bool error_set_errno_at(struct error *err, const char *file, int line, int errnum, const char *fmt,
	...) printf_like(5, 6);
#define error_set_errno(err, errnum, ...)                                                          \
	error_set_errno_at((err), __FILE__, __LINE__, (errnum), __VA_ARGS__)

/* The row for a five-character code; INTERNAL_ERROR for an unknown one. */
enum sqlstate sqlstate_from_code(const char *code);
