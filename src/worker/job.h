#pragma once

/*
 * One job, one process: `weft-worker job` reads one W_JOB frame from descriptor 3 (ipc/worker.h),
 * narrows itself, works, and answers W_PROGRESS and W_LOG as it goes and one W_RESULT or W_ERROR at
 * its end. It writes only below "staging". Secrets come in the frame and go nowhere else.
 *
 * W_JOB, every kind
 *   kind          "ingest", "transform", "check", "checkpoint"
 *   product, run  for messages
 *   staging       absolute, must exist; spill: absolute or absent
 *   memory_bytes, threads
 *   source_dirs   local files must lie below one of these, links resolved
 *   download      {networks [CIDR…], max_bytes, timeout_ms}: web sources
 *   attributes, groups, principal, purpose, database, pseudonym_key    as in W_NARROW, transform
 *   tables        [TABLE…]: ingest, transform, check
 *   rows_file     checkpoint: the log's rows as NDJSON (delta_checkpoint_rows)
 *
 * TABLE, those first that others are made of
 *   name, key     key: "orders@1"
 *   columns       [{name, type, required, unique, key}]: the contract; type in DuckDB's spelling,
 *                 key the position in the primary key or 0
 *   partition_by  [column…]
 *   previous      [{path, rows}]: files of the version that is served, for merge and check
 *   checks        [{id, name, type "library" | "sql", metric, column | null, operator, value,
 *                 value_high, percent, arguments, query, severity}]
 *   ingest:       mode "full" | "incremental"; cursor {column, value | null}; drift "fail" |
 *                 "ignore" | "add"; source {connector, settings, secrets, object | null,
 *                 query | null}
 *   transform:    sql; relations [RELATION…] as in ipc/worker.h, with files
 *
 * W_RESULT of ingest, transform, check: {tables: […]}, each
 *   name, rows, bytes
 *   columns       [{name, type, stored}]: what the files hold; longer than the contract after
 *                 drift "add"; stored differs where Delta lacks the type
 *   files         [{path, bytes, rows, stats, hash, partition {column: value | null}}]: path
 *                 relative to staging, ready to be moved; stats is Delta's JSON text
 *   keep          [path…]: previous files that stay part of the table (full: none)
 *   cursor        the new value | null
 *   checks        [{id | null, name, severity, ok, value | null, message, failing_file | null,
 *                 failing_rows}]: id null for what the schema promises by itself
 * (required-<column>, unique-<column>, primary-key-<table>). A rule that cannot be computed has ok
 *                 false and says why. Failing rows: at most 1000, path relative to staging,
 *                 failed_run and failed_check before their own columns.
 * "checkpoint" -> {path "checkpoint.parquet", rows}
 *
 * W_ERROR: 08001 the source cannot be reached, 28000 it refuses us, 42P01 and 42703 what is asked
 * for is not there, 22xxx a value does not fit (names column and row), 53100 disk full, 57014
 * cancelled.
 */
#include "ipc/frame.h"

/* main() of the job; the exit status. The channel is descriptor 3. */
int job_main(struct channel channel);
