#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/map.h"
#include "base/slice.h"

/*
 * The Delta Lake transaction log, as other engines read it:
 * https://github.com/delta-io/delta/blob/master/PROTOCOL.md. Protocol reader 1 / writer 2; a table
 * with a TIMESTAMP without zone needs the feature timestampNtz and so reader 3 / writer 7. This
 * folder makes and reads log text and puts it in place; Parquet bytes, those of checkpoints too,
 * are a worker's. Any thread.
 */
struct delta_column {
	struct slice name;
	struct slice type; /* DuckDB spelling, as Weft shows it */
	struct slice comment;
};

struct delta_partition {
	struct slice column;
	struct slice value; /* as the protocol serialises it; none = NULL */
};

/* A data file. path is relative to the table's folder and not URI-encoded. */
struct delta_file {
	struct slice path;
	int64_t bytes;
	int64_t modified_ms;
	struct slice stats; /* JSON: numRecords, minValues, maxValues, nullCount; none */
	struct slice hash;  /* "blake2b:…", kept in tags; none */
	const struct delta_partition *partitions;
	size_t partition_count;
	struct slice action; /* set by replay: the add action, JSON, as checkpoints have it */
};

/* Types: what is stored in the file for a type that Delta lacks ("UUID" -> "VARCHAR"), the type
 * itself for others. Readers of ours cast back; the type is kept in the column's metadata as
 * "weft.type". In the arena. */
struct slice delta_storage_type(struct arena *arena, struct slice type);
/* "struct<…>" as schemaString wants it: JSON text. XX000 never; 22023 for a type that cannot be
 * stored. */
bool delta_schema_string(struct arena *arena, const struct delta_column *columns, size_t count,
	struct slice *out, struct error *err) must_check;

/* One commit: what one publish does to one table. */
struct delta_commit {
	int64_t timestamp_ms;
	struct slice operation; /* "WRITE", "MERGE", "DELETE", "OPTIMIZE" */
	struct slice
		txn_app; /* with txn_version: makes the commit recognisable after a crash; none */
	int64_t txn_version;
	bool with_metadata;    /* first commit, or the schema changed */
	struct slice table_id; /* UUID, the same for the table's life */
	struct slice name;
	struct slice description;
	int64_t created_ms;
	const struct delta_column *columns;
	size_t column_count;
	const struct slice *partition_columns;
	size_t partition_column_count;
	const struct delta_file *adds;
	size_t add_count;
	const struct delta_file *removes; /* path, bytes and partitions are used */
	size_t remove_count;
};

/* The text of the version's file: one action a line. */
bool delta_commit_text(struct arena *arena, const struct delta_commit *commit, struct slice *out,
	struct error *err) must_check;

enum delta_put {
	DELTA_PUT_DONE,
	DELTA_PUT_EXISTS, /* the version is taken, by this commit before a crash or by somebody else
			   */
	DELTA_PUT_FAILED, /* err is set; nothing is visible */
};

/* Puts _delta_log/<version>.json if it is absent: written beside, synced, linked into place, folder
 * synced. Makes the folder when version is 0. */
enum delta_put delta_put(
	const char *table_dir, int64_t version, struct slice text, struct error *err) must_check;

/* Whether the commit of a version is there and has this txn action. */
bool delta_is_ours(const char *table_dir, int64_t version, struct slice txn_app,
	int64_t txn_version, bool *ours_out, struct error *err) must_check;
/* Removes a commit of ours that must not stay because its publish failed. Another's commit, or
 * none, is left alone; 55000 when a later version stands on it. */
bool delta_take_back(const char *table_dir, int64_t version, struct slice txn_app,
	int64_t txn_version, struct error *err) must_check;

/* What the log says of a path: the last action on it wins. A file that was removed leaves a
 * tombstone, for as long as a reader may still hold an older version. */
struct delta_entry {
	bool visible;
	struct delta_file file; /* when it is visible */
	int64_t deleted_ms;
	struct slice tombstone; /* the remove action as read, JSON; when it is not */
};

/* The state of a table by replay of its log. Text is foreign. */
struct delta_state {
	struct arena *arena;
	int64_t version;       /* -1 = nothing applied */
	struct slice protocol; /* the actions as read, JSON */
	struct slice metadata;
	struct slice schema_string;
	struct slice txn_app; /* of the last commit that had one */
	int64_t txn_version;
	struct map entries; /* path -> struct delta_entry */
	size_t file_count;  /* of those that are visible */
};

void delta_state_init(struct delta_state *state, struct arena *arena);
/* One commit file's text, in order of versions. XX001 naming the line when it is not valid. */
bool delta_state_apply(struct delta_state *state, int64_t version, struct slice text,
	struct error *err) must_check;
/* Into a fresh state: the newest kept copy of a checkpoint, or nothing, then each
 * <table_dir>/_delta_log/<version>.json up to version (-1 = the newest). XX001 for a gap. */
bool delta_state_load(struct delta_state *state, const char *table_dir, int64_t version,
	struct error *err) must_check;

/* Its file_count visible files, by the order in which their paths came first; text is borrowed from
 * the state. */
struct delta_file *delta_state_files(const struct delta_state *state, struct arena *arena);

/* Rows of a classic checkpoint at the state's version, one JSON object a line with the members
 * protocol, metaData, txn, add, remove: a worker writes them as <version>.checkpoint.parquet.
 * Tombstones of files that were removed before expired_ms are left out. */
bool delta_checkpoint_rows(struct arena *arena, const struct delta_state *state, int64_t expired_ms,
	struct slice *out, struct error *err) must_check;
/* The rows beside their checkpoint, as .<version>.checkpoint.ndjson: other readers do not look at
 * it, delta_state_load starts there. */
bool delta_keep_checkpoint_rows(
	const char *table_dir, int64_t version, struct slice rows, struct error *err) must_check;
/* Removes commits and checkpoints that nobody needs who reads from version keep on: all before the
 * newest checkpoint that is not after it. What is left behind by a crash goes the next time. */
bool delta_clean_log(const char *table_dir, int64_t keep, struct error *err) must_check;
/* _last_checkpoint, after the checkpoint's file is in place. rows: of all actions, files: adds. */
bool delta_put_last_checkpoint(const char *table_dir, int64_t version, int64_t rows, int64_t files,
	struct error *err) must_check;
