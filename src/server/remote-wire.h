#pragma once

#include "base/json.h"
#include "policy/policy.h"
#include "server/query.h"
#include "server/wire.h"

/*
 * A statement on its way to the node that holds the data (POST /mesh/v1/query), and the answer on
 * its way back. Pure; any thread; both sides treat what comes as foreign.
 *
 * Request: {"statement","principal","groups":[…],"attributes":[{"name","type","values":[…]}],
 *  "purpose","session","request_id","time_zone","search_path":[…],"param_oids":[n…],"as_of",
 *  "timeout_ms","execute":null or as W_EXECUTE in ipc/worker.h}. It is bound to the node's token
 * (mesh/token.h) by its digest: who asks what for whom is signed as a whole.
 *
 * Answer: frames of u32 little-endian length, u8 type (enum worker_frame), three zero bytes, then
 * the payload. W_PREPARED first, with members "notices", "explain", "as_of_us" and "pin_us" besides
 * columns and params; then, when it was to be executed, W_DATA (u32 rows, bytes) and W_NOTICE
 * until W_DONE {"rows","bytes"}, by which it shows that it is whole. W_ERROR instead of any.
 */
struct remote_ask {
	struct principal principal; /* by its name at the asking node */
	struct slice text;
	struct slice session;
	struct slice request_id;
	struct slice time_zone;
	struct slice as_of;
	const struct slice *search_path;
	size_t search_path_count;
	const uint32_t *param_oids;
	size_t param_oid_count;
	int64_t timeout_ms;
	bool execute;
	struct query_execution how;
	size_t format_count; /* of how.column_formats */
};
struct slice remote_ask_print(struct arena *arena, const struct remote_ask *ask);
/* 08P01. In the arena. */
bool remote_ask_read(struct arena *arena, const json_t *json, struct remote_ask *out,
	struct error *err) must_check;

struct remote_answer {
	struct wire_prepared columns;
	const struct slice *notices;
	size_t notice_count;
	const struct slice *explain;
	size_t explain_count;
	int64_t as_of_us; /* query_as_of_us */
	int64_t pin_us;	  /* as as_of, it gives the same versions again of all tables */
};
struct slice remote_answer_print(struct arena *arena, const struct remote_answer *answer);
bool remote_answer_read(struct arena *arena, struct slice payload, struct remote_answer *out,
	struct error *err) must_check;

enum { REMOTE_HEAD_BYTES = 8, REMOTE_FRAME_MAX_BYTES = 64 << 20 };
void remote_head_write(unsigned char *head, uint8_t type, size_t len);
/* 08P01 when it is none. */
bool remote_head_read(const unsigned char *head, uint8_t *type_out, size_t *len_out,
	struct error *err) must_check;

struct slice remote_error_print(struct arena *arena, const struct error *err);
/* Always false, err set. */
bool remote_error_read(struct slice payload, struct error *err);

/*
 * Rows that another node made go to the client as they are, so they must be what they should:
 * whole messages of the format, each with the columns that were announced, as many as was said.
 * 08P01 otherwise. Formats that are one body (JSON, CSV, Arrow, Parquet) have nothing to check.
 */
struct remote_rows {
	enum query_format format;
	size_t column_count;
	uint32_t rows;
};
bool remote_rows_check(
	struct slice bytes, const struct remote_rows *said, struct error *err) must_check;
/* The first `rows` rows (at most) of checked bytes. */
size_t remote_rows_length(struct slice bytes, enum query_format format, uint64_t rows);

/* Whether a type that a node announced is the name of one in DuckDB's spelling, and nothing else
 * that SQL would read besides. Pure. */
bool remote_type_is_sound(struct slice type);
