#pragma once

#include "base/json.h"
#include "engine/encode.h"
#include "engine/engine.h"
#include "engine/session.h"
#include "ipc/frame.h"
#include "ipc/worker.h"

/* The open answer of this worker; one at a time, since an engine has one connection. */
struct portal {
	bool open;
	int64_t number;
	struct engine_statement *own; /* a statement made for this portal only (Parquet) */
	struct engine_result *result;
	struct encoder *encoder;
	int *column_formats;
	size_t chunk_rows; /* rows of the current chunk, of which chunk_done were encoded */
	size_t chunk_done;
	bool started;
	bool ended;
	uint64_t rows;
	uint64_t bytes;
	uint64_t limit_rows;
	uint64_t limit_bytes;
	int file; /* Parquet: the file that was written, -1 = none */
	uint64_t file_rows;
};

struct query_worker {
	struct engine *engine;
	struct session *session;
	struct engine_statement *parser; /* json_serialize_sql of its parameter; NULL until used */
	struct channel channel;
	struct arena *arena; /* of the current frame */
	struct buffer out;
	struct portal portal;
	char *spill_dir;
	char *database; /* the mesh's name */
	bool narrowed;
};

/* Each answers one frame; false = err is to be sent as W_ERROR. */
bool query_narrow(struct query_worker *worker, const struct frame *frame, struct error *err);
bool query_parse(struct query_worker *worker, const struct frame *frame, struct error *err);
bool query_prepare(struct query_worker *worker, const struct frame *frame, struct error *err);
bool query_execute(struct query_worker *worker, const struct frame *frame, struct error *err);
bool query_fetch(struct query_worker *worker, const struct frame *frame, struct error *err);
bool query_close(struct query_worker *worker, const struct frame *frame, struct error *err);

void portal_close(struct portal *portal);
bool query_send_json(
	struct query_worker *worker, enum worker_frame type, json_t *take, struct error *err);
