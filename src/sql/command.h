#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * The statements that are not a query: what sessions, drivers and psql send around their SELECTs.
 * Says what a statement is and parses it; whatever is not known here is COMMAND_QUERY and goes to
 * the gate (sql.h) and the engine's own parser, so nothing is allowed by being misread here.
 * Source: PostgreSQL 15 documentation, part VI "SQL Commands". Pure; any thread. Slices borrow from
 * the text or live in the arena.
 */
enum command_kind {
	COMMAND_EMPTY,
	COMMAND_QUERY,
	COMMAND_WRITE,	 /* changes data or objects: 25006 */
	COMMAND_REFUSED, /* administration, files, code: 0A000 */
	COMMAND_SET,
	COMMAND_SET_TRANSACTION,
	COMMAND_SHOW,
	COMMAND_RESET,
	COMMAND_DISCARD,
	COMMAND_BEGIN,
	COMMAND_COMMIT,
	COMMAND_ROLLBACK,
	COMMAND_SAVEPOINT,
	COMMAND_RELEASE,
	COMMAND_ROLLBACK_TO,
	COMMAND_DECLARE,
	COMMAND_FETCH,
	COMMAND_MOVE,
	COMMAND_CLOSE,
	COMMAND_COPY,
	COMMAND_PREPARE,
	COMMAND_EXECUTE,
	COMMAND_DEALLOCATE,
	COMMAND_EXPLAIN,
	COMMAND_LISTEN,
	COMMAND_UNLISTEN,
	COMMAND_CANCEL, /* SELECT pg_cancel_backend(count), pg_terminate_backend: in name */
};

enum command_flags {
	COMMAND_ALL = 1 << 0,	     /* RESET, SHOW, CLOSE, DEALLOCATE, DISCARD ALL */
	COMMAND_LOCAL = 1 << 1,	     /* SET LOCAL */
	COMMAND_DEFAULT = 1 << 2,    /* SET x TO DEFAULT */
	COMMAND_READ_WRITE = 1 << 3, /* BEGIN, SET TRANSACTION */
	COMMAND_READ_ONLY = 1 << 4,
	COMMAND_CHAIN = 1 << 5, /* COMMIT, ROLLBACK AND CHAIN */
	COMMAND_SCROLL = 1 << 6,
	COMMAND_HOLD = 1 << 7,
	COMMAND_BINARY = 1 << 8,
	COMMAND_ANALYZE = 1 << 9,
	COMMAND_NO_SCROLL = 1 << 11,
	COMMAND_SESSION = 1 << 10, /* SET SESSION CHARACTERISTICS AS TRANSACTION */
};

enum command_direction {
	FETCH_FORWARD,	/* count rows, never negative; COMMAND_COUNT_ALL = the rest */
	FETCH_BACKWARD, /* likewise */
	FETCH_ABSOLUTE,
	FETCH_RELATIVE,
};

#define COMMAND_COUNT_ALL INT64_MAX

enum command_copy_format {
	COMMAND_COPY_TEXT,
	COMMAND_COPY_CSV,
	COMMAND_COPY_BINARY,
};

struct command_copy {
	enum command_copy_format format;
	bool header;
	char delimiter;
	char quote;
	char escape;
	struct slice null_text;
	bool force_quote_all;
	struct slice *force_quote; /* column names */
	size_t force_quote_count;
};

/* A constant of EXECUTE's list: NULL is none. quoted: written as a string, so of no type of its
 * own. */
struct command_value {
	struct slice text;
	struct slice type; /* written by a cast; none */
	bool quoted;
};

struct command {
	enum command_kind kind;
	unsigned flags;		/* enum command_flags */
	const char *tag;	/* for CommandComplete and messages: "SET", "CREATE TABLE" */
	struct slice text;	/* the statement, from its first token to its last */
	struct slice name;	/* parameter, savepoint, cursor, prepared statement, channel */
	struct slice isolation; /* BEGIN, SET TRANSACTION: "repeatable read"; none */
	/* The query inside: DECLARE, COPY, PREPARE, EXPLAIN. COPY table becomes "TABLE …" or
	 * "SELECT … FROM …", then query_at is -1. */
	struct slice query;
	int64_t query_at;	      /* its byte offset in text */
	struct command_value *values; /* SET: the list; EXECUTE: arguments */
	size_t value_count;
	struct slice *types; /* PREPARE */
	size_t type_count;
	enum command_direction direction;
	int64_t count;
	struct command_copy copy;
};

/* The statements between semicolons, as they stand; empty ones are left out. 42601 for a text that
 * ends inside a string, name or comment: then the position is that of its start. */
bool command_split(struct arena *arena, struct slice text, struct slice **statements_out,
	size_t *count_out, struct error *err) must_check;
/* One statement without its semicolon. 42601 with a position; 0A000 for options that Weft does not
 * have. */
bool command_parse(struct arena *arena, struct slice statement, struct command *out,
	struct error *err) must_check;
/* 1-based character position of a byte offset, as PostgreSQL counts. */
int command_position(struct slice text, size_t offset);
