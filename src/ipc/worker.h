#pragma once

#include "base/error.h"

/* clang-format off */
/*
 * What server and weft-worker say to each other. One frame = header (struct frame, frame.h) +
 * payload, plus file descriptors where named. Payloads are JSON unless said otherwise; both sides
 * treat them as foreign. The server drives: it sends one request and reads the answer to its end
 * before it sends the next one, but for W_EXECUTE, which may follow W_PREPARE at once: where that
 * fails, both are answered with W_ERROR. Interrupt is a signal (SIGINT by pidfd), never a frame:
 * the answer to the running request is then W_ERROR 57014. A worker that does not answer 500 ms
 * after an interrupt is killed.
 *
 * Zygote channel
 *   W_FORK     server -> zygote  {}                     fds: [child's end of a new query channel]
 *   W_FORKED   zygote -> server  {"pid":n}              fds: [pidfd of the child]
 *
 * Query channel (one worker, one principal, see struct worker_key in server/pool.h)
 *   W_NARROW   -> {"memory_bytes":n,"threads":n,"spill_dir":"/…","spill_bytes":n,
 *                  "read_dirs":["/…"],"read_files":["/…"],
 *                  "attributes":{"country":["DE","FR"]},"groups":["g"],
 *                  "principal":"alice","purpose":"p",
 *                  "pseudonym_key":"64 hex digits","database":"shop","time_zone":"UTC"}
 *              <- W_FINE {} | W_ERROR
 *              Once, before anything else: rlimits, Landlock, seccomp, locked engine. The zone is
 *              the worker's for good (part of its key).
 *   W_PARSE    -> the statement's text, raw bytes
 *              <- W_AST raw JSON of json_serialize_sql | W_ERROR
 *              Read in the dialect of statements (rewrite_dialect), as W_PREPARE and jobs do.
 *   W_PARSE_EXPRESSION
 *              -> a text of sql_expression_statement, read as it is, as views run it
 *              <- W_AST | W_ERROR
 *   W_PARSE_CATALOG
 *              -> a statement that names pg_catalog or information_schema (or may: a bare
 *                 pg_class), raw
 *              <- W_AST of its translation to DuckDB, for sql_inspect | W_ERROR
 *              There the schemas are called __pg_catalog and __information_schema (DuckDB owns the
 *              real names); relations keep the real names.
 *   W_PREPARE  -> {"key":"…","text":"…","relations":[RELATION…],"param_oids":[n…],
 *                  "catalog":bool,"small":bool,"at":[AT…]}
 *                                                       fds: those that relations name
 *              <- W_PREPARED {"columns":[{"name","type","oid","typmod","size"}],"params":[oid…]}
 *                 | W_ERROR
 *              The session catalogue for relations is made (or found again) and the text is
 *              prepared in it. key names it for later W_EXECUTE; the worker keeps the last 64 keys
 *              and answers an unknown one with W_ERROR 26000, upon which the server prepares again.
 *              catalog: the text is translated as in W_PARSE_CATALOG; it is the original one.
 *              small: it has no parameters and gives few rows, and W_EXECUTE follows at once: it
 *              is run right away (engine_run_small), so its errors come here.
 *   W_EXECUTE  -> {"key":"…","portal":n,"format":FORMAT,"column_formats":[0|1…],"options":{…},
 *                  "params":[{"oid":n,"format":0|1,"value":"base64"|null}…],
 *                  "max_rows":n,"limit_rows":n,"limit_bytes":n}
 *              <- W_DATA* then W_SUSPENDED (max_rows reached, more may come)
 *                 | W_DONE {"rows":n,"bytes":n} | W_ERROR
 *              max_rows 0 = all. limit_*: 0 = none, else 53400 when passed. A worker has at most
 *              one open portal: while one is open W_PREPARE and W_EXECUTE answer 55000, so a
 *              session with an open cursor takes another worker for others.
 *   W_FETCH    -> {"portal":n,"max_rows":n,"column_formats"?:[0|1…]}   <- as W_EXECUTE
 *              column_formats: those of the rows from here on
 *   W_CLOSE    -> {"portal":n}                          <- W_FINE {}
 *   W_DATA     u32 little-endian number of rows, then bytes in the form the client asked for
 *   W_ERROR    {"state":"42703","message":"…","hint":"…","position":n}; texts already cleaned
 *   W_NOTICE   {"message":"…"}; may come before any final answer
 *
 * FORMAT: "pg" (complete DataRow messages), "pg-both" (each row as text and again as binary),
 * "copy-text", "copy-csv", "copy-binary" (complete CopyData messages; options header, delimiter,
 * null, quote, escape), "json", "ndjson", "csv", "arrow" (IPC stream), "parquet" (a file's bytes).
 *
 * AT: {"location":n,"clause"?,"database"?,"name"?:"orders@3","alias"?:"orders"}, one per table
 * reference whose text changes.
 *   location   its byte offset (sql_table.location)
 *   clause     it has an AT clause, which is blanked out
 *   database   its name begins with the database's, which is blanked out
 *   name       the relation's name to read instead, for a table used at several versions
 *   alias      added behind it when the reference has none
 *
 * RELATION, one per governed table of the statement (and version); the worker composes the view
 * (engine/barrier.c):
 *   schema, name
 *   files      absolute paths; or
 *   fd         index into the frame's fds: an Arrow IPC stream with the rows
 *   columns    [{"name","type","expr"?,"absent"?,"cast"?}], what SQL sees, in order (with fd an
 *              empty list means all columns of the stream); type in DuckDB's spelling; expr: the
 *              mask (SQL over the file's columns), none = the column; absent: older files lack it,
 *              give NULL; cast: the files hold it in another type
 *   filter     row filter over the file's columns, none = all rows; may call attribute('x')
 *              (VARCHAR[]), principal(), purpose(), in_group('g')
 *   barrier    the files hold hidden rows: OFFSET 0 and the opaque function
 *   conjuncts  ["sql"…], leak-proof conjuncts of the user's, put beside the filter
 *   min_group  0, or: only rows of cells of so many rows (policy "suppress"); then with
 *              group_by ["column"…], rows alike in all of them make a cell, and
 *              subjects ["column"…], of each a cell needs as many distinct values
 *   own        in jobs, "orders@1": the files of the job's own table with this key, made before
 *
 * Job channel (a `weft-worker job` process of its own, one job, network and staging folder as told)
 *   W_JOB      -> {"kind":…}, see worker/job.h
 *   W_PROGRESS <- {"step":"…","table":"…","rows":n,"bytes":n,"total_rows":n|null}, every 200 ms
 *   W_LOG      <- {"level":"info","message":"…"}, becomes the run's log
 *   W_RESULT   <- per kind | W_ERROR
 */
/* clang-format on */
enum worker_frame {
	W_FORK = 1,
	W_FORKED,
	W_NARROW,
	W_FINE,
	W_PARSE,
	W_AST,
	W_PREPARE,
	W_PREPARED,
	W_EXECUTE,
	W_FETCH,
	W_CLOSE,
	W_DATA,
	W_SUSPENDED,
	W_DONE,
	W_ERROR,
	W_NOTICE,
	W_JOB,
	W_PROGRESS,
	W_LOG,
	W_RESULT,
	W_PARSE_CATALOG,
	W_PARSE_EXPRESSION,
};

/* Whether a query worker ends after it said W_ERROR with this state: its engine may be broken, or
 * its address space so cut up that every later statement would fail, too. The server takes another.
 */
static inline bool worker_ends_after(enum sqlstate state)
{
	return state == SQLSTATE_INTERNAL_ERROR || state == SQLSTATE_OUT_OF_MEMORY;
}
