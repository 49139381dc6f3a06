#pragma once

#include "base/arena.h"
#include "base/slice.h"
#include "policy/policy.h"
#include "server/query.h"

/*
 * The payloads of the query channel (ipc/worker.h) as text. Pure; any thread; everything in the
 * arena.
 */
struct wire_column {
	struct slice name;
	struct slice type;
	struct slice expr; /* the mask; none = the column */
	bool absent;	   /* older files lack it */
	bool other_type;   /* the files hold it in another type */
};

/* A governed table of one statement. */
struct wire_relation {
	struct slice schema;
	struct slice name;
	const struct slice *files;
	size_t file_count;
	int fd_index; /* into the frame's descriptors, -1 = files */
	const struct wire_column *columns;
	size_t column_count;
	struct slice filter; /* none */
	bool barrier;
	const struct slice *conjuncts;
	size_t conjunct_count;
	const struct decision_suppress *suppress; /* NULL = none */
	struct slice own; /* key of the table that the job itself makes; none */
};

/* A table reference whose text changes. */
struct wire_at {
	int64_t location;
	bool clause;	    /* AT (…) is blanked out */
	bool database;	    /* so is the name of the database before the schema */
	struct slice name;  /* none = the name stays */
	struct slice alias; /* none = has one */
};

struct wire_narrow {
	uint64_t memory_bytes;
	int threads;
	const char *spill_dir;
	uint64_t spill_bytes;
	const struct slice *dirs;
	size_t dir_count;
	const struct slice *files;
	size_t file_count;
	const struct principal *principal;
	const char *pseudonym_key; /* 64 hex digits */
	const char *database;
	struct slice time_zone;
};

struct wire_prepare {
	uint64_t key;
	struct slice text;
	const struct wire_relation *relations;
	size_t relation_count;
	const uint32_t *param_oids;
	size_t param_oid_count;
	bool catalogue;
	bool small;
	const struct wire_at *ats;
	size_t at_count;
};

struct wire_execute {
	uint64_t key;
	uint64_t portal;
	const struct query_execution *how;
	size_t column_count; /* entries of how->column_formats */
	const uint32_t *param_oids;
	uint64_t limit_rows;
	uint64_t limit_bytes;
};

struct slice wire_narrow_json(struct arena *arena, const struct wire_narrow *narrow);
struct slice wire_prepare_json(struct arena *arena, const struct wire_prepare *prepare);
struct slice wire_execute_json(struct arena *arena, const struct wire_execute *execute);
/* The member "format" of W_EXECUTE; false for a name of none. */
bool wire_format_read(struct slice name, enum query_format *out) must_check;
/* The relations alone, as a JSON array (jobs take them too). */
struct slice wire_relations_json(
	struct arena *arena, const struct wire_relation *relations, size_t count);
struct wire_fetch {
	uint64_t portal;
	const struct query_more *more;
	size_t column_count; /* entries of more->column_formats */
};
struct slice wire_fetch_json(struct arena *arena, const struct wire_fetch *fetch);
struct slice wire_close_json(struct arena *arena, uint64_t portal);
/* The answer W_PREPARED. XX000 when it is not one. */
struct wire_prepared {
	const struct query_column *columns;
	size_t column_count;
	const uint32_t *params;
	size_t param_count;
};
bool wire_prepared_parse(struct arena *arena, struct slice payload, struct wire_prepared *out,
	struct error *err) must_check;
