#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * What a PostgreSQL client says: bytes of one whole message in, a struct out. No sockets. All
 * slices borrow from the message; arrays live in the arena. A body that is too short, too long or
 * holds a text without its NUL fails with 08P01. Source: PostgreSQL 15 documentation, chapter 55.7
 * (message formats); protocol 3.2 only adds longer cancel keys (PostgreSQL 18). Any thread.
 */
enum {
	PG_STARTUP_MAX_BYTES = 10000, /* PostgreSQL's MAX_STARTUP_PACKET_LENGTH */
	PG_STARTUP_MAX_PARAMS = 64,
	PG_CANCEL_KEY_MAX_BYTES = 256,
	PG_PARAMS_MAX = 65535,
};

/* Sticky reader: after a short read every get gives zero; pg_read_end decides. */
struct pg_reader {
	const unsigned char *at;
	size_t left;
	bool failed;
};

struct pg_reader pg_reader_of(struct slice body);
uint8_t pg_get_u8(struct pg_reader *reader);
uint16_t pg_get_u16(struct pg_reader *reader);
uint32_t pg_get_u32(struct pg_reader *reader);
/* Up to the next NUL, without it. */
struct slice pg_get_text(struct pg_reader *reader);
struct slice pg_get_bytes(struct pg_reader *reader, size_t count);
/* True when nothing was missing and nothing is left over. */
bool pg_read_end(const struct pg_reader *reader, const char *message, struct error *err) must_check;

enum pg_startup_kind {
	PG_STARTUP_SESSION,
	PG_STARTUP_SSL,
	PG_STARTUP_GSS,
	PG_STARTUP_CANCEL,
};

struct pg_pair {
	struct slice name;
	struct slice value;
};

struct pg_startup {
	enum pg_startup_kind kind;
	uint16_t minor; /* of protocol 3, as asked for */
	struct pg_pair *params;
	size_t param_count;
	struct slice *unknown_options; /* "_pq_.…": answered by NegotiateProtocolVersion */
	size_t unknown_option_count;
	uint32_t cancel_pid;
	struct slice cancel_key;
};

/* The packet without its length word. 0A000 for another major version, 08P01 for anything
 * malformed. */
bool pg_read_startup(struct arena *arena, struct slice packet, struct pg_startup *out,
	struct error *err) must_check;
/* The value of a start-up parameter, none when absent; the last one counts. */
struct slice pg_startup_param(const struct pg_startup *startup, const char *name);
/*
 * The start-up parameter "options": "-c name=value --name=value", blanks escaped by a backslash
 * (PostgreSQL's pg_split_opts). 22023 for a switch that is neither.
 */
bool pg_read_options(struct arena *arena, struct slice options, struct pg_pair **out,
	size_t *count_out, struct error *err) must_check;

struct pg_parse {
	struct slice name;
	struct slice text;
	uint32_t *oids;
	size_t oid_count;
};

struct pg_bind {
	struct slice portal;
	struct slice statement;
	int16_t *param_formats;
	size_t param_format_count;
	struct slice *values; /* none = NULL */
	size_t value_count;
	int16_t *result_formats;
	size_t result_format_count;
};

/* Describe and Close: 'S' statement or 'P' portal. */
struct pg_target {
	char kind;
	struct slice name;
};

struct pg_execute {
	struct slice portal;
	uint32_t max_rows; /* 0 = all */
};

bool pg_read_parse(
	struct arena *arena, struct slice body, struct pg_parse *out, struct error *err) must_check;
bool pg_read_bind(
	struct arena *arena, struct slice body, struct pg_bind *out, struct error *err) must_check;
bool pg_read_target(struct slice body, struct pg_target *out, struct error *err) must_check;
bool pg_read_execute(struct slice body, struct pg_execute *out, struct error *err) must_check;
/* Query: the text. */
bool pg_read_query(struct slice body, struct slice *out, struct error *err) must_check;
/* SASLInitialResponse; response is none when the client sent none. */
bool pg_read_sasl_initial(struct slice body, struct slice *mechanism_out,
	struct slice *response_out, struct error *err) must_check;
