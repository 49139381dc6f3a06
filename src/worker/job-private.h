#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/session.h"
#include "ipc/frame.h"

/* A job under way. One thread. */
struct job {
	struct channel *channel;
	struct arena *arena;
	struct engine *engine;
	struct session *session; /* transforms: governed relations */
	json_t *spec;		 /* W_JOB */
	struct slice kind;
	struct slice staging;
	const json_t *made;  /* tables of the result so far */
	int64_t progress_us; /* monotonic time of the last progress frame */
};

struct job_column {
	struct slice name;
	struct slice type;   /* DuckDB spelling, as SQL shows it */
	struct slice stored; /* as it lies in the files */
	bool required;
	bool unique;
	int key; /* position in the primary key, 0 = no part */
};

struct job_columns {
	struct job_column *items;
	size_t len;
	size_t cap;
};

#define JOB_FILE_COLUMN "weft file"

/* What a table is made from: a relation that can stand in FROM, with its columns. */
struct load {
	struct slice from;    /* SQL */
	struct slice located; /* the same with the column JOB_FILE_COLUMN; none = no files */
	bool in_session;      /* it names governed relations: prepared in the session catalogue */
	struct job_columns columns;
	struct slice cursor; /* highest cursor value; none */
	/* How CSV writes them, for strptime; none = ISO 8601 */
	struct slice date_format;
	struct slice timestamp_format;
};

/* A table of the job: what the contract wants, and what became of it. */
struct job_table {
	struct job *job;
	json_t *spec;
	struct slice name;
	struct job_columns columns; /* grows by drift "add" */
	struct slice dir;	    /* staging/<name> */
	json_t *files;		    /* result, new reference held by the table's result */
	json_t *keep;
	int64_t rows;
	int64_t bytes;
};

/* Messages to the server; a lost channel ends the job soon enough, so failures are not reported. */
void job_log(struct job *job, const char *level, const char *fmt, ...) printf_like(3, 4);
/* At most every 200 ms, but always when the step changed (force). total < 0 = not known. */
void job_progress(struct job *job, const char *step, struct slice table, int64_t rows,
	int64_t total, bool force);

/* SQL text of a list of paths: ['/a','/b']. */
void job_add_paths(struct str *sql, const json_t *paths, const char *member);
/* Runs a statement and gives its single value as text; none = NULL or no row. */
bool job_value(struct job *job, struct slice sql, struct slice *out, struct error *err) must_check;
/* Names and types of what a SELECT gives. */
bool job_describe(
	struct job *job, struct slice from, struct job_columns *out, struct error *err) must_check;
const struct job_column *job_find(const struct job_columns *columns, struct slice name);

/* job-source.c: makes the load for an ingest. */
bool job_open_source(struct job_table *table, struct load *out, struct error *err) must_check;
/* Folders and files that the source needs to be read, for the sandbox. 42501 outside source_dirs.
 */
bool job_source_paths(struct job *job, const json_t *source, struct slice **paths, size_t *count,
	struct error *err) must_check;
bool job_source_is_remote(const json_t *source);

/* job-file.c: a web source into the staging folder. */
struct job_fetch {
	const json_t *source;
	struct slice name;	   /* of the table */
	struct slice certificates; /* none = the machine's */
	void (*progress)(void *ctx, int64_t rows, int64_t total);
	void *ctx;
};
bool job_fetch(struct job *job, const struct job_fetch *fetch, struct slice *path_out,
	struct error *err) must_check;
/* 22021 naming the text file that is not UTF-8 but one of its wider forms, 22000 one that is empty
 * or packed and cut; in JSON a byte order mark too. path may be a glob. */
bool job_check_text(struct job *job, struct slice path, bool json, struct error *err) must_check;

/* job-cast.c: casts that lose nothing. The value of a column as its contract types it, as SQL. */
void job_add_cast(struct str *sql, const struct load *load, const struct job_column *column);
/* Which column holds a value that does not fit its type, in which row; leaves err alone when none
 * is found. */
void job_explain_misfit(struct job_table *table, const struct load *load, struct error *err);
/* job-narrow.c: gives up everything but what the job's frame names. Once, before any work. */
bool job_narrow(struct job *job, struct error *err) must_check;
/* job-describe.c: adds bytes, rows, stats, partition and hash of the written file to entry. */
bool job_describe_file(
	struct job_table *table, struct slice path, json_t *entry, struct error *err) must_check;
/* job-write.c: drift, casts, merge, files. */
bool job_write_table(struct job_table *table, struct load *load, struct error *err) must_check;
/* Keeps every file of the last version, with its rows. */
void job_keep_previous(struct job_table *table);
bool job_has_key(const struct job_table *table);
/* job-check.c: results of all checks over the table's files, as a JSON array (new reference). */
bool job_check_table(struct job_table *table, json_t **out, struct error *err) must_check;
/* FROM text over the table's files, kept ones included. */
struct slice job_files_from(struct job_table *table);
